#include "objects/hold.h"

void chariot_hold(struct chariot_pe *pe) {
    pe->some_hold = true;
    pe->holds = pe->node.pe != 0; /* PE 0 runs the entry, and nobody calls it before */
}

int chariot_release_take(struct chariot_pe *pe, struct chariot_msg *values) {
    OBJ_API(pe);
    if (pe->node.pe != 0 || (values == NULL && !pe->some_hold)) {
        rpc_msg_unref(values);
        return pe->node.pe != 0 ? CHARIOT_EINVAL : 0;
    }
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_RELEASE, values);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->flags |= OBJ_FLAG_TREE;
    obj_send_down_take(pe, msg);
    return 0;
}

void obj_hold_on_release(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (pe->node.pe == 0) return; /* its values are where they were set */
    if (pe->face.on_release != NULL && msg->size > 0) {
        rpc_turn_lend(&pe->node.turn);
        pe->face.on_release(pe->face.ctx, msg);
        rpc_turn_take(&pe->node.turn);
    }
    pe->holds = false;
    obj_pe_queue_first(pe, &pe->held);
}
