/* objects/move.h: what this room knows of elements that move from PE to PE; how they do is the location manager's
 * (lb/).
 *
 *   settled --LEAVE--> under way --ARRIVE--> arrived, waits --nothing is left to wait for--> settled
 *
 * Broadcasts. PEs are not all equally far: an element may come to a PE that has delivered broadcasts which it has not
 * seen. The PE that it left has a record of it (struct obj_away) until it has heard how far the other was, and has
 * passed on what the element missed, as MISSED, when it was delivered here itself; their results come back as ANSWER
 * and count here. Until CAUGHT_UP the element keeps later broadcasts (`late`) and does not move on. Where the new PE is
 * behind, the element has seen more than that, and is passed over. So each sees each once, in their order.
 *
 * Leaving. From chariot_migrate() on nothing reaches an element where it is, however long it still has to wait: it is
 * put aside, broadcasts as calls (`along`), and goes behind ARRIVE, with ALONG behind it. Where the element stays, or
 * is postponed, it runs there. But one that moves on as soon as it comes, before anything has reached it, would never
 * hear anything: so there what came along with it runs, until something tells it anew to move. */
#ifndef CHARIOT_OBJECTS_MOVE_H
#define CHARIOT_OBJECTS_MOVE_H

#include "objects/pe.h"

/* What a MOVE message says, in its method field. target and index: the element. */
enum obj_move_what {
    OBJ_MOVE_ARRIVE = 0, /* from the PE that it leaves; seq: its moves, with this one; reply: 1: in a
                            step of load balancing; payload: lb/parcel.h */
    OBJ_MOVE_CUT,        /* home to the PE that it left: the new PE is `root`, which had delivered up to `reply` */
    OBJ_MOVE_LAST,       /* to its PE: nothing comes any more by the PE that it left */
    OBJ_MOVE_THERE,      /* to home: that has come; messages may go straight to this PE */
    OBJ_MOVE_PROBE,      /* to the element, as calls go: all before it has come; reply: the asker's number */
    OBJ_MOVE_FOUND,      /* to the asker, with that number: it lives on PE `root`, after seq moves */
    OBJ_MOVE_NEWS,       /* to one whose message came by a detour: the same */
    OBJ_MOVE_FIRST_BROADCAST,
    OBJ_MOVE_MISSED = OBJ_MOVE_FIRST_BROADCAST, /* to its PE: broadcast seq, of method `reply` */
    OBJ_MOVE_CAUGHT_UP,                         /* to its PE: that was all */
    OBJ_MOVE_ALONG,                             /* to its PE: all that was put aside has come */
    OBJ_MOVE_ANSWER,                            /* to the PE that passed it on: its part of the result; reply: `of` */
    OBJ_MOVE_DONE,                              /* the same without a value */
    OBJ_MOVE_CONTRIBUTION, /* to its anchor (seat.h); target: the section; index: its place; seq: its number */
    OBJ_MOVE_UNSEATED,     /* the same: it has left; seq: how many there were */
    OBJ_MOVE_FIRST_LOCAL,
    OBJ_MOVE_LEAVE = OBJ_MOVE_FIRST_LOCAL, /* local: those that are to leave do */
    OBJ_MOVE_TOLD, /* local: broadcast `seq` was the last where the one of record `reply` arrived */
};

/* What an element waits for before it may move on. */
enum {
    OBJ_WAITS_LAST = 1 << 0,      /* messages that come by the PE that it left go before all others */
    OBJ_WAITS_PROBE = 1 << 1,     /* messages that this PE had sent it go before what it sends now */
    OBJ_WAITS_CAUGHT_UP = 1 << 2, /* broadcasts that it missed */
    OBJ_WAITS_ALONG = 1 << 3,     /* what was put aside where it was */
    OBJ_WAITS_MESSAGES = OBJ_WAITS_LAST | OBJ_WAITS_PROBE,
    OBJ_WAITS_BROADCASTS = OBJ_WAITS_CAUGHT_UP | OBJ_WAITS_ALONG, /* which go before those that come here */
};

/* An element that has moved, or is about to. */
struct obj_move {
    uint64_t epoch; /* moves so far */
    uint64_t probe; /* number of the probe that it waits for */
    uint32_t from;  /* the PE that it left last */
    uint32_t bytes; /* that its last move took; 0: it has not moved */
    uint32_t to;    /* where it wants to go */
    bool wants;
    bool in_step;     /* it is to move in a step of load balancing, whose PE 0 is to hear what became of that */
    bool synced_late; /* it waits for a step since it wants to move, and is to be counted when it has */
    bool leaving;     /* it goes in this step of the scheduler */
    bool postponed;   /* it was to go, and the face has said CHARIOT_LATER */
    bool roams;       /* it has wanted to leave since it came */
    uint8_t waits;
    uint8_t told;               /* how often, in a row, ... */
    uint32_t told_pe;           /* ... this PE was told where it lives */
    struct rpc_msg_queue held;  /* messages for it that came too soon */
    struct rpc_msg_queue along; /* those that came since it is to leave */
    struct chariot_msg **late;  /* broadcasts after those that it waits for */
    size_t num_late, cap_late;
};

