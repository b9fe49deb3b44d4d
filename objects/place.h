/* objects/place.h: where elements come to be: placement maps of the program, and insertion.
 *
 * Placement says where an element is created, once; the location table (location.h) who knows where it lives, for ever.
 * An array created with a map is placed by its map group: for each index one of the group's elements is asked, for a
 * dense array by the PE that the location table gives the index to (each_initial), which sends the creations out in
 * bulk, for an insertion by the PE that inserts, or the root where it comes late. A map that is not here yet is waited
 * for. */
#ifndef CHARIOT_OBJECTS_PLACE_H
#define CHARIOT_OBJECTS_PLACE_H

#include <stdio.h>

#include "objects/call.h"
#include "objects/location.h"
#include "objects/reduce.h"
#include "objects/ref.h"

/* What an INSERT message asks for, in its method field. The first ones stay on their PE. */
enum obj_insert {
    OBJ_INSERT_ONE = 0, /* create this element here */
    OBJ_INSERT_MANY,    /* those whose indices stand in front of the arguments */
    OBJ_INSERT_LATE,    /* to the root: an insertion after chariot_done_inserting() */
    OBJ_INSERT_FIRST_LOCAL,
    OBJ_INSERT_ISSUE = OBJ_INSERT_FIRST_LOCAL, /* the program's insertion, of an array that was not known here */
    OBJ_INSERT_ASK_MAP,                        /* ask the map where it goes */
    OBJ_INSERT_BLOCK,                          /* ask it for all that each_initial gives this PE */
};

/* What a COUNT message says, in its method field. */
enum obj_count {
    OBJ_COUNT_ARRIVED = 0, /* seq insertions more have arrived, on the sender and below it */
    OBJ_COUNT_PASS_ON,     /* local: tell the tree parent */
};

enum { OBJ_PLACE_LATER = 1 };
/* Asks the array's map. OBJ_PLACE_LATER: it is not here yet; negative: it failed, and the job ends. */
int obj_place_ask(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], uint32_t *to);
/* Places this PE's share of a dense array, whose arguments are msg's payload; msg waits for the map if need be. */
void obj_place_block(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);

/* insert.c */
void obj_insert_issue_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);

#endif
