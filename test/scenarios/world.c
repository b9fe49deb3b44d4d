#include "test/scenarios/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/layout.h"
#include "objects/meter.h"
#include "test/scenarios/wander.h"

static void on_abort(void *ctx, int status, const char *text) {
    struct world *world = ctx;
    if (world->aborts++ > 0) return;
    world->abort_status = status;
    snprintf(world->abort_text, sizeof world->abort_text, "%s", text);
}

static void know_hosts(struct world *world, const uint32_t *hosts) {
    world->layout = obj_layout_new(world->num_pes, hosts);
    assert(world->layout != NULL);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        world->pes[i].layout = world->layout;
        world->pes[i].node.hosts = (uint32_t *)(uintptr_t)hosts;
        world->pes[i].node.num_hosts = world->layout->row.num_hosts;
    }
}

void world_open(struct world *world, struct rpc_sim_config config) {
    *world = (struct world){.num_pes = config.num_pes, .budget = 64};
    int rc = rpc_sim_new(&config, &world->sim);
    assert(rc == 0);
    world->pes = calloc(config.num_pes, sizeof *world->pes);
    world->busy = calloc(config.num_pes, sizeof *world->busy);
    world->dead = calloc(config.num_pes, sizeof *world->dead);
    world->due_ns = calloc(config.num_pes, sizeof *world->due_ns);
    world->free_ns = calloc(config.num_pes, sizeof *world->free_ns);
    assert(world->pes != NULL && world->busy != NULL && world->dead != NULL);
    assert(world->due_ns != NULL && world->free_ns != NULL);
    for (uint32_t i = 0; i < config.num_pes; i++) {
        struct chariot_pe *pe = &world->pes[i];
        pe->node.pe = i;
        pe->node.num_pes = config.num_pes;
        pe->around = (struct obj_surroundings){.ctx = world, .on_abort = on_abort};
        rc = obj_pe_init(pe);
        assert(rc == 0);
        rc = rpc_sim_open(world->sim, &pe->node);
        assert(rc == 0);
        world->due_ns[i] = RPC_FOREVER_NS;
    }
    if (config.hosts != NULL) know_hosts(world, config.hosts);
    world->wander = wander_new(world, config.seed);
}

uint32_t world_register(struct world *world, const struct chariot_type *type) {
    uint32_t id = 0;
    if (world->wander != NULL) type = wander_type(world->wander, type);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        int rc = chariot_type_register(&world->pes[i], type, &id);
        assert(rc == 0);
    }
    return id;
}

uint32_t world_register_reducer(struct world *world, const struct chariot_reducer *reducer) {
    uint32_t id = 0;
    for (uint32_t i = 0; i < world->num_pes; i++) {
        int rc = chariot_reducer_register(&world->pes[i], reducer, &id);
        assert(rc == 0);
    }
    return id;
}

void world_wake(struct world *world, uint32_t pe) {
    world->busy[pe] = true;
}

void world_start(struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) {
        obj_start(&world->pes[i]);
        world_wake(world, i);
    }
}

static bool runs(const struct world *world, uint32_t pe) {
    return !world->dead[pe] && !world->pes[pe].ending;
}

/* True: there is more to do now. */
static bool step(struct world *world, uint32_t i, int64_t now) {
    struct chariot_pe *pe = &world->pes[i];
    world->busy[i] = runs(world, i) && obj_pe_step(pe, now, world->budget);
    if (world->notes_idle && !world->busy[i]) OBJ_METER(pe, obj_meter_note_idle(pe));
    world->due_ns[i] = runs(world, i) ? obj_pe_deadline_ns(pe) : RPC_FOREVER_NS;
    world->free_ns[i] = now + world->step_ns;
    return world->busy[i] && world->step_ns == 0;
}

/* Looks at the PEs' own structs only where there is something to do: of 100,000 most rest. */
bool world_step(struct world *world) {
    bool busy = false;
    int64_t now = rpc_sim_now_ns(world->sim);
    for (uint32_t pe; rpc_sim_next_ready(world->sim, &pe);) {
        if (!runs(world, pe)) continue;
        rpc_node_poll(&world->pes[pe].node, false);
        world->busy[pe] = true;
    }
    for (uint32_t i = 0; i < world->num_pes; i++) {
        bool due = world->busy[i] || world->due_ns[i] <= now;
        if (due && world->free_ns[i] <= now && step(world, i, now)) busy = true;
    }
    world->steps++;
    if (world->wander != NULL) wander_step(world->wander);
    return busy;
}

