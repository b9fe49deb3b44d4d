/* objects/runtime.h: the runtime as a group: collection 0 of PE 0, one element per PE, whose methods (exit) can be
 * called and be targets of reductions like any other. It is known on every PE from the first moment; its element is
 * made when the PE starts, of a face's type where that has put one in the place of ours (chariot_runtime_extend). */
#ifndef CHARIOT_OBJECTS_RUNTIME_H
#define CHARIOT_OBJECTS_RUNTIME_H

#include "objects/pe.h"

/* Groups that every PE knows from the first moment, by their number among the collections of PE 0. */
enum { OBJ_RESIDENT_RUNTIME = 0, OBJ_RESIDENT_BALANCER, OBJ_RESIDENT_NAMES, OBJ_NUM_RESIDENTS };
static inline bool obj_id_is_resident(uint64_t id) {
    return obj_id_kind(id) == CHARIOT_GROUP && obj_id_pe(id) == 0 && obj_id_number(id) < OBJ_NUM_RESIDENTS;
}
/* chariot_type.create of those that have no object. */
int obj_resident_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                        struct chariot_msg *args, void **object);
int obj_resident_init(struct chariot_pe *pe, uint64_t number, const struct chariot_type *type);
void obj_resident_start(struct chariot_pe *pe, uint64_t number); /* makes this PE's element */

int obj_runtime_init(struct chariot_pe *pe);
void obj_runtime_start(struct chariot_pe *pe); /* makes the element */
uint64_t obj_runtime_id(void);

#endif
