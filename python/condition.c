#include "python/condition.h"

#include <stdlib.h>

#include "python/errors.h"

/* ---------------------------------------------------------------- reading */

static const char *label_of(const struct py_condition *condition, char *buffer, size_t size) {
    if (condition->method != NULL) return py_method_label(condition->method, buffer, size);
    const char *name = PyUnicode_AsUTF8(condition->cls->short_name);
    PyOS_snprintf(buffer, size, "%.200s", name == NULL ? "?" : name);
    return buffer;
}

/* "Block.go: @when('self.n == n')" */
static PyObject *describe(const struct py_condition *condition) {
    char label[256];
    return PyUnicode_FromFormat("%s: %s(%R)", label_of(condition, label, sizeof label),
                                condition->method != NULL ? "@when" : "self.wait", condition->text);
}

static int read_source(PyObject *from, struct py_source *source) {
    if (PyUnicode_Check(from)) {
        Py_INCREF(from);
        *source = (struct py_source){.place = PY_FROM_NAME, .name = from};
        return 0;
    }
    source->place = (int)PyLong_AsLong(from);
    return source->place == -1 && PyErr_Occurred() ? -1 : 0;
}

/* What chariot._conditions has read; takes it. */
static int fill_take(struct py_condition *condition, PyObject *read) {
    PyObject *sources;
    int kind;
    if (read == NULL) return -1;
    int rc = PyArg_ParseTuple(read, "iOO!O!", &kind, &condition->function, &PyTuple_Type, &condition->attributes,
                              &PyTuple_Type, &sources)
                 ? 0
                 : -1;
    if (rc == 0) {
        condition->kind = (enum py_condition_kind)kind;
        Py_INCREF(condition->function);
        Py_INCREF(condition->attributes);
        Py_ssize_t count = PyTuple_GET_SIZE(sources);
        condition->sources = calloc((size_t)count + 1, sizeof *condition->sources);
        for (Py_ssize_t i = 0; condition->sources != NULL && rc == 0 && i < count; i++) {
            rc = read_source(PyTuple_GET_ITEM(sources, i), &condition->sources[condition->num_sources++]);
        }
        if (condition->sources == NULL) rc = -1, PyErr_NoMemory();
    }
    Py_DECREF(read);
    return rc;
}

static PyObject *reader(const char *name) {
    PyObject *module = PyImport_ImportModule("chariot._conditions");
    PyObject *function = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return function;
}

static struct py_condition *condition_new(struct py_class *cls, const struct py_method *method, PyObject *text) {
    struct py_condition *condition = PyObject_GC_New(struct py_condition, cls->st->condition_type);
    if (condition == NULL) return NULL;
    condition->cls = cls;
    condition->method = method;
    Py_INCREF(text);
    condition->text = text;
    condition->function = condition->attributes = NULL;
    condition->sources = NULL;
    condition->num_sources = 0;
    PyObject_GC_Track(condition);
    return condition;
}

/* The globals of a module; borrowed, NULL: it is not there. */
static PyObject *namespace_of(PyObject *module_name) {
    PyObject *module = module_name == NULL ? NULL : PyDict_GetItemWithError(PyImport_GetModuleDict(), module_name);
    return module == NULL || !PyModule_Check(module) ? NULL : PyModule_GetDict(module);
}

static PyObject *read_when(struct py_condition *condition, PyObject *marked) {
    PyObject *function = reader("read_when"), *what = describe(condition), *read = NULL;
    PyObject *module = PyObject_GetAttr((PyObject *)condition->cls->type, condition->cls->st->names.module);
    bool plain = PyFunction_Check(marked);
    PyObject *globals = plain ? PyFunction_GET_GLOBALS(marked) : namespace_of(module);
    if (globals == NULL && !PyErr_Occurred())
        PyErr_Format(condition->cls->st->error, "%U: its module %R is not there", what, module);
    if (function != NULL && what != NULL && globals != NULL) {
        bool known = plain && condition->method->params != NULL;
        read = PyObject_CallFunction(function, "OOOO", condition->text, what, known ? marked : Py_None, globals);
    }
    Py_XDECREF(function);
    Py_XDECREF(what);
    Py_XDECREF(module);
    return read;
}

