/* objects/future.h: what a future is, for the files that make it: future.c (its life, its waiters, the public side) and
 * future_peer.c (how values and subscriptions travel). */
#ifndef CHARIOT_OBJECTS_FUTURE_H
#define CHARIOT_OBJECTS_FUTURE_H

#include "objects/pe.h"

#define OBJ_TEXT_FUTURE_GONE "the future is gone: nobody on the PE that made it holds it any more"

struct chariot_future {
    struct chariot_pe *pe;
    uint64_t id;
    uint64_t needed;
    struct chariot_msg **values; /* &first, while there is one at most */
    struct chariot_msg *first;
    struct obj_waiters waiters;
    uint32_t *subscribers; /* PEs to tell */
    uint32_t num_subscribers;
    uint32_t refs;
    uint64_t num_values;
    struct chariot_ref about; /* what gives the value: a call of this; kind 0: anybody */
    uint32_t about_method;
    bool own;          /* values come together here; else a handle */
    bool shared;       /* the id was handed out */
    bool subscribed;   /* a handle that has asked */
    size_t kept_bytes; /* while it is among the recent ones */
    bool complete;
    bool cancelled; /* complete before its values were there: later ones are dropped */
};

/* future.c. False: out of memory, the job ends. */
bool obj_future_store_take(struct chariot_future *future, struct chariot_msg *value);
/* Readies the waiters and tells the subscribers. */
void obj_future_complete(struct chariot_future *future);

/* Completes it with this error, unless it is complete. */
void obj_future_cancel_take(struct chariot_future *future, struct chariot_msg *error);

/* future_peer.c */
/* A handle asks the owner to cancel it. */
void obj_future_ask_cancel_take(struct chariot_future *future, struct chariot_msg *error);
/* Sends all values to a PE. */
void obj_future_tell(struct chariot_future *future, uint32_t to);
/* A handle asks its owner, once. */
void obj_future_subscribe(struct chariot_future *future);

#endif
