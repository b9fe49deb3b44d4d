/* rpc/shm_ring.h: one writer's records for one reader of another process, in memory that both have mapped.
 *
 * Positions count bytes and never go back; a record lies in one piece, so where it would not fit before the ring's end
 * a record without meaning fills the rest. The writer publishes what it has written by moving the tail, the reader
 * frees what it has read by moving the head; neither sees the other's work half done, also where the other is killed.
 *
 * What stands in the shared memory is the other side's claim. Each side keeps its own position in its own memory, and
 * checks what it reads against it; a ring that makes no sense is damaged, and stays so. */
#ifndef CHARIOT_RPC_SHM_RING_H
#define CHARIOT_RPC_SHM_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RPC_RING_HEAD_BYTES = 128, /* of struct rpc_ring, in front of the records */
    RPC_RING_RECORD_BYTES = 8, /* in front of each record: its size and its type */
    RPC_RING_SMALLEST = 1024,  /* bytes of records that a ring holds at least; always a power of two */
    RPC_RING_PARTS = 4,        /* a record is at most the ring's size through this */
};

/* The shared part; each side writes a cache line of its own. Begins zeroed. */
struct rpc_ring {
    _Alignas(64) _Atomic(uint64_t) tail; /* by the writer */
    _Atomic(uint32_t) writer_waits;      /* by the writer: wake me when there is room again. By the reader: seen */
    _Atomic(uint32_t) closed;            /* by the writer: nothing comes behind the tail any more */
    _Alignas(64) _Atomic(uint64_t) head; /* by the reader */
    _Atomic(uint64_t) taken;             /* by the reader: bytes that it was lent and has seen */
};
_Static_assert(sizeof(struct rpc_ring) == RPC_RING_HEAD_BYTES, "part of the protocol");

static inline size_t rpc_ring_bytes(size_t size) {
    return sizeof(struct rpc_ring) + size;
}

/* ---------------------------------------------------------------- writing */

struct rpc_ring_writer {
    struct rpc_ring *ring;
    uint8_t *records;
    uint64_t size;
    uint64_t tail; /* published or not */
    uint64_t head; /* as last seen */
    bool damaged;
};

void rpc_ring_writer_init(struct rpc_ring_writer *writer, void *memory, size_t size);
/* Room for a record of `size` bytes, at most a RPC_RING_PARTS-th of the ring, aligned to 8. NULL: not now. */
void *rpc_ring_reserve(struct rpc_ring_writer *writer, uint32_t size, uint32_t type);
/* Publishes all that was reserved. */
void rpc_ring_publish(struct rpc_ring_writer *writer);
/* Says that this was all. */
void rpc_ring_close(struct rpc_ring_writer *writer);
/* True when at least half of the ring is free. */
bool rpc_ring_has_room(struct rpc_ring_writer *writer);

/* ---------------------------------------------------------------- reading */

struct rpc_ring_reader {
    struct rpc_ring *ring; /* NULL: not known yet */
    const uint8_t *records;
    uint64_t size;
    uint64_t head;   /* of the record to be read next */
    uint64_t tail;   /* as last seen */
    uint64_t free;   /* head as published */
    const char *why; /* what is wrong with the ring; NULL: nothing */
};

void rpc_ring_reader_init(struct rpc_ring_reader *reader, void *memory, size_t size);
/* The next record, borrowed until it is freed; NULL: none, or damaged. The writer can still change its bytes: read each
 * once, then check. */
const void *rpc_ring_next(struct rpc_ring_reader *reader, uint32_t *size, uint32_t *type);
/* Lets the writer have the room of all records that were read. */
void rpc_ring_free(struct rpc_ring_reader *reader);
/* True when all was read and the writer has said that it was all. */
bool rpc_ring_is_over(const struct rpc_ring_reader *reader);
/* True when there is something that was not read. */
static inline bool rpc_ring_has_more(const struct rpc_ring_reader *reader) {
    return reader->ring != NULL && reader->why == NULL &&
           atomic_load_explicit(&reader->ring->tail, memory_order_acquire) != reader->head;
}

#endif
