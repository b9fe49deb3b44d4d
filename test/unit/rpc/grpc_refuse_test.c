/* test/unit/rpc/grpc_refuse_test.c: who is not let in, and what happens to what cannot be read: that connection ends
 * with a named error, and the job goes on. */
#include <errno.h>
#include <grpc/grpc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/frame.h"
#include "rpc/grpc_channel.h"
#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

/* PEs 0 and 1 work; 2 has gone without having spoken to anyone, and the test speaks in its name. */
static void open_with_absent(struct net *net) {
    net_open(net, 3, &rpc_limits_default);
    net_exchange(net);
    net_close_pe(net, 2, true);
}

static void nobody_is_gone(struct net *net) {
    net_exchange(net);
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(net->pes[0].gone[pe], 0);
}

static bool logged_in_time(struct net *net, const char *text) {
    for (int64_t end_ns = rpc_loop_now_ns() + 30000000000; rpc_loop_now_ns() < end_ns && !net_logged(net, text);)
        net_poll(net);
    return net_logged(net, text);
}

/* ---------------------------------------------------------------- not let in */

static void expect_refused(const struct raw_claim *claim, grpc_status_code status, const char *text) {
    struct net net;
    struct raw raw;
    char line[128];
    open_with_absent(&net);
    raw_open(&raw, &net, claim);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, status);
    CU_ASSERT_TRUE(raw_text_has(&raw, text));
    snprintf(line, sizeof line, "why=\"%s\"", text);
    CU_ASSERT_TRUE(net_logged(&net, "RPC-PEER-REFUSED"));
    CU_ASSERT_TRUE(net_logged(&net, line));
    raw_close(&raw);
    nobody_is_gone(&net);
    net_close(&net);
}

static void no_token(void) {
    struct raw_claim claim = raw_valid("2");
    claim.token = NULL;
    expect_refused(&claim, GRPC_STATUS_UNAUTHENTICATED, "no job token");
}

static void wrong_token(void) {
    struct raw_claim claim = raw_valid("2");
    claim.token = "0123456789abcdef0123456789abcdef";
    expect_refused(&claim, GRPC_STATUS_UNAUTHENTICATED, "wrong job token");
}

static void part_of_the_token(void) {
    struct raw_claim claim = raw_valid("2");
    claim.token_bytes--;
    expect_refused(&claim, GRPC_STATUS_UNAUTHENTICATED, "wrong job token");
}

static void the_token_is_checked_before_the_method(void) {
    struct raw_claim claim = raw_valid("2");
    claim.token = NULL;
    claim.method = "/chariot.v1.PeerService/Other";
    expect_refused(&claim, GRPC_STATUS_UNAUTHENTICATED, "no job token");
}

static void another_version(void) {
    struct raw_claim claim = raw_valid("2");
    claim.version = "1000";
    expect_refused(&claim, GRPC_STATUS_FAILED_PRECONDITION, "another protocol version");
}

static void no_version(void) {
    struct raw_claim claim = raw_valid("2");
    claim.version = NULL;
    expect_refused(&claim, GRPC_STATUS_FAILED_PRECONDITION, "no protocol version");
}

static void another_epoch(void) {
    static const char *const epochs[] = {NULL, "6", "8", "0", "", "-7", "7x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        struct raw_claim claim = raw_valid("2");
        claim.epoch = epochs[i];
        expect_refused(&claim, GRPC_STATUS_FAILED_PRECONDITION,
                       "another epoch: it belongs to another job of that name");
    }
}

static void pe_out_of_range(void) {
    static const char *const pes[] = {"3", "0", "-1", "", "1x", "4294967298", "99999999999999999999"};
    for (size_t i = 0; i < sizeof pes / sizeof pes[0]; i++) {
        struct raw_claim claim = raw_valid(pes[i]);
        expect_refused(&claim, GRPC_STATUS_INVALID_ARGUMENT, "PE number out of range");
    }
}

static void no_pe(void) {
    struct raw_claim claim = raw_valid(NULL);
    expect_refused(&claim, GRPC_STATUS_INVALID_ARGUMENT, "no PE number");
}

static void unknown_method(void) {
    struct raw_claim claim = raw_valid("2");
    claim.method = "/chariot.v1.PeerService/Other";
    expect_refused(&claim, GRPC_STATUS_UNIMPLEMENTED, "unknown method");
}

static void a_second_link_of_a_pe(void) {
    struct net net;
    struct raw first, second;
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    raw_open(&first, &net, &claim);
    raw_send(&first, "", 0);
    while (!net_logged(&net, "RPC-PEER-REFUSED")) {
        raw_open(&second, &net, &claim);
        CU_ASSERT_TRUE_FATAL(raw_wait_end(&second));
        CU_ASSERT_EQUAL(second.status, GRPC_STATUS_ALREADY_EXISTS);
        raw_close(&second);
    }
    raw_close(&first);
    nobody_is_gone(&net);
    net_close(&net);
}

