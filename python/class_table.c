/* The registered classes: by number, by Python class, by the runtime's type number. And the runtime as a class. */
#include <stdlib.h>

#include "python/class.h"

/* ---------------------------------------------------------------- registration */

static int refuse(struct py_state *st, PyObject *type) {
    if (!PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "%R is not a class", type);
        return -1;
    }
    PyTypeObject *cls = (PyTypeObject *)type;
    if (PyType_IsSubtype(cls, st->group_type) || PyType_IsSubtype(cls, st->array_type)) {
        PyErr_Format(st->error,
                     "%s derives from Group or Array: derive from Chare, and create groups and arrays with "
                     "Group(%s) and Array(%s, dims): refer to the new API",
                     cls->tp_name, cls->tp_name, cls->tp_name);
        return -1;
    }
    if (PyType_IsSubtype(cls, st->chare_type) && cls != st->chare_type) return 0;
    PyErr_Format(st->error, "%s is not a chare: its class must derive from Chare", cls->tp_name);
    return -1;
}

static int append(struct py_state *st, struct py_class *cls) {
    struct py_class **classes = realloc(st->classes, (st->num_classes + 1) * sizeof(struct py_class *));
    if (classes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    st->classes = classes;
    PyObject *number = PyLong_FromUnsignedLong(st->num_classes);
    int rc = number == NULL ? -1 : PyDict_SetItem(st->class_of, (PyObject *)cls->type, number);
    Py_XDECREF(number);
    if (rc == 0) classes[st->num_classes++] = cls;
    return rc;
}

int py_class_register(struct py_state *st, PyObject *type) {
    if (refuse(st, type) != 0) return -1;
    int known = PyDict_Contains(st->class_of, type);
    if (known != 0) return known < 0 ? -1 : 0;
    if (st->phase >= PY_RUNNING) {
        PyErr_Format(st->error, "%s cannot be registered any more: the job runs", ((PyTypeObject *)type)->tp_name);
        return -1;
    }
    struct py_class *cls = py_class_new(st, (PyTypeObject *)type);
    if (cls == NULL) return -1;
    if (append(st, cls) == 0) return 0;
    py_class_free(cls);
    return -1;
}

/* ---------------------------------------------------------------- lookup */

struct py_class *py_class_of(struct py_state *st, PyObject *type) {
    PyObject *number = PyDict_GetItemWithError(st->class_of, type);
    if (number != NULL) return st->classes[PyLong_AsUnsignedLong(number)];
    if (PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) PyErr_Format(PyExc_TypeError, "%R is not a chare class", type);
        return NULL;
    }
    if (refuse(st, type) != 0) return NULL;
    PyErr_Format(st->error,
                 "%s is not registered: it must be in the main program's namespace, in one of charm.start()'s modules, "
                 "or among its classes",
                 ((PyTypeObject *)type)->tp_name);
    return NULL;
}

struct py_class *py_class_by_id(struct py_state *st, uint32_t id) {
    if (st->pe == NULL) return NULL;
    const struct chariot_type *type = chariot_type_of(st->pe, id);
    if (type == NULL) return NULL;
    if (type->ctx == NULL) return py_class_runtime(st);
    struct py_class *cls = type->ctx;
    return &cls->ctype == type ? cls : NULL;
}

/* ---------------------------------------------------------------- the runtime */

/* exit(exit_code=0) */
static int describe_exit(struct py_method *method, struct py_class *cls) {
    method->cls = cls;
    method->name = PyUnicode_InternFromString("exit");
    method->params = Py_BuildValue("(s)", "exit_code");
    method->defaults = Py_BuildValue("(i)", 0);
    method->num_params = 1;
    return method->name == NULL || method->params == NULL || method->defaults == NULL ? -1 : 0;
}

/* myPe() */
static int describe_my_pe(struct py_method *method, struct py_class *cls) {
    method->cls = cls;
    method->name = PyUnicode_InternFromString("myPe");
    method->params = PyTuple_New(0);
    return method->name == NULL || method->params == NULL ? -1 : 0;
}

enum { NUM_RUNTIME_METHODS = CHARIOT_RUNTIME_MY_PE + 1 };

struct py_class *py_class_runtime(struct py_state *st) {
    if (st->runtime_class != NULL) return st->runtime_class;
    struct py_class *cls = calloc(1, sizeof *cls);
    if (cls == NULL || (cls->methods = calloc(NUM_RUNTIME_METHODS, sizeof *cls->methods)) == NULL) {
        free(cls);
        PyErr_NoMemory();
        return NULL;
    }
    cls->st = st;
    cls->num_methods = NUM_RUNTIME_METHODS;
    cls->full_name = PyUnicode_FromString("chariot.Runtime");
    cls->short_name = PyUnicode_FromString("charm");
    cls->by_name = Py_BuildValue("{s:i,s:i}", "exit", CHARIOT_RUNTIME_EXIT, "myPe", CHARIOT_RUNTIME_MY_PE);
    if (cls->full_name == NULL || cls->short_name == NULL || cls->by_name == NULL ||
        describe_exit(&cls->methods[CHARIOT_RUNTIME_EXIT], cls) != 0 ||
        describe_my_pe(&cls->methods[CHARIOT_RUNTIME_MY_PE], cls) != 0) {
        py_class_free(cls);
        return NULL;
    }
    st->runtime_class = cls;
    return cls;
}
