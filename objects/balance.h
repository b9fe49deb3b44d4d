/* objects/balance.h: what lb/ hears of this room, for load balancing in steps.
 *
 * Elements *take part* where their array was created, or they were inserted, to do so (elem->at_sync). How many there
 * are in a collection its root knows, as it knows the total. */
#ifndef CHARIOT_OBJECTS_BALANCE_H
#define CHARIOT_OBJECTS_BALANCE_H

#include "objects/pe.h"

struct obj_balance_ops {
    /* The PE is made, starts (the network is there), and goes. init: 0, CHARIOT_ENOMEM. */
    int (*init)(struct chariot_pe *pe);
    void (*start)(struct chariot_pe *pe);
    void (*deinit)(struct chariot_pe *pe);
    /* At a collection's root: so many more elements of the job take part; so many more collections whose elements will,
     * but are not counted yet. */
    void (*on_total)(struct chariot_pe *pe, int64_t elements, int64_t uncounted);
    /* An element is destroyed that waits for the end of the step (elem->synced), or is to move in one (elem->move). */
    void (*on_gone)(struct chariot_pe *pe, const struct chariot_elem *elem);
    /* Where pe->balance_watches: a turn of the scheduler has ended; rests: nothing is left to run. */
    void (*on_turn)(struct chariot_pe *pe, bool rests);
    /* pe->balance_due_ns has come. */
    void (*on_due)(struct chariot_pe *pe);
    /* A phase of load has ended on this PE, and is wanted (obj_surroundings.record): its number. */
    void (*on_phase)(struct chariot_pe *pe, uint64_t number);
    /* The job hangs: what waits for a step here. */
    void (*describe)(struct chariot_pe *pe, struct chariot_report *report);
};
extern const struct obj_balance_ops obj_balance_ops;

#endif
