/* messages.c: what a message between two PEs costs, from entry method to entry method.
 *
 *     chariot run -n 2 [--transport LANE] build/release/bench/messages LANE [sweep]
 *
 * Round trips by size (a group's two first elements call each other in turn), with the processor time of both PEs;
 * small messages one way (a burst with an int each, then one that is answered), and bandwidth of 1 MiB messages (the
 * same, larger). With "sweep": round trip and bandwidth of all sizes. Sent arrays are not filled: whoever sends one has
 * its contents anyhow; receivers look at the first byte. Prints "key value" lines (bench.h).
 *
 * The first element goes from measure to measure, and within each from batch to batch: a pong sends the next ping, or
 * ends a batch. */
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { MAX_MEASURES = 2 * BENCH_NUM_SWEEP };
enum method { START, PING, PONG, DROP, LAST };

/* `small`: one way, an int each. */
struct measure {
    char key[64];
    bool burst, small;
    size_t bytes;
};

struct bench {
    const char *lane;
    uint32_t type;
    struct chariot_ref group, other;
    struct chariot_future *done;
    struct chariot_waiter waiter;
    struct measure measures[MAX_MEASURES];
    int count, at, trips;
    bool sweep;
    struct bench_series series;
    int64_t begin_cpu_ns;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

/* In memory of the sender's own, as an array that a program has: what is not filled and lies where others read it would
 * cost nothing at all over shared memory. */
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

static struct chariot_msg *args_of_int(struct chariot_pe *pe, int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, chariot_msg_new_on(pe, 16));
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
    send(pe, bench, PING, args_of(bench->measures[bench->at].bytes));
}

static void burst(struct chariot_pe *pe, struct bench *bench) {
    const struct measure *measure = &bench->measures[bench->at];
    for (int n = 0; n < bench->series.count; n++)
        send(pe, bench, DROP, measure->small ? args_of_int(pe, n) : args_of(measure->bytes));
    send(pe, bench, LAST, NULL);
}

static void begin_batch(struct chariot_pe *pe, struct bench *bench) {
    bench->trips = 0;
    bench->begin_cpu_ns = bench_cpu_ns(0);
    bench_series_begin(&bench->series);
    if (bench->measures[bench->at].burst)
        burst(pe, bench);
    else
        ping(pe, bench);
}

static void begin_measure(struct chariot_pe *pe, struct bench *bench) {
    const struct measure *measure = &bench->measures[bench->at];
    struct bench_series *series = &bench->series;
    double per_op = measure->small ? 1e3 : measure->burst ? (double)measure->bytes : 1e-3;
    bench_series_init(series, measure->key, measure->burst, per_op);
    if (measure->burst) series->batch_ns = measure->small ? 8 * BENCH_BATCH_NS : 4 * BENCH_BATCH_NS;
    begin_batch(pe, bench);
}

/* Of this PE alone: the other's is much the same. */
static void report_cpu(const struct bench *bench) {
    char key[64];
    if (bench->at != 0 || bench->sweep) return;
    snprintf(key, sizeof key, "chariot.%s.cpu", bench->lane);
    bench_report(key, 2 * (double)(bench_cpu_ns(0) - bench->begin_cpu_ns) / 1e3 / bench->series.count);
}

static int on_pong(struct chariot_call *call) {
    struct bench *bench = call->object;
    read_args(call);
    if (!bench->measures[bench->at].burst && ++bench->trips < bench->series.count) {
        ping(call->pe, bench);
    } else if (bench_series_end(&bench->series)) {
        begin_batch(call->pe, bench);
    } else {
        report_cpu(bench);
        if (++bench->at < bench->count)
            begin_measure(call->pe, bench);
        else
            chariot_exit(call->pe, 0);
    }
    return 0;
}

static int on_start_measuring(struct chariot_call *call) {
    begin_measure(call->pe, call->object);
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
    index.at[0] = index.at[0] == 0;
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

static void add(struct bench *bench, const char *what, const char *size, bool burst, size_t bytes) {
    struct measure *measure = &bench->measures[bench->count++];
    *measure = (struct measure){.burst = burst, .small = burst && bytes == 0, .bytes = bytes};
    snprintf(measure->key, sizeof measure->key, "chariot.%s.%s%s", bench->lane, what, size);
}

static void list_measures(struct bench *bench) {
    for (int i = 0; i < BENCH_NUM_SWEEP && bench->sweep; i++) {
        add(bench, "sweep.rtt.", bench_sweep[i].name, false, bench_sweep[i].bytes);
        if (bench_sweep[i].bytes > 0) add(bench, "sweep.bandwidth.", bench_sweep[i].name, true, bench_sweep[i].bytes);
    }
    for (int i = 0; i < BENCH_NUM_SIZES && !bench->sweep; i++)
        add(bench, "rtt.", bench_sizes[i].name, false, bench_sizes[i].bytes);
    if (bench->sweep) return;
    add(bench, "small", "", true, 0);
    add(bench, "bandwidth.", "1m", true, 1 << 20);
}

int main(int argc, char **argv) {
    static struct bench bench;
    const struct chariot_type type = {
        .name = "bench.Peer", .methods = methods, .num_methods = 5, .ctx = &bench, .create = create};
    struct chariot_pe *pe;
    char why[256];
    bench.lane = argc > 1 ? argv[1] : "unix";
    bench.sweep = argc > 2 && strcmp(argv[2], "sweep") == 0;
    list_measures(&bench);
    if (chariot_open(&pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    int status = chariot_type_register(pe, &type, &bench.type) == 0 ? chariot_run(pe, on_start, &bench) : 1;
    chariot_close(pe);
    return status;
}
