/* The public face of struct chariot_msg, and what becomes of messages that user code gives. */
#include <stdio.h>

#include "objects/pe.h"

struct chariot_msg *chariot_msg_new(size_t capacity) {
    return rpc_msg_new(capacity);
}

struct chariot_msg *chariot_msg_new_on(struct chariot_pe *pe, size_t capacity) {
    return rpc_node_msg_new(&pe->node, capacity);
}

struct chariot_msg *chariot_msg_ref(struct chariot_msg *msg) {
    return rpc_msg_ref(msg);
}

void chariot_msg_unref(struct chariot_msg *msg) {
    rpc_msg_unref(msg);
}

bool chariot_msg_is_shared(const struct chariot_msg *msg) {
    return rpc_msg_is_shared(msg);
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

/* ---------------------------------------------------------------- inside */

struct chariot_msg *obj_msg_new(struct chariot_pe *pe, enum obj_kind kind, size_t capacity) {
    struct chariot_msg *msg = rpc_node_msg_new(&pe->node, capacity);
    if (msg == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    msg->kind = (uint8_t)kind;
    msg->from = pe->node.pe;
    return msg;
}

struct chariot_msg *obj_msg_finish(struct chariot_pe *pe, enum obj_kind kind, struct chariot_writer *writer) {
    struct chariot_msg *msg;
    if (chariot_writer_finish(writer, &msg) != 0) {
        obj_out_of_memory(pe);
        return NULL;
    }
    msg->kind = (uint8_t)kind;
    msg->from = pe->node.pe;
    return msg;
}

struct chariot_msg *obj_msg_rest(struct chariot_pe *pe, enum obj_kind kind, const struct chariot_reader *rest) {
    struct chariot_writer writer;
    size_t size = (size_t)(rest->end - rest->at);
    chariot_writer_init_take(&writer, rpc_msg_new(size + 32));
    chariot_put_encoded(&writer, rest->at, size);
    return obj_msg_finish(pe, kind, &writer);
}

void obj_msg_mark(struct chariot_msg *msg) {
    if (msg->object != NULL && msg->size == 0) msg->flags |= OBJ_FLAG_OBJECT;
}

/* A copy of a shared message that borrows its object. */
static struct chariot_msg *borrowing_copy(const struct chariot_msg *msg) {
    struct chariot_msg *copy = rpc_msg_copy(msg);
    if (copy != NULL) copy->object = msg->object;
    return copy;
}

/* Writing an object is the user's code too: it may call the public API. */
static int encode(struct chariot_pe *pe, struct chariot_msg **msg) {
    rpc_turn_lend(&pe->node.turn);
    int rc = pe->face.encode(pe->face.ctx, msg);
    rpc_turn_take(&pe->node.turn);
    if (rc == 0)
        (*msg)->flags &= (uint8_t)~OBJ_FLAG_OBJECT;
    else if (*msg != NULL)
        (*msg)->size = 0; /* its object is still all it has */
    return rc;
}

int obj_msg_encode(struct chariot_pe *pe, struct chariot_msg **msg) {
    if (((*msg)->flags & OBJ_FLAG_OBJECT) == 0) return 0;
    if (pe->face.encode == NULL) return CHARIOT_ETYPE;
    if ((*msg)->refs == 1) return encode(pe, msg);
    struct chariot_msg *copy = borrowing_copy(*msg);
    if (copy == NULL) return CHARIOT_ENOMEM;
    int rc = encode(pe, &copy);
    copy->object = NULL;
    rpc_msg_unref(*msg);
    *msg = copy;
    return rc;
}

int obj_msg_encode_all(struct chariot_pe *pe, struct rpc_msg_queue *queue) {
    struct rpc_msg_queue all = *queue, done = {0};
    struct chariot_msg *msg;
    int rc = 0;
    *queue = (struct rpc_msg_queue){0};
    while ((msg = rpc_msg_queue_pop(&all)) != NULL) {
        if (rc == 0) rc = obj_msg_encode(pe, &msg);
        if (msg != NULL) rpc_msg_queue_push_take(&done, msg);
    }
    while ((msg = rpc_msg_queue_pop(queue)) != NULL) rpc_msg_queue_push_take(&done, msg);
    *queue = done;
    return rc;
}

void obj_msg_encode_failed(struct chariot_pe *pe, int rc) {
    char line[160];
    if (rc == CHARIOT_ENOMEM) {
        obj_out_of_memory(pe);
        return;
    }
    snprintf(line, sizeof line, "chariot: PE %u: a message cannot be encoded: %s\n", pe->node.pe,
             chariot_error_text(rc));
    obj_end_abort(pe, 1, line);
}

/* A message that others hold too is immutable: a copy takes its place. */
static int unshare(struct chariot_pe *pe, struct chariot_msg **msg) {
    if ((*msg)->flags & OBJ_FLAG_OBJECT) return obj_msg_encode(pe, msg);
    struct chariot_msg *copy = rpc_msg_copy(*msg);
    if (copy == NULL) return CHARIOT_ENOMEM;
    rpc_msg_unref(*msg);
    *msg = copy;
    return 0;
}

static void clear_header(struct chariot_msg *msg) {
    msg->flags &= OBJ_FLAG_OBJECT;
    msg->ndims = msg->hops = 0;
    msg->method = msg->root = msg->number = 0;
    msg->target = msg->reply = msg->seq = 0;
    msg->index[0] = msg->index[1] = msg->index[2] = 0;
}

struct chariot_msg *obj_msg_own_take(struct chariot_pe *pe, enum obj_kind kind, struct chariot_msg *msg) {
    if (msg == NULL) return obj_msg_new(pe, kind, 0);
    obj_msg_mark(msg);
    int rc = msg->refs > 1 ? unshare(pe, &msg) : 0;
    if (rc != 0) {
        obj_msg_encode_failed(pe, rc);
        rpc_msg_unref(msg);
        return NULL;
    }
    clear_header(msg);
    msg->kind = (uint8_t)kind;
    msg->from = pe->node.pe;
    return msg;
}
