/* How a span is founded: the row of its PEs travels down the tree that it describes, and each PE passes on to each of
 * its children the part below it. */
#include "sections/row.h"

#include <stdlib.h>
#include <string.h>

#include "objects/span.h"
#include "sections/tree.h"

static uint32_t host_of(const void *ctx, uint32_t pe) {
    return chariot_host_of(ctx, pe);
}

uint32_t section_row_root(const struct chariot_pe *pe, const uint32_t *pes, size_t count) {
    uint32_t me = pe->node.pe, root = pes[0];
    for (size_t i = 0; i < count; i++) {
        if (pes[i] == me) return me;
        bool here = chariot_host_of(pe, pes[i]) == chariot_host_of(pe, me);
        bool root_here = chariot_host_of(pe, root) == chariot_host_of(pe, me);
        if (here != root_here ? here : pes[i] < root) root = pes[i];
    }
    return root;
}

int section_row_arrange(struct chariot_pe *pe, uint32_t *pes, uint32_t count, uint32_t *root) {
    const struct chariot_hosts hosts = {host_of, pe};
    *root = section_row_root(pe, pes, count);
    return chariot_topo_arrange(pes, count, *root, &hosts);
}

/* What a PE needs to cut its row; for cut_deinit(). */
struct cut {
    uint32_t *members, *first, *below; /* owned, count of them; count + 1; count */
    uint32_t count;
    struct chariot_layout layout;
};

static void cut_deinit(struct cut *cut) {
    free(cut->members);
    free(cut->first);
    free(cut->below);
}

static int cut_init(struct cut *cut, const struct chariot_pe *pe, const struct chariot_value *row) {
    size_t size = row->bytes.size, count = size / sizeof *cut->members;
    *cut = (struct cut){.count = (uint32_t)count};
    if (size % sizeof *cut->members != 0 || count == 0 || count > pe->node.num_pes) return CHARIOT_EMALFORMED;
    cut->members = malloc(size);
    cut->first = malloc(size + sizeof *cut->first);
    cut->below = malloc(size);
    if (cut->members == NULL || cut->first == NULL || cut->below == NULL) return CHARIOT_ENOMEM;
    memcpy(cut->members, row->bytes.data, size);
    for (size_t i = 0; i < count; i++) {
        bool me = cut->members[i] == pe->node.pe;
        if (cut->members[i] >= pe->node.num_pes || me != (i == 0)) return CHARIOT_EMALFORMED;
    }
    chariot_topo_layout(cut->members, cut->count, &(struct chariot_hosts){host_of, pe}, cut->first, &cut->layout);
    return 0;
}

/* The message for one child: its part of the row, then the rest. NULL: out of memory. */
static struct chariot_msg *below_new(struct chariot_pe *pe, const struct chariot_msg *msg, const uint32_t *row,
                                     uint32_t count, const struct chariot_reader *rest) {
    struct chariot_writer writer;
    size_t row_size = count * sizeof *row, rest_size = (size_t)(rest->end - rest->at);
    chariot_writer_init_take(&writer, rpc_msg_new(row_size + rest_size + 32));
    chariot_put_bytes(&writer, row, row_size);
    chariot_put_encoded(&writer, rest->at, rest_size);
    struct chariot_msg *below = obj_msg_finish(pe, (enum obj_kind)msg->kind, &writer);
    if (below == NULL) return NULL;
    below->target = msg->target;
    below->flags = msg->flags;
    below->root = msg->root;
    return below;
}

static int pass_on(struct chariot_pe *pe, const struct chariot_msg *msg, struct cut *cut,
                   const struct chariot_reader *rest, struct chariot_msg *below[OBJ_TREE_RADIX]) {
    bool root = msg->root == pe->node.pe;
    struct obj_span span = {.root = msg->root, .parent = root ? -1 : (int64_t)msg->from};
    uint32_t ends[OBJ_TREE_RADIX], begin = 0;
    span.num_children = chariot_topo_subtrees(cut->members, &cut->layout, OBJ_TREE_RADIX, cut->below, ends);
    for (uint32_t i = 0; i < span.num_children; begin = ends[i++]) {
        span.children[i] = cut->below[begin];
        below[i] = below_new(pe, msg, &cut->below[begin], ends[i] - begin, rest);
        if (below[i] != NULL) continue;
        while (i-- > 0) rpc_msg_unref(below[i]);
        return CHARIOT_ENOMEM;
    }
    int rc = obj_span_add(pe, msg->target, &span);
    for (uint32_t i = 0; rc != 0 && i < span.num_children; i++) rpc_msg_unref(below[i]);
    return rc == 0 ? (int)span.num_children : rc;
}

int section_row_found(struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_msg *below[OBJ_TREE_RADIX]) {
    struct chariot_reader rest;
    struct chariot_value row;
    struct cut cut;
    chariot_reader_init(&rest, msg);
    int rc = chariot_get_typed(&rest, CHARIOT_BYTES, &row);
    if (rc != 0 || obj_span_get(pe, msg->target) != NULL) return CHARIOT_EMALFORMED;
    rc = cut_init(&cut, pe, &row);
    if (rc == 0) rc = pass_on(pe, msg, &cut, &rest, below);
    cut_deinit(&cut);
    return rc;
}
