/* deploy/json_array.c: arrays as nested lists, or as base64 where their elements are no numbers: see json.h. */
#include <stdlib.h>
#include <string.h>

#include "deploy/base64.h"
#include "deploy/json.h"

enum { DTYPE = 1, SHAPE, ORDER, DATA, FORTRAN = 2, MAX_DIMS = 32, MAX_DTYPE = 32 };

struct array {
    char dtype[MAX_DTYPE];
    char order, kind; /* of bytes: '<', '>' or '|'; of numbers */
    size_t item;      /* bytes of an element; 0: not numbers */
    int64_t shape[MAX_DIMS];
    int ndim;
    bool fortran;
};

/* Numbers of this kind and size are written out. */
static bool is_number(char kind, size_t item) {
    if (kind == 'b') return item == 1;
    if (kind == 'f') return item == 4 || item == 8;
    return (kind == 'i' || kind == 'u') && (item == 1 || item == 2 || item == 4 || item == 8);
}

static void read_dtype(struct array *array) {
    const char *dtype = array->dtype;
    bool sized = dtype[0] != '\0' && strchr("<>|", dtype[0]) != NULL && dtype[1] != '\0' && dtype[2] >= '1' &&
                 dtype[2] <= '9' && dtype[3] == '\0';
    array->item = sized ? (size_t)(dtype[2] - '0') : 0;
    if (!sized || !is_number(dtype[1], array->item)) array->item = 0;
    array->order = dtype[0];
    array->kind = array->item > 0 ? dtype[1] : '\0';
}

/* Between bytes of the array's order and this machine's, which is little-endian. */
static void turn(const struct array *array, uint8_t *bytes) {
    for (size_t i = 0; array->order == '>' && i < array->item / 2; i++) {
        uint8_t byte = bytes[i];
        bytes[i] = bytes[array->item - 1 - i];
        bytes[array->item - 1 - i] = byte;
    }
}

/* The number of elements; -1: more than there may be. */
static int64_t count_of(const struct array *array) {
    int64_t count = 1;
    for (int i = 0; i < array->ndim; i++) {
        if (array->shape[i] < 0 || __builtin_mul_overflow(count, array->shape[i], &count)) return -1;
    }
    return count;
}

/* ---------------------------------------------------------------- writing */

static int64_t signed_of(const uint8_t *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
    unsigned unused = (unsigned)(64 - 8 * size);
    return (int64_t)(value << unused) >> unused;
}

static void write_item(FILE *out, const struct array *array, const uint8_t *at) {
    uint8_t bytes[8] = {0};
    float narrow;
    double wide;
    memcpy(bytes, at, array->item);
    turn(array, bytes);
    memcpy(&narrow, bytes, sizeof narrow);
    memcpy(&wide, bytes, sizeof wide);
    if (array->kind == 'f' && array->item == 4) wide = narrow;
    if (array->kind == 'b')
        fputs(bytes[0] != 0 ? "true" : "false", out);
    else if (array->kind == 'i')
        fprintf(out, "%lld", (long long)signed_of(bytes, array->item));
    else if (array->kind == 'u')
        fprintf(out, "%llu", (unsigned long long)signed_of(bytes, array->item) & (~0ull >> (64 - 8 * array->item)));
    else if (deploy_json_real_name(wide) == NULL)
        deploy_json_write_real(out, wide);
    else
        fprintf(out, "\"%s\"", deploy_json_real_name(wide));
}

/* Dimension `dim` and those behind it, of the elements that begin at `at`; strides in bytes. */
static void write_dim(FILE *out, const struct array *array, const int64_t *strides, int dim, const uint8_t *at) {
    if (dim == array->ndim) {
        write_item(out, array, at);
        return;
    }
    putc('[', out);
    for (int64_t i = 0; i < array->shape[dim]; i++) {
        if (i > 0) fputs(", ", out);
        write_dim(out, array, strides, dim + 1, at + i * strides[dim]);
    }
    putc(']', out);
}

static void write_lists(FILE *out, const struct array *array, const uint8_t *data) {
    int64_t strides[MAX_DIMS], stride = (int64_t)array->item;
    for (int i = 0; i < array->ndim; i++) {
        int dim = array->fortran ? i : array->ndim - 1 - i;
        strides[dim] = stride;
        stride *= array->shape[dim];
    }
    fputs("\"data\": ", out);
    write_dim(out, array, strides, 0, data);
}

static bool add_dim(struct array *array, uint64_t size) {
    if (array->ndim == MAX_DIMS || size > INT64_MAX) return false;
    array->shape[array->ndim++] = (int64_t)size;
    return true;
}

