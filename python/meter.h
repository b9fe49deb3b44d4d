/* python/meter.h: what Python tells of where time goes (objects/chariot.h, "profiling and tracing"): that it encodes or
 * decodes, and which coroutine goes on. Off, each costs a branch. */
#ifndef CHARIOT_PYTHON_METER_H
#define CHARIOT_PYTHON_METER_H

#include "python/state.h"

/* charm.start(): switches profiling on if charm.options.profiling says so. -1 with an exception set. */
int py_meter_start(struct py_state *st);
PyObject *py_charm_print_stats(PyObject *self, PyObject *ignored);

static inline enum chariot_phase py_phase(struct py_state *st, enum chariot_phase phase) {
    return __builtin_expect(st->has_phases, 0) ? chariot_phase(st->pe, phase) : phase;
}

#endif
