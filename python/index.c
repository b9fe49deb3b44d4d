/* Indices between Python and the runtime. */
#include "python/proxy.h"

static int read_one(PyObject *object, int64_t *at) {
    PyObject *number = PyNumber_Index(object);
    if (number == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Format(PyExc_TypeError, "an index is made of integers, not %s", Py_TYPE(object)->tp_name);
        }
        return -1;
    }
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow != 0) {
        PyErr_Format(PyExc_ValueError, "an index is made of 64-bit integers: %S is too large", object);
        return -1;
    }
    if (value == -1 && PyErr_Occurred()) return -1;
    *at = value;
    return 0;
}

static int read_tuple(PyObject *tuple, struct chariot_index *index) {
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    if (count < 1 || count > CHARIOT_MAX_DIMS) {
        PyErr_Format(PyExc_ValueError, "an index has 1 to %d dimensions, not %zd", CHARIOT_MAX_DIMS, count);
        return -1;
    }
    index->ndims = (uint32_t)count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_one(PyTuple_GET_ITEM(tuple, i), &index->at[i]) != 0) return -1;
    }
    return 0;
}

int py_index_read(PyObject *object, struct chariot_index *index) {
    *index = (struct chariot_index){.ndims = 1};
    if (PyTuple_Check(object)) return read_tuple(object, index);
    if (PyLong_Check(object) || PyUnicode_Check(object) || !PySequence_Check(object)) {
        return read_one(object, &index->at[0]);
    }
    PyObject *tuple = PySequence_Tuple(object); /* a list, a numpy array */
    if (tuple == NULL) return -1;
    int rc = read_tuple(tuple, index);
    Py_DECREF(tuple);
    return rc;
}

PyObject *py_index_object(const struct chariot_ref *element) {
    struct chariot_index index;
    chariot_ref_index(element, &index);
    return element->kind == CHARIOT_GROUP ? PyLong_FromLongLong(index.at[0]) : py_index_tuple(&index);
}

PyObject *py_index_tuple(const struct chariot_index *index) {
    PyObject *tuple = PyTuple_New(index->ndims);
    for (uint32_t i = 0; tuple != NULL && i < index->ndims; i++) {
        PyObject *at = PyLong_FromLongLong(index->at[i]);
        if (at == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, at);
    }
    return tuple;
}
