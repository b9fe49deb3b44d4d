#include "python/charm.h"

#include <structmember.h>

#include "python/class.h"
#include "python/future.h"
#include "python/library.h"
#include "python/meter.h"
#include "python/number.h"
#include "python/proxy.h"
#include "python/section.h"
#include "python/several.h"
#include "python/task.h"

struct py_charm {
    PyObject_HEAD PyObject *dict; /* what programs and the package's own Python hang on it */
};

/* ---------------------------------------------------------------- who and where */

/* Before the job runs and after it too: programs ask at module level, and in what runs at the end of Python. */
static bool has_numbers(struct py_state *st) {
    return st->num_pes > 0 || py_state_pe(st) != NULL;
}

static PyObject *charm_my_pe(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    return has_numbers(st) ? PyLong_FromUnsignedLong(st->my_pe) : NULL;
}

static PyObject *charm_num_pes(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    return has_numbers(st) ? PyLong_FromUnsignedLong(st->num_pes) : NULL;
}

static PyObject *charm_my_host(PyObject *self, PyObject *ignored) {
    struct chariot_pe *pe = py_state_running(py_state_of(self));
    return pe == NULL ? NULL : PyLong_FromUnsignedLong(chariot_host_of(pe, chariot_my_pe(pe)));
}

static PyObject *charm_num_hosts(PyObject *self, PyObject *ignored) {
    struct chariot_pe *pe = py_state_running(py_state_of(self));
    return pe == NULL ? NULL : PyLong_FromUnsignedLong(chariot_num_hosts(pe));
}

static PyObject *pes_of(PyObject *self, PyObject *host, const char *what) {
    struct chariot_pe *pe = py_state_running(py_state_of(self));
    int64_t wanted;
    if (pe == NULL || py_integer_read(host, what, 0, chariot_num_hosts(pe) - 1, &wanted) != 0) return NULL;
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < chariot_num_pes(pe); i++) {
        if (chariot_host_of(pe, i) != (uint32_t)wanted) continue;
        PyObject *number = PyLong_FromUnsignedLong(i);
        if (number == NULL || PyList_Append(list, number) != 0) Py_CLEAR(list);
        Py_XDECREF(number);
    }
    return list;
}

static PyObject *host_pes(PyObject *self, PyObject *host) {
    return pes_of(self, host, "charm.getHostPes(): host");
}

static PyObject *host_first_pe(PyObject *self, PyObject *host) {
    PyObject *list = pes_of(self, host, "charm.getHostFirstPe(): host");
    if (list == NULL) return NULL;
    PyObject *first = PySequence_GetItem(list, 0);
    Py_DECREF(list);
    return first;
}

static PyObject *host_num_pes(PyObject *self, PyObject *host) {
    PyObject *list = pes_of(self, host, "charm.getHostNumPes(): host");
    if (list == NULL) return NULL;
    Py_ssize_t count = PyList_GET_SIZE(list);
    Py_DECREF(list);
    return PyLong_FromSsize_t(count);
}

static PyObject *pe_host(PyObject *self, PyObject *which) {
    struct chariot_pe *pe = py_state_running(py_state_of(self));
    int64_t number;
    if (pe == NULL || py_integer_read(which, "charm.getPeHost(): pe", 0, chariot_num_pes(pe) - 1, &number) != 0)
        return NULL;
    return PyLong_FromUnsignedLong(chariot_host_of(pe, (uint32_t)number));
}

static PyObject *pe_host_rank(PyObject *self, PyObject *which) {
    struct chariot_pe *pe = py_state_running(py_state_of(self));
    int64_t number;
    if (pe == NULL || py_integer_read(which, "charm.getPeHostRank(): pe", 0, chariot_num_pes(pe) - 1, &number) != 0)
        return NULL;
    unsigned long rank = 0;
    for (uint32_t i = 0; i < (uint32_t)number; i++) {
        rank += chariot_host_of(pe, i) == chariot_host_of(pe, (uint32_t)number);
    }
    return PyLong_FromUnsignedLong(rank);
}

static PyObject *get_proxy(PyObject *self, void *closure) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    struct py_class *cls = py_class_runtime(st);
    if (cls == NULL) return NULL;
    struct chariot_ref ref;
    chariot_ref_runtime(st->pe, -1, &ref);
    return py_proxy_new(st, cls, &ref);
}

static PyObject *get_started(PyObject *self, void *closure) {
    return PyBool_FromLong(py_state_of(self)->phase >= PY_RUNNING);
}

