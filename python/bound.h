/* python/bound.h: bound remote methods: what proxy.method gives. Calling one sends a message; it can be sent itself,
 * and serves as a callback wherever one is asked for. They come from a free list: most live for one call. */
#ifndef CHARIOT_PYTHON_BOUND_H
#define CHARIOT_PYTHON_BOUND_H

#include "python/class.h"
#include "python/proxy.h"

struct py_bound {
    PyObject_HEAD vectorcallfunc call;
    PyObject *proxy;                /* owned; in the free list: the next */
    const struct py_method *method; /* borrowed from its class */
    uint32_t number;
};

int py_bound_init(struct py_state *st, PyObject *module);
/* New reference. */
PyObject *py_bound_new(struct py_state *st, PyObject *proxy, uint32_t number);
void py_bound_clear_free(struct py_state *st);

#endif
