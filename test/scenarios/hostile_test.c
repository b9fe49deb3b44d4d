/* What a broken PE of the job may send: messages of every kind, with headers and payloads that are nearly right. The
 * job may end, with a message, or hang; nothing crashes, and all memory is freed. Found by the sanitizers, not by
 * asserts. */
#include "lb/lb.h"
#include "test/scenarios/script.h"
#include "test/scenarios/spy.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { NUM_PES = 5, MAX_KEPT = 3, MAX_BAGS = 4 };

static struct {
    struct rpc_random random;
    struct spy spy;
    struct chariot_ref group, array, sparse, single;
    struct chariot_channel *channels[NUM_PES][MAX_KEPT];
    uint64_t bags[NUM_PES][MAX_BAGS];
    struct obj_watcher watchers[NUM_PES];
    bool watches[NUM_PES];
} now; /* one run at a time */

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

/* ---------------------------------------------------------------- a program that does everything */

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = &now;
    return 0;
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    return chariot_put_int(writer, 1);
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    *object = &now;
    return chariot_get_typed(reader, CHARIOT_INT, &value);
}

static uint64_t result_to;

static int on_work(struct chariot_call *call) {
    if (draw(4) == 0) chariot_migrate(call->pe, call->elem, (uint32_t)draw(NUM_PES));
    if (draw(3) == 0) chariot_at_sync(call->pe, call->elem);
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = result_to};
    struct chariot_future *all;
    chariot_contribute_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_SUM, &target);
    chariot_contribute_take(call->pe, call->elem, NULL, value_int(1), CHARIOT_REDUCE_GATHER, &target);
    if (chariot_allreduce_take(call->pe, call->elem, NULL, NULL, CHARIOT_REDUCE_NOP, &all) == 0) {
        chariot_future_unref(all);
    }
    struct chariot_future *handle = chariot_future_open(call->pe, result_to);
    chariot_future_ready(handle);
    chariot_future_unref(handle);
    call->result = value_int(5);
    return 0;
}

static int on_insert(struct chariot_call *call) {
    struct chariot_index at = {.ndims = 3, .at = {(int64_t)draw(1000000), 1, -7}};
    chariot_insert_take(call->pe, &now.sparse, &at, NULL, draw(2) ? -1 : (int64_t)draw(NUM_PES), false);
    return 0;
}

/* Reads what is there and lets go of an end that was opened earlier, by whatever element. */
static void let_go(struct chariot_channel *channel) {
    struct chariot_msg *msg;
    while (channel != NULL && chariot_channel_receive(channel, &msg) == 0) chariot_msg_unref(msg);
    chariot_channel_unref(channel);
}

/* A channel to some element, in place of an older one. */
static int on_talk(struct chariot_call *call) {
    const struct chariot_index at = {.ndims = 1, .at = {(int64_t)draw(NUM_PES)}};
    struct chariot_ref to = now.single;
    struct chariot_channel **kept = &now.channels[chariot_my_pe(call->pe)][draw(MAX_KEPT)];
    let_go(*kept);
    *kept = NULL;
    if (draw(3) != 0) chariot_ref_element(&now.group, &at, &to);
    if (chariot_channel_open(call->pe, call->elem, &to, kept) != 0) return 0;
    for (uint64_t i = draw(4); i > 0; i--) chariot_channel_send_take(*kept, value_int((int64_t)i), draw(100 << 20));
    return 0;
}

static const struct chariot_method methods[] = {{"work", on_work}, {"insert", on_insert}, {"talk", on_talk}};
static const struct chariot_type type = {
    .name = "Worker", .methods = methods, .num_methods = 3, .create = create, .pack = pack, .unpack = unpack};

/* ---------------------------------------------------------------- its pool */

static void on_definition(void *ctx, uint64_t bag, struct chariot_msg *definition) {}

static void on_item(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item) {
    struct chariot_value value;
    if (chariot_get(item, &value) != 0) return;
    if (draw(20) == 0) chariot_bag_close(ctx, bag, draw(2) == 0);
    chariot_bag_answer_take(ctx, bag, value_int(1));
}

static void on_rest(void *ctx) {}

static void on_forget(void *ctx, uint64_t bag) {}

static void on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg) {}

static void serve(struct chariot_pe *pe) {
    const struct chariot_pool_ops ops = {pe, on_definition, on_item, on_rest, on_forget, on_answer};
    chariot_pool_serve(pe, &ops);
}

/* Some items for a bag, or the end of it. */
static void pool_more(struct chariot_pe *pe) {
    uint64_t *bag = &now.bags[chariot_my_pe(pe)][draw(MAX_BAGS)];
    if (*bag == 0) {
        *bag = chariot_bag_open(pe);
        chariot_bag_define_take(pe, *bag, (uint32_t)draw(NUM_PES + 1), value_int(1));
    }
    struct chariot_writer writer;
    struct chariot_msg *msg;
    uint32_t count = 1 + (uint32_t)draw(30);
    chariot_writer_init_take(&writer, NULL);
    for (uint32_t i = 0; i < count; i++) chariot_put_int(&writer, i);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    chariot_bag_put_take(pe, *bag, count, msg);
    if (draw(4) != 0) return;
    chariot_bag_close(pe, *bag, draw(2) == 0);
    *bag = 0;
}

static void ignore_error(void *ctx, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error) {}

static void ignore_warning(void *ctx, const char *text) {}

