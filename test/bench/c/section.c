/* section.c: what a section costs beside the whole collection: a broadcast to the elements of an array, upon which each
 * contributes to a sum that PE 0 waits for; over the array, a section of all its elements, and one of its first
 * quarter, which lives on a quarter of the PEs.
 *
 *     chariot run -n 8 build/release/bench/section
 *
 * Prints "key value" lines (bench.h), the number of PEs in the key. */
#include "sections/sections.h"

#include "test/bench/c/bench.h"

enum { ELEMENTS = 1000 };
enum { WHOLE, ALL, QUARTER, NUM_KINDS };
static const char *const kinds[] = {[WHOLE] = "whole", [ALL] = "all", [QUARTER] = "quarter"};

struct bench {
    struct chariot_pe *pe;
    uint32_t type;
    struct chariot_ref over[NUM_KINDS];
    int kind, done;
    struct chariot_future *future;
    struct chariot_waiter waiter;
    struct bench_series series;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

static void wait_for(struct bench *bench, void (*fn)(struct chariot_pe *pe, void *ctx)) {
    bench->waiter = (struct chariot_waiter){.fn = fn, .ctx = bench};
    check(bench->pe, chariot_future_wait(bench->future, &bench->waiter));
}

static struct chariot_msg *one(struct chariot_pe *pe) {
    struct chariot_writer writer;
    struct chariot_msg *msg = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, 1);
    check(pe, chariot_writer_finish(&writer, &msg));
    return msg;
}

/* args: what to contribute to, the id of the future that waits. */
static int on_add(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct chariot_ref over;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE};
    uint32_t method;
    chariot_reader_init(&reader, call->args);
    int rc = chariot_get_typed(&reader, CHARIOT_REF, &value);
    if (rc == 0) rc = chariot_ref_read(&value, &over, &method);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_FUTURE, &value);
    if (rc == 0) rc = chariot_future_read(&value, &target.future);
    if (rc != 0) return rc;
    return chariot_contribute_take(call->pe, call->elem, &over, one(call->pe), CHARIOT_REDUCE_SUM, &target);
}

static const struct chariot_method methods[] = {{"add", on_add}};

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

static void on_sum(struct chariot_pe *pe, void *ctx);

static void broadcast(struct bench *bench) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    const struct chariot_ref *over = &bench->over[bench->kind];
    bench->future = chariot_future_new(bench->pe, 1);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_ref(&writer, over);
    chariot_put_future(&writer, chariot_future_id(bench->future));
    check(bench->pe, chariot_writer_finish(&writer, &args));
    check(bench->pe, chariot_send_take(bench->pe, over, 0, args, CHARIOT_WANT_NOTHING, NULL));
    wait_for(bench, on_sum);
}

static void measure(struct bench *bench) {
    char key[64];
    snprintf(key, sizeof key, "chariot.section.%s.%u", kinds[bench->kind], chariot_num_pes(bench->pe));
    bench_series_init(&bench->series, key, false, 1e-3);
    bench->done = 0;
    bench_series_begin(&bench->series);
    broadcast(bench);
}

static void on_sum(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->future);
    if (++bench->done < bench->series.count) {
        broadcast(bench);
        return;
    }
    if (bench_series_end(&bench->series)) {
        bench->done = 0;
        bench_series_begin(&bench->series);
        broadcast(bench);
    } else if (++bench->kind < NUM_KINDS) {
        measure(bench);
    } else {
        chariot_exit(pe, 0);
    }
}

static void read_section(struct bench *bench, struct chariot_ref *out) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    chariot_reader_init(&reader, chariot_future_value(bench->future, 0));
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (rc == 0) rc = chariot_get(&reader, &value);
    if (rc == 0) rc = chariot_ref_read(&value, out, &method);
    check(bench->pe, rc);
    chariot_future_unref(bench->future);
}

static void slice(struct bench *bench, int64_t stop, void (*fn)(struct chariot_pe *pe, void *ctx)) {
    const struct chariot_range range = {.stop = stop, .step = 1, .has_stop = true};
    bench->future = chariot_future_new(bench->pe, 1);
    check(bench->pe, chariot_section_slice(bench->pe, &bench->over[WHOLE], 1, &range, bench->future));
    wait_for(bench, fn);
}

static void on_quarter(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    read_section(bench, &bench->over[QUARTER]);
    measure(bench);
}

static void on_all(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    read_section(bench, &bench->over[ALL]);
    slice(bench, ELEMENTS / 4, on_quarter);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {ELEMENTS}};
    check(pe, chariot_create_take(pe, &how, NULL, &bench->over[WHOLE]));
    slice(bench, ELEMENTS, on_all);
}

int main(void) {
    struct bench bench = {0};
    const struct chariot_type type = {.name = "bench.Cell", .methods = methods, .num_methods = 1, .create = create};
    char why[256];
    if (chariot_open(&bench.pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    int status = chariot_type_register(bench.pe, &type, &bench.type);
    if (status == 0) status = chariot_run(bench.pe, on_start, &bench);
    chariot_close(bench.pe);
    return status;
}
