/* python/codec.c: plain Python values to and from their encoded form; arguments; the codec's state.
 *
 * Writing takes two passes. The first (scan) only looks: whether all of it is plain, not too deep, and a tree, since
 * the encoded form has no way to say that two places hold the same list. What is anything else is pickled whole, so
 * that objects which it shares, or which hold themselves, come out as they were. The second pass writes. No Python code
 * runs in or between the passes over plain values. */
#include "python/codec.h"

#include <string.h>

#include "python/future.h"
#include "python/meter.h"
#include "python/proxy.h"
#include "python/state.h"

/* ---------------------------------------------------------------- looking */

enum {
    SEEN_MAX = 64,
    FIRST_BYTES = 128, /* room that a message has at first */
};

enum verdict { PLAIN = 0, NOT_PLAIN = 1 }; /* and -1: exception set */

/* What one pass over a value, or over all arguments of a call, has met. */
struct scan {
    PyObject *seen[SEEN_MAX]; /* borrowed: mutable objects that could occur again, as others refer to them too */
    int num_seen;
    Py_ssize_t mutables; /* lists, dicts and arrays so far */
    bool repeated;       /* one of them was met twice */
};

/* A mutable object which only one container refers to cannot occur in a second place. */
static enum verdict remember(struct scan *scan, PyObject *value) {
    if (Py_REFCNT(value) == 1) return PLAIN;
    for (int i = 0; i < scan->num_seen; i++) {
        if (scan->seen[i] == value) {
            scan->repeated = true;
            return NOT_PLAIN;
        }
    }
    if (scan->num_seen == SEEN_MAX) return NOT_PLAIN;
    scan->seen[scan->num_seen++] = value;
    return PLAIN;
}

static inline bool is_atom(PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    return value == Py_None || type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type ||
           type == &PyBool_Type || type == &PyBytes_Type;
}

/* Refers to something in the job: a proxy, a bound remote method, a future. */
static inline bool is_remote(struct py_state *st, PyObject *value) {
    return py_proxy_check(st, value) || py_bound_check(st, value) || py_future_check(st, value);
}

static int scan_value(struct py_state *st, struct scan *scan, PyObject *value, int depth);

static int scan_items(struct py_state *st, struct scan *scan, PyObject *const *items, Py_ssize_t count, int depth) {
    int verdict = PLAIN;
    for (Py_ssize_t i = 0; i < count && verdict == PLAIN; i++)
        if (!is_atom(items[i])) verdict = scan_value(st, scan, items[i], depth);
    return verdict;
}

static int scan_dict(struct py_state *st, struct scan *scan, PyObject *dict, int depth) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    int verdict = PLAIN;
    while (verdict == PLAIN && PyDict_Next(dict, &at, &key, &value)) {
        if (!is_atom(key)) verdict = scan_value(st, scan, key, depth);
        if (verdict == PLAIN && !is_atom(value)) verdict = scan_value(st, scan, value, depth);
    }
    return verdict;
}

/* A tuple matters for sharing where something inside it can change. */
static int scan_tuple(struct py_state *st, struct scan *scan, PyObject *tuple, int depth) {
    Py_ssize_t before = scan->mutables;
    int verdict = scan_items(st, scan, ((PyTupleObject *)tuple)->ob_item, PyTuple_GET_SIZE(tuple), depth);
    return verdict == PLAIN && scan->mutables != before ? (int)remember(scan, tuple) : verdict;
}

static int scan_mutable(struct py_state *st, struct scan *scan, PyObject *value, int depth) {
    scan->mutables++;
    if (remember(scan, value) != PLAIN) return NOT_PLAIN;
    if (PyDict_CheckExact(value)) return scan_dict(st, scan, value, depth);
    return scan_items(st, scan, ((PyListObject *)value)->ob_item, PyList_GET_SIZE(value), depth);
}

static int scan_value(struct py_state *st, struct scan *scan, PyObject *value, int depth) {
    if (is_atom(value) || is_remote(st, value)) return PLAIN;
    if (PyTuple_CheckExact(value) && depth < PY_DEPTH_PLAIN) return scan_tuple(st, scan, value, depth + 1);
    if ((PyList_CheckExact(value) || PyDict_CheckExact(value)) && depth < PY_DEPTH_PLAIN)
        return scan_mutable(st, scan, value, depth + 1);
    int plain = py_array_is_plain(st, value);
    if (plain <= 0) return plain < 0 ? -1 : NOT_PLAIN;
    scan->mutables++;
    return remember(scan, value);
}

/* ---------------------------------------------------------------- writing */

int py_write_failed(int error) {
    if (error == CHARIOT_ENOMEM)
        PyErr_NoMemory();
    else
        PyErr_Format(PyExc_ValueError, "cannot write the value: %s", chariot_error_text(error));
    return -1;
}

