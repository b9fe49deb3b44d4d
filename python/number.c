#include "python/number.h"

#include <math.h>
#include <stdbool.h>

static const double LONGEST_S = 9e9; /* some 285 years: as nanoseconds it fits */

void py_type_blame(PyObject *object, const char *what, const char *wanted) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return;
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", what, wanted, Py_TYPE(object)->tp_name);
}

/* What it must be, for a number that is too small or too large. */
static int out_of_range(PyObject *number, const char *what, int64_t low, int64_t high, bool small) {
    if (low == high)
        PyErr_Format(PyExc_ValueError, "%s must be %lld, not %S", what, (long long)low, number);
    else if (high < INT64_MAX)
        PyErr_Format(PyExc_ValueError, "%s must be from %lld to %lld, not %S", what, (long long)low, (long long)high,
                     number);
    else if (small && low > INT64_MIN)
        PyErr_Format(PyExc_ValueError, "%s must be at least %lld, not %S", what, (long long)low, number);
    else
        PyErr_Format(PyExc_ValueError, "%s must be an integer of 64 bits, not %S", what, number);
    return -1;
}

int py_integer_read(PyObject *object, const char *what, int64_t low, int64_t high, int64_t *out) {
    if (object == NULL) return 0;
    PyObject *number = PyNumber_Index(object);
    if (number == NULL) {
        py_type_blame(object, what, "an integer");
        return -1;
    }
    int overflow;
    int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow);
    bool small = overflow < 0 || (overflow == 0 && value < low), large = overflow > 0 || value > high;
    if (!small && !large) *out = value;
    int rc = small || large ? out_of_range(number, what, low, high, small) : 0;
    Py_DECREF(number);
    return rc;
}

int py_seconds_read(PyObject *object, const char *what, int64_t *ns) {
    double seconds = PyFloat_AsDouble(object);
    if (seconds == -1.0 && PyErr_Occurred()) {
        py_type_blame(object, what, "a number of seconds");
        return -1;
    }
    if (!(seconds >= 0) || seconds > LONGEST_S) {
        PyErr_Format(PyExc_ValueError, "%s must be a number of seconds from 0 to 9e9, not %R", what, object);
        return -1;
    }
    *ns = (int64_t)ceil(seconds * 1e9);
    return 0;
}

int py_timeout_read(PyObject *timeout, const char *what, int64_t *timeout_ns) {
    *timeout_ns = -1;
    if (timeout == NULL || timeout == Py_None) return 0;
    double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred()) {
        py_type_blame(timeout, what, "a number of seconds, or None");
        return -1;
    }
    if (!(seconds >= 0)) {
        PyErr_Format(PyExc_ValueError, "%s must be a number of seconds from 0, or None, not %R", what, timeout);
        return -1;
    }
    if (seconds < LONGEST_S) *timeout_ns = (int64_t)ceil(seconds * 1e9);
    return 0;
}
