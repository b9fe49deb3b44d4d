/* rpc/msg.h: one message between PEs.
 *
 * A message is one block of memory: this header, room for its wire form, and its payload behind it, so that a large one
 * leaves as a single slice without a copy. A large payload of a PE that shares memory with others lies in its heap
 * instead (rpc/heap.h), with the same room in front of it; one that was received may lie in memory that somebody else
 * owns (rpc_msg_borrow). rpc/ carries the header fields and looks at none of them but `kind` (its own
 * kinds are below RPC_KIND_FIRST_USER) and `size`; objects/kinds.h says what they mean there.
 *
 * Ownership: reference-counted, and only ever touched by the thread that holds the PE's turn (rpc/turn.h), so the count
 * is a plain integer. A message is writable until it is first sent; from then on it is shared and immutable, except for
 * `next`, which belongs to the one run queue that holds it. */
#ifndef CHARIOT_RPC_MSG_H
#define CHARIOT_RPC_MSG_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    RPC_KIND_FIRST_USER = 16, /* kinds below are rpc/'s own and never delivered upwards */
    RPC_FRAME_TAG_BYTES = 6,  /* Frame.envelopes: tag and a length varint padded to 5 bytes */
    RPC_ENVELOPE_BYTES = 80,  /* the fixed part of chariot.v1.Envelope, up to its payload */
    RPC_WIRE_BYTES = RPC_FRAME_TAG_BYTES + RPC_ENVELOPE_BYTES,
    RPC_BLOCK_PAYLOAD = 128, /* in a block of the heap, from its data to the payload: room for the wire form */
};

/* What one peer has queued here: the receiving link owns one, every message not yet consumed holds a reference.
 * Above the limit the link stops reading (back-pressure). */
struct rpc_credit {
    uint32_t refs;
    size_t bytes;
};

struct rpc_heap;
struct rpc_block;
struct rpc_spares;

/* What travels with a payload. */
#define RPC_MSG_HEAD                                                                                                   \
    uint8_t kind, flags, ndims, hops;                                                                                  \
    uint32_t from; /* PE that sent it first */                                                                         \
    uint32_t method, root;                                                                                             \
    uint64_t target, index[3], reply, seq;

struct rpc_msg_head {
    RPC_MSG_HEAD
};

struct chariot_msg {
    uint32_t refs;
    uint32_t number; /* not sent; set where objects/meter.h counts: which of its sender's messages it is, from 1 */
    union {
        struct {
            RPC_MSG_HEAD
        };
        struct rpc_msg_head head; /* the same, as one */
    };
    uint8_t *payload; /* behind this header, or in a block of the heap, or borrowed */
    size_t size;      /* payload bytes in use */
    size_t capacity;  /* payload bytes allocated */
    struct chariot_msg *next;
    struct rpc_credit *credit; /* NULL: local, or consumed already */
    void *object;              /* a face's object in place of, or decoded from, the payload; never sent */
    void (*object_drop)(void *object);
    struct rpc_heap *heap;      /* borrowed; a payload that grows large moves there. NULL: none */
    struct rpc_block *block;    /* owned: of this PE's heap, with the payload or a copy of it. NULL: none */
    _Atomic(uint32_t) *holders; /* of the memory that the payload lies in, this message being one; NULL: nobody else */
    void *lender;               /* of a borrowed payload; told when the message is freed */
    void (*give_back)(void *lender, struct chariot_msg *msg);
    struct rpc_spares *home; /* where its memory goes when it is freed (spare.h); NULL: to malloc */
    uint8_t wire_[96];       /* its last RPC_WIRE_BYTES precede the payload */
};

_Static_assert(sizeof(struct chariot_msg) % 16 == 0, "payload must stay 16-byte aligned");

static inline uint8_t *rpc_msg_payload(const struct chariot_msg *msg) {
    return msg->payload;
}

/* True where the payload is the message's own, with room in front of it for the wire form. */
static inline bool rpc_msg_has_wire(const struct chariot_msg *msg) {
    return msg->give_back == NULL;
}

/* Where the wire form of the whole message starts: RPC_WIRE_BYTES before its payload. */
static inline uint8_t *rpc_msg_wire(const struct chariot_msg *msg) {
    return rpc_msg_payload(msg) - RPC_WIRE_BYTES;
}

