#include "test/scenarios/values.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "objects/call.h"

static struct chariot_msg *finish(struct chariot_writer *writer) {
    struct chariot_msg *msg;
    int rc = chariot_writer_finish(writer, &msg);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    return msg;
}

static struct chariot_writer begin(void) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    return writer;
}

struct chariot_msg *value_int(int64_t value) {
    struct chariot_writer writer = begin();
    chariot_put_int(&writer, value);
    return finish(&writer);
}

struct chariot_msg *value_double(double value) {
    struct chariot_writer writer = begin();
    chariot_put_double(&writer, value);
    return finish(&writer);
}

struct chariot_msg *value_doubles(const double *values, size_t count) {
    struct chariot_writer writer = begin();
    void *data = NULL;
    chariot_put_array(&writer, "<f8", 1, (const int64_t[]){(int64_t)count}, 'C', count * sizeof *values, &data);
    if (data != NULL) memcpy(data, values, count * sizeof *values);
    return finish(&writer);
}

struct chariot_msg *value_ref(const struct chariot_ref *ref) {
    struct chariot_writer writer = begin();
    chariot_put_ref(&writer, ref);
    return finish(&writer);
}

static struct chariot_value read_one(const struct chariot_msg *msg, enum chariot_value_type type) {
    struct chariot_reader reader;
    struct chariot_value value = {0};
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, type, &value), 0);
    return value;
}

int64_t int_of(const struct chariot_msg *msg) {
    return read_one(msg, CHARIOT_INT).integer;
}

double double_of(const struct chariot_msg *msg) {
    return read_one(msg, CHARIOT_DOUBLE).real;
}

bool is_null(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    return chariot_get_typed(&reader, CHARIOT_NULL, &value) == 0 && chariot_reader_done(&reader);
}

size_t ints_of(const struct chariot_msg *msg, int64_t *values, size_t room) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    size_t count = value.count;
    for (size_t i = 0; i < count && i < room; i++) {
        CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
        values[i] = value.integer;
    }
    return count;
}

const char *error_of(const struct chariot_msg *msg) {
    static char text[256];
    CU_ASSERT_TRUE(chariot_msg_is_error(msg));
    obj_error_text(msg, text, sizeof text);
    return text;
}

struct chariot_msg *args_ints(size_t count, const int64_t *values) {
    struct chariot_writer writer = begin();
    chariot_put_list(&writer, count);
    for (size_t i = 0; i < count; i++) chariot_put_int(&writer, values[i]);
    return finish(&writer);
}

struct chariot_msg *args_ref(const struct chariot_ref *ref, int64_t more) {
    struct chariot_writer writer = begin();
    chariot_put_list(&writer, 2);
    chariot_put_ref(&writer, ref);
    chariot_put_int(&writer, more);
    return finish(&writer);
}

int64_t arg_int(const struct chariot_msg *args, size_t at) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, args);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_TRUE_FATAL(at < value.count);
    const void *data;
    size_t size;
    for (; at > 0; at--) CU_ASSERT_EQUAL_FATAL(chariot_skip(&reader, &data, &size), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
    return value.integer;
}

int64_t arg_ref(const struct chariot_msg *args, struct chariot_ref *ref) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    chariot_reader_init(&reader, args);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_REF, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_ref_read(&value, ref, &method), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
    return value.integer;
}

struct chariot_index index_of(const struct chariot_elem *elem) {
    struct chariot_ref ref;
    struct chariot_index index;
    chariot_elem_ref(elem, &ref);
    chariot_ref_index(&ref, &index);
    return index;
}
