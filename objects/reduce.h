/* objects/reduce.h: reductions: one engine for what programs reduce, for the results of broadcasts, and for counts.
 *
 * A reduction is known by its collection, a space (who numbers it) and a number. On each PE parts come from elements
 * that live there and from tree children; they are combined and passed to the tree parent when all that are expected
 * have come; what comes later is passed on at once. The root completes it:
 *  - OBJ_SPACE_PROGRAM (numbered by each element's own count of contributions): when as many elements as the collection
 *    has have contributed. So elements may appear, and later move, while it is under way.
 *  - OBJ_SPACE_BROADCAST (numbered by the broadcast whose results it gathers): when all PEs have answered. */
#ifndef CHARIOT_OBJECTS_REDUCE_H
#define CHARIOT_OBJECTS_REDUCE_H

#include "objects/pe.h"

enum obj_space { OBJ_SPACE_PROGRAM = 0, OBJ_SPACE_BROADCAST = 1, OBJ_SPACE_RESULT = 2 };

enum { OBJ_COUNT_ISSUED = 0, OBJ_COUNT_CREATED = 1 };

/* Where a result goes, beyond what programs may ask for. */
enum { OBJ_TO_ALL = 16, /* every PE, for allreduce */ OBJ_TO_COUNT = 17 /* obj_create_counted() */ };

struct obj_reduction {
    struct obj_key key; /* collection, space << 56 | number */
    uint32_t reducer;
    bool known;        /* reducer and target are set */
    bool sent;         /* passed on once: later parts go on at once */
    bool delivered;    /* OBJ_SPACE_BROADCAST: the broadcast has been delivered here, local_need is set */
    uint32_t children; /* bit i: tree child i has reported */
    uint64_t local_need, local_count;
    uint64_t count; /* elements in `values` not yet passed on (at the root: all) */
    struct chariot_target target;
    struct chariot_msg **values;
    size_t num_values, cap_values;
};

/* The broadcast with this number has been delivered to `elements` elements here, whose results go to target. */
void obj_reduce_begin(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t elements, uint32_t reducer,
                      const struct chariot_target *target);
/* One element's part of it; value NULL: none. */
void obj_reduce_answer_take(struct chariot_pe *pe, uint64_t id, uint64_t number, const uint64_t index[3], uint8_t ndims,
                            struct chariot_msg *value);
/* The collection's total has changed: some may be complete now. Root only. */
void obj_reduce_recheck(struct chariot_pe *pe, struct obj_coll *coll);
/* This PE gets its first element: ancestors shall wait for its part. */
void obj_reduce_expect_me(struct chariot_pe *pe, struct obj_coll *coll);

/* reduce_value.c: combines values[0..count) into one (given). Codes as the reducer's. Values stay the caller's. */
int obj_reduce_combine(struct chariot_pe *pe, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                       struct chariot_msg **out);
/* What a contribution becomes before, and the result after. Take *value, give *value. */
int obj_reduce_pre(struct chariot_pe *pe, uint32_t reducer, const struct chariot_ref *contributor,
                   struct chariot_msg **value);
int obj_reduce_post(struct chariot_pe *pe, uint32_t reducer, struct chariot_msg **value);
bool obj_reduce_known(struct chariot_pe *pe, uint32_t reducer);

/* create.c */
void obj_create_counted(struct chariot_pe *pe, struct obj_coll *coll, uint64_t issued, uint64_t created);
void obj_create_issue_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg, int64_t on_pe);

#endif