/* What charm.start() finds in the option, or from then on at once. */
static PyObject *turn_instrument(PyObject *self, bool on) {
    struct py_state *st = py_state_of(self);
    PyObject *lb = PyObject_GetAttrString(st->options, "lb");
    int rc = lb == NULL ? -1 : PyObject_SetAttrString(lb, "instrument", on ? Py_True : Py_False);
    Py_XDECREF(lb);
    if (rc != 0) return NULL;
    if (st->phase == PY_RUNNING && (rc = chariot_load_measure(st->pe, on)) != 0)
        return py_raise_code(st, rc, "measuring load"), NULL;
    Py_RETURN_NONE;
}

static PyObject *instrument_on(PyObject *self, PyObject *ignored) {
    return turn_instrument(self, true);
}

static PyObject *instrument_off(PyObject *self, PyObject *ignored) {
    return turn_instrument(self, false);
}

/* ---------------------------------------------------------------- waiting */

/* kwargs may be NULL. -1 with an exception set. */
static int read_num_vals(PyObject *args, PyObject *kwargs, int64_t *num_vals) {
    static char *names[] = {"num_vals", "senders", NULL};
    PyObject *wanted = NULL, *old = NULL;
    int64_t senders = 0;
    if (args == NULL) return -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:Future", names, &wanted, &old)) return -1;
    if (py_integer_read(wanted, "charm.Future(): num_vals", 1, INT64_MAX, num_vals) != 0) return -1;
    if (py_integer_read(old, "charm.createFuture(): senders", 0, INT64_MAX, &senders) != 0) return -1;
    if (senders == 0) return 0;
    *num_vals = senders;
    return PyErr_WarnEx(PyExc_DeprecationWarning, "senders= is now called num_vals=", 1);
}

/* The same of arguments as they come; most futures are made without any. */
static int parse_num_vals(PyObject *const *args, Py_ssize_t num, PyObject *kwnames, int64_t *num_vals) {
    PyObject *positional = PyTuple_New(num), *named = kwnames == NULL ? NULL : PyDict_New();
    for (Py_ssize_t i = 0; positional != NULL && i < num; i++) PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    int rc = kwnames != NULL && named == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; rc == 0 && named != NULL && i < PyTuple_GET_SIZE(kwnames); i++)
        rc = PyDict_SetItem(named, PyTuple_GET_ITEM(kwnames, i), args[num + i]);
    if (rc == 0) rc = read_num_vals(positional, named, num_vals);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return rc;
}

static PyObject *charm_future(PyObject *self, PyObject *const *args, Py_ssize_t num, PyObject *kwnames) {
    int64_t num_vals = 1;
    if ((num > 0 || kwnames != NULL) && parse_num_vals(args, num, kwnames, &num_vals) != 0) return NULL;
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    if (st->current != NULL) return py_future_new(st, (uint64_t)num_vals);
    py_task_not_threaded(st);
    return NULL;
}

/* A future that completes with the creation of proxy's chares; each proxy that a creation returned gives one once. */
static PyObject *creation_of(struct py_state *st, PyObject *object) {
    if (!py_proxy_check(st, object)) {
        return PyErr_Format(st->error, "awaitCreation() takes proxies, not %s", Py_TYPE(object)->tp_name);
    }
    struct py_proxy *proxy = (struct py_proxy *)(void *)object;
    if (!proxy->fresh) {
        return PyErr_Format(
            st->error,
            "awaitCreation(): %R was awaited already, or is not what Chare(), Group(), Array(), charm.split(), "
            "charm.combine() or a slice gave",
            object);
    }
    PyObject *future = py_future_new_for(st, PY_WAIT_CREATION, object);
    if (future == NULL) return NULL;
    int rc = chariot_await_created(st->pe, &proxy->ref, py_future_handle(future));
    if (rc == 0) {
        proxy->fresh = false;
        return future;
    }
    Py_DECREF(future);
    py_raise_code(st, rc, "awaitCreation()");
    return NULL;
}

static PyObject *charm_await_creation(PyObject *self, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    PyObject *futures = PyList_New(0);
    for (Py_ssize_t i = 0; futures != NULL && i < num; i++) {
        PyObject *future = creation_of(st, args[i]);
        if (future == NULL || PyList_Append(futures, future) != 0) Py_CLEAR(futures);
        Py_XDECREF(future);
    }
    PyObject *done = futures == NULL ? NULL : py_several_wait(st, futures, PY_WAIT_CREATION);
    Py_XDECREF(futures);
    return done;
}

