/* What PEs do is told to whoever watches: on simulated PEs, in virtual time. */
#include "objects/door.h"

#include <stdlib.h>

#include "rpc/proto/chariot/v1/object_service.pb-c.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

static const int64_t SECOND_NS = 1000000000;

/* ---------------------------------------------------------------- watchers */

struct watch {
    struct obj_watcher watcher;
    struct chariot_pe *pe;
    int answers, wanted;         /* with the last it goes */
    struct chariot_future *done; /* completes then; NULL: nobody waits */
    bool whole;                  /* the last answer had a row of every PE */
};

static void leave(struct watch *watch) {
    obj_watch_remove(watch->pe, &watch->watcher);
    if (watch->done != NULL) chariot_future_give_take(watch->pe, watch->done, value_int(0));
}

static void go(struct chariot_pe *pe, void *ctx) {
    OBJ_API(pe);
    leave(ctx);
}

static void on_rows(struct obj_watcher *watcher) {
    struct watch *watch = (struct watch *)watcher;
    watch->whole = true;
    for (uint32_t i = 0; i < watch->pe->node.num_pes; i++) watch->whole &= watch->pe->watch.rows[i].told;
    if (++watch->answers == watch->wanted) CU_ASSERT_EQUAL(obj_post(watch->pe, go, watch), 0);
}

static void begin(struct watch *watch, struct chariot_pe *pe, int64_t period_ns, int wanted,
                  struct chariot_future *done) {
    *watch = (struct watch){.watcher = {.period_ns = period_ns, .on_rows = on_rows}, .pe = pe, .wanted = wanted};
    watch->done = done;
    OBJ_API(pe);
    CU_ASSERT_EQUAL(obj_watch_add(pe, &watch->watcher), 0);
}

/* ---------------------------------------------------------------- the program */

struct program {
    struct script *script;
    struct chariot_create how;
    struct chariot_type type;
    struct chariot_ref cells;
    struct watch watches[3];
};

static int cell_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

/* Computes for long: the other PEs go on, and one of them begins to watch. This one tells all the same. */
static int cell_compute(struct chariot_call *call) {
    struct program *program = call->pe->types[call->elem->own.coll->type]->ctx;
    struct world *world = &program->script->world;
    struct chariot_pe *other = &world->pes[(call->pe->node.pe + 1) % world->num_pes];
    struct watch *watch = &program->watches[0];
    begin(watch, other, SECOND_NS, -1, NULL);
    world_wake(world, other->node.pe);
    world_meanwhile(world, call->pe->node.pe, 200);
    CU_ASSERT_EQUAL(watch->answers, 1);
    CU_ASSERT(watch->whole);
    OBJ_API(other);
    leave(watch);
    return 0;
}

static const struct chariot_method methods[] = {{"compute", cell_compute}};

static void prepare(struct script *script, struct world *world) {
    struct program *program = script->ctx;
    program->script = script;
    program->type = (struct chariot_type){
        .name = "Cell", .methods = methods, .num_methods = 1, .create = cell_create, .ctx = program};
    program->how = (struct chariot_create){
        .kind = CHARIOT_GROUP, .ndims = 1, .type = world_register(world, &program->type), .on_pe = -1};
}

/* All PEs have told all that is so: a cell each, and messages. */
static void check_rows(const struct watch *watch) {
    CU_ASSERT(watch->whole);
    CU_ASSERT_PTR_NULL(watch->pe->watch.watchers);
    CU_ASSERT_PTR_NULL(watch->pe->watch.rows);
}

/* ---------------------------------------------------------------- all tell */

static void check_counts(struct obj_watcher *watcher) {
    struct watch *watch = (struct watch *)watcher;
    int64_t sent = 0, received = 0;
    for (uint32_t i = 0; i < watch->pe->node.num_pes; i++) {
        const struct obj_watch_row *row = &watch->pe->watch.rows[i];
        CU_ASSERT_EQUAL(row->chares, 1);
        CU_ASSERT(row->busy_ns >= 0 && row->busy_ns <= row->watched_ns);
        CU_ASSERT_EQUAL(row->moved_in + row->moved_out, 0);
        sent += row->sent;
        received += row->received;
    }
    CU_ASSERT(watch->pe->node.num_pes == 1 || (sent > 0 && received > 0));
    on_rows(watcher);
}

