/* python/map.h: placement maps: ArrayMap, the hook that asks one, and the map= of Array(). */
#ifndef CHARIOT_PYTHON_MAP_H
#define CHARIOT_PYTHON_MAP_H

#include "python/state.h"

int py_map_init(struct py_state *st, PyObject *module);
/* chariot_type.place of subclasses of ArrayMap. */
int py_map_place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe);
/* The group that map, a proxy, refers to. -1 with TypeError. */
int py_map_read(struct py_state *st, PyObject *map, struct chariot_ref *ref);

#endif
