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

enum obj_space { OBJ_SPACE_PROGRAM = 0, OBJ_SPACE_BROADCAST = 1 };

/* What each PE counts for chariot_done_inserting(). */
enum { OBJ_COUNT_ISSUED, OBJ_COUNT_CREATED, OBJ_COUNT_LATE, OBJ_COUNT_AT_SYNC, OBJ_NUM_COUNTS };

/* Where a result goes, beyond what programs may ask for. */
enum {
    OBJ_TO_ALL = 16,       /* every PE, for allreduce */
    OBJ_TO_COUNT = 17,     /* obj_create_counted() */
    OBJ_TO_CLOSED = 19,    /* obj_broadcast_closed() */
    OBJ_TO_DESTROYED = 18, /* the collection is gone everywhere: its reductions fail, then the future (0: none) */
};

/* A value that takes part: of one element, of a run of elements, or of a tree child. */
struct obj_part {
    uint64_t first; /* position of its first element; OBJ_PART_OF_CHILD + i: tree child i */
    uint64_t span;  /* elements that it covers; 0: a child's */
    struct chariot_msg *value;
};

#define OBJ_PART_OF_CHILD ((uint64_t)1 << 40)

/* What is here of one reduction; owns a reference to each value. All zero: empty. */
struct obj_parts {
    struct obj_part *list;
    struct chariot_msg **scratch; /* room for as many values as list has */
    size_t count, cap;
    size_t merge_at; /* parts at which blocks are looked for again */
};

/* A value that arrives in pieces: what it will be, of which the first bytes are there. */
struct obj_growing {
    struct chariot_msg *value; /* owned; NULL: there is none */
    size_t arrived;
};

/* What a PARTIAL message, or the last piece of one, says behind its value, so that the value is passed on, and
 * combined, where it lies. PEs of a job run one build, so it travels as it lies in memory. */
struct obj_partial_tail {
    uint64_t count;
    uint32_t reducer;
    uint32_t num_values; /* 0 or 1 */
    struct chariot_target target;
};

struct obj_reduction {
    struct obj_key key; /* collection, space << 56 | number */
    uint32_t reducer;
    bool known;        /* reducer and target are set */
    bool delivered;    /* OBJ_SPACE_BROADCAST: the broadcast has been delivered here, local_need is set */
    uint32_t children; /* bit i: tree child i has reported */
    uint64_t local_need, local_count;
    uint64_t count; /* elements that the parts stand for */
    struct chariot_target target;
    struct obj_parts parts;
    struct obj_growing growing[OBJ_TREE_RADIX]; /* by tree child */
    uint32_t num_growing;
    size_t done, sent; /* of a stream: bytes of data that are combined; bytes of the value that have left */
    bool broken;       /* of a stream: a child has dropped its value */
};

/* The broadcast with this number has been delivered to `elements` elements here, whose results go to target. */
void obj_reduce_begin(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t elements, uint32_t reducer,
                      const struct chariot_target *target);
/* One element's part of it, or a PE's; value NULL: none. */
void obj_reduce_answer_take(struct chariot_pe *pe, uint64_t id, uint64_t number, const struct chariot_ref *from,
                            struct chariot_msg *value);
/* What reductions of coll wait for has changed (its members here, its total): some may be ready now. */
void obj_reduce_recheck(struct chariot_pe *pe, struct obj_coll *coll);
/* This PE gets its first element: ancestors shall wait for its part. */
void obj_reduce_expect_me(struct chariot_pe *pe, struct obj_coll *coll);
/* An element has left: what waited for it goes on. Ancestors wait no more for a PE without elements. */
void obj_reduce_left(struct chariot_pe *pe, struct obj_coll *coll);
/* An element has come, which has contributed elsewhere to all reductions below this number; so neither this PE nor its
 * ancestors can wait for parts of them. */
void obj_reduce_joined(struct chariot_pe *pe, struct obj_coll *coll, uint64_t contributed);
/* One element less is to answer to this broadcast here. */
void obj_reduce_excuse(struct chariot_pe *pe, uint64_t id, uint64_t number);
/* The collection goes. Who waits for a reduction hears of it: what is known here of reductions goes to the parent, and
 * the root fails their futures when all PEs have destroyed the collection; an allreduce's fail here. */
