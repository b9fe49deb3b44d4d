/* objects/location.h: where elements live.
 *
 * Every index has a home PE, a function of the index alone: where its element comes to be unless it is placed
 * elsewhere, and the authority for where it lives then. Who knows of elements away from home is the location manager:
 * lb/ fills in its table of operations. */
#ifndef CHARIOT_OBJECTS_LOCATION_H
#define CHARIOT_OBJECTS_LOCATION_H

#include "objects/pe.h"

/* In place of a PE: the message must wait here, with hold_take(), since what was sent before it may be on its way. */
#define OBJ_LOCATION_HOLD UINT32_MAX

struct obj_location_ops {
    const char *name;
    /* Where a message of this PE's own for index goes now: another PE, or this one, where it then is delivered or
     * waits; OBJ_LOCATION_HOLD. May be called by the stand-in. */
    uint32_t (*find)(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3]);
    /* The same for one that has come here. May be called by the stand-in. */
    uint32_t (*pass)(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg);
    /* Keeps msg until it may go on, in its order. */
    void (*hold_take)(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
    /* A message that was passed on has reached its element. */
    void (*on_detour)(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_msg *msg);
    /* This PE has decided that the element of index will be created on PE `to`, and tells that PE now. */
    void (*on_placed)(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to);
    /* An element has come to live here, placed by PE `from`, whose on_placed has been called. */
    void (*on_created)(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t from);
    /* A LOCATED message: the element of its index lives on PE `root`; seq: its moves so far; method: the PE that it
     * left for it, where seq is not 0; reply: the last broadcast that had been delivered there. */
    void (*on_located)(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
    /* A MOVE message has come to this PE, and is queued: from now on what comes behind it is queued too. May be called
     * by the stand-in. */
    void (*on_coming)(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg);
    /* A MOVE or LOCATED message has come. True: it was handled at once, so that what is held goes on; false: it waits
     * for its turn. Runs no user code. May be called by the stand-in. */
    bool (*prompt)(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
    /* A MOVE message (move.h) that is no broadcast's. coll NULL: not known here. */
    void (*on_move)(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg);
    /* The element has what it waited for (move.h). */
    void (*on_ready)(struct chariot_pe *pe, struct chariot_elem *elem);
    /* The collection goes; the PE goes. */
    void (*on_gone)(struct chariot_pe *pe, struct obj_coll *coll);
    void (*deinit)(struct chariot_pe *pe);
};
extern const struct obj_location_ops obj_location_ops; /* lb/location.c */

/* The authority for index. Pure; the same on every PE. */
uint32_t obj_location_home(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]);
/* A dense collection comes to be: calls fn for each index that this PE creates, or asks the map for. */
void obj_location_each_initial(struct chariot_pe *pe, const struct obj_coll *coll,
                               void (*fn)(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3],
                                          void *ctx),
                               void *ctx);
/* True if PE `other` creates elements of this dense collection (which has no map). */
bool obj_location_holds_initial(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t other);
/* An element was inserted where there is one: the job ends. (insert.c) */
void obj_inserted_twice(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]);
/* Number of elements of a dense collection. */
uint64_t obj_location_count(const struct chariot_pe *pe, const struct obj_coll *coll);

#endif
