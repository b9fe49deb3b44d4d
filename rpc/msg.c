/* rpc/msg.c: life of messages, credits and message queues. */
#include "rpc/msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

struct chariot_msg *rpc_msg_new(size_t capacity) {
    if (capacity > SIZE_MAX - sizeof(struct chariot_msg)) return NULL;
    struct chariot_msg *msg = malloc(sizeof *msg + capacity);
    if (msg == NULL) return NULL;
    memset(msg, 0, sizeof *msg);
    msg->refs = 1;
    msg->capacity = capacity;
    return msg;
}

struct chariot_msg *rpc_msg_copy(const struct chariot_msg *msg) {
    struct chariot_msg *copy = rpc_msg_new(msg->size);
    if (copy == NULL) return NULL;
    copy->kind = msg->kind;
    copy->flags = msg->flags;
    copy->ndims = msg->ndims;
    copy->hops = msg->hops;
    copy->from = msg->from;
    copy->method = msg->method;
    copy->root = msg->root;
    copy->target = msg->target;
    memcpy(copy->index, msg->index, sizeof copy->index);
    copy->reply = msg->reply;
    copy->seq = msg->seq;
    copy->size = msg->size;
    memcpy(rpc_msg_payload(copy), rpc_msg_payload(msg), msg->size);
    return copy;
}

int rpc_msg_reserve(struct chariot_msg **msg, size_t capacity) {
    struct chariot_msg *old = *msg;
    assert(old->refs == 1);
    if (capacity <= old->capacity) return 0;
    /* Half as much again at least, so that a message written value by value is not copied at each of them. */
    if (capacity < old->capacity + old->capacity / 2) capacity = old->capacity + old->capacity / 2;
    if (capacity > SIZE_MAX - sizeof *old) return CHARIOT_ENOMEM;
    struct chariot_msg *moved = realloc(old, sizeof *old + capacity);
    if (moved == NULL) return CHARIOT_ENOMEM;
    moved->capacity = capacity;
    *msg = moved;
    return 0;
}

struct chariot_msg *rpc_msg_ref(struct chariot_msg *msg) {
    assert(msg->refs > 0 && msg->refs < UINT32_MAX);
    msg->refs++;
    return msg;
}

void rpc_msg_unref(struct chariot_msg *msg) {
    if (msg == NULL) return;
    assert(msg->refs > 0);
    if (--msg->refs > 0) return;
    rpc_msg_consume(msg);
    if (msg->object != NULL && msg->object_drop != NULL) msg->object_drop(msg->object);
    free(msg);
}

static size_t cost_of(const struct chariot_msg *msg) {
    return sizeof *msg + msg->size;
}

void rpc_msg_charge(struct chariot_msg *msg, struct rpc_credit *credit) {
    assert(msg->credit == NULL);
    credit->refs++;
    credit->bytes += cost_of(msg);
    msg->credit = credit;
}

void rpc_msg_consume(struct chariot_msg *msg) {
    struct rpc_credit *credit = msg->credit;
    if (credit == NULL) return;
    assert(credit->bytes >= cost_of(msg));
    credit->bytes -= cost_of(msg);
    msg->credit = NULL;
    rpc_credit_unref(credit);
}

struct rpc_credit *rpc_credit_new(void) {
    struct rpc_credit *credit = calloc(1, sizeof *credit);
    if (credit != NULL) credit->refs = 1;
    return credit;
}

void rpc_credit_unref(struct rpc_credit *credit) {
    if (credit == NULL) return;
    assert(credit->refs > 0);
    if (--credit->refs == 0) free(credit);
}

void rpc_msg_queue_push_take(struct rpc_msg_queue *queue, struct chariot_msg *msg) {
    msg->next = NULL;
    if (queue->tail == NULL)
        queue->head = msg;
    else
        queue->tail->next = msg;
    queue->tail = msg;
    queue->count++;
}

struct chariot_msg *rpc_msg_queue_pop(struct rpc_msg_queue *queue) {
    struct chariot_msg *msg = queue->head;
    if (msg == NULL) return NULL;
    queue->head = msg->next;
    if (queue->head == NULL) queue->tail = NULL;
    queue->count--;
    msg->next = NULL;
    return msg;
}

void rpc_msg_queue_clear(struct rpc_msg_queue *queue) {
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(queue)) != NULL) rpc_msg_unref(msg);
}
