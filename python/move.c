#include "python/move.h"

#include "python/charm.h"
#include "python/class.h"
#include "python/dispatch.h"
#include "python/errors.h"
#include "python/meter.h"
#include "python/pending.h"
#include "python/proxy.h"
#include "python/task.h"

/* What is said of each call that waits, behind the state and the arguments. */
struct call_head {
    struct chariot_reply reply;
    uint64_t method;
};

enum { LABEL_BYTES = 256 };

/* ---------------------------------------------------------------- whether it may */

enum { TASKS_SHOWN = 3 };

/* "step() waits for ...; ..." of the coroutines of chare, but the one that runs. */
static void describe_tasks(struct py_state *st, const struct py_chare *chare, char *text, size_t size) {
    size_t used = 0;
    uint32_t shown = 0;
    text[0] = 0;
    for (struct py_task *task = st->live; task != NULL && used < size; task = task->next) {
        if (task->chare != (PyObject *)chare || task->waits_for == NULL) continue;
        if (shown++ == TASKS_SHOWN) {
            PyOS_snprintf(text + used, size - used, "; ...");
            return;
        }
        char label[LABEL_BYTES], what[300];
        py_hang_describe_wait(task, what, sizeof what);
        used += (size_t)snprintf(text + used, size - used, "%s%s() waits for %s", shown == 1 ? "" : "; ",
                                 py_method_label(task->method, label, sizeof label), what);
    }
}

/* How many coroutines of the chare are suspended. */
static uint32_t num_suspended(const struct py_state *st, const struct py_chare *chare) {
    const struct py_task *now = st->current;
    bool runs = now != NULL && now->chare == (PyObject *)chare && now->suspended;
    return chare->coroutines - (runs ? 1 : 0);
}

/* A coroutine of something else waits for a condition of this chare. */
static bool is_waited_at(const struct py_chare *chare) {
    const struct py_pending *pending = py_chare_pending(chare);
    for (const struct py_entry *entry = pending == NULL ? NULL : pending->all; entry != NULL; entry = entry->later) {
        if (entry->waits != NULL) return true;
    }
    return false;
}

/* One of its own has told it to move, and waits: that is no way to end, and nothing to wait for. */
static bool waits_for_mover(const struct py_state *st, const struct py_chare *chare) {
    for (const struct py_task *task = st->live; task != NULL; task = task->next) {
        if (task->moves && task->chare == (PyObject *)chare && task->waits_for != NULL) return true;
    }
    return false;
}

int py_move_may(void *ctx, struct chariot_elem *elem, char *why, size_t why_size) {
    struct py_state *st = ctx;
    const struct py_chare *chare = py_chare_of(st, elem);
    if (chare == NULL) return 0;
    bool busy = chare->coroutines > 0 && num_suspended(st, chare) > 0;
    bool waited = !busy && is_waited_at(chare);
    if (!busy && !waited && !chare->cls->reduces) return 0;
    int code = waited || (busy && !waits_for_mover(st, chare)) ? CHARIOT_LATER : CHARIOT_ESTATE;
    if (why_size == 0) return code;
    char label[LABEL_BYTES], tasks[600];
    py_chare_label(chare, "", label, sizeof label);
    if (busy) describe_tasks(st, chare, tasks, sizeof tasks);
    if (busy)
        snprintf(why, why_size, "%s cannot move while coroutines of it have not ended: %s", label, tasks);
    else if (waited)
        snprintf(why, why_size, "%s cannot move while a coroutine that is not its own is in its wait()", label);
    else
        snprintf(why, why_size,
                 "%s cannot move: its class defines __reduce__() or __reduce_ex__(), which make another object, and a "
                 "chare that moves stays the same one: define __getstate__() and __setstate__()",
                 label);
    return code;
}

void py_move_again(struct py_chare *chare) {
    if (chare->elem != NULL) chariot_move_again(chare->cls->st->pe, chare->elem);
}

/* ---------------------------------------------------------------- the state */

static PyObject *slots_of(PyObject *self, PyObject *names) {
    PyObject *slots = PyDict_New();
    for (Py_ssize_t i = 0; slots != NULL && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = py_getattr_or_null(self, name); /* one may be empty */
        if (value != NULL && PyDict_SetItem(slots, name, value) != 0) Py_CLEAR(slots);
        Py_XDECREF(value);
    }
    return slots;
}

