/* Futures that an element which moves holds in its state: they go along.
 *
 * The PE that it leaves may be the only one that knows a value, and nobody may hold the future there afterwards. So a
 * complete future goes with its values, in the element's parcel. Of one that is not, the PE promises to pass the values
 * on when it has them: it keeps the future until then, and what it sends comes behind the element. Where the element
 * arrives the futures are opened before its object is, and nobody is asked. */
#include <stdlib.h>

#include "objects/future.h"

static int list_add(struct obj_travellers *list, struct chariot_future *future) {
    if (list->num == list->cap) {
        size_t cap = list->cap == 0 ? 8 : 2 * list->cap;
        struct chariot_future **futures = realloc(list->futures, cap * sizeof(struct chariot_future *));
        if (futures == NULL) return CHARIOT_ENOMEM;
        list->futures = futures;
        list->cap = cap;
    }
    list->futures[list->num++] = obj_future_ref(future);
    future->travels = true;
    return 0;
}

/* Dropping the last handle may run user code: the list is empty by then. */
void obj_future_travel_end(struct chariot_pe *pe) {
    struct obj_travellers list = pe->travellers;
    pe->travellers = (struct obj_travellers){0};
    for (size_t i = 0; i < list.num; i++) {
        list.futures[i]->travels = false;
        obj_future_unref(list.futures[i]);
    }
    free(list.futures);
}

/* ---------------------------------------------------------------- leaving */

int chariot_future_take_along(struct chariot_pe *pe, struct chariot_future *future) {
    OBJ_API(pe);
    future->shared = true;
    return future->travels ? 0 : list_add(&pe->travellers, future);
}

void obj_future_travel_put(struct chariot_pe *pe, struct chariot_writer *writer) {
    const struct obj_travellers *list = &pe->travellers;
    for (size_t i = 0; i < list->num; i++) {
        struct chariot_future *future = list->futures[i];
        chariot_put_future(writer, future->id);
        chariot_put_bool(writer, future->complete);
        if (future->complete) obj_future_put_values(future, writer);
    }
}

/* Many elements that hold it may go the same way. */
static bool is_promised(const struct chariot_future *future, uint32_t to) {
    for (uint32_t i = 0; i < future->num_subscribers; i++) {
        if (future->subscribers[i] == to) return true;
    }
    return false;
}

void obj_future_travel_promise(struct chariot_pe *pe, uint32_t to) {
    const struct obj_travellers *list = &pe->travellers;
    for (size_t i = 0; i < list->num; i++) {
        if (list->futures[i]->complete || is_promised(list->futures[i], to)) continue;
        obj_future_subscribe(list->futures[i]);
        obj_future_add_subscriber(list->futures[i], to);
    }
    obj_future_travel_end(pe);
}

/* ---------------------------------------------------------------- arriving */

/* The future of that id, which is not asked for. NULL: out of memory. */
static struct chariot_future *open_promised(struct chariot_pe *pe, uint64_t id) {
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(id));
    if (future != NULL) return obj_future_ref(future);
    future = obj_future_handle_new(pe, id);
    if (future != NULL) future->subscribed = true;
    return future;
}

static int arrive(struct chariot_pe *pe, struct chariot_reader *reader) {
    struct chariot_value value, complete;
    uint64_t id;
    int rc = chariot_get_typed(reader, CHARIOT_FUTURE, &value);
    if (rc == 0) rc = chariot_future_read(&value, &id);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_BOOL, &complete);
    if (rc != 0 || obj_id_pe(id) >= pe->node.num_pes) return CHARIOT_EMALFORMED;
    struct chariot_future *future = open_promised(pe, id);
    if (future == NULL) return CHARIOT_ENOMEM;
    bool known = future->own || future->complete;
    if (complete.boolean) rc = known ? obj_future_skip_values(reader) : obj_future_read_values(future, reader);
    if (rc == 0 && !future->travels) rc = list_add(&pe->travellers, future);
    if (rc == 0 && complete.boolean && !known) obj_future_complete(future);
    obj_future_unref(future);
    return rc;
}

int obj_future_travel_get(struct chariot_pe *pe, struct chariot_reader *reader) {
    int rc = 0;
    while (rc == 0 && !chariot_reader_done(reader)) rc = arrive(pe, reader);
    return rc;
}