int py_condition_of_method(struct py_class *cls, const struct py_method *method, PyObject *marked,
                           struct py_condition **when) {
    *when = NULL;
    PyObject *text = PyObject_GetAttr(marked, cls->st->names.when);
    if (text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    struct py_condition *condition = condition_new(cls, method, text);
    Py_DECREF(text);
    if (condition != NULL && fill_take(condition, read_when(condition, marked)) == 0) {
        *when = condition;
        return 0;
    }
    Py_XDECREF(condition);
    return -1;
}

/* ---------------------------------------------------------------- self.wait() */

enum { MAX_KEPT = 256 }; /* conditions of self.wait() that a class keeps: programs may make them up as they go */

/* The globals of the modules of the class and its bases. */
static PyObject *namespaces_of(const struct py_class *cls) {
    PyObject *list = PyList_New(0), *mro = cls->type->tp_mro;
    for (Py_ssize_t i = 0; list != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *module = PyObject_GetAttr(PyTuple_GET_ITEM(mro, i), cls->st->names.module);
        PyObject *globals = namespace_of(module);
        if (globals != NULL && PyList_Append(list, globals) != 0) Py_CLEAR(list);
        Py_XDECREF(module);
    }
    if (PyErr_Occurred()) Py_CLEAR(list);
    return list;
}

static struct py_condition *read_wait(struct py_class *cls, PyObject *text) {
    struct py_condition *condition = condition_new(cls, NULL, text);
    PyObject *function = reader("read_wait");
    PyObject *what = condition == NULL ? NULL : describe(condition), *namespaces = namespaces_of(cls), *read = NULL;
    if (function != NULL && what != NULL && namespaces != NULL)
        read = PyObject_CallFunction(function, "OOO", text, what, namespaces);
    Py_XDECREF(function);
    Py_XDECREF(what);
    Py_XDECREF(namespaces);
    if (condition != NULL && fill_take(condition, read) == 0) return condition;
    if (condition == NULL) Py_XDECREF(read);
    Py_XDECREF(condition);
    return NULL;
}

struct py_condition *py_condition_of_wait(struct py_class *cls, PyObject *text) {
    if (cls->waits == NULL && (cls->waits = PyDict_New()) == NULL) return NULL;
    PyObject *kept = PyUnicode_CheckExact(text) ? PyDict_GetItemWithError(cls->waits, text) : NULL; /* borrowed */
    Py_XINCREF(kept);
    if (kept != NULL || PyErr_Occurred()) return (struct py_condition *)(void *)kept;
    struct py_condition *condition = read_wait(cls, text);
    if (condition == NULL || !PyUnicode_CheckExact(text)) return condition;
    if (PyDict_GET_SIZE(cls->waits) >= MAX_KEPT) PyDict_Clear(cls->waits);
    if (PyDict_SetItem(cls->waits, text, (PyObject *)condition) == 0) return condition;
    Py_DECREF(condition);
    return NULL;
}

/* ---------------------------------------------------------------- a message's parameters */

static PyObject *defaults_from(const struct py_method *method, Py_ssize_t place) {
    Py_ssize_t at = place - method->num_required;
    return at >= 0 && place < method->num_params ? PyTuple_GET_ITEM(method->defaults, at) : NULL;
}

static PyObject *positional(const struct py_method *method, PyObject *args, Py_ssize_t place) {
    PyObject *value = place < PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, place) : defaults_from(method, place);
    if (value == NULL) PyErr_Format(PyExc_TypeError, "the call has no argument %zd", place + 1);
    Py_XINCREF(value);
    return value;
}

static PyObject *named(const struct py_method *method, PyObject *keywords, PyObject *name) {
    PyObject *value = keywords == NULL ? NULL : PyDict_GetItemWithError(keywords, name);
    if (value == NULL && !PyErr_Occurred() && method->keyword_defaults != NULL)
        value = PyDict_GetItemWithError(method->keyword_defaults, name);
    if (value == NULL && !PyErr_Occurred()) PyErr_Format(PyExc_TypeError, "the call has no argument '%U'", name);
    Py_XINCREF(value);
    return value;
}

/* All positional arguments, defaults included. */
static PyObject *all_positional(const struct py_method *method, PyObject *args) {
    Py_ssize_t given = PyTuple_GET_SIZE(args), count = given;
    if (method->params != NULL && count < method->num_params) count = method->num_params;
    PyObject *all = PyTuple_New(count);
    for (Py_ssize_t i = 0; all != NULL && i < count; i++) {
        PyObject *value = positional(method, args, i);
        if (value == NULL)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, i, value);
    }
    return all;
}

/* What **keywords of the method will hold. */
static PyObject *rest_of_keywords(const struct py_method *method, PyObject *keywords) {
    PyObject *rest = keywords == NULL ? PyDict_New() : PyDict_Copy(keywords);
    Py_ssize_t count = method->keyword_only == NULL ? 0 : PyTuple_GET_SIZE(method->keyword_only);
    for (Py_ssize_t i = 0; rest != NULL && i < count; i++) {
        if (PyDict_DelItem(rest, PyTuple_GET_ITEM(method->keyword_only, i)) != 0) PyErr_Clear();
    }
    return rest;
}

static PyObject *value_of(const struct py_source *source, const struct py_method *method, PyObject *chare,
                          const struct py_arguments *message) {
    switch (source->place) {
    case PY_FROM_SELF:
        Py_INCREF(chare);
        return chare;
    case PY_FROM_ARGS:
        return all_positional(method, message->args);
    case PY_FROM_VAR_ARGS:
        return PyTuple_GetSlice(message->args, method->num_params, PY_SSIZE_T_MAX);
    case PY_FROM_VAR_KEYWORDS:
        return rest_of_keywords(method, message->keywords);
    case PY_FROM_NAME:
        return named(method, message->keywords, source->name);
    default:
        return positional(method, message->args, source->place);
    }
}

