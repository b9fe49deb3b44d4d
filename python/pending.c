#include "python/pending.h"

#include <stdlib.h>

#include "python/condition_wait.h"
#include "python/dispatch.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/task.h"

enum { AT_ONCE = 32 }; /* deliveries before others get their turn */

/* ---------------------------------------------------------------- entries */

static void entries_append(struct py_entries *entries, struct py_entry *entry) {
    entry->next = NULL;
    entry->prev = entries->end;
    *entries->end = entry;
    entries->end = &entry->next;
}

static void entries_remove(struct py_entries *entries, struct py_entry *entry) {
    *entry->prev = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
    else
        entries->end = entry->prev;
}

static void entry_free(struct py_entry *entry) {
    Py_XDECREF(entry->args);
    Py_XDECREF(entry->keywords);
    free(entry);
}

/* A coroutine's that was taken out. User code of conditions and tags may cause it, such as a collection of garbage that
 * drops who waits: whoever asks them goes on from the entry. */
static void entry_drop(struct py_pending *pending, struct py_entry *entry) {
    if (pending->asking == 0) {
        entry_free(entry);
        return;
    }
    entry->gone = true;
    entry->later = pending->gone;
    pending->gone = entry;
}

static void ask_begin(struct py_pending *pending) {
    pending->asking++;
}

static void ask_end(struct py_pending *pending) {
    if (--pending->asking > 0) return;
    for (struct py_entry *entry; (entry = pending->gone) != NULL;) {
        pending->gone = entry->later;
        entry_free(entry);
    }
}

/* ---------------------------------------------------------------- queues */

static struct py_queue *queue_new(struct py_pending *pending, struct py_condition *condition) {
    struct py_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (condition->kind == PY_CONDITION_TAG && (queue->buckets = PyDict_New()) == NULL) {
        free(queue);
        return NULL;
    }
    Py_INCREF(condition);
    queue->condition = condition;
    queue->entries.end = &queue->entries.first;
    queue->next = pending->queues;
    pending->queues = queue;
    return queue;
}

static struct py_queue *queue_of(struct py_pending *pending, struct py_condition *condition) {
    for (struct py_queue *queue = pending->queues; queue != NULL; queue = queue->next) {
        if (queue->condition == condition) return queue;
    }
    return queue_new(pending, condition);
}

static struct py_bucket *bucket_at(PyObject *address) {
    return PyLong_AsVoidPtr(address);
}

static void bucket_free(struct py_bucket *bucket) {
    Py_DECREF(bucket->tag);
    free(bucket);
}

/* Buckets that are left are empty (see drop_bucket). */
static void queue_free(struct py_queue *queue) {
    PyObject *tag, *address;
    Py_ssize_t at = 0;
    while (queue->buckets != NULL && PyDict_Next(queue->buckets, &at, &tag, &address)) bucket_free(bucket_at(address));
    Py_XDECREF(queue->buckets);
    Py_DECREF(queue->condition);
    free(queue);
}

static void free_empty_queues(struct py_pending *pending) {
    for (struct py_queue **at = &pending->queues, *queue; (queue = *at) != NULL;) {
        if (queue->count > 0) {
            at = &queue->next;
        } else {
            *at = queue->next;
            queue_free(queue);
        }
    }
}

/* ---------------------------------------------------------------- buckets */

static struct py_bucket *bucket_new(struct py_queue *queue, PyObject *tag) {
    struct py_bucket *bucket = calloc(1, sizeof *bucket);
    PyObject *address = bucket == NULL ? PyErr_NoMemory() : PyLong_FromVoidPtr(bucket);
    int rc = address == NULL ? -1 : PyDict_SetItem(queue->buckets, tag, address);
    Py_XDECREF(address);
    if (rc != 0) {
        free(bucket);
        return NULL;
    }
    Py_INCREF(tag);
    bucket->tag = tag;
    bucket->entries.end = &bucket->entries.first;
    return bucket;
}

/* The bucket of the tag that a call brings, made on demand. */
static struct py_bucket *bucket_of(struct py_queue *queue, const struct py_arguments *message) {
    PyObject *tag = py_condition_tag(queue->condition, message);
    if (tag == NULL) return NULL;
    PyObject *address = PyDict_GetItemWithError(queue->buckets, tag); /* borrowed */
    struct py_bucket *bucket = address != NULL ? bucket_at(address) : PyErr_Occurred() ? NULL : bucket_new(queue, tag);
    Py_DECREF(tag);
    if (bucket == NULL) py_condition_blame(queue->condition);
    return bucket;
}

