#include "test/scenarios/growth.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct growth_model growth_steps = {.hop_ns = GROWTH_STEP_NS};

const char *const growth_keys[GROWTH_NUM_OPS] = {
#define GROWTH_KEY(name, key) key,
    GROWTH_OPS(GROWTH_KEY)
#undef GROWTH_KEY
};

/* ---------------------------------------------------------------- life */

static void on_send(void *ctx, uint32_t from, uint32_t to) {
    struct growth *growth = ctx;
    growth->handled[from]++;
    growth->handled[to]++;
    if (growth->hosts != NULL && growth->hosts[from] != growth->hosts[to]) growth->between++;
}

static void know_hosts(struct growth *growth) {
    uint32_t per_host = growth->model.pes_per_host, num_pes = growth->num_pes;
    if (per_host == 0) return;
    growth->hosts = calloc(num_pes, sizeof *growth->hosts);
    assert(growth->hosts != NULL);
    for (uint32_t i = 0; i < num_pes; i++) growth->hosts[i] = i / per_host;
}

void growth_open(struct growth *growth, uint32_t num_pes, const struct growth_model *model) {
    *growth = (struct growth){.num_pes = num_pes, .model = *model};
    growth->handled = calloc(num_pes, sizeof *growth->handled);
    assert(growth->handled != NULL);
    know_hosts(growth);
    world_open(&growth->world, (struct rpc_sim_config){.num_pes = num_pes,
                                                       .min_delay_ns = model->hop_ns,
                                                       .max_delay_ns = model->hop_ns,
                                                       .between_ns = model->between_ns,
                                                       .message_ns = model->message_ns,
                                                       .hosts = growth->hosts,
                                                       .on_send = on_send,
                                                       .ctx = growth});
    growth->world.step_ns = model->message_ns;
    if (model->message_ns > 0) growth->world.budget = 1;
    growth_register(growth);
}

void growth_close(struct growth *growth) {
    world_close(&growth->world);
    free(growth->handled);
    free(growth->hosts);
    free(growth->said);
}

/* ---------------------------------------------------------------- one operation */

static double real_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Timers too, as long as `done` is not complete. */
static void run(struct growth *growth, struct chariot_future *done) {
    struct world *world = &growth->world;
    world_settle(world);
    while (done != NULL && !chariot_future_ready(done)) {
        rpc_sim_advance(world->sim, world_deadline_ns(world));
        world_settle(world);
    }
    chariot_future_unref(done);
}

void growth_measure(struct growth *growth, enum growth_op op, struct chariot_future *(*begin)(struct growth *growth)) {
    struct growth_cost *cost = &growth->cost[op];
    struct rpc_sim *sim = growth->world.sim;
    int64_t since_ns = rpc_sim_now_ns(sim);
    uint64_t messages = rpc_sim_messages(sim), bytes = rpc_sim_bytes(sim);
    memset(growth->handled, 0, growth->num_pes * sizeof *growth->handled);
    growth->between = 0;
    double since_s = real_now_s();
    run(growth, begin(growth));
    *cost = (struct growth_cost){.time_ns = rpc_sim_now_ns(sim) - since_ns,
                                 .messages = rpc_sim_messages(sim) - messages,
                                 .bytes = rpc_sim_bytes(sim) - bytes,
                                 .between = growth->between,
                                 .real_s = real_now_s() - since_s};
    for (uint32_t i = 0; i < growth->num_pes; i++) {
        if (growth->handled[i] > cost->busiest) cost->busiest = growth->handled[i];
    }
}
