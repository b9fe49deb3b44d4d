/* python/codec_array.c: numpy arrays and scalars as encoded arrays.
 *
 * The only file that includes numpy. numpy is imported when the first object of its comes by, in either direction.
 * Element data is copied once on the way out, straight into the message; array-interface strings name the dtypes, the
 * repr of numpy's own file-format description those with fields. Dtypes that neither describes in full (objects,
 * extension dtypes, overlapping fields, records) are left to pickle. */
#include "python/codec.h"

#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#pragma GCC diagnostic pop

#include "python/state.h"

enum {
    SIMPLE_NAME = 64, /* bytes of a simple dtype's name, its zero included */
    DTYPES_MAX = 512, /* dtypes remembered; then the tables start anew */
    ALIGNMENT = 16,   /* of array data in a message, unless whoever wrote it did otherwise */
};

/* numpy's table of functions, which its headers keep per process and not per module. */
static int need_numpy(void) {
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
static int dtype_is_plain(struct py_state *st, PyArray_Descr *dtype) {
    if (dtype->type_num < 0 || dtype->type_num > NPY_HALF || dtype->type_num == NPY_OBJECT) return 0;
    if (PyDataType_ELSIZE(dtype) == 0 || PyDataType_REFCHK(dtype)) return 0;
    if (dtype->type_num != NPY_VOID) return 1;
    if (dtype->typeobj != &PyVoidArrType_Type || PyDataType_HASSUBARRAY(dtype)) return 0;
    if (!has_fields(dtype)) return 1;
    PyObject *name = structured_name(st, (PyObject *)dtype);
    return name == NULL ? -1 : name != Py_None;
}

static void simple_name(const PyArray_Descr *dtype, char name[SIMPLE_NAME]) {
    npy_intp size = PyDataType_ELSIZE(dtype) / (dtype->type_num == NPY_UNICODE ? 4 : 1);
    char order = dtype->byteorder;
    if (order == NPY_NATIVE) order = NPY_NATBYTE;
    snprintf(name, SIMPLE_NAME, "%c%c%lld", order, dtype->kind, (long long)size);
}

/* The dtype's name on the wire, in `name` or in the object *holds, which then keeps it. NULL: exception. */
static const char *dtype_name(struct py_state *st, PyArray_Descr *dtype, char name[SIMPLE_NAME], PyObject **holds) {
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

/* ---------------------------------------------------------------- writing */

/* Objects of numpy's come from numpy: its API is not needed to see that others are none. */
static bool may_be_numpys(PyObject *value) {
    return strncmp(Py_TYPE(value)->tp_name, "numpy.", 6) == 0;
}

int py_array_is_plain(struct py_state *st, PyObject *value) {
    if (!may_be_numpys(value)) return 0;
    if (need_numpy() < 0) return -1;
    if (PyArray_CheckExact(value)) return dtype_is_plain(st, PyArray_DESCR((PyArrayObject *)value));
    if (!PyArray_IsScalar(value, Generic) || (Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return 0;
    PyArray_Descr *dtype = PyArray_DescrFromScalar(value);
    int plain = dtype != NULL ? dtype_is_plain(st, dtype) : -1;
    Py_XDECREF(dtype);
    return plain;
}

/* Elements of any layout, row by row; gives where it ended. */
static char *copy_strided(char *to, const char *from, int ndim, const npy_intp *shape, const npy_intp *strides,
                          npy_intp item) {
    npy_intp count = ndim > 0 ? shape[0] : 1, step = ndim > 0 ? strides[0] : 0;
    if (ndim > 1) {
        for (npy_intp i = 0; i < count; i++, from += step)
            to = copy_strided(to, from, ndim - 1, shape + 1, strides + 1, item);
    } else if (step == item || count <= 1) {
        memcpy(to, from, (size_t)(count * item));
        to += count * item;
    } else if (item == 8) {
        for (npy_intp i = 0; i < count; i++, from += step, to += 8) memcpy(to, from, 8);
    } else if (item == 4) {
        for (npy_intp i = 0; i < count; i++, from += step, to += 4) memcpy(to, from, 4);
    } else {
        for (npy_intp i = 0; i < count; i++, from += step, to += item) memcpy(to, from, (size_t)item);
    }
    return to;
}

static void copy_data(void *to, PyArrayObject *array) {
    if (PyArray_NBYTES(array) == 0) return;
    if (PyArray_IS_C_CONTIGUOUS(array) || PyArray_IS_F_CONTIGUOUS(array))
        memcpy(to, PyArray_DATA(array), (size_t)PyArray_NBYTES(array));
    else
        copy_strided(to, PyArray_DATA(array), PyArray_NDIM(array), PyArray_DIMS(array), PyArray_STRIDES(array),
                     PyArray_ITEMSIZE(array));
}

static int put_array(struct py_state *st, struct chariot_writer *writer, PyArrayObject *array, bool scalar) {
    char simple[SIMPLE_NAME];
    PyObject *holds;
    const char *name = dtype_name(st, PyArray_DESCR(array), simple, &holds);
    if (name != NULL) {
        int64_t shape[CHARIOT_MAX_ARRAY_DIMS];
        int ndim = PyArray_NDIM(array);
        for (int i = 0; i < ndim; i++) shape[i] = PyArray_DIM(array, i);
        bool fortran = scalar || (PyArray_IS_F_CONTIGUOUS(array) && !PyArray_IS_C_CONTIGUOUS(array));
        void *data;
        if (chariot_put_array(writer, name, (uint32_t)ndim, shape, fortran ? 'F' : 'C', (size_t)PyArray_NBYTES(array),
                              &data) == 0)
            copy_data(data, array);
    }
    Py_XDECREF(holds);
    return name != NULL ? 0 : -1;
}

int py_array_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value) {
    if (PyArray_CheckExact(value)) return put_array(st, writer, (PyArrayObject *)value, false);
    PyObject *array = PyArray_FromScalar(value, NULL);
    int result = array != NULL ? put_array(st, writer, (PyArrayObject *)array, true) : -1;
    Py_XDECREF(array);
    return result;
}

/* ---------------------------------------------------------------- reading */

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

/* A dtype by its name on the wire. New reference. */
static PyArray_Descr *find_dtype(struct py_state *st, const char *name, size_t size) {
    PyObject *key = PyBytes_FromStringAndSize(name, (Py_ssize_t)size);
    PyObject *dtype = key != NULL ? PyDict_GetItemWithError(st->codec.dtypes, key) : NULL;
    Py_XINCREF(dtype);
    if (dtype == NULL && key != NULL && !PyErr_Occurred()) {
        dtype = parse_dtype(name, size);
        if (dtype != NULL && !is_sound((PyArray_Descr *)dtype)) Py_CLEAR(dtype);
        dtype = remember(st->codec.dtypes, key, dtype);
    }
    Py_XDECREF(key);
    if (dtype == NULL && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        py_malformed("an array is of no known element type");
    }
    if (dtype == NULL || !has_fields((PyArray_Descr *)dtype)) return (PyArray_Descr *)dtype;
    PyArray_Descr *own = PyArray_DescrNew((PyArray_Descr *)dtype); /* its field names can be assigned to */
    Py_DECREF(dtype);
    return own;
}

/* Whether the shape's elements fill the data exactly; the shape as numpy wants it. */
static bool read_shape(const struct chariot_value *value, npy_intp item, npy_intp *shape) {
    npy_intp full = item;
    bool empty = false, fits = true;
    for (uint32_t i = 0; i < value->array.ndim; i++) {
        shape[i] = (npy_intp)value->array.shape[i];
        if (shape[i] == 0)
            empty = true;
        else
            fits = fits && !__builtin_mul_overflow(full, shape[i], &full);
    }
    return fits && value->array.size == (empty ? 0 : (size_t)full);
}

/* Steals dtype. */
static PyObject *view_data(struct py_state *st, PyArray_Descr *dtype, const struct chariot_value *value,
                           npy_intp *shape, int flags, struct chariot_msg *owner) {
    PyObject *base = py_view_new(st, owner, value->array.data, value->array.size);
    if (base == NULL) {
        Py_DECREF(dtype);
        return NULL;
    }
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, dtype, (int)value->array.ndim, shape, NULL,
                                           (void *)(uintptr_t)value->array.data, flags | NPY_ARRAY_WRITEABLE, NULL);
    if (array == NULL) {
        Py_DECREF(base);
        return NULL;
    }
    if (PyArray_SetBaseObject((PyArrayObject *)array, base) < 0) Py_CLEAR(array);
    return array;
}

/* Steals dtype. */
static PyObject *copy_out(PyArray_Descr *dtype, const struct chariot_value *value, npy_intp *shape, int flags) {
    PyObject *array =
        PyArray_NewFromDescr(&PyArray_Type, dtype, (int)value->array.ndim, shape, NULL, NULL, flags, NULL);
    if (array != NULL && value->array.size > 0)
        memcpy(PyArray_DATA((PyArrayObject *)array), value->array.data, value->array.size);
    return array;
}

PyObject *py_array_decode(struct py_state *st, const struct chariot_value *value, struct chariot_msg *owner) {
    npy_intp shape[CHARIOT_MAX_ARRAY_DIMS];
    PyArray_Descr *dtype = need_numpy() == 0 ? find_dtype(st, value->array.dtype, value->array.dtype_size) : NULL;
    if (dtype == NULL) return NULL;
    if (value->array.ndim > NPY_MAXDIMS || !read_shape(value, PyDataType_ELSIZE(dtype), shape)) {
        Py_DECREF(dtype);
        return py_malformed("an array's size does not fit its shape");
    }
    bool fortran = value->array.order == 'F';
    bool aligned = (uintptr_t)value->array.data % ALIGNMENT == 0;
    if (value->array.ndim > 0 && aligned && py_view_pays(owner, value->array.size))
        return view_data(st, dtype, value, shape, fortran ? NPY_ARRAY_F_CONTIGUOUS : NPY_ARRAY_C_CONTIGUOUS, owner);
    PyObject *array = copy_out(dtype, value, shape, fortran ? NPY_ARRAY_F_CONTIGUOUS : 0);
    return array != NULL && fortran && value->array.ndim == 0 ? PyArray_Return((PyArrayObject *)array) : array;
}
