#include "python/pending.h"

#include <stdlib.h>

#include "python/condition_wait.h"
#include "python/dispatch.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/move.h"
#include "python/pending_queue.h"
#include "python/task.h"

enum { AT_ONCE = 32 }; /* deliveries before others get their turn */

/* ---------------------------------------------------------------- adding and taking out */

static struct py_pending *pending_of(struct py_chare *chare) {
    struct py_chare_more *more = py_chare_more(chare);
    if (more == NULL || more->pending != NULL) return more == NULL ? NULL : more->pending;
    more->pending = calloc(1, sizeof *more->pending);
    if (more->pending == NULL)
        PyErr_NoMemory();
    else
        more->pending->all_end = &more->pending->all;
    return more->pending;
}

static void free_if_empty(struct py_chare *chare) {
    struct py_pending *pending = py_chare_pending(chare);
    if (pending->count > 0 || pending->settling || pending->posted || pending->asking > 0) return;
    py_pending_free_queues(pending);
    free(pending);
    chare->more->pending = NULL;
}

/* The same for condition. */
static struct py_entry *add(struct py_chare *chare, struct py_condition *condition,
                            const struct py_arguments *message) {
    struct py_pending *pending = pending_of(chare);
    if (pending == NULL) return NULL;
    py_pending_ask_begin(pending);
    struct py_queue *queue = py_queue_of(pending, condition);
    struct py_entry *entry = queue == NULL ? NULL : py_entry_new(pending, queue, message);
    py_pending_ask_end(pending);
    if (entry == NULL) free_if_empty(chare);
    return entry;
}

int py_pending_add_call(struct py_chare *chare, const struct py_method *method, const struct py_arguments *message,
                        const struct chariot_reply *reply) {
    struct py_entry *entry = add(chare, method->when, message);
    if (entry == NULL) return -1;
    entry->method = method;
    Py_INCREF(message->args);
    entry->args = message->args;
    Py_XINCREF(message->keywords);
    entry->keywords = message->keywords;
    entry->reply = *reply;
    return 0;
}

struct py_entry *py_pending_add_wait(struct py_chare *chare, struct py_condition *condition,
                                     struct py_condition_wait *waits) {
    struct py_entry *entry = add(chare, condition, NULL);
    if (entry != NULL) entry->waits = waits;
    return entry;
}

void py_pending_remove(struct py_chare *chare, struct py_entry *entry) {
    py_entry_take_out(py_chare_pending(chare), entry);
    py_entry_drop(py_chare_pending(chare), entry);
    free_if_empty(chare);
    py_move_again(chare);
}

/* ---------------------------------------------------------------- settling */

/* Runs what has waited, or with an exception set fails it. */
static void deliver(struct py_chare *chare, struct py_entry *entry, bool failed) {
    struct py_state *st = chare->cls->st;
    struct chariot_msg *result = NULL;
    py_entry_take_out(py_chare_pending(chare), entry);
    if (entry->waits != NULL) {
        py_condition_wait_fire(entry->waits, failed ? py_error_fetch() : NULL);
        py_move_again(chare);
    } else {
        int rc = failed ? py_outcome_take(st, entry->method, &entry->reply, NULL, &result)
                        : py_dispatch_run(st, entry->method, (PyObject *)chare, entry->args, entry->keywords,
                                          &entry->reply, &result);
        if (rc != CHARIOT_LATER) py_outcome_reply_take(st, &entry->reply, rc, result);
    }
    py_entry_free(entry);
}

static void on_post(struct chariot_pe *pe, void *ctx);

static bool post(struct py_chare *chare) {
    if (chariot_post(chare->cls->st->pe, on_post, chare) != 0) return false;
    Py_INCREF(chare);
    py_chare_pending(chare)->posted = true;
    return true;
}

/* It is to go to another PE: what holds is delivered there, or here where it stays after all. */
static bool is_leaving(const struct py_chare *chare) {
    return chare->elem != NULL && chariot_is_leaving(chare->elem);
}

/* Delivers until nothing holds any more, or others are to have their turn. */
static void settle(struct py_chare *chare) {
    struct py_state *st = chare->cls->st;
    struct py_entry *next;
    int found;
    bool roams = py_chare_pending(chare)->roams;
    py_chare_pending(chare)->settling = true;
    for (int left = AT_ONCE; !st->exiting && (found = py_pending_find(chare, &next)) != 0; left--) {
        if (found > 0 && is_leaving(chare) && !roams) {
            py_chare_pending(chare)->posted = true;
            break;
        }
        if (left <= 0 && found > 0 && post(chare)) break;
        deliver(chare, next, found < 0);
    }
    py_chare_pending(chare)->settling = py_chare_pending(chare)->roams = false;
    py_pending_free_queues(py_chare_pending(chare));
    free_if_empty(chare);
}

