/* The encoding of values: what is written comes back, what is malformed is refused, no read leaves the payload. */
#include "test/unit/fault_alloc.h"

#include "objects/value_write.c"
#include "rpc/msg.c"

#include <math.h>

#include "objects/chariot.h"
#include "test/unit/unit.h"

static struct chariot_writer start(void) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    return writer;
}

static struct chariot_msg *finish(struct chariot_writer *writer) {
    struct chariot_msg *msg;
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(writer, &msg), 0);
    return msg;
}

static struct chariot_reader reader_of(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    return reader;
}

static struct chariot_value expect(struct chariot_reader *reader, enum chariot_value_type type) {
    struct chariot_value value;
    CU_ASSERT_EQUAL(chariot_get_typed(reader, type, &value), 0);
    return value;
}

/* A message with these bytes in a block of exactly their size, so that ASan sees every read beyond it. */
static struct chariot_msg *message_of(const void *data, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    if (size > 0) memcpy(rpc_msg_payload(msg), data, size);
    msg->size = size;
    return msg;
}

static const int64_t ints[] = {0,         1,         -1,    -32,       -33,           63,           64,
                               127,       -128,      32767, INT32_MAX, INT32_MIN,     2147483648,   -2147483649,
                               INT64_MAX, INT64_MIN, 255,   256,       1000000000000, INT64_MIN + 1};
static const double doubles[] = {0.0, -0.0, 1.5, -1e308, INFINITY, -INFINITY, 5e-324, 3.141592653589793};
enum { NUM_INTS = sizeof ints / sizeof ints[0], NUM_DOUBLES = sizeof doubles / sizeof doubles[0] };

static void ints_bools_and_null_come_back(void) {
    struct chariot_writer writer = start();
    for (int i = 0; i < NUM_INTS; i++) chariot_put_int(&writer, ints[i]);
    for (int i = -1000; i <= 1000; i++) chariot_put_int(&writer, i);
    chariot_put_bool(&writer, true);
    chariot_put_bool(&writer, false);
    chariot_put_null(&writer);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    for (int i = 0; i < NUM_INTS; i++) CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, ints[i]);
    for (int i = -1000; i <= 1000; i++) CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, i);
    CU_ASSERT(expect(&reader, CHARIOT_BOOL).boolean);
    CU_ASSERT(!expect(&reader, CHARIOT_BOOL).boolean);
    expect(&reader, CHARIOT_NULL);
    CU_ASSERT(chariot_reader_done(&reader));
    rpc_msg_unref(msg);
}

static void doubles_keep_every_bit(void) {
    uint64_t bits = 0x7ff8dead0000beefu, back;
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    struct chariot_writer writer = start();
    for (int i = 0; i < NUM_DOUBLES; i++) chariot_put_double(&writer, doubles[i]);
    chariot_put_double(&writer, nan);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    for (int i = 0; i < NUM_DOUBLES; i++) {
        struct chariot_value value = expect(&reader, CHARIOT_DOUBLE);
        CU_ASSERT_EQUAL(memcmp(&value.real, &doubles[i], sizeof value.real), 0);
    }
    struct chariot_value value = expect(&reader, CHARIOT_DOUBLE);
    memcpy(&back, &value.real, sizeof back);
    CU_ASSERT_EQUAL(back, bits);
    rpc_msg_unref(msg);
}

static bool holds(const struct chariot_value *value, const void *data, size_t size) {
    return value->bytes.size == size && (size == 0 || memcmp(value->bytes.data, data, size) == 0);
}

