/* Values that came from foreign programs: see proto.h. Depth is bounded, so recursion is. */
#include <string.h>

#include "objects/proto.h"
#include "objects/value_format.h"
#include "rpc/error.h"
#include "rpc/secret.h"

static int fail(struct obj_proto *proto, int code, const char *why) {
    proto->why = why;
    return code;
}

static int malformed(struct obj_proto *proto) {
    return fail(proto, CHARIOT_EMALFORMED, "no message of chariot.v1.Value");
}

/* ---------------------------------------------------------------- text and types of elements */

/* The bytes of the character that begins here; 0: none does. */
static size_t utf8_length(const uint8_t *at, size_t left) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > left) return 0;
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (at[i] >> 6 != 2) return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

bool obj_proto_is_utf8(const uint8_t *data, size_t size) {
    for (size_t at = 0, length; at < size; at += length) {
        length = utf8_length(data + at, size - at);
        if (length == 0) return false;
    }
    return true;
}

/* "[unit]" of a time, such as "[ns]", "[10us]". */
static bool is_unit(const uint8_t *at, size_t size) {
    if (size < 3 || size > 12 || at[0] != '[' || at[size - 1] != ']') return false;
    for (size_t i = 1; i + 1 < size; i++) {
        bool good = (at[i] >= 'a' && at[i] <= 'z') || at[i] == 'Y' || at[i] == 'M' || at[i] == 'W' || at[i] == 'D';
        if (!good && (at[i] < '0' || at[i] > '9')) return false;
    }
    return true;
}

/* Numbers have the sizes that processors know, and long double's. */
static bool is_size_of(uint8_t kind, size_t size) {
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8 || size == 16;
    case 'c':
        return size == 8 || size == 16 || size == 32;
    case 'm':
    case 'M':
        return size == 8;
    default:
        return kind == 'S' || kind == 'U' || kind == 'V';
    }
}

size_t obj_proto_dtype_size(const uint8_t *dtype, size_t size) {
    size_t number = 0, at = 2;
    if (size < 3 || strchr("<>|", dtype[0]) == NULL || dtype[0] == '\0' || dtype[1] == '\0') return 0;
    for (; at < size && at < 11 && dtype[at] >= '0' && dtype[at] <= '9'; at++) number = number * 10 + dtype[at] - '0';
    bool is_time = dtype[1] == 'm' || dtype[1] == 'M';
    if (at == 2 || !is_size_of(dtype[1], number)) return 0;
    if (at != size && !(is_time && is_unit(dtype + at, size - at))) return 0;
    return dtype[1] == 'U' ? 4 * number : number;
}

/* ---------------------------------------------------------------- values without others in them */

static int put_text(struct obj_proto *proto, const struct rpc_wire *text, struct chariot_writer *writer) {
    if (!obj_proto_is_utf8(text->at, rpc_wire_left(text))) return fail(proto, CHARIOT_EINVAL, "text that is no UTF-8");
    return chariot_put_string(writer, (const char *)text->at, rpc_wire_left(text));
}

static int put_big(struct obj_proto *proto, const struct rpc_wire *bytes, struct chariot_writer *writer) {
    size_t size = rpc_wire_left(bytes);
    if (size == 0) return fail(proto, CHARIOT_EINVAL, "big_integer without bytes");
    if (size > sizeof(int64_t)) return chariot_put_bigint(writer, bytes->at, size);
    uint64_t low = bytes->at[size - 1] & 0x80 ? UINT64_MAX : 0; /* it would have done as an integer */
    for (size_t i = size; i-- > 0;) low = low << 8 | bytes->at[i];
    return chariot_put_int(writer, (int64_t)low);
}

int obj_proto_read_handle(struct obj_proto *proto, uint8_t kind, struct rpc_wire wire, struct chariot_writer *writer) {
    struct rpc_field field = {0};
    struct rpc_wire handle = {0};
    uint8_t seal[OBJ_SEAL_BYTES];
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return malformed(proto);
        if (field.number == 1 && field.type == RPC_WIRE_BYTES_OF) handle = field.bytes;
    }
    size_t size = rpc_wire_left(&handle);
    if (size <= OBJ_SEAL_BYTES || proto->seal == NULL)
        return fail(proto, CHARIOT_EAUTH, "a handle that is not from here");
    size -= OBJ_SEAL_BYTES;
    proto->seal->make(proto->seal->ctx, kind, handle.at, size, seal);
    if (!rpc_secret_equal(seal, handle.at + size, OBJ_SEAL_BYTES))
        return fail(proto, CHARIOT_EAUTH, "a handle that is not from here");
    uint8_t *at = obj_writer_room(writer, size);
    if (at != NULL) memcpy(at, handle.at, size);
    return writer->error;
}

/* ---------------------------------------------------------------- arrays */

struct array {
    struct rpc_wire dtype, data;
    int64_t shape[CHARIOT_MAX_ARRAY_DIMS];
    uint32_t ndim;
    uint64_t order;
};

