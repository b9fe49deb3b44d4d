#include "python/meter.h"

#include <stdlib.h>

#include "python/charm.h"

static PyObject *lb_option(struct py_state *st, const char *name) {
    PyObject *lb = PyObject_GetAttrString(st->options, "lb");
    PyObject *value = lb == NULL ? NULL : PyObject_GetAttrString(lb, name);
    Py_XDECREF(lb);
    return value;
}

static int raise_record(struct py_state *st, int rc, PyObject *name) {
    if (rc == CHARIOT_EIO) {
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
        return -1;
    }
    return py_raise_code(st, rc, "charm.options.lb.record");
}

/* What the launcher was asked for goes before what the program says. */
static int start_record(struct py_state *st) {
    PyObject *name = lb_option(st, "record"), *period = lb_option(st, "record_period");
    int rc = name == NULL || period == NULL ? -1 : 0;
    if (rc == 0 && name != Py_None) {
        double seconds = period == Py_None ? 0 : PyFloat_AsDouble(period);
        const char *text = PyErr_Occurred() ? NULL : PyUnicode_AsUTF8(name);
        rc = text == NULL ? -1 : chariot_load_record(st->pe, text, seconds);
        if (rc == CHARIOT_ESTATE) rc = 0;
        if (rc != 0 && text != NULL) rc = raise_record(st, rc, name);
    }
    Py_XDECREF(name);
    Py_XDECREF(period);
    return rc;
}

/* LBTurnInstrumentOff() may have been called by now. */
static int start_load(struct py_state *st) {
    PyObject *wanted = lb_option(st, "instrument");
    int rc = wanted == NULL ? -1 : wanted == Py_True ? 0 : chariot_load_measure(st->pe, false);
    Py_XDECREF(wanted);
    return rc > -1 || PyErr_Occurred() ? rc : py_raise_code(st, rc, "charm.options.lb.instrument");
}

int py_meter_start(struct py_state *st) {
    PyObject *wanted = PyObject_GetAttrString(st->options, "profiling");
    int truth = wanted == NULL ? -1 : PyObject_IsTrue(wanted);
    Py_XDECREF(wanted);
    if (truth < 0) return -1;
    int rc = truth ? chariot_profile_start(st->pe) : 0;
    if (rc != 0) return py_raise_code(st, rc, "starting the profile");
    st->has_phases = chariot_has_phases(st->pe);
    return start_record(st) != 0 ? -1 : start_load(st);
}

static PyObject *stats_text(struct py_state *st) {
    char *text;
    int rc = chariot_profile_text(st->pe, &text);
    if (rc == CHARIOT_ESTATE) {
        return PyUnicode_FromFormat("NOTE: PE %u has no profile to print: set charm.options.profiling = True before "
                                    "charm.start()\n",
                                    chariot_my_pe(st->pe));
    }
    if (rc != 0) {
        py_raise_code(st, rc, "printing the profile");
        return NULL;
    }
    PyObject *table = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    free(text);
    return table;
}

/* In one piece, so that the tables of several PEs do not mix. */
PyObject *py_charm_print_stats(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    PyObject *text = stats_text(st);
    PyObject *module = text == NULL ? NULL : PyImport_ImportModule("chariot._output");
    PyObject *done = module == NULL ? NULL : PyObject_CallMethod(module, "write_whole", "O", text);
    Py_XDECREF(module);
    Py_XDECREF(text);
    return done;
}
