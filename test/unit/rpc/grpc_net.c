/* test/unit/rpc/grpc_net.c: PEs and a foreign client in one process (grpc_net.h). */
#include "test/unit/rpc/grpc_net.h"

#include <CUnit/CUnit.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpc/grpc_channel.h"
#include "rpc/grpc_join.h"
#include "rpc/version.h"

/* A bound that only a hang reaches. */
static const int64_t HANG_NS = 60000000000;

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct net_pe *pe = owner;
    rpc_msg_consume(msg);
    rpc_msg_queue_push_take(&pe->arrived, msg);
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    struct net_pe *self = owner;
    self->gone[pe]++;
    self->gone_error[pe] = error;
    snprintf(self->gone_text, sizeof self->gone_text, "%s", text);
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

static void open_pe(struct net *net, uint32_t number, const struct rpc_limits *limits) {
    struct net_pe *pe = &net->pes[number];
    char target[64];
    snprintf(target, sizeof target, "unix:%s/%u.sock", net->dir, number);
    pe->node = (struct rpc_node){.pe = number, .num_pes = net->num_pes, .up = &upcalls, .owner = pe};
    rpc_turn_init(&pe->node.turn);
    struct rpc_identity identity = {0};
    if (net->authority != NULL) {
        identity = net_identity(net->authority, number, 3600);
        strcpy(target, "127.0.0.1:0");
    }
    struct rpc_grpc_config config = {.listen = target, .identity = &identity, .limits = *limits};
    memset(config.token, NET_TOKEN_BYTE, sizeof config.token);
    config.epoch = NET_EPOCH;
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(net->loop, &pe->node, &config, &pe->address), 0);
    rpc_identity_deinit(&identity);
}

struct deploy_authority *net_authority(void) {
    struct deploy_authority *authority;
    struct deploy_reason reason;
    CU_ASSERT_EQUAL_FATAL(deploy_authority_new(&authority, "test", &reason), 0);
    return authority;
}

struct rpc_identity net_identity(struct deploy_authority *authority, uint32_t pe, time_t seconds) {
    struct rpc_identity identity;
    struct deploy_reason reason;
    CU_ASSERT_EQUAL_FATAL(deploy_authority_issue(authority, pe, time(NULL) + seconds, &identity, &reason), 0);
    return identity;
}

static void open_unjoined(struct net *net, struct deploy_authority *authority, uint32_t num_pes,
                          const struct rpc_limits *limits) {
    *net = (struct net){.num_pes = num_pes, .dir = "/tmp/chariot-net-XXXXXX", .authority = authority};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(net->dir));
    net->log_fd = memfd_create("log", MFD_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(net->log_fd >= 0);
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&net->loop), 0);
    for (uint32_t i = 0; i < num_pes; i++) open_pe(net, i, limits);
    net->pes[0].node.log = rpc_log_new("info", 0, net->log_fd);
}

static struct rpc_grpc *grpc_of(struct net *net, uint32_t pe) {
    return (struct rpc_grpc *)net->pes[pe].node.transport;
}

static void join(struct net *net) {
    uint32_t num_pes = net->num_pes;
    const char *pe0 = net->pes[0].address;
    char why[256];
    for (uint32_t i = 0; i < num_pes; i++)
        CU_ASSERT_EQUAL_FATAL(rpc_join_begin(grpc_of(net, i), pe0, net->pes[i].address, "here", 30000), 0);
    for (uint32_t i = 0; i < num_pes; i++) {
        while (!rpc_join_over(grpc_of(net, i))) net_poll(net);
        CU_ASSERT_EQUAL_FATAL(rpc_join_finish(grpc_of(net, i), why, sizeof why), 0);
    }
}

void net_open_unjoined(struct net *net, uint32_t num_pes, const struct rpc_limits *limits) {
    open_unjoined(net, NULL, num_pes, limits);
}

void net_open(struct net *net, uint32_t num_pes, const struct rpc_limits *limits) {
    net_open_unjoined(net, num_pes, limits);
    join(net);
}

void net_open_tls(struct net *net, uint32_t num_pes, const struct rpc_limits *limits) {
    open_unjoined(net, net_authority(), num_pes, limits);
    join(net);
}

