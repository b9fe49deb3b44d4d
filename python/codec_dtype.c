/* python/codec_dtype.c: names of dtypes on the wire.
 *
 * Array-interface strings name the simple ones, the repr of numpy's own file-format description those with fields.
 * Dtypes that neither describes in full (objects, extension dtypes, overlapping fields, records) are left to pickle. */
#define PY_NUMPY_HAS_TABLE
#include "python/codec_numpy.h"

#include <string.h>

#include "python/state.h"

enum { DTYPES_MAX = 512 }; /* dtypes remembered; then the tables start anew */

int py_numpy_need(void) {
    if (PyArray_API != NULL) return 0;
    return _import_array() < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- names of dtypes */

/* Enters value (taken) into a table, and gives it back; NULL: exception. */
static PyObject *remember(PyObject *table, PyObject *key, PyObject *value) {
    if (value == NULL) return NULL;
    if (PyDict_GET_SIZE(table) >= DTYPES_MAX) PyDict_Clear(table);
    if (PyDict_SetItem(table, key, value) == 0) return value;
    Py_DECREF(value);
    return NULL;
}

static PyObject *format_module(const char *function, PyObject *arg) {
    PyObject *format = PyImport_ImportModule("numpy.lib.format");
    PyObject *result = format != NULL ? PyObject_CallMethod(format, function, "(O)", arg) : NULL;
    Py_XDECREF(format);
    return result;
}

static PyObject *parse_literal(PyObject *text) {
    PyObject *ast = PyImport_ImportModule("ast");
    PyObject *result = ast != NULL ? PyObject_CallMethod(ast, "literal_eval", "(O)", text) : NULL;
    Py_XDECREF(ast);
    return result;
}

/* repr of the description of a dtype with fields, as bytes; None where the description would not give it back. */
static PyObject *describe(PyObject *dtype) {
    PyObject *descr = format_module("dtype_to_descr", dtype);
    PyObject *text = descr != NULL ? PyObject_Repr(descr) : NULL;
    PyObject *back = descr != NULL ? format_module("descr_to_dtype", descr) : NULL;
    int same = text != NULL && back != NULL ? PyObject_RichCompareBool(back, dtype, Py_EQ) : -1;
    PyObject *bytes = same == 1 ? PyUnicode_AsUTF8String(text) : same == 0 ? Py_NewRef(Py_None) : NULL;
    Py_XDECREF(descr);
    Py_XDECREF(text);
    Py_XDECREF(back);
    return bytes;
}

/* The same, remembered, and None where there is none. Borrowed; NULL with an exception for lack of memory only. */
static PyObject *structured_name(struct py_state *st, PyObject *dtype) {
    PyObject *name = PyDict_GetItemWithError(st->codec.dtype_names, dtype);
    if (name != NULL || PyErr_Occurred()) return name;
    name = describe(dtype);
    if (name == NULL) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)) return NULL;
        PyErr_Clear(); /* overlapping fields and the like */
        name = Py_NewRef(Py_None);
    }
    name = remember(st->codec.dtype_names, dtype, name);
    Py_XDECREF(name);
    return name; /* the table's */
}

static bool has_fields(PyArray_Descr *dtype) {
    return PyDataType_HASFIELDS(dtype);
}

static bool is_time(const PyArray_Descr *dtype) {
    return dtype->type_num == NPY_DATETIME || dtype->type_num == NPY_TIMEDELTA;
}

/* 1, 0, or -1 with an exception. */
int py_dtype_is_plain(struct py_state *st, PyArray_Descr *dtype) {
    if (dtype->type_num < 0 || dtype->type_num > NPY_HALF || dtype->type_num == NPY_OBJECT) return 0;
    if (PyDataType_ELSIZE(dtype) == 0 || PyDataType_REFCHK(dtype)) return 0;
    if (dtype->type_num != NPY_VOID) return 1;
    if (dtype->typeobj != &PyVoidArrType_Type || PyDataType_HASSUBARRAY(dtype)) return 0;
    if (!has_fields(dtype)) return 1;
    PyObject *name = structured_name(st, (PyObject *)dtype);
    return name == NULL ? -1 : name != Py_None;
}

