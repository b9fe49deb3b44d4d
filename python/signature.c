/* What can be known of a method before it is called: parameters, defaults, whether it is a coroutine. Read from the
 * code object: Python's inspect module costs more to import than all of this package. */
#include "python/class.h"
#include "python/condition.h"

static int has_mark(PyObject *function, PyObject *name) {
    PyObject *mark = PyObject_GetAttr(function, name);
    if (mark == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    int truth = PyObject_IsTrue(mark);
    Py_DECREF(mark);
    return truth;
}

bool py_is_partial(struct py_state *st, PyObject *callable) {
    PyObject *const types[] = {py_type_if_imported(&st->partial, "functools", "partial"),
                               py_type_if_imported(&st->partialmethod, "functools", "partialmethod")};
    for (int i = 0; i < 2; i++) {
        if (types[i] != NULL && PyObject_TypeCheck(callable, (PyTypeObject *)types[i])) return true;
    }
    return false;
}

PyObject *py_behind_partials(struct py_state *st, PyObject *callable) {
    PyObject *inner = Py_NewRef(callable);
    while (inner != NULL && py_is_partial(st, inner)) Py_SETREF(inner, PyObject_GetAttrString(inner, "func"));
    PyErr_Clear();
    return inner;
}

/* What runs when callable, which is no function, is called: behind partial objects, an object's __call__(). New
 * reference; NULL, no exception: nothing that could be a coroutine. */
static PyObject *runs_behind(struct py_state *st, PyObject *callable) {
    PyObject *inner = py_behind_partials(st, callable);
    bool is_object = inner != NULL && !PyFunction_Check(inner) && !PyMethod_Check(inner) && !PyType_Check(inner);
    if (is_object) Py_SETREF(inner, PyObject_GetAttr((PyObject *)Py_TYPE(inner), st->names.call));
    PyErr_Clear();
    return inner;
}

/* Names of the parameters from..from+count of a code object's variables. */
static PyObject *name_range(PyObject *varnames, Py_ssize_t from, Py_ssize_t count) {
    return PyTuple_GetSlice(varnames, from, from + count);
}

static int read_code(struct py_method *method, PyObject *function, uint32_t skip) {
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    uint32_t count = (uint32_t)code->co_argcount;
    if (skip > count) skip = count; /* self goes to *args, or Python will say that it has no place */
    PyObject *varnames = PyCode_GetVarnames(code);
    if (varnames == NULL) return -1;
    method->params = name_range(varnames, skip, count - skip);
    if (code->co_kwonlyargcount > 0) method->keyword_only = name_range(varnames, count, code->co_kwonlyargcount);
    Py_DECREF(varnames);
    if (method->params == NULL || (code->co_kwonlyargcount > 0 && method->keyword_only == NULL)) return -1;
    method->num_params = count - skip;
    uint32_t only = (uint32_t)code->co_posonlyargcount;
    method->num_positional_only = only > skip ? only - skip : 0;
    method->var_args = (code->co_flags & CO_VARARGS) != 0;
    method->var_keywords = (code->co_flags & CO_VARKEYWORDS) != 0;
    if (code->co_flags & CO_COROUTINE) method->kind = PY_ASYNC;
    return 0;
}

static int read_defaults(struct py_method *method, PyObject *function) {
    PyObject *defaults = PyFunction_GET_DEFAULTS(function);
    uint32_t count = defaults == NULL || defaults == Py_None ? 0 : (uint32_t)PyTuple_GET_SIZE(defaults);
    if (count > method->num_params) { /* self itself has one */
        defaults = PyTuple_GetSlice(defaults, count - method->num_params, count);
        if (defaults == NULL) return -1;
        method->defaults = defaults;
        count = method->num_params;
    } else if (count > 0) {
        Py_INCREF(defaults);
        method->defaults = defaults;
    }
    method->num_required = method->num_params - count;
    PyObject *by_name = PyFunction_GET_KW_DEFAULTS(function);
    if (by_name != NULL && by_name != Py_None) {
        Py_INCREF(by_name);
        method->keyword_defaults = by_name;
    }
    return 0;
}

static bool is_async(PyObject *callable) {
    PyObject *function = PyMethod_Check(callable) ? PyMethod_GET_FUNCTION(callable) : callable;
    if (!PyFunction_Check(function)) return false;
    return (((PyCodeObject *)PyFunction_GET_CODE(function))->co_flags & CO_COROUTINE) != 0;
}

/* The kind alone: a partial object's parameters are not known. */
static int read_kind_behind(struct py_state *st, struct py_method *method, PyObject *callable) {
    PyObject *inner = runs_behind(st, callable);
    int marked = inner == NULL ? 0 : has_mark(inner, st->names.coro);
    if (marked > 0) method->kind = PY_CORO;
    if (inner != NULL && is_async(inner)) method->kind = PY_ASYNC;
    Py_XDECREF(inner);
    return marked < 0 ? -1 : 0;
}

int py_method_inspect(struct py_state *st, struct py_method *method, PyObject *function, uint32_t skip) {
    int marked = has_mark(function, st->names.coro), at_root = has_mark(function, st->names.at_root);
    if (marked < 0 || at_root < 0) return -1;
    method->at_root = at_root > 0;
    if (PyMethod_Check(function)) {
        function = PyMethod_GET_FUNCTION(function);
        skip++;
    }
    if (PyFunction_Check(function)) {
        if (read_code(method, function, skip) != 0 || read_defaults(method, function) != 0) return -1;
    } else if (read_kind_behind(st, method, function) != 0) {
        return -1;
    }
    if (marked && method->kind == PY_PLAIN) method->kind = PY_CORO;
    return 0;
}

void py_method_clear(struct py_method *method) {
    Py_CLEAR(method->name);
    Py_CLEAR(method->function);
    Py_CLEAR(method->params);
    Py_CLEAR(method->keyword_only);
    Py_CLEAR(method->defaults);
    Py_CLEAR(method->keyword_defaults);
    Py_CLEAR(method->when);
}
