/* rpc/turn.c: the rare half of the biased lock (turn.h).
 *
 * Why both sides never have it at once (Dekker's argument): each side stores its own flag and then loads the other's.
 *
 *   scheduler: taken := true;    [A] load borrowed: false -> it has the turn; true -> it waits for false
 *   stand-in:  borrowed := true; [B] load taken:    false -> it has the turn; true -> it gives up, borrowed := false
 *
 * They could both read false only if each load went ahead of the other's store. With sequentially consistent stores and
 * loads (`fences`) the language forbids that. Otherwise the scheduler has only a compiler barrier at [A], and the
 * stand-in's membarrier at [B] makes each thread of the process pass a full barrier somewhere in its program: where the
 * scheduler passes it before its store, its load comes later still and sees `borrowed`; where after, the store is seen
 * at [B].
 *
 * While it waits the scheduler leaves `taken` true, so that the stand-in cannot borrow a second time ahead of it: what
 * it waits for is at most one stay of the stand-in. */
#include "rpc/turn.h"

#include <assert.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN true
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN false
#endif

static bool membarrier(int command) {
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

void rpc_turn_init(struct rpc_turn *turn) {
    turn->shared = false;
    turn->fences = false;
    atomic_init(&turn->taken, true);
    atomic_init(&turn->borrowed, false);
}

void rpc_turn_share(struct rpc_turn *turn) {
    assert(atomic_load(&turn->taken) && !turn->shared);
    turn->fences = UNDER_TSAN || !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    turn->shared = true;
}

void rpc_turn_take_slow(struct rpc_turn *turn) {
    while (atomic_load(&turn->borrowed)) sched_yield();
}

bool rpc_turn_borrow(struct rpc_turn *turn) {
    /* Without the question first, a stand-in that looks in vain would slow the scheduler down each time. */
    if (!turn->shared || atomic_load(&turn->taken)) return false;
    atomic_store(&turn->borrowed, true);
    bool ordered = turn->fences || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    if (ordered && !atomic_load(&turn->taken)) return true;
    rpc_turn_return(turn);
    return false;
}

void rpc_turn_return(struct rpc_turn *turn) {
    assert(atomic_load_explicit(&turn->borrowed, memory_order_relaxed));
    atomic_store(&turn->borrowed, false);
}
