/* test/bench/c/bench.h: what the measuring programs share: a clock and the form of a result.
 *
 * A program measures each thing once (or `repeat` times) per run and prints one line "key value" per repetition on
 * stdout; test/bench/run.py runs the programs in turn, several rounds, and makes the table. Units are in run.py. */
#ifndef CHARIOT_BENCH_H
#define CHARIOT_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* The sizes of round trips that every lane is measured with, and how often in one repetition. */
struct bench_size {
    const char *name;
    size_t bytes;
    int trips;
};
static const struct bench_size bench_sizes[] = {
    {"0", 0, 5000}, {"1k", 1024, 5000}, {"64k", 64 << 10, 1000}, {"1m", 1 << 20, 100}};
enum { BENCH_NUM_SIZES = sizeof bench_sizes / sizeof bench_sizes[0] };

static inline int64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void bench_report(const char *key, double value) {
    printf("%s %.6g\n", key, value);
    fflush(stdout);
}

#endif
