/* Arrays that grow by insertion, from several PEs, in any order; allreduce; futures that other PEs wait for. */
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

#include <stdlib.h>

enum { PER_PE = 13 };

/* What one run needs everywhere; one run at a time, reset by run(). */
struct plan {
    struct chariot_ref array, group;
    uint32_t member_type, driver_type;
    uint64_t sum_future, late_future;
    struct chariot_future *sum, *late;
    int64_t allreduced; /* results seen by group elements */
    int64_t waited;     /* PEs that got the future's value */
    int64_t heard;
    bool place;
};
static struct plan plan;

struct member {
    int64_t heard;
};

/* Members contribute 1 from their constructor. */
static int member_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                         struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct member));
    CU_ASSERT_PTR_NOT_NULL_FATAL(*object);
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = plan.sum_future};
    return chariot_contribute_take(pe, elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
}

static void member_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int member_hear(struct chariot_call *call) {
    struct member *member = call->object;
    member->heard++;
    plan.heard++;
    CU_ASSERT_EQUAL(member->heard, 1);
    return 0;
}

static const struct chariot_method member_methods[] = {{"hear", member_hear}};
static const struct chariot_type member_type = {
    .name = "Member", .methods = member_methods, .num_methods = 1, .create = member_create, .destroy = member_destroy};

/* Drivers, one per PE, insert members. */
struct driver {
    struct chariot_waiter waiter, late;
    struct chariot_future *all, *told;
};

static int driver_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                         struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct driver));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void driver_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct driver *driver = object;
    chariot_future_unref(driver->all);
    chariot_future_unref(driver->told);
    free(driver);
}

static int driver_insert(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    uint32_t me = chariot_my_pe(pe), num_pes = chariot_num_pes(pe);
    for (int64_t i = 0; i < PER_PE; i++) {
        struct chariot_index at = {.ndims = 2, .at = {me, -i}};
        int64_t on = plan.place ? (me + i) % num_pes : -1;
        CU_ASSERT_EQUAL(chariot_insert_take(pe, &plan.array, &at, NULL, on, false), 0);
    }
    return 0;
}

static void all_reduced(struct chariot_pe *pe, void *ctx) {
    struct driver *driver = ctx;
    CU_ASSERT_EQUAL(int_of(chariot_future_value(driver->all, 0)), (int64_t)chariot_num_pes(pe));
    plan.allreduced++;
}

static int driver_allreduce(struct chariot_call *call) {
    struct driver *driver = call->object;
    int rc = chariot_allreduce_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &driver->all);
    if (rc != 0) return rc;
    driver->waiter = (struct chariot_waiter){.fn = all_reduced, .ctx = driver};
    return chariot_future_wait(driver->all, &driver->waiter);
}

static void told(struct chariot_pe *pe, void *ctx) {
    struct driver *driver = ctx;
    CU_ASSERT_EQUAL(int_of(chariot_future_value(driver->told, 0)), 99);
    plan.waited++;
}

static int driver_wait(struct chariot_call *call) {
    struct driver *driver = call->object;
    driver->told = chariot_future_open(call->pe, plan.late_future);
    driver->late = (struct chariot_waiter){.fn = told, .ctx = driver};
    return chariot_future_wait(driver->told, &driver->late);
}

enum { INSERT, ALLREDUCE, WAIT };
static const struct chariot_method driver_methods[] = {
    {"insert", driver_insert}, {"allreduce", driver_allreduce}, {"wait", driver_wait}};
static const struct chariot_type driver_type = {
    .name = "Driver", .methods = driver_methods, .num_methods = 3, .create = driver_create, .destroy = driver_destroy};

static void prepare(struct script *script, struct world *world) {
    plan.member_type = world_register(world, &member_type);
    plan.driver_type = world_register(world, &driver_type);
}

static void create(struct chariot_pe *pe, struct chariot_future *created) {
    struct chariot_create array = {.type = plan.member_type, .kind = CHARIOT_ARRAY_OF, .ndims = 2};
    struct chariot_create group = {.type = plan.driver_type, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &array, NULL, &plan.array), 0);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &group, NULL, &plan.group), 0);
    CU_ASSERT_EQUAL(chariot_await_created(pe, &plan.group, created), 0);
    plan.sum = chariot_future_new(pe, 1);
    plan.sum_future = chariot_future_id(plan.sum);
    plan.late = chariot_future_new(pe, 1);
    plan.late_future = chariot_future_id(plan.late);
}

static void end(struct chariot_pe *pe, void *ctx) {
    chariot_future_unref(plan.sum);
    chariot_future_unref(plan.late);
    chariot_exit(pe, 0);
}

static void summed(struct chariot_pe *pe, void *ctx) {
    struct chariot_future *next = ctx;
    CU_ASSERT_EQUAL(int_of(chariot_future_value(plan.sum, 0)), (int64_t)chariot_num_pes(pe) * PER_PE);
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, chariot_future_id(next), NULL), 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    static struct chariot_waiter sum_waiter;
    switch (step) {
    case 0:
        create(pe, next);
        return;
    case 1: /* a broadcast before anything exists reaches every member once */
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.array, 0, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.group, INSERT, NULL, CHARIOT_WANT_DONE, next), 0);
        return;
    case 2:
        CU_ASSERT_EQUAL(chariot_done_inserting(pe, &plan.array), 0);
        sum_waiter = (struct chariot_waiter){.fn = summed, .ctx = next};
        CU_ASSERT_EQUAL(chariot_future_wait(plan.sum, &sum_waiter), 0);
        return;
    case 3:
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.group, ALLREDUCE, NULL, CHARIOT_WANT_DONE, next), 0);
        return;
    case 4:
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.group, WAIT, NULL, CHARIOT_WANT_DONE, next), 0);
        return;
    case 5:
        CU_ASSERT_EQUAL(chariot_future_send_take(pe, plan.late_future, value_int(99)), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &plan.array, next), 0);
        return;
    default:
        CU_ASSERT_EQUAL(chariot_after(pe, 100000000, end, NULL), 0);
    }
}

static void verify(struct script *script, struct world *world) {
    int64_t num_pes = world->num_pes;
    CU_ASSERT_EQUAL(script->step, 7);
    CU_ASSERT_EQUAL(plan.allreduced, num_pes);
    CU_ASSERT_EQUAL(plan.waited, num_pes);
    CU_ASSERT_EQUAL(plan.heard, num_pes * PER_PE);
    CU_ASSERT_TRUE(world_is_clean(world));
    for (uint32_t i = 0; i < num_pes; i++) {
        struct obj_coll *coll = obj_coll_get(&world->pes[i], plan.array.collection);
        CU_ASSERT_PTR_NOT_NULL_FATAL(coll);
        CU_ASSERT_TRUE(coll->settled);
    }
}

static void run(uint32_t num_pes, uint64_t seed, bool place) {
    plan = (struct plan){.place = place};
    struct script script = {.prepare = prepare, .play = play, .verify = verify};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void insertions_from_every_pe_are_counted(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) run(sizes[i], seed, false);
    }
}

static void elements_placed_elsewhere_are_found_through_their_home(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) run(sizes[i], seed, true);
    }
}

UNIT_MAIN("scenarios/sparse", UNIT(insertions_from_every_pe_are_counted),
          UNIT(elements_placed_elsewhere_are_found_through_their_home))