static void strings_bytes_and_big_ints_of_every_length_come_back(void) {
    static const size_t sizes[] = {0, 1, 15, 16, 31, 32, 33, 127, 128, 255, 256, 257, 16383, 16384, 100000};
    static char data[100000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7); /* NUL and what is no UTF-8 included */
    struct chariot_writer writer = start();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        chariot_put_string(&writer, data, sizes[i]);
        chariot_put_bytes(&writer, data, sizes[i]);
        chariot_put_bigint(&writer, (const uint8_t *)data, sizes[i]);
    }
    chariot_put_string(&writer, NULL, 0);
    chariot_put_bytes(&writer, NULL, 0);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct chariot_value string = expect(&reader, CHARIOT_STRING), bytes = expect(&reader, CHARIOT_BYTES);
        struct chariot_value bigint = expect(&reader, CHARIOT_BIGINT);
        CU_ASSERT(holds(&string, data, sizes[i]) && holds(&bytes, data, sizes[i]) && holds(&bigint, data, sizes[i]));
        if (sizes[i] >= OBJ_ALIGN_BYTES_FROM) CU_ASSERT_EQUAL((uintptr_t)bytes.bytes.data % OBJ_ALIGN, 0);
    }
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_STRING).bytes.size, 0);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_BYTES).bytes.size, 0);
    CU_ASSERT(chariot_reader_done(&reader));
    rpc_msg_unref(msg);
}

typedef int (*put_container)(struct chariot_writer *writer, uint64_t count);
static const struct {
    put_container put;
    enum chariot_value_type type;
    uint64_t per;
} containers[] = {{chariot_put_list, CHARIOT_LIST, 1},
                  {chariot_put_tuple, CHARIOT_TUPLE, 1},
                  {chariot_put_map, CHARIOT_MAP, 2},
                  {chariot_put_error, CHARIOT_ERROR, 2}};

static void containers_of_every_count_come_back(void) {
    static const uint64_t counts[] = {0, 1, 2, 15, 16, 17, 127, 128, 1000};
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            struct chariot_writer writer = start();
            containers[i].put(&writer, counts[j]);
            for (uint64_t k = 0; k < counts[j] * containers[i].per; k++) chariot_put_int(&writer, (int64_t)k);
            struct chariot_msg *msg = finish(&writer);
            struct chariot_reader reader = reader_of(msg);
            CU_ASSERT_EQUAL(expect(&reader, containers[i].type).count, counts[j]);
            for (uint64_t k = 0; k < counts[j] * containers[i].per; k++)
                CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, (int64_t)k);
            CU_ASSERT(chariot_reader_done(&reader));
            rpc_msg_unref(msg);
        }
}

static void count_beyond_what_is_left_is_malformed(void) {
    static const uint64_t counts[] = {3, 15, 16, 1000, UINT64_MAX / 2, UINT64_MAX / 2 + 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            struct chariot_writer writer = start();
            struct chariot_value value;
            const void *data;
            size_t size;
            containers[i].put(&writer, counts[j]);
            chariot_put_int(&writer, 1);
            chariot_put_int(&writer, 2);
            struct chariot_msg *msg = finish(&writer);
            struct chariot_reader reader = reader_of(msg);
            CU_ASSERT_EQUAL(chariot_get(&reader, &value), CHARIOT_EMALFORMED);
            CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), CHARIOT_EMALFORMED);
            CU_ASSERT_PTR_EQUAL(reader.at, reader.begin);
            rpc_msg_unref(msg);
        }
}

static void check_array(const char *dtype, uint32_t ndim, const int64_t *shape, char order, size_t size) {
    for (size_t before = 0; before < OBJ_ALIGN; before++) {
        struct chariot_writer writer = start();
        void *data;
        for (size_t i = 0; i < before; i++) chariot_put_null(&writer);
        CU_ASSERT_EQUAL_FATAL(chariot_put_array(&writer, dtype, ndim, shape, order, size, &data), 0);
        memset(data, 0x5a, size);
        chariot_put_int(&writer, 17);
        struct chariot_msg *msg = finish(&writer);
        struct chariot_reader reader = reader_of(msg);
        for (size_t i = 0; i < before; i++) expect(&reader, CHARIOT_NULL);
        struct chariot_value value = expect(&reader, CHARIOT_ARRAY);
        CU_ASSERT(value.array.dtype_size == strlen(dtype) && memcmp(value.array.dtype, dtype, strlen(dtype)) == 0);
        CU_ASSERT(value.array.ndim == ndim && value.array.order == order && value.array.size == size);
        for (uint32_t i = 0; i < ndim; i++) CU_ASSERT_EQUAL(value.array.shape[i], shape[i]);
        for (size_t i = 0; i < size; i++) CU_ASSERT_EQUAL(value.array.data[i], 0x5a);
        CU_ASSERT_EQUAL((uintptr_t)value.array.data % OBJ_ALIGN, 0);
        CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 17);
        CU_ASSERT(chariot_reader_done(&reader));
        rpc_msg_unref(msg);
    }
}

