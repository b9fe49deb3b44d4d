/* Futures: the values come together at the owner (its PE is in the id); handles on other PEs subscribe there.
 *
 *   pending --values--> complete --run queue--> waiters called
 *
 * The table of futures borrows them. One whose id was handed out may be asked for by other PEs after its last local
 * reference has gone: pending it stays, complete it is kept among the last OBJ_RECENT_FUTURES. */
#include <assert.h>
#include <stdlib.h>

#include "objects/call.h"
#include "objects/future.h"
#include "objects/meter.h"

static struct chariot_future *future_new(struct chariot_pe *pe, uint64_t id, bool own) {
    struct chariot_future *future = calloc(1, sizeof *future);
    if (future == NULL) return NULL;
    *future = (struct chariot_future){.pe = pe, .id = id, .needed = 1, .refs = 1, .own = own};
    obj_waiters_init(&future->waiters);
    if (obj_map_add(&pe->futures, obj_key1(id), future) == 0) return future;
    free(future);
    return NULL;
}

static void future_free(struct chariot_future *future) {
    for (uint64_t i = 0; i < future->num_values; i++) rpc_msg_unref(future->values[i]);
    if (future->values != &future->first) free(future->values);
    free(future->subscribers);
    free(future);
}

struct chariot_future *obj_future_handle_new(struct chariot_pe *pe, uint64_t id) {
    return future_new(pe, id, false);
}

struct chariot_future *obj_future_new(struct chariot_pe *pe, uint64_t num_values) {
    struct chariot_future *future = future_new(pe, obj_id_make(0, pe->node.pe, pe->next_future), true);
    if (future == NULL) return NULL;
    pe->next_future++;
    future->needed = num_values < 1 ? 1 : num_values;
    return future;
}

void obj_future_set_about(struct chariot_future *future, const struct chariot_ref *ref, uint32_t method) {
    future->about = *ref;
    future->about_method = method;
}

struct chariot_future *obj_future_ref(struct chariot_future *future) {
    future->refs++;
    return future;
}

/* What keeping it costs; an object of the face's in place of a payload may be anything. */
static size_t bytes_of(const struct chariot_future *future) {
    size_t bytes = sizeof *future;
    for (uint64_t i = 0; i < future->num_values; i++) {
        const struct chariot_msg *value = future->values[i];
        if (value->size == 0 && value->object != NULL)
            bytes += (size_t)OBJ_RECENT_BYTES / 64;
        else
            bytes += value->object != NULL ? 2 * value->size : value->size;
    }
    return bytes;
}

/* Dropping what it holds may run user code, which may drop other futures: the ring is in order before that. */
static void let_oldest_go(struct chariot_pe *pe) {
    struct chariot_future *future = pe->recent[pe->oldest_recent];
    pe->oldest_recent = (pe->oldest_recent + 1) % OBJ_RECENT_FUTURES;
    pe->num_recent--;
    pe->recent_bytes -= future->kept_bytes;
    future->shared = false;
    obj_future_unref(future);
}

/* False: there is no memory for the ring, so nothing is kept. */
static bool has_ring(struct chariot_pe *pe) {
    if (pe->recent == NULL) pe->recent = malloc(OBJ_RECENT_FUTURES * sizeof(struct chariot_future *));
    return pe->recent != NULL;
}

/* The oldest go until all fit the bounds. */
static void keep_a_while(struct chariot_future *future) {
    struct chariot_pe *pe = future->pe;
    future->refs = 1; /* the ring's */
    while (pe->num_recent == OBJ_RECENT_FUTURES) let_oldest_go(pe);
    pe->recent[(pe->oldest_recent + pe->num_recent++) % OBJ_RECENT_FUTURES] = future;
    future->kept_bytes = bytes_of(future);
    pe->recent_bytes += future->kept_bytes;
    while (pe->recent_bytes > OBJ_RECENT_BYTES) let_oldest_go(pe);
}

void obj_future_unref(struct chariot_future *future) {
    if (future == NULL) return;
    assert(future->refs > 0);
    if (--future->refs > 0) return;
    bool awaited = future->num_subscribers > 0 || (future->own && future->shared);
    if (!future->complete && awaited) return;
    if (future->own && future->complete && future->shared && has_ring(future->pe)) {
        keep_a_while(future);
        return;
    }
    obj_map_remove(&future->pe->futures, obj_key1(future->id));
    future_free(future);
}

static void free_future(void *value, void *ctx) {
    future_free(value);
}

void obj_future_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->futures, free_future, NULL);
    obj_map_deinit(&pe->futures);
    free(pe->recent);
    rpc_msg_unref(pe->null_value);
}

/* ---------------------------------------------------------------- completion */

void obj_future_complete(struct chariot_future *future) {
    future->complete = true;
    obj_future_ref(future); /* while it is looked at */
    obj_waiters_ready(&future->waiters);
    for (uint32_t i = 0; i < future->num_subscribers; i++) obj_future_tell(future, future->subscribers[i]);
    future->num_subscribers = 0;
    obj_future_unref(future);
}

/* Makes room for one value more. */
static bool widen(struct chariot_future *future) {
    uint64_t count = future->num_values;
    if (future->values == NULL) future->values = &future->first;
    if (count == 0 || (count & (count - 1)) != 0) return true;
    struct chariot_msg **inside = future->values == &future->first ? future->values : NULL;
    struct chariot_msg **values =
        realloc(inside == NULL ? future->values : NULL, 2 * count * sizeof(struct chariot_msg *));
    if (values == NULL) return false;
    if (inside != NULL) values[0] = future->first;
    future->values = values;
    return true;
}

