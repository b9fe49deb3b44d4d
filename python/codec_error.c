/* python/codec_error.c: exceptions on their way to another PE.
 *
 * An error value is a map: type ("module.Class"), text, trace, pe, where, and pickle, the exception itself: its class,
 * args, attributes and fields, since the constructors of many take something else than args; or the whole, where its
 * class says how it is pickled; or, where every Python has its class and it has no attributes, the class's name and
 * args. The strings are for PEs that speak no Python and for exceptions that cannot be pickled, or read: those arrive
 * as RemoteError. An exception that came from a remote method before keeps the PE and the trace of its origin. */
#include "python/codec.h"

#include <string.h>

#include "python/state.h"

enum { PAIRS = 5 }; /* without the pickle */

/* ---------------------------------------------------------------- writing */

static void put_text(struct chariot_writer *writer, const char *text) {
    chariot_put_string(writer, text, strlen(text));
}

/* A str, or "" where there is none; clears what went wrong. */
static void put_str_of(struct chariot_writer *writer, PyObject *str) {
    PyObject *bytes =
        str != NULL && PyUnicode_Check(str) ? PyUnicode_AsEncodedString(str, "utf-8", "surrogatepass") : NULL;
    PyErr_Clear();
    if (bytes != NULL)
        chariot_put_string(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    else
        put_text(writer, "");
    Py_XDECREF(bytes);
}

/* "module.Class", without builtins. New reference; NULL: some exception is set. */
static PyObject *type_name(struct py_state *st, PyObject *exc) {
    PyObject *type = (PyObject *)Py_TYPE(exc);
    PyObject *module = PyObject_GetAttr(type, st->names.module);
    PyObject *name = module != NULL ? PyObject_GetAttr(type, st->names.qualname) : NULL;
    if (name != NULL && PyUnicode_Check(module) && PyUnicode_CompareWithASCIIString(module, "builtins") != 0) {
        PyObject *full = PyUnicode_FromFormat("%U.%S", module, name);
        Py_SETREF(name, full);
    }
    Py_XDECREF(module);
    return name;
}

/* Where exc came from, if it has been remote: (pe, text), borrowed from *holds. */
static bool read_origin(struct py_state *st, PyObject *exc, PyObject **holds, uint32_t *pe, PyObject **text) {
    *holds = py_getattr_or_null(exc, st->names.remote_stacktrace);
    if (*holds == NULL || !PyTuple_Check(*holds) || PyTuple_GET_SIZE(*holds) != 2) return false;
    unsigned long number = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(*holds, 0));
    *text = PyTuple_GET_ITEM(*holds, 1);
    if (PyErr_Occurred() || !PyUnicode_Check(*text)) {
        PyErr_Clear();
        return false;
    }
    *pe = (uint32_t)number;
    return true;
}

/* The traceback as text, that of the origin first; *pe: the origin's. type, text: exc's own, or NULL. New reference or
 * NULL, no exception set. */
static PyObject *trace_of(struct py_state *st, PyObject *exc, PyObject *type, PyObject *own, uint32_t *pe) {
    PyObject *holds, *before;
    uint32_t here = *pe;
    PyObject *text = py_trace_format(st, exc, type, own);
    PyErr_Clear();
    if (read_origin(st, exc, &holds, pe, &before) && text != NULL) {
        PyObject *both = PyUnicode_FromFormat("%U\nIt was passed on by PE %u:\n%U", before, (unsigned)here, text);
        Py_SETREF(text, both);
        PyErr_Clear();
    }
    Py_XDECREF(holds);
    return text;
}

/* The class of C's that a class of Python's derives from; of one of C's, all exceptions'. Borrowed. */
static PyObject *usual_class(PyTypeObject *type) {
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) return PyExc_BaseException;
    while (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) type = type->tp_base;
    return (PyObject *)type;
}

