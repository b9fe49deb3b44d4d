/* sections/make.h: the making of sections, on the PE that asked for it.
 *
 *   SELECT over each source --answers--> shares known --> OPEN to each root --> the future has the refs
 *                              |
 *                              +-- an error, an empty section, an index without element:
 *                                  what has members is opened and destroyed; the future has the error
 *
 * Refs that were handed out at once are in use: if the group was destroyed meanwhile, their sections are opened with
 * all members, who leave as it is destroyed. */
#ifndef CHARIOT_SECTIONS_MAKE_H
#define CHARIOT_SECTIONS_MAKE_H

#include "sections/select.h"

/* What is to be made. */
struct section_plan {
    const struct chariot_ref *of; /* the sources */
    size_t num_of;
    uint32_t num; /* sections */
    enum section_how how;
    struct chariot_future *future; /* NULL: refs are handed out at once */
};

/* What one section is to be. */
struct section_wish {
    uint64_t members; /* how many */
    uint32_t root;    /* the root that its ref names, where that is handed out at once */
};

/* Begins the SELECT message; what `how` says is written behind. Gives the id of the first section. */
int section_plan_begin(struct chariot_pe *pe, const struct section_plan *plan, struct chariot_writer *writer,
                       uint64_t *first);
/* Sends it (taken). wishes (borrowed): of each section; NULL: any number of members, but none. */
int section_plan_start_take(struct chariot_pe *pe, const struct section_plan *plan, uint64_t first,
                            struct chariot_msg *select, const struct section_wish *wishes);
/* The ref of section i. */
void section_plan_ref(const struct section_plan *plan, uint64_t first, uint32_t i, uint32_t root,
                      struct chariot_ref *out);

void section_make_deinit(struct chariot_pe *pe); /* obj_section_ops.deinit */

#endif
