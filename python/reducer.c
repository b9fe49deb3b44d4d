/* python/reducer.c: Reducer and its reducers, as Python objects. */
#include "python/reduce.h"

#include <stddef.h>
#include <structmember.h>

#include "python/state.h"

static const char *const builtin_names[] = {
    [CHARIOT_REDUCE_NOP] = "nop",       [CHARIOT_REDUCE_SUM] = "sum",         [CHARIOT_REDUCE_PRODUCT] = "product",
    [CHARIOT_REDUCE_MAX] = "max",       [CHARIOT_REDUCE_MIN] = "min",         [CHARIOT_REDUCE_AND] = "logical_and",
    [CHARIOT_REDUCE_OR] = "logical_or", [CHARIOT_REDUCE_XOR] = "logical_xor", [CHARIOT_REDUCE_GATHER] = "gather",
};
enum { NUM_BUILTINS = sizeof builtin_names / sizeof *builtin_names };

const char *py_reducer_builtin_name(uint32_t id) {
    return builtin_names[id];
}

/* ---------------------------------------------------------------- reducers as objects */

static PyObject *reducer_repr(PyObject *object) {
    return PyUnicode_FromFormat("<Reducer.%U>", py_reducer_of(object)->name);
}

static PyObject *reducer_call(PyObject *object, PyObject *args, PyObject *keywords) {
    struct py_reducer *self = py_reducer_of(object);
    if (self->func != NULL) return PyObject_Call(self->func, args, keywords);
    PyObject *values;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "a reducer takes one argument, the values");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O", &values)) return NULL;
    if (self->id == CHARIOT_REDUCE_NOP) Py_RETURN_NONE;
    PyObject *list = PySequence_List(values);
    if (list == NULL || self->id == CHARIOT_REDUCE_GATHER) return list;
    PyObject *result = py_reduce_fold(self->id, list);
    Py_DECREF(list);
    return result;
}

static PyObject *reducer_reduce(PyObject *object, PyObject *Py_UNUSED(none)) {
    struct py_reducer *self = py_reducer_of(object);
    PyObject *load = PyObject_GetAttrString(self->st->module, "_reducer_named");
    return load != NULL ? Py_BuildValue("N(O)", load, self->name) : NULL;
}

static int reducer_traverse(PyObject *object, visitproc visit, void *arg) {
    struct py_reducer *self = py_reducer_of(object);
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->func);
    Py_VISIT(self->pre);
    Py_VISIT(self->post);
    return 0;
}

static int reducer_clear(PyObject *object) {
    struct py_reducer *self = py_reducer_of(object);
    Py_CLEAR(self->func);
    Py_CLEAR(self->pre);
    Py_CLEAR(self->post);
    return 0;
}

