#include "python/chare.h"

#include <stdlib.h>

#include "lb/lb.h"
#include "python/bound.h"
#include "python/charm.h"
#include "python/class.h"
#include "python/condition_wait.h"
#include "python/future.h"
#include "python/move.h"
#include "python/number.h"
#include "python/pending.h"
#include "python/proxy.h"
#include "python/section.h"
#include "python/task.h"

static struct py_chare *as_chare(PyObject *object) {
    return (struct py_chare *)(void *)object;
}

/* ---------------------------------------------------------------- life */

/* As object() does: only so attributes lie in the object itself, and are found as fast as those of other classes. */
static PyObject *new_object(PyTypeObject *type) {
    PyObject *none = PyTuple_New(0);
    PyObject *object = none == NULL ? NULL : PyBaseObject_Type.tp_new(type, none, NULL);
    Py_XDECREF(none);
    return object;
}

struct py_chare *py_chare_alloc(struct py_class *cls, struct chariot_elem *elem) {
    PyObject *object = new_object(cls->type);
    if (object == NULL) return NULL;
    struct py_chare *chare = as_chare(object);
    chare->elem = elem;
    chare->cls = cls;
    return chare;
}

struct py_chare_more *py_chare_more(struct py_chare *chare) {
    if (chare->more == NULL) chare->more = calloc(1, sizeof *chare->more);
    if (chare->more == NULL) PyErr_NoMemory();
    return chare->more;
}

/* Chare(Block, ...) creates a chare elsewhere and gives its proxy; Block(...) just makes an object. */
static PyObject *chare_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    struct py_state *st = py_state_of_type(type);
    if (st == NULL) return NULL;
    return type == st->chare_type ? py_create_single(st, args, kwargs) : new_object(type);
}

static int chare_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    struct py_chare_more *more = as_chare(self)->more;
    if (more == NULL) return 0;
    Py_VISIT(more->proxy);
    return more->pending == NULL ? 0 : py_pending_traverse(more->pending, visit, arg);
}

static int chare_clear(PyObject *self) {
    if (as_chare(self)->more != NULL) Py_CLEAR(as_chare(self)->more->proxy);
    return 0;
}

static void chare_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    py_pending_drop(as_chare(self));
    chare_clear(self);
    free(as_chare(self)->more);
    type->tp_free(self);
    Py_DECREF(type);
}

struct chariot_elem *py_chare_elem(PyObject *self) {
    struct py_chare *chare = as_chare(self);
    struct py_state *st = chare->cls != NULL ? chare->cls->st : py_state_of_type(Py_TYPE(self));
    if (st == NULL) return NULL;
    if (chare->elem != NULL && st->phase == PY_RUNNING) return py_state_running(st) == NULL ? NULL : chare->elem;
    if (chare->left && st->phase == PY_RUNNING) {
        PyErr_Format(st->error, "this %s has moved to another PE: call it by its proxy", Py_TYPE(self)->tp_name);
        return NULL;
    }
    PyErr_Format(st->error,
                 "this %s is no chare: it was not made by Chare(), Group() or Array(), or it was destroyed, or the job "
                 "has ended",
                 Py_TYPE(self)->tp_name);
    return NULL;
}

struct py_chare *py_chare_of(struct py_state *st, const struct chariot_elem *elem) {
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    const struct chariot_type *type = chariot_type_of(st->pe, ref.type);
    return type != NULL && type->reads_objects ? chariot_elem_object(elem) : NULL;
}

/* ---------------------------------------------------------------- who it is */

void py_chare_label(const struct py_chare *chare, const char *what, char *label, size_t size) {
    char index[100];
    const char *name = PyUnicode_AsUTF8(chare->cls->short_name);
    if (name == NULL) PyErr_Clear();
    py_hang_index(chare->elem, index, sizeof index);
    PyOS_snprintf(label, size, "%.100s%s%s", name == NULL ? "?" : name, index, what);
}

static PyObject *get_proxy(PyObject *self, void *closure) {
    struct py_chare *chare = as_chare(self);
    struct chariot_elem *elem = py_chare_elem(self);
    if (elem == NULL) return NULL;
    struct py_chare_more *more = py_chare_more(chare);
    if (more == NULL) return NULL;
    if (more->proxy == NULL) {
        struct chariot_ref element, whole;
        chariot_elem_ref(elem, &element);
        chariot_ref_collection(&element, &whole);
        more->proxy = py_proxy_new(chare->cls->st, chare->cls, &whole);
    }
    Py_XINCREF(more->proxy);
    return more->proxy;
}

