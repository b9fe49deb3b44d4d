/* objects/reduce_array.c: built-in reducers on arrays, element by element.
 *
 * One kernel per operation and element type, made by the macros below from one expression each; a table by dtype says
 * which. Inner loops have a fixed length, so that gcc vectorises them at -O2 too. Data may be unaligned: the element
 * types are declared so. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "objects/chariot.h"
#include "objects/float16.h"
#include "objects/reduce_builtin.h"
#include "rpc/msg.h"

enum { BLOCK = 32 }; /* elements per inner loop */

/* total[i] = total[i] op next[i], for n elements; of a truth kernel, total holds bools. */
typedef void (*kernel)(void *restrict total, const void *restrict next, size_t n);

#define UNALIGNED __attribute__((aligned(1), may_alias))
typedef int8_t i8 UNALIGNED;
typedef int16_t i16 UNALIGNED;
typedef int32_t i32 UNALIGNED;
typedef int64_t i64 UNALIGNED;
typedef uint8_t u8 UNALIGNED;
typedef uint16_t u16 UNALIGNED;
typedef uint32_t u32 UNALIGNED;
typedef uint64_t u64 UNALIGNED;
typedef float f32 UNALIGNED;
typedef double f64 UNALIGNED;
typedef struct UNALIGNED {
    f32 re, im;
} c64;
typedef struct UNALIGNED {
    f64 re, im;
} c128;

/* A kernel `name` over elements of the types `total_type` and `next_type`; `expression` is of a and b. */
#define KERNEL(name, total_type, next_type, expression)                                                                \
    static inline total_type name##_one(total_type a, next_type b) {                                                   \
        return expression;                                                                                             \
    }                                                                                                                  \
    static void name(void *restrict total, const void *restrict next, size_t n) {                                      \
        total_type *restrict t = total;                                                                                \
        const next_type *restrict x = next;                                                                            \
        for (; n >= BLOCK; n -= BLOCK, t += BLOCK, x += BLOCK)                                                         \
            for (size_t i = 0; i < BLOCK; i++) t[i] = name##_one(t[i], x[i]);                                          \
        for (size_t i = 0; i < n; i++) t[i] = name##_one(t[i], x[i]);                                                  \
    }

/* Sums and products wrap, so unsigned types serve the signed ones too; 1u keeps the arithmetic of the narrow ones from
 * promotion to int, which could overflow. */
