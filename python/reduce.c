/* python/reduce.c: between reducers and the runtime.
 *
 * Contributions go out encoded, with the reducer's `pre` applied to the object itself. The runtime calls back with
 * encoded values; what Python raises there becomes an error value, which is the reduction's result from then on. */
#include "python/reduce.h"

#include <string.h>

#include "python/codec.h"
#include "python/errors.h"
#include "python/state.h"

/* ---------------------------------------------------------------- lists of numbers */

static bool adds(uint32_t reducer) {
    return reducer == CHARIOT_REDUCE_SUM || reducer == CHARIOT_REDUCE_PRODUCT;
}

/* int64 or float64, of which lists of plain numbers are; NULL: it is something else. */
static const char *dtype_of(const Py_buffer *view) {
    if (view->ndim != 1) return NULL;
    return strcmp(view->format, "l") == 0 ? "<i8" : strcmp(view->format, "d") == 0 ? "<f8" : NULL;
}

/* An array with the mark of a list, its order (objects/reduce_builtin.h): one of numpy's has another. */
static int encode_marked(const Py_buffer *view, const char *dtype, struct chariot_msg **msg) {
    struct chariot_writer writer;
    int64_t shape = view->shape[0];
    void *data;
    chariot_writer_init_take(&writer, NULL);
    if (chariot_put_array(&writer, dtype, 1, &shape, 'F', (size_t)view->len, &data) == 0)
        memcpy(data, view->buf, (size_t)view->len);
    int rc = chariot_writer_finish(&writer, msg);
    return rc == 0 ? 0 : py_write_failed(rc);
}

/* numbers: what py_reduce_as_numbers() made of a list or tuple. */
static int encode_list(struct py_state *st, PyObject *numbers, struct chariot_msg **msg) {
    Py_buffer view;
    if (!PyObject_CheckBuffer(numbers)) return py_encode_msg(st, numbers, msg);
    if (PyObject_GetBuffer(numbers, &view, PyBUF_ND | PyBUF_FORMAT) != 0) {
        PyErr_Clear(); /* a dtype that buffers do not know */
        return py_encode_msg(st, numbers, msg);
    }
    const char *dtype = dtype_of(&view);
    int result = dtype != NULL ? encode_marked(&view, dtype, msg) : 0;
    PyBuffer_Release(&view);
    return dtype != NULL ? result : py_encode_msg(st, numbers, msg);
}

/* What is contributed to a built-in reducer, or what lists of numbers became. */
static int encode_numbers(struct py_state *st, uint32_t reducer, PyObject *value, struct chariot_msg **msg) {
    bool list = PyList_CheckExact(value) || PyTuple_CheckExact(value);
    PyObject *numbers = py_reduce_as_numbers(reducer, value);
    int result = numbers == NULL         ? -1
                 : list && adds(reducer) ? encode_list(st, numbers, msg)
                                         : py_encode_msg(st, numbers, msg);
    Py_XDECREF(numbers);
    return result;
}

static bool is_list(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    if (chariot_get(&reader, &value) != 0 || value.type != CHARIOT_ARRAY) return false;
    return value.array.ndim == 1 && value.array.order == 'F';
}

/* Lists of numbers alone, some of them with ints beyond 64 bits: those are arrays of objects. */
static bool are_lists(size_t count, struct chariot_msg *const *values, PyObject *decoded) {
    size_t lists = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_list(values[i]))
            lists++;
        else if (!py_reduce_holds_objects(PyList_GET_ITEM(decoded, (Py_ssize_t)i)))
            return false;
    }
    return lists > 0;
}

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

/* The same where give_value_take() encodes what became of lists. */
static int give_list_take(struct py_state *st, uint32_t reducer, PyObject *list, struct chariot_msg **out) {
    int result = list != NULL ? encode_numbers(st, reducer, list, out) : -1;
    Py_XDECREF(list);
    return result == 0 ? 0 : give_error(st, py_reducer_builtin_name(reducer), out);
}

int py_face_combine(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                    struct chariot_msg **out) {
    struct py_state *st = ctx;
    if (reducer < CHARIOT_REDUCE_SUM || reducer > CHARIOT_REDUCE_XOR) return CHARIOT_EINVAL;
    struct py_task *task = set_coroutine_aside(st);
    PyObject *list = decode_all(st, count, values);
    int rc;
    if (list != NULL && adds(reducer) && are_lists(count, values, list))
        rc = give_list_take(st, reducer, py_reduce_fold_lists(reducer, list), out);
    else
        rc = give_value_take(st, py_reducer_builtin_name(reducer), list != NULL ? py_reduce_fold(reducer, list) : NULL,
                             out);
    Py_XDECREF(list);
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

/* With a reducer of the program: what its pre makes of value. */
static int encode_prepared(struct py_state *st, PyObject *contributor, PyObject *value, const struct py_reducer *added,
                           struct chariot_msg **msg) {
    if (added->pre == NULL) return py_encode_msg(st, value, msg);
    PyObject *prepared = PyObject_CallFunctionObjArgs(added->pre, value, contributor, NULL);
    int result = prepared != NULL ? py_encode_msg(st, prepared, msg) : -1;
    Py_XDECREF(prepared);
    return result;
}

int py_reduce_encode(struct py_state *st, PyObject *contributor, PyObject *value, uint32_t reducer,
                     struct chariot_msg **msg) {
    *msg = NULL;
    if (reducer == CHARIOT_REDUCE_NOP) return 0;
    if (reducer == CHARIOT_REDUCE_GATHER) return py_encode_msg(st, value, msg);
    if (reducer < CHARIOT_REDUCE_FIRST_USER) return encode_numbers(st, reducer, value, msg);
    Py_ssize_t place = (Py_ssize_t)(reducer - CHARIOT_REDUCE_FIRST_USER);
    return encode_prepared(st, contributor, value, py_reducer_of(PyList_GET_ITEM(st->reduce.added, place)), msg);
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
