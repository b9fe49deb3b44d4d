/* python/awaitable.h: what coroutines can wait for, whatever it is: futures, channels, conditions, several at once.
 *
 * A type of objects that can be waited for registers one table of functions. On it stand py_task_wait() (a greenlet
 * coroutine suspends), py_awaitable_iter() (`await` in an async def), charm.wait() and charm.iwait() (several at once),
 * and the reports that say what a coroutine waits for. All of it runs on the PE's thread. */
#ifndef CHARIOT_PYTHON_AWAITABLE_H
#define CHARIOT_PYTHON_AWAITABLE_H

#include "python/state.h"

/* Why a coroutine is suspended, and what is told of it beside that. */
enum py_wait_kind {
    PY_WAIT_FUTURE,     /* the future */
    PY_WAIT_CHANNEL,    /* the channel, or what is done with it: "recv() on <Channel ...>" */
    PY_WAIT_CONDITION,  /* the expression, a string */
    PY_WAIT_ANY,        /* list of what wait() or iwait() still waits for */
    PY_WAIT_CREATION,   /* proxy of what is being created */
    PY_WAIT_SLEEP,      /* nothing */
    PY_WAIT_QUIESCENCE, /* nothing */
    PY_WAIT_BALANCE,    /* nothing */
    PY_WAIT_SECTION,    /* proxy of what sections are made of */
};

struct py_awaitable_ops {
    bool member; /* charm.wait() and charm.iwait() take it */
    /* Whether result() would give something now. */
    bool (*ready)(PyObject *object);
    /* Calls waiter->fn from the scheduler, once, when the object is ready (soon, if it is); never inside this call. The
     * caller keeps the object and the waiter until then, or until forget(). -1 with an exception set. */
    int (*wait)(PyObject *object, struct chariot_waiter *waiter);
    /* The waiter will not be called. No effect where it was. */
    void (*forget)(PyObject *object, struct chariot_waiter *waiter);
    /* The waiter was called, but who waits goes on later: ready() is to look anew then. NULL: it does so anyway. */
    void (*lapse)(PyObject *object);
    /* What `await object` gives once it is ready. New reference; NULL: it is an error, now raised. */
    PyObject *(*result)(PyObject *object);
    /* What a coroutine that waits for it says it waits for. New reference, or NULL without an exception: nothing. */
    enum py_wait_kind (*reason)(PyObject *object, PyObject **about);
};

int py_awaitable_init(struct py_state *st, PyObject *module);
/* Objects of exactly this type can be waited for from now on. */
void py_awaitable_register(struct py_state *st, PyTypeObject *type, const struct py_awaitable_ops *ops);
/* NULL, no exception: cannot be waited for. */
const struct py_awaitable_ops *py_awaitable_ops_of(const struct py_state *st, PyObject *object);

/* An async def called what must be awaited, and dropped it: it would go on too early without a word. */
void py_warn_not_awaited(struct py_state *st, const char *what);

/* For am_await: an iterator that yields object to whoever drives the coroutine until it is ready, then gives its
 * result. New reference. */
PyObject *py_awaitable_iter(struct py_state *st, PyObject *object);

#endif
