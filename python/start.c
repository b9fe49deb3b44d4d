/* charm.start(): finds the program's chare classes, registers them with the runtime, and runs the job. */
#include <pthread.h>
#include <stdlib.h>

#include "python/charm.h"
#include "python/class.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/meter.h"
#include "python/task.h"

/* ---------------------------------------------------------------- finding classes */

static bool is_chare_class(struct py_state *st, PyObject *object) {
    return PyType_Check(object) && PyType_IsSubtype((PyTypeObject *)object, st->chare_type) &&
           object != (PyObject *)st->chare_type && object != (PyObject *)st->map_type;
}

static bool is_old_class(struct py_state *st, PyObject *object) {
    if (!PyType_Check(object) || object == (PyObject *)st->group_type || object == (PyObject *)st->array_type)
        return false;
    PyTypeObject *type = (PyTypeObject *)object;
    return PyType_IsSubtype(type, st->group_type) || PyType_IsSubtype(type, st->array_type);
}

/* Adds the chare classes among a module's names. */
static int find_in_module(struct py_state *st, PyObject *module, PyObject *found) {
    PyObject *dict = PyModule_Check(module) ? PyModule_GetDict(module) : NULL; /* borrowed */
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (dict != NULL && PyDict_Next(dict, &at, &key, &value)) {
        if (!is_chare_class(st, value) && !is_old_class(st, value)) continue;
        if (PySet_Add(found, value) != 0) return -1;
    }
    return 0;
}

static int find_in_modules(struct py_state *st, PyObject *names, PyObject *found) {
    if (PyUnicode_Check(names)) {
        PyErr_Format(PyExc_TypeError, "modules must be a list of module names, not the str %R: [%R]", names, names);
        return -1;
    }
    PyObject *list = PySequence_Fast(names, "modules must be a list of module names");
    if (list == NULL) return -1;
    int rc = 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *name = PySequence_Fast_GET_ITEM(list, i);
        if (!PyUnicode_Check(name)) {
            PyErr_Format(PyExc_TypeError, "modules must be a list of module names, not of %s", Py_TYPE(name)->tp_name);
            rc = -1;
            break;
        }
        const char *utf8 = PyUnicode_AsUTF8(name);
        PyObject *imported = utf8 == NULL ? NULL : PyImport_Import(name);
        /* of a.b this gives b: what stands under the whole name */
        PyObject *module = imported == NULL ? NULL : PyImport_GetModule(name);
        rc = module == NULL ? -1 : find_in_module(st, module, found);
        if (module == NULL && !PyErr_Occurred()) PyErr_Format(PyExc_ImportError, "module %U is not there", name);
        Py_XDECREF(imported);
        Py_XDECREF(module);
    }
    Py_DECREF(list);
    return rc;
}

static int find_in_classes(PyObject *classes, PyObject *found) {
    PyObject *list = PySequence_Fast(classes, "classes must be a list of chare classes");
    if (list == NULL) return -1;
    int rc = 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PySequence_Fast_GET_SIZE(list); i++) {
        rc = PySet_Add(found, PySequence_Fast_GET_ITEM(list, i));
    }
    Py_DECREF(list);
    return rc;
}

/* ---------------------------------------------------------------- registering */

static int by_name(const void *a, const void *b) {
    const struct py_class *first = *(struct py_class *const *)a, *second = *(struct py_class *const *)b;
    return PyUnicode_Compare(first->full_name, second->full_name);
}

/* With the runtime: by name, so that all PEs agree, in whatever order they met the classes. */
static int register_with_runtime(struct py_state *st) {
    size_t count = st->num_classes;
    struct py_class **sorted = malloc((count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < count; i++) sorted[i] = st->classes[i];
    qsort(sorted, count, sizeof *sorted, by_name);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (sorted[i]->id != UINT32_MAX) continue;
        int code = chariot_type_register(st->pe, sorted[i]->registered, &sorted[i]->id);
        if (code == 0) continue;
        sorted[i]->id = UINT32_MAX;
        if (code == CHARIOT_EEXIST)
            PyErr_Format(st->error, "there are two chare classes named %U", sorted[i]->full_name);
        rc = py_raise_code(st, code, "registering a chare class");
    }
    free(sorted);
    return rc;
}