bool obj_future_store_take(struct chariot_future *future, struct chariot_msg *value) {
    if (!widen(future)) {
        rpc_msg_unref(value);
        obj_out_of_memory(future->pe);
        return false;
    }
    future->values[future->num_values++] = value;
    return true;
}

/* All futures of this PE that complete without a value share one, which nobody writes to. */
static struct chariot_msg *null_value(struct chariot_pe *pe) {
    if (pe->null_value == NULL) pe->null_value = obj_null_new(pe);
    return pe->null_value == NULL ? NULL : rpc_msg_ref(pe->null_value);
}

bool obj_future_deposit_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *value) {
    struct chariot_msg *stored = value != NULL ? value : null_value(pe);
    if (stored == NULL) return true; /* the job ends */
    if (future->complete) {
        rpc_msg_unref(stored);
        return future->cancelled;
    }
    if (obj_future_store_take(future, stored) && future->num_values == future->needed) obj_future_complete(future);
    return true;
}

void obj_future_cancel_take(struct chariot_future *future, struct chariot_msg *error) {
    if (future->complete) {
        rpc_msg_unref(error);
        return;
    }
    if (!obj_future_store_take(future, error)) return;
    future->cancelled = true;
    future->needed = future->num_values;
    obj_future_complete(future);
}

/* ---------------------------------------------------------------- public */

struct chariot_future *chariot_future_new(struct chariot_pe *pe, uint64_t num_values) {
    OBJ_API(pe);
    return obj_future_new(pe, num_values);
}

struct chariot_future *chariot_future_open(struct chariot_pe *pe, uint64_t id) {
    OBJ_API(pe);
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(id));
    if (future != NULL) return obj_future_ref(future);
    future = obj_future_handle_new(pe, id);
    if (future != NULL && obj_id_pe(id) == pe->node.pe) {
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_FUTURE_GONE);
        if (error != NULL) obj_future_deposit_take(pe, future, error);
    }
    return future;
}

struct chariot_future *chariot_future_ref(struct chariot_future *future) {
    return obj_future_ref(future);
}

void chariot_future_unref(struct chariot_future *future) {
    if (future == NULL) return;
    OBJ_API(future->pe);
    obj_future_unref(future);
}

uint64_t obj_future_own_id(const struct chariot_future *future) {
    return future->id;
}

uint64_t chariot_future_id(struct chariot_future *future) {
    future->shared = true;
    return future->id;
}

int chariot_future_send_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *value) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    if (obj_id_pe(id) >= pe->node.num_pes) {
        rpc_msg_unref(value);
        return CHARIOT_EINVAL;
    }
    if (value != NULL) obj_msg_mark(value);
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(id));
    if (future != NULL && future->own && future->complete) {
        rpc_msg_unref(value);
        return future->cancelled ? 0 : CHARIOT_ESTATE;
    }
    obj_future_send_take(pe, id, value);
    return 0;
}

int chariot_future_give_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *value) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    if (value != NULL) obj_msg_mark(value);
    if (future->own && future->complete) {
        rpc_msg_unref(value);
        return future->cancelled ? 0 : CHARIOT_ESTATE;
    }
    if (future->own)
        obj_future_deposit_take(pe, future, value);
    else
        obj_future_send_take(pe, future->id, value);
    return 0;
}

void chariot_future_cancel_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *error) {
    OBJ_API(pe);
    obj_msg_mark(error);
    if (future->own || future->complete)
        obj_future_cancel_take(future, error);
    else
        obj_future_ask_cancel_take(future, error);
}

uint64_t chariot_future_hash(const struct chariot_future *future) {
    return future->id * 0x9e3779b97f4a7c15u;
}

bool chariot_future_ready(struct chariot_future *future) {
    OBJ_API(future->pe);
    obj_future_subscribe(future);
    return future->complete;
}

uint64_t chariot_future_num_values(const struct chariot_future *future) {
    return future->own ? future->needed : future->num_values;
}

struct chariot_msg *chariot_future_message(const struct chariot_future *future, uint64_t i) {
    assert(i < future->num_values);
    return future->values[i];
}

/* Encoding is the face's, whose code may do anything: the value is looked up again after it. */
static void encode_value(struct chariot_future *future, uint64_t i) {
    struct chariot_pe *pe = future->pe;
    struct chariot_msg *value = rpc_msg_ref(future->values[i]);
    if (obj_msg_encode(pe, &value) != 0) {
        rpc_msg_unref(value);
        value = obj_error_new(pe, "TypeError", "this value cannot be read outside of the language that it is of");
    }
    if (value == NULL) return; /* the job ends */
    rpc_msg_unref(future->values[i]);
    future->values[i] = value;
}

struct chariot_msg *chariot_future_value(struct chariot_future *future, uint64_t i) {
    OBJ_API(future->pe);
    assert(i < future->num_values);
    if ((future->values[i]->flags & OBJ_FLAG_OBJECT) != 0) encode_value(future, i);
    return future->values[i];
}

static void release(void *future) {
    obj_future_unref(future);
}

int chariot_future_wait(struct chariot_future *future, struct chariot_waiter *waiter) {
    static const struct obj_waiter_ops ops = {.release = release};
    OBJ_API(future->pe);
    obj_waiter_add(future->pe, &future->waiters, waiter, &ops, obj_future_ref(future));
    if (future->complete)
        obj_waiter_ready(waiter);
    else
        obj_future_subscribe(future);
    return 0;
}
