/* python/reduce_fold.c: built-in reducers on Python objects, as objects/reduce_builtin.h does them on plain numbers and
 * arrays: pickled objects, big integers, and contributions that do not match each other come here. */
#include <math.h>
#include <string.h>

#include "python/reduce.h"

/* Also of subclasses. */
static bool is_named(PyObject *value, const char *prefix) {
    for (PyTypeObject *type = Py_TYPE(value); type != NULL; type = type->tp_base)
        if (strncmp(type->tp_name, prefix, strlen(prefix)) == 0) return true;
    return false;
}

static bool is_numpys(PyObject *value) {
    return is_named(value, "numpy.");
}

static bool is_array(PyObject *value) {
    return is_named(value, "numpy.ndarray");
}

static PyObject *call_numpy(const char *function, PyObject *a, PyObject *b) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *result = numpy != NULL ? PyObject_CallMethod(numpy, function, "OO", a, b) : NULL;
    Py_XDECREF(numpy);
    return result;
}

/* Arrays of two shapes would be stretched by numpy to one that nobody contributed. */
static int check_shapes(PyObject *a, PyObject *b) {
    if (!is_array(a) || !is_array(b)) return 0;
    PyObject *x = PyObject_GetAttrString(a, "shape");
    PyObject *y = x != NULL ? PyObject_GetAttrString(b, "shape") : NULL;
    int same = y != NULL ? PyObject_RichCompareBool(x, y, Py_EQ) : -1;
    if (same == 0)
        PyErr_Format(PyExc_ValueError, "contributions to one reduction are arrays of different shapes, %S and %S", x,
                     y);
    Py_XDECREF(x);
    Py_XDECREF(y);
    return same == 1 ? 0 : -1;
}

static bool is_nan(PyObject *value) {
    return PyFloat_Check(value) && isnan(PyFloat_AS_DOUBLE(value));
}

/* The greater (op Py_GT) or lesser one; the first of equals; a NaN, where there is one. */
static PyObject *extreme(PyObject *best, PyObject *next, int op) {
    if (is_numpys(best) || is_numpys(next)) return call_numpy(op == Py_GT ? "maximum" : "minimum", best, next);
    if (is_nan(best)) return Py_NewRef(best);
    if (is_nan(next)) return Py_NewRef(next);
    int wins = PyObject_RichCompareBool(next, best, op);
    return wins < 0 ? NULL : Py_NewRef(wins ? next : best);
}

/* numpy's logical functions ask objects of theirs for methods instead of their truth. New reference. */
static PyObject *truths(PyObject *value) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *result = numpy != NULL ? PyObject_CallMethod(numpy, "asarray", "Os", value, "bool") : NULL;
    Py_XDECREF(numpy);
    return result;
}

static PyObject *logical_of_numpys(const char *function, PyObject *a, PyObject *b) {
    PyObject *x = truths(a), *y = x != NULL ? truths(b) : NULL;
    PyObject *result = y != NULL ? call_numpy(function, x, y) : NULL;
    Py_XDECREF(x);
    Py_XDECREF(y);
    return result;
}

static PyObject *logical(uint32_t reducer, PyObject *a, PyObject *b) {
    if (is_numpys(a) || is_numpys(b)) {
        const char *function = reducer == CHARIOT_REDUCE_AND  ? "logical_and"
                               : reducer == CHARIOT_REDUCE_OR ? "logical_or"
                                                              : "logical_xor";
        return logical_of_numpys(function, a, b);
    }
    int x = PyObject_IsTrue(a), y = x < 0 ? -1 : PyObject_IsTrue(b);
    if (y < 0) return NULL;
    return PyBool_FromLong(reducer == CHARIOT_REDUCE_AND ? x && y : reducer == CHARIOT_REDUCE_OR ? x || y : x != y);
}

static PyObject *step(uint32_t reducer, PyObject *total, PyObject *next) {
    if (check_shapes(total, next) < 0) return NULL;
    switch (reducer) {
    case CHARIOT_REDUCE_SUM:
        return PyNumber_Add(total, next);
    case CHARIOT_REDUCE_PRODUCT:
        return PyNumber_Multiply(total, next);
    case CHARIOT_REDUCE_MAX:
        return extreme(total, next, Py_GT);
    case CHARIOT_REDUCE_MIN:
        return extreme(total, next, Py_LT);
    default:
        return logical(reducer, total, next);
    }
}

static PyObject *step_from(uint32_t reducer, long start, PyObject *first) {
    bool truth = reducer >= CHARIOT_REDUCE_AND;
    PyObject *from = truth ? PyBool_FromLong(start) : PyLong_FromLong(start);
    PyObject *total = from != NULL ? step(reducer, from, first) : NULL;
    Py_XDECREF(from);
    return total;
}

/* The first value alone, as sum() and its like begin. */
static PyObject *begin(uint32_t reducer, PyObject *first) {
    switch (reducer) {
    case CHARIOT_REDUCE_SUM:
        return step_from(reducer, 0, first);
    case CHARIOT_REDUCE_PRODUCT:
        return PyBool_Check(first) || is_numpys(first) ? step_from(reducer, 1, first) : Py_NewRef(first);
    case CHARIOT_REDUCE_AND:
        return step_from(reducer, 1, first);
    case CHARIOT_REDUCE_OR:
    case CHARIOT_REDUCE_XOR:
        return step_from(reducer, 0, first);
    default:
        return Py_NewRef(first);
    }
}

