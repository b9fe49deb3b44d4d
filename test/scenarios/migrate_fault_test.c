/* Memory runs out at the n-th allocation, for every n, of a program whose elements move, with channels, under calls,
 * broadcasts and reductions, and are destroyed on their way: it ends as it should, or the job ends with a message.
 * Nothing hangs, crashes or leaks. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/world.h"
#include "test/unit/unit.h"

#include "test/scenarios/fault_all.h"

enum { NUM_PES = 4, NUM_CELLS = 6, NUM_STEPS = 9 };

struct cell {
    struct chariot_channel *ends[3]; /* to the next cell, to the one before, to a peer */
};

/* One run at a time. */
static struct {
    uint32_t type, peer_type;
    struct chariot_ref cells, peers;
    struct chariot_future *waits;
    struct chariot_waiter waiter;
    int step;
    long moves;
    bool sparse; /* cells are inserted */
} now;

/* ---------------------------------------------------------------- a program that gives up without memory */

static void must(struct chariot_pe *pe, int rc) {
    CU_ASSERT_TRUE(rc == 0 || rc == CHARIOT_ENOMEM || rc == CHARIOT_EGONE);
    if (rc == CHARIOT_ENOMEM) chariot_abort(pe, 71, "the program has no memory\n");
}

static struct chariot_msg *an_int(struct chariot_pe *pe, int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *msg = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, value);
    must(pe, chariot_writer_finish(&writer, &msg));
    return msg;
}

static struct chariot_ref element(const struct chariot_ref *of, int64_t at) {
    struct chariot_ref ref;
    CU_ASSERT_EQUAL(chariot_ref_element(of, &(struct chariot_index){1, {at}}, &ref), 0);
    return ref;
}

/* A message may be an object where it stays on its PE. */
static int encode_word(void *ctx, struct chariot_msg **msg) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, *msg);
    chariot_put_int(&writer, 1);
    return chariot_writer_finish(&writer, msg);
}

static struct chariot_msg *an_object(struct chariot_pe *pe) {
    struct chariot_msg *msg = chariot_msg_new(0);
    if (msg == NULL)
        must(pe, CHARIOT_ENOMEM);
    else
        chariot_msg_set_object(msg, &now, NULL);
    return msg;
}

/* ---------------------------------------------------------------- elements */

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct cell));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void destroy_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct cell *cell = object;
    for (int i = 0; i < 3; i++) chariot_channel_unref(cell->ends[i]);
    free(cell);
}

static int pack_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     struct chariot_writer *writer) {
    const struct cell *cell = object;
    for (int i = 0; i < 3; i++)
        chariot_put_int(writer, cell->ends[i] == NULL ? 0 : (int64_t)chariot_channel_id(cell->ends[i]));
    return 0;
}

static int unpack_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct cell *cell = calloc(1, sizeof(struct cell));
    if (cell == NULL) return CHARIOT_ENOMEM;
    for (int i = 0; i < 3; i++) {
        struct chariot_value id;
        CU_ASSERT_EQUAL(chariot_get_typed(reader, CHARIOT_INT, &id), 0);
        if (id.integer != 0) cell->ends[i] = chariot_channel_by_id(pe, elem, (uint64_t)id.integer);
    }
    now.moves++;
    *object = cell;
    return 0;
}

static void open_to(struct chariot_call *call, int i, const struct chariot_ref *to) {
    struct cell *cell = call->object;
    if (cell->ends[i] == NULL) must(call->pe, chariot_channel_open(call->pe, call->elem, to, &cell->ends[i]));
}

/* The peer never opens its end, the one before may do so later. */
static int on_talk(struct chariot_call *call) {
    struct cell *cell = call->object;
    int64_t at = (int64_t)call->elem->index[0];
    const struct chariot_ref to[] = {element(&now.cells, (at + 1) % NUM_CELLS),
                                     element(&now.cells, (at + NUM_CELLS - 1) % NUM_CELLS),
                                     element(&now.peers, at % NUM_PES)};
    for (int i = 0; i < 3; i++) {
        if (i != 1 || at % 2 == 0) open_to(call, i, &to[i]);
        if (cell->ends[i] == NULL || call->pe->ending) continue;
        bool here = chariot_ref_place(call->pe, &to[i]) == CHARIOT_HERE;
        struct chariot_msg *msg = here ? an_object(call->pe) : an_int(call->pe, at);
        if (msg != NULL) must(call->pe, chariot_channel_send_take(cell->ends[i], msg, 0));
    }
    return 0;
}

static int on_move(struct chariot_call *call) {
    uint32_t here = chariot_my_pe(call->pe);
    must(call->pe, chariot_migrate(call->pe, call->elem, (here + 1 + (uint32_t)call->elem->index[0] % 2) % NUM_PES));
    return 0;
}

static int on_value(struct chariot_call *call) {
    call->result = an_int(call->pe, (int64_t)call->elem->index[0]);
    return 0;
}

/* args: none; the result is that of step 5. */
static int on_sum(struct chariot_call *call) {
    struct chariot_msg *value = an_int(call->pe, 1);
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = obj_future_own_id(now.waits)};
    if (value != NULL)
        must(call->pe, chariot_contribute_take(call->pe, call->elem, NULL, value, CHARIOT_REDUCE_SUM, &target));
    return 0;
}

enum { TALK, MOVE, VALUE, SUM };
static const struct chariot_method cell_methods[] = {
    {"talk", on_talk}, {"move", on_move}, {"value", on_value}, {"sum", on_sum}};
