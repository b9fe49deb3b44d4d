/* test/scenarios/world.h: a job of simulated PEs in one process, in virtual time, replayed from a seed.
 *
 *     struct world world;
 *     world_open(&world, (struct rpc_sim_config){.num_pes = 64, .seed = 7, .max_delay_ns = 1000000});
 *     ... register types on all PEs (world_register), set world.pes[0].entry ...
 *     world_run(&world);           until the job has ended or nothing can happen any more
 *     world_close(&world);
 *
 * Tests may call the public API on any PE between steps, and must then say world_wake(). What a test asks of the world
 * that it cannot give (memory) is asserted. */
#ifndef CHARIOT_TEST_SCENARIOS_WORLD_H
#define CHARIOT_TEST_SCENARIOS_WORLD_H

#include "objects/pe.h"
#include "rpc/loop.h"
#include "rpc/sim.h"

struct world {
    struct rpc_sim *sim;
    struct chariot_pe *pes;
    uint32_t num_pes;
    int budget;           /* messages per PE and step; 64 unless set after world_open() */
    int64_t step_ns;      /* that a PE takes for them; 0 unless set */
    int64_t *free_ns;     /* by PE: when its last step has ended */
    bool notes_idle;      /* a PE without work is idle, to those that measure load, as in run.c; false unless set */
    bool *busy;           /* by PE: has something to do now */
    int64_t *due_ns;      /* by PE: when it has something to do by itself, as of its last step */
    uint32_t first_alive; /* the PEs below have ended */
    bool *dead;           /* by PE: killed, never runs again */
    char abort_text[512]; /* of the first PE that aborted */
    int abort_status;
    int aborts; /* PEs that aborted */
    uint64_t steps;
    struct obj_layout *layout; /* that all PEs share; NULL: they are on one host */
    struct wander *wander;     /* elements move (wander.h); NULL: they do not */
};

/* config.hosts, lent until world_close(), says which host each PE is on. through_wire is what most tests want: messages
 * are packed and read as on a real network. */
void world_open(struct world *world, struct rpc_sim_config config);
/* The same type, or reducer, on every PE; gives its number. */
uint32_t world_register(struct world *world, const struct chariot_type *type);
uint32_t world_register_reducer(struct world *world, const struct chariot_reducer *reducer);
/* What chariot_run() begins with. world_run() calls it where the test has not. */
void world_start(struct world *world);
/* One pass over the PEs that have something to do and are free; true while any has more to do now. */
bool world_step(struct world *world);
/* Runs until the job has ended (true), or nothing can happen any more (false: PEs wait for ever). */
bool world_run(struct world *world);
/* Runs until nothing happens any more but timers; the job goes on. */
void world_settle(struct world *world);
/* The next time at which a PE has something to do by itself; RPC_FOREVER_NS: never. */
int64_t world_deadline_ns(const struct world *world);
void world_wake(struct world *world, uint32_t pe);
/* For user code of PE `pe`, in place of a stand-in: meanwhile messages arrive there too, and the other PEs go on. */
void world_meanwhile(struct world *world, uint32_t pe, int passes);
/* The PE is gone without a goodbye. */
void world_kill(struct world *world, uint32_t pe);
bool world_ended(struct world *world);
/* True when no PE keeps anything of the messages it has handled: nothing waits, nothing is under way. */
bool world_is_clean(const struct world *world);
void world_close(struct world *world);

#endif
