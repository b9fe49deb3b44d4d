/* The pool on simulated PEs, with delays that make reports late, so that work is asked back and given to others: every
 * item is done once, its definition is there before it, what is dropped is done at most once, and nothing is kept. */
#include <stdlib.h>
#include <string.h>

#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

enum { BAGS = 12, ITEMS = 150, PES = 64 };

/* One run at a time. */
static struct {
    struct rpc_random random;
    struct world world;
    uint64_t bags[BAGS];
    uint32_t limit[BAGS];
    bool drop[BAGS];
    uint32_t put[BAGS];
    int done[BAGS][ITEMS];
    uint32_t answers[BAGS];
    int known[BAGS][PES]; /* definitions less those that were forgotten */
} now;

static uint32_t draw(uint32_t below) {
    return (uint32_t)(rpc_random_draw(&now.random) % below);
}

static int bag_of(uint64_t id) {
    for (int i = 0; i < BAGS; i++) {
        if (now.bags[i] == id) return i;
    }
    return -1;
}

static uint32_t pe_of(void *ctx) {
    return chariot_my_pe(ctx);
}

/* ---------------------------------------------------------------- what PEs do */

static void on_define(void *ctx, uint64_t bag, struct chariot_msg *definition) {
    CU_ASSERT_EQUAL(int_of(definition), bag_of(bag));
    now.known[bag_of(bag)][pe_of(ctx)]++;
}

static void on_forget(void *ctx, uint64_t bag) {
    CU_ASSERT_EQUAL(now.known[bag_of(bag)][pe_of(ctx)], 1);
    now.known[bag_of(bag)][pe_of(ctx)]--;
}

static void on_work(void *ctx, uint64_t id, struct chariot_msg *msg, struct chariot_reader *item) {
    int bag = bag_of(id);
    struct chariot_value value;
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(item, CHARIOT_INT, &value), 0);
    CU_ASSERT_TRUE(chariot_reader_done(item));
    CU_ASSERT_EQUAL(now.known[bag][pe_of(ctx)], 1);
    CU_ASSERT_EQUAL(now.done[bag][value.integer]++, 0);
    chariot_bag_answer_take(ctx, id, value_int(value.integer));
}

static void on_rest(void *ctx) {}

static bool all_there(void) {
    for (int i = 0; i < BAGS; i++) {
        if (!now.drop[i] && (now.put[i] < ITEMS || now.answers[i] < ITEMS)) return false;
        if (now.drop[i] && now.put[i] < ITEMS) return false;
    }
    return true;
}

static void leave(struct chariot_pe *pe, void *ctx) {
    chariot_exit(pe, 0);
}

/* What is on its way behind the last answer arrives before the job ends. */
static void leave_soon(struct chariot_pe *pe) {
    CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, leave, NULL), 0);
}

static void on_answer(void *ctx, uint64_t id, struct chariot_msg *msg) {
    int bag = bag_of(id);
    CU_ASSERT_TRUE(now.done[bag][int_of(msg)] == 1);
    CU_ASSERT_TRUE(++now.answers[bag] <= ITEMS);
    if (now.answers[bag] == ITEMS && !now.drop[bag]) chariot_bag_close(ctx, id, draw(2) == 0);
    if (all_there()) leave_soon(ctx);
}

/* ---------------------------------------------------------------- who puts it in */

static void put_some(struct chariot_pe *pe, int bag) {
    uint32_t count = 1 + draw(20);
    if (count > ITEMS - now.put[bag]) count = ITEMS - now.put[bag];
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    for (uint32_t i = 0; i < count; i++) chariot_put_int(&writer, now.put[bag] + i);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    now.put[bag] += count;
    chariot_bag_put_take(pe, now.bags[bag], count, msg);
    if (now.put[bag] == ITEMS && now.drop[bag]) chariot_bag_close(pe, now.bags[bag], true);
    if (now.put[bag] == ITEMS && all_there()) leave_soon(pe);
}

static void go_on(struct chariot_pe *pe, void *ctx) {
    int bag = (int)(intptr_t)ctx;
    put_some(pe, bag);
    if (now.put[bag] < ITEMS) CU_ASSERT_EQUAL(chariot_after(pe, draw(8000000), go_on, ctx), 0);
}

static void begin(struct world *world, int bag) {
    struct chariot_pe *pe = &world->pes[draw(world->num_pes)];
    now.limit[bag] = 1 + draw(2 * world->num_pes);
    now.drop[bag] = draw(4) == 0;
    now.bags[bag] = chariot_bag_open(pe);
    chariot_bag_define_take(pe, now.bags[bag], now.limit[bag], value_int(bag));
    go_on(pe, (void *)(intptr_t)bag);
    world_wake(world, chariot_my_pe(pe));
}

/* ---------------------------------------------------------------- invariants */

static void check_bag(void *value, void *ctx) {
    const struct obj_bag *bag = value;
    CU_ASSERT_TRUE(bag->holders <= now.limit[bag_of(bag->id)]);
}

static void nothing_is_left(struct world *world) {
    const struct obj_pool *pool = &world->pes[0].pool;
    CU_ASSERT_EQUAL(pool->bags.count, 0);
    CU_ASSERT_PTR_NULL(pool->ring);
    CU_ASSERT_EQUAL(pool->out, 0);
    CU_ASSERT_EQUAL(pool->alarm.place_, 0);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        CU_ASSERT_PTR_NULL(world->pes[i].pool.desk.work.head);
        CU_ASSERT_TRUE(pool->hands[i].idle && pool->hands[i].load_ns == 0);
        for (int k = 0; k < BAGS; k++) CU_ASSERT_EQUAL(now.known[k][i], 0);
    }
    for (int k = 0; k < BAGS; k++) {
        for (int i = 0; i < ITEMS; i++) CU_ASSERT_TRUE(now.drop[k] || now.done[k][i] == 1);
    }
}

static void run(uint32_t num_pes, uint64_t seed, int64_t max_delay_ns) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    struct world *world = &now.world;
    world_open(world, (struct rpc_sim_config){
                          .num_pes = num_pes, .seed = seed, .max_delay_ns = max_delay_ns, .through_wire = true});
    world->budget = 1 + (int)draw(20);
    for (uint32_t i = 0; i < num_pes; i++) {
        const struct chariot_pool_ops ops = {&world->pes[i], on_define, on_work, on_rest, on_forget, on_answer};
        chariot_pool_serve(&world->pes[i], &ops);
    }
    world_start(world);
    world_settle(world);
    for (int bag = 0; bag < BAGS; bag++) begin(world, bag);
    while (!world_ended(world)) {
        if (!world_step(world)) break;
        obj_map_each(&world->pes[0].pool.bags, check_bag, NULL);
    }
    CU_ASSERT_TRUE(world_run(world));
    CU_ASSERT_EQUAL(world->aborts, 0);
    nothing_is_left(world);
    world_close(world);
}

static void every_item_is_done_once(void) {
    static const uint32_t sizes[] = {1, 2, 3, 7, PES};
    static const int64_t delays[] = {1000, 1000000, 30000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 1; seed <= script_seeds(20); seed++) run(sizes[i], seed, delays[seed % 3]);
    }
}

UNIT_MAIN("scenarios/pool", UNIT(every_item_is_done_once))
