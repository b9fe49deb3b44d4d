/* python/pending_queue.h: the structure behind pending.h: one queue per condition, for TAG conditions one bucket per
 * tag, and all entries of the chare in order of arrival.
 *
 * Asking conditions, and hashing and comparing tags, runs user code, which may take out what waits: from
 * py_pending_ask_begin() to the matching end no entry's memory goes (entry->gone). */
#ifndef CHARIOT_PYTHON_PENDING_QUEUE_H
#define CHARIOT_PYTHON_PENDING_QUEUE_H

#include "python/pending.h"

void py_pending_ask_begin(struct py_pending *pending);
void py_pending_ask_end(struct py_pending *pending);

/* The queue of that condition, made on demand. Borrowed; NULL with an exception set. */
struct py_queue *py_queue_of(struct py_pending *pending, struct py_condition *condition);
/* Frees those in which nothing waits. */
void py_pending_free_queues(struct py_pending *pending);

/* A new entry in queue. message: of a call. NULL with an exception set. */
struct py_entry *py_entry_new(struct py_pending *pending, struct py_queue *queue, const struct py_arguments *message);
/* From its places; it is to be freed or dropped. */
void py_entry_take_out(struct py_pending *pending, struct py_entry *entry);
void py_entry_free(struct py_entry *entry);
/* A coroutine's that was taken out. Freed when nobody asks conditions any more: a collection of garbage in the midst of
 * that may drop who waits, and whoever asks goes on from the entry. */
void py_entry_drop(struct py_pending *pending, struct py_entry *entry);

/* The earliest entry of the chare whose condition holds (1) or failed (-1, exception set); 0: none. */
int py_pending_find(struct py_chare *chare, struct py_entry **next);

#endif