static void arrays_of_every_kind_come_back_aligned(void) {
    int64_t ones[CHARIOT_MAX_ARRAY_DIMS], matrix[] = {3, 5}, empty[] = {4, 0, INT64_MAX};
    for (int i = 0; i < CHARIOT_MAX_ARRAY_DIMS; i++) ones[i] = 1;
    check_array("<f8", 0, NULL, 'C', 8);
    check_array("<f8", 2, matrix, 'C', 120);
    check_array("<i2", 2, matrix, 'F', 30);
    check_array("|b1", 3, empty, 'C', 0);
    check_array("<c16", CHARIOT_MAX_ARRAY_DIMS, ones, 'F', 16);
    check_array("[('name', '<U20'), ('value', '<f4', (2, 2))]", 2, matrix, 'C', 15 * 96);
}

static void malformed_arrays_are_refused(void) {
    int64_t shape[] = {2};
    struct chariot_writer writer = start();
    void *data;
    chariot_put_array(&writer, "|u1", 1, shape, 'C', 2, &data);
    memcpy(data, "ab", 2);
    struct chariot_msg *msg = finish(&writer);
    uint8_t *bytes = rpc_msg_payload(msg);
    size_t at = (size_t)((const uint8_t *)data - bytes) - 4; /* ndim, order, shape, size: one byte each */
    const uint8_t wrong[][2] = {{0, 65}, {0, 255}, {1, 'A'}, {1, 0}, {3, 3}, {3, 0xff}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct chariot_reader reader = reader_of(msg);
        struct chariot_value value;
        uint8_t right = bytes[at + wrong[i][0]];
        bytes[at + wrong[i][0]] = wrong[i][1];
        CU_ASSERT_EQUAL(chariot_get(&reader, &value), CHARIOT_EMALFORMED);
        bytes[at + wrong[i][0]] = right;
    }
    rpc_msg_unref(msg);
    const uint8_t negative[] = {OBJ_TAG_ARRAY, 0, 1, 'C', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};
    msg = message_of(negative, sizeof negative);
    struct chariot_reader reader = reader_of(msg);
    struct chariot_value value;
    CU_ASSERT_EQUAL(chariot_get(&reader, &value), CHARIOT_EMALFORMED);
    rpc_msg_unref(msg);
}

static void pickle_comes_back_with_its_buffers(void) {
    static uint8_t buffer[5000];
    struct chariot_writer writer = start();
    memset(buffer, 9, sizeof buffer);
    chariot_put_pickle(&writer, "pickled", 7, 2);
    chariot_put_bytes(&writer, buffer, sizeof buffer);
    chariot_put_bytes(&writer, "", 0);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    struct chariot_value value = expect(&reader, CHARIOT_PICKLE);
    CU_ASSERT(holds(&value, "pickled", 7));
    CU_ASSERT_EQUAL(value.count, 2);
    value = expect(&reader, CHARIOT_BYTES);
    CU_ASSERT(holds(&value, buffer, sizeof buffer));
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_BYTES).bytes.size, 0);
    rpc_msg_unref(msg);
}

