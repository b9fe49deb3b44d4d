/* Calls that nobody waits for any more: see cancel.h. */
#include "objects/cancel.h"

#include "objects/call.h"

/* What the word says: a list of one int, the call. 0: it is malformed. */
static uint64_t call_in(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0 || value.count != 1) return 0;
    return chariot_get_typed(&reader, CHARIOT_INT, &value) == 0 ? (uint64_t)value.integer : 0;
}

void obj_cancel_send(struct chariot_pe *pe, const struct chariot_ref *to, uint64_t call) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, (int64_t)call);
    if (chariot_writer_finish(&writer, &args) != 0)
        obj_out_of_memory(pe);
    else if (to->whole)
        obj_broadcast_take(pe, to->collection, obj_ref_root(to), OBJ_METHOD_CANCEL, 0, 0, args);
    else
        obj_call_send_take(pe, to->collection, to->index, to->ndims, OBJ_METHOD_CANCEL, 0, 0, args);
}

/* Without memory for it the call is just not dropped. */
void obj_cancel_note(struct chariot_pe *pe, const struct chariot_msg *msg) {
    uint64_t call = call_in(msg);
    if (call != 0 && !obj_is_cancelled(pe, call)) (void)obj_map_add(&pe->cancelled, obj_key1(call), pe);
}

void obj_cancel_over(struct chariot_pe *pe, const struct chariot_msg *msg) {
    (void)obj_map_remove(&pe->cancelled, obj_key1(call_in(msg)));
}

void obj_cancel_tell(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_msg *msg) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    uint64_t call = call_in(msg);
    if (type->cancel == NULL || call == 0) return;
    rpc_turn_lend(&pe->node.turn);
    type->cancel(pe, type, elem->object, call);
    rpc_turn_take(&pe->node.turn);
}

bool chariot_is_cancelled(struct chariot_pe *pe, const struct chariot_reply *reply) {
    OBJ_API(pe);
    return obj_is_cancelled(pe, reply->call);
}
