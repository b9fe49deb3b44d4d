/* rpc/grpc_module.c: what libchariot-grpc.so shows (rpc/module.h). */
#include "rpc/module.h"

const struct rpc_module chariot_grpc_module = {
    .version = CHARIOT_VERSION,
    .layout = RPC_MODULE_LAYOUT,
    .open = rpc_grpc_open,
    .join = rpc_grpc_join,
};
