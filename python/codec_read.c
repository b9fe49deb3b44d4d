/* python/codec_read.c: encoded values to Python objects. What it reads may come from a peer that lies: every failure is
 * a ValueError, nesting is bounded, and counts were compared with the bytes that are left (objects/value_read.c). */
#include <string.h>

#include "python/codec.h"
#include "python/future.h"
#include "python/meter.h"
#include "python/proxy.h"
#include "python/state.h"

PyObject *py_malformed(const char *what) {
    PyErr_Format(PyExc_ValueError, "malformed message: %s", what);
    return NULL;
}

/* A decoder's own exception for data that makes no sense becomes a ValueError that says so; others pass. */
static PyObject *blame_data(PyObject *value, const char *what) {
    if (value != NULL || PyErr_ExceptionMatches(PyExc_MemoryError)) return value;
    PyErr_Clear();
    return py_malformed(what);
}

static PyObject *get_bigint(const struct chariot_value *value) {
    PyObject *from_bytes = PyObject_GetAttrString((PyObject *)&PyLong_Type, "from_bytes");
    PyObject *args = Py_BuildValue("(y#s)", value->bytes.data, (Py_ssize_t)value->bytes.size, "little");
    PyObject *keywords = Py_BuildValue("{sO}", "signed", Py_True);
    PyObject *number = NULL;
    if (from_bytes != NULL && args != NULL && keywords != NULL) number = PyObject_Call(from_bytes, args, keywords);
    Py_XDECREF(from_bytes);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return number;
}

static PyObject *get_str(const struct chariot_value *value) {
    PyObject *str =
        PyUnicode_DecodeUTF8((const char *)value->bytes.data, (Py_ssize_t)value->bytes.size, "surrogatepass");
    return blame_data(str, "a string is not UTF-8");
}

static PyObject *get_remote(struct py_state *st, const struct chariot_value *value) {
    struct chariot_ref ref;
    uint32_t method;
    if (chariot_ref_read(value, &ref, &method) != 0) return py_malformed("a reference makes no sense");
    return py_proxy_from_ref(st, &ref, method);
}

static PyObject *get_future(struct py_state *st, const struct chariot_value *value) {
    uint64_t id;
    if (chariot_future_read(value, &id) != 0) return py_malformed("a future makes no sense");
    return py_future_from_id(st, id);
}

/* Where values come from, and how deep. */
struct source {
    struct py_state *st;
    struct chariot_reader *reader;
    struct chariot_msg *owner;
    int depth;
};

static PyObject *get_object(struct source *source);

