#include "rpc/shm_ring.h"

#include <assert.h>

enum { FILLER = UINT32_MAX }; /* type of the record that fills the end of the ring */

struct record {
    uint32_t size; /* of what follows, without what rounds it up to 8 */
    uint32_t type;
};
_Static_assert(sizeof(struct record) == RPC_RING_RECORD_BYTES, "part of the protocol");

static uint64_t rounded(uint64_t size) {
    return (size + 7) & ~(uint64_t)7;
}

/* ---------------------------------------------------------------- writing */

void rpc_ring_writer_init(struct rpc_ring_writer *writer, void *memory, size_t size) {
    assert(size >= RPC_RING_SMALLEST && (size & (size - 1)) == 0);
    *writer =
        (struct rpc_ring_writer){.ring = memory, .records = (uint8_t *)memory + RPC_RING_HEAD_BYTES, .size = size};
}

/* The reader may have moved on since. */
static uint64_t free_bytes(struct rpc_ring_writer *writer, uint64_t wanted) {
    uint64_t used = writer->tail - writer->head;
    if (writer->size - used >= wanted) return writer->size - used;
    uint64_t head = atomic_load_explicit(&writer->ring->head, memory_order_acquire);
    if (head - writer->head > used) writer->damaged = true; /* it has read what was not written, or goes back */
    if (!writer->damaged) writer->head = head;
    return writer->size - (writer->tail - writer->head);
}

static void *put(struct rpc_ring_writer *writer, uint32_t size, uint32_t type) {
    struct record *record = (struct record *)(void *)(writer->records + (writer->tail & (writer->size - 1)));
    *record = (struct record){.size = size, .type = type};
    writer->tail += sizeof *record + rounded(size);
    return record + 1;
}

void *rpc_ring_reserve(struct rpc_ring_writer *writer, uint32_t size, uint32_t type) {
    uint64_t need = sizeof(struct record) + rounded(size);
    uint64_t to_end = writer->size - (writer->tail & (writer->size - 1));
    assert(need <= writer->size / RPC_RING_PARTS && type != (uint32_t)FILLER);
    uint64_t all = need <= to_end ? need : need + to_end;
    if (free_bytes(writer, all) < all || writer->damaged) return NULL;
    if (need > to_end) put(writer, (uint32_t)(to_end - sizeof(struct record)), (uint32_t)FILLER);
    return put(writer, size, type);
}

void rpc_ring_publish(struct rpc_ring_writer *writer) {
    atomic_store_explicit(&writer->ring->tail, writer->tail, memory_order_release);
}

void rpc_ring_close(struct rpc_ring_writer *writer) {
    atomic_store_explicit(&writer->ring->closed, 1, memory_order_release);
}

bool rpc_ring_has_room(struct rpc_ring_writer *writer) {
    return free_bytes(writer, writer->size / 2) >= writer->size / 2;
}

/* ---------------------------------------------------------------- reading */

void rpc_ring_reader_init(struct rpc_ring_reader *reader, void *memory, size_t size) {
    *reader = (struct rpc_ring_reader){
        .ring = memory, .records = (const uint8_t *)memory + RPC_RING_HEAD_BYTES, .size = size};
}

static const void *damaged(struct rpc_ring_reader *reader, const char *why) {
    reader->why = why;
    return NULL;
}

/* How many bytes there are to be read; 0 where the ring is damaged too. */
static uint64_t look(struct rpc_ring_reader *reader) {
    if (reader->tail == reader->head) {
        uint64_t tail = atomic_load_explicit(&reader->ring->tail, memory_order_acquire);
        if (tail - reader->head > reader->size || tail % 8 != 0)
            damaged(reader, "its end is where nothing can have been written");
        else
            reader->tail = tail;
    }
    return reader->tail - reader->head;
}

const void *rpc_ring_next(struct rpc_ring_reader *reader, uint32_t *size, uint32_t *type) {
    for (;;) {
        uint64_t there = reader->why == NULL ? look(reader) : 0;
        if (there == 0) return NULL;
        uint64_t at = reader->head & (reader->size - 1);
        struct record record = *(const volatile struct record *)(const void *)(reader->records + at);
        uint64_t whole = sizeof record + rounded(record.size);
        if (whole > there || whole > reader->size - at)
            return damaged(reader, "a record is larger than what was written");
        reader->head += whole;
        if (record.type == (uint32_t)FILLER) continue;
        *size = record.size;
        *type = record.type;
        return reader->records + at + sizeof record;
    }
}

bool rpc_ring_is_over(const struct rpc_ring_reader *reader) {
    return reader->ring != NULL && atomic_load_explicit(&reader->ring->closed, memory_order_acquire) != 0 &&
           !rpc_ring_has_more(reader);
}

void rpc_ring_free(struct rpc_ring_reader *reader) {
    if (reader->free == reader->head) return;
    reader->free = reader->head;
    atomic_store_explicit(&reader->ring->head, reader->head, memory_order_release);
}
