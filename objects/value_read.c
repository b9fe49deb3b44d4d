/* objects/value_read.c: decodes values of a message's payload, which may come from a peer that lies.
 *
 * A failed get or skip leaves the reader where it was. Lengths are compared with what is left, never added to a pointer
 * first; nothing recurses, so nesting costs no stack. value_format.h has the layout. */
#include "objects/value.h"

#include <string.h>

#include "objects/value_format.h"
#include "rpc/error.h"
#include "rpc/msg.h"
#include "rpc/wire.h"

void chariot_reader_init(struct chariot_reader *reader, const struct chariot_msg *msg) {
    reader->begin = rpc_msg_payload(msg);
    reader->at = reader->begin;
    reader->end = reader->begin + msg->size;
}

bool chariot_reader_done(const struct chariot_reader *reader) {
    return reader->at == reader->end;
}

static size_t left(const struct chariot_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

static int get_long_len(struct chariot_reader *reader, uint64_t *len) {
    struct rpc_wire wire = {reader->at, reader->end};
    int error = rpc_wire_varint(&wire, len);
    reader->at = wire.at;
    return error;
}

static inline int get_len(struct chariot_reader *reader, uint64_t *len) {
    if (reader->at == reader->end || *reader->at >= 0x80) return get_long_len(reader, len);
    *len = *reader->at++;
    return 0;
}

/* `size` bytes of data, borrowed. */
static int get_data(struct chariot_reader *reader, uint64_t size, const uint8_t **data) {
    if (size > left(reader)) return CHARIOT_EMALFORMED;
    *data = reader->at;
    reader->at += size;
    return 0;
}

static int get_bytes(struct chariot_reader *reader, enum chariot_value_type type, uint64_t size,
                     struct chariot_value *value) {
    value->type = type;
    value->bytes.size = (size_t)size;
    return get_data(reader, size, &value->bytes.data);
}

static int get_blob(struct chariot_reader *reader, enum chariot_value_type type, struct chariot_value *value) {
    uint64_t size;
    int error = get_len(reader, &size);
    return error != 0 ? error : get_bytes(reader, type, size, value);
}

/* per: values that each item of `count` takes. */
static int get_container(struct chariot_reader *reader, enum chariot_value_type type, uint64_t count, unsigned per,
                         struct chariot_value *value) {
    value->type = type;
    value->count = count;
    return count > left(reader) / per ? CHARIOT_EMALFORMED : 0;
}

static int get_container_long(struct chariot_reader *reader, enum chariot_value_type type, unsigned per,
                              struct chariot_value *value) {
    uint64_t count;
    int error = get_len(reader, &count);
    return error != 0 ? error : get_container(reader, type, count, per, value);
}

static int get_bool(bool boolean, struct chariot_value *value) {
    value->type = CHARIOT_BOOL;
    value->boolean = boolean;
    return 0;
}

static int get_int(int64_t integer, struct chariot_value *value) {
    value->type = CHARIOT_INT;
    value->integer = integer;
    return 0;
}

static int get_int32(struct chariot_reader *reader, struct chariot_value *value) {
    const uint8_t *data;
    if (get_data(reader, 4, &data) != 0) return CHARIOT_EMALFORMED;
    return get_int((int32_t)obj_get32(data), value);
}

static int get_int64(struct chariot_reader *reader, struct chariot_value *value) {
    const uint8_t *data;
    if (get_data(reader, 8, &data) != 0) return CHARIOT_EMALFORMED;
    return get_int((int64_t)obj_get64(data), value);
}

static int get_double(struct chariot_reader *reader, struct chariot_value *value) {
    const uint8_t *data;
    if (get_data(reader, 8, &data) != 0) return CHARIOT_EMALFORMED;
    uint64_t bits = obj_get64(data);
    value->type = CHARIOT_DOUBLE;
    memcpy(&value->real, &bits, sizeof bits);
    return 0;
}

static int get_ref(struct chariot_reader *reader, enum chariot_value_type type, size_t size,
                   struct chariot_value *value) {
    value->type = type;
    value->ref.size = size;
    return get_data(reader, size, &value->ref.data);
}

static int get_pickle(struct chariot_reader *reader, struct chariot_value *value) {
    uint64_t size, count;
    if (get_len(reader, &size) != 0 || get_len(reader, &count) != 0) return CHARIOT_EMALFORMED;
    if (get_bytes(reader, CHARIOT_PICKLE, size, value) != 0) return CHARIOT_EMALFORMED;
    return get_container(reader, CHARIOT_PICKLE, count, 1, value);
}

static int get_shape(struct chariot_reader *reader, struct chariot_value *value) {
    for (uint32_t i = 0; i < value->array.ndim; i++) {
        uint64_t extent;
        if (get_len(reader, &extent) != 0 || extent > INT64_MAX) return CHARIOT_EMALFORMED;
        value->array.shape[i] = (int64_t)extent;
    }
    return 0;
}

static int get_array(struct chariot_reader *reader, struct chariot_value *value) {
    const uint8_t *dtype, *kind;
    uint64_t dtype_size, size;
    if (get_len(reader, &dtype_size) != 0 || get_data(reader, dtype_size, &dtype) != 0) return CHARIOT_EMALFORMED;
    if (get_data(reader, 2, &kind) != 0) return CHARIOT_EMALFORMED;
    if (kind[0] > CHARIOT_MAX_ARRAY_DIMS || (kind[1] != 'C' && kind[1] != 'F')) return CHARIOT_EMALFORMED;
    value->type = CHARIOT_ARRAY;
    value->array.dtype = (const char *)dtype;
    value->array.dtype_size = (size_t)dtype_size;
    value->array.ndim = kind[0];
    value->array.order = (char)kind[1];
    if (get_shape(reader, value) != 0 || get_len(reader, &size) != 0) return CHARIOT_EMALFORMED;
    value->array.size = (size_t)size;
    return get_data(reader, size, &value->array.data);
}

static int get_long(struct chariot_reader *reader, uint8_t tag, struct chariot_value *value) {
    const uint8_t *size;
    switch (tag) {
    case OBJ_TAG_NULL:
        value->type = CHARIOT_NULL;
        return 0;
    case OBJ_TAG_FALSE:
        return get_bool(false, value);
    case OBJ_TAG_TRUE:
        return get_bool(true, value);
    case OBJ_TAG_INT32:
        return get_int32(reader, value);
    case OBJ_TAG_INT64:
        return get_int64(reader, value);
    case OBJ_TAG_DOUBLE:
        return get_double(reader, value);
    case OBJ_TAG_BIGINT:
        return get_blob(reader, CHARIOT_BIGINT, value);
    case OBJ_TAG_STRING:
        return get_blob(reader, CHARIOT_STRING, value);
    case OBJ_TAG_BYTES:
        return get_blob(reader, CHARIOT_BYTES, value);
    case OBJ_TAG_LIST:
        return get_container_long(reader, CHARIOT_LIST, 1, value);
    case OBJ_TAG_TUPLE:
        return get_container_long(reader, CHARIOT_TUPLE, 1, value);
    case OBJ_TAG_MAP:
        return get_container_long(reader, CHARIOT_MAP, 2, value);
    case OBJ_TAG_ERROR:
        return get_container_long(reader, CHARIOT_ERROR, 2, value);
    case OBJ_TAG_ARRAY:
        return get_array(reader, value);
    case OBJ_TAG_REF:
        return get_data(reader, 1, &size) != 0 ? CHARIOT_EMALFORMED : get_ref(reader, CHARIOT_REF, *size, value);
    case OBJ_TAG_FUTURE:
        return get_ref(reader, CHARIOT_FUTURE, 8, value);
    case OBJ_TAG_PICKLE:
        return get_pickle(reader, value);
    default:
        return CHARIOT_EMALFORMED;
    }
}

static int get_tagged(struct chariot_reader *reader, uint8_t tag, struct chariot_value *value) {
    unsigned low = tag & 15;
    value->count = 0;
    switch (tag >> 4) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        return get_int((int64_t)tag + OBJ_INT_SMALL_MIN, value);
    case 6:
    case 7:
        return get_bytes(reader, CHARIOT_STRING, tag - OBJ_TAG_STRING_SHORT, value);
    case 8:
        return get_bytes(reader, CHARIOT_BYTES, low, value);
    case 9:
        return get_container(reader, CHARIOT_LIST, low, 1, value);
    case 10:
        return get_container(reader, CHARIOT_TUPLE, low, 1, value);
    case 11:
        return get_container(reader, CHARIOT_MAP, low, 2, value);
    default:
        return get_long(reader, tag, value);
    }
}

