/* objects/reduce_builtin.c: built-in reducers on bools, ints and doubles; arrays go on to reduce_array.c. */
#include "objects/reduce_builtin.h"

#include <assert.h>

#include "objects/chariot.h"
#include "rpc/msg.h"

struct number {
    enum chariot_value_type type; /* BOOL, INT or DOUBLE */
    int64_t integer;              /* of BOOL and INT */
    double real;                  /* of DOUBLE */
};

/* Takes `next` into `total`. 0 or OBJ_REDUCE_NOT_FOR_C. */
typedef int (*number_step)(struct number *total, const struct number *next);

static struct number number_int(int64_t integer) {
    return (struct number){.type = CHARIOT_INT, .integer = integer};
}

static struct number number_bool(bool truth) {
    return (struct number){.type = CHARIOT_BOOL, .integer = truth};
}

static struct number number_double(double real) {
    return (struct number){.type = CHARIOT_DOUBLE, .real = real};
}

static double as_real(const struct number *number) {
    return number->type == CHARIOT_DOUBLE ? number->real : (double)number->integer;
}

static bool is_nan(const struct number *number) {
    return number->type == CHARIOT_DOUBLE && number->real != number->real;
}

static bool truth_of(const struct number *number) {
    return number->type == CHARIOT_DOUBLE ? number->real != 0 : number->integer != 0;
}

static bool either_is_double(const struct number *a, const struct number *b) {
    return a->type == CHARIOT_DOUBLE || b->type == CHARIOT_DOUBLE;
}

/* -1, 0, 1: exact, where a conversion to double would round. real is no NaN. */
static int compare_int_real(int64_t integer, double real) {
    if (real >= 0x1p63) return -1;
    if (real < -0x1p63) return 1;
    int64_t whole = (int64_t)real;
    if (integer != whole) return integer < whole ? -1 : 1;
    double rest = real - (double)whole;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static int compare(const struct number *a, const struct number *b) {
    if (a->type == CHARIOT_DOUBLE && b->type == CHARIOT_DOUBLE) return (a->real > b->real) - (a->real < b->real);
    if (a->type == CHARIOT_DOUBLE) return -compare_int_real(b->integer, a->real);
    if (b->type == CHARIOT_DOUBLE) return compare_int_real(a->integer, b->real);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static int step_sum(struct number *total, const struct number *next) {
    if (either_is_double(total, next)) {
        *total = number_double(as_real(total) + as_real(next));
        return 0;
    }
    int64_t sum;
    if (__builtin_add_overflow(total->integer, next->integer, &sum)) return OBJ_REDUCE_NOT_FOR_C;
    *total = number_int(sum);
    return 0;
}

static int step_product(struct number *total, const struct number *next) {
    if (either_is_double(total, next)) {
        *total = number_double(as_real(total) * as_real(next));
        return 0;
    }
    int64_t product;
    if (__builtin_mul_overflow(total->integer, next->integer, &product)) return OBJ_REDUCE_NOT_FOR_C;
    *total = number_int(product);
    return 0;
}

static int step_max(struct number *total, const struct number *next) {
    if (!is_nan(total) && (is_nan(next) || compare(next, total) > 0)) *total = *next;
    return 0;
}

static int step_min(struct number *total, const struct number *next) {
    if (!is_nan(total) && (is_nan(next) || compare(next, total) < 0)) *total = *next;
    return 0;
}

static int step_and(struct number *total, const struct number *next) {
    *total = number_bool(truth_of(total) && truth_of(next));
    return 0;
}

static int step_or(struct number *total, const struct number *next) {
    *total = number_bool(truth_of(total) || truth_of(next));
    return 0;
}

static int step_xor(struct number *total, const struct number *next) {
    *total = number_bool(truth_of(total) != truth_of(next));
    return 0;
}

static const number_step steps[] = {
    [CHARIOT_REDUCE_SUM] = step_sum, [CHARIOT_REDUCE_PRODUCT] = step_product, [CHARIOT_REDUCE_MAX] = step_max,
    [CHARIOT_REDUCE_MIN] = step_min, [CHARIOT_REDUCE_AND] = step_and,         [CHARIOT_REDUCE_OR] = step_or,
    [CHARIOT_REDUCE_XOR] = step_xor,
};

/* What Python's fold starts from, so that a bool becomes an int and -0.0 + nothing is 0.0; max and min: the first. */
static struct number start_of(uint32_t reducer, const struct number *first) {
    switch (reducer) {
    case CHARIOT_REDUCE_SUM:
        return number_int(0);
    case CHARIOT_REDUCE_PRODUCT:
        return number_int(1);
    case CHARIOT_REDUCE_AND:
        return number_bool(true);
    case CHARIOT_REDUCE_OR:
    case CHARIOT_REDUCE_XOR:
        return number_bool(false);
    default:
        return *first;
    }
}

static int number_of(const struct chariot_value *value, struct number *number) {
    switch (value->type) {
    case CHARIOT_BOOL:
        *number = number_bool(value->boolean);
        return 0;
    case CHARIOT_INT:
        *number = number_int(value->integer);
        return 0;
    case CHARIOT_DOUBLE:
        *number = number_double(value->real);
        return 0;
    default:
        return OBJ_REDUCE_NOT_FOR_C;
    }
}

int obj_reduce_read(const struct chariot_msg *msg, struct chariot_value *value) {
    if (msg->size == 0) return OBJ_REDUCE_NOT_FOR_C;
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    int error = chariot_get(&reader, value);
    if (error != 0) return error;
    if (value->count > 0) return OBJ_REDUCE_NOT_FOR_C;
    return chariot_reader_done(&reader) ? 0 : CHARIOT_EMALFORMED;
}

static int write_number(const struct number *number, struct chariot_msg **out) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    if (number->type == CHARIOT_BOOL)
        chariot_put_bool(&writer, number->integer != 0);
    else if (number->type == CHARIOT_INT)
        chariot_put_int(&writer, number->integer);
    else
        chariot_put_double(&writer, number->real);
    return chariot_writer_finish(&writer, out);
}

static int reduce_numbers(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct number total,
                          struct chariot_msg **out) {
    for (size_t i = 0; i < count; i++) {
        struct chariot_value value;
        struct number next;
        int outcome = obj_reduce_read(values[i], &value);
        if (outcome == 0) outcome = number_of(&value, &next);
        if (outcome == 0) outcome = steps[reducer](&total, &next);
        if (outcome != 0) return outcome;
    }
    return write_number(&total, out);
}

int obj_reduce_builtin(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct chariot_msg **out) {
    assert(count > 0);
    *out = NULL;
    if (reducer < CHARIOT_REDUCE_SUM || reducer > CHARIOT_REDUCE_XOR) return CHARIOT_EINVAL;
    struct chariot_value value;
    int outcome = obj_reduce_read(values[0], &value);
    if (outcome != 0) return outcome;
    if (value.type == CHARIOT_ARRAY) return obj_reduce_arrays(reducer, count, values, out);
    struct number first;
    outcome = number_of(&value, &first);
    if (outcome != 0) return outcome;
    return reduce_numbers(reducer, count, values, start_of(reducer, &first), out);
}
