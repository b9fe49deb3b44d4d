/* Channels of foreign programs on simulated PEs: each PE serves, the objects move, clients read and write when it
 * pleases them and go when it pleases them. Each value comes once, in its order; each call ends as it should, and
 * afterwards nothing is left of it. */
#include <stdlib.h>
#include <string.h>

#include "objects/channel.h"
#include "objects/door.h"
#include "rpc/proto/chariot/v1/object_service.pb-c.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { MAX_PES = 8, NUM_CELLS = 5, NUM_CLIENTS = 12, MAX_ENDS = NUM_CLIENTS, FIRST_OF_FAILURE = 1000 };
enum how { ECHOES, FAILS, LETS_GO, NUM_HOWS };

/* One call of OpenChannel. */
struct client {
    struct obj_visit visit;
    int64_t wanted, sent, got; /* values */
    enum how how;
    bool begun, wants, said_all, left, answered;
    int room; /* responses that it takes now */
};

static struct {
    struct world world;
    struct rpc_random random;
    uint32_t num_pes, type;
    struct chariot_ref cells;
    struct client clients[NUM_CLIENTS];
    int64_t moves, wrong;
    bool destroyed;
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static bool is_wrong(bool wrong, const char *what) {
    if (wrong && now.wrong++ < 3) printf("\n%s", what);
    return wrong;
}

/* ---------------------------------------------------------------- the objects */

/* What a cell keeps of the channels that it was called with; it moves as it lies in memory. */
struct cell {
    struct chariot_channel *ends[MAX_ENDS];
    bool polls;
};

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct cell));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct cell *cell = object;
    for (int i = 0; i < MAX_ENDS; i++) chariot_channel_unref(cell->ends[i]);
    free(cell);
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    const struct cell *cell = object;
    chariot_put_bool(writer, cell->polls);
    for (int i = 0; i < MAX_ENDS; i++)
        chariot_put_int(writer, cell->ends[i] == NULL ? 0 : (int64_t)chariot_channel_id(cell->ends[i]));
    return 0;
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct cell *cell = calloc(1, sizeof *cell);
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_BOOL, &value);
    cell->polls = value.boolean;
    for (int i = 0; i < MAX_ENDS && rc == 0; i++) {
        rc = chariot_get_typed(reader, CHARIOT_INT, &value);
        if (rc != 0 || value.integer == 0) continue;
        cell->ends[i] = chariot_channel_by_id(pe, elem, (uint64_t)value.integer);
        is_wrong(cell->ends[i] == NULL, "an end was lost on the way");
        if (cell->ends[i] != NULL) is_wrong(!chariot_channel_has_client(cell->ends[i]), "it has forgotten its client");
    }
    now.moves++;
    *object = cell;
    return rc;
}

static int poll_later(struct chariot_call *call) {
    struct chariot_ref self;
    chariot_elem_ref(call->elem, &self);
    ((struct cell *)call->object)->polls = true;
    return chariot_send_take(call->pe, &self, 0, NULL, CHARIOT_WANT_NOTHING, NULL);
}

/* Sends back, twice as much, some of what has come. */
static int echo_some(struct chariot_channel *end) {
    struct chariot_msg *msg;
    int rc = 0;
    for (uint64_t left = draw(6); left > 0 && rc == 0 && chariot_channel_has_room(end); left--) {
        rc = chariot_channel_receive(end, &msg);
        if (rc != 0) return rc;
        int64_t value = arg_int(msg, 0);
        chariot_msg_unref(msg);
        rc = chariot_channel_send_take(end, args_of(2 * value), 0);
    }
    return rc;
}

static int cell_poll(struct chariot_call *call) {
    struct cell *cell = call->object;
    bool any = false;
    cell->polls = false;
    for (int i = 0; i < MAX_ENDS; i++) {
        if (cell->ends[i] == NULL) continue;
        if (echo_some(cell->ends[i]) >= 0) {
            any = true;
            continue;
        }
        chariot_channel_unref(cell->ends[i]);
        cell->ends[i] = NULL;
    }
    if (draw(3) == 0) (void)chariot_migrate(call->pe, call->elem, (uint32_t)draw(now.num_pes));
    return any ? poll_later(call) : 0;
}

static int fail(struct chariot_call *call) {
    for (int64_t i = 0; i < 2; i++)
        (void)chariot_channel_send_take(call->channel, args_of(2 * (FIRST_OF_FAILURE + i)), 0);
    call->result = chariot_error_new("ValueError", "no good");
    return CHARIOT_EUSER;
}

static int cell_talk(struct chariot_call *call) {
    struct cell *cell = call->object;
    int64_t how = arg_int(call->args, 0);
    if (is_wrong(call->channel == NULL, "there is no channel") || how == LETS_GO) return 0;
    if (how == FAILS) return fail(call);
    for (int i = 0; i < MAX_ENDS; i++) {
        if (cell->ends[i] != NULL) continue;
        cell->ends[i] = chariot_channel_ref(call->channel);
        return cell->polls ? 0 : poll_later(call);
    }
    return is_wrong(true, "too many channels");
}

