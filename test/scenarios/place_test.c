/* Arrays placed by a map of the program: dense and sparse, with the map made by the same PE or by another, just before.
 * Every element comes to be once, where the map says; broadcasts and reductions meet all of them. */
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { ROWS = 7, COLUMNS = 9, COUNT = ROWS * COLUMNS, EXTRA = 5 };

struct plan {
    struct chariot_ref map, array, sparse;
    uint32_t member_type, map_type, driver_type;
    struct chariot_future *sum, *extra;
    uint64_t sum_future;
    int64_t asked[COUNT], created[COUNT], heard[COUNT];
    int64_t inserted;
    bool far; /* another PE makes the map */
};
static struct plan plan;

static uint32_t pe_of(const struct chariot_index *at, uint32_t num_pes) {
    return (uint32_t)(at->at[0] * 5 + at->at[1] * 3) % num_pes;
}

static int map_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                      struct chariot_msg *args, void **object) {
    *object = &plan;
    return 0;
}

static int map_place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     const struct chariot_index *index, int64_t *on_pe) {
    CU_ASSERT_PTR_EQUAL(object, &plan);
    CU_ASSERT_EQUAL(index->ndims, 2);
    if (index->at[0] < ROWS) plan.asked[index->at[0] * COLUMNS + index->at[1]]++;
    *on_pe = pe_of(index, chariot_num_pes(pe));
    return 0;
}

static const struct chariot_type map_type = {.name = "Map", .create = map_create, .place = map_place};

static int member_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                         struct chariot_msg *args, void **object) {
    struct chariot_index at = index_of(elem);
    CU_ASSERT_EQUAL(pe_of(&at, chariot_num_pes(pe)), chariot_my_pe(pe));
    if (at.at[0] >= ROWS) {
        plan.inserted++;
        return 0;
    }
    plan.created[at.at[0] * COLUMNS + at.at[1]]++;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = plan.sum_future};
    return chariot_contribute_take(pe, elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
}

static int member_hear(struct chariot_call *call) {
    struct chariot_index at = index_of(call->elem);
    if (at.at[0] < ROWS) plan.heard[at.at[0] * COLUMNS + at.at[1]]++;
    return 0;
}

static int member_say(struct chariot_call *call) {
    struct chariot_index at = index_of(call->elem);
    call->result = value_int(at.at[0] * COLUMNS + at.at[1]);
    return 0;
}

static const struct chariot_method member_methods[] = {{"hear", member_hear}, {"say", member_say}};
static const struct chariot_type member_type = {
    .name = "Member", .methods = member_methods, .num_methods = 2, .create = member_create};

static void create_arrays(struct chariot_pe *pe) {
    struct chariot_create dense = {
        .type = plan.member_type, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {ROWS, COLUMNS}, .map = plan.map};
    struct chariot_create sparse = {.type = plan.member_type, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .map = plan.map};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &dense, NULL, &plan.array), 0);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &sparse, NULL, &plan.sparse), 0);
    for (int64_t i = 0; i < EXTRA; i++) {
        struct chariot_index at = {.ndims = 2, .at = {ROWS + i, i}};
        CU_ASSERT_EQUAL(chariot_insert_take(pe, &plan.sparse, &at, NULL, -1, false), 0);
    }
    CU_ASSERT_EQUAL(chariot_done_inserting(pe, &plan.sparse), 0);
    plan.extra = chariot_future_new(pe, 1); /* the results of all, at once */
    CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.sparse, 1, NULL, CHARIOT_WANT_VALUE, plan.extra), 0);
}

static int driver_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                         struct chariot_msg *args, void **object) {
    *object = &plan;
    return 0;
}

/* Makes the map, and asks PE 0 to go on: its arrays may be everywhere before the map is. */
static int driver_make_map(struct chariot_call *call) {
    struct chariot_create map = {.type = plan.map_type, .kind = CHARIOT_GROUP};
    return chariot_create_take(call->pe, &map, NULL, &plan.map);
}

static const struct chariot_method driver_methods[] = {{"make_map", driver_make_map}};
static const struct chariot_type driver_type = {
    .name = "Driver", .methods = driver_methods, .num_methods = 1, .create = driver_create};

static void prepare(struct script *script, struct world *world) {
    plan.member_type = world_register(world, &member_type);
    plan.map_type = world_register(world, &map_type);
    plan.driver_type = world_register(world, &driver_type);
}

