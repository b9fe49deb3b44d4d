/* test/unit/lb/world.h: statistics drawn from a seed, for tests of balancers. */
#ifndef CHARIOT_TEST_LB_WORLD_H
#define CHARIOT_TEST_LB_WORLD_H

#include "lb/balancer.h"

struct lb_world {
    struct lb_stats stats;
    struct lb_object *objects;
    struct lb_edge *edges;
    double *background, *speeds, *coords;
    uint32_t *hosts;
};

struct lb_world_plan {
    uint32_t num_pes, num_objects;
    bool pinned, uneven; /* some objects may not move; PEs differ in speed and have background load */
    bool crowded;        /* all objects on PE 0 */
};

void lb_world_init(struct lb_world *world, const struct lb_world_plan *plan, uint64_t seed);
void lb_world_deinit(struct lb_world *world);

/* Plans by text, "greedy" or "gossip:rounds=3"; aborts the program if it cannot. */
struct lb_plan lb_world_decide(const struct lb_stats *stats, const char *choice, uint64_t seed);
/* The longest time with the plan (NULL: as it is), in seconds. */
double lb_world_max(const struct lb_stats *stats, const struct lb_plan *plan);
double lb_world_bound(const struct lb_stats *stats);

#endif
