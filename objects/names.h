/* objects/names.h: the names under which foreign programs find objects (chariot_publish).
 *
 * PE 0 keeps the book: it alone says whether a name is free. Every PE has a copy, since any may serve: a row per name,
 * not per PE. The PEs' parts are the elements of a group that is known from the first moment, as the runtime is. */
#ifndef CHARIOT_OBJECTS_NAMES_H
#define CHARIOT_OBJECTS_NAMES_H

#include "objects/chariot.h"

struct obj_name_row {
    char *name; /* owned */
    struct chariot_ref ref;
};

struct obj_names {
    struct obj_name_row *rows; /* by name */
    size_t count, capacity;
};

int obj_names_init(struct chariot_pe *pe);
void obj_names_start(struct chariot_pe *pe); /* makes the element */
void obj_names_deinit(struct chariot_pe *pe);

/* NULL: there is no such name. */
const struct obj_name_row *obj_names_find(const struct chariot_pe *pe, const void *name, size_t size);

#endif