static const struct chariot_type cell_type = {.name = "Cell",
                                              .methods = cell_methods,
                                              .num_methods = 4,
                                              .create = create_cell,
                                              .destroy = destroy_cell,
                                              .pack = pack_cell,
                                              .unpack = unpack_cell};

static int create_peer(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

/* Calls all cells, some of which move at that. */
static int on_call_all(struct chariot_call *call) {
    for (int64_t i = 0; i < 2 * NUM_CELLS && !call->pe->ending; i++) {
        struct chariot_ref ref = element(&now.cells, i % NUM_CELLS);
        uint32_t method = i % 4 == 1 && chariot_my_pe(call->pe) == 2 ? MOVE : VALUE;
        must(call->pe, chariot_send_take(call->pe, &ref, method, NULL, CHARIOT_WANT_NOTHING, NULL));
    }
    return 0;
}

static const struct chariot_method peer_methods[] = {{"call", on_call_all}};
static const struct chariot_type peer_type = {
    .name = "Peer", .methods = peer_methods, .num_methods = 1, .create = create_peer};

/* ---------------------------------------------------------------- its steps, on PE 0 */

static void create_all(struct chariot_pe *pe) {
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {NUM_CELLS}};
    if (now.sparse) how.dims[0] = 0;
    must(pe, chariot_create_take(pe, &how, NULL, &now.cells));
    for (int64_t i = 0; now.sparse && i < NUM_CELLS && !pe->ending; i++)
        must(pe, chariot_insert_take(pe, &now.cells, &(struct chariot_index){1, {i}}, NULL, (i + 1) % NUM_PES, false));
    if (now.sparse && !pe->ending) must(pe, chariot_done_inserting(pe, &now.cells));
    how = (struct chariot_create){.type = now.peer_type, .kind = CHARIOT_GROUP};
    must(pe, chariot_create_take(pe, &how, NULL, &now.peers));
    if (!pe->ending) must(pe, chariot_await_created(pe, &now.peers, now.waits));
}

static void tell(struct chariot_pe *pe, const struct chariot_ref *to, uint32_t method) {
    if (!pe->ending) must(pe, chariot_send_take(pe, to, method, NULL, CHARIOT_WANT_NOTHING, NULL));
}

static void ask(struct chariot_pe *pe, const struct chariot_ref *to, uint32_t method, enum chariot_want want) {
    if (!pe->ending) must(pe, chariot_send_take(pe, to, method, NULL, want, now.waits));
}

static void play(struct chariot_pe *pe) {
    switch (now.step++) {
    case 0:
        create_all(pe);
        return;
    case 1:
        ask(pe, &now.cells, TALK, CHARIOT_WANT_DONE);
        return;
    case 2:
        for (int i = 0; i < 4; i++) tell(pe, &now.cells, i % 2 == 0 ? MOVE : TALK);
        ask(pe, &now.cells, VALUE, CHARIOT_WANT_VALUE);
        return;
    case 3:
    case 4:
        ask(pe, &now.peers, 0, CHARIOT_WANT_DONE);
        return;
    case 5:
        tell(pe, &now.cells, MOVE);
        tell(pe, &now.peers, 0);
        tell(pe, &now.cells, SUM);
        return;
    case 6:
        ask(pe, &now.peers, 0, CHARIOT_WANT_DONE);
        return;
    case 7: {
        const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = obj_future_own_id(now.waits)};
        tell(pe, &now.cells, TALK);
        must(pe, chariot_quiet_start(pe, &target));
        return;
    }
    case 8:
        tell(pe, &now.cells, MOVE);
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

static bool run(long nth, uint64_t seed) {
    static const uint32_t hosts[NUM_PES] = {0, 1, 0, 1};
    struct world world;
    memset(&now, 0, sizeof now);
    world_open(&world,
               (struct rpc_sim_config){
                   .num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000000, .through_wire = true, .hosts = hosts});
    world.budget = seed % 2 == 0 ? 1 : 64;
    now.sparse = seed % 2 == 0;
    now.type = world_register(&world, &cell_type);
    now.peer_type = world_register(&world, &peer_type);
    for (uint32_t p = 0; p < NUM_PES; p++) world.pes[p].face.encode = encode_word;
    world.pes[0].entry = step;
    for (uint32_t p = 0; p < NUM_PES && now.sparse; p++) {
        struct lb_locations *all = lb_locations_of(&world.pes[p]);
        all->max_cached = 1;
        all->max_held = 600;
    }
    bool ended, hit = fault_run(&world, nth, &ended);
    if (!ended) fprintf(stderr, "seed %d, allocation %ld: the job hangs at step %d\n", (int)seed, nth, now.step);
    CU_ASSERT_TRUE(world.aborts > 0 ? hit : now.step == NUM_STEPS + 1);
    CU_ASSERT_TRUE(world.aborts == 0 || strstr(world.abort_text, "memory") != NULL);
    CU_ASSERT_TRUE(hit || now.moves >= 2 * NUM_CELLS);
    chariot_future_unref(now.waits);
    fault_close(&world, nth);
    return hit;
}

static void a_job_whose_elements_move_ends_with_a_message(void) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        long nth = 1;
        while (run(nth, seed) && CU_get_number_of_failures() < 5) nth++;
        CU_ASSERT_TRUE(nth > 500);
    }
}

UNIT_MAIN("scenarios/migrate_fault", UNIT(a_job_whose_elements_move_ends_with_a_message))
