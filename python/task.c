#include "python/task.h"

#include <greenlet/greenlet.h>
#include <stdlib.h>

#include "python/bridge.h"
#include "python/chare.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/message.h"
#include "python/meter.h"
#include "python/move.h"
#include "python/pending.h"

/* A greenlet that runs one coroutine after another. */
struct py_worker {
    PyGreenlet *greenlet; /* owned */
    struct py_worker *next;
    bool gone; /* it has returned */
};

/* ---------------------------------------------------------------- tasks */

static struct py_task *task_new(struct py_state *st) {
    struct py_task *task = st->free_tasks;
    if (task != NULL) {
        st->free_tasks = task->next;
        st->num_free_tasks--;
    } else {
        task = malloc(sizeof *task);
        if (task == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
    }
    *task = (struct py_task){.st = st, .next = st->live, .prev = &st->live};
    if (task->next != NULL) task->next->prev = &task->next;
    st->live = task;
    return task;
}

/* How many of its chare's coroutines have been suspended, and have not ended. */
static void count(const struct py_task *task, int change) {
    struct py_chare *chare = (struct py_chare *)(void *)task->chare;
    if (chare != NULL) chare->coroutines += (uint32_t)change;
}

static void task_free(struct py_task *task) {
    struct py_state *st = task->st;
    if (task->suspended) count(task, -1);
    *task->prev = task->next;
    if (task->next != NULL) task->next->prev = task->prev;
    Py_XDECREF(task->chare);
    Py_XDECREF(task->callable);
    Py_XDECREF(task->args);
    Py_XDECREF(task->keywords);
    Py_XDECREF(task->coroutine);
    Py_XDECREF(task->waits_for);
    if (task->worker != NULL && task->worker->gone) {
        Py_DECREF(task->worker->greenlet);
        free(task->worker);
    }
    if (st->num_free_tasks >= PY_MAX_FREE) {
        free(task);
        return;
    }
    task->next = st->free_tasks;
    st->free_tasks = task;
    st->num_free_tasks++;
}

PyObject *py_call(PyObject *callable, PyObject *self, PyObject *args, PyObject *keywords) {
    enum { ON_STACK = 10 };
    PyObject *small[ON_STACK], **stack = small;
    size_t count = (size_t)PyTuple_GET_SIZE(args), extra = self == NULL ? 0 : 1;
    if (count + 2 > ON_STACK) {
        stack = PyMem_Malloc((count + 2) * sizeof(PyObject *));
        if (stack == NULL) return PyErr_NoMemory();
    }
    stack[1] = self;
    for (size_t i = 0; i < count; i++) stack[1 + extra + i] = PyTuple_GET_ITEM(args, (Py_ssize_t)i);
    size_t nargsf = (count + extra) | PY_VECTORCALL_ARGUMENTS_OFFSET;
    PyObject *value = keywords == NULL ? PyObject_Vectorcall(callable, stack + 1, nargsf, NULL)
                                       : PyObject_VectorcallDict(callable, stack + 1, nargsf, keywords);
    if (stack != small) PyMem_Free(stack);
    return value;
}

/* ---------------------------------------------------------------- outcome */

/* value has been put into *result, if it is wanted; takes it. Where there is none, or it could not be put, the
 * exception that is set becomes the result or, if nobody awaits that, ends the job. As py_outcome_take(). */
static int conclude_take(struct py_state *st, const struct py_method *method, bool awaited, bool wanted,
                         PyObject *value, struct chariot_msg **result) {
    char label[256];
    bool failed = value == NULL || (wanted && *result == NULL);
    Py_XDECREF(value);
    if (!failed) return 0;
    if (!awaited) {
        py_error_end_job(st, py_method_label(method, label, sizeof label));
        return 0;
    }
    PyObject *exc = py_error_fetch();
    bool exits = py_error_exits(st, exc);
    if (!exits) *result = py_message_put_error(st, exc, method);
    if (!exits && *result == NULL) PyErr_Clear(); /* the runtime will name the code */
    Py_DECREF(exc);
    return exits ? 0 : CHARIOT_EUSER;
}

int py_outcome_take(struct py_state *st, const struct py_method *method, const struct chariot_reply *reply,
                    PyObject *value, struct chariot_msg **result) {
    bool awaited = reply != NULL && reply->to != 0;
    bool wanted = awaited && reply->want_value && value != Py_None;
    *result = NULL;
    if (value != NULL && wanted)
        *result = py_message_put_value(st, value, st->local_msg_optim && chariot_reply_is_local(st->pe, reply));
    return conclude_take(st, method, awaited, wanted, value, result);
}

int py_outcome_wished_take(struct py_state *st, const struct py_method *method, enum py_task_wish wish, PyObject *value,
                           struct chariot_msg **result) {
    bool wanted = wish == PY_TASK_VALUE && value != Py_None;
    *result = value != NULL && wanted ? py_message_put_object(st, value, false) : NULL;
    return conclude_take(st, method, wish != PY_TASK_NOBODY, wanted, value, result);
}

void py_outcome_reply_take(struct py_state *st, const struct chariot_reply *reply, int code,
                           struct chariot_msg *result) {
    if (code < 0 && result == NULL) { /* not even the error could be written */
        PyErr_NoMemory();
        py_error_end_job(st, "a remote method");
    }
    if (reply->to != 0)
        chariot_reply_take(st->pe, reply, result);
    else
        chariot_msg_unref(result);
}

/* The bare function of a method takes its chare in front. */
static PyObject *self_of(const struct py_task *task) {
    return task->method->function != NULL ? task->chare : NULL;
}

static void complete(struct py_task *task) {
    struct py_state *st = task->st;
    struct chariot_elem *elem =
        task->role == PY_TASK_CONSTRUCTOR ? ((struct py_chare *)(void *)task->chare)->elem : NULL;
    if (elem != NULL) chariot_constructed(st->pe, elem);
    if (task->role == PY_TASK_OWNED)
        task->owner->ended(task->owner, task->result, task->code);
    else
        py_outcome_reply_take(st, &task->reply, task->code, task->result);
    task->result = NULL;
}

/* What the runtime refuses to a coroutine whose chare was destroyed meanwhile, and nobody waits to hear, is no error of
 * the program: it ends. */
static bool ends_with_its_chare(const struct py_task *task) {
    if (task->chare == NULL || task->role == PY_TASK_FREE || task->reply.to != 0) return false;
    return ((struct py_chare *)(void *)task->chare)->elem == NULL && PyErr_ExceptionMatches(task->st->error);
}

/* Takes value; NULL: the exception that is set. */
static void finish(struct py_task *task, PyObject *value) {
    if (value == NULL && ends_with_its_chare(task)) {
        PyErr_Clear();
        Py_INCREF(Py_None);
        value = Py_None;
    }
    const struct chariot_reply *reply = task->role == PY_TASK_METHOD ? &task->reply : NULL;
    task->code = task->role == PY_TASK_OWNED
                     ? py_outcome_wished_take(task->st, task->method, task->wish, value, &task->result)
                     : py_outcome_take(task->st, task->method, reply, value, &task->result);
    task->ended = true;
    if (!task->suspended) return; /* its starter takes the outcome */
    complete(task);
}

/* ---------------------------------------------------------------- greenlets */

/* Runs in a worker: one coroutine after another, parked in between. */
static PyObject *worker_main(PyObject *module, PyObject *ignored) {
    struct py_state *st = py_state_of_module(module);
    for (;;) {
        struct py_task *task = st->starting;
        struct py_worker *worker = task->worker;
        st->starting = NULL;
        finish(task, py_call(task->callable, self_of(task), task->args, task->keywords));
        if (st->num_free_workers >= PY_MAX_WORKERS) {
            worker->gone = true;
            Py_RETURN_NONE;
        }
        worker->next = st->free_workers;
        st->free_workers = worker;
        st->num_free_workers++;
        PyObject *back = PyGreenlet_Switch((PyGreenlet *)st->scheduler, NULL, NULL);
        if (back == NULL) return NULL; /* the interpreter ends */
        Py_DECREF(back);
    }
}

static PyMethodDef worker_def = {"coroutine", worker_main, METH_NOARGS, NULL};

static struct py_worker *worker_new(struct py_state *st) {
    struct py_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    PyObject *run = PyCFunction_New(&worker_def, st->module);
    if (run != NULL) worker->greenlet = PyGreenlet_New(run, (PyGreenlet *)st->scheduler);
    Py_XDECREF(run);
    if (worker->greenlet != NULL) return worker;
    free(worker);
    return NULL;
}

static struct py_worker *worker_take(struct py_state *st) {
    struct py_worker *worker = st->free_workers;
    if (worker == NULL) return worker_new(st);
    st->free_workers = worker->next;
    st->num_free_workers--;
    return worker;
}

/* From the scheduler into the task's greenlet, and back when it suspends or ends. */
static void run_greenlet(struct py_task *task) {
    struct py_state *st = task->st;
    st->current = task;
    PyObject *back = PyGreenlet_Switch(task->worker->greenlet, NULL, NULL);
    st->current = NULL;
    if (back == NULL) PyErr_WriteUnraisable(NULL);
    Py_XDECREF(back);
}

/* ---------------------------------------------------------------- async def */

static void resume(struct py_task *task);

static void on_ready(struct chariot_pe *pe, void *ctx) {
    resume(ctx);
}

/* ops: those of awaitable. */
static int wait_for(struct py_task *task, const struct py_awaitable_ops *ops, PyObject *awaitable) {
    task->waiter = (struct chariot_waiter){.fn = on_ready, .ctx = task};
    if (ops->wait(awaitable, &task->waiter) != 0) return -1;
    Py_INCREF(awaitable);
    Py_XSETREF(task->waits_for, awaitable);
    return 0;
}

static void forget(struct py_task *task) {
    py_awaitable_ops_of(task->st, task->waits_for)->forget(task->waits_for, &task->waiter);
}

enum py_wait_kind py_task_reason(const struct py_task *task, PyObject **about) {
    return py_awaitable_ops_of(task->st, task->waits_for)->reason(task->waits_for, about);
}

/* The coroutine object yielded something that is none of ours: ends it. */
static void refuse_yield(struct py_task *task, PyObject *yielded) {
    PyObject *closed = PyObject_CallMethod(task->coroutine, "close", NULL);
    if (closed == NULL) PyErr_WriteUnraisable(task->coroutine);
    Py_XDECREF(closed);
    PyErr_Format(PyExc_TypeError,
                 "a remote method can only await futures of the runtime, and what awaits those, not %s",
                 Py_TYPE(yielded)->tp_name);
    finish(task, NULL);
}

/* What a coroutine object returned; -1: it raised something else. */
static int returned(PyObject **value) {
    PyObject *stop;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return -1;
    stop = py_error_fetch();
    *value = PyObject_GetAttrString(stop, "value");
    Py_DECREF(stop);
    return *value == NULL ? -1 : 0;
}

/* Goes on with it: with what it waited for, or with the exception that is to be raised there. */
static PySendResult send_on(struct py_task *task, PyObject **out) {
    PyObject *exc = task->thrown;
    if (exc == NULL) return PyIter_Send(task->coroutine, Py_None, out);
    task->thrown = NULL;
    *out = PyObject_CallMethod(task->coroutine, "throw", "O", exc);
    Py_DECREF(exc);
    if (*out != NULL) return PYGEN_NEXT;
    return returned(out) == 0 ? PYGEN_RETURN : PYGEN_ERROR;
}

static void run_async(struct py_task *task) {
    struct py_state *st = task->st;
    PyObject *out = NULL;
    st->current = task;
    PySendResult sent = send_on(task, &out);
    const struct py_awaitable_ops *ops = sent == PYGEN_NEXT ? py_awaitable_ops_of(st, out) : NULL;
    if (sent == PYGEN_RETURN)
        finish(task, out);
    else if (sent == PYGEN_ERROR)
        finish(task, NULL);
    else if (ops == NULL)
        refuse_yield(task, out);
    else if (wait_for(task, ops, out) != 0)
        finish(task, NULL);
    if (sent == PYGEN_NEXT) Py_DECREF(out);
    st->current = NULL;
}

/* Its chare's time, unless that is gone. */
static void resume_begin(const struct py_task *task) {
    struct py_chare *chare = (struct py_chare *)(void *)task->chare;
    chariot_resume_begin(task->st->pe, chare == NULL ? NULL : chare->elem, &task->activity);
}

static void resume(struct py_task *task) {
    Py_CLEAR(task->waits_for);
    chariot_timer_stop(task->st->pe, &task->alarm);
    struct py_state *st = task->st;
    resume_begin(task);
    if (task->worker != NULL)
        run_greenlet(task);
    else
        run_async(task);
    chariot_resume_end(st->pe);
    struct py_chare *chare = (struct py_chare *)(void *)task->chare;
    Py_XINCREF(chare); /* the task may have been the last to hold it */
    bool ended = task->ended;
    if (ended) task_free(task);
    if (chare != NULL) py_pending_settle(chare);
    if (chare != NULL && ended) py_move_again(chare);
    Py_XDECREF(chare);
}

/* ---------------------------------------------------------------- start */

static int prepare(struct py_task *task, PyObject *callable, PyObject *args, PyObject *keywords) {
    struct py_state *st = task->st;
    if (task->method->kind == PY_ASYNC) {
        task->coroutine = py_call(callable, self_of(task), args, keywords);
        if (task->coroutine == NULL) return -1;
        return 0;
    }
    task->worker = worker_take(st);
    if (task->worker == NULL) return -1;
    Py_INCREF(callable);
    task->callable = callable;
    Py_INCREF(args);
    task->args = args;
    Py_XINCREF(keywords);
    task->keywords = keywords;
    return 0;
}

static void first_slice(struct py_task *task) {
    if (task->coroutine != NULL) {
        run_async(task);
    } else {
        task->st->starting = task;
        run_greenlet(task);
    }
}

/* A new task's first slice; takes it where it ends there. */
static int start(struct py_task *task, PyObject *callable, PyObject *args, PyObject *keywords,
                 struct chariot_msg **result) {
    if (prepare(task, callable, args, keywords) != 0)
        finish(task, NULL);
    else
        first_slice(task);
    if (!task->ended) {
        task->suspended = true;
        count(task, 1);
        chariot_activity_now(task->st->pe, &task->activity);
        return CHARIOT_LATER;
    }
    int code = task->code;
    *result = task->result;
    task_free(task);
    return code;
}

int py_task_start(struct py_state *st, enum py_task_role role, const struct py_method *method, PyObject *callable,
                  PyObject *chare, PyObject *args, PyObject *keywords, const struct chariot_reply *reply,
                  struct chariot_msg **result) {
    *result = NULL;
    struct py_task *task = task_new(st);
    if (task == NULL) return py_outcome_take(st, method, reply, NULL, result);
    task->role = role;
    task->method = method;
    Py_XINCREF(chare);
    task->chare = chare;
    if (reply != NULL) task->reply = *reply;
    return start(task, callable, args, keywords, result);
}

int py_task_start_owned(struct py_state *st, struct py_task_owner *owner, enum py_task_wish wish,
                        const struct py_method *method, PyObject *callable, PyObject *args, PyObject *keywords,
                        struct chariot_msg **result) {
    *result = NULL;
    struct py_task *task = task_new(st);
    if (task == NULL) return py_outcome_wished_take(st, method, wish, NULL, result);
    task->role = PY_TASK_OWNED;
    task->method = method;
    task->owner = owner;
    task->wish = wish;
    return start(task, callable, args, keywords, result);
}

/* ---------------------------------------------------------------- waiting */

static void on_alarm(struct chariot_pe *pe, void *ctx) {
    struct py_task *task = ctx;
    task->timed_out = true;
    forget(task);
    resume(task);
}

void py_task_throw(struct py_task *task, PyObject *exc) {
    Py_INCREF(exc);
    Py_XSETREF(task->thrown, exc);
    forget(task);
    resume(task);
}

bool py_task_cancel(struct py_state *st, PyObject *chare, uint64_t call, PyObject *exc) {
    for (struct py_task *task = st->live; task != NULL; task = task->next) {
        if (task->chare != chare || task->role != PY_TASK_METHOD || task->reply.call != call) continue;
        if (task->waits_for == NULL) continue;
        py_task_throw(task, exc);
        return true;
    }
    return false;
}

static int raise_thrown(struct py_task *task) {
    PyObject *exc = task->thrown;
    task->thrown = NULL;
    py_error_raise(exc);
    Py_DECREF(exc);
    return -1;
}

int py_task_wait(struct py_state *st, PyObject *awaitable, int64_t timeout_ns) {
    struct py_task *task = st->current;
    if (task == NULL || task->worker == NULL) return py_task_not_threaded(st);
    task->timed_out = false;
    int rc = timeout_ns < 0 ? 0 : chariot_timer_start(st->pe, &task->alarm, timeout_ns, on_alarm, task);
    if (rc != 0) return py_raise_code(st, rc, "setting a timeout");
    if (wait_for(task, py_awaitable_ops_of(st, awaitable), awaitable) != 0) {
        chariot_timer_stop(st->pe, &task->alarm);
        return -1;
    }
    PyObject *left = py_bridge_leave(st);
    PyObject *back = PyGreenlet_Switch((PyGreenlet *)st->scheduler, NULL, NULL);
    py_bridge_enter(st, left);
    if (back == NULL) { /* thrown into: the interpreter ends */
        forget(task);
        return -1;
    }
    Py_DECREF(back);
    if (task->thrown != NULL) return raise_thrown(task);
    if (!task->timed_out) return 0;
    PyErr_SetString(PyExc_TimeoutError, "what was waited for was not ready in time");
    return -1;
}

PyObject *py_task_suspended(const struct py_task *task) {
    return task->worker == NULL ? task->coroutine : (PyObject *)task->worker->greenlet;
}

struct py_task *py_task_newer(const struct py_task *task) {
    if (task->prev == &task->st->live) return NULL;
    return (struct py_task *)(void *)((char *)task->prev - offsetof(struct py_task, next));
}

bool py_task_awaits(struct py_state *st) {
    if (st->current == NULL) return false;
    return st->current->worker == NULL || py_bridge_has_loop(st);
}

int py_task_not_threaded(struct py_state *st) {
    char label[256];
    if (st->current != NULL) {
        PyErr_Format(st->not_threaded_error,
                     "%s() is an async method: write `await future` instead of waiting by a call "
                     "(with a time limit: `await charm.wait([future], timeout=...)`)",
                     py_method_label(st->current->method, label, sizeof label));
    } else if (st->running != NULL) {
        PyErr_Format(st->not_threaded_error,
                     "%s() cannot wait: it is not a coroutine. Decorate it with @coro (from chariot import coro)",
                     py_method_label(st->running, label, sizeof label));
    } else {
        PyErr_SetString(st->not_threaded_error,
                        "only coroutines can wait, and no coroutine runs here: decorate the function with @coro");
    }
    return -1;
}

/* ---------------------------------------------------------------- life */

int py_task_become_scheduler(struct py_state *st) {
    if (_PyGreenlet_API == NULL) PyGreenlet_Import();
    if (_PyGreenlet_API == NULL) return -1;
    st->scheduler = (struct _greenlet *)PyGreenlet_GetCurrent();
    return st->scheduler == NULL ? -1 : 0;
}
