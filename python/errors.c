#include "python/errors.h"

#include <stdio.h>
#include <stdlib.h>

#include "python/class.h"
#include "python/console.h"

/* ---------------------------------------------------------------- the classes */

static PyObject *error_message(PyObject *self, void *closure) {
    PyObject *args = PyObject_GetAttrString(self, "args");
    if (args == NULL) return NULL;
    bool has = PyTuple_Check(args) && PyTuple_GET_SIZE(args) > 0;
    PyObject *message = has ? PyTuple_GET_ITEM(args, 0) : Py_None;
    Py_INCREF(message);
    Py_DECREF(args);
    return message;
}

static PyGetSetDef error_getset = {"message", error_message, NULL, PyDoc_STR("What was wrong."), NULL};

static int add_message(PyObject *type) {
    PyObject *descriptor = PyDescr_NewGetSet((PyTypeObject *)type, &error_getset);
    if (descriptor == NULL) return -1;
    int rc = PyObject_SetAttrString(type, "message", descriptor);
    Py_DECREF(descriptor);
    return rc;
}

int py_errors_init(struct py_state *st, PyObject *module) {
    st->error = PyErr_NewExceptionWithDoc("chariot.Charm4PyError",
                                          "Something was asked of the runtime that it cannot do.", NULL, NULL);
    if (st->error == NULL || add_message(st->error) != 0) return -1;
    if (PyModule_AddObjectRef(module, "Charm4PyError", st->error) != 0) return -1;
    st->not_threaded_error = PyErr_NewExceptionWithDoc(
        "chariot.threads.NotThreadedError", "Something that waits was called outside of a coroutine.", st->error, NULL);
    st->cancelled_error = PyErr_NewExceptionWithDoc(
        "chariot.threads.FutureCancelled", "The future that was waited for has been cancelled.", st->error, NULL);
    if (st->not_threaded_error == NULL || st->cancelled_error == NULL) return -1;
    if (PyModule_AddObjectRef(module, "FutureCancelled", st->cancelled_error) != 0) return -1;
    return PyModule_AddObjectRef(module, "NotThreadedError", st->not_threaded_error);
}

/* ---------------------------------------------------------------- fetch and raise */

