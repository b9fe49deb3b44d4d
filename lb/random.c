/* lb/random.c: every movable object to any PE: what blind placement gives; Charm++'s RandCentLB. */
#include "lb/random.h"

#include "lb/balancers.h"
#include "lb/place.h"

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct lb_place place;
    int error = lb_place_init(&place, stats, true);
    if (error != 0) return error;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (stats->objects[i].migratable) place.where[i] = lb_draw_below(&seed, stats->num_pes);
    }
    error = lb_plan_make(stats, place.where, out);
    lb_place_deinit(&place);
    return error;
}

const struct lb_balancer lb_random = {.name = "random",
                                      .old_name = "RandCentLB",
                                      .help = "every object to a PE drawn from the seed",
                                      .source = "Charm++'s RandCentLB",
                                      .plan = plan};
