/* instr.c: what instr.py counts in C: calls on one PE, and from one simulated PE to another.
 *
 *     valgrind --tool=callgrind --dump-before=getpgid build/release/bench/instr
 *
 * No clock, no socket: the same instructions in every run. "remote" is a call from send to method, packed and read as
 * on a network; "migrate" a move of an element with 1 KiB of state, from chariot_migrate() until all is settled. Each
 * phase lies between two calls of getpgid(2), and prints "phase key count". */
#include <stdlib.h>
#include <unistd.h>

#include "objects/pe.h"
#include "rpc/loop.h"
#include "rpc/sim.h"
#include "test/bench/c/bench.h"

enum { COUNT = 500, BUDGET = 64, ELEMENTS = 100, STATE = 1024 };
enum method { ADD };

struct world {
    struct rpc_sim *sim;
    struct chariot_pe pes[2];
    uint32_t num_pes;
    struct chariot_ref ref; /* the element of the last PE */
    struct chariot_ref cells;
    int64_t sum;
};

static void check(int error) {
    if (error >= 0) return;
    fprintf(stderr, "instr: %s\n", chariot_error_text(error));
    exit(1);
}

/* ---------------------------------------------------------------- the chare */

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = type->ctx;
    return 0;
}

static int on_add(struct chariot_call *call) {
    struct world *world = call->object;
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, call->args);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &value);
    if (error == 0) world->sum += value.integer;
    return error;
}

/* ---------------------------------------------------------------- elements that move */

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = calloc(1, STATE);
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void destroy_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int pack_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     struct chariot_writer *writer) {
    return chariot_put_bytes(writer, object, STATE);
}

static int unpack_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    check(chariot_get_typed(reader, CHARIOT_BYTES, &value));
    *object = malloc(STATE);
    if (*object == NULL) return CHARIOT_ENOMEM;
    memcpy(*object, value.bytes.data, STATE);
    return 0;
}

static const struct chariot_type cell_type = {
    .name = "Cell", .create = create_cell, .destroy = destroy_cell, .pack = pack_cell, .unpack = unpack_cell};

static struct chariot_msg *args_of(int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, value);
    check(chariot_writer_finish(&writer, &args));
    return args;
}

/* ---------------------------------------------------------------- the PEs */

static bool step(struct world *world) {
    bool busy = false;
    for (uint32_t pe; rpc_sim_next_ready(world->sim, &pe);) rpc_node_poll(&world->pes[pe].node, false);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        if (obj_pe_step(&world->pes[i], rpc_sim_now_ns(world->sim), BUDGET)) busy = true;
    }
    return busy;
}

static void settle(struct world *world) {
    do {
        while (step(world)) continue;
    } while (rpc_sim_advance(world->sim, RPC_FOREVER_NS));
}

static void open_world(struct world *world, uint32_t num_pes, const struct chariot_type *type) {
    *world = (struct world){.num_pes = num_pes};
    check(rpc_sim_new(&(struct rpc_sim_config){.num_pes = num_pes, .seed = 1, .through_wire = true}, &world->sim));
    uint32_t id = 0, cell = 0;
    for (uint32_t i = 0; i < num_pes; i++) {
        world->pes[i].node.pe = i;
        world->pes[i].node.num_pes = num_pes;
        check(obj_pe_init(&world->pes[i]));
        check(rpc_sim_open(world->sim, &world->pes[i].node));
        check(chariot_type_register(&world->pes[i], type, &id));
        check(chariot_type_register(&world->pes[i], &cell_type, &cell));
    }
    for (uint32_t i = 0; i < num_pes; i++) obj_start(&world->pes[i]);
    settle(world);
    struct chariot_create how = {.type = id, .kind = CHARIOT_GROUP},
                          cells = {.type = cell, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {ELEMENTS}};
    check(chariot_create_take(&world->pes[0], &how, NULL, &world->ref));
    check(chariot_create_take(&world->pes[0], &cells, NULL, &world->cells));
    settle(world);
    world->ref.whole = false;
    world->ref.ndims = 1;
    world->ref.index[0] = num_pes - 1;
}

static void close_world(struct world *world) {
    for (uint32_t i = 0; i < world->num_pes; i++) obj_pe_deinit(&world->pes[i]);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        struct rpc_transport *transport = world->pes[i].node.transport;
        transport->ops->close(transport, true);
    }
    rpc_sim_free(world->sim);
}

/* ---------------------------------------------------------------- operations */

static void calls(struct world *world, int count) {
    for (int i = 0; i < count; i++)
        check(chariot_send_take(&world->pes[0], &world->ref, ADD, args_of(1), CHARIOT_WANT_NOTHING, NULL));
    settle(world);
}

static void awaited(struct world *world, int count) {
    for (int i = 0; i < count; i++) {
        struct chariot_future *future = chariot_future_new(&world->pes[0], 1);
        check(chariot_send_take(&world->pes[0], &world->ref, ADD, args_of(1), CHARIOT_WANT_VALUE, future));
        settle(world);
        chariot_future_unref(future);
    }
}

static void move(struct world *world, int64_t at) {
    struct chariot_ref ref;
    check(chariot_ref_element(&world->cells, &(struct chariot_index){1, {at}}, &ref));
    for (uint32_t i = 0; i < world->num_pes; i++) {
        struct chariot_elem *elem = chariot_elem_local(&world->pes[i], &ref);
        if (elem == NULL) continue;
        check(chariot_migrate(&world->pes[i], elem, i == 0));
        return;
    }
}

static void moves(struct world *world, int count) {
    for (int i = 0; i < count; i++) {
        move(world, i % ELEMENTS);
        if ((i + 1) % ELEMENTS == 0) settle(world);
    }
}

static void measure(const char *key, struct world *world, void (*operation)(struct world *world, int count)) {
    operation(world, COUNT);
    for (int times = COUNT; times <= 3 * COUNT; times += 2 * COUNT) {
        getpgid(0);
        operation(world, times);
        getpgid(0);
        printf("phase %s %d\n", key, times);
    }
}

int main(void) {
    static struct world world;
    static const struct chariot_method methods[] = {[ADD] = {"add", on_add}};
    const struct chariot_type type = {
        .name = "Adder", .methods = methods, .num_methods = 1, .create = create, .ctx = &world};
    open_world(&world, 1, &type);
    measure("c.call", &world, calls);
    measure("c.call.awaited", &world, awaited);
    close_world(&world);
    open_world(&world, 2, &type);
    measure("c.remote", &world, calls);
    measure("c.migrate", &world, moves);
    close_world(&world);
    return world.sum > 0 ? 0 : 1;
}
