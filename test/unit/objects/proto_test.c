/* Values of foreign programs: both ways, held against protobuf-c, and from bytes that are nobody's. */
#include "objects/proto.h"

#include <math.h>
#include <stdlib.h>

#include "rpc/proto/chariot/v1/value.pb-c.h"
#include "test/unit/objects/value_sample.h"

/* ---------------------------------------------------------------- both ways */

/* No seal, but it depends on all that it is of. */
static void make_seal(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]) {
    uint64_t sum = kind + *(const uint64_t *)ctx;
    for (size_t i = 0; i < size; i++) sum = (sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    for (int i = 0; i < OBJ_SEAL_BYTES; i++) seal[i] = (uint8_t)(sum >> i % 8 * 8);
}
static uint64_t key = 4711;
static const struct obj_seal seal = {.ctx = &key, .make = make_seal};

/* The next value as the bytes of a Value; CHARIOT_E... in *rc. NULL then. */
static struct chariot_msg *to_proto(struct chariot_reader *reader, int *rc, const char **why) {
    struct obj_proto proto = {.seal = &seal, .shows_traces = true};
    struct chariot_writer writer = start();
    struct chariot_msg *msg = NULL;
    *rc = obj_proto_write(&proto, 1, reader, &writer);
    *why = proto.why;
    CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &msg), 0);
    if (*rc == 0) return msg;
    CU_ASSERT_PTR_NOT_NULL(proto.why);
    rpc_msg_unref(msg);
    return NULL;
}

/* What is in field 1. */
static struct rpc_wire inside(const struct chariot_msg *msg) {
    struct rpc_wire wire = rpc_wire_of(chariot_msg_data(msg), chariot_msg_size(msg));
    struct rpc_field field = {0};
    CU_ASSERT_EQUAL(rpc_wire_field(&wire, &field), 0);
    CU_ASSERT(field.number == 1 && field.type == RPC_WIRE_BYTES_OF && rpc_wire_left(&wire) == 0);
    return field.bytes;
}

static struct chariot_msg *from_proto(struct rpc_wire wire, int *rc, const char **why) {
    struct obj_proto proto = {.seal = &seal};
    struct chariot_writer writer = start();
    struct chariot_msg *msg = NULL;
    *rc = obj_proto_read(&proto, wire, &writer);
    *why = proto.why;
    CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &msg), 0);
    if (*rc == 0) return msg;
    CU_ASSERT_PTR_NOT_NULL(proto.why);
    rpc_msg_unref(msg);
    return NULL;
}

static bool same(const struct chariot_msg *a, const struct chariot_msg *b) {
    return chariot_msg_size(a) == chariot_msg_size(b) &&
           memcmp(chariot_msg_data(a), chariot_msg_data(b), chariot_msg_size(a)) == 0;
}

/* One value's bytes back from the bytes of a Value, which another library may have written: the same value. */
static void expect_back(const struct chariot_msg *value, struct rpc_wire wire) {
    const char *why;
    int rc;
    struct chariot_msg *back = from_proto(wire, &rc, &why);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT(same(value, back));
    rpc_msg_unref(back);
}