/* ---------------------------------------------------------------- what cannot be read */

static void expect_malformed(const void *frame, size_t size, const char *why) {
    struct net net;
    struct raw raw;
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    raw_open(&raw, &net, &claim);
    raw_send(&raw, frame, size);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, GRPC_STATUS_INVALID_ARGUMENT);
    CU_ASSERT_TRUE(raw_text_has(&raw, why));
    CU_ASSERT_TRUE(net_logged(&net, "RPC-FRAME-MALFORMED pe=2"));
    CU_ASSERT_TRUE(net_logged(&net, why));
    raw_close(&raw);
    nobody_is_gone(&net);
    net_close(&net);
}

static void make_frame(struct rpc_frame_batch *batch, size_t payload) {
    struct chariot_msg *msg = net_message(2, 1, payload);
    CU_ASSERT_EQUAL_FATAL(rpc_frame_batch_append(batch, msg), 0);
    rpc_msg_unref(msg);
}

static void a_frame_cut_short(void) {
    struct rpc_frame_batch batch = {0};
    make_frame(&batch, 100);
    expect_malformed(batch.data, batch.size - 1, "length beyond the frame");
    expect_malformed(batch.data, 5, "frame cut short");
    rpc_frame_batch_deinit(&batch);
}

static void a_frame_of_garbage(void) {
    uint8_t garbage[300];
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (uint8_t)(0xd7 + i * 31);
    expect_malformed(garbage, sizeof garbage, "unknown tag");
}

static void a_length_field_of_1_gib(void) {
    struct rpc_frame_batch batch = {0};
    make_frame(&batch, 100);
    const uint8_t gib[5] = {0x80, 0x80, 0x80, 0x80, 0x04};
    memcpy(batch.data + 1, gib, sizeof gib);
    expect_malformed(batch.data, batch.size, "length beyond the frame");
    rpc_frame_batch_deinit(&batch);
}

static void a_kind_that_is_not_for_peers(void) {
    struct rpc_frame_batch batch = {0};
    struct chariot_msg *msg = net_message(2, 1, 0);
    msg->kind = RPC_KIND_FIRST_USER - 1;
    CU_ASSERT_EQUAL_FATAL(rpc_frame_batch_append(&batch, msg), 0);
    rpc_msg_unref(msg);
    expect_malformed(batch.data, batch.size, "unknown kind");
    rpc_frame_batch_deinit(&batch);
}

static void garbage_of_a_peer_that_had_spoken_is_reported(void) {
    struct net net;
    struct raw raw;
    struct rpc_frame_batch batch = {0};
    open_with_absent(&net);
    make_frame(&batch, 100);
    struct raw_claim claim = raw_valid("2");
    raw_open(&raw, &net, &claim);
    raw_send(&raw, batch.data, batch.size);
    CU_ASSERT_TRUE(net_until(&net, &net.pes[0].arrived.count, 1));
    raw_send(&raw, "garbage", 7);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(net.pes[0].gone[2], 1);
    CU_ASSERT_EQUAL(net.pes[0].gone_error[2], CHARIOT_EMALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(net.pes[0].gone_text, "PE 2 sent a frame that cannot be read"));
    raw_close(&raw);
    net_exchange(&net);
    net_close(&net);
    rpc_frame_batch_deinit(&batch);
}

static void one_that_hangs_up_unheard_is_nobody(void) {
    struct net net;
    struct raw raw;
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    raw_open(&raw, &net, &claim);
    raw_send(&raw, "", 0);
    raw_close(&raw);
    nobody_is_gone(&net);
    net_close(&net);
}

/* ---------------------------------------------------------------- below gRPC */

static int connect_socket(const struct net *net) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", net->pes[0].address + strlen("unix:"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Reads until the other end closes the connection or, where `wanted` is not 0, a frame with that type and flags has
 * come. */
static bool read_until(struct net *net, int fd, uint8_t wanted_type, uint8_t wanted_flag) {
    uint8_t buffer[8192];
    size_t have = 0;
    for (int64_t end_ns = rpc_loop_now_ns() + 30000000000; rpc_loop_now_ns() < end_ns;) {
        net_poll(net);
        ssize_t size = read(fd, buffer + have, sizeof buffer - have);
        if (size == 0 || (size < 0 && errno != EAGAIN)) return true;
        if (size > 0) have += (size_t)size;
        for (size_t at = 0; at + 9 <= have && wanted_type != 0;) {
            size_t length = (size_t)buffer[at] << 16 | (size_t)buffer[at + 1] << 8 | buffer[at + 2];
            if (buffer[at + 3] == wanted_type && (buffer[at + 4] & wanted_flag) != 0) return true;
            at += 9 + length;
        }
    }
    return false;
}

