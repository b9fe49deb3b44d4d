/* lb/balancers.h: the balancers, one file each. lb/balancer.c has their list. */
#ifndef CHARIOT_LB_BALANCERS_H
#define CHARIOT_LB_BALANCERS_H

#include "lb/balancer.h"

extern const struct lb_balancer lb_none, lb_greedy, lb_greedy_refine, lb_refine, lb_rotate, lb_random, lb_hierarchical,
    lb_graph, lb_bisect, lb_gossip;

#endif
