/* python/codec_ndarray.c: numpy arrays inside pickles.
 *
 * A reduction of our own, since numpy's turns some arrays of foreign byte order into native ones, and takes longer.
 * Dtypes that have no name on the wire are numpy's to pickle. */
#include "python/codec_numpy.h"

#include "python/state.h"

/* The elements as one run of bytes, without a copy where they are one. New reference. */
static PyObject *elements_of(PyArrayObject *array) {
    bool one_run = PyArray_IS_C_CONTIGUOUS(array) || PyArray_IS_F_CONTIGUOUS(array);
    PyObject *whole = one_run ? Py_NewRef(array) : PyArray_NewCopy(array, NPY_CORDER);
    if (whole == NULL) return NULL;
    PyArrayObject *from = (PyArrayObject *)whole;
    npy_intp size = PyArray_NBYTES(from);
    PyObject *bytes = PyArray_New(&PyArray_Type, 1, &size, NPY_UBYTE, NULL, PyArray_DATA(from), 0, NPY_ARRAY_WRITEABLE,
                                  NULL); /* nobody writes to it; what arrives is to be writable */
    if (bytes != NULL && PyArray_SetBaseObject((PyArrayObject *)bytes, whole) < 0) Py_CLEAR(bytes);
    if (bytes == NULL) Py_DECREF(whole);
    PyObject *buffer = bytes != NULL ? PyPickleBuffer_FromObject(bytes) : NULL;
    Py_XDECREF(bytes);
    return buffer;
}

static PyObject *shape_of(PyArrayObject *array) {
    return PyObject_GetAttrString((PyObject *)array, "shape");
}

/* (our loader, (dtype, shape, whether in Fortran's order, elements)) */
static PyObject *reduce_ndarray(PyObject *module, PyObject *object) {
    struct py_state *st = py_state_of_module(module);
    int plain = py_array_is_plain(st, object);
    if (plain < 0) return NULL;
    if (!plain) return PyObject_CallMethod(object, "__reduce_ex__", "i", 5);
    PyArrayObject *array = (PyArrayObject *)object;
    bool fortran = PyArray_IS_F_CONTIGUOUS(array) && !PyArray_IS_C_CONTIGUOUS(array);
    char simple[PY_SIMPLE_NAME];
    PyObject *holds, *reduced = NULL;
    const char *name = py_dtype_name(st, PyArray_DESCR(array), simple, &holds);
    PyObject *elements = name != NULL ? elements_of(array) : NULL;
    if (elements != NULL)
        reduced = Py_BuildValue("O(yNiN)", st->codec.load_ndarray, name, shape_of(array), fortran, elements);
    Py_XDECREF(holds);
    return reduced;
}

/* A tuple of ints as the shape of value. */
static int read_shape_tuple(PyObject *tuple, struct chariot_value *value) {
    Py_ssize_t ndim = PyTuple_GET_SIZE(tuple);
    if (ndim > CHARIOT_MAX_ARRAY_DIMS || ndim > NPY_MAXDIMS) return -1;
    value->array.ndim = (uint32_t)ndim;
    for (Py_ssize_t i = 0; i < ndim; i++) {
        value->array.shape[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i));
        if (value->array.shape[i] < 0) return -1;
    }
    return 0;
}

/* An array over the memory of a buffer, which it keeps. Steals dtype. */
static PyObject *array_over(PyArray_Descr *dtype, struct chariot_value *value, PyObject *buffer) {
    npy_intp shape[CHARIOT_MAX_ARRAY_DIMS];
    PyObject *memory = PyMemoryView_FromObject(buffer);
    PyObject *array = NULL;
    if (memory != NULL) {
        const Py_buffer *raw = PyMemoryView_GET_BUFFER(memory);
        value->array.size = (size_t)raw->len;
        value->array.data = raw->buf;
        int flags = value->array.order == 'F' ? NPY_ARRAY_F_CONTIGUOUS : NPY_ARRAY_C_CONTIGUOUS;
        if (!PyBuffer_IsContiguous(raw, 'C') || !py_array_read_shape(value, PyDataType_ELSIZE(dtype), shape))
            py_malformed("an array's size does not fit its shape");
        else
            array =
                PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)Py_NewRef(dtype), (int)value->array.ndim, shape,
                                     NULL, raw->buf, raw->readonly ? flags : flags | NPY_ARRAY_WRITEABLE, NULL);
    }
    if (array != NULL && PyArray_SetBaseObject((PyArrayObject *)array, Py_NewRef(memory)) < 0) Py_CLEAR(array);
    Py_XDECREF(memory);
    Py_DECREF(dtype);
    return array;
}

static PyObject *load_ndarray(PyObject *module, PyObject *args) {
    const char *name;
    Py_ssize_t size;
    PyObject *shape, *buffer;
    int fortran;
    struct chariot_value value = {.type = CHARIOT_ARRAY};
    if (!PyArg_ParseTuple(args, "y#O!pO:_load_ndarray", &name, &size, &PyTuple_Type, &shape, &fortran, &buffer))
        return NULL;
    if (read_shape_tuple(shape, &value) < 0) {
        PyErr_Clear();
        return py_malformed("an array's shape makes no sense");
    }
    value.array.order = fortran ? 'F' : 'C';
    PyArray_Descr *dtype = py_numpy_need() == 0 ? py_dtype_find(py_state_of_module(module), name, (size_t)size) : NULL;
    return dtype != NULL ? array_over(dtype, &value, buffer) : NULL;
}

static PyMethodDef functions[] = {
    {"_reduce_ndarray", reduce_ndarray, METH_O, PyDoc_STR("Pickles an array with its elements out of band.")},
    {"_load_ndarray", load_ndarray, METH_VARARGS, PyDoc_STR("Makes an array from dtype, shape, order and elements.")},
    {NULL, NULL, 0, NULL},
};

int py_ndarray_init(struct py_state *st, PyObject *module) {
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    st->codec.reduce_ndarray = PyObject_GetAttrString(module, "_reduce_ndarray");
    st->codec.load_ndarray = PyObject_GetAttrString(module, "_load_ndarray");
    return st->codec.reduce_ndarray != NULL && st->codec.load_ndarray != NULL ? 0 : -1;
}