PyObject *py_error_fetch(void) {
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (exc != NULL && traceback != NULL) PyException_SetTraceback(exc, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    if (exc == NULL) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    return exc;
}

PyObject *py_error_raise(PyObject *exc) {
    PyException_SetTraceback(exc, Py_None); /* else every time it is raised would be in it */
    PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
    return NULL;
}

/* ---------------------------------------------------------------- text */

const char *py_method_label(const struct py_method *method, char *buffer, size_t size) {
    if (method == NULL) return "a callback";
    const char *name = method->name == NULL ? NULL : PyUnicode_AsUTF8(method->name);
    if (name == NULL) {
        PyErr_Clear();
        name = "main";
    }
    const char *class_name = method->cls == NULL ? NULL : PyUnicode_AsUTF8(method->cls->short_name);
    if (class_name == NULL)
        snprintf(buffer, size, "%.200s", name);
    else
        snprintf(buffer, size, "%.100s.%.100s", class_name, name);
    return buffer;
}

/* traceback.format_exception(exc), joined. NULL with an exception set. */
static PyObject *format(PyObject *exc) {
    PyObject *module = PyImport_ImportModule("traceback");
    if (module == NULL) return NULL;
    PyObject *lines = PyObject_CallMethod(module, "format_exception", "O", exc);
    Py_DECREF(module);
    if (lines == NULL) return NULL;
    PyObject *empty = PyUnicode_FromString("");
    PyObject *text = empty == NULL ? NULL : PyUnicode_Join(empty, lines);
    Py_XDECREF(empty);
    Py_DECREF(lines);
    return text;
}

/* What came with it from another PE, or NULL; no exception. */
static PyObject *remote_text(struct py_state *st, PyObject *exc) {
    PyObject *remote = PyObject_GetAttr(exc, st->names.remote_stacktrace);
    PyObject *text = NULL;
    if (remote != NULL && PyTuple_Check(remote) && PyTuple_GET_SIZE(remote) == 2 &&
        PyUnicode_Check(PyTuple_GET_ITEM(remote, 1))) {
        text = PyUnicode_FromFormat("Remote traceback, PE %S:\n%U\nraised again here:\n", PyTuple_GET_ITEM(remote, 0),
                                    PyTuple_GET_ITEM(remote, 1));
    }
    Py_XDECREF(remote);
    PyErr_Clear();
    return text;
}

PyObject *py_error_text(struct py_state *st, PyObject *exc) {
    PyObject *remote = remote_text(st, exc);
    PyObject *text = format(exc);
    if (text == NULL) {
        PyErr_Clear();
        text = PyUnicode_FromFormat("%s\n", Py_TYPE(exc)->tp_name);
    }
    if (remote == NULL || text == NULL) {
        Py_XDECREF(remote);
        return text;
    }
    PyObject *both = PyUnicode_Concat(remote, text);
    Py_DECREF(remote);
    Py_DECREF(text);
    return both;
}

/* ---------------------------------------------------------------- ends of the job */

static void flush_stdout(void) {
    PyObject *out = PySys_GetObject("stdout"); /* borrowed */
    PyObject *done = out == NULL || out == Py_None ? NULL : PyObject_CallMethod(out, "flush", NULL);
    Py_XDECREF(done);
    PyErr_Clear();
}

/* text NULL: it could not be made. */
static void abort_with(struct py_state *st, PyObject *text) {
    PyObject *bytes = text == NULL ? NULL : PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    PyErr_Clear();
    st->exiting = true;
    chariot_abort(st->pe, 1, bytes == NULL ? "an exception that cannot be printed\n" : PyBytes_AS_STRING(bytes));
    Py_XDECREF(bytes);
}

void py_error_uncaught(struct py_state *st, const char *where, PyObject *exc) {
    if (st->pe == NULL) return;
    PyObject *text = py_error_text(st, exc);
    PyObject *headed =
        text == NULL ? NULL : PyUnicode_FromFormat("PE %u, %s(): %U", chariot_my_pe(st->pe), where, text);
    PyErr_Clear();
    flush_stdout();
    if (headed == NULL || !py_console_report(st, headed)) abort_with(st, headed);
    Py_XDECREF(text);
    Py_XDECREF(headed);
}

int py_exit_status(PyObject *code) {
    if (code == NULL || code == Py_None) return 0;
    PyObject *number = PyNumber_Index(code); /* numpy's too, as reductions give them */
    if (number != NULL) {
        long status = PyLong_AsLong(number);
        if (status == -1) PyErr_Clear();
        Py_DECREF(number);
        return (int)(status & 0xff);
    }
    PyErr_Clear();
    PyObject *err = PySys_GetObject("stderr"); /* borrowed */
    flush_stdout();
    if (err != NULL && err != Py_None) {
        if (PyFile_WriteObject(code, err, Py_PRINT_RAW) != 0 || PyFile_WriteString("\n", err) != 0) PyErr_Clear();
    }
    return 1;
}

/* Ctrl-C in a job without a launcher: as Python ends, but without the traceback of where it happened to be. */
static void end_interrupted(struct py_state *st) {
    if (st->exiting || st->pe == NULL) return;
    flush_stdout();
    st->exiting = true;
    chariot_abort(st->pe, 130, "KeyboardInterrupt\n");
}

bool py_error_exits(struct py_state *st, PyObject *exc) {
    if (PyErr_GivenExceptionMatches(exc, PyExc_KeyboardInterrupt) && st->console == NULL) {
        end_interrupted(st);
        return true;
    }
    if (!PyErr_GivenExceptionMatches(exc, PyExc_SystemExit)) return false;
    if (st->exiting || st->pe == NULL) return true; /* charm.exit() unwinding */
    PyObject *code = PyObject_GetAttr(exc, st->names.code);
    if (code == NULL) PyErr_Clear();
    int status = py_exit_status(code);
    Py_XDECREF(code);
    flush_stdout();
    st->exiting = true;
    chariot_exit(st->pe, status);
    return true;
}

void py_error_end_job(struct py_state *st, const char *where) {
    PyObject *exc = py_error_fetch();
    if (!py_error_exits(st, exc)) py_error_uncaught(st, where, exc);
    Py_DECREF(exc);
}
