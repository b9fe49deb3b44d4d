/* test/unit/rpc/msg_test.c */
#include "test/unit/fault_alloc.h"

#include "rpc/msg.c"
#include "test/unit/unit.h"

static void drop(void *object) {
    ++*(int *)object;
}

static void a_new_message_is_empty_and_aligned(void) {
    struct chariot_msg *msg = rpc_msg_new(100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    CU_ASSERT_EQUAL(msg->refs, 1);
    CU_ASSERT_EQUAL(msg->size, 0);
    CU_ASSERT_EQUAL(msg->capacity, 100);
    CU_ASSERT_EQUAL(msg->target, 0);
    CU_ASSERT_EQUAL((uintptr_t)rpc_msg_payload(msg) % 16, 0);
    CU_ASSERT_EQUAL(rpc_msg_payload(msg) - rpc_msg_wire(msg), RPC_WIRE_BYTES);
    CU_ASSERT_TRUE(rpc_msg_wire(msg) >= msg->wire_);
    rpc_msg_unref(msg);
    rpc_msg_unref(NULL);
}

static void an_impossible_size_is_out_of_memory(void) {
    CU_ASSERT_PTR_NULL(rpc_msg_new(SIZE_MAX));
    struct chariot_msg *msg = rpc_msg_new(1), *same = msg;
    CU_ASSERT_EQUAL(rpc_msg_reserve(&msg, SIZE_MAX - 10), CHARIOT_ENOMEM);
    CU_ASSERT_PTR_EQUAL(msg, same);
    rpc_msg_unref(msg);
}

static void reserve_keeps_header_and_payload(void) {
    struct chariot_msg *msg = rpc_msg_new(8);
    memcpy(rpc_msg_payload(msg), "chariot", 8);
    msg->size = 8;
    msg->seq = 42;
    CU_ASSERT_EQUAL(rpc_msg_reserve(&msg, 100000), 0);
    CU_ASSERT_TRUE(msg->capacity >= 100000);
    CU_ASSERT_EQUAL(msg->seq, 42);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(msg), "chariot", 8), 0);
    size_t capacity = msg->capacity;
    CU_ASSERT_EQUAL(rpc_msg_reserve(&msg, 10), 0);
    CU_ASSERT_EQUAL(msg->capacity, capacity);
    rpc_msg_unref(msg);
}

static void reserve_byte_by_byte_moves_rarely(void) {
    struct chariot_msg *msg = rpc_msg_new(16);
    size_t grown = 0, capacity = msg->capacity;
    for (size_t size = 1; size <= 1 << 20; size++) {
        CU_ASSERT_EQUAL_FATAL(rpc_msg_reserve(&msg, size), 0);
        grown += msg->capacity != capacity;
        capacity = msg->capacity;
    }
    CU_ASSERT_TRUE(grown < 40);
    rpc_msg_unref(msg);
}

static void the_object_is_dropped_with_the_last_reference(void) {
    int dropped = 0;
    struct chariot_msg *msg = rpc_msg_new(0);
    msg->object = &dropped;
    msg->object_drop = drop;
    rpc_msg_unref(rpc_msg_ref(msg));
    CU_ASSERT_EQUAL(dropped, 0);
    rpc_msg_unref(msg);
    CU_ASSERT_EQUAL(dropped, 1);
}

static void a_copy_shares_nothing(void) {
    int dropped = 0;
    struct rpc_credit *credit = rpc_credit_new();
    struct chariot_msg *msg = rpc_msg_new(64);
    msg->kind = 17, msg->flags = 2, msg->ndims = 3, msg->hops = 4;
    msg->from = 5, msg->method = 6, msg->root = 7, msg->target = 8;
    msg->index[0] = 9, msg->index[1] = 10, msg->index[2] = 11;
    msg->reply = 12, msg->seq = 13, msg->size = 3;
    memcpy(rpc_msg_payload(msg), "abc", 3);
    msg->object = &dropped;
    msg->object_drop = drop;
    rpc_msg_charge(msg, credit);
    struct chariot_msg *copy = rpc_msg_copy(msg);
    CU_ASSERT_EQUAL(memcmp(&copy->kind, &msg->kind, 4), 0);
    CU_ASSERT_EQUAL(copy->from, 5);
    CU_ASSERT_EQUAL(copy->method, 6);
    CU_ASSERT_EQUAL(copy->root, 7);
    CU_ASSERT_EQUAL(memcmp(&copy->target, &msg->target, 6 * 8), 0);
    CU_ASSERT_EQUAL(copy->size, 3);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(copy), "abc", 3), 0);
    CU_ASSERT_PTR_NULL(copy->credit);
    CU_ASSERT_PTR_NULL(copy->object);
    rpc_msg_unref(copy);
    CU_ASSERT_EQUAL(dropped, 0);
    rpc_msg_unref(msg);
    CU_ASSERT_EQUAL(dropped, 1);
    rpc_credit_unref(credit);
}