/* As "%c%c%zu" writes it, which takes longer than all else of a small array. */
static void simple_name(const PyArray_Descr *dtype, char name[PY_SIMPLE_NAME]) {
    size_t size = (size_t)PyDataType_ELSIZE(dtype) / (dtype->type_num == NPY_UNICODE ? 4 : 1);
    char digits[24], *at = digits + sizeof digits;
    *--at = 0;
    do {
        *--at = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    name[0] = dtype->byteorder == NPY_NATIVE ? NPY_NATBYTE : dtype->byteorder;
    name[1] = dtype->kind;
    memcpy(name + 2, at, (size_t)(digits + sizeof digits - at));
}

/* The dtype's name on the wire, in `name` or in the object *holds, which then keeps it. NULL: exception. */
const char *py_dtype_name(struct py_state *st, PyArray_Descr *dtype, char name[PY_SIMPLE_NAME], PyObject **holds) {
    *holds = NULL;
    if (has_fields(dtype)) {
        PyObject *bytes = structured_name(st, (PyObject *)dtype);
        *holds = Py_XNewRef(bytes);
        return bytes != NULL ? PyBytes_AsString(bytes) : NULL;
    }
    if (is_time(dtype)) {
        *holds = PyObject_GetAttrString((PyObject *)dtype, "str");
        return *holds != NULL ? PyUnicode_AsUTF8(*holds) : NULL;
    }
    simple_name(dtype, name);
    return name;
}

/* ---------------------------------------------------------------- dtypes of names */

static PyObject *parse_dtype(const char *name, size_t size) {
    PyObject *text = PyUnicode_DecodeUTF8(name, (Py_ssize_t)size, NULL);
    if (text == NULL) return NULL;
    bool fields = size > 0 && *name == '[';
    PyObject *descr = fields ? parse_literal(text) : Py_NewRef(text);
    PyArray_Descr *dtype = NULL;
    if (descr != NULL && fields)
        dtype = (PyArray_Descr *)format_module("descr_to_dtype", descr);
    else if (descr != NULL && PyArray_DescrConverter(descr, &dtype) != NPY_SUCCEED)
        dtype = NULL;
    Py_DECREF(text);
    Py_XDECREF(descr);
    return (PyObject *)dtype;
}

/* Elements of it are nothing but their bytes: no pointers that the sender could make up. */
static bool is_sound(PyArray_Descr *dtype) {
    return dtype->type_num >= 0 && dtype->type_num <= NPY_HALF && dtype->type_num != NPY_OBJECT &&
           PyDataType_ELSIZE(dtype) > 0 && !PyDataType_REFCHK(dtype) && !PyDataType_HASSUBARRAY(dtype);
}

/* The same, remembered. New reference, or NULL with an exception. */
static PyObject *look_up(struct py_state *st, const char *name, size_t size) {
    PyObject *key = PyBytes_FromStringAndSize(name, (Py_ssize_t)size);
    PyObject *dtype = key != NULL ? PyDict_GetItemWithError(st->codec.dtypes, key) : NULL;
    Py_XINCREF(dtype);
    if (dtype == NULL && key != NULL && !PyErr_Occurred()) {
        dtype = parse_dtype(name, size);
        if (dtype != NULL && !is_sound((PyArray_Descr *)dtype)) Py_CLEAR(dtype);
        dtype = remember(st->codec.dtypes, key, dtype);
    }
    Py_XDECREF(key);
    return dtype;
}

/* Most arrays are of the type of the one before. */
static PyObject *latest_or_look_up(struct py_codec *codec, struct py_state *st, const char *name, size_t size) {
    if (codec->latest_dtype != NULL && size == codec->latest_size && memcmp(name, codec->latest_name, size) == 0)
        return Py_NewRef(codec->latest_dtype);
    PyObject *dtype = look_up(st, name, size);
    if (dtype == NULL || size > sizeof codec->latest_name) return dtype;
    Py_XSETREF(codec->latest_dtype, Py_NewRef(dtype));
    memcpy(codec->latest_name, name, size);
    codec->latest_size = size;
    return dtype;
}

/* A dtype by its name on the wire. New reference. */
PyArray_Descr *py_dtype_find(struct py_state *st, const char *name, size_t size) {
    PyObject *dtype = latest_or_look_up(&st->codec, st, name, size);
    if (dtype == NULL && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        py_malformed("an array is of no known element type");
    }
    if (dtype == NULL || !has_fields((PyArray_Descr *)dtype)) return (PyArray_Descr *)dtype;
    PyArray_Descr *own = PyArray_DescrNew((PyArray_Descr *)dtype); /* its field names can be assigned to */
    Py_DECREF(dtype);
    return own;
}
