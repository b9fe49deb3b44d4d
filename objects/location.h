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
    /* An element has come to live here. */
    void (*on_created)(struct chariot_pe *pe, struct chariot_elem *elem);
    /* A dense collection comes to be: calls fn for each index that this PE creates. */
    void (*each_initial)(struct chariot_pe *pe, const struct obj_coll *coll,
                         void (*fn)(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3],
                                    void *ctx),
                         void *ctx);
    /* True if PE `other` creates elements of this dense collection. */
    bool (*holds_initial)(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t other);
};

extern const struct obj_location_ops obj_location_static;

/* Number of elements of a dense collection. */
uint64_t obj_location_count(const struct chariot_pe *pe, const struct obj_coll *coll);

#endif