static void reducer_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    reducer_clear(object);
    Py_XDECREF(py_reducer_of(object)->name);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef reducer_methods[] = {
    {"__reduce__", reducer_reduce, METH_NOARGS, PyDoc_STR("Pickles as the reducer of that name.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reducer_members[] = {
    {"__name__", T_OBJECT_EX, offsetof(struct py_reducer, name), READONLY, "Its name in Reducer."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot reducer_slots[] = {
    {Py_tp_doc, "One way to reduce contributions to one value. Called with a list of values, it reduces those here."},
    {Py_tp_repr, reducer_repr},
    {Py_tp_call, reducer_call},
    {Py_tp_traverse, reducer_traverse},
    {Py_tp_clear, reducer_clear},
    {Py_tp_dealloc, reducer_dealloc},
    {Py_tp_methods, reducer_methods},
    {Py_tp_members, reducer_members},
    {0, NULL},
};

static PyType_Spec reducer_spec = {
    .name = "chariot._core.ReducerType",
    .basicsize = sizeof(struct py_reducer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = reducer_slots,
};

/* New reference; steals nothing. */
static struct py_reducer *reducer_new(struct py_state *st, PyObject *name, uint32_t id) {
    struct py_reducer *self = py_reducer_of(st->reduce.reducer_type->tp_alloc(st->reduce.reducer_type, 0));
    if (self == NULL) return NULL;
    self->st = st;
    self->name = Py_NewRef(name);
    self->id = id;
    return self;
}

/* ---------------------------------------------------------------- the container */

struct container {
    PyObject_HEAD struct py_state *st; /* borrowed */
    PyObject *by_name;                 /* {name: reducer}, owned */
};

static PyObject *by_name_of(PyObject *object) {
    return ((struct container *)(void *)object)->by_name;
}

static PyObject *container_getattro(PyObject *object, PyObject *name) {
    PyObject *reducer = PyDict_GetItemWithError(by_name_of(object), name);
    if (reducer != NULL) return Py_NewRef(reducer);
    PyObject *attribute = PyErr_Occurred() ? NULL : PyObject_GenericGetAttr(object, name);
    if (attribute == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Format(PyExc_AttributeError, "there is no reducer named %R: add it with Reducer.addReducer(func)", name);
    return attribute;
}

/* 0, or -1 with an exception: TypeError. *out NULL for None. */
static int check_function(PyObject *function, const char *which, PyObject **out) {
    *out = NULL;
    if (function == NULL || function == Py_None) return 0;
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "Reducer.addReducer(): %s must be a function, not %R", which, function);
        return -1;
    }
    *out = function;
    return 0;
}

/* New reference to the name under which func becomes a reducer; NULL with an exception set. */
static PyObject *name_for(struct py_state *st, PyObject *container, PyObject *func) {
    PyObject *name = PyObject_GetAttrString(func, "__name__");
    if (name == NULL || !PyUnicode_Check(name) || !PyUnicode_IsIdentifier(name)) {
        PyErr_Format(PyExc_TypeError, "Reducer.addReducer(): %R has no name: define the function with def", func);
        Py_CLEAR(name);
        return NULL;
    }
    int taken = PyDict_Contains(by_name_of(container), name);
    if (taken == 0) taken = PyUnicode_CompareWithASCIIString(name, "addReducer") == 0;
    if (taken == 0) return name;
    if (taken > 0) PyErr_Format(st->error, "there is a reducer named %R already", name);
    Py_DECREF(name);
    return NULL;
}

static struct py_reducer *make_added(struct py_state *st, PyObject *name, PyObject *func, PyObject *pre,
                                     PyObject *post) {
    struct py_reducer *self = reducer_new(st, name, PY_REDUCER_NEW);
    if (self == NULL) return NULL;
    self->func = Py_NewRef(func);
    self->pre = Py_XNewRef(pre);
    self->post = Py_XNewRef(post);
    py_reducer_describe(self);
    if (self->runtime.name == NULL) Py_CLEAR(self);
    return self;
}

/* -1; the exception that is set stays. */
static int forget_last(struct py_state *st) {
    PyObject *type, *exc, *trace;
    PyErr_Fetch(&type, &exc, &trace);
    Py_ssize_t last = PyList_GET_SIZE(st->reduce.added) - 1;
    PyList_SetSlice(st->reduce.added, last, last + 1, NULL);
    PyErr_Restore(type, exc, trace);
    return -1;
}

/* To st->reduce.added and, once the PE is open, to the runtime. Takes a reference, gives one. */
static struct py_reducer *add_take(struct py_state *st, struct py_reducer *self) {
    int rc = self == NULL ? -1 : PyList_Append(st->reduce.added, (PyObject *)self);
    if (rc == 0 && st->phase != PY_IDLE && py_reduce_register_all(st) < 0) rc = forget_last(st);
    if (rc != 0) Py_CLEAR(self);
    return self;
}

int py_reducer_join(struct py_state *st, const struct chariot_reducer *reducer) {
    PyObject *name = PyUnicode_InternFromString(reducer->name);
    struct py_reducer *self = name == NULL ? NULL : reducer_new(st, name, PY_REDUCER_NEW);
    Py_XDECREF(name);
    if (self != NULL) self->runtime = *reducer;
    self = add_take(st, self);
    Py_XDECREF(self);
    return self == NULL ? -1 : 0;
}

/* Whether a reducer may be added: 0, or -1 with an exception set; *name is a new reference. */
static int check_added(struct py_state *st, PyObject *container, PyObject *func, PyObject **pre, PyObject **post,
                       PyObject **name) {
    *name = NULL;
    if (!PyCallable_Check(func)) {
        PyErr_Format(PyExc_TypeError, "Reducer.addReducer(): func must be a function, not %R", func);
        return -1;
    }
    if (check_function(*pre, "pre", pre) < 0 || check_function(*post, "post", post) < 0) return -1;
    *name = name_for(st, container, func);
    return *name == NULL ? -1 : 0;
}

static PyObject *container_add(PyObject *object, PyObject *args, PyObject *keywords) {
    static char *names[] = {"func", "pre", "post", NULL};
    struct py_state *st = ((struct container *)(void *)object)->st;
    PyObject *func, *pre = NULL, *post = NULL, *name;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OO:addReducer", names, &func, &pre, &post)) return NULL;
    if (check_added(st, object, func, &pre, &post, &name) < 0) return NULL;
    if (st->phase >= PY_RUNNING) {
        PyErr_Format(st->error,
                     "reducer %R: while the job runs, reducers are added on all PEs at once: "
                     "charm.thisProxy.addReducer(%U, awaitable=True).get() in a coroutine",
                     name, name);
        Py_DECREF(name);
        return NULL;
    }
    struct py_reducer *self = add_take(st, make_added(st, name, func, pre, post));
    int result = self == NULL ? -1 : PyDict_SetItem(by_name_of(object), name, (PyObject *)self);
    Py_XDECREF(self);
    Py_DECREF(name);
    return result == 0 ? Py_NewRef(func) : NULL;
}

/* Pickles by name: functions that are sent by value refer to it. */
static PyObject *container_reduce(PyObject *object, PyObject *Py_UNUSED(none)) {
    return PyUnicode_FromString("Reducer");
}

static PyObject *container_dir(PyObject *object, PyObject *Py_UNUSED(none)) {
    PyObject *names = PyDict_Keys(by_name_of(object));
    PyObject *own = names != NULL ? PyUnicode_FromString("addReducer") : NULL;
    if (own == NULL || PyList_Append(names, own) < 0) Py_CLEAR(names);
    Py_XDECREF(own);
    return names;
}

static int container_traverse(PyObject *object, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(by_name_of(object));
    return 0;
}

static int container_clear(PyObject *object) {
    Py_CLEAR(((struct container *)(void *)object)->by_name);
    return 0;
}

static void container_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    container_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef container_methods[] = {
    {"addReducer", (PyCFunction)(void (*)(void))container_add, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("addReducer(func, pre=None, post=None)\n--\n\n"
               "Adds func.__name__ as a reducer. func(list of contributions) gives the reduced value; it is applied to "
               "partial results too.\npre(data, contributor) is applied to each contribution, post(value) once to the "
               "result.\nTo be called on every PE in the same order: at module level. Returns func.")},
    {"__reduce__", container_reduce, METH_NOARGS, NULL},
    {"__dir__", container_dir, METH_NOARGS, PyDoc_STR("Names of all reducers.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot container_slots[] = {
    {Py_tp_doc, "All reducers by name: sum, product, max, min, logical_and, logical_or, logical_xor, gather, nop, and "
                "those added by addReducer()."},
    {Py_tp_getattro, container_getattro},
    {Py_tp_methods, container_methods},
    {Py_tp_traverse, container_traverse},
    {Py_tp_clear, container_clear},
    {Py_tp_dealloc, container_dealloc},
    {0, NULL},
};

static PyType_Spec container_spec = {
    .name = "chariot._core.Reducers",
    .basicsize = sizeof(struct container),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = container_slots,
};

/* ---------------------------------------------------------------- the module's part */

static PyObject *reducer_named(PyObject *module, PyObject *name) {
    return PyObject_GetAttr(py_state_of_module(module)->reduce.reducers, name);
}

/* Reducers that come while the job runs, in three steps as classes do (class.h): func, pre, post. */

static PyObject *reducer_check(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    PyObject *func, *pre, *post, *name;
    if (!PyArg_ParseTuple(args, "OOO:_reducer_check", &func, &pre, &post)) return NULL;
    if (check_added(st, st->reduce.reducers, func, &pre, &post, &name) < 0) return NULL;
    Py_DECREF(name);
    Py_RETURN_NONE;
}

static PyObject *reducer_number(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    PyObject *func, *pre, *post, *name;
    if (!PyArg_ParseTuple(args, "OOO:_reducer_number", &func, &pre, &post)) return NULL;
    if (check_added(st, st->reduce.reducers, func, &pre, &post, &name) < 0) return NULL;
    struct py_reducer *self = add_take(st, make_added(st, name, func, pre, post));
    Py_DECREF(name);
    if (self == NULL) return NULL;
    Py_DECREF(self);
    Py_RETURN_NONE;
}

static PyObject *reducer_open(PyObject *module, PyObject *name) {
    struct py_state *st = py_state_of_module(module);
    for (Py_ssize_t i = PyList_GET_SIZE(st->reduce.added); i > 0; i--) {
        PyObject *added = PyList_GET_ITEM(st->reduce.added, i - 1);
        if (PyUnicode_Compare(py_reducer_of(added)->name, name) != 0) continue;
        if (PyDict_SetItem(by_name_of(st->reduce.reducers), name, added) != 0) return NULL;
        Py_RETURN_NONE;
    }
    return PyErr_Format(st->error, "reducer %R has no number yet", name);
}

static PyMethodDef functions[] = {
    {"_reducer_check", reducer_check, METH_VARARGS, NULL},
    {"_reducer_number", reducer_number, METH_VARARGS, NULL},
    {"_reducer_open", reducer_open, METH_O, NULL},
    {"_reducer_named", reducer_named, METH_O, PyDoc_STR("The reducer of that name, for pickles.")},
    {NULL, NULL, 0, NULL},
};

static PyObject *container_new(struct py_state *st) {
    PyTypeObject *type = st->reduce.container_type;
    struct container *self = (struct container *)(void *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->st = st;
    self->by_name = PyDict_New();
    for (uint32_t id = 0; self->by_name != NULL && id < NUM_BUILTINS; id++) {
        PyObject *name = PyUnicode_InternFromString(builtin_names[id]);
        struct py_reducer *reducer = name != NULL ? reducer_new(st, name, id) : NULL;
        if (reducer == NULL || PyDict_SetItem(self->by_name, name, (PyObject *)reducer) < 0) Py_CLEAR(self->by_name);
        Py_XDECREF(name);
        Py_XDECREF(reducer);
    }
    if (self->by_name == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

int py_reduce_init(struct py_state *st, PyObject *module) {
    struct py_reduce *reduce = &st->reduce;
    reduce->reducer_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &reducer_spec, NULL);
    reduce->container_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &container_spec, NULL);
    reduce->added = PyList_New(0);
    if (reduce->reducer_type == NULL || reduce->container_type == NULL || reduce->added == NULL) return -1;
    reduce->reducers = container_new(st);
    if (reduce->reducers == NULL || PyModule_AddFunctions(module, functions) < 0) return -1;
    return PyModule_AddObjectRef(module, "Reducer", reduce->reducers);
}

int py_reduce_traverse(struct py_reduce *reduce, visitproc visit, void *arg) {
    Py_VISIT(reduce->container_type);
    Py_VISIT(reduce->reducer_type);
    Py_VISIT(reduce->reducers);
    Py_VISIT(reduce->added);
    return 0;
}

void py_reduce_clear(struct py_reduce *reduce) {
    Py_CLEAR(reduce->reducers);
    Py_CLEAR(reduce->added);
    Py_CLEAR(reduce->container_type);
    Py_CLEAR(reduce->reducer_type);
}
