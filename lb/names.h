/* lb/names.h: names of array elements, and from a name to its number among a step's objects: a hash table that only
 * grows once. */
#ifndef CHARIOT_LB_NAMES_H
#define CHARIOT_LB_NAMES_H

#include <string.h>

#include "lb/step.h"

static inline void lb_name_of(const struct chariot_elem *elem, struct obj_name *name) {
    name->coll = elem->own.coll->id;
    memcpy(name->index, elem->index, sizeof name->index);
}

struct lb_names {
    const struct obj_name *names; /* borrowed */
    uint32_t *slots;              /* owned: number + 1; 0: free */
    size_t mask;
};

/* CHARIOT_ENOMEM. Of equal names the first counts. */
int lb_names_init(struct lb_names *names, const struct obj_name *list, uint32_t count);
void lb_names_deinit(struct lb_names *names);
bool lb_names_find(const struct lb_names *names, const struct obj_name *name, uint32_t *number);

#endif
