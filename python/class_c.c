/* Classes whose methods are C's: the record that proxies need. Who describes a method for foreign programs
 * (chariot_exposure) has said the names of its parameters; of the others C itself checks the arguments. */
#include <stdlib.h>

#include "python/library.h"

/* Their names in order, where all are of a kind that has a place. NULL with an exception set, or without: they are not.
 */
static PyObject *names_of(const struct chariot_signature *signature, uint32_t *num_positional_only) {
    PyObject *names = PyTuple_New((Py_ssize_t)signature->num_parameters);
    for (uint32_t i = 0; names != NULL && i < signature->num_parameters; i++) {
        const struct chariot_parameter *parameter = &signature->parameters[i];
        PyObject *name = NULL;
        bool placed = parameter->kind == CHARIOT_ORDINARY || parameter->kind == CHARIOT_POSITION_ONLY;
        if (placed) name = PyUnicode_InternFromString(parameter->name);
        if (parameter->kind == CHARIOT_POSITION_ONLY) *num_positional_only = i + 1;
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
    }
    return names;
}

/* None for each one that may be left out: C is given it where one behind it was given. */
static PyObject *defaults_of(uint32_t count) {
    PyObject *defaults = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; defaults != NULL && i < count; i++)
        PyTuple_SET_ITEM(defaults, (Py_ssize_t)i, Py_NewRef(Py_None));
    return defaults;
}

static int describe(struct py_method *method, const struct chariot_signature *signature) {
    if (signature == NULL || signature->parameters == NULL) return 0;
    method->params = names_of(signature, &method->num_positional_only);
    if (method->params == NULL) return PyErr_Occurred() ? -1 : 0;
    method->num_params = signature->num_parameters;
    while (method->num_required < method->num_params && !signature->parameters[method->num_required].optional)
        method->num_required++;
    method->defaults = defaults_of(method->num_params - method->num_required);
    return method->defaults == NULL ? -1 : 0;
}

static int add_method(struct py_class *cls, const struct chariot_type *ctype, uint32_t number) {
    struct py_method *method = &cls->methods[number];
    const struct chariot_exposure *exposure = ctype->exposure;
    method->cls = cls;
    method->name = PyUnicode_InternFromString(ctype->methods[number].name);
    cls->num_methods++;
    PyObject *value = method->name == NULL ? NULL : PyLong_FromUnsignedLong(number);
    int rc = value == NULL ? -1 : PyDict_SetItem(cls->by_name, method->name, value);
    Py_XDECREF(value);
    if (rc == 0 && exposure != NULL) rc = describe(method, exposure->methods[number]);
    return rc;
}

static int add_methods(struct py_class *cls, const struct chariot_type *ctype) {
    cls->methods = calloc((size_t)ctype->num_methods + 1, sizeof *cls->methods);
    cls->by_name = PyDict_New();
    if (cls->methods == NULL) PyErr_NoMemory();
    int rc = cls->methods == NULL || cls->by_name == NULL ? -1 : 0;
    for (uint32_t i = 0; rc == 0 && i < ctype->num_methods; i++) rc = add_method(cls, ctype, i);
    return rc;
}

struct py_class *py_class_new_in_c(struct py_state *st, PyTypeObject *type, const struct chariot_type *ctype) {
    struct py_class *cls = calloc(1, sizeof *cls);
    if (cls == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    cls->st = st;
    cls->type = (PyTypeObject *)Py_NewRef((PyObject *)type);
    cls->id = UINT32_MAX;
    cls->registered = ctype;
    cls->init.cls = cls;
    cls->init.name = Py_NewRef(st->names.init);
    cls->full_name = PyUnicode_FromString(ctype->name);
    cls->short_name = PyUnicode_FromString(type->tp_name);
    if (cls->full_name != NULL && cls->short_name != NULL && add_methods(cls, ctype) == 0) return cls;
    py_class_free(cls);
    return NULL;
}
