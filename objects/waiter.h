/* objects/waiter.h: lists of those who wait for something: a future's value, a channel's message or room in it.
 *
 *   waits, in the list of what it waits for --obj_waiter_ready--> pe->ready --scheduler--> fn is called
 *
 * A waiter is its owner's memory while it stands in a list; it can leave whichever that is (chariot_waiter_forget). It
 * holds a reference to what it waits for, which ends behind its call. */
#ifndef CHARIOT_OBJECTS_WAITER_H
#define CHARIOT_OBJECTS_WAITER_H

#include "objects/chariot.h"

/* First in, first out. It does not move while anyone is in it. */
struct obj_waiters {
    struct chariot_waiter *first, **end;
    size_t count;
};

/* What the thing that is waited for has to say about it. */
struct obj_waiter_ops {
    void (*on_call)(struct chariot_waiter *waiter); /* its fn is called next; may be NULL */
    /* It left before it was called; ready: it was about to be. May be NULL. */
    void (*on_forget)(struct chariot_waiter *waiter, bool ready);
    void (*release)(void *on); /* drops the waiter's reference; behind its call */
};

void obj_waiters_init(struct obj_waiters *list);
/* Takes the reference `on`. */
void obj_waiter_add(struct chariot_pe *pe, struct obj_waiters *list, struct chariot_waiter *waiter,
                    const struct obj_waiter_ops *ops, void *on);
/* It is called soon. */
void obj_waiter_ready(struct chariot_waiter *waiter);
void obj_waiters_ready(struct obj_waiters *list); /* all of them */
/* Calls those that are ready now; those that become so meanwhile come next time. */
void obj_waiters_run(struct chariot_pe *pe);

#endif
