/* rpc/grpc_serve.c: the public service: who is let in (serve.h).
 *
 * Some calls are waited for at a time; each is looked at as it comes: its method, its token, what its client has under
 * way. One that is let in becomes a visit (grpc_visit.h); grpc_public.c answers what the service itself is asked. */
#include <assert.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <limits.h>
#include <sched.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/grpc_refuse.h"
#include "rpc/grpc_visit.h"
#include "rpc/log.h"
#include "rpc/loop.h"
#include "rpc/standin.h"

enum {
    DOORMEN = 64,
    STREAMS_PER_CONNECTION = 1000,
    WINDOW = 256 << 10, /* that a client may send ahead of what is read, however long that takes */
    DEFAULT_MESSAGE_BYTES = 16 << 20,
    ASK_MS = 60000, /* a client that has been silent for so long, */
    ANSWER_MS = 20000,
    ASKED_MS = 5000, /* clients may ask that often */
};
static const int64_t CLOSE_NS = 5000000000, SECOND_NS = 1000000000;

struct rpc_doorman {
    struct rpc_tag tag;
    struct rpc_service *service;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
};

/* ---------------------------------------------------------------- who it is */

/* "authorization: Bearer TOKEN". */
static const struct rpc_client *find_client(const struct rpc_service *service, const grpc_metadata_array *metadata) {
    static const char bearer[] = "Bearer ";
    const size_t before = sizeof bearer - 1;
    for (size_t i = 0; i < metadata->count; i++) {
        const grpc_slice *value = &metadata->metadata[i].value;
        if (grpc_slice_str_cmp(metadata->metadata[i].key, "authorization") != 0) continue;
        if (GRPC_SLICE_LENGTH(*value) <= before || memcmp(GRPC_SLICE_START_PTR(*value), bearer, before) != 0) continue;
        return rpc_clients_find(service->config.clients, GRPC_SLICE_START_PTR(*value) + before,
                                GRPC_SLICE_LENGTH(*value) - before);
    }
    return NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct rpc_tally *)a)->name, ((const struct rpc_tally *)b)->name);
}

static struct rpc_tally *add_tally(struct rpc_service *service, const char *name) {
    struct rpc_tally *tally = calloc(1, sizeof *tally);
    if (tally != NULL) tally->name = strdup(name);
    if (tally != NULL && tally->name != NULL && tsearch(tally, &service->tallies, by_name) != NULL) return tally;
    if (tally != NULL) free(tally->name);
    free(tally);
    return NULL;
}

/* NULL: out of memory. */
static struct rpc_tally *find_tally(struct rpc_service *service, const char *name) {
    const struct rpc_tally wanted = {.name = (char *)(uintptr_t)name};
    struct rpc_tally **found = tfind(&wanted, &service->tallies, by_name);
    return found != NULL ? *found : add_tally(service, name);
}

/* A client without a token is known by the host that it comes from. */
static struct rpc_tally *tally_of(struct rpc_service *service, const struct rpc_client *client, grpc_call *call) {
    if (client != NULL) return find_tally(service, client->name);
    char *peer = grpc_call_get_peer(call);
    char *colon = strrchr(peer, ':');
    if (colon != NULL && strncmp(peer, "unix", 4) != 0) *colon = '\0';
    struct rpc_tally *tally = find_tally(service, peer);
    gpr_free(peer);
    return tally;
}

/* NULL: it may go on. */
static const char *bound(struct rpc_service *service, struct rpc_tally *tally) {
    const struct rpc_service_limits *limits = &service->config.limits;
    int64_t now_ns = rpc_loop_now_ns();
    if (now_ns - tally->since_ns >= SECOND_NS) {
        tally->since_ns = now_ns;
        tally->begun = 0;
    }
    tally->begun++;
    if (limits->rate > 0 && tally->begun > limits->rate) return "more calls in a second than this client may make";
    if (limits->calls > 0 && tally->calls >= limits->calls) return "more calls at a time than this client may make";
    return NULL;
}

/* ---------------------------------------------------------------- letting in */

