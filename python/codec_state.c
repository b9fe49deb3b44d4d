/* python/codec_state.c: the codec's part of the module's state; the codec by itself, for tests. */
#include "python/codec.h"

#include <string.h>

#include "python/state.h"

/* All owned references, so that none is forgotten in one of two places. The last entry is NULL. */
enum { NUM_OWNED = 19 };
static void list_owned(struct py_codec *codec, PyObject **owned[NUM_OWNED]) {
    PyObject **all[NUM_OWNED] = {
        &codec->pickler,
        &codec->unpickle,
        &codec->bytes_io,
        &codec->copyreg_table,
        &codec->array_type,
        &codec->ndarray_type,
        &codec->reduce_array,
        &codec->load_array,
        &codec->load_ndarray,
        &codec->reduce_ndarray,
        &codec->fallback_pickler,
        &codec->dtypes,
        &codec->dtype_names,
        &codec->remote_error,
        &codec->format_exception,
        &codec->format_tb,
        &codec->places,
        &codec->latest_dtype,
        NULL,
    };
    memcpy(owned, all, sizeof all);
}

int py_codec_traverse(struct py_codec *codec, visitproc visit, void *arg) {
    PyObject **owned[NUM_OWNED];
    list_owned(codec, owned);
    for (int i = 0; owned[i] != NULL; i++) Py_VISIT(*owned[i]);
    Py_VISIT(codec->view_type);
    return 0;
}

void py_codec_clear(struct py_codec *codec) {
    PyObject **owned[NUM_OWNED];
    list_owned(codec, owned);
    for (int i = 0; owned[i] != NULL; i++) Py_CLEAR(*owned[i]);
    Py_CLEAR(codec->view_type);
}

/* ---------------------------------------------------------------- for tests */

static PyObject *bytes_of_take(struct chariot_msg *msg) {
    PyObject *bytes = PyBytes_FromStringAndSize(chariot_msg_data(msg), (Py_ssize_t)chariot_msg_size(msg));
    chariot_msg_unref(msg);
    return bytes;
}

/* A message with these bytes as its payload. */
static struct chariot_msg *msg_of(PyObject *bytes) {
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) return NULL;
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, chariot_msg_new((size_t)size));
    chariot_put_encoded(&writer, data, (size_t)size);
    if (chariot_writer_finish(&writer, &msg) == 0) return msg;
    PyErr_NoMemory();
    return NULL;
}

static PyObject *test_encode(PyObject *module, PyObject *value) {
    struct chariot_msg *msg;
    if (PyExceptionInstance_Check(value))
        msg = py_encode_error_msg(py_state_of_module(module), value, 7, "Test.method");
    else if (py_encode_msg(py_state_of_module(module), value, &msg) < 0)
        msg = NULL;
    return msg != NULL ? bytes_of_take(msg) : NULL;
}

static PyObject *test_decode(PyObject *module, PyObject *args) {
    PyObject *bytes;
    int alone = 1;
    if (!PyArg_ParseTuple(args, "S|p:_decode", &bytes, &alone)) return NULL;
    struct chariot_msg *msg = msg_of(bytes);
    if (msg == NULL) return NULL;
    PyObject *value = py_decode_msg(py_state_of_module(module), msg, alone != 0);
    chariot_msg_unref(msg);
    return value;
}

static PyObject *test_encode_args(PyObject *module, PyObject *args) {
    PyObject *list, *keywords = NULL;
    if (!PyArg_ParseTuple(args, "O!|O!:_encode_args", &PyTuple_Type, &list, &PyDict_Type, &keywords)) return NULL;
    struct chariot_msg *msg;
    if (py_encode_args(py_state_of_module(module), ((PyTupleObject *)list)->ob_item, PyTuple_GET_SIZE(list), keywords,
                       &msg) < 0)
        return NULL;
    return msg != NULL ? bytes_of_take(msg) : PyBytes_FromStringAndSize(NULL, 0);
}

static PyObject *test_decode_args(PyObject *module, PyObject *bytes) {
    PyObject *args, *keywords;
    struct chariot_msg *msg = msg_of(bytes);
    if (msg == NULL) return NULL;
    int result = py_decode_args(py_state_of_module(module), msg, true, &args, &keywords);
    chariot_msg_unref(msg);
    if (result < 0) return NULL;
    PyObject *both = PyTuple_Pack(2, args, keywords != NULL ? keywords : Py_None);
    Py_DECREF(args);
    Py_XDECREF(keywords);
    return both;
}

static PyMethodDef functions[] = {
    {"_encode", test_encode, METH_O, PyDoc_STR("A value, or an exception as an error, in its encoded form.")},
    {"_decode", test_decode, METH_VARARGS, PyDoc_STR("_decode(data, alone=True): the value of an encoded form.")},
    {"_encode_args", test_encode_args, METH_VARARGS, PyDoc_STR("Arguments in their encoded form.")},
    {"_decode_args", test_decode_args, METH_O, PyDoc_STR("(args, keywords or None) of an encoded form.")},
    {NULL, NULL, 0, NULL},
};

int py_codec_init(struct py_state *st, PyObject *module, PyObject *base_error) {
    st->codec.dtypes = PyDict_New();
    st->codec.dtype_names = PyDict_New();
    st->codec.places = PyDict_New();
    if (st->codec.dtypes == NULL || st->codec.dtype_names == NULL || st->codec.places == NULL) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    if (py_view_init(st, module) < 0 || py_ndarray_init(st, module) < 0 || py_pickle_init(st, module) < 0) return -1;
    return py_codec_error_init(st, module, base_error);
}