/* In the module that defines the entry: mostly __main__; another one where a program only imports what starts. */
static int find_beside_entry(struct py_state *st, PyObject *entry, PyObject *found) {
    PyObject *name = PyObject_GetAttr(entry, st->names.module);
    PyObject *module = name == NULL || !PyUnicode_Check(name) ? NULL : PyImport_GetModule(name);
    PyErr_Clear(); /* a callable without a module that is known */
    int rc = module == NULL ? 0 : find_in_module(st, module, found);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return rc;
}

/* The runtime's methods in Python take the place of those in C. */
static int extend_runtime(struct py_state *st) {
    struct py_class *runtime = py_class_runtime(st);
    if (runtime == NULL) return -1;
    int rc = chariot_runtime_extend(st->pe, &runtime->ctype);
    return rc == 0 ? 0 : py_raise_code(st, rc, "the runtime's own methods");
}

static int register_all(struct py_state *st, PyObject *entry, PyObject *classes, PyObject *modules) {
    PyObject *found = PySet_New(NULL);
    if (found == NULL) return -1;
    PyObject *main = PyImport_AddModule("__main__"); /* borrowed */
    int rc = main == NULL ? -1 : find_in_module(st, main, found);
    if (rc == 0) rc = find_beside_entry(st, entry, found);
    if (rc == 0 && modules != NULL && modules != Py_None) rc = find_in_modules(st, modules, found);
    if (rc == 0 && classes != NULL && classes != Py_None) rc = find_in_classes(classes, found);
    if (rc == 0 && is_chare_class(st, entry)) rc = PySet_Add(found, entry);
    PyObject *each = rc == 0 ? PyObject_GetIter(found) : NULL;
    for (PyObject *type; each != NULL && rc == 0 && (type = PyIter_Next(each)) != NULL;) {
        rc = py_class_register(st, type);
        Py_DECREF(type);
    }
    if (PyErr_Occurred()) rc = -1;
    Py_XDECREF(each);
    Py_DECREF(found);
    return rc == 0 && extend_runtime(st) == 0 ? register_with_runtime(st) : -1;
}

/* (GROUP, ARRAY) or one of them as bits. -1 with an exception set. */
static int read_collections(PyObject *collections, uint8_t *only) {
    PyObject *list = PySequence_Fast(collections, "collections must be a tuple of GROUP and ARRAY");
    int rc = list == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *kind = PySequence_Fast_GET_ITEM(list, i);
        long number = PyLong_Check(kind) ? PyLong_AsLong(kind) : 0;
        if (number == CHARIOT_GROUP)
            *only |= 1 << CHARIOT_GROUP;
        else if (number == CHARIOT_ARRAY_OF)
            *only |= 1 << CHARIOT_ARRAY_OF | 1 << CHARIOT_SINGLE; /* a chare alone is as an array of one */
        else
            rc = -1;
        if (rc != 0) PyErr_Format(PyExc_ValueError, "collections holds GROUP, ARRAY or both, not %R", kind);
    }
    if (rc == 0 && *only == 0) PyErr_SetString(PyExc_ValueError, "collections holds GROUP, ARRAY or both, not nothing");
    Py_XDECREF(list);
    return rc == 0 && *only != 0 ? 0 : -1;
}

PyObject *py_charm_register(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"C", "collections", NULL};
    PyObject *type, *collections = Py_None;
    struct py_state *st = py_state_of(self);
    uint8_t only = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:register", names, &type, &collections)) return NULL;
    if (collections != Py_None && read_collections(collections, &only) != 0) return NULL;
    uint32_t before = st->num_classes;
    if (py_class_register(st, type) != 0) return NULL;
    if (st->num_classes > before) st->classes[before]->only = only; /* later registrations are ignored */
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- the entry */

static bool takes_one(const struct py_method *method) {
    return method->params == NULL ||
           (method->num_params == 1 && method->keyword_only == NULL && !method->var_args && !method->var_keywords);
}

