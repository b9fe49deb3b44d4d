/* python/library.h: shared libraries whose chare types are C's, beside the program's own classes.
 *
 * A library exports one table (struct chariot_library). chariot/_library.py opens it, makes a class for each type, and
 * hands both back here, where they become one record (struct py_class) whose type is the library's. Libraries stay open
 * until the process ends. */
#ifndef CHARIOT_PYTHON_LIBRARY_H
#define CHARIOT_PYTHON_LIBRARY_H

#include "python/class.h"

/* Adds what _library.py calls to the module. */
int py_library_init(struct py_state *st, PyObject *module);
/* charm.load(path). */
PyObject *py_charm_load(PyObject *self, PyObject *path);

/* class_c.c. The record of a class whose type is C's (borrowed for ever). NULL with an exception set. */
struct py_class *py_class_new_in_c(struct py_state *st, PyTypeObject *type, const struct chariot_type *ctype);

#endif
