/* python/codec_numpy.h: numpy's C API, for the codec's files that know arrays; what they share.
 *
 * numpy is imported when the first object of its comes by, in either direction: call py_numpy_need() before anything of
 * its API. Its table of functions is kept per process, as its headers want it, and not per module. */
#ifndef CHARIOT_PYTHON_CODEC_NUMPY_H
#define CHARIOT_PYTHON_CODEC_NUMPY_H

#include "python/codec.h"

/* One table for all files; codec_dtype.c has it. */
#define PY_ARRAY_UNIQUE_SYMBOL py_numpy_api
#ifndef PY_NUMPY_HAS_TABLE
#define NO_IMPORT_ARRAY
#endif
#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#pragma GCC diagnostic pop

enum { PY_SIMPLE_NAME = 64 }; /* bytes of a simple dtype's name, its zero included */

int py_numpy_need(void); /* -1 with an exception set: numpy cannot be imported */

/* Whether the wire form can name the dtype, and elements are nothing but their bytes: 1, 0, or -1 with an exception. */
int py_dtype_is_plain(struct py_state *st, PyArray_Descr *dtype);
/* The name of a plain dtype, in `name` or in the object *holds (new reference, or NULL), which then keeps it. NULL:
 * exception. */
const char *py_dtype_name(struct py_state *st, PyArray_Descr *dtype, char name[PY_SIMPLE_NAME], PyObject **holds);
/* A dtype by its name on the wire. New reference; NULL with ValueError set: unknown, or not plain. */
PyArray_Descr *py_dtype_find(struct py_state *st, const char *name, size_t size);

/* codec_array.c. Whether an array value's shape, with elements of that many bytes, fills its data exactly; the shape as
 * numpy wants it. */
bool py_array_read_shape(const struct chariot_value *value, npy_intp item, npy_intp *shape);

#endif