/* Its class has a way of its own to be pickled. */
static bool says_how(struct py_state *st, PyObject *exc) {
    PyObject *const names[] = {st->names.reduce, st->names.reduce_ex, st->names.setstate};
    bool own = false;
    for (size_t i = 0; !own && i < sizeof names / sizeof names[0]; i++) {
        PyObject *its = py_getattr_or_null((PyObject *)Py_TYPE(exc), names[i]);
        PyObject *usual = py_getattr_or_null(usual_class(Py_TYPE(exc)), names[i]);
        own = its == NULL || its != usual;
        Py_XDECREF(its);
        Py_XDECREF(usual);
    }
    return own;
}

/* A class of builtins by its name, of an exception that does not end programs. Borrowed; NULL: there is none. */
static PyObject *builtin_class(const char *name) {
    PyObject *class = PyDict_GetItemString(PyEval_GetBuiltins(), name);
    if (class == NULL || !PyType_Check(class)) return NULL;
    return PyType_IsSubtype((PyTypeObject *)class, (PyTypeObject *)PyExc_Exception) ? class : NULL;
}

static bool is_builtin(PyObject *exc) {
    PyObject *dict = ((PyBaseExceptionObject *)(void *)exc)->dict; /* borrowed */
    return (dict == NULL || PyDict_GET_SIZE(dict) == 0) &&
           builtin_class(Py_TYPE(exc)->tp_name) == (PyObject *)Py_TYPE(exc);
}

/* (name of its class, args). New reference; NULL: some exception is set. */
static PyObject *name_and_args(PyObject *exc) {
    PyObject *name = PyUnicode_FromString(Py_TYPE(exc)->tp_name);
    PyObject *both = name == NULL ? NULL : PyTuple_Pack(2, name, ((PyBaseExceptionObject *)(void *)exc)->args);
    Py_XDECREF(name);
    return both;
}

/* The value of a field of C's that is set. New reference; NULL: it is not, or its class has something of its own under
 * that name. No exception is set. */
static PyObject *field_of(PyObject *exc, PyObject *owner, const char *name) {
    PyObject *usual = PyObject_GetAttrString(owner, name);
    PyObject *its = usual == NULL ? NULL : PyObject_GetAttrString((PyObject *)Py_TYPE(exc), name);
    PyObject *value = its != NULL && its == usual ? PyObject_GetAttrString(exc, name) : NULL;
    PyErr_Clear();
    Py_XDECREF(usual);
    Py_XDECREF(its);
    if (value == Py_None) Py_CLEAR(value);
    return value;
}

/* What is neither in args nor in the attributes: {name: value}. The same. */
static PyObject *fields_of(PyObject *exc) {
    static const char *const of_os_error[] = {"errno", "strerror", "filename", "filename2", NULL};
    static const char *const of_import_error[] = {"msg", "name", "path", NULL};
    static const char *const of_others[] = {NULL};
    bool os = PyObject_TypeCheck(exc, (PyTypeObject *)PyExc_OSError);
    bool import = PyObject_TypeCheck(exc, (PyTypeObject *)PyExc_ImportError);
    const char *const *names = os ? of_os_error : import ? of_import_error : of_others;
    PyObject *fields = PyDict_New();
    for (; fields != NULL && *names != NULL; names++) {
        PyObject *value = field_of(exc, os ? PyExc_OSError : PyExc_ImportError, *names);
        if (value != NULL && PyDict_SetItemString(fields, *names, value) < 0) Py_CLEAR(fields);
        Py_XDECREF(value);
    }
    return fields;
}

/* (class, args, attributes, fields). The same. */
static PyObject *parts_of(PyObject *exc) {
    PyObject *args = PyObject_GetAttrString(exc, "args");
    PyObject *dict = args == NULL ? NULL : PyObject_GenericGetDict(exc, NULL);
    PyObject *copy = dict == NULL ? NULL : PyDict_Copy(dict);
    PyObject *fields = copy == NULL ? NULL : fields_of(exc);
    PyObject *parts = fields == NULL ? NULL : PyTuple_Pack(4, (PyObject *)Py_TYPE(exc), args, copy, fields);
    Py_XDECREF(args);
    Py_XDECREF(dict);
    Py_XDECREF(copy);
    Py_XDECREF(fields);
    return parts;
}

