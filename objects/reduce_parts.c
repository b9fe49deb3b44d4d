/* The parts of one reduction, kept in the order in which they are combined, whatever the order in which they came.
 *
 * Elements have positions 0, 1, 2, ... on their PE; BLOCK of them that begin at a multiple of BLOCK are combined as
 * soon as all are there, BLOCK such blocks again, and so on. So memory stays small for large arrays, and how values are
 * grouped depends on the positions alone: floating-point sums are the same in every run. Tree children come last. */
#include <stdlib.h>

#include "objects/reduce.h"

enum { BLOCK = 32, MERGE_AT = 64 };

void obj_parts_deinit(struct obj_parts *parts) {
    for (size_t i = 0; i < parts->count; i++) rpc_msg_unref(parts->list[i].value);
    free(parts->list);
    free(parts->scratch);
    *parts = (struct obj_parts){0};
}

static int grow(struct obj_parts *parts) {
    size_t cap = parts->cap == 0 ? 4 : 2 * parts->cap;
    struct obj_part *list = realloc(parts->list, cap * sizeof *list);
    if (list == NULL) return CHARIOT_ENOMEM;
    parts->list = list;
    struct chariot_msg **scratch = realloc(parts->scratch, cap * sizeof *scratch);
    if (scratch == NULL) return CHARIOT_ENOMEM;
    parts->scratch = scratch;
    parts->cap = cap;
    return 0;
}

static int by_position(const void *a, const void *b) {
    const struct obj_part *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The last `count` of the first *top parts become one. */
static int fold(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts, size_t *top, size_t count) {
    struct obj_part *begin = &parts->list[*top - count];
    struct chariot_msg *out;
    for (size_t i = 0; i < count; i++) parts->scratch[i] = begin[i].value;
    int rc = obj_reduce_combine(pe, reducer, count, parts->scratch, &out);
    if (rc != 0) return rc;
    for (size_t i = 0; i < count; i++) rpc_msg_unref(begin[i].value);
    begin->span *= count;
    begin->value = out;
    *top -= count - 1;
    return 0;
}

/* True if parts [end - BLOCK, end) are a whole block. */
static bool ends_block(const struct obj_parts *parts, size_t end) {
    if (end < BLOCK) return false;
    const struct obj_part *first = &parts->list[end - BLOCK], *last = &parts->list[end - 1];
    uint64_t span = first->span;
    if (span == 0 || span > UINT64_MAX / BLOCK || first->first % (span * BLOCK) != 0) return false;
    for (const struct obj_part *part = first; part <= last; part++) {
        if (part->span != span || part->first != first->first + (uint64_t)(part - first) * span) return false;
    }
    return true;
}

/* Combines every block that is whole. */
static int merge(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts) {
    qsort(parts->list, parts->count, sizeof *parts->list, by_position);
    size_t top = 0;
    int rc = 0;
    for (size_t next = 0; next < parts->count; next++) {
        parts->list[top++] = parts->list[next];
        while (rc == 0 && ends_block(parts, top)) rc = fold(pe, reducer, parts, &top, BLOCK);
    }
    parts->count = top;
    parts->merge_at = 2 * top > MERGE_AT ? 2 * top : MERGE_AT;
    return rc;
}

int obj_parts_add_take(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts, uint64_t position,
                       struct chariot_msg *value) {
    int rc = parts->count == parts->cap ? grow(parts) : 0;
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    uint64_t span = position < OBJ_PART_OF_CHILD ? 1 : 0;
    parts->list[parts->count++] = (struct obj_part){position, span, value};
    if (reducer == CHARIOT_REDUCE_GATHER || parts->count < MERGE_AT || parts->count < parts->merge_at) return 0;
    return merge(pe, reducer, parts);
}

int obj_parts_arrange(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts) {
    return parts->count == 0 ? 0 : merge(pe, reducer, parts);
}

int obj_parts_combine(struct chariot_pe *pe, uint32_t reducer, struct obj_parts *parts, size_t at_least) {
    if (parts->count < at_least) return 0;
    int rc = reducer == CHARIOT_REDUCE_GATHER ? 0 : merge(pe, reducer, parts);
    return rc == 0 && parts->count >= at_least ? fold(pe, reducer, parts, &parts->count, parts->count) : rc;
}

struct chariot_msg *obj_parts_give(struct obj_parts *parts) {
    if (parts->count == 0) return NULL;
    struct chariot_msg *value = parts->list[0].value;
    parts->count = 0;
    return value;
}
