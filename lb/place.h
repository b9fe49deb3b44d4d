/* lb/place.h: a placement that a balancer works on: where each object is meant to go, and what each PE would do then.
 *
 * Times are seconds: work divided by the PE's speed. */
#ifndef CHARIOT_LB_PLACE_H
#define CHARIOT_LB_PLACE_H

#include "lb/balancer.h"

struct lb_place {
    const struct lb_stats *stats; /* borrowed */
    uint32_t *where;              /* per object, owned */
    double *time;                 /* per PE, owned */
};

/* As objects live now, or without those that may be moved (`where` is then still where they live). */
int lb_place_init(struct lb_place *place, const struct lb_stats *stats, bool with_migratable);
void lb_place_deinit(struct lb_place *place);

/* A plan that takes each movable object where `to` says, from where it lives. */
int lb_plan_each(const struct lb_stats *stats,
                 uint32_t (*to)(const struct lb_stats *stats, uint32_t from, uint64_t *seed), uint64_t seed,
                 struct lb_plan *out);

double lb_speed(const struct lb_stats *stats, uint32_t pe);
double lb_speed_sum(const struct lb_stats *stats);
/* What the object takes on the PE. */
double lb_time_of(const struct lb_stats *stats, uint32_t object, uint32_t pe);

/* Sums times anew from `where`: exact again after many small steps. */
void lb_place_sum(struct lb_place *place);
/* Moves an object and its time. */
void lb_place_move(struct lb_place *place, uint32_t object, uint32_t to);

uint32_t lb_place_slowest(const struct lb_place *place); /* the PE with the longest time, the first of equals */
double lb_place_max(const struct lb_place *place);

/* No placement's longest time is below it: the average over all speeds, the heaviest movable object on the fastest PE,
 * the longest time of what cannot be moved (`fixed`: the times of a placement without movable objects). */
double lb_bound(const struct lb_stats *stats, const double *fixed);

/* The share of bytes between objects on different PEs, of all bytes; 0 if there are none. */
double lb_share_between(const struct lb_stats *stats, const uint32_t *where);

/* Movable objects by load, the longest first, equals by number, into `order` (room for all). Gives their number. */
int lb_order_make(const struct lb_stats *stats, uint32_t *order, uint32_t *count);

/* Movable objects PE by PE, the longest first: those of pe are rows first[pe] .. first[pe + 1]. */
struct lb_shelves {
    uint32_t *objects, *first; /* owned */
};
int lb_shelves_init(struct lb_shelves *shelves, const struct lb_stats *stats, const uint32_t *where);
void lb_shelves_deinit(struct lb_shelves *shelves);

#endif
