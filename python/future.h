/* python/future.h: futures as Python objects.
 *
 * A handle to a chariot_future, equal to every other one of the same future. get() suspends a greenlet
 * coroutine (task.h); `await` yields the future itself to whoever drives the coroutine. Values are decoded once and
 * kept on the message. */
#ifndef CHARIOT_PYTHON_FUTURE_H
#define CHARIOT_PYTHON_FUTURE_H

#include "python/awaitable.h"

struct py_future {
    PyObject_HEAD struct py_state *st; /* borrowed */
    struct chariot_future *future;     /* owned while st->pe is open */
    bool own;                          /* made on this PE: values may come by reference */
    enum py_wait_kind kind;            /* what it stands for, to those who ask why a coroutine waits */
    PyObject *about;                   /* the same; owned, or NULL */
    Py_hash_t hash;                    /* of the future, the same on every PE */
    PyObject *weakrefs;
};

int py_future_init(struct py_state *st, PyObject *module);

static inline bool py_future_check(struct py_state *st, PyObject *object) {
    return Py_IS_TYPE(object, st->future_type);
}

/* Of this PE, completing with num_values values. New reference. */
PyObject *py_future_new(struct py_state *st, uint64_t num_values);
/* The same for one value, and it says what it stands for (about: borrowed, may be NULL). */
PyObject *py_future_new_for(struct py_state *st, enum py_wait_kind kind, PyObject *about);
/* Takes the handle, also when it fails. New reference. */
PyObject *py_future_wrap_take(struct py_state *st, struct chariot_future *future);
/* A handle to the future of that id, on whatever PE. New reference. */
PyObject *py_future_from_id(struct py_state *st, uint64_t id);
int py_future_put(struct chariot_writer *writer, PyObject *future);
/* Its id, to be sent somewhere (which makes the runtime keep it longer). */
uint64_t py_future_id(PyObject *future);
/* Borrowed from the Python object. */
static inline struct chariot_future *py_future_handle(PyObject *future) {
    return ((struct py_future *)(void *)future)->future;
}

/* Sends a value; exceptions are sent as errors. 0, or -1 with an exception set. */
int py_future_send(PyObject *future, PyObject *value);
/* The value, or the list of values, of a ready future. New reference; NULL: it is an error, which is now raised. */
PyObject *py_future_result(PyObject *future);
/* Suspends the running coroutine until it is ready, for at most so long (negative: for ever). -1 with an exception set:
 * NotThreadedError outside of one, TimeoutError. */
int py_future_await(PyObject *future, int64_t timeout_ns);
/* The same, then its result. */
PyObject *py_future_get(PyObject *future);

/* Module function that pickles of futures call. */
PyObject *py_future_load(PyObject *module, PyObject *id);

#endif
