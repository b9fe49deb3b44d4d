/* lb/lb.h: load balancing, as programs ask for it.
 *
 * In steps: elements of arrays that were created with at_sync (chariot_create, chariot_insert_take) say
 * chariot_at_sync() when they have done a step's work and can be moved. When all in the job have said so, the balancer
 * plans, elements move, and the step ends: each of them gets a call of its entry method resumeFromSync, if its type has
 * one of that name, without arguments. Without a balancer the step ends at once.
 *
 * Where no elements take part so, a step begins when a period has passed, or when some PEs have had little to do and
 * others much, unless the program says when (chariot_balance()). Elements then move between two of their methods. */
#ifndef CHARIOT_LB_LB_H
#define CHARIOT_LB_LB_H

#include "lb/plan.h"
#include "objects/chariot.h"

#ifdef __cplusplus
extern "C" {
#endif

struct chariot_balancing {
    /* "greedy-refine", "greedy-refine:tolerance=1.05,moves=20", copied; NULL: none, or the program's own. */
    const char *balancer;
    /* The program's own: called on PE 0, for each step; stats are borrowed. Fills in out->moves, from malloc, which
     * are checked. Non-zero: the step moves nothing, and `why` (of `size` bytes) is said, unless it is empty. */
    int (*plan)(void *ctx, const struct lb_stats *stats, struct lb_plan *out, char *why, size_t size);
    void *ctx;
    const char *plan_name; /* of that, for people; copied */
    double period_s;       /* no steps more often than that; 0: as elements say, or as it pays */
    bool log;              /* a line for each step, on stderr, from PE 0 */
    bool on_demand;        /* no steps but those that elements or chariot_balance() ask for */
    bool objects_only;     /* load that belongs to no object that could move is left out */
    bool no_edges;         /* balancers are not told who talks to whom */
};
/* Before chariot_run(), on every PE alike; in place of what the job was started with (chariot run --balancer ...).
 * CHARIOT_EINVAL: with what is wrong and what there is instead in `why`; CHARIOT_ESTATE: too late; CHARIOT_ENOMEM. */
int chariot_balancing_set(struct chariot_pe *pe, const struct chariot_balancing *how, char *why, size_t why_size);
/* Whether there is somebody who plans. */
bool chariot_is_balanced(const struct chariot_pe *pe);
/* The names of the runtime's balancers; NULL: there are no more. */
const char *chariot_balancer_name(size_t i);

/* elem waits for the end of the step. CHARIOT_EINVAL: it does not take part; CHARIOT_ESTATE: it waits already. */
int chariot_at_sync(struct chariot_pe *pe, struct chariot_elem *elem);

/* Asks for a step, from any PE: all elements that may move do, between two of their methods. `done` completes, with the
 * number of those that have moved, when they have. From the first such call on steps are made for chariot_balance() and
 * chariot_at_sync() alone. CHARIOT_ESTATE: there is no balancer. */
int chariot_balance(struct chariot_pe *pe, struct chariot_future *done);

#ifdef __cplusplus
}
#endif

#endif
