/* lb/scotch.h: the graph partitioner Scotch (Pellegrini), as a library that is loaded when it is asked for.
 *
 * Its parts may hold vertices that must stay (SCOTCH_graphPartFixed), which METIS has not: what cannot be moved is one
 * such vertex per PE. It runs on the caller's thread, in a context of its own whose numbers are drawn from the seed. */
#ifndef CHARIOT_LB_SCOTCH_H
#define CHARIOT_LB_SCOTCH_H

#include "lb/web.h"

/* Puts each vertex into a part, into `parts`, with work and edges weighed: a part per PE, which has that PE's vertex
 * and is to get at most 1 + imbalance times its share of the work, which goes by speed. CHARIOT_ENOENT: the library is
 * not there, as `why` says; CHARIOT_EINVAL: it gave up; CHARIOT_ENOMEM. */
int lb_scotch_partition(const struct lb_web *web, const struct lb_stats *stats, const double *fixed, double imbalance,
                        uint64_t seed, uint32_t *parts, char *why, size_t size);

#endif
