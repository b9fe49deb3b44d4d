#include "python/channel.h"

#include <structmember.h>

#include "python/chare.h"
#include "python/message.h"
#include "python/proxy.h"
#include "python/task.h"

struct py_channel {
    PyObject_HEAD struct py_state *st; /* borrowed */
    struct chariot_channel *end;       /* owned while st->pe is open */
    PyObject *remote;                  /* proxy, or None where a foreign program has the other end; owned */
    PyObject *weakrefs;
};

/* What recv() waits for, or send(). */
struct channel_wait {
    PyObject_HEAD struct py_channel *channel; /* owned */
    enum chariot_channel_event event;
    bool iterates; /* the end of what comes is the end of the iteration */
};

static struct py_channel *as_channel(PyObject *object) {
    return (struct py_channel *)(void *)object;
}

static struct channel_wait *as_wait(PyObject *object) {
    return (struct channel_wait *)(void *)object;
}

/* ---------------------------------------------------------------- making */

/* 0; -1 with an exception set: remote is no proxy of one chare. */
static int check_single(struct py_state *st, PyObject *proxy, const char *name) {
    if (!py_proxy_check(st, proxy)) {
        PyErr_Format(PyExc_TypeError, "Channel(): %s must be a proxy, not %s", name, Py_TYPE(proxy)->tp_name);
        return -1;
    }
    const struct py_proxy *at = (struct py_proxy *)(void *)proxy;
    if (at->ref.whole) {
        PyErr_Format(PyExc_ValueError,
                     "Channel(): %s must refer to one chare, and %R is of a whole collection: index it, as in proxy[i]",
                     name, proxy);
        return -1;
    }
    if (at->cls != st->runtime_class) return 0;
    PyErr_Format(PyExc_ValueError, "Channel(): %s is the runtime itself, which has no channels", name);
    return -1;
}

/* `local` may be another proxy than thisProxy gives, but of the same chare. */
static int check_local(struct py_state *st, struct chariot_elem *elem, PyObject *local) {
    if (local == Py_None) return 0;
    if (check_single(st, local, "local") != 0) return -1;
    struct chariot_ref self;
    chariot_elem_ref(elem, &self);
    if (chariot_ref_equal(&self, &((struct py_proxy *)(void *)local)->ref)) return 0;
    PyErr_Format(PyExc_ValueError, "Channel(): local must be a proxy of the chare itself, and %R is of another", local);
    return -1;
}

static struct chariot_elem *check_chare(struct py_state *st, PyObject *chare) {
    if (PyObject_TypeCheck(chare, st->chare_type)) return py_chare_elem(chare);
    PyErr_Format(PyExc_TypeError, "Channel(): the first argument is the chare that makes it (self), not %s",
                 py_proxy_check(st, chare) ? "a proxy of it" : Py_TYPE(chare)->tp_name);
    return NULL;
}

static void free_channel(struct py_channel *self) {
    PyTypeObject *type = Py_TYPE(self);
    if (self->st->pe != NULL) chariot_channel_unref(self->end);
    PyObject_Free(self);
    Py_DECREF(type);
}

static void let_strays_go(struct py_state *st) {
    while (st->stray_channels != NULL) {
        struct py_channel *stray = st->stray_channels;
        st->stray_channels = as_channel(stray->remote);
        free_channel(stray);
    }
}

/* A thread of the program's own may hold the last reference: the PE's thread lets go of the end, with its next channel.
 */
static void channel_dealloc(PyObject *object) {
    struct py_channel *self = as_channel(object);
    if (self->weakrefs != NULL) PyObject_ClearWeakRefs(object);
    Py_DECREF(self->remote);
    if (!py_state_is_foreign(self->st)) {
        free_channel(self);
        return;
    }
    self->remote = (PyObject *)(void *)self->st->stray_channels;
    self->st->stray_channels = self;
}

/* Takes end. */
static struct py_channel *wrap_take(PyTypeObject *type, struct py_state *st, struct chariot_channel *end,
                                    PyObject *remote) {
    struct py_channel *self = PyObject_New(struct py_channel, type);
    if (self == NULL) {
        chariot_channel_unref(end);
        return NULL;
    }
    self->st = st;
    self->end = end;
    Py_INCREF(remote);
    self->remote = remote;
    self->weakrefs = NULL;
    return self;
}

