/* python/pool.h: charm.pool: functions called on whichever PE is free. The runtime's pool (chariot.h) says who does
 * what; here is what is done.
 *
 * Of one map(), or the Tasks of one function, the owner makes a *job* with a bag of the runtime's. The bag's
 * definitions are the job's functions, each a list [flags, function]; its items are chunks of elements, each a list
 * [number, definition, elements...]; each answer is a list [number, outcome], where outcome is an error value, the
 * value, or for chunks of several elements the list of the values.
 *
 *   pool_job.c   the owner's side: jobs, what is put into bags, what comes back
 *   pool_work.c  the worker's side: what is done of any bag
 *   pool.c       charm.pool, its methods and their arguments */
#ifndef CHARIOT_PYTHON_POOL_H
#define CHARIOT_PYTHON_POOL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "objects/chariot.h"

struct py_state;

enum py_pool_flags {
    PY_POOL_APPLY = 1,  /* an element is a pair: arguments, and named ones or None */
    PY_POOL_PAIRS = 2,  /* an element is a pair: number of its definition, argument */
    PY_POOL_END = 4,    /* only its end is waited for, not its value */
    PY_POOL_NOBODY = 8, /* nobody waits: no answers */
};

struct py_pool {
    /* The owner's side. */
    PyObject *jobs;  /* {bag: capsule of struct py_job}, those that have not ended; owned */
    PyObject *tasks; /* {(function, flags): bag}, of jobs of tasks that are kept open; owned */
    /* The worker's. */
    PyObject *bags;                /* {bag: capsule of struct py_bag}; owned */
    struct py_bag *latest;         /* one of them; borrowed */
    struct chariot_writer answers; /* of bag `answered`, not sent yet */
    uint64_t answered;
};

/* One map(), map_async(), submit(), submit_async(), or the tasks of one function. */
struct py_job {
    struct py_state *st;
    uint64_t bag;
    unsigned flags;         /* enum py_pool_flags */
    uint32_t limit;         /* PEs that may work on it at a time */
    PyObject *functions;    /* list of those defined, owned */
    PyObject *places;       /* PAIRS: {id of function: its place}, owned */
    Py_ssize_t chunk;       /* elements per item */
    uint64_t items;         /* put so far */
    Py_ssize_t given, done; /* elements */
    Py_ssize_t most;        /* elements that may be under way; negative: all */
    bool fed;               /* no more come */
    bool failed, closed;
    bool retired;       /* APPLY: no more come */
    uint32_t encoding;  /* APPLY: coroutines that are pickling arguments, for which it stays open */
    PyObject *future;   /* of the list of all results, owned; or NULL */
    PyObject *results;  /* that list, owned */
    PyObject *futures;  /* in place of both: a list of one future per element, or a dict by number; owned */
    PyObject *room;     /* future that whoever feeds waits for; owned, or NULL */
    PyObject *progress; /* callable(done, total or None), owned, or NULL */
    PyObject *total;    /* number of elements or None, owned */
    int64_t shown_ns;
};

int py_pool_init(struct py_state *st, PyObject *module);
/* Before the job runs: this PE does work. */
void py_pool_serve(struct py_state *st);

/* A new job, known by its bag. Borrowed from st->pool.jobs; NULL with an exception set. */
struct py_job *py_job_new(struct py_state *st, unsigned flags, uint32_t limit, Py_ssize_t chunk);
/* Puts in what iterator gives, until as many elements are under way as may be. function: what they are for; NULL:
 * PAIRS. 1: there is more; 0: that was all, or the job has ended; -1 with an exception set: the job has been dropped.
 */
int py_job_feed(struct py_state *st, uint64_t bag, PyObject *function, PyObject *iterator);
/* One element of a job of tasks. Its future or None, new reference; with a callback (borrowed) None: it is called with
 * the value and None, or None and the exception, by the scheduler. NULL with an exception set. */
PyObject *py_job_task(struct py_state *st, PyObject *function, PyObject *args, PyObject *keywords, unsigned flags,
                      PyObject *callback);
/* The job of that bag; NULL: it has ended. Borrowed. */
struct py_job *py_job_of(struct py_state *st, uint64_t bag);
/* Forgets it, and drops what nobody has begun. An exception that is set stays. */
void py_job_drop(struct py_job *job);

/* The runtime's calls; ctx is the state. */
void py_job_on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg);
void py_work_on_definition(void *ctx, uint64_t bag, struct chariot_msg *definition);
void py_work_on_item(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item);
void py_work_on_rest(void *ctx);
void py_work_on_forget(void *ctx, uint64_t bag);

/* A pointer in a dict of capsules under a bag's number. find and remove leave an exception that is set. */
void *py_pool_find(PyObject *dict, uint64_t bag, const char *kind);
int py_pool_add(PyObject *dict, uint64_t bag, const char *kind, void *pointer, void (*destroy)(PyObject *capsule));
void py_pool_remove(PyObject *dict, uint64_t bag);

#endif
