/* test/unit/rpc/grpc_transport_test.c: opening and sending without memory, and ends that the conformance suite does not
 * see. */
#include "test/unit/fault_alloc.h"

#include "rpc/grpc_hub.c"
#include "rpc/grpc_join.c"
#include "rpc/grpc_server.c"
#include "rpc/grpc_transport.c"

#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef strndup
#undef free

#include <unistd.h>

#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

static void open_without_memory(void) {
    struct rpc_loop *loop;
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&loop), 0);
    FAULT_SWEEP(n) {
        struct rpc_node node = {.pe = 0, .num_pes = 2};
        struct rpc_grpc_config config = {.listen = "127.0.0.1:0", .limits = rpc_limits_default};
        char *address = NULL;
        rpc_turn_init(&node.turn);
        int error = rpc_grpc_open(loop, &node, &config, &address);
        if (error == 0) {
            fault_disarm();
            node.transport->ops->close(node.transport, false);
            free(address);
            if (!fault_hit) break;
        }
        CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
        CU_ASSERT_PTR_NULL(loop->hub);
        CU_ASSERT_FALSE(node.turn.shared);
    }
    rpc_loop_free(loop);
}

static void a_loop_opens_again_after_its_last_close(void) {
    struct rpc_loop *loop;
    struct rpc_node node = {.pe = 0, .num_pes = 2};
    struct rpc_grpc_config config = {.listen = "127.0.0.1:0", .limits = rpc_limits_default};
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&loop), 0);
    rpc_turn_init(&node.turn);
    for (int i = 0; i < 3; i++) {
        char *address;
        CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(loop, &node, &config, &address), 0);
        CU_ASSERT_EQUAL(strncmp(address, "ipv4:127.0.0.1:", 15), 0);
        CU_ASSERT_TRUE(node.transport->ops->flushed(node.transport));
        node.transport->ops->close(node.transport, i % 2 == 0);
        free(address);
    }
    rpc_loop_free(loop);
}

static void a_send_before_the_join_is_refused(void) {
    struct net net;
    net_open_unjoined(&net, 2, &rpc_limits_default);
    struct chariot_msg *msg = net_message(0, 1, 10);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), CHARIOT_ESTATE);
    rpc_msg_unref(msg);
    net_close(&net);
}

static void both_ends_of_a_pair_share_one_stream(void) {
    struct net net;
    net_open(&net, 2, &rpc_limits_default);
    net_exchange(&net);
    for (uint32_t pe = 0; pe < 2; pe++) {
        struct rpc_grpc *g = grpc_of(net.pes[pe].node.transport);
        CU_ASSERT_PTR_NOT_NULL(g->links);
        CU_ASSERT_PTR_NULL(g->links->next);
        CU_ASSERT_PTR_EQUAL(g->peers[1 - pe].out, g->links);
    }
    net_close(&net);
}

static void a_peer_that_cannot_be_reached_is_gone(void) {
    struct net net;
    net_open(&net, 2, &rpc_limits_default);
    net_close_pe(&net, 1, false); /* never spoke to PE 0 */
    struct chariot_msg *msg = net_message(0, 1, 100000);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), 0);
    while (net.pes[0].gone[1] == 0) net_poll(&net);
    CU_ASSERT_EQUAL(net.pes[0].gone_error[1], CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), CHARIOT_EGONE);
    CU_ASSERT_TRUE(rpc_node_flushed(&net.pes[0].node));
    net_poll(&net);
    CU_ASSERT_EQUAL(msg->refs, 1); /* what could not be sent was given back */
    rpc_msg_unref(msg);
    net_close(&net);
}

static void closing_twice_over_at_once_ends(void) {
    struct net net;
    net_open(&net, 3, &rpc_limits_default);
    net_exchange(&net);
    for (uint32_t pe = 0; pe < 3; pe++) {
        struct chariot_msg *msg = net_message(pe, 1, 5 << 20);
        CU_ASSERT_TRUE(rpc_node_send(&net.pes[pe].node, (pe + 1) % 3, msg) >= 0);
        rpc_msg_unref(msg);
    }
    net_close_pe(&net, 1, true);
    net_close_pe(&net, 0, false);
    net_close(&net);
}

UNIT_MAIN("rpc/grpc_transport", UNIT(open_without_memory), UNIT(a_loop_opens_again_after_its_last_close),
          UNIT(a_send_before_the_join_is_refused), UNIT(both_ends_of_a_pair_share_one_stream),
          UNIT(a_peer_that_cannot_be_reached_is_gone), UNIT(closing_twice_over_at_once_ends))