/* Pickles by name: functions that are sent by value refer to it. */
static PyObject *charm_reduce(PyObject *self, PyObject *ignored) {
    return PyUnicode_FromString("charm");
}

/* ---------------------------------------------------------------- type */

#define FAST_WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS
#define WITH_KEYWORDS(function)      (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

PyDoc_STRVAR(future_doc,
             "Future($self, /, num_vals=1)\n--\n\nA future that completes when so many values have been sent to "
             "it. In coroutines only.");

static PyMethodDef charm_methods[] = {
    {"__reduce__", charm_reduce, METH_NOARGS, NULL},
    {"start", WITH_KEYWORDS(py_charm_start), py_charm_start_doc},
    {"register", WITH_KEYWORDS(py_charm_register),
     PyDoc_STR("register($self, /, C, collections=None)\n--\n\nRegisters a chare class before charm.start().")},
    {"load", py_charm_load, METH_O,
     PyDoc_STR("load($self, path, /)\n--\n\nLoads a shared library of chare types in C (chariot.h); returns an object "
               "that has a class for each, and its\nreducers. At module level; while the job runs, in a coroutine, and "
               "then on all PEs.")},
    {"exit", WITH_KEYWORDS(py_charm_exit),
     PyDoc_STR("exit($self, /, exit_code=0)\n--\n\nEnds the whole job with this status. Does not return.")},
    {"abort", py_charm_abort, METH_O,
     PyDoc_STR("abort($self, message, /)\n--\n\nEnds the whole job with an error message and this PE's stack.")},
    {"printStats", py_charm_print_stats, METH_NOARGS,
     PyDoc_STR(
         "printStats($self, /)\n--\n\nPrints where the time of this PE went, if charm.options.profiling was set.")},
    {"myPe", charm_my_pe, METH_NOARGS, PyDoc_STR("myPe($self, /)\n--\n\nNumber of this PE, from 0.")},
    {"numPes", charm_num_pes, METH_NOARGS, PyDoc_STR("numPes($self, /)\n--\n\nNumber of PEs in the job.")},
    {"myHost", charm_my_host, METH_NOARGS, PyDoc_STR("myHost($self, /)\n--\n\nNumber of this host, from 0.")},
    {"numHosts", charm_num_hosts, METH_NOARGS, PyDoc_STR("numHosts($self, /)\n--\n\nNumber of hosts.")},
    {"getHostPes", host_pes, METH_O, PyDoc_STR("getHostPes($self, host, /)\n--\n\nThe PEs on that host, in order.")},
    {"getHostFirstPe", host_first_pe, METH_O, PyDoc_STR("getHostFirstPe($self, host, /)\n--\n\nThe first of them.")},
    {"getHostNumPes", host_num_pes, METH_O, PyDoc_STR("getHostNumPes($self, host, /)\n--\n\nHow many they are.")},
    {"getPeHost", pe_host, METH_O, PyDoc_STR("getPeHost($self, pe, /)\n--\n\nThe host that pe is on.")},
    {"getPeHostRank", pe_host_rank, METH_O,
     PyDoc_STR("getPeHostRank($self, pe, /)\n--\n\nIts place among the host's PEs.")},
    {"getTopoTreeEdges", WITH_KEYWORDS(py_charm_topo_edges), py_charm_topo_edges_doc},
    {"getTopoSubtrees", WITH_KEYWORDS(py_charm_topo_subtrees), py_charm_topo_subtrees_doc},
    {"awaitCreation", (PyCFunction)(void (*)(void))charm_await_creation, METH_FASTCALL,
     PyDoc_STR(
         "awaitCreation($self, /, *proxies)\n--\n\nWaits until the constructors of all their chares have ended.")},
    {"split", WITH_KEYWORDS(py_charm_split), py_charm_split_doc},
    {"combine", (PyCFunction)(void (*)(void))py_charm_combine, METH_FASTCALL, py_charm_combine_doc},
    {"wait", WITH_KEYWORDS(py_charm_wait), py_charm_wait_doc},
    {"iwait", py_charm_iwait, METH_O, py_charm_iwait_doc},
    {"Future", FAST_WITH_KEYWORDS(charm_future), future_doc},
    {"createFuture", FAST_WITH_KEYWORDS(charm_future), future_doc},
    {"sleep", py_charm_sleep, METH_O,
     PyDoc_STR("sleep($self, secs, /)\n--\n\nSuspends a coroutine; else blocks the PE.")},
    {"startQD", py_charm_start_qd, METH_O,
     PyDoc_STR("startQD($self, callback, /)\n--\n\nCalls callback, a Future or a method of a proxy, without arguments "
               "when nothing runs in the job any\nmore, no message is under way and no timer is set. From any PE, any "
               "number at a time.")},
    {"waitQD", py_charm_wait_qd, METH_NOARGS,
     PyDoc_STR(
         "waitQD($self, /)\n--\n\nSuspends the coroutine until the job is quiescent, as startQD() means it. In an "
         "async def: await it.")},
    {"scheduleCallableAfter", WITH_KEYWORDS(py_charm_after), py_charm_after_doc},
    {"balance", py_charm_balance, METH_NOARGS,
     PyDoc_STR(
         "balance($self, /)\n--\n\nAsks for a step of load balancing; returns a Future of the number of chares that "
         "have moved, complete when\nthey have. From then on steps are made for balance() and AtSync() alone.")},
    {"publish", WITH_KEYWORDS(py_charm_publish),
     PyDoc_STR("publish($self, /, name, proxy)\n--\n\nForeign programs find the proxy's chare or collection under this "
               "name, and may call those of its methods\nthat @expose marks; returns a Future, complete when every PE "
               "knows the name.")},
    {"unpublish", py_charm_unpublish, METH_O,
     PyDoc_STR("unpublish($self, name, /)\n--\n\nThe name is free again; returns a Future.")},
    {"serve", WITH_KEYWORDS(py_charm_serve), py_charm_serve_doc},
    {"stopServing", py_charm_stop_serving, METH_NOARGS,
     PyDoc_STR("stopServing($self, /)\n--\n\nEnds what charm.serve() has begun on this PE.")},
    {"LBTurnInstrumentOn", instrument_on, METH_NOARGS,
     PyDoc_STR("LBTurnInstrumentOn($self, /)\n--\n\nMeasure the load of this PE's chares, for the balancer.")},
    {"LBTurnInstrumentOff", instrument_off, METH_NOARGS,
     PyDoc_STR("LBTurnInstrumentOff($self, /)\n--\n\nDo not measure it.")},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef charm_getset[] = {
    {"thisProxy", get_proxy, NULL, PyDoc_STR("The runtime itself as a group: thisProxy.exit, thisProxy[0].exit."),
     NULL},
    {"started", get_started, NULL, PyDoc_STR("Whether the job runs, or has run."), NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef charm_members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(struct py_charm, dict), READONLY, NULL},
                                      {NULL, 0, 0, 0, NULL}};

static int charm_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct py_charm *)(void *)self)->dict);
    return 0;
}

