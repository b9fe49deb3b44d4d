/* rpc/heap.c: a PE's heap in shared memory (heap.h).
 *
 * Sizes are rounded up to one of four classes per power of two: address space is plentiful, and pages that are never
 * written to take no memory. A block keeps its place and its class for ever.
 *
 *   new -> used -> dropped: nobody else holds it -> free list of its class -> used ...
 *                           else                 -> away, looked at again by later allocations */
#include "rpc/heap.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpc/error.h"

enum {
    SMALLEST_BITS = 13, /* of the smallest class: 8 KiB */
    CLASSES = (64 - SMALLEST_BITS) * 4,
    LOOKS = 8,       /* blocks that are away and looked at by one allocation */
    TIDY_LOOKS = 64, /* the same before a sleep */
};

struct rpc_block {
    struct rpc_heap *heap; /* holds a reference while the block is used */
    struct rpc_block *next;
    size_t offset; /* of its head */
    size_t size;   /* with its head */
    unsigned class;
    bool cold; /* its pages were given back */
};

struct rpc_heap {
    pthread_mutex_t lock;
    unsigned refs;
    int fd;
    uint8_t *base;
    size_t size, used; /* all; handed out ever */
    size_t keep, warm; /* free bytes to keep; free bytes that have their pages */
    struct rpc_block *free[CLASSES];
    struct rpc_block *away_first, **away_end;
};

static _Atomic(uint32_t) *holders(const struct rpc_block *block) {
    return (_Atomic(uint32_t) *)(void *)(block->heap->base + block->offset);
}

/* ---------------------------------------------------------------- classes */

/* 8, 10, 12, 14, 16, 20, ... KiB. */
static size_t class_size(unsigned class) {
    return (size_t)(4 + class % 4) << (SMALLEST_BITS - 2 + class / 4);
}

static unsigned class_of(size_t size) {
    if (size <= class_size(0)) return 0;
    unsigned bits = 63 - (unsigned)__builtin_clzl(size - 1); /* 2^bits < size <= 2^(bits + 1) */
    unsigned quarter = (unsigned)((size - 1) >> (bits - 2)) & 3;
    return (bits - SMALLEST_BITS) * 4 + quarter + 1;
}

/* ---------------------------------------------------------------- free blocks */

static void give_pages_back(struct rpc_heap *heap, struct rpc_block *block) {
    if (fallocate(heap->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)block->offset, (off_t)block->size) == 0)
        block->cold = true;
}

/* A block whose pages are there counts as warm. */
static void put_free(struct rpc_heap *heap, struct rpc_block *block) {
    if (heap->warm + block->size > heap->keep) give_pages_back(heap, block);
    if (!block->cold) heap->warm += block->size;
    block->next = heap->free[block->class];
    heap->free[block->class] = block;
}

static void put_away(struct rpc_heap *heap, struct rpc_block *block) {
    block->next = NULL;
    *heap->away_end = block;
    heap->away_end = &block->next;
}

/* Looks at up to `looks` blocks that are away; those that are held still go to the end. */
static void look_at_away(struct rpc_heap *heap, size_t looks) {
    struct rpc_block *last = NULL;
    while (looks-- > 0 && heap->away_first != NULL && heap->away_first != last) {
        struct rpc_block *block = heap->away_first;
        heap->away_first = block->next;
        if (heap->away_first == NULL) heap->away_end = &heap->away_first;
        if (atomic_load_explicit(holders(block), memory_order_acquire) == 0) {
            put_free(heap, block);
        } else {
            if (last == NULL) last = block;
            put_away(heap, block);
        }
    }
}

static struct rpc_block *take_free(struct rpc_heap *heap, unsigned class) {
    struct rpc_block *block = heap->free[class];
    if (block == NULL) return NULL;
    heap->free[class] = block->next;
    if (!block->cold) heap->warm -= block->size;
    block->cold = false;
    return block;
}

static struct rpc_block *carve(struct rpc_heap *heap, unsigned class) {
    size_t size = class_size(class);
    if (size > heap->size - heap->used) return NULL;
    struct rpc_block *block = malloc(sizeof *block);
    if (block == NULL) return NULL;
    *block = (struct rpc_block){.heap = heap, .offset = heap->used, .size = size, .class = class};
    heap->used += size;
    return block;
}

/* ---------------------------------------------------------------- blocks */

struct rpc_block *rpc_block_new(struct rpc_heap *heap, size_t size) {
    if (size > heap->size - RPC_BLOCK_HEAD_BYTES) return NULL;
    unsigned class = class_of(size + RPC_BLOCK_HEAD_BYTES);
    pthread_mutex_lock(&heap->lock);
    look_at_away(heap, LOOKS);
    struct rpc_block *block = take_free(heap, class);
    if (block == NULL) block = carve(heap, class);
    if (block == NULL) {
        look_at_away(heap, SIZE_MAX);
        block = take_free(heap, class);
    }
    if (block != NULL) heap->refs++;
    pthread_mutex_unlock(&heap->lock);
    if (block != NULL) atomic_store_explicit(holders(block), 1, memory_order_relaxed);
    return block;
}

