/* Built-in reducers on arrays, against plain reference code, element by element. */
#include "test/unit/fault_alloc.h"

#include "objects/reduce_array.c"
#include "objects/value_write.c"
#include "rpc/msg.c"

#include <math.h>
#include <stdio.h>

#include "test/unit/unit.h"

enum { FIRST_REDUCER = CHARIOT_REDUCE_SUM, LAST_REDUCER = CHARIOT_REDUCE_XOR };

static void unref_all(size_t count, struct chariot_msg **values) {
    for (size_t i = 0; i < count; i++) rpc_msg_unref(values[i]);
}

static const char *const names[] = {"|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2",
                                    "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"};
enum { NUM_DTYPES = sizeof names / sizeof names[0] };

static size_t item_size(const char *name) {
    return (size_t)strtoul(name + 2, NULL, 10);
}

/* One element in the widest form of its kind. */
struct wide {
    int64_t i;
    uint64_t u;
    double re, im;
};

static struct wide load(const char *name, const uint8_t *at) {
    struct wide wide = {0};
    size_t size = item_size(name);
    float f[2];
    double d[2] = {0, 0};
    uint16_t half;
    if (strchr("biu", name[1]) != NULL) {
        memcpy(&wide.u, at, size);
        int shift = 64 - 8 * (int)size;
        wide.i = (int64_t)(wide.u << shift) >> shift;
        return wide;
    }
    if (size == 2) {
        memcpy(&half, at, 2);
        d[0] = obj_float16_to_float(half);
    } else if (strcmp(name, "<f4") == 0 || strcmp(name, "<c8") == 0) {
        memcpy(f, at, size);
        d[0] = f[0];
        d[1] = size == 8 ? f[1] : 0;
    } else {
        memcpy(d, at, size);
    }
    return (struct wide){.re = d[0], .im = d[1]};
}

static void store(const char *name, struct wide wide, uint8_t *at) {
    size_t size = item_size(name);
    float f[2] = {(float)wide.re, (float)wide.im};
    double d[2] = {wide.re, wide.im};
    uint16_t half = obj_float16_from_float((float)wide.re);
    if (strchr("biu", name[1]) != NULL)
        memcpy(at, &wide.u, size);
    else if (size == 2)
        memcpy(at, &half, 2);
    else
        memcpy(at, strcmp(name, "<f4") == 0 || strcmp(name, "<c8") == 0 ? (void *)f : (void *)d, size);
}

static bool truth(const char *name, struct wide wide) {
    return strchr("biu", name[1]) != NULL ? wide.u != 0 : wide.re != 0 || wide.im != 0;
}

static struct wide best(const char *name, struct wide a, struct wide b, bool max) {
    bool a_wins;
    if (name[1] == 'f')
        a_wins = isnan(a.re) || (!isnan(b.re) && (max ? a.re >= b.re : a.re <= b.re));
    else if (name[1] == 'i')
        a_wins = max ? a.i >= b.i : a.i <= b.i;
    else
        a_wins = max ? a.u >= b.u : a.u <= b.u;
    return a_wins ? a : b;
}

/* Computed in double and rounded by store(): the same as in float or half for one sum or product of them, except that a
 * complex product in float rounds in between. */
static struct wide arithmetic(const char *name, struct wide a, struct wide b, bool sum) {
    if (name[1] == 'i' || name[1] == 'u') return (struct wide){.u = sum ? a.u + b.u : a.u * b.u};
    if (sum) return (struct wide){.re = a.re + b.re, .im = a.im + b.im};
    if (name[1] == 'f') return (struct wide){.re = a.re * b.re};
    if (item_size(name) == 16) return (struct wide){.re = a.re * b.re - a.im * b.im, .im = a.re * b.im + a.im * b.re};
    float ar = (float)a.re, ai = (float)a.im, br = (float)b.re, bi = (float)b.im;
    return (struct wide){.re = ar * br - ai * bi, .im = ar * bi + ai * br};
}

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Elements of every kind: small numbers, any bits, zeros of both signs, NaNs and infinities. */
static void fill(const char *name, uint8_t *data, size_t count, uint64_t *state) {
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 65504};
    size_t size = item_size(name);
    for (size_t i = 0; i < count; i++) {
        uint64_t choice = random_next(state) % 4, bits = random_next(state);
        struct wide wide = {.u = bits, .re = (double)(int64_t)(bits % 201) - 100, .im = (double)(bits >> 32 & 15) / 4};
        if (choice == 0) wide = (struct wide){.re = special[bits % 8], .im = special[bits >> 8 & 1]};
        if (choice == 1) wide = (struct wide){.u = bits & 3, .re = (double)(bits & 3), .im = 0};
        if (name[1] == 'b') wide.u &= 1;
        store(name, wide, data + i * size);
    }
}

