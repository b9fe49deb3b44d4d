/* rpc/grpc_join.c: the rendezvous as every PE sees it (grpc_join.h). */
#include "rpc/grpc_join.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/grpc_status.h"
#include "rpc/proto/chariot/v1/peer.pb-c.h"

enum { REACH_MS_PER_PE = 5 };

void rpc_join_end(struct rpc_join *join, int error, const char *why) {
    if (join->over) return;
    join->over = true;
    join->error = error;
    snprintf(join->why, sizeof join->why, "%s", why);
    join->g->joined = error == 0;
}

static int set_names(struct rpc_grpc *g, char *const *names, uint32_t num_hosts) {
    g->host_names = calloc(g->base.num_pes, sizeof *g->host_names);
    if (g->host_names == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < num_hosts; i++) {
        g->host_names[i] = strndup(names[i], strcspn(names[i], " "));
        if (g->host_names[i] == NULL) return CHARIOT_ENOMEM;
    }
    return 0;
}

int rpc_join_set_book(struct rpc_grpc *g, char *const *addresses, const uint32_t *hosts, char *const *names) {
    struct rpc_node *node = g->node;
    uint32_t num_pes = g->base.num_pes, num_hosts = 0;
    uint32_t *copy = malloc(num_pes * sizeof *copy);
    if (copy == NULL) return CHARIOT_ENOMEM;
    for (uint32_t pe = 0; pe < num_pes; pe++) {
        copy[pe] = hosts[pe];
        if (hosts[pe] >= num_hosts) num_hosts = hosts[pe] + 1;
        if (g->peers[pe].address == NULL) g->peers[pe].address = strdup(addresses[pe]);
        if (g->peers[pe].address == NULL) {
            free(copy);
            return CHARIOT_ENOMEM;
        }
    }
    free(node->hosts);
    node->hosts = copy;
    node->num_hosts = num_hosts;
    return set_names(g, names, num_hosts);
}

/* ---------------------------------------------------------------- the call to PE 0 */

static int take_answer(struct rpc_grpc *g, const Chariot__V1__JoinResponse *answer) {
    if (answer->n_addresses != g->base.num_pes || answer->n_hosts != g->base.num_pes ||
        answer->n_host_names > g->base.num_pes)
        return CHARIOT_EMALFORMED;
    for (uint32_t pe = 0; pe < g->base.num_pes; pe++) {
        if (answer->addresses[pe][0] == '\0' || answer->hosts[pe] >= answer->n_host_names) return CHARIOT_EMALFORMED;
    }
    return rpc_join_set_book(g, answer->addresses, answer->hosts, answer->host_names);
}

static int read_answer(struct rpc_join *join) {
    grpc_byte_buffer_reader reader;
    if (join->response == NULL || !grpc_byte_buffer_reader_init(&reader, join->response)) return CHARIOT_EMALFORMED;
    grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    Chariot__V1__JoinResponse *answer =
        chariot__v1__join_response__unpack(NULL, GRPC_SLICE_LENGTH(whole), GRPC_SLICE_START_PTR(whole));
    grpc_slice_unref(whole);
    int error = answer == NULL ? CHARIOT_EMALFORMED : take_answer(join->g, answer);
    chariot__v1__join_response__free_unpacked(answer, NULL);
    return error;
}

static void on_answered(struct rpc_tag *tag, bool ok) {
    struct rpc_join *join = (struct rpc_join *)((char *)tag - offsetof(struct rpc_join, tag));
    int error = rpc_error_of_status(join->status);
    char text[256];
    if (error == 0) {
        error = read_answer(join);
        snprintf(text, sizeof text, "PE 0's answer cannot be used: %s", chariot_error_text(error));
    } else {
        char *why = grpc_slice_to_c_string(join->status_text);
        const char *what = error == CHARIOT_ETIMEOUT ? "PE 0 has not answered in time"
                           : error == CHARIOT_EGONE  ? "the connection to PE 0 broke off"
                                                     : "PE 0 did not let it in";
        snprintf(text, sizeof text, "%s: %s", what, why);
        gpr_free(why);
    }
    rpc_join_end(join, error, error == 0 ? "" : text);
}

static int pack_request(struct rpc_join *join, const char *own_address, const char *host) {
    Chariot__V1__JoinRequest request = CHARIOT__V1__JOIN_REQUEST__INIT;
    request.pe = join->g->base.pe;
    request.num_pes = join->g->base.num_pes;
    request.address = (char *)(uintptr_t)own_address;
    request.host = (char *)(uintptr_t)host;
    grpc_slice slice = grpc_slice_malloc(chariot__v1__join_request__get_packed_size(&request));
    chariot__v1__join_request__pack(&request, GRPC_SLICE_START_PTR(slice));
    join->request = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return join->request == NULL ? CHARIOT_ENOMEM : 0;
}

/* Waits for PE 0 to be reached: with many PEs at its door at once, a connection may fail at first. */
static void start_call(struct rpc_join *join) {
    struct rpc_grpc *g = join->g;
    struct rpc_metadata metadata;
    rpc_metadata_init(&metadata, g->token, g->epoch, g->base.pe);
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY | GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET,
         .data.send_initial_metadata = {.count = metadata.count, .metadata = metadata.items}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = join->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &join->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &join->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &join->trailing_metadata,
                                        .status = &join->status,
                                        .status_details = &join->status_text}},
    };
    grpc_call_error error =
        grpc_call_start_batch(join->call, ops, 6, rpc_tag_start(&join->tag, &g->outstanding, on_answered), NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    rpc_metadata_deinit(&metadata);
}

