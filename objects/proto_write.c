/* Values for foreign programs: see proto.h. Lengths are padded varints of five bytes, as an envelope's: so what is in a
 * message is written behind its length, once, and the length when it is known. */
#include <string.h>

#include "objects/proto.h"
#include "objects/value_format.h"
#include "rpc/error.h"
#include "rpc/msg.h"

/* ---------------------------------------------------------------- fields */

void obj_proto_put_number(struct chariot_writer *writer, uint32_t number, uint64_t value) {
    uint8_t *at = obj_writer_room(writer, 1 + obj_len_size(value));
    if (at == NULL) return;
    *at = RPC_WIRE_TAG(number, RPC_WIRE_VARINT);
    obj_len_put(at + 1, value);
}

static void put_real(struct chariot_writer *writer, uint32_t number, double real) {
    uint8_t *at = obj_writer_room(writer, 9);
    uint64_t bits;
    if (at == NULL) return;
    memcpy(&bits, &real, sizeof bits);
    *at = RPC_WIRE_TAG(number, RPC_WIRE_FIXED64);
    rpc_fixed64_pack(bits, at + 1);
}

void obj_proto_put_bytes(struct chariot_writer *writer, uint32_t number, const void *data, size_t size) {
    if (size > RPC_VARINT_MAX) writer->error = writer->error != 0 ? writer->error : CHARIOT_ENOMEM;
    uint8_t *at = writer->error != 0 ? NULL : obj_writer_room(writer, 1 + obj_len_size(size) + size);
    if (at == NULL) return;
    *at = RPC_WIRE_TAG(number, RPC_WIRE_BYTES_OF);
    at = obj_len_put(at + 1, size);
    if (size > 0) memcpy(at, data, size);
}

void obj_proto_put_text(struct chariot_writer *writer, uint32_t number, const char *text) {
    if (text != NULL && text[0] != '\0') obj_proto_put_bytes(writer, number, text, strlen(text));
}

size_t obj_proto_begin(struct chariot_writer *writer, uint32_t number) {
    uint8_t *at = obj_writer_room(writer, 1 + RPC_VARINT_BYTES);
    if (at == NULL) return 0;
    *at = RPC_WIRE_TAG(number, RPC_WIRE_BYTES_OF);
    return writer->msg->size;
}

void obj_proto_end(struct chariot_writer *writer, size_t begun) {
    if (writer->error != 0) return;
    rpc_varint_pack(writer->msg->size - begun, rpc_msg_payload(writer->msg) + begun - RPC_VARINT_BYTES);
}

/* ---------------------------------------------------------------- kinds */

/* What fails here is a value that has no form; a writer that has failed says so at the end. */
static int refuse(struct obj_proto *proto, const char *why) {
    proto->why = why;
    return CHARIOT_ETYPE;
}

static int put_text(struct obj_proto *proto, const struct chariot_value *value, struct chariot_writer *writer) {
    if (!obj_proto_is_utf8(value->bytes.data, value->bytes.size))
        return refuse(proto, "a string with lone surrogates, which UTF-8 does not have");
    obj_proto_put_bytes(writer, OBJ_PROTO_TEXT, value->bytes.data, value->bytes.size);
    return 0;
}

static void put_shape(const struct chariot_value *value, struct chariot_writer *writer) {
    if (value->array.ndim == 0) return;
    size_t shape = obj_proto_begin(writer, 2);
    for (uint32_t i = 0; i < value->array.ndim; i++) {
        uint64_t extent = (uint64_t)value->array.shape[i];
        uint8_t *at = obj_writer_room(writer, obj_len_size(extent));
        if (at != NULL) obj_len_put(at, extent);
    }
    obj_proto_end(writer, shape);
}

