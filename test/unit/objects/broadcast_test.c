/* objects/broadcast.c: numbers, kept broadcasts for elements under way, requests that come before the collection. */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static void insert(uint32_t pe, const struct chariot_ref *array, int64_t index) {
    const struct chariot_index at = {.ndims = 1, .at = {index}};
    CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(pe), array, &at, NULL, -1, false), 0);
}

static size_t kept_on(uint32_t pe, const struct chariot_ref *array) {
    return obj_coll_get(probe_pe(pe), array->collection)->kept.count;
}

static void a_late_element_hears_what_was_said_before_in_order(void) {
    probe_open(3);
    struct chariot_ref array = probe_sparse(0);
    for (int64_t i = 0; i < 4; i++) probe_hear(0, &array, i);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(kept_on(pe, &array), 4);
    insert(0, &array, 7);
    probe_settle();
    probe_hear(0, &array, 4);
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(probe.num_calls, 5);
    for (int64_t i = 0; i < 5; i++) CU_ASSERT_EQUAL(probe.calls[i].arg, i);
    probe_close();
}

static void kept_broadcasts_go_when_all_have_arrived(void) {
    probe_open(3);
    struct chariot_ref array = probe_sparse(0);
    for (int64_t i = 0; i < 9; i++) insert((uint32_t)i % 3, &array, i);
    probe_hear(1, &array, 1);
    probe_settle();
    CU_ASSERT_EQUAL(kept_on(2, &array), 1);
    CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(2), &array), 0);
    probe_settle();
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(kept_on(pe, &array), 0);
    probe_hear(1, &array, 2);
    probe_settle();
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(kept_on(pe, &array), 0);
    CU_ASSERT_EQUAL(probe_count(-1, 1), 9);
    CU_ASSERT_EQUAL(probe_count(-1, 2), 9);
    probe_close();
}

static void an_element_inserted_after_the_array_settled_hears_later_ones_only(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0);
    CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(0), &array), 0);
    probe_hear(0, &array, 1);
    probe_settle();
    insert(0, &array, 3);
    probe_settle();
    probe_hear(0, &array, 2);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 1);
    CU_ASSERT_EQUAL(probe_count(3, 2), 1);
    probe_close();
}

/* The results of a broadcast are those of the elements that were there when it came; others hear it all the same. */
static void a_result_does_not_wait_for_elements_under_way(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0);
    insert(0, &array, 1);
    probe_settle();
    struct chariot_future *future = probe_ask(1, &array, PROBE_SAY, CHARIOT_WANT_VALUE);
    int64_t value = 0;
    CU_ASSERT_EQUAL(ints_of(chariot_future_value(future, 0), &value, 1), 1);
    CU_ASSERT_EQUAL(value, 10);
    insert(0, &array, 2);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(2, -2), 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    chariot_future_unref(future);
    probe_close();
}

static void broadcasts_wait_for_the_constructor_only_where_creation_is_awaited(void) {
    probe_open(4);
    struct chariot_ref group = probe_group(2);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(0), &group, future), 0);
    probe_settle();
    CU_ASSERT_TRUE(chariot_future_ready(future));
    CU_ASSERT_EQUAL(probe.num_created, 4);
    chariot_future_unref(future);
    probe_close();
}

/* The request comes to the root while the creation is still in its run queue. */
static void a_request_may_come_before_the_collection(void) {
    probe_open(2);
    struct chariot_ref group = probe_group(0);
    struct chariot_msg *msg = args_of(6);
    msg->kind = OBJ_KIND_BROADCAST_ASK;
    msg->target = group.collection;
    msg->from = 1;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(-1, 6), 2);
    probe_close();
}

static void a_number_beyond_all_numbers_is_refused(void) {
    probe_open(2);
    struct chariot_ref group = probe_group(1);
    probe_settle();
    struct chariot_msg *msg = args_of(6);
    msg->kind = OBJ_KIND_BROADCAST;
    msg->flags = OBJ_FLAG_TREE | OBJ_FLAG_WANT_VALUE;
    msg->target = group.collection;
    msg->from = msg->root = 1;
    msg->seq = (uint64_t)1 << 56;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    probe_close();
}

static int end_job(struct chariot_call *call) {
    chariot_abort(call->pe, 4, "enough\n");
    return 0;
}

static void no_element_hears_anything_after_the_end(void) {
    probe_open(1);
    struct chariot_ref array = probe_array(0, 10);
    probe.on_call = end_job;
    probe_hear(0, &array, 1);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 1);
    probe_close();
}

UNIT_MAIN("objects/broadcast", UNIT(a_late_element_hears_what_was_said_before_in_order),
          UNIT(kept_broadcasts_go_when_all_have_arrived),
          UNIT(an_element_inserted_after_the_array_settled_hears_later_ones_only),
          UNIT(a_result_does_not_wait_for_elements_under_way),
          UNIT(broadcasts_wait_for_the_constructor_only_where_creation_is_awaited),
          UNIT(a_request_may_come_before_the_collection), UNIT(a_number_beyond_all_numbers_is_refused),
          UNIT(no_element_hears_anything_after_the_end))
