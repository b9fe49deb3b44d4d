#include "objects/span.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "objects/layout.h"
#include "objects/reduce.h"

struct count {
    uint64_t id, found;
};

static void count_one(void *value, void *ctx) {
    struct count *count = ctx;
    count->found += ((const struct obj_reduction *)value)->key.word[0] == count->id;
}

/* Reductions that members have begun before they heard of the span: they will let it go, too. */
static uint64_t count_reductions(const struct chariot_pe *pe, uint64_t id) {
    struct count count = {.id = id};
    obj_map_each(&pe->reductions, count_one, &count);
    obj_map_each(&pe->streams, count_one, &count);
    return count.found;
}

int obj_span_add(struct chariot_pe *pe, uint64_t id, const struct obj_span *span) {
    struct obj_span *own = malloc(sizeof *own);
    if (own == NULL) return CHARIOT_ENOMEM;
    *own = *span;
    own->users = 1 + count_reductions(pe, id);
    int rc = obj_map_add(&pe->spans, obj_key1(id), own);
    if (rc != 0) free(own);
    return rc;
}

struct obj_span *obj_span_get(const struct chariot_pe *pe, uint64_t id) {
    return obj_map_get(&pe->spans, obj_key1(id));
}

void obj_span_use(struct chariot_pe *pe, uint64_t id) {
    struct obj_span *span = obj_id_is_partial(id) ? obj_span_get(pe, id) : NULL;
    if (span != NULL) span->users++;
}

void obj_span_let_go(struct chariot_pe *pe, uint64_t id) {
    struct obj_span *span = obj_id_is_partial(id) ? obj_span_get(pe, id) : NULL;
    if (span == NULL || --span->users > 0) return;
    obj_map_remove(&pe->spans, obj_key1(id));
    free(span);
}

static void free_span(void *value, void *ctx) {
    (void)ctx;
    free(value);
}

void obj_span_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->spans, free_span, NULL);
    obj_map_deinit(&pe->spans);
}

/* ---------------------------------------------------------------- edges */

uint32_t obj_span_root(const struct chariot_pe *pe, uint64_t id) {
    if (!obj_id_is_partial(id)) return obj_id_pe(id);
    const struct obj_span *span = obj_span_get(pe, id);
    return span == NULL ? pe->node.pe : span->root;
}

int64_t obj_span_parent(const struct chariot_pe *pe, uint64_t id) {
    if (!obj_id_is_partial(id)) return obj_tree_parent(pe, obj_id_pe(id));
    const struct obj_span *span = obj_span_get(pe, id);
    return span == NULL ? -1 : span->parent;
}

uint32_t obj_span_children(const struct chariot_pe *pe, uint64_t id, uint32_t children[OBJ_TREE_RADIX]) {
    if (!obj_id_is_partial(id)) return obj_tree_children(pe, pe->node.pe, obj_id_pe(id), children);
    const struct obj_span *span = obj_span_get(pe, id);
    if (span == NULL) return 0;
    memcpy(children, span->children, sizeof span->children);
    return span->num_children;
}

int obj_span_child(const struct chariot_pe *pe, uint64_t id, uint32_t child) {
    uint32_t children[OBJ_TREE_RADIX];
    return obj_tree_find_child(children, obj_span_children(pe, id, children), child);
}

void obj_span_send_up_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *msg) {
    int64_t parent = obj_span_parent(pe, id);
    if (parent < 0)
        rpc_msg_unref(msg);
    else
        obj_send_take(pe, (uint32_t)parent, msg);
}
