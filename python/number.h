/* python/number.h: the numbers and lists that public functions take. What is refused is a TypeError or a ValueError
 * that names the function and the parameter, says what is wanted, and what came:
 *
 *   charm.Future(): num_vals must be an integer, not float
 *   charm.getPeHost(): pe must be from 0 to 3, not 99
 *   charm.sleep(): secs must be a number of seconds, not str
 *
 * `what` is the part before "must". All give 0, or -1 with an exception set. */
#ifndef CHARIOT_PYTHON_NUMBER_H
#define CHARIOT_PYTHON_NUMBER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* An integer, or what has __index__, from low to high. NULL, a parameter that was not given: *out stays as it is. */
int py_integer_read(PyObject *object, const char *what, int64_t low, int64_t high, int64_t *out);
/* Nanoseconds from Python's seconds, rounded up. */
int py_seconds_read(PyObject *object, const char *what, int64_t *ns);
/* The same of how long to wait: NULL and None are -1, for ever. */
int py_timeout_read(PyObject *timeout, const char *what, int64_t *timeout_ns);

/* Where object is not what `wanted` says: what the exception that is set, a TypeError, says is said so instead. */
void py_type_blame(PyObject *object, const char *what, const char *wanted);

#endif
