/* Members are registered when the waiting begins, and forgotten when the object goes: a loop that is left early leaves
 * nothing behind. */
#include "python/several.h"

#include <stdlib.h>
#include <string.h>

#include "python/charm.h"
#include "python/number.h"
#include "python/task.h"

struct member {
    struct py_several *of;
    PyObject *object; /* owned; NULL once it was yielded */
    const struct py_awaitable_ops *ops;
    struct chariot_waiter waiter;
    struct member *next; /* among the ready ones */
    bool waiting;        /* waiter is registered */
};

struct py_several {
    PyObject_HEAD struct py_state *st;
    struct member *members;            /* owned */
    Py_ssize_t num, left;              /* left: not yet yielded */
    struct member *ready, **ready_end; /* in order of arrival, not yet yielded */
    struct chariot_waiter *outer;      /* of the coroutine that waits for this; NULL: none */
    enum py_wait_kind kind;
    int64_t timeout_ns; /* negative: none */
    struct chariot_timer alarm;
    bool all;     /* wait(): ready when all members are */
    bool started; /* members were asked */
    bool late;    /* the timeout has passed */
    bool owed;    /* an async def has been given it and has not awaited it */
};

static struct py_several *as_several(PyObject *object) {
    return (struct py_several *)(void *)object;
}

/* ---------------------------------------------------------------- members */

static void make_ready(struct member *member) {
    struct py_several *several = member->of;
    member->next = NULL;
    *several->ready_end = member;
    several->ready_end = &member->next;
}

/* The next one that is ready, in order of arrival: its object, a reference given. NULL: none. */
static PyObject *take_ready(struct py_several *several) {
    struct member *member = several->ready;
    if (member == NULL) return NULL;
    several->ready = member->next;
    if (several->ready == NULL) several->ready_end = &several->ready;
    several->left--;
    PyObject *object = member->object;
    member->object = NULL;
    return object;
}

static void take_all_ready(struct py_several *several) {
    for (PyObject *object; (object = take_ready(several)) != NULL;) Py_DECREF(object);
}

static bool has_come(struct py_several *several) {
    if (several->all) take_all_ready(several);
    return several->left == 0 || several->ready != NULL || several->late;
}

/* Whoever waits goes on; it may drop the object. */
static void wake(struct chariot_pe *pe, struct py_several *several) {
    struct chariot_waiter *outer = several->outer;
    if (outer == NULL || !has_come(several)) return;
    several->outer = NULL;
    chariot_timer_stop(pe, &several->alarm);
    outer->fn(pe, outer->ctx);
}

static void on_member(struct chariot_pe *pe, void *ctx) {
    struct member *member = ctx;
    member->waiting = false;
    make_ready(member);
    wake(pe, member->of);
}

static int ask(struct member *member) {
    if (member->ops->ready(member->object)) {
        make_ready(member);
        return 0;
    }
    member->waiter = (struct chariot_waiter){.fn = on_member, .ctx = member};
    if (member->ops->wait(member->object, &member->waiter) != 0) return -1;
    member->waiting = true;
    return 0;
}

static void on_alarm(struct chariot_pe *pe, void *ctx) {
    struct py_several *several = ctx;
    several->late = true;
    wake(pe, several);
}

static int set_alarm(struct py_several *several) {
    int rc = chariot_timer_start(several->st->pe, &several->alarm, several->timeout_ns, on_alarm, several);
    return rc == 0 ? 0 : py_raise_code(several->st, rc, "setting a timeout");
}

/* Asks all members. -1 with an exception set. */
static int start(struct py_several *several) {
    if (several->started) return 0;
    several->started = true;
    for (Py_ssize_t i = 0; i < several->num; i++) {
        if (ask(&several->members[i]) != 0) return -1;
    }
    return several->timeout_ns < 0 || has_come(several) ? 0 : set_alarm(several);
}

/* ---------------------------------------------------------------- making */

static PyObject *no_awaitable(PyObject *object, const char *what) {
    return PyErr_Format(PyExc_TypeError, "%s takes futures and channels, not %s", what, Py_TYPE(object)->tp_name);
}

/* A list of awaitables, each once. New reference. */
static PyObject *read_list(struct py_state *st, PyObject *awaitables, const char *what) {
    if (PyObject_Size(awaitables) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) return NULL;
        return PyErr_Format(PyExc_TypeError, "%s takes a list of awaitables, or another collection with len(), not %s",
                            what, Py_TYPE(awaitables)->tp_name);
    }
    PyObject *list = PyList_New(0), *seen = PySet_New(NULL), *each = PyObject_GetIter(awaitables);
    bool good = list != NULL && seen != NULL && each != NULL;
    for (PyObject *object; good && (object = PyIter_Next(each)) != NULL; Py_DECREF(object)) {
        const struct py_awaitable_ops *ops = py_awaitable_ops_of(st, object);
        if (ops == NULL || !ops->member) no_awaitable(object, what);
        int known = PyErr_Occurred() ? -1 : PySet_Contains(seen, object);
        good = known > 0 || (known == 0 && PySet_Add(seen, object) == 0 && PyList_Append(list, object) == 0);
    }
    if (PyErr_Occurred()) Py_CLEAR(list);
    Py_XDECREF(seen);
    Py_XDECREF(each);
    return list;
}

