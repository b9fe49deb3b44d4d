/* rpc/grpc_status.c: chariot's errors as gRPC status codes and back. */
#include "rpc/grpc_status.h"

#include <stddef.h>

#include "rpc/error.h"

/* In this order: the first error with a status is the one that the status is turned back into. CANCELLED, INTERNAL and
 * UNKNOWN are what gRPC itself says when a connection breaks. */
#define STATUSES(X)                                                                                                    \
    X(CHARIOT_EGONE, GRPC_STATUS_UNAVAILABLE)                                                                          \
    X(CHARIOT_EGONE, GRPC_STATUS_CANCELLED)                                                                            \
    X(CHARIOT_EGONE, GRPC_STATUS_INTERNAL)                                                                             \
    X(CHARIOT_EGONE, GRPC_STATUS_UNKNOWN)                                                                              \
    X(CHARIOT_EAUTH, GRPC_STATUS_UNAUTHENTICATED)                                                                      \
    X(CHARIOT_EAUTH, GRPC_STATUS_PERMISSION_DENIED)                                                                    \
    X(CHARIOT_EVERSION, GRPC_STATUS_FAILED_PRECONDITION)                                                               \
    X(CHARIOT_EMALFORMED, GRPC_STATUS_INVALID_ARGUMENT)                                                                \
    X(CHARIOT_EINVAL, GRPC_STATUS_INVALID_ARGUMENT)                                                                    \
    X(CHARIOT_ETYPE, GRPC_STATUS_INVALID_ARGUMENT)                                                                     \
    X(CHARIOT_ERANGE, GRPC_STATUS_OUT_OF_RANGE)                                                                        \
    X(CHARIOT_EEXIST, GRPC_STATUS_ALREADY_EXISTS)                                                                      \
    X(CHARIOT_ENOENT, GRPC_STATUS_NOT_FOUND)                                                                           \
    X(CHARIOT_ENOENT, GRPC_STATUS_UNIMPLEMENTED)                                                                       \
    X(CHARIOT_ETOOBIG, GRPC_STATUS_RESOURCE_EXHAUSTED)                                                                 \
    X(CHARIOT_ENOMEM, GRPC_STATUS_RESOURCE_EXHAUSTED)                                                                  \
    X(CHARIOT_ETIMEOUT, GRPC_STATUS_DEADLINE_EXCEEDED)                                                                 \
    X(CHARIOT_ECLOSED, GRPC_STATUS_UNAVAILABLE)                                                                        \
    X(CHARIOT_EIO, GRPC_STATUS_DATA_LOSS)                                                                              \
    X(CHARIOT_ESTATE, GRPC_STATUS_FAILED_PRECONDITION)                                                                 \
    X(CHARIOT_EABORTED, GRPC_STATUS_ABORTED)                                                                           \
    X(CHARIOT_EUSER, GRPC_STATUS_UNKNOWN)

struct pair {
    int error;
    grpc_status_code status;
};

static const struct pair pairs[] = {
#define PAIR(error, status) {(error), (status)},
    STATUSES(PAIR)
#undef PAIR
};

grpc_status_code rpc_status_of_error(int error) {
    if (error == 0) return GRPC_STATUS_OK;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].error == error) return pairs[i].status;
    }
    return GRPC_STATUS_UNKNOWN;
}

int rpc_error_of_status(grpc_status_code status) {
    if (status == GRPC_STATUS_OK) return 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].status == status) return pairs[i].error;
    }
    return CHARIOT_EIO;
}
