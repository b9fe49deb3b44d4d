#include "python/bridge.h"

#include <stdlib.h>

#include "python/errors.h"
#include "python/task.h"

/* ---------------------------------------------------------------- watching */

/* Calls callback from the scheduler when object is ready, unless it is dropped before. Whoever keeps it (_asyncio.py)
 * is kept by its callback: the collector of garbage must see through it. */
struct py_watch {
    PyObject_HEAD struct py_state *st;
    PyObject *object, *callback; /* owned; object NULL: it has been; callback NULL: nobody is to be called */
    struct chariot_waiter waiter;
    struct py_watch *next; /* among those that other threads have dropped */
};

static struct py_watch *as_watch(PyObject *object) {
    return (struct py_watch *)(void *)object;
}

static void on_watched(struct chariot_pe *pe, void *ctx) {
    struct py_watch *watch = ctx;
    struct py_state *st = watch->st;
    PyObject *object = watch->object, *callback = watch->callback;
    const struct py_awaitable_ops *ops = py_awaitable_ops_of(st, object);
    watch->object = watch->callback = NULL;     /* which may hold the watch, and let it go */
    if (ops->lapse != NULL) ops->lapse(object); /* the task goes on when its loop comes to it */
    PyObject *done = callback == NULL ? Py_NewRef(Py_None) : PyObject_CallNoArgs(callback);
    if (done == NULL) py_error_end_job(st, "asyncio");
    Py_XDECREF(done);
    Py_XDECREF(callback);
    Py_DECREF(object);
}

static int watch_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(as_watch(self)->object);
    Py_VISIT(as_watch(self)->callback);
    return 0;
}

/* On any thread. The object stays, since the waiter is in its list. */
static int watch_clear(PyObject *self) {
    Py_CLEAR(as_watch(self)->callback);
    return 0;
}

static void watch_free(struct py_watch *watch) {
    PyTypeObject *type = Py_TYPE(watch);
    if (watch->object != NULL && watch->st->pe != NULL)
        py_awaitable_ops_of(watch->st, watch->object)->forget(watch->object, &watch->waiter);
    Py_XDECREF(watch->object);
    PyObject_GC_Del(watch);
    Py_DECREF(type);
}

static void let_strays_go(struct py_state *st) {
    while (st->stray_watches != NULL) {
        struct py_watch *stray = st->stray_watches;
        st->stray_watches = stray->next;
        watch_free(stray);
    }
}

/* A thread of the program's own may drop it, when it collects garbage: the PE's thread forgets it, with its next watch.
 */
static void watch_dealloc(PyObject *self) {
    struct py_watch *watch = as_watch(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(watch->callback);
    if (!py_state_is_foreign(watch->st)) {
        watch_free(watch);
        return;
    }
    watch->next = watch->st->stray_watches;
    watch->st->stray_watches = watch;
}

PyObject *py_bridge_watch(PyObject *module, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = py_state_of_module(module);
    const struct py_awaitable_ops *ops = num == 2 ? py_awaitable_ops_of(st, args[0]) : NULL;
    if (ops == NULL) return PyErr_Format(PyExc_TypeError, "_watch() takes an awaitable and a callback");
    if (py_state_running(st) == NULL) return NULL;
    let_strays_go(st);
    struct py_watch *watch = PyObject_GC_New(struct py_watch, st->watch_type);
    if (watch == NULL) return NULL;
    watch->st = st;
    watch->object = watch->callback = NULL;
    watch->waiter = (struct chariot_waiter){.fn = on_watched, .ctx = watch};
    if (ops->wait(args[0], &watch->waiter) != 0) {
        Py_DECREF(watch);
        return NULL;
    }
    watch->object = Py_NewRef(args[0]);
    watch->callback = Py_NewRef(args[1]);
    PyObject_GC_Track(watch);
    return (PyObject *)watch;
}

static PyType_Slot watch_slots[] = {
    {Py_tp_dealloc, watch_dealloc}, {Py_tp_traverse, watch_traverse}, {Py_tp_clear, watch_clear}, {0, NULL}};
static PyType_Spec watch_spec = {.name = "chariot._core._Watch",
                                 .basicsize = sizeof(struct py_watch),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
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

PyObject *py_bridge_set(PyObject *module, PyObject *bridge) {
    Py_XSETREF(py_state_of_module(module)->bridge, Py_NewRef(bridge));
    Py_RETURN_NONE;
}

PyObject *py_bridge_iter(struct py_state *st, PyObject *awaitable) {
    if (st->bridge == NULL && PyDict_GetItemString(PyImport_GetModuleDict(), "asyncio") != NULL) {
        PyObject *module = PyImport_ImportModule("chariot._asyncio"); /* the program has its own way to import */
        if (module == NULL) return NULL;
        Py_DECREF(module);
    }
    if (st->bridge == NULL) Py_RETURN_NONE;
    return PyObject_CallMethod(st->bridge, "bridge", "(O)", awaitable);
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