static void all_play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                     struct chariot_future *next) {
    struct program *program = script->ctx;
    struct world *world = &script->world;
    struct chariot_pe *last = &world->pes[world->num_pes - 1];
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE};
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, &program->cells), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &program->cells, next), 0);
        return;
    case 1:
        next = script_expect(script, pe, 3);
        begin(&program->watches[0], pe, SECOND_NS, 4, next);
        begin(&program->watches[1], pe, SECOND_NS / 3, 9, next);
        begin(&program->watches[2], pe, SECOND_NS, 1, next);
        program->watches[0].watcher.on_rows = check_counts;
        return;
    case 2: /* watching is no work: the job is quiescent all the same */
        for (int i = 0; i < 3; i++) check_rows(&program->watches[i]);
        begin(&program->watches[0], last, SECOND_NS / 10, -1, NULL);
        world_wake(world, last->node.pe);
        target.future = chariot_future_id(next);
        CU_ASSERT_EQUAL(chariot_quiet_start(pe, &target), 0);
        return;
    default: {
        OBJ_API(last);
        leave(&program->watches[0]);
    }
        chariot_exit(pe, 0);
    }
}

/* Nobody measures any more, and nothing is left. */
static void verify(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void every_pe_tells_what_it_does(void) {
    static const uint32_t sizes[] = {1, 2, 3, 7, 8, 40};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
            struct program program = {0};
            struct script script = {.prepare = prepare, .play = all_play, .verify = verify, .ctx = &program};
            script_run(&script, sizes[i], seed);
        }
    }
}

/* ---------------------------------------------------------------- one that computes */

static void busy_play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                      struct chariot_future *next) {
    struct program *program = script->ctx;
    struct chariot_ref one;
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, &program->cells), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &program->cells, next), 0);
        return;
    case 1:
        one = program->cells;
        one.whole = false;
        one.index[0] = script->world.num_pes - 1;
        CU_ASSERT_EQUAL(chariot_send_take(pe, &one, 0, NULL, CHARIOT_WANT_DONE, next), 0);
        return;
    case 2: { /* what was begun for the watcher is over everywhere once all is still */
        struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(next)};
        CU_ASSERT_EQUAL(chariot_quiet_start(pe, &target), 0);
        return;
    }
    default:
        for (uint32_t i = 0; i < script->world.num_pes; i++) {
            CU_ASSERT_PTR_NULL(script->world.pes[i].watch.rounds);
            CU_ASSERT_PTR_NULL(script->world.pes[i].meter);
        }
        chariot_exit(pe, 0);
    }
}

static void a_pe_that_computes_tells_too(void) {
    for (uint32_t num_pes = 2; num_pes <= 9; num_pes++) {
        for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
            struct program program = {0};
            struct script script = {.prepare = prepare, .play = busy_play, .verify = verify, .ctx = &program};
            script_run(&script, num_pes, seed);
        }
    }
}

/* ---------------------------------------------------------------- foreign programs */

struct client {
    struct obj_visit visit;
    struct chariot_msg *last; /* response */
    int responses;
    bool may, has_room;
};

static bool may(void *ctx, const char *object, const char *method) {
    const struct client *client = ctx;
    CU_ASSERT_STRING_EQUAL(object, "@job");
    CU_ASSERT_STRING_EQUAL(method, "watch");
    return client->may;
}

static void put_take(struct obj_visit *visit, struct chariot_msg *response) {
    struct client *client = (struct client *)visit;
    chariot_msg_unref(client->last);
    client->last = response;
    client->responses++;
}

static bool has_room(struct obj_visit *visit) {
    return ((struct client *)visit)->has_room;
}

