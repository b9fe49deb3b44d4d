/* lb/lb.h: load balancing in steps, as programs ask for it.
 *
 * Elements of arrays that were created with at_sync (chariot_create, chariot_insert_take) say chariot_at_sync() when
 * they have done a step's work and can be moved. When all in the job have said so, the step ends: each of them gets a
 * call of its entry method resumeFromSync, if its type has one of that name, without arguments. */
#ifndef CHARIOT_LB_LB_H
#define CHARIOT_LB_LB_H

#include "objects/chariot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* elem waits for the end of the step. CHARIOT_EINVAL: it does not take part; CHARIOT_ESTATE: it waits already. */
int chariot_at_sync(struct chariot_pe *pe, struct chariot_elem *elem);

#ifdef __cplusplus
}
#endif

#endif
