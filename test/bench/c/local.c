/* local.c: what calls and chares cost on one PE.
 *
 *     build/release/bench/local
 *
 * Calls to a chare of the same PE without a result, in batches that wait in the run queue; calls awaited one by one;
 * 100,000 array elements: seconds to create them and bytes each. Prints "key value" lines (bench.h). */
#include <malloc.h>
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { BATCH = 1000, ELEMENTS = 100000 };
enum method { ADD, NEXT };

struct bench;

struct object {
    struct bench *bench;
    int64_t sum;
};

struct bench {
    uint32_t type;
    struct chariot_ref one, many;
    struct chariot_future *future;
    struct chariot_waiter waiter;
    int done;
    struct bench_series series;
    int64_t begin_ns;
    size_t bytes;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

static struct chariot_msg *args_of(int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *args = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, value);
    return chariot_writer_finish(&writer, &args) == 0 ? args : NULL;
}

static double seconds_since(int64_t begin_ns) {
    return (double)(bench_now_ns() - begin_ns) / 1e9;
}

static void wait_for(struct chariot_pe *pe, struct bench *bench, void (*fn)(struct chariot_pe *pe, void *ctx)) {
    bench->waiter = (struct chariot_waiter){.fn = fn, .ctx = bench};
    check(pe, chariot_future_wait(bench->future, &bench->waiter));
}

static int on_add(struct chariot_call *call) {
    struct object *object = call->object;
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, call->args);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &value);
    if (error == 0) object->sum += value.integer;
    return error;
}

static void on_created(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->future);
    bench_report("chariot.create.array", seconds_since(bench->begin_ns) * 1e3);
    bench_report("chariot.memory", (double)(mallinfo2().uordblks + mallinfo2().hblkhd - bench->bytes) / ELEMENTS);
    chariot_exit(pe, 0);
}

static void create_many(struct chariot_pe *pe, struct bench *bench) {
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {ELEMENTS}};
    bench->bytes = mallinfo2().uordblks + mallinfo2().hblkhd;
    bench->begin_ns = bench_now_ns();
    bench->future = chariot_future_new(pe, 1);
    check(pe, chariot_create_take(pe, &how, NULL, &bench->many));
    check(pe, chariot_await_created(pe, &bench->many, bench->future));
    wait_for(pe, bench, on_created);
}

static void on_trip(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->future);
    bench->future = NULL;
    if (bench->done++ == bench->series.count) {
        if (!bench_series_end(&bench->series)) {
            create_many(pe, bench);
            return;
        }
        bench->done = 1;
        bench_series_begin(&bench->series);
    }
    bench->future = chariot_future_new(pe, 1);
    check(pe, chariot_send_take(pe, &bench->one, ADD, args_of(1), CHARIOT_WANT_VALUE, bench->future));
    wait_for(pe, bench, on_trip);
}

static void begin_trips(struct chariot_pe *pe, struct bench *bench) {
    bench_series_init(&bench->series, "chariot.local.awaited", true, 1e3);
    bench->done = 0;
    bench_series_begin(&bench->series);
    on_trip(pe, bench);
}

/* Has run after the BATCH calls before it: sends the next, or ends a batch of the series. */
static int on_next(struct chariot_call *call) {
    struct bench *bench = ((struct object *)call->object)->bench;
    if (bench->done++ == bench->series.count) {
        if (!bench_series_end(&bench->series)) {
            begin_trips(call->pe, bench);
            return 0;
        }
        bench->done = 1;
        bench_series_begin(&bench->series);
    }
    for (int n = 0; n < BATCH; n++)
        check(call->pe, chariot_send_take(call->pe, &bench->one, ADD, args_of(n), CHARIOT_WANT_NOTHING, NULL));
    check(call->pe, chariot_send_take(call->pe, &bench->one, NEXT, NULL, CHARIOT_WANT_NOTHING, NULL));
    return 0;
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    struct object *made = calloc(1, sizeof *made);
    if (made == NULL) return CHARIOT_ENOMEM;
    made->bench = type->ctx;
    *object = made;
    return 0;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_SINGLE, .on_pe = 0};
    check(pe, chariot_create_take(pe, &how, NULL, &bench->one));
    bench_series_init(&bench->series, "chariot.local.calls", true, 1e3 * BATCH);
    bench_series_begin(&bench->series);
    check(pe, chariot_send_take(pe, &bench->one, NEXT, NULL, CHARIOT_WANT_NOTHING, NULL));
}

int main(void) {
    static const struct chariot_method methods[] = {[ADD] = {"add", on_add}, [NEXT] = {"next", on_next}};
    struct bench bench = {0};
    const struct chariot_type type = {.name = "bench.Local",
                                      .methods = methods,
                                      .num_methods = 2,
                                      .ctx = &bench,
                                      .create = create,
                                      .destroy = destroy};
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
