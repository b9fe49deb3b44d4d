/* ArrayMap: groups that say where the elements of an array are created. */
#include "python/map.h"

#include "python/chare.h"
#include "python/class.h"
#include "python/errors.h"
#include "python/proxy.h"
#include "sections/sections.h"

/* ---------------------------------------------------------------- asking */

/* The PE that procNum gives for index. -1 with an exception set. */
static int64_t ask(struct py_state *st, PyObject *map, PyObject *index) {
    PyObject *value = PyObject_CallMethodOneArg(map, st->names.proc_num, index);
    if (value == NULL) return -1;
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        PyErr_Format(PyExc_TypeError, "%s.procNum() must return the number of a PE, not %s", Py_TYPE(map)->tp_name,
                     Py_TYPE(value)->tp_name);
    }
    Py_DECREF(value);
    if (number == NULL) return -1;
    int overflow;
    int64_t pe = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    return overflow != 0 ? INT64_MAX : pe < 0 ? INT64_MIN : pe; /* the runtime says that there is no such PE */
}

/* The exception that is set ends the job, with the element in its head line. */
static void report(struct py_state *st, struct py_class *cls, PyObject *index) {
    char where[400];
    PyObject *exc = py_error_fetch();
    PyObject *text = PyObject_Str(index);
    const char *element = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    if (element == NULL) PyErr_Clear();
    PyOS_snprintf(where, sizeof where, "placing element %.150s by %.200s.procNum", element == NULL ? "?" : element,
                  cls->type->tp_name);
    Py_XDECREF(text);
    if (!py_error_exits(st, exc)) py_error_uncaught(st, where, exc);
    Py_DECREF(exc);
}

int py_map_place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe) {
    struct py_class *cls = type->ctx;
    struct py_state *st = cls->st;
    PyObject *number = PyDict_GetItemWithError(cls->by_name, st->names.proc_num); /* borrowed */
    PyObject *at = py_index_tuple(index);
    st->running = number == NULL ? NULL : &cls->methods[PyLong_AsUnsignedLong(number)];
    *on_pe = at == NULL ? -1 : ask(st, object, at);
    st->running = NULL;
    bool failed = PyErr_Occurred() != NULL;
    if (failed) report(st, cls, at == NULL ? Py_None : at);
    Py_XDECREF(at);
    return failed ? CHARIOT_EUSER : 0;
}

int py_map_read(struct py_state *st, PyObject *map, struct chariot_ref *ref) {
    if (py_proxy_check(st, map)) {
        const struct py_proxy *proxy = (struct py_proxy *)(void *)map;
        *ref = proxy->ref;
        bool is_map = proxy->cls->registered->place != NULL;
        bool everywhere = ref->kind == CHARIOT_GROUP && !chariot_ref_is_section(ref);
        if (is_map && everywhere && ref->whole) return 0;
    }
    PyErr_Format(
        PyExc_TypeError,
        "Array(): map must be the proxy of a group, on all PEs, of a subclass of ArrayMap, as Group(MyMap) returns it, "
        "not %R",
        map);
    return -1;
}

/* ---------------------------------------------------------------- the base class */

static PyObject *proc_num(PyObject *self, PyObject *index) {
    return PyErr_Format(PyExc_NotImplementedError,
                        "%s derives from ArrayMap and must define procNum(self, index), which returns the PE of that "
                        "element",
                        Py_TYPE(self)->tp_name);
}

static PyMethodDef map_methods[] = {
    {"procNum", proc_num, METH_O,
     PyDoc_STR("procNum($self, index, /)\n--\n\nThe PE on which the element of this index (a tuple) is created.")},
    {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(map_doc, "Base class of placement maps: a subclass defines procNum(self, index), which returns the PE on\n"
                      "which that element is created. Array(C, dims, map=Group(MyMap)).");

static PyType_Slot map_slots[] = {{Py_tp_doc, (void *)map_doc}, {Py_tp_methods, map_methods}, {0, NULL}};
static PyType_Spec map_spec = {.name = "chariot.ArrayMap",
                               .basicsize = sizeof(struct py_chare),
                               .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                               .slots = map_slots};

int py_map_init(struct py_state *st, PyObject *module) {
    st->map_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &map_spec, (PyObject *)st->chare_type);
    return st->map_type == NULL ? -1 : PyModule_AddObjectRef(module, "ArrayMap", (PyObject *)st->map_type);
}
