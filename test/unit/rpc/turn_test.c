/* test/unit/rpc/turn_test.c */
#include "rpc/turn.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "test/unit/unit.h"

enum { TURNS = 100000, BORROWS_WANTED = 100 };

/* Plain numbers on purpose: two sides at once would tear them apart, and ThreadSanitizer would say so. */
struct shared {
    struct rpc_turn turn;
    uint64_t left, right;
    uint64_t torn;
    uint64_t borrows;       /* under the turn */
    _Atomic(uint64_t) seen; /* the same, for the scheduler to look at without it */
    _Atomic(bool) stop;
};

static void touch(struct shared *shared) {
    if (shared->left != shared->right) shared->torn++;
    shared->left++;
    atomic_signal_fence(memory_order_seq_cst);
    shared->right++;
}

static void *stand_in(void *arg) {
    struct shared *shared = arg;
    while (!atomic_load(&shared->stop)) {
        if (!rpc_turn_borrow(&shared->turn)) {
            sched_yield();
            continue;
        }
        for (int i = 0; i < 20; i++) touch(shared);
        shared->borrows++;
        atomic_fetch_add(&shared->seen, 1);
        rpc_turn_return(&shared->turn);
    }
    return NULL;
}

static void run_both_sides(bool fences) {
    struct shared shared = {0};
    rpc_turn_init(&shared.turn);
    rpc_turn_share(&shared.turn);
    if (fences) shared.turn.fences = true;
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, stand_in, &shared), 0);
    uint64_t turns = 0;
    while (turns < TURNS || atomic_load(&shared.seen) < BORROWS_WANTED) {
        touch(&shared);
        rpc_turn_lend(&shared.turn);
        if (turns % 64 == 0) sched_yield();
        rpc_turn_take(&shared.turn);
        turns++;
    }
    atomic_store(&shared.stop, true);
    rpc_turn_lend(&shared.turn);
    pthread_join(thread, NULL);
    rpc_turn_take(&shared.turn);
    CU_ASSERT_EQUAL(shared.torn, 0);
    CU_ASSERT_EQUAL(shared.left, turns + 20 * shared.borrows);
    CU_ASSERT_EQUAL(shared.right, shared.left);
}

static void both_sides_never_have_it_at_once(void) {
    run_both_sides(false);
}

static void neither_do_they_without_membarrier(void) {
    run_both_sides(true);
}

static void a_turn_without_a_stand_in_cannot_be_borrowed(void) {
    struct rpc_turn turn;
    rpc_turn_init(&turn);
    CU_ASSERT_FALSE(rpc_turn_borrow(&turn));
    rpc_turn_lend(&turn);
    CU_ASSERT_FALSE(rpc_turn_borrow(&turn));
    rpc_turn_take(&turn);
}

static void it_is_borrowed_exactly_while_lent(void) {
    struct rpc_turn turn;
    rpc_turn_init(&turn);
    rpc_turn_share(&turn);
    CU_ASSERT_FALSE(rpc_turn_borrow(&turn));
    rpc_turn_lend(&turn);
    CU_ASSERT_TRUE(rpc_turn_borrow(&turn));
    rpc_turn_return(&turn);
    rpc_turn_take(&turn);
    CU_ASSERT_FALSE(rpc_turn_borrow(&turn));
    CU_ASSERT_FALSE(atomic_load(&turn.borrowed));
}

UNIT_MAIN("rpc/turn", UNIT(both_sides_never_have_it_at_once), UNIT(neither_do_they_without_membarrier),
          UNIT(a_turn_without_a_stand_in_cannot_be_borrowed), UNIT(it_is_borrowed_exactly_while_lent))
