/* objects/runtime.h: the runtime as a group: collection 0 of PE 0, one element per PE, whose methods (exit) can be
 * called and be targets of reductions like any other. It exists on every PE from the start. */
#ifndef CHARIOT_OBJECTS_RUNTIME_H
#define CHARIOT_OBJECTS_RUNTIME_H

#include "objects/pe.h"

int obj_runtime_init(struct chariot_pe *pe);
uint64_t obj_runtime_id(void);

#endif
