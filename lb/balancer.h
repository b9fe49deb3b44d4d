/* lb/balancer.h: what a balancer is: a pure function from statistics to moves (plan.h), behind one ops table.
 *
 * A running job and the laboratory (lb/lab/) call the same functions with the same structs. A balancer sees no clock,
 * no message and no random source: equal statistics, options and seed give equal moves. It runs on the caller's thread,
 * borrows the statistics until it returns, and gives the plan. */
#ifndef CHARIOT_LB_BALANCER_H
#define CHARIOT_LB_BALANCER_H

#include "lb/plan.h"

/* 0, or CHARIOT_EINVAL with what is wrong in `why` (of `size` bytes). Balancers rely on it. */
int lb_stats_check(const struct lb_stats *stats, char *why, size_t size);

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
    bool by_edges;    /* it looks at edges: a job tells it of them only then */
    bool distributed; /* a job runs it on all PEs (gossip.h), which tell each other, not one, what they have */
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
