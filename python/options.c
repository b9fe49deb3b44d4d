/* charm.options: namespaces of known names with types and defaults. Programs set them at module level, before
 * charm.start(). */
#include "python/charm.h"

#include <stdlib.h>
#include <string.h>
#include <structmember.h>

enum kind { A_BOOL, AN_INT, A_NUMBER, A_TEXT, A_BALANCER, A_HANG_REPORT };

struct option {
    const char *space; /* the namespace it stands in; "": charm.options itself */
    const char *name;
    enum kind kind;
    long number;      /* default of A_BOOL and AN_INT */
    const char *text; /* default of the others; NULL: None */
};

static const struct option OPTIONS[] = {
    {"", "local_msg_optim", A_BOOL, 1, NULL},     /* arguments by reference on one PE */
    {"", "local_msg_buf_size", AN_INT, 50, NULL}, /* accepted: there is no buffer that could overflow */
    {"", "pickle_protocol", AN_INT, -1, NULL},    /* accepted: buffers beside the pickle need protocol 5 */
    {"", "profiling", A_BOOL, 0, NULL},
    {"", "auto_flush_wait_queues", A_BOOL, 1, NULL},
    {"", "quiet", A_BOOL, 0, NULL},
    {"", "remote_exec", A_BOOL, 0, NULL},
    {"", "hang_report", A_HANG_REPORT, 0, "exit"},
    {"interactive", "verbose", AN_INT, 1, NULL},
    {"interactive", "broadcast_imports", A_BOOL, 1, NULL},
    {"lb", "balancer", A_BALANCER, 0, NULL},    /* +balancer NAME; _balancing.py */
    {"lb", "period", A_NUMBER, 0, NULL},        /* +LBPeriod s */
    {"lb", "debug", AN_INT, 0, NULL},           /* +LBDebug n: more than 0: a line for each step */
    {"lb", "continuous", A_BOOL, 1, NULL},      /* steps also where nobody asks for them */
    {"lb", "comm", A_BOOL, 1, NULL},            /* +LBCommOff */
    {"lb", "obj_only", A_BOOL, 0, NULL},        /* +LBObjOnly */
    {"lb", "off", A_BOOL, 0, NULL},             /* +LBOff */
    {"lb", "instrument", A_BOOL, 1, NULL},      /* LBTurnInstrumentOn(), Off() */
    {"lb", "record", A_TEXT, 0, NULL},          /* --lb-record FILE */
    {"lb", "record_period", A_NUMBER, 0, NULL}, /* --lb-record-period S */
};
enum { NUM_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };
static const char *const SPACES[] = {"interactive", "lb"}; /* inside charm.options */
enum { NUM_SPACES = sizeof SPACES / sizeof SPACES[0] };

struct py_options {
    PyObject_HEAD PyObject *dict;
    const char *space; /* one of SPACES, or "" */
};

static struct py_options *as_options(PyObject *object) {
    return (struct py_options *)(void *)object;
}

/* ---------------------------------------------------------------- setting */

/* "charm.options", "charm.options.lb". New reference. */
static PyObject *path_of(PyObject *self) {
    const char *space = as_options(self)->space;
    return PyUnicode_FromFormat("charm.options%s%s", space[0] == 0 ? "" : ".", space);
}

/* AttributeError with the names that come nearest. Returns NULL. */
static const struct option *unknown(PyObject *self, PyObject *name) {
    PyObject *difflib = PyImport_ImportModule("difflib");
    PyObject *names = PyDict_Keys(as_options(self)->dict);
    PyObject *near = difflib == NULL || names == NULL
                         ? NULL
                         : PyObject_CallMethod(difflib, "get_close_matches", "OOi", name, names, 3);
    PyObject *shown = near != NULL && PyList_Check(near) && PyList_GET_SIZE(near) > 0 ? near : names;
    PyObject *comma = PyUnicode_FromString(", ");
    PyObject *list = shown == NULL || comma == NULL ? NULL : PyUnicode_Join(comma, shown);
    PyObject *path = path_of(self);
    if (list != NULL && path != NULL)
        PyErr_Format(PyExc_AttributeError, "%U has no option '%U'; %s: %U", path, name,
                     shown == names ? "there are" : "did you mean", list);
    Py_XDECREF(difflib);
    Py_XDECREF(names);
    Py_XDECREF(near);
    Py_XDECREF(comma);
    Py_XDECREF(list);
    Py_XDECREF(path);
    return NULL;
}

