/* sections/row.h: rows of PEs, from which spans are made (objects/span.h): obj_section_ops.arrange and .found. */
#ifndef CHARIOT_SECTIONS_ROW_H
#define CHARIOT_SECTIONS_ROW_H

#include "objects/section.h"

/* The root that a span of these PEs has where this PE founds it: itself if it is one of them, else the one of the
 * lowest number on its host, else of all. */
uint32_t section_row_root(const struct chariot_pe *pe, const uint32_t *pes, size_t count);
int section_row_arrange(struct chariot_pe *pe, uint32_t *pes, uint32_t count, uint32_t *root);
int section_row_found(struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_msg *below[OBJ_TREE_RADIX]);

#endif
