/* objects/reduce.c, contribute.c: contributions are checked before they count, partial results before they are added.
 */
#include <stdio.h>
#include <string.h>

#include "objects/reduce.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static struct chariot_elem *elem_of(uint32_t pe, const struct chariot_ref *array, int64_t index) {
    struct chariot_ref ref = probe_elem(array, index);
    struct chariot_elem *elem = chariot_elem_local(probe_pe(pe), &ref);
    CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
    return elem;
}

static struct chariot_target to_future(struct chariot_future *future) {
    return (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(future)};
}

/* ---------------------------------------------------------------- what may be contributed */

static struct chariot_elem *contributor;

static int try(const struct chariot_ref *over, struct chariot_msg *value, uint32_t reducer,
               struct chariot_target target) {
    return chariot_contribute_take(probe_pe(0), contributor, over, value, reducer, &target);
}

static void what_cannot_be_contributed_is_refused_and_not_counted(void) {
    const struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    struct chariot_target bad = {.kind = OBJ_TO_ALL};
    probe_open(1);
    struct chariot_ref array = probe_array(0, 2), other = probe_array(0, 2);
    probe_settle();
    contributor = elem_of(0, &array, 0);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_NOP, nowhere), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try(NULL, NULL, CHARIOT_REDUCE_SUM, nowhere), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_GATHER + 1, nowhere), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_FIRST_USER, nowhere), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try(&other, value_int(1), CHARIOT_REDUCE_SUM, nowhere), CHARIOT_ENOENT);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_SUM, bad), CHARIOT_EINVAL);
    bad = (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = obj_id_make(0, 1, 1)}; /* of no PE */
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_SUM, bad), CHARIOT_EINVAL);
    bad = (struct chariot_target){.kind = CHARIOT_TO_METHOD};
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_SUM, bad), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(probe_pe(0)->reductions.count, 0);
    CU_ASSERT_EQUAL(contributor->own.reductions, 0);
    CU_ASSERT_EQUAL(try(&array, value_int(1), CHARIOT_REDUCE_SUM, nowhere), 0);
    contributor = elem_of(0, &array, 1);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_MAX, nowhere), CHARIOT_ESTATE);
    CU_ASSERT_EQUAL(try(NULL, value_int(1), CHARIOT_REDUCE_SUM, nowhere), 0);
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    probe_close();
}

static void elements_on_two_pes_that_disagree_end_the_job(void) {
    const struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    probe_open(2);
    struct chariot_ref array = probe_array(0, 4);
    probe_settle();
    CU_ASSERT_EQUAL(
        chariot_contribute_take(probe_pe(0), elem_of(0, &array, 0), NULL, value_int(1), CHARIOT_REDUCE_SUM, &nowhere),
        0);
    for (int64_t i = 2; i < 4; i++) {
        CU_ASSERT_EQUAL(chariot_contribute_take(probe_pe(1), elem_of(1, &array, i), NULL, value_int(1),
                                                CHARIOT_REDUCE_MAX, &nowhere),
                        0);
    }
    probe_settle();
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text,
                           "chariot: elements of Probe on PE 0 and PE 1 passed different reducers, sum and max, to one "
                           "reduction: all must pass the same\n");
    probe_close();
}

/* ---------------------------------------------------------------- user code in the midst of it */

static uint32_t own_reducer;
static int nested;

/* Contributes once more, as long as it is asked to. */
static int contribute_in_pre(struct chariot_pe *pe, const struct chariot_reducer *reducer,
                             const struct chariot_ref *from, struct chariot_msg **value) {
    const struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    struct chariot_elem *elem = chariot_elem_local(pe, from);
    if (nested-- > 0) {
        CU_ASSERT_EQUAL(chariot_contribute_take(pe, elem, NULL, value_int(100), own_reducer, &nowhere), 0);
    }
    return 0;
}

