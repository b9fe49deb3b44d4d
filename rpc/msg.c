/* rpc/msg.c: life of messages and credits. */
#include "rpc/msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/heap.h"
#include "rpc/spare.h"

/* Payloads from here on lie in the heap, where there is one: below, copying twice costs less than a block. */
enum { HEAP_FROM = 8192 };

static struct chariot_msg *msg_new(size_t capacity) {
    if (capacity > SIZE_MAX - sizeof(struct chariot_msg)) return NULL;
    struct chariot_msg *msg = malloc(sizeof *msg + capacity);
    if (msg == NULL) return NULL;
    rpc_msg_init(msg, capacity);
    return msg;
}

struct chariot_msg *rpc_msg_new(size_t capacity) {
    return msg_new(capacity);
}

static bool lies_behind(const struct chariot_msg *msg) {
    return msg->payload == (const uint8_t *)(msg + 1);
}

/* ---------------------------------------------------------------- in the heap */

static void live_in(struct chariot_msg *msg, struct rpc_block *block) {
    msg->block = block;
    msg->holders = rpc_block_holders(rpc_block_data(block));
    msg->payload = rpc_block_data(block) + RPC_BLOCK_PAYLOAD;
    msg->capacity = rpc_block_room(block) - RPC_BLOCK_PAYLOAD;
}

/* Moves the payload to a block of the heap with room for capacity; false: there is none, or it is too small to. */
static bool move_to_heap(struct chariot_msg *msg, size_t capacity) {
    if (msg->heap == NULL || capacity < HEAP_FROM || capacity > SIZE_MAX - RPC_BLOCK_PAYLOAD) return false;
    struct rpc_block *block = rpc_block_new(msg->heap, capacity + RPC_BLOCK_PAYLOAD), *before = msg->block;
    if (block == NULL) return false;
    const uint8_t *payload = msg->payload;
    live_in(msg, block);
    memcpy(msg->payload, payload, msg->size);
    if (before != NULL) rpc_block_drop(before);
    return true;
}

struct chariot_msg *rpc_msg_new_in(struct rpc_heap *heap, size_t capacity) {
    bool large = heap != NULL && capacity >= HEAP_FROM;
    struct chariot_msg *msg = msg_new(large ? 0 : capacity);
    if (msg == NULL) return NULL;
    msg->heap = heap;
    if (!large || move_to_heap(msg, capacity) || rpc_msg_reserve(&msg, capacity) == 0) return msg;
    rpc_msg_unref(msg);
    return NULL;
}

struct rpc_block *rpc_msg_to_lend(struct chariot_msg *msg, struct rpc_heap *heap) {
    if (msg->block != NULL) return rpc_block_heap(msg->block) == heap ? msg->block : NULL;
    struct rpc_block *block = rpc_block_new(heap, msg->size + RPC_BLOCK_PAYLOAD);
    if (block == NULL) return NULL;
    memcpy(rpc_block_data(block) + RPC_BLOCK_PAYLOAD, msg->payload, msg->size);
    return msg->block = block;
}

struct chariot_msg *rpc_msg_borrow(uint8_t *payload, size_t size, _Atomic(uint32_t) *holders, void *lender,
                                   void (*give_back)(void *lender, struct chariot_msg *msg)) {
    struct chariot_msg *msg = msg_new(0);
    if (msg == NULL) return NULL;
    msg->payload = payload;
    msg->size = msg->capacity = size;
    msg->holders = holders;
    msg->lender = lender;
    msg->give_back = give_back;
    return msg;
}

/* ---------------------------------------------------------------- copies, growth, life */

struct chariot_msg *rpc_msg_copy(const struct chariot_msg *msg) {
    struct chariot_msg *copy = rpc_msg_new_in(msg->heap, msg->size);
    if (copy == NULL) return NULL;
    copy->head = msg->head;
    copy->size = msg->size;
    memcpy(rpc_msg_payload(copy), rpc_msg_payload(msg), msg->size);
    return copy;
}

static void memory_free(struct chariot_msg *msg) {
    if (msg->home != NULL)
        rpc_spares_put_take(msg->home, msg);
    else
        free(msg);
}

/* Where the memory is not to be moved, and no block is to be had: a new message takes the old one's place. */
static struct chariot_msg *bring_behind(struct chariot_msg *old, size_t capacity) {
    struct chariot_msg *moved = malloc(sizeof *old + capacity);
    if (moved == NULL) return NULL;
    *moved = *old;
    moved->payload = (uint8_t *)(moved + 1);
    memcpy(moved->payload, old->payload, old->size);
    if (old->block != NULL) rpc_block_drop(old->block);
    if (old->give_back != NULL) old->give_back(old->lender, old);
    moved->block = NULL;
    moved->holders = NULL;
    moved->give_back = NULL;
    moved->home = NULL;
    memory_free(old);
    return moved;
}

static struct chariot_msg *grow_behind(struct chariot_msg *old, size_t capacity) {
    struct chariot_msg *moved = realloc(old, sizeof *old + capacity);
    if (moved != NULL) moved->payload = (uint8_t *)(moved + 1);
    return moved;
}

int rpc_msg_reserve(struct chariot_msg **msg, size_t capacity) {
    struct chariot_msg *old = *msg;
    assert(old->refs == 1);
    if (capacity <= old->capacity) return 0;
    /* Half as much again at least, so that a message written value by value is not copied at each of them. */
    if (capacity < old->capacity + old->capacity / 2) capacity = old->capacity + old->capacity / 2;
    if (capacity > SIZE_MAX - sizeof *old) return CHARIOT_ENOMEM;
    if (old->give_back == NULL && move_to_heap(old, capacity)) return 0;
    bool ours = lies_behind(old) && old->home == NULL;
    struct chariot_msg *moved = ours ? grow_behind(old, capacity) : bring_behind(old, capacity);
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
    if (msg->block != NULL) rpc_block_drop(msg->block);
    if (msg->give_back != NULL) msg->give_back(msg->lender, msg);
    memory_free(msg);
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

void rpc_msg_queue_clear(struct rpc_msg_queue *queue) {
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(queue)) != NULL) rpc_msg_unref(msg);
}