/* An empty one. Where it is not found any more, since the tag has another hash than it had, it stays until the queue
 * goes. */
static void drop_bucket(struct py_queue *queue, struct py_bucket *bucket) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);                                   /* the condition may have failed */
    PyObject *address = PyDict_GetItemWithError(queue->buckets, bucket->tag); /* borrowed */
    bool found = address != NULL && bucket_at(address) == bucket;
    if (found && PyDict_DelItem(queue->buckets, bucket->tag) == 0) bucket_free(bucket);
    PyErr_Restore(type, value, traceback);
}

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
    free_empty_queues(pending);
    free(pending);
    chare->more->pending = NULL;
}

/* Puts entry, whose queue and bucket are set, in its places. */
static void put_in(struct py_pending *pending, struct py_entry *entry) {
    entries_append(entry->bucket != NULL ? &entry->bucket->entries : &entry->queue->entries, entry);
    entry->later = NULL;
    entry->earlier = pending->all_end;
    *pending->all_end = entry;
    pending->all_end = &entry->later;
    entry->order = pending->next_order++;
    entry->queue->count++;
    pending->count++;
}

static void take_out(struct py_pending *pending, struct py_entry *entry) {
    entries_remove(entry->bucket != NULL ? &entry->bucket->entries : &entry->queue->entries, entry);
    *entry->earlier = entry->later;
    if (entry->later != NULL)
        entry->later->earlier = entry->earlier;
    else
        pending->all_end = entry->earlier;
    entry->queue->count--;
    pending->count--;
    if (entry->bucket != NULL && entry->bucket->entries.first == NULL) drop_bucket(entry->queue, entry->bucket);
    entry->bucket = NULL;
}

/* A new entry in queue. message: of a call. NULL with an exception set. */
static struct py_entry *entry_new(struct py_pending *pending, struct py_queue *queue,
                                  const struct py_arguments *message) {
    struct py_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    entry->queue = queue;
    if (queue->condition->kind == PY_CONDITION_TAG && (entry->bucket = bucket_of(queue, message)) == NULL) {
        free(entry);
        return NULL;
    }
    put_in(pending, entry);
    return entry;
}

/* The same for condition. */
static struct py_entry *add(struct py_chare *chare, struct py_condition *condition,
                            const struct py_arguments *message) {
    struct py_pending *pending = pending_of(chare);
    if (pending == NULL) return NULL;
    ask_begin(pending);
    struct py_queue *queue = queue_of(pending, condition);
    struct py_entry *entry = queue == NULL ? NULL : entry_new(pending, queue, message);
    ask_end(pending);
    if (entry == NULL) free_if_empty(chare);
    return entry;
}

static int add_call(struct py_chare *chare, const struct py_method *method, const struct py_arguments *message,
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
    take_out(py_chare_pending(chare), entry);
    entry_drop(py_chare_pending(chare), entry);
    free_if_empty(chare);
}

/* ---------------------------------------------------------------- settling */

/* Of a TAG queue: the first call that brings the tag the chare wants. */
static int find_by_tag(struct py_queue *queue, PyObject *chare, struct py_entry **found) {
    PyObject *wanted = py_condition_wanted(queue->condition, chare);
    if (wanted == NULL) return -1;
    PyObject *address = PyDict_GetItemWithError(queue->buckets, wanted); /* borrowed */
    int same = 0;
    if (address != NULL) {
        struct py_bucket *bucket = bucket_at(address);
        *found = bucket->entries.first;
        if (*found != NULL)
            same = py_condition_matches(queue->condition, wanted, bucket->tag); /* a NaN is found, and equals nothing */
    } else if (PyErr_Occurred()) {
        py_condition_blame(queue->condition); /* the chare's attribute is not hashable */
        same = -1;
    }
    Py_DECREF(wanted);
    return same;
}

static int find_first(struct py_queue *queue, PyObject *chare, uint64_t before, struct py_entry **found) {
    *found = queue->entries.first;
    return (*found)->order < before ? py_condition_holds(queue->condition, chare, NULL) : 0;
}

static int find_each(struct py_queue *queue, PyObject *chare, uint64_t before, struct py_entry **found) {
    for (struct py_entry *entry = queue->entries.first; entry != NULL && entry->order < before; entry = entry->next) {
        if (entry->gone) continue;
        struct py_arguments message = {entry->args, entry->keywords};
        int holds = py_condition_holds(queue->condition, chare, &message);
        *found = entry;
        if (holds != 0) return holds;
    }
    return 0;
}

