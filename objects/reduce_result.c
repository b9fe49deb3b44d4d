/* Where the result of a reduction goes; and what becomes of reductions that will have none. */
#include <string.h>

#include "objects/call.h"
#include "objects/pieces.h"

static void give_count(struct chariot_pe *pe, uint64_t id, const struct chariot_msg *sum) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct obj_coll *coll = obj_coll_get(pe, id);
    chariot_reader_init(&reader, sum);
    int64_t counts[OBJ_NUM_COUNTS];
    if (coll == NULL || chariot_get_typed(&reader, CHARIOT_ARRAY, &value) != 0) return;
    if (value.array.size != sizeof counts) return;
    memcpy(counts, value.array.data, sizeof counts);
    obj_create_counted(pe, coll, counts);
}

struct obj_reduction *obj_reduce_lowest(struct chariot_pe *pe, uint64_t id, uint64_t from) {
    struct obj_map_slot slot;
    struct obj_reduction *found = NULL;
    for (size_t cursor = 0; obj_map_next(&pe->reductions, &cursor, &slot);) {
        if (slot.key.word[0] != id || slot.key.word[1] >> 56 != OBJ_SPACE_PROGRAM) continue;
        if (slot.key.word[1] < from) continue;
        if (found == NULL || slot.key.word[1] < found->key.word[1]) found = slot.value;
    }
    return found;
}

/* Whoever waits for a reduction of a collection that is gone everywhere: no part of it can come any more. */
static void fail_all(struct chariot_pe *pe, uint64_t id) {
    struct obj_reduction *red;
    while ((red = obj_reduce_lowest(pe, id, 0)) != NULL) {
        struct chariot_target target = red->target;
        obj_reduce_forget(pe, red);
        if (target.kind != CHARIOT_TO_FUTURE) continue;
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
        if (error != NULL) obj_future_send_take(pe, target.future, error);
    }
}

static void give_all_take(struct chariot_pe *pe, struct obj_key key, struct chariot_msg *result) {
    if (result == NULL) result = obj_null_new(pe);
    if (result == NULL) return;
    uint8_t error = result->flags & OBJ_FLAG_ERROR;
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_RESULT, result);
    if (msg == NULL) return;
    msg->flags |= error;
    msg->target = key.word[0];
    msg->seq = key.word[1];
    msg->root = pe->node.pe;
    if (obj_kind_is_single(obj_id_kind(msg->target))) {
        obj_pe_queue_take(pe, msg);
        return;
    }
    if (obj_pieces_serve_result(pe, msg)) {
        obj_pieces_send_result_take(pe, msg);
        return;
    }
    msg->flags |= OBJ_FLAG_TREE;
    obj_send_down_take(pe, msg);
}

void obj_reduce_give_take(struct chariot_pe *pe, struct obj_key key, const struct chariot_target *target,
                          struct chariot_msg *result) {
    switch (target->kind) {
    case CHARIOT_TO_FUTURE:
        obj_future_send_take(pe, target->future, result);
        return;
    case CHARIOT_TO_METHOD:
        obj_call_target_take(pe, target, result);
        return;
    case OBJ_TO_ALL:
        give_all_take(pe, key, result);
        return;
    case OBJ_TO_DESTROYED:
        fail_all(pe, key.word[0]);
        if (target->future != 0) obj_future_send_take(pe, target->future, NULL);
        break;
    case OBJ_TO_CLOSED:
        obj_broadcast_closed(pe, key.word[0]);
        break;
    case OBJ_TO_COUNT:
        if (result != NULL) give_count(pe, key.word[0], result);
        break;
    default:
        break;
    }
    rpc_msg_unref(result);
}
