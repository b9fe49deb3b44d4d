/* lb/greedy.c: the longest object first, each to the PE that is done with it first (R. L. Graham, Bounds on
 * multiprocessing timing anomalies, 1969); Charm++'s GreedyLB. Nearly every object moves. */
#include <stdlib.h>

#include "lb/balancers.h"
#include "lb/place.h"
#include "lb/queue.h"
#include "rpc/error.h"

static int put_all(struct lb_place *place, uint32_t *order) {
    struct lb_queue queue;
    uint32_t count;
    int error = lb_order_make(place->stats, order, &count);
    if (error == 0) error = lb_queue_init(&queue, place->stats, place->time);
    if (error != 0) return error;
    for (uint32_t i = 0; i < count; i++) {
        place->where[order[i]] = lb_queue_put(&queue, place->stats->objects[order[i]].load);
    }
    lb_queue_deinit(&queue);
    return 0;
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct lb_place place;
    int error = lb_place_init(&place, stats, false);
    if (error != 0) return error;
    uint32_t *order = malloc((stats->num_objects + (size_t)1) * sizeof *order);
    error = order == NULL ? CHARIOT_ENOMEM : put_all(&place, order);
    if (error == 0) error = lb_plan_make(stats, place.where, out);
    free(order);
    lb_place_deinit(&place);
    return error;
}

const struct lb_balancer lb_greedy = {.name = "greedy",
                                      .old_name = "GreedyLB",
                                      .help =
                                          "the longest object first, to the PE that is done first; moves nearly all",
                                      .source = "Graham 1969 (longest processing time)",
                                      .plan = plan};
