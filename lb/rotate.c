/* lb/rotate.c: every movable object to the next PE: a test of migration, as Charm++'s RotateLB. */
#include "lb/balancers.h"
#include "lb/place.h"

static uint32_t next_pe(const struct lb_stats *stats, uint32_t from, uint64_t *seed) {
    return (from + 1) % stats->num_pes;
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    return lb_plan_each(stats, next_pe, seed, out);
}

const struct lb_balancer lb_rotate = {.name = "rotate",
                                      .old_name = "RotateLB",
                                      .help = "every object to the next PE: a test of migration",
                                      .source = "Charm++'s RotateLB",
                                      .plan = plan};
