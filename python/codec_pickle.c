/* python/codec_pickle.c: objects that are not plain, as pickles with their buffers beside them.
 *
 * A fresh C pickler of protocol 5 for each, so that pickling may run anything, us included. array.array goes by a
 * reduction of ours, since its own copies the elements three times; so does numpy.ndarray (codec_ndarray.c). What
 * pickle refuses (lambdas, classes inside functions) is tried again with cloudpickle; what that refuses too is a
 * TypeError which names the type. Only PEs of the same job ever read pickles; the public service does not come by here.
 */
#include "python/codec.h"
#include "python/state.h"

enum { PROTOCOL = 5 };

/* ---------------------------------------------------------------- writing */

/* copyreg's table, to which anybody may add, and what we pickle in our own way. New reference. */
static PyObject *make_dispatch_table(struct py_codec *codec) {
    PyObject *table = PyDict_Copy(codec->copyreg_table);
    PyObject *array = py_type_if_imported(&codec->array_type, "array", "array");
    PyObject *ndarray = py_type_if_imported(&codec->ndarray_type, "numpy", "ndarray");
    if (table != NULL && array != NULL && PyDict_SetItem(table, array, codec->reduce_array) < 0) Py_CLEAR(table);
    if (table != NULL && ndarray != NULL && PyDict_SetItem(table, ndarray, codec->reduce_ndarray) < 0) Py_CLEAR(table);
    return table;
}

/* What an array.array or numpy.ndarray pickles as, for the other pickler; NotImplemented for all else. */
static PyObject *reduce_arrays(PyObject *module, PyObject *object) {
    struct py_codec *codec = &py_state_of_module(module)->codec;
    PyObject *type = (PyObject *)Py_TYPE(object);
    if (type == codec->ndarray_type) return PyObject_CallOneArg(codec->reduce_ndarray, object);
    if (type == codec->array_type) return PyObject_CallOneArg(codec->reduce_array, object);
    Py_RETURN_NOTIMPLEMENTED;
}

/* A pickler of that class which writes to file and puts buffers into a list. */
static PyObject *make_pickler(PyObject *type, PyObject *file, PyObject *buffers) {
    PyObject *append = PyObject_GetAttrString(buffers, "append");
    PyObject *args = Py_BuildValue("(Oi)", file, PROTOCOL);
    PyObject *keywords = append != NULL ? Py_BuildValue("{sO}", "buffer_callback", append) : NULL;
    PyObject *pickler = args != NULL && keywords != NULL ? PyObject_Call(type, args, keywords) : NULL;
    Py_XDECREF(append);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return pickler;
}

static PyObject *dump(PyObject *pickler, PyObject *file, PyObject *value) {
    PyObject *done = pickler != NULL ? PyObject_CallMethod(pickler, "dump", "(O)", value) : NULL;
    PyObject *bytes = done != NULL ? PyObject_CallMethod(file, "getvalue", NULL) : NULL;
    Py_XDECREF(done);
    return bytes;
}

/* value as bytes, by pickle; buffers: an empty list. */
static PyObject *dump_plainly(struct py_codec *codec, PyObject *value, PyObject *buffers) {
    PyObject *table = make_dispatch_table(codec);
    PyObject *file = table != NULL ? PyObject_CallNoArgs(codec->bytes_io) : NULL;
    PyObject *pickler = file != NULL ? make_pickler(codec->pickler, file, buffers) : NULL;
    if (pickler != NULL && PyObject_SetAttrString(pickler, "dispatch_table", table) < 0) Py_CLEAR(pickler);
    PyObject *bytes = dump(pickler, file, value);
    Py_XDECREF(pickler);
    Py_XDECREF(table);
    Py_XDECREF(file);
    return bytes;
}

/* The same by cloudpickle. */
static PyObject *dump_anything(struct py_codec *codec, PyObject *value, PyObject *buffers) {
    if (codec->fallback_pickler == NULL) {
        PyObject *module = PyImport_ImportModule("chariot._cloudpickle");
        if (module != NULL) codec->fallback_pickler = PyObject_GetAttrString(module, "Pickler");
        Py_XDECREF(module);
    }
    if (codec->fallback_pickler == NULL || PyList_SetSlice(buffers, 0, PY_SSIZE_T_MAX, NULL) < 0) return NULL;
    PyObject *file = PyObject_CallNoArgs(codec->bytes_io);
    PyObject *pickler = file != NULL ? make_pickler(codec->fallback_pickler, file, buffers) : NULL;
    PyObject *bytes = dump(pickler, file, value);
    Py_XDECREF(pickler);
    Py_XDECREF(file);
    return bytes;
}

/* Exceptions that are about the value, and not about this process. */
static bool is_refusal(void) {
    return PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError);
}

/* The exception that is set becomes the cause of a TypeError that names the value's type. */
static void explain_refusal(PyObject *value) {
    PyObject *type, *cause, *trace;
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    PyErr_Format(PyExc_TypeError,
                 "a value of type %s cannot be sent to another PE: %S (send the data that it is made of, or give its "
                 "class a __reduce__ or __getstate__ method)",
                 Py_TYPE(value)->tp_name, cause);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    PyObject *own_type, *own, *own_trace;
    PyErr_Fetch(&own_type, &own, &own_trace);
    PyErr_NormalizeException(&own_type, &own, &own_trace);
    PyException_SetCause(own, cause);
    PyErr_Restore(own_type, own, own_trace);
}

static PyObject *dump_value(struct py_codec *codec, PyObject *value, PyObject *buffers) {
    PyObject *bytes = codec->by_value ? NULL : dump_plainly(codec, value, buffers);
    if (bytes != NULL || (PyErr_Occurred() && !is_refusal())) return bytes;
    PyErr_Clear();
    bytes = dump_anything(codec, value, buffers);
    if (bytes == NULL && is_refusal()) explain_refusal(value);
    return bytes;
}