static int put_array(struct obj_proto *proto, const struct chariot_value *value, struct chariot_writer *writer) {
    const uint8_t *dtype = (const uint8_t *)value->array.dtype;
    bool named = obj_proto_dtype_size(dtype, value->array.dtype_size) > 0 || value->array.size == 0;
    if (!named) return refuse(proto, "an array of records, or of a dtype that foreign programs have no form for");
    size_t array = obj_proto_begin(writer, OBJ_PROTO_ARRAY);
    obj_proto_put_bytes(writer, 1, dtype, value->array.dtype_size);
    put_shape(value, writer);
    obj_proto_put_number(writer, 3, value->array.order == 'F' && value->array.ndim > 0 ? 2 : 1);
    obj_proto_put_bytes(writer, 4, value->array.data, value->array.size);
    obj_proto_end(writer, array);
    return 0;
}

/* Its encoded form, `size` bytes at data, and a seal. */
static int put_handle(struct obj_proto *proto, uint8_t type, const void *data, size_t size,
                      struct chariot_writer *writer) {
    if (proto->seal == NULL) return refuse(proto, "a reference, where none may be given out");
    size_t message = obj_proto_begin(writer, type == CHARIOT_REF ? OBJ_PROTO_REFERENCE : OBJ_PROTO_FUTURE);
    size_t sealed = size + OBJ_SEAL_BYTES;
    uint8_t *at = obj_writer_room(writer, 1 + obj_len_size(sealed) + sealed);
    if (at == NULL) return 0;
    *at = RPC_WIRE_TAG(1, RPC_WIRE_BYTES_OF);
    at = obj_len_put(at + 1, sealed);
    memcpy(at, data, size);
    proto->seal->make(proto->seal->ctx, type, data, size, at + size);
    obj_proto_end(writer, message);
    return 0;
}

/* ---------------------------------------------------------------- failures */

static bool is(const struct chariot_value *value, const char *text) {
    return value->type == CHARIOT_STRING && value->bytes.size == strlen(text) &&
           memcmp(value->bytes.data, text, value->bytes.size) == 0;
}

/* What is no UTF-8 in a text for people is not worth an error of its own. */
static void put_plain(uint32_t number, const struct chariot_value *value, struct chariot_writer *writer) {
    static const char unreadable[] = "(a text that is no UTF-8)";
    if (value->type != CHARIOT_STRING) return;
    if (obj_proto_is_utf8(value->bytes.data, value->bytes.size))
        obj_proto_put_bytes(writer, number, value->bytes.data, value->bytes.size);
    else
        obj_proto_put_bytes(writer, number, unreadable, sizeof unreadable - 1);
}

static int put_pair(struct obj_proto *proto, struct chariot_reader *reader, struct chariot_writer *writer) {
    struct chariot_reader at;
    struct chariot_value key, value;
    const void *data;
    size_t size;
    if (chariot_get(reader, &key) != 0) return CHARIOT_EMALFORMED;
    at = *reader;
    if (chariot_skip(reader, &data, &size) != 0 || chariot_get(&at, &value) != 0) return CHARIOT_EMALFORMED;
    if (is(&key, "type")) put_plain(1, &value, writer);
    if (is(&key, "text")) put_plain(2, &value, writer);
    if (is(&key, "pe") && value.type == CHARIOT_INT) obj_proto_put_number(writer, 3, (uint32_t)value.integer);
    if (is(&key, "trace") && proto->shows_traces) put_plain(4, &value, writer);
    return 0;
}

static int put_failure(struct obj_proto *proto, uint32_t number, uint64_t pairs, struct chariot_reader *reader,
                       struct chariot_writer *writer) {
    size_t message = obj_proto_begin(writer, number);
    int rc = 0;
    for (; pairs > 0 && rc == 0; pairs--) rc = put_pair(proto, reader, writer);
    obj_proto_end(writer, message);
    return rc;
}

int obj_proto_write_failure(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader,
                            struct chariot_writer *writer) {
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_ERROR, &value);
    return rc != 0 ? rc : put_failure(proto, number, value.count, reader, writer);
}

/* ---------------------------------------------------------------- values in values */

static int put_value(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader, unsigned depth,
                     struct chariot_writer *writer);

