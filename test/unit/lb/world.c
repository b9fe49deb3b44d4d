#include "test/unit/lb/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "lb/place.h"
#include "lb/random.h"

static void draw_objects(struct lb_world *world, const struct lb_world_plan *plan, uint64_t *seed) {
    for (uint32_t i = 0; i < plan->num_objects; i++) {
        double share = lb_draw_share(seed);
        world->objects[i] = (struct lb_object){.load = share * share * share + 0.01,
                                               .pe = plan->crowded ? 0 : lb_draw_below(seed, plan->num_pes),
                                               .bytes = lb_draw_below(seed, 10000),
                                               .migratable = !plan->pinned || lb_draw_below(seed, 4) > 0};
        world->coords[2 * i] = lb_draw_share(seed);
        world->coords[2 * i + 1] = lb_draw_share(seed);
    }
    for (uint32_t i = 0; i < 3 * plan->num_objects; i++) {
        uint32_t from = lb_draw_below(seed, plan->num_objects);
        uint32_t to = (from + 1 + lb_draw_below(seed, 5)) % plan->num_objects;
        world->edges[i] = (struct lb_edge){from, to, 1 + lb_draw_below(seed, 1000)};
    }
}

void lb_world_init(struct lb_world *world, const struct lb_world_plan *plan, uint64_t seed) {
    *world = (struct lb_world){.objects = calloc(plan->num_objects + 1, sizeof *world->objects),
                               .edges = calloc(3 * plan->num_objects + 1, sizeof *world->edges),
                               .coords = calloc(2 * plan->num_objects + 1, sizeof *world->coords),
                               .background = calloc(plan->num_pes, sizeof(double)),
                               .speeds = calloc(plan->num_pes, sizeof(double)),
                               .hosts = calloc(plan->num_pes, sizeof(uint32_t))};
    for (uint32_t pe = 0; pe < plan->num_pes; pe++) {
        world->background[pe] = plan->uneven ? 0.3 * lb_draw_share(&seed) : 0;
        world->speeds[pe] = plan->uneven ? 1 + lb_draw_below(&seed, 3) : 1;
        world->hosts[pe] = pe / 4;
    }
    draw_objects(world, plan, &seed);
    world->stats =
        (struct lb_stats){plan->num_pes, plan->num_objects, world->objects,        world->background, world->speeds,
                          world->hosts,  world->edges,      3 * plan->num_objects, world->coords,     2};
}

void lb_world_deinit(struct lb_world *world) {
    free(world->objects);
    free(world->edges);
    free(world->coords);
    free(world->background);
    free(world->speeds);
    free(world->hosts);
}

struct lb_plan lb_world_decide(const struct lb_stats *stats, const char *choice, uint64_t seed) {
    char why[500];
    struct lb_choice parsed;
    struct lb_plan plan;
    if (lb_choice_parse(choice, &parsed, why, sizeof why) == 0 &&
        lb_choice_plan(&parsed, stats, seed, &plan, why, sizeof why) == 0)
        return plan;
    fprintf(stderr, "%s: %s\n", choice, why);
    abort();
}

double lb_world_max(const struct lb_stats *stats, const struct lb_plan *plan) {
    struct lb_place place;
    if (lb_place_init(&place, stats, true) != 0) abort();
    for (size_t i = 0; plan != NULL && i < plan->num_moves; i++) place.where[plan->moves[i].object] = plan->moves[i].to;
    lb_place_sum(&place);
    double max = lb_place_max(&place);
    lb_place_deinit(&place);
    return max;
}

double lb_world_bound(const struct lb_stats *stats) {
    struct lb_place fixed;
    if (lb_place_init(&fixed, stats, false) != 0) abort();
    double bound = lb_bound(stats, fixed.time);
    lb_place_deinit(&fixed);
    return bound;
}
