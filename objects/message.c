/* The public face of struct chariot_msg. */
#include "objects/pe.h"

struct chariot_msg *chariot_msg_new(size_t capacity) {
    return rpc_msg_new(capacity);
}

struct chariot_msg *chariot_msg_ref(struct chariot_msg *msg) {
    return rpc_msg_ref(msg);
}

void chariot_msg_unref(struct chariot_msg *msg) {
    rpc_msg_unref(msg);
}

const void *chariot_msg_data(const struct chariot_msg *msg) {
    return rpc_msg_payload(msg);
}

size_t chariot_msg_size(const struct chariot_msg *msg) {
    return msg->size;
}

void *chariot_msg_object(const struct chariot_msg *msg) {
    return msg->object;
}

void chariot_msg_set_object(struct chariot_msg *msg, void *object, void (*drop)(void *object)) {
    if (msg->object != NULL && msg->object_drop != NULL) msg->object_drop(msg->object);
    msg->object = object;
    msg->object_drop = drop;
}
