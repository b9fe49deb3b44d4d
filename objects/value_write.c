/* objects/value_write.c: encodes values behind what a message holds. value_format.h has the layout. */
#include "objects/value.h"

#include <assert.h>
#include <string.h>

#include "objects/value_format.h"
#include "rpc/error.h"
#include "rpc/msg.h"

enum { FIRST_CAPACITY = 128 };

void chariot_writer_init_take(struct chariot_writer *writer, struct chariot_msg *msg) {
    writer->msg = msg != NULL ? msg : rpc_msg_new(FIRST_CAPACITY);
    writer->error = writer->msg != NULL ? 0 : CHARIOT_ENOMEM;
}

int chariot_writer_finish(struct chariot_writer *writer, struct chariot_msg **msg) {
    struct chariot_msg *taken = writer->msg;
    writer->msg = NULL;
    if (writer->error != 0) {
        rpc_msg_unref(taken);
        taken = NULL;
    }
    *msg = taken;
    return writer->error;
}

/* Doubles, so that n puts copy O(n) bytes in all. */
static int grow(struct chariot_writer *writer, size_t size) {
    const struct chariot_msg *msg = writer->msg;
    if (size > SIZE_MAX / 4 || msg->size > SIZE_MAX / 4) return CHARIOT_ENOMEM;
    size_t need = msg->size + size;
    size_t capacity = msg->capacity * 2 > FIRST_CAPACITY ? msg->capacity * 2 : FIRST_CAPACITY;
    return rpc_msg_reserve(&writer->msg, capacity > need ? capacity : need);
}

uint8_t *obj_writer_room(struct chariot_writer *writer, size_t size) {
    if (writer->error != 0) return NULL;
    if (size > writer->msg->capacity - writer->msg->size) {
        writer->error = grow(writer, size);
        if (writer->error != 0) return NULL;
    }
    uint8_t *at = rpc_msg_payload(writer->msg) + writer->msg->size;
    writer->msg->size += size;
    return at;
}

static int put_tag(struct chariot_writer *writer, uint8_t tag) {
    uint8_t *at = obj_writer_room(writer, 1);
    if (at != NULL) *at = tag;
    return writer->error;
}

static int put_tag_len(struct chariot_writer *writer, uint8_t tag, uint64_t len) {
    uint8_t *at = obj_writer_room(writer, 1 + obj_len_size(len));
    if (at == NULL) return writer->error;
    *at++ = tag;
    obj_len_put(at, len);
    return 0;
}

/* PAD bytes, so that what comes `ahead` bytes behind them is aligned. */
static void pad_to(struct chariot_writer *writer, size_t ahead, size_t phase) {
    if (writer->error != 0) return;
    size_t pad = (phase - writer->msg->size - ahead) % OBJ_ALIGN;
    uint8_t *at = obj_writer_room(writer, pad);
    if (at != NULL) memset(at, OBJ_TAG_PAD, pad);
}

static void copy(uint8_t *to, const void *from, size_t size) {
    if (size > 0) memcpy(to, from, size);
}

/* A tag with the length in it where it is short, else with a length behind it; then the data. */
static int put_blob(struct chariot_writer *writer, uint8_t tag, const void *data, size_t size) {
    size_t head = 1 + obj_len_size(size);
    if (size > SIZE_MAX / 4) writer->error = writer->error != 0 ? writer->error : CHARIOT_ENOMEM;
    uint8_t *at = writer->error != 0 ? NULL : obj_writer_room(writer, head + size);
    if (at == NULL) return writer->error;
    *at++ = tag;
    copy(obj_len_put(at, size), data, size);
    return 0;
}

static int put_blob_short(struct chariot_writer *writer, uint8_t tag, const void *data, size_t size) {
    uint8_t *at = obj_writer_room(writer, 1 + size);
    if (at == NULL) return writer->error;
    *at = (uint8_t)(tag + size);
    copy(at + 1, data, size);
    return 0;
}

int chariot_put_null(struct chariot_writer *writer) {
    return put_tag(writer, OBJ_TAG_NULL);
}

int chariot_put_bool(struct chariot_writer *writer, bool value) {
    return put_tag(writer, value ? OBJ_TAG_TRUE : OBJ_TAG_FALSE);
}

int chariot_put_int(struct chariot_writer *writer, int64_t value) {
    if (value >= OBJ_INT_SMALL_MIN && value <= OBJ_INT_SMALL_MAX)
        return put_tag(writer, (uint8_t)(OBJ_TAG_INT_SMALL + value - OBJ_INT_SMALL_MIN));
    bool narrow = value >= INT32_MIN && value <= INT32_MAX;
    uint8_t *at = obj_writer_room(writer, narrow ? 5 : 9);
    if (at == NULL) return writer->error;
    *at++ = narrow ? OBJ_TAG_INT32 : OBJ_TAG_INT64;
    if (narrow)
        obj_put32(at, (uint32_t)value);
    else
        obj_put64(at, (uint64_t)value);
    return 0;
}