void net_close_pe(struct net *net, uint32_t number, bool abrupt) {
    struct net_pe *pe = &net->pes[number];
    if (pe->node.transport != NULL) pe->node.transport->ops->close(pe->node.transport, abrupt);
    pe->node.transport = NULL;
    rpc_msg_queue_clear(&pe->arrived);
    free(pe->node.hosts);
    free(pe->address);
    pe->node.hosts = NULL;
    pe->address = NULL;
}

void net_close(struct net *net) {
    for (uint32_t i = 0; i < net->num_pes; i++) net_close_pe(net, i, false);
    rpc_loop_free(net->loop);
    rpc_log_free(net->pes[0].node.log);
    deploy_authority_free(net->authority);
    close(net->log_fd);
    CU_ASSERT_EQUAL(rmdir(net->dir), 0);
}

void net_poll(struct net *net) {
    for (uint32_t i = 0; i < net->num_pes; i++) rpc_node_poll(&net->pes[i].node, false);
    sched_yield();
}

bool net_until(struct net *net, const size_t *counter, size_t wanted) {
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while (*counter < wanted && rpc_loop_now_ns() < end_ns) net_poll(net);
    return *counter >= wanted;
}

struct chariot_msg *net_message(uint32_t from, uint32_t number, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    msg->kind = RPC_KIND_FIRST_USER;
    msg->from = from;
    msg->method = number;
    msg->size = size;
    memset(rpc_msg_payload(msg), (int)number, size);
    return msg;
}

static void exchange_one(struct net *net, uint32_t from, uint32_t to) {
    rpc_msg_queue_clear(&net->pes[to].arrived);
    struct chariot_msg *msg = net_message(from, 7, 100);
    CU_ASSERT_EQUAL(rpc_node_send(&net->pes[from].node, to, msg), 0);
    rpc_msg_unref(msg);
    CU_ASSERT_TRUE(net_until(net, &net->pes[to].arrived.count, 1));
    rpc_msg_queue_clear(&net->pes[to].arrived);
}

void net_exchange(struct net *net) {
    exchange_one(net, 0, 1);
    exchange_one(net, 1, 0);
}

bool net_logged(struct net *net, const char *text) {
    static char content[1 << 16];
    ssize_t size = pread(net->log_fd, content, sizeof content - 1, 0);
    content[size < 0 ? 0 : size] = '\0';
    return strstr(content, text) != NULL;
}

/* ---------------------------------------------------------------- a client of its own */

enum { TAG_OTHER, TAG_END };

static void start(struct raw *raw, const grpc_op *ops, size_t count, int *tag) {
    CU_ASSERT_EQUAL_FATAL(grpc_call_start_batch(raw->call, ops, count, tag, NULL), GRPC_CALL_OK);
    raw->outstanding++;
}

static int tags[] = {TAG_OTHER, TAG_END};

static void step(struct raw *raw) {
    net_poll(raw->net);
    grpc_event event = grpc_completion_queue_next(raw->cq, gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
    if (event.type != GRPC_OP_COMPLETE) return;
    raw->outstanding--;
    if (event.tag == &tags[TAG_END]) raw->ended = true;
}

static size_t add_metadata(grpc_metadata *list, size_t count, const char *key, const void *value, size_t size) {
    if (value == NULL) return count;
    list[count].key = grpc_slice_from_static_string(key);
    list[count].value = grpc_slice_from_static_buffer(value, size);
    return count + 1;
}

static void start_call(struct raw *raw, const struct raw_claim *claim) {
    grpc_metadata list[4];
    size_t count = add_metadata(list, 0, RPC_METADATA_TOKEN, claim->token, claim->token_bytes);
    count = add_metadata(list, count, RPC_METADATA_VERSION, claim->version,
                         claim->version == NULL ? 0 : strlen(claim->version));
    count = add_metadata(list, count, RPC_METADATA_PE, claim->pe, claim->pe == NULL ? 0 : strlen(claim->pe));
    count =
        add_metadata(list, count, RPC_METADATA_EPOCH, claim->epoch, claim->epoch == NULL ? 0 : strlen(claim->epoch));
    grpc_op ops[3] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .data.send_initial_metadata = {.count = count, .metadata = list}},
        {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &raw->initial},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &raw->trailing,
                                        .status = &raw->status,
                                        .status_details = &raw->text}},
    };
    start(raw, ops, 2, &tags[TAG_OTHER]);
    start(raw, ops + 2, 1, &tags[TAG_END]);
}

