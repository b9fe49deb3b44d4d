/* lb/polish.h: a local search from any placement: as long as it helps, the slowest PE gives an object away, or swaps
 * one for a lighter one.
 *
 * The step taken is the one that lowers the slowest PE's time most for each further object that ends up away from where
 * it lives. The longest time never grows. */
#ifndef CHARIOT_LB_POLISH_H
#define CHARIOT_LB_POLISH_H

#include "lb/place.h"

struct lb_polish {
    double target;       /* ends when no PE takes longer */
    uint32_t most_moves; /* how many objects may be away from where they live */
    uint64_t work;       /* how many pairs of objects it may look at */
};

/* CHARIOT_ENOMEM. */
int lb_polish(struct lb_place *place, const struct lb_polish *rules);

#endif