static void expect_by_protobuf_c(const struct chariot_msg *value, struct rpc_wire wire) {
    Chariot__V1__Value *read = chariot__v1__value__unpack(NULL, rpc_wire_left(&wire), wire.at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    size_t size = chariot__v1__value__get_packed_size(read);
    uint8_t *packed = malloc(size + 1);
    chariot__v1__value__pack(read, packed);
    expect_back(value, rpc_wire_of(packed, size));
    free(packed);
    chariot__v1__value__free_unpacked(read, NULL);
}

static void expect_same(struct chariot_msg *value) {
    struct chariot_reader reader = reader_of(value);
    const char *why;
    int rc;
    struct chariot_msg *proto = to_proto(&reader, &rc, &why);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    CU_ASSERT(chariot_reader_done(&reader));
    expect_back(value, inside(proto));
    expect_by_protobuf_c(value, inside(proto));
    rpc_msg_unref(proto);
    rpc_msg_unref(value);
}

static void numbers_and_texts_come_back(void) {
    static const int64_t ints[] = {0, 1, -1, 63, 64, -32, -33, 127, 128, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    static const double reals[] = {0.0, -0.0, 1.5, INFINITY, -INFINITY, 5e-324, 0x1p-1022};
    static const char *texts[] = {"", "a", "\xc3\xa4", "\xf0\x9d\x84\x9e",
                                  "a text that is longer than thirty-one bytes"};
    struct chariot_writer writer = start();
    uint64_t bits = 0x7ff4dead0000beefu;
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    chariot_put_tuple(&writer, 13 + 7 + 5 + 4);
    for (int i = 0; i < 13; i++) chariot_put_int(&writer, ints[i]);
    for (int i = 0; i < 7; i++) chariot_put_double(&writer, reals[i]);
    for (int i = 0; i < 5; i++) chariot_put_string(&writer, texts[i], strlen(texts[i]));
    chariot_put_double(&writer, nan);
    chariot_put_bigint(&writer, (const uint8_t *)"\0\0\0\0\0\0\0\x80\0", 9); /* 2^63 */
    chariot_put_bool(&writer, false);
    chariot_put_bytes(&writer, "\xff\0", 2);
    expect_same(finish(&writer));
}

/* protobuf-c alone ends texts there. */
static void a_text_may_hold_nul(void) {
    struct chariot_writer writer = start();
    chariot_put_string(&writer, "a\0b", 3);
    struct chariot_msg *value = finish(&writer);
    struct chariot_reader reader = reader_of(value);
    const char *why;
    int rc;
    struct chariot_msg *proto = to_proto(&reader, &rc, &why);
    expect_back(value, inside(proto));
    rpc_msg_unref(proto);
    rpc_msg_unref(value);
}

static void put_array(struct chariot_writer *writer, const char *dtype, uint32_t ndim, const int64_t *shape, char order,
                      size_t size) {
    void *data;
    chariot_put_array(writer, dtype, ndim, shape, order, size, &data);
    if (data != NULL) memset(data, 0x5a, size);
}

static void arrays_come_back(void) {
    static const struct {
        const char *dtype;
        uint32_t ndim;
        int64_t shape[3];
        size_t size;
    } arrays[] = {
        {"<f8", 2, {2, 3}, 48},   {"|u1", 1, {1000}, 1000}, {"<i4", 0, {0}, 4},    {"<f8", 3, {2, 0, 5}, 0},
        {"<c16", 1, {3}, 48},     {"<U5", 1, {2}, 40},      {"|S0", 1, {4}, 0},    {"<M8[ns]", 1, {2}, 16},
        {"<m8[10us]", 1, {1}, 8}, {">f2", 1, {3}, 6},       {"|b1", 2, {3, 3}, 9}, {"|V7", 1, {2}, 14},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        for (int order = 0; order < (arrays[i].ndim > 0 ? 2 : 1); order++) {
            struct chariot_writer writer = start();
            put_array(&writer, arrays[i].dtype, arrays[i].ndim, arrays[i].shape, "CF"[order], arrays[i].size);
            expect_same(finish(&writer));
        }
}

/* Which Python marks by the order of what has no dimensions; clients know no such thing. */
static void a_scalar_of_numpys_is_an_array_outside(void) {
    struct chariot_writer writer = start();
    int64_t shape[1] = {0};
    put_array(&writer, "<f8", 0, shape, 'F', 8);
    struct chariot_msg *scalar = finish(&writer);
    writer = start();
    put_array(&writer, "<f8", 0, shape, 'C', 8);
    struct chariot_msg *array = finish(&writer);
    struct chariot_reader reader = reader_of(scalar);
    const char *why;
    int rc;
    struct chariot_msg *proto = to_proto(&reader, &rc, &why);
    expect_back(array, inside(proto));
    rpc_msg_unref(proto);
    rpc_msg_unref(scalar);
    rpc_msg_unref(array);
}

/* A tree of values, by a small generator. */
static void put_random(struct chariot_writer *writer, uint64_t *state, unsigned depth) {
    static const struct chariot_ref ref = {.collection = 77, .index = {1, 0, 9}, .kind = CHARIOT_ARRAY_OF, .ndims = 3};
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t die = *state >> 33, size = die >> 8 & 7;
    int64_t shape[2] = {(int64_t)size, 3};
    switch (depth == 0 ? die % 9 : die % 12) {
    case 0:
        chariot_put_null(writer);
        return;
    case 1:
        chariot_put_bool(writer, size & 1);
        return;
    case 2:
        chariot_put_int(writer, (int64_t)(*state >> size * 8));
        return;
    case 3:
        chariot_put_double(writer, (double)die / 7);
        return;
    case 4:
        chariot_put_string(writer, "\xe2\x82\xac uro and more than that is in here..", size * 5 + 3);
        return;
    case 5:
        chariot_put_bytes(writer, state, size);
        return;
    case 6:
        put_array(writer, "<f8", 2, shape, 'C', 24 * size);
        return;
    case 7:
        chariot_put_method(writer, &ref, (uint32_t)size);
        return;
    case 8:
        chariot_put_future(writer, die);
        return;
    case 9:
        chariot_put_list(writer, size);
        break;
    case 10:
        chariot_put_tuple(writer, size);
        break;
    default:
        chariot_put_map(writer, size);
        for (uint64_t i = 0; i < size; i++) put_random(writer, state, 0);
    }
    for (uint64_t i = 0; i < size; i++) put_random(writer, state, depth - 1);
}

static void random_values_come_back(void) {
    for (uint64_t seed = 0; seed < 1000; seed++) {
        uint64_t state = seed;
        struct chariot_writer writer = start();
        put_random(&writer, &state, 5);
        expect_same(finish(&writer));
    }
}

/* ---------------------------------------------------------------- what is refused */

static void expect_refused(const void *data, size_t size, int code) {
    const char *why;
    int rc;
    uint8_t *exact = malloc(size > 0 ? size : 1); /* ASan sees every read beyond */
    memcpy(exact, data, size);
    CU_ASSERT_PTR_NULL(from_proto(rpc_wire_of(exact, size), &rc, &why));
    CU_ASSERT_EQUAL(rc, code);
    free(exact);
}
#define REFUSED(bytes, code) expect_refused(bytes, sizeof bytes - 1, code)

static void what_is_no_value_is_refused(void) {
    REFUSED("", CHARIOT_EINVAL);                 /* no kind */
    REFUSED("\x10\x01\x18\x02", CHARIOT_EINVAL); /* two kinds */
    REFUSED("\x08\x01", CHARIOT_EMALFORMED);     /* null as a number */
    REFUSED("\x32\x05hell", CHARIOT_EMALFORMED); /* cut short */
    REFUSED("\x32\xff\xff\xff\xff\xff\xff\xff\xff\x7f", CHARIOT_EMALFORMED);
    REFUSED("\x33", CHARIOT_EMALFORMED);                 /* a group */
    REFUSED("\x00", CHARIOT_EMALFORMED);                 /* field 0 */
    REFUSED("\x32\x02\xc3\x28", CHARIOT_EINVAL);         /* no UTF-8 */
    REFUSED("\x32\x03\xed\xa0\x80", CHARIOT_EINVAL);     /* a surrogate */
    REFUSED("\x32\x02\xc0\xaf", CHARIOT_EINVAL);         /* overlong */
    REFUSED("\x22\x00", CHARIOT_EINVAL);                 /* big_integer of no bytes */
    REFUSED("\x42\x02\x08\x01", CHARIOT_EMALFORMED);     /* a list of a number */
    REFUSED("\x52\x04\x0a\x02\x0a\x00", CHARIOT_EINVAL); /* an entry without value */
    REFUSED("\x62\x04\x0a\x02\x08\x01", CHARIOT_EAUTH);  /* a made-up handle */
    REFUSED("\x72\x02\x0a\x00", CHARIOT_EINVAL);         /* a failure */
}

/* dtype, extent, and as many data. */
static void expect_array_refused(const char *dtype, const char *shape, size_t shape_size, const char *data) {
    uint8_t array[128] = {0x0a, (uint8_t)strlen(dtype)}, value[130] = {0x5a};
    size_t at = 2 + strlen(dtype);
    memcpy(array + 2, dtype, strlen(dtype));
    array[at++] = 0x12;
    array[at++] = (uint8_t)shape_size;
    memcpy(array + at, shape, shape_size);
    at += shape_size;
    array[at++] = 0x22;
    array[at++] = (uint8_t)strlen(data);
    memcpy(array + at, data, strlen(data));
    at += strlen(data);
    value[1] = (uint8_t)at;
    memcpy(value + 2, array, at);
    expect_refused(value, at + 2, CHARIOT_EINVAL);
}

static void what_is_no_array_is_refused(void) {
    static const char *dtypes[] = {"",     "f8",   "<f",   "<f3",    "|O8",    "<f8 ",    "=f8",       "<i16",
                                   "|b8",  "<M8[", "<M4",  "[('a')", "<U",     "<f8[ns]", "<M8[n(s)]", "<U99999999999",
                                   "\0f8", "<x8",  "<b1x", "<f-8",   "object", "<i4,<i4"};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        expect_array_refused(dtypes[i], "\x01", 1, "12345678");
    expect_array_refused("<f8", "\x02", 1, "12345678");
    expect_array_refused("<f8", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10", 10, "12345678");
    expect_array_refused("<f8", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, ""); /* -1 */
    expect_array_refused("|u1", "\x00", 1, "1");
}

static void depth_is_bounded_both_ways(void) {
    for (unsigned depth = OBJ_PROTO_DEPTH - 2; depth < OBJ_PROTO_DEPTH + 4; depth++) {
        struct chariot_writer writer = start();
        for (unsigned i = 1; i < depth; i++) chariot_put_list(&writer, 1);
        chariot_put_null(&writer);
        struct chariot_msg *value = finish(&writer);
        struct chariot_reader reader = reader_of(value);
        const char *why;
        int rc;
        rpc_msg_unref(to_proto(&reader, &rc, &why));
        CU_ASSERT_EQUAL(rc, depth <= OBJ_PROTO_DEPTH ? 0 : CHARIOT_ETYPE);
        rpc_msg_unref(value);
    }
    uint8_t nested[1000], *at = nested + sizeof nested; /* from the innermost one, with padded lengths */
    *--at = 0;
    *--at = 0x0a; /* null */
    for (int i = 0; i < 2 * OBJ_PROTO_DEPTH; i++) {
        at -= RPC_VARINT_BYTES;
        rpc_varint_pack((size_t)(nested + sizeof nested - at) - RPC_VARINT_BYTES, at);
        *--at = i % 2 == 0 ? 0x0a : 0x42; /* an item; a list of items */
    }
    expect_refused(at, (size_t)(nested + sizeof nested - at), CHARIOT_EINVAL);
}

static void pickles_and_lone_surrogates_do_not_go_out(void) {
    static const char *wrong[] = {"only Python", "surrogates", "dtype"};
    for (int i = 0; i < 3; i++) {
        struct chariot_writer writer = start();
        int64_t shape[] = {1};
        chariot_put_list(&writer, 1);
        if (i == 0) chariot_put_pickle(&writer, "xyz", 3, 0);
        if (i == 1) chariot_put_string(&writer, "\xed\xa0\x80", 3);
        if (i == 2) put_array(&writer, "[('a', '<f8')]", 1, shape, 'C', 8);
        struct chariot_msg *value = finish(&writer);
        struct chariot_reader reader = reader_of(value);
        const char *why;
        int rc;
        CU_ASSERT_PTR_NULL(to_proto(&reader, &rc, &why));
        CU_ASSERT_EQUAL(rc, CHARIOT_ETYPE);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, wrong[i]));
        rpc_msg_unref(value);
    }
}

static void a_changed_handle_is_refused(void) {
    static const struct chariot_ref ref = {.collection = 77, .kind = CHARIOT_GROUP, .ndims = 1, .whole = 1};
    struct chariot_writer writer = start();
    chariot_put_ref(&writer, &ref);
    struct chariot_msg *value = finish(&writer);
    struct chariot_reader reader = reader_of(value);
    const char *why;
    int rc;
    struct chariot_msg *proto = to_proto(&reader, &rc, &why);
    struct rpc_wire wire = inside(proto);
    size_t size = rpc_wire_left(&wire);
    for (size_t i = 14; i < size; i++) { /* behind tags and lengths */
        uint8_t changed[128];
        memcpy(changed, wire.at, size);
        changed[i] ^= 0x10;
        expect_refused(changed, size, CHARIOT_EAUTH);
    }
    rpc_msg_unref(proto);
    rpc_msg_unref(value);
}

/* What is read is either refused with a reason, or a value that can be written again. */
static void damaged_values_harm_nothing(void) {
    for (uint64_t seed = 0; seed < 4000; seed++) {
        uint64_t state = seed % 40;
        struct chariot_writer writer = start();
        put_random(&writer, &state, 4);
        struct chariot_msg *value = finish(&writer);
        struct chariot_reader reader = reader_of(value);
        const char *why;
        int rc;
        struct chariot_msg *proto = to_proto(&reader, &rc, &why);
        struct rpc_wire wire = inside(proto);
        size_t size = rpc_wire_left(&wire);
        uint8_t *bytes = malloc(size + 1);
        memcpy(bytes, wire.at, size);
        state = seed * 0x9e3779b97f4a7c15u;
        for (int i = 0; i < 3 && size > 0; i++, state >>= 20) bytes[state % size] ^= (uint8_t)(1 << state % 8);
        struct chariot_msg *back = from_proto(rpc_wire_of(bytes, size - seed % 3 % (size + 1)), &rc, &why);
        if (back != NULL) {
            struct chariot_reader again = reader_of(back);
            rpc_msg_unref(to_proto(&again, &rc, &why));
            CU_ASSERT(rc == 0 || rc == CHARIOT_ETYPE);
        }
        free(bytes);
        rpc_msg_unref(back);
        rpc_msg_unref(proto);
        rpc_msg_unref(value);
    }
}

static void failures_tell_what_they_may(void) {
    struct chariot_writer writer = start();
    chariot_put_error(&writer, 4);
    chariot_put_string(&writer, "type", 4);
    chariot_put_string(&writer, "ValueError", 10);
    chariot_put_string(&writer, "pickle", 6);
    chariot_put_pickle(&writer, "xyz", 3, 0);
    chariot_put_string(&writer, "trace", 5);
    chariot_put_string(&writer, "line 4", 6);
    chariot_put_string(&writer, "pe", 2);
    chariot_put_int(&writer, 3);
    struct chariot_msg *value = finish(&writer);
    for (int shows = 0; shows < 2; shows++) {
        struct obj_proto proto = {.shows_traces = shows};
        struct chariot_reader reader = reader_of(value);
        struct chariot_msg *out;
        writer = start();
        CU_ASSERT_EQUAL(obj_proto_write(&proto, 1, &reader, &writer), 0);
        out = finish(&writer);
        struct rpc_wire wire = inside(out);
        Chariot__V1__Value *read = chariot__v1__value__unpack(NULL, rpc_wire_left(&wire), wire.at);
        CU_ASSERT_FATAL(read != NULL && read->kind_case == CHARIOT__V1__VALUE__KIND_FAILURE);
        CU_ASSERT_STRING_EQUAL(read->failure->type, "ValueError");
        CU_ASSERT_STRING_EQUAL(read->failure->traceback, shows ? "line 4" : "");
        CU_ASSERT_EQUAL(read->failure->pe, 3);
        chariot__v1__value__free_unpacked(read, NULL);
        rpc_msg_unref(out);
    }
    rpc_msg_unref(value);
}

UNIT_MAIN("objects/proto", UNIT(numbers_and_texts_come_back), UNIT(a_text_may_hold_nul), UNIT(arrays_come_back),
          UNIT(a_scalar_of_numpys_is_an_array_outside), UNIT(random_values_come_back),
          UNIT(what_is_no_value_is_refused), UNIT(what_is_no_array_is_refused), UNIT(depth_is_bounded_both_ways),
          UNIT(pickles_and_lone_surrogates_do_not_go_out), UNIT(a_changed_handle_is_refused),
          UNIT(damaged_values_harm_nothing), UNIT(failures_tell_what_they_may))
