/* rpc/grpc_transport.c: the gRPC transport behind its ops table (transport.h).
 *
 * Closing, so that it ends in bounded time whatever the peers do:
 *   1. BYE on every link; poll until all links have ended, for at most 2 s (skipped where abrupt);
 *   2. cancel what is left, shut the server down, poll until no operation is outstanding, for at most 5 s;
 *   3. poll until gRPC has given back the memory that it reads;
 *   4. free. */
#include "rpc/grpc_transport.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_join.h"
#include "rpc/grpc_link.h"
#include "rpc/grpc_server.h"
#include "rpc/log.h"
#include "rpc/standin.h"

static const int64_t GOODBYE_NS = 2000000000;
static const int64_t CANCEL_NS = 5000000000;

static const struct rpc_transport_ops grpc_ops;

static struct rpc_grpc *grpc_of(struct rpc_transport *transport) {
    return (struct rpc_grpc *)transport;
}

/* ---------------------------------------------------------------- operations */

/* A stream that the peer has opened serves as well as a new one. */
static int choose_link(struct rpc_grpc *g, uint32_t pe) {
    struct rpc_peer *peer = &g->peers[pe];
    if (peer->in != NULL && peer->in->state == RPC_LINK_OPEN) {
        peer->out = peer->in;
        return 0;
    }
    if (peer->address == NULL) return CHARIOT_ESTATE;
    return rpc_link_open(g, pe, &peer->out);
}

static int grpc_send(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg) {
    struct rpc_grpc *g = grpc_of(transport);
    assert(pe < g->base.num_pes && pe != g->base.pe && msg->kind >= RPC_KIND_FIRST_USER);
    if (g->closing) return CHARIOT_ECLOSED;
    if (g->peers[pe].gone) return CHARIOT_EGONE;
    if (msg->size > g->limits.message_bytes) return CHARIOT_ETOOBIG;
    if (g->peers[pe].out == NULL) {
        int error = choose_link(g, pe);
        if (error != 0) return error;
    }
    return rpc_link_send(g->peers[pe].out, msg);
}

static bool grpc_pressed(struct rpc_transport *transport, uint32_t pe) {
    struct rpc_grpc *g = grpc_of(transport);
    struct rpc_link *link = g->peers[pe].out;
    return link != NULL && rpc_out_crowded(&link->out);
}

static int grpc_poll(struct rpc_transport *transport, bool urgent) {
    return rpc_hub_poll(grpc_of(transport)->hub, urgent);
}

static bool grpc_flushed(struct rpc_transport *transport) {
    for (struct rpc_link *link = grpc_of(transport)->links; link != NULL; link = link->next) {
        if (rpc_link_unsent(link) > 0) return false;
    }
    return true;
}

void rpc_grpc_describe_peer(const struct rpc_grpc *g, uint32_t pe, char text[RPC_PEER_TEXT_BYTES]) {
    const char *address = g->peers[pe].address == NULL ? "?" : g->peers[pe].address;
    const char *host = g->host_names == NULL ? NULL : g->host_names[rpc_node_host_of(g->node, pe)];
    if (host == NULL)
        snprintf(text, RPC_PEER_TEXT_BYTES, "PE %u (%s)", pe, address);
    else
        snprintf(text, RPC_PEER_TEXT_BYTES, "PE %u on host %s (%s)", pe, host, address);
}

void rpc_grpc_peer_gone(struct rpc_grpc *g, uint32_t pe, int error, const char *text) {
    struct rpc_peer *peer = &g->peers[pe];
    if (peer->gone) return;
    peer->gone = true;
    for (struct rpc_link *link = g->links; link != NULL; link = link->next) {
        if (link->pe == pe && link->state != RPC_LINK_ENDED) rpc_link_cancel(link, error, text);
    }
    rpc_log(g->node->log, RPC_LOG_INFO, "RPC-PEER-GONE", "pe=%u error=%s text=\"%s\"", pe, chariot_error_name(error),
            text);
    g->base.up->on_peer_gone(g->base.owner, pe, error, text);
}

/* ---------------------------------------------------------------- closing */

static bool ended(const struct rpc_grpc *g) {
    return g->links == NULL && g->outstanding == 0;
}

static void poll_until_ended(struct rpc_grpc *g, bool links_only, int64_t for_ns) {
    int64_t end_ns = rpc_loop_now_ns() + for_ns;
    while (links_only ? g->links != NULL : !ended(g)) {
        if (rpc_hub_poll(g->hub, false) > 0) continue;
        if (rpc_loop_now_ns() >= end_ns) return;
        sched_yield();
    }
}

