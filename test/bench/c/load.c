/* load.c: what it costs to measure load.
 *
 *     build/release/bench/load
 *
 * A method of some 10 us that computes, and one that does nothing, called again and again on one PE; with load measured
 * and without, batch by batch in turn, so that both see the same minute. Prints "key value" lines (bench.h). */
#include "objects/chariot.h"
#include "test/bench/c/bench.h"

enum { WORK, SERIES = 4 };

/* Long enough: some 10 us on a machine of 2 to 4 GHz. */
enum { ROUNDS = 9000 };

struct bench {
    uint32_t type;
    struct chariot_ref ref;
    struct bench_series series[SERIES]; /* by 2 * whether it is empty + whether load is measured */
    bool over[SERIES];
    int now, left;
    volatile uint64_t sink;
};

static void check(struct chariot_pe *pe, int error) {
    if (error < 0) chariot_abort(pe, 1, chariot_error_text(error));
}

static void again(struct chariot_pe *pe, struct bench *bench) {
    check(pe, chariot_send_take(pe, &bench->ref, WORK, NULL, CHARIOT_WANT_NOTHING, NULL));
}

static void begin(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    check(pe, chariot_load_measure(pe, bench->now % 2 == 1));
    bench->left = bench->series[bench->now].count;
    bench_series_begin(&bench->series[bench->now]);
    again(pe, bench);
}

static void next(struct chariot_pe *pe, struct bench *bench) {
    bench->over[bench->now] |= !bench_series_end(&bench->series[bench->now]);
    for (int i = 1; i <= SERIES; i++) {
        int at = (bench->now + i) % SERIES;
        if (bench->over[at]) continue;
        bench->now = at;
        check(pe, chariot_post(pe, begin, bench));
        return;
    }
    chariot_exit(pe, 0);
}

static uint64_t compute(uint64_t x) {
    for (int i = 0; i < ROUNDS; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

static int on_work(struct chariot_call *call) {
    struct bench *bench = call->object;
    if (bench->now < 2) bench->sink = compute(bench->sink);
    if (--bench->left > 0)
        again(call->pe, bench);
    else
        next(call->pe, bench);
    return 0;
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = type->ctx;
    return 0;
}

static void on_entry(struct chariot_pe *pe, void *ctx) {
    struct bench *bench = ctx;
    struct chariot_create how = {.type = bench->type, .kind = CHARIOT_SINGLE};
    static const char *const keys[SERIES] = {"chariot.load.off", "chariot.load.on", "chariot.load.empty.off",
                                             "chariot.load.empty.on"};
    for (int i = 0; i < SERIES; i++) {
        bench_series_init(&bench->series[i], keys[i], false, i < 2 ? 1e-3 : 1);
        bench->series[i].batch_ns = 4 * BENCH_BATCH_NS;
    }
    check(pe, chariot_create_take(pe, &how, NULL, &bench->ref));
    begin(pe, bench);
}

static const struct chariot_method methods[] = {{"work", on_work}};

int main(void) {
    static struct bench bench;
    static const struct chariot_type type = {
        .name = "Worker", .methods = methods, .num_methods = 1, .ctx = &bench, .create = create};
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) return fputs(why, stderr), 1;
    if (chariot_type_register(pe, &type, &bench.type) != 0) return 1;
    int status = chariot_run(pe, on_entry, &bench);
    chariot_close(pe);
    return status;
}
