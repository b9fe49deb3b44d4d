/* Elements that move all the time, on simulated PEs: calls, broadcasts with and without results and reductions meet
 * each element exactly once, in the order of each sender, and give what they give without moves. Afterwards each
 * element lives on one PE, its home knows which, no call takes more than two extra hops, and senders have learnt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/location.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { MAX_PES = 9, MAX_ELEMS = 24, MAX_WAITS = 400 };

struct cell {
    int64_t heard[MAX_PES]; /* by sending PE: the number of its last call */
    int64_t calls, broadcasts, moves;
    uint64_t order; /* of broadcasts: a hash */
    bool busy;      /* something that has begun here is not over: it cannot move */
    bool roams;     /* it moves on wherever it comes to */
};

struct wait {
    struct chariot_future *future;
    int64_t expected; /* of a reduction; -1: a broadcast's results; -2: of a broadcast without; -3: of a call */
};

static struct {
    struct world world;
    struct rpc_random random;
    struct chariot_ref array;
    uint32_t type, num_pes, num_elems, num_roaming;
    int64_t sent[MAX_PES][MAX_ELEMS];
    int64_t num_broadcasts, moves, wrong;
    uint8_t most_hops;
    struct wait waits[MAX_WAITS];
    size_t num_waits;
    struct chariot_pe *speaker; /* the one that broadcasts; NULL: any */
    bool filled;                /* all elements have been inserted: all answer */
    bool still;
    bool stands_in; /* messages arrive while user code runs */
    bool inside;    /* it does */
    int64_t calls_sent, calls_heard;
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static bool is_wrong(bool wrong, const char *what) {
    if (wrong && now.wrong++ < 3) printf("\n%s", what);
    return wrong;
}

/* User code takes its time. */
static void dawdle(struct chariot_pe *pe) {
    if (!now.stands_in || now.inside || draw(3) != 0) return;
    now.inside = true;
    world_meanwhile(&now.world, pe->node.pe, 1 + (int)draw(12));
    now.inside = false;
}

/* Where the element is on the same PE, arguments may be an object. */
struct object {
    struct chariot_pe *pe;
    struct chariot_msg *args;
};

static void drop_object(void *ctx) {
    struct object *object = ctx;
    chariot_msg_unref(object->args);
    free(object);
}

static int encode(void *ctx, struct chariot_msg **msg) {
    const struct object *object = chariot_msg_object(*msg);
    struct chariot_writer writer;
    dawdle(object->pe);
    chariot_writer_init_take(&writer, *msg);
    chariot_put_encoded(&writer, chariot_msg_data(object->args), chariot_msg_size(object->args));
    return chariot_writer_finish(&writer, msg);
}

static struct chariot_msg *as_object(struct chariot_pe *pe, struct chariot_msg *args) {
    struct object *object = malloc(sizeof *object);
    struct chariot_msg *msg = chariot_msg_new(0);
    CU_ASSERT_TRUE_FATAL(object != NULL && msg != NULL);
    *object = (struct object){pe, args};
    chariot_msg_set_object(msg, object, drop_object);
    return msg;
}

static const struct chariot_msg *args_in(const struct chariot_call *call) {
    const struct object *object = call->args->size == 0 ? chariot_msg_object(call->args) : NULL;
    return object == NULL ? call->args : object->args;
}

/* ---------------------------------------------------------------- the elements */

static int cell_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct cell));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void cell_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    dawdle(pe);
    free(object);
}

static int cell_pack(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     struct chariot_writer *writer) {
    dawdle(pe);
    return chariot_put_bytes(writer, object, sizeof(struct cell));
}

static int cell_unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    dawdle(pe);
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &value);
    if (rc != 0 || value.bytes.size != sizeof(struct cell)) return CHARIOT_EMALFORMED;
    struct cell *cell = malloc(sizeof *cell);
    if (cell == NULL) return CHARIOT_ENOMEM;
    memcpy(cell, value.bytes.data, sizeof *cell);
    is_wrong(cell->busy, "an element has left what it was at");
    cell->moves++;
    now.moves++;
    *object = cell;
    return 0;
}