/* One, or several packed into bytes. */
static bool read_dims(struct array *array, struct rpc_field *field) {
    uint64_t size;
    if (field->type == RPC_WIRE_VARINT) return add_dim(array, field->value);
    while (field->type == RPC_WIRE_BYTES_OF && rpc_wire_left(&field->bytes) > 0) {
        if (rpc_wire_varint(&field->bytes, &size) != 0 || !add_dim(array, size)) return false;
    }
    return field->type == RPC_WIRE_BYTES_OF;
}

static bool unpack(struct rpc_wire wire, struct array *array, struct rpc_wire *data) {
    *array = (struct array){0};
    *data = (struct rpc_wire){0};
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return false;
        bool bytes = field.type == RPC_WIRE_BYTES_OF;
        size_t size = bytes ? rpc_wire_left(&field.bytes) : 0;
        if (field.number == SHAPE && !read_dims(array, &field)) return false;
        if (field.number == ORDER) array->fortran = field.value == FORTRAN;
        if ((field.number == DTYPE || field.number == DATA) && !bytes) return false;
        if (field.number == DTYPE && size >= sizeof array->dtype) return false;
        if (field.number == DTYPE) memcpy(array->dtype, field.bytes.at, size);
        if (field.number == DATA) *data = field.bytes;
    }
    read_dtype(array);
    return true;
}

bool deploy_json_write_array(FILE *out, struct rpc_wire wire) {
    struct array array;
    struct rpc_wire data;
    if (!unpack(wire, &array, &data)) return false;
    int64_t count = count_of(&array);
    size_t size = rpc_wire_left(&data);
    bool whole = count >= 0 && (uint64_t)count * array.item == size;
    if (array.item > 0 && !whole) return false;
    fputs("{\"@array\": {\"dtype\": ", out);
    deploy_json_write_text(out, (const uint8_t *)array.dtype, strlen(array.dtype));
    fputs(", \"shape\": [", out);
    for (int i = 0; i < array.ndim; i++) fprintf(out, "%s%lld", i > 0 ? ", " : "", (long long)array.shape[i]);
    fputs("], ", out);
    if (array.item > 0) {
        write_lists(out, &array, data.at);
    } else {
        if (array.fortran) fputs("\"order\": \"F\", ", out);
        fputs("\"base64\": \"", out);
        deploy_base64_write(out, data.at, size);
        putc('"', out);
    }
    fputs("}}", out);
    return true;
}

/* ---------------------------------------------------------------- reading */

static bool read_real(struct deploy_json *json, const struct array *array, uint8_t bytes[8]) {
    double wide;
    if (!deploy_json_any_real(json, &wide, "a number, \"NaN\", \"Infinity\" or \"-Infinity\" is missing")) return false;
    float narrow = (float)wide;
    memcpy(bytes, &wide, sizeof wide);
    if (array->item == 4) memcpy(bytes, &narrow, sizeof narrow);
    return true;
}

/* Between the bounds of its type; of 64 bits without a sign, those above 2^63 too. */
static bool read_whole(struct deploy_json *json, const struct array *array, uint8_t bytes[8]) {
    const char *text;
    size_t size;
    bool real, is_signed = array->kind == 'i';
    unsigned bits = (unsigned)(8 * array->item);
    if (!deploy_json_number(json, &text, &size, &real)) return false;
    __extension__ __int128 value = 0, low = is_signed ? -((__int128)1 << (bits - 1)) : 0;
    __extension__ __int128 high = (__int128)1 << (is_signed ? bits - 1 : bits);
    bool negative = text[0] == '-';
    for (size_t i = negative; i < size && size < 30 && !real; i++) value = value * 10 + (text[i] - '0');
    if (negative) value = -value;
    if (real || size >= 30 || value < low || value >= high)
        return deploy_json_fail(json, "%.*s has no place in an array of %s", (int)(size < 20 ? size : 20), text,
                                array->dtype);
    uint64_t whole = (uint64_t)value;
    memcpy(bytes, &whole, sizeof whole);
    return true;
}

static bool read_item(struct deploy_json *json, const struct array *array, struct deploy_pack *pack) {
    uint8_t bytes[8] = {0};
    if (array->kind == 'b') {
        bytes[0] = deploy_json_literal(json, "true");
        if (bytes[0] == 0 && !deploy_json_literal(json, "false"))
            return deploy_json_fail(json, "true or false is missing");
    } else if (!(array->kind == 'f' ? read_real(json, array, bytes) : read_whole(json, array, bytes))) {
        return false;
    }
    turn(array, bytes);
    deploy_pack_raw(pack, bytes, array->item);
    return true;
}

static bool read_dim(struct deploy_json *json, const struct array *array, int dim, struct deploy_pack *pack) {
    int64_t count = 0;
    if (dim == array->ndim) return read_item(json, array, pack);
    if (!deploy_json_take(json, '[')) return false;
    if (!deploy_json_takes(json, ']')) {
        do {
            if (!read_dim(json, array, dim + 1, pack)) return false;
            count++;
        } while (deploy_json_follows(json, ']'));
    }
    if (json->why[0] != '\0' || count == array->shape[dim]) return json->why[0] == '\0';
    return deploy_json_fail(json, "a list of %lld where the shape says %lld", (long long)count,
                            (long long)array->shape[dim]);
}

