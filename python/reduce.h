/* python/reduce.h: reducers: the built-in ones by name, those that programs register, and the combining of values that
 * C does not understand. */
#ifndef CHARIOT_PYTHON_REDUCE_H
#define CHARIOT_PYTHON_REDUCE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "objects/chariot.h"

struct py_state;

/* The reducers' part of the module's state. */
struct py_reduce {
    PyTypeObject *reducers_type; /* of charm.reducers */
    PyTypeObject *reducer_type;  /* of Reducer.sum and the like */
    PyObject *reducers;          /* the container: chariot.Reducer, charm.reducers */
    PyObject *py_reducers;       /* list of those that programs added, in order */
    void *registered;            /* what the runtime borrows */
};
int py_reduce_init(struct py_state *st, PyObject *module);
int py_reduce_traverse(struct py_reduce *reduce, visitproc visit, void *arg);
void py_reduce_clear(struct py_reduce *reduce);

/* charm.start(): registers with the runtime what programs have added. -1 with an exception set. */
int py_reduce_register_all(struct py_state *st);
/* The number of a reducer given by a program: None (NOP), Reducer.x. -1 with an exception set. */
int py_reducer_id(struct py_state *st, PyObject *reducer, uint32_t *id);
/* Encodes one contribution for that reducer (NULL *msg for NOP). -1 with an exception set. */
int py_reduce_encode(struct py_state *st, PyObject *value, uint32_t reducer, struct chariot_msg **msg);
/* chariot_face.combine; ctx is the state. */
int py_face_combine(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                    struct chariot_msg **out);

#endif
