/* objects/coll.c, and the end of a collection in broadcast.c: elements are found, and gone when they are gone. */
#include <string.h>

#include "objects/call.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static void elements_are_found_where_they_live_only(void) {
    probe_open(2);
    struct chariot_ref array = probe_array(0, 4), single = probe_single(1, 0), ref;
    probe_settle();
    for (int64_t i = 0; i < 4; i++) {
        struct chariot_ref at = probe_elem(&array, i);
        uint32_t home = i / 2;
        struct chariot_elem *elem = chariot_elem_local(probe_pe(home), &at);
        CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
        CU_ASSERT_PTR_NULL(chariot_elem_local(probe_pe(1 - home), &at));
        CU_ASSERT_PTR_EQUAL(chariot_elem_object(elem), &probe);
        chariot_elem_ref(elem, &ref);
        CU_ASSERT_TRUE(chariot_ref_equal(&ref, &at));
        CU_ASSERT_EQUAL(ref.type, probe.type);
    }
    struct chariot_elem *elem = chariot_elem_local(probe_pe(0), &single);
    CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
    chariot_elem_ref(elem, &ref);
    CU_ASSERT_TRUE(chariot_ref_equal(&ref, &single));
    CU_ASSERT_EQUAL(ref.kind, CHARIOT_SINGLE);
    probe_close();
}

/* ---------------------------------------------------------------- destroyed */

static void destroy(uint32_t pe, const struct chariot_ref *ref) {
    struct chariot_future *future = chariot_future_new(probe_pe(pe), 1);
    CU_ASSERT_EQUAL(chariot_destroy(probe_pe(pe), ref, future), 0);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    CU_ASSERT_TRUE(is_null(chariot_future_value(future, 0)));
    chariot_future_unref(future);
}

static void a_destroyed_collection_is_gone_everywhere(void) {
    probe_open(5);
    struct chariot_ref array = probe_array(3, 12);
    for (uint32_t pe = 0; pe < 5; pe++) CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(pe), array.collection));
    probe_settle();
    for (uint32_t pe = 0; pe < 5; pe++) CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(pe), array.collection));
    destroy(1, &array);
    CU_ASSERT_EQUAL(probe.num_destroyed, 12);
    for (uint32_t pe = 0; pe < 5; pe++) {
        CU_ASSERT_TRUE(obj_coll_is_gone(probe_pe(pe), array.collection));
        CU_ASSERT_PTR_NULL(obj_coll_get(probe_pe(pe), array.collection));
    }
    probe_close();
    CU_ASSERT_EQUAL(probe.num_destroyed, 12);
}

static void what_is_not_there_yet_is_not_gone(void) {
    probe_open(2);
    struct chariot_ref first = probe_group(0), second = probe_group(0), single = probe_single(0, 1);
    probe_settle();
    destroy(0, &second);
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), first.collection));
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), single.collection));
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), second.collection + 1));
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), obj_id_make(CHARIOT_GROUP, 1, 1)));
    CU_ASSERT_TRUE(obj_coll_is_gone(probe_pe(1), second.collection));
    probe_close();
}

static void calls_of_what_was_destroyed_fail(void) {
    probe_open(3);
    struct chariot_ref array = probe_array(0, 6), elem = probe_elem(&array, 5), single = probe_single(0, 1);
    probe_settle();
    destroy(2, &array);
    destroy(0, &single);
    const struct chariot_ref *refs[] = {&array, &elem, &single};
    for (uint32_t pe = 0; pe < 3; pe++) {
        for (int i = 0; i < 3; i++) {
            struct chariot_future *future = probe_ask(pe, refs[i], PROBE_SAY, CHARIOT_WANT_VALUE);
            CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(future, 0)), "RuntimeError: " OBJ_TEXT_DESTROYED);
            chariot_future_unref(future);
            bool known = i < 2 || pe == 1; /* of a single chare only its own PE knows */
            CU_ASSERT_EQUAL(chariot_send_take(probe_pe(pe), refs[i], PROBE_HEAR, NULL, CHARIOT_WANT_NOTHING, NULL),
                            known ? CHARIOT_ENOENT : 0);
        }
        struct chariot_index at = {.ndims = 1};
        CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(pe), &array, &at, NULL, -1, false), CHARIOT_ENOENT);
        CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(pe), &array), CHARIOT_ENOENT);
    }
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    CU_ASSERT_TRUE(world_is_clean(&probe.world)); /* nothing waits for what never comes */
    probe_close();
}

static void calls_that_wait_for_an_element_fail_when_it_cannot_come(void) {
    probe_open(3);
    struct chariot_ref array = probe_array(0, 6), elem = probe_elem(&array, 99);
    struct chariot_future *future = chariot_future_new(probe_pe(1), 1);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(1), &elem, PROBE_SAY, NULL, CHARIOT_WANT_VALUE, future), 0);
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(future));
    destroy(2, &array);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(future, 0)), "RuntimeError: " OBJ_TEXT_DESTROYED);
    chariot_future_unref(future);
    probe_close();
}

static void a_single_chare_is_destroyed_alone(void) {
    probe_open(2);
    struct chariot_ref first = probe_single(0, 1), second = probe_single(0, 1);
    destroy(1, &first); /* also before it is there */
    CU_ASSERT_EQUAL(probe.num_created, 2);
    CU_ASSERT_EQUAL(probe.num_destroyed, 1);
    CU_ASSERT_TRUE(obj_coll_is_gone(probe_pe(1), first.collection));
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), second.collection));
    CU_ASSERT_FALSE(obj_coll_is_gone(probe_pe(1), obj_id_make(CHARIOT_SINGLE, 1, 1)));
    probe_hear(0, &second, 3);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(-1, 3), 1);
    probe_close();
    CU_ASSERT_EQUAL(probe.num_destroyed, 2);
}

