/* The encoding of values: what is written comes back, aligned where it should be; failures of the writer. */
#include "test/unit/fault_alloc.h"

#include "objects/value_write.c"
#include "rpc/msg.c"

#include <math.h>

#include "test/unit/objects/value_sample.h"

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
          UNIT(arrays_of_every_kind_come_back_aligned), UNIT(pickle_comes_back_with_its_buffers),
          UNIT(value_of_another_type_is_left_for_the_next_get), UNIT(writer_goes_on_behind_what_a_message_holds),
          UNIT(skip_passes_over_deep_nesting), UNIT(encoded_array_keeps_its_alignment_when_copied),
          UNIT(encoded_small_values_are_copied_without_padding), UNIT(every_failed_allocation_gives_enomem_and_no_leak),
          UNIT(sizes_that_no_memory_can_hold_fail_and_stay_failed))
