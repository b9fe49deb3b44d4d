/* Clients that wait no more, on simulated PEs: what they have called hears of it wherever it lives, moves or not; what
 * was not begun is dropped. Whatever happens, no method waits for ever, and nothing is left of the word. */
#include <stdlib.h>
#include <string.h>

#include "objects/door.h"
#include "rpc/proto/chariot/v1/object_service.pb-c.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { MAX_PES = 8, NUM_CELLS = 6, NUM_CLIENTS = 10, MAX_WAITING = 4 * NUM_CLIENTS };

struct client {
    struct obj_visit visit;
    bool begun, answered;
};

static struct {
    struct world world;
    struct rpc_random random;
    uint32_t num_pes, type;
    struct chariot_ref cells;
    struct client clients[NUM_CLIENTS];
    int64_t waiting, begun, cancelled, wrong;
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static bool is_wrong(bool wrong, const char *what) {
    if (wrong && now.wrong++ < 3) printf("\n%s", what);
    return wrong;
}

/* ---------------------------------------------------------------- the objects */

/* Calls that wait at a cell until they are cancelled. */
struct cell {
    struct chariot_reply replies[MAX_WAITING];
    int count;
};

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct cell));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int cell_wait(struct chariot_call *call) {
    struct cell *cell = call->object;
    now.begun++;
    is_wrong(chariot_is_cancelled(call->pe, &call->reply), "a call that nobody waits for was begun");
    if (is_wrong(cell->count == MAX_WAITING, "too many wait")) return 0;
    cell->replies[cell->count++] = call->reply;
    now.waiting++;
    return CHARIOT_LATER;
}

static int cell_quick(struct chariot_call *call) {
    return 0;
}

static void cancel(struct chariot_pe *pe, const struct chariot_type *type, void *object, uint64_t call) {
    struct cell *cell = object;
    for (int i = 0; i < cell->count; i++) {
        if (cell->replies[i].call != call) continue;
        struct chariot_reply reply = cell->replies[i];
        cell->replies[i--] = cell->replies[--cell->count];
        now.waiting--;
        now.cancelled++;
        (void)chariot_reply_take(pe, &reply, NULL);
    }
}

static const struct chariot_method methods[] = {{"wait", cell_wait}, {"quick", cell_quick}};
static const struct chariot_signature plain = {0};
static const struct chariot_signature *const exposed[] = {&plain, &plain};
static const struct chariot_exposure exposure = {.methods = exposed};
static const struct chariot_type cell_type = {.name = "Cell",
                                              .methods = methods,
                                              .num_methods = 2,
                                              .exposure = &exposure,
                                              .create = make,
                                              .destroy = unmake,
                                              .cancel = cancel};

/* ---------------------------------------------------------------- the clients */

static bool may(void *ctx, const char *object, const char *method) {
    return true;
}
static const struct obj_guest guest = {.may = may};

static void on_answer(struct obj_visit *visit) {
    struct client *client = (struct client *)visit;
    is_wrong(client->answered, "it is answered twice");
    client->answered = true;
}

static void send(struct client *client, const ProtobufCMessage *request) {
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *data = malloc(size > 0 ? size : 1);
    protobuf_c_message_pack(request, data);
    OBJ_API(client->visit.pe);
    if (obj_door_begin(&client->visit, data, size) == OBJ_DOOR_ANSWERED) on_answer(&client->visit);
    free(data);
}

static void begin(struct client *client, const char *method, bool all) {
    Chariot__V1__Target target = CHARIOT__V1__TARGET__INIT;
    Chariot__V1__CallRequest call = CHARIOT__V1__CALL_REQUEST__INIT;
    Chariot__V1__BroadcastRequest broadcast = CHARIOT__V1__BROADCAST_REQUEST__INIT;
    int64_t index = (int64_t)draw(NUM_CELLS);
    *client = (struct client){.begun = true};
    client->visit = (struct obj_visit){.pe = &now.world.pes[draw(now.num_pes)],
                                       .guest = &guest,
                                       .method = all ? OBJ_DOOR_BROADCAST : OBJ_DOOR_CALL,
                                       .on_answer = on_answer};
    target.object_case = CHARIOT__V1__TARGET__OBJECT_NAME;
    target.name = (char *)(uintptr_t) "grid";
    target.index = &index;
    target.n_index = !all;
    call.target = broadcast.target = &target;
    call.method = broadcast.method = (char *)(uintptr_t)method;
    send(client, all ? &broadcast.base : &call.base);
    world_wake(&now.world, client->visit.pe->node.pe);
}