static uint32_t find_method(const struct rpc_service *service, grpc_slice path) {
    for (uint32_t i = 0; i < service->config.num_methods; i++) {
        if (grpc_slice_str_cmp(path, service->config.methods[i].path) == 0) return i;
    }
    return UINT32_MAX;
}

static void let_in_take(struct rpc_doorman *doorman, grpc_call *call) {
    struct rpc_service *service = doorman->service;
    const struct rpc_client *client = NULL;
    uint32_t method = find_method(service, doorman->details.method);
    bool open = method != UINT32_MAX && service->config.methods[method].open;
    if (service->config.clients != NULL) client = find_client(service, &doorman->metadata);
    if (service->config.clients != NULL && client == NULL && !open) {
        rpc_refuse_take(call, &service->outstanding, GRPC_STATUS_UNAUTHENTICATED,
                        "this service needs 'authorization: Bearer TOKEN' with a token that it knows");
        return;
    }
    if (method == UINT32_MAX) {
        rpc_refuse_take(call, &service->outstanding, GRPC_STATUS_UNIMPLEMENTED, "the service has no such method");
        return;
    }
    struct rpc_tally *tally = tally_of(service, client, call);
    const char *why = tally == NULL ? "the service is out of memory" : bound(service, tally);
    if (why != NULL)
        rpc_refuse_take(call, &service->outstanding, GRPC_STATUS_RESOURCE_EXHAUSTED, why);
    else
        rpc_visit_begin_take(service, call, method, client, tally);
}

static void on_call(struct rpc_tag *tag, bool ok);

