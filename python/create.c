/* Creators: Chare(C), Group(C), Array(C, dims). */
#include "python/chare.h"
#include "python/class.h"
#include "python/map.h"
#include "python/message.h"
#include "python/number.h"
#include "python/proxy.h"

/* ---------------------------------------------------------------- arguments */

int py_create_args(struct py_state *st, struct py_class *cls, PyObject *args, struct chariot_msg **msg) {
    *msg = NULL;
    PyObject *list = args == NULL || args == Py_None ? PyTuple_New(0) : PySequence_Tuple(args);
    if (list == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Format(PyExc_TypeError, "%U: args must be a list of the constructor's arguments, not %s",
                         cls->short_name, Py_TYPE(args)->tp_name);
        }
        return -1;
    }
    struct py_call_args bound;
    PyObject *const *items = &PyTuple_GET_ITEM(list, 0);
    int rc = py_bind(st, &cls->init, items, (size_t)PyTuple_GET_SIZE(list), NULL, &bound);
    if (rc == 0) rc = py_message_put_args(st, items, PyTuple_GET_SIZE(list), NULL, CHARIOT_ELSEWHERE, msg);
    Py_DECREF(list);
    return rc;
}

/* Creates and gives the proxy. Takes msg. */
static PyObject *create_take(struct py_state *st, struct py_class *cls, struct chariot_create *how,
                             struct chariot_msg *msg) {
    struct chariot_ref ref;
    how->type = cls->id;
    int rc = chariot_create_take(st->pe, how, msg, &ref);
    if (rc == CHARIOT_ERANGE && how->kind == CHARIOT_ARRAY_OF) {
        return PyErr_Format(PyExc_ValueError, "Array(): dims: too many elements");
    }
    if (rc != 0) {
        py_raise_code(st, rc, "creating chares");
        return NULL;
    }
    PyObject *proxy = py_proxy_new(st, cls, &ref);
    if (proxy != NULL) ((struct py_proxy *)(void *)proxy)->fresh = true;
    return proxy;
}

/* Whether programs may make this of the class. -1 with Charm4PyError set. */
static int check_kind(struct py_state *st, const struct py_class *cls, enum chariot_kind kind) {
    if (kind != CHARIOT_GROUP && PyType_IsSubtype(cls->type, st->map_type)) {
        PyErr_Format(st->error, "%U derives from ArrayMap: create it by Group(%U)", cls->short_name, cls->short_name);
        return -1;
    }
    if (st->entry == (PyObject *)cls->type) {
        PyErr_Format(st->error, "%U is the main chare's class: there is one such chare, and charm.start() makes it",
                     cls->short_name);
        return -1;
    }
    if (cls->only == 0 || cls->only & 1 << kind) return 0;
    PyErr_Format(st->error, "%U was registered for %s only: charm.register(%U, collections=(GROUP, ARRAY))",
                 cls->short_name, kind == CHARIOT_GROUP ? "arrays" : "groups", cls->short_name);
    return -1;
}

static PyObject *create(struct py_state *st, PyObject *type, struct chariot_create *how, PyObject *args, bool empty) {
    if (py_state_running(st) == NULL) return NULL;
    struct py_class *cls = py_class_of(st, type);
    struct chariot_msg *msg = NULL;
    if (cls == NULL || check_kind(st, cls, how->kind) != 0 || (!empty && py_create_args(st, cls, args, &msg) != 0))
        return NULL;
    return create_take(st, cls, how, msg);
}

/* ---------------------------------------------------------------- Chare and Group */

PyObject *py_create_single(struct py_state *st, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"chare_type", "args", "onPE", NULL};
    PyObject *type, *with = NULL, *on_pe = NULL;
    struct chariot_create how = {.kind = CHARIOT_SINGLE, .ndims = 1, .on_pe = -1};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO:Chare", names, &type, &with, &on_pe)) return NULL;
    if (with != NULL && PyLong_Check(with)) { /* the old Chare(C, pe) */
        if (PyErr_WarnEx(PyExc_DeprecationWarning, "Chare(C, pe) is now Chare(C, onPE=pe)", 1) != 0) return NULL;
        on_pe = with;
        with = NULL;
    }
    if (py_state_running(st) == NULL) return NULL;
    if (py_integer_read(on_pe, "Chare(): onPE", -1, chariot_num_pes(st->pe) - 1, &how.on_pe) != 0) return NULL;
    return create(st, type, &how, with, false);
}

/* Notes the PEs of list in `named`, one byte each, and puts each once into pes. */
static int read_each(struct py_state *st, PyObject *list, uint8_t *named, uint32_t *pes, uint32_t *num) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        int64_t pe;
        if (py_integer_read(PyList_GET_ITEM(list, i), "Group(): onPEs: a PE", 0, st->num_pes - 1, &pe) != 0) return -1;
        if (!named[pe]) pes[(*num)++] = (uint32_t)pe;
        named[pe] = 1;
    }
    if (*num > 0) return 0;
    PyErr_SetString(PyExc_ValueError, "Group(): onPEs must name at least one PE (without onPEs the group is on all)");
    return -1;
}