static void value_of_another_type_is_left_for_the_next_get(void) {
    struct chariot_writer writer = start();
    chariot_put_int(&writer, 7);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    struct chariot_value value;
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_STRING, &value), CHARIOT_ETYPE);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 7);
    CU_ASSERT_EQUAL(chariot_get(&reader, &value), CHARIOT_EMALFORMED);
    rpc_msg_unref(msg);
}

static void writer_goes_on_behind_what_a_message_holds(void) {
    struct chariot_writer writer = start();
    chariot_put_int(&writer, 1);
    struct chariot_msg *msg = finish(&writer);
    chariot_writer_init_take(&writer, msg);
    chariot_put_int(&writer, 2);
    msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 1);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 2);
    rpc_msg_unref(msg);
}

static void skip_passes_over_deep_nesting(void) {
    struct chariot_writer writer = start();
    enum { DEPTH = 10000 };
    for (int i = 0; i < DEPTH; i++) {
        if (i % 2 == 0)
            chariot_put_list(&writer, 1);
        else
            chariot_put_map(&writer, 1);
        if (i % 2 == 1) chariot_put_null(&writer);
    }
    chariot_put_string(&writer, "bottom", 6);
    chariot_put_int(&writer, 99);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    const void *data;
    size_t size;
    CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), 0);
    CU_ASSERT_PTR_EQUAL(data, rpc_msg_payload(msg));
    CU_ASSERT_EQUAL(size, DEPTH + DEPTH / 2 + 7);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 99);
    CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), CHARIOT_EMALFORMED);
    rpc_msg_unref(msg);
}

static void many_huge_counts_do_not_overflow_skip(void) {
    struct chariot_writer writer = start();
    for (int i = 0; i < 100; i++) chariot_put_list(&writer, 200 - (uint64_t)i * 2 + 100);
    for (int i = 0; i < 300; i++) chariot_put_null(&writer);
    struct chariot_msg *msg = finish(&writer);
    struct chariot_reader reader = reader_of(msg);
    const void *data;
    size_t size;
    CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), CHARIOT_EMALFORMED);
    rpc_msg_unref(msg);
}

/* One of everything, as one list. */
static void put_sample(struct chariot_writer *writer) {
    static const uint8_t long_bytes[300] = {1, 2, 3};
    int64_t shape[] = {2, 3};
    struct chariot_ref ref = {.collection = 77, .index = {1, 0, 9}, .type = 3, .kind = CHARIOT_ARRAY_OF, .ndims = 3};
    void *data = NULL;
    chariot_put_list(writer, 19);
    chariot_put_null(writer);
    chariot_put_bool(writer, true);
    chariot_put_int(writer, 5);
    chariot_put_int(writer, 100000);
    chariot_put_int(writer, INT64_MIN);
    chariot_put_double(writer, -2.5);
    chariot_put_bigint(writer, long_bytes, 20);
    chariot_put_string(writer, "short", 5);
    chariot_put_string(writer, "a string of more than thirty-one bytes", 38);
    chariot_put_bytes(writer, "b", 1);
    chariot_put_bytes(writer, long_bytes, sizeof long_bytes);
    chariot_put_tuple(writer, 2);
    chariot_put_list(writer, 0);
    chariot_put_map(writer, 1);
    chariot_put_string(writer, "key", 3);
    chariot_put_null(writer);
    chariot_put_array(writer, "<f8", 2, shape, 'C', 48, &data);
    if (data != NULL) memset(data, 0, 48);
    chariot_put_ref(writer, &ref);
    chariot_put_method(writer, &ref, 4);
    chariot_put_future(writer, 12345678901u);
    chariot_put_error(writer, 1);
    chariot_put_string(writer, "text", 4);
    chariot_put_string(writer, "what was wrong", 14);
    chariot_put_pickle(writer, "xyz", 3, 1);
    chariot_put_bytes(writer, long_bytes, 290);
    chariot_put_map(writer, 0);
}

static struct chariot_msg *sample(void) {
    struct chariot_writer writer = start();
    put_sample(&writer);
    return finish(&writer);
}

