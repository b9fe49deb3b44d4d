/* rpc/grpc_out.h: what waits to be sent over one link, in order, and how it is cut into gRPC messages.
 *
 * Small messages are copied into a batch, so that their memory is free at once; messages above inline_bytes wait as
 * they are and leave as slices over their own memory; those larger than a frame leave in fragments, one frame each.
 * Called with the turn held. Owned by the link. */
#ifndef CHARIOT_RPC_GRPC_OUT_H
#define CHARIOT_RPC_GRPC_OUT_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>

#include "rpc/frame.h"
#include "rpc/grpc_hub.h"

struct rpc_out_item;

struct rpc_out {
    struct rpc_hub *hub;
    const struct rpc_limits *limits;
    struct rpc_out_item *head, *tail;
    struct rpc_out_item *spare;   /* an empty item whose memory the next batch uses */
    struct rpc_frame_split split; /* of head, while its loan is out */
    grpc_slice whole;             /* all of head's message, while it is split */
    bool splitting;
    size_t bytes;  /* that wait, on the wire */
    size_t copied; /* those of them that are copies of small messages */
};

void rpc_out_init(struct rpc_out *out, struct rpc_hub *hub, const struct rpc_limits *limits);
/* Drops what waits. */
void rpc_out_deinit(struct rpc_out *out);
void rpc_out_clear(struct rpc_out *out);

/* Appends; borrows msg. CHARIOT_ENOMEM, CHARIOT_ETOOBIG: nothing was appended. */
int rpc_out_append(struct rpc_out *out, struct chariot_msg *msg);

static inline bool rpc_out_empty(const struct rpc_out *out) {
    return out->head == NULL;
}

/* More waits than may: copies, which are memory and grow cold, count for eight times as much as what waits where it
 * stands. */
static inline bool rpc_out_crowded(const struct rpc_out *out) {
    return out->bytes > out->limits->queue_bytes || out->copied > out->limits->queue_bytes / 8;
}

/* Takes the next frame out: gives a byte buffer of `size` bytes. Not to be called when empty. CHARIOT_ETOOBIG. */
int rpc_out_next(struct rpc_out *out, grpc_byte_buffer **frame, size_t *size);

#endif
