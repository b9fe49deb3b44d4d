#include "python/future.h"

#include <structmember.h>

#include "python/charm.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/number.h"
#include "python/task.h"

static struct py_future *as_future(PyObject *object) {
    return (struct py_future *)(void *)object;
}

/* ---------------------------------------------------------------- making */

static PyObject *wrap_take(struct py_state *st, struct chariot_future *handle, bool own) {
    struct py_future *self = PyObject_New(struct py_future, st->future_type);
    if (self == NULL) {
        chariot_future_unref(handle);
        return NULL;
    }
    self->st = st;
    self->future = handle;
    self->own = own;
    self->kind = PY_WAIT_FUTURE;
    self->about = NULL;
    self->hash = (Py_hash_t)(chariot_future_hash(handle) >> 2); /* never -1 */
    self->weakrefs = NULL;
    return (PyObject *)self;
}

static void let_go(struct py_future *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    if (self->st->pe != NULL) chariot_future_unref(self->future);
    PyObject_Free(self);
    Py_DECREF(type);
}

static void let_strays_go(struct py_state *st) {
    while (st->strays != NULL) {
        struct py_future *stray = st->strays;
        st->strays = (struct py_future *)(void *)stray->about;
        let_go(stray);
    }
}

PyObject *py_future_new(struct py_state *st, uint64_t num_values) {
    if (st->strays != NULL) let_strays_go(st);
    struct chariot_future *handle = chariot_future_new(st->pe, num_values);
    return handle == NULL ? PyErr_NoMemory() : wrap_take(st, handle, true);
}

PyObject *py_future_new_for(struct py_state *st, enum py_wait_kind kind, PyObject *about) {
    PyObject *future = py_future_new(st, 1);
    if (future == NULL) return NULL;
    as_future(future)->kind = kind;
    Py_XINCREF(about);
    as_future(future)->about = about;
    return future;
}

PyObject *py_future_wrap_take(struct py_state *st, struct chariot_future *future) {
    return wrap_take(st, future, true);
}

PyObject *py_future_from_id(struct py_state *st, uint64_t id) {
    if (py_state_running(st) == NULL) return NULL;
    struct chariot_future *handle = chariot_future_open(st->pe, id);
    return handle == NULL ? PyErr_NoMemory() : wrap_take(st, handle, false);
}

uint64_t py_future_id(PyObject *future) {
    struct py_future *self = as_future(future);
    return self->st->pe == NULL ? 0 : chariot_future_id(self->future);
}

/* Where a chare is packed that holds it, it goes along. -1 with an exception set. */
static int take_along(struct py_future *self) {
    if (self->st->packing == NULL || chariot_future_take_along(self->st->pe, self->future) == 0) return 0;
    PyErr_NoMemory();
    return -1;
}

int py_future_put(struct chariot_writer *writer, PyObject *future) {
    if (as_future(future)->st->pe == NULL) {
        PyErr_SetString(as_future(future)->st->error, "the job has ended");
        return -1;
    }
    if (take_along(as_future(future)) != 0) return -1;
    return chariot_put_future(writer, py_future_id(future)) == 0 ? 0 : py_write_failed(writer->error);
}

/* A thread of the program's own may hold the last reference: the PE's thread lets go of its handle, with its next
 * future. */
static void future_dealloc(PyObject *object) {
    struct py_future *self = as_future(object);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs(object);
    Py_CLEAR(self->about);
    if (!py_state_is_foreign(self->st)) {
        let_go(self);
        return;
    }
    self->about = (PyObject *)(void *)self->st->strays;
    self->st->strays = self;
}

/* ---------------------------------------------------------------- values */

int py_future_send(PyObject *future, PyObject *value) {
    struct py_future *self = as_future(future);
    struct py_state *st = self->st;
    if (py_state_running(st) == NULL) return -1;
    bool none = value == Py_None;
    struct chariot_msg *msg = none ? NULL : py_message_put_value(st, value, self->own && st->local_msg_optim);
    if (msg == NULL && !none) return -1;
    int rc = chariot_future_give_take(st->pe, self->future, msg);
    if (rc != CHARIOT_ESTATE) return rc == 0 ? 0 : py_raise_code(st, rc, "sending to a future");
    PyErr_Format(st->error, "No pending future: this one has all of its %llu value%s already",
                 (unsigned long long)chariot_future_num_values(self->future),
                 chariot_future_num_values(self->future) == 1 ? "" : "s");
    return -1;
}