/* Buffers that are not contiguous never come here: their owners pickle them in the stream. */
static int put_buffers(struct chariot_writer *writer, PyObject *buffers) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(buffers); i++) {
        const Py_buffer *raw;
        PyObject *view = PyObject_CallMethod(PyList_GET_ITEM(buffers, i), "raw", NULL);
        if (view == NULL) return -1;
        raw = PyMemoryView_GET_BUFFER(view);
        chariot_put_bytes(writer, raw->buf, (size_t)raw->len);
        Py_DECREF(view);
    }
    return 0;
}

int py_pickle_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value) {
    PyObject *buffers = PyList_New(0);
    PyObject *bytes = buffers != NULL ? dump_value(&st->codec, value, buffers) : NULL;
    int result = -1;
    if (bytes != NULL) {
        chariot_put_pickle(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes),
                           (uint64_t)PyList_GET_SIZE(buffers));
        result = put_buffers(writer, buffers);
    }
    Py_XDECREF(bytes);
    Py_XDECREF(buffers);
    return result;
}

/* ---------------------------------------------------------------- reading */

static PyObject *get_buffer(struct py_state *st, struct chariot_reader *reader, struct chariot_msg *owner) {
    struct chariot_value value;
    if (chariot_get_typed(reader, CHARIOT_BYTES, &value) != 0) return py_malformed("a pickle's buffer is missing");
    if (py_view_pays(owner, value.bytes.size)) return py_view_new(st, owner, value.bytes.data, value.bytes.size);
    return PyByteArray_FromStringAndSize((const char *)value.bytes.data, (Py_ssize_t)value.bytes.size);
}

static PyObject *get_buffers(struct py_state *st, struct chariot_reader *reader, uint64_t count,
                             struct chariot_msg *owner) {
    PyObject *buffers = PyList_New(0);
    for (uint64_t i = 0; buffers != NULL && i < count; i++) {
        PyObject *buffer = get_buffer(st, reader, owner);
        if (buffer == NULL || PyList_Append(buffers, buffer) < 0) Py_CLEAR(buffers);
        Py_XDECREF(buffer);
    }
    return buffers;
}

PyObject *py_pickle_decode(struct py_state *st, struct chariot_reader *reader, const struct chariot_value *value,
                           struct chariot_msg *owner) {
    /* A copy of the stream: what unpickling runs may suspend, and the message's last reference go meanwhile. */
    PyObject *stream = PyBytes_FromStringAndSize((const char *)value->bytes.data, (Py_ssize_t)value->bytes.size);
    PyObject *buffers = stream != NULL ? get_buffers(st, reader, value->count, owner) : NULL;
    PyObject *args = buffers != NULL ? PyTuple_Pack(1, stream) : NULL;
    PyObject *keywords = args != NULL ? Py_BuildValue("{sO}", "buffers", buffers) : NULL;
    PyObject *object = keywords != NULL ? PyObject_Call(st->codec.unpickle, args, keywords) : NULL;
    Py_XDECREF(stream);
    Py_XDECREF(buffers);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return object;
}

/* ---------------------------------------------------------------- array.array */

/* (our loader, (type code, buffer)) */
static PyObject *reduce_array(PyObject *module, PyObject *array) {
    struct py_state *st = py_state_of_module(module);
    PyObject *typecode = PyObject_GetAttrString(array, "typecode");
    PyObject *buffer = typecode != NULL ? PyPickleBuffer_FromObject(array) : NULL;
    PyObject *reduced = buffer != NULL ? Py_BuildValue("O(OO)", st->codec.load_array, typecode, buffer) : NULL;
    Py_XDECREF(typecode);
    Py_XDECREF(buffer);
    return reduced;
}

static PyObject *load_array(PyObject *module, PyObject *args) {
    PyObject *typecode, *buffer;
    if (!PyArg_ParseTuple(args, "UO:_load_array", &typecode, &buffer)) return NULL;
    PyObject *from = PyImport_ImportModule("array");
    PyObject *array = from != NULL ? PyObject_CallMethod(from, "array", "O", typecode) : NULL;
    PyObject *done = array != NULL ? PyObject_CallMethod(array, "frombytes", "O", buffer) : NULL;
    if (done == NULL) Py_CLEAR(array);
    Py_XDECREF(done);
    Py_XDECREF(from);
    return array;
}

static PyMethodDef functions[] = {
    {"_reduce_array", reduce_array, METH_O, PyDoc_STR("Pickles an array.array with its elements out of band.")},
    {"_reduce_arrays", reduce_arrays, METH_O, PyDoc_STR("How an array is pickled; NotImplemented for all else.")},
    {"_load_array", load_array, METH_VARARGS, PyDoc_STR("Makes an array.array from a type code and a buffer.")},
    {NULL, NULL, 0, NULL},
};

static PyObject *get_from(const char *module_name, const char *name) {
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *object = module != NULL ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return object;
}

int py_pickle_init(struct py_state *st, PyObject *module) {
    struct py_codec *codec = &st->codec;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    codec->reduce_array = PyObject_GetAttrString(module, "_reduce_array");
    codec->load_array = PyObject_GetAttrString(module, "_load_array");
    codec->pickler = get_from("_pickle", "Pickler");
    codec->unpickle = get_from("_pickle", "loads");
    codec->bytes_io = get_from("io", "BytesIO");
    codec->copyreg_table = get_from("copyreg", "dispatch_table");
    bool complete = codec->reduce_array && codec->load_array && codec->pickler && codec->unpickle && codec->bytes_io;
    return complete && codec->copyreg_table != NULL ? 0 : -1;
}
