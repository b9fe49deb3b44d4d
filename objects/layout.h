/* objects/layout.h: the PEs of a job host by host, for its trees: an index of the address book, made once per job. */
#ifndef CHARIOT_OBJECTS_LAYOUT_H
#define CHARIOT_OBJECTS_LAYOUT_H

#include "objects/pe.h"
#include "objects/tree.h"

struct obj_layout {
    struct chariot_layout row;
    const uint32_t *hosts; /* borrowed: host number by PE */
    uint32_t *number;      /* by host number: which host of the row it is */
    uint32_t *pes;         /* PE by its place in the row. NULL: PEs are numbered host by host, a PE is its own place */
};

/* hosts[pe] is below num_pes; it stays the caller's, as long as the layout lives. NULL: out of memory. */
struct obj_layout *obj_layout_new(uint32_t num_pes, const uint32_t *hosts);
void obj_layout_free(struct obj_layout *layout); /* takes NULL */

/* The job's tree with this root: the parent of this PE, -1 at the root; the children of any PE, and their number. */
int64_t obj_tree_parent(const struct chariot_pe *pe, uint32_t root);
uint32_t obj_tree_children(const struct chariot_pe *pe, uint32_t of_pe, uint32_t root,
                           uint32_t children[OBJ_TREE_RADIX]);
/* The how many-th of these children `child` is; -1: none. */
int obj_tree_find_child(const uint32_t *children, uint32_t count, uint32_t child);
/* The how many-th child of this PE `child` is; -1: it is none. */
int obj_tree_child(const struct chariot_pe *pe, uint32_t root, uint32_t child);

/* Sends msg to the parent of this PE, which is not the root. */
void obj_tree_send_up_take(struct chariot_pe *pe, uint32_t root, struct chariot_msg *msg);

#endif
