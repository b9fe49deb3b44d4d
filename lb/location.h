/* lb/location.h: the location manager: where elements live that are not at home, for location.c (ways), news.c (what
 * PEs tell each other) and migrate.c (moving).
 *
 * A *way* is what a PE knows of one element that lives elsewhere:
 *  - LB_HOME, on the home PE: the authority. All that comes here for the element goes by it.
 *  - LB_LEFT, on the PE that the element left last, until its home has switched: the same.
 *  - LB_CACHED, on any PE, for messages of its own alone; a bounded number, the oldest go first.
 * Without one a message goes to the home PE. So a message takes at most two extra hops: to where the sender believes
 * the element to be, to its home, to the element; which then tells the sender (NEWS).
 *
 * Order. What a PE sends to, or passes on for, an element goes one way at a time, and the ways change only when all
 * that went the old one has arrived; until then later messages are held. When an element moves from A to B, with H its
 * home:
 *
 *   A --ARRIVE, what was put aside, ALONG-> B --LOCATED-> H (holds) --CUT-> A --LAST-> B --THERE-> H (goes on, to B)
 *
 * Before LAST, B takes for the element only what comes by A. H's CUT goes behind all that H had passed to A, and LAST
 * behind all that A had passed to B. Where A is H there is no CUT and no THERE, where B is H no LOCATED and no THERE.
 * All but ARRIVE are handled when they come, as what is only passed on is, and do not wait in the run queue.
 * B lets it move on only when it has LAST, so moves of one element never overlap. A cached way changes behind a PROBE
 * that goes the old way to the element, which answers FOUND. Epochs (moves so far) tell old news from new. */
#ifndef CHARIOT_LB_LOCATION_H
#define CHARIOT_LB_LOCATION_H

#include "objects/location.h"
#include "objects/move.h"

enum {
    LB_MAX_CACHED = 4096,  /* cached ways of one PE */
    LB_MAX_HELD = 1 << 20, /* bytes of messages that one of them holds while it changes */
};

enum lb_way_kind { LB_HOME, LB_LEFT, LB_CACHED };

struct lb_way {
    struct lb_way *older, *newer; /* cached ones */
    uint64_t coll, index[3];
    uint64_t epoch; /* of what is known */
    uint64_t probe; /* cached, held: number of the probe that is under way */
    uint32_t to;
    uint32_t next_to; /* home, held: where it goes on to */
    uint8_t kind;
    bool used;   /* something went this way since it was taken */
    bool holds;  /* it is about to change */
    bool leaves; /* cached, held: it goes for good */
    struct rpc_msg_queue held;
    size_t held_bytes;        /* cached */
    struct chariot_msg *news; /* home, held: LOCATED of the next move */
    struct obj_away *away;    /* the element left from here, and broadcasts that it missed may pass through here */
};

struct lb_leaving {
    uint64_t coll, index[3];
};

struct lb_locations {
    struct lb_way *oldest, *newest;
    size_t num_cached, max_cached, max_held;
    uint64_t probes;
    struct lb_leaving *leaving; /* elements that leave next */
    size_t num_leaving, cap_leaving;
    size_t parcel_bytes; /* of the last element that left */
};

/* This PE's, made on demand. NULL: out of memory, said already. */
struct lb_locations *lb_locations_of(struct chariot_pe *pe);

/* location.c */
struct lb_way *lb_way_get(const struct obj_coll *coll, const uint64_t index[3]);
/* NULL: out of memory, said already. */
struct lb_way *lb_way_add(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], enum lb_way_kind kind,
                          uint32_t to);
/* Drops what it holds. */
void lb_way_remove(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way);
/* Moves what waits here for the element to come to be to the end of queue. */
void lb_take_waiting(struct obj_coll *coll, const uint64_t index[3], struct rpc_msg_queue *queue);
/* Sends what the queue holds to where it goes now, and empties it. */
void lb_release(struct chariot_pe *pe, struct obj_coll *coll, struct rpc_msg_queue *queue);

/* news.c */
void lb_on_located(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
void lb_on_detour(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_msg *msg);
void lb_on_there(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
void lb_on_probe(struct chariot_pe *pe, struct chariot_msg *msg);
void lb_on_found(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
void lb_on_news(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
/* The PE where the element arrived has delivered broadcasts up to `upto`. */
void lb_away_told(struct chariot_pe *pe, struct obj_coll *coll, struct obj_away *away, uint64_t upto);
void lb_on_told(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
/* A message about the element. NULL: out of memory, said already. */
struct chariot_msg *lb_news_new(struct chariot_pe *pe, uint64_t coll, const uint64_t index[3], enum obj_move_what what);
/* A probe goes to the element by PE `to`; gives its number, 0: out of memory. */
uint64_t lb_probe_send(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to);

/* migrate.c */
bool lb_prompt(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
void lb_on_move(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
/* The element has what it waited for: what was held for it is delivered; it may move on. */
void lb_on_ready(struct chariot_pe *pe, struct chariot_elem *elem);

#endif