/* Fills st->entry_method; what runs it is always a coroutine. */
static int read_entry_function(struct py_state *st, PyObject *entry) {
    if (!PyCallable_Check(entry) || PyType_Check(entry)) {
        PyErr_Format(PyExc_TypeError, "charm.start() takes a function or a Chare subclass as entry, not %R", entry);
        return -1;
    }
    if (py_method_inspect(st, st->entry_method, entry, 0) != 0) return -1;
    st->entry_method->name = PyObject_GetAttrString(entry, "__name__");
    if (st->entry_method->name == NULL || !PyUnicode_Check(st->entry_method->name)) {
        PyErr_Clear();
        Py_XSETREF(st->entry_method->name, PyUnicode_FromString("main"));
    }
    if (st->entry_method->kind == PY_PLAIN) st->entry_method->kind = PY_CORO;
    if (takes_one(st->entry_method)) return st->entry_method->name == NULL ? -1 : 0;
    PyErr_Format(st->error, "the entry function %U() must take exactly one parameter, the list of arguments",
                 st->entry_method->name);
    return -1;
}

static int read_entry_class(struct py_state *st, PyObject *entry) {
    struct py_class *cls = py_class_of(st, entry);
    if (cls == NULL) return -1;
    *st->entry_method = cls->init; /* shares its references: freed with the class */
    if (st->entry_method->kind == PY_PLAIN) st->entry_method->kind = PY_CORO;
    if (takes_one(st->entry_method)) return 0;
    PyErr_Format(st->error,
                 "%U.__init__ must take exactly one parameter besides self, the list of arguments, since %U is "
                 "the entry class",
                 cls->short_name, cls->short_name);
    return -1;
}

