/* test/scenarios/script.h: a program in steps on PE 0: each runs when the future of the one before is complete. */
#ifndef CHARIOT_TEST_SCENARIOS_SCRIPT_H
#define CHARIOT_TEST_SCENARIOS_SCRIPT_H

#include "test/scenarios/world.h"

struct script {
    /* Registers types and reducers on the world that was opened. */
    void (*prepare)(struct script *script, struct world *world);
    /* `done` is complete (NULL in step 0); the step sees to it that `next` will be, or ends the job. */
    void (*play)(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next);
    /* Looks at the world when the job has ended. May be NULL. */
    void (*verify)(struct script *script, struct world *world);
    void *ctx;
    int64_t max_delay_ns; /* 0: 5 ms */
    int status;           /* that all PEs are to exit with */
    int step;             /* the next */
    struct chariot_future *waits;
    struct chariot_waiter waiter;
    struct world world;
};

/* In place of `next`, a future of several values. Called from play(). */
struct chariot_future *script_expect(struct script *script, struct chariot_pe *pe, uint64_t num_values);
/* Runs the script on a world of its own; asserts that all PEs exit with its status. */
void script_run(struct script *script, uint32_t num_pes, uint64_t seed);

/* How many seeds to run: `usual` of them, a fifth where elements wander; per 100 that CHARIOT_SEEDS asks for. */
uint64_t script_seeds(uint64_t usual);

#endif