/* Value i: 0 and *value; -1: it is an error, now raised. */
static int read_value(struct py_future *self, uint64_t i, PyObject **value) {
    struct chariot_msg *msg = chariot_future_message(self->future, i);
    *value = py_message_value(self->st, msg);
    if (*value == NULL) return -1;
    if (msg == NULL || !chariot_msg_is_error(msg) || !PyExceptionInstance_Check(*value)) return 0;
    py_error_raise(*value);
    Py_CLEAR(*value);
    return -1;
}

PyObject *py_future_result(PyObject *future) {
    struct py_future *self = as_future(future);
    if (py_state_running(self->st) == NULL) return NULL;
    uint64_t count = chariot_future_num_values(self->future);
    PyObject *value;
    if (count == 1) return read_value(self, 0, &value) == 0 ? value : NULL;
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list != NULL && i < count; i++) {
        int rc = read_value(self, i, &value);
        if (rc == 0) rc = PyList_Append(list, value);
        Py_XDECREF(value);
        if (rc != 0) Py_CLEAR(list);
    }
    return list;
}

int py_future_await(PyObject *future, int64_t timeout_ns) {
    struct py_future *self = as_future(future);
    if (py_state_running(self->st) == NULL) return -1;
    if (chariot_future_ready(self->future)) return 0;
    return py_task_wait(self->st, future, timeout_ns);
}

PyObject *py_future_get(PyObject *future) {
    return py_future_await(future, -1) == 0 ? py_future_result(future) : NULL;
}

/* ---------------------------------------------------------------- methods */

PyDoc_STRVAR(get_doc, "get($self, /, timeout=None)\n--\n\n"
                      "The value; of a future of several values the list of them, in order of arrival. Suspends the\n"
                      "coroutine until it has come, for at most timeout seconds (then TimeoutError). Raises the\n"
                      "exception where one was sent, or where the remote method that it belongs to raised one.");

static PyObject *future_get(PyObject *self, PyObject *const *args, Py_ssize_t num, PyObject *kwnames) {
    PyObject *timeout = NULL;
    if (kwnames != NULL && PyTuple_GET_SIZE(kwnames) == 1 && num == 0 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "timeout") == 0) {
        timeout = args[0];
    } else if (kwnames != NULL || num > 1) {
        return PyErr_Format(PyExc_TypeError, "get() takes one argument at most: timeout");
    } else if (num == 1) {
        timeout = args[0];
    }
    int64_t timeout_ns;
    if (py_timeout_read(timeout, "Future.get(): timeout", &timeout_ns) != 0) return NULL;
    return py_future_await(self, timeout_ns) == 0 ? py_future_result(self) : NULL;
}

PyDoc_STRVAR(send_doc,
             "send($self, /, value=None)\n--\n\n"
             "Sends a value to the future, from any PE. An exception is raised where the value is asked for.");

static PyObject *future_send(PyObject *self, PyObject *const *args, Py_ssize_t num) {
    if (num > 1) return PyErr_Format(PyExc_TypeError, "send() takes one value at most, not %zd", num);
    if (py_future_send(self, num == 0 ? Py_None : args[0]) != 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *future_send_keyword(PyObject *self, PyObject *const *args, Py_ssize_t num, PyObject *kwnames) {
    if (kwnames != NULL && PyTuple_GET_SIZE(kwnames) > 0) {
        if (num > 0 || PyTuple_GET_SIZE(kwnames) > 1 ||
            PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "value") != 0) {
            return PyErr_Format(PyExc_TypeError, "send() takes one argument at most: value");
        }
        num = 1;
    }
    return future_send(self, args, num);
}

static PyObject *future_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    PyObject *value = Py_None;
    static char *names[] = {"value", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Future", names, &value)) return NULL;
    if (py_future_send(self, value) != 0) return NULL;
    Py_RETURN_NONE;
}

/* Who waits, wherever, is woken with an exception of the class made for it. */
static PyObject *future_cancel(PyObject *self, PyObject *ignored) {
    struct py_state *st = as_future(self)->st;
    if (py_state_running(st) == NULL) return NULL;
    PyObject *exc = PyObject_CallFunction(st->cancelled_error, "s", "the future was cancelled");
    struct chariot_msg *msg = exc == NULL ? NULL : py_message_put_error(st, exc, NULL);
    Py_XDECREF(exc);
    if (msg == NULL) return NULL;
    chariot_future_cancel_take(st->pe, as_future(self)->future, msg);
    Py_RETURN_NONE;
}

static PyObject *future_ready(PyObject *self, PyObject *ignored) {
    if (py_state_running(as_future(self)->st) == NULL) return NULL;
    return PyBool_FromLong(chariot_future_ready(as_future(self)->future));
}

static PyObject *future_reduce(PyObject *self, PyObject *ignored) {
    struct py_state *st = as_future(self)->st;
    if (py_state_running(st) == NULL || take_along(as_future(self)) != 0) return NULL;
    PyObject *load = PyObject_GetAttrString(st->module, "_future_load");
    return load == NULL ? NULL : Py_BuildValue("N(K)", load, (unsigned long long)py_future_id(self));
}

PyObject *py_future_load(PyObject *module, PyObject *id) {
    unsigned long long number = PyLong_AsUnsignedLongLong(id);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    return py_future_from_id(py_state_of_module(module), number);
}

static PyObject *future_compare(PyObject *self, PyObject *other, int op) {
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(other, Py_TYPE(self))) Py_RETURN_NOTIMPLEMENTED;
    bool same = as_future(self)->future == as_future(other)->future;
    return PyBool_FromLong(same == (op == Py_EQ));
}

