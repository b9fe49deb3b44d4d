/* test/unit/objects/value_sample.h: writing and reading values in a line each, and a payload with one of everything. */
#ifndef CHARIOT_TEST_UNIT_OBJECTS_VALUE_SAMPLE_H
#define CHARIOT_TEST_UNIT_OBJECTS_VALUE_SAMPLE_H

#include "objects/chariot.h"
#include "rpc/msg.h"
#include "test/unit/unit.h"

static inline struct chariot_writer start(void) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    return writer;
}

static inline struct chariot_msg *finish(struct chariot_writer *writer) {
    struct chariot_msg *msg;
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(writer, &msg), 0);
    return msg;
}

static inline struct chariot_reader reader_of(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    return reader;
}

static inline struct chariot_value expect(struct chariot_reader *reader, enum chariot_value_type type) {
    struct chariot_value value;
    CU_ASSERT_EQUAL(chariot_get_typed(reader, type, &value), 0);
    return value;
}

/* A message with these bytes in a block of exactly their size, so that ASan sees every read beyond it. */
static inline struct chariot_msg *message_of(const void *data, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    if (size > 0) memcpy(rpc_msg_payload(msg), data, size);
    msg->size = size;
    return msg;
}

/* One of everything, as one list. */
static inline void put_sample(struct chariot_writer *writer) {
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

static inline struct chariot_msg *sample(void) {
    struct chariot_writer writer = start();
    put_sample(&writer);
    return finish(&writer);
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

#endif