static struct chariot_future *result;

static int contribute_odd(struct chariot_call *call) {
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(result)};
    if (index_of(call->elem).at[0] % 2 == 0) return 0;
    return chariot_contribute_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
}

static void who_waits_for_a_reduction_of_what_is_destroyed_is_told(void) {
    for (uint32_t num_pes = 1; num_pes <= 22; num_pes += 7) {
        for (uint32_t root = 0; root < num_pes; root += 3) {
            probe_open(num_pes);
            struct chariot_ref array = probe_array(root, 40);
            result = chariot_future_new(probe_pe(num_pes - 1), 1);
            probe.on_call = contribute_odd;
            probe_hear(0, &array, 1);
            destroy(num_pes / 2, &array);
            CU_ASSERT_TRUE_FATAL(chariot_future_ready(result));
            CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(result, 0)), "RuntimeError: " OBJ_TEXT_DESTROYED);
            chariot_future_unref(result);
            CU_ASSERT_TRUE(world_is_clean(&probe.world));
            probe_close();
        }
    }
}

/* Half of the elements have contributed; allreduce futures wait. */
static struct chariot_future *all;

static int contribute_half(struct chariot_call *call) {
    struct chariot_target target = {.kind = CHARIOT_TO_NOTHING};
    if (index_of(call->elem).at[0] % 2 == 0) return 0;
    int rc = chariot_contribute_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
    if (rc == 0 && all != NULL) return 0;
    return rc != 0 ? rc : chariot_allreduce_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_MAX, &all);
}

static void reductions_of_a_destroyed_collection_are_dropped(void) {
    probe_open(3);
    struct chariot_ref array = probe_array(1, 7), other = probe_array(1, 7);
    all = NULL;
    probe.on_call = contribute_half;
    probe_hear(0, &array, 1);
    probe_settle();
    probe_hear(0, &other, 1);
    probe_settle();
    CU_ASSERT_FALSE(world_is_clean(&probe.world));
    size_t of_other = 0;
    for (uint32_t pe = 0; pe < 3; pe++) of_other += probe_pe(pe)->reductions.count;
    destroy(0, &array);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(all));
    CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(all, 0)), "RuntimeError: " OBJ_TEXT_DESTROYED);
    chariot_future_unref(all);
    for (uint32_t pe = 0; pe < 3; pe++) of_other -= probe_pe(pe)->reductions.count;
    CU_ASSERT_TRUE(of_other > 0); /* some went, */
    CU_ASSERT_FALSE(world_is_clean(&probe.world));
    destroy(0, &other);
    CU_ASSERT_TRUE(world_is_clean(&probe.world)); /* now all have */
    probe_close();
}

static int never_ends(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args) {
    return CHARIOT_LATER;
}

static void who_awaits_the_creation_of_what_is_destroyed_is_told(void) {
    probe_open(3);
    probe.on_create = never_ends;
    struct chariot_ref array = probe_array(0, 7);
    struct chariot_future *created = chariot_future_new(probe_pe(2), 1);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(2), &array, created), 0);
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(created));
    destroy(1, &array);
    CU_ASSERT_TRUE(chariot_future_ready(created));
    chariot_future_unref(created);
    probe_close();
}

static struct chariot_ref doomed;

/* A destructor that uses the collection it is part of, while that goes. */
static void use_the_doomed(struct chariot_pe *pe) {
    struct chariot_ref elem = probe_elem(&doomed, 1);
    CU_ASSERT_PTR_NULL(chariot_elem_local(pe, &elem));
    if (pe->ending) return;
    CU_ASSERT_EQUAL(chariot_send_take(pe, &elem, PROBE_HEAR, NULL, CHARIOT_WANT_NOTHING, NULL), CHARIOT_ENOENT);
    CU_ASSERT_EQUAL(chariot_send_take(pe, &doomed, PROBE_HEAR, NULL, CHARIOT_WANT_NOTHING, NULL), CHARIOT_ENOENT);
    CU_ASSERT_EQUAL(chariot_destroy(pe, &doomed, NULL), CHARIOT_ENOENT);
}

static void destructors_may_use_what_is_being_destroyed(void) {
    probe_open(2);
    doomed = probe_array(0, 9);
    probe_settle();
    probe.on_destroy = use_the_doomed;
    destroy(1, &doomed);
    CU_ASSERT_EQUAL(probe.num_destroyed, 9);
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    probe_close();
}

static void one_element_cannot_be_destroyed(void) {
    probe_open(1);
    struct chariot_ref array = probe_array(0, 2), elem = probe_elem(&array, 0);
    CU_ASSERT_EQUAL(chariot_destroy(probe_pe(0), &elem, NULL), CHARIOT_EINVAL);
    probe_settle();
    probe_close();
}

UNIT_MAIN("objects/coll", UNIT(elements_are_found_where_they_live_only),
          UNIT(a_destroyed_collection_is_gone_everywhere), UNIT(what_is_not_there_yet_is_not_gone),
          UNIT(calls_of_what_was_destroyed_fail), UNIT(a_single_chare_is_destroyed_alone),
          UNIT(calls_that_wait_for_an_element_fail_when_it_cannot_come),
          UNIT(who_waits_for_a_reduction_of_what_is_destroyed_is_told),
          UNIT(reductions_of_a_destroyed_collection_are_dropped),
          UNIT(who_awaits_the_creation_of_what_is_destroyed_is_told), UNIT(destructors_may_use_what_is_being_destroyed),
          UNIT(one_element_cannot_be_destroyed))
