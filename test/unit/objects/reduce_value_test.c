/* objects/reduce_value.c: gather, errors, and what a face or a program makes of values. */
#include <string.h>

#include "objects/reduce.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

/* An entry of the gather as element (x, y) contributes it. */
static struct chariot_msg *entry(uint64_t collection, int64_t x, int64_t y, int64_t value) {
    struct chariot_ref from = {.collection = collection, .kind = CHARIOT_ARRAY_OF, .ndims = 2};
    from.index[0] = (uint64_t)x;
    from.index[1] = (uint64_t)y;
    struct chariot_msg *msg = value_int(value);
    CU_ASSERT_EQUAL_FATAL(obj_reduce_pre(probe_pe(0), CHARIOT_REDUCE_GATHER, &from, &msg), 0);
    return msg;
}

static void gathered_values_stand_by_collection_and_index(void) {
    probe_open(1);
    struct chariot_msg *entries[] = {entry(1, 1, 2, 5),  entry(2, -9, 0, 8),        entry(1, -1, 7, 2),
                                     entry(1, 1, -3, 4), entry(2, 0, 0, 9),         entry(1, -2, 9, 1),
                                     entry(1, 0, 0, 3),  entry(1, 2, INT64_MIN, 7), entry(1, 1, 3, 6)};
    struct chariot_msg *all, *half[2];
    CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), CHARIOT_REDUCE_GATHER, 4, entries, &half[0]), 0);
    CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), CHARIOT_REDUCE_GATHER, 5, entries + 4, &half[1]), 0);
    CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), CHARIOT_REDUCE_GATHER, 2, half, &all), 0);
    CU_ASSERT_EQUAL(obj_reduce_post(probe_pe(0), CHARIOT_REDUCE_GATHER, &all), 0);
    int64_t values[9];
    CU_ASSERT_EQUAL(ints_of(all, values, 9), 9);
    for (int64_t i = 0; i < 9; i++) CU_ASSERT_EQUAL(values[i], i + 1);
    for (int i = 0; i < 9; i++) chariot_msg_unref(entries[i]);
    for (int i = 0; i < 2; i++) chariot_msg_unref(half[i]);
    chariot_msg_unref(all);
    probe_close();
}

static void nothing_gathered_is_an_empty_list(void) {
    probe_open(1);
    struct chariot_msg *all = NULL;
    CU_ASSERT_EQUAL(obj_reduce_post(probe_pe(0), CHARIOT_REDUCE_GATHER, &all), 0);
    CU_ASSERT_EQUAL(ints_of(all, NULL, 0), 0);
    chariot_msg_unref(all);
    probe_close();
}

static void malformed_entries_are_refused(void) {
    probe_open(1);
    struct chariot_msg *msg = entry(1, 1, 1, 1);
    size_t whole = msg->size;
    for (size_t size = 1; size < whole; size++) {
        struct chariot_msg *cut = rpc_msg_copy(msg);
        cut->size = size;
        CU_ASSERT_EQUAL(obj_reduce_post(probe_pe(0), CHARIOT_REDUCE_GATHER, &cut), CHARIOT_EMALFORMED);
        chariot_msg_unref(cut);
    }
    chariot_msg_unref(msg);
    msg = value_int(3);
    CU_ASSERT_NOT_EQUAL(obj_reduce_post(probe_pe(0), CHARIOT_REDUCE_GATHER, &msg), 0);
    chariot_msg_unref(msg);
    probe_close();
}

static struct chariot_msg *error_value(int64_t value) {
    struct chariot_msg *msg = value_int(value);
    chariot_msg_set_error(msg);
    return msg;
}

static void the_first_error_is_kept(void) {
    const uint32_t reducers[] = {CHARIOT_REDUCE_NOP, CHARIOT_REDUCE_SUM, CHARIOT_REDUCE_MAX};
    probe_open(1);
    struct chariot_msg *values[] = {value_int(1), error_value(2), error_value(3), value_int(4)};
    for (int i = 0; i < 3; i++) {
        struct chariot_msg *out = NULL;
        CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), reducers[i], 4, values, &out), 0);
        CU_ASSERT_PTR_EQUAL(out, values[1]);
        CU_ASSERT_EQUAL(obj_reduce_post(probe_pe(0), reducers[i], &out), 0);
        CU_ASSERT_PTR_EQUAL(out, values[1]);
        chariot_msg_unref(out);
    }
    for (int i = 0; i < 4; i++) chariot_msg_unref(values[i]);
    probe_close();
}

/* ---------------------------------------------------------------- faces and programs */

static int object = 7;

static int give_object(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                       struct chariot_msg **out) {
    CU_ASSERT_EQUAL(reducer, CHARIOT_REDUCE_MAX);
    *out = chariot_msg_new(0);
    chariot_msg_set_object(*out, &object, NULL);
    return 0;
}

static int encode(void *ctx, struct chariot_msg **msg) {
    struct chariot_writer writer;
    CU_ASSERT_PTR_EQUAL(chariot_msg_object(*msg), &object);
    chariot_writer_init_take(&writer, *msg);
    chariot_put_int(&writer, object);
    return chariot_writer_finish(&writer, msg);
}

static void what_a_face_makes_has_a_payload(void) {
    probe_open(1);
    struct chariot_ref ref = probe_group(0);
    struct chariot_msg *values[] = {value_ref(&ref), value_ref(&ref)}, *out = NULL;
    CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), CHARIOT_REDUCE_MAX, 2, values, &out), CHARIOT_ETYPE);
    CU_ASSERT_PTR_NULL(out);
    probe_pe(0)->face = (struct chariot_face){.combine = give_object, .encode = encode};
    CU_ASSERT_EQUAL(obj_reduce_combine(probe_pe(0), CHARIOT_REDUCE_MAX, 2, values, &out), 0);
    CU_ASSERT_EQUAL(int_of(out), 7);
    for (int i = 0; i < 2; i++) chariot_msg_unref(values[i]);
    chariot_msg_unref(out);
    probe_close();
}

static int combine(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out) {
    return CHARIOT_EUSER;
}

static void which_reducers_there_are_is_known(void) {
    const struct chariot_reducer reducer = {.name = "own", .combine = combine};
    probe_open(1);
    CU_ASSERT_TRUE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_NOP));
    CU_ASSERT_TRUE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_GATHER));
    CU_ASSERT_FALSE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_GATHER + 1));
    CU_ASSERT_FALSE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_FIRST_USER));
    world_register_reducer(&probe.world, &reducer);
    CU_ASSERT_TRUE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_FIRST_USER));
    CU_ASSERT_FALSE(obj_reduce_known(probe_pe(0), CHARIOT_REDUCE_FIRST_USER + 1));
    CU_ASSERT_FALSE(obj_reduce_known(probe_pe(0), UINT32_MAX));
    probe_close();
}

UNIT_MAIN("objects/reduce_value", UNIT(gathered_values_stand_by_collection_and_index),
          UNIT(nothing_gathered_is_an_empty_list), UNIT(malformed_entries_are_refused), UNIT(the_first_error_is_kept),
          UNIT(what_a_face_makes_has_a_payload), UNIT(which_reducers_there_are_is_known))