/* An element that left, until what it missed has been passed on. */
struct obj_away {
    struct obj_away *next, **prev;
    uint64_t index[3];
    uint64_t seen; /* the last broadcast that it has seen */
    uint64_t upto; /* the last one that had been delivered where it arrived; UINT64_MAX: not known yet */
    uint32_t to;
};

/* It is to leave: nothing reaches it here but what may (roams). */
static inline bool obj_move_is_wanted(const struct obj_move *move) {
    return move != NULL && move->wants && !move->postponed;
}
/* It leaves as soon as what runs now has ended. */
static inline bool obj_move_is_due(const struct obj_move *move) {
    return obj_move_is_wanted(move) && move->waits == 0;
}
/* It was put aside where the element comes from. */
static inline bool obj_move_came_along(const struct obj_move *move, const struct chariot_msg *msg) {
    return (move->waits & OBJ_WAITS_ALONG) != 0 && msg->hops > 0 && msg->root == move->from;
}
static inline bool obj_move_is_probe(const struct chariot_msg *msg) {
    return msg->kind == OBJ_KIND_MOVE && msg->method == OBJ_MOVE_PROBE;
}
/* What handlers rely on, of one from another PE. */
static inline bool obj_move_is_acceptable(const struct chariot_msg *msg) {
    bool section = obj_id_kind(msg->target) == CHARIOT_SECTION && obj_id_is_partial(msg->target);
    if (msg->method >= OBJ_MOVE_CONTRIBUTION) return msg->method < OBJ_MOVE_FIRST_LOCAL && section;
    bool answer = msg->method == OBJ_MOVE_ANSWER || msg->method == OBJ_MOVE_DONE;
    return obj_id_kind(msg->target) == CHARIOT_ARRAY_OF || (answer && section);
}

/* The record of elem, made on demand. NULL: out of memory, said already. */
struct obj_move *obj_move_of(struct chariot_pe *pe, struct chariot_elem *elem);
/* Takes NULL. Whoever waits for what it holds hears that it was destroyed, unless the job ends. */
void obj_move_free(struct chariot_pe *pe, struct obj_move *move);
/* A MOVE message is queued. coll NULL: its collection is not known here. */
void obj_move_note(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg);
/* The collection is known from now on: the same for those that have come before. */
void obj_move_note_early(struct chariot_pe *pe, struct obj_coll *coll);
/* The element is to see broadcasts of its collection later, or elsewhere, in their order: obj_move_keep(). */
static inline bool obj_move_keeps(const struct obj_move *move) {
    return move != NULL && (obj_move_is_wanted(move) || (move->waits & OBJ_WAITS_BROADCASTS) != 0);
}
void obj_move_keep(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg);
/* A broadcast's turn with it has come. Where it is to leave, that goes along, as a call. */
void obj_move_see(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *broadcast,
                  struct chariot_reply *reply);
/* The result of one who saw a broadcast elsewhere than where results are collected. Takes value (NULL: none). */
void obj_move_answer_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value);

/* The element leaves for PE `to`. NULL: out of memory. */
struct obj_away *obj_away_add(struct obj_coll *coll, const struct chariot_elem *elem, uint32_t to);
/* Once: it has arrived where broadcasts up to `upto` had been delivered. The record is not the caller's any more. */
void obj_away_told(struct chariot_pe *pe, struct obj_coll *coll, struct obj_away *away, uint64_t upto);
/* How many of those that left count here for broadcast `number`, as far as is known. */
size_t obj_away_count(const struct obj_coll *coll, uint64_t number);
/* A broadcast has been delivered here: passes it on to those that missed it, or keeps it. */
void obj_away_deliver(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
/* All up to coll->broadcasts have been: forgets those that have seen all. */
void obj_away_check(struct chariot_pe *pe, struct obj_coll *coll);
void obj_away_free(struct obj_coll *coll);

/* broadcast.c */
/* Where a member's result of this broadcast goes, collected on PE `at`. */
struct chariot_reply obj_broadcast_reply(const struct chariot_msg *msg, uint32_t at);
/* Calls it on one member. */
void obj_broadcast_invoke(struct chariot_pe *pe, const struct obj_member *member, struct chariot_msg *msg,
                          struct chariot_reply *reply);
bool obj_broadcast_wants(const struct chariot_msg *msg);
/* A call of one element, with this reply, in the broadcast's stead; its target and method are the broadcast's still.
 * NULL: out of memory, said already. */
struct chariot_msg *obj_broadcast_as_call(struct chariot_pe *pe, const struct chariot_msg *msg,
                                          const struct chariot_reply *reply);

#endif