/* The exception itself as a value in a message of its own; NULL: it cannot come along. */
static struct chariot_msg *pickle_of(struct py_state *st, PyObject *exc) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    bool own_way = says_how(st, exc), builtin = !own_way && is_builtin(exc);
    PyObject *whole = own_way ? Py_NewRef(exc) : builtin ? name_and_args(exc) : parts_of(exc);
    PyErr_Clear();
    if (whole == NULL) return NULL;
    chariot_writer_init_take(&writer, NULL);
    int result = builtin ? py_encode(st, &writer, whole) : py_pickle_encode(st, &writer, whole);
    Py_DECREF(whole);
    if (chariot_writer_finish(&writer, &msg) == 0 && result == 0) return msg;
    PyErr_Clear();
    chariot_msg_unref(msg);
    return NULL;
}

int py_encode_error(struct py_state *st, struct chariot_writer *writer, PyObject *exc, uint32_t pe, const char *where) {
    struct chariot_msg *pickle = pickle_of(st, exc);
    PyObject *type = type_name(st, exc);
    PyErr_Clear();
    PyObject *text = PyObject_Str(exc);
    PyErr_Clear();
    PyObject *trace = trace_of(st, exc, type, text, &pe);
    chariot_put_error(writer, pickle != NULL ? PAIRS + 1 : PAIRS);
    put_text(writer, "type");
    put_str_of(writer, type);
    put_text(writer, "text");
    put_str_of(writer, text);
    put_text(writer, "trace");
    put_str_of(writer, trace);
    put_text(writer, "pe");
    chariot_put_int(writer, pe);
    put_text(writer, "where");
    put_text(writer, where != NULL ? where : "");
    if (pickle != NULL) {
        put_text(writer, "pickle");
        chariot_put_encoded(writer, chariot_msg_data(pickle), chariot_msg_size(pickle));
        chariot_msg_unref(pickle);
    }
    Py_XDECREF(type);
    Py_XDECREF(text);
    Py_XDECREF(trace);
    return writer->error == 0 ? 0 : py_write_failed(writer->error);
}

struct chariot_msg *py_encode_error_msg(struct py_state *st, PyObject *exc, uint32_t pe, const char *where) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    int result = py_encode_error(st, &writer, exc, pe, where);
    if (chariot_writer_finish(&writer, &msg) != 0 || result < 0) return NULL;
    chariot_msg_set_error(msg);
    return msg;
}

/* ---------------------------------------------------------------- reading */

/* An error value's parts, new references; NULL: not there. */
struct parts {
    PyObject *type, *text, *trace, *pe, *where, *exc;
};

static void parts_clear(struct parts *parts) {
    Py_CLEAR(parts->type);
    Py_CLEAR(parts->text);
    Py_CLEAR(parts->trace);
    Py_CLEAR(parts->pe);
    Py_CLEAR(parts->where);
    Py_CLEAR(parts->exc);
}

static PyObject **part_of(struct parts *parts, const struct chariot_value *key) {
    const struct {
        const char *name;
        PyObject **part;
    } table[] = {{"type", &parts->type}, {"text", &parts->text},   {"trace", &parts->trace},
                 {"pe", &parts->pe},     {"where", &parts->where}, {"pickle", &parts->exc}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (key->bytes.size == strlen(table[i].name) && memcmp(key->bytes.data, table[i].name, key->bytes.size) == 0)
            return table[i].part;
    return NULL;
}

/* An object of class with these args: by its constructor or, where that takes something else, without. */
static PyObject *construct(PyObject *class, PyObject *args) {
    PyObject *exc = PyObject_Call(class, args, NULL);
    if (exc != NULL || !PyErr_ExceptionMatches(PyExc_Exception)) return exc;
    PyErr_Clear();
    return ((PyTypeObject *)class)->tp_new((PyTypeObject *)class, args, NULL);
}

/* The exception of name_and_args(). As rebuild(). */
static PyObject *rebuild_builtin(PyObject *both) {
    const char *name;
    PyObject *args;
    if (!PyArg_ParseTuple(both, "sO!", &name, &PyTuple_Type, &args)) return NULL;
    PyObject *class = builtin_class(name);
    PyObject *exc = class == NULL ? NULL : construct(class, args);
    if (exc == NULL || !PyExceptionInstance_Check(exc) || PyObject_SetAttrString(exc, "args", args) == 0) return exc;
    Py_DECREF(exc);
    return NULL;
}

static int set_fields(PyObject *exc, PyObject *fields) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(fields, &at, &name, &value);) {
        if (PyObject_SetAttr(exc, name, value) != 0) return -1;
    }
    return 0;
}