static int read_entry(struct py_state *st, PyObject *entry) {
    if (entry == NULL || entry == Py_None) {
        PyErr_SetString(st->error, "charm.start() needs an entry: a function of one parameter, or a Chare subclass");
        return -1;
    }
    if (is_old_class(st, entry)) return py_class_register(st, entry); /* refuses it */
    st->entry_method = calloc(1, sizeof *st->entry_method);
    if (st->entry_method == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return is_chare_class(st, entry) ? 0 : read_entry_function(st, entry);
}

static int start_main_chare(struct py_state *st) {
    struct py_class *cls = py_class_of(st, st->entry);
    struct chariot_msg *msg;
    struct chariot_ref ref;
    PyObject *args = PyTuple_GET_ITEM(st->entry_args, 0);
    if (cls == NULL || py_message_put_args(st, &args, 1, NULL, CHARIOT_ELSEWHERE, &msg) != 0) return -1;
    struct chariot_create how = {.type = cls->id, .kind = CHARIOT_MAIN, .ndims = 1};
    int rc = chariot_create_take(st->pe, &how, msg, &ref);
    return rc == 0 ? 0 : py_raise_code(st, rc, "creating the main chare");
}

/* The rare parts of starting are Python's: chariot._start. New reference. */
static PyObject *call_start(const char *function) {
    PyObject *module = PyImport_ImportModule("chariot._start");
    PyObject *result = module == NULL ? NULL : PyObject_CallMethod(module, function, NULL);
    Py_XDECREF(module);
    return result;
}

/* Unless charm.options.quiet. */
static int say_hello(struct py_state *st) {
    PyObject *quiet = PyObject_GetAttrString(st->options, "quiet");
    if (quiet == NULL) return -1;
    Py_DECREF(quiet);
    if (quiet == Py_True) return 0;
    PyObject *said = call_start("banner");
    Py_XDECREF(said);
    return said == NULL ? -1 : 0;
}

/* On PE 0, when all PEs are there. */
static void on_entry(struct chariot_pe *pe, void *ctx) {
    struct py_state *st = ctx;
    if (say_hello(st) != 0) py_error_end_job(st, "charm.start");
    if (PyType_Check(st->entry)) {
        if (start_main_chare(st) != 0) py_error_end_job(st, "charm.start");
        return;
    }
    struct chariot_msg *result;
    py_task_start(st, PY_TASK_FREE, st->entry_method, st->entry, NULL, st->entry_args, NULL, NULL, &result);
    py_readonlies_send(st);
}

/* ---------------------------------------------------------------- running */

static int prepare(struct py_state *st, PyObject *entry, PyObject *classes, PyObject *modules) {
    if (py_state_pe(st) == NULL || py_options_check(st) != 0 || read_entry(st, entry) != 0) return -1;
    if (register_all(st, entry, classes, modules) != 0) return -1;
    if (PyType_Check(entry) && read_entry_class(st, entry) != 0) return -1;
    if (py_reduce_register_all(st) != 0) return -1;
    PyObject *argv = call_start("begin");
    st->entry_args = argv == NULL ? NULL : PyTuple_Pack(1, argv);
    Py_XDECREF(argv);
    if (st->entry_args == NULL || py_balance_start(st) != 0 || py_meter_start(st) != 0) return -1;
    Py_INCREF(entry);
    st->entry = entry;
    return py_task_become_scheduler(st);
}

/* Whether the entry that a console is to run is an async def. -1 with an exception set. */
static int entry_is_async(struct py_state *st, PyObject *entry) {
    if (entry == NULL || entry == Py_None || PyType_Check(entry)) return 0;
    int rc = read_entry(st, entry);
    bool is_async = rc == 0 && st->entry_method != NULL && st->entry_method->kind == PY_ASYNC;
    if (st->entry_method != NULL) py_method_clear(st->entry_method);
    free(st->entry_method);
    st->entry_method = NULL;
    return rc == 0 ? is_async : -1;
}

/* The console of _console.py is the entry, and runs the program's. */
static int prepare_interactive(struct py_state *st, PyObject *entry, PyObject *classes, PyObject *modules) {
    int is_async = entry_is_async(st, entry);
    PyObject *module = is_async < 0 ? NULL : PyImport_ImportModule("chariot._console");
    PyObject *both = module == NULL
                         ? NULL
                         : PyObject_CallMethod(module, "prepare", "OOO", entry == NULL ? Py_None : entry,
                                               is_async ? Py_True : Py_False, classes == NULL ? Py_None : classes);
    PyObject *console, *all_classes;
    int rc = both != NULL && PyArg_ParseTuple(both, "OO:prepare", &console, &all_classes)
                 ? prepare(st, console, all_classes, modules)
                 : -1;
    Py_XDECREF(module);
    Py_XDECREF(both);
    return rc;
}

static int run(struct py_state *st) {
    struct chariot_face face;
    py_face_fill(st, &face);
    chariot_set_face(st->pe, &face);
    py_readonlies_start(st);
    chariot_set_hang_report(st->pe, st->hang_mode);
    py_pool_serve(st);
    st->phase = PY_RUNNING;
    st->thread = (unsigned long)pthread_self();
    int status = chariot_run(st->pe, on_entry, st);
    struct chariot_pe *pe = st->pe;
    st->phase = PY_ENDED;
    st->has_phases = false;
    st->pe = NULL; /* what Python frees from here on must not touch it */
    chariot_close(pe);
    return status;
}

const char py_charm_start_doc[] =
    "start($self, /, entry=None, classes=[], modules=[], interactive=False)\n--\n\n"
    "Starts the runtime, in every process of the job; entry, a function of one parameter (the list of arguments) or a\n"
    "Chare subclass, runs on PE 0 as a coroutine. Registers the chare classes of the main program, of modules "
    "(names),\n"
    "and classes. When the job ends it raises SystemExit with its status.";

PyObject *py_charm_start(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"entry", "classes", "modules", "interactive", NULL};
    PyObject *entry = NULL, *classes = NULL, *modules = NULL;
    int interactive = 0;
    struct py_state *st = py_state_of(self);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOp:start", names, &entry, &classes, &modules, &interactive)) {
        return NULL;
    }
    if (st->phase != PY_IDLE) {
        return PyErr_Format(st->error, "charm.start() was called already: it can be called once in a process");
    }
    st->phase = PY_STARTING;
    int failed = interactive ? prepare_interactive(st, entry, classes, modules) : prepare(st, entry, classes, modules);
    if (failed != 0) {
        st->phase = PY_IDLE;
        st->no_reminder = true;
        return NULL;
    }
    int status = run(st);
    PyObject *code = PyLong_FromLong(status);
    if (code == NULL) return NULL;
    PyErr_SetObject(PyExc_SystemExit, code);
    Py_DECREF(code);
    return NULL;
}
