/* objects/section.h: sections as this room knows them: collections whose members are elements of other collections.
 *
 *   unknown --members join--> joined --OPEN--> open --DESTROY--> gone
 *
 * Who joins is told by a broadcast over the sources (OBJ_METHOD_SELECT), which sections/ answers; OPEN comes down the
 * tree of the section's span, and says how many members there are in all. Joined, members may contribute, but nothing
 * leaves this PE, and its root holds broadcasts back. Members that are destroyed leave: the root is told, up the tree,
 * how many, and from which reduction on they are missing. Members that move: seat.h. */
#ifndef CHARIOT_OBJECTS_SECTION_H
#define CHARIOT_OBJECTS_SECTION_H

#include "objects/seat.h"

/* What is known of a section wherever it has members; travels in SELECT and OPEN, as it lies in memory. */
struct obj_section_head {
    uint64_t source; /* the collection whose elements its members are; 0: several */
    uint64_t total;  /* members; in OPEN. 0: they are gone already */
    uint32_t type;
    uint32_t ndims;
};

/* So many members have left, that take no part in reductions from this number on. */
struct obj_left {
    uint64_t from, count;
};

struct obj_section {
    uint64_t source;
    struct obj_map methods; /* chare type: uint32_t[], by method of the section's type: method of that type */
    struct obj_left *left;  /* by `from`. Root: all that have left; else: what the tree parent has not been told */
    size_t num_left, cap_left;
    bool opened;
    bool telling; /* a LEFT message is in the run queue that will tell it */
};

/* Ref words of a partial collection as a whole. */
enum {
    OBJ_SOURCE_WORD = 0,      /* of a section: its source; 0: several */
    OBJ_SOURCE_ROOT_WORD = 1, /* the root of that, where it is partial itself */
    OBJ_ROOT_WORD = 2,        /* root of its span; also in the index of its own elements */
};

/* The section, made on demand. NULL: no memory, the job ends; or there is another collection of that id. */
struct obj_coll *obj_section_meet(struct chariot_pe *pe, uint64_t id, const struct obj_section_head *head);
/* elem becomes a member. 1: it is one already; CHARIOT_ENOMEM. */
int obj_section_join(struct obj_coll *section, struct chariot_elem *elem);
/* As what an element contributes: as a member here or, the other being NULL, from a seat. */
struct obj_role {
    struct obj_member *member;
    struct obj_seat *seat;
};
/* The element's role in what it contributes to (NULL: its collection). CHARIOT_ENOENT: it has none. */
int obj_section_find(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                     struct obj_role *role);
/* The element goes: it leaves all its sections. */
void obj_section_leave_all(struct chariot_pe *pe, struct chariot_elem *elem);
/* An absent member has left the section. */
void obj_section_left(struct chariot_pe *pe, struct obj_member *member);
/* Contributions that reduction `number` of any collection needs in all. Root only. */
uint64_t obj_section_need(const struct obj_coll *coll, uint64_t number);
/* The method of the member's type that a method of its collection's type means; UINT32_MAX: it has none. */
uint32_t obj_section_translate(struct chariot_pe *pe, const struct obj_member *member, uint32_t method);
static inline uint32_t obj_member_type(const struct obj_member *member) {
    return __builtin_expect(member->elem != NULL, 1) ? member->elem->own.coll->type : member->absent->type;
}
static inline uint32_t obj_section_method(struct chariot_pe *pe, const struct obj_member *member, uint32_t method) {
    if (__builtin_expect(obj_member_type(member) == member->coll->type, 1)) return method;
    return obj_section_translate(pe, member, method);
}
/* Frees what a section has beyond a collection, and its members. */
void obj_section_free(struct obj_coll *section);

/* What sections/ does for this room. */
struct obj_section_ops {
    /* OBJ_METHOD_SELECT has reached coll here, or one element: members of it that have not seen it, or elem (NULL: not
     * one alone), join the sections that msg tells of; answers to reply. */
    void (*select)(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_elem *elem, struct chariot_msg *msg,
                   const struct chariot_reply *reply);
    /* A message that founds a span has reached this PE: notes the span, gives what is to be sent to its children, and
     * their number. CHARIOT_EMALFORMED, CHARIOT_ENOMEM: nothing is noted. The row stays in front of msg's payload. */
    int (*found)(struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_msg *below[OBJ_TREE_RADIX]);
    /* Puts PEs (all different) into the row of a span, and gives its root. CHARIOT_ENOMEM. */
    int (*arrange)(struct chariot_pe *pe, uint32_t *pes, uint32_t count, uint32_t *root);
    /* The PE goes: drops what it was about to make. */
    void (*deinit)(struct chariot_pe *pe);
};
extern const struct obj_section_ops obj_section_ops;

#endif
