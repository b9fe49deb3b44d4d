/* python/codec.h: Python objects as values in messages (objects/value.h), and back.
 *
 * Plain values (None, bool, int, float, str, bytes, tuples, lists and dicts of them, numpy arrays and scalars, proxies,
 * bound remote methods, futures) are written and read here without pickle, so that C chares read them too. Everything
 * else becomes a pickle of protocol 5 with its buffers beside it; what pickle cannot do, cloudpickle may. Called on the
 * PE's thread with the GIL held.
 *
 * Reading gives fresh, writable objects. Large array data is not copied but seen in the message itself, which lives as
 * long as the array. The caller allows that by saying that the payload is read by nobody else and not again: not for a
 * broadcast that is still being passed on, not for a future that other PEs may ask, and never where the object is hung
 * on the message (chariot_msg_set_object), since the two would then keep each other alive for ever.
 *
 * A numpy scalar is an array of no dimensions in order 'F', an array of no dimensions is one in order 'C'. */
#ifndef CHARIOT_PYTHON_CODEC_H
#define CHARIOT_PYTHON_CODEC_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "objects/chariot.h"

struct py_state;

/* The codec's part of the module's state. All owned; those said to be lazy are NULL until first used. */
struct py_codec {
    PyObject *pickler, *unpickle;        /* _pickle.Pickler, _pickle.loads */
    PyObject *bytes_io;                  /* io.BytesIO */
    PyObject *copyreg_table;             /* copyreg.dispatch_table */
    PyObject *array_type, *ndarray_type; /* array.array, numpy.ndarray; lazy */
    PyObject *reduce_array, *load_array; /* our functions that pickle and unpickle those */
    PyObject *reduce_ndarray, *load_ndarray;
    PyObject *fallback_pickler; /* chariot._cloudpickle.Pickler; lazy */
    PyObject *dtypes;           /* {bytes as on the wire: numpy.dtype} */
    PyObject *latest_dtype;     /* the one found last, and its name on the wire */
    char latest_name[16];
    size_t latest_size;
    PyObject *dtype_names;                  /* {structured numpy.dtype: bytes, or None: it must be pickled} */
    PyObject *format_exception, *format_tb; /* traceback's; lazy */
    PyObject *places;                       /* {(address of code, instruction): (code, its lines in a traceback)} */
    PyObject *remote_error;                 /* class of exceptions whose own class could not come along */
    bool by_value;                          /* an interactive session: pickles are cloudpickle's, see _cloudpickle.py */
    PyTypeObject *view_type;                /* a writable buffer inside a message */
};
/* base_error (borrowed): Charm4PyError. Adds RemoteError, and _encode() and _decode() for tests, to the module. */
int py_codec_init(struct py_state *st, PyObject *module, PyObject *base_error);
int py_codec_traverse(struct py_codec *codec, visitproc visit, void *arg);
void py_codec_clear(struct py_codec *codec);

/* ---- writing: 0, or -1 with an exception set. A failure to write (memory) is reported by the call itself. */

int py_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value);
/* One value as a message. Gives *msg. */
int py_encode_msg(struct py_state *st, PyObject *value, struct chariot_msg **msg);
/* Arguments: num positional ones and, where keyword-only ones are given, a dict of them (NULL: none). NULL *msg where
 * there are none at all. Objects that several arguments share are still shared at the other end. */
int py_encode_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords,
                   struct chariot_msg **msg);
/* An exception as an error value. where: "Class.method", or NULL. Never fails for reasons of the exception: what cannot
 * be pickled travels as its type's name and its text. */
int py_encode_error(struct py_state *st, struct chariot_writer *writer, PyObject *exc, uint32_t pe, const char *where);
/* The same as a message that is marked as an error. Gives; NULL: out of memory, with the exception set. */
struct chariot_msg *py_encode_error_msg(struct py_state *st, PyObject *exc, uint32_t pe, const char *where);

/* ---- reading: a new reference, or NULL with an exception set (ValueError: malformed) */

/* The next value. owner: the message that reader reads, if its payload is the caller's alone; NULL: copy everything. */
PyObject *py_decode(struct py_state *st, struct chariot_reader *reader, struct chariot_msg *owner);
/* A message's one value; NULL msg, or an empty one: None. alone: nobody else reads the payload again. */
PyObject *py_decode_msg(struct py_state *st, struct chariot_msg *msg, bool alone);
/* Arguments, as py_encode_args() wrote them: *args a new tuple, *keywords a new dict or NULL. An error value among them
 * (a reduction failed on its way here) is raised. */
int py_decode_args(struct py_state *st, struct chariot_msg *msg, bool alone, PyObject **args, PyObject **keywords);

/* ---- between the codec's files */

enum {
    PY_DEPTH_PLAIN = 32, /* containers in containers that are written without pickle */
    PY_DEPTH_READ = 200, /* and that are read, whoever wrote them */
    PY_VIEW_FROM = 4096, /* bytes of array data from which a view saves more than it costs */
};

int py_write_failed(int error);           /* codec.c: -1, with the exception for a writer's error set */
PyObject *py_malformed(const char *what); /* codec_read.c: NULL, with ValueError set */
PyObject *py_decode_at_depth(struct py_state *st, struct chariot_reader *reader, struct chariot_msg *owner, int depth);

/* codec_view.c. Whether data inside owner (may be NULL) should be seen there rather than copied: it is large, and a
 * good part of owner, so that no small array keeps a large message. */
bool py_view_pays(const struct chariot_msg *owner, size_t size);
/* A writable buffer over data in owner, which it keeps alive. New reference. */
PyObject *py_view_new(struct py_state *st, struct chariot_msg *owner, const void *data, size_t size);
int py_view_init(struct py_state *st, PyObject *module);

/* codec_array.c. Plain: an exact ndarray, or a numpy scalar, of a dtype that the wire form can name. */
int py_array_is_plain(struct py_state *st, PyObject *value); /* 1, 0, or -1 with an exception */
size_t py_array_size(PyObject *value);                       /* bytes of its elements, where it is an array; else 0 */
int py_array_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value);
PyObject *py_array_decode(struct py_state *st, const struct chariot_value *value, struct chariot_msg *owner);
int py_ndarray_init(struct py_state *st, PyObject *module); /* codec_ndarray.c: their pickling */

/* codec_pickle.c */
int py_pickle_init(struct py_state *st, PyObject *module);
int py_pickle_encode(struct py_state *st, struct chariot_writer *writer, PyObject *value);
/* value was just read from reader, its buffers come next. */
PyObject *py_pickle_decode(struct py_state *st, struct chariot_reader *reader, const struct chariot_value *value,
                           struct chariot_msg *owner);

/* codec_trace.c. What traceback.format_exception() gives, joined. type: its class, "module.Class" or "Class" of
 * builtins; text: str(exc); NULL where there is none. New reference; NULL: an exception is set. */
PyObject *py_trace_format(struct py_state *st, PyObject *exc, PyObject *type, PyObject *text);

/* codec_error.c */
int py_codec_error_init(struct py_state *st, PyObject *module, PyObject *base_error);
/* The error value of so many pairs that reader stands before. */
PyObject *py_error_decode(struct py_state *st, struct chariot_reader *reader, uint64_t pairs, struct chariot_msg *owner,
                          int depth);

#endif