static int put_items(struct obj_proto *proto, const struct chariot_value *value, struct chariot_reader *reader,
                     unsigned depth, struct chariot_writer *writer) {
    bool is_map = value->type == CHARIOT_MAP;
    size_t message = obj_proto_begin(writer, is_map                        ? OBJ_PROTO_MAP
                                             : value->type == CHARIOT_LIST ? OBJ_PROTO_LIST
                                                                           : OBJ_PROTO_TUPLE);
    int rc = 0;
    for (uint64_t left = value->count; left > 0 && rc == 0; left--) {
        size_t entry = is_map ? obj_proto_begin(writer, 1) : 0;
        rc = put_value(proto, 1, reader, depth, writer);
        if (rc == 0 && is_map) rc = put_value(proto, 2, reader, depth, writer);
        if (is_map) obj_proto_end(writer, entry);
    }
    obj_proto_end(writer, message);
    return rc;
}

static int put_plain_kind(struct obj_proto *proto, const struct chariot_value *value, struct chariot_writer *writer) {
    switch (value->type) {
    case CHARIOT_NULL:
        obj_proto_put_bytes(writer, OBJ_PROTO_NULL, "", 0);
        return 0;
    case CHARIOT_BOOL:
        obj_proto_put_number(writer, OBJ_PROTO_BOOLEAN, value->boolean);
        return 0;
    case CHARIOT_INT:
        obj_proto_put_number(writer, OBJ_PROTO_INTEGER, rpc_zigzag(value->integer));
        return 0;
    case CHARIOT_BIGINT:
        obj_proto_put_bytes(writer, OBJ_PROTO_BIG_INTEGER, value->bytes.data, value->bytes.size);
        return 0;
    case CHARIOT_DOUBLE:
        put_real(writer, OBJ_PROTO_REAL, value->real);
        return 0;
    case CHARIOT_STRING:
        return put_text(proto, value, writer);
    case CHARIOT_BYTES:
        obj_proto_put_bytes(writer, OBJ_PROTO_DATA, value->bytes.data, value->bytes.size);
        return 0;
    case CHARIOT_ARRAY:
        return put_array(proto, value, writer);
    default:
        return refuse(proto, "an object of a type that only Python can read");
    }
}

/* What stands before `start` was read; value is what stands there. */
static int put_kind(struct obj_proto *proto, const struct chariot_value *value, struct chariot_reader start,
                    struct chariot_reader *reader, unsigned depth, struct chariot_writer *writer) {
    const void *data;
    size_t size;
    switch (value->type) {
    case CHARIOT_LIST:
    case CHARIOT_TUPLE:
    case CHARIOT_MAP:
        return put_items(proto, value, reader, depth + 1, writer);
    case CHARIOT_REF:
    case CHARIOT_FUTURE:
        if (chariot_skip(&start, &data, &size) != 0) return CHARIOT_EMALFORMED;
        return put_handle(proto, (uint8_t)value->type, data, size, writer);
    case CHARIOT_ERROR:
        return put_failure(proto, OBJ_PROTO_FAILURE, value->count, reader, writer);
    default:
        return put_plain_kind(proto, value, writer);
    }
}

static int put_value(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader, unsigned depth,
                     struct chariot_writer *writer) {
    struct chariot_reader start = *reader;
    struct chariot_value value;
    if (depth == OBJ_PROTO_DEPTH) return refuse(proto, OBJ_PROTO_TOO_DEEP);
    if (chariot_get(reader, &value) != 0) return CHARIOT_EMALFORMED;
    size_t message = obj_proto_begin(writer, number);
    int rc = put_kind(proto, &value, start, reader, depth, writer);
    obj_proto_end(writer, message);
    return rc != 0 ? rc : writer->error;
}

int obj_proto_write(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader,
                    struct chariot_writer *writer) {
    int rc = put_value(proto, number, reader, 0, writer);
    if (rc != 0 && rc != CHARIOT_ETYPE) proto->why = chariot_error_text(rc);
    return rc;
}
