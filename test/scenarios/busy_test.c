/* PE 0 computes for long, and meanwhile its stand-in hands out the pool's work. The one scenario on real threads and
 * real gRPC: it is for ThreadSanitizer.
 *
 * PE 0 lives on a loop whose thread is the test's own: now it takes turns, now it computes, with the turn lent. PEs 1
 * and 2 live on a second loop and thread, and PE 1 owns the bags: it puts items in, bit by bit, and opens the next bag
 * when all of one are done. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "objects/pe.h"
#include "rpc/grpc_join.h"
#include "rpc/loop.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { NUM_PES = 3, BAGS = 4, ITEMS = 200, PUT = 10 };

static const int64_t HANG_NS = 60000000000, LONG_NS = 20000000, SHORT_NS = 100000;

struct end {
    struct chariot_pe pe;
    char *address;
    atomic_uint done; /* items, here */
};

/* One run at a time. */
static struct {
    struct rpc_loop *inner, *outer; /* of PE 0; of PEs 1 and 2 */
    struct end ends[NUM_PES];
    char dir[40];
    pthread_t thread;
    atomic_bool joined;
    /* PE 1's. */
    uint64_t bag;
    uint32_t put;
    atomic_uint answers; /* of all bags */
    atomic_uint times[BAGS][ITEMS];
} now;

static int64_t clock_ns(void *ctx) {
    return rpc_loop_now_ns();
}

static void on_abort(void *ctx, int status, const char *text) {
    fputs(text, stderr);
    abort();
}

/* ---------------------------------------------------------------- the pool */

static void on_define(void *ctx, uint64_t bag, struct chariot_msg *definition) {}

static void on_forget(void *ctx, uint64_t bag) {}

static void on_rest(void *ctx) {}

static void on_work(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item) {
    struct end *end = ctx;
    struct chariot_value value;
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(item, CHARIOT_INT, &value), 0);
    for (int64_t until_ns = rpc_loop_now_ns() + SHORT_NS; rpc_loop_now_ns() < until_ns;) continue;
    atomic_fetch_add(&end->done, 1);
    chariot_bag_answer_take(&end->pe, bag, value_int(value.integer));
}

static void begin(struct chariot_pe *pe);

static void on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg) {
    struct end *end = ctx;
    int64_t item = int_of(msg);
    CU_ASSERT_EQUAL(bag, now.bag);
    CU_ASSERT_EQUAL(atomic_fetch_add(&now.times[item / ITEMS][item % ITEMS], 1), 0);
    unsigned answers = atomic_fetch_add(&now.answers, 1) + 1;
    if (answers % ITEMS > 0) return;
    chariot_bag_close(&end->pe, bag, false);
    if (answers < BAGS * ITEMS) begin(&end->pe);
}

static void put_some(struct chariot_pe *pe, void *ctx) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    for (int i = 0; i < PUT; i++) chariot_put_int(&writer, now.put++);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    chariot_bag_put_take(pe, now.bag, PUT, msg);
    if (now.put % ITEMS > 0) CU_ASSERT_EQUAL(chariot_after(pe, SHORT_NS, put_some, NULL), 0);
}

static void begin(struct chariot_pe *pe) {
    now.bag = chariot_bag_open(pe);
    chariot_bag_define_take(pe, now.bag, NUM_PES, value_int(0));
    put_some(pe, NULL);
}

static void put_first(struct chariot_pe *pe, void *ctx) {
    begin(pe);
}

/* ---------------------------------------------------------------- PEs */

static void end_open(uint32_t i) {
    struct end *end = &now.ends[i];
    struct chariot_pe *pe = &end->pe;
    char target[64];
    pe->node.pe = i;
    pe->node.num_pes = NUM_PES;
    pe->node.num_hosts = 1;
    pe->around = (struct obj_surroundings){.ctx = end, .now_ns = clock_ns, .on_abort = on_abort};
    CU_ASSERT_EQUAL_FATAL(obj_pe_init(pe), 0);
    const struct chariot_pool_ops ops = {end, on_define, on_work, on_rest, on_forget, on_answer};
    chariot_pool_serve(pe, &ops);
    snprintf(target, sizeof target, "unix:%s/%u.sock", now.dir, i);
    struct rpc_grpc_config config = {.listen = target, .limits = rpc_limits_default};
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(i == 0 ? now.inner : now.outer, &pe->node, &config, &end->address), 0);
}

static void end_close(uint32_t i) {
    struct end *end = &now.ends[i];
    end->pe.node.transport->ops->close(end->pe.node.transport, false);
    end->pe.node.transport = NULL;
    obj_pe_deinit(&end->pe);
    free(end->pe.node.hosts);
    free(end->address);
}

