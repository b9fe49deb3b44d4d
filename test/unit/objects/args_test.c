/* objects/args.c: arguments one by one, what counts as a number, and what is said of others. */
#include <math.h>
#include <string.h>

#include "objects/chariot.h"
#include "test/unit/objects/probe.h"
#include "test/unit/objects/value_sample.h"

static void put_scalar(struct chariot_writer *writer, const char *dtype, const void *from, size_t size) {
    void *data = NULL;
    chariot_put_array(writer, dtype, 0, NULL, 'F', size, &data);
    memcpy(data, from, size);
}

/* What the arguments are that put writes, as the method of a chare hears of it. */
static struct chariot_args args;
static struct chariot_msg *msg;

static void begin(uint64_t count, void (*put)(struct chariot_writer *writer)) {
    struct chariot_writer writer = start();
    chariot_put_list(&writer, count);
    put(&writer);
    chariot_msg_unref(msg);
    msg = finish(&writer);
    chariot_args_init(&args, msg);
}

static void check_why(const char *expected) {
    CU_ASSERT_STRING_EQUAL(args.why, expected);
}

static void put_numbers(struct chariot_writer *writer) {
    const int16_t small = -2;
    const uint64_t large = 7;
    const float half = 0.5f;
    const double real = -1.25;
    const uint8_t truth = 1;
    chariot_put_bool(writer, true);
    chariot_put_int(writer, -5);
    chariot_put_bool(writer, true);
    put_scalar(writer, "<i2", &small, 2);
    put_scalar(writer, "<u8", &large, 8);
    chariot_put_double(writer, 2.5);
    chariot_put_int(writer, 3);
    put_scalar(writer, "<f4", &half, 4);
    put_scalar(writer, "<f8", &real, 8);
    put_scalar(writer, "|b1", &truth, 1);
}

static void numbers_are_read_from_what_holds_them(void) {
    begin(10, put_numbers);
    CU_ASSERT_TRUE(chariot_arg_bool(&args));
    CU_ASSERT_EQUAL(chariot_arg_int(&args), -5);
    CU_ASSERT_EQUAL(chariot_arg_int(&args), 1);
    CU_ASSERT_EQUAL(chariot_arg_int(&args), -2);
    CU_ASSERT_EQUAL(chariot_arg_int(&args), 7);
    CU_ASSERT_EQUAL(chariot_arg_double(&args), 2.5);
    CU_ASSERT_EQUAL(chariot_arg_double(&args), 3);
    CU_ASSERT_EQUAL(chariot_arg_double(&args), 0.5);
    CU_ASSERT_EQUAL(chariot_arg_double(&args), -1.25);
    CU_ASSERT_TRUE(chariot_args_more(&args));
    CU_ASSERT_TRUE(chariot_arg_bool(&args));
    CU_ASSERT_FALSE(chariot_args_more(&args));
    check_why("");
}

static void put_no_numbers(struct chariot_writer *writer) {
    const int64_t shape = 1;
    const uint64_t largest = UINT64_MAX;
    const uint8_t byte = 1;
    void *data;
    chariot_put_array(writer, "<i8", 1, &shape, 'C', 8, &data);
    memset(data, 0, 8);
    put_scalar(writer, "<u8", &largest, 8);
    put_scalar(writer, "|S1", &byte, 1);
    put_scalar(writer, ">i1", &byte, 1);
    chariot_put_double(writer, 2.5);
    chariot_put_null(writer);
    chariot_put_string(writer, "5", 1);
    chariot_put_bigint(writer, &byte, 1);
}

static void others_are_none(void) {
    static const char *const names[] = {"an array", "an array", "an array", "an array",
                                        "a float",  "None",     "a string", "an int of more than 64 bits"};
    for (int i = 0; i < 8; i++) {
        char expected[100];
        struct chariot_value value;
        begin(8, put_no_numbers);
        for (int k = 0; k < i; k++) chariot_arg_any(&args, &value);
        CU_ASSERT_EQUAL(chariot_arg_int(&args), 0);
        snprintf(expected, sizeof expected, "argument %d must be an int, not %s", i + 1, names[i]);
        check_why(expected);
    }
}

static void put_two(struct chariot_writer *writer) {
    chariot_put_string(writer, "a", 1);
    chariot_put_int(writer, 1);
}

static void the_first_that_is_wrong_counts(void) {
    struct chariot_value value;
    begin(2, put_two);
    CU_ASSERT_EQUAL(chariot_arg_double(&args), 0);
    CU_ASSERT_EQUAL(chariot_arg_int(&args), 0);
    chariot_arg_bytes(&args, &value);
    CU_ASSERT_EQUAL(value.bytes.size, 0);
    CU_ASSERT_FALSE(chariot_args_more(&args));
    check_why("argument 1 must be a float, not a string");
    begin(2, put_two);
    chariot_arg_string(&args, &value);
    CU_ASSERT_EQUAL(value.bytes.size, 1);
    CU_ASSERT_EQUAL(chariot_arg_int(&args), 1);
    CU_ASSERT_FALSE(chariot_arg_bool(&args));
    check_why("argument 3 is missing");
}