static const struct option *find(PyObject *self, PyObject *name) {
    for (size_t i = 0; i < NUM_OPTIONS; i++) {
        bool here = strcmp(OPTIONS[i].space, as_options(self)->space) == 0;
        if (here && PyUnicode_CompareWithASCIIString(name, OPTIONS[i].name) == 0) return &OPTIONS[i];
    }
    return unknown(self, name);
}

/* value as it is kept: an int 0 or 1 is False or True. Borrowed. */
static PyObject *kept_as(const struct option *option, PyObject *value) {
    if (option->kind != A_BOOL || value == NULL || !PyLong_CheckExact(value)) return value;
    int overflow;
    long number = PyLong_AsLongAndOverflow(value, &overflow);
    return overflow != 0 || number < 0 || number > 1 ? value : number == 1 ? Py_True : Py_False;
}

static bool fits(const struct option *option, PyObject *value) {
    switch (option->kind) {
    case A_BOOL:
        return PyBool_Check(value);
    case AN_INT:
        return PyLong_Check(value) && !PyBool_Check(value);
    case A_NUMBER:
        return value == Py_None || PyFloat_Check(value) || (PyLong_Check(value) && !PyBool_Check(value));
    case A_TEXT:
        return value == Py_None || PyUnicode_Check(value);
    case A_BALANCER:
        return value == Py_None || PyUnicode_Check(value) || PyObject_HasAttrString(value, "plan");
    case A_HANG_REPORT:
        return PyUnicode_Check(value);
    }
    return false;
}

static int refuse(PyObject *self, const struct option *option, PyObject *value) {
    static const char *const wanted[] = {"True or False",
                                         "an int",
                                         "a number",
                                         "a str",
                                         "a name, 'module:Class', or a class or object with a method plan(stats)",
                                         "'exit', 'warn' or 'off'"};
    PyObject *path = path_of(self);
    if (path == NULL) return -1;
    if (value == NULL)
        PyErr_Format(PyExc_AttributeError, "%U.%s cannot be deleted", path, option->name);
    else
        PyErr_Format(fits(option, value) ? PyExc_ValueError : PyExc_TypeError, "%U.%s takes %s, not %R", path,
                     option->name, wanted[option->kind], value);
    Py_DECREF(path);
    return -1;
}

/* In time of a job too. */
static void set_hang_mode(struct py_state *st, enum chariot_hang_mode mode) {
    st->hang_mode = mode;
    if (st->phase == PY_RUNNING) chariot_set_hang_report(st->pe, mode);
}

static int options_setattro(PyObject *self, PyObject *name, PyObject *value) {
    const struct option *option = find(self, name);
    if (option == NULL) return -1;
    value = kept_as(option, value);
    bool good = value != NULL && fits(option, value);
    enum chariot_hang_mode mode = CHARIOT_HANG_EXIT;
    if (!good || (option->kind == A_HANG_REPORT && !py_hang_mode(value, &mode))) return refuse(self, option, value);
    if (PyDict_SetItem(as_options(self)->dict, name, value) != 0) return -1;
    struct py_state *st = py_state_of(self);
    if (strcmp(option->name, "local_msg_optim") == 0) st->local_msg_optim = value == Py_True;
    if (strcmp(option->name, "auto_flush_wait_queues") == 0) st->auto_flush = value == Py_True;
    if (option->kind == A_HANG_REPORT) set_hang_mode(st, mode);
    return 0;
}

static PyObject *options_getattro(PyObject *self, PyObject *name) {
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        unknown(self, name);
    }
    return value;
}

/* ---------------------------------------------------------------- showing */

