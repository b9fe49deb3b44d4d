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
    PyObject *self = callable != NULL && PyMethod_Check(callable) ? PyMethod_GET_SELF(callable) : NULL;
    bool is_chare = self != NULL && PyObject_TypeCheck(self, st->chare_type);
    return is_chare ? (struct py_chare *)(void *)self : NULL;
}

/* The same method of the chare where it lives now. New reference; NULL without an exception: it has not moved. */
static PyObject *elsewhere(const struct py_chare *chare, PyObject *method) {
    PyObject *proxy = chare == NULL ? NULL : py_move_proxy_of(chare);
    PyObject *name = proxy == NULL ? NULL : PyObject_GetAttrString(method, "__name__");
    PyObject *bound = name == NULL ? NULL : PyObject_GetAttr(proxy, name);
    Py_XDECREF(proxy);
    Py_XDECREF(name);
    return bound;
}

/* callable, with another function behind its partial objects, which are made anew. New reference. */
static PyObject *put_behind(struct py_state *st, PyObject *callable, PyObject *function) {
    if (!py_is_partial(st, callable)) return Py_NewRef(function);
    PyObject *made = NULL, *func = PyObject_GetAttrString(callable, "func");
    PyObject *inner = func == NULL ? NULL : put_behind(st, func, function);
    PyObject *args = inner == NULL ? NULL : PyObject_GetAttrString(callable, "args");
    PyObject *keywords = args == NULL ? NULL : PyObject_GetAttrString(callable, "keywords");
    PyObject *front = keywords == NULL ? NULL : PyTuple_Pack(1, inner);
    PyObject *all = front == NULL ? NULL : PySequence_Concat(front, args);
    if (all != NULL) made = PyObject_Call((PyObject *)Py_TYPE(callable), all, keywords);
    PyObject *const parts[] = {func, inner, args, keywords, front, all};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) Py_XDECREF(parts[i]);
    return made;
}

/* What to call: callable itself or, of a chare that has moved (*chare becomes NULL then), the same where it lives. New
 * reference; NULL: exception. */
static PyObject *up_to_date(struct py_state *st, struct py_chare **chare, PyObject *method, PyObject *callable) {
    PyObject *moved = elsewhere(*chare, method);
    if (moved == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(callable);
    *chare = NULL;
    Py_SETREF(moved, put_behind(st, callable, moved));
    return moved;
}

static void call(struct py_state *st, PyObject *callable, struct py_chare *chare, PyObject *args) {
    struct py_method seen = {0};
    struct chariot_msg *result;
    if (py_method_inspect(st, &seen, callable, 0) != 0) PyErr_Clear();
    const struct py_method *method = &st->callbacks[seen.kind];
    py_method_clear(&seen);
    if (method->kind == PY_PLAIN)
        call_plainly(st, method, callable, args);
    else
        py_task_start(st, PY_TASK_FREE, method, callable, (PyObject *)chare, args, NULL, NULL, &result);
    if (chare != NULL) py_pending_settle(chare);
}

void py_task_call(struct py_state *st, PyObject *callable, PyObject *args) {
    PyObject *method = py_behind_partials(st, callable);
    struct py_chare *chare = chare_of(st, method);
    PyObject *current = up_to_date(st, &chare, method, callable);
    if (current != NULL)
        call(st, current, chare, args);
    else
        py_error_end_job(st, "a callback");
    Py_XDECREF(method);
    Py_XDECREF(current);
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
