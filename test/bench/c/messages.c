/* messages.c: what a message between two PEs costs, from entry method to entry method.
 *
 *     chariot run -n 2 [--transport tcp] build/release/bench/messages LANE
 *
 * Round trips by size (a group's two elements call each other in turn), small messages one way (a burst with an int
 * each, then one that is answered), and bandwidth of 1 MiB messages (the same, larger). Sent arrays are not filled:
 * whoever sends one has its contents anyhow; receivers look at the first byte. Prints "key value" lines (bench.h).
 *
 * The first element goes from measure to measure: each pong either sends the next ping or ends a measure. */
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { SMALL = 1000000, LARGE = 512, LARGE_BYTES = 1 << 20 };
enum method { START, PING, PONG, DROP, LAST };

struct bench {
    const char *lane;
    uint32_t type;
    struct chariot_ref group, other;
    struct chariot_future *done;
    struct chariot_waiter waiter;
    int size; /* of bench_sizes; behind them: the two bursts */
    int trips;
    int64_t begin_ns;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

static struct chariot_msg *args_of(size_t bytes) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    int64_t shape = (int64_t)bytes;
    void *data;
    if (bytes == 0) return NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    if (chariot_put_array(&writer, "|u1", 1, &shape, 'C', bytes, &data) == 0) *(uint8_t *)data = 1;
    return chariot_writer_finish(&writer, &args) == 0 ? args : NULL;
}

static struct chariot_msg *args_of_int(int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, value);
    return chariot_writer_finish(&writer, &args) == 0 ? args : NULL;
}

/* Reads the one argument, of whatever type it is; how many bytes of array it has. */
static size_t read_args(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value value;
    if (call->args == NULL || chariot_msg_size(call->args) == 0) return 0;
    chariot_reader_init(&reader, call->args);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0 || value.count == 0) return 0;
    if (chariot_get(&reader, &value) != 0) return 0;
    return value.type == CHARIOT_ARRAY && value.array.data[0] == 1 ? value.array.size : 0;
}

static void send(struct chariot_pe *pe, struct bench *bench, enum method method, struct chariot_msg *args) {
    check(pe, chariot_send_take(pe, &bench->other, method, args, CHARIOT_WANT_NOTHING, NULL));
}

static void ping(struct chariot_pe *pe, struct bench *bench) {
    send(pe, bench, PING, args_of(bench_sizes[bench->size].bytes));
}

static void burst(struct chariot_pe *pe, struct bench *bench) {
    bool small = bench->size == BENCH_NUM_SIZES;
    bench->begin_ns = bench_now_ns();
    if (small)
        for (int n = 0; n < SMALL; n++) send(pe, bench, DROP, args_of_int(n));
    else
        for (int n = 0; n < LARGE; n++) send(pe, bench, DROP, args_of(LARGE_BYTES));
    send(pe, bench, LAST, NULL);
}

static void report_burst(const struct bench *bench) {
    char key[64];
    double seconds = (double)(bench_now_ns() - bench->begin_ns) / 1e9;
    bool small = bench->size == BENCH_NUM_SIZES;
    snprintf(key, sizeof key, "chariot.%s.%s", bench->lane, small ? "small" : "bandwidth.1m");
    bench_report(key, small ? SMALL / seconds / 1e6 : (double)LARGE * LARGE_BYTES / seconds / 1e9);
}

static void report_trips(const struct bench *bench) {
    const struct bench_size *size = &bench_sizes[bench->size];
    char key[64];
    snprintf(key, sizeof key, "chariot.%s.rtt.%s", bench->lane, size->name);
    bench_report(key, (double)(bench_now_ns() - bench->begin_ns) / 1e3 / size->trips);
}

static int on_pong(struct chariot_call *call) {
    struct bench *bench = call->object;
    read_args(call);
    if (bench->size < BENCH_NUM_SIZES) {
        const struct bench_size *size = &bench_sizes[bench->size];
        int warm = size->trips / 10;
        bench->trips++;
        if (bench->trips == warm) bench->begin_ns = bench_now_ns();
        if (bench->trips < warm + size->trips) {
            ping(call->pe, bench);
            return 0;
        }
        report_trips(bench);
        bench->trips = 0;
    } else {
        report_burst(bench);
    }
    bench->size++;
    if (bench->size < BENCH_NUM_SIZES)
        ping(call->pe, bench);
    else if (bench->size < BENCH_NUM_SIZES + 2)
        burst(call->pe, bench);
    else
        chariot_exit(call->pe, 0);
    return 0;
}

static int on_start_measuring(struct chariot_call *call) {
    ping(call->pe, call->object);
    return 0;
}

static int on_ping(struct chariot_call *call) {
    size_t bytes = read_args(call);
    send(call->pe, call->object, PONG, args_of(bytes));
    return 0;
}

static int on_drop(struct chariot_call *call) {
    read_args(call);
    return 0;
}

static int on_last(struct chariot_call *call) {
    send(call->pe, call->object, PONG, NULL);
    return 0;
}

static const struct chariot_method methods[] = {[START] = {"start", on_start_measuring},
                                                [PING] = {"ping", on_ping},
                                                [PONG] = {"pong", on_pong},
                                                [DROP] = {"drop", on_drop},
                                                [LAST] = {"last", on_last}};

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    struct bench *bench = type->ctx;
    struct chariot_ref self;
    struct chariot_index index;
    chariot_elem_ref(elem, &self);
    chariot_ref_index(&self, &index);
    chariot_ref_collection(&self, &bench->group);
    index.at[0] = 1 - index.at[0];
    *object = bench;
    return chariot_ref_element(&bench->group, &index, &bench->other);
}

static void on_created(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_ref first;
    struct chariot_index index = {1, {0}};
    chariot_future_unref(bench->done);
    check(pe, chariot_ref_element(&bench->group, &index, &first));
    check(pe, chariot_send_take(pe, &first, START, NULL, CHARIOT_WANT_NOTHING, NULL));
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_GROUP};
    bench->done = chariot_future_new(pe, 1);
    bench->waiter = (struct chariot_waiter){.fn = on_created, .ctx = bench};
    check(pe, chariot_create_take(pe, &how, NULL, &bench->group));
    check(pe, chariot_await_created(pe, &bench->group, bench->done));
    check(pe, chariot_future_wait(bench->done, &bench->waiter));
}

int main(int argc, char **argv) {
    struct bench bench = {.lane = argc > 1 ? argv[1] : "unix"};
    const struct chariot_type type = {
        .name = "bench.Peer", .methods = methods, .num_methods = 5, .ctx = &bench, .create = create};
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    int status = chariot_type_register(pe, &type, &bench.type) == 0 ? chariot_run(pe, on_start, &bench) : 1;
    chariot_close(pe);
    return status;
}
