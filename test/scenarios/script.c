#include "test/scenarios/script.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/scenarios/wander.h"

static void run_step(struct chariot_pe *pe, void *ctx) {
    struct script *script = ctx;
    struct chariot_future *done = script->waits;
    script->waits = chariot_future_new(pe, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script->waits);
    int step = script->step++;
    script->play(script, pe, step, done, script->waits);
    chariot_future_unref(done);
    script->waiter = (struct chariot_waiter){.fn = run_step, .ctx = script};
    CU_ASSERT_EQUAL(chariot_future_wait(script->waits, &script->waiter), 0);
}

struct chariot_future *script_expect(struct script *script, struct chariot_pe *pe, uint64_t num_values) {
    chariot_future_unref(script->waits);
    script->waits = chariot_future_new(pe, num_values);
    CU_ASSERT_PTR_NOT_NULL_FATAL(script->waits);
    return script->waits;
}

/* The same for every seed, since sums of doubles are the same on the same hosts: one host, several PEs after each other
 * on each, or any PE on any. NULL: one. */
static uint32_t *hosts_of(uint32_t num_pes) {
    if (num_pes % 3 == 0) return NULL;
    uint32_t *hosts = calloc(num_pes, sizeof *hosts);
    CU_ASSERT_PTR_NOT_NULL_FATAL(hosts);
    for (uint32_t pe = 0; pe < num_pes; pe++) {
        hosts[pe] = num_pes % 2 == 0 ? pe / 3 : (uint32_t)((pe + 1) * 2654435761u >> 7) % (1 + num_pes / 3);
    }
    return hosts;
}

void script_run(struct script *script, uint32_t num_pes, uint64_t seed) {
    struct world *world = &script->world;
    uint32_t *hosts = hosts_of(num_pes);
    int64_t delay_ns = script->max_delay_ns == 0 ? 5000000 : script->max_delay_ns;
    world_open(world,
               (struct rpc_sim_config){
                   .num_pes = num_pes, .seed = seed, .max_delay_ns = delay_ns, .through_wire = true, .hosts = hosts});
    world->budget = 1 + (int)(seed % 64);
    script->step = 0;
    script->waits = NULL;
    if (script->prepare != NULL) script->prepare(script, world);
    world->pes[0].entry = run_step;
    world->pes[0].entry_ctx = script;
    bool ended = world_run(world);
    if (!ended || world->abort_text[0] != 0) {
        fprintf(stderr, "%u PEs, seed %llu, step %d: %s\n", num_pes, (unsigned long long)seed, script->step,
                ended ? world->abort_text : "hangs");
    }
    CU_ASSERT_TRUE(ended);
    CU_ASSERT_STRING_EQUAL(world->abort_text, "");
    const char *fault = wander_fault(world->wander);
    if (fault != NULL) fprintf(stderr, "%u PEs, seed %llu: %s\n", num_pes, (unsigned long long)seed, fault);
    CU_ASSERT_PTR_NULL(fault);
    for (uint32_t i = 0; i < num_pes; i++) CU_ASSERT_EQUAL(world->pes[i].status, script->status);
    if (script->verify != NULL) script->verify(script, world);
    chariot_future_unref(script->waits);
    world_close(world);
    free(hosts);
}

uint64_t script_seeds(uint64_t usual) {
    const char *asked = getenv("CHARIOT_SEEDS");
    if (wander_is_on()) usual = (usual + 4) / 5;
    return asked == NULL ? usual : (usual * strtoull(asked, NULL, 10) + 99) / 100;
}
