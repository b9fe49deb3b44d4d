#include "python/proxy.h"

#include <string.h>
#include <structmember.h>

#include "python/bound.h"
#include "python/chare.h"
#include "python/class.h"
#include "python/future.h"
#include "python/number.h"
#include "python/section.h"

static struct py_proxy *as_proxy(PyObject *object) {
    return (struct py_proxy *)(void *)object;
}

static struct py_state *state_of(PyObject *proxy) {
    return as_proxy(proxy)->cls->st;
}

/* ---------------------------------------------------------------- making */

PyObject *py_proxy_new(struct py_state *st, struct py_class *cls, const struct chariot_ref *ref) {
    struct py_proxy *self = PyObject_New(struct py_proxy, st->proxy_type);
    if (self == NULL) return NULL;
    self->ref = *ref;
    self->cls = cls;
    self->fresh = false;
    self->weakrefs = NULL;
    return (PyObject *)self;
}

static void proxy_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (as_proxy(object)->weakrefs != NULL) PyObject_ClearWeakRefs(object);
    PyObject_Free(object);
    Py_DECREF(type);
}

PyObject *py_proxy_from_ref(struct py_state *st, const struct chariot_ref *ref, uint32_t method) {
    struct py_class *cls = py_class_by_id(st, ref->type);
    if (cls == NULL || (method != UINT32_MAX && method >= cls->num_methods)) {
        return PyErr_Format(PyExc_ValueError, "a reference to a chare of a class or method that is not known here");
    }
    PyObject *proxy = py_proxy_new(st, cls, ref);
    if (proxy == NULL || method == UINT32_MAX) return proxy;
    PyObject *bound = py_bound_new(st, proxy, method);
    Py_DECREF(proxy);
    return bound;
}

int py_proxy_put(struct chariot_writer *writer, PyObject *proxy) {
    return chariot_put_ref(writer, &as_proxy(proxy)->ref) == 0 ? 0 : py_write_failed(writer->error);
}

PyObject *py_proxy_pickle(struct py_state *st, const struct chariot_ref *ref, uint32_t method) {
    PyObject *load = PyObject_GetAttrString(st->module, "_proxy_load");
    if (load == NULL) return NULL;
    return Py_BuildValue("N(y#k)", load, (const char *)ref, (Py_ssize_t)sizeof *ref, (unsigned long)method);
}

PyObject *py_proxy_load(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    struct py_state *st = py_state_of_module(module);
    struct chariot_ref ref;
    if (py_state_running(st) == NULL) return NULL;
    if (num_args != 2 || !PyBytes_Check(args[0]) || PyBytes_GET_SIZE(args[0]) != sizeof ref) {
        return PyErr_Format(PyExc_ValueError, "not a pickled proxy");
    }
    memcpy(&ref, PyBytes_AS_STRING(args[0]), sizeof ref);
    unsigned long method = PyLong_AsUnsignedLong(args[1]);
    if (method == (unsigned long)-1 && PyErr_Occurred()) return NULL;
    if (ref.kind < CHARIOT_MAIN || ref.kind > CHARIOT_SECTION || ref.ndims > CHARIOT_MAX_DIMS) {
        return PyErr_Format(PyExc_ValueError, "not a pickled proxy");
    }
    return py_proxy_from_ref(st, &ref, (uint32_t)method);
}

/* ---------------------------------------------------------------- attributes */

/* A method of the runtime that PE 0's element answers for all. */
static PyObject *bound_at_root(struct py_class *cls, uint32_t number) {
    struct chariot_ref root;
    if (py_state_running(cls->st) == NULL) return NULL;
    chariot_ref_runtime(cls->st->pe, 0, &root);
    PyObject *proxy = py_proxy_new(cls->st, cls, &root);
    PyObject *bound = proxy == NULL ? NULL : py_bound_new(cls->st, proxy, number);
    Py_XDECREF(proxy);
    return bound;
}

static PyObject *proxy_getattro(PyObject *self, PyObject *name) {
    struct py_class *cls = as_proxy(self)->cls;
    PyObject *found = PyDict_GetItemWithError(cls->by_name, name);
    if (found != NULL) {
        uint32_t number = (uint32_t)PyLong_AsUnsignedLong(found);
        if (cls->methods[number].at_root) return bound_at_root(cls, number);
        return py_bound_new(cls->st, self, number);
    }
    if (PyErr_Occurred()) return NULL;
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Format(PyExc_AttributeError, "chare class %U has no remote method '%U'", cls->short_name, name);
    }
    return value;
}

