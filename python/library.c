#include "python/library.h"

#include <dlfcn.h>

#include "python/errors.h"

static const char CAPSULE[] = "chariot.library";

static const struct chariot_library *library_of(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, CAPSULE);
}

/* ---------------------------------------------------------------- opening */

/* Libraries leave the functions of chariot.h undefined: those that this process has are shown to them. They came with
 * the extension, whose symbols nobody else sees. */
static int show_ours(struct py_state *st) {
    Dl_info info;
    void *ours = NULL;
    if (dladdr((void *)(uintptr_t)chariot_my_pe, &info) != 0 && info.dli_fname != NULL)
        ours = dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
    if (ours != NULL) return 0;
    PyErr_Format(st->error, "libchariot cannot be shown to the libraries that it loads: %s", dlerror());
    return -1;
}

/* NULL with an exception set. */
static const struct chariot_library *open_table(struct py_state *st, const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct chariot_library *library = handle == NULL ? NULL : dlsym(handle, "chariot_library");
    if (library != NULL) return library;
    if (handle == NULL)
        PyErr_Format(st->error, "it cannot be opened: %s", dlerror());
    else
        PyErr_SetString(st->error, "it exports no chariot_library: a library of chares defines "
                                   "`const struct chariot_library chariot_library` (chariot.h), not hidden");
    return NULL;
}

static PyObject *text_or_none(const char *text) {
    return text == NULL ? Py_NewRef(Py_None) : PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static int check(struct py_state *st, struct chariot_pe *pe, const struct chariot_library *library) {
    char why[300];
    if (chariot_library_check(pe, library, why, sizeof why) == 0) return 0;
    PyErr_SetString(st->error, why);
    return -1;
}

/* [(name, description)] of its types. */
static PyObject *types_of(const struct chariot_library *library) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < library->num_types; i++) {
        const struct chariot_type *type = library->types[i];
        PyObject *text = text_or_none(type->exposure == NULL ? NULL : type->exposure->description);
        PyObject *both = text == NULL ? NULL : Py_BuildValue("(sN)", type->name, text);
        if (both == NULL || PyList_Append(list, both) != 0) Py_CLEAR(list);
        Py_XDECREF(both);
    }
    return list;
}

static PyObject *reducers_of(const struct chariot_library *library) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < library->num_reducers; i++) {
        PyObject *name = PyUnicode_FromString(library->reducers[i]->name);
        if (name == NULL || PyList_Append(list, name) != 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* (library, description, [(name, description)] of types, [name] of reducers). */
static PyObject *library_open(PyObject *module, PyObject *path) {
    struct py_state *st = py_state_of_module(module);
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes)) return NULL;
    const struct chariot_library *library = show_ours(st) == 0 ? open_table(st, PyBytes_AS_STRING(bytes)) : NULL;
    Py_DECREF(bytes);
    if (library == NULL || check(st, NULL, library) != 0) return NULL;
    PyObject *capsule = PyCapsule_New((void *)(uintptr_t)library, CAPSULE, NULL);
    return Py_BuildValue("(NNNN)", capsule, text_or_none(library->description), types_of(library),
                         reducers_of(library));
}

/* ---------------------------------------------------------------- registering */

static PyObject *library_check(PyObject *module, PyObject *capsule) {
    struct py_state *st = py_state_of_module(module);
    const struct chariot_library *library = library_of(capsule);
    if (library == NULL || check(st, st->pe, library) != 0) return NULL;
    Py_RETURN_NONE;
}

/* (library, i, class): class stands for its i-th type from now on. Where the job runs, that gets its number, and
 * programs may use it once _class_open() says so. */
static PyObject *library_type(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    PyObject *capsule;
    PyTypeObject *type;
    unsigned i;
    if (!PyArg_ParseTuple(args, "OIO!:_library_type", &capsule, &i, &PyType_Type, &type)) return NULL;
    const struct chariot_library *library = library_of(capsule);
    if (library == NULL) return NULL;
    struct py_class *cls = py_class_new_in_c(st, type, library->types[i]);
    if (cls == NULL || py_class_join_take(st, cls) != 0) return NULL;
    Py_RETURN_NONE;
}

/* (library, i): the same of a reducer, and _reducer_open(). */
static PyObject *library_reducer(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    PyObject *capsule;
    unsigned i;
    if (!PyArg_ParseTuple(args, "OI:_library_reducer", &capsule, &i)) return NULL;
    const struct chariot_library *library = library_of(capsule);
    if (library == NULL || py_reducer_join(st, library->reducers[i]) != 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_library_open", library_open, METH_O, NULL},
    {"_library_check", library_check, METH_O, NULL},
    {"_library_type", library_type, METH_VARARGS, NULL},
    {"_library_reducer", library_reducer, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int py_library_init(struct py_state *st, PyObject *module) {
    (void)st;
    return PyModule_AddFunctions(module, functions);
}

PyObject *py_charm_load(PyObject *self, PyObject *path) {
    (void)self;
    PyObject *module = PyImport_ImportModule("chariot._library");
    PyObject *library = module == NULL ? NULL : PyObject_CallMethod(module, "load", "O", path);
    Py_XDECREF(module);
    return library;
}
