/* rpc/grpc_link.c: one Link call, from its start to its last operation (grpc_link.h). */
#include "rpc/grpc_link.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/grpc_status.h"
#include "rpc/log.h"

/* ---------------------------------------------------------------- operations */

void rpc_link_start(struct rpc_link *link, const grpc_op *ops, size_t count, struct rpc_tag *tag,
                    void (*on_done)(struct rpc_tag *tag, bool ok)) {
    grpc_call_error error =
        grpc_call_start_batch(link->call, ops, count, rpc_tag_start(tag, &link->ops, on_done), NULL);
    assert(error == GRPC_CALL_OK); /* anything else is a wrong use of the API */
    (void)error;
}

void rpc_link_hold(struct rpc_link *link, bool held) {
    if (link->held == held) return;
    link->held = held;
    if (held)
        link->g->held++;
    else
        link->g->held--;
}

static void link_free(struct rpc_link *link) {
    rpc_link_hold(link, false);
    *link->at = link->next;
    if (link->next != NULL) link->next->at = link->at;
    struct rpc_peer *peer = &link->g->peers[link->pe];
    if (peer->out == link) peer->out = NULL;
    if (peer->in == link) peer->in = NULL;
    rpc_out_deinit(&link->out);
    rpc_frame_reader_deinit(&link->reader);
    rpc_credit_unref(link->credit);
    grpc_metadata_array_destroy(&link->initial_metadata);
    grpc_metadata_array_destroy(&link->trailing_metadata);
    grpc_slice_unref(link->status_text);
    if (link->call != NULL) grpc_call_unref(link->call);
    if (link->channel != NULL) grpc_channel_destroy(link->channel);
    free(link);
}

/* Last in every completion. */
void rpc_link_done(struct rpc_link *link) {
    if (link->ops == 0) link_free(link);
}

/* ---------------------------------------------------------------- ending */

void rpc_link_cancel(struct rpc_link *link, int error, const char *text) {
    link->state = RPC_LINK_ENDED;
    rpc_out_clear(&link->out);
    grpc_call_cancel_with_status(link->call, rpc_status_of_error(error), text, NULL);
}

/* The stream broke, or its peer broke the rules. A stream that has shown nothing yet of a PE of this job is nobody's:
 * its end is nobody's end. */
static void fail(struct rpc_link *link, int error, const char *text) {
    bool known = link->proven;
    rpc_link_cancel(link, error, text);
    if (known && !link->g->closing)
        rpc_grpc_peer_gone(link->g, link->pe, error, text);
    else if (link->g->peers[link->pe].in == link)
        link->g->peers[link->pe].in = NULL;
}

void rpc_link_fail_malformed(struct rpc_link *link, int error, const char *why) {
    char text[160];
    snprintf(text, sizeof text, "PE %u sent a frame that cannot be read: %s", link->pe, why);
    rpc_log(link->g->node->log, RPC_LOG_WARNING, "RPC-FRAME-MALFORMED", "pe=%u why=\"%s\"", link->pe, why);
    fail(link, error, text);
}

void rpc_link_hear_bye(struct rpc_link *link) {
    link->heard_bye = true;
    link->g->peers[link->pe].gone = true;
    if (link->state == RPC_LINK_OPEN) link->state = RPC_LINK_LEAVING;
    rpc_out_clear(&link->out); /* nobody reads it any more */
    rpc_link_pump(link);
}

static void on_stream_end(struct rpc_link *link, bool orderly, int error, const char *why) {
    if (link->state == RPC_LINK_ENDED) return;
    bool meant = link->heard_bye || link->state == RPC_LINK_LEAVING || orderly;
    if (meant && !link->g->closing && rpc_frame_reader_amid(&link->reader)) {
        rpc_link_fail_malformed(link, CHARIOT_EMALFORMED, "the stream ended within a message");
        return;
    }
    if (meant) {
        link->state = RPC_LINK_ENDED;
        link->g->peers[link->pe].gone |= link->proven;
        rpc_out_clear(&link->out);
        return;
    }
    char text[512], who[RPC_PEER_TEXT_BYTES];
    rpc_grpc_describe_peer(link->g, link->pe, who);
    snprintf(text, sizeof text, "the connection to %s ended: %s", who, why);
    if (!link->proven) rpc_log(link->g->node->log, RPC_LOG_WARNING, "RPC-LINK-LOST", "pe=%u why=\"%s\"", link->pe, why);
    fail(link, error, text);
}

static void on_client_finish(struct rpc_tag *tag, bool ok) {
    struct rpc_link *link = (struct rpc_link *)((char *)tag - offsetof(struct rpc_link, finish_tag));
    char *why = grpc_slice_to_c_string(link->status_text);
    on_stream_end(link, link->status == GRPC_STATUS_OK, rpc_error_of_status(link->status), why);
    gpr_free(why);
    rpc_link_done(link);
}

static void on_server_finish(struct rpc_tag *tag, bool ok) {
    struct rpc_link *link = (struct rpc_link *)((char *)tag - offsetof(struct rpc_link, finish_tag));
    on_stream_end(link, link->cancelled == 0, CHARIOT_EGONE, "the peer's end of it broke off");
    rpc_link_done(link);
}

/* ---------------------------------------------------------------- writing */

static void on_written(struct rpc_tag *tag, bool ok) {
    struct rpc_link *link = (struct rpc_link *)((char *)tag - offsetof(struct rpc_link, write_tag));
    link->writing = false;
    if (link->saying_alive) link->g->hub->quiet = true;
    link->saying_alive = false;
    if (link->out_frame != NULL) grpc_byte_buffer_destroy(link->out_frame);
    link->out_frame = NULL;
    link->out_frame_bytes = 0;
    /* Where the write failed, the stream has ended, and the finish says how. */
    if (ok) rpc_link_pump(link);
    rpc_link_done(link);
}

