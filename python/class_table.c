/* The registered classes: by number, by Python class, by the runtime's type number; registered before the job runs, or
 * while it does. And the runtime as a class. */
#include <stdlib.h>

#include "python/class.h"

/* ---------------------------------------------------------------- registration */

/* A class in C has no Python methods to inherit, and its objects no room for attributes. */
static int refuse_bases(struct py_state *st, PyTypeObject *type) {
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyObject *base = PyTuple_GET_ITEM(type->tp_mro, i);
        PyObject *number = PyDict_GetItemWithError(st->class_of, base);
        if (number == NULL && PyErr_Occurred()) return -1;
        if (number == NULL || !py_class_is_c(st->classes[PyLong_AsUnsignedLong(number)])) continue;
        PyErr_Format(st->error, "%s derives from %s, which is written in C: hold a proxy of one instead", type->tp_name,
                     ((PyTypeObject *)base)->tp_name);
        return -1;
    }
    return 0;
}

int py_class_refuse(struct py_state *st, PyObject *type) {
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
    if (PyType_IsSubtype(cls, st->chare_type) && cls != st->chare_type && cls != st->map_type)
        return refuse_bases(st, cls);
    if (cls == st->map_type) {
        PyErr_SetString(st->error, "ArrayMap is a base class: derive from it, and define procNum(self, index)");
        return -1;
    }
    PyErr_Format(st->error, "%s is not a chare: its class must derive from Chare", cls->tp_name);
    return -1;
}

int py_class_keep_take(struct py_state *st, struct py_class *cls) {
    struct py_class **classes = realloc(st->classes, (st->num_classes + 1) * sizeof(struct py_class *));
    if (classes == NULL) {
        py_class_free(cls);
        PyErr_NoMemory();
        return -1;
    }
    st->classes = classes;
    classes[st->num_classes++] = cls;
    return 0;
}

/* What py_class_of() finds it by. */
static int publish(struct py_state *st, PyObject *type, uint32_t place) {
    PyObject *number = PyLong_FromUnsignedLong(place);
    int rc = number == NULL ? -1 : PyDict_SetItem(st->class_of, type, number);
    Py_XDECREF(number);
    return rc;
}

int py_class_register(struct py_state *st, PyObject *type) {
    if (py_class_refuse(st, type) != 0) return -1;
    int known = PyDict_Contains(st->class_of, type);
    if (known != 0) return known < 0 ? -1 : 0;
    if (st->phase >= PY_RUNNING) {
        PyErr_Format(st->error,
                     "%s cannot be registered in this way any more, since the job runs: call "
                     "charm.thisProxy.registerNewChareTypes([%s], awaitable=True).get() in a coroutine",
                     ((PyTypeObject *)type)->tp_name, ((PyTypeObject *)type)->tp_name);
        return -1;
    }
    struct py_class *cls = py_class_new(st, (PyTypeObject *)type);
    return cls == NULL || py_class_keep_take(st, cls) != 0 ? -1 : publish(st, type, st->num_classes - 1);
}

/* ---------------------------------------------------------------- while the job runs */

int py_class_check(struct py_state *st, PyObject *type) {
    if (py_class_refuse(st, type) != 0) return -1;
    struct py_class *cls = py_class_new(st, (PyTypeObject *)type);
    py_class_free(cls);
    return cls == NULL ? -1 : 0;
}

/* A class may be defined again under its name, as at a prompt: the runtime tells the types apart by a count. */
static int add_type(struct py_state *st, struct py_class *cls) {
    int rc = chariot_type_register(st->pe, cls->registered, &cls->id);
    for (unsigned long again = 2; rc == CHARIOT_EEXIST && !py_class_is_c(cls); again++) {
        Py_XSETREF(cls->type_name, PyUnicode_FromFormat("%U (%lu)", cls->full_name, again));
        cls->ctype.name = cls->type_name == NULL ? NULL : PyUnicode_AsUTF8(cls->type_name);
        if (cls->ctype.name == NULL) return -1;
        rc = chariot_type_register(st->pe, &cls->ctype, &cls->id);
    }
    return rc == 0 ? 0 : py_raise_code(st, rc, "registering a chare class");
}

int py_class_join_take(struct py_state *st, struct py_class *cls) {
    if (st->phase >= PY_RUNNING && add_type(st, cls) != 0) {
        py_class_free(cls);
        return -1;
    }
    return py_class_keep_take(st, cls);
}

int py_class_number(struct py_state *st, PyObject *type) {
    int known = PyDict_Contains(st->class_of, type);
    if (known != 0) return known < 0 ? -1 : 0; /* on all PEs, since the steps come to all in one order */
    struct py_class *cls = py_class_new(st, (PyTypeObject *)type);
    return cls == NULL ? -1 : py_class_join_take(st, cls);
}

int py_class_open(struct py_state *st, PyObject *type) {
    uint32_t last = st->num_classes;
    while (last > 0 && (PyObject *)st->classes[last - 1]->type != type) last--;
    if (last > 0) return publish(st, type, last - 1);
    PyErr_Format(st->error, "%R has no number yet", type);
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
    if (py_class_refuse(st, type) != 0) return NULL;
    PyErr_Format(st->error,
                 "%s is not registered: it must be in the main program's namespace, in one of charm.start()'s modules, "
                 "or among its classes; while the job runs: charm.thisProxy.registerNewChareTypes([%s])",
                 ((PyTypeObject *)type)->tp_name, ((PyTypeObject *)type)->tp_name);
    return NULL;
}

struct py_class *py_class_by_id(struct py_state *st, uint32_t id) {
    if (st->pe == NULL) return NULL;
    const struct chariot_type *type = chariot_type_of(st->pe, id);
    if (type == NULL || type->reads_objects) return type == NULL ? NULL : type->ctx; /* ours alone do */
    for (uint32_t i = 0; i < st->num_classes; i++) {
        if (st->classes[i]->registered == type) return st->classes[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- the runtime */

static struct py_class *make_runtime(struct py_state *st) {
    PyObject *module = PyImport_ImportModule("chariot._runtime");
    PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "Runtime");
    Py_XDECREF(module);
    if (type == NULL) return NULL;
    struct py_class *cls = py_class_new(st, (PyTypeObject *)type);
    Py_DECREF(type);
    if (cls == NULL) return NULL;
    Py_SETREF(cls->short_name, PyUnicode_FromString("charm")); /* as programs know it */
    if (cls->short_name != NULL) return cls;
    py_class_free(cls);
    return NULL;
}

struct py_class *py_class_runtime(struct py_state *st) {
    if (st->runtime_class == NULL) st->runtime_class = make_runtime(st);
    return st->runtime_class;
}
