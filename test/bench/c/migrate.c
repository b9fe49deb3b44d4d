/* migrate.c: what it costs to move an element with 1 KiB of state between two PEs, beside a message of that size.
 *
 *     chariot run -n 2 build/release/bench/migrate [COUNT]
 *
 * Many: a burst of messages one way, the last answered; 1,000 elements, each of which moves on as soon as it has
 * arrived, as often as it was told, and then takes part in a reduction. One at a time: a message there and an empty
 * one back; an element moves there and says so by an empty one, then the next goes. Prints "key value" lines (bench.h).
 * COUNT: that many moves and nothing else, for who looks where time goes.
 *
 * PE 0 goes from measure to measure, and within each from batch to batch. */
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { ELEMENTS = 1000, STATE = 1024 };
enum method { START, DROP, LAST, DONE, PING, GO, NUM_METHODS };
enum { RUN };
enum measure { MESSAGES, MOVES, TRIPS, ONES, MEASURES };

static const struct {
    const char *key;
    bool rate;
    double per_op;
} measures[MEASURES] = {[MESSAGES] = {"chariot.migrate.messages", true, 1e6},
                        [MOVES] = {"chariot.migrate.moves", true, 1e6},
                        [TRIPS] = {"chariot.migrate.trip", false, 1e-3},
                        [ONES] = {"chariot.migrate.there", false, 1e-3}};

/* An element's state. */
struct cell {
    int64_t left; /* moves to make */
    bool alone;   /* it is the only one that moves */
    char rest[STATE - 16];
};

/* Of this process. */
struct bench {
    struct chariot_pe *pe;
    uint32_t cell_type, peer_type;
    struct chariot_ref peers, cells, first, other; /* peers of PE 0; of the other PE */
    struct chariot_future *done;
    struct chariot_waiter waiter;
    struct bench_series series;
    int measure, left, next;
    int only; /* moves; 0: all measures */
};

static void check(int error) {
    if (error >= 0) return;
    fprintf(stderr, "migrate: %s\n", chariot_error_text(error));
    exit(1);
}

/* ---------------------------------------------------------------- messages */

static void send(struct bench *bench, const struct chariot_ref *to, uint32_t method, struct chariot_msg *args) {
    check(chariot_send_take(bench->pe, to, method, args, CHARIOT_WANT_NOTHING, NULL));
}

static struct chariot_msg *args_of_int(struct bench *bench, int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, chariot_msg_new_on(bench->pe, 16));
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, value);
    check(chariot_writer_finish(&writer, &args));
    return args;
}

static struct chariot_msg *args_of_bytes(struct bench *bench) {
    static const char state[STATE];
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, chariot_msg_new_on(bench->pe, STATE + 64));
    chariot_put_list(&writer, 1);
    chariot_put_bytes(&writer, state, sizeof state);
    check(chariot_writer_finish(&writer, &args));
    return args;
}

static int64_t read_arg(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, call->args);
    check(chariot_get_typed(&reader, CHARIOT_LIST, &value));
    check(chariot_get(&reader, &value));
    return value.type == CHARIOT_INT ? value.integer : 0;
}

/* ---------------------------------------------------------------- elements that move */

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    struct bench *bench = type->ctx;
    struct chariot_ref self;
    chariot_elem_ref(elem, &self);
    chariot_ref_collection(&self, &bench->cells);
    *object = calloc(1, sizeof(struct cell));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void destroy_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int pack_cell(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                     struct chariot_writer *writer) {
    return chariot_put_bytes(writer, object, sizeof(struct cell));
}

static int unpack_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &value);
    if (rc != 0 || value.bytes.size != sizeof(struct cell)) return CHARIOT_EMALFORMED;
    *object = malloc(sizeof(struct cell));
    if (*object == NULL) return CHARIOT_ENOMEM;
    memcpy(*object, value.bytes.data, sizeof(struct cell));
    return 0;
}

static void move(struct bench *bench, struct chariot_elem *elem) {
    check(chariot_migrate(bench->pe, elem, chariot_my_pe(bench->pe) == 0));
}

static void move_on(struct bench *bench, struct chariot_elem *elem) {
    struct cell *cell = chariot_elem_object(elem);
    const struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .ref = bench->first, .method = DONE};
    if (cell->left-- > 0)
        move(bench, elem);
    else
        check(chariot_contribute_take(bench->pe, elem, NULL, NULL, CHARIOT_REDUCE_NOP, &target));
}

static struct bench *bench_of(const struct chariot_call *call) {
    struct chariot_ref ref;
    chariot_elem_ref(call->elem, &ref);
    return chariot_type_of(call->pe, ref.type)->ctx;
}

static int on_run(struct chariot_call *call) {
    struct cell *cell = call->object;
    cell->left = read_arg(call);
    cell->alone = false;
    move_on(bench_of(call), call->elem);
    return 0;
}

static const struct chariot_method cell_methods[] = {[RUN] = {"run", on_run}};

/* ---------------------------------------------------------------- peers: batches */

/* One of this PE's elements goes; where there is none left, it is the other PE's turn (which counts as one more). */
static void go(struct bench *bench) {
    struct chariot_ref ref;
    for (int seen = 0; seen < ELEMENTS; seen++) {
        struct chariot_index index = {1, {bench->next = (bench->next + 1) % ELEMENTS}};
        check(chariot_ref_element(&bench->cells, &index, &ref));
        struct chariot_elem *elem = chariot_elem_local(bench->pe, &ref);
        if (elem == NULL) continue;
        ((struct cell *)chariot_elem_object(elem))->alone = true;
        move(bench, elem);
        return;
    }
    send(bench, &bench->other, GO, NULL);
}

