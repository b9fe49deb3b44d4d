/* rpc/shm_in.c: the receiving side of the shm transport. What stands in a ring is its writer's claim: each record is
 * copied out of the shared memory before it is checked. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/shm_impl.h"
#include "rpc/spare.h"

enum {
    /* Of one peer: more wait for the next, so that a flood does not keep others waiting, and messages run while they
     * are warm. */
    RECORDS_PER_POLL = 64,
    BELIEVED_BYTES = 64 << 20, /* a message in parts gets so much room at once on the word of its first part */
};

void rpc_shm_fail(struct shm_peer *peer, int error, const char *format, ...) {
    if (peer->error != 0) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(peer->why, sizeof peer->why, format, arguments);
    va_end(arguments);
    peer->error = error;
}

/* Unconsumed bytes of one peer are limited. */
static bool has_credit(const struct shm_peer *peer) {
    return peer->credit->bytes <= peer->shm->limits.credit_bytes;
}

bool rpc_shm_readable(const struct shm_peer *peer) {
    return !peer->gone && peer->error == 0 && has_credit(peer) && rpc_ring_has_more(&peer->reader);
}

/* ---------------------------------------------------------------- records */

static void malformed(struct shm_peer *peer, const char *what) {
    rpc_shm_fail(peer, CHARIOT_EMALFORMED, "what it has written to shared memory is damaged: %s", what);
}

static void deliver_take(struct shm_peer *peer, struct chariot_msg *msg) {
    struct rpc_shm *shm = peer->shm;
    if (msg->kind < RPC_KIND_FIRST_USER) {
        rpc_msg_unref(msg);
        malformed(peer, "a message of a kind that does not exist");
        return;
    }
    rpc_msg_charge(msg, peer->credit);
    shm->base.up->on_message_take(shm->base.owner, msg);
}

static void read_message(struct shm_peer *peer, const void *record, uint32_t size) {
    struct rpc_msg_head head;
    if (size < sizeof head) {
        malformed(peer, "a message without its head");
        return;
    }
    memcpy(&head, record, sizeof head);
    struct chariot_msg *msg = rpc_msg_new_from(peer->shm->node->spares, size - sizeof head);
    if (msg == NULL) {
        rpc_shm_fail(peer, CHARIOT_ENOMEM, "no memory for a message of %u bytes", size);
        return;
    }
    msg->head = head;
    msg->size = size - sizeof head;
    memcpy(rpc_msg_payload(msg), (const uint8_t *)record + sizeof head, msg->size);
    deliver_take(peer, msg);
}

/* From whatever thread drops the last reference. */
static void give_back(void *lender, struct chariot_msg *msg) {
    rpc_block_return(rpc_msg_payload(msg) - RPC_BLOCK_PAYLOAD);
    rpc_shm_mapping_unref(lender);
}

static void read_lent(struct shm_peer *peer, const void *record, uint32_t size) {
    struct shm_lent lent;
    struct shm_mapping *mapping = peer->mapping;
    if (size != sizeof lent) {
        malformed(peer, "a loan of the wrong size");
        return;
    }
    memcpy(&lent, record, sizeof lent);
    if (lent.offset % 64 != 0 || lent.offset < RPC_BLOCK_HEAD_BYTES ||
        lent.offset > mapping->size - RPC_BLOCK_PAYLOAD ||
        lent.size > mapping->size - RPC_BLOCK_PAYLOAD - lent.offset || lent.size > peer->shm->limits.message_bytes) {
        malformed(peer, "a loan outside of its heap");
        return;
    }
    uint8_t *data = mapping->base + lent.offset;
    struct chariot_msg *msg =
        rpc_msg_borrow(data + RPC_BLOCK_PAYLOAD, (size_t)lent.size, rpc_block_holders(data), mapping, give_back);
    if (msg == NULL) {
        rpc_shm_fail(peer, CHARIOT_ENOMEM, "no memory for a message");
        return;
    }
    atomic_fetch_add(&mapping->refs, 1);
    msg->head = lent.head;
    uint64_t taken = atomic_load_explicit(&peer->reader.ring->taken, memory_order_relaxed);
    atomic_store_explicit(&peer->reader.ring->taken, taken + lent.size, memory_order_relaxed);
    deliver_take(peer, msg);
}

