/* test/scenarios/world.h: a job of simulated PEs in one process, in virtual time, replayed from a seed.
 *
 *     struct world world;
 *     world_open(&world, (struct rpc_sim_config){.num_pes = 64, .seed = 7, .max_delay_ns = 1000000});
 *     ... register types on each world.pes[i] (world_register), set world.pes[0].entry ...
 *     world_run(&world);           until the job has ended or nothing can happen any more
 *     world_close(&world);
 */
#ifndef CHARIOT_TEST_SCENARIOS_WORLD_H
#define CHARIOT_TEST_SCENARIOS_WORLD_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/pe.h"
#include "rpc/loop.h"
#include "rpc/sim.h"

struct world {
    struct rpc_sim *sim;
    struct chariot_pe *pes;
    uint32_t num_pes;
    char abort_text[512]; /* of the first PE that aborted */
    int abort_status;
    uint64_t steps;
};

static inline void world_on_abort(void *ctx, int status, const char *text) {
    struct world *world = ctx;
    if (world->abort_text[0] != 0) return;
    world->abort_status = status;
    snprintf(world->abort_text, sizeof world->abort_text, "%s", text);
}

static inline void world_open(struct world *world, struct rpc_sim_config config) {
    memset(world, 0, sizeof *world);
    world->num_pes = config.num_pes;
    int rc = rpc_sim_new(&config, &world->sim);
    assert(rc == 0);
    world->pes = calloc(config.num_pes, sizeof *world->pes);
    assert(world->pes != NULL);
    for (uint32_t i = 0; i < config.num_pes; i++) {
        struct chariot_pe *pe = &world->pes[i];
        pe->node.pe = i;
        pe->node.num_pes = config.num_pes;
        pe->around = (struct obj_surroundings){.ctx = world, .on_abort = world_on_abort};
        rc = obj_pe_init(pe);
        assert(rc == 0);
        rc = rpc_sim_open(world->sim, &pe->node);
        assert(rc == 0);
    }
}

/* The same type on every PE; gives its number. */
static inline uint32_t world_register(struct world *world, const struct chariot_type *type) {
    uint32_t id = 0;
    for (uint32_t i = 0; i < world->num_pes; i++) {
        int rc = chariot_type_register(&world->pes[i], type, &id);
        assert(rc == 0);
    }
    return id;
}

/* One pass over all PEs; true while any has more to do now. */
static inline bool world_step(struct world *world) {
    bool busy = false;
    int64_t now = rpc_sim_now_ns(world->sim);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        struct chariot_pe *pe = &world->pes[i];
        if (pe->ending) continue;
        rpc_node_poll(&pe->node, false);
        busy = obj_pe_step(pe, now, 64) || busy;
    }
    world->steps++;
    return busy;
}

static inline int64_t world_deadline(struct world *world) {
    int64_t first = RPC_FOREVER_NS;
    for (uint32_t i = 0; i < world->num_pes; i++) {
        int64_t due = world->pes[i].ending ? RPC_FOREVER_NS : obj_pe_deadline_ns(&world->pes[i]);
        if (due < first) first = due;
    }
    return first;
}

static inline bool world_ended(const struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) {
        if (!world->pes[i].ending) return world->abort_text[0] != 0;
    }
    return true;
}

/* Runs until the job has ended (true), or nothing can happen any more (false: PEs wait for ever). */
static inline bool world_run(struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) obj_start(&world->pes[i]);
    while (!world_ended(world)) {
        if (world_step(world)) continue;
        int64_t due = world_deadline(world);
        if (!rpc_sim_advance(world->sim, due) && due == RPC_FOREVER_NS && !world_step(world)) {
            if (!rpc_sim_advance(world->sim, RPC_FOREVER_NS)) return world_ended(world);
        }
    }
    return true;
}

static inline void world_close(struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) obj_pe_deinit(&world->pes[i]);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        struct rpc_transport *transport = world->pes[i].node.transport;
        transport->ops->close(transport, true);
    }
    rpc_sim_free(world->sim);
    free(world->pes);
}

#endif
