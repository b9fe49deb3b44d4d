#include "python/bound.h"

#include <structmember.h>

#include "python/errors.h"
#include "python/future.h"
#include "python/message.h"
#include "sections/sections.h"

static struct py_bound *as_bound(PyObject *object) {
    return (struct py_bound *)(void *)object;
}

static struct py_proxy *proxy_of(const struct py_bound *bound) {
    return (struct py_proxy *)(void *)bound->proxy;
}

/* ---------------------------------------------------------------- calling */

/* Members on the PE at a section's root get what is sent from there as it is; the others a copy. */
static enum chariot_place place_of_section(struct py_state *st, const struct chariot_ref *section) {
    uint32_t root, creator;
    uint64_t number;
    chariot_section_id(section, &root, &creator, &number);
    return root == st->my_pe ? CHARIOT_MAYBE_HERE : CHARIOT_ELSEWHERE;
}

/* Whether arguments go by reference. */
static enum chariot_place place_of(struct py_state *st, const struct py_bound *bound) {
    const struct chariot_ref *ref = &proxy_of(bound)->ref;
    if (!st->local_msg_optim || py_class_is_c(proxy_of(bound)->cls)) return CHARIOT_ELSEWHERE;
    if (!ref->whole) return chariot_ref_place(st->pe, ref);
    return chariot_ref_is_section(ref) ? place_of_section(st, ref) : CHARIOT_ELSEWHERE;
}

static PyObject *send_call(struct py_state *st, const struct py_bound *self, const struct py_call_args *bound) {
    struct chariot_msg *msg;
    if (py_message_put_args(st, bound->args, bound->num, bound->keywords, place_of(st, self), &msg) != 0) return NULL;
    enum chariot_want want = bound->ret         ? CHARIOT_WANT_VALUE
                             : bound->awaitable ? CHARIOT_WANT_DONE
                                                : CHARIOT_WANT_NOTHING;
    PyObject *future = want == CHARIOT_WANT_NOTHING ? NULL : py_future_new(st, 1);
    if (want != CHARIOT_WANT_NOTHING && future == NULL) {
        chariot_msg_unref(msg);
        return NULL;
    }
    int rc = chariot_send_take(st->pe, &proxy_of(self)->ref, self->number, msg, want,
                               future == NULL ? NULL : py_future_handle(future));
    if (rc != 0) {
        Py_XDECREF(future);
        py_raise_code(st, rc, "calling a remote method");
        return NULL;
    }
    if (future != NULL) return future;
    Py_RETURN_NONE;
}

static PyObject *bound_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    struct py_bound *self = as_bound(object);
    struct py_state *st = self->method->cls->st;
    struct py_call_args bound;
    const struct chariot_ref *ref = &proxy_of(self)->ref;
    bool combined = ref->kind == CHARIOT_SECTION && ref->index[0] == 0;
    if (py_state_running(st) == NULL) return NULL;
    if ((combined ? py_bind_by_name : py_bind)(st, self->method, args, nargsf, kwnames, &bound) != 0) return NULL;
    PyObject *result = send_call(st, self, &bound);
    py_bind_clear(&bound);
    return result;
}

/* ---------------------------------------------------------------- life */

PyObject *py_bound_new(struct py_state *st, PyObject *proxy, uint32_t number) {
    struct py_bound *self = st->free_bounds;
    if (self != NULL) {
        st->free_bounds = (struct py_bound *)(void *)self->proxy;
        st->num_free_bounds--;
        PyObject_Init((PyObject *)self, st->bound_type);
    } else {
        self = PyObject_New(struct py_bound, st->bound_type);
        if (self == NULL) return NULL;
        self->call = bound_vectorcall;
    }
    Py_INCREF(proxy);
    self->proxy = proxy;
    self->number = number;
    self->method = &proxy_of(self)->cls->methods[number];
    return (PyObject *)self;
}

