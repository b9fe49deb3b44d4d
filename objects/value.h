/* objects/value.h: values in messages: a self-describing binary form that C chares, Python and foreign clients all
 * read.
 *
 * Part of chariot.h. A message's payload is any number of values after each other; arguments of a method are one list
 * (the positional ones) and, where there are keyword-only ones, a map behind it. Containers say how many values follow.
 * Array data is aligned to 16 bytes. Everything read is checked: a malformed payload gives CHARIOT_EMALFORMED, never a
 * wild read. Readers borrow from the message. Pickles are carried as opaque bytes; only Python PEs of the same job open
 * them. docs/architecture.md has the byte layout. */
#ifndef CHARIOT_OBJECTS_VALUE_H
#define CHARIOT_OBJECTS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chariot_msg;
struct chariot_ref;

enum chariot_value_type {
    CHARIOT_NULL = 0,
    CHARIOT_BOOL,
    CHARIOT_INT,    /* fits 64 bits, signed */
    CHARIOT_BIGINT, /* two's complement, little-endian bytes */
    CHARIOT_DOUBLE,
    CHARIOT_STRING, /* UTF-8, surrogates passed through (WTF-8) */
    CHARIOT_BYTES,
    CHARIOT_LIST,  /* n values follow */
    CHARIOT_TUPLE, /* n values follow */
    CHARIOT_MAP,   /* n pairs of values follow */
    CHARIOT_ARRAY, /* n-dimensional, dense */
    CHARIOT_REF,   /* a reference to a chare, a collection, or one of its methods */
    CHARIOT_FUTURE,
    CHARIOT_ERROR, /* a map follows: type, text, trace, pe, and for Python the exception itself, in parts or as a pickle
                    */
    CHARIOT_PICKLE, /* n out-of-band buffers (bytes values) follow */
};

enum { CHARIOT_MAX_ARRAY_DIMS = 64 };

/* One value as read. Pointers borrow from the message. */
struct chariot_value {
    enum chariot_value_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const uint8_t *data;
            size_t size;
        } bytes; /* STRING, BYTES, BIGINT; PICKLE also has count */
        struct {
            const char *dtype; /* numpy's array-interface string ("<f8", "|b1"), or a descr list's repr for structs */
            size_t dtype_size;
            uint32_t ndim;
            char order; /* 'C' or 'F' */
            int64_t shape[CHARIOT_MAX_ARRAY_DIMS];
            const uint8_t *data;
            size_t size; /* bytes */
        } array;
        struct {
            const uint8_t *data; /* chariot_ref_read() and chariot_future_read() take it apart */
            size_t size;
        } ref;
    };
    uint64_t count; /* LIST, TUPLE, MAP: what follows; PICKLE: buffers that follow */
};

/* Writes values behind what the message holds already. The message must be the writer's alone; it may move while it
 * grows, so take it back with chariot_writer_finish(). All put functions return 0 or CHARIOT_ENOMEM, and after a
 * failure keep failing, so that one check at the end is enough. */
struct chariot_writer {
    struct chariot_msg *msg;
    int error;
};
/* NULL msg: starts a new one. */
void chariot_writer_init_take(struct chariot_writer *writer, struct chariot_msg *msg);
/* Gives the message; on error frees it and returns the code. */
int chariot_writer_finish(struct chariot_writer *writer, struct chariot_msg **msg);
int chariot_put_null(struct chariot_writer *writer);
int chariot_put_bool(struct chariot_writer *writer, bool value);
int chariot_put_int(struct chariot_writer *writer, int64_t value);
int chariot_put_bigint(struct chariot_writer *writer, const uint8_t *data, size_t size);
int chariot_put_double(struct chariot_writer *writer, double value);
int chariot_put_string(struct chariot_writer *writer, const char *data, size_t size);
int chariot_put_bytes(struct chariot_writer *writer, const void *data, size_t size);
int chariot_put_list(struct chariot_writer *writer, uint64_t count);
int chariot_put_tuple(struct chariot_writer *writer, uint64_t count);
int chariot_put_map(struct chariot_writer *writer, uint64_t count);
int chariot_put_error(struct chariot_writer *writer, uint64_t count);
int chariot_put_ref(struct chariot_writer *writer, const struct chariot_ref *ref);
/* A bound method of ref, usable as a callback. */
int chariot_put_method(struct chariot_writer *writer, const struct chariot_ref *ref, uint32_t method);
int chariot_put_future(struct chariot_writer *writer, uint64_t future_id);
int chariot_put_pickle(struct chariot_writer *writer, const void *data, size_t size, uint64_t num_buffers);
/* Gives in *data where to copy `size` bytes of elements to (valid until the next put). shape has ndim entries. */
int chariot_put_array(struct chariot_writer *writer, const char *dtype, uint32_t ndim, const int64_t *shape, char order,
                      size_t size, void **data);
/* Copies whole encoded values from another message's payload. */
int chariot_put_encoded(struct chariot_writer *writer, const void *data, size_t size);

/* Reads values in order. */
struct chariot_reader {
    const uint8_t *at, *end, *begin;
};
void chariot_reader_init(struct chariot_reader *reader, const struct chariot_msg *msg);
bool chariot_reader_done(const struct chariot_reader *reader);
/* 0, or CHARIOT_EMALFORMED. */
int chariot_get(struct chariot_reader *reader, struct chariot_value *value);
/* As chariot_get, but CHARIOT_ETYPE for another type. */
int chariot_get_typed(struct chariot_reader *reader, enum chariot_value_type type, struct chariot_value *value);
/* Passes over one value with all that it contains; gives the bytes that it took. */
int chariot_skip(struct chariot_reader *reader, const void **data, size_t *size);

#endif
