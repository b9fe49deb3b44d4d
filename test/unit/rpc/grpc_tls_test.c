/* test/unit/rpc/grpc_tls_test.c: PEs that speak TLS, and who gets no call through to them, or no further than its first
 * line. Nobody who is turned away disturbs the job. */
#include <grpc/grpc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_join.h"
#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

/* PE 2 has gone without having spoken to anyone, and the test speaks in its name. */
static void open_with_absent(struct net *net) {
    net_open_tls(net, 3, &rpc_limits_default);
    net_exchange(net);
    net_close_pe(net, 2, true);
}

static void expect_end(struct net *net, const struct raw_claim *claim, grpc_status_code status) {
    struct raw raw;
    raw_open(&raw, net, claim);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, status);
    raw_close(&raw);
    net_exchange(net);
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(net->pes[0].gone[pe], 0);
}

/* ---------------------------------------------------------------- who is let in */

static void pes_speak_tls(void) {
    struct net net;
    net_open_tls(&net, 3, &rpc_limits_default);
    for (int i = 0; i < 20; i++) net_exchange(&net);
    net_close(&net);
}

static void its_own_certificate_and_token(void) {
    struct net net;
    struct raw raw;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 2, 3600);
    struct raw_claim claim = raw_valid("2");
    claim.identity = &identity;
    raw_open(&raw, &net, &claim);
    raw_send(&raw, "", 0);
    CU_ASSERT_FALSE(raw.ended);
    raw_close(&raw);
    rpc_identity_deinit(&identity);
    net_close(&net);
}

/* ---------------------------------------------------------------- who is not */

static void plain_text(void) {
    struct net net;
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    net_close(&net);
}

/* What comes on standard error until close. */
static int stderr_open(int *before) {
    int fd = memfd_create("stderr", MFD_CLOEXEC);
    *before = dup(STDERR_FILENO);
    CU_ASSERT_TRUE_FATAL(fd >= 0 && *before >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    return fd;
}

static void stderr_close_take(int fd, int before, char *text, size_t size) {
    dup2(before, STDERR_FILENO);
    ssize_t got = pread(fd, text, size - 1, 0);
    text[got < 0 ? 0 : got] = '\0';
    close(before);
    close(fd);
}

static void who_fails_the_handshake_is_told_of(void) {
    struct net net;
    char text[1000];
    int before, fd = stderr_open(&before);
    open_with_absent(&net);
    struct raw_claim claim = raw_valid("2");
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    net_close(&net);
    stderr_close_take(fd, before, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "chariot: error rpc RPC-HANDSHAKE-FAILED why=\"Handshake failed"));
    const char *end = strchr(text, '\n');
    CU_ASSERT_TRUE(end != NULL && end[1] == '\0'); /* one line */
}

static void no_certificate(void) {
    struct net net;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 2, 3600);
    struct rpc_identity shown = {.authority = identity.authority};
    struct raw_claim claim = raw_valid("2");
    claim.identity = &shown;
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    rpc_identity_deinit(&identity);
    net_close(&net);
}

/* It trusts the job's authority, but its own certificate is by another. */
static void another_authority(void) {
    struct net net;
    open_with_absent(&net);
    struct deploy_authority *other = net_authority();
    struct rpc_identity real = net_identity(net.authority, 2, 3600), identity = net_identity(other, 2, 3600);
    struct rpc_identity shown = {.authority = real.authority, .certificate = identity.certificate, .key = identity.key};
    struct raw_claim claim = raw_valid("2");
    claim.identity = &shown;
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    rpc_identity_deinit(&real);
    rpc_identity_deinit(&identity);
    deploy_authority_free(other);
    net_close(&net);
}

static void expired(void) {
    struct net net;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 2, -3600);
    struct raw_claim claim = raw_valid("2");
    claim.identity = &identity;
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    rpc_identity_deinit(&identity);
    net_close(&net);
}

static void a_certificate_of_another_pe(void) {
    struct net net;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 1, 3600);
    struct raw_claim claim = raw_valid("2");
    claim.identity = &identity;
    expect_end(&net, &claim, GRPC_STATUS_UNAUTHENTICATED);
    CU_ASSERT_TRUE(net_logged(&net, "why=\"the certificate is not that PE's\""));
    rpc_identity_deinit(&identity);
    net_close(&net);
}

static void a_certificate_and_a_wrong_token(void) {
    struct net net;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 2, 3600);
    struct raw_claim claim = raw_valid("2");
    claim.identity = &identity;
    claim.token = "0123456789abcdef0123456789abcdef";
    expect_end(&net, &claim, GRPC_STATUS_UNAUTHENTICATED);
    CU_ASSERT_TRUE(net_logged(&net, "why=\"wrong job token\""));
    rpc_identity_deinit(&identity);
    net_close(&net);
}

/* A client that wants PE 1 and reaches PE 0 says nothing to it. */
static void a_server_of_another_name(void) {
    struct net net;
    open_with_absent(&net);
    struct rpc_identity identity = net_identity(net.authority, 2, 3600);
    struct raw_claim claim = raw_valid("2");
    claim.identity = &identity;
    claim.name = 1;
    expect_end(&net, &claim, GRPC_STATUS_UNAVAILABLE);
    rpc_identity_deinit(&identity);
    net_close(&net);
}

/* The address book says that PE 1 is where PE 2 listens: PE 0 sends it nothing. */
static void a_false_address(void) {
    struct net net;
    net_open_tls(&net, 3, &rpc_limits_default);
    struct rpc_grpc *g = (struct rpc_grpc *)net.pes[0].node.transport;
    char *address = g->peers[1].address;
    g->peers[1].address = strdup(net.pes[2].address);
    struct chariot_msg *msg = net_message(0, 1, 10);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), 0);
    rpc_msg_unref(msg);
    for (int64_t end_ns = rpc_loop_now_ns() + 30000000000; net.pes[0].gone[1] == 0 && rpc_loop_now_ns() < end_ns;)
        net_poll(&net);
    CU_ASSERT_EQUAL(net.pes[0].gone[1], 1);
    CU_ASSERT_EQUAL(net.pes[2].arrived.count, 0);
    free(g->peers[1].address);
    g->peers[1].address = address;
    net_close(&net);
}

static void an_identity_that_is_not_whole(void) {
    struct rpc_loop *loop;
    char *address;
    struct rpc_node node = {.pe = 0, .num_pes = 2};
    struct rpc_identity identity = {.authority = (char *)(uintptr_t) "x"};
    struct rpc_grpc_config config = {.listen = "127.0.0.1:0", .identity = &identity, .limits = rpc_limits_default};
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&loop), 0);
    rpc_turn_init(&node.turn);
    CU_ASSERT_EQUAL(rpc_grpc_open(loop, &node, &config, &address), CHARIOT_EINVAL);
    identity.certificate = identity.key = identity.authority; /* no PEM */
    CU_ASSERT_EQUAL(rpc_grpc_open(loop, &node, &config, &address), CHARIOT_EIO);
    rpc_loop_free(loop);
}

UNIT_MAIN("rpc/grpc_tls", UNIT(pes_speak_tls), UNIT(its_own_certificate_and_token), UNIT(plain_text),
          UNIT(who_fails_the_handshake_is_told_of), UNIT(no_certificate), UNIT(another_authority), UNIT(expired),
          UNIT(a_certificate_of_another_pe), UNIT(a_certificate_and_a_wrong_token), UNIT(a_server_of_another_name),
          UNIT(a_false_address), UNIT(an_identity_that_is_not_whole))
