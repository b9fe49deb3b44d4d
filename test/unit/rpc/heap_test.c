/* test/unit/rpc/heap_test.c */
#include "rpc/heap.c"

#include <string.h>

#include "rpc/msg.h"
#include "test/unit/unit.h"

enum { MIB = 1 << 20 };

static struct rpc_heap *heap_of(size_t size, size_t keep) {
    struct rpc_heap *heap;
    CU_ASSERT_EQUAL_FATAL(rpc_heap_new(size, keep, &heap), 0);
    return heap;
}

static void every_size_has_the_smallest_class_that_holds_it(void) {
    for (unsigned class = 0; class + 1 < CLASSES - 8; class ++) {
        CU_ASSERT_EQUAL(class_of(class_size(class)), class);
        CU_ASSERT_EQUAL(class_of(class_size(class) + 1), class + 1);
        CU_ASSERT_TRUE(class_size(class + 1) > class_size(class));
        CU_ASSERT_EQUAL(class_size(class) % 2048, 0);
    }
    CU_ASSERT_EQUAL(class_of(1), 0);
}

static void a_dropped_block_is_the_next_one(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, MIB);
    struct rpc_block *first = rpc_block_new(heap, 10000), *other = rpc_block_new(heap, 10000);
    CU_ASSERT_PTR_NOT_EQUAL(first, other);
    CU_ASSERT_EQUAL((uintptr_t)rpc_block_data(first) % 64, 0);
    CU_ASSERT_TRUE(rpc_block_room(first) >= 10000);
    memset(rpc_block_data(first), 1, rpc_block_room(first));
    memset(rpc_block_data(other), 2, rpc_block_room(other));
    CU_ASSERT_EQUAL(rpc_block_data(first)[rpc_block_room(first) - 1], 1);
    rpc_block_drop(first);
    CU_ASSERT_PTR_EQUAL(rpc_block_new(heap, 9000), first);
    rpc_block_drop(first);
    rpc_block_drop(other);
    rpc_heap_unref(heap);
}

static void a_lent_block_is_reused_when_all_have_returned_it(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, MIB);
    struct rpc_block *block = rpc_block_new(heap, 10000);
    uint8_t *data = rpc_heap_base(heap) + rpc_block_lend(block);
    CU_ASSERT_PTR_EQUAL(data, rpc_block_data(block));
    rpc_block_lend(block);
    CU_ASSERT_EQUAL(atomic_load(rpc_block_holders(data)), 3);
    rpc_block_drop(block);
    rpc_block_return(data);
    struct rpc_block *other = rpc_block_new(heap, 10000);
    CU_ASSERT_PTR_NOT_EQUAL(other, block);
    rpc_block_return(data);
    CU_ASSERT_PTR_EQUAL(rpc_block_new(heap, 10000), block);
    rpc_block_drop(block);
    rpc_block_drop(other);
    rpc_heap_unref(heap);
}

static void a_full_heap_says_so_and_takes_back_what_is_returned(void) {
    struct rpc_heap *heap = heap_of(4 * MIB, MIB);
    CU_ASSERT_PTR_NULL(rpc_block_new(heap, 5 * MIB));
    CU_ASSERT_PTR_NULL(rpc_block_new(heap, SIZE_MAX));
    struct rpc_block *blocks[64];
    size_t count = 0;
    while (count < 64 && (blocks[count] = rpc_block_new(heap, 100000)) != NULL) count++;
    CU_ASSERT_TRUE(count > 30 && count < 64);
    for (size_t i = 0; i < count; i++) rpc_block_lend(blocks[i]);
    for (size_t i = 0; i < count; i++) rpc_block_drop(blocks[i]);
    CU_ASSERT_PTR_NULL(rpc_block_new(heap, 100000));
    rpc_block_return(rpc_block_data(blocks[count - 1]));
    CU_ASSERT_PTR_EQUAL(rpc_block_new(heap, 100000), blocks[count - 1]);
    rpc_block_drop(blocks[count - 1]);
    rpc_heap_unref(heap);
}

static void pages_beyond_what_is_kept_are_given_back(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, 2 * MIB);
    struct rpc_block *blocks[8];
    for (int i = 0; i < 8; i++) {
        blocks[i] = rpc_block_new(heap, MIB - 4096);
        memset(rpc_block_data(blocks[i]), 7, MIB - 4096);
    }
    for (int i = 0; i < 8; i++) rpc_block_drop(blocks[i]);
    CU_ASSERT_TRUE(heap->warm <= 2 * MIB);
    CU_ASSERT_FALSE(blocks[0]->cold);
    CU_ASSERT_TRUE(blocks[7]->cold);
    struct rpc_block *cold = rpc_block_new(heap, MIB - 4096);
    CU_ASSERT_EQUAL(rpc_block_data(cold)[100000], 0);
    rpc_block_drop(cold);
    rpc_heap_unref(heap);
}

static void a_trimmed_heap_keeps_little(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, 32 * MIB);
    struct rpc_block *blocks[8];
    for (int i = 0; i < 8; i++) {
        blocks[i] = rpc_block_new(heap, MIB - 4096);
        memset(rpc_block_data(blocks[i]), 7, MIB - 4096);
        rpc_block_lend(blocks[i]);
    }
    for (int i = 0; i < 8; i++) rpc_block_drop(blocks[i]);
    rpc_heap_trim(heap, 2 * MIB);
    CU_ASSERT_EQUAL(heap->warm, 0); /* all are away */
    for (int i = 0; i < 8; i++) rpc_block_return(rpc_block_data(blocks[i]));
    rpc_heap_trim(heap, 2 * MIB);
    CU_ASSERT_EQUAL(heap->warm, 2 * MIB);
    rpc_heap_unref(heap);
}

