/* python/pending.h: what waits at a chare for a condition: calls of @when methods, coroutines in self.wait().
 *
 *   call of a @when method -> condition holds -> method runs
 *                               | no                  ^
 *                               v                     |
 *   self.wait(), not true --> pending --- settle: the earliest whose condition holds, again and again
 *
 * Settling follows every slice of user code of the chare (a method, a coroutine until it suspends or ends) and runs on
 * the scheduler, never inside user code and never inside itself. It is part of the chare's state: made when something
 * has to wait, freed when nothing does. */
#ifndef CHARIOT_PYTHON_PENDING_H
#define CHARIOT_PYTHON_PENDING_H

#include "python/chare.h"
#include "python/class.h"
#include "python/condition.h"

struct py_condition_wait;
struct py_bucket;

/* A call that waits, or a coroutine. */
struct py_entry {
    struct py_entry *next, **prev;     /* in its queue, or in a bucket of it */
    struct py_entry *later, **earlier; /* among all of the chare, in order of arrival */
    struct py_queue *queue;            /* borrowed */
    struct py_bucket *bucket;          /* TAG: borrowed; else NULL */
    uint64_t order;                    /* of arrival */
    struct py_condition_wait *waits;   /* of a coroutine, borrowed; NULL: a call, and the rest is set */
    const struct py_method *method;    /* borrowed */
    PyObject *args, *keywords;         /* owned; keywords may be NULL */
    struct chariot_reply reply;
    bool gone; /* was taken out while conditions are asked */
};

struct py_entries {
    struct py_entry *first, **end;
};

/* All that waits for one condition. */
struct py_queue {
    struct py_queue *next;
    struct py_condition *condition; /* owned */
    struct py_entries entries;      /* not for TAG: */
    PyObject *buckets;              /* {tag: address of its py_bucket}; owned */
    size_t count;
};

/* TAG: the calls that bring one tag. */
struct py_bucket {
    struct py_entries entries;
    PyObject *tag; /* owned */
};

struct py_pending {
    struct py_queue *queues;
    struct py_entry *all, **all_end; /* in order of arrival */
    uint64_t next_order;
    size_t count;
    struct py_entry *gone; /* through later: freed when nobody asks conditions any more */
    uint32_t asking;       /* user code of conditions and tags runs, which may take out what waits */
    bool settling;
    bool posted; /* settling will go on, here or where the chare comes to live: what arrives takes its place */
    bool roams;  /* the chare has wanted to leave since it came: what came with it is delivered all the same */
};

/* A call of a method with a condition. False: it holds, run it. True: the call waits (*rc is CHARIOT_LATER), or its
 * condition failed (*rc and *result are the call's outcome). */
bool py_pending_keeps(struct py_chare *chare, const struct py_method *method, const struct py_arguments *message,
                      const struct chariot_reply *reply, int *rc, struct chariot_msg **result);
/* A call that waits fails with exc (borrowed), and is never run; false: this one does not wait (chariot_reply.call). */
bool py_pending_cancel(struct py_chare *chare, uint64_t call, PyObject *exc);
/* A call that has waited on another PE waits here. -1 with an exception set. */
int py_pending_add_call(struct py_chare *chare, const struct py_method *method, const struct py_arguments *message,
                        const struct chariot_reply *reply);
/* A coroutine that waits; borrows waits until it is called (py_condition_wait_fire) or taken out. The entry, borrowed;
 * NULL with an exception set. */
struct py_entry *py_pending_add_wait(struct py_chare *chare, struct py_condition *condition,
                                     struct py_condition_wait *waits);
void py_pending_remove(struct py_chare *chare, struct py_entry *entry);

/* After a slice of the chare's user code, by the scheduler. */
void py_pending_settle(struct py_chare *chare);
/* The chare was to move, and goes on here: what holds is delivered soon. */
void py_pending_stays(struct py_chare *chare);
/* It has come to live here, and migrated() has been called. */
void py_pending_arrived(struct py_chare *chare);
/* chare.__flush_wait_queues__(): settles soon, also with charm.options.auto_flush_wait_queues off. -1: exception. */
int py_pending_post(struct py_chare *chare);

/* The chare is destroyed: those who wait get an error, while the job runs. It has left: they wait elsewhere. */
void py_pending_drop(struct py_chare *chare);
int py_pending_traverse(struct py_pending *pending, visitproc visit, void *arg);

#endif
