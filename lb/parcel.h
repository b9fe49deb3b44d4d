/* lb/parcel.h: what an element takes along when it moves, the payload of ARRIVE: head, state, seats, channels.
 *
 * PEs of a job run one build, so the head travels as it lies in memory. */
#ifndef CHARIOT_LB_PARCEL_H
#define CHARIOT_LB_PARCEL_H

#include "objects/pe.h"

struct lb_parcel_head {
    uint64_t state_bytes;  /* of the object; behind them come the futures in it, ... */
    uint64_t future_bytes; /* ... and behind those its seats and channels */
    uint64_t broadcasts;   /* the last one that it has seen */
    uint64_t reductions;   /* that it has contributed to */
    uint64_t at_sync;
    uint64_t stays;   /* no balancer may move it */
    uint64_t synced;  /* enum lb_synced */
    uint64_t load_ns; /* what it has cost in this phase so far */
    uint64_t along;   /* what was put aside for it follows (objects/move.h) */
};

/* Whether it waits for a step of load balancing, and whether PE 0 knows. */
enum lb_synced { LB_IS_FREE, LB_IS_COUNTED, LB_IS_UNCOUNTED };

/* As read; borrows from the message. */
struct lb_parcel {
    struct chariot_msg *msg;
    struct lb_parcel_head head;
    struct chariot_reader state, futures, rest;
};

/* A MOVE message; once it is sent, obj_future_travel_promise() follows. NULL: it cannot be packed, *rc says why. Runs
 * user code. */
struct chariot_msg *lb_parcel_pack(struct chariot_pe *pe, struct chariot_elem *elem, int *rc);
/* CHARIOT_EMALFORMED. */
int lb_parcel_read(struct chariot_msg *msg, struct lb_parcel *parcel);
/* The element, in its place, gets its channels and its object. Runs user code; ends the job where that fails. */
void lb_parcel_unpack(struct chariot_pe *pe, struct chariot_elem *elem, struct lb_parcel *parcel);

#endif
