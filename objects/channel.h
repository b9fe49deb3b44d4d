/* objects/channel.h: one end of a channel, for the files that make it: channel.c (opening, pairing, the end),
 * channel_flow.c (messages, their order, credit, who waits) and channel_move.c (elements that move take theirs along).
 *
 * The n-th end that a chare opens to another meets the n-th that the other opens to it. Each end has an id, unique in
 * the job; OPEN tells the other chare that id, with the opener and n. All later messages are sent to the chare, as
 * calls are, and name the end that sent them: (its id, the chare that receives) finds the end that it belongs to.
 *
 *   opened here --OPEN from there--> established --CLOSE from there--> over, once all before it was read
 *   heard of    --opened here------>
 *   opened here --REFUSED: the other chare's collection is no more--> over
 *   established --CLOSE that says ENDS: the other end sends no more, and reads on--> established
 *
 * DATA, CREDIT and CLOSE are numbered together and put in order where they arrive, so nothing depends on the way that
 * they took; those that overtake the OPEN wait for it.
 * A record lives until both sides have closed, or its chare is destroyed.
 *
 * An end whose `peer` is 0 is half open: its OPEN may be on its way here.
 *
 * Moving. Nothing in an end points anywhere but to its chare, its handles and those who wait. While nobody waits, all
 * that it is travels behind the state of its chare: the pair's remote and `made`, the end's ids, its counters, and the
 * messages in `unread`, which are counted as received. Those in `early`, and strays, are sent along instead: they come
 * in their order by their numbers, as all that is under way. On the new PE each open end is held until the object has
 * been unpacked, which takes its handles by id; what is not taken then is closed. The old handles are dead: the object
 * that has them goes next. */
#ifndef CHARIOT_OBJECTS_CHANNEL_H
#define CHARIOT_OBJECTS_CHANNEL_H

#include "objects/pe.h"

/* What a message weighs beside its bytes (a kibibyte, with those rounded up to a unit); what may be unread before the
 * sender should wait; before it is refused. */
#define OBJ_CHANNEL_MESSAGE_WEIGHT (1024u - OBJ_CHANNEL_WEIGHT_UNIT)
#define OBJ_CHANNEL_WINDOW         ((uint64_t)128 << 20)
#define OBJ_CHANNEL_LIMIT          ((uint64_t)256 << 20)
/* The same where a client is at one end: there may be many, and none of them is of the job. */
#define OBJ_CHANNEL_CLIENT_WINDOW ((uint64_t)1 << 20)
#define OBJ_CHANNEL_CLIENT_LIMIT  ((uint64_t)16 << 20)
enum { OBJ_CHANNEL_WEIGHT_UNIT = 64, OBJ_CHANNEL_MAX_UNITS = 1 << 30 }; /* of weights in messages */

enum obj_channel_over {
    OBJ_CHANNEL_LIVES = 0,
    OBJ_CHANNEL_DROPPED,   /* the other chare has let go of its end */
    OBJ_CHANNEL_DESTROYED, /* the other chare is no more */
    OBJ_CHANNEL_ENDS,      /* in messages only: it is not over, but sends no more */
};

/* One chare, and another that it has channels with. Lives as long as the chare or, where the other is a client's
 * (client.h), as long as it has ends: no more will be opened. */
struct obj_channel_pair {
    struct chariot_elem *elem;
    struct chariot_ref remote;
    struct obj_channel_pair *same; /* the next of the same hash */
    struct obj_channel_pair *next; /* the next of elem */
    struct chariot_channel *ends;
    uint32_t made; /* ends that were opened here so far */
};

struct chariot_channel {
    struct chariot_pe *pe;
    struct obj_channel_pair *pair; /* NULL: its chare was destroyed */
    struct chariot_channel *next;  /* in pair->ends */
    uint64_t id;                   /* 0: heard of, not opened here yet */
    uint64_t peer;                 /* id of the other end; 0: not heard of yet */
    uint32_t number;               /* n, from 0 */
    uint32_t refs;                 /* handles and waiters */
    uint8_t over;                  /* enum obj_channel_over: the other end is no more */
    bool closed;                   /* its CLOSE has come, and all before it */
    bool dropped;                  /* its last handle has gone */
    bool finished;                 /* it sends no more */
    bool ended;                    /* the other end sends no more */
    bool granted;                  /* a receiver was called: the next message is for it */
    bool arrived;                  /* has moved here just now, and nobody has let go of it */
    bool has_client;               /* at one of its ends */
    uint32_t waiting;              /* waiters that were not called yet */

    uint64_t sent;                      /* number of the last message */
    uint64_t sent_weight, acked_weight; /* sent in all; read at the other end, as far as it has said */

    uint64_t received;      /* number of the last that came in order */
    uint64_t untold_weight; /* read here, and the other end does not know it yet */
    struct rpc_msg_queue unread;
    struct rpc_msg_queue early; /* by number: those before them are still under way */
    uint64_t promised;          /* receivers that are called next: as many messages are theirs */
    struct obj_waiters receivers, watchers, senders;
};

/* channel.c */
/* Sends a message, with its payload, to the other chare. */
void obj_channel_send_take(struct chariot_channel *channel, struct chariot_msg *msg);
void obj_channel_unref(struct chariot_channel *channel);
/* The other end is no more. */
void obj_channel_is_over(struct chariot_channel *channel, enum obj_channel_over how);
/* The end that a message from `peer` to elem belongs to; NULL: not heard of. */
struct chariot_channel *obj_channel_find(struct chariot_pe *pe, uint64_t peer, const struct chariot_elem *elem);
/* The pair, made at its first use. NULL: out of memory. */
struct obj_channel_pair *obj_channel_pair_of(struct chariot_pe *pe, struct chariot_elem *elem,
                                             const struct chariot_ref *remote);
/* Its ends have gone. */
void obj_channel_forget_pair(struct chariot_pe *pe, struct obj_channel_pair *pair);
/* An end of the pair, known by no id yet. NULL: out of memory. */
struct chariot_channel *obj_channel_end_new(struct chariot_pe *pe, struct obj_channel_pair *pair, uint32_t number);
/* It has arrived from elsewhere, with these ids (0: none), which no other end here has. Holds a reference where it is
 * open (`arrived`). CHARIOT_ENOMEM. */
int obj_channel_name(struct chariot_channel *channel, uint64_t id, uint64_t peer);
/* It lives elsewhere now; handles that are left here are dead. */
void obj_channel_forsake(struct chariot_channel *channel);

/* channel_flow.c */
/* Calls who can go on. */
void obj_channel_wake(struct chariot_channel *channel);

#endif