/* The whole collection, or section, that it is or is an element of. */
static void whole_of(PyObject *self, struct chariot_ref *whole) {
    *whole = as_proxy(self)->ref;
    if (!whole->whole) chariot_ref_collection(&as_proxy(self)->ref, whole);
}

enum chariot_kind py_proxy_members(const struct chariot_ref *whole) {
    struct chariot_ref element;
    if (whole->kind != CHARIOT_SECTION) return whole->kind;
    int rc = chariot_ref_element(whole, &(struct chariot_index){.ndims = whole->ndims}, &element);
    return rc == 0 ? element.kind : CHARIOT_SECTION;
}

/* -1 with an exception set: no index of this collection. */
static int read_index(PyObject *self, PyObject *key, struct chariot_index *index) {
    uint32_t ndims = as_proxy(self)->ref.ndims;
    if (py_index_read(key, index) != 0) return -1;
    if (index->ndims == ndims) return 0;
    PyErr_Format(PyExc_ValueError, "%R has %u dimension%s, index %R has %u", self, ndims, ndims == 1 ? "" : "s", key,
                 index->ndims);
    return -1;
}

static PyObject *element_at(PyObject *self, PyObject *key) {
    struct py_proxy *proxy = as_proxy(self);
    struct py_state *st = state_of(self);
    struct chariot_ref whole, element;
    struct chariot_index index;
    if (read_index(self, key, &index) != 0) return NULL;
    if (proxy->ref.kind == CHARIOT_SINGLE || proxy->ref.kind == CHARIOT_MAIN) {
        if (index.at[0] == 0) return Py_NewRef(self);
        return PyErr_Format(PyExc_IndexError, "%R is a single chare: its index is 0, not %R", self, key);
    }
    whole_of(self, &whole);
    if (py_proxy_members(&whole) == CHARIOT_GROUP && st->pe != NULL &&
        (index.at[0] < 0 || index.at[0] >= (int64_t)chariot_num_pes(st->pe))) {
        return PyErr_Format(PyExc_IndexError, "no such PE: %lld (the job has %u)", (long long)index.at[0],
                            chariot_num_pes(st->pe));
    }
    int rc = chariot_ref_element(&whole, &index, &element);
    if (rc == 0) return py_proxy_new(st, proxy->cls, &element);
    py_raise_code(st, rc, "an index");
    return NULL;
}

static PyObject *proxy_subscript(PyObject *self, PyObject *key) {
    struct chariot_ref ref = as_proxy(self)->ref;
    if (py_section_is_slice(key)) return py_section_slice(state_of(self), self, key);
    if (ref.kind == CHARIOT_SECTION && py_section_indexed(state_of(self), self, "an index", &ref) != 0) return NULL;
    return element_at(self, key);
}

/* ---------------------------------------------------------------- value */

static PyObject *proxy_compare(PyObject *self, PyObject *other, int op) {
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(other, Py_TYPE(self))) Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong(chariot_ref_equal(&as_proxy(self)->ref, &as_proxy(other)->ref) == (op == Py_EQ));
}

static Py_hash_t proxy_hash(PyObject *self) {
    Py_hash_t hash = (Py_hash_t)chariot_ref_hash(&as_proxy(self)->ref);
    return hash == -1 ? -2 : hash;
}

static const char *const kinds[] = {"?", "main chare", "chare", "group", "array", "several collections, first"};

static PyObject *section_repr(const struct py_proxy *proxy) {
    uint32_t root, creator;
    uint64_t number;
    chariot_section_id(&proxy->ref, &root, &creator, &number);
    return PyUnicode_FromFormat("<proxy of section (%u, (%u, %llu)) of %s %U>", root, creator,
                                (unsigned long long)number, kinds[py_proxy_members(&proxy->ref)],
                                proxy->cls->short_name);
}

static PyObject *proxy_repr(PyObject *self) {
    const struct py_proxy *proxy = as_proxy(self);
    if (proxy->ref.kind == CHARIOT_SECTION) return section_repr(proxy);
    const char *kind = proxy->ref.kind < CHARIOT_SECTION ? kinds[proxy->ref.kind] : kinds[0];
    bool single = proxy->ref.kind == CHARIOT_SINGLE || proxy->ref.kind == CHARIOT_MAIN;
    if (proxy->ref.whole || single) {
        return PyUnicode_FromFormat("<proxy of %s %U %llu>", kind, proxy->cls->short_name,
                                    (unsigned long long)proxy->ref.collection);
    }
    PyObject *index = py_index_object(&proxy->ref);
    if (index == NULL) return NULL;
    PyObject *text = PyUnicode_FromFormat("<proxy of %s %U %llu, element %R>", kind, proxy->cls->short_name,
                                          (unsigned long long)proxy->ref.collection, index);
    Py_DECREF(index);
    return text;
}

