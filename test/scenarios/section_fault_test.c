/* Memory runs out at the n-th allocation, for every n, of a program that makes sections in each way, uses and destroys
 * them: it ends as it should, or the job ends with a message. Nothing hangs, crashes or leaks. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/wander.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

#include "test/scenarios/fault_all.h"

enum { NUM_PES = 4, NUM_CELLS = 9, WORKING = 6, NUM_STEPS = 10 };

/* One run at a time. */
static struct {
    uint32_t type, other;
    struct chariot_ref array, group, some, lists[2], chosen[2], slice, all, at_once;
    struct chariot_future *waits;
    uint64_t reduced; /* a future */
    struct chariot_waiter waiter;
    int step;
} now;

/* ---------------------------------------------------------------- a program that gives up without memory */

static void must(struct chariot_pe *pe, int rc) {
    CU_ASSERT_TRUE(rc == 0 || rc == CHARIOT_ENOMEM);
    if (rc != 0) chariot_abort(pe, 71, "the program has no memory\n");
}

static struct chariot_msg *an_int(struct chariot_pe *pe, int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *msg = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, value);
    must(pe, chariot_writer_finish(&writer, &msg));
    return msg;
}

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static void contribute(struct chariot_call *call, const struct chariot_ref *over, bool everywhere) {
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = now.reduced};
    struct chariot_future *all;
    struct chariot_msg *value = an_int(call->pe, 1);
    if (value == NULL) return;
    int rc = chariot_contribute_take(call->pe, call->elem, over, value, CHARIOT_REDUCE_SUM, &target);
    if (everywhere) must(call->pe, rc);
    if (rc != 0) return;
    value = an_int(call->pe, 2);
    if (value == NULL) return;
    rc = chariot_allreduce_take(call->pe, call->elem, over, value, CHARIOT_REDUCE_GATHER, &all);
    must(call->pe, rc);
    if (rc == 0) chariot_future_unref(all);
}

/* Not all that are asked are members. */
static int on_work(struct chariot_call *call) {
    if (now.step == WORKING) contribute(call, &now.lists[0], false);
    call->result = an_int(call->pe, 3);
    return 0;
}

static int on_all(struct chariot_call *call) {
    contribute(call, &now.all, true);
    return 0;
}

static int on_at_once(struct chariot_call *call) {
    contribute(call, &now.at_once, true);
    return 0;
}

static int choose_some(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error) {
    int rc = chariot_choose(choice, 0);
    return rc == 0 ? chariot_choose(choice, elem->index[0] % 2 == 0 ? 1 : -1) : rc;
}

enum { WORK, ALL, AT_ONCE };
static const struct chariot_method cell_methods[] = {{"work", on_work}, {"all", on_all}, {"at_once", on_at_once}};
static const struct chariot_type type = {
    .name = "Cell", .methods = cell_methods, .num_methods = 3, .create = create_cell, .choose = choose_some};
static const struct chariot_method other_methods[] = {{"at_once", on_at_once}, {"work", on_work}, {"all", on_all}};
static const struct chariot_type other = {
    .name = "Other", .methods = other_methods, .num_methods = 3, .create = create_cell};

/* ---------------------------------------------------------------- its steps, on PE 0 */

static void create_all(struct chariot_pe *pe) {
    const uint32_t pes[] = {3, 1, 2};
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {NUM_CELLS}};
    must(pe, chariot_create_take(pe, &how, NULL, &now.array));
    how = (struct chariot_create){.type = now.other, .kind = CHARIOT_GROUP};
    must(pe, chariot_create_take(pe, &how, NULL, &now.group));
    how.pes = pes;
    how.num_pes = 3;
    must(pe, chariot_create_take(pe, &how, NULL, &now.some));
    if (!pe->ending) must(pe, chariot_await_created(pe, &now.some, now.waits));
}

static void split_it(struct chariot_pe *pe) {
    const struct chariot_index first[] = {{1, {8}}, {1, {0}}, {1, {4}}}, second[] = {{1, {0}}};
    const struct chariot_indices lists[] = {{first, 3}, {second, 1}};
    must(pe, chariot_section_split(pe, &now.array, 2, lists, now.waits));
}

static void slice_it(struct chariot_pe *pe) {
    const struct chariot_range range = {.start = 2, .step = 3, .has_start = true};
    must(pe, chariot_section_slice(pe, &now.array, 1, &range, now.waits));
}

static void combine(struct chariot_pe *pe) {
    const struct chariot_ref of[] = {now.slice, now.some, now.lists[1]};
    must(pe, chariot_section_combine(pe, of, 3, now.waits));
}

