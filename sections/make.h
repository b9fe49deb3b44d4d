/* sections/make.h: the making of sections, on the PE that asked for it.
 *
 *   SELECT over each source --answers--> shares known --> OPEN to each root --> the future has the refs
 *                              |
 *                              +-- an error, an empty section, an index without element:
 *                                  what has members is opened and destroyed; the future has the error */
#ifndef CHARIOT_SECTIONS_MAKE_H
#define CHARIOT_SECTIONS_MAKE_H

#include "sections/select.h"

/* What is to be made. */
struct section_plan {
    const struct chariot_ref *of; /* the sources */
    size_t num_of;
    uint32_t num; /* sections */
    enum section_how how;
    struct chariot_future *future;     /* NULL: refs are handed out at once */
    const struct section_share *known; /* without a future: section and PE of each member; count 0 */
    size_t num_known;
};

/* Begins the SELECT message; what `how` says is written behind. Gives the id of the first section. */
int section_plan_begin(struct chariot_pe *pe, const struct section_plan *plan, struct chariot_writer *writer,
                       uint64_t *first);
/* Sends it (taken). asked (borrowed): how many members each section is to have; NULL: any number, but none. */
int section_plan_start_take(struct chariot_pe *pe, const struct section_plan *plan, uint64_t first,
                            struct chariot_msg *select, const uint64_t *asked);
/* The ref of section i. */
void section_plan_ref(const struct section_plan *plan, uint64_t first, uint32_t i, uint32_t root,
                      struct chariot_ref *out);

void section_make_deinit(struct chariot_pe *pe); /* obj_section_ops.deinit */

#endif