PyObject *py_reduce_fold(uint32_t reducer, PyObject *values) {
    if (PyList_GET_SIZE(values) == 0) {
        PyErr_SetString(PyExc_ValueError, "there is nothing to reduce");
        return NULL;
    }
    PyObject *total = begin(reducer, PyList_GET_ITEM(values, 0));
    for (Py_ssize_t i = 1; total != NULL && i < PyList_GET_SIZE(values); i++) {
        PyObject *next = Py_NewRef(PyList_GET_ITEM(values, i));
        Py_SETREF(total, step(reducer, total, next));
        Py_DECREF(next);
    }
    return total;
}

/* ---------------------------------------------------------------- lists of numbers */

static bool fits_64_bits(PyObject *integer) {
    int overflow;
    PyLong_AsLongLongAndOverflow(integer, &overflow);
    return overflow == 0;
}

enum {
    HAS_BOOL = 1,
    HAS_INT = 2,
    HAS_FLOAT = 4,
    HAS_BIG = 8,
    HAS_NUMPYS = 16,
    HAS_OTHER = 32,
};

static int kind_of(PyObject *item) {
    if (PyBool_Check(item)) return HAS_BOOL;
    if (PyLong_CheckExact(item)) return fits_64_bits(item) ? HAS_INT : HAS_BIG;
    if (PyFloat_CheckExact(item)) return HAS_FLOAT;
    bool scalar = is_numpys(item) && !is_array(item) && PyNumber_Check(item);
    return scalar ? HAS_NUMPYS : HAS_OTHER;
}

/* The dtype that a list with these kinds becomes; "": numpy's choice; NULL: no list of numbers. */
static const char *dtype_for(int kinds) {
    if (kinds & HAS_OTHER) return NULL;
    if (kinds & HAS_NUMPYS) return "";
    if (kinds & HAS_BIG) return "object";
    if (kinds & HAS_FLOAT) return "float64";
    if (kinds & HAS_INT) return "int64";
    return kinds == 0 ? "float64" : "bool";
}

static PyObject *to_numpy(PyObject *value, const char *dtype) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *array = NULL;
    if (numpy != NULL && *dtype != 0)
        array = PyObject_CallMethod(numpy, "array", "Os", value, dtype);
    else if (numpy != NULL)
        array = PyObject_CallMethod(numpy, "array", "(O)", value);
    Py_XDECREF(numpy);
    return array;
}

static PyObject *array_as_numbers(PyObject *array) {
    PyObject *typecode = PyObject_GetAttrString(array, "typecode");
    if (typecode == NULL) return NULL;
    bool text = PyUnicode_Check(typecode) && (PyUnicode_CompareWithASCIIString(typecode, "u") == 0 ||
                                              PyUnicode_CompareWithASCIIString(typecode, "w") == 0);
    Py_DECREF(typecode);
    return text ? Py_NewRef(array) : to_numpy(array, "");
}

static PyObject *list_as_numbers(PyObject *list) {
    int kinds = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list) && !(kinds & HAS_OTHER); i++)
        kinds |= kind_of(PySequence_Fast_GET_ITEM(list, i));
    const char *dtype = dtype_for(kinds);
    return dtype != NULL ? to_numpy(list, dtype) : Py_NewRef(list);
}

/* Of numpy, and its dtype of that kind. */
static bool is_of_kind(PyObject *value, const char *wanted) {
    if (!is_numpys(value)) return false;
    PyObject *dtype = PyObject_GetAttrString(value, "dtype");
    PyObject *kind = dtype != NULL ? PyObject_GetAttrString(dtype, "kind") : NULL;
    bool is = kind != NULL && PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, wanted) == 0;
    PyErr_Clear();
    Py_XDECREF(dtype);
    Py_XDECREF(kind);
    return is;
}

bool py_reduce_holds_objects(PyObject *value) {
    return is_of_kind(value, "O");
}

/* Bools are counted by sum and product, as by Python's, where numpy would or and and them. Takes value. */
static PyObject *count_bools_take(PyObject *value) {
    if (value == NULL || !is_of_kind(value, "b")) return value;
    PyObject *counts = step_from(CHARIOT_REDUCE_SUM, 0, value);
    Py_DECREF(value);
    return counts;
}

PyObject *py_reduce_as_numbers(uint32_t reducer, PyObject *value) {
    PyObject *numbers;
    if (strcmp(Py_TYPE(value)->tp_name, "array.array") == 0)
        numbers = array_as_numbers(value);
    else if (PyList_CheckExact(value) || PyTuple_CheckExact(value))
        numbers = list_as_numbers(value);
    else
        numbers = Py_NewRef(value);
    bool counts = reducer == CHARIOT_REDUCE_SUM || reducer == CHARIOT_REDUCE_PRODUCT;
    return counts ? count_bools_take(numbers) : numbers;
}

PyObject *py_reduce_fold_lists(uint32_t reducer, PyObject *arrays) {
    PyObject *exact = PyList_New(0);
    for (Py_ssize_t i = 0; exact != NULL && i < PyList_GET_SIZE(arrays); i++) {
        PyObject *objects = PyObject_CallMethod(PyList_GET_ITEM(arrays, i), "astype", "s", "object");
        if (objects == NULL || PyList_Append(exact, objects) < 0) Py_CLEAR(exact);
        Py_XDECREF(objects);
    }
    PyObject *total = exact != NULL ? py_reduce_fold(reducer, exact) : NULL;
    PyObject *list = total != NULL ? PyObject_CallMethod(total, "tolist", NULL) : NULL;
    Py_XDECREF(exact);
    Py_XDECREF(total);
    return list;
}