/* What pickle would take. New reference. */
static PyObject *state_of(struct py_state *st, struct py_chare *chare) {
    const struct py_class *cls = chare->cls;
    PyObject *self = (PyObject *)chare;
    if (cls->gets_state) return PyObject_CallMethodNoArgs(self, st->names.getstate);
    PyObject *dict = cls->type->tp_dictoffset == 0 ? Py_NewRef(Py_None) : PyObject_GenericGetDict(self, NULL);
    if (cls->slots == NULL || dict == NULL) return dict;
    PyObject *slots = slots_of(self, cls->slots);
    PyObject *both = slots == NULL ? NULL : PyTuple_Pack(2, dict, slots);
    Py_DECREF(dict);
    Py_XDECREF(slots);
    return both;
}

/* Past __setattr__() and properties, as pickle does. */
static int set_attribute(PyObject *self, PyObject *name, PyObject *value, bool slot) {
    bool text = PyUnicode_CheckExact(name);
    PyObject *found = text ? _PyType_Lookup(Py_TYPE(self), name) : NULL; /* borrowed */
    bool hidden = !text || (found != NULL && Py_TYPE(found)->tp_descr_set != NULL);
    if (slot || !hidden) return PyObject_GenericSetAttr(self, name, value);
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    int rc = dict == NULL ? -1 : PyDict_SetItem(dict, name, value);
    Py_XDECREF(dict);
    return rc;
}

static int set_attributes(PyObject *self, PyObject *dict, bool slots) {
    PyObject *name, *value;
    int rc = 0;
    for (Py_ssize_t at = 0; rc == 0 && PyDict_Next(dict, &at, &name, &value);) {
        Py_INCREF(name);
        if (PyUnicode_CheckExact(name)) PyUnicode_InternInPlace(&name);
        rc = set_attribute(self, name, value, slots);
        Py_DECREF(name);
    }
    return rc;
}

static bool is_dict_or_none(PyObject *object) {
    return object == Py_None || PyDict_Check(object);
}

static int set_state(struct py_state *st, struct py_chare *chare, PyObject *state) {
    PyObject *self = (PyObject *)chare;
    if (state == Py_None) return 0;
    if (chare->cls->sets_state) {
        PyObject *done = PyObject_CallMethodOneArg(self, st->names.setstate, state);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    PyObject *dict = state, *slots = Py_None;
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2) {
        dict = PyTuple_GET_ITEM(state, 0);
        slots = PyTuple_GET_ITEM(state, 1);
    }
    if (!is_dict_or_none(dict) || !is_dict_or_none(slots)) {
        PyErr_Format(PyExc_TypeError, "__getstate__() gave %s: without a __setstate__() it must be a dict",
                     Py_TYPE(state)->tp_name);
        return -1;
    }
    if (dict != Py_None && set_attributes(self, dict, false) != 0) return -1;
    return slots == Py_None ? 0 : set_attributes(self, slots, true);
}

/* ---------------------------------------------------------------- leaving */

/* (state, (args, keywords), ...). Takes state. */
static PyObject *whole_of(PyObject *state, const struct py_pending *pending) {
    PyObject *whole = state == NULL ? NULL : PyTuple_New(1 + (Py_ssize_t)pending->count);
    if (whole == NULL) {
        Py_XDECREF(state);
        return NULL;
    }
    PyTuple_SET_ITEM(whole, 0, state);
    Py_ssize_t at = 1;
    for (const struct py_entry *entry = pending->all; entry != NULL; entry = entry->later) {
        PyObject *call = PyTuple_Pack(2, entry->args, entry->keywords == NULL ? Py_None : entry->keywords);
        if (call == NULL) {
            Py_DECREF(whole);
            return NULL;
        }
        PyTuple_SET_ITEM(whole, at++, call);
    }
    return whole;
}

static void put_heads(const struct py_chare *chare, const struct py_pending *pending, struct chariot_writer *writer) {
    for (const struct py_entry *entry = pending->all; entry != NULL; entry = entry->later) {
        struct call_head head = {.reply = entry->reply, .method = (uint64_t)(entry->method - chare->cls->methods)};
        chariot_put_bytes(writer, &head, sizeof head);
    }
}

