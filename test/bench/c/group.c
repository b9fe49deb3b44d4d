/* group.c: what agreeing costs: barriers and awaited broadcasts of a group.
 *
 *     chariot run -n 4 build/release/bench/group
 *
 * A barrier is an allreduce without values by every element; a broadcast is one from PE 0 whose end PE 0 waits for.
 * Prints "key value" lines (bench.h), the number of PEs in the key. */
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { BARRIERS = 2000, BATCHES = 10 };
enum method { RUN, NOTHING };

struct bench {
    struct chariot_pe *pe;
    uint32_t type;
    struct chariot_ref group;
    struct chariot_elem *elem;
    struct chariot_reply reply;
    struct chariot_future *future;
    struct chariot_waiter waiter;
    int done;
    int64_t begin_ns;
    struct bench_series series;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

static void name_of(const struct bench *bench, const char *what, char *key, size_t size) {
    snprintf(key, size, "chariot.%s.%u", what, chariot_num_pes(bench->pe));
}

static void wait_for(struct bench *bench, void (*fn)(struct chariot_pe *pe, void *ctx)) {
    bench->waiter = (struct chariot_waiter){.fn = fn, .ctx = bench};
    check(bench->pe, chariot_future_wait(bench->future, &bench->waiter));
}

static void on_barrier(struct chariot_pe *pe, void *ctx);

static void enter_barrier(struct bench *bench) {
    check(bench->pe, chariot_allreduce_take(bench->pe, bench->elem, NULL, NULL, CHARIOT_REDUCE_NOP, &bench->future));
    wait_for(bench, on_barrier);
}

/* Every PE counts the same batches; the first, which warms up, is not reported. */
static void report_barriers(struct bench *bench) {
    char key[64];
    name_of(bench, "barrier", key, sizeof key);
    if (chariot_my_pe(bench->pe) == 0 && bench->done > BARRIERS)
        bench_report(key, (double)(bench_now_ns() - bench->begin_ns) / 1e3 / BARRIERS);
    bench->begin_ns = bench_now_ns();
}

static void on_barrier(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->future);
    if (bench->done % BARRIERS == 0) report_barriers(bench);
    if (bench->done++ < BARRIERS * BATCHES)
        enter_barrier(bench);
    else
        check(pe, chariot_reply_take(pe, &bench->reply, NULL));
}

static int on_run(struct chariot_call *call) {
    struct bench *bench = call->object;
    bench->reply = call->reply;
    enter_barrier(bench);
    return CHARIOT_LATER;
}

static int on_nothing(struct chariot_call *call) {
    return 0;
}

static const struct chariot_method methods[] = {[RUN] = {"run", on_run}, [NOTHING] = {"nothing", on_nothing}};

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    struct bench *bench = type->ctx;
    bench->elem = elem;
    *object = bench;
    return 0;
}

static void on_broadcast(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    chariot_future_unref(bench->future);
    if (bench->done++ == bench->series.count) {
        if (!bench_series_end(&bench->series)) {
            chariot_exit(pe, 0);
            return;
        }
        bench->done = 1;
        bench_series_begin(&bench->series);
    }
    bench->future = chariot_future_new(pe, 1);
    check(pe, chariot_send_take(pe, &bench->group, NOTHING, NULL, CHARIOT_WANT_DONE, bench->future));
    wait_for(bench, on_broadcast);
}

static void on_barriers_done(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    char key[64];
    name_of(bench, "broadcast", key, sizeof key);
    bench_series_init(&bench->series, key, false, 1e-3);
    bench->done = 0;
    bench->future = NULL;
    bench_series_begin(&bench->series);
    on_broadcast(pe, ctx);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_GROUP};
    static struct chariot_waiter ended;
    struct chariot_future *done = chariot_future_new(pe, 1);
    check(pe, chariot_create_take(pe, &how, NULL, &bench->group));
    check(pe, chariot_send_take(pe, &bench->group, RUN, NULL, CHARIOT_WANT_DONE, done));
    ended = (struct chariot_waiter){.fn = on_barriers_done, .ctx = bench};
    check(pe, chariot_future_wait(done, &ended));
}

int main(void) {
    struct bench bench = {0};
    const struct chariot_type type = {
        .name = "bench.Member", .methods = methods, .num_methods = 2, .ctx = &bench, .create = create};
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