static int fail_in_pre(struct chariot_pe *pe, const struct chariot_reducer *reducer, const struct chariot_ref *from,
                       struct chariot_msg **value) {
    return CHARIOT_EUSER;
}

static int add(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
               struct chariot_msg *const *values, struct chariot_msg **out) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += int_of(values[i]);
    *out = value_int(sum);
    return 0;
}

static int give_nothing(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                        struct chariot_msg *const *values, struct chariot_msg **out) {
    return 0;
}

static int fail_in_post(struct chariot_pe *pe, const struct chariot_reducer *reducer, struct chariot_msg **value) {
    return CHARIOT_EUSER;
}

/* One element contributes 1 with this reducer. */
static struct chariot_future *reduce_one(const struct chariot_reducer *reducer, int rc) {
    probe_open(1);
    own_reducer = world_register_reducer(&probe.world, reducer);
    struct chariot_ref array = probe_array(0, 1);
    probe_settle();
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    struct chariot_target target = to_future(future);
    CU_ASSERT_EQUAL(
        chariot_contribute_take(probe_pe(0), elem_of(0, &array, 0), NULL, value_int(1), own_reducer, &target), rc);
    probe_settle();
    return future;
}

static void a_contribution_made_inside_another_comes_before_it(void) {
    const struct chariot_reducer reducer = {.name = "nested", .combine = add, .pre = contribute_in_pre};
    nested = 3;
    struct chariot_future *future = reduce_one(&reducer, 0);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(future, 0)), 1);
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    chariot_future_unref(future);
    probe_close();
}

static void a_contribution_whose_preparation_fails_is_not_counted(void) {
    const struct chariot_reducer reducer = {.name = "pre", .combine = add, .pre = fail_in_pre};
    struct chariot_future *future = reduce_one(&reducer, CHARIOT_EUSER);
    CU_ASSERT_FALSE(chariot_future_ready(future));
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    chariot_future_unref(future);
    probe_close();
}

static void a_reducer_that_fails_ends_the_job_without_a_result(void) {
    const struct chariot_reducer reducers[] = {{.name = "nothing", .combine = give_nothing},
                                               {.name = "post", .combine = add, .post = fail_in_post}};
    for (int i = 0; i < 2; i++) {
        struct chariot_future *future = reduce_one(&reducers[i], 0);
        CU_ASSERT_FALSE(chariot_future_ready(future));
        char want[64];
        snprintf(want, sizeof want, "chariot: PE 0: reducer %s failed: ", reducers[i].name);
        CU_ASSERT_PTR_NOT_NULL(strstr(probe.world.abort_text, want));
        CU_ASSERT_EQUAL(probe_pe(0)->reductions.count, 0);
        chariot_future_unref(future);
        probe_close();
    }
}

static void values_that_no_reducer_understands_end_the_job(void) {
    probe_open(1);
    struct chariot_ref array = probe_array(0, 1);
    probe_settle();
    const struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    struct chariot_msg *value = value_ref(&array);
    CU_ASSERT_EQUAL(
        chariot_contribute_take(probe_pe(0), elem_of(0, &array, 0), NULL, value, CHARIOT_REDUCE_SUM, &nowhere), 0);
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text,
                           "chariot: PE 0: reducer sum failed: value of another type expected\n");
    probe_close();
}

/* ---------------------------------------------------------------- what other PEs may say */

struct tail {
    uint64_t count;
    uint32_t reducer, num_values;
    struct chariot_target target;
};

static void partial(const struct chariot_ref *array, uint64_t seq, uint32_t from, const struct tail *tail, size_t size,
                    bool value) {
    struct chariot_msg *msg = value ? value_int(5) : chariot_msg_new(0);
    CU_ASSERT_EQUAL_FATAL(rpc_msg_reserve(&msg, msg->size + size), 0);
    memcpy(rpc_msg_payload(msg) + msg->size, tail, size);
    msg->size += size;
    msg->kind = OBJ_KIND_PARTIAL;
    msg->target = array->collection;
    msg->seq = seq;
    msg->from = from;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
}

