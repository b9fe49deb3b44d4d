/* rpc/module.h: the gRPC transport as a module, libchariot-grpc.so.
 *
 * gRPC and the 52 libraries that it needs cost 8 MB and 7-10 ms per process, so libchariot does not depend on them: a
 * PE that opens gRPC loads the module then. It holds rpc/grpc_*.c and, as code of its own, what they use of the rest of
 * rpc/, which has no state but what is handed to it; it shows one symbol. Programs that are linked with rpc/grpc_*.c
 * themselves (tests) need no module. */
#ifndef CHARIOT_RPC_MODULE_H
#define CHARIOT_RPC_MODULE_H

#include <stddef.h>

#include "rpc/loop_impl.h"
#include "rpc/msg.h"
#include "rpc/serve.h"

/* Sizes of what both sides look into, in one number. */
#define RPC_MODULE_LAYOUT (sizeof(struct rpc_loop) << 32 | sizeof(struct rpc_node) << 16 | sizeof(struct chariot_msg))

struct rpc_module {
    const char *version; /* of Chariot */
    size_t layout;       /* RPC_MODULE_LAYOUT as it was compiled */
    int (*open)(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_grpc_config *config,
                char **bound_address);
    int (*join)(struct rpc_transport *grpc, const char *pe0_address, const char *own_address, const char *host_identity,
                int timeout_ms, char *why, size_t why_size);
    struct rpc_serve_ops serve;
};

/* What the module shows (grpc_module.c). */
extern const struct rpc_module chariot_grpc_module;

/* Loads the module, for good. CHARIOT_EIO, CHARIOT_EVERSION: `why` (of why_size bytes) says what is missing and which
 * package has it. */
int rpc_module_load(const struct rpc_module **out, char *why, size_t why_size);

#endif