/* The exception that parts_of() took apart. New reference; NULL, maybe with an exception set: it is none. */
static PyObject *rebuild(PyObject *parts) {
    PyObject *class, *args, *dict, *fields;
    if (PyTuple_GET_SIZE(parts) == 2) return rebuild_builtin(parts);
    if (!PyArg_ParseTuple(parts, "OO!O!O!", &class, &PyTuple_Type, &args, &PyDict_Type, &dict, &PyDict_Type, &fields))
        return NULL;
    if (!PyExceptionClass_Check(class)) return NULL;
    PyObject *exc = construct(class, args);
    if (exc == NULL || !PyExceptionInstance_Check(exc)) return exc;
    PyObject *own = PyObject_GenericGetDict(exc, NULL);
    bool good = own != NULL && PyDict_Update(own, dict) == 0 && PyObject_SetAttrString(exc, "args", args) == 0 &&
                set_fields(exc, fields) == 0;
    Py_XDECREF(own);
    if (!good) Py_CLEAR(exc);
    return exc;
}

/* The value behind a key. A pickle that cannot be read here is left out: the strings tell what happened. */
static PyObject *read_part(struct py_state *st, struct chariot_reader *reader, bool is_pickle,
                           struct chariot_msg *owner, int depth) {
    if (!is_pickle) return py_decode_at_depth(st, reader, owner, depth);
    const void *data;
    size_t size;
    struct chariot_reader ahead = *reader;
    if (chariot_skip(reader, &data, &size) != 0) return py_malformed("an error value is cut short");
    PyObject *exc = py_decode_at_depth(st, &ahead, NULL, depth);
    if (exc != NULL && PyTuple_CheckExact(exc)) Py_SETREF(exc, rebuild(exc));
    if (exc != NULL && PyExceptionInstance_Check(exc)) return exc;
    Py_XDECREF(exc);
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
    PyErr_Clear();
    Py_RETURN_NONE;
}

static int read_pair(struct py_state *st, struct chariot_reader *reader, struct parts *parts, struct chariot_msg *owner,
                     int depth) {
    struct chariot_value key;
    if (chariot_get_typed(reader, CHARIOT_STRING, &key) != 0) {
        py_malformed("an error value has no names");
        return -1;
    }
    PyObject **part = part_of(parts, &key);
    PyObject *value = read_part(st, reader, part == &parts->exc, owner, depth);
    if (value == NULL) return -1;
    if (part != NULL)
        Py_XSETREF(*part, value);
    else
        Py_DECREF(value);
    return 0;
}

static bool is_str(PyObject *object) {
    return object != NULL && PyUnicode_Check(object) && PyUnicode_GET_LENGTH(object) > 0;
}