/* What is known of the refusal that is set becomes one that says which part of the state it is about. */
static void blame(struct py_chare *chare, PyObject *state) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return;
    PyObject *cause = py_error_fetch();
    PyObject *module = PyImport_ImportModule("chariot._moving");
    char label[LABEL_BYTES];
    py_chare_label(chare, "", label, sizeof label);
    PyObject *own = chare->cls->gets_state ? Py_True : Py_False;
    PyObject *exc = module == NULL ? NULL : PyObject_CallMethod(module, "refusal", "sOOO", label, state, cause, own);
    Py_XDECREF(module);
    Py_DECREF(cause);
    if (exc == NULL) return;
    PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
    Py_DECREF(exc);
}

static int pack(struct py_state *st, struct py_chare *chare, struct chariot_writer *writer) {
    const struct py_pending *pending = py_chare_pending(chare);
    bool calls = pending != NULL && pending->count > 0;
    PyObject *whole = state_of(st, chare);
    if (calls) whole = whole_of(whole, pending);
    if (whole == NULL) return -1;
    chariot_put_int(writer, calls ? (int64_t)(2 * pending->count + pending->posted) : 0);
    int rc = py_encode(st, writer, whole);
    if (rc != 0) blame(chare, calls ? PyTuple_GET_ITEM(whole, 0) : whole);
    Py_DECREF(whole);
    if (rc != 0) return -1;
    if (calls) put_heads(chare, pending, writer);
    return writer->error == 0 ? 0 : py_write_failed(writer->error);
}

/* Others than the runtime hold it, such as a timer: they will ask where it is. */
static int note_holders(struct py_chare *chare) {
    if (Py_REFCNT((PyObject *)chare) == 1) return 0;
    struct py_chare_more *more = py_chare_more(chare);
    if (more == NULL) return -1;
    chariot_elem_ref(chare->elem, &more->moved);
    return 0;
}

int py_move_pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    struct py_chare *chare = object;
    struct py_state *st = chare->cls->st;
    enum chariot_phase before = py_phase(st, CHARIOT_SENDING);
    st->packing = chare;
    int rc = pack(st, chare, writer);
    if (rc == 0) rc = note_holders(chare);
    st->packing = NULL;
    py_phase(st, before);
    chare->left = rc == 0;
    if (rc == 0) return 0;
    char label[LABEL_BYTES];
    py_chare_label(chare, ".migrate", label, sizeof label);
    py_error_end_job(st, label);
    return CHARIOT_STAYS;
}

/* ---------------------------------------------------------------- arriving */

/* One call that waited. what: (args, keywords or None). */
static int add_call(struct py_chare *chare, const struct call_head *head, PyObject *what) {
    const struct py_class *cls = chare->cls;
    bool sound = PyTuple_CheckExact(what) && PyTuple_GET_SIZE(what) == 2 && head->method < cls->num_methods &&
                 PyTuple_CheckExact(PyTuple_GET_ITEM(what, 0)) && is_dict_or_none(PyTuple_GET_ITEM(what, 1)) &&
                 cls->methods[head->method].when != NULL;
    if (!sound) {
        py_malformed("a call that waited makes no sense");
        return -1;
    }
    PyObject *keywords = PyTuple_GET_ITEM(what, 1);
    struct py_arguments message = {PyTuple_GET_ITEM(what, 0), keywords == Py_None ? NULL : keywords};
    return py_pending_add_call(chare, &cls->methods[head->method], &message, &head->reply);
}

static int add_calls(struct py_chare *chare, struct chariot_reader *reader, PyObject *whole, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        struct chariot_value bytes;
        struct call_head head;
        if (chariot_get_typed(reader, CHARIOT_BYTES, &bytes) != 0 || bytes.bytes.size != sizeof head) {
            py_malformed("a call that waited is missing");
            return -1;
        }
        memcpy(&head, bytes.bytes.data, sizeof head);
        if (add_call(chare, &head, PyTuple_GET_ITEM(whole, 1 + i)) != 0) return -1;
    }
    return 0;
}

