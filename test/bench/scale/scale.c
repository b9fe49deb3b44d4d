/* test/bench/scale: what operations of a whole job cost with 1 ... 100,000 simulated PEs. One JSON object per line:
 *
 *     {"pes": 64, "op": "barrier", "steps": 6, "messages": 126, "bytes": 4725, "busiest": 10, "real_s": 0.001,
 *      "us": 70.5, "between": 2}
 *     {"pes": 64, "idle": 2760, "group": 741, "element": 174}
 *
 * steps: one host, every message a step, all else no time. us, between: on the cluster below. Usage: scale PES... */
#include <stdio.h>
#include <stdlib.h>

#include "test/scenarios/growth.h"

enum { PES_PER_HOST = 64, LEAST_PES_TO_WEIGH = 64 };

/* Time that a message takes inside a host, over shared memory; between two, over gRPC; and of its sender, and receiver.
 */
static const struct growth_model cluster = {
    .pes_per_host = PES_PER_HOST, .hop_ns = 1000, .between_ns = 24000, .message_ns = 500};

static void print(const struct growth *steps, const struct growth *modelled, enum growth_op op) {
    const struct growth_cost *cost = &steps->cost[op], *model = &modelled->cost[op];
    printf("{\"pes\": %u, \"op\": \"%s\", \"steps\": %lld, \"messages\": %llu, \"bytes\": %llu, \"busiest\": %llu, ",
           steps->num_pes, growth_keys[op], (long long)(cost->time_ns / GROWTH_STEP_NS),
           (unsigned long long)cost->messages, (unsigned long long)cost->bytes, (unsigned long long)cost->busiest);
    printf("\"real_s\": %.3f, \"us\": %.1f, \"between\": %llu}\n", cost->real_s, (double)model->time_ns / 1e3,
           (unsigned long long)model->between);
}

static void measure(uint32_t num_pes) {
    struct growth steps, modelled;
    growth_open(&steps, num_pes, &growth_steps);
    growth_run(&steps);
    growth_close(&steps); /* before the next: there may be no room for two */
    growth_open(&modelled, num_pes, &cluster);
    growth_run(&modelled);
    growth_close(&modelled);
    for (enum growth_op op = 0; op < GROWTH_NUM_OPS; op++) print(&steps, &modelled, op);
    fflush(stdout);
}

/* A few PEs do not outweigh what is not theirs. */
static void weigh(uint32_t num_pes) {
    struct growth_heap heap;
    if (num_pes < LEAST_PES_TO_WEIGH) return;
    growth_weigh(num_pes, &heap);
    printf("{\"pes\": %u, \"idle\": %.0f, \"group\": %.0f, \"element\": %.0f}\n", num_pes, heap.idle, heap.group,
           heap.element);
    fflush(stdout);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        long num_pes = strtol(argv[i], NULL, 10);
        if (num_pes < 1 || num_pes > 1 << 20) {
            fprintf(stderr, "scale: a number of PEs is 1 ... %d, not %s\n", 1 << 20, argv[i]);
            return 2;
        }
        measure((uint32_t)num_pes);
        weigh((uint32_t)num_pes);
    }
    return 0;
}