static struct chariot_msg *message_of_array(const char *name, uint32_t ndim, const int64_t *shape, char order,
                                            const void *data, size_t size) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    void *to;
    chariot_writer_init_take(&writer, NULL);
    if (chariot_put_array(&writer, name, ndim, shape, order, size, &to) == 0 && size > 0) memcpy(to, data, size);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

/* Moves the payload up by one byte, so that its array is no longer aligned. */
static struct chariot_msg *shifted(struct chariot_msg *msg) {
    CU_ASSERT_EQUAL_FATAL(rpc_msg_reserve(&msg, msg->size + 1), 0);
    memmove(rpc_msg_payload(msg) + 1, rpc_msg_payload(msg), msg->size++);
    *rpc_msg_payload(msg) = OBJ_TAG_PAD;
    return msg;
}

static void reference_step(uint32_t reducer, const char *name, const uint8_t *total, const uint8_t *next,
                           uint8_t *result) {
    struct wide b = load(name, next);
    bool logical = is_logical(reducer), is_bool = name[1] == 'b';
    if (logical || is_bool) {
        bool x = *total, y = truth(name, b);
        if (reducer == CHARIOT_REDUCE_XOR)
            *result = x != y;
        else if (reducer == CHARIOT_REDUCE_AND || reducer == CHARIOT_REDUCE_PRODUCT || reducer == CHARIOT_REDUCE_MIN)
            *result = x && y;
        else
            *result = x || y;
        return;
    }
    struct wide a = load(name, total);
    if (reducer == CHARIOT_REDUCE_MAX || reducer == CHARIOT_REDUCE_MIN)
        store(name, best(name, a, b, reducer == CHARIOT_REDUCE_MAX), result);
    else
        store(name, arithmetic(name, a, b, reducer == CHARIOT_REDUCE_SUM), result);
}

/* NaNs of whatever sign and payload are equal; all else bit by bit. */
static bool same_element(const char *name, const uint8_t *a, const uint8_t *b) {
    if (memcmp(a, b, item_size(name)) == 0) return true;
    struct wide x = load(name, a), y = load(name, b);
    if (name[1] == 'f') return isnan(x.re) && isnan(y.re);
    if (name[1] != 'c') return false;
    bool re = memcmp(&x.re, &y.re, 8) == 0 || (isnan(x.re) && isnan(y.re));
    return re && (memcmp(&x.im, &y.im, 8) == 0 || (isnan(x.im) && isnan(y.im)));
}

enum { MAX_ELEMENTS = 150, NUM_ARRAYS = 3 };