static void bound_dealloc(PyObject *object) {
    struct py_bound *self = as_bound(object);
    struct py_state *st = self->method->cls->st;
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF(self->proxy);
    if (st->num_free_bounds < PY_MAX_FREE) {
        self->proxy = (PyObject *)(void *)st->free_bounds;
        st->free_bounds = self;
        st->num_free_bounds++;
    } else {
        PyObject_Free(object);
    }
    Py_DECREF(type);
}

void py_bound_clear_free(struct py_state *st) {
    while (st->free_bounds != NULL) {
        struct py_bound *next = (struct py_bound *)(void *)st->free_bounds->proxy;
        PyObject_Free(st->free_bounds);
        st->free_bounds = next;
    }
    st->num_free_bounds = 0;
}

/* ---------------------------------------------------------------- value */

bool py_bound_check(struct py_state *st, PyObject *object) {
    return Py_IS_TYPE(object, st->bound_type);
}

void py_bound_target(PyObject *bound, struct chariot_ref *ref, uint32_t *method) {
    *ref = proxy_of(as_bound(bound))->ref;
    *method = as_bound(bound)->number;
}

int py_bound_put(struct chariot_writer *writer, PyObject *bound) {
    const struct py_bound *self = as_bound(bound);
    return chariot_put_method(writer, &proxy_of(self)->ref, self->number) == 0 ? 0 : py_write_failed(writer->error);
}

static PyObject *bound_compare(PyObject *object, PyObject *other, int op) {
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(other, Py_TYPE(object))) Py_RETURN_NOTIMPLEMENTED;
    const struct py_bound *a = as_bound(object), *b = as_bound(other);
    bool same = a->number == b->number && chariot_ref_equal(&proxy_of(a)->ref, &proxy_of(b)->ref);
    return PyBool_FromLong(same == (op == Py_EQ));
}

static Py_hash_t bound_hash(PyObject *object) {
    const struct py_bound *self = as_bound(object);
    Py_hash_t hash = (Py_hash_t)(chariot_ref_hash(&proxy_of(self)->ref) + self->number);
    return hash == -1 ? -2 : hash;
}

static PyObject *bound_repr(PyObject *object) {
    const struct py_bound *self = as_bound(object);
    return PyUnicode_FromFormat("<remote method %U of %R>", self->method->name, self->proxy);
}

static PyObject *bound_reduce(PyObject *object, PyObject *ignored) {
    const struct py_bound *self = as_bound(object);
    return py_proxy_pickle(self->method->cls->st, &proxy_of(self)->ref, self->number);
}

static PyObject *bound_name(PyObject *object, void *closure) {
    PyObject *name = as_bound(object)->method->name;
    Py_INCREF(name);
    return name;
}

static PyMethodDef bound_methods[] = {{"__reduce__", bound_reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyGetSetDef bound_getset[] = {{"__name__", bound_name, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct py_bound, call), READONLY, NULL},
    {"proxy", T_OBJECT_EX, offsetof(struct py_bound, proxy), READONLY, PyDoc_STR("What it is a method of.")},
    {NULL, 0, 0, 0, NULL}};

PyDoc_STRVAR(bound_doc, "A method of a proxy. Calling it sends the call, and returns at once:\n"
                        "a Future with ret=True (of the result) or awaitable=True (of its end), else None.");

static PyType_Slot bound_slots[] = {{Py_tp_doc, (void *)bound_doc},     {Py_tp_dealloc, bound_dealloc},
                                    {Py_tp_call, PyVectorcall_Call},    {Py_tp_methods, bound_methods},
                                    {Py_tp_getset, bound_getset},       {Py_tp_members, bound_members},
                                    {Py_tp_richcompare, bound_compare}, {Py_tp_hash, bound_hash},
                                    {Py_tp_repr, bound_repr},           {0, NULL}};
static PyType_Spec bound_spec = {.name = "chariot._core.RemoteMethod",
                                 .basicsize = sizeof(struct py_bound),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                                 .slots = bound_slots};

int py_bound_init(struct py_state *st, PyObject *module) {
    st->bound_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &bound_spec, NULL);
    if (st->bound_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "RemoteMethod", (PyObject *)st->bound_type);
}