static uint64_t sum_of(const uint8_t *data, size_t size) {
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) sum += data[i];
    return sum;
}

/* Reads all that a value points at. */
static uint64_t touch(const struct chariot_value *value) {
    struct chariot_ref ref;
    uint32_t method;
    uint64_t id, sum = 0;
    switch (value->type) {
    case CHARIOT_STRING:
    case CHARIOT_BYTES:
    case CHARIOT_BIGINT:
    case CHARIOT_PICKLE:
        return sum_of(value->bytes.data, value->bytes.size);
    case CHARIOT_ARRAY:
        CU_ASSERT(value->array.ndim <= CHARIOT_MAX_ARRAY_DIMS);
        for (uint32_t i = 0; i < value->array.ndim; i++) CU_ASSERT(value->array.shape[i] >= 0);
        sum = sum_of((const uint8_t *)value->array.dtype, value->array.dtype_size);
        return sum + sum_of(value->array.data, value->array.size);
    case CHARIOT_REF:
        return chariot_ref_read(value, &ref, &method) == 0 ? ref.collection + method : 0;
    case CHARIOT_FUTURE:
        return chariot_future_read(value, &id) == 0 ? id : 0;
    default:
        return value->count;
    }
}

/* Reads all values one after the other. 0: no error up to the end. */
static int read_all(const struct chariot_msg *msg, uint64_t *sum) {
    struct chariot_reader reader = reader_of(msg);
    while (!chariot_reader_done(&reader)) {
        struct chariot_value value;
        int error = chariot_get(&reader, &value);
        if (error != 0) return error;
        *sum += touch(&value);
    }
    return 0;
}

static void sample_is_skipped_whole(void) {
    struct chariot_msg *msg = sample();
    struct chariot_reader reader = reader_of(msg);
    const void *data;
    size_t size;
    uint64_t sum = 0;
    CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), 0);
    CU_ASSERT_EQUAL(size, msg->size);
    CU_ASSERT(chariot_reader_done(&reader));
    CU_ASSERT_EQUAL(read_all(msg, &sum), 0);
    rpc_msg_unref(msg);
}

static void every_truncation_is_malformed(void) {
    struct chariot_msg *whole = sample();
    for (size_t size = 0; size < whole->size; size++) {
        struct chariot_msg *cut = message_of(rpc_msg_payload(whole), size);
        struct chariot_reader reader = reader_of(cut);
        const void *data;
        size_t skipped;
        uint64_t sum = 0;
        int error = read_all(cut, &sum);
        CU_ASSERT(error == 0 || error == CHARIOT_EMALFORMED);
        CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &skipped), CHARIOT_EMALFORMED);
        CU_ASSERT_PTR_EQUAL(reader.at, reader.begin);
        rpc_msg_unref(cut);
    }
    rpc_msg_unref(whole);
}

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void mutations_are_malformed_or_valid(void) {
    struct chariot_msg *whole = sample();
    struct chariot_msg *msg = message_of(rpc_msg_payload(whole), whole->size);
    uint64_t state = 88172645463325252u, sum = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t *bytes = rpc_msg_payload(msg);
        memcpy(bytes, rpc_msg_payload(whole), whole->size);
        for (uint64_t n = random_next(&state) % 8 + 1; n > 0; n--)
            bytes[random_next(&state) % whole->size] = (uint8_t)(random_next(&state) >> 32);
        struct chariot_reader reader = reader_of(msg);
        const void *data;
        size_t size;
        int error = read_all(msg, &sum);
        if (error != 0) CU_ASSERT_EQUAL(error, CHARIOT_EMALFORMED);
        error = chariot_skip(&reader, &data, &size);
        if (error != 0) CU_ASSERT_EQUAL(error, CHARIOT_EMALFORMED);
    }
    CU_ASSERT_NOT_EQUAL(sum, 0);
    rpc_msg_unref(msg);
    rpc_msg_unref(whole);
}

