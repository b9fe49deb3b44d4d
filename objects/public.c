/* Health and reflection: see public.h. Field numbers are those of the protos beside it (rpc/proto/grpc/) and of
 * google/protobuf/descriptor.proto. */
#include "objects/public.h"

#include <string.h>

#include "rpc/error.h"

enum { SERVING = 1, SERVICE_UNKNOWN = 3 };
enum { NOT_FOUND = 5, UNIMPLEMENTED = 12 };

static bool is(const struct rpc_wire *text, const char *other, size_t size) {
    return rpc_wire_left(text) == size && memcmp(text->at, other, size) == 0;
}

static bool equal(const struct rpc_wire *a, const struct rpc_wire *b) {
    return is(a, (const char *)b->at, rpc_wire_left(b));
}

/* The next field of this number that holds bytes. False: there are no more. */
static bool next(struct rpc_wire *wire, uint32_t number, struct rpc_wire *out) {
    struct rpc_field field;
    while (rpc_wire_left(wire) > 0) {
        if (rpc_wire_field(wire, &field) != 0) return false;
        if (field.number != number || field.type != RPC_WIRE_BYTES_OF) continue;
        *out = field.bytes;
        return true;
    }
    return false;
}

static struct rpc_wire first(struct rpc_wire wire, uint32_t number) {
    struct rpc_wire found = rpc_wire_of("", 0);
    (void)next(&wire, number, &found);
    return found;
}

/* ---------------------------------------------------------------- what there is */

enum { FILE_NAME = 1, FILE_PACKAGE = 2, FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6, DECLARED_NAME = 1 };

static struct rpc_wire all_files(void) {
    return rpc_wire_of(obj_public_protos, obj_public_protos_size);
}

/* Whether symbol is "package.name", or something in it. */
static bool names(const struct rpc_wire *symbol, const struct rpc_wire *package, const struct rpc_wire *name) {
    size_t before = rpc_wire_left(package), size = before + 1 + rpc_wire_left(name), whole = rpc_wire_left(symbol);
    if (whole < size || (whole > size && symbol->at[size] != '.')) return false;
    return memcmp(symbol->at, package->at, before) == 0 && symbol->at[before] == '.' &&
           memcmp(symbol->at + before + 1, name->at, rpc_wire_left(name)) == 0;
}

static bool declares(struct rpc_wire file, const struct rpc_wire *symbol) {
    static const uint32_t kinds[] = {FILE_MESSAGE, FILE_ENUM, FILE_SERVICE};
    struct rpc_wire package = first(file, FILE_PACKAGE), declared;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (struct rpc_wire rest = file; next(&rest, kinds[i], &declared);) {
            struct rpc_wire name = first(declared, DECLARED_NAME);
            if (names(symbol, &package, &name)) return true;
        }
    }
    return false;
}

/* by_name: the file of that name; else the one that declares this symbol. */
static bool find_file(const struct rpc_wire *wanted, bool by_name, struct rpc_wire *out) {
    for (struct rpc_wire rest = all_files(); next(&rest, 1, out);) {
        struct rpc_wire name = first(*out, FILE_NAME);
        if (by_name ? equal(&name, wanted) : declares(*out, wanted)) return true;
    }
    return false;
}

