/* rpc/limits.c: the bounds that a job starts with. */
#include "rpc/transport.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)

const struct rpc_limits rpc_limits_default = {
    .frame_bytes = 4 * MIB,
    .batch_bytes = 256 * KIB,
    .inline_bytes = 16 * KIB,
    .message_bytes = 1 * TIB,
    .credit_bytes = 64 * MIB,
    .queue_bytes = 64 * MIB,
    .ring_bytes = 256 * KIB,
    .heap_bytes = 64 * GIB,
    .heap_keep_bytes = 512 * MIB,
};