static grpc_channel *open_channel(const struct net *net, const struct raw_claim *claim) {
    const struct rpc_identity *identity = claim->identity;
    char name[RPC_IDENTITY_NAME_BYTES];
    rpc_identity_name(claim->name, name);
    grpc_arg arg = {
        .type = GRPC_ARG_STRING, .key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, .value.string = name};
    grpc_channel_args args = {.num_args = 1, .args = &arg};
    grpc_channel_credentials *credentials;
    if (identity == NULL) {
        credentials = grpc_insecure_credentials_create();
    } else {
        grpc_ssl_pem_key_cert_pair own = {.private_key = identity->key, .cert_chain = identity->certificate};
        credentials =
            grpc_ssl_credentials_create_ex(identity->authority, identity->key == NULL ? NULL : &own, NULL, NULL);
    }
    grpc_channel *channel = grpc_channel_create(net->pes[0].address, credentials, &args);
    grpc_channel_credentials_release(credentials);
    return channel;
}

void raw_open(struct raw *raw, struct net *net, const struct raw_claim *claim) {
    *raw = (struct raw){.net = net, .text = grpc_empty_slice()};
    grpc_init();
    grpc_metadata_array_init(&raw->initial);
    grpc_metadata_array_init(&raw->trailing);
    raw->cq = grpc_completion_queue_create_for_next(NULL);
    raw->channel = open_channel(net, claim);
    const char *method = claim->method == NULL ? RPC_METHOD_LINK : claim->method;
    raw->call = grpc_channel_create_call(raw->channel, NULL, GRPC_PROPAGATE_DEFAULTS, raw->cq,
                                         grpc_slice_from_static_string(method), NULL,
                                         gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    start_call(raw, claim);
}

struct raw_claim raw_valid(const char *pe) {
    static uint8_t token[RPC_TOKEN_BYTES];
    static char version[16], epoch[16];
    snprintf(epoch, sizeof epoch, "%d", NET_EPOCH);
    snprintf(version, sizeof version, "%d", RPC_PROTOCOL_VERSION);
    memset(token, NET_TOKEN_BYTE, sizeof token);
    return (struct raw_claim){
        .token = token, .token_bytes = sizeof token, .version = version, .pe = pe, .epoch = epoch};
}

void raw_send(struct raw *raw, const void *data, size_t size) {
    grpc_slice slice = grpc_slice_from_copied_buffer(data, size);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    unsigned before = raw->outstanding;
    start(raw, &op, 1, &tags[TAG_OTHER]);
    while (raw->outstanding > before && !raw->ended) step(raw);
    grpc_byte_buffer_destroy(buffer);
}

bool raw_wait_end(struct raw *raw) {
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while (!raw->ended && rpc_loop_now_ns() < end_ns) step(raw);
    return raw->ended;
}

bool raw_text_has(const struct raw *raw, const char *part) {
    char *text = grpc_slice_to_c_string(raw->text);
    bool has = strstr(text, part) != NULL;
    if (!has) fprintf(stderr, "status text: %s\n", text);
    gpr_free(text);
    return has;
}

void raw_close(struct raw *raw) {
    if (!raw->ended) grpc_call_cancel(raw->call, NULL);
    while (raw->outstanding > 0) step(raw);
    grpc_call_unref(raw->call);
    grpc_channel_destroy(raw->channel);
    grpc_completion_queue_shutdown(raw->cq);
    while (grpc_completion_queue_next(raw->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type != GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(raw->cq);
    grpc_metadata_array_destroy(&raw->initial);
    grpc_metadata_array_destroy(&raw->trailing);
    grpc_slice_unref(raw->text);
    grpc_shutdown_blocking();
}
