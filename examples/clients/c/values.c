#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- memory */

void *need(size_t count, size_t size) {
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory != NULL) return memory;
    fputs("out of memory\n", stderr);
    exit(1);
}

char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(need(size, 1), text, size);
}

/* One zero stands behind them. */
static struct bytes copy_bytes(const void *data, size_t size) {
    struct bytes copy = {.data = need(size + 1, 1), .size = size};
    if (size > 0) memcpy(copy.data, data, size);
    return copy;
}

static ProtobufCBinaryData binary(struct bytes bytes) {
    struct bytes copy = copy_bytes(bytes.data, bytes.size);
    return (ProtobufCBinaryData){.len = copy.size, .data = copy.data};
}

void item_clear(struct item *item) {
    switch (item->kind) {
    case ITEM_BIG_INTEGER:
    case ITEM_TEXT:
    case ITEM_DATA:
    case ITEM_REFERENCE:
    case ITEM_FUTURE:
        free(item->bytes.data);
        break;
    case ITEM_LIST:
    case ITEM_TUPLE:
    case ITEM_MAP:
        for (size_t i = 0; i < item->list.count; i++) item_clear(&item->list.items[i]);
        free(item->list.items);
        break;
    case ITEM_ARRAY:
        free(item->array.dtype);
        free(item->array.shape);
        free(item->array.data.data);
        break;
    case ITEM_FAILURE:
        free(item->failure.type);
        free(item->failure.message);
        free(item->failure.traceback);
        break;
    default:
        break;
    }
    *item = (struct item){.kind = ITEM_NULL};
}

/* ---------------------------------------------------------------- making items */

struct item item_real(double real) {
    return (struct item){.kind = ITEM_REAL, .real = real};
}

struct item item_text(const char *text) {
    return (struct item){.kind = ITEM_TEXT, .bytes = copy_bytes(text, strlen(text))};
}

struct item item_data(const void *data, size_t size) {
    return (struct item){.kind = ITEM_DATA, .bytes = copy_bytes(data, size)};
}

struct item item_doubles(size_t ndim, const int64_t *shape, const double *elements) {
    size_t count = 1;
    for (size_t i = 0; i < ndim; i++) count *= (size_t)shape[i];
    struct array array = {.dtype = copy_text("<f8"), .shape = need(ndim, sizeof *shape), .ndim = ndim};
    memcpy(array.shape, shape, ndim * sizeof *shape);
    array.data = copy_bytes(elements, count * sizeof *elements);
    return (struct item){.kind = ITEM_ARRAY, .array = array};
}

/* ---------------------------------------------------------------- to Values */

static Chariot__V1__List *to_list(const struct item *item) {
    Chariot__V1__List *list = need(1, sizeof *list);
    chariot__v1__list__init(list);
    list->n_items = item->list.count;
    list->items = need(list->n_items, sizeof(Chariot__V1__Value *));
    for (size_t i = 0; i < list->n_items; i++) list->items[i] = item_to_value(&item->list.items[i]);
    return list;
}

static Chariot__V1__Map *to_map(const struct item *item) {
    Chariot__V1__Map *map = need(1, sizeof *map);
    chariot__v1__map__init(map);
    map->n_entries = item->list.count / 2;
    map->entries = need(map->n_entries, sizeof(Chariot__V1__MapEntry *));
    for (size_t i = 0; i < map->n_entries; i++) {
        map->entries[i] = need(1, sizeof(Chariot__V1__MapEntry));
        chariot__v1__map_entry__init(map->entries[i]);
        map->entries[i]->key = item_to_value(&item->list.items[2 * i]);
        map->entries[i]->value = item_to_value(&item->list.items[2 * i + 1]);
    }
    return map;
}

static Chariot__V1__Array *to_array(const struct array *array) {
    Chariot__V1__Array *message = need(1, sizeof *message);
    chariot__v1__array__init(message);
    message->dtype = copy_text(array->dtype);
    message->n_shape = array->ndim;
    message->shape = need(array->ndim, sizeof *message->shape);
    memcpy(message->shape, array->shape, array->ndim * sizeof *message->shape);
    message->order = array->fortran ? CHARIOT__V1__ORDER__ORDER_FORTRAN : CHARIOT__V1__ORDER__ORDER_C;
    message->data = binary(array->data);
    return message;
}

static Chariot__V1__Reference *to_reference(struct bytes handle) {
    Chariot__V1__Reference *reference = need(1, sizeof *reference);
    chariot__v1__reference__init(reference);
    reference->handle = binary(handle);
    return reference;
}

static Chariot__V1__Future *to_future(struct bytes handle) {
    Chariot__V1__Future *future = need(1, sizeof *future);
    chariot__v1__future__init(future);
    future->handle = binary(handle);
    return future;
}

static Chariot__V1__Failure *to_failure(const struct failure *failure) {
    Chariot__V1__Failure *message = need(1, sizeof *message);
    chariot__v1__failure__init(message);
    message->type = copy_text(failure->type);
    message->message = copy_text(failure->message);
    message->traceback = copy_text(failure->traceback);
    message->pe = failure->pe;
    return message;
}