/* ---------------------------------------------------------------- asking */

void py_condition_blame(struct py_condition *condition) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return; /* SystemExit, KeyboardInterrupt */
    PyObject *cause = py_error_fetch(), *what = describe(condition);
    if (what != NULL)
        PyErr_Format(condition->cls->st->error, "%U failed: %s: %S", what, Py_TYPE(cause)->tp_name, cause);
    Py_XDECREF(what);
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (exc != NULL && PyExceptionInstance_Check(cause))
        PyException_SetCause(exc, cause); /* takes it */
    else
        Py_DECREF(cause);
    PyErr_Restore(type, exc, traceback);
}

/* Takes value: its truth. */
static int truth_take(PyObject *value) {
    if (value == NULL) return -1;
    int truth = value == Py_True ? 1 : value == Py_False ? 0 : PyObject_IsTrue(value);
    Py_DECREF(value);
    return truth;
}

static int ask(struct py_condition *condition, PyObject *chare, const struct py_arguments *message) {
    enum { ON_STACK = 8 };
    PyObject *small[ON_STACK], **stack = small;
    Py_ssize_t count = condition->num_sources, have = 0;
    if (count + 2 > ON_STACK && (stack = PyMem_Malloc(((size_t)count + 2) * sizeof(PyObject *))) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    stack[1] = chare;
    while (have < count) {
        PyObject *value = value_of(&condition->sources[have], condition->method, chare, message);
        if (value == NULL) break;
        stack[2 + have++] = value;
    }
    PyObject *holds = NULL;
    if (have == count) {
        size_t flags = (size_t)(count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET;
        holds = PyObject_Vectorcall(condition->function, stack + 1, flags, NULL);
    }
    while (have > 0) Py_DECREF(stack[1 + have--]);
    if (stack != small) PyMem_Free(stack);
    return truth_take(holds);
}

PyObject *py_condition_wanted(struct py_condition *condition, PyObject *chare) {
    PyObject *value = chare;
    Py_INCREF(value);
    for (Py_ssize_t i = 0; value != NULL && i < PyTuple_GET_SIZE(condition->attributes); i++) {
        PyObject *owner = value;
        value = PyObject_GetAttr(owner, PyTuple_GET_ITEM(condition->attributes, i));
        Py_DECREF(owner);
    }
    if (value == NULL) py_condition_blame(condition);
    return value;
}

PyObject *py_condition_tag(struct py_condition *condition, const struct py_arguments *message) {
    PyObject *value = value_of(&condition->sources[0], condition->method, NULL, message);
    if (value != NULL && PyObject_Hash(value) == -1) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "the parameter that is compared is a tag and must be hashable, not %s",
                         Py_TYPE(value)->tp_name);
        Py_CLEAR(value);
    }
    if (value == NULL) py_condition_blame(condition);
    return value;
}

int py_condition_matches(struct py_condition *condition, PyObject *wanted, PyObject *tag) {
    int same = truth_take(PyObject_RichCompare(wanted, tag, Py_EQ));
    if (same < 0) py_condition_blame(condition);
    return same;
}

static int compare_tags(struct py_condition *condition, PyObject *chare, const struct py_arguments *message) {
    PyObject *tag = py_condition_tag(condition, message);
    if (tag == NULL) return -1;
    PyObject *wanted = py_condition_wanted(condition, chare);
    int holds = wanted == NULL ? -1 : py_condition_matches(condition, wanted, tag);
    Py_XDECREF(wanted);
    Py_DECREF(tag);
    return holds;
}

int py_condition_holds(struct py_condition *condition, PyObject *chare, const struct py_arguments *message) {
    if (condition->kind == PY_CONDITION_TAG) return compare_tags(condition, chare, message);
    int holds = ask(condition, chare, message);
    if (holds < 0) py_condition_blame(condition);
    return holds;
}

/* ---------------------------------------------------------------- type */

static int condition_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct py_condition *)(void *)self)->function);
    return 0;
}

static int condition_clear(PyObject *self) {
    Py_CLEAR(((struct py_condition *)(void *)self)->function);
    return 0;
}

static void condition_dealloc(PyObject *self) {
    struct py_condition *condition = (struct py_condition *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(condition->text);
    Py_XDECREF(condition->function);
    Py_XDECREF(condition->attributes);
    for (Py_ssize_t i = 0; i < condition->num_sources; i++) Py_XDECREF(condition->sources[i].name);
    free(condition->sources);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot condition_slots[] = {{Py_tp_dealloc, condition_dealloc},
                                        {Py_tp_traverse, condition_traverse},
                                        {Py_tp_clear, condition_clear},
                                        {0, NULL}};
static PyType_Spec condition_spec = {.name = "chariot._core._Condition",
                                     .basicsize = sizeof(struct py_condition),
                                     .flags =
                                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                     .slots = condition_slots};

int py_condition_init(struct py_state *st, PyObject *module) {
    st->condition_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &condition_spec, NULL);
    return st->condition_type == NULL ? -1 : 0;
}