int chariot_put_bigint(struct chariot_writer *writer, const uint8_t *data, size_t size) {
    return put_blob(writer, OBJ_TAG_BIGINT, data, size);
}

int chariot_put_double(struct chariot_writer *writer, double value) {
    uint8_t *at = obj_writer_room(writer, 9);
    if (at == NULL) return writer->error;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *at++ = OBJ_TAG_DOUBLE;
    obj_put64(at, bits);
    return 0;
}

int chariot_put_string(struct chariot_writer *writer, const char *data, size_t size) {
    if (size <= OBJ_STRING_SHORT_MAX) return put_blob_short(writer, OBJ_TAG_STRING_SHORT, data, size);
    return put_blob(writer, OBJ_TAG_STRING, data, size);
}

int chariot_put_bytes(struct chariot_writer *writer, const void *data, size_t size) {
    if (size <= OBJ_SHORT_MAX) return put_blob_short(writer, OBJ_TAG_BYTES_SHORT, data, size);
    if (size >= OBJ_ALIGN_BYTES_FROM) pad_to(writer, 1 + obj_len_size(size), 0);
    return put_blob(writer, OBJ_TAG_BYTES, data, size);
}

int chariot_put_list(struct chariot_writer *writer, uint64_t count) {
    if (count <= OBJ_SHORT_MAX) return put_tag(writer, (uint8_t)(OBJ_TAG_LIST_SHORT + count));
    return put_tag_len(writer, OBJ_TAG_LIST, count);
}

int chariot_put_tuple(struct chariot_writer *writer, uint64_t count) {
    if (count <= OBJ_SHORT_MAX) return put_tag(writer, (uint8_t)(OBJ_TAG_TUPLE_SHORT + count));
    return put_tag_len(writer, OBJ_TAG_TUPLE, count);
}

int chariot_put_map(struct chariot_writer *writer, uint64_t count) {
    if (count <= OBJ_SHORT_MAX) return put_tag(writer, (uint8_t)(OBJ_TAG_MAP_SHORT + count));
    return put_tag_len(writer, OBJ_TAG_MAP, count);
}

int chariot_put_error(struct chariot_writer *writer, uint64_t count) {
    return put_tag_len(writer, OBJ_TAG_ERROR, count);
}

int chariot_put_pickle(struct chariot_writer *writer, const void *data, size_t size, uint64_t num_buffers) {
    if (size > SIZE_MAX / 4) writer->error = writer->error != 0 ? writer->error : CHARIOT_ENOMEM;
    if (writer->error != 0) return writer->error;
    uint8_t *at = obj_writer_room(writer, 1 + obj_len_size(size) + obj_len_size(num_buffers) + size);
    if (at == NULL) return writer->error;
    *at++ = OBJ_TAG_PICKLE;
    at = obj_len_put(at, size);
    copy(obj_len_put(at, num_buffers), data, size);
    return 0;
}

static size_t array_head_size(size_t dtype_size, uint32_t ndim, const int64_t *shape, size_t size) {
    size_t head = 1 + obj_len_size(dtype_size) + dtype_size + 2 + obj_len_size(size);
    for (uint32_t i = 0; i < ndim; i++) {
        assert(shape[i] >= 0);
        head += obj_len_size((uint64_t)shape[i]);
    }
    return head;
}

int chariot_put_array(struct chariot_writer *writer, const char *dtype, uint32_t ndim, const int64_t *shape, char order,
                      size_t size, void **data) {
    assert(ndim <= CHARIOT_MAX_ARRAY_DIMS && (order == 'C' || order == 'F'));
    size_t dtype_size = strlen(dtype);
    *data = NULL;
    if (size > SIZE_MAX / 4) writer->error = writer->error != 0 ? writer->error : CHARIOT_ENOMEM;
    if (writer->error != 0) return writer->error;
    size_t head = array_head_size(dtype_size, ndim, shape, size);
    pad_to(writer, head, 0);
    uint8_t *at = obj_writer_room(writer, head + size);
    if (at == NULL) return writer->error;
    *at++ = OBJ_TAG_ARRAY;
    at = obj_len_put(at, dtype_size);
    memcpy(at, dtype, dtype_size);
    at += dtype_size;
    *at++ = (uint8_t)ndim;
    *at++ = (uint8_t)order;
    for (uint32_t i = 0; i < ndim; i++) at = obj_len_put(at, (uint64_t)shape[i]);
    *data = obj_len_put(at, size);
    return 0;
}

/* Keeps the alignment of what it copies: the copy starts at the same place modulo 16 as the original. Small values
 * without an array are not worth the padding. A tag byte found by chance inside other data costs only that padding. */
int chariot_put_encoded(struct chariot_writer *writer, const void *data, size_t size) {
    if (size == 0) return writer->error;
    if (size >= OBJ_ALIGN_BYTES_FROM || memchr(data, OBJ_TAG_ARRAY, size) != NULL)
        pad_to(writer, 0, (size_t)((uintptr_t)data % OBJ_ALIGN));
    uint8_t *at = obj_writer_room(writer, size);
    if (at != NULL) memcpy(at, data, size);
    return writer->error;
}
