/* rpc/grpc_server.c: accepts calls and checks them (grpc_server.h). */
#include "rpc/grpc_server.h"

#include <assert.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/grpc_join.h"
#include "rpc/grpc_link.h"
#include "rpc/grpc_refuse.h"
#include "rpc/grpc_status.h"
#include "rpc/log.h"

/* The one call that is waited for. */
struct rpc_accept {
    struct rpc_tag tag, shutdown_tag;
    struct rpc_grpc *g;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
};

/* ---------------------------------------------------------------- refusing */

static void refuse_take(struct rpc_grpc *g, grpc_call *call, grpc_status_code status, const char *why) {
    char *from = grpc_call_get_peer(call);
    rpc_log(g->node->log, RPC_LOG_WARNING, "RPC-PEER-REFUSED", "from=%s why=\"%s\"", from, why);
    gpr_free(from);
    rpc_refuse_take(call, &g->outstanding, status, why);
}

/* ---------------------------------------------------------------- accepting */

static void serve_link_take(struct rpc_grpc *g, grpc_call *call, uint32_t pe) {
    if (pe - g->near_first < g->near_count) { /* a number below near_first wraps round */
        refuse_take(g, call, GRPC_STATUS_PERMISSION_DENIED, "this PE is of our own host, and shares memory");
        return;
    }
    if (g->peers[pe].in != NULL) {
        refuse_take(g, call, GRPC_STATUS_ALREADY_EXISTS, "this PE has a link open already");
        return;
    }
    int error = rpc_link_accept_take(g, call, pe);
    if (error != 0) refuse_take(g, call, rpc_status_of_error(error), chariot_error_text(error));
}

static void serve_take(struct rpc_accept *accept, grpc_call *call) {
    struct rpc_grpc *g = accept->g;
    uint32_t pe;
    const char *why;
    int error = rpc_metadata_check(&accept->metadata, g, &pe, &why);
    if (error == 0) error = rpc_tls_check(&g->tls, call, pe, &why);
    if (error != 0)
        refuse_take(g, call, rpc_status_of_error(error), why);
    else if (grpc_slice_str_cmp(accept->details.method, RPC_METHOD_LINK) == 0)
        serve_link_take(g, call, pe);
    else if (grpc_slice_str_cmp(accept->details.method, RPC_METHOD_JOIN) == 0)
        rpc_meet_serve_take(g, call, pe);
    else
        refuse_take(g, call, GRPC_STATUS_UNIMPLEMENTED, "unknown method");
}

static void on_call(struct rpc_tag *tag, bool ok);

static void accept_next(struct rpc_accept *accept) {
    grpc_call_details_init(&accept->details);
    grpc_metadata_array_init(&accept->metadata);
    struct rpc_grpc *g = accept->g;
    grpc_call_error error =
        grpc_server_request_call(g->server, &accept->call, &accept->details, &accept->metadata, g->hub->cq, g->hub->cq,
                                 rpc_tag_start(&accept->tag, &g->outstanding, on_call));
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void on_call(struct rpc_tag *tag, bool ok) {
    struct rpc_accept *accept = (struct rpc_accept *)((char *)tag - offsetof(struct rpc_accept, tag));
    if (ok) serve_take(accept, accept->call);
    grpc_call_details_destroy(&accept->details);
    grpc_metadata_array_destroy(&accept->metadata);
    if (ok) accept_next(accept); /* not ok: the server shuts down */
}

/* ---------------------------------------------------------------- life */

int rpc_server_open(struct rpc_grpc *g, const char *target, const char *advertise) {
    if (g->tls.on) rpc_channel_allow_many();
    g->server = rpc_channel_server_new(&g->limits);
    grpc_server_register_completion_queue(g->server, g->hub->cq, NULL);
    g->accept = calloc(1, sizeof *g->accept);
    if (g->accept == NULL) return CHARIOT_ENOMEM;
    g->accept->g = g;
    int error = rpc_channel_listen(g->server, target, advertise, &g->tls, &g->address);
    if (error != 0) return error;
    grpc_server_start(g->server);
    accept_next(g->accept);
    return 0;
}

static void on_shutdown(struct rpc_tag *tag, bool ok) {}

void rpc_server_shutdown(struct rpc_grpc *g) {
    if (g->accept == NULL) return;
    grpc_server_shutdown_and_notify(g->server, g->hub->cq,
                                    rpc_tag_start(&g->accept->shutdown_tag, &g->outstanding, on_shutdown));
    grpc_server_cancel_all_calls(g->server);
}

void rpc_server_close(struct rpc_grpc *g) {
    if (g->server != NULL) grpc_server_destroy(g->server);
    /* gRPC removes a socket file some time after that. */
    if (g->address != NULL && strncmp(g->address, "unix:", 5) == 0) unlink(g->address + 5);
    free(g->accept);
    free(g->address);
}