static void partial_results_that_make_no_sense_are_refused(void) {
    probe_open(7); /* PE 0's children are 1 to 5 */
    struct chariot_ref array = probe_array(0, 7);
    probe_settle();
    const struct tail good = {.count = 1, .reducer = CHARIOT_REDUCE_SUM, .num_values = 1};
    struct tail tail = good;
    partial(&array, 0, 6, &good, sizeof good, true); /* no child */
    partial(&array, 0, 1, &good, sizeof good - 1, true);
    partial(&array, 0, 1, &good, sizeof good, false); /* says that there is a value */
    partial(&array, (uint64_t)2 << 56, 1, &good, sizeof good, true);
    tail.reducer = 15;
    partial(&array, 0, 1, &tail, sizeof tail, true);
    tail = good;
    tail.num_values = 0;
    partial(&array, 0, 1, &tail, sizeof tail, true);
    tail = good;
    tail.target.kind = 99;
    partial(&array, 0, 1, &tail, sizeof tail, true);
    tail.target = (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = obj_id_make(0, 8, 1)};
    partial(&array, 0, 1, &tail, sizeof tail, true);
    tail.target =
        (struct chariot_target){.kind = CHARIOT_TO_METHOD, .ref.collection = obj_id_make(CHARIOT_GROUP, 8, 1)};
    partial(&array, 0, 1, &tail, sizeof tail, true);
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    partial(&array, 0, 1, &good, sizeof good, true);
    CU_ASSERT_EQUAL(probe_pe(0)->reductions.count, 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

/* ---------------------------------------------------------------- results of broadcasts */

static void an_answer_to_nobody_is_dropped(void) {
    probe_open(1);
    const struct chariot_ref from = {.index = {0}, .ndims = 1};
    obj_reduce_answer_take(probe_pe(0), obj_id_make(CHARIOT_GROUP, 0, 9), 4, &from, value_int(1));
    CU_ASSERT_EQUAL(probe_pe(0)->reductions.count, 0);
    probe_close();
}

static size_t num_later;
static struct chariot_reply laters[8];

static int note_later(struct chariot_call *call) {
    laters[num_later++] = call->reply;
    return 0;
}

static void answers_may_come_later_in_any_order(void) {
    probe_open(1);
    num_later = 0;
    probe.on_call = note_later;
    struct chariot_ref array = probe_array(0, 5);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &array, PROBE_LATER, NULL, CHARIOT_WANT_VALUE, future), 0);
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(num_later, 5);
    const int order[] = {3, 0, 4, 2, 1};
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_FALSE(chariot_future_ready(future));
        struct chariot_msg *value = order[i] == 2 ? chariot_msg_new(0) : value_int(order[i]); /* empty: null */
        CU_ASSERT_EQUAL(chariot_reply_take(probe_pe(0), &laters[order[i]], value), 0);
    }
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, chariot_future_value(future, 0));
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL(value.count, 5);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(chariot_get(&reader, &value), 0);
        CU_ASSERT_EQUAL(value.type, i == 2 ? CHARIOT_NULL : CHARIOT_INT);
        if (i != 2) CU_ASSERT_EQUAL(value.integer, i);
    }
    chariot_future_unref(future);
    probe_close();
}

UNIT_MAIN("objects/reduce", UNIT(what_cannot_be_contributed_is_refused_and_not_counted),
          UNIT(elements_on_two_pes_that_disagree_end_the_job), UNIT(a_contribution_made_inside_another_comes_before_it),
          UNIT(a_contribution_whose_preparation_fails_is_not_counted),
          UNIT(a_reducer_that_fails_ends_the_job_without_a_result),
          UNIT(values_that_no_reducer_understands_end_the_job), UNIT(partial_results_that_make_no_sense_are_refused),
          UNIT(an_answer_to_nobody_is_dropped), UNIT(answers_may_come_later_in_any_order))
