/* lb/graph.c: objects that talk together stay together. Two placements are mended (lb/mend.h) and the better one taken:
 * the one there is, and one by the graph partitioner Scotch, with what cannot be moved as a vertex that stays. Better
 * is whose longest time is within the tolerance, and then who sends fewer bytes between PEs.
 *
 * Source: Pellegrini, Roman, Scotch, 1996; fixed vertices: Pellegrini 2012; Catalyurek et al., Hypergraph-based dynamic
 * load balancing, 2007, for starting from what is there. As Charm++'s ScotchLB and ScotchRefineLB. */
#include <stdlib.h>
#include <string.h>

#include "lb/balancers.h"
#include "lb/mend.h"
#include "lb/place.h"
#include "lb/polish.h"
#include "lb/scotch.h"
#include "rpc/error.h"

enum { TOLERANCE };

static const struct lb_option OPTIONS[] = {
    [TOLERANCE] = {"tolerance", 1.05, 1, 100, false, "the longest time that is good enough, by the lower bound"},
};

enum { WORK = 30 * 1000 * 1000 };

struct graph {
    const struct lb_stats *stats;
    struct lb_web web;
    struct lb_place fixed, now, parted;
    double target;
};

/* What the search cannot bring below the target by single moves, swaps may. */
static int mend(struct graph *g, struct lb_place *place) {
    lb_place_sum(place);
    int error = lb_mend(place, &g->web, &(struct lb_mend){g->target, WORK});
    if (error == 0) error = lb_polish(place, &(struct lb_polish){g->target, UINT32_MAX, WORK});
    return error == 0 ? lb_mend(place, &g->web, &(struct lb_mend){g->target, WORK}) : error;
}

static int part(struct graph *g, double imbalance, uint64_t seed, char *why, size_t size) {
    uint32_t *parts = malloc(g->web.num_vertices * sizeof *parts);
    if (parts == NULL) return CHARIOT_ENOMEM;
    int error = lb_scotch_partition(&g->web, g->stats, g->fixed.time, imbalance, seed, parts, why, size);
    for (uint32_t v = g->web.num_pes; error == 0 && v < g->web.num_vertices; v++) {
        g->parted.where[g->web.objects[v]] = parts[v];
    }
    free(parts);
    return error == 0 ? mend(g, &g->parted) : error;
}

static bool is_better(const struct graph *g, const struct lb_place *a, const struct lb_place *b) {
    double slow_a = lb_place_max(a), slow_b = lb_place_max(b), enough = g->target * (1 + 1e-9);
    if (slow_a > enough || slow_b > enough) return slow_a < slow_b;
    return lb_share_between(g->stats, a->where) < lb_share_between(g->stats, b->where);
}

static int solve(struct graph *g, const double *options, uint64_t seed, struct lb_plan *out, char *why, size_t size) {
    int error = lb_place_init(&g->fixed, g->stats, false);
    if (error == 0) error = lb_place_init(&g->now, g->stats, true);
    if (error == 0) error = lb_place_init(&g->parted, g->stats, true);
    if (error == 0) error = lb_web_init(&g->web, g->stats);
    if (error != 0) return error;
    g->target = options[TOLERANCE] * lb_bound(g->stats, g->fixed.time);
    error = mend(g, &g->now);
    if (error == 0 && g->stats->num_pes > 1 && g->web.num_vertices > g->web.num_pes)
        error = part(g, options[TOLERANCE] - 1, seed, why, size);
    if (error != 0) return error;
    return lb_plan_make(g->stats, is_better(g, &g->parted, &g->now) ? g->parted.where : g->now.where, out);
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct graph g = {.stats = stats};
    int error = solve(&g, options, seed, out, why, size);
    lb_web_deinit(&g.web);
    lb_place_deinit(&g.fixed);
    lb_place_deinit(&g.now);
    lb_place_deinit(&g.parted);
    return error;
}

const struct lb_balancer lb_graph = {.name = "graph",
                                     .old_name = "ScotchLB",
                                     .help = "objects that talk together stay together; needs edges",
                                     .source = "Pellegrini, Roman 1996 (Scotch); Catalyurek et al. 2007",
                                     .options = OPTIONS,
                                     .num_options = sizeof OPTIONS / sizeof *OPTIONS,
                                     .by_edges = true,
                                     .plan = plan};