static int call_pe0(struct rpc_join *join, const char *pe0_address, const char *own_address, const char *host,
                    int timeout_ms) {
    struct rpc_grpc *g = join->g;
    int error = pack_request(join, own_address, host);
    if (error != 0) return error;
    gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
    join->channel = rpc_channel_new(pe0_address, 0, &g->tls, &g->limits, g->silence_ms);
    join->call = grpc_channel_create_call(join->channel, NULL, GRPC_PROPAGATE_DEFAULTS, g->hub->cq,
                                          grpc_slice_from_static_string(RPC_METHOD_JOIN), NULL, deadline, NULL);
    start_call(join);
    return 0;
}

/* ---------------------------------------------------------------- life */

int rpc_join_open(struct rpc_grpc *g) {
    struct rpc_join *join = calloc(1, sizeof *join);
    if (join == NULL) return CHARIOT_ENOMEM;
    g->join = join;
    join->g = g;
    join->status_text = grpc_empty_slice();
    grpc_metadata_array_init(&join->initial_metadata);
    grpc_metadata_array_init(&join->trailing_metadata);
    if (g->base.pe != 0) return 0;
    join->hosts = calloc(g->base.num_pes, sizeof *join->hosts);
    join->calls = calloc(g->base.num_pes, sizeof *join->calls);
    return join->hosts == NULL || join->calls == NULL ? CHARIOT_ENOMEM : 0;
}

void rpc_join_close(struct rpc_grpc *g) {
    struct rpc_join *join = g->join;
    if (join == NULL) return;
    for (uint32_t pe = 0; join->hosts != NULL && pe < g->base.num_pes; pe++) free(join->hosts[pe]);
    free(join->hosts);
    free(join->calls);
    if (join->request != NULL) grpc_byte_buffer_destroy(join->request);
    if (join->response != NULL) grpc_byte_buffer_destroy(join->response);
    if (join->call != NULL) grpc_call_unref(join->call);
    if (join->channel != NULL) grpc_channel_destroy(join->channel);
    grpc_slice_unref(join->status_text);
    grpc_metadata_array_destroy(&join->initial_metadata);
    grpc_metadata_array_destroy(&join->trailing_metadata);
    free(join);
    g->join = NULL;
}

int rpc_join_begin(struct rpc_grpc *g, const char *pe0_address, const char *own_address, const char *host,
                   int timeout_ms) {
    if (g->base.pe == 0) return rpc_meet_come(g, 0, own_address, host);
    return call_pe0(g->join, pe0_address, own_address, host, timeout_ms);
}

bool rpc_join_over(const struct rpc_grpc *g) {
    return g->join->over;
}

/* Many may be at PE 0's door at once. */
static int64_t reach_ns(const struct rpc_grpc *g) {
    return g->silence_ms == 0 || g->base.pe == 0
               ? RPC_FOREVER_NS
               : (g->silence_ms * 3ll / 2 + (int64_t)g->base.num_pes * REACH_MS_PER_PE) * 1000000;
}

/* Once PE 0 is reached, gRPC's pings see to it. */
static void judge_reach(struct rpc_join *join, const char *pe0_address, int64_t within_ns) {
    char text[sizeof join->why];
    if (grpc_channel_check_connectivity_state(join->channel, 0) == GRPC_CHANNEL_READY) return;
    grpc_call_cancel(join->call, NULL);
    snprintf(text, sizeof text, "PE 0 (%s) has not been reached within %.1f seconds", pe0_address,
             (double)within_ns / 1e9);
    rpc_join_end(join, CHARIOT_ETIMEOUT, text);
}

int rpc_join_finish(struct rpc_grpc *g, char *why, size_t why_size) {
    struct rpc_join *join = g->join;
    if (!join->over && g->base.pe == 0) {
        char missing[256];
        rpc_meet_missing(g, missing, sizeof missing);
        rpc_join_end(join, CHARIOT_ETIMEOUT, missing);
    } else if (!join->over) {
        grpc_call_cancel(join->call, NULL);
        rpc_join_end(join, CHARIOT_ETIMEOUT, "PE 0 has not answered in time");
    }
    if (join->error != 0) snprintf(why, why_size, "PE %u cannot join the job: %s\n", g->base.pe, join->why);
    return join->error;
}

int rpc_grpc_join(struct rpc_transport *grpc, const char *pe0_address, const char *own_address,
                  const char *host_identity, int timeout_ms, char *why, size_t why_size) {
    struct rpc_grpc *g = (struct rpc_grpc *)grpc;
    int64_t began_ns = rpc_loop_now_ns(), deadline_ns = began_ns + (int64_t)timeout_ms * 1000000;
    int64_t within_ns = reach_ns(g), judge_ns = within_ns < deadline_ns - began_ns ? began_ns + within_ns : deadline_ns;
    int error = rpc_join_begin(g, pe0_address, own_address, host_identity, timeout_ms);
    if (error != 0) {
        snprintf(why, why_size, "PE %u cannot join the job: %s\n", grpc->pe, chariot_error_text(error));
        return error;
    }
    while (!rpc_join_over(g) && rpc_loop_now_ns() < deadline_ns) {
        rpc_loop_turn(g->hub->loop, false, judge_ns);
        if (rpc_join_over(g) || rpc_loop_now_ns() < judge_ns) continue;
        if (judge_ns < deadline_ns) judge_reach(g->join, pe0_address, within_ns);
        judge_ns = deadline_ns;
    }
    return rpc_join_finish(g, why, why_size);
}
