/* python/pool_job.h: the owner's side of the pool (pool.h): jobs, what is put into their bags, what comes back.
 *
 * A job is known by its bag, and has ended when py_job_of() does not find it. Pickling, unpickling and iterators run
 * user code, which may end any job: whoever has called one of them asks again. */
#ifndef CHARIOT_PYTHON_POOL_JOB_H
#define CHARIOT_PYTHON_POOL_JOB_H

#include "python/state.h"

/* Items on their way into a bag: they leave together. */
struct py_put {
    struct chariot_writer writer;
    size_t whole;               /* bytes of the items that are complete; behind them, one that is half written */
    uint32_t count, most;       /* items that are complete; that leave together */
    int64_t since_ns;           /* when some last left, or could first */
    struct chariot_timer alarm; /* sends them while whoever makes more is suspended */
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
    struct py_put put;      /* a map's items */
    bool fed;               /* no more come */
    bool failed, closed;
    bool retired;       /* APPLY: no more come */
    uint32_t encoding;  /* APPLY: coroutines that are pickling arguments, for which it stays open */
    PyObject *future;   /* of the list of all results, owned; or NULL */
    PyObject *results;  /* that list, owned */
    PyObject *futures;  /* in place of both: a list of one future per element, or a dict by number; owned */
    PyObject *handed;   /* that list as whoever asked gets it, until all of it is fed; owned, or NULL */
    PyObject *room;     /* future that whoever feeds waits for; owned, or NULL */
    PyObject *progress; /* callable(done, total or None), owned, or NULL */
    PyObject *total;    /* number of elements or None, owned */
    int64_t shown_ns;
};

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
void py_job_remove(struct py_job *job); /* it has ended; an exception that is set stays */
/* Forgets it, and drops what nobody has begun. An exception that is set stays. */
void py_job_drop(struct py_job *job);

/* ---- inside ---- */

/* The function's place among the job's definitions; sent to the workers. -1 with an exception set. */
Py_ssize_t py_job_define(struct py_job *job, PyObject *function);
/* No more is put into its bag; drop: what nobody has begun is dropped. */
void py_job_close(struct py_job *job, bool drop);
/* All elements are done: gives the result, and forgets the job. */
void py_job_complete(struct py_job *job);
/* Whoever feeds goes on. */
void py_job_make_room(struct py_job *job);

#endif
