/* How a job ends from Python: exit, abort, a program that fails before it starts, one that forgets to start. */
#include <stdio.h>
#include <string.h>

#include "python/charm.h"
#include "python/errors.h"

static PyObject *raise_exit(int status) {
    PyObject *code = PyLong_FromLong(status);
    if (code == NULL) return NULL;
    PyErr_SetObject(PyExc_SystemExit, code);
    Py_DECREF(code);
    return NULL;
}

PyObject *py_charm_exit(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"exit_code", NULL};
    PyObject *code = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:exit", names, &code)) return NULL;
    struct py_state *st = py_state_of(self);
    if (py_state_is_foreign(st) && py_state_running(st) == NULL) return NULL;
    int status = py_exit_status(code);
    if (st->phase == PY_RUNNING && !st->exiting) {
        st->exiting = true;
        chariot_exit(st->pe, status);
    }
    st->no_reminder = true;
    return raise_exit(status); /* unwinds to the scheduler: nothing behind exit() runs */
}

/* "message", then the stack of the caller. New reference. */
static PyObject *abort_text(struct py_state *st, PyObject *message) {
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = module == NULL ? NULL : PyObject_CallMethod(module, "format_stack", NULL);
    PyObject *empty = PyUnicode_FromString("");
    PyObject *stack = lines == NULL || empty == NULL ? NULL : PyUnicode_Join(empty, lines);
    PyObject *text = stack == NULL ? NULL
                                   : PyUnicode_FromFormat("PE %u called abort: %S\nStack (most recent call last):\n%U",
                                                          st->pe == NULL ? 0 : chariot_my_pe(st->pe), message, stack);
    Py_XDECREF(module);
    Py_XDECREF(lines);
    Py_XDECREF(empty);
    Py_XDECREF(stack);
    return text;
}

PyObject *py_charm_abort(PyObject *self, PyObject *message) {
    struct py_state *st = py_state_of(self);
    if (py_state_pe(st) == NULL || (py_state_is_foreign(st) && py_state_running(st) == NULL)) return NULL;
    PyObject *text = abort_text(st, message);
    const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    if (utf8 == NULL) return NULL;
    st->exiting = true;
    chariot_abort(st->pe, 1, utf8);
    Py_DECREF(text);
    return raise_exit(1);
}

/* ---------------------------------------------------------------- before, or instead of, the start */

/* Says text once for the whole job. Gives false where this process could not even find out who it is. */
static bool fail_job(struct py_state *st, int status, const char *text) {
    if (st->phase == PY_RUNNING || st->phase == PY_ENDED) return false;
    if (py_state_pe(st) == NULL) {
        PyErr_Clear();
        return false;
    }
    struct chariot_pe *pe = st->pe;
    chariot_abort(pe, status, text);
    st->phase = PY_ENDED;
    st->pe = NULL;
    chariot_close(pe);
    return true;
}

PyObject *py_ending_fail(PyObject *module, PyObject *args) {
    int status;
    const char *text;
    if (!PyArg_ParseTuple(args, "is:_fail", &status, &text)) return NULL;
    return PyBool_FromLong(fail_job(py_state_of_module(module), status, text));
}

static void say_forgotten(struct py_state *st, const char *program) {
    char text[512];
    snprintf(text, sizeof text,
             "chariot: %.300s has ended without starting the runtime: call charm.start(main), where main is a function "
             "of one parameter\n",
             program);
    fail_job(st, 1, text);
}

PyObject *py_ending_forgotten(PyObject *module, PyObject *program) {
    struct py_state *st = py_state_of_module(module);
    const char *name = PyUnicode_AsUTF8(program);
    if (name == NULL) return NULL;
    if (st->phase == PY_IDLE) say_forgotten(st, name);
    Py_RETURN_NONE;
}

/* Whether something of ours stands in the main program's namespace. */
static bool main_uses_us(struct py_state *st, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (value == st->charm || value == st->module) return true;
        if (PyType_Check(value) && PyType_IsSubtype((PyTypeObject *)value, st->chare_type)) return true;
    }
    return false;
}

/* The program's path as it was given; NULL where there is none: python -c, an interactive session. Borrowed. By now the
 * interpreter has taken __file__ out of the program's namespace. */
static const char *program_name(void) {
    PyObject *argv = PySys_GetObject("argv"); /* borrowed */
    if (argv == NULL || !PyList_Check(argv) || PyList_GET_SIZE(argv) == 0) return NULL;
    PyObject *first = PyList_GET_ITEM(argv, 0);
    const char *name = PyUnicode_Check(first) ? PyUnicode_AsUTF8(first) : NULL;
    bool usable = name != NULL && name[0] != 0 && name[0] != '-' && PySys_GetObject("ps1") == NULL;
    return usable ? name : NULL;
}

/* `python prog.py`: a program that uses chares and never started. Tools that only import us are left alone. */
PyObject *py_ending_at_exit(PyObject *module, PyObject *ignored) {
    struct py_state *st = py_state_of_module(module);
    PyObject *main = PyImport_AddModule("__main__");               /* borrowed */
    PyObject *dict = main == NULL ? NULL : PyModule_GetDict(main); /* borrowed */
    const char *name = program_name();
    bool failed = st->no_reminder || PySys_GetObject("last_type") != NULL;
    if (st->phase == PY_IDLE && !failed && name != NULL && dict != NULL && main_uses_us(st, dict)) {
        say_forgotten(st, name);
    }
    PyErr_Clear();
    Py_RETURN_NONE;
}
