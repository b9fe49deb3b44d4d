/* sections/select.h: how elements hear which sections they join: the payload of the broadcast OBJ_METHOD_SELECT.
 *
 * First, as bytes, a struct section_select, and then what it says:
 *   ALL      nothing: every element joins the one section
 *   RANGES   bytes: a chariot_range for each dimension; the elements of these indices join the one section
 *   LISTS    for each section bytes: packed indices
 *   CHOOSE   the rule: what `choose` of the elements' types is asked with
 * Each PE, and each element that is not where it is asked, answers with the shares that its elements have in the
 * sections, as bytes, if any. */
#ifndef CHARIOT_SECTIONS_SELECT_H
#define CHARIOT_SECTIONS_SELECT_H

#include "objects/section.h"
#include "sections/sections.h"

enum section_how { SECTION_ALL = 0, SECTION_RANGES, SECTION_LISTS, SECTION_CHOOSE };

struct section_select {
    uint64_t first; /* id of the first section; those of the others follow it */
    uint32_t num;
    uint32_t how;
    struct obj_section_head head;
};

/* So many elements on this PE have joined this section. */
struct section_share {
    uint32_t section, pe;
    uint64_t count;
};

/* obj_section_ops.select */
void section_select(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_elem *elem, struct chariot_msg *msg,
                    const struct chariot_reply *reply);

/* range.c: the range as it is for numbers 0 to size - 1, with all that was not given filled in; of unbounded numbers
 * (size -1): as it is. */
struct chariot_range section_range_of(const struct chariot_range *range, int64_t size);
bool section_range_has(const struct chariot_range *range, int64_t number);

#endif
