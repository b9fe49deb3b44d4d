#include "python/bridge.h"

#include <stdlib.h>

#include "python/errors.h"
#include "python/task.h"

/* ---------------------------------------------------------------- watching */

/* Calls callback from the scheduler when object is ready, unless it is dropped before. */
struct watch {
    PyObject_HEAD struct py_state *st;
    PyObject *object, *callback; /* owned; object NULL: it has been */
    struct chariot_waiter waiter;
};

static void on_watched(struct chariot_pe *pe, void *ctx) {
    struct watch *watch = ctx;
    struct py_state *st = watch->st;
    PyObject *object = watch->object, *callback = watch->callback;
    watch->object = watch->callback = NULL; /* which may hold the watch, and let it go */
    PyObject *done = PyObject_CallNoArgs(callback);
    if (done == NULL) py_error_end_job(st, "asyncio");
    Py_XDECREF(done);
    Py_DECREF(callback);
    Py_DECREF(object);
}

static void watch_dealloc(PyObject *self) {
    struct watch *watch = (struct watch *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (watch->object != NULL && watch->st->pe != NULL)
        py_awaitable_ops_of(watch->st, watch->object)->forget(watch->object, &watch->waiter);
    Py_XDECREF(watch->object);
    Py_XDECREF(watch->callback);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *py_bridge_watch(PyObject *module, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = py_state_of_module(module);
    const struct py_awaitable_ops *ops = num == 2 ? py_awaitable_ops_of(st, args[0]) : NULL;
    if (ops == NULL) return PyErr_Format(PyExc_TypeError, "_watch() takes an awaitable and a callback");
    if (py_state_running(st) == NULL) return NULL;
    struct watch *watch = PyObject_New(struct watch, st->watch_type);
    if (watch == NULL) return NULL;
    watch->st = st;
    watch->object = watch->callback = NULL;
    watch->waiter = (struct chariot_waiter){.fn = on_watched, .ctx = watch};
    if (ops->wait(args[0], &watch->waiter) != 0) {
        Py_DECREF(watch);
        return NULL;
    }
    Py_INCREF(args[0]);
    watch->object = args[0];
    Py_INCREF(args[1]);
    watch->callback = args[1];
    return (PyObject *)watch;
}

static PyType_Slot watch_slots[] = {{Py_tp_dealloc, watch_dealloc}, {0, NULL}};
static PyType_Spec watch_spec = {.name = "chariot._core._Watch",
                                 .basicsize = sizeof(struct watch),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = watch_slots};

int py_bridge_init(struct py_state *st, PyObject *module) {
    st->watch_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &watch_spec, NULL);
    return st->watch_type == NULL ? -1 : 0;
}

/* ---------------------------------------------------------------- from other threads */

/* A callable that the scheduler is to call. Owned by the message. */
struct posted {
    struct py_state *st;
    PyObject *callable;
};

static void on_posted(struct chariot_pe *pe, void *ctx) {
    struct posted *posted = ctx;
    PyObject *done = PyObject_CallNoArgs(posted->callable);
    if (done == NULL) py_error_end_job(posted->st, "a callback of another thread");
    Py_XDECREF(done);
    Py_DECREF(posted->callable);
    free(posted);
}

/* Any thread, with the GIL. A job that has ended hears nothing. */
PyObject *py_bridge_post(PyObject *module, PyObject *callable) {
    struct py_state *st = py_state_of_module(module);
    if (st->phase != PY_RUNNING) Py_RETURN_NONE;
    struct posted *posted = malloc(sizeof *posted);
    if (posted == NULL) return PyErr_NoMemory();
    Py_INCREF(callable);
    *posted = (struct posted){.st = st, .callable = callable};
    if (chariot_post_from_thread(st->pe, on_posted, posted) == 0) Py_RETURN_NONE;
    Py_DECREF(callable);
    free(posted);
    return PyErr_NoMemory();
}

/* ---------------------------------------------------------------- what _asyncio.py asks */

PyObject *py_bridge_can_wait(PyObject *module, PyObject *ignored) {
    struct py_state *st = py_state_of_module(module);
    bool running = st->phase == PY_RUNNING && py_state_running(st) != NULL;
    PyErr_Clear(); /* another thread */
    return PyBool_FromLong(running && st->current != NULL && st->current->worker != NULL);
}

/* Something outside the job may wake a coroutine of this PE, or no longer. */
PyObject *py_bridge_outside(PyObject *module, PyObject *add) {
    struct py_state *st = py_state_of_module(module);
    if (py_state_running(st) == NULL) return NULL;
    if (add == Py_True)
        chariot_outside_add(st->pe);
    else
        chariot_outside_remove(st->pe);
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- calling it */

static bool asyncio_is_imported(void) {
    return PyDict_GetItemString(PyImport_GetModuleDict(), "asyncio") != NULL;
}

/* chariot._asyncio, imported now. NULL with an exception set. */
static PyObject *bridge_of(struct py_state *st) {
    if (st->bridge == NULL) st->bridge = PyImport_ImportModule("chariot._asyncio");
    return st->bridge;
}

int py_bridge_start(struct py_state *st) {
    return !asyncio_is_imported() || bridge_of(st) != NULL ? 0 : -1;
}

PyObject *py_bridge_iter(struct py_state *st, PyObject *awaitable) {
    if (!asyncio_is_imported()) Py_RETURN_NONE;
    PyObject *bridge = bridge_of(st);
    return bridge == NULL ? NULL : PyObject_CallMethod(bridge, "bridge", "(O)", awaitable);
}

bool py_bridge_has_loop(struct py_state *st) {
    PyObject *has = st->bridge == NULL ? NULL : PyObject_CallMethod(st->bridge, "has_loop", NULL);
    if (PyErr_Occurred()) PyErr_WriteUnraisable(NULL);
    Py_XDECREF(has);
    return has == Py_True;
}

PyObject *py_bridge_leave(struct py_state *st) {
    if (st->bridge == NULL) return NULL;
    PyObject *left = PyObject_CallMethod(st->bridge, "leave", NULL);
    if (left == NULL) PyErr_WriteUnraisable(NULL);
    return left;
}

void py_bridge_enter(struct py_state *st, PyObject *left) {
    if (left == NULL) return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *done = left == Py_None ? NULL : PyObject_CallMethod(st->bridge, "enter", "(O)", left);
    if (PyErr_Occurred()) PyErr_WriteUnraisable(NULL);
    Py_XDECREF(done);
    Py_DECREF(left);
    PyErr_Restore(type, value, traceback);
}
