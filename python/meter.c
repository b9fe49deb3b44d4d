#include "python/meter.h"

#include <stdlib.h>

#include "python/charm.h"

int py_meter_start(struct py_state *st) {
    PyObject *wanted = PyObject_GetAttrString(st->options, "profiling");
    int truth = wanted == NULL ? -1 : PyObject_IsTrue(wanted);
    Py_XDECREF(wanted);
    if (truth < 0) return -1;
    int rc = truth ? chariot_profile_start(st->pe) : 0;
    if (rc != 0) return py_raise_code(st, rc, "starting the profile");
    st->has_phases = chariot_has_phases(st->pe);
    return 0;
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