static void begin_batch(struct bench *bench) {
    bench->left = bench->series.count;
    bench_series_begin(&bench->series);
    switch (bench->measure) {
    case MESSAGES:
        for (int n = 1; n < bench->left; n++) send(bench, &bench->other, DROP, args_of_bytes(bench));
        send(bench, &bench->other, LAST, args_of_bytes(bench));
        return;
    case MOVES:
        bench->series.count = (bench->left + ELEMENTS - 1) / ELEMENTS * ELEMENTS;
        send(bench, &bench->cells, RUN, args_of_int(bench, bench->series.count / ELEMENTS));
        return;
    case TRIPS:
        send(bench, &bench->other, PING, args_of_bytes(bench));
        return;
    default:
        go(bench);
    }
}

static void begin_measure(struct bench *bench) {
    bench_series_init(&bench->series, measures[bench->measure].key, measures[bench->measure].rate,
                      measures[bench->measure].per_op);
    if (measures[bench->measure].rate) bench->series.batch_ns = 8 * BENCH_BATCH_NS;
    if (bench->only > 0) bench->series.count = bench->only;
    begin_batch(bench);
}

static void end_batch(struct bench *bench) {
    if (bench->only > 0)
        chariot_exit(bench->pe, 0);
    else if (bench_series_end(&bench->series))
        begin_batch(bench);
    else if (++bench->measure < MEASURES)
        begin_measure(bench);
    else
        chariot_exit(bench->pe, 0);
}

static int on_start_measuring(struct chariot_call *call) {
    begin_measure(call->object);
    return 0;
}

static int on_drop(struct chariot_call *call) {
    read_arg(call);
    return 0;
}

static int on_last(struct chariot_call *call) {
    struct bench *bench = call->object;
    read_arg(call);
    send(bench, &bench->other, DONE, NULL);
    return 0;
}

/* The whole batch is done, or one trip. */
static int on_done(struct chariot_call *call) {
    struct bench *bench = call->object;
    if (bench->measure == TRIPS && --bench->left > 0)
        send(bench, &bench->other, PING, args_of_bytes(bench));
    else
        end_batch(bench);
    return 0;
}

/* One has arrived, here or there; PE 0, which hears of all, counts them, and ends the batch. */
static bool is_last(struct bench *bench) {
    if (chariot_my_pe(bench->pe) != 0 || --bench->left > 0) return false;
    end_batch(bench);
    return true;
}

static void on_moved(void *ctx, struct chariot_elem *elem) {
    struct bench *bench = ctx;
    const struct cell *cell = chariot_elem_object(elem);
    if (!cell->alone)
        move_on(bench, elem);
    else if (!is_last(bench))
        send(bench, &bench->other, GO, NULL);
}

/* An element of this PE has arrived at the other one. */
static int on_go(struct chariot_call *call) {
    struct bench *bench = call->object;
    if (!is_last(bench)) go(bench);
    return 0;
}

static const struct chariot_method peer_methods[NUM_METHODS] = {[START] = {"start", on_start_measuring},
                                                                [DROP] = {"drop", on_drop},
                                                                [LAST] = {"last", on_last},
                                                                [DONE] = {"done", on_done},
                                                                [PING] = {"ping", on_last},
                                                                [GO] = {"go", on_go}};

static int create_peer(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    struct bench *bench = type->ctx;
    struct chariot_index first = {1, {0}}, other = {1, {chariot_my_pe(pe) == 0}};
    struct chariot_ref self;
    chariot_elem_ref(elem, &self);
    chariot_ref_collection(&self, &bench->peers);
    check(chariot_ref_element(&bench->peers, &first, &bench->first));
    check(chariot_ref_element(&bench->peers, &other, &bench->other));
    *object = bench;
    return 0;
}

/* ---------------------------------------------------------------- the job */

static void on_created(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->done);
    send(bench, &bench->first, START, NULL);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create peers = {.type = bench->peer_type, .kind = CHARIOT_GROUP},
                          cells = {.type = bench->cell_type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {ELEMENTS}};
    bench->done = chariot_future_new(pe, 1);
    bench->waiter = (struct chariot_waiter){.fn = on_created, .ctx = bench};
    check(chariot_create_take(pe, &peers, NULL, &bench->peers));
    check(chariot_create_take(pe, &cells, NULL, &bench->cells));
    check(chariot_await_created(pe, &bench->cells, bench->done));
    check(chariot_future_wait(bench->done, &bench->waiter));
}

int main(int argc, char **argv) {
    static struct bench bench;
    const struct chariot_type cell = {.name = "bench.Cell",
                                      .methods = cell_methods,
                                      .num_methods = 1,
                                      .ctx = &bench,
                                      .create = create_cell,
                                      .destroy = destroy_cell,
                                      .pack = pack_cell,
                                      .unpack = unpack_cell},
                              peer = {.name = "bench.Peer",
                                      .methods = peer_methods,
                                      .num_methods = NUM_METHODS,
                                      .ctx = &bench,
                                      .create = create_peer};
    char why[256];
    if (argc > 1) {
        bench.only = atoi(argv[1]);
        bench.measure = MOVES;
    }
    if (chariot_open(&bench.pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    chariot_set_face(bench.pe, &(struct chariot_face){.ctx = &bench, .on_moved = on_moved});
    int status = chariot_type_register(bench.pe, &cell, &bench.cell_type);
    if (status == 0) status = chariot_type_register(bench.pe, &peer, &bench.peer_type);
    if (status == 0) status = chariot_run(bench.pe, on_start, &bench);
    chariot_close(bench.pe);
    return status;
}
