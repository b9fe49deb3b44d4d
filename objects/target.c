/* Callbacks: what is told a result (struct chariot_target), as a value that came and as one to be told. */
#include "objects/call.h"
#include "objects/meter.h"

int chariot_target_read(const struct chariot_value *value, struct chariot_target *target) {
    *target = (struct chariot_target){.kind = CHARIOT_TO_NOTHING};
    if (value->type == CHARIOT_NULL) return 0;
    if (value->type == CHARIOT_FUTURE) {
        target->kind = CHARIOT_TO_FUTURE;
        return chariot_future_read(value, &target->future);
    }
    target->kind = CHARIOT_TO_METHOD;
    if (value->type != CHARIOT_REF || chariot_ref_read(value, &target->ref, &target->method) != 0) return CHARIOT_ETYPE;
    return target->method == UINT32_MAX ? CHARIOT_ETYPE : 0;
}

int chariot_target_give_take(struct chariot_pe *pe, const struct chariot_target *target, struct chariot_msg *value) {
    if (target->kind == CHARIOT_TO_FUTURE) return chariot_future_send_take(pe, target->future, value);
    OBJ_API(pe);
    OBJ_SENDING(pe);
    if (target->kind == CHARIOT_TO_METHOD && obj_target_is_valid(pe, target)) {
        obj_call_target_take(pe, target, value);
        return 0;
    }
    rpc_msg_unref(value);
    return target->kind == CHARIOT_TO_NOTHING ? 0 : CHARIOT_EINVAL;
}