static PyObject *get_index(PyObject *self, void *closure) {
    struct chariot_elem *elem = py_chare_elem(self);
    if (elem == NULL) return NULL;
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    if (ref.kind != CHARIOT_MAIN) return py_index_object(&ref);
    return PyErr_Format(PyExc_AttributeError, "the main chare has no index");
}

/* Whether a balancer may move it: elements of arrays and single chares, unless they said no. */
static PyObject *get_migratable(PyObject *self, void *closure) {
    struct chariot_elem *elem = py_chare_elem(self);
    if (elem == NULL) return NULL;
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    bool can = ref.kind == CHARIOT_ARRAY_OF || ref.kind == CHARIOT_SINGLE;
    return PyBool_FromLong(can && chariot_is_migratable(elem));
}

static int set_migratable(PyObject *self, PyObject *value, void *closure) {
    int truth = value == NULL ? 1 : PyObject_IsTrue(value);
    struct chariot_elem *elem = truth < 0 ? NULL : py_chare_elem(self);
    if (elem == NULL) return -1;
    chariot_set_migratable(elem, truth != 0);
    return 0;
}

static PyObject *chare_set_migratable(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"migratable", NULL};
    PyObject *value;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:setMigratable", names, &value)) return NULL;
    if (set_migratable(self, value, NULL) != 0) return NULL;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- reductions */

int py_target_read(struct py_state *st, PyObject *callback, struct chariot_target *target) {
    *target = (struct chariot_target){.kind = CHARIOT_TO_NOTHING};
    if (py_future_check(st, callback)) {
        target->kind = CHARIOT_TO_FUTURE;
        target->future = py_future_id(callback);
        return 0;
    }
    if (py_bound_check(st, callback)) {
        target->kind = CHARIOT_TO_METHOD;
        py_bound_target(callback, &target->ref, &target->method);
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "a callback is a Future or a method of a proxy here, not %s",
                 Py_TYPE(callback)->tp_name);
    return -1;
}

/* One contribution, as the runtime takes it. */
struct part {
    struct chariot_elem *elem;
    struct chariot_ref section;
    const struct chariot_ref *over; /* section, or NULL: the whole collection */
    uint32_t reducer;
    struct chariot_msg *msg;
};

/* What it is over: a section, or (NULL, None, or said by its proxy) the chare's own collection. */
static int read_section(struct py_state *st, struct chariot_elem *elem, PyObject *section, struct part *part) {
    struct chariot_ref element, whole;
    part->over = NULL;
    if (section == NULL || section == Py_None) return 0;
    if (py_proxy_check(st, section)) part->section = ((struct py_proxy *)(void *)section)->ref;
    chariot_elem_ref(elem, &element);
    chariot_ref_collection(&element, &whole);
    if (py_proxy_check(st, section) && chariot_ref_equal(&part->section, &whole)) return 0;
    if (py_proxy_check(st, section) && part->section.whole && chariot_ref_is_section(&part->section)) {
        part->over = &part->section;
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "section must be the proxy of a section, as charm.split() gives it, not %R", section);
    return -1;
}

/* Of a chare that is one. -1 with an exception set. */
static int read_part(struct py_state *st, PyObject *self, PyObject *data, PyObject *reducer, PyObject *section,
                     struct part *part) {
    if (read_section(st, as_chare(self)->elem, section, part) != 0) return -1;
    if (py_reducer_id(st, reducer, &part->reducer) != 0) return -1;
    if (py_reduce_encode(st, self, data == NULL ? Py_None : data, part->reducer, &part->msg) != 0) return -1;
    part->elem = py_chare_elem(self); /* now: the code that pickles data may have waited, and the chare have gone */
    if (part->elem != NULL) return 0;
    chariot_msg_unref(part->msg);
    return -1;
}

static PyObject *no_member(PyObject *self, PyObject *section) {
    struct py_class *cls = as_chare(self)->cls;
    PyObject *index = get_index(self, NULL);
    if (index == NULL) return NULL;
    PyErr_Format(cls->st->error,
                 "%U %R cannot contribute to a reduction of %R: it is no member, or the section was destroyed",
                 cls->short_name, index, section);
    Py_DECREF(index);
    return NULL;
}

