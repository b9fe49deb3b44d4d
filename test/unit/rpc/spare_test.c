/* test/unit/rpc/spare_test.c */
#include "test/unit/fault_alloc.h"

#include "rpc/msg.c"
#include "rpc/spare.c"
#include "test/unit/unit.h"

static struct rpc_spares *spares_new(size_t keep) {
    struct rpc_spares *spares = NULL;
    CU_ASSERT_EQUAL_FATAL(rpc_spares_new(keep, &spares), 0);
    return spares;
}

static void a_freed_message_is_the_next_one_and_new_again(void) {
    struct rpc_spares *spares = spares_new(4);
    struct chariot_msg *first = rpc_msg_new_from(spares, 10);
    first->seq = 7, first->size = 3, first->kind = 20;
    rpc_msg_unref(first);
    struct chariot_msg *second = rpc_msg_new_from(spares, RPC_SPARE_PAYLOAD);
    CU_ASSERT_PTR_EQUAL(second, first);
    CU_ASSERT_EQUAL(second->refs, 1);
    CU_ASSERT_EQUAL(second->seq + second->size + second->kind, 0);
    CU_ASSERT_EQUAL(second->capacity, RPC_SPARE_PAYLOAD);
    CU_ASSERT_EQUAL((uintptr_t)rpc_msg_payload(second) % 16, 0);
    rpc_msg_unref(second);
    rpc_spares_release(spares);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void no_more_are_kept_than_asked_for(void) {
    struct rpc_spares *spares = spares_new(2);
    struct chariot_msg *msgs[5];
    for (int i = 0; i < 5; i++) msgs[i] = rpc_msg_new_from(spares, 0);
    for (int i = 0; i < 5; i++) rpc_msg_unref(msgs[i]);
    CU_ASSERT_EQUAL(fault_live(), 3);
    rpc_spares_release(spares);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void large_ones_and_those_of_nobody_are_plain(void) {
    struct rpc_spares *spares = spares_new(2);
    struct chariot_msg *large = rpc_msg_new_from(spares, RPC_SPARE_PAYLOAD + 1), *plain = rpc_msg_new_from(NULL, 5);
    CU_ASSERT_PTR_NULL(large->home);
    CU_ASSERT_PTR_NULL(plain->home);
    CU_ASSERT_EQUAL(plain->capacity, 5);
    rpc_msg_unref(large);
    rpc_msg_unref(plain);
    rpc_spares_release(spares);
    rpc_spares_release(NULL);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void one_that_grows_leaves(void) {
    struct rpc_spares *spares = spares_new(2);
    struct chariot_msg *msg = rpc_msg_new_from(spares, 4);
    memcpy(rpc_msg_payload(msg), "abc", 4);
    msg->size = 4, msg->seq = 9;
    CU_ASSERT_EQUAL(rpc_msg_reserve(&msg, 5000), 0);
    CU_ASSERT_PTR_NULL(msg->home);
    CU_ASSERT_EQUAL(msg->seq, 9);
    CU_ASSERT_STRING_EQUAL(rpc_msg_payload(msg), "abc");
    CU_ASSERT_EQUAL(spares->count, 1);
    rpc_spares_release(spares);
    rpc_msg_unref(msg);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void messages_outlive_their_owner(void) {
    struct rpc_spares *spares = spares_new(2);
    struct chariot_msg *one = rpc_msg_new_from(spares, 4), *two = rpc_msg_new_from(spares, 4);
    rpc_spares_release(spares);
    rpc_msg_unref(one);
    rpc_msg_unref(two);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

struct visit {
    struct rpc_spares *spares;
    struct chariot_msg *msg;
    bool plain;
};

static void *visit_main(void *arg) {
    struct visit *visit = arg;
    rpc_msg_unref(visit->msg);
    struct chariot_msg *msg = rpc_msg_new_from(visit->spares, 4);
    visit->plain = msg->home == NULL;
    rpc_msg_unref(msg);
    return NULL;
}

static void another_thread_frees_and_takes_nothing(void) {
    struct rpc_spares *spares = spares_new(2);
    struct visit visit = {spares, rpc_msg_new_from(spares, 4), false};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, visit_main, &visit), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(visit.plain);
    struct chariot_msg *again = rpc_msg_new_from(spares, 4);
    CU_ASSERT_PTR_EQUAL(again, visit.msg); /* what came back is used */
    rpc_msg_unref(again);
    rpc_spares_release(spares);
    CU_ASSERT_EQUAL(fault_live(), 0);
}

static void every_allocation_may_fail(void) {
    FAULT_SWEEP(nth) {
        struct rpc_spares *spares = NULL;
        struct chariot_msg *msg = NULL;
        int error = rpc_spares_new(2, &spares);
        if (error == 0 && (msg = rpc_msg_new_from(spares, 4)) == NULL) error = CHARIOT_ENOMEM;
        if (error == 0) error = rpc_msg_reserve(&msg, 5000);
        rpc_msg_unref(msg);
        rpc_spares_release(spares);
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (error == 0)
            FAULT_DONE
        else
            CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
}

UNIT_MAIN("rpc/spare", UNIT(a_freed_message_is_the_next_one_and_new_again), UNIT(no_more_are_kept_than_asked_for),
          UNIT(large_ones_and_those_of_nobody_are_plain), UNIT(one_that_grows_leaves),
          UNIT(messages_outlive_their_owner), UNIT(another_thread_frees_and_takes_nothing),
          UNIT(every_allocation_may_fail))
