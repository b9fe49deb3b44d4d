/* python/reduce.c: between reducers and the runtime.
 *
 * Contributions go out encoded, with the reducer's `pre` applied to the object itself. The runtime calls back with
 * encoded values; what Python raises there becomes an error value, which is the reduction's result from then on. */
#include "python/reduce.h"

#include "python/codec.h"
#include "python/errors.h"
#include "python/state.h"

/* ---------------------------------------------------------------- called by the runtime */

/* The exception that is set, as the outcome of a step of this reduction. */
static int give_error(struct py_state *st, const char *name, struct chariot_msg **out) {
    char where[128];
    PyObject *exc = py_error_fetch();
    snprintf(where, sizeof where, "Reducer.%.100s", name);
    *out = py_encode_error_msg(st, exc, st->pe != NULL ? chariot_my_pe(st->pe) : 0, where);
    Py_DECREF(exc);
    if (*out != NULL) return 0;
    PyErr_Clear();
    return CHARIOT_ENOMEM;
}

/* Encodes and drops value; NULL: the exception that is set. */
static int give_value_take(struct py_state *st, const char *name, PyObject *value, struct chariot_msg **out) {
    int result = value != NULL ? py_encode_msg(st, value, out) : -1;
    Py_XDECREF(value);
    return result == 0 ? 0 : give_error(st, name, out);
}

/* New reference to a list. */
static PyObject *decode_all(struct py_state *st, size_t count, struct chariot_msg *const *values) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *value = py_decode_msg(st, values[i], false);
        if (value == NULL || PyList_Append(list, value) < 0) Py_CLEAR(list);
        Py_XDECREF(value);
    }
    return list;
}

/* Reducers run in the midst of a reduction, in whatever coroutine gave its last part: that must not wait in them. Until
 * st->current has again what this gives, none runs. */
static struct py_task *set_coroutine_aside(struct py_state *st) {
    struct py_task *task = st->current;
    st->current = NULL;
    return task;
}

static int on_combine(struct chariot_pe *pe, const struct chariot_reducer *runtime, size_t count,
                      struct chariot_msg *const *values, struct chariot_msg **out) {
    struct py_reducer *self = runtime->ctx;
    struct py_task *task = set_coroutine_aside(self->st);
    PyObject *list = decode_all(self->st, count, values);
    PyObject *value = list != NULL ? PyObject_CallOneArg(self->func, list) : NULL;
    Py_XDECREF(list);
    int rc = give_value_take(self->st, runtime->name, value, out);
    self->st->current = task;
    return rc;
}

static int on_post(struct chariot_pe *pe, const struct chariot_reducer *runtime, struct chariot_msg **value) {
    struct py_reducer *self = runtime->ctx;
    struct py_task *task = set_coroutine_aside(self->st);
    PyObject *before = py_decode_msg(self->st, *value, false);
    PyObject *after = before != NULL ? PyObject_CallOneArg(self->post, before) : NULL;
    Py_XDECREF(before);
    chariot_msg_unref(*value);
    *value = NULL;
    int rc = give_value_take(self->st, runtime->name, after, value);
    self->st->current = task;
    return rc;
}

int py_face_combine(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                    struct chariot_msg **out) {
    struct py_state *st = ctx;
    if (reducer < CHARIOT_REDUCE_SUM || reducer > CHARIOT_REDUCE_XOR) return CHARIOT_EINVAL;
    struct py_task *task = set_coroutine_aside(st);
    PyObject *list = decode_all(st, count, values);
    PyObject *value = list != NULL ? py_reduce_fold(reducer, list) : NULL;
    Py_XDECREF(list);
    int rc = give_value_take(st, py_reducer_builtin_name(reducer), value, out);
    st->current = task;
    return rc;
}

/* ---------------------------------------------------------------- contributions */

int py_reducer_id(struct py_state *st, PyObject *reducer, uint32_t *id) {
    *id = CHARIOT_REDUCE_NOP;
    if (reducer == NULL || reducer == Py_None) return 0;
    *id = PY_REDUCER_NEW;
    if (Py_IS_TYPE(reducer, st->reduce.reducer_type)) *id = py_reducer_of(reducer)->id;
    for (Py_ssize_t i = 0; *id == PY_REDUCER_NEW && i < st->reduce.num_registered; i++) {
        const struct py_reducer *added = py_reducer_of(PyList_GET_ITEM(st->reduce.added, i));
        if (added->func == reducer) *id = added->id;
    }
    if (*id != PY_REDUCER_NEW) return 0;
    PyErr_Format(
        st->error,
        "%R is not registered as a reducer: pass Reducer.sum or the like, or add your function on all PEs with "
        "Reducer.addReducer(func) at module level and pass Reducer.<its name>",
        reducer);
    return -1;
}

/* What pre makes of value. New reference. */
static PyObject *prepare(struct py_state *st, PyObject *contributor, PyObject *value, uint32_t reducer) {
    if (reducer < CHARIOT_REDUCE_FIRST_USER)
        return reducer == CHARIOT_REDUCE_GATHER ? Py_NewRef(value) : py_reduce_as_numbers(reducer, value);
    Py_ssize_t place = (Py_ssize_t)(reducer - CHARIOT_REDUCE_FIRST_USER);
    const struct py_reducer *added = py_reducer_of(PyList_GET_ITEM(st->reduce.added, place));
    if (added->pre == NULL) return Py_NewRef(value);
    return PyObject_CallFunctionObjArgs(added->pre, value, contributor, NULL);
}

int py_reduce_encode(struct py_state *st, PyObject *contributor, PyObject *value, uint32_t reducer,
                     struct chariot_msg **msg) {
    *msg = NULL;
    if (reducer == CHARIOT_REDUCE_NOP) return 0;
    PyObject *prepared = prepare(st, contributor, value, reducer);
    int result = prepared != NULL ? py_encode_msg(st, prepared, msg) : -1;
    Py_XDECREF(prepared);
    return result;
}

/* ---------------------------------------------------------------- registering */

void py_reducer_describe(struct py_reducer *self) {
    self->runtime = (struct chariot_reducer){
        .name = PyUnicode_AsUTF8(self->name), /* lives as long as the name */
        .ctx = self,
        .combine = on_combine,
        .post = self->post != NULL ? on_post : NULL,
    };
}

static int register_one(struct py_state *st, struct py_reducer *self) {
    int error = chariot_reducer_register(st->pe, &self->runtime, &self->id);
    if (error != 0) return py_raise_code(st, error, "Reducer.addReducer()");
    st->reduce.num_registered++;
    return 0;
}

int py_reduce_register_all(struct py_state *st) {
    while (st->reduce.num_registered < PyList_GET_SIZE(st->reduce.added)) {
        PyObject *next = PyList_GET_ITEM(st->reduce.added, st->reduce.num_registered);
        if (register_one(st, py_reducer_of(next)) < 0) return -1;
    }
    return 0;
}