static void check_result(uint32_t reducer, const char *name, size_t elements, const struct chariot_msg *out,
                         uint8_t data[NUM_ARRAYS][MAX_ELEMENTS * 16]) {
    const char *result_name = is_logical(reducer) ? "|b1" : name;
    size_t size = item_size(name), result_size = item_size(result_name), wrong = 0;
    struct chariot_value value;
    CU_ASSERT_EQUAL_FATAL(obj_reduce_read(out, &value), 0);
    CU_ASSERT_EQUAL_FATAL(value.type, CHARIOT_ARRAY);
    CU_ASSERT(strlen(result_name) == value.array.dtype_size &&
              memcmp(value.array.dtype, result_name, value.array.dtype_size) == 0);
    CU_ASSERT(value.array.ndim == 1 && value.array.shape[0] == (int64_t)elements);
    CU_ASSERT_EQUAL_FATAL(value.array.size, elements * result_size);
    for (size_t i = 0; i < elements; i++) {
        uint8_t total[16], next[16];
        if (is_logical(reducer))
            total[0] = truth(name, load(name, data[0] + i * size));
        else
            memcpy(total, data[0] + i * size, size);
        for (int j = 1; j < NUM_ARRAYS; j++) {
            reference_step(reducer, name, total, data[j] + i * size, next);
            memcpy(total, next, result_size);
        }
        if (!same_element(result_name, total, value.array.data + i * result_size)) wrong++;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    if (wrong > 0) fprintf(stderr, "reducer %u, %s: %zu of %zu elements differ\n", reducer, name, wrong, elements);
}

static void check_arrays(uint32_t reducer, const char *name, size_t elements, uint64_t *state) {
    static uint8_t data[NUM_ARRAYS][MAX_ELEMENTS * 16];
    struct chariot_msg *values[NUM_ARRAYS], *out;
    int64_t shape[] = {(int64_t)elements};
    for (int i = 0; i < NUM_ARRAYS; i++) {
        fill(name, data[i], elements, state);
        values[i] = message_of_array(name, 1, shape, 'C', data[i], elements * item_size(name));
    }
    values[1] = shifted(values[1]);
    int outcome = obj_reduce_builtin(reducer, NUM_ARRAYS, values, &out);
    if (name[1] == 'c' && (reducer == CHARIOT_REDUCE_MAX || reducer == CHARIOT_REDUCE_MIN)) {
        CU_ASSERT_EQUAL(outcome, OBJ_REDUCE_NOT_FOR_C);
    } else {
        CU_ASSERT_EQUAL_FATAL(outcome, 0);
        check_result(reducer, name, elements, out, data);
        rpc_msg_unref(out);
    }
    unref_all(NUM_ARRAYS, values);
}

static void arrays_of_every_dtype_agree_with_the_reference(void) {
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 64, 150};
    uint64_t state = 2463534242u;
    for (int i = 0; i < NUM_DTYPES; i++)
        for (uint32_t reducer = FIRST_REDUCER; reducer <= LAST_REDUCER; reducer++)
            for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++)
                for (int round = 0; round < 10; round++) check_arrays(reducer, names[i], counts[j], &state);
}

/* Outcome of reducing two arrays of one dtype each, with `a` giving the layout of the first and `b` of the second. */
struct layout {
    const char *name;
    uint32_t ndim;
    int64_t shape[3];
    char order;
    size_t size;
};

static int reduce_layouts(uint32_t reducer, struct layout a, struct layout b, struct chariot_value *value,
                          struct chariot_msg **out) {
    static const uint8_t zeros[64];
    struct chariot_msg *values[] = {message_of_array(a.name, a.ndim, a.shape, a.order, zeros, a.size),
                                    message_of_array(b.name, b.ndim, b.shape, b.order, zeros, b.size)};
    int outcome = obj_reduce_builtin(reducer, 2, values, out);
    unref_all(2, values);
    if (outcome == 0) CU_ASSERT_EQUAL(obj_reduce_read(*out, value), 0);
    return outcome;
}

/* The memory of the first one serves for the result where nobody else has it, and only where all can be combined. */
static void the_first_array_becomes_the_result_unless_others_have_it(void) {
    const double ones[] = {1, 1, 1}, twos[] = {2, 2, 2}, threes[] = {3, 3, 3};
    const int64_t shape[] = {3}, shorter[] = {2};
    struct chariot_msg *out, *values[] = {message_of_array("<f8", 1, shape, 'C', (const uint8_t *)ones, sizeof ones),
                                          message_of_array("<f8", 1, shape, 'C', (const uint8_t *)twos, sizeof twos),
                                          message_of_array("<f8", 1, shorter, 'C', (const uint8_t *)twos, 16)};
    struct chariot_value value;
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 3, values, &out), OBJ_REDUCE_NOT_FOR_C);
    CU_ASSERT_EQUAL(obj_reduce_read(values[0], &value), 0);
    CU_ASSERT_EQUAL(memcmp(value.array.data, ones, sizeof ones), 0);
    rpc_msg_ref(values[0]);
    CU_ASSERT_EQUAL_FATAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), 0);
    CU_ASSERT_PTR_NOT_EQUAL(out, values[0]);
    CU_ASSERT_EQUAL(memcmp(value.array.data, ones, sizeof ones), 0);
    rpc_msg_unref(out);
    rpc_msg_unref(values[0]);
    CU_ASSERT_EQUAL_FATAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), 0);
    CU_ASSERT_PTR_EQUAL(out, values[0]);
    CU_ASSERT_EQUAL(memcmp(value.array.data, threes, sizeof threes), 0);
    rpc_msg_unref(out);
    unref_all(3, values);
}

