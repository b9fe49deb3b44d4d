#include "python/class.h"

#include <stdlib.h>
#include <string.h>

#include "python/condition.h"
#include "python/dispatch.h"
#include "python/map.h"
#include "python/move.h"
#include "python/section.h"

/* §4.4: names that belong to the runtime. */
static const char *const reserved[] = {"wait",
                                       "contribute",
                                       "reduce",
                                       "allreduce",
                                       "AtSync",
                                       "migrate",
                                       "setMigratable",
                                       "_coll_future_deposit_result",
                                       "_getSectionLocations_",
                                       "_channelConnect__",
                                       "_channelRecv__"};
/* What is remote of Chare's own methods, and the parameter of those that are C's. */
static const struct {
    const char *name, *parameter;
} ours[] = {{"migrate", "toPe"}, {"setMigratable", "migratable"}, {"migrateMe", NULL}}; /* of old: _compat.py's */
enum { NUM_OURS = sizeof ours / sizeof ours[0] };
/* A hook that a class may define, and nobody may call from afar. */
static const char hook[] = "migrated";

static bool is_among(const char *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0) return true;
    }
    return false;
}

static bool is_dunder(const char *name) {
    size_t size = strlen(name);
    return size > 4 && strncmp(name, "__", 2) == 0 && strcmp(name + size - 2, "__") == 0;
}

static bool is_ours(const struct py_state *st, PyObject *type) {
    return type == (PyObject *)st->chare_type || type == (PyObject *)st->map_type ||
           type == (PyObject *)&PyBaseObject_Type;
}

/* ---------------------------------------------------------------- names */

/* Adds to names the candidates among the attributes of one class of the MRO. */
static int collect_from(struct py_class *cls, PyTypeObject *type, PyObject *names) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(type->tp_dict, &at, &key, &value)) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        if (name == NULL) {
            PyErr_Clear();
            continue;
        }
        if (is_among(name, reserved, sizeof reserved / sizeof reserved[0])) {
            PyErr_Format(cls->st->error, "%U redefines '%s', which is reserved by the runtime (in class %s)",
                         cls->full_name, name, type->tp_name);
            return -1;
        }
        if (is_dunder(name)) continue;
        if (PySet_Add(names, key) != 0) return -1;
    }
    return 0;
}

/* What name is in the class that defines it, before any binding. Borrowed; NULL: nowhere. */
static PyObject *raw_attribute(struct py_class *cls, PyObject *name) {
    PyObject *mro = cls->type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *type = PyTuple_GET_ITEM(mro, i);
        if (is_ours(cls->st, type)) continue;
        PyObject *value = PyDict_GetItemWithError(((PyTypeObject *)type)->tp_dict, name);
        if (value != NULL || PyErr_Occurred()) return value;
    }
    for (int i = 0; i < NUM_OURS; i++) {
        if (PyUnicode_CompareWithASCIIString(name, ours[i].name) == 0)
            return PyDict_GetItemWithError(cls->st->chare_type->tp_dict, name);
    }
    return NULL;
}

/* Names whose numbers are fixed, as the class says in __chariot_first__: to the front of the list. */
static int put_first(struct py_class *cls, PyObject *list) {
    PyObject *first = raw_attribute(cls, cls->st->names.first); /* borrowed */
    if (first == NULL || !PyTuple_Check(first)) return PyErr_Occurred() ? -1 : 0;
    for (Py_ssize_t i = PyTuple_GET_SIZE(first); i > 0; i--) {
        PyObject *name = PyTuple_GET_ITEM(first, i - 1);
        Py_ssize_t at = PySequence_Index(list, name);
        if (at < 0 || PyList_SetSlice(list, at, at + 1, NULL) != 0 || PyList_Insert(list, 0, name) != 0) return -1;
    }
    return 0;
}

/* A list of the names that may be remote methods, in the order of their numbers. */
static PyObject *collect(struct py_class *cls) {
    PyObject *names = PySet_New(NULL);
    PyObject *mro = cls->type->tp_mro;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *type = PyTuple_GET_ITEM(mro, i);
        if (is_ours(cls->st, type)) continue;
        if (collect_from(cls, (PyTypeObject *)type, names) != 0) Py_CLEAR(names);
    }
    for (int i = 0; names != NULL && i < NUM_OURS; i++) {
        PyObject *name = PyUnicode_InternFromString(ours[i].name);
        if (name == NULL || PySet_Add(names, name) != 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    if (names == NULL) return NULL;
    PyObject *list = PySequence_List(names);
    Py_DECREF(names);
    if (list != NULL && (PyList_Sort(list) != 0 || put_first(cls, list) != 0)) Py_CLEAR(list);
    return list;
}

/* ---------------------------------------------------------------- methods */

static int refuse_ret(const struct py_method *method, PyObject *names) {
    Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "ret") != 0) continue;
        PyErr_Format(method->cls->st->error, "%U.%U has a parameter named 'ret', which is the runtime's: rename it",
                     method->cls->full_name, method->name);
        return -1;
    }
    return 0;
}

