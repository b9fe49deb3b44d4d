/* kernels.c: what CPython's own operations cost when C asks for them: an extension module for py_kernels.py.
 *
 * Every function does its work `count` times and returns the nanoseconds of all of it. */
#include <Python.h>

#include "test/bench/c/bench.h"

/* Calls with the given arguments, as C code that holds them in an array does. */
static PyObject *vectorcall(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    PyObject *slots[8] = {NULL};
    if (num_args < 2 || num_args > 8) return PyErr_Format(PyExc_TypeError, "vectorcall(count, callable, up to 6 more)");
    long count = PyLong_AsLong(args[0]);
    if (count == -1 && PyErr_Occurred()) return NULL;
    for (Py_ssize_t i = 2; i < num_args; i++) slots[i - 1] = args[i];
    int64_t begin = bench_now_ns();
    for (long n = 0; n < count; n++) {
        size_t flags = (size_t)(num_args - 2) | PY_VECTORCALL_ARGUMENTS_OFFSET;
        PyObject *result = PyObject_Vectorcall(args[1], slots + 1, flags, NULL);
        if (result == NULL) return NULL;
        Py_DECREF(result);
    }
    return PyLong_FromLongLong(bench_now_ns() - begin);
}

/* A tuple of two and a dict of two. */
static PyObject *tuple_dict(PyObject *module, PyObject *arg) {
    long count = PyLong_AsLong(arg);
    if (count == -1 && PyErr_Occurred()) return NULL;
    PyObject *key_a = PyUnicode_InternFromString("a"), *key_b = PyUnicode_InternFromString("b");
    int64_t begin = bench_now_ns();
    for (long n = 0; n < count; n++) {
        PyObject *tuple = PyTuple_Pack(2, Py_None, Py_None), *dict = PyDict_New();
        if (tuple == NULL || dict == NULL || PyDict_SetItem(dict, key_a, Py_None) != 0 ||
            PyDict_SetItem(dict, key_b, Py_None) != 0)
            return NULL;
        Py_DECREF(tuple);
        Py_DECREF(dict);
    }
    int64_t took = bench_now_ns() - begin;
    Py_DECREF(key_a);
    Py_DECREF(key_b);
    return PyLong_FromLongLong(took);
}

/* Sends None to a coroutine or generator that never ends. */
static PyObject *send(PyObject *module, PyObject *const *args, Py_ssize_t num_args) {
    if (num_args != 2) return PyErr_Format(PyExc_TypeError, "send(count, coroutine)");
    long count = PyLong_AsLong(args[0]);
    if (count == -1 && PyErr_Occurred()) return NULL;
    int64_t begin = bench_now_ns();
    for (long n = 0; n < count; n++) {
        PyObject *result = NULL;
        if (PyIter_Send(args[1], Py_None, &result) != PYGEN_NEXT) {
            Py_XDECREF(result);
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "the coroutine ended");
        }
        Py_DECREF(result);
    }
    return PyLong_FromLongLong(bench_now_ns() - begin);
}

static PyObject *gil(PyObject *module, PyObject *arg) {
    long count = PyLong_AsLong(arg);
    if (count == -1 && PyErr_Occurred()) return NULL;
    int64_t begin = bench_now_ns();
    for (long n = 0; n < count; n++) {
        PyThreadState *state = PyEval_SaveThread();
        PyEval_RestoreThread(state);
    }
    return PyLong_FromLongLong(bench_now_ns() - begin);
}

static PyMethodDef methods[] = {{"vectorcall", (PyCFunction)(void (*)(void))vectorcall, METH_FASTCALL, NULL},
                                {"tuple_dict", tuple_dict, METH_O, NULL},
                                {"send", (PyCFunction)(void (*)(void))send, METH_FASTCALL, NULL},
                                {"gil", gil, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "kernels", .m_methods = methods};

PyMODINIT_FUNC PyInit_kernels(void);

PyMODINIT_FUNC PyInit_kernels(void) {
    return PyModuleDef_Init(&definition);
}
