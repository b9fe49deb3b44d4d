/* test/unit/fault_alloc.h: makes the n-th allocation of the file under test fail.
 *
 * Include it first, then the source file itself:
 *
 *     #include "test/unit/fault_alloc.h"
 *     #include "rpc/frame.c"
 *
 * From there on malloc, calloc, realloc, strdup and strndup are ours in this one translation unit. Other files that the
 * code under test calls into can be included in the same way, so that their allocations count too; the binary then
 * takes no object of theirs from the library.
 *
 *     FAULT_SWEEP(n) { int error = work(); if (error == 0) FAULT_DONE; CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM); }
 *
 * runs its body with the first, second, ... allocation failing, until FAULT_DONE is reached with no failure having
 * occurred. Leaks are AddressSanitizer's to find, and fault_live() counts what is allocated and not freed in any mode,
 * as long as the files under test free only what they allocated (free is counted too). */
#ifndef CHARIOT_TEST_UNIT_FAULT_ALLOC_H
#define CHARIOT_TEST_UNIT_FAULT_ALLOC_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static long fault_countdown; /* 0: no fault; 1: the next allocation fails */
static bool fault_hit;
static long fault_live_;

static inline void fault_arm(long nth) {
    fault_countdown = nth;
    fault_hit = false;
}

static inline void fault_disarm(void) {
    fault_countdown = 0;
}

static inline long fault_live(void) {
    return fault_live_;
}

static inline bool fault_now(void) {
    if (fault_countdown == 0 || --fault_countdown > 0) return false;
    fault_hit = true;
    return true;
}

static inline void *fault_count(void *block) {
    if (block != NULL) fault_live_++;
    return block;
}

static inline void *fault_malloc(size_t size) {
    return fault_now() ? NULL : fault_count(malloc(size));
}

static inline void *fault_calloc(size_t count, size_t size) {
    return fault_now() ? NULL : fault_count(calloc(count, size));
}

static inline void *fault_realloc(void *block, size_t size) {
    if (fault_now()) return NULL;
    void *moved = realloc(block, size);
    return block == NULL ? fault_count(moved) : moved;
}

static inline char *fault_strdup(const char *text) {
    return fault_now() ? NULL : fault_count(strdup(text));
}

static inline char *fault_strndup(const char *text, size_t size) {
    return fault_now() ? NULL : fault_count(strndup(text, size));
}

static inline void fault_free(void *block) {
    if (block != NULL) fault_live_--;
    free(block);
}

/* Bounded, so that code which swallows a failure cannot loop for ever. */
enum { FAULT_SWEEP_MAX = 100000 };
#define FAULT_SWEEP(n) for (long n = 1; n < FAULT_SWEEP_MAX && (fault_arm(n), true); n++)
/* Ends the sweep if this pass ran without a failure; goes on where the code coped with one. */
#define FAULT_DONE                                                                                                     \
    {                                                                                                                  \
        fault_disarm();                                                                                                \
        if (!fault_hit) break;                                                                                         \
    }

#undef strdup
#undef strndup
#define malloc(size)         fault_malloc(size)
#define calloc(count, size)  fault_calloc(count, size)
#define realloc(block, size) fault_realloc(block, size)
#define strdup(text)         fault_strdup(text)
#define strndup(text, size)  fault_strndup(text, size)
#define free(block)          fault_free(block)

#endif