static int add_extent(struct obj_proto *proto, struct array *array, uint64_t extent) {
    if (extent > INT64_MAX) return fail(proto, CHARIOT_EINVAL, "an array with a negative extent");
    if (array->ndim == CHARIOT_MAX_ARRAY_DIMS)
        return fail(proto, CHARIOT_EINVAL, "an array of more than 64 dimensions");
    array->shape[array->ndim++] = (int64_t)extent;
    return 0;
}

/* Repeated numbers come packed into one field, or each in its own. */
static int read_shape(struct obj_proto *proto, struct array *array, struct rpc_field *field) {
    if (field->type == RPC_WIRE_VARINT) return add_extent(proto, array, field->value);
    int rc = field->type == RPC_WIRE_BYTES_OF ? 0 : malformed(proto);
    while (rc == 0 && rpc_wire_left(&field->bytes) > 0) {
        uint64_t extent;
        rc = rpc_wire_varint(&field->bytes, &extent) != 0 ? malformed(proto) : add_extent(proto, array, extent);
    }
    return rc;
}

static int read_array_field(struct obj_proto *proto, struct array *array, struct rpc_field *field) {
    static const uint8_t types[] = {0, RPC_WIRE_BYTES_OF, 0, RPC_WIRE_VARINT, RPC_WIRE_BYTES_OF};
    if (field->number == 2) return read_shape(proto, array, field);
    if (field->number > 4) return 0;
    if (field->type != types[field->number]) return malformed(proto);
    if (field->number == 1) array->dtype = field->bytes;
    if (field->number == 3) array->order = field->value;
    if (field->number == 4) array->data = field->bytes;
    return 0;
}

/* Its data are as many as its shape says. */
static int check_array(struct obj_proto *proto, const struct array *array) {
    size_t dtype_size = rpc_wire_left(&array->dtype);
    size_t size = obj_proto_dtype_size(array->dtype.at, dtype_size);
    if (size == 0 && !(dtype_size == 3 && array->dtype.at[2] == '0' && strchr("SUV", array->dtype.at[1]) != NULL))
        return fail(proto, CHARIOT_EINVAL, "an array of a dtype that is none of value.proto's");
    if (array->order > 2) return fail(proto, CHARIOT_EINVAL, "an array of an order that does not exist");
    bool empty = false;
    for (uint32_t i = 0; i < array->ndim; i++) empty = empty || array->shape[i] == 0;
    uint64_t total = empty ? 0 : size;
    for (uint32_t i = 0; i < array->ndim && !empty; i++) {
        if (__builtin_mul_overflow(total, (uint64_t)array->shape[i], &total))
            return fail(proto, CHARIOT_EINVAL, "an array whose shape is larger than memory");
    }
    if (total == rpc_wire_left(&array->data)) return 0;
    return fail(proto, CHARIOT_EINVAL, "an array whose data are not as many as its shape and dtype say");
}

static int put_array(struct obj_proto *proto, struct rpc_wire wire, struct chariot_writer *writer) {
    struct array array = {.dtype = rpc_wire_of("", 0)};
    char dtype[32];
    void *data;
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return malformed(proto);
        int rc = read_array_field(proto, &array, &field);
        if (rc != 0) return rc;
    }
    int rc = check_array(proto, &array);
    if (rc != 0) return rc;
    size_t dtype_size = rpc_wire_left(&array.dtype), size = rpc_wire_left(&array.data);
    memcpy(dtype, array.dtype.at, dtype_size); /* a valid one is shorter */
    dtype[dtype_size] = '\0';
    bool fortran = array.order == 2 && array.ndim > 0; /* without dimensions it would be one of numpy's scalars */
    rc = chariot_put_array(writer, dtype, array.ndim, array.shape, fortran ? 'F' : 'C', size, &data);
    if (rc == 0 && size > 0) memcpy(data, array.data.at, size);
    return rc;
}

/* ---------------------------------------------------------------- values with others in them */

static int put_value(struct obj_proto *proto, struct rpc_wire wire, unsigned depth, struct chariot_writer *writer);

/* How many fields of number 1 there are; each holds a message. */
static int count_items(struct obj_proto *proto, struct rpc_wire wire, uint64_t *count) {
    *count = 0;
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return malformed(proto);
        if (field.number == 1 && field.type != RPC_WIRE_BYTES_OF) return malformed(proto);
        *count += field.number == 1;
    }
    return 0;
}

static int put_entry(struct obj_proto *proto, struct rpc_wire wire, unsigned depth, struct chariot_writer *writer) {
    struct rpc_wire parts[2] = {{0}};
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return malformed(proto);
        if (field.number > 2) continue;
        if (field.type != RPC_WIRE_BYTES_OF) return malformed(proto);
        parts[field.number - 1] = field.bytes;
    }
    if (parts[0].at == NULL || parts[1].at == NULL)
        return fail(proto, CHARIOT_EINVAL, "an entry of a map without key or without value");
    int rc = put_value(proto, parts[0], depth, writer);
    return rc != 0 ? rc : put_value(proto, parts[1], depth, writer);
}

