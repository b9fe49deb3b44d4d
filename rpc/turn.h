/* rpc/turn.h: the turn: who may touch a PE's state right now, its scheduler or its stand-in.
 *
 * The scheduler's thread has the turn while it runs the runtime's own code and lends it while it runs a user's method.
 * A method may compute for a minute; then the stand-in thread (rpc/standin.h) borrows the turn for moments, to keep
 * connections alive, to read, to write what is queued, and to pass on what only travels through this PE.
 *
 * It is a biased lock: the scheduler pays one plain store and one plain load each way and never an atomic instruction
 * or a system call; the stand-in, which is rare, pays for both with membarrier(2). Where that call is not to be had, or
 * under ThreadSanitizer, both sides use full fences.
 *
 *   scheduler: rpc_turn_take() ... runtime code ... rpc_turn_lend() ... user code ... rpc_turn_take() ...
 *   stand-in:  if (rpc_turn_borrow()) { runtime code; rpc_turn_return(); }
 *
 * A turn without a stand-in (`shared` false: simulated PEs, jobs of one PE) costs a load. Calls of the public API come
 * from user code: they take the turn first and lend it last; user code is always entered with the turn lent. */
#ifndef CHARIOT_RPC_TURN_H
#define CHARIOT_RPC_TURN_H

#include <stdatomic.h>
#include <stdbool.h>

struct rpc_turn {
    bool shared;            /* a stand-in exists; set before it starts */
    bool fences;            /* membarrier is not to be had: sequentially consistent stores on both sides */
    _Atomic(bool) taken;    /* by the scheduler */
    _Atomic(bool) borrowed; /* by the stand-in, or asked for */
};

/* Begins with the turn taken by the caller, not shared. */
void rpc_turn_init(struct rpc_turn *turn);
/* From now on a stand-in may borrow. Called by the scheduler's thread with the turn taken. */
void rpc_turn_share(struct rpc_turn *turn);

void rpc_turn_take_slow(struct rpc_turn *turn); /* waits until the stand-in has returned it */

/* Scheduler's thread: takes the turn back. Waits, for microseconds, while the stand-in has it. */
static inline void rpc_turn_take(struct rpc_turn *turn) {
    if (!turn->shared) return;
    if (turn->fences) {
        atomic_store(&turn->taken, true);
    } else {
        atomic_store_explicit(&turn->taken, true, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
    }
    if (__builtin_expect(atomic_load(&turn->borrowed), 0)) rpc_turn_take_slow(turn);
}

/* Scheduler's thread: user code comes next. */
static inline void rpc_turn_lend(struct rpc_turn *turn) {
    if (turn->shared) atomic_store_explicit(&turn->taken, false, memory_order_release);
}

/* Stand-in: true: the caller now has the turn; false: the scheduler has it. Never waits. */
bool rpc_turn_borrow(struct rpc_turn *turn);
void rpc_turn_return(struct rpc_turn *turn);

#endif
