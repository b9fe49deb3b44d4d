/* python/state.h: the module's state: everything that chariot._core holds besides its objects.
 *
 * One PE per process, so one state that matters; it is still the module's, never a global. Methods find it through
 * their type (py_state_of); callbacks of the runtime get it as their ctx. Everything here is touched by the PE's thread
 * alone, with the GIL held.
 *
 * `pe` is NULL before the PE was opened and again after it was closed: whoever may run then looks first (py_state_pe,
 * py_state_running). */
#ifndef CHARIOT_PYTHON_STATE_H
#define CHARIOT_PYTHON_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdbool.h>

#include "objects/chariot.h"
#include "python/codec.h"
#include "python/pool.h"
#include "python/reduce.h"

struct py_class;
struct py_method;
struct py_task;
struct py_worker;
struct py_watch;
struct py_bound;
struct py_channel;
struct py_chare;
struct py_awaitable_ops;
struct _greenlet;

/* Strings that are compared or looked up on hot paths, interned. X(field, text) */
#define PY_NAMES(X)                                                                                                    \
    X(ret, "ret")                                                                                                      \
    X(awaitable, "awaitable")                                                                                          \
    X(remote_stacktrace, "remote_stacktrace")                                                                          \
    X(coro, "__chariot_coro__")                                                                                        \
    X(when, "__chariot_when__")                                                                                        \
    X(at_root, "__chariot_at_root__")                                                                                  \
    X(first, "__chariot_first__")                                                                                      \
    X(module, "__module__")                                                                                            \
    X(qualname, "__qualname__")                                                                                        \
    X(reduce, "__reduce__")                                                                                            \
    X(reduce_ex, "__reduce_ex__")                                                                                      \
    X(notes, "__notes__")                                                                                              \
    X(getstate, "__getstate__")                                                                                        \
    X(setstate, "__setstate__")                                                                                        \
    X(init, "__init__")                                                                                                \
    X(call, "__call__")                                                                                                \
    X(main, "__main__")                                                                                                \
    X(code, "code")                                                                                                    \
    X(proc_num, "procNum")

struct py_names {
#define PY_NAME_FIELD(field, text) PyObject *field;
    PY_NAMES(PY_NAME_FIELD)
#undef PY_NAME_FIELD
};

/* The types of the module, one a line. X(field) */
#define PY_TYPES(X)                                                                                                    \
    X(charm_type)                                                                                                      \
    X(options_type)                                                                                                    \
    X(chare_type)                                                                                                      \
    X(map_type)                                                                                                        \
    X(group_type)                                                                                                      \
    X(array_type)                                                                                                      \
    X(proxy_type)                                                                                                      \
    X(bound_type)                                                                                                      \
    X(future_type)                                                                                                     \
    X(channel_wait_type)                                                                                               \
    X(channel_type)                                                                                                    \
    X(await_iter_type)                                                                                                 \
    X(watch_type)                                                                                                      \
    X(keywords_type)                                                                                                   \
    X(wait_type)                                                                                                       \
    X(iwait_type)                                                                                                      \
    X(condition_wait_type)                                                                                             \
    X(condition_type)

enum py_phase {
    PY_IDLE = 0, /* charm.start() was not called */
    PY_STARTING, /* registering */
    PY_RUNNING,  /* inside chariot_run() */
    PY_ENDED,
};

/* Limits of the free lists. A greenlet that is kept holds some 7 KB; one that is not costs 8 us when it is needed
 * again. */
enum { PY_MAX_FREE = 256, PY_MAX_WORKERS = 1024 };

enum { PY_MAX_AWAITABLES = 8 };

/* A type whose objects coroutines can wait for (awaitable.h). */
struct py_awaitable_type {
    PyTypeObject *type; /* borrowed */
    const struct py_awaitable_ops *ops;
};

struct py_state {
    struct chariot_pe *pe;
    uint32_t my_pe, num_pes; /* since it was opened, and for good; num_pes 0: it was not */
    enum py_phase phase;
    bool has_phases;      /* what Python does is told apart: meter.h */
    unsigned long thread; /* that runs the PE, while it runs */
    bool launched;        /* by a launcher: endings are its to report */
    bool no_reminder;     /* the program has called charm.start(), in vain, or charm.exit() */
    bool exiting;         /* this PE has asked for the end of the job */
    int exit_status;
    PyThreadState *asleep; /* what before_sleep saved */

    PyObject *module; /* borrowed: owns this */
    struct py_names names;
    struct py_codec codec;   /* codec.h */
    struct py_reduce reduce; /* reduce.h */

