/* Memory runs out at the n-th allocation, for every n, of a program that is balanced in steps and on demand: it ends as
 * it should, or the job ends with a message. Nothing hangs, crashes or leaks. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/world.h"
#include "test/unit/unit.h"

#include "test/scenarios/fault_all.h"

#define keep   part_keep
#define forget part_forget
#include "lb/part.c"
#undef keep
#undef forget
#define is_sound    sync_is_sound
#define resume      sync_resume
#define tell_parent sync_tell_parent
#include "lb/sync.c"
#undef tell_parent
#undef is_sound
#undef resume
#define end     step_end
#define finish  step_finish
#define serve   step_serve
#define measure step_measure
#define collect step_collect
#include "lb/step.c"
#undef end
#undef finish
#undef serve
#undef measure
#undef collect
#define slot_of names_slot_of
#include "lb/names.c"
#define find          balancer_find
#define wrong         balancer_wrong
#define check_objects balancer_check_objects
#include "lb/balancer.c"
#undef find
#undef wrong
#undef check_objects
#define visit     stats_visit
#define pack      stats_pack
#define make_room stats_make_room
#define read_all  stats_read_all
#include "lb/stats.c"
#undef visit
#undef pack
#undef make_room
#undef read_all
#define sort    moves_sort
#define send_to moves_send_to
#include "lb/moves.c"
#undef sort
#undef send_to
#define keep    when_keep
#define tell    when_tell
#define set_due when_set_due
#include "lb/when.c"
#undef keep
#undef tell
#undef set_due
#define send       rumour_send
#define receive    rumour_receive
#define act        rumour_act
#define share      rumour_share
#define read_share rumour_read_share
#define is_sound   rumour_is_sound
#define enter      rumour_enter
#define go_on      rumour_go_on
#define take_local rumour_take_local
#define make_agent rumour_make_agent
#include "lb/rumour.c"
#undef send
#undef receive
#undef act
#undef share
#undef read_share
#undef is_sound
#undef enter
#undef go_on
#undef take_local
#undef make_agent

enum { NUM_PES = 4, NUM_CELLS = 8, NUM_STEPS = 6 };

/* One run at a time. */
static struct {
    uint32_t type;
    struct chariot_ref cells;
    struct chariot_future *waits;
    struct chariot_waiter waiter;
    int step;
    long moves;
} now;

static void must(struct chariot_pe *pe, int rc) {
    CU_ASSERT_TRUE(rc == 0 || rc == CHARIOT_ENOMEM);
    if (rc == CHARIOT_ENOMEM) chariot_abort(pe, 71, "the program has no memory\n");
}

/* ---------------------------------------------------------------- elements */

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = &now;
    return 0;
}

static int pack_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     struct chariot_writer *writer) {
    return chariot_put_int(writer, 1);
}

static int unpack_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    *object = &now;
    now.moves++;
    return chariot_get_typed(reader, CHARIOT_INT, &value);
}

static int on_work(struct chariot_call *call) {
    call->elem->load_ns += 1000000;
    must(call->pe, chariot_at_sync(call->pe, call->elem));
    return 0;
}

static int on_resume(struct chariot_call *call) {
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = obj_future_own_id(now.waits)};
    must(call->pe, chariot_contribute_take(call->pe, call->elem, NULL, NULL, CHARIOT_REDUCE_NOP, &target));
    return 0;
}

static const struct chariot_method cell_methods[] = {{"work", on_work}, {"resumeFromSync", on_resume}};
static const struct chariot_type cell_type = {.name = "Cell",
                                              .methods = cell_methods,
                                              .num_methods = 2,
                                              .create = create_cell,
                                              .pack = pack_cell,
                                              .unpack = unpack_cell};

/* ---------------------------------------------------------------- its program */

static void create_all(struct chariot_pe *pe) {
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .at_sync = true};
    must(pe, chariot_create_take(pe, &how, NULL, &now.cells));
    for (int64_t i = 0; i < NUM_CELLS; i++) {
        must(pe, chariot_insert_take(pe, &now.cells, &(struct chariot_index){1, {i}}, NULL, 1, false));
    }
    must(pe, chariot_done_inserting(pe, &now.cells));
    must(pe, chariot_await_created(pe, &now.cells, now.waits));
}

static void play(struct chariot_pe *pe) {
    switch (now.step++) {
    case 0:
        create_all(pe);
        return;
    case 1:
    case 2:
        must(pe, chariot_send_take(pe, &now.cells, 0, NULL, CHARIOT_WANT_NOTHING, NULL));
        return;
    case 3:
        must(pe, chariot_balance(pe, now.waits));
        return;
    case 4:
        must(pe, chariot_send_take(pe, &now.cells, 0, NULL, CHARIOT_WANT_NOTHING, NULL));
        must(pe, chariot_destroy(pe, &now.cells, now.waits));
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void step(struct chariot_pe *pe, void *ctx) {
    chariot_future_unref(now.waits);
    now.waits = chariot_future_new(pe, 1);
    now.waiter = (struct chariot_waiter){.fn = step};
    if (now.waits == NULL || chariot_future_wait(now.waits, &now.waiter) != 0)
        must(pe, CHARIOT_ENOMEM);
    else
        play(pe);
}

/* ---------------------------------------------------------------- the sweep */

/* Rotates, and so asks for edges too. */
static int own_plan(void *ctx, const struct lb_stats *stats, struct lb_plan *out, char *why, size_t size) {
    out->moves = malloc((stats->num_objects + 1) * sizeof *out->moves);
    if (out->moves == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < stats->num_objects; i++)
        out->moves[out->num_moves++] = (struct lb_move){i, (stats->objects[i].pe + 1) % stats->num_pes};
    return 0;
}

static void ignore(void *ctx, const char *line) {}

static bool run(long nth, uint64_t seed) {
    struct world world;
    memset(&now, 0, sizeof now);
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000000, .through_wire = true});
    world.budget = seed % 2 == 0 ? 1 : 64;
    now.type = world_register(&world, &cell_type);
    struct chariot_balancing how = {.balancer = "gossip:iterations=1,trades=1", .on_demand = true, .log = true};
    if (seed % 2 == 0) how = (struct chariot_balancing){.plan = own_plan, .on_demand = true};
    for (uint32_t p = 0; p < NUM_PES; p++) {
        world.pes[p].around.on_warning = ignore;
        CU_ASSERT_EQUAL(chariot_balancing_set(&world.pes[p], &how, NULL, 0), 0);
    }
    world.pes[0].entry = step;
    bool ended, hit = fault_run(&world, nth, &ended);
    if (!ended) fprintf(stderr, "seed %d, allocation %ld: the job hangs at step %d\n", (int)seed, nth, now.step);
    CU_ASSERT_TRUE(world.aborts > 0 ? hit : now.step == NUM_STEPS);
    CU_ASSERT_TRUE(world.aborts == 0 || strstr(world.abort_text, "memory") != NULL);
    CU_ASSERT_TRUE(hit || now.moves >= NUM_CELLS / 2);
    chariot_future_unref(now.waits);
    fault_close(&world, nth);
    return hit;
}

static void a_job_that_is_balanced_ends_with_a_message(void) {
    for (uint64_t seed = 1; seed <= 2; seed++) {
        long nth = 1;
        while (run(nth, seed) && CU_get_number_of_failures() < 5) nth++;
        CU_ASSERT_TRUE(nth > 300);
    }
}

UNIT_MAIN("scenarios/balance_fault", UNIT(a_job_that_is_balanced_ends_with_a_message))