static int ask(struct client *client, struct chariot_pe *pe, struct obj_guest *guest, const void *data, size_t size) {
    *guest = (struct obj_guest){.ctx = client, .may = may};
    client->visit = (struct obj_visit){
        .pe = pe, .guest = guest, .method = OBJ_DOOR_PES, .put_take = put_take, .has_room = has_room};
    OBJ_API(pe);
    int rc = obj_door_begin(&client->visit, data, size);
    chariot_msg_unref(client->visit.failure);
    return rc;
}

static void end(struct client *client) {
    OBJ_API(client->visit.pe);
    obj_door_cancel(&client->visit);
    chariot_msg_unref(client->last);
    client->last = NULL;
}

static void run_for(struct world *world, int64_t ns) {
    int64_t until_ns = rpc_sim_now_ns(world->sim) + ns;
    for (;;) {
        while (world_step(world)) continue;
        int64_t due_ns = world_deadline_ns(world);
        if (rpc_sim_now_ns(world->sim) >= until_ns) return;
        rpc_sim_advance(world->sim, due_ns < until_ns ? due_ns : until_ns);
    }
}

static uint64_t sent_by_all(const struct world *world) {
    uint64_t sent = 0;
    for (uint32_t i = 0; i < world->num_pes; i++) sent += world->pes[i].quiet.mine.sent;
    return sent;
}

static void check_response(const struct client *client, uint32_t num_pes) {
    Chariot__V1__WatchPesResponse *read =
        chariot__v1__watch_pes_response__unpack(NULL, chariot_msg_size(client->last), chariot_msg_data(client->last));
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    CU_ASSERT_EQUAL_FATAL(read->n_pes, num_pes);
    for (uint32_t i = 0; i < num_pes; i++) {
        CU_ASSERT_EQUAL(read->pes[i]->pe, i);
        CU_ASSERT(read->pes[i]->busy_us <= read->pes[i]->measured_us);
        CU_ASSERT(read->pes[i]->measured_us > 0);
    }
    chariot__v1__watch_pes_response__free_unpacked(read, NULL);
}

/* Period 500 ms; a client that does not read misses what is told meanwhile, and one that may not is refused. */
static void foreign_programs_watch(void) {
    static const uint8_t request[] = {0x08, 0xf4, 0x03}, malformed[] = {0x0a, 0x01, 'x'};
    struct world world;
    struct client client = {.may = true, .has_room = true};
    struct obj_guest guest;
    world_open(&world, (struct rpc_sim_config){.num_pes = 6, .seed = 1, .max_delay_ns = 1000, .through_wire = true});
    world.notes_idle = true;
    world_start(&world);
    world_settle(&world);
    CU_ASSERT_EQUAL(ask(&client, &world.pes[2], &guest, malformed, sizeof malformed), OBJ_DOOR_ANSWERED);
    CU_ASSERT_EQUAL(client.visit.status, OBJ_DOOR_INVALID_ARGUMENT);
    client.may = false;
    CU_ASSERT_EQUAL(ask(&client, &world.pes[2], &guest, request, sizeof request), OBJ_DOOR_ANSWERED);
    CU_ASSERT_EQUAL(client.visit.status, OBJ_DOOR_PERMISSION_DENIED);
    client.may = true;
    CU_ASSERT_EQUAL(ask(&client, &world.pes[2], &guest, request, sizeof request), 0);
    world_wake(&world, 2);
    uint64_t sent = sent_by_all(&world);
    run_for(&world, 2 * SECOND_NS + SECOND_NS / 4);
    CU_ASSERT_EQUAL(client.responses, 5);
    check_response(&client, 6);
    CU_ASSERT_EQUAL(sent_by_all(&world) - sent, 5 * 2 * (6 - 1)); /* down the tree's edges, and up */
    client.has_room = false;
    run_for(&world, 2 * SECOND_NS);
    CU_ASSERT_EQUAL(client.responses, 5);
    end(&client);
    world_wake(&world, 2);
    run_for(&world, SECOND_NS);
    for (uint32_t i = 0; i < 6; i++) CU_ASSERT_PTR_NULL(world.pes[i].watch.rounds);
    world_close(&world);
}

UNIT_MAIN("scenarios/watch", UNIT(every_pe_tells_what_it_does), UNIT(a_pe_that_computes_tells_too),
          UNIT(foreign_programs_watch))