static void shape_and_order_are_kept(void) {
    struct chariot_value value;
    struct chariot_msg *out;
    const struct layout fortran = {"<f4", 3, {2, 1, 3}, 'F', 24}, scalar = {"<i8", 0, {0}, 'C', 8};
    const struct layout empty = {"<f8", 3, {INT64_MAX, 0, INT64_MAX}, 'C', 0};
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, fortran, fortran, &value, &out), 0);
    CU_ASSERT(value.array.ndim == 3 && value.array.order == 'F' && value.array.size == 24);
    CU_ASSERT(memcmp(value.array.shape, fortran.shape, sizeof fortran.shape) == 0);
    rpc_msg_unref(out);
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_MAX, scalar, scalar, &value, &out), 0);
    CU_ASSERT(value.array.ndim == 0 && value.array.size == 8);
    rpc_msg_unref(out);
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_AND, empty, empty, &value, &out), 0);
    CU_ASSERT(value.array.ndim == 3 && value.array.shape[1] == 0 && value.array.size == 0);
    rpc_msg_unref(out);
}

static void arrays_that_do_not_match_are_left_to_the_face(void) {
    struct chariot_value value;
    struct chariot_msg *out;
    const struct layout a = {"<f4", 2, {2, 3, 0}, 'C', 24}, f = {"<f4", 2, {2, 3, 0}, 'F', 24};
    const struct layout others[] = {{"<i4", 2, {2, 3, 0}, 'C', 24}, {"<f4", 2, {3, 2, 0}, 'C', 24},
                                    {"<f4", 1, {6, 0, 0}, 'C', 24}, {"<f4", 3, {2, 3, 1}, 'C', 24},
                                    {">f4", 2, {2, 3, 0}, 'C', 24}, {"|S4", 2, {2, 3, 0}, 'C', 24}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, a, others[i], &value, &out), OBJ_REDUCE_NOT_FOR_C);
        CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_MIN, others[i], a, &value, &out), OBJ_REDUCE_NOT_FOR_C);
    }
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, a, f, &value, &out), OBJ_REDUCE_NOT_FOR_C);
    const struct layout line_c = {"<f4", 1, {6, 0, 0}, 'C', 24}, line_f = {"<f4", 1, {6, 0, 0}, 'F', 24};
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, line_c, line_f, &value, &out), 0);
    rpc_msg_unref(out);
}

static void logical_reducers_mix_dtypes(void) {
    struct chariot_value value;
    struct chariot_msg *out;
    const struct layout a = {"|b1", 1, {6, 0, 0}, 'C', 6}, b = {"<f8", 1, {6, 0, 0}, 'C', 48};
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_OR, a, b, &value, &out), 0);
    CU_ASSERT_EQUAL(value.array.size, 6);
    rpc_msg_unref(out);
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_XOR, b, a, &value, &out), 0);
    CU_ASSERT_EQUAL(value.array.size, 6);
    rpc_msg_unref(out);
}

static void data_of_another_size_than_the_shape_is_malformed(void) {
    struct chariot_value value;
    struct chariot_msg *out;
    const struct layout right = {"<f4", 2, {2, 3, 0}, 'C', 24};
    const struct layout wrong[] = {{"<f4", 2, {2, 3, 0}, 'C', 20},
                                   {"<f4", 2, {2, 3, 0}, 'C', 28},
                                   {"<f4", 2, {INT64_MAX, 3, 0}, 'C', 24},
                                   {"<f4", 2, {1ll << 62, 1, 0}, 'C', 0},
                                   {"<f4", 3, {0, 2, 2}, 'C', 4}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, wrong[i], right, &value, &out), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(reduce_layouts(CHARIOT_REDUCE_SUM, right, wrong[0], &value, &out), CHARIOT_EMALFORMED);
}

static void bools_from_a_peer_are_made_0_or_1(void) {
    const uint8_t odd[] = {0, 1, 2, 0xff};
    int64_t shape[] = {4};
    for (uint32_t reducer = FIRST_REDUCER; reducer <= LAST_REDUCER; reducer++) {
        struct chariot_msg *out, *values[] = {message_of_array("|b1", 1, shape, 'C', odd, 4)};
        struct chariot_value value;
        CU_ASSERT_EQUAL_FATAL(obj_reduce_builtin(reducer, 1, values, &out), 0);
        CU_ASSERT_EQUAL(obj_reduce_read(out, &value), 0);
        CU_ASSERT_EQUAL(memcmp(value.array.data, (uint8_t[]){0, 1, 1, 1}, 4), 0);
        rpc_msg_unref(out);
        unref_all(1, values);
    }
}

