/* objects/call.c: calls find their element, or wait, or fail; results and errors go to whoever asked. */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static struct chariot_msg *result_of(struct chariot_future *future) {
    return chariot_future_value(future, 0);
}

static void a_result_goes_to_who_asked(void) {
    probe_open(3);
    struct chariot_ref array = probe_array(0, 6);
    for (int64_t i = 0; i < 6; i++) {
        struct chariot_ref elem = probe_elem(&array, i);
        struct chariot_future *value = probe_ask(1, &elem, PROBE_SAY, CHARIOT_WANT_VALUE);
        struct chariot_future *done = probe_ask(1, &elem, PROBE_SAY, CHARIOT_WANT_DONE);
        struct chariot_future *nothing = probe_ask(1, &elem, PROBE_HEAR, CHARIOT_WANT_VALUE);
        CU_ASSERT_EQUAL(int_of(result_of(value)), 10 * i);
        CU_ASSERT_TRUE(is_null(result_of(done)));
        CU_ASSERT_TRUE(is_null(result_of(nothing)));
        chariot_future_unref(value);
        chariot_future_unref(done);
        chariot_future_unref(nothing);
    }
    CU_ASSERT_EQUAL(probe.num_calls, 18);
    probe_close();
}

static void an_error_goes_to_who_asked_whatever_it_asked_for(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 1);
    const enum chariot_want wants[] = {CHARIOT_WANT_DONE, CHARIOT_WANT_VALUE};
    for (int i = 0; i < 2; i++) {
        struct chariot_future *future = probe_ask(0, &single, PROBE_FAIL, wants[i]);
        CU_ASSERT_STRING_EQUAL(error_of(result_of(future)), "USER: user method failed");
        chariot_future_unref(future);
    }
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

static int give_error(struct chariot_call *call) {
    call->result = value_int(3);
    chariot_msg_set_error(call->result);
    return 0;
}

/* A face that catches what its method raised returns 0 with an error for a result. */
static void an_error_for_a_result_is_a_failure(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 1);
    probe.on_call = give_error;
    struct chariot_future *future = probe_ask(0, &single, PROBE_SAY, CHARIOT_WANT_DONE);
    CU_ASSERT_TRUE(chariot_msg_is_error(result_of(future)));
    chariot_future_unref(future);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &single, PROBE_SAY, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    probe_settle();
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "chariot: PE 1, Probe.say: error\n");
    probe_close();
}

static size_t unreceived;

static void on_unreceived_error(void *ctx, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error) {
    CU_ASSERT_EQUAL(method, PROBE_FAIL);
    CU_ASSERT_STRING_EQUAL(error_of(error), "USER: user method failed");
    CU_ASSERT_EQUAL(index_of(elem).at[0], 2);
    unreceived++;
}

static void a_face_hears_of_errors_nobody_receives(void) {
    probe_open(2);
    unreceived = 0;
    for (uint32_t i = 0; i < 2; i++) {
        probe_pe(i)->face = (struct chariot_face){.on_unreceived_error = on_unreceived_error};
    }
    struct chariot_ref array = probe_array(0, 3), elem = probe_elem(&array, 2);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &elem, PROBE_FAIL, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    probe_settle();
    CU_ASSERT_EQUAL(unreceived, 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

static void a_reply_may_come_later(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 1);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &single, PROBE_LATER, NULL, CHARIOT_WANT_VALUE, future), 0);
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(future));
    CU_ASSERT_FALSE(chariot_reply_is_local(probe_pe(1), &probe.later));
    CU_ASSERT_EQUAL(chariot_reply_take(probe_pe(1), &probe.later, value_int(5)), 0);
    probe_settle();
    CU_ASSERT_EQUAL(int_of(result_of(future)), 5);
    chariot_future_unref(future);
    probe_close();
}

static void a_later_error_nobody_waits_for_is_the_callers_to_report(void) {
    probe_open(1);
    struct chariot_ref single = probe_single(0, 0);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &single, PROBE_LATER, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    probe_settle();
    struct chariot_msg *error = value_int(5);
    chariot_msg_set_error(error);
    CU_ASSERT_EQUAL(chariot_reply_take(probe_pe(0), &probe.later, error), 1);
    CU_ASSERT_EQUAL(chariot_reply_take(probe_pe(0), &probe.later, NULL), 0);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

/* ---------------------------------------------------------------- what cannot be called */

static void refs_that_lead_nowhere_are_refused(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 1), ref = single;
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &ref, PROBE_HEAR, args_of(1), CHARIOT_WANT_VALUE, NULL),
                    CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &ref, PROBE_HEAR, args_of(1), CHARIOT_WANT_NOTHING, future),
                    CHARIOT_EINVAL);
    ref.whole = 1; /* a single chare is no collection */
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &ref, PROBE_HEAR, args_of(1), CHARIOT_WANT_NOTHING, NULL),
                    CHARIOT_EINVAL);
    ref = (struct chariot_ref){0};
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &ref, PROBE_HEAR, args_of(1), CHARIOT_WANT_NOTHING, NULL),
                    CHARIOT_EINVAL);
    ref.collection = obj_id_make(CHARIOT_GROUP, 2, 1); /* of a PE that is not in the job */
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &ref, PROBE_HEAR, args_of(1), CHARIOT_WANT_NOTHING, NULL),
                    CHARIOT_EINVAL);
    chariot_future_unref(future);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    probe_close();
}

static void a_method_that_does_not_exist_fails(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 1);
    const uint32_t methods[] = {PROBE_NUM_METHODS, UINT32_MAX, OBJ_METHOD_COUNT};
    for (int i = 0; i < 3; i++) {
        struct chariot_future *future = probe_ask(0, &single, methods[i], CHARIOT_WANT_DONE);
        CU_ASSERT_STRING_EQUAL(error_of(result_of(future)), "NOENT: no such object");
        chariot_future_unref(future);
    }
    probe_close();
}

static void a_call_of_an_index_that_is_not_there_waits(void) {
    probe_open(2);
    struct chariot_ref array = probe_array(0, 3), outside = probe_elem(&array, 3);
    probe_hear(0, &outside, 1);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

UNIT_MAIN("objects/call", UNIT(a_result_goes_to_who_asked), UNIT(an_error_goes_to_who_asked_whatever_it_asked_for),
          UNIT(an_error_for_a_result_is_a_failure), UNIT(a_face_hears_of_errors_nobody_receives),
          UNIT(a_reply_may_come_later), UNIT(a_later_error_nobody_waits_for_is_the_callers_to_report),
          UNIT(refs_that_lead_nowhere_are_refused), UNIT(a_method_that_does_not_exist_fails),
          UNIT(a_call_of_an_index_that_is_not_there_waits))