/* Begins what is over when somebody says so. */
static void begin_something(struct chariot_call *call) {
    struct cell *cell = call->object;
    if (!now.still && draw(12) == 0) cell->busy = true;
}

static int may_move(void *ctx, struct chariot_elem *elem, char *why, size_t why_size) {
    const struct cell *cell = elem->object;
    if (!cell->busy) return 0;
    if (why_size > 0) snprintf(why, why_size, "it is busy");
    return CHARIOT_LATER;
}

static void is_reached(const struct chariot_call *call) {
    const char *fault = wander_fault_of_call(call);
    is_wrong(fault != NULL, fault);
}

/* args: the sending PE, its number of calls to this element. */
static int cell_hear(struct chariot_call *call) {
    struct cell *cell = call->object;
    is_reached(call);
    int64_t sender = arg_int(args_in(call), 0), number = arg_int(args_in(call), 1);
    if (is_wrong(number != cell->heard[sender] + 1, "a call was lost, doubled or out of order"))
        printf(": %lld of PE %lld after %lld on PE %u, %u hops", (long long)number, (long long)sender,
               (long long)cell->heard[sender], call->pe->node.pe, call->args->hops);
    cell->heard[sender] = number;
    cell->calls++;
    now.calls_heard++;
    if (call->args->hops > now.most_hops) now.most_hops = call->args->hops;
    dawdle(call->pe);
    begin_something(call);
    if (!now.still && draw(16) == 0) chariot_migrate(call->pe, call->elem, (uint32_t)draw(now.num_pes));
    return 0;
}

static int cell_all(struct chariot_call *call) {
    struct cell *cell = call->object;
    is_reached(call);
    cell->broadcasts++;
    cell->order = cell->order * 31 + (uint64_t)arg_int(call->args, 0);
    call->result = value_int(index_of(call->elem).at[0]);
    begin_something(call);
    if (!now.still && draw(8) == 0) chariot_migrate(call->pe, call->elem, (uint32_t)draw(now.num_pes));
    return 0;
}

/* args: a number, a future. */
static int cell_sum(struct chariot_call *call) {
    cell_all(call);
    chariot_msg_unref(call->result);
    call->result = NULL;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = (uint64_t)arg_int(call->args, 1)};
    return chariot_contribute_take(call->pe, call->elem, NULL, value_int(index_of(call->elem).at[0] + 1),
                                   CHARIOT_REDUCE_SUM, &target);
}

static int cell_quiet(struct chariot_call *call) {
    return 0;
}

static void move_on(struct chariot_pe *pe, struct chariot_elem *elem) {
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem, (pe->node.pe + 1) % now.num_pes), 0);
}

static int cell_roam(struct chariot_call *call) {
    ((struct cell *)call->object)->roams = true;
    now.num_roaming++;
    move_on(call->pe, call->elem);
    return 0;
}

static int cell_stop(struct chariot_call *call) {
    is_reached(call);
    ((struct cell *)call->object)->roams = false;
    now.num_roaming--;
    return 0;
}

static void on_moved(void *ctx, struct chariot_elem *elem) {
    struct chariot_pe *pe = ctx;
    if (((const struct cell *)elem->object)->roams) move_on(pe, elem);
}

static int cell_linger(struct chariot_call *call);

enum { HEAR, ALL, SUM, QUIET, LINGER, ROAM, STOP, NUM_METHODS };
static const struct chariot_method methods[] = {{"hear", cell_hear},   {"all", cell_all},       {"sum", cell_sum},
                                                {"quiet", cell_quiet}, {"linger", cell_linger}, {"roam", cell_roam},
                                                {"stop", cell_stop}};
static const struct chariot_type cell_type = {.name = "Cell",
                                              .methods = methods,
                                              .num_methods = NUM_METHODS,
                                              .create = cell_create,
                                              .destroy = cell_destroy,
                                              .pack = cell_pack,
                                              .unpack = cell_unpack};

