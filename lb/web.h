/* lb/web.h: who talks to whom, as a graph: a vertex per PE for what cannot be moved from it, and one per movable
 * object.
 *
 * Edges are undirected, each stands at both of its ends, and several between the same two are one. */
#ifndef CHARIOT_LB_WEB_H
#define CHARIOT_LB_WEB_H

#include "lb/balancer.h"

struct lb_web {
    uint32_t num_pes, num_vertices; /* vertices below num_pes are PEs */
    uint32_t *objects;              /* owned: which object a vertex is; those of PEs are undefined */
    size_t *first;                  /* owned: edges of v are first[v] .. first[v + 1] */
    uint32_t *to;                   /* owned */
    double *bytes;                  /* owned */
};

/* CHARIOT_ENOMEM. */
int lb_web_init(struct lb_web *web, const struct lb_stats *stats);
void lb_web_deinit(struct lb_web *web);

#endif