static int unpack(struct py_state *st, struct py_chare *chare, struct chariot_msg *msg, struct chariot_reader *reader) {
    struct chariot_value number;
    if (chariot_get_typed(reader, CHARIOT_INT, &number) != 0) {
        py_malformed("a state is missing");
        return -1;
    }
    Py_ssize_t count = (Py_ssize_t)(number.integer / 2);
    PyObject *whole = py_decode(st, reader, msg);
    bool sound = whole != NULL && (count == 0 || (PyTuple_CheckExact(whole) && PyTuple_GET_SIZE(whole) - 1 == count));
    if (whole != NULL && !sound) py_malformed("calls that waited are missing");
    int rc = sound ? set_state(st, chare, count == 0 ? whole : PyTuple_GET_ITEM(whole, 0)) : -1;
    if (rc == 0) rc = add_calls(chare, reader, whole, count);
    if (rc == 0 && count > 0 && number.integer % 2 != 0) rc = py_pending_post(chare);
    Py_XDECREF(whole);
    return rc;
}

int py_move_unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                   struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct py_class *cls = type->ctx;
    struct py_state *st = cls->st;
    struct py_chare *chare = py_chare_alloc(cls, elem);
    enum chariot_phase before = py_phase(st, CHARIOT_RECEIVING);
    *object = chare;
    st->arriving = chare;
    int rc = chare == NULL ? -1 : unpack(st, chare, msg, reader);
    st->arriving = NULL;
    py_phase(st, before);
    if (rc == 0) return 0;
    char label[LABEL_BYTES] = "__setstate__";
    if (chare != NULL) py_chare_label(chare, ".__setstate__", label, sizeof label);
    py_error_end_job(st, label);
    return CHARIOT_EUSER;
}

void py_move_arrived(void *ctx, struct chariot_elem *elem) {
    struct py_state *st = ctx;
    struct py_chare *chare = py_chare_of(st, elem);
    const struct py_class *cls = chare == NULL ? NULL : chare->cls;
    if (chare == NULL) return;
    Py_INCREF(chare); /* migrated() may destroy it */
    if (cls->migrated != NULL) {
        struct chariot_msg *result = NULL;
        PyObject *none = PyTuple_New(0);
        if (none == NULL)
            py_error_end_job(st, "migrated");
        else
            py_dispatch_run(st, cls->migrated, (PyObject *)chare, none, NULL, NULL, &result);
        chariot_msg_unref(result);
        Py_XDECREF(none);
    }
    py_pending_arrived(chare);
    Py_DECREF(chare);
}

/* Calls whose conditions held were not delivered meanwhile. */
void py_move_stays(void *ctx, struct chariot_elem *elem) {
    struct py_chare *chare = py_chare_of(ctx, elem);
    if (chare != NULL) py_pending_stays(chare);
}

/* ---------------------------------------------------------------- references to it */

PyObject *py_move_reduce(PyObject *self, PyObject *protocol) {
    struct py_chare *chare = (struct py_chare *)(void *)self;
    struct py_state *st = chare->cls != NULL ? chare->cls->st : py_state_of_type(Py_TYPE(self));
    if (st == NULL) return NULL;
    if (st->packing != NULL && st->packing == chare) {
        PyObject *arriving = PyObject_GetAttrString(st->module, "_arriving");
        return arriving == NULL ? NULL : Py_BuildValue("N()", arriving);
    }
    return PyErr_Format(PyExc_TypeError,
                        "a chare lives on one PE and cannot be sent or copied, and this is a %s: send a proxy of it "
                        "(thisProxy[thisIndex])",
                        Py_TYPE(self)->tp_name);
}

PyObject *py_move_arriving(PyObject *module, PyObject *ignored) {
    struct py_state *st = py_state_of_module(module);
    if (st->arriving != NULL) return Py_NewRef((PyObject *)st->arriving);
    return py_malformed("a chare that does not arrive");
}

PyObject *py_move_proxy_of(const struct py_chare *chare) {
    bool moved = chare->elem == NULL && chare->more != NULL && chare->more->moved.collection != 0;
    return moved ? py_proxy_new(chare->cls->st, chare->cls, &chare->more->moved) : NULL;
}
