/* test/bench/c/bench.h: what the measuring programs share: a clock, batches, and the form of a result.
 *
 * A program measures each thing in batches of operations, each long enough for the clock, and prints one line "key
 * value" per batch on stdout. test/bench/run.py takes the median of a program's batches, so that one that the kernel
 * interrupted does not count; it runs the programs in turn, several rounds, and makes the table. Units are in rows.py.
 */
#ifndef CHARIOT_BENCH_H
#define CHARIOT_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

/* The sizes of messages that every lane is measured with, and those of the curves of round trip and bandwidth over
 * size. */
struct bench_size {
    const char *name;
    size_t bytes;
};
static const struct bench_size bench_sizes[] = {{"0", 0}, {"1k", 1024}, {"64k", 64 << 10}, {"1m", 1 << 20}};
static const struct bench_size bench_sweep[] = {{"0", 0},
                                                {"64", 64},
                                                {"1024", 1024},
                                                {"4096", 4096},
                                                {"16384", 16384},
                                                {"65536", 65536},
                                                {"262144", 1 << 18},
                                                {"1048576", 1 << 20},
                                                {"4194304", 1 << 22},
                                                {"16777216", 1 << 24},
                                                {"67108864", 1 << 26}};
enum {
    BENCH_NUM_SIZES = sizeof bench_sizes / sizeof bench_sizes[0],
    BENCH_NUM_SWEEP = sizeof bench_sweep / sizeof bench_sweep[0]
};

static inline int64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Processor time that a process has used so far, all its threads; 0 means the caller. */
static inline int64_t bench_cpu_ns(pid_t pid) {
    struct timespec used;
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    if (pid != 0 && clock_getcpuclockid(pid, &clock) != 0) return 0;
    clock_gettime(clock, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static inline void bench_report(const char *key, double value) {
    printf("%s %.6g\n", key, value);
    fflush(stdout);
}

/* A measure that goes from batch to batch. Its unit: `per_op` times the operations a nanosecond for rates, the
 * nanoseconds per operation by `per_op` for times. */
struct bench_series {
    char key[64];
    bool rate;
    double per_op;
    int64_t batch_ns; /* a shorter batch is repeated with more operations; it and the one after are not reported */
    int batches, count, done;
    bool warm;
    int64_t begin_ns, spent_ns;
};

enum { BENCH_BATCH_NS = 5000000, BENCH_BATCHES = 11, BENCH_MAX_COUNT = 1 << 24 };
static const int64_t bench_enough_ns = 120000000; /* three batches at least, more only while so much has not passed */

static inline void bench_series_init(struct bench_series *series, const char *key, bool rate, double per_op) {
    *series = (struct bench_series){
        .rate = rate, .per_op = per_op, .batch_ns = BENCH_BATCH_NS, .batches = BENCH_BATCHES, .count = 1};
    snprintf(series->key, sizeof series->key, "%s", key);
}

/* True if another batch of series->count operations is to follow. */
static inline bool bench_series_add(struct bench_series *series, int64_t took_ns) {
    if (took_ns < series->batch_ns && series->count < BENCH_MAX_COUNT) {
        int64_t more = took_ns > 0 ? series->batch_ns * 5 / 4 / took_ns + 1 : 8;
        series->count *= (int)(more < 8 ? more : 8);
        return true;
    }
    if (!series->warm) return series->warm = true;
    series->spent_ns += took_ns;
    double ns = (double)took_ns / series->count;
    bench_report(series->key, series->rate ? series->per_op / ns : series->per_op * ns);
    series->done++;
    return series->done < series->batches && (series->done < 3 || series->spent_ns < bench_enough_ns);
}

static inline void bench_series_begin(struct bench_series *series) {
    series->begin_ns = bench_now_ns();
}

static inline bool bench_series_end(struct bench_series *series) {
    return bench_series_add(series, bench_now_ns() - series->begin_ns);
}

/* For programs that wait in place: `fn` does so many operations, and returns when they are done. */
typedef void bench_fn(void *ctx, int count);

static inline void bench_run(struct bench_series *series, bench_fn *fn, void *ctx) {
    do {
        bench_series_begin(series);
        fn(ctx, series->count);
    } while (bench_series_end(series));
}

static inline void bench_us(const char *key, bench_fn *fn, void *ctx) {
    struct bench_series series;
    bench_series_init(&series, key, false, 1e-3);
    bench_run(&series, fn, ctx);
}

static inline void bench_ns(const char *key, bench_fn *fn, void *ctx) {
    struct bench_series series;
    bench_series_init(&series, key, false, 1);
    bench_run(&series, fn, ctx);
}

/* Millions a second, of `each` per operation. */
static inline void bench_millions(const char *key, bench_fn *fn, void *ctx, double each) {
    struct bench_series series;
    bench_series_init(&series, key, true, 1e3 * each);
    bench_run(&series, fn, ctx);
}

/* GB/s, of `bytes` per operation. */
static inline void bench_gigabytes(const char *key, bench_fn *fn, void *ctx, size_t bytes) {
    struct bench_series series;
    bench_series_init(&series, key, true, (double)bytes);
    series.batch_ns = 4 * BENCH_BATCH_NS;
    bench_run(&series, fn, ctx);
}

#endif
