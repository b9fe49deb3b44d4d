/* lb/names.h: from the name of an element to its number among a step's objects: a hash table that only grows once. */
#ifndef CHARIOT_LB_NAMES_H
#define CHARIOT_LB_NAMES_H

#include "lb/step.h"

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
