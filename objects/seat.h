/* objects/seat.h: members of sections that move from PE to PE.
 *
 * The PE where an element joined a section stays its *anchor*: the section's span does not change, and the anchor keeps
 * the member, *absent*, with its place and counts. The element takes a *seat* along, which says where that is.
 *
 *   broadcasts      anchor --CALL of the element, reply: the section--> its PE --ANSWER--> anchor
 *   contributions   its PE --CONTRIBUTION, numbered, to the place--> anchor, which counts them in their order
 *   the end         its PE --UNSEATED, how many there were in all--> anchor: gone, once it has had that many
 *
 * So an absent member counts at its anchor as others do, and what is told of it comes by the ways that all calls take
 * (location.h): each once, in order. One that comes back to its anchor remains absent. */
#ifndef CHARIOT_OBJECTS_SEAT_H
#define CHARIOT_OBJECTS_SEAT_H

#include "objects/pe.h"

/* At the anchor: the element in whose stead a member (elem: NULL) stands. */
struct obj_absent {
    uint64_t of; /* its collection */
    uint64_t index[3];
    uint64_t all; /* contributions that it has made, when it has left the section; UINT64_MAX: it has not */
    uint32_t type;
    uint8_t ndims;
    struct rpc_msg_queue early; /* contributions that have overtaken others */
};

/* With the element; travels with it, as it lies in memory but for `next`. */
struct obj_seat {
    struct obj_seat *next;
    uint64_t section;
    uint64_t reductions; /* contributed so far */
    uint32_t anchor;
    uint32_t place; /* among the members there */
};

/* ---- the element's PE */
struct obj_seat *obj_seat_find(const struct chariot_elem *elem, uint64_t section);
/* All seats that elem will have when it has left this PE. The error is the writer's too. */
int obj_seats_write(const struct chariot_pe *pe, const struct chariot_elem *elem, struct chariot_writer *writer);
/* It leaves with these: the members that it is here are absent from now on. CHARIOT_ENOMEM. */
int obj_seats_leave(struct chariot_elem *elem);
/* Its element is to leave, and what the section tells it goes along: this member is absent from now on, also where the
 * element stays. CHARIOT_ENOMEM. */
int obj_seat_begin(const struct chariot_pe *pe, struct obj_member *member);
/* It has arrived. CHARIOT_EMALFORMED, CHARIOT_ENOMEM. */
int obj_seats_read(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_reader *reader);
/* Its part of the next reduction; takes value. future: this PE's, which gets the result of an allreduce; 0: none. */
void obj_seat_contribute_take(struct chariot_pe *pe, struct obj_seat *seat, struct chariot_msg *value, uint32_t reducer,
                              const struct chariot_target *target, uint64_t future);
/* The section is about to be destroyed: false: elem has no seat in it. */
bool obj_seat_give_up(struct chariot_pe *pe, struct chariot_elem *elem, uint64_t section);
/* The element is destroyed. */
void obj_seats_give_up_all(struct chariot_pe *pe, struct chariot_elem *elem);

/* ---- its anchor */
/* The broadcast goes to the element. */
void obj_absent_deliver(struct chariot_pe *pe, const struct obj_member *member, struct chariot_msg *broadcast);
void obj_absent_free(struct obj_absent *absent); /* takes NULL */
/* CONTRIBUTION, UNSEATED (move.h). */
void obj_seat_on_message(struct chariot_pe *pe, struct chariot_msg *msg);

#endif
