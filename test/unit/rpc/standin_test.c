/* test/unit/rpc/standin_test.c: a method computes; meanwhile its PE receives, what it has sent leaves, and what only
 * passes through it is passed on.
 *
 * PE 1 lives on a loop whose thread is the test's own and does nothing but compute, with the turn lent, until the
 * others are content. PEs 0 and 2 live on a second loop and thread. */
#include "rpc/standin.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_join.h"
#include "rpc/loop.h"
#include "rpc/msg.h"
#include "test/unit/unit.h"

enum { NUM_PES = 3, FORWARD = 1, KEEP = 2, PASSED = 40, KEPT = 30, LARGE = 12, LARGE_BYTES = 3 << 20 };

static const int64_t HANG_NS = 60000000000;

struct end {
    struct rpc_node node;
    struct rpc_msg_queue kept;
    atomic_uint passed; /* that came by way of PE 1 */
    atomic_uint large;
    atomic_uint foreign; /* upcalls on another thread than the scheduler's */
    atomic_uint gone;
    pthread_t scheduler;
    char *address;
};

struct trio {
    struct rpc_loop *middle, *outer; /* of PE 1; of PEs 0 and 2 */
    struct end ends[NUM_PES];
    char dir[40];
    pthread_t thread;
    atomic_bool joined, start, stop;
};

static struct chariot_msg *make(uint32_t from, uint32_t method, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    msg->kind = RPC_KIND_FIRST_USER;
    msg->from = from;
    msg->method = method;
    msg->size = size;
    memset(rpc_msg_payload(msg), 1, size);
    return msg;
}

static int send_new(struct end *end, uint32_t to, uint32_t method, size_t size) {
    struct chariot_msg *msg = make(end->node.pe, method, size);
    int outcome = rpc_node_send(&end->node, to, msg);
    rpc_msg_unref(msg);
    return outcome;
}

/* What routes at once and what waits for the scheduler, as in objects/. */
static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct end *end = owner;
    if (!pthread_equal(pthread_self(), end->scheduler)) atomic_fetch_add(&end->foreign, 1);
    if (msg->method == FORWARD && end->node.pe == 1) {
        rpc_msg_consume(msg);
        CU_ASSERT_TRUE(rpc_node_send(&end->node, 2, msg) >= 0);
        rpc_msg_unref(msg);
        return;
    }
    if (msg->method == FORWARD) atomic_fetch_add(&end->passed, 1);
    if (msg->size == LARGE_BYTES) atomic_fetch_add(&end->large, 1);
    rpc_msg_queue_push_take(&end->kept, msg);
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    atomic_fetch_add(&((struct end *)owner)->gone, 1);
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

static void end_open(struct trio *trio, uint32_t pe) {
    struct end *end = &trio->ends[pe];
    char target[64];
    snprintf(target, sizeof target, "unix:%s/%u.sock", trio->dir, pe);
    end->node = (struct rpc_node){.pe = pe, .num_pes = NUM_PES, .up = &upcalls, .owner = end};
    rpc_turn_init(&end->node.turn);
    struct rpc_grpc_config config = {.listen = target, .limits = rpc_limits_default};
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(pe == 1 ? trio->middle : trio->outer, &end->node, &config, &end->address), 0);
}

static void end_close(struct trio *trio, uint32_t pe) {
    struct end *end = &trio->ends[pe];
    end->node.transport->ops->close(end->node.transport, false);
    rpc_msg_queue_clear(&end->kept);
    free(end->node.hosts);
    free(end->address);
}

/* ---------------------------------------------------------------- the other PEs */

static void join_outer(struct trio *trio) {
    char why[256];
    for (uint32_t pe = 0; pe < NUM_PES; pe += 2) {
        struct rpc_grpc *g = (struct rpc_grpc *)trio->ends[pe].node.transport;
        rpc_join_begin(g, trio->ends[0].address, trio->ends[pe].address, "here", 30000);
    }
    for (uint32_t pe = 0; pe < NUM_PES; pe += 2) {
        struct rpc_grpc *g = (struct rpc_grpc *)trio->ends[pe].node.transport;
        while (!rpc_join_over(g)) rpc_loop_turn(trio->outer, false, RPC_FOREVER_NS);
        if (rpc_join_finish(g, why, sizeof why) == 0) continue;
        fputs(why, stderr);
        abort();
    }
}

static void *outer_main(void *arg) {
    struct trio *trio = arg;
    trio->ends[0].scheduler = trio->ends[2].scheduler = pthread_self();
    join_outer(trio);
    while (!atomic_load(&trio->start)) rpc_loop_turn(trio->outer, false, rpc_loop_now_ns() + 1000000);
    for (int i = 0; i < PASSED; i++) send_new(&trio->ends[0], 1, FORWARD, i % 4 == 0 ? 100000 : 10);
    for (int i = 0; i < KEPT; i++) send_new(&trio->ends[0], 1, KEEP, 10);
    while (!atomic_load(&trio->stop)) rpc_loop_turn(trio->outer, false, rpc_loop_now_ns() + 1000000);
    end_close(trio, 0);
    end_close(trio, 2);
    return NULL;
}