static int charm_clear(PyObject *self) {
    Py_CLEAR(((struct py_charm *)(void *)self)->dict);
    return 0;
}

static void charm_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    charm_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot charm_slots[] = {{Py_tp_doc, (void *)"The runtime, as this PE sees it."},
                                    {Py_tp_dealloc, charm_dealloc},
                                    {Py_tp_traverse, charm_traverse},
                                    {Py_tp_clear, charm_clear},
                                    {Py_tp_methods, charm_methods},
                                    {Py_tp_getset, charm_getset},
                                    {Py_tp_members, charm_members},
                                    {0, NULL}};
static PyType_Spec charm_spec = {.name = "chariot._core.Charm",
                                 .basicsize = sizeof(struct py_charm),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = charm_slots};

int py_charm_init(struct py_state *st, PyObject *module) {
    st->charm_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &charm_spec, NULL);
    if (st->charm_type == NULL) return -1;
    st->charm = st->charm_type->tp_alloc(st->charm_type, 0);
    if (st->charm == NULL || py_options_init(st, module) != 0) return -1;
    if (PyObject_SetAttrString(st->charm, "options", st->options) != 0) return -1;
    if (PyObject_SetAttrString(st->charm, "reducers", st->reduce.reducers) != 0) return -1;
    if (PyModule_AddObjectRef(module, "Charm", (PyObject *)st->charm_type) != 0) return -1;
    if (PyModule_AddIntConstant(module, "GROUP", CHARIOT_GROUP) != 0) return -1;
    if (PyModule_AddIntConstant(module, "ARRAY", CHARIOT_ARRAY_OF) != 0) return -1;
    return PyModule_AddObjectRef(module, "charm", st->charm);
}