    /* Types, owned. */
#define PY_TYPE_FIELD(field) PyTypeObject *field;
    PY_TYPES(PY_TYPE_FIELD)
#undef PY_TYPE_FIELD
    PyObject *charm;                   /* the singleton, owned */
    PyObject *options;                 /* charm.options, owned */
    PyObject *partial, *partialmethod; /* of functools, owned; NULL: not needed yet (signature.c) */
    PyObject *planner;                 /* a balancer of the program's, owned; NULL: there is none */
    PyObject *bridge;                  /* chariot._asyncio, owned; NULL: not imported */
    PyObject *error;                   /* Charm4PyError, owned */
    PyObject *not_threaded_error, *cancelled_error;
    bool local_msg_optim;                                   /* charm.options.local_msg_optim */
    bool auto_flush;                                        /* charm.options.auto_flush_wait_queues */
    enum chariot_hang_mode hang_mode;                       /* charm.options.hang_report */
    struct py_awaitable_type awaitables[PY_MAX_AWAITABLES]; /* futures first */
    uint32_t num_awaitables;

    /* Registered classes by registration number, owned. */
    struct py_class **classes;
    uint32_t num_classes;
    PyObject *class_of;             /* {Chare subclass: number in classes} */
    struct py_class *runtime_class; /* charm.thisProxy's, made at the first use */
    PyObject *entry;                /* what charm.start() was given, owned */
    PyObject *entry_args;           /* its one argument, owned */
    struct py_method *entry_method; /* its kind and name */
    PyObject *readonlies;           /* dict of what the entry sets for all PEs, owned; NULL: not used here */

    /* Coroutines (task.h). */
    struct _greenlet *scheduler; /* the greenlet that runs chariot_run(), owned */
    struct py_task *current;     /* the coroutine that runs now; NULL: the scheduler or a plain method */
    struct py_method *callbacks; /* what stands for callables that are no methods, by kind; owned */
    struct py_task *starting;    /* handed to the worker that is switched to next */
    struct py_task *live;        /* all that have not ended */
    struct py_task *free_tasks;
    struct py_worker *free_workers;      /* greenlets that wait for a coroutine to run */
    struct py_chare *packing, *arriving; /* move.h; NULL: none does */
    const struct py_method *running;     /* the plain method that runs now: for error texts; borrowed */

    struct py_future *strays;          /* dropped by threads of the program's own; linked through their about field */
    struct py_channel *stray_channels; /* the same, through their remote field */
    struct py_watch *stray_watches;    /* the same, of bridge.c */
    struct py_bound *free_bounds;      /* linked through their proxy field */
    struct py_pool pool;               /* pool.h */

    PyObject *console; /* of an interactive session: takes errors that nobody receives; owned */
    FILE *terminal;    /* where it shows its prompts; open until the process ends */

    uint32_t num_free_bounds, num_free_tasks, num_free_workers;
};

extern struct PyModuleDef py_module_def;

static inline struct py_state *py_state_of_module(PyObject *module) {
    return PyModule_GetState(module);
}
/* A type of a module, remembered in *type once a program has imported that. Borrowed; NULL: not imported (yet). */
PyObject *py_type_if_imported(PyObject **type, const char *module_name, const char *name);
/* getattr(object, name, NULL): new reference, or NULL, without an exception, where there is none or it fails. */
static inline PyObject *py_getattr_or_null(PyObject *object, PyObject *name) {
    PyObject *value;
#if PY_VERSION_HEX >= 0x030d0000
    int rc = PyObject_GetOptionalAttr(object, name, &value);
#else
    int rc = _PyObject_LookupAttr(object, name, &value); /* makes no AttributeError, which takes longer than all else */
#endif
    if (rc < 0) PyErr_Clear();
    return value;
}
/* Of an object whose type is one of ours that cannot be subclassed. */
static inline struct py_state *py_state_of(PyObject *self) {
    return PyType_GetModuleState(Py_TYPE(self));
}
/* Of a type, or a subclass of a type, of ours. NULL with TypeError: none of ours. */
struct py_state *py_state_of_type(PyTypeObject *type);

/* The PE, opened now if it was not yet. NULL with Charm4PyError set: it cannot be opened, or the job has ended. */
struct chariot_pe *py_state_pe(struct py_state *st);
/* The PE of a job that runs. NULL with Charm4PyError set: charm.start() was not called, the job has ended, or another
 * thread than the one that called charm.start() asks. */
struct chariot_pe *py_state_running(struct py_state *st);

/* Another thread runs here than the PE's. */
static inline bool py_state_is_foreign(const struct py_state *st) {
    return st->phase == PY_RUNNING && st->thread != (unsigned long)pthread_self();
}

/* Turns an error code of the runtime into an exception, unless one is set. Returns -1. */
int py_raise_code(struct py_state *st, int code, const char *doing);

#endif
