/* 300 and 1,000 simulated PEs: the whole model once more, the same results for every seed, and work that does not grow
 * with the number of PEs where it need not. */
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { PER_PE = 3 };

/* What one run needs everywhere; one run at a time. */
static struct {
    uint32_t type;
    struct chariot_ref group, array, sparse;
    uint64_t id;
    int64_t ready; /* PEs that saw the result of the allreduce */
} now;

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static int on_place(struct chariot_call *call) {
    call->result = value_int(index_of(call->elem).at[0]);
    return 0;
}

/* args: future. Sums up 1 / (index + 1), which no two orders add up alike. */
static int on_sum(struct chariot_call *call) {
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = (uint64_t)arg_int(call->args, 0)};
    struct chariot_msg *value = value_double(1.0 / (double)(index_of(call->elem).at[0] + 1));
    return chariot_contribute_take(call->pe, call->elem, NULL, value, CHARIOT_REDUCE_SUM, &target);
}

struct waiting {
    struct chariot_waiter waiter;
    struct chariot_future *all;
};

static void on_all(struct chariot_pe *pe, void *ctx) {
    struct waiting *waiting = ctx;
    now.ready += int_of(chariot_future_value(waiting->all, 0)) == (int64_t)chariot_num_pes(pe);
    chariot_future_unref(waiting->all);
    free(waiting);
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, now.id, NULL), 0);
}

static int on_allreduce(struct chariot_call *call) {
    struct waiting *waiting = calloc(1, sizeof *waiting);
    CU_ASSERT_PTR_NOT_NULL_FATAL(waiting);
    waiting->waiter = (struct chariot_waiter){.fn = on_all, .ctx = waiting};
    int rc = chariot_allreduce_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &waiting->all);
    return rc != 0 ? rc : chariot_future_wait(waiting->all, &waiting->waiter);
}

/* One element on each of some PEs, placed by a neighbour. */
static int on_insert(struct chariot_call *call) {
    int64_t me = chariot_my_pe(call->pe);
    const struct chariot_index at = {.ndims = 1, .at = {me}};
    if (me % PER_PE != 0) return 0;
    return chariot_insert_take(call->pe, &now.sparse, &at, NULL, (me + 1) % chariot_num_pes(call->pe), false);
}

enum { PLACE, SUM, ALLREDUCE, INSERT };
static const struct chariot_method methods[] = {
    {"place", on_place}, {"sum", on_sum}, {"allreduce", on_allreduce}, {"insert", on_insert}};
static const struct chariot_type type = {.name = "Cell", .methods = methods, .num_methods = 4, .create = make};

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
}

static void create(struct chariot_pe *pe, enum chariot_kind kind, int64_t size, struct chariot_ref *ref) {
    const struct chariot_create how = {.type = now.type, .kind = kind, .ndims = 1, .dims = {size}};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, ref), 0);
}

static void ask(struct chariot_pe *pe, const struct chariot_ref *ref, uint32_t method, enum chariot_want want,
                struct chariot_future *reply) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, method, NULL, want, reply), 0);
}

static void check_places(const struct chariot_msg *msg, int64_t count) {
    static int64_t places[10000];
    CU_ASSERT_EQUAL((int64_t)ints_of(msg, places, 10000), count);
    for (int64_t i = 0; i < count; i++) CU_ASSERT_EQUAL(places[i], i);
}

static void end(struct chariot_pe *pe, void *ctx) {
    chariot_exit(pe, 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    int64_t num_pes = chariot_num_pes(pe);
    double *sum = script->ctx;
    switch (step) {
    case 0:
        create(pe, CHARIOT_GROUP, 0, &now.group);
        create(pe, CHARIOT_ARRAY_OF, PER_PE * num_pes - 1, &now.array);
        create(pe, CHARIOT_ARRAY_OF, 0, &now.sparse);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &now.array, next), 0);
        return;
    case 1:
        ask(pe, &now.array, PLACE, CHARIOT_WANT_VALUE, next);
        return;
    case 2:
        check_places(chariot_future_value(done, 0), PER_PE * num_pes - 1);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &now.array, SUM, args_of((int64_t)chariot_future_id(next)),
                                          CHARIOT_WANT_NOTHING, NULL),
                        0);
        return;
    case 3:
        if (*sum == 0) *sum = double_of(chariot_future_value(done, 0));
        CU_ASSERT_EQUAL(*sum, double_of(chariot_future_value(done, 0)));
        now.id = chariot_future_id(script_expect(script, pe, (uint64_t)num_pes));
        ask(pe, &now.group, ALLREDUCE, CHARIOT_WANT_NOTHING, NULL);
        return;
    case 4:
        CU_ASSERT_EQUAL(now.ready, num_pes);
        ask(pe, &now.group, INSERT, CHARIOT_WANT_DONE, next);
        return;
    case 5:
        CU_ASSERT_EQUAL(chariot_done_inserting(pe, &now.sparse), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &now.sparse, SUM, args_of((int64_t)chariot_future_id(next)),
                                          CHARIOT_WANT_NOTHING, NULL),
                        0);
        return;
    default: /* the array settles */
        CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, end, NULL), 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, 7);
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void run(uint32_t num_pes, uint64_t seeds) {
    double sum = 0;
    for (uint64_t seed = 0; seed < script_seeds(seeds); seed++) {
        memset(&now, 0, sizeof now);
        struct script script = {.prepare = prepare, .play = play, .verify = verify, .ctx = &sum};
        script_run(&script, num_pes, seed);
    }
}

static void three_hundred_pes_give_equal_results(void) {
    run(300, 8);
}

static void a_thousand_pes_give_equal_results(void) {
    run(1000, 3);
}

/* A call of a known element takes one message, whatever the number of PEs; of one placed elsewhere, two. */
static void a_call_takes_as_many_messages_on_a_thousand_pes_as_on_three(void) {
    const uint32_t many[] = {3, 1000};
    for (int i = 0; i < 2; i++) {
        struct world world;
        world_open(&world, (struct rpc_sim_config){.num_pes = many[i]});
        now.type = world_register(&world, &type);
        world_settle(&world);
        create(&world.pes[0], CHARIOT_ARRAY_OF, 10 * many[i], &now.array);
        world_wake(&world, 0);
        world_settle(&world);
        uint64_t before = rpc_sim_messages(world.sim);
        const struct chariot_index at = {.ndims = 1, .at = {10 * (many[i] - 1)}};
        struct chariot_ref elem;
        CU_ASSERT_EQUAL(chariot_ref_element(&now.array, &at, &elem), 0);
        ask(&world.pes[0], &elem, PLACE, CHARIOT_WANT_NOTHING, NULL);
        world_wake(&world, 0);
        world_settle(&world);
        CU_ASSERT_EQUAL(rpc_sim_messages(world.sim) - before, 1);
        world_close(&world);
    }
}

UNIT_MAIN("scenarios/scale", UNIT(three_hundred_pes_give_equal_results), UNIT(a_thousand_pes_give_equal_results),
          UNIT(a_call_takes_as_many_messages_on_a_thousand_pes_as_on_three))