/* It waits no more, or has its answer. */
static void leave(struct client *client) {
    OBJ_API(client->visit.pe);
    if (draw(2) == 0 && !client->answered) obj_door_gone(&client->visit);
    obj_door_cancel(&client->visit);
    chariot_msg_unref(client->visit.body);
    chariot_msg_unref(client->visit.failure);
    client->begun = false;
    world_wake(&now.world, client->visit.pe->node.pe);
}

/* ---------------------------------------------------------------- whole runs */

static void let_pass(uint64_t steps) {
    while (steps-- > 0) {
        world_step(&now.world);
        rpc_sim_advance(now.world.sim, RPC_FOREVER_NS);
    }
}

static void open_world(uint32_t num_pes, uint64_t seed) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.num_pes = num_pes;
    world_open(&now.world, (struct rpc_sim_config){.num_pes = num_pes,
                                                   .seed = seed,
                                                   .max_delay_ns = draw(3) == 0 ? 1000 : 5000000,
                                                   .through_wire = true});
    now.world.budget = 1 + (int)draw(64);
    now.type = world_register(&now.world, &cell_type);
    world_start(&now.world);
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {NUM_CELLS}};
    CU_ASSERT_EQUAL(chariot_create_take(&now.world.pes[0], &how, NULL, &now.cells), 0);
    CU_ASSERT_EQUAL(chariot_publish(&now.world.pes[0], "grid", &now.cells, NULL), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
}

static bool close_world(uint32_t num_pes, uint64_t seed) {
    world_settle(&now.world);
    is_wrong(now.waiting != 0, "a method waits for a client that has gone");
    for (uint32_t p = 0; p < num_pes; p++)
        is_wrong(now.world.pes[p].cancelled.count > 0, "word of a cancellation is left");
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
    const char *fault = wander_fault(now.world.wander);
    is_wrong(fault != NULL, fault);
    if (now.wrong > 0) printf("\n%u PEs, seed %llu\n", num_pes, (unsigned long long)seed);
    world_close(&now.world);
    return now.wrong == 0;
}

static bool run(uint32_t num_pes, uint64_t seed, int64_t *cancelled) {
    open_world(num_pes, seed);
    for (int actions = 0; actions < 400 && now.wrong == 0; actions++) {
        struct client *client = &now.clients[draw(NUM_CLIENTS)];
        if (!client->begun)
            begin(client, draw(4) == 0 ? "quick" : "wait", draw(3) == 0);
        else if (client->answered || draw(3) == 0)
            leave(client);
        let_pass(draw(6));
    }
    for (int i = 0; i < NUM_CLIENTS; i++) {
        if (now.clients[i].begun) leave(&now.clients[i]);
    }
    *cancelled += now.cancelled;
    return close_world(num_pes, seed);
}

static void no_method_waits_for_who_has_gone(void) {
    int64_t cancelled = 0, bad = 0;
    for (int wanders = 0; wanders < 2; wanders++) {
        if (wanders == 1) wander_begin(200);
        for (uint32_t num_pes = 1; num_pes <= MAX_PES; num_pes++) {
            for (uint64_t seed = 0; seed < script_seeds(20) && bad < 3; seed++)
                bad += !run(num_pes, 100 * num_pes + seed, &cancelled);
        }
        if (wanders == 1) wander_end();
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_TRUE(cancelled > 1000);
}

static void what_was_not_begun_is_dropped(void) {
    open_world(1, 7);
    for (int i = 0; i < 4; i++) begin(&now.clients[i], "wait", i == 3);
    for (int i = 0; i < 4; i++) leave(&now.clients[i]);
    CU_ASSERT_TRUE(close_world(1, 7));
    CU_ASSERT_EQUAL(now.begun, 0);
}

UNIT_MAIN("scenarios/door_cancel", UNIT(no_method_waits_for_who_has_gone), UNIT(what_was_not_begun_is_dropped))
