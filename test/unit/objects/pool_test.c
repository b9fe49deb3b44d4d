/* objects/pool: what the scheduler gives to whom, what it asks back, and what a desk does when its bag goes meanwhile.
 */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

enum { MAX_BAGS = 4, MAX_ITEMS = 300 };

static struct {
    int done[MAX_BAGS][MAX_ITEMS]; /* by the bag's number, less one */
    int known[MAX_BAGS];           /* desks that have its definition */
    int answers;
    void (*on_item)(struct chariot_pe *pe, uint64_t bag, int64_t item);
} now;

static int place_of(uint64_t bag) {
    return (int)obj_id_number(bag) - 1;
}

static void on_define(void *ctx, uint64_t bag, struct chariot_msg *definition) {
    now.known[place_of(bag)]++;
}

static void on_forget(void *ctx, uint64_t bag) {
    now.known[place_of(bag)]--;
}

static void on_work(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item) {
    struct chariot_value value;
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(item, CHARIOT_INT, &value), 0);
    CU_ASSERT_TRUE(now.known[place_of(bag)] > 0);
    now.done[place_of(bag)][value.integer]++;
    if (now.on_item != NULL) now.on_item(ctx, bag, value.integer);
    chariot_bag_answer_take(ctx, bag, value_int(value.integer));
}

static void on_rest(void *ctx) {}

static void on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg) {
    now.answers++;
}

static void begin(uint32_t num_pes) {
    memset(&now, 0, sizeof now);
    probe_open(num_pes);
    for (uint32_t i = 0; i < num_pes; i++) {
        const struct chariot_pool_ops ops = {probe_pe(i), on_define, on_work, on_rest, on_forget, on_answer};
        chariot_pool_serve(probe_pe(i), &ops);
    }
}

/* Ints from 0 on. */
static struct chariot_msg *items(uint32_t count) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    for (uint32_t i = 0; i < count; i++) chariot_put_int(&writer, i);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static uint64_t open_bag(uint32_t limit) {
    uint64_t bag = chariot_bag_open(probe_pe(0));
    chariot_bag_define_take(probe_pe(0), bag, limit, value_int(7));
    return bag;
}

static struct obj_bag *record(uint64_t bag) {
    return obj_map_get(&probe_pe(0)->pool.bags, obj_key1(bag));
}

static uint32_t out_at(uint32_t pe) {
    return probe_pe(0)->pool.hands[pe].out;
}

/* The scheduler has nothing left, and thinks that nobody has. */
static void nothing_is_left(void) {
    const struct obj_pool *pool = &probe_pe(0)->pool;
    CU_ASSERT_EQUAL(pool->bags.count, 0);
    CU_ASSERT_EQUAL(pool->out, 0);
    CU_ASSERT_EQUAL(pool->alarm.place_, 0);
    for (uint32_t i = 0; i < probe.world.num_pes; i++) {
        CU_ASSERT_TRUE(pool->hands[i].idle);
        CU_ASSERT_PTR_NULL(probe_pe(i)->pool.desk.work.head);
    }
}

/* ---------------------------------------------------------------- who gets what */

static void of_a_new_bag_each_pe_gets_one_and_its_owner_last(void) {
    begin(4);
    uint64_t bag = open_bag(0);
    chariot_bag_put_take(probe_pe(0), bag, 2, items(2));
    CU_ASSERT_EQUAL(out_at(0), 0);
    CU_ASSERT_EQUAL(out_at(1) + out_at(2) + out_at(3), 2);
    chariot_bag_put_take(probe_pe(0), bag, 10, items(10));
    for (uint32_t i = 0; i < 4; i++) CU_ASSERT_EQUAL(out_at(i), 1);
    CU_ASSERT_EQUAL(record(bag)->queued, 8);
    chariot_bag_close(probe_pe(0), bag, true);
    probe_settle();
    nothing_is_left();
    probe_close();
}

static void a_limit_holds_while_others_are_idle(void) {
    begin(5);
    uint64_t bag = open_bag(2);
    chariot_bag_put_take(probe_pe(0), bag, 50, items(50));
    CU_ASSERT_EQUAL(record(bag)->holders, 2);
    CU_ASSERT_EQUAL(record(bag)->out, 2);
    chariot_bag_close(probe_pe(0), bag, false);
    probe_settle();
    for (int i = 0; i < 50; i++) CU_ASSERT_EQUAL(now.done[0][i], 1);
    CU_ASSERT_EQUAL(now.answers, 50);
    nothing_is_left();
    probe_close();
}