static int64_t int_of(const struct chariot_msg *msg) {
    struct chariot_value value;
    int64_t integer = 0;
    CU_ASSERT_EQUAL_FATAL(obj_reduce_read(msg, &value), 0);
    memcpy(&integer, value.array.data, sizeof integer);
    return integer;
}

static struct chariot_msg *message_of_int(int64_t integer, char order) {
    return message_of_array("<i8", 1, (int64_t[]){1}, order, (const uint8_t *)&integer, sizeof integer);
}

static void ints_of_lists_do_not_wrap(void) {
    static const struct {
        uint32_t reducer;
        int64_t a, b;
        char order_a, order_b;
        int outcome;
        int64_t result;
    } cases[] = {
        {CHARIOT_REDUCE_SUM, 2, 3, 'F', 'F', 0, 5},
        {CHARIOT_REDUCE_PRODUCT, -2, 3, 'F', 'F', 0, -6},
        {CHARIOT_REDUCE_SUM, INT64_MAX, 1, 'F', 'F', OBJ_REDUCE_NOT_FOR_C, 0},
        {CHARIOT_REDUCE_SUM, INT64_MIN, -1, 'F', 'F', OBJ_REDUCE_NOT_FOR_C, 0},
        {CHARIOT_REDUCE_PRODUCT, INT64_MIN, -1, 'F', 'F', OBJ_REDUCE_NOT_FOR_C, 0},
        {CHARIOT_REDUCE_MAX, INT64_MAX, 1, 'F', 'F', 0, INT64_MAX},
        {CHARIOT_REDUCE_SUM, 2, 3, 'F', 'C', OBJ_REDUCE_NOT_FOR_C, 0},
        {CHARIOT_REDUCE_SUM, INT64_MAX, 1, 'C', 'C', 0, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chariot_msg *out,
            *values[] = {message_of_int(cases[i].a, cases[i].order_a), message_of_int(cases[i].b, cases[i].order_b)};
        size_t item_size;
        bool wraps = cases[i].order_a == 'C';
        CU_ASSERT_EQUAL(obj_reduce_can_add_ranges(cases[i].reducer, 2, values, &item_size), wraps);
        CU_ASSERT_EQUAL(obj_reduce_builtin(cases[i].reducer, 2, values, &out), cases[i].outcome);
        CU_ASSERT_EQUAL(out != NULL ? int_of(out) : int_of(values[0]), out != NULL ? cases[i].result : cases[i].a);
        rpc_msg_unref(out);
        unref_all(2, values);
    }
}

static struct chariot_msg *message_of_double(double real) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, real);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static void scalar_with_array_is_left_to_the_face(void) {
    int64_t shape[] = {1};
    struct chariot_msg *out, *values[] = {message_of_double(1), message_of_array("<f8", 1, shape, 'C', "12345678", 8)};
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_SUM, 2, values, &out), OBJ_REDUCE_NOT_FOR_C);
    struct chariot_msg *turned[] = {values[1], values[0]};
    CU_ASSERT_EQUAL(obj_reduce_builtin(CHARIOT_REDUCE_AND, 2, turned, &out), OBJ_REDUCE_NOT_FOR_C);
    unref_all(2, values);
}

static void every_failed_allocation_gives_enomem_and_no_leak(void) {
    static const uint8_t zeros[8000];
    int64_t shape[] = {1000};
    struct chariot_msg *values[] = {message_of_array("<f8", 1, shape, 'C', zeros, sizeof zeros),
                                    message_of_array("<f8", 1, shape, 'C', zeros, sizeof zeros)};
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

UNIT_MAIN("objects/reduce_array", UNIT(arrays_of_every_dtype_agree_with_the_reference),
          UNIT(the_first_array_becomes_the_result_unless_others_have_it), UNIT(shape_and_order_are_kept),
          UNIT(arrays_that_do_not_match_are_left_to_the_face), UNIT(logical_reducers_mix_dtypes),
          UNIT(data_of_another_size_than_the_shape_is_malformed), UNIT(bools_from_a_peer_are_made_0_or_1),
          UNIT(ints_of_lists_do_not_wrap), UNIT(scalar_with_array_is_left_to_the_face),
          UNIT(every_failed_allocation_gives_enomem_and_no_leak))
