/* Built-in reducers on numbers, and what they leave to the face. */
#include "test/unit/fault_alloc.h"

#include "objects/reduce_builtin.c"
#include "objects/value_write.c"
#include "rpc/msg.c"

#include <math.h>

#include "test/unit/unit.h"

enum { MAX_VALUES = 16, FIRST_REDUCER = CHARIOT_REDUCE_SUM, LAST_REDUCER = CHARIOT_REDUCE_XOR };

#define B(x) number_bool(x)
#define I(x) number_int(x)
#define D(x) number_double(x)

static struct chariot_msg *message_of_number(struct number number) {
    struct chariot_msg *msg;
    CU_ASSERT_EQUAL_FATAL(write_number(&number, &msg), 0);
    return msg;
}

static void unref_all(size_t count, struct chariot_msg **values) {
    for (size_t i = 0; i < count; i++) rpc_msg_unref(values[i]);
}

/* Reduces numbers; type ERROR stands for outcome 1. */
static struct number reduce(uint32_t reducer, size_t count, const struct number *numbers) {
    struct chariot_msg *values[MAX_VALUES], *out;
    struct chariot_value value;
    struct number result = {.type = CHARIOT_ERROR};
    for (size_t i = 0; i < count; i++) values[i] = message_of_number(numbers[i]);
    int outcome = obj_reduce_builtin(reducer, count, values, &out);
    if (outcome == 0) {
        CU_ASSERT_EQUAL(obj_reduce_read(out, &value), 0);
        CU_ASSERT_EQUAL(number_of(&value, &result), 0);
    } else {
        CU_ASSERT_EQUAL(outcome, OBJ_REDUCE_NOT_FOR_C);
        CU_ASSERT_PTR_NULL(out);
    }
    rpc_msg_unref(out);
    unref_all(count, values);
    return result;
}

#define REDUCE(reducer, ...)                                                                                           \
    reduce(CHARIOT_REDUCE_##reducer, sizeof((struct number[]){__VA_ARGS__}) / sizeof(struct number),                   \
           (struct number[]){__VA_ARGS__})

static bool same(struct number a, struct number b) {
    if (a.type != b.type) return false;
    return a.type == CHARIOT_DOUBLE ? memcmp(&a.real, &b.real, sizeof a.real) == 0 : a.integer == b.integer;
}

static void sums_and_products_have_python_types(void) {
    CU_ASSERT(same(REDUCE(SUM, B(true), B(true)), I(2)));
    CU_ASSERT(same(REDUCE(SUM, B(true)), I(1)));
    CU_ASSERT(same(REDUCE(SUM, I(1), I(-5), I(100)), I(96)));
    CU_ASSERT(same(REDUCE(SUM, I(1), D(0.5), B(true)), D(2.5)));
    CU_ASSERT(same(REDUCE(SUM, D(0.1), D(0.2)), D(0.1 + 0.2)));
    CU_ASSERT(same(REDUCE(SUM, D(-0.0)), D(0.0)));
    CU_ASSERT(same(REDUCE(SUM, D(INFINITY), I(1)), D(INFINITY)));
    CU_ASSERT(isnan(REDUCE(SUM, D(INFINITY), D(-INFINITY)).real));
    CU_ASSERT(same(REDUCE(PRODUCT, B(true), B(true)), I(1)));
    CU_ASSERT(same(REDUCE(PRODUCT, I(-3), I(7), B(true)), I(-21)));
    CU_ASSERT(same(REDUCE(PRODUCT, I(3), D(0.5)), D(1.5)));
    CU_ASSERT(same(REDUCE(PRODUCT, D(-0.0)), D(-0.0)));
}

