/* lb/rotate.c: every movable object to the next PE: a test of migration, as Charm++'s RotateLB. */
#include "lb/balancers.h"
#include "lb/place.h"

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct lb_place place;
    int error = lb_place_init(&place, stats, true);
    if (error != 0) return error;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (stats->objects[i].migratable) place.where[i] = (place.where[i] + 1) % stats->num_pes;
    }
    error = lb_plan_make(stats, place.where, out);
    lb_place_deinit(&place);
    return error;
}

const struct lb_balancer lb_rotate = {.name = "rotate",
                                      .old_name = "RotateLB",
                                      .help = "every object to the next PE: a test of migration",
                                      .source = "Charm++'s RotateLB",
                                      .plan = plan};