static void of_tiny_items_many_are_given_and_of_long_ones_one(void) {
    begin(2);
    uint64_t tiny = open_bag(0), lengthy = open_bag(1);
    record(tiny)->item_ns = 300;
    record(lengthy)->item_ns = 20000000;
    chariot_bag_put_take(probe_pe(0), tiny, 300, items(300));
    CU_ASSERT_TRUE(out_at(1) > 30 && out_at(1) <= 128);
    CU_ASSERT_TRUE(record(tiny)->queued > 0);
    probe_settle();
    chariot_bag_put_take(probe_pe(0), lengthy, 5, items(5));
    CU_ASSERT_EQUAL(record(lengthy)->out, 1);
    chariot_bag_close(probe_pe(0), tiny, false);
    chariot_bag_close(probe_pe(0), lengthy, false);
    probe_settle();
    CU_ASSERT_EQUAL(now.answers, 305);
    nothing_is_left();
    probe_close();
}

/* ---------------------------------------------------------------- what is given back */

/* PE 1 has work and does not run: when the others are idle for long, it is asked, and told nothing more before it says
 * that it is there. */
static void who_does_not_report_is_asked_to_give_back(void) {
    begin(3);
    uint64_t bag = open_bag(1);
    record(bag)->item_ns = 1000;
    chariot_bag_put_take(probe_pe(0), bag, 12, items(12));
    uint32_t has = out_at(1) > 0 ? 1 : 2;
    CU_ASSERT_TRUE(out_at(has) > 1);
    CU_ASSERT_NOT_EQUAL(probe_pe(0)->pool.alarm.place_, 0);
    obj_pe_step(probe_pe(0), probe_pe(0)->pool.alarm_ns - 1, 10);
    CU_ASSERT_FALSE(probe_pe(0)->pool.hands[has].mute);
    obj_pe_step(probe_pe(0), obj_pe_deadline_ns(probe_pe(0)), 10);
    CU_ASSERT_TRUE(probe_pe(0)->pool.hands[has].asked && probe_pe(0)->pool.hands[has].mute);
    chariot_bag_close(probe_pe(0), bag, false);
    probe_settle();
    for (int i = 0; i < 12; i++) CU_ASSERT_EQUAL(now.done[0][i], 1);
    CU_ASSERT_FALSE(probe_pe(0)->pool.hands[has].mute || probe_pe(0)->pool.hands[has].asked);
    nothing_is_left();
    probe_close();
}

/* ---------------------------------------------------------------- bags that go while their items are done */

static uint64_t dropped;

static void drop_it(struct chariot_pe *pe, uint64_t bag, int64_t item) {
    if (bag != dropped) return;
    dropped = 0;
    chariot_bag_close(pe, bag, true);
}

/* On PE 0 the scheduler answers at once, and gives more, while the desk is being cleared. */
static void a_bag_dropped_by_its_own_item_harms_no_other(void) {
    begin(1);
    uint64_t first = open_bag(0), second = open_bag(0);
    record(first)->item_ns = record(second)->item_ns = 1000;
    dropped = first;
    now.on_item = drop_it;
    chariot_bag_put_take(probe_pe(0), first, 10, items(10));
    chariot_bag_put_take(probe_pe(0), second, 10, items(10));
    chariot_bag_close(probe_pe(0), second, false);
    probe_settle();
    CU_ASSERT_EQUAL(now.done[0][0], 1);
    for (int i = 1; i < 10; i++) CU_ASSERT_EQUAL(now.done[0][i], 0);
    for (int i = 0; i < 10; i++) CU_ASSERT_EQUAL(now.done[1][i], 1);
    CU_ASSERT_EQUAL(now.known[0], 0);
    CU_ASSERT_EQUAL(now.known[1], 0);
    nothing_is_left();
    probe_close();
}

