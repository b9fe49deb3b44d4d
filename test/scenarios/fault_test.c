/* Memory runs out at the n-th allocation, for every n: a program that uses everything either ends as it should, or the
 * job ends with a message. Nothing hangs, crashes or leaks. All of objects/ that allocates, and the messages, are
 * compiled into this file, so that their allocations are the ones that fail. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/world.h"
#include "test/unit/unit.h"

#include "test/scenarios/fault_all.h"

enum { NUM_PES = 3, PIECE_BYTES = 600, AFTER_FAIL = 5, LAST = 8 /* steps */ };

/* One run at a time. */
static struct {
    uint32_t type, reducer;
    struct chariot_ref group, array, sparse, single;
    struct chariot_future *waits, *sum;
    struct chariot_waiter waiter;
    int step;
} now;

/* ---------------------------------------------------------------- a program that gives up without memory */

static void give_up(struct chariot_pe *pe) {
    chariot_abort(pe, 71, "the program has no memory\n");
}

static void must(struct chariot_pe *pe, int rc) {
    CU_ASSERT_TRUE(rc == 0 || rc == CHARIOT_ENOMEM);
    if (rc != 0) give_up(pe);
}

static struct chariot_msg *one(struct chariot_pe *pe) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, 1);
    must(pe, chariot_writer_finish(&writer, &msg));
    return msg;
}

/* Goes in pieces. */
static struct chariot_msg *large(struct chariot_pe *pe) {
    static const int64_t shape[] = {4 * PIECE_BYTES / sizeof(double)};
    struct chariot_writer writer;
    struct chariot_msg *msg;
    void *data;
    chariot_writer_init_take(&writer, NULL);
    if (chariot_put_array(&writer, "<f8", 1, shape, 'C', 4 * PIECE_BYTES, &data) == 0) memset(data, 0, 4 * PIECE_BYTES);
    must(pe, chariot_writer_finish(&writer, &msg));
    return msg;
}

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = malloc(1);
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

/* The other never opens its end. */
static void talk(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct chariot_channel *channel;
    int rc = chariot_channel_open(pe, elem, &now.single, &channel);
    must(pe, rc);
    if (rc != 0) return;
    struct chariot_msg *msg = one(pe);
    if (msg != NULL) must(pe, chariot_channel_send_take(channel, msg, 0));
    chariot_channel_unref(channel);
}

/* Everything that elements do: reduce in three ways, subscribe, open channels, insert, fail. */
static int on_work(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    talk(pe, call->elem);
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = obj_future_own_id(now.sum)};
    struct chariot_msg *value = one(pe);
    if (value == NULL) return 0;
    must(pe, chariot_contribute_take(pe, call->elem, NULL, value, now.reducer, &target));
    struct chariot_future *all;
    int rc = chariot_allreduce_take(pe, call->elem, NULL, NULL, CHARIOT_REDUCE_NOP, &all);
    must(pe, rc);
    if (rc == 0) chariot_future_unref(all);
    value = large(pe);
    if (value == NULL) return 0;
    rc = chariot_allreduce_take(pe, call->elem, NULL, value, CHARIOT_REDUCE_SUM, &all);
    must(pe, rc);
    if (rc == 0) chariot_future_unref(all);
    struct chariot_future *handle = chariot_future_open(pe, target.future);
    if (handle == NULL)
        give_up(pe);
    else
        chariot_future_ready(handle);
    chariot_future_unref(handle);
    call->result = one(pe);
    return 0;
}

static int on_insert(struct chariot_call *call) {
    struct chariot_index at = {.ndims = 1, .at = {chariot_my_pe(call->pe)}};
    must(call->pe,
         chariot_insert_take(call->pe, &now.sparse, &at, NULL, (chariot_my_pe(call->pe) + 1) % NUM_PES, false));
    return 0;
}

static int on_fail(struct chariot_call *call) {
    return CHARIOT_EUSER;
}

static int on_nothing(struct chariot_call *call) {
    return 0;
}

enum { WORK, INSERT, FAIL, NOTHING };
static const struct chariot_method worker_methods[] = {
    {"work", on_work}, {"insert", on_insert}, {"fail", on_fail}, {"nothing", on_nothing}};
static const struct chariot_type worker_type = {
    .name = "Worker", .methods = worker_methods, .num_methods = 4, .create = make, .destroy = unmake};

static int first(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                 struct chariot_msg *const *values, struct chariot_msg **out) {
    *out = chariot_msg_ref(values[0]);
    return 0;
}

static const struct chariot_reducer first_reducer = {.name = "first", .combine = first};

/* ---------------------------------------------------------------- its steps, on PE 0 */

static void create_all(struct chariot_pe *pe) {
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_GROUP, .on_pe = 1};
    must(pe, chariot_create_take(pe, &how, NULL, &now.group));
    how.kind = CHARIOT_SINGLE;
    must(pe, chariot_create_take(pe, &how, one(pe), &now.single));
    how = (struct chariot_create){.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {40}};
    must(pe, chariot_create_take(pe, &how, NULL, &now.array));
    how.dims[0] = 0;
    must(pe, chariot_create_take(pe, &how, NULL, &now.sparse));
}

static void nothing(struct chariot_pe *pe, void *ctx) {}

static void work(struct chariot_pe *pe, const struct chariot_ref *ref) {
    chariot_future_unref(now.sum);
    now.sum = chariot_future_new(pe, 1);
    if (now.sum == NULL) {
        give_up(pe);
        return;
    }
    chariot_future_id(now.sum);
    must(pe, chariot_send_take(pe, ref, WORK, NULL, CHARIOT_WANT_VALUE, now.waits));
}

static void step(struct chariot_pe *pe, void *ctx);

