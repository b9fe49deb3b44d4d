/* objects/hold.c: a PE that holds runs nothing before PE 0 releases it, and then all in its order. */
#include "objects/hold.h"

#include <string.h>

#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

enum { NUM_PES = 7, MAX_SEEN = 64 };

static struct {
    struct world world;
    uint32_t type;
    int64_t seen[NUM_PES][MAX_SEEN]; /* -1: the release; else arguments, in order */
    size_t num_seen[NUM_PES];
} test;

static void note(uint32_t pe, int64_t what) {
    CU_ASSERT_FATAL(test.num_seen[pe] < MAX_SEEN);
    test.seen[pe][test.num_seen[pe]++] = what;
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    note(chariot_my_pe(pe), 0);
    return 0;
}

static int hear(struct chariot_call *call) {
    note(chariot_my_pe(call->pe), arg_int(call->args, 0));
    return 0;
}

static const struct chariot_method methods[] = {{"hear", hear}};
static const struct chariot_type type = {.name = "T", .methods = methods, .num_methods = 1, .create = create};

static void on_release(void *ctx, struct chariot_msg *values) {
    const struct chariot_pe *pe = ctx;
    note(chariot_my_pe(pe), -1);
    CU_ASSERT_EQUAL(arg_int(values, 0), 5);
}

/* Creates a group on all and calls it, then releases. */
static void entry(struct chariot_pe *pe, void *ctx) {
    const struct chariot_create how = {.type = test.type, .kind = CHARIOT_GROUP, .ndims = 1};
    struct chariot_ref group, element;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &group), 0);
    for (int64_t i = 1; i <= 3; i++) {
        CU_ASSERT_EQUAL(chariot_send_take(pe, &group, 0, args_of(i), CHARIOT_WANT_NOTHING, NULL), 0);
    }
    CU_ASSERT_EQUAL(chariot_release_take(pe, args_of(5)), 0);
    chariot_ref_element(&group, &(struct chariot_index){.ndims = 1, .at = {NUM_PES - 1}}, &element);
    CU_ASSERT_EQUAL(chariot_send_take(pe, &element, 0, args_of(4), CHARIOT_WANT_NOTHING, NULL), 0);
}

/* hold: by PE. */
static void open_world(uint64_t seed, const bool *hold) {
    memset(&test, 0, sizeof test);
    world_open(&test.world, (struct rpc_sim_config){
                                .num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000000, .through_wire = true});
    test.type = world_register(&test.world, &type);
    for (uint32_t i = 0; i < NUM_PES; i++) {
        struct chariot_pe *pe = &test.world.pes[i];
        pe->face = (struct chariot_face){.ctx = pe, .on_release = on_release};
        if (hold[i]) chariot_hold(pe);
    }
    test.world.pes[0].entry = entry;
    world_start(&test.world);
}

static const bool ALL[NUM_PES] = {true, true, true, true, true, true, true};

static void values_come_before_anything_else_runs(void) {
    for (uint64_t seed = 1; seed <= 50; seed++) {
        open_world(seed, ALL);
        world_settle(&test.world);
        for (uint32_t pe = 0; pe < NUM_PES; pe++) {
            const int64_t *seen = test.seen[pe];
            size_t first = pe == 0 ? 0 : 1;
            CU_ASSERT_EQUAL(test.num_seen[pe], first + 4 + (pe == NUM_PES - 1));
            if (pe != 0) CU_ASSERT_EQUAL(seen[0], -1);
            CU_ASSERT_EQUAL(seen[first], 0);
            CU_ASSERT_FALSE(test.world.pes[pe].holds);
        }
        CU_ASSERT_TRUE(world_is_clean(&test.world));
        world_close(&test.world);
    }
}

static void pe_0_learns_who_holds(void) {
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        bool hold[NUM_PES] = {false};
        hold[pe] = true;
        open_world(pe, hold);
        world_settle(&test.world);
        CU_ASSERT_TRUE(test.world.pes[0].some_hold);
        CU_ASSERT_FALSE(test.world.pes[pe].holds);
        CU_ASSERT_EQUAL(test.num_seen[pe], (pe == 0 ? 4u : 5u) + (pe == NUM_PES - 1));
        world_close(&test.world);
    }
}

static void nothing_is_sent_where_nobody_holds(void) {
    struct world world;
    world_open(&world, (struct rpc_sim_config){.num_pes = 3});
    world_run(&world);
    CU_ASSERT_EQUAL(chariot_release_take(&world.pes[0], NULL), 0);
    CU_ASSERT_EQUAL(world.pes[0].run_queue.count, 0);
    CU_ASSERT_EQUAL(chariot_release_take(&world.pes[1], args_of(1)), CHARIOT_EINVAL);
    world_close(&world);
}

static void the_end_reaches_a_pe_that_holds(void) {
    open_world(3, ALL);
    test.world.pes[0].entry = NULL;
    world_settle(&test.world);
    CU_ASSERT_TRUE(test.world.pes[5].holds);
    chariot_exit(&test.world.pes[5], 9);
    world_wake(&test.world, 5);
    world_settle(&test.world);
    for (uint32_t pe = 0; pe < NUM_PES; pe++) CU_ASSERT_EQUAL(test.world.pes[pe].status, 9);
    world_close(&test.world);
}

UNIT_MAIN("objects/hold", UNIT(values_come_before_anything_else_runs), UNIT(pe_0_learns_who_holds),
          UNIT(nothing_is_sent_where_nobody_holds), UNIT(the_end_reaches_a_pe_that_holds))