static void put_array(struct chariot_writer *writer) {
    const int64_t shape[] = {2, 3};
    for (int i = 0; i < 2; i++) {
        void *data;
        chariot_put_array(writer, "<f8", 2, shape, i == 0 ? 'C' : 'F', 48, &data);
        memset(data, 0, 48);
    }
}

static void arrays_are_of_a_dtype_and_so_many_dimensions(void) {
    struct chariot_value value;
    begin(2, put_array);
    chariot_arg_array(&args, "<f8", 2, &value);
    CU_ASSERT_EQUAL(value.array.size, 48);
    chariot_arg_array(&args, "<f8", 2, &value);
    CU_ASSERT_EQUAL(value.array.size, 0);
    check_why("argument 2 must be an array of 2 dimensions of '<f8' in C order, not one of 2 of '<f8' in F order");
    begin(2, put_array);
    chariot_arg_array(&args, "<f4", 1, &value);
    check_why("argument 1 must be an array of 1 dimension of '<f4' in C order, not one of 2 of '<f8' in C order");
}

static void put_references(struct chariot_writer *writer) {
    const struct chariot_ref ref = {
        .collection = obj_id_make(CHARIOT_GROUP, 0, 9), .kind = CHARIOT_GROUP, .ndims = 1, .whole = 1};
    chariot_put_ref(writer, &ref);
    chariot_put_method(writer, &ref, 4);
    chariot_put_future(writer, 77);
    chariot_put_null(writer);
    chariot_put_ref(writer, &ref);
}

static void references_and_callbacks_are_read(void) {
    struct chariot_ref ref;
    struct chariot_target target;
    begin(5, put_references);
    chariot_arg_ref(&args, &ref);
    CU_ASSERT_EQUAL(ref.kind, CHARIOT_GROUP);
    chariot_arg_target(&args, &target);
    CU_ASSERT_EQUAL(target.kind, CHARIOT_TO_METHOD);
    CU_ASSERT_TRUE(target.method == 4 && chariot_ref_equal(&target.ref, &ref));
    chariot_arg_target(&args, &target);
    CU_ASSERT_TRUE(target.kind == CHARIOT_TO_FUTURE && target.future == 77);
    chariot_arg_target(&args, &target);
    CU_ASSERT_EQUAL(target.kind, CHARIOT_TO_NOTHING);
    check_why("");
    chariot_arg_target(&args, &target);
    check_why("argument 5 must be a future or a method of a proxy, not a proxy");
}

/* ---------------------------------------------------------------- what the caller hears */

static int take_one(struct chariot_call *call) {
    struct chariot_args all;
    chariot_args_init(&all, call->args);
    chariot_arg_int(&all);
    return chariot_args_end(&all, call);
}

static void check_answer(struct chariot_msg *with, const char *expected) {
    struct chariot_ref single = probe_single(0, 1);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    chariot_send_take(probe_pe(0), &single, PROBE_HEAR, with, CHARIOT_WANT_VALUE, future);
    probe_settle();
    CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(future, 0)), expected);
    chariot_future_unref(future);
}

static void put_named(struct chariot_writer *writer) {
    chariot_put_int(writer, 1);
    chariot_put_map(writer, 1);
    chariot_put_string(writer, "x", 1);
    chariot_put_int(writer, 2);
}

static void the_caller_hears_what_is_wrong(void) {
    probe_open(2);
    probe.on_call = take_one;
    check_answer(NULL, "TypeError: Probe.hear(): argument 1 is missing");
    begin(2, put_two);
    check_answer(chariot_msg_ref(msg), "TypeError: Probe.hear(): argument 1 must be an int, not a string");
    begin(10, put_numbers);
    check_answer(chariot_msg_ref(msg), "TypeError: Probe.hear(): takes 1 arguments but 10 were given");
    begin(1, put_named);
    check_answer(chariot_msg_ref(msg), "TypeError: Probe.hear(): takes no argument by name, and got 'x'");
    struct chariot_writer writer = start();
    chariot_put_int(&writer, 1);
    check_answer(finish(&writer), "TypeError: Probe.hear(): arguments are no list");
    chariot_msg_unref(msg);
    msg = NULL;
    probe_close();
}

UNIT_MAIN("objects/args", UNIT(numbers_are_read_from_what_holds_them), UNIT(others_are_none),
          UNIT(the_first_that_is_wrong_counts), UNIT(arrays_are_of_a_dtype_and_so_many_dimensions),
          UNIT(references_and_callbacks_are_read), UNIT(the_caller_hears_what_is_wrong))
