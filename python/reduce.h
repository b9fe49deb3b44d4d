/* python/reduce.h: reducers: the built-in ones by name, those that programs add, and the combining of values that C
 * does not understand.
 *
 * `Reducer` is a container whose attributes are reducer objects: a name, the runtime's number for it and, where a
 * program added it, its functions. Called on the PE's thread with the GIL held. */
#ifndef CHARIOT_PYTHON_REDUCE_H
#define CHARIOT_PYTHON_REDUCE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "objects/chariot.h"

struct py_state;

/* The reducers' part of the module's state, owned. */
struct py_reduce {
    PyTypeObject *container_type, *reducer_type;
    PyObject *reducers;        /* the container: chariot.Reducer, charm.reducers */
    PyObject *added;           /* list of reducers that programs added, in order; the runtime borrows them */
    Py_ssize_t num_registered; /* of those: known to the runtime */
};
/* Adds Reducer to the module. */
int py_reduce_init(struct py_state *st, PyObject *module);
int py_reduce_traverse(struct py_reduce *reduce, visitproc visit, void *arg);
void py_reduce_clear(struct py_reduce *reduce); /* the PE is closed */

/* charm.start(), with st->pe open: registers with the runtime what programs have added. Later ones are registered as
 * they are added. -1 with an exception set. */
int py_reduce_register_all(struct py_state *st);

/* A reducer in C (borrowed for ever) joins those that programs have added, under its whole name; programs see it once
 * _reducer_open() has been called. -1 with an exception set. */
int py_reducer_join(struct py_state *st, const struct chariot_reducer *reducer);

/* The number of a reducer given by a program: None (NOP), Reducer.x, or a function that was added. -1 with an exception
 * set: Charm4PyError for anything else. */
int py_reducer_id(struct py_state *st, PyObject *reducer, uint32_t *id);
/* Encodes one contribution of `contributor` (the chare) for that reducer; NULL *msg for NOP. Runs the reducer's `pre`.
 * -1 with an exception set. */
int py_reduce_encode(struct py_state *st, PyObject *contributor, PyObject *value, uint32_t reducer,
                     struct chariot_msg **msg);
/* chariot_face.combine; ctx is the state. What Python raises becomes the result, as an error value. */
int py_face_combine(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                    struct chariot_msg **out);

/* ---- between the reducers' files */

enum { PY_REDUCER_NEW = UINT32_MAX }; /* not registered yet */

struct py_reducer {
    PyObject_HEAD struct py_state *st; /* borrowed */
    PyObject *name;
    PyObject *func, *pre, *post; /* of those that programs added; pre and post may be NULL */
    uint32_t id;
    struct chariot_reducer runtime; /* what the runtime borrows */
};

static inline struct py_reducer *py_reducer_of(PyObject *object) {
    return (struct py_reducer *)(void *)object;
}

const char *py_reducer_builtin_name(uint32_t id);
/* Fills self->runtime from the rest; its name stays NULL, with an exception set, where it is no text. */
void py_reducer_describe(struct py_reducer *self);

/* reduce_fold.c: values (a list) by a built-in reducer with Python's operators and numpy's. New reference. */
PyObject *py_reduce_fold(uint32_t reducer, PyObject *values);
/* The same of numpy arrays that stand for lists of numbers, exactly, by sum or product: a list of numbers again. */
PyObject *py_reduce_fold_lists(uint32_t reducer, PyObject *arrays);
bool py_reduce_holds_objects(PyObject *value); /* a numpy array of them */
/* What is contributed to a built-in reducer: a list, tuple or array.array of numbers as a numpy array (int64, float64
 * or bool; with Python ints beyond 64 bits: objects), anything else as it is. New reference. */
PyObject *py_reduce_as_numbers(uint32_t reducer, PyObject *value);

#endif
