/* objects/value_format.h: the bytes of encoded values. Private to value_write.c, value_read.c, ref.c and their tests.
 *
 * Every value starts with one tag byte, whose high half says what it is and whose low half holds a short length or
 * count:
 *
 *     00-5f  int -32 to 63, no more bytes      90-9f  list of 0 to 15 values
 *     60-7f  string of 0 to 31 bytes           a0-af  tuple of 0 to 15 values
 *     80-8f  bytes of 0 to 15                  b0-bf  map of 0 to 15 pairs
 *     c0-    the tags below; what follows each is said there
 *
 * Numbers are little-endian; `len` is an unsigned LEB128 varint of at most 10 bytes. Each value takes at least one
 * byte, so a count above the bytes that are left is malformed. PAD bytes may stand before any value and are passed
 * over: they are how array elements and long bytes come to lie 16-byte aligned in the payload, which is itself aligned
 * in memory. Nothing but speed depends on the alignment, so a value that was moved is still valid. */
#ifndef CHARIOT_OBJECTS_VALUE_FORMAT_H
#define CHARIOT_OBJECTS_VALUE_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum obj_tag {
    OBJ_TAG_INT_SMALL = 0x00,
    OBJ_TAG_STRING_SHORT = 0x60,
    OBJ_TAG_BYTES_SHORT = 0x80,
    OBJ_TAG_LIST_SHORT = 0x90,
    OBJ_TAG_TUPLE_SHORT = 0xa0,
    OBJ_TAG_MAP_SHORT = 0xb0,
    OBJ_TAG_NULL = 0xc0,
    OBJ_TAG_FALSE,
    OBJ_TAG_TRUE,
    OBJ_TAG_INT32,  /* 4 bytes */
    OBJ_TAG_INT64,  /* 8 bytes */
    OBJ_TAG_DOUBLE, /* 8 bytes */
    OBJ_TAG_BIGINT, /* len, data */
    OBJ_TAG_STRING, /* len, data */
    OBJ_TAG_BYTES,  /* len, data */
    OBJ_TAG_LIST,   /* len */
    OBJ_TAG_TUPLE,  /* len */
    OBJ_TAG_MAP,    /* len */
    OBJ_TAG_ARRAY,  /* len, dtype; ndim byte; order byte; ndim lens, the shape; len, data */
    OBJ_TAG_REF,    /* size byte, data: see ref.c */
    OBJ_TAG_FUTURE, /* 8 bytes */
    OBJ_TAG_ERROR,  /* len: pairs that follow, as in a map */
    OBJ_TAG_PICKLE, /* len of data, len: buffers that follow; data */
    OBJ_TAG_PAD = 0xff,
};

enum {
    OBJ_INT_SMALL_MIN = -32,
    OBJ_INT_SMALL_MAX = 63,
    OBJ_STRING_SHORT_MAX = 31,
    OBJ_SHORT_MAX = 15,
    OBJ_ALIGN = 16,
    OBJ_ALIGN_BYTES_FROM = 256, /* bytes values of this size are aligned: pickles' buffers often hold numbers */
    OBJ_LEN_MAX = 10,
};

static inline size_t obj_len_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) size++;
    return size;
}

static inline uint8_t *obj_len_put(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *obj_put32(uint8_t *at, uint32_t value) {
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline uint8_t *obj_put64(uint8_t *at, uint64_t value) {
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static inline uint32_t obj_get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static inline uint64_t obj_get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Room for one value's `size` bytes at the writer's end, which counts as written; NULL: the writer has failed. */
struct chariot_writer;
uint8_t *obj_writer_room(struct chariot_writer *writer, size_t size);

#endif
