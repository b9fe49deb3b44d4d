/* test/unit/rpc/grpc_join_test.c: the rendezvous, and those who spoil it. */
#include "rpc/grpc_join.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/proto/chariot/v1/peer.pb-c.h"
#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

static struct rpc_grpc *grpc_of(struct net *net, uint32_t pe) {
    return (struct rpc_grpc *)net->pes[pe].node.transport;
}

static void begin(struct net *net, uint32_t pe, const char *host) {
    CU_ASSERT_EQUAL_FATAL(rpc_join_begin(grpc_of(net, pe), net->pes[0].address, net->pes[pe].address, host, 30000), 0);
}

static int finish(struct net *net, uint32_t pe, char *why, size_t why_size) {
    while (!rpc_join_over(grpc_of(net, pe))) net_poll(net);
    return rpc_join_finish(grpc_of(net, pe), why, why_size);
}

static void all_get_the_same_book(void) {
    static const char *const hosts[] = {"b", "a", "b", "c"};
    static const uint32_t numbers[] = {0, 1, 0, 2};
    struct net net;
    char why[256];
    net_open_unjoined(&net, 4, &rpc_limits_default);
    for (uint32_t i = 0; i < 4; i++) begin(&net, 3 - i, hosts[3 - i]);
    for (uint32_t pe = 0; pe < 4; pe++) {
        CU_ASSERT_EQUAL(finish(&net, pe, why, sizeof why), 0);
        CU_ASSERT_EQUAL(net.pes[pe].node.num_hosts, 3);
        for (uint32_t of = 0; of < 4; of++) {
            CU_ASSERT_EQUAL(rpc_node_host_of(&net.pes[pe].node, of), numbers[of]);
            CU_ASSERT_STRING_EQUAL(grpc_of(&net, pe)->peers[of].address, net.pes[of].address);
        }
    }
    net_close(&net);
}

static void pe_0_names_those_that_have_not_come(void) {
    struct net net;
    char why[256] = "";
    net_open_unjoined(&net, 4, &rpc_limits_default);
    begin(&net, 0, "here");
    begin(&net, 2, "here");
    while (grpc_of(&net, 0)->join->present < 2) net_poll(&net);
    CU_ASSERT_EQUAL(rpc_join_finish(grpc_of(&net, 0), why, sizeof why), CHARIOT_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "2 of 4 PEs have not come: PE 1, 3"));
    net_close(&net);
}

static void the_wait_for_pe_0_is_bounded(void) {
    struct net net;
    char why[256] = "";
    net_open_unjoined(&net, 2, &rpc_limits_default);
    int error =
        rpc_grpc_join(net.pes[1].node.transport, net.pes[0].address, net.pes[1].address, "here", 50, why, sizeof why);
    CU_ASSERT_EQUAL(error, CHARIOT_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "PE 0 has not answered in time"));
    net_close(&net);
}

static void a_pe_0_that_falls_silent_is_given_up(void) {
    struct net net;
    char why[256] = "";
    net_open_unjoined(&net, 2, &rpc_limits_default);
    grpc_of(&net, 1)->silence_ms = 100;
    int error = rpc_grpc_join(net.pes[1].node.transport, net.pes[0].address, net.pes[1].address, "here", 60000, why,
                              sizeof why);
    CU_ASSERT_TRUE(error == CHARIOT_EGONE ||
                   error == CHARIOT_ETIMEOUT); /* by a ping, or never reached: both may be first */
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "PE 1 cannot join the job: "));
    net_close(&net);
}

static void a_pe_with_another_token_is_not_let_in(void) {
    struct net net;
    char why[256] = "";
    net_open_unjoined(&net, 2, &rpc_limits_default);
    grpc_of(&net, 1)->token[31] ^= 1;
    begin(&net, 0, "here");
    begin(&net, 1, "here");
    CU_ASSERT_EQUAL(finish(&net, 1, why, sizeof why), CHARIOT_EAUTH);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "PE 1 cannot join the job: PE 0 did not let it in: wrong job token"));
    CU_ASSERT_TRUE(net_logged(&net, "RPC-PEER-REFUSED"));
    CU_ASSERT_FALSE(rpc_join_over(grpc_of(&net, 0)));
    net_close(&net);
}

static void messages_wait_until_their_receiver_has_the_book(void) {
    struct net net;
    char why[256];
    net_open_unjoined(&net, 2, &rpc_limits_default);
    begin(&net, 0, "here");
    begin(&net, 1, "here");
    while (!rpc_join_over(grpc_of(&net, 0))) net_poll(&net);
    CU_ASSERT_EQUAL(finish(&net, 1, why, sizeof why), 0);
    grpc_of(&net, 1)->joined = false; /* as if its answer were still on the way */
    struct chariot_msg *msg = net_message(0, 1, 10);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), 0);
    rpc_msg_unref(msg);
    while (grpc_of(&net, 1)->held == 0) net_poll(&net);
    for (int i = 0; i < 100; i++) net_poll(&net);
    CU_ASSERT_EQUAL(net.pes[1].arrived.count, 0);
    grpc_of(&net, 1)->joined = true;
    CU_ASSERT_TRUE(net_until(&net, &net.pes[1].arrived.count, 1));
    net_close(&net);
}