static void wait_for_call(struct rpc_doorman *doorman) {
    struct rpc_service *service = doorman->service;
    grpc_call_details_init(&doorman->details);
    grpc_metadata_array_init(&doorman->metadata);
    grpc_call_error error = grpc_server_request_call(service->server, &doorman->call, &doorman->details,
                                                     &doorman->metadata, service->hub->cq, service->hub->cq,
                                                     rpc_tag_start(&doorman->tag, &service->outstanding, on_call));
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void on_call(struct rpc_tag *tag, bool ok) {
    struct rpc_doorman *doorman = (struct rpc_doorman *)((char *)tag - offsetof(struct rpc_doorman, tag));
    if (ok && doorman->service->closing)
        rpc_refuse_take(doorman->call, &doorman->service->outstanding, GRPC_STATUS_UNAVAILABLE, "the service closes");
    else if (ok)
        let_in_take(doorman, doorman->call);
    grpc_call_details_destroy(&doorman->details);
    grpc_metadata_array_destroy(&doorman->metadata);
    if (ok && !doorman->service->closing) wait_for_call(doorman); /* not ok: the server shuts down */
}

/* ---------------------------------------------------------------- life */

static grpc_server_credentials *credentials(const struct rpc_service_config *config) {
    if (config->certificate == NULL) return grpc_insecure_server_credentials_create();
    grpc_ssl_pem_key_cert_pair own = {.private_key = config->key, .cert_chain = config->certificate};
    return grpc_ssl_server_credentials_create_ex(config->authority, &own, 1,
                                                 config->authority == NULL
                                                     ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                     : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
                                                 NULL);
}

static grpc_arg number(const char *key, int value) {
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

/* Messages come as they are: gRPC makes a compressed one whole before it looks at its size, and a few bytes may become
 * gigabytes. Who compresses is told so (UNIMPLEMENTED). Clients that have gone without a word are noticed by pings, and
 * theirs are answered, if they are not too many. */
static grpc_server *server_new(const struct rpc_service_limits *limits) {
    uint32_t bytes = limits->message_bytes == 0 ? DEFAULT_MESSAGE_BYTES : limits->message_bytes;
    grpc_arg items[] = {
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, bytes > INT_MAX ? INT_MAX : (int)bytes),
        number(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1),
        number(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
        number(GRPC_ARG_ALLOW_REUSEPORT, 0),
        number(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION),
        number(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, RPC_HANDSHAKE_MS),
        number(GRPC_ARG_KEEPALIVE_TIME_MS, ASK_MS),
        number(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ANSWER_MS),
        number(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        number(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, ASKED_MS),
        number(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        number(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW),
        number(GRPC_ARG_ENABLE_CHANNELZ, 0),
    };
    grpc_channel_args args = {.num_args = sizeof items / sizeof items[0], .args = items};
    return grpc_server_create(&args, NULL);
}

static int listen_on(struct rpc_service *service, char **address) {
    struct rpc_tls tls = {.server = credentials(&service->config)};
    if (tls.server == NULL) return CHARIOT_EINVAL;
    int rc = rpc_channel_listen(service->server, service->config.listen, NULL, &tls, address);
    grpc_server_credentials_release(tls.server);
    if (rc == 0 && strncmp(*address, "unix:", 5) == 0) service->path = strdup(*address + 5);
    return rc;
}

static void on_shutdown(struct rpc_tag *tag, bool ok) {
    (void)tag, (void)ok;
}

static void shut_down(struct rpc_service *service) {
    int64_t end_ns = rpc_loop_now_ns() + CLOSE_NS;
    service->closing = true;
    grpc_server_shutdown_and_notify(service->server, service->hub->cq,
                                    rpc_tag_start(&service->shutdown_tag, &service->outstanding, on_shutdown));
    for (struct rpc_visit *visit = service->visits; visit != NULL; visit = visit->next) rpc_visit_abandon(visit);
    grpc_server_cancel_all_calls(service->server);
    while (service->outstanding > 0 && rpc_loop_now_ns() < end_ns) {
        if (rpc_hub_poll(service->hub, false) == 0) sched_yield();
    }
}

static void free_tally(void *tally) {
    free(((struct rpc_tally *)tally)->name);
    free(tally);
}

static void service_free(struct rpc_service *service) {
    if (service->server != NULL) grpc_server_destroy(service->server);
    if (service->path != NULL) unlink(service->path);
    if (service->hub != NULL) {
        rpc_hub_detach(service->hub, NULL);
        rpc_standin_leave(service->loop, service->node);
    }
    if (service->config.clients != NULL) rpc_clients_deinit(service->config.clients);
    free(service->config.clients);
    tdestroy(service->tallies, free_tally);
    free(service->doormen);
    free(service->path);
    free(service);
}

void rpc_service_close(struct rpc_service *service) {
    shut_down(service);
    if (service->outstanding > 0) {
        /* gRPC holds on to operations of ours: what they point to must stay. */
        rpc_log(service->node->log, RPC_LOG_ERROR, "RPC-CLOSE-STUCK", "operations=%u", service->outstanding);
        return;
    }
    service_free(service);
}

static int attach(struct rpc_service *service) {
    int rc = rpc_standin_join(service->loop, service->node);
    if (rc != 0) return rc;
    rc = rpc_hub_attach(service->loop, NULL, &service->hub);
    if (rc != 0 && service->hub == NULL) rpc_standin_leave(service->loop, service->node);
    return rc;
}

int rpc_service_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_service_config *config,
                     struct rpc_service **out, char **address) {
    struct rpc_service *service = calloc(1, sizeof *service);
    if (service == NULL) return CHARIOT_ENOMEM;
    service->loop = loop;
    service->node = node;
    service->config = *config;
    service->config.clients = NULL;
    service->doormen = calloc(DOORMEN, sizeof *service->doormen);
    int rc = service->doormen == NULL ? CHARIOT_ENOMEM : attach(service);
    if (rc == 0) {
        rpc_channel_allow_many();
        service->server = server_new(&config->limits);
        grpc_server_register_completion_queue(service->server, service->hub->cq, NULL);
        rc = listen_on(service, address);
    }
    if (rc != 0) {
        if (service->server != NULL) shut_down(service);
        service_free(service);
        return rc;
    }
    service->config.clients = config->clients;
    grpc_server_start(service->server);
    for (int i = 0; i < DOORMEN; i++) {
        service->doormen[i].service = service;
        wait_for_call(&service->doormen[i]);
    }
    *out = service;
    return 0;
}
