/* lb/plan.h: what a balancer is given, and what it gives: plain data, for balancers of the runtime and of programs.
 */
#ifndef CHARIOT_LB_PLAN_H
#define CHARIOT_LB_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_object {
    double load;    /* seconds of work at speed 1 in the phase to be balanced; finite, not negative */
    uint32_t pe;    /* where it lives */
    uint32_t bytes; /* of its state: what moving it costs; 0: unknown */
    bool migratable;
};

/* What one object sent another in the phase; several edges between the same two add up, both directions alike. */
struct lb_edge {
    uint32_t from, to;
    double bytes; /* finite, not negative */
};

struct lb_stats {
    uint32_t num_pes, num_objects;
    const struct lb_object *objects;
    const double *background; /* per PE, seconds at speed 1 that belong to no object; NULL: none */
    const double *speeds;     /* per PE, > 0; NULL: all 1 */
    const uint32_t *hosts;    /* per PE; NULL: all on one host */
    const struct lb_edge *edges;
    size_t num_edges;
    const double *coords; /* dims per object, one object after the other; NULL: there are none */
    uint32_t dims;
};

struct lb_move {
    uint32_t object, to;
};

struct lb_plan {
    struct lb_move *moves; /* owned; by object number, each object once, never to where it is */
    size_t num_moves;
    uint32_t rounds;   /* a distributed balancer's synchronous rounds of messages; 0: it is central */
    uint64_t messages; /* and how many messages it sent */
};

#endif
