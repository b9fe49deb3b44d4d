#include "python/condition_wait.h"

#include "python/errors.h"
#include "python/pending.h"
#include "python/task.h"

struct py_condition_wait {
    PyObject_HEAD struct py_chare *chare; /* owned */
    struct py_condition *condition;       /* owned */
    struct py_entry *entry;               /* among what is pending at the chare, while waiter is set */
    struct chariot_waiter *waiter;        /* of the coroutine */
    PyObject *error;                      /* the condition failed; owned */
    bool fired;                           /* it held, or failed */
    bool owed;                            /* an async def has been given it and has not awaited it */
};

static struct py_condition_wait *as_wait(PyObject *object) {
    return (struct py_condition_wait *)(void *)object;
}

/* ---------------------------------------------------------------- firing */

static struct chariot_waiter *fired(struct py_condition_wait *wait, PyObject *error) {
    struct chariot_waiter *waiter = wait->waiter;
    wait->fired = true;
    wait->error = error;
    wait->entry = NULL;
    wait->waiter = NULL;
    return waiter;
}

void py_condition_wait_fire(struct py_condition_wait *wait, PyObject *error) {
    struct py_state *st = wait->chare->cls->st;
    struct chariot_waiter *waiter = fired(wait, error);
    waiter->fn(st->pe, waiter->ctx);
}

void py_condition_wait_fire_soon(struct py_condition_wait *wait, PyObject *error) {
    struct py_state *st = wait->chare->cls->st;
    struct chariot_waiter *waiter = fired(wait, error);
    if (chariot_post(st->pe, waiter->fn, waiter->ctx) != 0) waiter->fn(st->pe, waiter->ctx);
}

void py_condition_wait_orphan(struct py_condition_wait *wait) {
    wait->entry = NULL;
    wait->waiter = NULL;
}

/* ---------------------------------------------------------------- as an awaitable */

static bool is_ready(PyObject *self) {
    struct py_condition_wait *wait = as_wait(self);
    wait->owed = false;
    if (wait->fired) return true;
    int holds = py_condition_holds(wait->condition, (PyObject *)wait->chare, NULL);
    if (holds < 0) wait->error = py_error_fetch();
    wait->fired = holds != 0;
    return wait->fired;
}

static int add_waiter(PyObject *self, struct chariot_waiter *waiter) {
    struct py_condition_wait *wait = as_wait(self);
    if (wait->waiter != NULL) {
        PyErr_SetString(wait->chare->cls->st->error, "another coroutine awaits the same self.wait() already");
        return -1;
    }
    if (py_chare_elem((PyObject *)wait->chare) == NULL) return -1; /* nobody would look at it any more */
    wait->entry = py_pending_add_wait(wait->chare, wait->condition, wait);
    if (wait->entry == NULL) return -1;
    wait->waiter = waiter;
    return 0;
}

static void forget_waiter(PyObject *self, struct chariot_waiter *waiter) {
    struct py_condition_wait *wait = as_wait(self);
    if (wait->waiter != waiter) return;
    py_pending_remove(wait->chare, wait->entry);
    py_condition_wait_orphan(wait);
}

/* Other tasks may make the condition false again; an error stays. */
static void lapse(PyObject *self) {
    as_wait(self)->fired = as_wait(self)->error != NULL;
}

static PyObject *result(PyObject *self) {
    struct py_condition_wait *wait = as_wait(self);
    if (wait->error == NULL) Py_RETURN_NONE;
    return py_error_raise(wait->error);
}

static enum py_wait_kind reason(PyObject *self, PyObject **about) {
    *about = as_wait(self)->condition->text;
    Py_INCREF(*about);
    return PY_WAIT_CONDITION;
}

static const struct py_awaitable_ops awaitable_ops = {
    .ready = is_ready, .wait = add_waiter, .forget = forget_waiter, .lapse = lapse, .result = result, .reason = reason};

/* ---------------------------------------------------------------- self.wait() */

const char py_chare_wait_doc[] =
    "wait($self, condition, /)\n--\n\n"
    "Suspends the coroutine until the condition holds: an expression over self and the module's globals, as a string.\n"
    "It is looked at whenever a method of this chare has run. In an async def: await self.wait(...).";

static struct py_condition_wait *wait_new(PyObject *chare, PyObject *text) {
    struct py_class *cls = ((struct py_chare *)(void *)chare)->cls;
    struct py_condition *condition = py_condition_of_wait(cls, text);
    if (condition == NULL) return NULL;
    struct py_condition_wait *wait = PyObject_New(struct py_condition_wait, cls->st->condition_wait_type);
    if (wait == NULL) {
        Py_DECREF(condition);
        return NULL;
    }
    Py_INCREF(chare);
    wait->chare = (struct py_chare *)(void *)chare;
    wait->condition = condition;
    wait->entry = NULL;
    wait->waiter = NULL;
    wait->error = NULL;
    wait->fired = wait->owed = false;
    return wait;
}

PyObject *py_chare_wait(PyObject *chare, PyObject *text) {
    if (py_chare_elem(chare) == NULL) return NULL;
    struct py_state *st = ((struct py_chare *)(void *)chare)->cls->st;
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    PyObject *wait = (PyObject *)wait_new(chare, text);
    if (wait == NULL) return NULL;
    if (py_task_awaits(st)) {
        as_wait(wait)->owed = true;
        return wait;
    }
    PyObject *done = is_ready(wait) || py_task_wait(st, wait, -1) == 0 ? result(wait) : NULL;
    Py_DECREF(wait);
    return done;
}

/* ---------------------------------------------------------------- type */

static PyObject *await_iter(PyObject *self) {
    return py_awaitable_iter(as_wait(self)->chare->cls->st, self);
}

static void wait_dealloc(PyObject *self) {
    struct py_condition_wait *wait = as_wait(self);
    PyTypeObject *type = Py_TYPE(self);
    if (wait->owed) py_warn_not_awaited(wait->chare->cls->st, "self.wait");
    Py_DECREF(wait->chare);
    Py_DECREF(wait->condition);
    Py_XDECREF(wait->error);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot wait_slots[] = {{Py_tp_dealloc, wait_dealloc}, {Py_am_await, await_iter}, {0, NULL}};
static PyType_Spec wait_spec = {.name = "chariot._core._ConditionWait",
                                .basicsize = sizeof(struct py_condition_wait),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = wait_slots};

int py_condition_wait_init(struct py_state *st, PyObject *module) {
    st->condition_wait_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &wait_spec, NULL);
    if (st->condition_wait_type == NULL) return -1;
    py_awaitable_register(st, st->condition_wait_type, &awaitable_ops);
    return 0;
}