/* ---------------------------------------------------------------- what happens to them */

static struct chariot_pe *any_pe(void) {
    return &now.world.pes[draw(now.num_pes)];
}

static void wake(struct chariot_pe *pe) {
    world_wake(&now.world, pe->node.pe);
}

static struct chariot_ref ref_of(uint32_t i) {
    struct chariot_ref ref;
    CU_ASSERT_EQUAL(chariot_ref_element(&now.array, &(struct chariot_index){.ndims = 1, .at = {i}}, &ref), 0);
    return ref;
}

static struct chariot_future *expect(struct chariot_pe *pe, int64_t expected) {
    struct chariot_future *future = chariot_future_new(pe, 1);
    CU_ASSERT_TRUE_FATAL(future != NULL && now.num_waits < MAX_WAITS);
    now.waits[now.num_waits++] = (struct wait){future, expected};
    return future;
}

static void call_one(struct chariot_pe *pe, uint32_t i) {
    struct chariot_ref ref = ref_of(i);
    bool wants = draw(8) == 0 && now.num_waits < MAX_WAITS;
    struct chariot_future *future = wants ? expect(pe, -3) : NULL;
    int64_t number = ++now.sent[pe->node.pe][i];
    struct chariot_msg *args = args_of(pe->node.pe, number);
    if (now.stands_in && chariot_ref_place(pe, &ref) == CHARIOT_HERE) args = as_object(pe, args);
    now.calls_sent++;
    CU_ASSERT_EQUAL(chariot_send_take(pe, &ref, HEAR, args, wants ? CHARIOT_WANT_DONE : CHARIOT_WANT_NOTHING, future),
                    0);
}

static struct chariot_elem *elem_on(struct chariot_pe *pe, uint32_t i) {
    struct chariot_ref ref = ref_of(i);
    return chariot_elem_local(pe, &ref);
}

static void move_one(uint32_t i) {
    for (uint32_t p = 0; p < now.num_pes; p++) {
        struct chariot_elem *elem = elem_on(&now.world.pes[p], i);
        if (elem == NULL || elem->constructing) continue;
        const struct cell *cell = elem->object;
        int rc = chariot_migrate(&now.world.pes[p], elem, (uint32_t)draw(now.num_pes));
        CU_ASSERT_EQUAL(rc, cell->busy ? CHARIOT_ESTATE : 0);
        world_wake(&now.world, p);
    }
}

static void end_something(uint32_t i) {
    for (uint32_t p = 0; p < now.num_pes; p++) {
        struct chariot_elem *elem = elem_on(&now.world.pes[p], i);
        struct cell *cell = elem == NULL ? NULL : elem->object;
        if (cell == NULL || !cell->busy) continue;
        cell->busy = false;
        chariot_move_again(&now.world.pes[p], elem);
        world_wake(&now.world, p);
    }
}

/* What is under way may begin something anew. */
static void end_all(void) {
    now.still = true;
    world_settle(&now.world);
    for (uint32_t i = 0; i < now.num_elems; i++) end_something(i);
    world_settle(&now.world);
    now.still = false;
}

static void broadcast(struct chariot_pe *pe) {
    int64_t number = ++now.num_broadcasts, n = now.num_elems;
    if (now.speaker != NULL) pe = now.speaker;
    wake(pe);
    bool room = now.num_waits < MAX_WAITS && now.filled;
    switch (room ? draw(4) : 0) {
    case 0:
        chariot_send_take(pe, &now.array, ALL, args_of(number), CHARIOT_WANT_NOTHING, NULL);
        break;
    case 1:
        chariot_send_take(pe, &now.array, ALL, args_of(number), CHARIOT_WANT_VALUE, expect(pe, -1));
        break;
    case 2:
        chariot_send_take(pe, &now.array, ALL, args_of(number), CHARIOT_WANT_DONE, expect(pe, -2));
        break;
    default: {
        struct chariot_future *sum = expect(pe, n * (n + 1) / 2);
        chariot_send_take(pe, &now.array, SUM, args_of(number, (int64_t)chariot_future_id(sum)), CHARIOT_WANT_NOTHING,
                          NULL);
    }
    }
}

