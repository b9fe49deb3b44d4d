/* The queue against the plain search over all PEs. */
#include "lb/queue.h"

#include <math.h>

#include "lb/place.h"
#include "lb/random.h"
#include "test/unit/unit.h"

enum { PES = 37, PUTS = 2000 };

static double finish(const double *times, const double *speeds, uint32_t pe, double load) {
    return times[pe] + load / speeds[pe];
}

static void agree(const double *speeds, uint64_t seed) {
    double times[PES];
    struct lb_stats stats = {.num_pes = PES, .speeds = speeds};
    struct lb_queue queue;
    for (uint32_t pe = 0; pe < PES; pe++) times[pe] = 10 * lb_draw_share(&seed);
    CU_ASSERT_EQUAL_FATAL(lb_queue_init(&queue, &stats, times), 0);
    for (int i = 0; i < PUTS; i++) {
        double load = lb_draw_share(&seed), least = INFINITY;
        uint32_t told;
        for (uint32_t pe = 0; pe < PES; pe++) least = fmin(least, finish(times, speeds, pe, load));
        double when = lb_queue_when(&queue, load, &told);
        uint32_t pe = lb_queue_put(&queue, load);
        CU_ASSERT_EQUAL(pe, told);
        CU_ASSERT_DOUBLE_EQUAL(when, least, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(finish(times, speeds, pe, load), least, 1e-9);
        times[pe] += load / speeds[pe];
    }
    lb_queue_deinit(&queue);
}

static void the_first_to_finish_is_found_among_equals(void) {
    double speeds[PES];
    for (uint32_t pe = 0; pe < PES; pe++) speeds[pe] = 1;
    agree(speeds, 1);
}

static void the_first_to_finish_is_found_among_different_speeds(void) {
    double speeds[PES];
    for (uint32_t pe = 0; pe < PES; pe++) speeds[pe] = 1 + pe % 5 * 0.7;
    agree(speeds, 2);
    for (uint32_t pe = 0; pe < PES; pe++) speeds[pe] = 1 + pe * 0.01;
    agree(speeds, 3);
}

static void objects_are_ordered_the_longest_first_and_equals_by_number(void) {
    enum { COUNT = 3000 };
    static struct lb_object objects[COUNT];
    static uint32_t order[COUNT];
    uint64_t seed = 5;
    uint32_t count, movable = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        objects[i] = (struct lb_object){.load = lb_draw_below(&seed, 4) * pow(10, lb_draw_below(&seed, 20) - 10.0),
                                        .migratable = lb_draw_below(&seed, 10) > 0};
        movable += objects[i].migratable;
    }
    struct lb_stats stats = {.num_pes = 1, .num_objects = COUNT, .objects = objects};
    CU_ASSERT_EQUAL(lb_order_make(&stats, order, &count), 0);
    CU_ASSERT_EQUAL(count, movable);
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT(objects[order[i]].migratable);
        if (i == 0) continue;
        double before = objects[order[i - 1]].load, here = objects[order[i]].load;
        CU_ASSERT(before > here || (before == here && order[i - 1] < order[i]));
    }
}

UNIT_MAIN("lb/queue", UNIT(the_first_to_finish_is_found_among_equals),
          UNIT(the_first_to_finish_is_found_among_different_speeds),
          UNIT(objects_are_ordered_the_longest_first_and_equals_by_number))
