/* python/codec_trace.c: the text of an exception's traceback, the same that traceback.format_exception() gives.
 *
 * Formatting a traceback in Python costs some 0.1 ms: it reads source lines, and compiles them to find what to
 * underline. An instruction of a code object always gives the same lines, so those are kept, and a plain exception is
 * put together from them. Exceptions with causes, notes or parts, and tracebacks of recursion, which Python shortens,
 * go by traceback. */
#include "python/codec.h"

#include <frameobject.h>

#include "python/state.h"

enum { MAX_PLACES = 1024 };

static int find(PyObject **function, const char *name) {
    if (*function != NULL) return 0;
    PyObject *module = PyImport_ImportModule("traceback");
    if (module != NULL) *function = PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return *function == NULL ? -1 : 0;
}

/* Takes lines, a list of str or NULL. */
static PyObject *join_take(PyObject *lines) {
    PyObject *empty = lines != NULL ? PyUnicode_FromString("") : NULL;
    PyObject *text = empty != NULL ? PyUnicode_Join(empty, lines) : NULL;
    Py_XDECREF(lines);
    Py_XDECREF(empty);
    return text;
}

static PyObject *format_whole(struct py_codec *codec, PyObject *exc) {
    if (find(&codec->format_exception, "format_exception") != 0) return NULL;
    return join_take(PyObject_CallOneArg(codec->format_exception, exc));
}

/* ---------------------------------------------------------------- plain exceptions */

static bool has_notes(struct py_state *st, PyObject *exc) {
    PyObject *notes = py_getattr_or_null(exc, st->names.notes);
    Py_XDECREF(notes);
    return notes != NULL;
}

/* traceback adds to the text of these. */
static bool says_more(PyObject *exc) {
    PyObject *const more[] = {
        PyExc_SyntaxError,
        PyExc_NameError,
        PyExc_AttributeError,
        PyExc_ImportError,
#if PY_VERSION_HEX >= 0x030b0000
        PyExc_BaseExceptionGroup,
#endif
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (PyObject_TypeCheck(exc, (PyTypeObject *)more[i])) return true;
    return false;
}

static bool is_plain(struct py_state *st, PyObject *exc) {
    const PyBaseExceptionObject *base = (PyBaseExceptionObject *)(void *)exc;
    return base->cause == NULL && (base->context == NULL || base->suppress_context) && !has_notes(st, exc) &&
           !says_more(exc);
}

/* Code of the same function twice in a row: it may be recursion. */
static bool recurs(PyTracebackObject *trace) {
    PyCodeObject *before = NULL;
    bool same = false;
    for (; trace != NULL && !same; trace = trace->tb_next) {
        PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
        same = code == before;
        before = code;
        Py_DECREF(code); /* the frame has it */
    }
    return same;
}

/* The lines of the traceback's first place. New reference. */
static PyObject *format_place(struct py_codec *codec, PyTracebackObject *trace) {
    if (find(&codec->format_tb, "format_tb") != 0) return NULL;
    return join_take(PyObject_CallFunction(codec->format_tb, "Oi", (PyObject *)trace, 1));
}

/* The same, to be kept under key with the code that key is of. */
static PyObject *format_and_keep(struct py_codec *codec, PyTracebackObject *trace, PyObject *key, PyObject *code) {
    PyObject *text = format_place(codec, trace);
    PyObject *place = text == NULL ? NULL : PyTuple_Pack(2, code, text);
    if (PyDict_GET_SIZE(codec->places) >= MAX_PLACES) PyDict_Clear(codec->places);
    if (place == NULL || PyDict_SetItem(codec->places, key, place) != 0) Py_CLEAR(text);
    Py_XDECREF(place);
    return text;
}

/* The same, from those that are kept where it is among them. Code goes by its address: equal code of two files is
 * equal. */
static PyObject *place_text(struct py_codec *codec, PyTracebackObject *trace) {
    PyObject *code = (PyObject *)PyFrame_GetCode(trace->tb_frame);
    PyObject *key = Py_BuildValue("(Ni)", PyLong_FromVoidPtr(code), trace->tb_lasti);
    PyObject *place = key == NULL ? NULL : PyDict_GetItemWithError(codec->places, key); /* borrowed */
    PyObject *text = NULL;
    if (place != NULL)
        text = Py_NewRef(PyTuple_GET_ITEM(place, 1));
    else if (key != NULL && !PyErr_Occurred())
        text = format_and_keep(codec, trace, key, code);
    Py_XDECREF(key);
    Py_DECREF(code);
    return text;
}

/* "module.Class: text", as the last line. */
static PyObject *last_line(PyObject *type, PyObject *text) {
    static const char main[] = "__main__.";
    PyObject *name = Py_NewRef(type);
    if (PyUnicode_GET_LENGTH(type) > (Py_ssize_t)sizeof main - 1) {
        PyObject *start = PyUnicode_Substring(type, 0, sizeof main - 1);
        if (start != NULL && PyUnicode_CompareWithASCIIString(start, main) == 0)
            Py_SETREF(name, PyUnicode_Substring(type, sizeof main - 1, PY_SSIZE_T_MAX));
        Py_XDECREF(start);
    }
    PyObject *line = NULL;
    if (name != NULL)
        line = PyUnicode_GET_LENGTH(text) > 0 ? PyUnicode_FromFormat("%U: %U\n", name, text)
                                              : PyUnicode_FromFormat("%U\n", name);
    Py_XDECREF(name);
    return line;
}

static int append_take(PyObject *list, PyObject *item) {
    int rc = item == NULL ? -1 : PyList_Append(list, item);
    Py_XDECREF(item);
    return rc;
}

static PyObject *put_together(struct py_codec *codec, PyTracebackObject *trace, PyObject *type, PyObject *text) {
    PyObject *lines = PyList_New(0);
    if (lines == NULL) return NULL;
    int rc = trace == NULL ? 0 : append_take(lines, PyUnicode_FromString("Traceback (most recent call last):\n"));
    for (; rc == 0 && trace != NULL; trace = trace->tb_next) rc = append_take(lines, place_text(codec, trace));
    if (rc == 0) rc = append_take(lines, last_line(type, text));
    if (rc != 0) Py_CLEAR(lines);
    return join_take(lines);
}

PyObject *py_trace_format(struct py_state *st, PyObject *exc, PyObject *type, PyObject *text) {
    struct py_codec *codec = &st->codec;
    PyObject *trace = PyException_GetTraceback(exc);
    PyTracebackObject *first =
        trace == Py_None ? NULL : (PyTracebackObject *)(void *)trace; /* None: it was taken away */
    bool plain = type != NULL && text != NULL && PyUnicode_CheckExact(text) && is_plain(st, exc) && !recurs(first);
    PyObject *whole = plain ? put_together(codec, first, type, text) : format_whole(codec, exc);
    Py_XDECREF(trace);
    return whole;
}