static void trio_open(struct trio *trio) {
    char why[256];
    *trio = (struct trio){.dir = "/tmp/chariot-standin-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(trio->dir));
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&trio->middle), 0);
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&trio->outer), 0);
    for (uint32_t pe = 0; pe < NUM_PES; pe++) end_open(trio, pe);
    trio->ends[1].scheduler = pthread_self();
    CU_ASSERT_EQUAL_FATAL(pthread_create(&trio->thread, NULL, outer_main, trio), 0);
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_join(trio->ends[1].node.transport, trio->ends[0].address, trio->ends[1].address,
                                        "here", 30000, why, sizeof why),
                          0);
}

static void trio_close(struct trio *trio) {
    atomic_store(&trio->stop, true);
    end_close(trio, 1);
    pthread_join(trio->thread, NULL);
    rpc_loop_free(trio->middle);
    rpc_loop_free(trio->outer);
    CU_ASSERT_EQUAL(rmdir(trio->dir), 0);
}

static unsigned kept_now(struct end *end) {
    rpc_turn_take(&end->node.turn);
    unsigned count = (unsigned)end->kept.count;
    rpc_turn_lend(&end->node.turn);
    return count;
}

/* ---------------------------------------------------------------- tests */

static void traffic_goes_on_while_a_method_computes(void) {
    struct trio trio;
    trio_open(&trio);
    struct end *middle = &trio.ends[1], *last = &trio.ends[2];
    for (int i = 0; i < LARGE; i++) CU_ASSERT_TRUE(send_new(middle, 2, KEEP, LARGE_BYTES) >= 0);
    rpc_turn_lend(&middle->node.turn);
    atomic_store(&trio.start, true);
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while ((atomic_load(&last->passed) < PASSED || atomic_load(&last->large) < LARGE || kept_now(middle) < KEPT) &&
           rpc_loop_now_ns() < end_ns) {
        for (int i = 0; i < 1000; i++) sched_yield(); /* computes */
    }
    rpc_turn_take(&middle->node.turn);
    CU_ASSERT_EQUAL(atomic_load(&last->passed), PASSED);
    CU_ASSERT_EQUAL(atomic_load(&last->large), LARGE);
    CU_ASSERT_EQUAL(middle->kept.count, KEPT);
    CU_ASSERT_TRUE(atomic_load(&middle->foreign) > 0);
    CU_ASSERT_EQUAL(atomic_load(&trio.ends[0].foreign) + atomic_load(&last->foreign), 0);
    for (int pe = 0; pe < NUM_PES; pe++) CU_ASSERT_EQUAL(atomic_load(&trio.ends[pe].gone), 0);
    trio_close(&trio);
}

static void it_leaves_alone_what_is_not_lent(void) {
    struct trio trio;
    trio_open(&trio);
    struct end *middle = &trio.ends[1];
    atomic_store(&trio.start, true);
    /* PE 0 is content when its messages have left; they wait at PE 1, whose turn is taken all the time. */
    for (int64_t until_ns = rpc_loop_now_ns() + 40000000; rpc_loop_now_ns() < until_ns;) sched_yield();
    CU_ASSERT_EQUAL(middle->kept.count, 0);
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while (middle->kept.count < KEPT && rpc_loop_now_ns() < end_ns)
        rpc_loop_turn(trio.middle, false, rpc_loop_now_ns() + 1000000);
    CU_ASSERT_EQUAL(middle->kept.count, KEPT);
    CU_ASSERT_EQUAL(atomic_load(&middle->foreign), 0);
    trio_close(&trio);
}

/* The turn changes hands at any moment: nothing is lost or handled twice. */
static void turns_change_hands_amid_traffic(void) {
    struct trio trio;
    trio_open(&trio);
    struct end *middle = &trio.ends[1], *last = &trio.ends[2];
    atomic_store(&trio.start, true);
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    for (unsigned i = 0; atomic_load(&last->passed) < PASSED || middle->kept.count < KEPT; i++) {
        if (rpc_loop_now_ns() >= end_ns) break;
        rpc_turn_lend(&middle->node.turn);
        int64_t until_ns = rpc_loop_now_ns() + (i % 3 == 0 ? 20000000 : 100000);
        while (rpc_loop_now_ns() < until_ns) sched_yield();
        rpc_turn_take(&middle->node.turn);
        if (i % 2 == 0) rpc_loop_turn(trio.middle, false, rpc_loop_now_ns() + 200000);
    }
    CU_ASSERT_EQUAL(atomic_load(&last->passed), PASSED);
    CU_ASSERT_EQUAL(middle->kept.count, KEPT);
    trio_close(&trio);
}

UNIT_MAIN("rpc/standin", UNIT(traffic_goes_on_while_a_method_computes), UNIT(it_leaves_alone_what_is_not_lent),
          UNIT(turns_change_hands_amid_traffic))
