/* python/condition_wait.h: self.wait(condition) as something that a coroutine waits for (awaitable.h). */
#ifndef CHARIOT_PYTHON_CONDITION_WAIT_H
#define CHARIOT_PYTHON_CONDITION_WAIT_H

#include "python/awaitable.h"

struct py_condition_wait;

int py_condition_wait_init(struct py_state *st, PyObject *module);

/* Chare.wait(text): suspends a greenlet coroutine and gives None; in an async def gives what it is to await. */
PyObject *py_chare_wait(PyObject *chare, PyObject *text);
extern const char py_chare_wait_doc[];

/* pending.c: it is no longer pending, since its condition holds, or with this error (taken): the coroutine goes on, now
 * or from the scheduler soon. Orphan: it never will. */
void py_condition_wait_fire(struct py_condition_wait *wait, PyObject *error);
void py_condition_wait_fire_soon(struct py_condition_wait *wait, PyObject *error);
void py_condition_wait_orphan(struct py_condition_wait *wait);

#endif
