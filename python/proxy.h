/* python/proxy.h: proxies: references to chares and to collections, as Python objects.
 *
 * A proxy is a chariot_ref with the class of what it refers to. It compares, hashes and pickles as the ref does, on
 * every PE. Attribute access gives bound remote methods (bound.h), indexing gives proxies of elements. */
#ifndef CHARIOT_PYTHON_PROXY_H
#define CHARIOT_PYTHON_PROXY_H

#include "python/state.h"

struct py_proxy {
    PyObject_HEAD struct chariot_ref ref;
    struct py_class *cls; /* borrowed: classes live as long as the module */
    bool fresh;           /* returned by a creation that nobody has awaited */
    PyObject *weakrefs;
};

int py_proxy_init(struct py_state *st, PyObject *module);

static inline bool py_proxy_check(struct py_state *st, PyObject *object) {
    return Py_IS_TYPE(object, st->proxy_type);
}

/* A bound remote method's ref and method number, for the codec, reductions and timers. */
bool py_bound_check(struct py_state *st, PyObject *object);
void py_bound_target(PyObject *bound, struct chariot_ref *ref, uint32_t *method);

/* Writes a proxy, or a bound remote method. 0, or -1 with an exception set. */
int py_proxy_put(struct chariot_writer *writer, PyObject *proxy);
int py_bound_put(struct chariot_writer *writer, PyObject *bound);
/* A proxy; a bound method of it where method is not UINT32_MAX. New reference; NULL with ValueError set: no such class
 * or method here. */
PyObject *py_proxy_from_ref(struct py_state *st, const struct chariot_ref *ref, uint32_t method);

/* The kind of collection that the members of a whole collection or section are elements of; CHARIOT_SECTION: of
 * several, so that they have no indices there. */
enum chariot_kind py_proxy_members(const struct chariot_ref *whole);
/* A proxy of a class that is known already. New reference. */
PyObject *py_proxy_new(struct py_state *st, struct py_class *cls, const struct chariot_ref *ref);
/* An index from Python: an int for one dimension, or a tuple or list of ints; numpy's integers too. -1 with an
 * exception set. */
int py_index_read(PyObject *object, struct chariot_index *index);
/* What Python sees as an index: int for groups, a tuple for all others. New reference. */
PyObject *py_index_object(const struct chariot_ref *element);
PyObject *py_index_tuple(const struct chariot_index *index);

/* What __reduce__ gives for a proxy, or a bound method of it where method is not UINT32_MAX; and the module function
 * that such pickles call. */
PyObject *py_proxy_pickle(struct py_state *st, const struct chariot_ref *ref, uint32_t method);
PyObject *py_proxy_load(PyObject *module, PyObject *const *args, Py_ssize_t num_args);

#endif