static const struct chariot_method methods[] = {{"poll", cell_poll}, {"talk", cell_talk}};
static const struct chariot_signature talks = {.channel = true};
static const struct chariot_signature *const exposed[] = {NULL, &talks};
static const struct chariot_exposure exposure = {.methods = exposed};
static const struct chariot_type cell_type = {.name = "Cell",
                                              .methods = methods,
                                              .num_methods = 2,
                                              .exposure = &exposure,
                                              .create = make,
                                              .destroy = unmake,
                                              .pack = pack,
                                              .unpack = unpack};

/* ---------------------------------------------------------------- the clients */

static bool may(void *ctx, const char *object, const char *method) {
    return true;
}
static const struct obj_guest guest = {.may = may};

static void on_answer(struct obj_visit *visit) {
    struct client *client = (struct client *)visit;
    is_wrong(client->answered || client->left, "an answer for nobody");
    client->answered = true;
    obj_door_cancel(visit);
}

static void put_take(struct obj_visit *visit, struct chariot_msg *response) {
    struct client *client = (struct client *)visit;
    Chariot__V1__OpenChannelResponse *read =
        chariot__v1__open_channel_response__unpack(NULL, chariot_msg_size(response), chariot_msg_data(response));
    int64_t wanted = 2 * (client->got++ + (client->how == FAILS ? FIRST_OF_FAILURE : 0));
    is_wrong(read == NULL || read->value->integer != wanted, "a value that was not sent, or not in its turn");
    is_wrong(client->answered || client->left || client->room-- <= 0, "it comes too late, or too early");
    chariot__v1__open_channel_response__free_unpacked(read, NULL);
    chariot_msg_unref(response);
}

static bool has_room(struct obj_visit *visit) {
    return ((struct client *)visit)->room > 0;
}

static void more(struct obj_visit *visit) {
    struct client *client = (struct client *)visit;
    is_wrong(client->wants || client->said_all, "more was asked for already");
    client->wants = true;
}

static void send(struct client *client, const Chariot__V1__OpenChannelRequest *request) {
    size_t size = protobuf_c_message_get_packed_size(&request->base);
    uint8_t *data = malloc(size > 0 ? size : 1);
    protobuf_c_message_pack(&request->base, data);
    OBJ_API(client->visit.pe);
    int rc = client->begun ? obj_door_next(&client->visit, data, size) : obj_door_begin(&client->visit, data, size);
    client->begun = true;
    if (rc == OBJ_DOOR_ANSWERED) on_answer(&client->visit);
    free(data);
}

static void begin(struct client *client) {
    Chariot__V1__Value how = CHARIOT__V1__VALUE__INIT, *values[] = {&how};
    Chariot__V1__Arguments arguments = CHARIOT__V1__ARGUMENTS__INIT;
    Chariot__V1__Target to = CHARIOT__V1__TARGET__INIT;
    Chariot__V1__ChannelTarget target = CHARIOT__V1__CHANNEL_TARGET__INIT;
    Chariot__V1__OpenChannelRequest request = CHARIOT__V1__OPEN_CHANNEL_REQUEST__INIT;
    int64_t index = (int64_t)draw(NUM_CELLS);
    *client = (struct client){.wanted = (int64_t)draw(40), .how = (enum how)(draw(4) == 0 ? draw(NUM_HOWS) : ECHOES)};
    client->visit = (struct obj_visit){.pe = &now.world.pes[draw(now.num_pes)],
                                       .guest = &guest,
                                       .method = OBJ_DOOR_CHANNEL,
                                       .on_answer = on_answer,
                                       .put_take = put_take,
                                       .has_room = has_room,
                                       .more = more};
    how.kind_case = CHARIOT__V1__VALUE__KIND_INTEGER;
    how.integer = client->how;
    arguments.positional = values;
    arguments.n_positional = 1;
    to.object_case = CHARIOT__V1__TARGET__OBJECT_NAME;
    to.name = (char *)(uintptr_t) "grid";
    to.index = &index;
    to.n_index = 1;
    target.target = &to;
    target.method = (char *)(uintptr_t) "talk";
    target.arguments = &arguments;
    request.what_case = CHARIOT__V1__OPEN_CHANNEL_REQUEST__WHAT_TARGET;
    request.target = &target;
    send(client, &request);
}

static void say_next(struct client *client) {
    Chariot__V1__Value value = CHARIOT__V1__VALUE__INIT;
    Chariot__V1__OpenChannelRequest request = CHARIOT__V1__OPEN_CHANNEL_REQUEST__INIT;
    if (!client->wants) return;
    client->wants = false;
    if (client->sent == client->wanted) {
        OBJ_API(client->visit.pe);
        client->said_all = true;
        CU_ASSERT_EQUAL(obj_door_next(&client->visit, NULL, 0), 0);
        return;
    }
    value.kind_case = CHARIOT__V1__VALUE__KIND_INTEGER;
    value.integer = client->sent++;
    request.what_case = CHARIOT__V1__OPEN_CHANNEL_REQUEST__WHAT_VALUE;
    request.value = &value;
    send(client, &request);
}