static Chariot__V1__Null *to_null(void) {
    Chariot__V1__Null *null = need(1, sizeof *null);
    chariot__v1__null__init(null);
    return null;
}

/* The kinds of items follow those of Values, one for one. */
#define KIND(item) ((Chariot__V1__Value__KindCase)((item)->kind + CHARIOT__V1__VALUE__KIND_NULL))

Chariot__V1__Value *item_to_value(const struct item *item) {
    Chariot__V1__Value *value = need(1, sizeof *value);
    chariot__v1__value__init(value);
    value->kind_case = KIND(item);
    switch (item->kind) {
    case ITEM_NULL:
        value->null = to_null();
        break;
    case ITEM_BOOLEAN:
        value->boolean = item->boolean;
        break;
    case ITEM_INTEGER:
        value->integer = item->integer;
        break;
    case ITEM_BIG_INTEGER:
        value->big_integer = binary(item->bytes);
        break;
    case ITEM_REAL:
        value->real = item->real;
        break;
    case ITEM_TEXT:
        value->text = binary(item->bytes);
        break;
    case ITEM_DATA:
        value->data = binary(item->bytes);
        break;
    case ITEM_LIST:
        value->list = to_list(item);
        break;
    case ITEM_TUPLE:
        value->tuple = to_list(item);
        break;
    case ITEM_MAP:
        value->map = to_map(item);
        break;
    case ITEM_ARRAY:
        value->array = to_array(&item->array);
        break;
    case ITEM_REFERENCE:
        value->reference = to_reference(item->bytes);
        break;
    case ITEM_FUTURE:
        value->future = to_future(item->bytes);
        break;
    case ITEM_FAILURE:
        value->failure = to_failure(&item->failure);
        break;
    }
    return value;
}

/* ---------------------------------------------------------------- from Values */

static struct bytes from_binary(ProtobufCBinaryData data) {
    return copy_bytes(data.data, data.len);
}

static bool from_list(struct item *item, const Chariot__V1__List *list) {
    bool good = true;
    item->list.items = need(list->n_items, sizeof(struct item));
    item->list.count = list->n_items;
    for (size_t i = 0; i < list->n_items; i++) good &= item_from_value(&item->list.items[i], list->items[i]);
    return good;
}

static bool from_map(struct item *item, const Chariot__V1__Map *map) {
    bool good = true;
    item->list.items = need(2 * map->n_entries, sizeof(struct item));
    item->list.count = 2 * map->n_entries;
    for (size_t i = 0; i < map->n_entries; i++) {
        good &= item_from_value(&item->list.items[2 * i], map->entries[i]->key);
        good &= item_from_value(&item->list.items[2 * i + 1], map->entries[i]->value);
    }
    return good;
}

static struct array from_array(const Chariot__V1__Array *message) {
    struct array array = {.dtype = copy_text(message->dtype), .ndim = message->n_shape};
    array.shape = need(array.ndim, sizeof *array.shape);
    if (array.ndim > 0) memcpy(array.shape, message->shape, array.ndim * sizeof *array.shape);
    array.fortran = message->order == CHARIOT__V1__ORDER__ORDER_FORTRAN;
    array.data = from_binary(message->data);
    return array;
}

static struct failure from_failure(const Chariot__V1__Failure *message) {
    return (struct failure){.type = copy_text(message->type),
                            .message = copy_text(message->message),
                            .traceback = copy_text(message->traceback),
                            .pe = message->pe};
}

bool item_from_value(struct item *item, const Chariot__V1__Value *value) {
    *item = (struct item){.kind = ITEM_NULL};
    if (value == NULL || value->kind_case == CHARIOT__V1__VALUE__KIND__NOT_SET) return false;
    item->kind = (enum item_kind)(value->kind_case - CHARIOT__V1__VALUE__KIND_NULL);
    switch (item->kind) {
    case ITEM_NULL:
        return true;
    case ITEM_BOOLEAN:
        item->boolean = value->boolean;
        return true;
    case ITEM_INTEGER:
        item->integer = value->integer;
        return true;
    case ITEM_BIG_INTEGER:
        item->bytes = from_binary(value->big_integer);
        return true;
    case ITEM_REAL:
        item->real = value->real;
        return true;
    case ITEM_TEXT:
        item->bytes = from_binary(value->text);
        return true;
    case ITEM_DATA:
        item->bytes = from_binary(value->data);
        return true;
    case ITEM_LIST:
        return from_list(item, value->list);
    case ITEM_TUPLE:
        return from_list(item, value->tuple);
    case ITEM_MAP:
        return from_map(item, value->map);
    case ITEM_ARRAY:
        item->array = from_array(value->array);
        return true;
    case ITEM_REFERENCE:
        item->bytes = from_binary(value->reference->handle);
        return true;
    case ITEM_FUTURE:
        item->bytes = from_binary(value->future->handle);
        return true;
    case ITEM_FAILURE:
        item->failure = from_failure(value->failure);
        return true;
    }
    return false;
}
