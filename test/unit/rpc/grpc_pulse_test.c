/* test/unit/rpc/grpc_pulse_test.c: who is there says so, and who does not is given up. */
#include "rpc/grpc_pulse.h"

#include <time.h>

#include "rpc/error.h"
#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

enum { SILENCE_MS = 400 };

static const int64_t MS = 1000000;

static void set_silence(struct net *net, uint32_t pe, uint32_t silence_ms) {
    ((struct rpc_grpc *)net->pes[pe].node.transport)->silence_ms = silence_ms;
}

static void open_pair(struct net *net) {
    net_open(net, 2, &rpc_limits_default);
    set_silence(net, 0, SILENCE_MS);
    set_silence(net, 1, SILENCE_MS);
    net_exchange(net);
}

/* Both PEs are on one loop, which sleeps. */
static void idle_for(struct net *net, int64_t time_ns) {
    int64_t end_ns = rpc_loop_now_ns() + time_ns;
    while (rpc_loop_now_ns() < end_ns) rpc_loop_turn(net->loop, false, end_ns);
}

static void idle_peers_are_heard_of(void) {
    struct net net;
    open_pair(&net);
    idle_for(&net, 3 * SILENCE_MS * MS);
    CU_ASSERT_EQUAL(net.pes[0].gone[1] + net.pes[1].gone[0], 0);
    net_exchange(&net);
    net_close(&net);
}

static void signs_of_life_do_not_wake_the_scheduler(void) {
    struct net net;
    open_pair(&net);
    idle_for(&net, 100 * MS);
    int64_t end_ns = rpc_loop_now_ns() + 2 * SILENCE_MS * MS;
    int turns = 0;
    while (rpc_loop_now_ns() < end_ns) {
        rpc_loop_turn(net.loop, false, end_ns);
        turns++;
    }
    CU_ASSERT_TRUE(turns <= 3);
    net_close(&net);
}

static void a_silent_peer_is_given_up(void) {
    struct net net;
    open_pair(&net);
    set_silence(&net, 1, 0); /* it does not pulse */
    idle_for(&net, 3 * SILENCE_MS * MS);
    CU_ASSERT_EQUAL(net.pes[0].gone[1], 1);
    CU_ASSERT_EQUAL(net.pes[0].gone_error[1], CHARIOT_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(net.pes[0].gone_text, "nothing has come from PE 1 on host here (unix:"));
    CU_ASSERT_PTR_NOT_NULL(strstr(net.pes[0].gone_text, "for 0.4 seconds"));
    net_close(&net);
}

static void one_that_never_answered_is_given_up(void) {
    struct net net;
    net_open(&net, 2, &rpc_limits_default);
    set_silence(&net, 0, SILENCE_MS);
    struct chariot_msg *msg = net_message(0, 1, 10);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), 0);
    rpc_msg_unref(msg);
    idle_for(&net, 3 * SILENCE_MS * MS);
    CU_ASSERT_EQUAL(net.pes[0].gone[1], 1);
    net_close(&net);
}

static void nobody_is_silent_while_all_are_suspended(void) {
    struct net net;
    open_pair(&net);
    for (int i = 0; i < 4; i++) {
        const struct timespec suspended = {.tv_nsec = 2 * SILENCE_MS * MS};
        nanosleep(&suspended, NULL);
        idle_for(&net, SILENCE_MS * MS / 4);
    }
    CU_ASSERT_EQUAL(net.pes[0].gone[1] + net.pes[1].gone[0], 0);
    net_close(&net);
}

static void without_links_there_are_no_pulses(void) {
    struct net net;
    net_open(&net, 1, &rpc_limits_default);
    set_silence(&net, 0, SILENCE_MS);
    CU_ASSERT_EQUAL(rpc_grpc_next_pulse_ns((struct rpc_grpc *)net.pes[0].node.transport), RPC_FOREVER_NS);
    net_close(&net);
}

int main(int argc, char **argv) {
    static const struct unit_test tests[] = {
        UNIT(idle_peers_are_heard_of),
        UNIT(signs_of_life_do_not_wake_the_scheduler),
        UNIT(a_silent_peer_is_given_up),
        UNIT(one_that_never_answered_is_given_up),
        UNIT(nobody_is_silent_while_all_are_suspended),
        UNIT(without_links_there_are_no_pulses),
    };
    return unit_main(argc, argv, "rpc/grpc_pulse", tests, sizeof tests / sizeof tests[0]);
}