static PyObject *channel_open(PyTypeObject *type, struct py_state *st, struct chariot_elem *elem, PyObject *remote) {
    struct chariot_channel *end;
    int rc = chariot_channel_open(st->pe, elem, &((struct py_proxy *)(void *)remote)->ref, &end);
    if (rc == 0) return (PyObject *)wrap_take(type, st, end, remote);
    py_raise_code(st, rc, "opening a channel");
    return NULL;
}

PyObject *py_channel_of_client(struct py_state *st, struct chariot_channel *end) {
    if (st->stray_channels != NULL) let_strays_go(st);
    return (PyObject *)wrap_take(st->channel_type, st, chariot_channel_ref(end), Py_None);
}

static PyObject *channel_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"chare", "remote", "local", NULL};
    PyObject *chare, *remote, *local = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:Channel", names, &chare, &remote, &local)) return NULL;
    struct py_state *st = PyType_GetModuleState(type);
    if (py_state_running(st) == NULL) return NULL;
    if (st->stray_channels != NULL) let_strays_go(st);
    struct chariot_elem *elem = check_chare(st, chare);
    if (elem == NULL || check_single(st, remote, "remote") != 0 || check_local(st, elem, local) != 0) return NULL;
    return channel_open(type, st, elem, remote);
}

/* ---------------------------------------------------------------- errors */

/* What is to be said where the other end is a foreign program's. */
static const char *why_of_client(int rc) {
    return rc == CHARIOT_EGONE     ? "the program at its other end has gone"
           : rc == CHARIOT_ECLOSED ? "the program at its other end sends nothing more"
           : rc == CHARIOT_ETOOBIG ? "too much is unread at its other end (16 MiB, or 16,384 messages): send from a "
                                     "coroutine, which waits for that (with await in async def)"
                                   : NULL;
}

static PyObject *raise_code(struct py_channel *self, int rc) {
    const char *special = self->remote == Py_None ? why_of_client(rc) : NULL;
    const char *why =
        special != NULL        ? special
        : rc == CHARIOT_EGONE  ? "the chare at its other end was destroyed"
        : rc == CHARIOT_ESTATE ? "its own chare was destroyed, or has moved to another PE and left this Channel behind"
        : rc == CHARIOT_ECLOSED
            ? "nobody holds the Channel at its other end any more: nothing more will come, and nothing is read"
        : rc == CHARIOT_ETOOBIG
            ? "too much is unread at its other end (256 MiB, or 262,144 messages): receive there before "
              "more is sent, or send from a coroutine, which waits for that (with await in async def)"
            : NULL;
    if (why != NULL)
        PyErr_Format(self->st->error, "%R: %s", (PyObject *)self, why);
    else
        py_raise_code(self->st, rc, "a channel");
    return NULL;
}

/* ---------------------------------------------------------------- waiting */

static PyObject *wait_new(struct py_channel *channel, enum chariot_channel_event event) {
    struct channel_wait *self = PyObject_New(struct channel_wait, channel->st->channel_wait_type);
    if (self == NULL) return NULL;
    Py_INCREF(channel);
    self->channel = channel;
    self->event = event;
    self->iterates = false;
    return (PyObject *)self;
}

static void wait_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF(as_wait(object)->channel);
    PyObject_Free(object);
    Py_DECREF(type);
}

static bool in_async(struct py_state *st) {
    return py_task_awaits(st);
}

/* Suspends the greenlet coroutine until the event. -1 with an exception set. */
static int wait_for(struct py_channel *channel, enum chariot_channel_event event) {
    PyObject *wait = wait_new(channel, event);
    if (wait == NULL) return -1;
    int rc = py_task_wait(channel->st, wait, -1);
    Py_DECREF(wait);
    return rc;
}

/* ---------------------------------------------------------------- receiving */