/* Its loans may be with gRPC still when its calls have ended. */
static void wait_for_loans(struct rpc_grpc *g) {
    int64_t end_ns = rpc_loop_now_ns() + GOODBYE_NS;
    while (g->hub->loans_out > 0 && g->hub->users == 1 && rpc_loop_now_ns() < end_ns) {
        rpc_hub_poll(g->hub, false);
        sched_yield();
    }
}

static void grpc_free(struct rpc_grpc *g) {
    rpc_server_close(g);
    rpc_join_close(g);
    if (g->hub != NULL) {
        wait_for_loans(g);
        rpc_standin_leave(g->hub->loop, g->node);
        rpc_hub_detach(g->hub, g);
    }
    for (uint32_t pe = 0; g->peers != NULL && pe < g->base.num_pes; pe++) free(g->peers[pe].address);
    free(g->peers);
    for (uint32_t i = 0; g->host_names != NULL && i < g->base.num_pes; i++) free(g->host_names[i]);
    free(g->host_names);
    rpc_tls_deinit(&g->tls);
    memset(g->token, 0, sizeof g->token);
    free(g);
}

static void grpc_close(struct rpc_transport *transport, bool abrupt) {
    struct rpc_grpc *g = grpc_of(transport);
    g->closing = true;
    if (!abrupt) {
        for (struct rpc_link *link = g->links; link != NULL; link = link->next) rpc_link_leave(link);
        rpc_grpc_resume_reads(g);
        poll_until_ended(g, true, GOODBYE_NS);
    }
    for (struct rpc_link *link = g->links; link != NULL; link = link->next) {
        if (link->state != RPC_LINK_ENDED) rpc_link_cancel(link, CHARIOT_EGONE, "this PE has closed");
    }
    if (g->join->call != NULL) grpc_call_cancel(g->join->call, NULL);
    rpc_server_shutdown(g);
    poll_until_ended(g, false, CANCEL_NS);
    if (!ended(g)) {
        /* gRPC holds on to operations of ours: what they point to must stay. */
        rpc_log(g->node->log, RPC_LOG_ERROR, "RPC-CLOSE-STUCK", "operations=%u", g->outstanding);
        return;
    }
    grpc_free(g);
}

/* ---------------------------------------------------------------- opening */

static struct rpc_grpc *grpc_new(struct rpc_node *node, const struct rpc_grpc_config *config) {
    struct rpc_grpc *g = calloc(1, sizeof *g);
    if (g == NULL) return NULL;
    g->base = (struct rpc_transport){
        .ops = &grpc_ops, .up = node->up, .owner = node->owner, .pe = node->pe, .num_pes = node->num_pes};
    g->node = node;
    g->limits = config->limits;
    if (g->limits.batch_bytes > g->limits.frame_bytes) g->limits.batch_bytes = g->limits.frame_bytes;
    g->silence_ms = config->silence_ms;
    g->near_first = config->near_first;
    g->near_count = config->near_count;
    memcpy(g->token, config->token, sizeof g->token);
    g->epoch = config->epoch;
    g->peers = calloc(node->num_pes, sizeof *g->peers);
    if (g->peers != NULL) return g;
    free(g);
    return NULL;
}

static int attach(struct rpc_loop *loop, struct rpc_grpc *g) {
    int error = rpc_standin_join(loop, g->node);
    if (error != 0) return error;
    error = rpc_hub_attach(loop, g, &g->hub);
    if (error != 0 && g->hub == NULL) rpc_standin_leave(loop, g->node);
    return error;
}

int rpc_grpc_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_grpc_config *config,
                  char **bound_address) {
    struct rpc_grpc *g = grpc_new(node, config);
    if (g == NULL) return CHARIOT_ENOMEM;
    int error = attach(loop, g);
    if (error == 0) error = rpc_tls_init(&g->tls, config->identity);
    if (error == 0) error = rpc_join_open(g);
    if (error == 0) error = rpc_server_open(g, config->listen, config->advertise);
    if (error == 0) {
        *bound_address = strdup(g->address);
        if (*bound_address == NULL) error = CHARIOT_ENOMEM;
    }
    if (error == 0) {
        node->transport = &g->base;
    } else if (g->join != NULL) {
        grpc_close(&g->base, true);
    } else {
        grpc_free(g);
    }
    return error;
}

static const struct rpc_transport_ops grpc_ops = {
    .name = "grpc",
    .send = grpc_send,
    .pressed = grpc_pressed,
    .poll = grpc_poll,
    .flushed = grpc_flushed,
    .close = grpc_close,
};