static void write_frame(struct rpc_link *link) {
    int error = rpc_out_next(&link->out, &link->out_frame, &link->out_frame_bytes);
    assert(error == 0); /* sizes were checked when the message was appended */
    (void)error;
    link->writing = true;
    link->said = true;
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = link->out_frame};
    rpc_link_start(link, &op, 1, &link->write_tag, on_written);
}

static void half_close(struct rpc_link *link) {
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    if (!link->opener)
        op = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER, .data.send_status_from_server.status = GRPC_STATUS_OK};
    link->half_closed = true;
    link->writing = true;
    rpc_link_start(link, &op, 1, &link->write_tag, on_written);
}

/* Starts what is to be written next, if anything. */
void rpc_link_pump(struct rpc_link *link) {
    if (link->writing || link->half_closed || link->state == RPC_LINK_ENDED) return;
    if (!rpc_out_empty(&link->out))
        write_frame(link);
    else if (link->opener ? link->state == RPC_LINK_LEAVING : link->peer_done)
        half_close(link);
}

int rpc_link_send(struct rpc_link *link, struct chariot_msg *msg) {
    if (link->state == RPC_LINK_ENDED) return CHARIOT_EGONE;
    if (link->state == RPC_LINK_LEAVING) return CHARIOT_ECLOSED;
    int error = rpc_out_append(&link->out, msg);
    if (error != 0) return error;
    link->proven = true;
    rpc_link_pump(link);
    return rpc_out_crowded(&link->out) ? 1 : 0;
}

/* A message of rpc/'s own, behind what waits. */
static int append_own(struct rpc_link *link, uint8_t kind) {
    struct chariot_msg *msg = rpc_msg_new(0);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->kind = kind;
    msg->from = link->g->base.pe;
    int error = rpc_out_append(&link->out, msg);
    rpc_msg_unref(msg);
    return error;
}

void rpc_link_leave(struct rpc_link *link) {
    if (link->state != RPC_LINK_OPEN) return;
    if (append_own(link, RPC_KIND_BYE) != 0) {
        rpc_link_cancel(link, CHARIOT_ENOMEM, "out of memory");
        return;
    }
    link->state = RPC_LINK_LEAVING;
    rpc_link_pump(link);
}

void rpc_link_say_alive(struct rpc_link *link) {
    if (link->writing || !rpc_out_empty(&link->out)) return; /* what waits says so too */
    if (append_own(link, RPC_KIND_ALIVE) != 0) return;       /* next time */
    link->saying_alive = true;
    rpc_link_pump(link);
}

/* ---------------------------------------------------------------- beginning */

static struct rpc_link *link_new(struct rpc_grpc *g, uint32_t pe) {
    struct rpc_link *link = calloc(1, sizeof *link);
    if (link == NULL) return NULL;
    link->credit = rpc_credit_new();
    if (link->credit == NULL) {
        free(link);
        return NULL;
    }
    link->g = g;
    link->pe = pe;
    link->status_text = grpc_empty_slice();
    grpc_metadata_array_init(&link->initial_metadata);
    grpc_metadata_array_init(&link->trailing_metadata);
    rpc_out_init(&link->out, g->hub, &g->limits);
    rpc_frame_reader_init(&link->reader, &g->limits, g->node->spares);
    link->next = g->links;
    link->at = &g->links;
    if (link->next != NULL) link->next->at = &link->next;
    g->links = link;
    return link;
}

static void on_started(struct rpc_tag *tag, bool ok) {
    rpc_link_done((struct rpc_link *)((char *)tag - offsetof(struct rpc_link, start_tag)));
}

static void start_client(struct rpc_link *link) {
    struct rpc_metadata metadata;
    rpc_metadata_init(&metadata, link->g->token, link->g->epoch, link->g->base.pe);
    grpc_op start[2] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.count = metadata.count, .metadata = metadata.items}},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &link->initial_metadata},
    };
    grpc_op finish = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                      .data.recv_status_on_client = {.trailing_metadata = &link->trailing_metadata,
                                                     .status = &link->status,
                                                     .status_details = &link->status_text}};
    rpc_link_start(link, start, 2, &link->start_tag, on_started);
    rpc_link_start(link, &finish, 1, &link->finish_tag, on_client_finish);
    rpc_metadata_deinit(&metadata);
}

int rpc_link_open(struct rpc_grpc *g, uint32_t pe, struct rpc_link **out) {
    struct rpc_link *link = link_new(g, pe);
    if (link == NULL) return CHARIOT_ENOMEM;
    link->opener = true;
    link->proven = true;
    link->channel = rpc_channel_new(g->peers[pe].address, pe, &g->tls, &g->limits, 0);
    link->call = grpc_channel_create_call(link->channel, NULL, GRPC_PROPAGATE_DEFAULTS, g->hub->cq,
                                          grpc_slice_from_static_string(RPC_METHOD_LINK), NULL,
                                          gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    start_client(link);
    rpc_link_read_on(link);
    *out = link;
    return 0;
}

int rpc_link_accept_take(struct rpc_grpc *g, grpc_call *call, uint32_t pe) {
    struct rpc_link *link = link_new(g, pe);
    if (link == NULL) return CHARIOT_ENOMEM;
    link->call = call;
    g->peers[pe].in = link;
    grpc_op start = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    grpc_op finish = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &link->cancelled};
    rpc_link_start(link, &start, 1, &link->start_tag, on_started);
    rpc_link_start(link, &finish, 1, &link->finish_tag, on_server_finish);
    rpc_link_read_on(link);
    if (g->closing) rpc_link_leave(link);
    return 0;
}