static void take_some(struct client *client, int room) {
    OBJ_API(client->visit.pe);
    bool had = client->room > 0;
    client->room += room;
    if (!had && obj_door_room(&client->visit) == OBJ_DOOR_ANSWERED) on_answer(&client->visit);
}

/* It goes, or has been answered and its call is over. */
static void leave(struct client *client) {
    OBJ_API(client->visit.pe);
    client->left = true;
    obj_door_cancel(&client->visit);
    chariot_msg_unref(client->visit.body);
    chariot_msg_unref(client->visit.failure);
    client->visit.body = client->visit.failure = NULL;
}

static void check_answer(const struct client *client) {
    int64_t wanted = client->how == ECHOES ? client->wanted : client->how == FAILS ? 2 : 0;
    enum obj_door_status status = client->how == FAILS ? OBJ_DOOR_ABORTED : OBJ_DOOR_OK;
    if (now.destroyed && client->visit.status != status) return;
    is_wrong(client->visit.status != status, "it ended otherwise");
    if (!now.destroyed) is_wrong(client->got != wanted, "values are missing");
}

static void act(struct client *client) {
    uint64_t what = draw(100);
    if (!client->begun || client->left) {
        if (!now.destroyed) begin(client);
    } else if (client->answered) {
        check_answer(client);
        leave(client);
    } else if (what < 3) {
        leave(client);
    } else if (what < 50) {
        say_next(client);
    } else {
        take_some(client, (int)draw(4));
    }
    if (client->begun) world_wake(&now.world, client->visit.pe->node.pe);
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
    int64_t delay = draw(3) == 0 ? 1000 : 5000000;
    world_open(&now.world,
               (struct rpc_sim_config){.num_pes = num_pes, .seed = seed, .max_delay_ns = delay, .through_wire = true});
    now.world.budget = 1 + (int)draw(64);
    now.type = world_register(&now.world, &cell_type);
    world_start(&now.world);
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {NUM_CELLS}};
    CU_ASSERT_EQUAL(chariot_create_take(&now.world.pes[0], &how, NULL, &now.cells), 0);
    CU_ASSERT_EQUAL(chariot_publish(&now.world.pes[0], "grid", &now.cells, NULL), 0);
    world_wake(&now.world, 0);
    world_settle(&now.world);
}

/* All that are there get what they wait for. */
static void serve_all(void) {
    for (int rounds = 0; rounds < 1000; rounds++) {
        bool any = false;
        for (int i = 0; i < NUM_CLIENTS; i++) {
            struct client *client = &now.clients[i];
            if (!client->begun || client->left) continue;
            any = true;
            if (client->answered) {
                check_answer(client);
                leave(client);
            } else {
                say_next(client);
                if (!client->answered) take_some(client, 3);
            }
            world_wake(&now.world, client->visit.pe->node.pe);
        }
        if (!any) return;
        let_pass(20);
    }
    is_wrong(true, "some call never ends");
}

static void check_nothing_left(void) {
    for (uint32_t p = 0; p < now.num_pes; p++) {
        const struct chariot_pe *pe = &now.world.pes[p];
        is_wrong(pe->channels.count > 0 || pe->channel_peers.count > 0, "records of closed channels are left");
        is_wrong(pe->channel_pairs.count > 0, "what is known of clients is left");
        is_wrong(pe->channel_strays.count > 0, "messages of no channel are left");
        is_wrong(pe->singles.count > 0 || pe->clients.count > 0, "chares of clients are left");
    }
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
}

static bool run(uint32_t num_pes, uint64_t seed, bool destroys, int64_t *moves) {
    open_world(num_pes, seed);
    for (int actions = 0; actions < 600 && now.wrong == 0; actions++) {
        act(&now.clients[draw(NUM_CLIENTS)]);
        let_pass(draw(4));
        if (!destroys || actions != 300) continue;
        now.destroyed = true;
        CU_ASSERT_EQUAL(chariot_destroy(&now.world.pes[0], &now.cells, NULL), 0);
        world_wake(&now.world, 0);
    }
    serve_all();
    world_settle(&now.world);
    check_nothing_left();
    *moves += now.moves;
    bool good = now.wrong == 0;
    if (!good) printf("\n%u PEs, seed %llu: %lld wrong\n", num_pes, (unsigned long long)seed, (long long)now.wrong);
    world_close(&now.world);
    return good;
}

static void run_all(bool destroys) {
    int64_t moves = 0, bad = 0;
    for (uint32_t num_pes = 1; num_pes <= MAX_PES; num_pes++) {
        for (uint64_t seed = 0; seed < script_seeds(25) && bad < 3; seed++)
            bad += !run(num_pes, 100 * num_pes + seed, destroys, &moves);
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_TRUE(moves > 100);
}

static void values_come_once_and_in_order(void) {
    run_all(false);
}

static void destroyed_objects_end_the_calls(void) {
    run_all(true);
}

UNIT_MAIN("scenarios/door_channel", UNIT(values_come_once_and_in_order), UNIT(destroyed_objects_end_the_calls))