static void a_bag_dropped_between_two_items_leaves_nothing(void) {
    begin(3);
    uint64_t bag = open_bag(0);
    record(bag)->item_ns = 1000;
    chariot_bag_put_take(probe_pe(0), bag, 100, items(100));
    world_wake(&probe.world, 0);
    world_step(&probe.world);
    chariot_bag_close(probe_pe(0), bag, true);
    probe_settle();
    for (int i = 0; i < 100; i++) CU_ASSERT_TRUE(now.done[0][i] <= 1);
    CU_ASSERT_EQUAL(now.known[0], 0);
    nothing_is_left();
    probe_close();
}

/* ---------------------------------------------------------------- what others say */

static void say(uint32_t from, uint32_t to, enum obj_kind kind, uint64_t bag, uint32_t method, uint64_t seq) {
    struct chariot_msg *msg = items(3);
    msg->kind = (uint8_t)kind;
    msg->from = from;
    msg->target = bag;
    msg->method = method;
    msg->seq = seq;
    msg->reply = INT64_MAX;
    obj_upcalls.on_message_take(probe_pe(to), msg);
}

static void who_has_nothing_cannot_have_done_it(void) {
    begin(3);
    uint64_t bag = open_bag(1);
    chariot_bag_put_take(probe_pe(0), bag, 8, items(8));
    uint32_t has = out_at(1) > 0 ? 1 : 2, has_not = 3 - has;
    say(has_not, 0, OBJ_KIND_POOL_DONE, bag, 1, 5);
    say(has_not, 0, OBJ_KIND_POOL_BACK, bag, 3, 5);
    say(has, 0, OBJ_KIND_POOL_BACK, bag, 2, 5);
    CU_ASSERT_EQUAL(record(bag)->out, 1);
    CU_ASSERT_EQUAL(record(bag)->queued, 7);
    chariot_bag_close(probe_pe(0), bag, false);
    probe_settle();
    CU_ASSERT_EQUAL(now.answers, 8);
    nothing_is_left();
    probe_close();
}

static void any_time_and_cost_may_be_said(void) {
    begin(2);
    uint64_t bag = open_bag(0);
    for (int i = 0; i < 3; i++) {
        chariot_bag_put_take(probe_pe(0), bag, 8, items(8));
        say(1, 0, OBJ_KIND_POOL_DONE, bag, 1, i == 0 ? UINT64_MAX : (uint64_t)1 << 63);
        CU_ASSERT_TRUE(probe_pe(0)->pool.hands[1].load_ns >= 0);
        CU_ASSERT_TRUE(record(bag)->item_ns > 0);
    }
    probe_close();
}

static void only_the_scheduler_fills_desks(void) {
    begin(3);
    say(2, 1, OBJ_KIND_POOL_WORK, 1, 3, 0);
    say(2, 1, OBJ_KIND_POOL_KNOW, 1, 0, 0);
    say(2, 1, OBJ_KIND_POOL_DONE, 1, 1, 0);
    CU_ASSERT_PTR_NULL(probe_pe(1)->pool.desk.work.head);
    probe_close();
}

/* Three items in bytes that hold none: they count as done, so that the bag ends. */
static void items_that_cannot_be_read_are_settled(void) {
    begin(2);
    uint64_t bag = open_bag(0);
    for (int i = 0; i < 5; i++) {
        struct chariot_msg *msg = rpc_msg_new(3 + i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
        msg->size = 3 + (size_t)i;
        memset(rpc_msg_payload(msg), 0xff, msg->size);
        chariot_bag_put_take(probe_pe(0), bag, 3, msg);
    }
    chariot_bag_close(probe_pe(0), bag, false);
    probe_settle();
    CU_ASSERT_EQUAL(now.answers, 0);
    nothing_is_left();
    probe_close();
}

UNIT_MAIN("objects/pool", UNIT(of_a_new_bag_each_pe_gets_one_and_its_owner_last),
          UNIT(a_limit_holds_while_others_are_idle), UNIT(of_tiny_items_many_are_given_and_of_long_ones_one),
          UNIT(who_does_not_report_is_asked_to_give_back), UNIT(a_bag_dropped_by_its_own_item_harms_no_other),
          UNIT(a_bag_dropped_between_two_items_leaves_nothing), UNIT(who_has_nothing_cannot_have_done_it),
          UNIT(any_time_and_cost_may_be_said), UNIT(only_the_scheduler_fills_desks),
          UNIT(items_that_cannot_be_read_are_settled))
