/* C's own values from and to chariot.v1.Value. */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chariot/v1/value.pb-c.h"

enum item_kind {
    ITEM_NULL,
    ITEM_BOOLEAN,
    ITEM_INTEGER,
    ITEM_BIG_INTEGER, /* bytes: two's complement, the lowest first */
    ITEM_REAL,
    ITEM_TEXT, /* bytes: UTF-8, which may hold zeros; one more zero stands behind them */
    ITEM_DATA,
    ITEM_LIST,
    ITEM_TUPLE,
    ITEM_MAP, /* items: key, value, key, value ... */
    ITEM_ARRAY,
    ITEM_REFERENCE, /* bytes: its handle */
    ITEM_FUTURE,    /* bytes: its handle */
    ITEM_FAILURE,
};

struct bytes {
    uint8_t *data; /* owned; NULL where size is 0, but of a text */
    size_t size;
};

struct array {
    char *dtype; /* owned; as numpy's: "<f8" */
    int64_t *shape;
    size_t ndim;
    bool fortran;      /* the first index varies fastest */
    struct bytes data; /* of "<f8", on machines whose lowest byte comes first, doubles */
};

struct failure {
    char *type, *message, *traceback; /* owned */
    uint32_t pe;
};

/* Owns all that it refers to. */
struct item {
    enum item_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct bytes bytes;
        struct {
            struct item *items;
            size_t count;
        } list; /* LIST, TUPLE, MAP */
        struct array array;
        struct failure failure;
    };
};

struct item item_real(double real);
struct item item_text(const char *text);
struct item item_data(const void *data, size_t size);
/* An array of doubles, its elements copied. */
struct item item_doubles(size_t ndim, const int64_t *shape, const double *elements);
/* Frees what the item refers to. */
void item_clear(struct item *item);

/* Gives a Value for chariot__v1__value__free_unpacked(). */
Chariot__V1__Value *item_to_value(const struct item *item);
/* false: a Value in which nothing is set; the item is null then. */
bool item_from_value(struct item *item, const Chariot__V1__Value *value);

/* Memory, or the end of the program. */
void *need(size_t count, size_t size);
char *copy_text(const char *text);

#endif
