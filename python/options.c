/* charm.options: a namespace with defaults. Programs set them at module level, before charm.start(). */
#include "python/charm.h"

#include <structmember.h>

struct py_options {
    PyObject_HEAD PyObject *dict;
};

static int options_setattro(PyObject *self, PyObject *name, PyObject *value) {
    if (PyObject_GenericSetAttr(self, name, value) != 0) return -1;
    struct py_state *st = py_state_of(self);
    if (self != st->options || PyUnicode_CompareWithASCIIString(name, "local_msg_optim") != 0) return 0;
    int truth = value == NULL ? 1 : PyObject_IsTrue(value);
    if (truth < 0) return -1;
    st->local_msg_optim = truth != 0;
    return 0;
}

/* name: value lines; namespaces inside it and callables are left out. */
static PyObject *options_str(PyObject *self) {
    PyObject *dict = ((struct py_options *)(void *)self)->dict, *key, *value;
    PyObject *lines = PyList_New(0);
    Py_ssize_t at = 0;
    while (lines != NULL && dict != NULL && PyDict_Next(dict, &at, &key, &value)) {
        if (Py_IS_TYPE(value, Py_TYPE(self)) || PyCallable_Check(value)) continue;
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

static int options_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct py_options *)(void *)self)->dict);
    return 0;
}

static int options_clear(PyObject *self) {
    Py_CLEAR(((struct py_options *)(void *)self)->dict);
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

static PyGetSetDef options_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot options_slots[] = {{Py_tp_doc, (void *)"Options of the runtime, set before charm.start()."},
                                      {Py_tp_dealloc, options_dealloc},
                                      {Py_tp_traverse, options_traverse},
                                      {Py_tp_clear, options_clear},
                                      {Py_tp_setattro, options_setattro},
                                      {Py_tp_str, options_str},
                                      {Py_tp_members, options_members},
                                      {Py_tp_getset, options_getset},
                                      {0, NULL}};
static PyType_Spec options_spec = {.name = "chariot.Options",
                                   .basicsize = sizeof(struct py_options),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   .slots = options_slots};

/* A namespace with these values; takes dict. */
static PyObject *make_take(struct py_state *st, PyObject *dict) {
    if (dict == NULL) return NULL;
    PyObject *self = st->options_type->tp_alloc(st->options_type, 0);
    if (self == NULL)
        Py_DECREF(dict);
    else
        ((struct py_options *)(void *)self)->dict = dict;
    return self;
}

int py_options_init(struct py_state *st, PyObject *module) {
    st->options_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &options_spec, NULL);
    if (st->options_type == NULL) return -1;
    st->options =
        make_take(st, Py_BuildValue("{sOsisisOsOsOsOss}", "local_msg_optim", Py_True, "local_msg_buf_size", 50,
                                    "pickle_protocol", -1, "profiling", Py_False, "auto_flush_wait_queues", Py_True,
                                    "quiet", Py_False, "remote_exec", Py_False, "hang_report", "exit"));
    PyObject *interactive = make_take(st, Py_BuildValue("{sisO}", "verbose", 1, "broadcast_imports", Py_True));
    if (st->options == NULL || interactive == NULL) {
        Py_XDECREF(interactive);
        return -1;
    }
    st->local_msg_optim = true;
    int rc = PyObject_SetAttrString(st->options, "interactive", interactive);
    Py_DECREF(interactive);
    return rc != 0 ? -1 : PyModule_AddObjectRef(module, "Options", (PyObject *)st->options_type);
}
