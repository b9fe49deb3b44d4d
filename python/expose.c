/* Methods that programs have marked with @expose, as the runtime describes them to foreign programs (chariot_exposure);
 * and whether one takes the arguments of such a program. What a mark means is read by chariot/_describe.py. */
#include <stdio.h>
#include <stdlib.h>

#include "python/class.h"
#include "python/errors.h"
#include "python/message.h"

/* What the runtime borrows from a class's record. */
struct py_exposure {
    struct chariot_exposure exposure;
    PyObject *texts; /* list of what strings point into */
    PyObject *check; /* of _describe.py */
    size_t num_methods;
    struct chariot_signature **signatures; /* by number; NULL: not exposed */
};

/* A function of _describe.py. */
static PyObject *helper(const char *name) {
    PyObject *module = PyImport_ImportModule("chariot._describe");
    PyObject *function = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return function;
}

/* Its text for as long as the record lives; NULL with an exception set. */
static const char *keep(struct py_exposure *all, PyObject *text) {
    if (PyList_Append(all->texts, text) != 0) return NULL;
    return PyUnicode_AsUTF8(text);
}

static int read_parameter(struct py_exposure *all, PyObject *described, struct chariot_parameter *out) {
    PyObject *name, *type;
    int kind, optional;
    if (!PyArg_ParseTuple(described, "UUip", &name, &type, &kind, &optional)) return -1;
    out->name = keep(all, name);
    out->type = out->name == NULL ? NULL : keep(all, type);
    out->kind = (enum chariot_parameter_kind)kind;
    out->optional = optional != 0;
    return out->type == NULL ? -1 : 0;
}

static int read_parameters(struct py_exposure *all, PyObject *list, struct chariot_signature *signature) {
    Py_ssize_t count = PyList_GET_SIZE(list);
    struct chariot_parameter *parameters = calloc((size_t)count + 1, sizeof *parameters);
    signature->parameters = parameters;
    signature->num_parameters = (uint32_t)count;
    if (parameters == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_parameter(all, PyList_GET_ITEM(list, i), &parameters[i]) != 0) return -1;
    }
    return 0;
}

static int read_method(struct py_exposure *all, PyObject *function, struct chariot_signature *signature) {
    PyObject *describe = helper("describe"), *description, *returns, *parameters;
    PyObject *described = describe == NULL ? NULL : PyObject_CallOneArg(describe, function);
    int rc = -1, channel;
    if (described != NULL &&
        PyArg_ParseTuple(described, "UUO!p", &description, &returns, &PyList_Type, &parameters, &channel)) {
        signature->channel = channel != 0;
        signature->description = keep(all, description);
        signature->returns = signature->description == NULL ? NULL : keep(all, returns);
        if (signature->returns != NULL) rc = read_parameters(all, parameters, signature);
    }
    Py_XDECREF(describe);
    Py_XDECREF(described);
    return rc;
}

static struct py_exposure *exposure_new(const struct py_class *cls) {
    struct py_exposure *all = calloc(1, sizeof *all);
    if (all == NULL) return NULL;
    all->texts = PyList_New(0);
    all->check = helper("check");
    all->num_methods = cls->num_methods;
    all->signatures = calloc(cls->num_methods + 1, sizeof(struct chariot_signature *));
    all->exposure.methods = (const struct chariot_signature *const *)all->signatures;
    if (all->texts != NULL && all->check != NULL && all->signatures != NULL) return all;
    py_exposure_free(all);
    return NULL;
}

/* 1: it is marked; 0; -1 with an exception set. */
static int is_marked(PyObject *function) {
    PyObject *mark = function == NULL ? NULL : PyObject_GetAttrString(function, "_chariot_exposed");
    if (mark == NULL && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    int marked = mark == NULL ? 0 : PyObject_IsTrue(mark);
    Py_XDECREF(mark);
    return marked;
}

static int expose(struct py_class *cls, uint32_t number) {
    if (cls->exposure == NULL) cls->exposure = exposure_new(cls);
    struct chariot_signature *signature = cls->exposure == NULL ? NULL : calloc(1, sizeof *signature);
    if (signature == NULL) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        return -1;
    }
    cls->exposure->signatures[number] = signature;
    return read_method(cls->exposure, cls->methods[number].function, signature);
}

static int read_doc(struct py_class *cls) {
    PyObject *doc = PyObject_GetAttrString((PyObject *)cls->type, "__doc__");
    if (doc == NULL) return -1;
    const char *text = PyUnicode_Check(doc) ? keep(cls->exposure, doc) : "";
    Py_DECREF(doc);
    cls->exposure->exposure.description = text;
    return text == NULL ? -1 : 0;
}

int py_exposure_read(struct py_class *cls) {
    for (uint32_t i = 0; i < cls->num_methods; i++) {
        int marked = is_marked(cls->methods[i].function);
        if (marked < 0 || (marked > 0 && expose(cls, i) != 0)) return -1;
    }
    return cls->exposure == NULL ? 0 : read_doc(cls);
}

const struct chariot_exposure *py_exposure_of(const struct py_class *cls) {
    return cls->exposure == NULL ? NULL : &cls->exposure->exposure;
}

void py_exposure_free(struct py_exposure *all) {
    if (all == NULL) return;
    for (size_t i = 0; i < all->num_methods && all->signatures != NULL; i++) {
        if (all->signatures[i] != NULL) free((void *)(uintptr_t)all->signatures[i]->parameters);
        free(all->signatures[i]);
    }
    free(all->signatures);
    Py_XDECREF(all->texts);
    Py_XDECREF(all->check);
    free(all);
}

/* ---------------------------------------------------------------- arguments */

/* The exception's text, which is cleared. */
static void take_text(char *why, size_t size) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *text = value == NULL ? NULL : PyObject_Str(value);
    const char *bytes = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    snprintf(why, size, "%s", bytes == NULL ? "arguments that it does not take" : bytes);
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

int py_expose_admit(void *ctx, const struct chariot_type *type, uint32_t number, struct chariot_msg **msg, char *why,
                    size_t why_size) {
    struct py_state *st = ctx;
    const struct py_class *cls = type->ctx;
    PyObject *args = NULL, *keywords = NULL, *none = NULL;
    if (!type->reads_objects) return 0; /* no class of Python's */
    if (py_decode_args(st, *msg, false, &args, &keywords) == 0 && keywords == NULL) keywords = PyDict_New();
    PyObject *channel = cls->exposure->signatures[number]->channel ? Py_True : Py_False;
    if (keywords != NULL)
        none = PyObject_CallFunctionObjArgs(cls->exposure->check, cls->methods[number].function, args, keywords,
                                            channel, NULL);
    if (none == NULL) take_text(why, why_size);
    int rc = none == NULL ? CHARIOT_EINVAL : 0;
    Py_XDECREF(none);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return rc;
}
