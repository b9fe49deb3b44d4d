/* rpc/mix.h: the transport of a PE whose peers are on several hosts: those of its own host by one transport, the others
 * by another.
 *
 * PEs of one host have consecutive numbers, so which way a message goes is two comparisons. All messages between two
 * PEs go one way for ever, so their order is that of the transport that they go by. Upcalls come from the two
 * transports themselves. */
#ifndef CHARIOT_RPC_MIX_H
#define CHARIOT_RPC_MIX_H

#include <stdint.h>

#include "rpc/node.h"

struct rpc_mix_config {
    struct rpc_transport *near; /* reaches PEs first ... first + count - 1 */
    struct rpc_transport *far;  /* reaches all others */
    uint32_t first, count;
};

/* Sets node->transport. Takes both, which are open for node: they are closed with it. CHARIOT_ENOMEM: both are still
 * the caller's. */
int rpc_mix_open_take(struct rpc_node *node, const struct rpc_mix_config *config);

#endif
