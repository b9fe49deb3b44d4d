/* Callables that the scheduler calls and that are no methods of a chare, such as timers'. */
#include <stdlib.h>

#include "python/errors.h"
#include "python/move.h"
#include "python/pending.h"
#include "python/task.h"

static void call_plainly(struct py_state *st, const struct py_method *method, PyObject *callable, PyObject *args) {
    char label[256];
    st->running = NULL;
    PyObject *value = PyObject_Call(callable, args, NULL);
    if (value == NULL) py_error_end_job(st, py_method_label(method, label, sizeof label));
    Py_XDECREF(value);
}

/* The chare that callable is a method of, looked up there and not by a proxy; borrowed, NULL: it is something else. */
static struct py_chare *chare_of(const struct py_state *st, PyObject *callable) {
    PyObject *self = PyMethod_Check(callable) ? PyMethod_GET_SELF(callable) : NULL;
    bool is_chare = self != NULL && PyObject_TypeCheck(self, st->chare_type);
    return is_chare ? (struct py_chare *)(void *)self : NULL;
}

/* The same method of the chare where it lives now. New reference; NULL without an exception: it has not moved. */
static PyObject *elsewhere(const struct py_chare *chare, PyObject *callable) {
    PyObject *proxy = chare == NULL ? NULL : py_move_proxy_of(chare);
    PyObject *name = proxy == NULL ? NULL : PyObject_GetAttrString(callable, "__name__");
    PyObject *bound = name == NULL ? NULL : PyObject_GetAttr(proxy, name);
    Py_XDECREF(proxy);
    Py_XDECREF(name);
    return bound;
}

void py_task_call(struct py_state *st, PyObject *callable, PyObject *args) {
    struct py_chare *chare = chare_of(st, callable);
    PyObject *moved = elsewhere(chare, callable);
    struct py_method seen = {0};
    struct chariot_msg *result;
    if (moved != NULL || PyErr_Occurred()) {
        callable = moved;
        chare = NULL;
    }
    int rc = callable == NULL ? 0 : py_method_inspect(st, &seen, callable, 0);
    const struct py_method *method = &st->callbacks[seen.kind];
    py_method_clear(&seen);
    if (rc != 0) PyErr_Clear();
    if (callable == NULL)
        py_error_end_job(st, "a callback");
    else if (method->kind == PY_PLAIN)
        call_plainly(st, method, callable, args);
    else
        py_task_start(st, PY_TASK_FREE, method, callable, (PyObject *)chare, args, NULL, NULL, &result);
    if (chare != NULL) py_pending_settle(chare);
    Py_XDECREF(moved);
}

int py_task_init(struct py_state *st, PyObject *module) {
    st->callbacks = calloc(3, sizeof *st->callbacks);
    if (st->callbacks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int kind = PY_PLAIN; kind <= PY_ASYNC; kind++) {
        st->callbacks[kind].kind = (enum py_method_kind)kind;
        st->callbacks[kind].name = PyUnicode_InternFromString("callback");
        if (st->callbacks[kind].name == NULL) return -1;
    }
    return 0;
}
