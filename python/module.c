#include <stdlib.h>

#include "python/awaitable.h"
#include "python/bound.h"
#include "python/bridge.h"
#include "python/channel.h"
#include "python/chare.h"
#include "python/charm.h"
#include "python/class.h"
#include "python/condition.h"
#include "python/condition_wait.h"
#include "python/console.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/library.h"
#include "python/map.h"
#include "python/message.h"
#include "python/move.h"
#include "python/proxy.h"
#include "python/several.h"
#include "python/task.h"

/* ---------------------------------------------------------------- functions */

PyDoc_STRVAR(coro_doc,
             "coro($module, function, /)\n--\n\n"
             "Marks a method, constructor or function as a coroutine: when it is called remotely it may wait.");

static PyObject *coro(PyObject *module, PyObject *function) {
    struct py_state *st = py_state_of_module(module);
    if (!PyCallable_Check(function)) {
        return PyErr_Format(PyExc_TypeError, "@coro decorates functions, not %s", Py_TYPE(function)->tp_name);
    }
    bool is_static = PyObject_TypeCheck(function, &PyStaticMethod_Type); /* what a class gives is the function in it */
    PyObject *marked = is_static ? PyObject_GetAttrString(function, "__func__") : Py_NewRef(function);
    int rc = marked == NULL ? -1 : PyObject_SetAttr(marked, st->names.coro, Py_True);
    Py_XDECREF(marked);
    return rc == 0 ? Py_NewRef(function) : NULL;
}

/* What _runtime.py registers classes with while the job runs: the steps of class.h. */
#define CLASS_STEP(step)                                                                                               \
    static PyObject *class_##step(PyObject *module, PyObject *type) {                                                  \
        if (py_class_##step(py_state_of_module(module), type) != 0) return NULL;                                       \
        Py_RETURN_NONE;                                                                                                \
    }
CLASS_STEP(check)
CLASS_STEP(number)
CLASS_STEP(open)
#undef CLASS_STEP

static PyMethodDef functions[] = {{"coro", coro, METH_O, coro_doc},
                                  {"_hold", py_readonlies_hold, METH_O, NULL},
                                  {"_class_check", class_check, METH_O, NULL},
                                  {"_class_number", class_number, METH_O, NULL},
                                  {"_class_open", class_open, METH_O, NULL},
                                  {"_proxy_load", (PyCFunction)(void (*)(void))py_proxy_load, METH_FASTCALL, NULL},
                                  {"_future_load", py_future_load, METH_O, NULL},
                                  {"_channel_load", py_channel_load, METH_VARARGS, NULL},
                                  {"_arriving", py_move_arriving, METH_NOARGS, NULL},
                                  {"_watch", (PyCFunction)(void (*)(void))py_bridge_watch, METH_FASTCALL, NULL},
                                  {"_post", py_bridge_post, METH_O, NULL},
                                  {"_can_wait", py_bridge_can_wait, METH_NOARGS, NULL},
                                  {"_outside", py_bridge_outside, METH_O, NULL},
                                  {"_bridge", py_bridge_set, METH_O, NULL},
                                  {"_balancer_names", py_balancer_names, METH_NOARGS, NULL},
                                  {"_fail", py_ending_fail, METH_VARARGS, NULL},
                                  {"_forgotten", py_ending_forgotten, METH_O, NULL},
                                  {"_at_exit", py_ending_at_exit, METH_NOARGS, NULL},
                                  {NULL, NULL, 0, NULL}};

/* ---------------------------------------------------------------- life */

static int intern_names(struct py_names *names) {
#define PY_NAME_INTERN(field, text)                                                                                    \
    names->field = PyUnicode_InternFromString(text);                                                                   \
    if (names->field == NULL) return -1;
    PY_NAMES(PY_NAME_INTERN)
#undef PY_NAME_INTERN
    return 0;
}

static int register_at_exit(PyObject *module) {
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *hook = atexit == NULL ? NULL : PyObject_GetAttrString(module, "_at_exit");
    PyObject *done = hook == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", hook);
    Py_XDECREF(atexit);
    Py_XDECREF(hook);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int module_exec(PyObject *module) {
    struct py_state *st = py_state_of_module(module);
    st->module = module;
    st->launched = getenv("CHARIOT_CONTROL_FD") != NULL;
    st->class_of = PyDict_New();
    if (st->class_of == NULL || intern_names(&st->names) != 0 || py_errors_init(st, module) != 0) return -1;
    if (py_awaitable_init(st, module) != 0 || py_bridge_init(st, module) != 0) return -1;
    if (py_message_init(st, module) != 0 || py_future_init(st, module) != 0 || py_proxy_init(st, module) != 0)
        return -1;
    if (py_bound_init(st, module) != 0 || py_chare_init(st, module) != 0) return -1;
    if (py_map_init(st, module) != 0 || py_create_init(st, module) != 0) return -1;
    if (py_channel_init(st, module) != 0) return -1;
    if (py_codec_init(st, module, st->error) != 0 || py_reduce_init(st, module) != 0) return -1;
    if (py_condition_init(st, module) != 0 || py_condition_wait_init(st, module) != 0) return -1;
    if (py_several_init(st, module) != 0 || py_task_init(st, module) != 0 || py_charm_init(st, module) != 0) return -1;
    if (py_pool_init(st, module) != 0 || py_library_init(st, module) != 0) return -1;
    if (py_console_init(st, module) != 0) return -1;
    return py_signals_install(st) != 0 || register_at_exit(module) != 0 ? -1 : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    struct py_state *st = py_state_of_module(module);
#define PY_TYPE_VISIT(field) Py_VISIT(st->field);
    PY_TYPES(PY_TYPE_VISIT)
#undef PY_TYPE_VISIT
    PyObject *objects[] = {st->charm,    st->options, st->error,        st->not_threaded_error, st->cancelled_error,
                           st->class_of, st->entry,   st->entry_args,   st->readonlies,         st->console,
                           st->planner,  st->partial, st->partialmethod};
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) Py_VISIT(objects[i]);
    for (uint32_t i = 0; i < st->num_classes; i++) {
        int rc = py_class_traverse(st->classes[i], visit, arg);
        if (rc != 0) return rc;
    }
    Py_VISIT(st->pool.jobs);
    Py_VISIT(st->pool.tasks);
    Py_VISIT(st->pool.bags);
    int rc = py_codec_traverse(&st->codec, visit, arg);
    return rc != 0 ? rc : py_reduce_traverse(&st->reduce, visit, arg);
}

static int module_clear(PyObject *module) {
    struct py_state *st = py_state_of_module(module);
    Py_CLEAR(st->charm);
    Py_CLEAR(st->options);
    Py_CLEAR(st->entry);
    Py_CLEAR(st->entry_args);
    Py_CLEAR(st->readonlies);
    Py_CLEAR(st->class_of);
    Py_CLEAR(st->console);
    Py_CLEAR(st->planner);
    Py_CLEAR(st->partial);
    Py_CLEAR(st->partialmethod);
    return 0;
}

PyDoc_STRVAR(module_doc, "Chares in C: the types behind the package `chariot`.");

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};
struct PyModuleDef py_module_def = {
    PyModuleDef_HEAD_INIT,  .m_name = "chariot._core", .m_doc = module_doc,           .m_size = sizeof(struct py_state),
    .m_methods = functions, .m_slots = module_slots,   .m_traverse = module_traverse, .m_clear = module_clear};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&py_module_def);
}