static struct py_several *make(struct py_state *st, PyTypeObject *type, PyObject *list, bool all) {
    struct py_several *several = PyObject_New(struct py_several, type);
    if (several == NULL) return NULL;
    memset((char *)several + sizeof(PyObject), 0, sizeof *several - sizeof(PyObject));
    several->st = st;
    several->kind = PY_WAIT_ANY;
    several->timeout_ns = -1;
    several->all = all;
    several->ready_end = &several->ready;
    several->members = calloc((size_t)PyList_GET_SIZE(list) + 1, sizeof *several->members);
    if (several->members == NULL) {
        Py_DECREF(several);
        PyErr_NoMemory();
        return NULL;
    }
    several->num = several->left = PyList_GET_SIZE(list);
    for (Py_ssize_t i = 0; i < several->num; i++) {
        PyObject *object = PyList_GET_ITEM(list, i);
        Py_INCREF(object);
        several->members[i] = (struct member){.of = several, .object = object, .ops = py_awaitable_ops_of(st, object)};
    }
    return several;
}

/* Waits for nothing any more, and holds nothing. */
static void let_go(struct py_several *several) {
    struct member *members = several->members;
    Py_ssize_t num = several->num;
    several->members = NULL;
    several->num = several->left = 0;
    several->ready = NULL;
    several->ready_end = &several->ready;
    for (Py_ssize_t i = 0; i < num; i++) {
        struct member *member = &members[i];
        if (member->waiting && several->st->pe != NULL) member->ops->forget(member->object, &member->waiter);
        Py_XDECREF(member->object);
    }
    free(members);
}

static void several_dealloc(PyObject *self) {
    struct py_several *several = as_several(self);
    PyTypeObject *type = Py_TYPE(self);
    if (several->owed)
        py_warn_not_awaited(several->st, several->kind == PY_WAIT_CREATION ? "charm.awaitCreation" : "charm.wait");
    let_go(several);
    if (several->st->pe != NULL) chariot_timer_stop(several->st->pe, &several->alarm);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- as an awaitable */

static bool is_ready(PyObject *self) {
    struct py_several *several = as_several(self);
    several->owed = false;
    if (start(several) != 0) return true; /* result() raises what is set */
    return has_come(several);
}

static int add_waiter(PyObject *self, struct chariot_waiter *waiter) {
    struct py_several *several = as_several(self);
    if (several->outer != NULL) {
        PyErr_SetString(several->st->error, "another coroutine waits for the same wait() or iwait() already");
        return -1;
    }
    several->outer = waiter;
    return 0;
}

static void forget_waiter(PyObject *self, struct chariot_waiter *waiter) {
    if (as_several(self)->outer == waiter) as_several(self)->outer = NULL;
}

static PyObject *too_late(struct py_several *several) {
    return PyErr_Format(PyExc_TimeoutError, "%zd of %zd were not ready in time", several->left, several->num);
}

static PyObject *wait_result(PyObject *self) {
    if (PyErr_Occurred()) return NULL;
    if (as_several(self)->left > 0) return too_late(as_several(self));
    Py_RETURN_NONE;
}

/* The next one; at the end NULL, with `at_end` raised or nothing. */
static PyObject *next_result(struct py_several *several, PyObject *at_end) {
    if (PyErr_Occurred()) return NULL;
    PyObject *object = take_ready(several);
    if (object == NULL && at_end != NULL) PyErr_SetNone(at_end);
    return object;
}

static PyObject *iwait_result(PyObject *self) {
    return next_result(as_several(self), PyExc_StopAsyncIteration);
}

/* What its members say they stand for, of those that have not come. */
static enum py_wait_kind reason(PyObject *self, PyObject **about) {
    struct py_several *several = as_several(self);
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < several->num; i++) {
        struct member *member = &several->members[i];
        PyObject *each = NULL;
        if (member->object == NULL) continue;
        member->ops->reason(member->object, &each);
        if (PyList_Append(list, each == NULL ? Py_None : each) != 0) Py_CLEAR(list);
        Py_XDECREF(each);
    }
    if (list == NULL) PyErr_Clear();
    *about = list;
    return several->kind;
}

static const struct py_awaitable_ops wait_ops = {
    .ready = is_ready, .wait = add_waiter, .forget = forget_waiter, .result = wait_result, .reason = reason};
static const struct py_awaitable_ops iwait_ops = {
    .ready = is_ready, .wait = add_waiter, .forget = forget_waiter, .result = iwait_result, .reason = reason};

