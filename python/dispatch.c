#include "python/dispatch.h"

#include "python/channel.h"
#include "python/chare.h"
#include "python/charm.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/pending.h"
#include "python/task.h"

/* What to call: the function with the chare in front, or what the chare's attribute gives. New references. */
static PyObject *callable_of(const struct py_method *method, PyObject *chare, PyObject **self) {
    *self = method->function == NULL ? NULL : chare;
    if (method->function == NULL) return PyObject_GetAttr(chare, method->name);
    Py_INCREF(method->function);
    return method->function;
}

static int run(struct py_state *st, enum py_task_role role, const struct py_method *method, PyObject *chare,
               PyObject *args, PyObject *keywords, const struct chariot_reply *reply, struct chariot_msg **result) {
    PyObject *self;
    PyObject *callable = callable_of(method, chare, &self);
    if (callable == NULL) return py_outcome_take(st, method, reply, NULL, result);
    int rc;
    if (method->kind == PY_PLAIN) {
        st->running = method;
        PyObject *value = py_call(callable, self, args, keywords);
        st->running = NULL;
        rc = py_outcome_take(st, method, reply, value, result);
    } else {
        rc = py_task_start(st, role, method, callable, chare, args, keywords, reply, result);
    }
    Py_DECREF(callable);
    return rc;
}

int py_dispatch_run(struct py_state *st, const struct py_method *method, PyObject *chare, PyObject *args,
                    PyObject *keywords, const struct chariot_reply *reply, struct chariot_msg **result) {
    struct py_chare *self = (struct py_chare *)(void *)chare;
    struct chariot_activity activity;
    chariot_activity_of(self->elem, (uint32_t)(method - self->cls->methods), &activity);
    chariot_resume_begin(st->pe, self->elem, &activity);
    int rc = run(st, PY_TASK_METHOD, method, chare, args, keywords, reply, result);
    chariot_resume_end(st->pe);
    return rc;
}

/* A foreign program's channel comes before its other arguments. */
static int put_channel(struct py_state *st, struct chariot_channel *end, PyObject **args) {
    Py_ssize_t count = PyTuple_GET_SIZE(*args);
    PyObject *channel = py_channel_of_client(st, end), *all = channel == NULL ? NULL : PyTuple_New(count + 1);
    if (all == NULL) {
        Py_XDECREF(channel);
        return -1;
    }
    PyTuple_SET_ITEM(all, 0, channel);
    for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(*args, i)));
    Py_SETREF(*args, all);
    return 0;
}

static int read_args(struct py_state *st, const struct chariot_call *call, PyObject **args, PyObject **keywords) {
    if (py_message_args(st, call->args, args, keywords) != 0) return -1;
    if (call->channel == NULL || put_channel(st, call->channel, args) == 0) return 0;
    Py_DECREF(*args);
    Py_XDECREF(*keywords);
    return -1;
}

int py_dispatch_invoke(struct chariot_call *call) {
    struct py_chare *chare = call->object;
    const struct py_method *method = &chare->cls->methods[call->method];
    struct py_state *st = chare->cls->st;
    PyObject *args, *keywords;
    if (read_args(st, call, &args, &keywords) != 0)
        return py_outcome_take(st, method, &call->reply, NULL, &call->result);
    if (keywords != NULL && py_bind_received(st, method, &args, &keywords) != 0) {
        Py_DECREF(args);
        Py_DECREF(keywords);
        return py_outcome_take(st, method, &call->reply, NULL, &call->result);
    }
    Py_INCREF(chare); /* the method may destroy it */
    int rc;
    if (method->when == NULL ||
        !py_pending_keeps(chare, method, &(struct py_arguments){args, keywords}, &call->reply, &rc, &call->result)) {
        rc = run(st, PY_TASK_METHOD, method, (PyObject *)chare, args, keywords, &call->reply, &call->result);
        py_pending_settle(chare);
    }
    Py_DECREF(chare);
    Py_DECREF(args);
    Py_XDECREF(keywords);
    return rc;
}

/* ---------------------------------------------------------------- life of a chare */

static const struct py_method *constructor_of(struct py_state *st, struct py_class *cls, struct chariot_elem *elem) {
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    return ref.kind == CHARIOT_MAIN ? st->entry_method : &cls->init;
}

static int construct(struct py_state *st, struct py_class *cls, struct py_chare *chare, struct chariot_msg *msg) {
    const struct py_method *init = constructor_of(st, cls, chare->elem);
    PyObject *args, *keywords;
    struct chariot_msg *result = NULL;
    if (py_message_args(st, msg, &args, &keywords) != 0) return py_outcome_take(st, init, NULL, NULL, &result);
    int rc = run(st, PY_TASK_CONSTRUCTOR, init, (PyObject *)chare, args, keywords, NULL, &result);
    py_pending_settle(chare);
    chariot_msg_unref(result);
    if (init == st->entry_method) py_readonlies_send(st);
    Py_DECREF(args);
    Py_XDECREF(keywords);
    return rc;
}

int py_dispatch_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    struct py_class *cls = type->ctx;
    struct py_chare *chare = py_chare_alloc(cls, elem);
    if (chare == NULL) {
        py_error_end_job(cls->st, "a constructor");
        return CHARIOT_EUSER;
    }
    *object = chare;
    return cls->has_init ? construct(cls->st, cls, chare, args) : 0;
}

void py_dispatch_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct py_chare *chare = object;
    chare->elem = NULL;
    py_pending_drop(chare);
    Py_DECREF(chare);
}

/* asyncio's, which is what its libraries know, and what `except Exception` lets pass. */
static PyObject *cancelled_error(void) {
    PyObject *module = PyImport_ImportModule("asyncio");
    PyObject *error = module == NULL
                          ? NULL
                          : PyObject_CallMethod(module, "CancelledError", "s", "nobody waits for this call any more");
    Py_XDECREF(module);
    return error;
}

void py_dispatch_cancel(struct chariot_pe *pe, const struct chariot_type *type, void *object, uint64_t call) {
    struct py_chare *chare = object;
    struct py_state *st = ((const struct py_class *)type->ctx)->st;
    if (chare == NULL) return;
    PyObject *error = cancelled_error();
    if (error == NULL) {
        PyErr_WriteUnraisable((PyObject *)chare);
        return;
    }
    Py_INCREF(chare);
    if (!py_task_cancel(st, (PyObject *)chare, call, error)) (void)py_pending_cancel(chare, call, error);
    Py_DECREF(chare);
    Py_DECREF(error);
}
