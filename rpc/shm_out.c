/* rpc/shm_out.c: the sending side of the shm transport.
 *
 * A message goes into the ring at once where nothing waits ahead of it and there is room; else it joins the peer's
 * queue, which rpc_shm_flush() empties as the peer reads. */
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/shm_impl.h"

enum {
    INLINE_BYTES = 8192 - 1, /* larger payloads are lent: they lie in the heap already (HEAP_FROM in msg.c) */
    FLUSH_EVERY = 32,        /* sends into a queue: asking for room each time would pull the reader's cache line */
};

/* ---------------------------------------------------------------- queues */

static int queue_grow(struct shm_queue *queue) {
    size_t capacity = queue->capacity == 0 ? 16 : queue->capacity * 2;
    struct chariot_msg **items = malloc(capacity * sizeof *items);
    if (items == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; i < queue->count; i++) items[i] = queue->items[(queue->first + i) & (queue->capacity - 1)];
    free(queue->items);
    queue->items = items;
    queue->capacity = capacity;
    queue->first = 0;
    return 0;
}

static int queue_push_take(struct shm_queue *queue, struct chariot_msg *msg) {
    if (queue->count == queue->capacity && queue_grow(queue) != 0) return CHARIOT_ENOMEM;
    queue->items[(queue->first + queue->count++) & (queue->capacity - 1)] = msg;
    return 0;
}

static struct chariot_msg *queue_first(const struct shm_queue *queue) {
    return queue->items[queue->first];
}

static struct chariot_msg *queue_pop(struct shm_queue *queue) {
    struct chariot_msg *msg = queue_first(queue);
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    queue->count--;
    return msg;
}

static void queue_free(struct shm_queue *queue) {
    while (queue->count > 0) rpc_msg_unref(queue_pop(queue));
    free(queue->items);
    *queue = (struct shm_queue){0};
}

void rpc_shm_drop_spent(struct rpc_shm *shm) {
    while (shm->spent.count > 0) rpc_msg_unref(queue_pop(&shm->spent));
}

/* The last reference may run a face's code, for which the stand-in is the wrong thread. */
static void retire_take(struct rpc_shm *shm, struct chariot_msg *msg) {
    if (shm->instead && msg->object != NULL && queue_push_take(&shm->spent, msg) == 0) return;
    rpc_msg_unref(msg);
}

void rpc_shm_drop_queue(struct shm_peer *peer) {
    while (peer->queue.count > 0) retire_take(peer->shm, queue_pop(&peer->queue));
    queue_free(&peer->queue);
    peer->queued = peer->cut = 0;
}

/* ---------------------------------------------------------------- records */

static bool put_inline(struct shm_peer *peer, const struct chariot_msg *msg) {
    struct rpc_msg_head *head = rpc_ring_reserve(&peer->writer, (uint32_t)(sizeof *head + msg->size), SHM_MESSAGE);
    if (head == NULL) return false;
    *head = msg->head;
    memcpy(head + 1, rpc_msg_payload(msg), msg->size);
    return true;
}

static bool put_lent(struct shm_peer *peer, const struct chariot_msg *msg, struct rpc_block *block) {
    struct shm_lent *lent = rpc_ring_reserve(&peer->writer, sizeof *lent, SHM_LENT);
    if (lent == NULL) return false;
    lent->head = msg->head;
    lent->offset = rpc_block_lend(block);
    lent->size = msg->size;
    peer->lent += msg->size;
    return true;
}

/* The largest piece of a payload that fits a record behind `head` bytes of its own. */
static size_t piece(const struct shm_peer *peer, size_t head, size_t left) {
    size_t most = peer->writer.size / RPC_RING_PARTS - RPC_RING_RECORD_BYTES - head;
    return left < most ? left : most;
}

static bool put_first_part(struct shm_peer *peer, const struct chariot_msg *msg) {
    size_t size = piece(peer, sizeof(struct shm_part), msg->size);
    struct shm_part *part = rpc_ring_reserve(&peer->writer, (uint32_t)(sizeof *part + size), SHM_FIRST_PART);
    if (part == NULL) return false;
    part->head = msg->head;
    part->size = msg->size;
    memcpy(part + 1, rpc_msg_payload(msg), size);
    peer->cut = size;
    return true;
}

/* True when all of it has left. */
static bool put_parts(struct shm_peer *peer, const struct chariot_msg *msg) {
    if (peer->cut == 0 && !put_first_part(peer, msg)) return false;
    while (peer->cut < msg->size) {
        size_t size = piece(peer, 0, msg->size - peer->cut);
        void *part = rpc_ring_reserve(&peer->writer, (uint32_t)size, SHM_PART);
        if (part == NULL) return false;
        memcpy(part, rpc_msg_payload(msg) + peer->cut, size);
        peer->cut += size;
    }
    peer->cut = 0;
    return true;
}

/* False: no room for (the rest of) it now. */
static bool put(struct shm_peer *peer, struct chariot_msg *msg) {
    size_t most = peer->writer.size / RPC_RING_PARTS - RPC_RING_RECORD_BYTES - sizeof(struct rpc_msg_head);
    if (msg->size <= most && msg->size <= INLINE_BYTES) return put_inline(peer, msg);
    struct rpc_block *block = peer->cut == 0 ? rpc_msg_to_lend(msg, peer->shm->heap) : NULL;
    return block != NULL ? put_lent(peer, msg, block) : put_parts(peer, msg);
}

static void publish(struct shm_peer *peer) {
    rpc_ring_publish(&peer->writer);
    rpc_shm_ring_bell(peer);
}

/* ---------------------------------------------------------------- sending */

int rpc_shm_send(struct shm_peer *peer, struct chariot_msg *msg) {
    if (peer->queue.count == 0) {
        bool all = put(peer, msg);
        if (all || peer->cut > 0) publish(peer);
        if (all) return 0;
    }
    if (queue_push_take(&peer->queue, rpc_msg_ref(msg)) != 0) {
        rpc_msg_unref(msg);
        return CHARIOT_ENOMEM;
    }
    peer->queued += msg->size + sizeof *msg;
    if (peer->queue.count % FLUSH_EVERY == 0) rpc_shm_flush(peer); /* a long method may not poll for long */
    return 0;
}

void rpc_shm_flush(struct shm_peer *peer) {
    uint64_t before = peer->writer.tail;
    while (peer->queue.count > 0 && put(peer, queue_first(&peer->queue))) {
        struct chariot_msg *msg = queue_pop(&peer->queue);
        peer->queued -= msg->size + sizeof *msg;
        retire_take(peer->shm, msg);
    }
    if (peer->writer.tail != before) publish(peer);
    if (peer->writer.damaged) rpc_shm_fail(peer, CHARIOT_EMALFORMED, "it reads its ring where nothing was written");
}

size_t rpc_shm_unsent(const struct shm_peer *peer) {
    uint64_t taken = atomic_load_explicit(&peer->writer.ring->taken, memory_order_relaxed);
    uint64_t untaken = peer->lent - taken <= peer->lent ? peer->lent - taken : 0;
    return peer->queued + (size_t)untaken;
}