static struct chariot_future *all;

static void check_all(struct chariot_pe *pe, void *ctx) {
    struct chariot_reader reader;
    struct chariot_value list, value;
    chariot_reader_init(&reader, chariot_future_value(all, 0));
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_LIST, &list), 0);
    CU_ASSERT_EQUAL_FATAL(list.count, COUNT);
    for (int64_t i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
        CU_ASSERT_EQUAL(value.integer, i);
    }
    chariot_future_unref(all);
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, chariot_future_id(ctx), NULL), 0);
}

static void end(struct chariot_pe *pe, void *ctx) {
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(plan.sum));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(plan.sum, 0)), COUNT);
    chariot_future_unref(plan.sum);
    struct chariot_reader reader;
    struct chariot_value list;
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(plan.extra));
    chariot_reader_init(&reader, chariot_future_value(plan.extra, 0));
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_LIST, &list), 0);
    CU_ASSERT_EQUAL(list.count, EXTRA);
    chariot_future_unref(plan.extra);
    chariot_exit(pe, 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    static struct chariot_waiter waiter;
    struct chariot_create driver = {.type = plan.driver_type, .kind = CHARIOT_SINGLE};
    struct chariot_create map = {.type = plan.map_type, .kind = CHARIOT_GROUP};
    struct chariot_ref maker;
    switch (step) {
    case 0:
        plan.sum = chariot_future_new(pe, 1);
        plan.sum_future = chariot_future_id(plan.sum);
        driver.on_pe = plan.far ? chariot_num_pes(pe) - 1 : 0;
        CU_ASSERT_EQUAL(chariot_create_take(pe, &driver, NULL, &maker), 0);
        CU_ASSERT_EQUAL(chariot_create_take(pe, &map, NULL, &plan.map), 0);
        if (plan.far) {
            CU_ASSERT_EQUAL(chariot_send_take(pe, &maker, 0, NULL, CHARIOT_WANT_DONE, next), 0);
            return;
        }
        CU_ASSERT_EQUAL(chariot_future_send_take(pe, chariot_future_id(next), NULL), 0);
        return;
    case 1: /* a result of each at once */
        create_arrays(pe);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.array, 0, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
        all = chariot_future_new(pe, 1);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.array, 1, NULL, CHARIOT_WANT_VALUE, all), 0);
        waiter = (struct chariot_waiter){.fn = check_all, .ctx = next};
        CU_ASSERT_EQUAL(chariot_future_wait(all, &waiter), 0);
        return;
    case 2:
        CU_ASSERT_EQUAL(chariot_await_created(pe, &plan.array, next), 0);
        return;
    case 3:
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.sparse, 0, NULL, CHARIOT_WANT_DONE, next), 0);
        return;
    default:
        CU_ASSERT_EQUAL(chariot_after(pe, 100000000, end, NULL), 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, 5);
    CU_ASSERT_EQUAL(plan.inserted, EXTRA);
    for (int i = 0; i < COUNT; i++) {
        if (plan.asked[i] != 1 || plan.created[i] != 1 || plan.heard[i] != 1) CU_FAIL("each once");
    }
    CU_ASSERT_TRUE(world_is_clean(world));
    for (uint32_t i = 0; i < world->num_pes; i++) {
        const struct chariot_ref *arrays[] = {&plan.array, &plan.sparse};
        for (int k = 0; k < 2; k++) {
            struct obj_coll *coll = obj_coll_get(&world->pes[i], arrays[k]->collection);
            CU_ASSERT_PTR_NOT_NULL_FATAL(coll);
            CU_ASSERT_TRUE(coll->settled);
        }
    }
}

static void run(uint32_t num_pes, uint64_t seed, bool far) {
    plan = (struct plan){.far = far};
    struct script script = {.prepare = prepare, .play = play, .verify = verify};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void elements_come_to_be_where_the_map_says(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) run(sizes[i], seed, false);
    }
}

static void a_map_that_is_still_on_its_way_is_waited_for(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) run(sizes[i], seed, true);
    }
}

UNIT_MAIN("scenarios/place", UNIT(elements_come_to_be_where_the_map_says),
          UNIT(a_map_that_is_still_on_its_way_is_waited_for))