static void raw_bytes_on_the_socket(void) {
    struct net net;
    open_with_absent(&net);
    int fd = connect_socket(&net);
    uint8_t garbage[4096];
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (uint8_t)(i * i + 3);
    CU_ASSERT_EQUAL(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL), (ssize_t)sizeof garbage);
    CU_ASSERT_TRUE(read_until(&net, fd, 0, 0));
    close(fd);
    nobody_is_gone(&net);
    net_close(&net);
}

/* HPACK: a literal header, not indexed. */
static size_t put_header(uint8_t *out, const char *name, const char *value, size_t value_size) {
    size_t name_size = strlen(name), at = 0;
    out[at++] = 0;
    out[at++] = (uint8_t)name_size;
    memcpy(out + at, name, name_size);
    at += name_size;
    out[at++] = (uint8_t)value_size;
    memcpy(out + at, value, value_size);
    return at + value_size;
}

static size_t put_http2_frame(uint8_t *out, uint8_t type, uint8_t flags, uint8_t stream, const void *data,
                              size_t size) {
    const uint8_t head[9] = {0, (uint8_t)(size >> 8), (uint8_t)size, type, flags, 0, 0, 0, stream};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, data, size);
    return sizeof head + size;
}

/* A Link call written by hand, with a valid token (32 times 'Z', in base64). */
static size_t put_call(uint8_t *out, const uint8_t *message, size_t message_size) {
    static const char token[] = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo";
    uint8_t headers[512];
    size_t size = 0;
    size += put_header(headers + size, ":method", "POST", 4);
    size += put_header(headers + size, ":scheme", "http", 4);
    size += put_header(headers + size, ":path", RPC_METHOD_LINK, strlen(RPC_METHOD_LINK));
    size += put_header(headers + size, ":authority", "x", 1);
    size += put_header(headers + size, "content-type", "application/grpc", 16);
    size += put_header(headers + size, "te", "trailers", 8);
    size += put_header(headers + size, RPC_METADATA_TOKEN, token, strlen(token));
    size += put_header(headers + size, RPC_METADATA_VERSION, raw_valid(NULL).version, 1);
    size += put_header(headers + size, RPC_METADATA_PE, "2", 1);
    size += put_header(headers + size, RPC_METADATA_EPOCH, raw_valid(NULL).epoch, 1);
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t at = strlen(preface);
    memcpy(out, preface, at);
    at += put_http2_frame(out + at, 4, 0, 0, "", 0);                       /* SETTINGS */
    at += put_http2_frame(out + at, 1, 4, 1, headers, size);               /* HEADERS, END_HEADERS */
    return at + put_http2_frame(out + at, 0, 0, 1, message, message_size); /* DATA */
}

/* gRPC itself waits for the rest of it; the test hangs up. */
static void a_grpc_message_that_claims_1_gib(void) {
    struct net net;
    open_with_absent(&net);
    int fd = connect_socket(&net);
    const uint8_t message[] = {0, 0x40, 0, 0, 0, 1, 2, 3};
    uint8_t bytes[1024];
    size_t size = put_call(bytes, message, sizeof message);
    CU_ASSERT_EQUAL(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    CU_ASSERT_TRUE(read_until(&net, fd, 1, 4)); /* HEADERS: the call was let in */
    net_exchange(&net);
    close(fd);
    CU_ASSERT_TRUE(logged_in_time(&net, "RPC-LINK-LOST pe=2"));
    CU_ASSERT_FALSE(net_logged(&net, "RPC-PEER-REFUSED"));
    nobody_is_gone(&net);
    net_close(&net);
}

static void a_grpc_message_above_the_limit(void) {
    struct net net;
    struct raw raw;
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    raw_open(&raw, &net, &claim);
    size_t size = rpc_limits_default.frame_bytes + (1 << 20);
    void *zeroes = calloc(1, size);
    raw_send(&raw, zeroes, size);
    free(zeroes);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
    CU_ASSERT_TRUE(raw_text_has(&raw, "Received message larger than max"));
    CU_ASSERT_TRUE(logged_in_time(&net, "RPC-LINK-LOST pe=2"));
    raw_close(&raw);
    nobody_is_gone(&net);
    net_close(&net);
}

UNIT_MAIN("rpc/grpc_refuse", UNIT(no_token), UNIT(wrong_token), UNIT(part_of_the_token),
          UNIT(the_token_is_checked_before_the_method), UNIT(another_version), UNIT(no_version), UNIT(pe_out_of_range),
          UNIT(another_epoch), UNIT(no_pe), UNIT(unknown_method), UNIT(a_second_link_of_a_pe), UNIT(a_frame_cut_short),
          UNIT(a_frame_of_garbage), UNIT(a_length_field_of_1_gib), UNIT(a_kind_that_is_not_for_peers),
          UNIT(garbage_of_a_peer_that_had_spoken_is_reported), UNIT(one_that_hangs_up_unheard_is_nobody),
          UNIT(raw_bytes_on_the_socket), UNIT(a_grpc_message_that_claims_1_gib), UNIT(a_grpc_message_above_the_limit))
