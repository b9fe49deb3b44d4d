/* python/codec_array.c: numpy arrays and scalars as encoded arrays.
 *
 * Element data is copied once on the way out, straight into the message, from any layout; on the way in large data is
 * not copied at all (codec.h says when). */
#include "python/codec_numpy.h"

#include <string.h>

#include "python/state.h"

enum { ALIGNMENT = 16 }; /* of array data in a message, unless whoever wrote it did otherwise */

/* ---------------------------------------------------------------- writing */

/* Objects of numpy's come from numpy: its API is not needed to see that others are none. */
static bool may_be_numpys(PyObject *value) {
    return strncmp(Py_TYPE(value)->tp_name, "numpy.", 6) == 0;
}

int py_array_is_plain(struct py_state *st, PyObject *value) {
    if (!may_be_numpys(value)) return 0;
    if (py_numpy_need() < 0) return -1;
    if (PyArray_CheckExact(value)) return py_dtype_is_plain(st, PyArray_DESCR((PyArrayObject *)value));
    if (!PyArray_IsScalar(value, Generic) || (Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return 0;
    PyArray_Descr *dtype = PyArray_DescrFromScalar(value);
    int plain = dtype != NULL ? py_dtype_is_plain(st, dtype) : -1;
    Py_XDECREF(dtype);
    return plain;
}

size_t py_array_size(PyObject *value) {
    bool is_array = may_be_numpys(value) && PyArray_API != NULL && PyArray_CheckExact(value);
    return is_array ? (size_t)PyArray_NBYTES((PyArrayObject *)value) : 0;
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
    char simple[PY_SIMPLE_NAME];
    PyObject *holds;
    const char *name = py_dtype_name(st, PyArray_DESCR(array), simple, &holds);
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

/* Whether the shape's elements fill the data exactly; the shape as numpy wants it. */
bool py_array_read_shape(const struct chariot_value *value, npy_intp item, npy_intp *shape) {
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
    PyArray_Descr *dtype = py_numpy_need() == 0 ? py_dtype_find(st, value->array.dtype, value->array.dtype_size) : NULL;
    if (dtype == NULL) return NULL;
    if (value->array.ndim > NPY_MAXDIMS || !py_array_read_shape(value, PyDataType_ELSIZE(dtype), shape)) {
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
