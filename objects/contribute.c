/* Contributions of elements: checked, prepared (user code), then counted; and allreduce, whose result all PEs get. */
#include <stdlib.h>

#include "objects/call.h"
#include "objects/meter.h"
#include "objects/reduce.h"
#include "objects/section.h"

/* What a contribution becomes before it is counted. Runs user code, so nothing of the reduction is looked at yet.
 * On failure *value is gone. */
static int prepare(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t reducer, struct chariot_msg **value) {
    struct chariot_ref contributor;
    obj_elem_ref(elem, &contributor);
    int rc = 0;
    if (!obj_reduce_known(pe, reducer) || (*value == NULL) != (reducer == CHARIOT_REDUCE_NOP)) rc = CHARIOT_EINVAL;
    if (rc == 0 && *value != NULL) {
        obj_msg_mark(*value);
        rc = obj_msg_encode(pe, value);
        if (rc == 0) rc = obj_reduce_pre(pe, reducer, &contributor, value);
    }
    if (rc == 0) return 0;
    rpc_msg_unref(*value);
    *value = NULL;
    return rc;
}

/* A single chare reduces with itself. */
static int add_alone_take(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *value, uint32_t reducer,
                          const struct chariot_target *target) {
    struct chariot_msg *result = NULL;
    int rc = value == NULL ? 0 : obj_reduce_combine(pe, reducer, 1, &value, &result);
    rpc_msg_unref(value);
    if (rc == 0) rc = obj_reduce_post(pe, reducer, &result);
    if (rc != 0) {
        rpc_msg_unref(result);
        return rc;
    }
    struct obj_key key = obj_reduce_key(elem->index[1], OBJ_SPACE_PROGRAM, elem->own.reductions++);
    obj_reduce_give_take(pe, key, target, result);
    return 0;
}

/* future: of an allreduce's result, where this PE does not hear of it otherwise. */
static int add_take(struct chariot_pe *pe, const struct obj_role *role, struct chariot_msg *value, uint32_t reducer,
                    const struct chariot_target *target, uint64_t future) {
    struct obj_member *member = role->member;
    if (member == NULL) {
        obj_seat_contribute_take(pe, role->seat, value, reducer, target, future);
        return 0;
    }
    if (member->coll->id == 0) return add_alone_take(pe, member->elem, value, reducer, target);
    int rc = obj_reduce_add_take(pe, member->coll, member->reductions, member->place, value, reducer, target);
    if (rc == 0) member->reductions++;
    return rc;
}

int chariot_contribute_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                            struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    struct obj_role role;
    bool good = target->kind <= CHARIOT_TO_METHOD && obj_target_is_valid(pe, target);
    int rc = good ? obj_section_find(pe, elem, over, &role) : CHARIOT_EINVAL;
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    rc = prepare(pe, elem, reducer, &value);
    return rc != 0 ? rc : add_take(pe, &role, value, reducer, target, 0);
}

/* ---------------------------------------------------------------- allreduce */

/* The future that all elements here share for this reduction; the table holds one reference. */
static struct chariot_future *shared_future(struct chariot_pe *pe, struct obj_key key) {
    struct chariot_future *future = obj_map_get(&pe->allreduces, key);
    if (future != NULL) return future;
    future = obj_future_new(pe, 1);
    if (future == NULL || obj_map_add(&pe->allreduces, key, future) == 0) return future;
    obj_future_unref(future);
    return NULL;
}

/* NULL: out of memory. */
static struct chariot_future *future_for(struct chariot_pe *pe, const struct chariot_elem *elem,
                                         const struct obj_role *role) {
    if (role->member == NULL) return obj_future_new(pe, 1);
    uint64_t id = role->member->coll->id != 0 ? role->member->coll->id : elem->index[1];
    struct chariot_future *shared = shared_future(pe, obj_reduce_key(id, OBJ_SPACE_PROGRAM, role->member->reductions));
    return shared == NULL ? NULL : obj_future_ref(shared);
}

int chariot_allreduce_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                           struct chariot_msg *value, uint32_t reducer, struct chariot_future **future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    struct obj_role role;
    *future = NULL;
    int rc = obj_section_find(pe, elem, over, &role);
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    rc = prepare(pe, elem, reducer, &value);
    if (rc != 0) return rc;
    struct chariot_future *waits = future_for(pe, elem, &role);
    if (waits == NULL) {
        rpc_msg_unref(value);
        return CHARIOT_ENOMEM;
    }
    uint64_t id = role.member == NULL ? obj_future_own_id(waits) : 0;
    rc = add_take(pe, &role, value, reducer, &(struct chariot_target){.kind = OBJ_TO_ALL}, id);
    if (rc != 0) {
        obj_future_unref(waits);
        return rc;
    }
    struct chariot_ref ref;
    obj_elem_ref(elem, &ref);
    obj_future_set_about(waits, &ref, OBJ_METHOD_REDUCE);
    *future = waits;
    return 0;
}

/* ---------------------------------------------------------------- futures of other PEs */

struct obj_relay {
    struct obj_relay *next;
    uint64_t future;
};

void obj_allreduce_relay(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t future) {
    struct obj_key key = obj_reduce_key(id, OBJ_SPACE_PROGRAM, number);
    struct obj_relay *relay = malloc(sizeof *relay);
    if (relay != NULL) *relay = (struct obj_relay){obj_map_remove(&pe->relays, key), future};
    if (relay == NULL || obj_map_add(&pe->relays, key, relay) != 0) {
        free(relay);
        obj_out_of_memory(pe);
    }
}

/* To all of the list (taken). */
static void relay_take(struct chariot_pe *pe, struct obj_relay *relay, struct chariot_msg *value) {
    while (relay != NULL) {
        struct obj_relay *next = relay->next;
        if (value != NULL) obj_future_send_take(pe, relay->future, rpc_msg_ref(value));
        free(relay);
        relay = next;
    }
}

static void drop_relays(void *value, void *ctx) {
    relay_take(ctx, value, NULL);
}

void obj_allreduce_free_all(struct chariot_pe *pe) {
    obj_map_deinit(&pe->allreduces);
    obj_map_each(&pe->relays, drop_relays, pe);
    obj_map_deinit(&pe->relays);
}

void obj_reduce_on_result(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *waits = obj_map_remove(&pe->allreduces, obj_key2(msg->target, msg->seq));
    relay_take(pe, obj_map_remove(&pe->relays, obj_key2(msg->target, msg->seq)), msg);
    if (waits == NULL) return;
    obj_future_deposit_take(pe, waits, rpc_msg_ref(msg));
    obj_future_unref(waits);
}

static void *remove_one_of(struct obj_map *map, uint64_t id) {
    struct obj_map_slot slot;
    for (size_t cursor = 0; obj_map_next(map, &cursor, &slot);) {
        if (slot.key.word[0] == id) return obj_map_remove(map, slot.key);
    }
    return NULL;
}

void obj_allreduce_drop(struct chariot_pe *pe, const struct obj_coll *coll) {
    struct chariot_future *waits;
    struct obj_relay *relays;
    while ((waits = remove_one_of(&pe->allreduces, coll->id)) != NULL) {
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
        if (error != NULL) obj_future_deposit_take(pe, waits, error);
        obj_future_unref(waits);
    }
    while ((relays = remove_one_of(&pe->relays, coll->id)) != NULL) {
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
        relay_take(pe, relays, error);
        rpc_msg_unref(error);
    }
}
