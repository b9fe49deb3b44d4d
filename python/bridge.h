/* python/bridge.h: what chariot/_asyncio.py needs, so that tasks of an asyncio loop can await what our coroutines can.
 *
 *   await future --(a loop of asyncio drives it)--> _asyncio.bridge() --> asyncio future <-- watch: it is ready
 *
 * The loop runs inside a greenlet coroutine; instead of blocking in its select() it suspends that. Nothing of asyncio
 * is imported unless the program does so, before charm.start() or behind it: then _asyncio.py is, too (_start.py). */
#ifndef CHARIOT_PYTHON_BRIDGE_H
#define CHARIOT_PYTHON_BRIDGE_H

#include "python/awaitable.h"

int py_bridge_init(struct py_state *st, PyObject *module);
/* What iterates in place of an awaitable that is not ready and that none of our coroutines awaits. New reference;
 * Py_None: no loop of asyncio runs here; NULL with an exception set. */
PyObject *py_bridge_iter(struct py_state *st, PyObject *awaitable);
/* Whether a loop of asyncio runs in the coroutine that runs. */
bool py_bridge_has_loop(struct py_state *st);
/* Around the suspension of a coroutine: the running loop, if there is one, is not that of other coroutines. New
 * reference, for py_bridge_enter, which takes it; NULL passes. */
PyObject *py_bridge_leave(struct py_state *st);
void py_bridge_enter(struct py_state *st, PyObject *left);

/* Module functions. */
PyObject *py_bridge_watch(PyObject *module, PyObject *const *args, Py_ssize_t num);
PyObject *py_bridge_post(PyObject *module, PyObject *callable);
PyObject *py_bridge_can_wait(PyObject *module, PyObject *ignored);
PyObject *py_bridge_outside(PyObject *module, PyObject *add);
PyObject *py_bridge_set(PyObject *module, PyObject *bridge);

#endif