static void an_address_that_cannot_be_bound(void) {
    struct rpc_loop *loop;
    struct rpc_node node = {.pe = 0, .num_pes = 2};
    char *address = NULL;
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&loop), 0);
    rpc_turn_init(&node.turn);
    struct rpc_grpc_config config = {.listen = "unix:/nonexistent/0.sock", .limits = rpc_limits_default};
    CU_ASSERT_EQUAL(rpc_grpc_open(loop, &node, &config, &address), CHARIOT_EIO);
    CU_ASSERT_PTR_NULL(node.transport);
    CU_ASSERT_PTR_NULL(address);
    rpc_loop_free(loop);
}

/* ---------------------------------------------------------------- calls by hand */

static void raw_join(struct raw *raw, struct net *net, const char *claimed_pe, uint32_t pe, uint32_t num_pes) {
    struct raw_claim claim = raw_valid(claimed_pe);
    claim.method = RPC_METHOD_JOIN;
    Chariot__V1__JoinRequest request = CHARIOT__V1__JOIN_REQUEST__INIT;
    uint8_t packed[128];
    request.pe = pe;
    request.num_pes = num_pes;
    request.address = (char[]){"unix:/nonexistent"};
    request.host = (char[]){"there"};
    size_t size = chariot__v1__join_request__pack(&request, packed);
    raw_open(raw, net, &claim);
    raw_send(raw, packed, size);
}

static void expect_no(const char *claimed_pe, uint32_t pe, uint32_t num_pes, grpc_status_code status,
                      const char *text) {
    struct net net;
    struct raw raw;
    net_open_unjoined(&net, 3, &rpc_limits_default);
    begin(&net, 0, "here");
    begin(&net, 1, "here");
    while (grpc_of(&net, 0)->join->present < 2) net_poll(&net);
    raw_join(&raw, &net, claimed_pe, pe, num_pes);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, status);
    CU_ASSERT_TRUE(raw_text_has(&raw, text));
    CU_ASSERT_TRUE(net_logged(&net, "RPC-PEER-REFUSED"));
    CU_ASSERT_EQUAL(grpc_of(&net, 0)->join->present, 2);
    raw_close(&raw);
    net_close(&net);
}

static void a_second_join_of_a_pe(void) {
    expect_no("1", 1, 3, GRPC_STATUS_ALREADY_EXISTS, "has joined already");
}

static void another_number_of_pes(void) {
    expect_no("2", 2, 4, GRPC_STATUS_FAILED_PRECONDITION, "this job has 3 PEs, not 4");
}

static void another_pe_than_its_metadata_says(void) {
    expect_no("2", 1, 3, GRPC_STATUS_INVALID_ARGUMENT, "malformed JoinRequest");
}

static void a_request_that_cannot_be_read(void) {
    struct net net;
    struct raw raw;
    struct raw_claim claim = raw_valid("2");
    claim.method = RPC_METHOD_JOIN;
    net_open_unjoined(&net, 3, &rpc_limits_default);
    raw_open(&raw, &net, &claim);
    raw_send(&raw, "\xff\xff\xff\xff", 4);
    CU_ASSERT_TRUE_FATAL(raw_wait_end(&raw));
    CU_ASSERT_EQUAL(raw.status, GRPC_STATUS_INVALID_ARGUMENT);
    raw_close(&raw);
    net_close(&net);
}

static void one_that_went_away_may_come_again(void) {
    struct net net;
    struct raw raw;
    net_open_unjoined(&net, 3, &rpc_limits_default);
    begin(&net, 0, "here");
    raw_join(&raw, &net, "2", 2, 3);
    while (grpc_of(&net, 0)->join->present < 2) net_poll(&net);
    raw_close(&raw);
    while (grpc_of(&net, 0)->join->present > 1) net_poll(&net);
    begin(&net, 1, "here");
    begin(&net, 2, "here");
    char why[256];
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(finish(&net, pe, why, sizeof why), 0);
    net_exchange(&net);
    net_close(&net);
}

UNIT_MAIN("rpc/grpc_join", UNIT(all_get_the_same_book), UNIT(pe_0_names_those_that_have_not_come),
          UNIT(the_wait_for_pe_0_is_bounded), UNIT(a_pe_0_that_falls_silent_is_given_up),
          UNIT(a_pe_with_another_token_is_not_let_in), UNIT(messages_wait_until_their_receiver_has_the_book),
          UNIT(an_address_that_cannot_be_bound), UNIT(a_second_join_of_a_pe), UNIT(another_number_of_pes),
          UNIT(another_pe_than_its_metadata_says), UNIT(a_request_that_cannot_be_read),
          UNIT(one_that_went_away_may_come_again))
