#include <stdlib.h>

#include "python/charm.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/number.h"
#include "python/task.h"

/* A callable to be called later. Owned by the timer. */
struct appointment {
    struct py_state *st;
    PyObject *callable, *args;
};

static void appointment_free(struct appointment *due) {
    Py_XDECREF(due->callable);
    Py_XDECREF(due->args);
    free(due);
}

static void on_due(struct chariot_pe *pe, void *ctx) {
    struct appointment *due = ctx;
    py_task_call(due->st, due->callable, due->args);
    appointment_free(due);
}

/* args (tuple) is taken, callable borrowed. -1 with an exception set. */
static int call_after_take(struct py_state *st, PyObject *callable, PyObject *args, int64_t delay_ns) {
    struct appointment *due = calloc(1, sizeof *due);
    if (due == NULL) {
        Py_DECREF(args);
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(callable);
    *due = (struct appointment){.st = st, .callable = callable, .args = args};
    int rc = chariot_after(st->pe, delay_ns, on_due, due);
    if (rc == 0) return 0;
    appointment_free(due);
    return py_raise_code(st, rc, "setting a timer");
}

const char py_charm_after_doc[] =
    "scheduleCallableAfter($self, /, callable_obj, secs, args=[])\n--\n\n"
    "Calls it on this PE when so many seconds have passed: any callable, a method of a proxy, a Future.";

PyObject *py_charm_after(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"callable_obj", "secs", "args", NULL};
    PyObject *callable, *seconds, *with = NULL;
    int64_t delay_ns;
    struct py_state *st = py_state_of(self);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:scheduleCallableAfter", names, &callable, &seconds, &with)) {
        return NULL;
    }
    if (py_state_running(st) == NULL) return NULL;
    if (py_seconds_read(seconds, "charm.scheduleCallableAfter(): secs", &delay_ns) != 0) return NULL;
    if (!PyCallable_Check(callable)) {
        return PyErr_Format(PyExc_TypeError, "charm.scheduleCallableAfter(): callable_obj must be callable, not %s",
                            Py_TYPE(callable)->tp_name);
    }
    PyObject *tuple = with == NULL ? PyTuple_New(0) : PySequence_Tuple(with);
    if (tuple == NULL) py_type_blame(with, "charm.scheduleCallableAfter(): args", "a list of arguments");
    if (tuple == NULL || call_after_take(st, callable, tuple, delay_ns) != 0) return NULL;
    Py_RETURN_NONE;
}

/* A future that completes then. */
static PyObject *future_after(struct py_state *st, int64_t delay_ns) {
    PyObject *future = py_future_new_for(st, PY_WAIT_SLEEP, NULL);
    if (future == NULL) return NULL;
    PyObject *none = PyTuple_New(0);
    if (none != NULL && call_after_take(st, future, none, delay_ns) == 0) return future;
    Py_DECREF(future);
    return NULL;
}

static PyObject *block(PyObject *seconds) {
    PyObject *module = PyImport_ImportModule("time");
    PyObject *done = module == NULL ? NULL : PyObject_CallMethod(module, "sleep", "O", seconds);
    Py_XDECREF(module);
    return done;
}

PyObject *py_charm_sleep(PyObject *self, PyObject *seconds) {
    struct py_state *st = py_state_of(self);
    int64_t delay_ns;
    if (py_seconds_read(seconds, "charm.sleep(): secs", &delay_ns) != 0) return NULL;
    bool suspends = st->phase == PY_RUNNING && !py_state_is_foreign(st) && st->current != NULL;
    if (!suspends) return block(seconds);
    PyObject *future = future_after(st, delay_ns);
    if (future == NULL || py_task_awaits(st)) return future; /* an async def awaits it */
    PyObject *done = py_future_get(future);
    Py_DECREF(future);
    return done;
}
