/* Arrays that grow after chariot_done_inserting(), on simulated PEs: in every round all PEs insert, then the array is
 * declared done again, and a broadcast and the reduction that it starts meet every element there is. */
#include <string.h>

#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { ROUNDS = 6, INSERT = 0, TALLY = 0 };

/* What one run needs everywhere; one run at a time, reset by run(). */
static struct {
    struct chariot_ref array, group;
    uint32_t member_type, driver_type;
    uint64_t sum_future;
    struct chariot_future *sum;
    int64_t round, tallied;
    bool place;
} plan;

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {}

static int member_tally(struct chariot_call *call) {
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = plan.sum_future};
    plan.tallied++;
    return chariot_contribute_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
}

static const struct chariot_method member_methods[] = {{"tally", member_tally}};
static const struct chariot_type member_type = {
    .name = "Member", .methods = member_methods, .num_methods = 1, .create = create, .destroy = destroy};

static int driver_insert(struct chariot_call *call) {
    uint32_t me = chariot_my_pe(call->pe), num_pes = chariot_num_pes(call->pe);
    struct chariot_index at = {.ndims = 2, .at = {me, plan.round}};
    int64_t on = plan.place ? (int64_t)((me + (uint64_t)plan.round) % num_pes) : -1;
    return chariot_insert_take(call->pe, &plan.array, &at, NULL, on, false);
}

static const struct chariot_method driver_methods[] = {{"insert", driver_insert}};
static const struct chariot_type driver_type = {
    .name = "Driver", .methods = driver_methods, .num_methods = 1, .create = create, .destroy = destroy};

static void prepare(struct script *script, struct world *world) {
    plan.member_type = world_register(world, &member_type);
    plan.driver_type = world_register(world, &driver_type);
}

static void create_all(struct chariot_pe *pe, struct chariot_future *next) {
    struct chariot_create array = {.type = plan.member_type, .kind = CHARIOT_ARRAY_OF, .ndims = 2};
    struct chariot_create group = {.type = plan.driver_type, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &array, NULL, &plan.array), 0);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &group, NULL, &plan.group), 0);
    CU_ASSERT_EQUAL(chariot_await_created(pe, &plan.group, next), 0);
}

/* An even step: all insert. An odd one: the tally of them all. */
static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    int64_t num_pes = chariot_num_pes(pe);
    if (step == 0) {
        create_all(pe, next);
        return;
    }
    if (step % 2 == 1 && plan.round > 0) {
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), plan.round * num_pes);
        CU_ASSERT_EQUAL(plan.tallied, plan.round * num_pes);
    }
    if (plan.round == ROUNDS) {
        chariot_exit(pe, 0);
    } else if (step % 2 == 1) {
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.group, INSERT, NULL, CHARIOT_WANT_DONE, next), 0);
    } else {
        plan.round++;
        plan.tallied = 0;
        plan.sum_future = chariot_future_id(next);
        CU_ASSERT_EQUAL(chariot_done_inserting(pe, &plan.array), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &plan.array, TALLY, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(plan.round, ROUNDS);
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void run(uint32_t num_pes, uint64_t seed) {
    memset(&plan, 0, sizeof plan);
    plan.place = seed % 2 == 1;
    struct script script = {.prepare = prepare, .play = play, .verify = verify};
    script_run(&script, num_pes, seed);
}

static void late_elements_meet_what_is_sent_later(void) {
    static const uint32_t sizes[] = {1, 2, 3, 7, 17, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 10 : 100); seed++) run(sizes[i], seed);
    }
}

UNIT_MAIN("scenarios/grow", UNIT(late_elements_meet_what_is_sent_later))
