/* What waits at a chare (pending.h), by condition and by tag, and which of it is next. */
#include "python/pending_queue.h"

#include <stdlib.h>

#include "python/errors.h"

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

void py_entry_free(struct py_entry *entry) {
    Py_XDECREF(entry->args);
    Py_XDECREF(entry->keywords);
    free(entry);
}

/* A coroutine's that was taken out. User code of conditions and tags may cause it, such as a collection of garbage that
 * drops who waits: whoever asks them goes on from the entry. */
void py_entry_drop(struct py_pending *pending, struct py_entry *entry) {
    if (pending->asking == 0) {
        py_entry_free(entry);
        return;
    }
    entry->gone = true;
    entry->later = pending->gone;
    pending->gone = entry;
}

void py_pending_ask_begin(struct py_pending *pending) {
    pending->asking++;
}

void py_pending_ask_end(struct py_pending *pending) {
    if (--pending->asking > 0) return;
    for (struct py_entry *entry; (entry = pending->gone) != NULL;) {
        pending->gone = entry->later;
        py_entry_free(entry);
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

struct py_queue *py_queue_of(struct py_pending *pending, struct py_condition *condition) {
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

void py_pending_free_queues(struct py_pending *pending) {
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

/* ---------------------------------------------------------------- their places */

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

void py_entry_take_out(struct py_pending *pending, struct py_entry *entry) {
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
struct py_entry *py_entry_new(struct py_pending *pending, struct py_queue *queue, const struct py_arguments *message) {
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

/* ---------------------------------------------------------------- finding */

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
int py_pending_find(struct py_chare *chare, struct py_entry **next) {
    struct py_pending *pending = py_chare_pending(chare);
    py_pending_ask_begin(pending);
    int found = find_earliest(chare, next);
    while (found != 0 && (*next == NULL || (*next)->gone)) {
        PyErr_Clear(); /* of a condition that nobody waits for any more */
        found = find_earliest(chare, next);
    }
    py_pending_ask_end(pending);
    return found;
}