static PyObject *contribute_failed(PyObject *self, const struct part *part, PyObject *section, int rc) {
    struct py_class *cls = as_chare(self)->cls;
    if (rc == CHARIOT_ENOENT && part->over != NULL) return no_member(self, section);
    if (rc == CHARIOT_ESTATE) {
        return PyErr_Format(cls->st->error,
                            "elements of %U passed different reducers to one reduction: all must pass the same, in the "
                            "same order of reductions",
                            cls->short_name);
    }
    py_raise_code(cls->st, rc, "contributing to a reduction");
    return NULL;
}

static PyObject *contribute(PyObject *self, PyObject *callback, PyObject *data, PyObject *reducer, PyObject *section) {
    if (py_chare_elem(self) == NULL) return NULL;
    struct py_state *st = as_chare(self)->cls->st;
    struct chariot_target target;
    struct part part;
    if (py_target_read(st, callback, &target) != 0) return NULL;
    if (read_part(st, self, data, reducer, section, &part) != 0) return NULL;
    int rc = chariot_contribute_take(st->pe, part.elem, part.over, part.msg, part.reducer, &target);
    if (rc == 0) Py_RETURN_NONE;
    return contribute_failed(self, &part, section, rc);
}

PyDoc_STRVAR(
    reduce_doc,
    "reduce($self, /, callback, data=None, reducer=None, section=None)\n--\n\n"
    "Contributes data to the collection's next reduction, or to that of a section that the chare is in. When all\n"
    "elements have done so, the result goes to callback: a Future or a method of a proxy. Without reducer it\n"
    "only says that all have come so far.");

static PyObject *chare_reduce(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"callback", "data", "reducer", "section", NULL};
    PyObject *callback, *data = NULL, *reducer = NULL, *section = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO:reduce", names, &callback, &data, &reducer, &section)) {
        return NULL;
    }
    return contribute(self, callback, data, reducer, section);
}

static PyObject *chare_contribute(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", "reducer", "callback", "section", NULL};
    PyObject *callback, *data, *reducer, *section = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O:contribute", names, &data, &reducer, &callback, &section)) {
        return NULL;
    }
    return contribute(self, callback, data, reducer, section);
}

PyDoc_STRVAR(allreduce_doc, "allreduce($self, /, data=None, reducer=None, section=None)\n--\n\n"
                            "The same, and every element gets a Future of the result. Without data it is a barrier.");

static PyObject *chare_allreduce(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", "reducer", "section", NULL};
    PyObject *data = NULL, *reducer = NULL, *section = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOO:allreduce", names, &data, &reducer, &section)) return NULL;
    if (py_chare_elem(self) == NULL) return NULL;
    struct py_state *st = as_chare(self)->cls->st;
    struct part part;
    if (read_part(st, self, data, reducer, section, &part) != 0) return NULL;
    struct chariot_future *future = NULL;
    int rc = chariot_allreduce_take(st->pe, part.elem, part.over, part.msg, part.reducer, &future);
    return rc == 0 ? py_future_wrap_take(st, future) : contribute_failed(self, &part, section, rc);
}

PyDoc_STRVAR(
    migrate_doc,
    "migrate($self, /, toPe)\n--\n\n"
    "Moves this element of an array to another PE, once the method that runs has returned: its __dict__ as\n"
    "pickle takes it (see __getstate__ and __setstate__). migrated() is called there, and not the constructor.\n"
    "Who calls it does not notice. Charm4PyError: it cannot move now, such as while coroutines of it wait.");

static PyObject *chare_migrate(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"toPe", NULL};
    PyObject *wanted;
    int64_t to_pe;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:migrate", names, &wanted)) return NULL;
    if (py_chare_elem(self) == NULL) return NULL;
    const struct py_state *st = as_chare(self)->cls->st;
    if (py_integer_read(wanted, "migrate(): toPe", 0, chariot_num_pes(st->pe) - 1, &to_pe) != 0) return NULL;
    struct chariot_elem *elem = py_chare_elem(self); /* now: __index__() of wanted may have waited */
    if (elem == NULL) return NULL;
    if (chariot_migrate(st->pe, elem, (uint32_t)to_pe) == 0) {
        if (st->current != NULL && st->current->chare == self) st->current->moves = true;
        Py_RETURN_NONE;
    }
    char why[800] = "out of memory";
    chariot_may_migrate(st->pe, elem, (uint32_t)to_pe, why, sizeof why);
    return PyErr_Format(st->error, "%s", why);
}