static void every_pair_of_first_bytes_is_malformed_or_valid(void) {
    uint8_t bytes[40] = {0};
    uint64_t sum = 0;
    for (unsigned pair = 0; pair < 65536; pair++) {
        bytes[0] = (uint8_t)pair;
        bytes[1] = (uint8_t)(pair >> 8);
        struct chariot_msg *msg = message_of(bytes, pair % sizeof bytes);
        int error = read_all(msg, &sum);
        if (error != 0) CU_ASSERT_EQUAL(error, CHARIOT_EMALFORMED);
        rpc_msg_unref(msg);
    }
}

static void varint_beyond_64_bits_is_malformed(void) {
    uint8_t bytes[12] = {OBJ_TAG_STRING};
    memset(bytes + 1, 0x80, 11);
    for (uint8_t last = 0; last < 4; last++) {
        bytes[10] = last;
        struct chariot_msg *msg = message_of(bytes, sizeof bytes);
        struct chariot_reader reader = reader_of(msg);
        struct chariot_value value;
        CU_ASSERT_EQUAL(chariot_get(&reader, &value), last == 0 ? 0 : CHARIOT_EMALFORMED);
        rpc_msg_unref(msg);
    }
}

static void encoded_array_keeps_its_alignment_when_copied(void) {
    int64_t shape[] = {2};
    for (size_t before = 0; before < OBJ_ALIGN; before++)
        for (size_t ahead = 0; ahead < OBJ_ALIGN; ahead++) {
            struct chariot_writer writer = start();
            void *array;
            for (size_t i = 0; i < before; i++) chariot_put_null(&writer);
            chariot_put_array(&writer, "<f8", 1, shape, 'C', 16, &array);
            memset(array, 1, 16);
            struct chariot_msg *from = finish(&writer);
            struct chariot_reader reader = reader_of(from);
            const void *data;
            size_t size;
            for (size_t i = 0; i < before; i++) expect(&reader, CHARIOT_NULL);
            CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), 0);
            writer = start();
            for (size_t i = 0; i < ahead; i++) chariot_put_null(&writer);
            CU_ASSERT_EQUAL(chariot_put_encoded(&writer, data, size), 0);
            struct chariot_msg *to = finish(&writer);
            reader = reader_of(to);
            for (size_t i = 0; i < ahead; i++) expect(&reader, CHARIOT_NULL);
            struct chariot_value value = expect(&reader, CHARIOT_ARRAY);
            CU_ASSERT_EQUAL((uintptr_t)value.array.data % OBJ_ALIGN, 0);
            CU_ASSERT(chariot_reader_done(&reader));
            rpc_msg_unref(from);
            rpc_msg_unref(to);
        }
}

static void encoded_small_values_are_copied_without_padding(void) {
    struct chariot_writer one = start(), list = start();
    chariot_put_int(&one, 7);
    struct chariot_msg *from = finish(&one);
    chariot_put_list(&list, 100);
    for (int i = 0; i < 100; i++) chariot_put_encoded(&list, rpc_msg_payload(from), from->size);
    chariot_put_encoded(&list, NULL, 0);
    struct chariot_msg *to = finish(&list);
    CU_ASSERT_EQUAL(to->size, 102);
    rpc_msg_unref(from);
    rpc_msg_unref(to);
}

/* Payload bytes that were received into unaligned memory, or moved by other hands, are still read. */
static void unaligned_copy_of_an_array_is_readable(void) {
    struct chariot_msg *whole = sample();
    struct chariot_msg *msg = message_of(rpc_msg_payload(whole), whole->size);
    rpc_msg_reserve(&msg, whole->size + 1);
    memmove(rpc_msg_payload(msg) + 1, rpc_msg_payload(msg), whole->size);
    *rpc_msg_payload(msg) = OBJ_TAG_PAD;
    msg->size = whole->size + 1;
    struct chariot_reader reader = reader_of(msg);
    const void *data;
    size_t size;
    uint64_t sum = 0;
    CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), 0);
    CU_ASSERT_PTR_EQUAL(data, rpc_msg_payload(msg) + 1);
    CU_ASSERT_EQUAL(size, whole->size);
    CU_ASSERT_EQUAL(read_all(msg, &sum), 0);
    rpc_msg_unref(msg);
    rpc_msg_unref(whole);
}

