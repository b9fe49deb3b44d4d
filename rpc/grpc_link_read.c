/* rpc/grpc_link_read.c: what comes in over one Link call (grpc_link.h). */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "rpc/error.h"
#include "rpc/grpc_link.h"

/* Where a peer sends faster than its messages run, reading on at once would only let them grow cold in memory: above
 * AHEAD_BYTES of them the next read waits until they have run, though never longer than AHEAD_NS, since what only
 * travels through this PE must not wait for what stays. */
enum { AHEAD_BYTES = 256 << 10, AHEAD_NS = 1000000 };

static void on_read(struct rpc_tag *tag, bool ok);

static bool may_read(struct rpc_link *link) {
    const struct rpc_grpc *g = link->g;
    if (g->closing) return true;
    if (!g->joined) return false;
    if (g->hub->urgent) return true;
    size_t limit = link->over ? g->limits.credit_bytes / 2 : g->limits.credit_bytes;
    link->over = link->credit->bytes > limit;
    if (link->over) return false;
    return link->credit->bytes <= AHEAD_BYTES || g->hub->now_ns - link->read_ns >= AHEAD_NS;
}

void rpc_link_read_on(struct rpc_link *link) {
    if (link->reading || link->peer_done || link->state == RPC_LINK_ENDED) {
        rpc_link_hold(link, false);
        return;
    }
    if (!may_read(link)) {
        rpc_link_hold(link, true);
        return;
    }
    rpc_link_hold(link, false);
    link->reading = true;
    link->read_ns = link->g->hub->now_ns;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &link->in_frame};
    rpc_link_start(link, &op, 1, &link->read_tag, on_read);
}

void rpc_grpc_resume_reads(struct rpc_grpc *g) {
    if (g->held == 0) return;
    for (struct rpc_link *link = g->links; link != NULL; link = link->next) {
        if (link->held) rpc_link_read_on(link);
    }
}

/* Hands a message up. Kinds of rpc/'s own stay here. */
static int deliver_take(struct rpc_link *link, struct chariot_msg *msg) {
    struct rpc_grpc *g = link->g;
    if (msg->kind >= RPC_KIND_FIRST_USER && !link->heard_bye) {
        link->proven = true;
        if (g->closing) {
            rpc_msg_unref(msg);
            return 0;
        }
        rpc_msg_charge(msg, link->credit);
        g->base.up->on_message_take(g->base.owner, msg);
        return 0;
    }
    bool bye = msg->kind == RPC_KIND_BYE && !link->heard_bye, alive = msg->kind == RPC_KIND_ALIVE && !link->heard_bye;
    rpc_msg_unref(msg);
    if (alive) return 0;
    if (!bye) return CHARIOT_EMALFORMED;
    rpc_link_hear_bye(link);
    return 0;
}

static void deliver_all(struct rpc_link *link, struct rpc_msg_queue *messages, int error) {
    const char *why = link->reader.why;
    struct chariot_msg *msg = messages->head;
    if (error == 0 && messages->count == 1 && msg->kind == RPC_KIND_ALIVE) link->g->hub->quiet = true;
    while ((msg = rpc_msg_queue_pop(messages)) != NULL) {
        if (deliver_take(link, msg) == 0) continue;
        error = CHARIOT_EMALFORMED;
        why = "message of an unknown kind";
        break;
    }
    rpc_msg_queue_clear(messages);
    if (error != 0) rpc_link_fail_malformed(link, error, why);
}

/* The frame's slices, borrowed from it. CHARIOT_ENOMEM. */
static int slices_of(struct rpc_hub *hub, grpc_byte_buffer_reader *reader, struct rpc_slice **out, size_t *count) {
    struct rpc_slice *slices = rpc_hub_scratch(hub, sizeof *slices * 64);
    size_t used = 0;
    grpc_slice *slice;
    while (slices != NULL && grpc_byte_buffer_reader_peek(reader, &slice)) {
        size_t wanted = hub->scratch_bytes / sizeof *slices;
        if (used == wanted) slices = rpc_hub_scratch(hub, sizeof *slices * wanted * 2);
        if (slices == NULL) break;
        slices[used++] = (struct rpc_slice){GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
    }
    *out = slices;
    *count = used;
    return slices == NULL ? CHARIOT_ENOMEM : 0;
}

static void read_frame(struct rpc_link *link) {
    struct rpc_msg_queue messages = {0};
    grpc_byte_buffer_reader reader;
    struct rpc_slice *slices;
    size_t count;
    if (!grpc_byte_buffer_reader_init(&reader, link->in_frame)) {
        rpc_link_fail_malformed(link, CHARIOT_EMALFORMED, "compressed frame");
        return;
    }
    int error = slices_of(link->g->hub, &reader, &slices, &count);
    if (error == 0)
        error = rpc_frame_reader_feed(&link->reader, slices, count, &messages);
    else
        link->reader.why = "out of memory";
    grpc_byte_buffer_reader_destroy(&reader);
    /* A part of a message proves its sender too. */
    if (error == 0 && rpc_frame_reader_amid(&link->reader)) link->proven = true;
    deliver_all(link, &messages, error);
}

/* Where nothing of this peer was waiting here, it may be waiting for an answer: that goes first, and the next read, for
 * which gRPC sends a packet of its own, begins with the next poll. */
static void on_read(struct rpc_tag *tag, bool ok) {
    struct rpc_link *link = (struct rpc_link *)((char *)tag - offsetof(struct rpc_link, read_tag));
    bool idle = link->credit->bytes == 0;
    link->g->hub->quiet = false;
    link->reading = false;
    if (link->in_frame == NULL) {
        link->peer_done = true;
        rpc_link_pump(link);
    } else {
        link->heard = true;
        link->g->hub->came += grpc_byte_buffer_length(link->in_frame);
        if (link->state != RPC_LINK_ENDED) read_frame(link);
        grpc_byte_buffer_destroy(link->in_frame);
        link->in_frame = NULL;
    }
    if (idle && link->state == RPC_LINK_OPEN && !link->g->hub->quiet)
        rpc_link_hold(link, true);
    else
        rpc_link_read_on(link);
    rpc_link_done(link);
}