static void begin(struct world *world, uint32_t type_id) {
    struct chariot_create how = {.type = type_id, .kind = CHARIOT_GROUP, .on_pe = 3};
    chariot_create_take(&world->pes[1], &how, NULL, &now.group);
    how.kind = CHARIOT_SINGLE;
    chariot_create_take(&world->pes[2], &how, NULL, &now.single);
    how =
        (struct chariot_create){.type = type_id, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {3, 4}, .at_sync = true};
    chariot_create_take(&world->pes[0], &how, NULL, &now.array);
    how = (struct chariot_create){.type = type_id, .kind = CHARIOT_ARRAY_OF, .ndims = 3};
    chariot_create_take(&world->pes[4], &how, NULL, &now.sparse);
    const struct chariot_ref *refs[] = {&now.group, &now.single, &now.array, &now.sparse};
    for (int i = 0; i < 4; i++) spy_know(&now.spy, refs[i]->collection);
    for (uint32_t i = 0; i < NUM_PES; i++) world_wake(world, i);
}

static void on_rows(struct obj_watcher *watcher) {}

/* What PEs do is watched here, or no more. */
static void toggle_watch(struct chariot_pe *pe) {
    uint32_t at = chariot_my_pe(pe);
    OBJ_API(pe);
    if (now.watches[at]) {
        obj_watch_remove(pe, &now.watchers[at]);
    } else {
        now.watchers[at] = (struct obj_watcher){.period_ns = 2000, .on_rows = on_rows};
        CU_ASSERT_EQUAL_FATAL(obj_watch_add(pe, &now.watchers[at]), 0);
    }
    now.watches[at] = !now.watches[at];
}

/* Each PE does something to one of the four. */
static void act(struct world *world) {
    const struct chariot_ref *refs[] = {&now.group, &now.array, &now.sparse, &now.single};
    uint32_t at = (uint32_t)draw(NUM_PES);
    struct chariot_pe *pe = &world->pes[at];
    const struct chariot_ref *ref = refs[draw(4)];
    struct chariot_future *future = chariot_future_new(pe, 1 + draw(3));
    result_to = chariot_future_id(future);
    switch (draw(17)) {
    case 16:
        toggle_watch(pe);
        break;
    case 14:
    case 15:
        chariot_balance(pe, future);
        break;
    case 10:
    case 11:
        pool_more(pe);
        break;
    case 12: {
        const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = result_to};
        chariot_quiet_start(pe, &target);
        break;
    }
    case 13: {
        struct chariot_pe *handle_pe = &world->pes[draw(NUM_PES)];
        struct chariot_future *handle = chariot_future_open(handle_pe, result_to);
        chariot_future_cancel_take(handle_pe, handle, value_int(3));
        chariot_future_unref(handle);
        break;
    }
    case 0:
        chariot_await_created(pe, ref, future);
        break;
    case 1:
        chariot_done_inserting(pe, &now.sparse);
        break;
    case 2:
        if (draw(5) == 0) chariot_destroy(pe, ref, draw(2) ? future : NULL);
        break;
    case 3:
    case 4:
        chariot_send_take(pe, &now.group, 1, NULL, CHARIOT_WANT_DONE, future);
        break;
    case 5:
    case 6:
        chariot_send_take(pe, ref, 2, NULL, CHARIOT_WANT_DONE, future);
        break;
    default:
        chariot_send_take(pe, ref, 0, args_of(1, 2), CHARIOT_WANT_VALUE, future);
    }
    chariot_future_unref(future);
    world_wake(world, at);
}

/* Whatever ended it: a job that has ended hears nothing more. */
static void carry_on(struct world *world) {
    world->aborts = 0;
    for (uint32_t i = 0; i < NUM_PES; i++) world->pes[i].ending = world->pes[i].aborted = false;
}

static void run(uint64_t seed) {
    struct world world;
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    world_open(&world, (struct rpc_sim_config){.num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000});
    uint32_t type_id = world_register(&world, &type);
    static const char *const balancers[] = {"gossip", "greedy", "rotate", NULL};
    const struct chariot_balancing how = {.balancer = balancers[seed % 4], .log = true};
    for (uint32_t i = 0; i < NUM_PES; i++) {
        world.pes[i].face = (struct chariot_face){.on_unreceived_error = ignore_error};
        world.pes[i].around.on_warning = ignore_warning;
        chariot_set_hang_report(&world.pes[i], CHARIOT_HANG_WARN);
        serve(&world.pes[i]);
        CU_ASSERT_EQUAL(chariot_balancing_set(&world.pes[i], &how, NULL, 0), 0);
    }
    spy_open(&now.spy, &world, &now.random);
    world_start(&world);
    begin(&world, type_id);
    for (int step = 0; step < 400; step++) {
        world_step(&world);
        rpc_sim_advance(world.sim, rpc_sim_now_ns(world.sim) + 500);
        if (step % 4 == 0) act(&world);
        if (step > 60 && step % 3 == 0) spy_inject(&now.spy);
        carry_on(&world);
    }
    spy_close(&now.spy);
    world_close(&world);
}

static void nothing_that_a_pe_sends_crashes_another(void) {
    for (uint64_t seed = 0; seed < script_seeds(1000); seed++) run(seed);
}

UNIT_MAIN("scenarios/hostile", UNIT(nothing_that_a_pe_sends_crashes_another))
