/* sections/sections.h: sections: some elements of one or several collections, as a collection of its own.
 *
 * What takes a whole collection's ref takes a section's: calls (its members' results come by collection, in the order
 * in which those were created, then by index), targets of reductions and of quiescence, chariot_await_created(),
 * chariot_destroy() (of the section: its members stay), and `over` of contributions by its members. Sections may
 * overlap, and be split further. Their members are those of the moment they are made; elements that are destroyed
 * leave. Messages travel a tree over the PEs that hold members, and no other PE sees them. What is sent to a section
 * while it is being made waits for it.
 *
 * Making sections asks the elements of `of` and then founds each section, all in O(log P) steps. The future completes
 * with the list of their refs (CHARIOT_LIST of CHARIOT_REF, one where one is made), or with an error: ValueError for
 * a section that would be empty or an index that no element has, what `choose` failed with, RuntimeError if `of` was
 * destroyed. Then none of them is made. All return at once, from any PE: 0; CHARIOT_EINVAL: `of` is no whole
 * collection, or not one kind of index where indices are given; CHARIOT_ENOMEM. */
#ifndef CHARIOT_SECTIONS_SECTIONS_H
#define CHARIOT_SECTIONS_SECTIONS_H

#include "objects/chariot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Indices of elements; one that stands there twice counts once. */
struct chariot_indices {
    const struct chariot_index *list;
    size_t count;
};

/* The numbers of one dimension that a section takes, as Python's slices: every step-th from start up to, but without,
 * stop, or down to it where step is negative. In groups and dense arrays a negative start or stop counts from the end,
 * and what is not given is the whole; in arrays that began empty numbers are as they are, and what is not given is not
 * bounded (start must be given for a step other than 1 or -1). */
struct chariot_range {
    int64_t start, stop, step; /* step: not 0 */
    bool has_start, has_stop;
};

/* `num` sections, by the indices of the elements of each. CHARIOT_ERANGE: an index has other dimensions than `of`. */
int chariot_section_split(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t num,
                          const struct chariot_indices lists[], struct chariot_future *future);
/* `num` sections, as the `choose` of the elements' type says of each, where it lives, when asked with rule (takes it;
 * NULL: none). */
int chariot_section_choose_take(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t num,
                                struct chariot_msg *rule, struct chariot_future *future);
/* One section: the elements whose index lies in all ranges, of which there is one for each dimension of `of`.
 * CHARIOT_ERANGE: another number of dimensions, or step is 0. */
int chariot_section_slice(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t ndims,
                          const struct chariot_range ranges[], struct chariot_future *future);
/* One section: all elements of all of these collections and sections, of whatever types, each once. Its type is that
 * of the first: calls go to the method of that name of each member's own type. It has no indices. */
int chariot_section_combine(struct chariot_pe *pe, const struct chariot_ref of[], size_t count,
                            struct chariot_future *future);

/* `num` sections of a group that is on all PEs, at once: refs[i] is the one of the PEs of lists[i] (index: (PE,)).
 * CHARIOT_ENOENT: a list is empty; CHARIOT_ERANGE: no such PE. */
int chariot_section_of_group(struct chariot_pe *pe, const struct chariot_ref *group, uint32_t num,
                             const struct chariot_indices lists[], struct chariot_ref refs[]);

/* The ref is a section, or a group on some PEs (chariot_create.pes), which is one too; or an element of such a group.
 */
bool chariot_ref_is_section(const struct chariot_ref *ref);
/* Which one: the PE at the root of its tree, the PE that made it, and a number of that PE's. */
void chariot_section_id(const struct chariot_ref *section, uint32_t *root, uint32_t *creator, uint64_t *number);

#ifdef __cplusplus
}
#endif

#endif