static Py_hash_t future_hash(PyObject *self) {
    return as_future(self)->hash;
}

static PyObject *future_repr(PyObject *self) {
    struct py_future *future = as_future(self);
    if (future->st->pe == NULL) return PyUnicode_FromString("<Future of a job that has ended>");
    bool ready = future->own && chariot_future_ready(future->future); /* asking another PE is no job of repr() */
    return PyUnicode_FromFormat("<Future at %p%s>", future->future, ready ? ", ready" : "");
}

/* ---------------------------------------------------------------- await */

static PyObject *future_await_iter(PyObject *self) {
    return py_awaitable_iter(as_future(self)->st, self);
}

static bool is_ready(PyObject *self) {
    return chariot_future_ready(as_future(self)->future);
}

static int add_waiter(PyObject *self, struct chariot_waiter *waiter) {
    int rc = chariot_future_wait(as_future(self)->future, waiter);
    return rc == 0 ? 0 : py_raise_code(as_future(self)->st, rc, "waiting for a future");
}

static void forget_waiter(PyObject *self, struct chariot_waiter *waiter) {
    chariot_waiter_forget(waiter);
}

static enum py_wait_kind reason(PyObject *self, PyObject **about) {
    struct py_future *future = as_future(self);
    *about = future->kind == PY_WAIT_FUTURE ? self : future->about;
    Py_XINCREF(*about);
    return future->kind;
}

static const struct py_awaitable_ops awaitable_ops = {.member = true,
                                                      .ready = is_ready,
                                                      .wait = add_waiter,
                                                      .forget = forget_waiter,
                                                      .result = py_future_result,
                                                      .reason = reason};

/* ---------------------------------------------------------------- type */

static PyMethodDef future_methods[] = {
    {"get", (PyCFunction)(void (*)(void))future_get, METH_FASTCALL | METH_KEYWORDS, get_doc},
    {"send", (PyCFunction)(void (*)(void))future_send_keyword, METH_FASTCALL | METH_KEYWORDS, send_doc},
    {"ready", future_ready, METH_NOARGS, PyDoc_STR("ready($self, /)\n--\n\nWhether get() would return at once.")},
    {"cancel", future_cancel, METH_NOARGS,
     PyDoc_STR("cancel($self, /)\n--\n\nWakes all who wait for it, on whatever PE, with FutureCancelled, unless it "
               "is complete; values that come later are dropped.")},
    {"__reduce__", future_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef future_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct py_future, weakrefs), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

PyDoc_STRVAR(future_doc, "A value that will come, or several. May be sent anywhere, and called as a callback.");

static PyType_Slot future_slots[] = {{Py_tp_doc, (void *)future_doc},  {Py_tp_dealloc, future_dealloc},
                                     {Py_tp_methods, future_methods},  {Py_tp_members, future_members},
                                     {Py_tp_call, future_call},        {Py_tp_richcompare, future_compare},
                                     {Py_tp_hash, future_hash},        {Py_tp_repr, future_repr},
                                     {Py_am_await, future_await_iter}, {0, NULL}};
static PyType_Spec future_spec = {.name = "chariot.threads.Future",
                                  .basicsize = sizeof(struct py_future),
                                  .flags =
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                                  .slots = future_slots};

int py_future_init(struct py_state *st, PyObject *module) {
    st->future_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &future_spec, NULL);
    if (st->future_type == NULL) return -1;
    py_awaitable_register(st, st->future_type, &awaitable_ops);
    return PyModule_AddObjectRef(module, "Future", (PyObject *)st->future_type);
}
