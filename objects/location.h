/* objects/location.h: where elements live: the ops table that the location manager fills in.
 *
 * Every index has a home PE, a function of the index alone: the authority for where its element lives. Here stands the
 * static map (obj_location_static): elements stay where they were created; only the home PE knows of those that were
 * placed elsewhere. lb/ replaces it with one that follows migrations. */
#ifndef CHARIOT_OBJECTS_LOCATION_H
#define CHARIOT_OBJECTS_LOCATION_H

#include "objects/pe.h"

struct obj_location_ops {
    const char *name;
    /* The authority for index. Pure; the same on every PE. */
    uint32_t (*home)(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]);
    /* Where to send a message for index now: another PE, or this one, where it then is delivered or waits. May be
     * called by the stand-in. */
    uint32_t (*find)(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3]);
    /* This PE has decided that the element of index will be created on PE `to`, and tells that PE now. */
    void (*on_placed)(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to);
    /* An element has come to live here, placed by PE `from`, whose on_placed has been called. */
    void (*on_created)(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t from);
    /* A dense collection comes to be: calls fn for each index that this PE creates, or asks the map for. */
    void (*each_initial)(struct chariot_pe *pe, const struct obj_coll *coll,
                         void (*fn)(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3],
                                    void *ctx),
                         void *ctx);
    /* True if PE `other` creates elements of this dense collection (which has no map). */
    bool (*holds_initial)(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t other);
};

extern const struct obj_location_ops obj_location_static;

/* An element was inserted where there is one: the job ends. (insert.c) */
void obj_inserted_twice(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]);
/* Number of elements of a dense collection. */
uint64_t obj_location_count(const struct chariot_pe *pe, const struct obj_coll *coll);

#endif