/* The PEs of a list, each once. The caller frees it; NULL with an exception set. */
static uint32_t *read_pes(struct py_state *st, PyObject *given, uint32_t *num) {
    PyObject *list = PySequence_List(given);
    if (list == NULL) {
        py_type_blame(given, "Group(): onPEs", "a list of PE numbers");
        return NULL;
    }
    uint8_t *named = PyMem_Calloc(st->num_pes, 1);
    uint32_t *pes = PyMem_Calloc(st->num_pes, sizeof *pes);
    if (named == NULL || pes == NULL) PyErr_NoMemory();
    if (named == NULL || pes == NULL || read_each(st, list, named, pes, num) != 0) {
        PyMem_Free(pes);
        pes = NULL;
    }
    PyMem_Free(named);
    Py_DECREF(list);
    return pes;
}

static PyObject *group_new(PyTypeObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"chare_type", "args", "onPEs", NULL};
    PyObject *type, *with = NULL, *on_pes = Py_None;
    struct py_state *st = py_state_of_type(self);
    if (st == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO:Group", names, &type, &with, &on_pes))
        return NULL;
    if (py_state_running(st) == NULL) return NULL;
    struct chariot_create how = {.kind = CHARIOT_GROUP, .ndims = 1};
    uint32_t *pes = NULL;
    if (on_pes != Py_None && (pes = read_pes(st, on_pes, &how.num_pes)) == NULL) return NULL;
    how.pes = pes;
    PyObject *proxy = create(st, type, &how, with, false);
    PyMem_Free(pes);
    return proxy;
}

/* ---------------------------------------------------------------- Array */

/* The exception that is set, of an index, said of dimensions. Returns -1. */
static int about_dims(PyObject *dims) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Format(PyExc_TypeError, "Array(): dims must be an int or 1 to %d ints, not %R", CHARIOT_MAX_DIMS, dims);
    } else if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Format(PyExc_ValueError,
                     "Array(): dims=%R: arrays have 1 to %d dimensions, of up to 2**63 - 1 elements in all", dims,
                     CHARIOT_MAX_DIMS);
    }
    return -1;
}

static int read_ndims(PyObject *given, int64_t *ndims) {
    static const char what[] = "Array(): ndims";
    *ndims = -1;
    if (py_integer_read(given, what, INT64_MIN, INT64_MAX, ndims) != 0) return -1;
    return *ndims == -1 ? 0 : py_integer_read(given, what, 1, CHARIOT_MAX_DIMS, ndims);
}

static int read_dims(struct py_state *st, PyObject *dims, PyObject *given, struct chariot_create *how) {
    int64_t ndims;
    if (read_ndims(given, &ndims) != 0) return -1;
    if (dims == Py_None) {
        if (ndims == -1) {
            PyErr_SetString(st->error, "Array() needs dims, or ndims for an array whose elements are inserted later");
            return -1;
        }
        how->ndims = (uint32_t)ndims;
        return 0;
    }
    struct chariot_index index;
    if (py_index_read(dims, &index) != 0) return about_dims(dims);
    if (ndims != -1 && ndims != (int64_t)index.ndims) {
        PyErr_Format(st->error, "dims has %u dimensions, but ndims is %lld", index.ndims, (long long)ndims);
        return -1;
    }
    how->ndims = index.ndims;
    for (uint32_t i = 0; i < index.ndims; i++) {
        how->dims[i] = index.at[i];
        if (index.at[i] > 0) continue;
        PyErr_Format(
            PyExc_ValueError,
            "Array(): dims=%R: each dimension must be at least 1 (an array that begins empty is created with ndims "
            "alone)",
            dims);
        return -1;
    }
    return 0;
}

static PyObject *array_new(PyTypeObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"chare_type", "dims", "ndims", "args", "map", "useAtSync", NULL};
    PyObject *type, *dims = Py_None, *ndims = NULL, *with = NULL, *map = Py_None;
    int use_at_sync = 0;
    struct py_state *st = py_state_of_type(self);
    if (st == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOOOp:Array", names, &type, &dims, &ndims, &with,
                                                   &map, &use_at_sync)) {
        return NULL;
    }
    struct chariot_create how = {.kind = CHARIOT_ARRAY_OF, .at_sync = use_at_sync != 0};
    if (map != Py_None && py_map_read(st, map, &how.map) != 0) return NULL;
    if (read_dims(st, dims, ndims, &how) != 0) return NULL;
    return create(st, type, &how, with, dims == Py_None); /* of one that begins empty each insertion brings its own */
}

/* ---------------------------------------------------------------- types */

static PyType_Slot group_slots[] = {
    {Py_tp_doc, (void *)"Group(C, args=[]) creates one chare of class C on every PE and returns a proxy of them all;\n"
                        "onPEs=[...]: on these PEs only."},
    {Py_tp_new, group_new},
    {0, NULL}};
static PyType_Spec group_spec = {
    .name = "chariot.Group", .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, .slots = group_slots};

static PyType_Slot array_slots[] = {
    {Py_tp_doc,
     (void *)"Array(C, dims, args=[]) creates chares of class C, one per index, and returns a proxy of them "
             "all; Array(C, ndims=2) an empty array to insert into. map: a group of an ArrayMap, which says where."},
    {Py_tp_new, array_new},
    {0, NULL}};
static PyType_Spec array_spec = {
    .name = "chariot.Array", .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, .slots = array_slots};

int py_create_init(struct py_state *st, PyObject *module) {
    st->group_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &group_spec, NULL);
    st->array_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &array_spec, NULL);
    if (st->group_type == NULL || st->array_type == NULL) return -1;
    if (PyModule_AddObjectRef(module, "Group", (PyObject *)st->group_type) != 0) return -1;
    return PyModule_AddObjectRef(module, "Array", (PyObject *)st->array_type);
}