static void act(void) {
    struct chariot_pe *pe = any_pe();
    uint64_t what = draw(100);
    uint32_t i = (uint32_t)draw(now.num_elems);
    end_something((uint32_t)draw(now.num_elems));
    if (what < 45)
        call_one(pe, i);
    else if (what < 55)
        for (uint64_t n = draw(20); n > 0; n--) call_one(pe, i);
    else if (what < 90)
        move_one(i);
    else
        broadcast(pe);
    wake(pe);
}

static void let_pass(uint64_t steps) {
    while (steps-- > 0) {
        world_step(&now.world);
        for (uint32_t i = 0; i < now.num_elems; i++) {
            const struct chariot_ref ref = ref_of(i);
            const char *fault = wander_fault_of(&now.world, ref.collection, ref.index);
            is_wrong(fault != NULL, fault);
        }
        rpc_sim_advance(now.world.sim, RPC_FOREVER_NS);
    }
}

/* ---------------------------------------------------------------- what must be so */

static void check_results(void) {
    for (size_t w = 0; w < now.num_waits; w++) {
        const struct wait *wait = &now.waits[w];
        bool ready = chariot_future_ready(wait->future);
        if (is_wrong(!ready, "a result never came")) printf(" (%lld)", (long long)wait->expected);
        if (ready && wait->expected >= 0)
            is_wrong(int_of(chariot_future_value(wait->future, 0)) != wait->expected, "a sum is wrong");
        if (ready && wait->expected == -1) {
            int64_t values[MAX_ELEMS];
            size_t count = ints_of(chariot_future_value(wait->future, 0), values, MAX_ELEMS);
            is_wrong(count != now.num_elems, "a broadcast has not the results of all");
            for (size_t i = 0; i < count; i++) is_wrong(values[i] != (int64_t)i, "a broadcast's result is wrong");
        }
        chariot_future_unref(wait->future);
    }
    now.num_waits = 0;
}

static void check_pe(const struct chariot_pe *pe) {
    const struct obj_coll *coll = obj_coll_get(pe, now.array.collection);
    is_wrong(coll->num_living != coll->num_members || coll->num_members != coll->by_index.count, "members are amiss");
    const struct lb_locations *all = pe->location_ctx;
    is_wrong(all != NULL && all->num_cached > all->max_cached, "too much is cached");
}

/* It lives, and has heard all. */
static void check_owner(uint32_t i) {
    uint32_t owners = 0;
    for (uint32_t p = 0; p < now.num_pes; p++) {
        const struct chariot_elem *elem = elem_on(&now.world.pes[p], i);
        if (elem == NULL) continue;
        owners++;
        const struct cell *cell = elem->object;
        is_wrong(elem->move != NULL && elem->move->wants, "an element never left");
        for (uint32_t s = 0; s < now.num_pes; s++) is_wrong(cell->heard[s] != now.sent[s][i], "calls are missing");
        is_wrong(cell->broadcasts != now.num_broadcasts, "broadcasts are missing or doubled");
    }
    is_wrong(owners != 1, "an element lives on no PE, or on several");
}

static void check_order(void) {
    uint64_t order = 0;
    for (uint32_t p = 0; p < now.num_pes; p++) {
        for (uint32_t i = 0; i < now.num_elems; i++) {
            const struct chariot_elem *elem = elem_on(&now.world.pes[p], i);
            const struct cell *cell = elem == NULL ? NULL : elem->object;
            if (cell == NULL) continue;
            if (order == 0) order = cell->order;
            is_wrong(cell->order != order, "elements have seen broadcasts in different orders");
        }
    }
}

static void check_all(void) {
    for (uint32_t p = 0; p < now.num_pes; p++) check_pe(&now.world.pes[p]);
    for (uint32_t i = 0; i < now.num_elems; i++) check_owner(i);
    check_order();
    const char *fault = wander_fault_at_rest(&now.world);
    is_wrong(fault != NULL, fault);
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
}