uint8_t *rpc_block_data(const struct rpc_block *block) {
    return block->heap->base + block->offset + RPC_BLOCK_HEAD_BYTES;
}

size_t rpc_block_room(const struct rpc_block *block) {
    return block->size - RPC_BLOCK_HEAD_BYTES;
}

struct rpc_heap *rpc_block_heap(const struct rpc_block *block) {
    return block->heap;
}

void rpc_block_drop(struct rpc_block *block) {
    struct rpc_heap *heap = block->heap;
    pthread_mutex_lock(&heap->lock);
    if (atomic_fetch_sub_explicit(holders(block), 1, memory_order_acq_rel) == 1)
        put_free(heap, block);
    else
        put_away(heap, block);
    pthread_mutex_unlock(&heap->lock);
    rpc_heap_unref(heap);
}

uint64_t rpc_block_lend(struct rpc_block *block) {
    atomic_fetch_add_explicit(holders(block), 1, memory_order_relaxed);
    return block->offset + RPC_BLOCK_HEAD_BYTES;
}

_Atomic(uint32_t) *rpc_block_holders(uint8_t *data) {
    return (_Atomic(uint32_t) *)(void *)(data - RPC_BLOCK_HEAD_BYTES);
}

void rpc_block_return(uint8_t *data) {
    atomic_fetch_sub_explicit(rpc_block_holders(data), 1, memory_order_release);
}

/* ---------------------------------------------------------------- heaps */

/* Nobody who is given the file may shrink it under those that have mapped it. */
static int file_new(size_t size) {
    int fd = memfd_create("chariot-heap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -1;
}

int rpc_heap_new(size_t size, size_t keep, struct rpc_heap **out) {
    struct rpc_heap *heap = calloc(1, sizeof *heap);
    if (heap == NULL) return CHARIOT_ENOMEM;
    heap->fd = file_new(size);
    void *base = MAP_FAILED;
    if (heap->fd >= 0) base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, heap->fd, 0);
    if (base == MAP_FAILED) {
        if (heap->fd >= 0) close(heap->fd);
        free(heap);
        return CHARIOT_ENOMEM;
    }
    pthread_mutex_init(&heap->lock, NULL);
    heap->refs = 1;
    heap->base = base;
    heap->size = size;
    heap->keep = keep;
    heap->away_end = &heap->away_first;
    *out = heap;
    return 0;
}

struct rpc_heap *rpc_heap_ref(struct rpc_heap *heap) {
    pthread_mutex_lock(&heap->lock);
    heap->refs++;
    pthread_mutex_unlock(&heap->lock);
    return heap;
}

static void free_list(struct rpc_block *block) {
    for (struct rpc_block *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
}

void rpc_heap_unref(struct rpc_heap *heap) {
    if (heap == NULL) return;
    pthread_mutex_lock(&heap->lock);
    assert(heap->refs > 0);
    bool last = --heap->refs == 0;
    pthread_mutex_unlock(&heap->lock);
    if (!last) return;
    for (unsigned class = 0; class < CLASSES; class ++) free_list(heap->free[class]);
    free_list(heap->away_first);
    munmap(heap->base, heap->size);
    close(heap->fd);
    pthread_mutex_destroy(&heap->lock);
    free(heap);
}

int rpc_heap_fd(const struct rpc_heap *heap) {
    return heap->fd;
}

uint8_t *rpc_heap_base(const struct rpc_heap *heap) {
    return heap->base;
}

size_t rpc_heap_size(const struct rpc_heap *heap) {
    return heap->size;
}

void rpc_heap_tidy(struct rpc_heap *heap) {
    pthread_mutex_lock(&heap->lock);
    look_at_away(heap, TIDY_LOOKS);
    pthread_mutex_unlock(&heap->lock);
}

static void trim_class(struct rpc_heap *heap, unsigned class, size_t keep) {
    for (struct rpc_block *block = heap->free[class]; block != NULL && heap->warm > keep; block = block->next) {
        if (block->cold) continue;
        give_pages_back(heap, block);
        if (block->cold) heap->warm -= block->size;
    }
}

/* The largest first: few calls for much memory. */
void rpc_heap_trim(struct rpc_heap *heap, size_t keep) {
    pthread_mutex_lock(&heap->lock);
    look_at_away(heap, SIZE_MAX);
    for (unsigned class = CLASSES; class -- > 0 && heap->warm > keep;) trim_class(heap, class, keep);
    pthread_mutex_unlock(&heap->lock);
}