/* The first entry of queue whose condition holds, if it came before that: 1; 0: there is none; -1: the condition failed
 * (exception set), for *found or, where that is NULL, for all of the queue. */
static int find_in(struct py_queue *queue, PyObject *chare, uint64_t before, struct py_entry **found) {
    *found = NULL;
    switch (queue->condition->kind) {
    case PY_CONDITION_TAG:
        return find_by_tag(queue, chare, found);
    case PY_CONDITION_EACH:
        return find_each(queue, chare, before, found);
    default:
        return find_first(queue, chare, before, found);
    }
}

static struct py_entry *first_of(struct py_pending *pending, const struct py_queue *queue) {
    struct py_entry *entry = pending->all;
    while (entry != NULL && entry->queue != queue) entry = entry->later;
    return entry;
}

/* The earliest entry of the chare whose condition holds (1) or failed (-1, exception set); 0: none. It may be gone. */
static int find_earliest(struct py_chare *chare, struct py_entry **next) {
    struct py_pending *pending = py_chare_pending(chare);
    struct py_state *st = chare->cls->st;
    struct py_entry *found;
    *next = NULL;
    for (struct py_queue *queue = pending->queues; queue != NULL; queue = queue->next) {
        if (queue->count == 0) continue;
        st->running = queue->condition->method;
        int rc = find_in(queue, (PyObject *)chare, *next == NULL ? UINT64_MAX : (*next)->order, &found);
        st->running = NULL;
        if (rc < 0) {
            *next = found != NULL ? found : first_of(pending, queue);
            return -1;
        }
        if (rc > 0 && (*next == NULL || found->order < (*next)->order)) *next = found;
    }
    return *next != NULL;
}

/* The same, of those that are still there when all were asked. */
static int find_next(struct py_chare *chare, struct py_entry **next) {
    struct py_pending *pending = py_chare_pending(chare);
    ask_begin(pending);
    int found = find_earliest(chare, next);
    while (found != 0 && (*next == NULL || (*next)->gone)) {
        PyErr_Clear(); /* of a condition that nobody waits for any more */
        found = find_earliest(chare, next);
    }
    ask_end(pending);
    return found;
}

/* Runs what has waited, or with an exception set fails it. */
static void deliver(struct py_chare *chare, struct py_entry *entry, bool failed) {
    struct py_state *st = chare->cls->st;
    struct chariot_msg *result = NULL;
    take_out(py_chare_pending(chare), entry);
    if (entry->waits != NULL) {
        py_condition_wait_fire(entry->waits, failed ? py_error_fetch() : NULL);
    } else {
        int rc = failed ? py_outcome_take(st, entry->method, &entry->reply, NULL, &result)
                        : py_dispatch_run(st, entry->method, (PyObject *)chare, entry->args, entry->keywords,
                                          &entry->reply, &result);
        if (rc != CHARIOT_LATER) py_outcome_reply_take(st, &entry->reply, rc, result);
    }
    entry_free(entry);
}

static void on_post(struct chariot_pe *pe, void *ctx);

static bool post(struct py_chare *chare) {
    if (chariot_post(chare->cls->st->pe, on_post, chare) != 0) return false;
    Py_INCREF(chare);
    py_chare_pending(chare)->posted = true;
    return true;
}

/* Delivers until nothing holds any more, or others are to have their turn. */
static void settle(struct py_chare *chare) {
    struct py_state *st = chare->cls->st;
    struct py_entry *next;
    int found;
    py_chare_pending(chare)->settling = true;
    for (int left = AT_ONCE; !st->exiting && (found = find_next(chare, &next)) != 0; left--) {
        if (left <= 0 && found > 0 && post(chare)) break;
        deliver(chare, next, found < 0);
    }
    py_chare_pending(chare)->settling = false;
    free_empty_queues(py_chare_pending(chare));
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

int py_pending_post(struct py_chare *chare) {
    if (py_chare_pending(chare) == NULL || py_chare_pending(chare)->posted || post(chare)) return 0;
    return py_raise_code(chare->cls->st, CHARIOT_ENOMEM, "flushing the wait queues");
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
    if (holds < 0 || add_call(chare, method, message, reply) != 0)
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
        take_out(pending, entry);
        if (chare->cls->st->phase == PY_RUNNING && !chare->cls->st->exiting)
            fail(chare, entry);
        else if (entry->waits != NULL)
            py_condition_wait_orphan(entry->waits);
        entry_free(entry);
    }
    if (pending->settling) return; /* who settles frees it */
    free_empty_queues(pending);
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