static int put_items(struct obj_proto *proto, uint32_t number, struct rpc_wire wire, unsigned depth,
                     struct chariot_writer *writer) {
    uint64_t count;
    int rc = count_items(proto, wire, &count);
    if (rc != 0) return rc;
    rc = number == OBJ_PROTO_MAP    ? chariot_put_map(writer, count)
         : number == OBJ_PROTO_LIST ? chariot_put_list(writer, count)
                                    : chariot_put_tuple(writer, count);
    while (rc == 0 && rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        (void)rpc_wire_field(&wire, &field); /* count_items has read it */
        if (field.number != 1) continue;
        rc = number == OBJ_PROTO_MAP ? put_entry(proto, field.bytes, depth, writer)
                                     : put_value(proto, field.bytes, depth, writer);
    }
    return rc;
}

static const uint8_t TYPES[] = {
    [OBJ_PROTO_NULL] = RPC_WIRE_BYTES_OF,   [OBJ_PROTO_BOOLEAN] = RPC_WIRE_VARINT,
    [OBJ_PROTO_INTEGER] = RPC_WIRE_VARINT,  [OBJ_PROTO_BIG_INTEGER] = RPC_WIRE_BYTES_OF,
    [OBJ_PROTO_REAL] = RPC_WIRE_FIXED64,    [OBJ_PROTO_TEXT] = RPC_WIRE_BYTES_OF,
    [OBJ_PROTO_DATA] = RPC_WIRE_BYTES_OF,   [OBJ_PROTO_LIST] = RPC_WIRE_BYTES_OF,
    [OBJ_PROTO_TUPLE] = RPC_WIRE_BYTES_OF,  [OBJ_PROTO_MAP] = RPC_WIRE_BYTES_OF,
    [OBJ_PROTO_ARRAY] = RPC_WIRE_BYTES_OF,  [OBJ_PROTO_REFERENCE] = RPC_WIRE_BYTES_OF,
    [OBJ_PROTO_FUTURE] = RPC_WIRE_BYTES_OF, [OBJ_PROTO_FAILURE] = RPC_WIRE_BYTES_OF,
};

static int put_field(struct obj_proto *proto, const struct rpc_field *field, unsigned depth,
                     struct chariot_writer *writer) {
    double real;
    switch (field->number) {
    case OBJ_PROTO_NULL:
        return chariot_put_null(writer);
    case OBJ_PROTO_BOOLEAN:
        return chariot_put_bool(writer, field->value != 0);
    case OBJ_PROTO_INTEGER:
        return chariot_put_int(writer, rpc_unzigzag(field->value));
    case OBJ_PROTO_BIG_INTEGER:
        return put_big(proto, &field->bytes, writer);
    case OBJ_PROTO_REAL:
        memcpy(&real, &field->value, sizeof real);
        return chariot_put_double(writer, real);
    case OBJ_PROTO_TEXT:
        return put_text(proto, &field->bytes, writer);
    case OBJ_PROTO_DATA:
        return chariot_put_bytes(writer, field->bytes.at, rpc_wire_left(&field->bytes));
    case OBJ_PROTO_LIST:
    case OBJ_PROTO_TUPLE:
    case OBJ_PROTO_MAP:
        return put_items(proto, field->number, field->bytes, depth + 1, writer);
    case OBJ_PROTO_ARRAY:
        return put_array(proto, field->bytes, writer);
    case OBJ_PROTO_REFERENCE:
        return obj_proto_read_handle(proto, CHARIOT_REF, field->bytes, writer);
    case OBJ_PROTO_FUTURE:
        return obj_proto_read_handle(proto, CHARIOT_FUTURE, field->bytes, writer);
    default:
        return fail(proto, CHARIOT_EINVAL, "a failure, which only results are");
    }
}

static int put_value(struct obj_proto *proto, struct rpc_wire wire, unsigned depth, struct chariot_writer *writer) {
    struct rpc_field field, kind = {0};
    if (depth == OBJ_PROTO_DEPTH) return fail(proto, CHARIOT_EINVAL, OBJ_PROTO_TOO_DEEP);
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return malformed(proto);
        if (field.number > OBJ_PROTO_FAILURE) continue;
        if (field.type != TYPES[field.number]) return malformed(proto);
        if (kind.number != 0) return fail(proto, CHARIOT_EINVAL, "a Value with two kinds set");
        kind = field;
    }
    if (kind.number == 0) return fail(proto, CHARIOT_EINVAL, "a Value without a kind (null is one)");
    return put_field(proto, &kind, depth, writer);
}

int obj_proto_read(struct obj_proto *proto, struct rpc_wire wire, struct chariot_writer *writer) {
    int rc = put_value(proto, wire, 0, writer);
    if (rc == CHARIOT_ENOMEM) proto->why = chariot_error_text(rc);
    return rc;
}
