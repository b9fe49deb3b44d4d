/* objects/span.h: the span of a collection: the PEs that hold its elements or members, as a tree.
 *
 * Most collections span the whole job: their tree is the job's (layout.h), with the PE that made them at its root. A
 * *partial* one (a section, a group on some PEs) has a tree of its own over the PEs of its row. Each of them knows its
 * edges in it and no more, from the message that founded the span until the collection is gone and nothing that
 * travels the tree is under way. */
#ifndef CHARIOT_OBJECTS_SPAN_H
#define CHARIOT_OBJECTS_SPAN_H

#include "objects/pe.h"

/* Edges of this PE in the tree of a partial collection. */
struct obj_span {
    uint64_t users; /* the collection, and its reductions under way: it goes with the last */
    int64_t parent; /* -1: this PE is the root */
    uint32_t root;
    uint32_t num_children;
    uint32_t children[OBJ_TREE_RADIX];
};

/* A copy of span, for the collection. CHARIOT_ENOMEM. */
int obj_span_add(struct chariot_pe *pe, uint64_t id, const struct obj_span *span);
/* The span of a partial collection; NULL: it was not founded here, or has gone. */
struct obj_span *obj_span_get(const struct chariot_pe *pe, uint64_t id);
/* One user more or less, of a partial collection; no effect on others. */
void obj_span_use(struct chariot_pe *pe, uint64_t id);
void obj_span_let_go(struct chariot_pe *pe, uint64_t id);
void obj_span_free_all(struct chariot_pe *pe);

/* Of any collection, by its id. Of a partial one without a span here: this PE is alone. */
uint32_t obj_span_root(const struct chariot_pe *pe, uint64_t id);
int64_t obj_span_parent(const struct chariot_pe *pe, uint64_t id); /* -1: this PE is the root */
uint32_t obj_span_children(const struct chariot_pe *pe, uint64_t id, uint32_t children[OBJ_TREE_RADIX]);
/* The how many-th child of this PE `child` is; -1: it is none. */
int obj_span_child(const struct chariot_pe *pe, uint64_t id, uint32_t child);
/* Sends msg to the parent of this PE; at a root it goes nowhere. */
void obj_span_send_up_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *msg);

#endif
