/* objects/hold.h: PEs that hold: they run nothing before PE 0 has sent what its entry has set for all (RELEASE).
 *
 * A face asks for it with chariot_hold(), before the job runs; READY messages tell PE 0 whether any PE has. A PE that
 * holds takes part in the start and the end of the job; all else that reaches it waits, in its order. */
#ifndef CHARIOT_OBJECTS_HOLD_H
#define CHARIOT_OBJECTS_HOLD_H

#include "objects/pe.h"

/* Takes msg, which comes from the run queue, if this PE holds: true. */
static inline bool obj_hold_keep_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    bool passes =
        !pe->holds || msg->kind == OBJ_KIND_RELEASE || msg->kind == OBJ_KIND_READY || msg->kind == OBJ_KIND_EXIT;
    if (!passes) rpc_msg_queue_push_take(&pe->held, msg);
    return !passes;
}

#endif