/* RemoteError("type: text"), with both as attributes. */
static PyObject *make_remote_error(struct py_codec *codec, const struct parts *parts) {
    PyObject *type = is_str(parts->type) ? Py_NewRef(parts->type) : PyUnicode_FromString("error");
    PyObject *text = is_str(parts->text) ? Py_NewRef(parts->text) : PyUnicode_FromString("");
    PyObject *both = NULL, *exc = NULL;
    if (type != NULL && text != NULL)
        both = PyUnicode_GET_LENGTH(text) > 0 ? PyUnicode_FromFormat("%U: %U", type, text) : Py_NewRef(type);
    if (both != NULL) exc = PyObject_CallOneArg(codec->remote_error, both);
    if (exc != NULL &&
        (PyObject_SetAttrString(exc, "type_name", type) < 0 || PyObject_SetAttrString(exc, "text", text) < 0))
        Py_CLEAR(exc);
    Py_XDECREF(type);
    Py_XDECREF(text);
    Py_XDECREF(both);
    return exc;
}

/* exc.remote_stacktrace = (pe, text). Errors of the runtime itself, which no PE raised, and exceptions that take no
 * attributes go without. */
static void attach_origin(struct py_state *st, PyObject *exc, const struct parts *parts) {
    if (parts->pe == NULL || !PyLong_Check(parts->pe)) return;
    PyObject *trace = is_str(parts->trace)   ? Py_NewRef(parts->trace)
                      : is_str(parts->where) ? PyUnicode_FromFormat("in %U, which is C", parts->where)
                                             : PyObject_Str(exc);
    PyObject *origin = trace != NULL ? PyTuple_Pack(2, parts->pe, trace) : NULL;
    if (origin != NULL) PyObject_SetAttr(exc, st->names.remote_stacktrace, origin);
    PyErr_Clear();
    Py_XDECREF(trace);
    Py_XDECREF(origin);
}

/* The class of what the runtime itself says: that a chare was destroyed, say, or that a section would be empty.
 * Borrowed; NULL: it is not the runtime that says it. */
static PyObject *class_of_runtime(struct py_state *st, const struct parts *parts) {
    if (parts->pe != NULL || !is_str(parts->text) || !is_str(parts->type)) return NULL;
    if (PyUnicode_CompareWithASCIIString(parts->type, "RuntimeError") == 0) return st->error;
    return PyUnicode_CompareWithASCIIString(parts->type, "ValueError") == 0 ? PyExc_ValueError : NULL;
}

/* The class of what C raised, which has no traceback, by the name of a builtin one. Borrowed; NULL: it is none. */
static PyObject *class_of_c(const struct parts *parts) {
    if (parts->trace != NULL || parts->exc != NULL || !is_str(parts->type) || parts->text == NULL) return NULL;
    const char *name = PyUnicode_AsUTF8(parts->type);
    PyErr_Clear();
    return name == NULL ? NULL : builtin_class(name);
}

static PyObject *make_error(struct py_state *st, const struct parts *parts) {
    if (parts->exc != NULL && parts->exc != Py_None) return Py_NewRef(parts->exc);
    PyObject *class = class_of_runtime(st, parts);
    if (class == NULL) class = class_of_c(parts);
    return class != NULL ? PyObject_CallOneArg(class, parts->text) : make_remote_error(&st->codec, parts);
}

PyObject *py_error_decode(struct py_state *st, struct chariot_reader *reader, uint64_t pairs, struct chariot_msg *owner,
                          int depth) {
    struct parts parts = {0};
    for (uint64_t i = 0; i < pairs; i++) {
        if (read_pair(st, reader, &parts, owner, depth) == 0) continue;
        parts_clear(&parts);
        return NULL;
    }
    PyObject *exc = make_error(st, &parts);
    if (exc != NULL) attach_origin(st, exc, &parts);
    parts_clear(&parts);
    return exc;
}

int py_codec_error_init(struct py_state *st, PyObject *module, PyObject *base_error) {
    st->codec.remote_error =
        PyErr_NewExceptionWithDoc("chariot.RemoteError",
                                  "An exception of a remote method whose own class could not come along.\n\n"
                                  "type_name and text say what it was; remote_stacktrace is (PE, traceback text).",
                                  base_error, NULL);
    if (st->codec.remote_error == NULL) return -1;
    return PyModule_AddObjectRef(module, "RemoteError", st->codec.remote_error);
}