void obj_reduce_drop(struct chariot_pe *pe, const struct obj_coll *coll);
void obj_allreduce_drop(struct chariot_pe *pe, const struct obj_coll *coll);
/* The result of an allreduce goes to this future of another PE, too. */
void obj_allreduce_relay(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t future);
/* One element's part of reduction `number`; takes value. CHARIOT_ESTATE: others reduce it with another reducer. */
int obj_reduce_add_take(struct chariot_pe *pe, struct obj_coll *coll, uint64_t number, uint32_t place,
                        struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target);
struct obj_key obj_reduce_key(uint64_t id, enum obj_space space, uint64_t number);

/* reduce_result.c: sends the result where it is to go; takes it (NULL: null). */
void obj_reduce_give_take(struct chariot_pe *pe, struct obj_key key, const struct chariot_target *target,
                          struct chariot_msg *result);
/* The lowest reduction of the program's, from this number on, that is under way on this collection; NULL: none is. */
struct obj_reduction *obj_reduce_lowest(struct chariot_pe *pe, uint64_t id, uint64_t from);
void obj_reduce_forget(struct chariot_pe *pe, struct obj_reduction *red);

/* For pieces.c. The record, made on demand; NULL: out of memory. */
struct obj_reduction *obj_reduce_record(struct chariot_pe *pe, struct obj_key key);
void obj_reduce_describe(struct obj_reduction *red, uint32_t reducer, const struct chariot_target *target);
/* Takes value (NULL: none). False: the job ends. */
bool obj_reduce_add_value_take(struct chariot_pe *pe, struct obj_reduction *red, uint64_t position,
                               struct chariot_msg *value);
/* Passes on or completes what is ready to. */
void obj_reduce_check(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red);
void obj_reduce_free(struct chariot_pe *pe, struct obj_reduction *red);
/* Appends the tail to the value (NULL: none), which it takes. NULL: the job ends. */
struct chariot_msg *obj_reduce_put_tail(struct chariot_pe *pe, enum obj_kind kind, struct chariot_msg *value,
                                        const struct obj_partial_tail *tail);
int obj_reduce_read_tail(struct chariot_pe *pe, const struct chariot_msg *msg, struct obj_partial_tail *tail);
/* The message becomes its value, one more reference. NULL: it has none. */
struct chariot_msg *obj_reduce_value_of(struct chariot_msg *msg, const struct obj_partial_tail *tail);
/* Somebody elsewhere (msg) reduces it with `there`: the job ends. */
void obj_reduce_disagreed(struct chariot_pe *pe, const struct obj_coll *coll, const struct chariot_msg *msg,
                          const struct obj_reduction *red, uint32_t there);
/* Part of a reduction of a collection that was destroyed here: it only tells who waits for the result. */
void obj_reduce_add_to_gone(struct chariot_pe *pe, const struct chariot_msg *msg, const struct obj_partial_tail *tail);

/* reduce_parts.c: codes as the reducer's, CHARIOT_ENOMEM. After a failure the parts can only be freed. */
int obj_parts_add_take(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts, uint64_t position,
                       struct chariot_msg *value);
/* Makes one value of all, if they are at least `at_least` (1 or 2) parts. */
int obj_parts_combine(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts, size_t at_least);
/* Puts them into their order, whole blocks combined. */
int obj_parts_arrange(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts);
/* The one value that is left, for the caller to own; NULL: there is none. */
struct chariot_msg *obj_parts_give(struct obj_parts *parts);
void obj_parts_deinit(struct obj_parts *parts);

/* reduce_value.c: combines values[0..count) into one (given), which may be the first of them, changed. Codes as the
 * reducer's. Values stay the caller's. */
int obj_reduce_combine(struct chariot_pe *pe, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                       struct chariot_msg **out);
/* What a contribution becomes before, and the result after: with a payload. Take *value, give *value, or on failure
 * leave what is left to the caller. An error value passes as it is. */
int obj_reduce_pre(struct chariot_pe *pe, uint32_t reducer, const struct chariot_ref *contributor,
                   struct chariot_msg **value);
int obj_reduce_post(struct chariot_pe *pe, uint32_t reducer, struct chariot_msg **value);
bool obj_reduce_known(struct chariot_pe *pe, uint32_t reducer);
const char *obj_reduce_name(const struct chariot_pe *pe, uint32_t reducer); /* never NULL */

/* insert.c */
void obj_create_counted(struct chariot_pe *pe, struct obj_coll *coll, const int64_t counts[OBJ_NUM_COUNTS]);

#endif
