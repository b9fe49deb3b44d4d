/* python/dispatch.h: from a message to a method's first line: the entry points of every Python chare type. */
#ifndef CHARIOT_PYTHON_DISPATCH_H
#define CHARIOT_PYTHON_DISPATCH_H

#include "python/class.h"

int py_dispatch_invoke(struct chariot_call *call);
int py_dispatch_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object);
void py_dispatch_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object);

#endif