/* What was sent: one object, a tuple of several, None for nothing. Takes msg. */
static PyObject *value_take(struct py_channel *self, struct chariot_msg *msg) {
    PyObject *args, *keywords, *value;
    int rc = py_message_args(self->st, msg, &args, &keywords);
    chariot_msg_unref(msg);
    if (rc != 0) return NULL;
    Py_XDECREF(keywords);
    if (PyTuple_GET_SIZE(args) > 1) return args;
    value = PyTuple_GET_SIZE(args) == 0 ? Py_None : PyTuple_GET_ITEM(args, 0);
    Py_INCREF(value);
    Py_DECREF(args);
    return value;
}

/* iterates: NULL without an exception where nothing more will come. */
static PyObject *receive(struct py_channel *self, bool iterates) {
    struct chariot_msg *msg;
    int rc = chariot_channel_receive(self->end, &msg);
    while (rc == CHARIOT_CHANNEL_EMPTY) {
        if (wait_for(self, CHARIOT_CHANNEL_RECEIVE) != 0) return NULL;
        rc = chariot_channel_receive(self->end, &msg);
    }
    if (rc == 0) return value_take(self, msg);
    return iterates && rc == CHARIOT_ECLOSED ? NULL : raise_code(self, rc);
}

PyDoc_STRVAR(recv_doc,
             "recv($self, /)\n--\n\n"
             "The next object that was sent to this end; a tuple where several were sent at once, None where\n"
             "nothing was. Suspends the coroutine until it is there; in an async def, await it.");

static PyObject *channel_recv(PyObject *self, PyObject *ignored) {
    struct py_channel *channel = as_channel(self);
    if (py_state_running(channel->st) == NULL) return NULL;
    return in_async(channel->st) ? wait_new(channel, CHARIOT_CHANNEL_RECEIVE) : receive(channel, false);
}

static PyObject *channel_next(PyObject *self) {
    struct py_channel *channel = as_channel(self);
    if (py_state_running(channel->st) == NULL) return NULL;
    if (!in_async(channel->st)) return receive(channel, true);
    PyErr_SetString(PyExc_TypeError, "in an async def: async for value in channel");
    return NULL;
}

static PyObject *channel_anext(PyObject *self) {
    struct py_channel *channel = as_channel(self);
    if (py_state_running(channel->st) == NULL) return NULL;
    PyObject *wait = wait_new(channel, CHARIOT_CHANNEL_RECEIVE);
    if (wait != NULL) as_wait(wait)->iterates = true;
    return wait;
}

/* ---------------------------------------------------------------- sending */

/* Outcome of chariot_channel_send_take(), or -1 with an exception set. */
static int send_args(struct py_channel *self, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = self->st;
    const struct py_proxy *to = self->remote == Py_None ? NULL : (struct py_proxy *)(void *)self->remote;
    enum chariot_place place = CHARIOT_ELSEWHERE; /* as a foreign program always is */
    if (st->local_msg_optim && to != NULL && !py_class_is_c(to->cls)) place = chariot_ref_place(st->pe, &to->ref);
    struct chariot_msg *msg;
    if (py_message_put_args(st, args, num, NULL, place, &msg) != 0) return -1;
    int rc = chariot_channel_send_take(self->end, msg, place == CHARIOT_HERE ? py_message_bytes_held(args, num) : 0);
    if (rc >= 0) return rc;
    raise_code(self, rc);
    return -1;
}

PyDoc_STRVAR(send_doc,
             "send($self, /, *args)\n--\n\n"
             "Sends one message to the other end, and returns at once. Where too much is unread there (more\n"
             "than 128 MiB, or 131,072 small ones) a coroutine is suspended until there is room; in an async\n"
             "def, await it for that.");