PyDoc_STRVAR(at_sync_doc,
             "AtSync($self, /)\n--\n\nThis step's work is done here: waits for all elements that take part "
             "in load balancing to say so.\nThen resumeFromSync() is called on each that has it.");

static PyObject *chare_at_sync(PyObject *self, PyObject *ignored) {
    struct chariot_elem *elem = py_chare_elem(self);
    if (elem == NULL) return NULL;
    struct py_state *st = as_chare(self)->cls->st;
    int rc = chariot_at_sync(st->pe, elem);
    if (rc == 0) Py_RETURN_NONE;
    if (rc == CHARIOT_EINVAL)
        return PyErr_Format(st->error,
                            "%s takes no part in load balancing: create its array with Array(..., useAtSync=True), or "
                            "insert it with ckInsert(..., useAtSync=True)",
                            Py_TYPE(self)->tp_name);
    if (rc == CHARIOT_ESTATE)
        return PyErr_Format(st->error, "%s has called AtSync() already: the next call comes after resumeFromSync()",
                            Py_TYPE(self)->tp_name);
    py_raise_code(st, rc, "AtSync()");
    return NULL;
}

/* ---------------------------------------------------------------- conditions */

static PyObject *flush(PyObject *self, PyObject *ignored) {
    if (py_chare_elem(self) == NULL || py_pending_post(as_chare(self)) != 0) return NULL;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- type */

static PyMethodDef chare_methods[] = {
    {"reduce", (PyCFunction)(void (*)(void))chare_reduce, METH_VARARGS | METH_KEYWORDS, reduce_doc},
    {"contribute", (PyCFunction)(void (*)(void))chare_contribute, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("contribute($self, /, data, reducer, callback, section=None)\n--\n\nreduce() with its arguments as they "
               "once were.")},
    {"migrate", (PyCFunction)(void (*)(void))chare_migrate, METH_VARARGS | METH_KEYWORDS, migrate_doc},
    {"__reduce_ex__", py_move_reduce, METH_O, NULL},
    {"allreduce", (PyCFunction)(void (*)(void))chare_allreduce, METH_VARARGS | METH_KEYWORDS, allreduce_doc},
    {"AtSync", chare_at_sync, METH_NOARGS, at_sync_doc},
    {"setMigratable", (PyCFunction)(void (*)(void))chare_set_migratable, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("setMigratable($self, /, migratable)\n--\n\nWhether a balancer may move it to another PE.")},
    {"wait", py_chare_wait, METH_O, py_chare_wait_doc},
    {"__flush_wait_queues__", flush, METH_NOARGS,
     PyDoc_STR(
         "__flush_wait_queues__($self, /)\n--\n\nLooks soon at all conditions of @when and wait() again; needed where "
         "charm.options.auto_flush_wait_queues is off.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef chare_getset[] = {
    {"thisProxy", get_proxy, NULL, PyDoc_STR("Proxy of the collection; of the chare itself where it is single."), NULL},
    {"thisIndex", get_index, NULL, PyDoc_STR("Index in the collection: an int in groups, else a tuple."), NULL},
    {"migratable", get_migratable, set_migratable, PyDoc_STR("Whether a balancer may move it to another PE."), NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyDoc_STRVAR(chare_doc,
             "Base class of distributed objects. Chare(Block, args=[...], onPE=2) creates one and returns its "
             "proxy.");

static PyType_Slot chare_slots[] = {{Py_tp_doc, (void *)chare_doc}, {Py_tp_new, chare_new},
                                    {Py_tp_dealloc, chare_dealloc}, {Py_tp_traverse, chare_traverse},
                                    {Py_tp_clear, chare_clear},     {Py_tp_methods, chare_methods},
                                    {Py_tp_getset, chare_getset},   {0, NULL}};
static PyType_Spec chare_spec = {.name = "chariot.Chare",
                                 .basicsize = sizeof(struct py_chare),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                                 .slots = chare_slots};

int py_chare_init(struct py_state *st, PyObject *module) {
    st->chare_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &chare_spec, NULL);
    if (st->chare_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Chare", (PyObject *)st->chare_type);
}
