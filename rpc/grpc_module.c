/* rpc/grpc_module.c: what libchariot-grpc.so shows (rpc/module.h). */
#include "rpc/module.h"

const struct rpc_module chariot_grpc_module = {
    .version = CHARIOT_VERSION,
    .layout = RPC_MODULE_LAYOUT,
    .open = rpc_grpc_open,
    .join = rpc_grpc_join,
    .serve = {.seal = rpc_service_seal,
              .open = rpc_service_open,
              .close = rpc_service_close,
              .set = rpc_visit_set,
              .get = rpc_visit_get,
              .may = rpc_visit_may,
              .put_take = rpc_visit_put_take,
              .has_room = rpc_visit_has_room,
              .more = rpc_visit_more,
              .finish_take = rpc_visit_finish_take},
};