static void call_all(void) {
    now.most_hops = 0;
    now.still = true;
    for (uint32_t p = 0; p < now.num_pes; p++) {
        for (uint32_t i = 0; i < now.num_elems; i++) call_one(&now.world.pes[p], i);
        world_wake(&now.world, p);
    }
    world_settle(&now.world);
}

/* ---------------------------------------------------------------- whole runs */

static void insert_all(void) {
    for (uint32_t i = 0; i < now.num_elems; i++) {
        struct chariot_pe *pe = any_pe();
        int64_t on = draw(2) == 0 ? -1 : (int64_t)draw(now.num_pes);
        CU_ASSERT_EQUAL(
            chariot_insert_take(pe, &now.array, &(struct chariot_index){.ndims = 1, .at = {i}}, NULL, on, draw(2) == 0),
            0);
        wake(pe);
        if (draw(2) == 0) move_one((uint32_t)draw(now.num_elems));
        if (draw(4) == 0) broadcast(any_pe());
        let_pass(draw(3));
    }
    if (draw(2) == 0) world_settle(&now.world);
    CU_ASSERT_EQUAL(chariot_done_inserting(&now.world.pes[0], &now.array), 0);
    world_wake(&now.world, 0);
}

static void begin(uint32_t num_pes, uint64_t seed, bool sparse) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.num_pes = num_pes;
    now.num_elems = 1 + (uint32_t)draw(MAX_ELEMS);
    int64_t delay = draw(3) == 0 ? 1000 : 5000000;
    world_open(&now.world,
               (struct rpc_sim_config){.num_pes = num_pes, .seed = seed, .max_delay_ns = delay, .through_wire = true});
    now.world.budget = 1 + (int)draw(64);
    now.type = world_register(&now.world, &cell_type);
    for (uint32_t p = 0; p < num_pes; p++) {
        now.world.pes[p].face.encode = encode;
        now.world.pes[p].face.may_move = may_move;
    }
    world_start(&now.world);
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {now.num_elems}};
    if (sparse) how.dims[0] = 0;
    struct chariot_pe *maker = any_pe();
    CU_ASSERT_EQUAL(chariot_create_take(maker, &how, NULL, &now.array), 0);
    wake(maker);
    if (draw(4) == 0) {
        for (uint32_t p = 0; p < num_pes; p++) {
            struct lb_locations *all = lb_locations_of(&now.world.pes[p]);
            all->max_cached = 1 + draw(4);
            all->max_held = draw(2) == 0 ? 2000 : LB_MAX_HELD;
        }
    }
    if (sparse) insert_all();
    now.filled = true;
    world_settle(&now.world); /* from here on calls keep their order */
    now.stands_in = seed % 3 == 0;
}

static bool run(uint32_t num_pes, uint64_t seed, bool sparse) {
    begin(num_pes, seed, sparse);
    bool small = now.world.pes[0].location_ctx != NULL;
    for (int actions = 150; actions > 0 && now.wrong == 0; actions--) {
        act();
        let_pass(draw(5));
    }
    end_all();
    now.stands_in = false;
    check_results();
    check_all();
    call_all();
    is_wrong(now.most_hops > 2, "a call took more than two extra hops");
    world_settle(&now.world);
    check_results();
    check_all();
    if (now.wrong > 0) {
        printf("\n%u PEs, seed %llu, %s, %u elements, %lld moves%s: %lld wrong\n", num_pes, (unsigned long long)seed,
               sparse ? "sparse" : "dense", now.num_elems, (long long)now.moves, small ? ", small caches" : "",
               (long long)now.wrong);
    }
    world_close(&now.world);
    return now.wrong == 0;
}

static void elements_move_under_all_that_happens_to_them(void) {
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) {
        CU_ASSERT_TRUE(run(2 + (uint32_t)(seed % (MAX_PES - 1)), seed, false));
    }
}

