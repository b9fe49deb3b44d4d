/* rpc/node.h: one PE's end of the network: its number, the address book, and the transport to use for each destination.
 *
 * objects/ owns one and sends through it; it does not know what lies behind. The scheduler's thread calls it, or the
 * stand-in while it holds the turn. */
#ifndef CHARIOT_RPC_NODE_H
#define CHARIOT_RPC_NODE_H

#include "rpc/msg.h"
#include "rpc/spare.h"
#include "rpc/transport.h"
#include "rpc/turn.h"

struct rpc_heap;
struct rpc_log;

struct rpc_node {
    uint32_t pe;
    uint32_t num_pes;
    uint32_t *hosts; /* host number by PE; NULL: all on host 0 */
    uint32_t num_hosts;
    struct rpc_transport *transport; /* reaches all other PEs; NULL in a job of one */
    struct rpc_heap *heap;           /* of large payloads, shared with the PEs of this host; NULL: none */
    struct rpc_spares *spares;       /* of small messages that arrive; NULL: none */
    struct rpc_turn turn;
    struct rpc_node *next_on_loop; /* of those that the loop's stand-in serves (rpc/standin.h) */
    unsigned standin_joins;        /* transports that have it served */
    const struct rpc_upcalls *up;
    void *owner;
    struct rpc_log *log; /* borrowed; NULL: errors only (rpc/log.h) */
};

/* Sends to another PE (pe != node->pe). Outcomes as rpc_transport_ops.send. */
static inline int rpc_node_send(struct rpc_node *node, uint32_t pe, struct chariot_msg *msg) {
    return node->transport->ops->send(node->transport, pe, msg);
}
static inline bool rpc_node_pressed(struct rpc_node *node, uint32_t pe) {
    return node->transport != NULL && node->transport->ops->pressed(node->transport, pe);
}
static inline int rpc_node_poll(struct rpc_node *node, bool urgent) {
    return node->transport == NULL ? 0 : node->transport->ops->poll(node->transport, urgent);
}
static inline bool rpc_node_flushed(struct rpc_node *node) {
    return node->transport == NULL || node->transport->ops->flushed(node->transport);
}
/* A message to be filled and sent from here: a small one from the spares; one that is or grows large lies in the heap.
 */
static inline struct chariot_msg *rpc_node_msg_new(struct rpc_node *node, size_t capacity) {
    if (capacity > RPC_SPARE_PAYLOAD) return rpc_msg_new_in(node->heap, capacity);
    struct chariot_msg *msg = rpc_msg_new_from(node->spares, capacity);
    if (msg != NULL) msg->heap = node->heap;
    return msg;
}
static inline uint32_t rpc_node_host_of(const struct rpc_node *node, uint32_t pe) {
    return node->hosts == NULL ? 0 : node->hosts[pe];
}

#endif