static void read_part(struct shm_peer *peer, const void *bytes, size_t size) {
    struct chariot_msg *msg = peer->parts;
    if (msg == NULL || size > peer->parts_size - msg->size || size == 0) {
        malformed(peer, msg == NULL ? "a part of nothing" : "a part that is too large");
        return;
    }
    if (msg->size + size > msg->capacity) {
        size_t more = msg->size * 2 < peer->parts_size ? msg->size * 2 : peer->parts_size;
        if (rpc_msg_reserve(&peer->parts, more > msg->size + size ? more : msg->size + size) != 0) {
            rpc_shm_fail(peer, CHARIOT_ENOMEM, "no memory for a message of %zu bytes", peer->parts_size);
            return;
        }
        msg = peer->parts;
    }
    memcpy(rpc_msg_payload(msg) + msg->size, bytes, size);
    msg->size += size;
    if (msg->size < peer->parts_size) return;
    peer->parts = NULL;
    deliver_take(peer, msg);
}

static void read_first_part(struct shm_peer *peer, const void *record, uint32_t size) {
    struct shm_part part;
    if (size < sizeof part || peer->parts != NULL) {
        malformed(peer, "a message within another one's parts");
        return;
    }
    memcpy(&part, record, sizeof part);
    if (part.size > peer->shm->limits.message_bytes) {
        rpc_shm_fail(peer, CHARIOT_ETOOBIG, "it sends a message of %llu bytes", (unsigned long long)part.size);
        return;
    }
    peer->parts_size = (size_t)part.size;
    peer->parts = rpc_msg_new(peer->parts_size < BELIEVED_BYTES ? peer->parts_size : BELIEVED_BYTES);
    if (peer->parts == NULL) {
        rpc_shm_fail(peer, CHARIOT_ENOMEM, "no memory for a message of %zu bytes", peer->parts_size);
        return;
    }
    peer->parts->head = part.head;
    read_part(peer, (const uint8_t *)record + sizeof part, size - sizeof part);
}

static void read_record(struct shm_peer *peer, const void *record, uint32_t size, uint32_t type) {
    if (peer->parts != NULL && type != SHM_PART) {
        malformed(peer, "something between the parts of a message");
        return;
    }
    switch (type) {
    case SHM_MESSAGE:
        read_message(peer, record, size);
        break;
    case SHM_LENT:
        read_lent(peer, record, size);
        break;
    case SHM_FIRST_PART:
        read_first_part(peer, record, size);
        break;
    case SHM_PART:
        read_part(peer, record, size);
        break;
    default:
        malformed(peer, "a record of an unknown type");
    }
}

/* ---------------------------------------------------------------- reading */

/* It may sleep until there is room; half a ring at once is worth a wake. */
static void tell_of_room(struct shm_peer *peer) {
    struct rpc_ring *ring = peer->reader.ring;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&ring->writer_waits, memory_order_relaxed) == 0) return;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - peer->reader.head > peer->reader.size / 2) return;
    atomic_store_explicit(&ring->writer_waits, 0, memory_order_relaxed);
    rpc_shm_ring_bell(peer);
}

int rpc_shm_drain(struct shm_peer *peer, bool urgent) {
    const void *record;
    uint32_t size, type;
    int count = 0;
    if (!rpc_ring_has_more(&peer->reader)) return 0;
    while (count < RECORDS_PER_POLL && peer->error == 0 && (urgent || has_credit(peer)) &&
           (record = rpc_ring_next(&peer->reader, &size, &type)) != NULL) {
        read_record(peer, record, size, type);
        count++;
    }
    if (peer->reader.why != NULL) malformed(peer, peer->reader.why);
    if (count == 0) return 0;
    rpc_ring_free(&peer->reader);
    tell_of_room(peer);
    return count;
}