static int put_bigint(struct chariot_writer *writer, PyObject *value) {
    PyObject *bits = PyObject_CallMethod(value, "bit_length", NULL);
    Py_ssize_t size = bits != NULL ? PyLong_AsSsize_t(bits) / 8 + 1 : -1;
    Py_XDECREF(bits);
    if (size < 0) return -1;
    PyObject *to_bytes = PyObject_GetAttrString(value, "to_bytes");
    PyObject *args = Py_BuildValue("(ns)", size, "little");
    PyObject *keywords = Py_BuildValue("{sO}", "signed", Py_True);
    PyObject *bytes = NULL;
    if (to_bytes != NULL && args != NULL && keywords != NULL) bytes = PyObject_Call(to_bytes, args, keywords);
    if (bytes != NULL)
        chariot_put_bigint(writer, (const uint8_t *)PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_XDECREF(to_bytes);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(bytes);
    return bytes != NULL ? 0 : -1;
}

static int put_int(struct chariot_writer *writer, PyObject *value) {
    int overflow;
    long long integer = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) return put_bigint(writer, value);
    chariot_put_int(writer, integer);
    return 0;
}

static int put_str(struct chariot_writer *writer, PyObject *value) {
    if (PyUnicode_READY(value) < 0) return -1;
    if (PyUnicode_IS_COMPACT_ASCII(value)) {
        chariot_put_string(writer, PyUnicode_DATA(value), (size_t)PyUnicode_GET_LENGTH(value));
        return 0;
    }
    PyObject *bytes = PyUnicode_AsEncodedString(value, "utf-8", "surrogatepass");
    if (bytes == NULL) return -1;
    chariot_put_string(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

/* value is plain. 0, or -1 with an exception; the writer's own error is looked at in the end. */
static int put_value(struct py_state *st, struct chariot_writer *writer, PyObject *value);

static int put_items(struct py_state *st, struct chariot_writer *writer, PyObject *const *items, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (put_value(st, writer, items[i]) < 0) return -1;
    return 0;
}

static int put_dict(struct py_state *st, struct chariot_writer *writer, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    chariot_put_map(writer, (uint64_t)PyDict_GET_SIZE(dict));
    while (PyDict_Next(dict, &at, &key, &value))
        if (put_value(st, writer, key) < 0 || put_value(st, writer, value) < 0) return -1;
    return 0;
}

static int put_value(struct py_state *st, struct chariot_writer *writer, PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyLong_Type) return put_int(writer, value);
    if (type == &PyUnicode_Type) return put_str(writer, value);
    if (type == &PyFloat_Type) {
        chariot_put_double(writer, PyFloat_AS_DOUBLE(value));
    } else if (value == Py_None) {
        chariot_put_null(writer);
    } else if (type == &PyBool_Type) {
        chariot_put_bool(writer, value == Py_True);
    } else if (type == &PyBytes_Type) {
        chariot_put_bytes(writer, PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
    } else if (type == &PyTuple_Type) {
        chariot_put_tuple(writer, (uint64_t)PyTuple_GET_SIZE(value));
        return put_items(st, writer, ((PyTupleObject *)value)->ob_item, PyTuple_GET_SIZE(value));
    } else if (type == &PyList_Type) {
        chariot_put_list(writer, (uint64_t)PyList_GET_SIZE(value));
        return put_items(st, writer, ((PyListObject *)value)->ob_item, PyList_GET_SIZE(value));
    } else if (type == &PyDict_Type) {
        return put_dict(st, writer, value);
    } else if (py_proxy_check(st, value)) {
        return py_proxy_put(writer, value);
    } else if (py_bound_check(st, value)) {
        return py_bound_put(writer, value);
    } else if (py_future_check(st, value)) {
        return py_future_put(writer, value);
    } else {
        return py_array_encode(st, writer, value);
    }
    return 0;
}

static int written(const struct chariot_writer *writer, int result) {
    return result == 0 && writer->error != 0 ? py_write_failed(writer->error) : result;
}

int py_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value) {
    int verdict = PLAIN;
    if (!is_atom(value)) {
        struct scan scan;
        scan.num_seen = 0;
        scan.mutables = 0;
        scan.repeated = false;
        verdict = scan_value(st, &scan, value, 0);
    }
    if (verdict < 0) return -1;
    if (verdict == PLAIN) return written(writer, put_value(st, writer, value));
    return written(writer, py_pickle_encode(st, writer, value));
}

/* Ends the writer: gives its message, or drops it where something failed. */
static int finish(struct chariot_writer *writer, int result, struct chariot_msg **msg) {
    int error = chariot_writer_finish(writer, msg);
    if (result == 0 && error == 0) return 0;
    chariot_msg_unref(*msg);
    *msg = NULL;
    return result < 0 ? -1 : py_write_failed(error);
}

/* A guess that saves moving what is large while it is written. */
static size_t room_for(PyObject *const *values, Py_ssize_t num) {
    size_t room = FIRST_BYTES;
    for (Py_ssize_t i = 0; i < num; i++) {
        if (PyBytes_CheckExact(values[i]))
            room += (size_t)PyBytes_GET_SIZE(values[i]);
        else if (!is_atom(values[i]))
            room += py_array_size(values[i]);
    }
    return room;
}

/* For a message of its own, which may leave for other PEs. */
static void begin(struct py_state *st, struct chariot_writer *writer, size_t room) {
    chariot_writer_init_take(writer, st->pe != NULL ? chariot_msg_new_on(st->pe, room) : NULL);
}

int py_encode_msg(struct py_state *st, PyObject *value, struct chariot_msg **msg) {
    struct chariot_writer writer;
    enum chariot_phase before = py_phase(st, CHARIOT_SENDING);
    begin(st, &writer, room_for(&value, 1));
    int result = finish(&writer, py_encode(st, &writer, value), msg);
    py_phase(st, before);
    return result;
}

/* ---------------------------------------------------------------- arguments */

/* How the arguments of a call must be written, found by looking at all of them. */
struct args_scan {
    struct scan scan;
    Py_ssize_t pickles, containers; /* arguments that need pickle; plain ones that could share objects with those */
};

static int scan_arg(struct py_state *st, struct args_scan *all, PyObject *value) {
    if (is_atom(value)) return 0;
    int verdict = scan_value(st, &all->scan, value, 0);
    if (verdict < 0) return -1;
    if (verdict == NOT_PLAIN)
        all->pickles++;
    else if (PyTuple_CheckExact(value) || PyList_CheckExact(value) || PyDict_CheckExact(value))
        all->containers++;
    return 0;
}

/* 1: written as one pickle, so that what several share stays shared; 0: each by itself; -1: exception. */
static int args_are_entangled(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords) {
    struct args_scan all;
    all.scan.num_seen = 0;
    all.scan.mutables = 0;
    all.scan.repeated = false;
    all.pickles = all.containers = 0;
    for (Py_ssize_t i = 0; i < num; i++)
        if (scan_arg(st, &all, args[i]) < 0) return -1;
    PyObject *name, *value;
    for (Py_ssize_t at = 0; keywords != NULL && PyDict_Next(keywords, &at, &name, &value);)
        if (scan_arg(st, &all, value) < 0) return -1;
    return all.scan.repeated || (all.pickles > 0 && all.pickles + all.containers > 1);
}

static int put_args_whole(struct py_state *st, struct chariot_writer *writer, PyObject *const *args, Py_ssize_t num,
                          PyObject *keywords) {
    PyObject *list = PyTuple_New(num);
    for (Py_ssize_t i = 0; list != NULL && i < num; i++) PyTuple_SET_ITEM(list, i, Py_NewRef(args[i]));
    PyObject *whole = list != NULL ? PyTuple_Pack(2, list, keywords != NULL ? keywords : Py_None) : NULL;
    int result = whole != NULL ? py_pickle_encode(st, writer, whole) : -1;
    Py_XDECREF(list);
    Py_XDECREF(whole);
    return result;
}

static int put_args_each(struct py_state *st, struct chariot_writer *writer, PyObject *const *args, Py_ssize_t num,
                         PyObject *keywords) {
    chariot_put_list(writer, (uint64_t)num);
    for (Py_ssize_t i = 0; i < num; i++) {
        int result = is_atom(args[i]) ? put_value(st, writer, args[i]) : py_encode(st, writer, args[i]);
        if (result < 0) return -1;
    }
    if (keywords == NULL) return 0;
    chariot_put_map(writer, (uint64_t)PyDict_GET_SIZE(keywords));
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(keywords, &at, &name, &value);)
        if (put_str(writer, name) < 0 || py_encode(st, writer, value) < 0) return -1;
    return 0;
}

static int encode_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords,
                       struct chariot_msg **msg) {
    bool single = num == 1 && keywords == NULL;
    int entangled = single ? 0 : args_are_entangled(st, args, num, keywords);
    if (entangled < 0) return -1;
    struct chariot_writer writer;
    begin(st, &writer, room_for(args, num));
    int result =
        entangled ? put_args_whole(st, &writer, args, num, keywords) : put_args_each(st, &writer, args, num, keywords);
    return finish(&writer, result, msg);
}

int py_encode_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords,
                   struct chariot_msg **msg) {
    *msg = NULL;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) == 0) keywords = NULL;
    if (num == 0 && keywords == NULL) return 0;
    enum chariot_phase before = py_phase(st, CHARIOT_SENDING);
    int result = encode_args(st, args, num, keywords, msg);
    py_phase(st, before);
    return result;
}