static bool has_service(const struct rpc_wire *name) {
    struct rpc_wire file, service;
    for (struct rpc_wire rest = all_files(); next(&rest, 1, &file);) {
        struct rpc_wire package = first(file, FILE_PACKAGE);
        for (struct rpc_wire inside = file; next(&inside, FILE_SERVICE, &service);) {
            struct rpc_wire own = first(service, DECLARED_NAME);
            if (rpc_wire_left(name) == rpc_wire_left(&package) + 1 + rpc_wire_left(&own) && names(name, &package, &own))
                return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- health */

static int check(enum obj_public_method method, struct rpc_wire request, struct chariot_writer *writer) {
    struct rpc_wire name = first(request, 1);
    bool here = rpc_wire_left(&name) == 0 || has_service(&name);
    if (!here && method == OBJ_PUBLIC_CHECK) return OBJ_PUBLIC_UNKNOWN;
    obj_proto_put_number(writer, 1, here ? SERVING : SERVICE_UNKNOWN);
    return 0;
}

/* ---------------------------------------------------------------- reflection */

enum { ASKS_FILE = 3, ASKS_SYMBOL, ASKS_EXTENSION, ASKS_NUMBERS, ASKS_SERVICES };
enum { GIVES_REQUEST = 2, GIVES_FILE = 4, GIVES_SERVICES = 6, GIVES_ERROR = 7 };

static void put_error(struct chariot_writer *writer, int code, const char *text) {
    size_t error = obj_proto_begin(writer, GIVES_ERROR);
    obj_proto_put_number(writer, 1, (uint64_t)code);
    obj_proto_put_text(writer, 2, text);
    obj_proto_end(writer, error);
}

static void put_file(struct chariot_writer *writer, const struct rpc_wire *wanted, bool by_name) {
    struct rpc_wire file;
    if (!find_file(wanted, by_name, &file)) {
        put_error(writer, NOT_FOUND, by_name ? "there is no such file" : "there is no such symbol");
        return;
    }
    size_t response = obj_proto_begin(writer, GIVES_FILE);
    obj_proto_put_bytes(writer, 1, file.at, rpc_wire_left(&file));
    obj_proto_end(writer, response);
}

static void put_service(struct chariot_writer *writer, const struct rpc_wire *package, const struct rpc_wire *name) {
    char whole[200];
    size_t before = rpc_wire_left(package), after = rpc_wire_left(name);
    if (before + 1 + after > sizeof whole) return;
    memcpy(whole, package->at, before);
    whole[before] = '.';
    memcpy(whole + before + 1, name->at, after);
    size_t service = obj_proto_begin(writer, 1);
    obj_proto_put_bytes(writer, 1, whole, before + 1 + after);
    obj_proto_end(writer, service);
}

static void put_services(struct chariot_writer *writer) {
    struct rpc_wire file, service;
    size_t response = obj_proto_begin(writer, GIVES_SERVICES);
    for (struct rpc_wire rest = all_files(); next(&rest, 1, &file);) {
        struct rpc_wire package = first(file, FILE_PACKAGE);
        for (struct rpc_wire inside = file; next(&inside, FILE_SERVICE, &service);) {
            struct rpc_wire name = first(service, DECLARED_NAME);
            put_service(writer, &package, &name);
        }
    }
    obj_proto_end(writer, response);
}

static int reflect(struct rpc_wire request, struct chariot_writer *writer) {
    struct rpc_field field, asked = {0};
    obj_proto_put_bytes(writer, GIVES_REQUEST, request.at, rpc_wire_left(&request));
    while (rpc_wire_left(&request) > 0) {
        if (rpc_wire_field(&request, &field) != 0) return CHARIOT_EMALFORMED;
        if (field.number >= ASKS_FILE && field.number <= ASKS_SERVICES) asked = field;
    }
    if (asked.number != 0 && asked.type != RPC_WIRE_BYTES_OF) return CHARIOT_EMALFORMED;
    if (asked.number == ASKS_FILE || asked.number == ASKS_SYMBOL)
        put_file(writer, &asked.bytes, asked.number == ASKS_FILE);
    else if (asked.number == ASKS_SERVICES)
        put_services(writer);
    else
        put_error(writer, UNIMPLEMENTED, "there are no extensions");
    return 0;
}

int obj_public_answer(enum obj_public_method method, const void *data, size_t size, struct chariot_writer *writer) {
    struct rpc_wire request = rpc_wire_of(data, size);
    return method == OBJ_PUBLIC_REFLECT ? reflect(request, writer) : check(method, request, writer);
}