static void credit_comes_back_when_consumed_or_freed(void) {
    struct rpc_credit *credit = rpc_credit_new();
    struct chariot_msg *consumed = rpc_msg_new(100), *freed = rpc_msg_new(0);
    consumed->size = 100;
    rpc_msg_charge(consumed, credit);
    rpc_msg_charge(freed, credit);
    CU_ASSERT_TRUE(credit->bytes > 100);
    rpc_msg_consume(consumed);
    rpc_msg_consume(consumed);
    CU_ASSERT_TRUE(credit->bytes > 0);
    rpc_msg_unref(freed);
    CU_ASSERT_EQUAL(credit->bytes, 0);
    CU_ASSERT_EQUAL(credit->refs, 1);
    rpc_msg_unref(consumed);
    rpc_credit_unref(credit);
    rpc_credit_unref(NULL);
}

static void credit_outlives_its_link(void) {
    struct rpc_credit *credit = rpc_credit_new();
    struct chariot_msg *msg = rpc_msg_new(10);
    rpc_msg_charge(msg, credit);
    rpc_credit_unref(credit);
    rpc_msg_consume(msg);
    rpc_msg_unref(msg);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void a_queue_is_first_in_first_out(void) {
    struct rpc_msg_queue queue = {0};
    CU_ASSERT_PTR_NULL(rpc_msg_queue_pop(&queue));
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 100; i++) {
            struct chariot_msg *msg = rpc_msg_new(0);
            msg->seq = i;
            rpc_msg_queue_push_take(&queue, msg);
        }
        CU_ASSERT_EQUAL(queue.count, 100);
        for (uint64_t i = 0; i < 100; i++) {
            struct chariot_msg *msg = rpc_msg_queue_pop(&queue);
            CU_ASSERT_EQUAL(msg->seq, i);
            CU_ASSERT_PTR_NULL(msg->next);
            rpc_msg_unref(msg);
        }
        CU_ASSERT_EQUAL(queue.count, 0);
    }
    rpc_msg_queue_push_take(&queue, rpc_msg_new(1));
    rpc_msg_queue_push_take(&queue, rpc_msg_new(1));
    rpc_msg_queue_clear(&queue);
    CU_ASSERT_EQUAL(queue.count, 0);
    CU_ASSERT_PTR_NULL(queue.tail);
}

static int use_everything(void) {
    struct rpc_credit *credit = rpc_credit_new();
    struct chariot_msg *msg = rpc_msg_new(10), *copy = NULL;
    int error = credit == NULL || msg == NULL ? CHARIOT_ENOMEM : rpc_msg_reserve(&msg, 1000);
    if (error == 0 && (copy = rpc_msg_copy(msg)) == NULL) error = CHARIOT_ENOMEM;
    if (error == 0) rpc_msg_charge(copy, credit);
    rpc_msg_unref(copy);
    rpc_msg_unref(msg);
    rpc_credit_unref(credit);
    return error;
}

static void every_allocation_may_fail(void) {
    FAULT_SWEEP(nth) {
        int error = use_everything();
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (error == 0)
            FAULT_DONE
        else
            CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
}

UNIT_MAIN("rpc/msg", UNIT(a_new_message_is_empty_and_aligned), UNIT(an_impossible_size_is_out_of_memory),
          UNIT(reserve_keeps_header_and_payload), UNIT(reserve_byte_by_byte_moves_rarely),
          UNIT(the_object_is_dropped_with_the_last_reference), UNIT(a_copy_shares_nothing),
          UNIT(credit_comes_back_when_consumed_or_freed), UNIT(credit_outlives_its_link),
          UNIT(a_queue_is_first_in_first_out), UNIT(every_allocation_may_fail))
