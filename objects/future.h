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
    bool travels;   /* future_move.c: it is in the state of an element that is packed or unpacked now */
    bool cancelled; /* complete before its values were there: later ones are dropped */
};

/* future.c. A handle to one of another PE, or to one that only others know still. NULL: out of memory. */
struct chariot_future *obj_future_handle_new(struct chariot_pe *pe, uint64_t id);
/* False: out of memory, the job ends. */
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
/* PE `to` is told when it completes; until then it lives. */
void obj_future_add_subscriber(struct chariot_future *future, uint32_t to);
/* All values of a complete one; those of one that has none here yet, CHARIOT_EMALFORMED, CHARIOT_ENOMEM (said
 * already). */
void obj_future_put_values(struct chariot_future *future, struct chariot_writer *writer);
int obj_future_read_values(struct chariot_future *future, struct chariot_reader *reader);
int obj_future_skip_values(struct chariot_reader *reader);

/* future_move.c: chariot_future_take_along() has listed those of an element that is packed. Writes them; promises PE
 * `to`, where they are on their way to, the values of those that are not complete. */
void obj_future_travel_put(struct chariot_pe *pe, struct chariot_writer *writer);
void obj_future_travel_promise(struct chariot_pe *pe, uint32_t to);
/* Opens all that reader holds, until travel_end(). CHARIOT_EMALFORMED, CHARIOT_ENOMEM. */
int obj_future_travel_get(struct chariot_pe *pe, struct chariot_reader *reader);
/* It is unpacked, or has not been packed. */
void obj_future_travel_end(struct chariot_pe *pe);

#endif
