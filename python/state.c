#include "python/state.h"

#include <stdio.h>

struct py_state *py_state_of_type(PyTypeObject *type) {
    PyObject *module = PyType_GetModuleByDef(type, &py_module_def);
    return module == NULL ? NULL : PyModule_GetState(module);
}

PyObject *py_type_if_imported(PyObject **type, const char *module_name, const char *name) {
    if (*type != NULL) return *type;
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), module_name);
    if (module != NULL) *type = PyObject_GetAttrString(module, name);
    if (*type == NULL) PyErr_Clear();
    return *type;
}

struct chariot_pe *py_state_pe(struct py_state *st) {
    if (st->pe != NULL) return st->pe;
    if (st->phase == PY_ENDED) {
        PyErr_SetString(st->error, "the job has ended");
        return NULL;
    }
    char why[256] = "";
    int rc = chariot_open(&st->pe, why, sizeof why);
    if (rc == 0) {
        st->my_pe = chariot_my_pe(st->pe);
        st->num_pes = chariot_num_pes(st->pe);
        return st->pe;
    }
    st->pe = NULL;
    PyErr_Format(st->error, "this process cannot become a PE: %s", why[0] != 0 ? why : chariot_error_text(rc));
    return NULL;
}

/* A program's own thread: the runtime is not to be called while its own thread is inside of it. */
static void refuse_thread(struct py_state *st) {
    PyErr_SetString(st->error,
                    "the runtime was called from a thread of the program's own: call it from chares' methods and from "
                    "coroutines only, and hand the work of threads over to them, as by a queue");
}

struct chariot_pe *py_state_running(struct py_state *st) {
    if (__builtin_expect(st->phase == PY_RUNNING && !py_state_is_foreign(st), 1)) return st->pe;
    if (st->phase == PY_RUNNING) {
        refuse_thread(st);
        return NULL;
    }
    PyErr_SetString(st->error,
                    st->phase == PY_ENDED
                        ? "the job has ended"
                        : "the runtime is not running: call charm.start() and do this from its entry function");
    return NULL;
}

int py_raise_code(struct py_state *st, int code, const char *doing) {
    if (PyErr_Occurred()) return -1;
    if (code == CHARIOT_ENOMEM)
        PyErr_NoMemory();
    else if (code == CHARIOT_ENOENT)
        PyErr_Format(st->error, "%s: the chare or collection was destroyed", doing);
    else
        PyErr_Format(st->error, "%s: %s", doing, chariot_error_text(code));
    return -1;
}
