#include "python/awaitable.h"

#include <assert.h>

#include "python/bridge.h"
#include "python/task.h"

/* ---------------------------------------------------------------- types */

void py_awaitable_register(struct py_state *st, PyTypeObject *type, const struct py_awaitable_ops *ops) {
    assert(st->num_awaitables < PY_MAX_AWAITABLES);
    st->awaitables[st->num_awaitables++] = (struct py_awaitable_type){.type = type, .ops = ops};
}

const struct py_awaitable_ops *py_awaitable_ops_of(const struct py_state *st, PyObject *object) {
    for (uint32_t i = 0; i < st->num_awaitables; i++) {
        if (Py_IS_TYPE(object, st->awaitables[i].type)) return st->awaitables[i].ops;
    }
    return NULL;
}

void py_warn_not_awaited(struct py_state *st, const char *what) {
    if (st->phase != PY_RUNNING) return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "%s() was called in an async def and not awaited", what) != 0)
        PyErr_WriteUnraisable(NULL);
    PyErr_Restore(type, value, traceback);
}

/* ---------------------------------------------------------------- await */

/* Known to the collector of garbage from the moment when it refers to something of asyncio, not before: most never do.
 */
struct await_iter {
    PyObject_HEAD PyObject *object; /* owned */
    const struct py_awaitable_ops *ops;
    struct py_state *st;
    PyObject *instead; /* of a task of asyncio: iterates until object is ready (bridge.h); owned, or NULL */
};

PyObject *py_awaitable_iter(struct py_state *st, PyObject *object) {
    struct await_iter *iter = PyObject_GC_New(struct await_iter, st->await_iter_type);
    if (iter == NULL) return NULL;
    Py_INCREF(object);
    iter->object = object;
    iter->ops = py_awaitable_ops_of(st, object);
    iter->st = st;
    iter->instead = NULL;
    assert(iter->ops != NULL);
    return (PyObject *)iter;
}

/* One of our coroutines drives the iterator: it takes what is yielded as what to wait for. */
static bool is_ours(const struct py_state *st) {
    return st->current != NULL && st->current->worker == NULL;
}

/* Not ready: what is yielded. */
static PySendResult yield(struct await_iter *iter, PyObject **out) {
    if (iter->instead == NULL && !is_ours(iter->st)) {
        iter->instead = py_bridge_iter(iter->st, iter->object);
        if (iter->instead == Py_None) Py_CLEAR(iter->instead);
        if (PyErr_Occurred()) return PYGEN_ERROR;
        if (iter->instead != NULL && !PyObject_GC_IsTracked((PyObject *)iter)) PyObject_GC_Track(iter);
    }
    if (iter->instead != NULL) return PyIter_Send(iter->instead, Py_None, out);
    Py_INCREF(iter->object);
    *out = iter->object;
    return PYGEN_NEXT;
}

static PySendResult iter_send(PyObject *self, PyObject *arg, PyObject **out) {
    struct await_iter *iter = (struct await_iter *)(void *)self;
    *out = NULL;
    if (py_state_running(iter->st) == NULL) return PYGEN_ERROR;
    while (!iter->ops->ready(iter->object)) {
        PySendResult sent = yield(iter, out);
        if (sent != PYGEN_RETURN) return sent;
        Py_CLEAR(*out);
        Py_CLEAR(iter->instead); /* it was ready; where another task has been faster, this one waits on */
    }
    *out = iter->ops->result(iter->object);
    return *out == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PyObject *iter_next(PyObject *self) {
    PyObject *out;
    PySendResult sent = iter_send(self, Py_None, &out);
    if (sent != PYGEN_RETURN) return out;
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, out); /* a tuple must not become several arguments */
    Py_DECREF(out);
    if (stop == NULL) return NULL;
    PyErr_SetObject(PyExc_StopIteration, stop);
    Py_DECREF(stop);
    return NULL;
}

static int iter_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct await_iter *)(void *)self)->object);
    Py_VISIT(((struct await_iter *)(void *)self)->instead);
    return 0;
}

static int iter_clear(PyObject *self) {
    Py_CLEAR(((struct await_iter *)(void *)self)->instead);
    return 0;
}

static void iter_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_DECREF(((struct await_iter *)(void *)self)->object);
    Py_XDECREF(((struct await_iter *)(void *)self)->instead);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot iter_slots[] = {{Py_tp_dealloc, iter_dealloc},
                                   {Py_tp_traverse, iter_traverse},
                                   {Py_tp_clear, iter_clear},
                                   {Py_tp_iter, PyObject_SelfIter},
                                   {Py_tp_iternext, iter_next},
                                   {Py_am_send, iter_send},
                                   {0, NULL}};
static PyType_Spec iter_spec = {.name = "chariot._core._AwaitIterator",
                                .basicsize = sizeof(struct await_iter),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = iter_slots};

int py_awaitable_init(struct py_state *st, PyObject *module) {
    st->await_iter_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &iter_spec, NULL);
    return st->await_iter_type == NULL ? -1 : 0;
}