static PyObject *proxy_reduce(PyObject *self, PyObject *ignored) {
    return py_proxy_pickle(state_of(self), &as_proxy(self)->ref, UINT32_MAX);
}

/* ---------------------------------------------------------------- what programs ask of proxies */

/* Of a section the id of the collection that its members are of, where that is one. */
static PyObject *get_id(PyObject *self, void *closure) {
    const struct chariot_ref *ref = &as_proxy(self)->ref;
    bool of_one = ref->kind == CHARIOT_SECTION && ref->index[0] != 0;
    return PyLong_FromUnsignedLongLong(of_one ? ref->index[0] : ref->collection);
}

static PyObject *get_ndims(PyObject *self, void *closure) {
    return PyLong_FromLong(as_proxy(self)->ref.ndims);
}

static PyObject *get_index(PyObject *self, void *closure) {
    const struct chariot_ref *ref = &as_proxy(self)->ref;
    if (!ref->whole) return py_index_object(ref);
    return py_proxy_members(ref) == CHARIOT_GROUP ? PyLong_FromLong(-1) : PyTuple_New(0);
}

static bool is_section(PyObject *self) {
    return as_proxy(self)->ref.whole && chariot_ref_is_section(&as_proxy(self)->ref);
}

static PyObject *get_is_section(PyObject *self, void *closure) {
    return PyBool_FromLong(is_section(self));
}

static PyObject *get_section(PyObject *self, void *closure) {
    uint32_t root, creator;
    uint64_t number;
    if (!is_section(self)) Py_RETURN_NONE;
    chariot_section_id(&as_proxy(self)->ref, &root, &creator, &number);
    return Py_BuildValue("(k(kK))", (unsigned long)root, (unsigned long)creator, (unsigned long long)number);
}

static PyObject *proxy_insert(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "args", "onPE", "useAtSync", NULL};
    PyObject *where, *with = NULL, *wanted = NULL;
    int64_t on_pe = -1;
    int use_at_sync = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOp:ckInsert", names, &where, &with, &wanted, &use_at_sync)) {
        return NULL;
    }
    struct py_proxy *proxy = as_proxy(self);
    struct py_state *st = state_of(self);
    struct chariot_index index;
    struct chariot_ref whole;
    struct chariot_msg *msg;
    if (py_state_running(st) == NULL) return NULL;
    if (proxy->ref.kind != CHARIOT_ARRAY_OF) return PyErr_Format(PyExc_TypeError, "only arrays can be inserted into");
    if (read_index(self, where, &index) != 0) return NULL;
    if (py_integer_read(wanted, "ckInsert(): onPE", -1, chariot_num_pes(st->pe) - 1, &on_pe) != 0) return NULL;
    if (py_create_args(st, proxy->cls, with, &msg) != 0) return NULL;
    whole_of(self, &whole);
    int rc = chariot_insert_take(st->pe, &whole, &index, msg, on_pe, use_at_sync != 0);
    if (rc == CHARIOT_ERANGE) return PyErr_Format(PyExc_ValueError, "index %R is too large", where);
    if (rc != 0) {
        py_raise_code(st, rc, "inserting an element");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *proxy_done_inserting(PyObject *self, PyObject *ignored) {
    struct py_state *st = state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    struct chariot_ref whole;
    whole_of(self, &whole);
    if (whole.kind != CHARIOT_ARRAY_OF) return PyErr_Format(PyExc_TypeError, "only arrays can be inserted into");
    int rc = chariot_done_inserting(st->pe, &whole);
    if (rc == 0) Py_RETURN_NONE;
    py_raise_code(st, rc, "ckDoneInserting()");
    return NULL;
}

static PyObject *proxy_destroy(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"awaitable", NULL};
    int awaitable = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$p:destroy", names, &awaitable)) return NULL;
    struct py_state *st = state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    PyObject *future = awaitable ? py_future_new(st, 1) : NULL;
    if (awaitable && future == NULL) return NULL;
    int rc = chariot_destroy(st->pe, &as_proxy(self)->ref, future == NULL ? NULL : py_future_handle(future));
    if (rc != 0) {
        Py_XDECREF(future);
        if (rc == CHARIOT_EINVAL) {
            return PyErr_Format(PyExc_TypeError, "only whole collections and single chares can be destroyed, not %R",
                                self);
        }
        py_raise_code(st, rc, "destroy()");
        return NULL;
    }
    if (future != NULL) return future;
    Py_RETURN_NONE;
}