static void ints_beyond_64_bits_are_left_to_the_face(void) {
    CU_ASSERT(same(REDUCE(SUM, I(INT64_MAX), I(0)), I(INT64_MAX)));
    CU_ASSERT_EQUAL(REDUCE(SUM, I(INT64_MAX), I(1)).type, CHARIOT_ERROR);
    CU_ASSERT_EQUAL(REDUCE(SUM, I(INT64_MIN), I(-1)).type, CHARIOT_ERROR);
    CU_ASSERT_EQUAL(REDUCE(SUM, I(INT64_MAX), I(1), D(0)).type, CHARIOT_ERROR);
    CU_ASSERT(same(REDUCE(PRODUCT, I(INT64_MIN), I(1)), I(INT64_MIN)));
    CU_ASSERT_EQUAL(REDUCE(PRODUCT, I(INT64_MIN), I(-1)).type, CHARIOT_ERROR);
    CU_ASSERT_EQUAL(REDUCE(PRODUCT, I(1ll << 32), I(1ll << 31)).type, CHARIOT_ERROR);
}

static void extremes_keep_the_winners_type_and_the_first_of_equals(void) {
    CU_ASSERT(same(REDUCE(MAX, I(3), D(2.5), B(true)), I(3)));
    CU_ASSERT(same(REDUCE(MIN, I(3), D(2.5), B(true)), B(true)));
    CU_ASSERT(same(REDUCE(MAX, B(true), I(1), D(1.0)), B(true)));
    CU_ASSERT(same(REDUCE(MIN, D(1.0), I(1), B(true)), D(1.0)));
    CU_ASSERT(same(REDUCE(MAX, D(-0.0), D(0.0)), D(-0.0)));
    CU_ASSERT(same(REDUCE(MIN, I(INT64_MIN), I(INT64_MAX)), I(INT64_MIN)));
}

static void ints_and_doubles_compare_exactly(void) {
    const int64_t edge = (1ll << 53) + 1;
    CU_ASSERT(same(REDUCE(MAX, D(0x1p53), I(edge)), I(edge)));
    CU_ASSERT(same(REDUCE(MIN, I(edge), D(0x1p53)), D(0x1p53)));
    CU_ASSERT(same(REDUCE(MAX, I(INT64_MAX), D(0x1p63)), D(0x1p63)));
    CU_ASSERT(same(REDUCE(MIN, I(INT64_MIN), D(-0x1p63)), I(INT64_MIN)));
    CU_ASSERT(same(REDUCE(MIN, I(INT64_MIN), D(-INFINITY)), D(-INFINITY)));
    CU_ASSERT(same(REDUCE(MAX, I(2), D(2.5)), D(2.5)));
    CU_ASSERT(same(REDUCE(MAX, I(-2), D(-2.5)), I(-2)));
    CU_ASSERT(same(REDUCE(MIN, D(-2.5), I(-3)), I(-3)));
}

static void nan_wins_wherever_it_stands(void) {
    for (int at = 0; at < 3; at++)
        for (uint32_t reducer = CHARIOT_REDUCE_MAX; reducer <= CHARIOT_REDUCE_MIN; reducer++) {
            struct number numbers[] = {I(1), D(2), B(true)};
            numbers[at] = D(NAN);
            CU_ASSERT(isnan(reduce(reducer, 3, numbers).real));
        }
}

static void logical_reducers_give_bools_of_truth(void) {
    static const struct number pool[] = {
        {.type = CHARIOT_BOOL, .integer = 1},   {.type = CHARIOT_BOOL},
        {.type = CHARIOT_INT, .integer = -7},   {.type = CHARIOT_INT},
        {.type = CHARIOT_DOUBLE, .real = 0.25}, {.type = CHARIOT_DOUBLE, .real = -0.0}};
    for (unsigned code = 0; code < 6 * 6 * 6; code++) {
        struct number numbers[] = {pool[code % 6], pool[code / 6 % 6], pool[code / 36]};
        int num_true = (code % 6 % 2 == 0) + (code / 6 % 6 % 2 == 0) + (code / 36 % 2 == 0);
        CU_ASSERT(same(reduce(CHARIOT_REDUCE_AND, 3, numbers), B(num_true == 3)));
        CU_ASSERT(same(reduce(CHARIOT_REDUCE_OR, 3, numbers), B(num_true > 0)));
        CU_ASSERT(same(reduce(CHARIOT_REDUCE_XOR, 3, numbers), B(num_true % 2 == 1)));
    }
    CU_ASSERT(same(REDUCE(AND, D(NAN)), B(true)));
    CU_ASSERT(same(REDUCE(XOR, I(5)), B(true)));
}