/* A zeroed message with room for `capacity` payload bytes and size 0; gives one reference. NULL: out of memory. */
struct chariot_msg *rpc_msg_new(size_t capacity);
/* The same in memory that is there already, with the payload behind the header. */
static inline void rpc_msg_init(struct chariot_msg *msg, size_t capacity) {
    memset(msg, 0, offsetof(struct chariot_msg, wire_));
    msg->refs = 1;
    msg->capacity = capacity;
    msg->payload = (uint8_t *)(msg + 1);
}
/* The same for a PE with this heap (NULL: none). */
struct chariot_msg *rpc_msg_new_in(struct rpc_heap *heap, size_t capacity);
/* A message over `size` bytes at payload, which its lender keeps as they are until give_back(lender, msg). */
struct chariot_msg *rpc_msg_borrow(uint8_t *payload, size_t size, _Atomic(uint32_t) *holders, void *lender,
                                   void (*give_back)(void *lender, struct chariot_msg *msg));
/* Makes room for at least `capacity` payload bytes; may move the message, so *msg is replaced. Only before it is
 * shared (refs 1). CHARIOT_ENOMEM leaves *msg as it was. */
int rpc_msg_reserve(struct chariot_msg **msg, size_t capacity);
/* The block of this heap that has msg's payload, RPC_BLOCK_PAYLOAD behind where its data begin, and is lent in its
 * stead; the payload is copied there where it lies elsewhere. Borrowed from msg. NULL: the heap is full. */
struct rpc_block *rpc_msg_to_lend(struct chariot_msg *msg, struct rpc_heap *heap);
/* Others have it too, or read its payload: it is immutable. */
static inline bool rpc_msg_is_shared(const struct chariot_msg *msg) {
    return msg->refs > 1 || (msg->holders != NULL && atomic_load_explicit(msg->holders, memory_order_acquire) > 1);
}
struct chariot_msg *rpc_msg_ref(struct chariot_msg *msg);
void rpc_msg_unref(struct chariot_msg *msg); /* takes NULL */
/* A message of its own with the same header fields and payload; no object, no credit. NULL: out of memory. */
struct chariot_msg *rpc_msg_copy(const struct chariot_msg *msg);
struct rpc_credit *rpc_credit_new(void);
void rpc_credit_unref(struct rpc_credit *credit);

/* What it counts for against a peer's credit. */
static inline size_t rpc_msg_cost(const struct chariot_msg *msg) {
    return sizeof *msg + msg->size;
}
/* Receiving link: counts msg (its size is final) against credit until it is consumed or freed. Holds a reference. */
static inline void rpc_msg_charge(struct chariot_msg *msg, struct rpc_credit *credit) {
    assert(msg->credit == NULL);
    credit->refs++;
    credit->bytes += rpc_msg_cost(msg);
    msg->credit = credit;
}
/* Gives the sender's credit back: called once when the message leaves the run queue. No effect without one. */
static inline void rpc_msg_consume(struct chariot_msg *msg) {
    struct rpc_credit *credit = msg->credit;
    if (credit == NULL) return;
    assert(credit->bytes >= rpc_msg_cost(msg));
    credit->bytes -= rpc_msg_cost(msg);
    msg->credit = NULL;
    rpc_credit_unref(credit);
}

/* First in, first out, linked through msg->next; owns a reference to each message in it. */
struct rpc_msg_queue {
    struct chariot_msg *head, *tail;
    size_t count;
};
static inline void rpc_msg_queue_push_take(struct rpc_msg_queue *queue, struct chariot_msg *msg) {
    msg->next = NULL;
    if (queue->tail == NULL)
        queue->head = msg;
    else
        queue->tail->next = msg;
    queue->tail = msg;
    queue->count++;
}
/* Gives; NULL: empty. */
static inline struct chariot_msg *rpc_msg_queue_pop(struct rpc_msg_queue *queue) {
    struct chariot_msg *msg = queue->head;
    if (msg == NULL) return NULL;
    queue->head = msg->next;
    if (queue->head == NULL) queue->tail = NULL;
    queue->count--;
    msg->next = NULL;
    return msg;
}
void rpc_msg_queue_clear(struct rpc_msg_queue *queue);

#endif
