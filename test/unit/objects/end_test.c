/* objects/end.c: a PE starts when all have said that they agree, ends once, and says why once. */
#include <string.h>

#include "objects/runtime.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static int entries;

static void entry(struct chariot_pe *pe, void *ctx) {
    entries++;
    CU_ASSERT_PTR_EQUAL(ctx, &entries);
}

static void ready_from(struct world *world, uint32_t from, uint64_t hash) {
    struct chariot_msg *msg = chariot_msg_new(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    msg->kind = OBJ_KIND_READY;
    msg->from = from;
    msg->target = hash;
    obj_upcalls.on_message_take(&world->pes[0], msg);
    world_wake(world, 0);
    world_step(world);
}

/* A world whose PEs have not started; PE 0 has, and has heard itself. */
static void open_starting(struct world *world, uint32_t num_pes) {
    entries = 0;
    world_open(world, (struct rpc_sim_config){.num_pes = num_pes});
    world->pes[0].entry = entry;
    world->pes[0].entry_ctx = &entries;
    obj_start(&world->pes[0]);
    world_wake(world, 0);
    world_step(world);
}

static void the_entry_runs_when_the_last_child_is_ready(void) {
    struct world world;
    open_starting(&world, 4);
    uint64_t hash = world.pes[0].ready_hash;
    ready_from(&world, 1, hash);
    ready_from(&world, 3, hash);
    CU_ASSERT_EQUAL(entries, 0);
    ready_from(&world, 2, hash);
    CU_ASSERT_EQUAL(entries, 1);
    ready_from(&world, 2, hash); /* once more: no effect */
    ready_from(&world, 2, hash);
    CU_ASSERT_EQUAL(entries, 1);
    world_close(&world);
}

static void a_child_that_disagrees_is_named(void) {
    struct world world;
    open_starting(&world, 3);
    ready_from(&world, 2, world.pes[0].ready_hash + 1);
    CU_ASSERT_EQUAL(strncmp(world.abort_text, "chariot: PE 0 and PE 2 have registered different chare types", 60), 0);
    CU_ASSERT_EQUAL(world.abort_status, 1);
    world_close(&world);
}

static void one_pe_starts_at_once(void) {
    struct world world;
    open_starting(&world, 1);
    CU_ASSERT_EQUAL(entries, 1);
    world_close(&world);
}

static void the_first_abort_is_the_one_that_counts(void) {
    probe_open(2);
    chariot_abort(probe_pe(1), 0, "first\n");
    chariot_abort(probe_pe(1), 9, "second\n");
    CU_ASSERT_EQUAL(probe.world.aborts, 1);
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "first\n");
    CU_ASSERT_EQUAL(probe_pe(1)->status, 1); /* never 0 */
    CU_ASSERT_FALSE(probe_pe(0)->ending);
    probe_close();
    probe_open(1);
    chariot_abort(probe_pe(0), 0x300, "a status of two bytes\n");
    CU_ASSERT_NOT_EQUAL(probe_pe(0)->status, 0);
    CU_ASSERT_TRUE(probe_pe(0)->status < 256);
    probe_close();
}

static void the_runtime_can_be_asked_to_exit_like_any_other_element(void) {
    for (int64_t element = -1; element < 3; element++) {
        struct chariot_ref runtime;
        probe_open(3);
        chariot_ref_runtime(probe_pe(1), element, &runtime);
        CU_ASSERT_EQUAL(
            chariot_send_take(probe_pe(1), &runtime, CHARIOT_RUNTIME_EXIT, args_of(21), CHARIOT_WANT_NOTHING, NULL), 0);
        probe_settle();
        for (uint32_t pe = 0; pe < 3; pe++) {
            CU_ASSERT_TRUE(probe_pe(pe)->ending);
            CU_ASSERT_EQUAL(probe_pe(pe)->status, 21);
        }
        probe_close();
    }
}

static void an_exit_without_a_status_is_a_success(void) {
    struct chariot_ref runtime;
    probe_open(2);
    chariot_ref_runtime(probe_pe(0), 0, &runtime);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &runtime, CHARIOT_RUNTIME_EXIT, NULL, CHARIOT_WANT_NOTHING, NULL),
                    0);
    probe_settle();
    CU_ASSERT_TRUE(probe_pe(1)->ending);
    CU_ASSERT_EQUAL(probe_pe(1)->status, 0);
    probe_close();
}

UNIT_MAIN("objects/end", UNIT(the_entry_runs_when_the_last_child_is_ready), UNIT(a_child_that_disagrees_is_named),
          UNIT(one_pe_starts_at_once), UNIT(the_first_abort_is_the_one_that_counts),
          UNIT(the_runtime_can_be_asked_to_exit_like_any_other_element), UNIT(an_exit_without_a_status_is_a_success))
