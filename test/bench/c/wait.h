/* test/bench/c/wait.h: a word in shared memory that one process changes and others wait for, by one of four policies.
 */
#ifndef CHARIOT_BENCH_WAIT_H
#define CHARIOT_BENCH_WAIT_H

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/bench/c/bench.h"

enum { WAIT_SPIN_NS = 20000 };

/* Spin for ever; sleep at once; spin, then sleep; spin giving up the core in every turn, then sleep. */
enum wait_policy { WAIT_SPIN, WAIT_SLEEP, WAIT_SPIN_SLEEP, WAIT_YIELD_SLEEP, WAIT_POLICIES };
static const char *const wait_names[] = {"spin", "sleep", "spin_sleep", "yield_sleep"};

struct wait_word {
    _Alignas(64) _Atomic uint32_t value;
    _Alignas(64) _Atomic uint32_t sleepers;
};

/* The n-th process of a program that spins for ever keeps a core of its own, as far as there are cores;
 * before, it must not be pinned. */
static inline void wait_pin(int nth) {
    cpu_set_t may, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof may, &may) != 0) return;
    int left = nth % CPU_COUNT(&may);
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &may) && left-- == 0) CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static inline void *wait_shared(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) exit(1);
    return memory;
}

/* Publishes a value; enters the kernel only if somebody sleeps. */
static inline void wait_set(struct wait_word *word, uint32_t value) {
    atomic_store_explicit(&word->value, value, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&word->sleepers, memory_order_relaxed) != 0)
        syscall(SYS_futex, &word->value, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline uint32_t wait_look(struct wait_word *word) {
    return atomic_load_explicit(&word->value, memory_order_acquire);
}

static inline void wait_sleep(struct wait_word *word, uint32_t seen) {
    atomic_store(&word->sleepers, 1);
    while (wait_look(word) == seen) syscall(SYS_futex, &word->value, FUTEX_WAIT, seen, NULL, NULL, 0);
    atomic_store(&word->sleepers, 0);
}

/* Returns the word's value as soon as it is not `seen`. */
static inline uint32_t wait_change(struct wait_word *word, uint32_t seen, enum wait_policy policy) {
    int64_t until = 0;
    uint32_t value;
    for (unsigned turn = 0; (value = wait_look(word)) == seen; turn++) {
        if (policy == WAIT_YIELD_SLEEP) sched_yield();
        if (policy == WAIT_SPIN || (policy != WAIT_SLEEP && turn % 16 != 15)) continue;
        int64_t now = policy == WAIT_SLEEP ? 0 : bench_now_ns();
        if (until == 0) until = now + WAIT_SPIN_NS;
        if (policy == WAIT_SLEEP || now >= until) wait_sleep(word, seen);
    }
    return value;
}

#endif