static void so_they_do_in_arrays_that_are_filled_meanwhile(void) {
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) {
        CU_ASSERT_TRUE(run(2 + (uint32_t)(seed % (MAX_PES - 1)), seed, true));
    }
}

/* ---------------------------------------------------------------- destroyed on the way */

static bool run_and_destroy(uint32_t num_pes, uint64_t seed) {
    begin(num_pes, seed, seed % 2 == 0);
    now.speaker = any_pe(); /* so what it says comes before the end */
    for (int actions = 60; actions > 0; actions--) {
        act();
        let_pass(draw(4));
    }
    struct chariot_pe *pe = now.speaker;
    struct chariot_future *gone = chariot_future_new(pe, 1);
    CU_ASSERT_EQUAL(chariot_destroy(pe, &now.array, gone), 0);
    wake(pe);
    for (int actions = 30; actions > 0; actions--) {
        move_one((uint32_t)draw(now.num_elems));
        let_pass(draw(4));
    }
    world_settle(&now.world);
    is_wrong(!chariot_future_ready(gone), "the destruction never ends");
    chariot_future_unref(gone);
    for (size_t w = 0; w < now.num_waits; w++) {
        bool ready = chariot_future_ready(now.waits[w].future);
        is_wrong(!ready, "somebody waits for a destroyed element");
        chariot_future_unref(now.waits[w].future);
    }
    for (uint32_t p = 0; p < num_pes; p++) {
        is_wrong(obj_coll_get(&now.world.pes[p], now.array.collection) != NULL, "an array lives on");
        const struct lb_locations *all = now.world.pes[p].location_ctx;
        is_wrong(all != NULL && all->num_cached > 0, "a way to what is gone is kept");
    }
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
    if (now.wrong > 0)
        printf("\n%u PEs, seed %llu, %lld wrong\n", num_pes, (unsigned long long)seed, (long long)now.wrong);
    world_close(&now.world);
    return now.wrong == 0;
}

static void nobody_waits_for_elements_destroyed_on_the_way(void) {
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) {
        CU_ASSERT_TRUE(run_and_destroy(2 + (uint32_t)(seed % (MAX_PES - 1)), seed));
    }
}

/* ---------------------------------------------------------------- while a method computes */

enum { HOME, LEFT, ARRIVED };