static PyObject *get_list(struct source *source, uint64_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (Py_ssize_t i = 0; list != NULL && i < (Py_ssize_t)count; i++) {
        PyObject *item = get_object(source);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *get_tuple(struct source *source, uint64_t count) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (Py_ssize_t i = 0; tuple != NULL && i < (Py_ssize_t)count; i++) {
        PyObject *item = get_object(source);
        if (item == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, item);
    }
    return tuple;
}

static PyObject *get_dict(struct source *source, uint64_t count) {
    PyObject *dict = PyDict_New();
    for (uint64_t i = 0; dict != NULL && i < count; i++) {
        PyObject *key = get_object(source);
        PyObject *value = key != NULL ? get_object(source) : NULL;
        int result = value != NULL ? PyDict_SetItem(dict, key, value) : -1;
        if (result < 0 && value != NULL && PyErr_ExceptionMatches(PyExc_TypeError))
            blame_data(NULL, "a map has a key that cannot be one");
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (result < 0) Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *get_container(struct source *source, const struct chariot_value *value) {
    if (source->depth >= PY_DEPTH_READ) return py_malformed("values are nested too deeply");
    source->depth++;
    PyObject *object;
    if (value->type == CHARIOT_LIST)
        object = get_list(source, value->count);
    else if (value->type == CHARIOT_TUPLE)
        object = get_tuple(source, value->count);
    else if (value->type == CHARIOT_MAP)
        object = get_dict(source, value->count);
    else
        object = py_error_decode(source->st, source->reader, value->count, source->owner, source->depth);
    source->depth--;
    return object;
}

static PyObject *get_object(struct source *source) {
    struct chariot_value value;
    if (chariot_get(source->reader, &value) != 0) return py_malformed("a value is cut short or of no known type");
    switch (value.type) {
    case CHARIOT_NULL:
        Py_RETURN_NONE;
    case CHARIOT_BOOL:
        return PyBool_FromLong(value.boolean);
    case CHARIOT_INT:
        return PyLong_FromLongLong(value.integer);
    case CHARIOT_BIGINT:
        return get_bigint(&value);
    case CHARIOT_DOUBLE:
        return PyFloat_FromDouble(value.real);
    case CHARIOT_STRING:
        return get_str(&value);
    case CHARIOT_BYTES:
        return PyBytes_FromStringAndSize((const char *)value.bytes.data, (Py_ssize_t)value.bytes.size);
    case CHARIOT_ARRAY:
        return py_array_decode(source->st, &value, source->owner);
    case CHARIOT_REF:
        return get_remote(source->st, &value);
    case CHARIOT_FUTURE:
        return get_future(source->st, &value);
    case CHARIOT_PICKLE:
        return py_pickle_decode(source->st, source->reader, &value, source->owner);
    case CHARIOT_LIST:
    case CHARIOT_TUPLE:
    case CHARIOT_MAP:
    case CHARIOT_ERROR:
        return get_container(source, &value);
    }
    return py_malformed("a value is of no known type");
}

PyObject *py_decode_at_depth(struct py_state *st, struct chariot_reader *reader, struct chariot_msg *owner, int depth) {
    struct source source = {.st = st, .reader = reader, .owner = owner, .depth = depth};
    return get_object(&source);
}

PyObject *py_decode(struct py_state *st, struct chariot_reader *reader, struct chariot_msg *owner) {
    return py_decode_at_depth(st, reader, owner, 0);
}

static PyObject *decode_msg(struct py_state *st, struct chariot_msg *msg, bool alone) {
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    if (chariot_reader_done(&reader)) Py_RETURN_NONE;
    PyObject *value = py_decode(st, &reader, alone ? msg : NULL);
    if (value == NULL || chariot_reader_done(&reader)) return value;
    Py_DECREF(value);
    return py_malformed("bytes are left behind the value");
}

PyObject *py_decode_msg(struct py_state *st, struct chariot_msg *msg, bool alone) {
    if (msg == NULL) Py_RETURN_NONE;
    enum chariot_phase before = py_phase(st, CHARIOT_RECEIVING);
    PyObject *value = decode_msg(st, msg, alone);
    py_phase(st, before);
    return value;
}

/* ---------------------------------------------------------------- arguments */

/* An error value is no argument that anybody sent: a reduction that ends here has failed. */
static int refuse_error(PyObject *value) {
    if (value == NULL) return -1;
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    Py_DECREF(value);
    return -1;
}

static bool is_error_next(const struct chariot_reader *reader) {
    struct chariot_reader ahead = *reader;
    struct chariot_value value;
    return chariot_get_typed(&ahead, CHARIOT_ERROR, &value) == 0;
}

static int get_positionals(struct source *source, uint64_t count, PyObject **args) {
    *args = PyTuple_New((Py_ssize_t)count);
    for (Py_ssize_t i = 0; *args != NULL && i < (Py_ssize_t)count; i++) {
        bool failed = is_error_next(source->reader);
        PyObject *item = get_object(source);
        if (failed) refuse_error(item);
        if (item == NULL || failed)
            Py_CLEAR(*args);
        else
            PyTuple_SET_ITEM(*args, i, item);
    }
    return *args != NULL ? 0 : -1;
}

static int get_keywords(struct source *source, PyObject **keywords) {
    struct chariot_value map;
    if (chariot_get_typed(source->reader, CHARIOT_MAP, &map) != 0) {
        py_malformed("what stands behind the arguments is no map");
        return -1;
    }
    *keywords = get_dict(source, map.count);
    return *keywords != NULL ? 0 : -1;
}

/* What put_args_whole() wrote: (args, keywords or None). */
static int get_args_whole(struct source *source, const struct chariot_value *pickle, PyObject **args,
                          PyObject **keywords) {
    PyObject *whole = py_pickle_decode(source->st, source->reader, pickle, source->owner);
    if (whole == NULL) return -1;
    bool sound = PyTuple_CheckExact(whole) && PyTuple_GET_SIZE(whole) == 2 &&
                 PyTuple_CheckExact(PyTuple_GET_ITEM(whole, 0)) &&
                 (PyTuple_GET_ITEM(whole, 1) == Py_None || PyDict_CheckExact(PyTuple_GET_ITEM(whole, 1)));
    if (sound) {
        *args = Py_NewRef(PyTuple_GET_ITEM(whole, 0));
        PyObject *second = PyTuple_GET_ITEM(whole, 1);
        *keywords = second != Py_None ? Py_NewRef(second) : NULL;
    }
    Py_DECREF(whole);
    if (!sound) py_malformed("arguments are no list");
    return sound ? 0 : -1;
}

static int get_args(struct source *source, PyObject **args, PyObject **keywords) {
    struct chariot_value value;
    if (chariot_get(source->reader, &value) != 0 || (value.type != CHARIOT_LIST && value.type != CHARIOT_PICKLE)) {
        py_malformed("arguments are no list");
        return -1;
    }
    if (value.type == CHARIOT_PICKLE) return get_args_whole(source, &value, args, keywords);
    if (get_positionals(source, value.count, args) < 0) return -1;
    return chariot_reader_done(source->reader) ? 0 : get_keywords(source, keywords);
}

static int decode_args(struct py_state *st, struct chariot_msg *msg, bool alone, PyObject **args, PyObject **keywords) {
    *args = *keywords = NULL;
    struct chariot_reader reader = {0};
    if (msg != NULL) chariot_reader_init(&reader, msg);
    if (msg == NULL || chariot_reader_done(&reader)) return (*args = PyTuple_New(0)) != NULL ? 0 : -1;
    struct source source = {.st = st, .reader = &reader, .owner = alone ? msg : NULL};
    int result = get_args(&source, args, keywords);
    if (result == 0 && !chariot_reader_done(&reader)) {
        py_malformed("bytes are left behind the arguments");
        result = -1;
    }
    if (result < 0) {
        Py_CLEAR(*args);
        Py_CLEAR(*keywords);
    }
    return result;
}

int py_decode_args(struct py_state *st, struct chariot_msg *msg, bool alone, PyObject **args, PyObject **keywords) {
    enum chariot_phase before = py_phase(st, CHARIOT_RECEIVING);
    int result = decode_args(st, msg, alone, args, keywords);
    py_phase(st, before);
    return result;
}