/* Of a method of Chare's own. */
static int inspect_ours(struct py_method *method) {
    int which = 0;
    while (which < NUM_OURS && PyUnicode_CompareWithASCIIString(method->name, ours[which].name) != 0) which++;
    if (which == NUM_OURS) return 0;
    PyObject *parameter = PyUnicode_InternFromString(ours[which].parameter);
    method->params = parameter == NULL ? NULL : PyTuple_Pack(1, parameter);
    Py_XDECREF(parameter);
    method->num_params = method->num_required = 1;
    return method->params == NULL ? -1 : 0;
}

/* 1: name is a remote method, now described; 0: it is something else. */
static int describe(struct py_class *cls, PyObject *name, struct py_method *method) {
    PyObject *raw = raw_attribute(cls, name);
    if (raw == NULL) return PyErr_Occurred() ? -1 : 0;
    if (PyType_Check(raw)) return 0;
    PyObject *value = PyObject_GetAttr((PyObject *)cls->type, name);
    if (value == NULL) {
        PyErr_Clear();
        return 0;
    }
    if (!PyCallable_Check(value) || PyType_Check(value)) {
        Py_DECREF(value);
        return 0;
    }
    method->cls = cls;
    Py_INCREF(name);
    method->name = name;
    PyUnicode_InternInPlace(&method->name);
    bool plain = PyFunction_Check(raw);
    if (plain) {
        Py_INCREF(raw);
        method->function = raw;
    }
    int rc = py_method_inspect(cls->st, method, py_is_partial(cls->st, raw) ? raw : value, plain ? 1 : 0);
    Py_DECREF(value);
    if (rc == 0 && Py_IS_TYPE(raw, &PyMethodDescr_Type)) rc = inspect_ours(method);
    if (rc != 0 || refuse_ret(method, method->params) != 0 || refuse_ret(method, method->keyword_only) != 0) return -1;
    return 1;
}

/* A call of the hook, by one who knows its number. */
static int refuse_call(struct chariot_call *call) {
    return CHARIOT_ENOENT;
}

static int add_to_table(struct py_class *cls, struct py_method *method) {
    uint32_t number = cls->num_methods;
    const char *name = PyUnicode_AsUTF8(method->name);
    bool remote = name != NULL && strcmp(name, hook) != 0;
    PyObject *value = name == NULL ? NULL : PyLong_FromUnsignedLong(number);
    if (value == NULL) return -1;
    int rc = remote ? PyDict_SetItem(cls->by_name, method->name, value) : 0;
    Py_DECREF(value);
    if (rc != 0) return -1;
    cls->table[number] = (struct chariot_method){.name = name, .invoke = remote ? py_dispatch_invoke : refuse_call};
    cls->methods[number] = *method;
    if (!remote) cls->migrated = &cls->methods[number];
    cls->num_methods++;
    return 0;
}

static int build_table(struct py_class *cls) {
    PyObject *names = collect(cls);
    if (names == NULL) return -1;
    size_t count = (size_t)PyList_GET_SIZE(names);
    cls->methods = calloc(count + 1, sizeof *cls->methods);
    cls->table = calloc(count + 1, sizeof *cls->table);
    cls->by_name = PyDict_New();
    int rc = cls->methods == NULL || cls->table == NULL || cls->by_name == NULL ? -1 : 0;
    if (rc != 0) PyErr_NoMemory();
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct py_method method = {0};
        int is = describe(cls, PyList_GET_ITEM(names, (Py_ssize_t)i), &method);
        if (is > 0 && add_to_table(cls, &method) == 0) continue;
        if (is != 0) rc = -1;
        py_method_clear(&method);
    }
    Py_DECREF(names);
    return rc;
}

/* Conditions point to their methods, so these have their places by now. */
static int read_conditions(struct py_class *cls) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < cls->num_methods; i++) {
        struct py_method *method = &cls->methods[i];
        PyObject *marked = PyObject_GetAttr((PyObject *)cls->type, method->name);
        rc = marked == NULL ? -1 : py_condition_of_method(cls, method, marked, &method->when);
        Py_XDECREF(marked);
    }
    return rc;
}

static int refuse_when(struct py_class *cls) {
    PyObject *raw = raw_attribute(cls, cls->st->names.init);
    if (raw == NULL || !PyObject_HasAttr(raw, cls->st->names.when)) return PyErr_Occurred() ? -1 : 0;
    PyErr_Format(cls->st->error, "%U.__init__ has a @when condition: constructors cannot be put off", cls->full_name);
    return -1;
}

