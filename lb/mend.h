/* lb/mend.h: a local search that minds who talks to whom: first PEs above a target give away what costs the fewest
 * bytes between PEs, then objects go where they have most to say, as long as no PE gets above the target. */
#ifndef CHARIOT_LB_MEND_H
#define CHARIOT_LB_MEND_H

#include "lb/place.h"
#include "lb/web.h"

struct lb_mend {
    double target; /* seconds that a PE may take */
    uint64_t work; /* how many places for objects it may look at */
};

/* The longest time does not grow beyond the target, if it was below. CHARIOT_ENOMEM. */
int lb_mend(struct lb_place *place, const struct lb_web *web, const struct lb_mend *rules);

#endif