static bool wait_for_next(struct chariot_pe *pe) {
    chariot_future_unref(now.waits);
    now.waits = chariot_future_new(pe, 1);
    now.waiter = (struct chariot_waiter){.fn = step};
    if (now.waits != NULL && chariot_future_wait(now.waits, &now.waiter) == 0) return true;
    give_up(pe);
    return false;
}

/* Work for whoever is free: twice the same bag, so that items are kept and given out when there is room. */
static void share(struct chariot_pe *pe) {
    uint64_t bag = chariot_bag_open(pe);
    struct chariot_msg *definition = one(pe);
    if (definition != NULL) chariot_bag_define_take(pe, bag, NUM_PES, definition);
    for (int i = 0; i < 2 && definition != NULL; i++) {
        struct chariot_writer writer;
        struct chariot_msg *items;
        chariot_writer_init_take(&writer, NULL);
        for (int k = 0; k < 10; k++) chariot_put_int(&writer, k);
        int rc = chariot_writer_finish(&writer, &items);
        must(pe, rc);
        if (rc == 0) chariot_bag_put_take(pe, bag, 10, items);
    }
    chariot_bag_close(pe, bag, false);
}

static void pool_on_definition(void *ctx, uint64_t bag, struct chariot_msg *definition) {}

static void pool_on_item(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item) {
    struct chariot_msg *answer = one(ctx);
    if (answer != NULL) chariot_bag_answer_take(ctx, bag, answer);
}

static void pool_on_rest(void *ctx) {}

static void pool_on_forget(void *ctx, uint64_t bag) {}

static void pool_on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg) {}

/* The last step does nothing. */
static void on_hang(void *ctx, const char *text) {
    struct world *world = ctx;
    now.step++;
    chariot_exit(&world->pes[0], 0);
}

static void play(struct chariot_pe *pe) {
    switch (now.step++) {
    case 0:
        create_all(pe);
        if (!pe->ending) must(pe, chariot_await_created(pe, &now.array, now.waits));
        return;
    case 1:
        work(pe, &now.array);
        return;
    case 2:
        work(pe, &now.single);
        return;
    case 3:
        share(pe);
        must(pe, chariot_send_take(pe, &now.group, INSERT, NULL, CHARIOT_WANT_DONE, now.waits));
        return;
    case 4:
        must(pe, chariot_send_take(pe, &now.sparse, NOTHING, NULL, CHARIOT_WANT_NOTHING, NULL));
        must(pe, chariot_done_inserting(pe, &now.sparse));
        must(pe, chariot_send_take(pe, &now.array, FAIL, NULL, CHARIOT_WANT_DONE, now.waits));
        return;
    case AFTER_FAIL:
        must(pe, chariot_post(pe, nothing, NULL));
        must(pe, chariot_after(pe, 1000, nothing, NULL));
        work(pe, &now.sparse);
        return;
    case 6:
        must(pe, chariot_destroy(pe, &now.array, now.waits));
        return;
    case 7: {
        const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = obj_future_own_id(now.waits)};
        must(pe, chariot_quiet_start(pe, &target));
        return;
    }
    case LAST:
        chariot_set_hang_report(pe, CHARIOT_HANG_WARN);
        pe->around.on_warning = on_hang;
        return;
    }
}

static void step(struct chariot_pe *pe, void *ctx) {
    if (now.step == AFTER_FAIL) CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(now.waits, 0)));
    if (wait_for_next(pe)) play(pe);
}

/* ---------------------------------------------------------------- sweeps */

static bool run(long nth) {
    struct world world;
    memset(&now, 0, sizeof now);
    static const uint32_t hosts[NUM_PES] = {0, 1, 2};
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = NUM_PES, .seed = 3, .max_delay_ns = 1000, .through_wire = true, .hosts = hosts});
    for (uint32_t i = 0; i < NUM_PES; i++) world.pes[i].piece_bytes = PIECE_BYTES;
    now.type = world_register(&world, &worker_type);
    now.reducer = world_register_reducer(&world, &first_reducer);
    world.pes[0].entry = step;
    for (uint32_t i = 0; i < NUM_PES; i++) {
        const struct chariot_pool_ops ops = {&world.pes[i], pool_on_definition, pool_on_item,
                                             pool_on_rest,  pool_on_forget,     pool_on_answer};
        chariot_pool_serve(&world.pes[i], &ops);
    }
    bool ended, hit = fault_run(&world, nth, &ended);
    if (!ended) fprintf(stderr, "allocation %ld: the job hangs at step %d\n", nth, now.step);
    CU_ASSERT_TRUE(world.aborts > 0 ? hit : now.step == LAST + 2);
    chariot_future_unref(now.waits);
    chariot_future_unref(now.sum);
    fault_close(&world, nth);
    return hit;
}

static void a_job_without_memory_ends_with_a_message(void) {
    long nth = 1;
    while (run(nth)) nth++;
    CU_ASSERT_TRUE(nth > 500);
}

static void say_nothing(void *ctx, int status, const char *text) {}

static void a_pe_without_memory_is_not_made(void) {
    FAULT_SWEEP(nth) {
        struct chariot_pe *pe = calloc(1, sizeof *pe);
        if (pe == NULL) continue;
        pe->node.num_pes = 1;
        pe->around.on_abort = say_nothing;
        int rc = obj_pe_init(pe);
        if (rc == 0) obj_pe_deinit(pe);
        free(pe);
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (rc == 0) FAULT_DONE;
        CU_ASSERT_EQUAL(rc, CHARIOT_ENOMEM);
    }
}

UNIT_MAIN("scenarios/fault", UNIT(a_job_without_memory_ends_with_a_message), UNIT(a_pe_without_memory_is_not_made))