static void call(struct chariot_pe *pe, const struct chariot_ref *ref, uint32_t method) {
    must(pe, chariot_send_take(pe, ref, method, NULL, CHARIOT_WANT_NOTHING, NULL));
}

static void reduce_at_once(struct chariot_pe *pe) {
    const struct chariot_index list[] = {{1, {2}}, {1, {3}}};
    const struct chariot_indices lists[] = {{list, 2}};
    now.reduced = chariot_future_id(now.waits);
    int rc = chariot_section_of_group(pe, &now.group, 1, lists, &now.at_once);
    must(pe, rc);
    if (rc == 0) call(pe, &now.at_once, 0); /* Other's number of at_once */
}

static void work(struct chariot_pe *pe) {
    now.reduced = chariot_future_id(now.waits);
    must(pe, chariot_send_take(pe, &now.array, WORK, NULL, CHARIOT_WANT_NOTHING, NULL));
}

static void take_refs(struct chariot_pe *pe, struct chariot_future *done, struct chariot_ref *refs, uint32_t count) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    chariot_reader_init(&reader, chariot_future_value(done, 0));
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = chariot_get_typed(&reader, CHARIOT_REF, &value);
        if (rc == 0) rc = chariot_ref_read(&value, &refs[i], &method);
    }
    CU_ASSERT_TRUE(rc == 0 || fault_hit);
    if (rc != 0) must(pe, CHARIOT_ENOMEM);
}

static void play(struct chariot_pe *pe, struct chariot_future *done) {
    switch (now.step++) {
    case 0:
        create_all(pe);
        return;
    case 1:
        split_it(pe);
        return;
    case 2:
        take_refs(pe, done, now.lists, 2);
        must(pe, chariot_section_choose_take(pe, &now.array, 2, an_int(pe, 1), now.waits));
        return;
    case 3:
        take_refs(pe, done, now.chosen, 2);
        slice_it(pe);
        return;
    case 4:
        take_refs(pe, done, &now.slice, 1);
        combine(pe);
        return;
    case 5:
        take_refs(pe, done, &now.all, 1);
        work(pe);
        return;
    case 6:
        must(pe, chariot_send_take(pe, &now.all, WORK, NULL, CHARIOT_WANT_VALUE, now.waits));
        return;
    case 7: /* its cells leave the sections that they are in */
        must(pe, chariot_destroy(pe, &now.array, now.waits));
        return;
    case 8:
        now.reduced = chariot_future_id(now.waits);
        call(pe, &now.all, ALL);
        return;
    case 9:
        must(pe, chariot_destroy(pe, &now.all, now.waits));
        return;
    case NUM_STEPS:
        reduce_at_once(pe);
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void step(struct chariot_pe *pe, void *ctx) {
    struct chariot_future *done = now.waits;
    now.waits = chariot_future_new(pe, 1);
    now.waiter = (struct chariot_waiter){.fn = step};
    if (now.waits == NULL || chariot_future_wait(now.waits, &now.waiter) != 0)
        must(pe, CHARIOT_ENOMEM);
    else
        play(pe, done);
    chariot_future_unref(done);
}

/* ---------------------------------------------------------------- the sweep */

static bool run(long nth) {
    static const uint32_t hosts[NUM_PES] = {0, 1, 0, 1};
    struct world world;
    memset(&now, 0, sizeof now);
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = NUM_PES, .seed = 3, .max_delay_ns = 1000, .through_wire = true, .hosts = hosts});
    now.type = world_register(&world, &type);
    now.other = world_register(&world, &other);
    world.pes[0].entry = step;
    bool ended, hit = fault_run(&world, nth, &ended);
    if (!ended) fprintf(stderr, "allocation %ld: the job hangs at step %d\n", nth, now.step);
    CU_ASSERT_TRUE(world.aborts > 0 ? hit : now.step == NUM_STEPS + 2);
    CU_ASSERT_TRUE(hit || !wander_is_on() || wander_moves(world.wander) > 10);
    chariot_future_unref(now.waits);
    fault_close(&world, nth);
    return hit;
}

static void a_job_with_sections_and_without_memory_ends_with_a_message(void) {
    long nth = 1;
    while (run(nth) && CU_get_number_of_failures() < 5) nth++;
    CU_ASSERT_TRUE(nth > 500);
}

static void so_it_does_while_members_move(void) {
    long nth = 1;
    wander_begin(60);
    while (run(nth) && CU_get_number_of_failures() < 5) nth++;
    wander_end();
    CU_ASSERT_TRUE(nth > 700);
}

UNIT_MAIN("scenarios/section_fault", UNIT(a_job_with_sections_and_without_memory_ends_with_a_message),
          UNIT(so_it_does_while_members_move))