void world_meanwhile(struct world *world, uint32_t pe, int passes) {
    for (; passes > 0; passes--) {
        rpc_sim_advance(world->sim, RPC_FOREVER_NS);
        for (uint32_t i; rpc_sim_next_ready(world->sim, &i);) {
            if (!runs(world, i)) continue;
            rpc_node_poll(&world->pes[i].node, false);
            world->busy[i] = true;
        }
        for (uint32_t i = 0; i < world->num_pes; i++) {
            if (i != pe && world->busy[i]) step(world, i, rpc_sim_now_ns(world->sim));
        }
    }
}

/* When a PE that has more to do is free for it. */
static int64_t next_free_ns(const struct world *world) {
    int64_t first = RPC_FOREVER_NS;
    for (uint32_t i = 0; i < world->num_pes; i++) {
        if (world->busy[i] && world->free_ns[i] < first) first = world->free_ns[i];
    }
    return first;
}

int64_t world_deadline_ns(const struct world *world) {
    int64_t first = RPC_FOREVER_NS;
    for (uint32_t i = 0; i < world->num_pes; i++) {
        int64_t due_ns = world->due_ns[i] > world->free_ns[i] ? world->due_ns[i] : world->free_ns[i];
        if (world->due_ns[i] != RPC_FOREVER_NS && due_ns < first) first = due_ns;
    }
    int64_t free_ns = next_free_ns(world);
    return free_ns < first ? free_ns : first;
}

bool world_ended(struct world *world) {
    if (world->aborts > 0) return true;
    while (world->first_alive < world->num_pes && !runs(world, world->first_alive)) world->first_alive++;
    return world->first_alive == world->num_pes;
}

/* After obj_start() a PE waits for itself at least. */
static bool started(const struct world *world) {
    return world->pes[0].ready_hash != 0;
}

bool world_run(struct world *world) {
    if (!started(world)) world_start(world);
    while (!world_ended(world)) {
        if (world_step(world)) continue;
        int64_t due = world_deadline_ns(world);
        if (!rpc_sim_advance(world->sim, due) && due == RPC_FOREVER_NS) return world_ended(world);
    }
    return true;
}

void world_settle(struct world *world) {
    if (!started(world)) world_start(world);
    int64_t free_ns;
    do {
        while (world_step(world)) continue;
        free_ns = next_free_ns(world);
    } while (rpc_sim_advance(world->sim, free_ns) || free_ns != RPC_FOREVER_NS);
}

void world_kill(struct world *world, uint32_t pe) {
    world->dead[pe] = true;
    rpc_sim_kill(world->sim, pe);
}

struct clean_check {
    bool clean;
};

static void check_coll(void *value, void *ctx) {
    const struct obj_coll *coll = value;
    struct clean_check *check = ctx;
    check->clean = check->clean && coll->waiting.count == 0 && coll->kept.count == 0;
}

bool world_is_clean(const struct world *world) {
    struct clean_check check = {.clean = true};
    for (uint32_t i = 0; i < world->num_pes; i++) {
        const struct chariot_pe *pe = &world->pes[i];
        obj_map_each(&pe->collections, check_coll, &check);
        bool no_orphans = pe->orphans.count == 0 || (world->wander != NULL && pe->ending); /* moved as the job ended */
        check.clean = check.clean && no_orphans && pe->reductions.count == 0 && pe->streams.count == 0 &&
                      pe->results.count == 0 && pe->allreduces.count == 0 && pe->relays.count == 0 &&
                      pe->channel_strays.count == 0;
    }
    return check.clean;
}

void world_close(struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) obj_pe_deinit(&world->pes[i]);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        struct rpc_transport *transport = world->pes[i].node.transport;
        transport->ops->close(transport, true);
    }
    wander_free(world->wander);
    rpc_sim_free(world->sim);
    obj_layout_free(world->layout);
    free(world->pes);
    free(world->busy);
    free(world->dead);
    free(world->due_ns);
    free(world->free_ns);
}
