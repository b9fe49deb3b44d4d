/* python/several.h: waiting for several awaitables at once: charm.wait(), charm.iwait(), awaitCreation().
 *
 * Both are objects that a coroutine waits for (awaitable.h): a wait is ready when all of its members have been, an
 * iwait when one has that it has not yielded yet. */
#ifndef CHARIOT_PYTHON_SEVERAL_H
#define CHARIOT_PYTHON_SEVERAL_H

#include "python/awaitable.h"

int py_several_init(struct py_state *st, PyObject *module);

/* Waits until all of list (futures; borrowed) have been ready: suspends a greenlet coroutine and gives None; in an
 * async def gives what it is to await. kind: what reports say of it. NULL with an exception set. */
PyObject *py_several_wait(struct py_state *st, PyObject *list, enum py_wait_kind kind);

/* charm.wait(awaitables, timeout=None), charm.iwait(awaitables) */
PyObject *py_charm_wait(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *py_charm_iwait(PyObject *self, PyObject *awaitables);
extern const char py_charm_wait_doc[], py_charm_iwait_doc[];

#endif