static PyObject *channel_send(PyObject *self, PyObject *const *args, Py_ssize_t num) {
    struct py_channel *channel = as_channel(self);
    struct py_state *st = channel->st;
    if (py_state_running(st) == NULL) return NULL;
    int rc = send_args(channel, args, num);
    if (rc < 0) return NULL;
    if (in_async(st)) return wait_new(channel, CHARIOT_CHANNEL_ROOM);
    if (rc == CHARIOT_CHANNEL_FULL && st->current != NULL && wait_for(channel, CHARIOT_CHANNEL_ROOM) != 0) return NULL;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- as an awaitable */

static PyObject *wait_await(PyObject *self) {
    return py_awaitable_iter(as_wait(self)->channel->st, self);
}

static bool wait_ready(PyObject *self) {
    const struct channel_wait *wait = as_wait(self);
    return wait->event == CHARIOT_CHANNEL_ROOM ? chariot_channel_has_room(wait->channel->end)
                                               : chariot_channel_ready(wait->channel->end);
}

static int add_waiter(struct py_channel *channel, enum chariot_channel_event event, struct chariot_waiter *waiter) {
    int rc = chariot_channel_wait(channel->end, event, waiter);
    return rc == 0 ? 0 : py_raise_code(channel->st, rc, "waiting for a channel");
}

static int wait_add(PyObject *self, struct chariot_waiter *waiter) {
    return add_waiter(as_wait(self)->channel, as_wait(self)->event, waiter);
}

static void forget_waiter(PyObject *self, struct chariot_waiter *waiter) {
    chariot_waiter_forget(waiter);
}

static PyObject *wait_result(PyObject *self) {
    struct channel_wait *wait = as_wait(self);
    if (wait->event == CHARIOT_CHANNEL_ROOM) Py_RETURN_NONE;
    PyObject *value = receive(wait->channel, wait->iterates);
    if (value == NULL && !PyErr_Occurred()) PyErr_SetNone(PyExc_StopAsyncIteration);
    return value;
}

static enum py_wait_kind wait_reason(PyObject *self, PyObject **about) {
    Py_INCREF(self);
    *about = self;
    return PY_WAIT_CHANNEL;
}

static PyObject *wait_repr(PyObject *self) {
    const struct channel_wait *wait = as_wait(self);
    return PyUnicode_FromFormat("%s() on %R", wait->event == CHARIOT_CHANNEL_ROOM ? "send" : "recv",
                                (PyObject *)wait->channel);
}

static const struct py_awaitable_ops wait_ops = {
    .ready = wait_ready, .wait = wait_add, .forget = forget_waiter, .result = wait_result, .reason = wait_reason};

static PyType_Slot wait_slots[] = {
    {Py_tp_dealloc, wait_dealloc}, {Py_tp_repr, wait_repr}, {Py_am_await, wait_await}, {0, NULL}};
static PyType_Spec wait_spec = {.name = "chariot._core._ChannelWait",
                                .basicsize = sizeof(struct channel_wait),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = wait_slots};

/* ---------------------------------------------------------------- as a member of charm.wait() */

static bool channel_is_ready(PyObject *self) {
    return chariot_channel_ready(as_channel(self)->end);
}

static int channel_wait(PyObject *self, struct chariot_waiter *waiter) {
    return add_waiter(as_channel(self), CHARIOT_CHANNEL_READY, waiter);
}

static PyObject *channel_result(PyObject *self) {
    return receive(as_channel(self), false);
}

static enum py_wait_kind channel_reason(PyObject *self, PyObject **about) {
    Py_INCREF(self);
    *about = self;
    return PY_WAIT_CHANNEL;
}

static const struct py_awaitable_ops channel_ops = {.member = true,
                                                    .ready = channel_is_ready,
                                                    .wait = channel_wait,
                                                    .forget = forget_waiter,
                                                    .result = channel_result,
                                                    .reason = channel_reason};

/* ---------------------------------------------------------------- type */

static PyObject *channel_ready(PyObject *self, PyObject *ignored) {
    if (py_state_running(as_channel(self)->st) == NULL) return NULL;
    return PyBool_FromLong(chariot_channel_ready(as_channel(self)->end));
}

/* Its id, where it is an end of the chare that is packed now; else 0. */
static uint64_t id_in_state(const struct py_channel *self) {
    const struct py_chare *chare = self->st->packing;
    uint64_t id = chare == NULL ? 0 : chariot_channel_id(self->end);
    struct chariot_channel *end = id == 0 ? NULL : chariot_channel_by_id(self->st->pe, chare->elem, id);
    chariot_channel_unref(end);
    return end == NULL ? 0 : id;
}

static PyObject *channel_reduce(PyObject *self, PyObject *ignored) {
    const struct py_channel *channel = as_channel(self);
    uint64_t id = id_in_state(channel);
    PyObject *load = id == 0 ? NULL : PyObject_GetAttrString(channel->st->module, "_channel_load");
    if (load != NULL) return Py_BuildValue("N(KO)", load, (unsigned long long)id, channel->remote);
    if (PyErr_Occurred()) return NULL;
    return PyErr_Format(
        PyExc_TypeError,
        "a Channel belongs to the chare that made it and cannot be sent: send a proxy of the chare, and "
        "make another Channel there");
}

PyObject *py_channel_load(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    unsigned long long id;
    PyObject *remote;
    if (!PyArg_ParseTuple(args, "KO:_channel_load", &id, &remote)) return NULL;
    if (remote != Py_None && !py_proxy_check(st, remote)) return py_malformed("a channel to something else");
    struct chariot_elem *elem = st->arriving == NULL ? NULL : st->arriving->elem;
    struct chariot_channel *end = elem == NULL ? NULL : chariot_channel_by_id(st->pe, elem, id);
    if (end == NULL) return py_malformed("a channel that does not arrive");
    if (chariot_channel_has_client(end) != (remote == Py_None)) {
        chariot_channel_unref(end);
        return py_malformed("a channel to something else");
    }
    return (PyObject *)wrap_take(st->channel_type, st, end, remote);
}

static PyObject *channel_repr(PyObject *self) {
    const struct py_channel *channel = as_channel(self);
    if (channel->st->pe == NULL) return PyUnicode_FromString("<Channel of a job that has ended>");
    if (channel->remote == Py_None) return PyUnicode_FromString("<Channel to a foreign program>");
    return PyUnicode_FromFormat("<Channel %u to %R>", chariot_channel_number(channel->end), channel->remote);
}

static PyMethodDef channel_methods[] = {
    {"send", (PyCFunction)(void (*)(void))channel_send, METH_FASTCALL, send_doc},
    {"recv", channel_recv, METH_NOARGS, recv_doc},
    {"ready", channel_ready, METH_NOARGS, PyDoc_STR("ready($self, /)\n--\n\nWhether recv() would return at once.")},
    {"__reduce__", channel_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef channel_members[] = {
    {"remote", T_OBJECT_EX, offsetof(struct py_channel, remote), READONLY,
     PyDoc_STR("Proxy of the chare at the other end; None where a foreign program has it.")},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct py_channel, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

PyDoc_STRVAR(channel_doc,
             "Channel(chare, remote, local=None)\n--\n\n"
             "One end of a channel between the chare that makes it (self) and the one that the proxy `remote` refers\n"
             "to, which makes the other end. What one sends the other receives, in order. The n-th Channel that a\n"
             "chare makes to another belongs to the n-th that the other makes to it; one to itself is its own other\n"
             "end. `for value in channel` (in an async def: `async for`) receives until nothing more will come.");

static PyType_Slot channel_slots[] = {{Py_tp_doc, (void *)channel_doc},
                                      {Py_tp_new, channel_new},
                                      {Py_tp_dealloc, channel_dealloc},
                                      {Py_tp_methods, channel_methods},
                                      {Py_tp_members, channel_members},
                                      {Py_tp_repr, channel_repr},
                                      {Py_tp_iter, PyObject_SelfIter},
                                      {Py_tp_iternext, channel_next},
                                      {Py_am_aiter, PyObject_SelfIter},
                                      {Py_am_anext, channel_anext},
                                      {0, NULL}};
static PyType_Spec channel_spec = {.name = "chariot.Channel",
                                   .basicsize = sizeof(struct py_channel),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                                   .slots = channel_slots};

int py_channel_init(struct py_state *st, PyObject *module) {
    st->channel_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &channel_spec, NULL);
    st->channel_wait_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &wait_spec, NULL);
    if (st->channel_type == NULL || st->channel_wait_type == NULL) return -1;
    py_awaitable_register(st, st->channel_type, &channel_ops);
    py_awaitable_register(st, st->channel_wait_type, &wait_ops);
    return PyModule_AddObjectRef(module, "Channel", (PyObject *)st->channel_type);
}
