/* python/dispatch.h: from a message to a method's first line: the entry points of every Python chare type. */
#ifndef CHARIOT_PYTHON_DISPATCH_H
#define CHARIOT_PYTHON_DISPATCH_H

#include "python/class.h"

int py_dispatch_invoke(struct chariot_call *call);
/* Runs a method of a chare for a call that has waited. 0, CHARIOT_LATER or negative as py_outcome_take(). */
int py_dispatch_run(struct py_state *st, const struct py_method *method, PyObject *chare, PyObject *args,
                    PyObject *keywords, const struct chariot_reply *reply, struct chariot_msg **result);
int py_dispatch_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object);
/* Raises CancelledError where the method waits; a call that waits for its condition is dropped. */
void py_dispatch_cancel(struct chariot_pe *pe, const struct chariot_type *type, void *object, uint64_t call);
void py_dispatch_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object);

#endif
