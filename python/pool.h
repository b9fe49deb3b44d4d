/* python/pool.h: charm.pool: functions called on whichever PE is free. The runtime's pool (chariot.h) says who does
 * what; here is what is done.
 *
 * Of one map(), or the Tasks of one function, the owner makes a *job* with a bag of the runtime's. The bag's
 * definitions are the job's functions, each a list [flags, function]; its items are chunks of elements, each a list
 * [number, definition, elements...]; each answer is a list [number, outcome], where outcome is an error value, the
 * value, or for chunks of several elements the list of the values. A value that is an exception travels as a pickle: an
 * error value is what was raised.
 *
 *   pool_job.h   the owner's side: pool_job.c, their life; pool_feed.c and pool_task.c, what is put into bags;
 *                pool_answer.c, what comes back
 *   pool_bag.h   the worker's side: bags of which work is done here, and answers; pool_work.c does it
 *   pool.c       charm.pool, its methods and their arguments */
#ifndef CHARIOT_PYTHON_POOL_H
#define CHARIOT_PYTHON_POOL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "objects/chariot.h"

struct py_job;
struct py_state;

enum py_pool_flags {
    PY_POOL_APPLY = 1,  /* an element is a pair: arguments, and named ones or None */
    PY_POOL_PAIRS = 2,  /* an element is a pair: number of its definition, argument */
    PY_POOL_END = 4,    /* only its end is waited for, not its value */
    PY_POOL_NOBODY = 8, /* nobody waits: no answers */
};

struct py_pool {
    /* The owner's side. */
    PyObject *jobs;            /* {bag: capsule of struct py_job}, those that have not ended; owned */
    struct py_job *latest_job; /* one of them; borrowed */
    PyObject *tasks;           /* {(function, flags): bag}, of jobs of tasks that are kept open; owned */
    /* The worker's. */
    PyObject *bags;                /* {bag: capsule of struct py_bag}; owned */
    struct py_bag *latest;         /* one of them; borrowed */
    struct chariot_writer answers; /* of bag `answered`, not sent yet */
    uint64_t answered;
};

int py_pool_init(struct py_state *st, PyObject *module);
/* Before the job runs: this PE does work. */
void py_pool_serve(struct py_state *st);

/* The runtime's calls; ctx is the state. */
void py_job_on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg);
void py_bag_on_definition(void *ctx, uint64_t bag, struct chariot_msg *definition);
void py_work_on_item(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item);
void py_bag_on_rest(void *ctx);
void py_bag_on_forget(void *ctx, uint64_t bag);

/* A pointer in a dict of capsules under a bag's number. find and remove leave an exception that is set. */
void *py_pool_find(PyObject *dict, uint64_t bag, const char *kind);
int py_pool_add(PyObject *dict, uint64_t bag, const char *kind, void *pointer, void (*destroy)(PyObject *capsule));
void py_pool_remove(PyObject *dict, uint64_t bag);

#endif
