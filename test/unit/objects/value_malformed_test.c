/* Malformed payloads: each is refused, and no read leaves the payload, which AddressSanitizer watches. */
#include "objects/value_format.h"
#include "test/unit/objects/value_sample.h"

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

UNIT_MAIN("objects/value (malformed)", UNIT(count_beyond_what_is_left_is_malformed), UNIT(malformed_arrays_are_refused),
          UNIT(many_huge_counts_do_not_overflow_skip), UNIT(sample_is_skipped_whole),
          UNIT(every_truncation_is_malformed), UNIT(mutations_are_malformed_or_valid),
          UNIT(every_pair_of_first_bytes_is_malformed_or_valid), UNIT(varint_beyond_64_bits_is_malformed),
          UNIT(unaligned_copy_of_an_array_is_readable), UNIT(padding_alone_is_malformed))
