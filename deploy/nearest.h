/* deploy/nearest.h: "did you mean": the word of a list that is closest to a mistyped one. Pure. */
#ifndef CHARIOT_DEPLOY_NEAREST_H
#define CHARIOT_DEPLOY_NEAREST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap neighbours) that turn one word into the other. Words longer than 63 bytes count
 * as far apart from everything. */
size_t deploy_nearest_distance(const char *a, const char *b);

/* Keeps the best candidate so far in *best (NULL at first) if `candidate` is not closer. What is further than a third
 * of its length (at least one edit is allowed) is no candidate at all. */
void deploy_nearest_consider(const char *typed, const char *candidate, const char **best);

#endif
