/* python/task.h: coroutines: methods, constructors, the entry function and callables that may suspend.
 *
 *            py_task_start                 value or error
 *   (none) ----------------> RUNNING --------------------------> ended: outcome to the starter,
 *                              |  ^                               or to the reply if it had suspended
 *     waits for an awaitable   |  | it is ready, or the
 *     (awaitable.h)            v  | time is up
 *                            SUSPENDED
 *
 * A @coro runs in a greenlet of a pool (creating one costs 25 times what switching to it costs); the scheduler runs in
 * the greenlet that called charm.start(), and suspending is switching to it. An `async def` needs no stack: the task
 * sends to its coroutine object, which yields what to wait for.
 *
 * A suspended greenlet's C stack is moved to the heap, so nothing that others hold pointers to lies on it. */
#ifndef CHARIOT_PYTHON_TASK_H
#define CHARIOT_PYTHON_TASK_H

#include "python/awaitable.h"
#include "python/class.h"
#include "python/state.h"

enum py_task_role { PY_TASK_METHOD, PY_TASK_CONSTRUCTOR, PY_TASK_FREE, PY_TASK_OWNED };

/* What an owner wants of a coroutine. NOBODY: nobody waits, so that an exception ends the job. */
enum py_task_wish { PY_TASK_NOBODY, PY_TASK_END, PY_TASK_VALUE };

/* Who started a coroutine that is none of a chare's, and wants its outcome. */
struct py_task_owner {
    /* It has ended after it had suspended: takes result, the value (NULL: None) or, code < 0, the error. Called while
     * the coroutine's greenlet still runs. */
    void (*ended)(struct py_task_owner *owner, struct chariot_msg *result, int code);
};

struct py_task {
    struct py_state *st;
    enum py_task_role role;
    const struct py_method *method; /* its name and kind; borrowed */
    PyObject *chare;                /* whose method it is; owned; NULL: no method of a chare */
    PyObject *callable;             /* owned, until it was called */
    PyObject *args, *keywords;      /* owned, until it was called; see py_task_start */
    PyObject *coroutine;            /* of an async def; owned */
    struct py_worker *worker;       /* the greenlet; NULL: async def */
    PyObject *waits_for;            /* see awaitable.h; owned while suspended, NULL while it runs */
    struct chariot_waiter waiter;
    struct chariot_reply reply;       /* METHOD: who waits for the result */
    struct py_task_owner *owner;      /* OWNED: the same, */
    enum py_task_wish wish;           /* and for what */
    struct chariot_timer alarm;       /* its timeout */
    struct chariot_activity activity; /* what its time is charged to; set when it is suspended first */
    bool timed_out;
    PyObject *thrown; /* to be raised where it waits; owned */
    bool suspended;   /* has been, at least once: the starter has gone */
    bool moves;       /* it has told its chare to move: that does not wait for it */
    bool ended;
    struct chariot_msg *result;   /* of one that ended in its first slice, for its starter */
    int code;                     /* of the same: 0, or negative: failed */
    struct py_task *next, **prev; /* st->live, or st->free_tasks */
};

int py_task_init(struct py_state *st, PyObject *module);
/* charm.start(): this greenlet is the scheduler. */
int py_task_become_scheduler(struct py_state *st);

/* Starts a coroutine: method of chare (NULL: of none) with these arguments (borrowed; keywords may be NULL), chare in
 * front where callable is the bare function of the method. When a slice of it has run, what is pending at chare
 * settles. 0: it has ended, *result (may be NULL) is its value; CHARIOT_LATER: it goes on, and will complete reply
 * (METHOD), call chariot_constructed() (CONSTRUCTOR) or just end (FREE); negative: it failed, *result is the error,
 * NULL: nobody waited and the job ends. Called by the scheduler only. */
int py_task_start(struct py_state *st, enum py_task_role role, const struct py_method *method, PyObject *callable,
                  PyObject *chare, PyObject *args, PyObject *keywords, const struct chariot_reply *reply,
                  struct chariot_msg **result);

/* The same for an owner, which lives until the coroutine has ended. */
int py_task_start_owned(struct py_state *st, struct py_task_owner *owner, enum py_task_wish wish,
                        const struct py_method *method, PyObject *callable, PyObject *args, PyObject *keywords,
                        struct chariot_msg **result);

/* Suspends the running greenlet coroutine until awaitable (borrowed; of a registered type) is ready, or for so long
 * (negative: for ever). -1 with an exception set: TimeoutError, NotThreadedError. */
int py_task_wait(struct py_state *st, PyObject *awaitable, int64_t timeout_ns);
/* Raises exc (borrowed) where a suspended task waits, at once. Called by the scheduler only. */
void py_task_throw(struct py_task *task, PyObject *exc);
/* The same, where the method of chare waits that this call has begun (chariot_reply.call); false: none does. */
bool py_task_cancel(struct py_state *st, PyObject *chare, uint64_t call, PyObject *exc);
/* Why a suspended task waits (waits_for is set), and a new reference to what it is about, or NULL. */
enum py_wait_kind py_task_reason(const struct py_task *task, PyObject **about);
/* What stands still in a suspended task: its greenlet, or its coroutine object. Borrowed. */
PyObject *py_task_suspended(const struct py_task *task);
/* The one that was started next and has not ended; NULL: none. */
struct py_task *py_task_newer(const struct py_task *task);
/* Whether what waits is to be awaited here (true), or suspends by itself: in an async def, and in a task of asyncio. */
bool py_task_awaits(struct py_state *st);
/* Raises NotThreadedError, saying who tried to wait. Returns -1. */
int py_task_not_threaded(struct py_state *st);

/* Calls any Python callable from the scheduler: @coro and async def ones as coroutines. Failures end the job. */
void py_task_call(struct py_state *st, PyObject *callable, PyObject *args);

/* callable(self, *args, **keywords); self and keywords may be NULL. */
PyObject *py_call(PyObject *callable, PyObject *self, PyObject *args, PyObject *keywords);

/* Outcome of user code: value (taken; NULL: the exception that is set) as *result for reply. 0, or negative: *result is
 * the error. With nobody to receive an error the job ends, and it gives 0 and NULL. A value that is an exception is
 * sent as an error, as by send() of a future. */
int py_outcome_take(struct py_state *st, const struct py_method *method, const struct chariot_reply *reply,
                    PyObject *value, struct chariot_msg **result);
/* The same for an owner, to whom an exception that was returned is a value like others. */
int py_outcome_wished_take(struct py_state *st, const struct py_method *method, enum py_task_wish wish, PyObject *value,
                           struct chariot_msg **result);
/* Sends such an outcome to reply, where the caller of the method has gone. Takes result. */
void py_outcome_reply_take(struct py_state *st, const struct chariot_reply *reply, int code,
                           struct chariot_msg *result);

#endif
