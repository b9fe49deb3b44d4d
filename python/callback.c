/* Callables that the scheduler calls and that are no methods of a chare, such as timers'. */
#include <stdlib.h>

#include "python/errors.h"
#include "python/task.h"

static void call_plainly(struct py_state *st, const struct py_method *method, PyObject *callable, PyObject *args) {
    char label[256];
    st->running = NULL;
    PyObject *value = PyObject_Call(callable, args, NULL);
    if (value == NULL) py_error_end_job(st, py_method_label(method, label, sizeof label));
    Py_XDECREF(value);
}

void py_task_call(struct py_state *st, PyObject *callable, PyObject *args) {
    struct py_method seen = {0};
    struct chariot_msg *result;
    int rc = py_method_inspect(st, &seen, callable, 0);
    const struct py_method *method = &st->callbacks[seen.kind];
    py_method_clear(&seen);
    if (rc != 0) PyErr_Clear();
    if (method->kind == PY_PLAIN)
        call_plainly(st, method, callable, args);
    else
        py_task_start(st, PY_TASK_FREE, method, callable, NULL, args, NULL, NULL, &result);
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