/* name: value lines; namespaces inside it are left out. */
static PyObject *options_str(PyObject *self) {
    PyObject *key, *value, *lines = PyList_New(0);
    Py_ssize_t at = 0;
    while (lines != NULL && PyDict_Next(as_options(self)->dict, &at, &key, &value)) {
        if (Py_IS_TYPE(value, Py_TYPE(self))) continue;
        PyObject *line = PyUnicode_FromFormat("%S: %S", key, value);
        if (line == NULL || PyList_Append(lines, line) != 0) Py_CLEAR(lines);
        Py_XDECREF(line);
    }
    PyObject *newline = PyUnicode_FromString("\n");
    PyObject *text = lines == NULL || newline == NULL ? NULL : PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* The old form, Options.PROFILING = True, sets attributes of the class: Charm4PyError for the first that is found. */
int py_options_check(struct py_state *st) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(st->options_type->tp_dict, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8(key);
        if (name == NULL) return -1;
        if (strncmp(name, "__", 2) == 0) continue;
        PyErr_Format(
            st->error,
            "Options.%s was set: options are no attributes of the class any more, set charm.options.<name>, in "
            "lower case, before charm.start()",
            name);
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- type */

static int options_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(as_options(self)->dict);
    return 0;
}

static int options_clear(PyObject *self) {
    Py_CLEAR(as_options(self)->dict);
    return 0;
}

static void options_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    options_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef options_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(struct py_options, dict), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

static PyGetSetDef options_getset[] = {{"__dict__", PyObject_GenericGetDict, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot options_slots[] = {{Py_tp_doc, (void *)"Options of the runtime, set before charm.start()."},
                                      {Py_tp_dealloc, options_dealloc},
                                      {Py_tp_traverse, options_traverse},
                                      {Py_tp_clear, options_clear},
                                      {Py_tp_getattro, options_getattro},
                                      {Py_tp_setattro, options_setattro},
                                      {Py_tp_str, options_str},
                                      {Py_tp_members, options_members},
                                      {Py_tp_getset, options_getset},
                                      {0, NULL}};
static PyType_Spec options_spec = {.name = "chariot.Options",
                                   .basicsize = sizeof(struct py_options),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   .slots = options_slots};

static PyObject *default_of(const struct option *option) {
    switch (option->kind) {
    case A_BOOL:
        return PyBool_FromLong(option->number);
    case AN_INT:
        return PyLong_FromLong(option->number);
    default:
        if (option->text == NULL) Py_RETURN_NONE;
        return PyUnicode_FromString(option->text);
    }
}

static int set_default(PyObject *self, const char *name, PyObject *value) {
    int rc = value == NULL ? -1 : PyDict_SetItemString(as_options(self)->dict, name, value);
    Py_XDECREF(value);
    return rc;
}

/* A namespace with its defaults. New reference. */
static PyObject *make(struct py_state *st, const char *space) {
    PyObject *self = st->options_type->tp_alloc(st->options_type, 0);
    if (self == NULL) return NULL;
    as_options(self)->space = space;
    as_options(self)->dict = PyDict_New();
    int rc = as_options(self)->dict == NULL ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < NUM_OPTIONS; i++) {
        if (strcmp(OPTIONS[i].space, space) == 0) rc = set_default(self, OPTIONS[i].name, default_of(&OPTIONS[i]));
    }
    if (rc != 0) Py_CLEAR(self);
    return self;
}

int py_options_init(struct py_state *st, PyObject *module) {
    st->options_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &options_spec, NULL);
    if (st->options_type == NULL) return -1;
    st->options = make(st, "");
    for (size_t i = 0; st->options != NULL && i < NUM_SPACES; i++) {
        if (set_default(st->options, SPACES[i], make(st, SPACES[i])) != 0) return -1;
    }
    st->local_msg_optim = st->auto_flush = true;
    st->hang_mode = CHARIOT_HANG_EXIT;
    bool quiet = getenv("CHARIOT_QUIET") != NULL; /* of the launcher's --quiet, ++quiet */
    if (st->options != NULL && quiet && PyObject_SetAttrString(st->options, "quiet", Py_True) != 0) return -1;
    return st->options == NULL ? -1 : PyModule_AddObjectRef(module, "Options", (PyObject *)st->options_type);
}
