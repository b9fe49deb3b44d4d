/* lb/random.c: every movable object to any PE: what blind placement gives; Charm++'s RandCentLB. */
#include "lb/random.h"

#include "lb/balancers.h"
#include "lb/place.h"

static uint32_t any_pe(const struct lb_stats *stats, uint32_t from, uint64_t *seed) {
    return lb_draw_below(seed, stats->num_pes);
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    return lb_plan_each(stats, any_pe, seed, out);
}

const struct lb_balancer lb_random = {.name = "random",
                                      .old_name = "RandCentLB",
                                      .help = "every object to a PE drawn from the seed",
                                      .source = "Charm++'s RandCentLB",
                                      .plan = plan};