/* One turn of the PEs first to last on that loop, asleep for a millisecond at most. */
static void turn(struct rpc_loop *loop, uint32_t first, uint32_t last) {
    int64_t due_ns = rpc_loop_now_ns() + 1000000;
    bool busy = false;
    for (uint32_t i = first; i <= last; i++) {
        struct chariot_pe *pe = &now.ends[i].pe;
        if (pe->ending) continue;
        busy = obj_pe_step(pe, rpc_loop_now_ns(), 64) || busy;
        if (obj_pe_deadline_ns(pe) < due_ns) due_ns = obj_pe_deadline_ns(pe);
    }
    rpc_loop_turn(loop, busy, due_ns);
}

static void join_outer(void) {
    char why[256];
    for (uint32_t i = 1; i < NUM_PES; i++) {
        rpc_join_begin((struct rpc_grpc *)now.ends[i].pe.node.transport, now.ends[0].address, now.ends[i].address,
                       "here", 30000);
    }
    for (uint32_t i = 1; i < NUM_PES; i++) {
        struct rpc_grpc *g = (struct rpc_grpc *)now.ends[i].pe.node.transport;
        while (!rpc_join_over(g)) rpc_loop_turn(now.outer, false, RPC_FOREVER_NS);
        CU_ASSERT_EQUAL_FATAL(rpc_join_finish(g, why, sizeof why), 0);
    }
}

static void *outer_main(void *arg) {
    join_outer();
    for (uint32_t i = 1; i < NUM_PES; i++) obj_start(&now.ends[i].pe);
    CU_ASSERT_EQUAL(chariot_post(&now.ends[1].pe, put_first, NULL), 0);
    while (!now.ends[1].pe.ending || !now.ends[2].pe.ending) turn(now.outer, 1, 2);
    end_close(1);
    end_close(2);
    return NULL;
}

static void open_all(void) {
    char why[256];
    memset(&now, 0, sizeof now);
    strcpy(now.dir, "/tmp/chariot-busy-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(now.dir));
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&now.inner), 0);
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&now.outer), 0);
    for (uint32_t i = 0; i < NUM_PES; i++) end_open(i);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&now.thread, NULL, outer_main, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_join(now.ends[0].pe.node.transport, now.ends[0].address, now.ends[0].address, "here",
                                        30000, why, sizeof why),
                          0);
    obj_start(&now.ends[0].pe);
}

static void close_all(void) {
    struct chariot_pe *pe = &now.ends[0].pe;
    for (int bag = 0; bag < BAGS; bag++) {
        for (int i = 0; i < ITEMS; i++) CU_ASSERT_EQUAL(atomic_load(&now.times[bag][i]), 1);
    }
    rpc_turn_lend(&pe->node.turn); /* as user code is called, which this is */
    chariot_exit(pe, 0);
    rpc_turn_take(&pe->node.turn);
    while (!pe->ending) turn(now.inner, 0, 0);
    end_close(0);
    pthread_join(now.thread, NULL);
    rpc_loop_free(now.inner);
    rpc_loop_free(now.outer);
    CU_ASSERT_EQUAL(rmdir(now.dir), 0);
}

/* ---------------------------------------------------------------- tests */

static bool all_done(void) {
    return atomic_load(&now.answers) == BAGS * ITEMS;
}

static void compute(int64_t ns) {
    struct chariot_pe *pe = &now.ends[0].pe;
    rpc_turn_lend(&pe->node.turn);
    for (int64_t until_ns = rpc_loop_now_ns() + ns; !all_done() && rpc_loop_now_ns() < until_ns;) sched_yield();
    rpc_turn_take(&pe->node.turn);
}

/* What PE 0 was given itself, and has not begun, is done by others too. */
static void work_goes_on_while_pe_0_computes(void) {
    open_all();
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while (atomic_load(&now.answers) < ITEMS / 2 && rpc_loop_now_ns() < end_ns) turn(now.inner, 0, 0);
    unsigned done = atomic_load(&now.ends[0].done);
    compute(HANG_NS);
    CU_ASSERT_TRUE(all_done());
    CU_ASSERT_EQUAL(atomic_load(&now.ends[0].done), done);
    close_all();
}

/* The turn changes hands at any moment, and PE 0 does its part. */
static void turns_change_hands_amid_work(void) {
    open_all();
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    for (unsigned i = 0; !all_done() && rpc_loop_now_ns() < end_ns; i++) {
        compute(i % 3 == 0 ? LONG_NS : SHORT_NS);
        for (unsigned k = 0; k < i % 5; k++) turn(now.inner, 0, 0);
    }
    CU_ASSERT_TRUE(all_done());
    CU_ASSERT_TRUE(atomic_load(&now.ends[0].done) > 0);
    close_all();
}

UNIT_MAIN("scenarios/busy", UNIT(work_goes_on_while_pe_0_computes), UNIT(turns_change_hands_amid_work))
