/* deploy/call_target.h: which method of which object: "grid.add", "grid[1, 2].add", "@REFERENCE.add". */
#ifndef CHARIOT_DEPLOY_CALL_TARGET_H
#define CHARIOT_DEPLOY_CALL_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "deploy/pack.h"
#include "deploy/reason.h"

enum { DEPLOY_CALL_DIMS = 8 };

struct deploy_call_target {
    const char *text; /* borrowed */
    size_t object;    /* bytes of it that name the object */
    int64_t index[DEPLOY_CALL_DIMS];
    size_t dims;
    const char *method; /* in text; NULL: there is none */
};

/* CHARIOT_EABORTED with *reason, status 2. is_method: the text must end with one; else it must not. */
int deploy_call_target_read(struct deploy_call_target *target, const char *text, bool is_method,
                            struct deploy_reason *reason);
/* As field `number`, a Target. CHARIOT_EABORTED with *reason: the reference is none. */
int deploy_call_target_put(const struct deploy_call_target *target, struct deploy_pack *pack, uint32_t number,
                           struct deploy_reason *reason);

#endif
