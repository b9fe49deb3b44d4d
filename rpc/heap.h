/* rpc/heap.h: memory that one PE fills and others on its host read: its heap.
 *
 * A heap is one sealed, nameless memory file (memfd), as large as the address space allows and made of nothing until it
 * is written to. Blocks come from it by size class, the one freed last first, since its pages are warm. A block is lent
 * to other PEs by telling them its offset; each of them lowers the count of holders when it has done with it, and the
 * owner reuses a block that it has dropped itself and that nobody holds.
 *
 * What the owner must be able to rely on (free lists, sizes) lies outside of the shared memory; in it are only the
 * counts and what is written into blocks.
 *
 * A heap and its blocks may be used from any thread of its process: messages are made and dropped by user code, which
 * does not have the turn. */
#ifndef CHARIOT_RPC_HEAP_H
#define CHARIOT_RPC_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rpc_heap;
struct rpc_block;

enum {
    RPC_BLOCK_HEAD_BYTES = 64, /* in front of a block's data, in the shared memory: the count of its holders */
};

/* Of `size` bytes at most, of which up to `keep` stay allocated while they are free. Gives a reference. CHARIOT_ENOMEM.
 */
int rpc_heap_new(size_t size, size_t keep, struct rpc_heap **out);
struct rpc_heap *rpc_heap_ref(struct rpc_heap *heap);
void rpc_heap_unref(struct rpc_heap *heap); /* takes NULL; blocks hold references too */

int rpc_heap_fd(const struct rpc_heap *heap); /* borrowed */
uint8_t *rpc_heap_base(const struct rpc_heap *heap);
size_t rpc_heap_size(const struct rpc_heap *heap);

/* Takes back some of what has been returned: before a sleep. */
void rpc_heap_tidy(struct rpc_heap *heap);
/* Gives the system the pages of free blocks, but for `keep` bytes: before a long sleep. */
void rpc_heap_trim(struct rpc_heap *heap, size_t keep);

/* A block with room for `size` bytes of data, aligned to 64; its content is undefined. NULL: the heap is full. */
struct rpc_block *rpc_block_new(struct rpc_heap *heap, size_t size);
uint8_t *rpc_block_data(const struct rpc_block *block);
size_t rpc_block_room(const struct rpc_block *block);
struct rpc_heap *rpc_block_heap(const struct rpc_block *block);
/* The owner has done with it. */
void rpc_block_drop(struct rpc_block *block);

/* How many hold it, its owner (until it drops it) and its borrowers, by where its data begin in any mapping. Once it is
 * one's own hold alone it stays so, unless one is the owner and lends it again. */
_Atomic(uint32_t) *rpc_block_holders(uint8_t *data);
/* Counts one borrower more, and gives the offset of the data by which it finds the block. */
uint64_t rpc_block_lend(struct rpc_block *block);
/* By a borrower, in its own mapping of the heap: `data` is where the block's data begin. */
void rpc_block_return(uint8_t *data);

#endif