#define INTEGER_ARITHMETIC(type)                                                                                       \
    KERNEL(sum_##type, type, type, 1u * a + b)                                                                         \
    KERNEL(product_##type, type, type, 1u * a * b)
INTEGER_ARITHMETIC(u8)
INTEGER_ARITHMETIC(u16)
INTEGER_ARITHMETIC(u32)
INTEGER_ARITHMETIC(u64)

/* The same of Python's ints, which do not wrap. Returns whether one of them would have. */
#define EXACT(name, builtin)                                                                                           \
    static bool name(void *restrict total, const void *restrict next, size_t n) {                                      \
        i64 *restrict t = total;                                                                                       \
        const i64 *restrict x = next;                                                                                  \
        bool overflows = false;                                                                                        \
        for (size_t i = 0; i < n; i++) {                                                                               \
            int64_t result;                                                                                            \
            overflows |= builtin(t[i], x[i], &result);                                                                 \
            t[i] = result;                                                                                             \
        }                                                                                                              \
        return overflows;                                                                                              \
    }
EXACT(sum_exactly, __builtin_add_overflow)
EXACT(product_exactly, __builtin_mul_overflow)

#define EXTREMES(type)                                                                                                 \
    KERNEL(max_##type, type, type, a >= b ? a : b)                                                                     \
    KERNEL(min_##type, type, type, a <= b ? a : b)
EXTREMES(i8)
EXTREMES(i16)
EXTREMES(i32)
EXTREMES(i64)
EXTREMES(u8)
EXTREMES(u16)
EXTREMES(u32)
EXTREMES(u64)

/* Both comparisons are always made, which leaves no branch. A NaN wins, of two the first. */
#define PICK_A(comparison, a) ((int)(comparison) | (int)((a) != (a)))
#define FLOATS(type)                                                                                                   \
    KERNEL(sum_##type, type, type, a + b)                                                                              \
    KERNEL(product_##type, type, type, (a) * (b))                                                                      \
    KERNEL(max_##type, type, type, PICK_A(a >= b, a) ? a : b)                                                          \
    KERNEL(min_##type, type, type, PICK_A(a <= b, a) ? a : b)
FLOATS(f32)
FLOATS(f64)

/* A half is computed as a float and rounded after each step, as numpy does. */
#define HALF(x) obj_float16_to_float(x)
KERNEL(sum_f16, u16, u16, obj_float16_from_float(HALF(a) + HALF(b)))
KERNEL(product_f16, u16, u16, obj_float16_from_float(HALF(a) * HALF(b)))
KERNEL(max_f16, u16, u16, PICK_A(HALF(a) >= HALF(b), HALF(a)) ? a : b)
KERNEL(min_f16, u16, u16, PICK_A(HALF(a) <= HALF(b), HALF(a)) ? a : b)

#define COMPLEX(type)                                                                                                  \
    KERNEL(sum_##type, type, type, ((type){a.re + b.re, a.im + b.im}))                                                 \
    KERNEL(product_##type, type, type, ((type){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}))
COMPLEX(c64)
COMPLEX(c128)

/* Truth of an element from its bits: `bits` is an expression of b that is zero for false only (floats: both zeros). */
#define TRUTH(type, bits_type, bits)                                                                                   \
    KERNEL(set_##type, u8, bits_type, (bits) != 0)                                                                     \
    KERNEL(and_##type, u8, bits_type, (a) & ((bits) != 0))                                                             \
    KERNEL(or_##type, u8, bits_type, a | ((bits) != 0))                                                                \
    KERNEL(xor_##type, u8, bits_type, a ^ ((bits) != 0))
typedef struct UNALIGNED {
    u32 re, im;
} c64_bits;
typedef struct UNALIGNED {
    u64 re, im;
} c128_bits;
TRUTH(u8, u8, b)
TRUTH(u16, u16, b)
TRUTH(u32, u32, b)
TRUTH(u64, u64, b)
TRUTH(f16, u16, b & 0x7fffu)
TRUTH(f32, u32, b << 1)
TRUTH(f64, u64, b << 1)
TRUTH(c64, c64_bits, (b.re | b.im) << 1)
TRUTH(c128, c128_bits, (b.re | b.im) << 1)

struct dtype {
    const char *name;
    size_t size; /* bytes */
    kernel by_reducer[CHARIOT_REDUCE_XOR + 1];
    kernel set; /* total[i] = truth of next[i] */
};

#define BY_TRUTH(type)                                                                                                 \
    [CHARIOT_REDUCE_AND] = and_##type, [CHARIOT_REDUCE_OR] = or_##type, [CHARIOT_REDUCE_XOR] = xor_##type
#define BY_VALUE(type, extreme)                                                                                        \
    [CHARIOT_REDUCE_SUM] = sum_##type, [CHARIOT_REDUCE_PRODUCT] = product_##type,                                      \
    [CHARIOT_REDUCE_MAX] = max_##extreme, [CHARIOT_REDUCE_MIN] = min_##extreme
#define DTYPE(name, size, type, extreme)                                                                               \
    { name, size, {BY_VALUE(type, extreme), BY_TRUTH(type)}, set_##type }
#define DTYPE_COMPLEX(name, size, type)                                                                                \
    {                                                                                                                  \
        name, size, {[CHARIOT_REDUCE_SUM] = sum_##type, [CHARIOT_REDUCE_PRODUCT] = product_##type, BY_TRUTH(type)},    \
            set_##type                                                                                                 \
    }

static const struct dtype dtypes[] = {
    {"|b1",
     1,
     {[CHARIOT_REDUCE_SUM] = or_u8,
      [CHARIOT_REDUCE_PRODUCT] = and_u8,
      [CHARIOT_REDUCE_MAX] = or_u8,
      [CHARIOT_REDUCE_MIN] = and_u8,
      BY_TRUTH(u8)},
     set_u8},
    DTYPE("<i8", 8, u64, i64),
    DTYPE("<f8", 8, f64, f64),
    DTYPE("<f4", 4, f32, f32),
    DTYPE("<f2", 2, f16, f16),
    DTYPE("|i1", 1, u8, i8),
    DTYPE("<i2", 2, u16, i16),
    DTYPE("<i4", 4, u32, i32),
    DTYPE("|u1", 1, u8, u8),
    DTYPE("<u2", 2, u16, u16),
    DTYPE("<u4", 4, u32, u32),
    DTYPE("<u8", 8, u64, u64),
    DTYPE_COMPLEX("<c8", 8, c64),
    DTYPE_COMPLEX("<c16", 16, c128),
};
static const struct dtype *const dtype_bool = &dtypes[0], *const dtype_int64 = &dtypes[1];

/* Of a list of Python's ints: as numpy's, but sums and products are made by add(). The two do not mix. */
static const struct dtype dtype_of_ints = DTYPE("<i8", 8, u64, i64);

/* Of Python's numbers (reduce_builtin.h). */
static bool is_list(const struct chariot_value *value) {
    return value->array.ndim == 1 && value->array.order == 'F';
}

/* NULL: not one of the table. */
static const struct dtype *dtype_of(const struct chariot_value *value) {
    if (BYTE_ORDER != LITTLE_ENDIAN) return NULL;
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        size_t size = strlen(dtypes[i].name);
        if (size != value->array.dtype_size || memcmp(value->array.dtype, dtypes[i].name, size) != 0) continue;
        return &dtypes[i] == dtype_int64 && is_list(value) ? &dtype_of_ints : &dtypes[i];
    }
    return NULL;
}

static bool is_empty(const struct chariot_value *value) {
    for (uint32_t i = 0; i < value->array.ndim; i++)
        if (value->array.shape[i] == 0) return true;
    return false;
}

/* Elements that the shape promises; CHARIOT_EMALFORMED: the data has another size. */
static int count_elements(const struct chariot_value *value, const struct dtype *dtype, size_t *count) {
    uint64_t product = is_empty(value) ? 0 : 1;
    for (uint32_t i = 0; product != 0 && i < value->array.ndim; i++)
        if (__builtin_mul_overflow(product, (uint64_t)value->array.shape[i], &product)) return CHARIOT_EMALFORMED;
    if (__builtin_mul_overflow(product, dtype->size, &product)) return CHARIOT_EMALFORMED;
    if (product != value->array.size) return CHARIOT_EMALFORMED;
    *count = value->array.size / dtype->size;
    return 0;
}

static bool same_layout(const struct chariot_value *a, const struct chariot_value *b) {
    if (a->array.ndim != b->array.ndim || (a->array.ndim > 1 && a->array.order != b->array.order)) return false;
    return memcmp(a->array.shape, b->array.shape, a->array.ndim * sizeof a->array.shape[0]) == 0;
}

static bool is_logical(uint32_t reducer) {
    return reducer >= CHARIOT_REDUCE_AND && reducer <= CHARIOT_REDUCE_XOR;
}

/* An array that takes part. */
struct operand {
    struct chariot_value value;
    const struct dtype *dtype;
    size_t count;
};

/* first NULL: it is the first itself. Outcomes as obj_reduce_builtin()'s. */
static int read_operand(uint32_t reducer, const struct chariot_msg *msg, const struct operand *first,
                        struct operand *operand) {
    int outcome = obj_reduce_read(msg, &operand->value);
    if (outcome != 0) return outcome;
    const struct dtype *dtype = operand->value.type == CHARIOT_ARRAY ? dtype_of(&operand->value) : NULL;
    if (dtype == NULL || dtype->by_reducer[reducer] == NULL) return OBJ_REDUCE_NOT_FOR_C;
    operand->dtype = dtype;
    if (first != NULL && dtype != first->dtype && !is_logical(reducer)) return OBJ_REDUCE_NOT_FOR_C;
    if (first != NULL && !same_layout(&operand->value, &first->value)) return OBJ_REDUCE_NOT_FOR_C;
    return count_elements(&operand->value, dtype, &operand->count);
}

/* All of them before any is added, since the first may be what they are added to. */
static int read_operands(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct operand *first) {
    struct operand next;
    int outcome = read_operand(reducer, values[0], NULL, first);
    for (size_t i = 1; outcome == 0 && i < count; i++) outcome = read_operand(reducer, values[i], first, &next);
    return outcome;
}

/* An array like the first one, holding its elements; of bools: their truth. Gives. */
static int copy_first(const struct operand *first, const struct dtype *result_dtype, struct chariot_msg **out,
                      void **total) {
    const struct chariot_value *value = &first->value;
    size_t size = first->count * result_dtype->size;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_array(&writer, result_dtype->name, value->array.ndim, value->array.shape, value->array.order, size,
                      total);
    int error = chariot_writer_finish(&writer, out);
    if (error != 0) return error;
    if (result_dtype == dtype_bool)
        first->dtype->set(*total, value->array.data, first->count);
    else if (size > 0)
        memcpy(*total, value->array.data, size);
    return 0;
}

/* In the memory of the first one, where nobody else has that and the result is of its dtype; of ints the first is still
 * needed if they overflow. */
static int begin_total(const struct operand *first, const struct dtype *result_dtype, struct chariot_msg *value,
                       struct chariot_msg **out, void **total) {
    bool needed = rpc_msg_is_shared(value) || first->dtype == &dtype_of_ints;
    if (needed || first->dtype != result_dtype || result_dtype == dtype_bool) {
        return copy_first(first, result_dtype, out, total);
    }
    *total = (void *)(uintptr_t)first->value.array.data;
    *out = rpc_msg_ref(value);
    return 0;
}

/* OBJ_REDUCE_NOT_FOR_C: it becomes too large, and total is of no use any more. */
static int add(uint32_t reducer, void *total, const struct operand *next) {
    const void *data = next->value.array.data;
    bool overflows = false;
    if (next->dtype == &dtype_of_ints && reducer == CHARIOT_REDUCE_SUM)
        overflows = sum_exactly(total, data, next->count);
    else if (next->dtype == &dtype_of_ints && reducer == CHARIOT_REDUCE_PRODUCT)
        overflows = product_exactly(total, data, next->count);
    else
        next->dtype->by_reducer[reducer](total, data, next->count);
    return overflows ? OBJ_REDUCE_NOT_FOR_C : 0;
}

int obj_reduce_arrays(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct chariot_msg **out) {
    struct operand first, next;
    void *total;
    int outcome = read_operands(reducer, count, values, &first);
    if (outcome == 0)
        outcome = begin_total(&first, is_logical(reducer) ? dtype_bool : first.dtype, values[0], out, &total);
    for (size_t i = 1; outcome == 0 && i < count; i++) {
        outcome = read_operand(reducer, values[i], &first, &next);
        if (outcome == 0) outcome = add(reducer, total, &next);
    }
    if (outcome == 0) return 0;
    rpc_msg_unref(*out);
    *out = NULL;
    return outcome;
}

/* ---------------------------------------------------------------- range by range */

bool obj_reduce_can_add_ranges(uint32_t reducer, size_t count, struct chariot_msg *const *values, size_t *item_size) {
    struct operand first;
    if (reducer < CHARIOT_REDUCE_SUM || reducer > CHARIOT_REDUCE_MIN || rpc_msg_is_shared(values[0])) return false;
    if (read_operands(reducer, count, values, &first) != 0) return false;
    if (first.dtype == dtype_bool || first.dtype == &dtype_of_ints) return false;
    *item_size = first.dtype->size;
    return true;
}

size_t obj_reduce_data_offset(const struct chariot_msg *array) {
    struct chariot_value value;
    int outcome = obj_reduce_read(array, &value);
    assert(outcome == 0 && value.type == CHARIOT_ARRAY);
    return (size_t)((const uint8_t *)value.array.data - rpc_msg_payload(array));
}

void obj_reduce_add_range(uint32_t reducer, struct chariot_msg *total, const struct chariot_msg *next, size_t begin,
                          size_t end) {
    struct chariot_value to, from;
    int outcome = obj_reduce_read(total, &to);
    if (outcome == 0) outcome = obj_reduce_read(next, &from);
    assert(outcome == 0 && begin <= end && end <= to.array.size && end <= from.array.size);
    const struct dtype *dtype = dtype_of(&to);
    dtype->by_reducer[reducer]((uint8_t *)(uintptr_t)to.array.data + begin, (const uint8_t *)from.array.data + begin,
                               (end - begin) / dtype->size);
}
