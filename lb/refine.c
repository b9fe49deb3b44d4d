/* lb/refine.c: from where the objects are, step by step: the slowest PE gives away or swaps, until no PE takes longer
 * than `tolerance` times the lower bound or nothing helps; as Charm++'s RefineLB does. For placements that are nearly
 * good; greedy-refine is faster where much must move. */
#include "lb/balancers.h"
#include "lb/place.h"
#include "lb/polish.h"

enum { TOLERANCE, MOVES };

static const struct lb_option OPTIONS[] = {
    [TOLERANCE] = {"tolerance", 1.02, 1, 100, false, "the longest time that is good enough, by the lower bound"},
    [MOVES] = {"moves", UINT32_MAX, 0, UINT32_MAX, true, "how many objects may move"},
};

/* Pairs of objects that are looked at: some tenths of a second at most, whatever the input. */
enum { WORK = 50 * 1000 * 1000 };

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct lb_place fixed, place;
    int error = lb_place_init(&fixed, stats, false);
    if (error != 0) return error;
    double bound = lb_bound(stats, fixed.time);
    lb_place_deinit(&fixed);
    error = lb_place_init(&place, stats, true);
    if (error != 0) return error;
    error = lb_polish(&place, &(struct lb_polish){options[TOLERANCE] * bound, (uint32_t)options[MOVES], WORK});
    if (error == 0) error = lb_plan_make(stats, place.where, out);
    lb_place_deinit(&place);
    return error;
}

const struct lb_balancer lb_refine = {.name = "refine",
                                      .old_name = "RefineLB",
                                      .help = "single moves and swaps, from the slowest PE, until it is good enough",
                                      .source = "Charm++'s RefineLB; local search by moves and swaps",
                                      .options = OPTIONS,
                                      .num_options = sizeof OPTIONS / sizeof *OPTIONS,
                                      .plan = plan};
