/* lb/none.c: moves nothing: what a step costs without a balancer, and what others are compared with. */
#include "lb/balancers.h"

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    *out = (struct lb_plan){0};
    return 0;
}

const struct lb_balancer lb_none = {
    .name = "none", .old_name = "DummyLB", .help = "moves nothing", .source = "Charm++'s DummyLB", .plan = plan};