static void padding_alone_is_malformed(void) {
    uint8_t bytes[20];
    memset(bytes, OBJ_TAG_PAD, sizeof bytes);
    struct chariot_msg *msg = message_of(bytes, sizeof bytes);
    struct chariot_reader reader = reader_of(msg);
    struct chariot_value value;
    CU_ASSERT_EQUAL(chariot_get(&reader, &value), CHARIOT_EMALFORMED);
    rpc_msg_unref(msg);
}

static void every_failed_allocation_gives_enomem_and_no_leak(void) {
    long before = fault_live();
    FAULT_SWEEP(n) {
        struct chariot_writer writer = start();
        struct chariot_msg *msg;
        put_sample(&writer);
        for (int i = 0; i < 200; i++) put_sample(&writer);
        int error = chariot_writer_finish(&writer, &msg);
        rpc_msg_unref(msg);
        CU_ASSERT_EQUAL(fault_live(), before);
        if (error == 0) FAULT_DONE;
        CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
        CU_ASSERT_PTR_NULL(msg);
    }
}

static void sizes_that_no_memory_can_hold_fail_and_stay_failed(void) {
    int64_t shape[] = {INT64_MAX};
    void *data;
    struct chariot_msg *msg;
    struct chariot_writer writer = start();
    CU_ASSERT_EQUAL(chariot_put_array(&writer, "|u1", 1, shape, 'C', SIZE_MAX, &data), CHARIOT_ENOMEM);
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT_EQUAL(chariot_put_int(&writer, 1), CHARIOT_ENOMEM);
    CU_ASSERT_EQUAL(chariot_put_bytes(&writer, "x", SIZE_MAX - 3), CHARIOT_ENOMEM);
    CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &msg), CHARIOT_ENOMEM);
    CU_ASSERT_PTR_NULL(msg);
    writer = start();
    CU_ASSERT_EQUAL(chariot_put_pickle(&writer, "x", SIZE_MAX - 3, 0), CHARIOT_ENOMEM);
    CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &msg), CHARIOT_ENOMEM);
}

UNIT_MAIN("objects/value", UNIT(ints_bools_and_null_come_back), UNIT(doubles_keep_every_bit),
          UNIT(strings_bytes_and_big_ints_of_every_length_come_back), UNIT(containers_of_every_count_come_back),
          UNIT(count_beyond_what_is_left_is_malformed), UNIT(arrays_of_every_kind_come_back_aligned),
          UNIT(malformed_arrays_are_refused), UNIT(pickle_comes_back_with_its_buffers),
          UNIT(value_of_another_type_is_left_for_the_next_get), UNIT(writer_goes_on_behind_what_a_message_holds),
          UNIT(skip_passes_over_deep_nesting), UNIT(many_huge_counts_do_not_overflow_skip),
          UNIT(sample_is_skipped_whole), UNIT(every_truncation_is_malformed), UNIT(mutations_are_malformed_or_valid),
          UNIT(every_pair_of_first_bytes_is_malformed_or_valid), UNIT(varint_beyond_64_bits_is_malformed),
          UNIT(encoded_array_keeps_its_alignment_when_copied), UNIT(encoded_small_values_are_copied_without_padding),
          UNIT(unaligned_copy_of_an_array_is_readable), UNIT(padding_alone_is_malformed),
          UNIT(every_failed_allocation_gives_enomem_and_no_leak),
          UNIT(sizes_that_no_memory_can_hold_fail_and_stay_failed))