/* The shape that the first lists of each depth have. */
static bool infer_shape(struct deploy_json json, struct array *array) {
    array->ndim = 0;
    while (deploy_json_takes(&json, '[') && array->ndim < MAX_DIMS) {
        struct deploy_json inside = json;
        int64_t count = 0;
        bool more = !deploy_json_takes(&json, ']');
        while (more && deploy_json_skip(&json, MAX_DIMS + 1)) {
            count++;
            if (!deploy_json_takes(&json, ',')) break;
        }
        array->shape[array->ndim++] = count;
        json = inside;
        if (count == 0) break;
    }
    return json.why[0] == '\0';
}

static bool read_shape(struct deploy_json *json, struct array *array) {
    array->ndim = 0;
    if (!deploy_json_take(json, '[')) return false;
    if (deploy_json_takes(json, ']')) return true;
    do {
        int64_t size;
        if (!deploy_json_int(json, &size)) return false;
        if (size < 0 || !add_dim(array, (uint64_t)size))
            return deploy_json_fail(json, "a shape has at most %d sizes, from 0 on", MAX_DIMS);
    } while (deploy_json_follows(json, ']'));
    return json->why[0] == '\0';
}

/* What an @array says of itself. */
struct said {
    struct array array;
    struct deploy_json data; /* where its data, or base64, stand: they are read when all else is known */
    bool has_data, base64, shaped;
};

static bool read_order(struct deploy_json *json, struct array *array) {
    char word[4];
    const char *order = deploy_json_word(json, word, sizeof word);
    if (order == NULL || strlen(order) != 1 || strchr("CF", order[0]) == NULL)
        return deploy_json_fail(json, "an order is \"C\" or \"F\"");
    array->fortran = order[0] == 'F';
    return true;
}

static bool read_member(struct deploy_json *json, const char *name, struct said *said) {
    if (strcmp(name, "dtype") == 0)
        return deploy_json_word(json, said->array.dtype, sizeof said->array.dtype) != NULL ||
               deploy_json_fail(json, "that is no dtype");
    if (strcmp(name, "order") == 0) return read_order(json, &said->array);
    if (strcmp(name, "shape") == 0) return said->shaped = read_shape(json, &said->array);
    said->base64 = strcmp(name, "base64") == 0;
    if (!said->base64 && strcmp(name, "data") != 0)
        return deploy_json_fail(json, "an @array has dtype, shape, order, data or base64, not \"%s\"", name);
    said->data = *json;
    said->has_data = true;
    return deploy_json_skip(json, MAX_DIMS + 1);
}

static bool read_members(struct deploy_json *json, struct said *said) {
    char name[16];
    if (!deploy_json_take(json, '{')) return false;
    do {
        const char *word = deploy_json_word(json, name, sizeof name);
        if (word == NULL) return deploy_json_fail(json, "an @array has no such member");
        if (!deploy_json_take(json, ':') || !read_member(json, word, said)) return false;
    } while (deploy_json_follows(json, '}'));
    return json->why[0] != '\0' ? false : said->has_data || deploy_json_fail(json, "an @array has data, or base64");
}

static bool put_data(struct said *said, struct deploy_pack *pack) {
    struct deploy_json *at = &said->data;
    if (said->base64) return said->shaped ? deploy_json_base64(at, pack) : deploy_json_fail(at, "base64 needs a shape");
    if (said->array.item == 0)
        return deploy_json_fail(at, "elements of dtype '%s' are given as base64", said->array.dtype);
    if (said->array.fortran) return deploy_json_fail(at, "an order is said of base64 alone");
    return read_dim(at, &said->array, 0, pack);
}

bool deploy_json_read_array(struct deploy_json *json, struct deploy_pack *pack, uint32_t number) {
    struct said said = {.array = {.dtype = "<f8"}};
    struct array *array = &said.array;
    if (!read_members(json, &said)) return false;
    read_dtype(array);
    if (!said.base64 && !said.shaped && !infer_shape(said.data, array))
        return deploy_json_fail(json, "the data are malformed");
    size_t message = deploy_pack_begin(pack, number);
    deploy_pack_text(pack, DTYPE, array->dtype);
    for (int i = 0; i < array->ndim; i++) deploy_pack_number(pack, SHAPE, (uint64_t)array->shape[i]);
    if (array->fortran) deploy_pack_number(pack, ORDER, FORTRAN);
    size_t data = deploy_pack_begin(pack, DATA);
    if (!put_data(&said, pack)) {
        *json = said.data;
        return false;
    }
    deploy_pack_end(pack, data);
    deploy_pack_end(pack, message);
    return true;
}