/* What a tree does to it: any grouping gives the same. */
static void grouping_does_not_matter(void) {
    const struct number numbers[] = {B(true), I(2), D(8), I(0), B(false), D(-4)};
    for (uint32_t reducer = FIRST_REDUCER; reducer <= LAST_REDUCER; reducer++) {
        struct number flat = reduce(reducer, 6, numbers);
        for (size_t cut = 1; cut < 6; cut++) {
            struct number parts[] = {reduce(reducer, cut, numbers), reduce(reducer, 6 - cut, numbers + cut)};
            CU_ASSERT(same(reduce(reducer, 2, parts), flat));
        }
    }
}

static void other_values_are_left_to_the_face(void) {
    for (int kind = 0; kind < 8; kind++) {
        struct chariot_writer writer;
        struct chariot_msg *out, *values[2] = {message_of_number(I(1))};
        chariot_writer_init_take(&writer, NULL);
        if (kind == 0) chariot_put_null(&writer);
        if (kind == 1) chariot_put_string(&writer, "abc", 3);
        if (kind == 2) chariot_put_bytes(&writer, "abc", 3);
        if (kind == 3) chariot_put_bigint(&writer, (const uint8_t *)"123456789", 9);
        if (kind == 4) chariot_put_list(&writer, 0);
        if (kind == 5) chariot_put_pickle(&writer, "abc", 3, 0);
        if (kind == 6 && chariot_put_tuple(&writer, 1) == 0) chariot_put_int(&writer, 1);
        /* 7: no payload: a face's object */
        CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &values[1]), 0);
        CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), OBJ_REDUCE_NOT_FOR_C);
        CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 1, &values[1], &out), OBJ_REDUCE_NOT_FOR_C);
        unref_all(2, values);
    }
}

static void malformed_values_and_other_reducers_are_refused(void) {
    struct chariot_msg *out, *values[] = {message_of_number(I(1)), message_of_number(I(1 << 20))};
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_NOP, 2, values, &out), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_GATHER, 2, values, &out), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_FIRST_USER, 2, values, &out), CHARIOT_EINVAL);
    values[1]->size--;
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), CHARIOT_EMALFORMED);
    values[1]->size += 2; /* its value is followed by something */
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), CHARIOT_EMALFORMED);
    unref_all(2, values);
}

static void every_failed_allocation_gives_enomem_and_no_leak(void) {
    struct chariot_msg *values[] = {message_of_number(I(1)), message_of_number(D(1))};
    long before = fault_live();
    FAULT_SWEEP(n) {
        struct chariot_msg *out;
        int error = obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out);
        rpc_msg_unref(out);
        CU_ASSERT_EQUAL(fault_live(), before);
        if (error == 0) FAULT_DONE;
        CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
    fault_disarm();
    unref_all(2, values);
}

UNIT_MAIN("objects/reduce_builtin", UNIT(sums_and_products_have_python_types),
          UNIT(ints_beyond_64_bits_are_left_to_the_face), UNIT(extremes_keep_the_winners_type_and_the_first_of_equals),
          UNIT(ints_and_doubles_compare_exactly), UNIT(nan_wins_wherever_it_stands),
          UNIT(logical_reducers_give_bools_of_truth), UNIT(grouping_does_not_matter),
          UNIT(other_values_are_left_to_the_face), UNIT(malformed_values_and_other_reducers_are_refused),
          UNIT(every_failed_allocation_gives_enomem_and_no_leak))