static void on_post(struct chariot_pe *pe, void *ctx) {
    struct py_chare *chare = ctx;
    if (py_chare_pending(chare) != NULL) {
        py_chare_pending(chare)->posted = false;
        settle(chare);
    }
    Py_DECREF(chare);
}

void py_pending_settle(struct py_chare *chare) {
    struct py_pending *pending = py_chare_pending(chare);
    if (pending != NULL && !pending->settling && !pending->posted && chare->cls->st->auto_flush) settle(chare);
}

void py_pending_stays(struct py_chare *chare) {
    if (py_chare_pending(chare) == NULL || !py_chare_pending(chare)->posted || post(chare)) return;
    py_chare_pending(chare)->posted = false; /* without memory for it: at once */
    settle(chare);
}

void py_pending_arrived(struct py_chare *chare) {
    struct py_pending *pending = py_chare_pending(chare);
    if (pending != NULL && pending->posted)
        pending->roams = is_leaving(chare);
    else
        py_pending_settle(chare); /* conditions may look at what is of this PE */
}

int py_pending_post(struct py_chare *chare) {
    if (py_chare_pending(chare) == NULL || py_chare_pending(chare)->posted || post(chare)) return 0;
    return py_raise_code(chare->cls->st, CHARIOT_ENOMEM, "flushing the wait queues");
}

bool py_pending_cancel(struct py_chare *chare, uint64_t call, PyObject *exc) {
    struct py_pending *pending = py_chare_pending(chare);
    struct py_entry *entry = pending == NULL ? NULL : pending->all;
    while (entry != NULL && (entry->waits != NULL || entry->reply.call != call)) entry = entry->later;
    if (entry == NULL) return false;
    struct chariot_msg *result = NULL;
    py_entry_take_out(pending, entry);
    py_error_raise(exc);
    int rc = py_outcome_take(chare->cls->st, entry->method, &entry->reply, NULL, &result);
    py_outcome_reply_take(chare->cls->st, &entry->reply, rc, result);
    py_entry_free(entry);
    if (!pending->settling) py_pending_free_queues(pending);
    free_if_empty(chare);
    return true;
}

/* ---------------------------------------------------------------- arrival */

/* Whether a call whose condition holds is to take its turn among those that came before. */
static bool has_turns(struct py_chare *chare) {
    struct py_pending *pending = py_chare_pending(chare);
    return pending != NULL && pending->count > 0 && chare->cls->st->auto_flush;
}

bool py_pending_keeps(struct py_chare *chare, const struct py_method *method, const struct py_arguments *message,
                      const struct chariot_reply *reply, int *rc, struct chariot_msg **result) {
    struct py_state *st = chare->cls->st;
    struct py_pending *pending = py_chare_pending(chare);
    int holds = 0;
    st->running = method;
    if (pending == NULL || !pending->posted) holds = py_condition_holds(method->when, (PyObject *)chare, message);
    if (holds > 0 && !has_turns(chare)) {
        st->running = NULL;
        return false;
    }
    *rc = CHARIOT_LATER;
    if (holds < 0 || py_pending_add_call(chare, method, message, reply) != 0)
        *rc = py_outcome_take(st, method, reply, NULL, result);
    st->running = NULL;
    if (holds > 0 && *rc == CHARIOT_LATER) py_pending_settle(chare);
    return true;
}

/* ---------------------------------------------------------------- the end */

static void fail(struct py_chare *chare, struct py_entry *entry) {
    struct py_state *st = chare->cls->st;
    struct chariot_msg *result = NULL;
    if (entry->waits == NULL && entry->reply.to == 0) return;
    PyErr_Format(st->error, "%U: the chare was destroyed while %s", chare->cls->short_name,
                 entry->waits != NULL ? "a coroutine waited at it" : "the call waited for its condition");
    if (entry->waits != NULL) {
        py_condition_wait_fire_soon(entry->waits, py_error_fetch());
    } else {
        int rc = py_outcome_take(st, entry->method, &entry->reply, NULL, &result);
        py_outcome_reply_take(st, &entry->reply, rc, result);
    }
}

void py_pending_drop(struct py_chare *chare) {
    struct py_pending *pending = py_chare_pending(chare);
    if (pending == NULL) return;
    for (struct py_entry *entry; (entry = pending->all) != NULL;) {
        py_entry_take_out(pending, entry);
        if (chare->cls->st->phase == PY_RUNNING && !chare->cls->st->exiting && !chare->left)
            fail(chare, entry);
        else if (entry->waits != NULL)
            py_condition_wait_orphan(entry->waits);
        py_entry_free(entry);
    }
    if (pending->settling) return; /* who settles frees it */
    py_pending_free_queues(pending);
    free(pending);
    chare->more->pending = NULL;
}

int py_pending_traverse(struct py_pending *pending, visitproc visit, void *arg) {
    for (struct py_entry *entry = pending->all; entry != NULL; entry = entry->later) {
        Py_VISIT(entry->args);
        Py_VISIT(entry->keywords);
    }
    return 0;
}