/* On the PE that element 0 has just left: it settles elsewhere, and hears what its home sends, before this returns. */
static int cell_linger(struct chariot_call *call) {
    for (int i = 0; i < 20; i++) {
        call_one(&now.world.pes[HOME], 0);
        world_wake(&now.world, HOME);
        world_meanwhile(&now.world, call->pe->node.pe, 10);
    }
    const struct chariot_elem *elem = elem_on(&now.world.pes[ARRIVED], 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
    CU_ASSERT_EQUAL(elem->move->waits, 0);
    CU_ASSERT_EQUAL(((struct cell *)elem->object)->heard[HOME], 20);
    CU_ASSERT_PTR_NULL(lb_way_get(obj_coll_get(call->pe, now.array.collection), elem->index));
    return 0;
}

static void nobody_waits_for_a_method_of_the_pe_that_an_element_left(void) {
    memset(&now, 0, sizeof now);
    now.still = true;
    world_open(&now.world, (struct rpc_sim_config){.num_pes = 3, .seed = 1, .through_wire = true});
    struct chariot_create how = {
        .type = world_register(&now.world, &cell_type), .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {3}};
    world_start(&now.world);
    CU_ASSERT_EQUAL(chariot_create_take(&now.world.pes[0], &how, NULL, &now.array), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
    struct chariot_pe *left = &now.world.pes[LEFT];
    CU_ASSERT_EQUAL(chariot_migrate(&now.world.pes[HOME], elem_on(&now.world.pes[HOME], 0), LEFT), 0);
    world_wake(&now.world, HOME);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(chariot_migrate(left, elem_on(left, 0), ARRIVED), 0);
    struct chariot_ref stays = ref_of(1);
    CU_ASSERT_EQUAL(chariot_send_take(left, &stays, LINGER, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    world_wake(&now.world, LEFT);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(now.wrong, 0);
    CU_ASSERT_EQUAL(now.calls_heard, 20);
    CU_ASSERT_EQUAL(now.world.aborts, 0);
    world_close(&now.world);
}

/* ---------------------------------------------------------------- an answer that comes late */

static struct late {
    struct rpc_transport end, *real;
    struct chariot_msg *found;
} late;

static int send_but_found(struct rpc_transport *end, uint32_t pe, struct chariot_msg *msg) {
    if (msg->kind != OBJ_KIND_MOVE || msg->method != OBJ_MOVE_FOUND) return late.real->ops->send(late.real, pe, msg);
    late.found = rpc_msg_copy(msg);
    return 0;
}

static int poll_real(struct rpc_transport *end, bool urgent) {
    return late.real->ops->poll(late.real, urgent);
}

static const struct rpc_transport_ops late_ops = {.name = "late", .send = send_but_found, .poll = poll_real};

static void move_to(uint32_t from, uint32_t to) {
    struct chariot_pe *pe = &now.world.pes[from];
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem_on(pe, 0), to), 0);
    world_wake(&now.world, from);
    world_settle(&now.world);
}

static void call_from(uint32_t from) {
    call_one(&now.world.pes[from], 0);
    world_wake(&now.world, from);
    world_settle(&now.world);
}

/* PE 2 asks the element on PE 1 whether all has come, and the element is on PE 2 before the answer. */
static void an_answer_may_come_later_than_the_element(void) {
    memset(&now, 0, sizeof now);
    now.still = true;
    world_open(&now.world, (struct rpc_sim_config){.num_pes = 4, .seed = 1, .through_wire = true});
    struct chariot_create how = {
        .type = world_register(&now.world, &cell_type), .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {4}};
    world_start(&now.world);
    CU_ASSERT_EQUAL(chariot_create_take(&now.world.pes[0], &how, NULL, &now.array), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
    move_to(0, 1);
    late = (struct late){.real = now.world.pes[1].node.transport};
    late.end = (struct rpc_transport){.ops = &late_ops, .pe = 1, .num_pes = 4};
    now.world.pes[1].node.transport = &late.end;
    call_from(2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(late.found);
    call_from(2);
    CU_ASSERT_EQUAL(now.calls_heard, 1); /* the other is held */
    now.world.pes[1].node.transport = late.real;
    move_to(1, 3);
    move_to(3, 2);
    obj_upcalls.on_message_take(&now.world.pes[2], late.found);
    world_wake(&now.world, 2);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(elem_on(&now.world.pes[2], 0)->move->waits, 0);
    CU_ASSERT_EQUAL(now.calls_heard, 2);
    CU_ASSERT_EQUAL(now.wrong, 0);
    world_close(&now.world);
}

/* ---------------------------------------------------------------- one that never rests */

static bool let_pass_until_roaming(uint32_t count) {
    for (int steps = 5000; steps > 0 && now.num_roaming != count; steps--) let_pass(1);
    return now.num_roaming == count;
}

static void tell_all(uint32_t method, bool each) {
    struct chariot_pe *pe = any_pe();
    for (uint32_t i = 0; i < (each ? now.num_elems : 1); i++) {
        struct chariot_ref one = ref_of(i);
        CU_ASSERT_EQUAL(chariot_send_take(pe, each ? &one : &now.array, method, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    }
    wake(pe);
}

static bool roamers_stop(uint64_t seed) {
    begin(2 + (uint32_t)(seed % (MAX_PES - 1)), seed, false);
    now.still = true;
    now.stands_in = false;
    for (uint32_t p = 0; p < now.num_pes; p++) {
        now.world.pes[p].face.ctx = &now.world.pes[p];
        now.world.pes[p].face.on_moved = on_moved;
    }
    tell_all(ROAM, true);
    CU_ASSERT_TRUE(let_pass_until_roaming(now.num_elems));
    let_pass(draw(200));
    tell_all(STOP, draw(2) == 0);
    if (!is_wrong(!let_pass_until_roaming(0), "an element roams for ever")) {
        world_settle(&now.world);
        const char *fault = wander_fault_at_rest(&now.world);
        is_wrong(fault != NULL, fault);
    }
    is_wrong(now.world.aborts > 0, now.world.abort_text);
    if (now.wrong > 0) printf(": %u PEs, seed %llu\n", now.num_pes, (unsigned long long)seed);
    world_close(&now.world);
    return now.wrong == 0;
}

static void whoever_roams_can_be_told_to_stop(void) {
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) CU_ASSERT_TRUE(roamers_stop(seed));
}

/* ---------------------------------------------------------------- misuse */

static const struct chariot_type stone_type = {
    .name = "Stone", .methods = methods, .num_methods = NUM_METHODS, .create = cell_create, .destroy = cell_destroy};

static void refused(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to, int code, const char *text) {
    char why[300] = "";
    CU_ASSERT_EQUAL(chariot_may_migrate(pe, elem, to, why, sizeof why), code);
    CU_ASSERT_STRING_EQUAL(why, text);
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem, to), code);
}

static struct chariot_elem *only_elem(struct chariot_pe *pe, uint32_t type, enum chariot_kind kind) {
    struct chariot_ref ref, first;
    struct chariot_create how = {.type = type, .kind = kind, .ndims = 1, .dims = {1}, .on_pe = 0};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &ref), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
    first = ref;
    if (kind != CHARIOT_SINGLE) chariot_ref_element(&ref, &(struct chariot_index){.ndims = 1}, &first);
    return chariot_elem_local(pe, &first);
}

static int face_refuses(void *ctx, struct chariot_elem *elem, char *why, size_t why_size) {
    snprintf(why, why_size, "it is at home");
    return CHARIOT_EUSER;
}

static void what_cannot_move_is_told_why(void) {
    memset(&now, 0, sizeof now);
    world_open(&now.world, (struct rpc_sim_config){.num_pes = 2, .through_wire = true});
    uint32_t cell = world_register(&now.world, &cell_type), stone = world_register(&now.world, &stone_type);
    world_start(&now.world);
    struct chariot_pe *pe = &now.world.pes[0];
    struct chariot_elem *elem = only_elem(pe, cell, CHARIOT_ARRAY_OF);
    refused(pe, elem, 2, CHARIOT_ERANGE, "there is no PE 2: the job has 2, numbered from 0");
    refused(pe, only_elem(pe, cell, CHARIOT_GROUP), 1, CHARIOT_ETYPE,
            "Cell cannot move to another PE: only elements of arrays can");
    refused(pe, only_elem(pe, cell, CHARIOT_SINGLE), 1, CHARIOT_ETYPE,
            "Cell cannot move to another PE: only elements of arrays can");
    refused(pe, only_elem(pe, stone, CHARIOT_ARRAY_OF), 1, CHARIOT_ETYPE,
            "Stone cannot move to another PE: its type has no pack and unpack");
    pe->face.may_move = face_refuses;
    refused(pe, elem, 1, CHARIOT_EUSER, "it is at home");
    pe->face.may_move = NULL;
    elem->constructing = true;
    refused(pe, elem, 1, CHARIOT_ESTATE, "Cell cannot move to another PE: its constructor has not ended");
    elem->constructing = false;
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem, 1), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(now.moves, 1);
    CU_ASSERT_EQUAL(now.world.aborts, 0);
    world_close(&now.world);
}

UNIT_MAIN("scenarios/migrate", UNIT(elements_move_under_all_that_happens_to_them),
          UNIT(so_they_do_in_arrays_that_are_filled_meanwhile), UNIT(nobody_waits_for_elements_destroyed_on_the_way),
          UNIT(an_answer_may_come_later_than_the_element), UNIT(whoever_roams_can_be_told_to_stop),
          UNIT(nobody_waits_for_a_method_of_the_pe_that_an_element_left), UNIT(what_cannot_move_is_told_why))
