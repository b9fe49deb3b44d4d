/* Contributions of elements: checked, prepared (user code), then counted; and allreduce, whose result all PEs get. */
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

static int add_take(struct chariot_pe *pe, struct obj_member *member, struct chariot_msg *value, uint32_t reducer,
                    const struct chariot_target *target) {
    if (member->coll->id == 0) return add_alone_take(pe, member->elem, value, reducer, target);
    int rc = obj_reduce_add_take(pe, member->coll, member->reductions, member->place, value, reducer, target);
    if (rc == 0) member->reductions++;
    return rc;
}

int chariot_contribute_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                            struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    struct obj_member *member;
    bool good = target->kind <= CHARIOT_TO_METHOD && obj_target_is_valid(pe, target);
    int rc = good ? obj_section_find(pe, elem, over, &member) : CHARIOT_EINVAL;
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    rc = prepare(pe, elem, reducer, &value);
    return rc != 0 ? rc : add_take(pe, member, value, reducer, target);
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

int chariot_allreduce_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                           struct chariot_msg *value, uint32_t reducer, struct chariot_future **future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    struct obj_member *member;
    *future = NULL;
    int rc = obj_section_find(pe, elem, over, &member);
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    rc = prepare(pe, elem, reducer, &value);
    if (rc != 0) return rc;
    uint64_t id = member->coll->id != 0 ? member->coll->id : elem->index[1];
    struct chariot_future *waits = shared_future(pe, obj_reduce_key(id, OBJ_SPACE_PROGRAM, member->reductions));
    if (waits == NULL) {
        rpc_msg_unref(value);
        return CHARIOT_ENOMEM;
    }
    rc = add_take(pe, member, value, reducer, &(struct chariot_target){.kind = OBJ_TO_ALL});
    if (rc != 0) return rc;
    struct chariot_ref ref;
    obj_elem_ref(elem, &ref);
    obj_future_set_about(waits, &ref, OBJ_METHOD_REDUCE);
    *future = obj_future_ref(waits);
    return 0;
}

void obj_reduce_on_result(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *waits = obj_map_remove(&pe->allreduces, obj_key2(msg->target, msg->seq));
    if (waits == NULL) return;
    obj_future_deposit_take(pe, waits, rpc_msg_ref(msg));
    obj_future_unref(waits);
}

static struct chariot_future *remove_one_of(struct chariot_pe *pe, uint64_t id) {
    struct obj_map_slot slot;
    for (size_t cursor = 0; obj_map_next(&pe->allreduces, &cursor, &slot);) {
        if (slot.key.word[0] == id) return obj_map_remove(&pe->allreduces, slot.key);
    }
    return NULL;
}

void obj_allreduce_drop(struct chariot_pe *pe, const struct obj_coll *coll) {
    struct chariot_future *waits;
    while ((waits = remove_one_of(pe, coll->id)) != NULL) {
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
        if (error != NULL) obj_future_deposit_take(pe, waits, error);
        obj_future_unref(waits);
    }
}