static int find_init(struct py_class *cls) {
    struct py_state *st = cls->st;
    cls->init.cls = cls;
    Py_INCREF(st->names.init);
    cls->init.name = st->names.init;
    PyObject *raw = raw_attribute(cls, st->names.init);
    if (raw == NULL) {
        cls->init.params = PyTuple_New(0); /* Chare's own takes nothing */
        return PyErr_Occurred() ? -1 : 0;
    }
    cls->has_init = true;
    bool plain = PyFunction_Check(raw);
    if (plain) {
        Py_INCREF(raw);
        cls->init.function = raw;
    }
    return py_method_inspect(st, &cls->init, raw, plain ? 1 : 0);
}

/* ---------------------------------------------------------------- the state of instances */

/* True if a class below ours defines it. */
static bool defines(struct py_class *cls, PyObject *name) {
    bool found = raw_attribute(cls, name) != NULL;
    PyErr_Clear();
    return found;
}

static int read_state(struct py_class *cls) {
    const struct py_names *names = &cls->st->names;
    cls->gets_state = defines(cls, names->getstate);
    cls->sets_state = defines(cls, names->setstate);
    cls->reduces = defines(cls, names->reduce) || defines(cls, names->reduce_ex);
    PyObject *module = PyImport_ImportModule("copyreg");
    if (module != NULL) cls->slots = PyObject_CallMethod(module, "_slotnames", "O", cls->type);
    Py_XDECREF(module);
    if (cls->slots == NULL || !PyList_Check(cls->slots)) return -1;
    if (PyList_GET_SIZE(cls->slots) == 0) Py_CLEAR(cls->slots);
    return 0;
}

/* ---------------------------------------------------------------- classes */

static int set_names(struct py_class *cls) {
    struct py_names *names = &cls->st->names;
    PyObject *module = PyObject_GetAttr((PyObject *)cls->type, names->module);
    PyObject *qualname = PyObject_GetAttr((PyObject *)cls->type, names->qualname);
    if (module != NULL && qualname != NULL) {
        cls->full_name = PyUnicode_FromFormat("%S.%U", module, qualname);
        cls->short_name = PyUnicode_FromString(cls->type->tp_name);
    }
    Py_XDECREF(module);
    Py_XDECREF(qualname);
    return cls->full_name == NULL || cls->short_name == NULL ? -1 : 0;
}

struct py_class *py_class_new(struct py_state *st, PyTypeObject *type) {
    struct py_class *cls = calloc(1, sizeof *cls);
    if (cls == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    Py_INCREF(type);
    cls->st = st;
    cls->type = type;
    cls->id = UINT32_MAX;
    if (set_names(cls) != 0 || build_table(cls) != 0 || find_init(cls) != 0) goto fail;
    if (refuse_when(cls) != 0 || read_conditions(cls) != 0 || read_state(cls) != 0) goto fail;
    if (py_exposure_read(cls) != 0) goto fail;
    cls->ctype = (struct chariot_type){.name = PyUnicode_AsUTF8(cls->full_name),
                                       .methods = cls->table,
                                       .num_methods = cls->num_methods,
                                       .ctx = cls,
                                       .reads_objects = true,
                                       .create = py_dispatch_create,
                                       .destroy = py_dispatch_destroy,
                                       .choose = py_section_choose,
                                       .pack = py_move_pack,
                                       .unpack = py_move_unpack,
                                       .cancel = py_dispatch_cancel,
                                       .exposure = py_exposure_of(cls),
                                       .place = PyType_IsSubtype(type, st->map_type) ? py_map_place : NULL};
    cls->registered = &cls->ctype;
    if (cls->ctype.name == NULL) goto fail;
    return cls;
fail:
    py_class_free(cls);
    return NULL;
}

void py_class_free(struct py_class *cls) {
    if (cls == NULL) return;
    for (uint32_t i = 0; i < cls->num_methods; i++) py_method_clear(&cls->methods[i]);
    py_method_clear(&cls->init);
    free(cls->methods);
    free(cls->table);
    Py_XDECREF(cls->type);
    Py_XDECREF(cls->full_name);
    Py_XDECREF(cls->short_name);
    Py_XDECREF(cls->type_name);
    Py_XDECREF(cls->by_name);
    Py_XDECREF(cls->waits);
    Py_XDECREF(cls->slots);
    py_exposure_free(cls->exposure);
    free(cls);
}

static int visit_method(struct py_method *method, visitproc visit, void *arg) {
    Py_VISIT(method->function);
    Py_VISIT(method->defaults);
    Py_VISIT(method->keyword_defaults);
    Py_VISIT(method->when);
    return 0;
}

int py_class_traverse(struct py_class *cls, visitproc visit, void *arg) {
    Py_VISIT(cls->type);
    Py_VISIT(cls->waits);
    for (uint32_t i = 0; i < cls->num_methods; i++) {
        int rc = visit_method(&cls->methods[i], visit, arg);
        if (rc != 0) return rc;
    }
    return visit_method(&cls->init, visit, arg);
}