/* ---------------------------------------------------------------- wait */

/* Takes several; NULL passes. */
static PyObject *wait_take(struct py_state *st, struct py_several *several) {
    if (several == NULL) return NULL;
    PyObject *self = (PyObject *)several;
    if (py_task_awaits(st)) {
        several->owed = true;
        return self;
    }
    PyObject *result = is_ready(self) || py_task_wait(st, self, -1) == 0 ? wait_result(self) : NULL;
    Py_DECREF(self);
    return result;
}

PyObject *py_several_wait(struct py_state *st, PyObject *list, enum py_wait_kind kind) {
    struct py_several *several = make(st, st->wait_type, list, true);
    if (several != NULL) several->kind = kind;
    return wait_take(st, several);
}

const char py_charm_wait_doc[] =
    "wait($self, /, awaitables, timeout=None)\n--\n\n"
    "Waits until each of these futures and channels has been ready, for at most timeout seconds (then TimeoutError).\n"
    "In an async def: await charm.wait(...).";

PyObject *py_charm_wait(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"awaitables", "timeout", NULL};
    PyObject *awaitables, *timeout = NULL;
    struct py_state *st = py_state_of(self);
    int64_t timeout_ns;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:wait", names, &awaitables, &timeout)) return NULL;
    if (py_state_running(st) == NULL || py_timeout_read(timeout, "charm.wait(): timeout", &timeout_ns) != 0)
        return NULL;
    PyObject *list = read_list(st, awaitables, "wait()");
    if (list == NULL) return NULL;
    struct py_several *several = make(st, st->wait_type, list, true);
    Py_DECREF(list);
    if (several != NULL) several->timeout_ns = timeout_ns;
    return wait_take(st, several);
}

/* ---------------------------------------------------------------- iwait */

const char py_charm_iwait_doc[] =
    "iwait($self, awaitables, /)\n--\n\n"
    "Iterates over these futures and channels as they become ready: first those that are, in the order given, then in\n"
    "order of arrival; each once. The body of the loop may wait. In an async def: async for x in charm.iwait(...).";

PyObject *py_charm_iwait(PyObject *self, PyObject *awaitables) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    PyObject *list = read_list(st, awaitables, "iwait()");
    if (list == NULL) return NULL;
    PyObject *several = (PyObject *)make(st, st->iwait_type, list, false);
    Py_DECREF(list);
    return several;
}

static PyObject *iwait_next(PyObject *self) {
    struct py_several *several = as_several(self);
    if (py_state_running(several->st) == NULL) return NULL;
    if (!is_ready(self) && py_task_wait(several->st, self, -1) != 0) return NULL;
    return next_result(several, NULL);
}

static PyObject *iwait_anext(PyObject *self) {
    Py_INCREF(self);
    return self;
}

/* As a generator's: the loop was left for good. */
static PyObject *iwait_close(PyObject *self, PyObject *ignored) {
    struct py_several *several = as_several(self);
    if (py_state_running(several->st) == NULL) return NULL;
    if (several->outer != NULL) return PyErr_Format(PyExc_ValueError, "a coroutine waits in this iwait()");
    let_go(several);
    Py_RETURN_NONE;
}

static PyMethodDef iwait_methods[] = {
    {"close", iwait_close, METH_NOARGS, PyDoc_STR("close($self, /)\n--\n\nLets go of what has not come.")},
    {NULL, NULL, 0, NULL},
};

/* ---------------------------------------------------------------- types */

static PyObject *await_iter(PyObject *self) {
    return py_awaitable_iter(as_several(self)->st, self);
}

static PyType_Slot wait_slots[] = {{Py_tp_dealloc, several_dealloc}, {Py_am_await, await_iter}, {0, NULL}};
static PyType_Spec wait_spec = {.name = "chariot._core._Wait",
                                .basicsize = sizeof(struct py_several),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = wait_slots};
static PyType_Slot iwait_slots[] = {{Py_tp_dealloc, several_dealloc}, {Py_tp_methods, iwait_methods},
                                    {Py_tp_iter, PyObject_SelfIter},  {Py_tp_iternext, iwait_next},
                                    {Py_am_await, await_iter},        {Py_am_aiter, PyObject_SelfIter},
                                    {Py_am_anext, iwait_anext},       {0, NULL}};
static PyType_Spec iwait_spec = {.name = "chariot._core._Iwait",
                                 .basicsize = sizeof(struct py_several),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = iwait_slots};

int py_several_init(struct py_state *st, PyObject *module) {
    st->wait_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &wait_spec, NULL);
    st->iwait_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &iwait_spec, NULL);
    if (st->wait_type == NULL || st->iwait_type == NULL) return -1;
    py_awaitable_register(st, st->wait_type, &wait_ops);
    py_awaitable_register(st, st->iwait_type, &iwait_ops);
    return 0;
}