static void pass_padding(struct chariot_reader *reader) {
    while (reader->at < reader->end && *reader->at == OBJ_TAG_PAD) reader->at++;
}

int chariot_get(struct chariot_reader *reader, struct chariot_value *value) {
    const uint8_t *start = reader->at;
    pass_padding(reader);
    int error = reader->at == reader->end ? CHARIOT_EMALFORMED : get_tagged(reader, *reader->at++, value);
    if (error != 0) reader->at = start;
    return error;
}

int chariot_get_typed(struct chariot_reader *reader, enum chariot_value_type type, struct chariot_value *value) {
    const uint8_t *start = reader->at;
    int error = chariot_get(reader, value);
    if (error == 0 && value->type != type) error = CHARIOT_ETYPE;
    if (error != 0) reader->at = start;
    return error;
}

static uint64_t children(const struct chariot_value *value) {
    return value->type == CHARIOT_MAP || value->type == CHARIOT_ERROR ? 2 * value->count : value->count;
}

int chariot_skip(struct chariot_reader *reader, const void **data, size_t *size) {
    struct chariot_reader ahead = *reader;
    pass_padding(&ahead);
    const uint8_t *first = ahead.at;
    for (uint64_t pending = 1; pending > 0; pending--) {
        struct chariot_value value;
        int error = chariot_get(&ahead, &value);
        if (error != 0) return error;
        pending += children(&value);
        if (pending - 1 > left(&ahead)) return CHARIOT_EMALFORMED; /* each takes a byte; so the sum cannot overflow */
    }
    *data = first;
    *size = (size_t)(ahead.at - first);
    reader->at = ahead.at;
    return 0;
}
