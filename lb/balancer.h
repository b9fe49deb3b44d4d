/* lb/balancer.h: what a balancer is: a pure function from statistics to moves, behind one ops table.
 *
 * A running job and the laboratory (lb/lab/) call the same functions with the same structs. A balancer sees no clock,
 * no message and no random source: equal statistics, options and seed give equal moves. It runs on the caller's thread,
 * borrows the statistics until it returns, and gives the plan. */
#ifndef CHARIOT_LB_BALANCER_H
#define CHARIOT_LB_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- statistics */

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

/* 0, or CHARIOT_EINVAL with what is wrong in `why` (of `size` bytes). Balancers rely on it. */
int lb_stats_check(const struct lb_stats *stats, char *why, size_t size);

/* ---------------------------------------------------------------- plans */

struct lb_move {
    uint32_t object, to;
};

struct lb_plan {
    struct lb_move *moves; /* owned; by object number, each object once, never to where it is */
    size_t num_moves;
    uint32_t rounds;   /* a distributed balancer's synchronous rounds of messages; 0: it is central */
    uint64_t messages; /* and how many messages it sent */
};

/* Gives the plan that takes each object from where it lives to where[object]. */
int lb_plan_make(const struct lb_stats *stats, const uint32_t *where, struct lb_plan *out);
void lb_plan_deinit(struct lb_plan *plan);

/* ---------------------------------------------------------------- balancers */

struct lb_option {
    const char *name;
    double preset, least, most;
    bool whole; /* takes whole numbers only */
    const char *help;
};

enum { LB_MAX_OPTIONS = 8 };

struct lb_balancer {
    const char *name;
    const char *old_name; /* Charm4py's and Charm++'s spelling; NULL: they have none */
    const char *help;
    const char *source; /* where its idea is published */
    const struct lb_option *options;
    uint32_t num_options;
    /* Needs statistics that passed lb_stats_check, and a value per option in the table's order. CHARIOT_ENOMEM;
     * CHARIOT_EINVAL: the statistics lack what it needs, or a library does, as `why` then says. */
    int (*plan)(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size);
};

/* A balancer with the options that were asked for. */
struct lb_choice {
    const struct lb_balancer *balancer;
    double options[LB_MAX_OPTIONS];
};

/* All of them; ends with NULL. */
const struct lb_balancer *const *lb_balancers(void);

/* Reads "name" or "name:option=value,option=value", names in either spelling. CHARIOT_EINVAL: with what is wrong and
 * what there is instead in `why`. */
int lb_choice_parse(const char *text, struct lb_choice *out, char *why, size_t size);

/* Checks the statistics, then has the balancer plan. */
int lb_choice_plan(const struct lb_choice *choice, const struct lb_stats *stats, uint64_t seed, struct lb_plan *out,
                   char *why, size_t size);

#endif