static void blocks_keep_the_heap(void) {
    struct rpc_heap *heap = heap_of(MIB, MIB);
    struct rpc_block *block = rpc_block_new(heap, 100);
    rpc_heap_unref(heap);
    rpc_block_data(block)[0] = 1;
    rpc_block_drop(block);
}

/* ---------------------------------------------------------------- messages in it */

static void a_message_that_grows_large_moves_there(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, MIB);
    struct chariot_msg *msg = rpc_msg_new_in(heap, 8);
    CU_ASSERT_PTR_NULL(msg->block);
    memcpy(rpc_msg_payload(msg), "chariot", 8);
    msg->size = 8;
    for (size_t size = 16; size <= 8 * MIB; size *= 2) CU_ASSERT_EQUAL_FATAL(rpc_msg_reserve(&msg, size), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg->block);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(msg), "chariot", 8), 0);
    CU_ASSERT_EQUAL((uintptr_t)rpc_msg_payload(msg) % 64, 0);
    CU_ASSERT_PTR_EQUAL(rpc_msg_payload(msg), rpc_block_data(msg->block) + RPC_BLOCK_PAYLOAD);
    CU_ASSERT_PTR_EQUAL(rpc_msg_to_lend(msg, heap), msg->block);
    rpc_msg_unref(msg);
    rpc_heap_unref(heap);
}

static void where_the_heap_is_full_a_message_lies_behind_its_header(void) {
    struct rpc_heap *heap = heap_of(MIB, MIB);
    struct chariot_msg *msg = rpc_msg_new_in(heap, 2 * MIB), *grown = rpc_msg_new_in(heap, 500000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    CU_ASSERT_PTR_NULL(msg->block);
    CU_ASSERT_TRUE(msg->capacity >= 2 * MIB);
    memset(rpc_msg_payload(msg), 1, 2 * MIB);
    CU_ASSERT_PTR_NOT_NULL_FATAL(grown->block);
    memcpy(rpc_msg_payload(grown), "chariot", 8);
    grown->size = 8;
    CU_ASSERT_EQUAL(rpc_msg_reserve(&grown, 3 * MIB), 0);
    CU_ASSERT_PTR_NULL(grown->block);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(grown), "chariot", 8), 0);
    rpc_msg_unref(msg);
    rpc_msg_unref(grown);
    rpc_heap_unref(heap);
}

static void another_message_is_lent_as_a_copy_made_once(void) {
    struct rpc_heap *heap = heap_of(64 * MIB, MIB);
    struct chariot_msg *msg = rpc_msg_new(20000);
    msg->size = 20000;
    memset(rpc_msg_payload(msg), 5, 20000);
    struct rpc_block *block = rpc_msg_to_lend(msg, heap);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_PTR_EQUAL(rpc_msg_to_lend(msg, heap), block);
    CU_ASSERT_EQUAL(rpc_block_data(block)[RPC_BLOCK_PAYLOAD + 19999], 5);
    CU_ASSERT_FALSE(rpc_msg_is_shared(msg));
    rpc_msg_unref(msg);
    rpc_heap_unref(heap);
}

static void count_return(void *lender, struct chariot_msg *msg) {
    ++*(int *)lender;
}

static void a_borrowed_message_is_shared_while_others_hold_its_memory(void) {
    _Atomic(uint32_t) holders = 2;
    int returned = 0;
    uint8_t memory[64] = {9};
    struct chariot_msg *msg = rpc_msg_borrow(memory, sizeof memory, &holders, &returned, count_return);
    CU_ASSERT_TRUE(rpc_msg_is_shared(msg));
    atomic_store(&holders, 1);
    CU_ASSERT_FALSE(rpc_msg_is_shared(msg));
    CU_ASSERT_FALSE(rpc_msg_has_wire(msg));
    struct chariot_msg *copy = rpc_msg_copy(msg);
    CU_ASSERT_EQUAL(rpc_msg_payload(copy)[0], 9);
    CU_ASSERT_EQUAL(rpc_msg_reserve(&msg, 1000), 0); /* not the lender's memory any more */
    CU_ASSERT_EQUAL(returned, 1);
    CU_ASSERT_EQUAL(rpc_msg_payload(msg)[0], 9);
    CU_ASSERT_TRUE(rpc_msg_has_wire(msg));
    rpc_msg_unref(copy);
    rpc_msg_unref(msg);
    CU_ASSERT_EQUAL(returned, 1);
}

UNIT_MAIN("rpc/heap", UNIT(every_size_has_the_smallest_class_that_holds_it), UNIT(a_dropped_block_is_the_next_one),
          UNIT(a_lent_block_is_reused_when_all_have_returned_it),
          UNIT(a_full_heap_says_so_and_takes_back_what_is_returned), UNIT(pages_beyond_what_is_kept_are_given_back),
          UNIT(a_trimmed_heap_keeps_little), UNIT(blocks_keep_the_heap), UNIT(a_message_that_grows_large_moves_there),
          UNIT(where_the_heap_is_full_a_message_lies_behind_its_header),
          UNIT(another_message_is_lent_as_a_copy_made_once),
          UNIT(a_borrowed_message_is_shared_while_others_hold_its_memory))