static PyObject *proxy_local_branch(PyObject *self, PyObject *ignored) {
    struct py_state *st = state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    struct chariot_ref whole, here;
    whole_of(self, &whole);
    struct chariot_index index = {.ndims = 1, .at = {chariot_my_pe(st->pe)}};
    if (whole.kind != CHARIOT_GROUP || chariot_ref_element(&whole, &index, &here) != 0) {
        return PyErr_Format(PyExc_TypeError, "only groups have a local element on every PE");
    }
    if (py_class_is_c(as_proxy(self)->cls))
        return PyErr_Format(PyExc_TypeError, "%U is written in C: its elements are no Python objects",
                            as_proxy(self)->cls->short_name);
    struct chariot_elem *elem = chariot_elem_local(st->pe, &here);
    PyObject *object = elem == NULL ? NULL : chariot_elem_object(elem);
    if (object == NULL) object = Py_None;
    Py_INCREF(object);
    return object;
}

/* dir(): the remote methods beside what every proxy has. */
static PyObject *proxy_dir(PyObject *self, PyObject *ignored) {
    PyObject *names = PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__dir__", "O", self);
    PyObject *all = names == NULL ? NULL : PySet_New(names), *methods = as_proxy(self)->cls->by_name, *name, *number;
    Py_XDECREF(names);
    for (Py_ssize_t at = 0; all != NULL && PyDict_Next(methods, &at, &name, &number);) {
        if (PySet_Add(all, name) != 0) Py_CLEAR(all);
    }
    PyObject *list = all == NULL ? NULL : PySequence_List(all);
    Py_XDECREF(all);
    return list;
}

/* ---------------------------------------------------------------- type */

static PyMethodDef proxy_methods[] = {
    {"__dir__", proxy_dir, METH_NOARGS, PyDoc_STR("__dir__($self, /)\n--\n\nIts attributes and remote methods.")},
    {"ckInsert", (PyCFunction)(void (*)(void))proxy_insert, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR(
         "ckInsert($self, /, index, args=[], onPE=-1, useAtSync=False)\n--\n\nInserts an element into an array.")},
    {"ckDoneInserting", proxy_done_inserting, METH_NOARGS,
     PyDoc_STR("ckDoneInserting($self, /)\n--\n\nAll first elements have been inserted: reductions may complete.")},
    {"destroy", (PyCFunction)(void (*)(void))proxy_destroy, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR(
         "destroy($self, /, *, awaitable=False)\n--\n\nDestroys a single chare, or a whole collection everywhere; of a "
         "section only itself, its members stay.")},
    {"ckLocalBranch", proxy_local_branch, METH_NOARGS,
     PyDoc_STR("ckLocalBranch($self, /)\n--\n\nThe group's element on this PE itself, or None.")},
    {"__reduce__", proxy_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef proxy_getset[] = {
    {"gid", get_id, NULL, PyDoc_STR("Id of the collection; of a section that of the one its members are of."), NULL},
    {"aid", get_id, NULL, PyDoc_STR("Id of the collection; of a section that of the one its members are of."), NULL},
    {"cid", get_id, NULL, PyDoc_STR("Id of the collection; of a section that of the one its members are of."), NULL},
    {"ndims", get_ndims, NULL, PyDoc_STR("Dimensions of the collection's indices."), NULL},
    {"elemIdx", get_index, NULL, PyDoc_STR("Index of the element; -1 (group) or () for a whole collection."), NULL},
    {"issec", get_is_section, NULL, PyDoc_STR("Whether it refers to a section, or a group on some PEs."), NULL},
    {"section", get_section, NULL,
     PyDoc_STR("Which section it is: (PE at the root of its tree, (PE that made it, number)); else None."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef proxy_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct py_proxy, weakrefs), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

static PyType_Slot proxy_slots[] = {
    {Py_tp_doc, (void *)"A reference to a chare or a collection, which means the same on every PE."},
    {Py_tp_dealloc, proxy_dealloc},
    {Py_tp_getattro, proxy_getattro},
    {Py_mp_subscript, proxy_subscript},
    {Py_tp_methods, proxy_methods},
    {Py_tp_getset, proxy_getset},
    {Py_tp_members, proxy_members},
    {Py_tp_richcompare, proxy_compare},
    {Py_tp_hash, proxy_hash},
    {Py_tp_repr, proxy_repr},
    {0, NULL}};
static PyType_Spec proxy_spec = {.name = "chariot._core.Proxy",
                                 .basicsize = sizeof(struct py_proxy),
                                 .flags =
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                                 .slots = proxy_slots};

int py_proxy_init(struct py_state *st, PyObject *module) {
    st->proxy_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &proxy_spec, NULL);
    if (st->proxy_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Proxy", (PyObject *)st->proxy_type);
}
