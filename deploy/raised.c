/* deploy/raised.c: see raised.h. The details come from a service and may be anything. */
#include "deploy/raised.h"

#include <stdlib.h>
#include <string.h>

#include "deploy/service.h"
#include "rpc/proto/chariot/v1/object_service.pb-c.h"

static const char TYPE[] = "type.googleapis.com/chariot.v1.ObjectError";

static void print_failure(FILE *out, Chariot__V1__Failure *failure) {
    deploy_service_tame(failure->traceback);
    size_t size = strlen(failure->traceback);
    if (size > 0)
        fprintf(out, "on PE %u:\n%s%s", failure->pe, failure->traceback,
                failure->traceback[size - 1] == '\n' ? "" : "\n");
}

static void print_error(FILE *out, struct rpc_wire bytes) {
    Chariot__V1__ObjectError *error = chariot__v1__object_error__unpack(NULL, rpc_wire_left(&bytes), bytes.at);
    if (error == NULL) return;
    if (error->failure != NULL) print_failure(out, error->failure);
    chariot__v1__object_error__free_unpacked(error, NULL);
}

/* google.protobuf.Any */
static void print_any(FILE *out, struct rpc_wire any) {
    struct rpc_wire type = {0}, value = {0};
    while (rpc_wire_left(&any) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&any, &field) != 0) return;
        if (field.number == 1) type = field.bytes;
        if (field.number == 2) value = field.bytes;
    }
    if (rpc_wire_left(&type) == sizeof TYPE - 1 && memcmp(type.at, TYPE, sizeof TYPE - 1) == 0) print_error(out, value);
}

void deploy_raised_print(FILE *out, const uint8_t *details, size_t size) {
    struct rpc_wire status = rpc_wire_of(details, size);
    while (rpc_wire_left(&status) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&status, &field) != 0) return;
        if (field.number == 3 && field.type == RPC_WIRE_BYTES_OF) print_any(out, field.bytes);
    }
}
