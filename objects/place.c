#include "objects/place.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- asking the map */

static int no_map(struct chariot_pe *pe, const struct obj_coll *coll) {
    char line[300];
    if (!obj_coll_is_gone(pe, coll->map)) return OBJ_PLACE_LATER;
    snprintf(line, sizeof line, "chariot: PE %u: the map that places an array of %.120s was destroyed\n", pe->node.pe,
             pe->types[coll->type]->name);
    obj_end_abort(pe, 1, line);
    return CHARIOT_ENOENT;
}

static int misplaced(struct chariot_pe *pe, const struct obj_coll *coll, const struct chariot_elem *map,
                     const uint64_t index[3], int64_t to) {
    char text[OBJ_INDEX_TEXT], line[640];
    obj_index_print(coll->ndims, index, text);
    snprintf(line, sizeof line,
             "chariot: PE %u: map %.120s places element %s of an array of %.120s on PE %lld, but the job has %u PEs\n",
             pe->node.pe, pe->types[map->own.coll->type]->name, text, pe->types[coll->type]->name, (long long)to,
             pe->node.num_pes);
    obj_end_abort(pe, 1, line);
    return CHARIOT_ERANGE;
}

static int failed(struct chariot_pe *pe, const struct chariot_type *type, int rc) {
    char line[300];
    if (pe->ending) return rc;
    snprintf(line, sizeof line, "chariot: PE %u: map %.120s failed: %s\n", pe->node.pe, type->name,
             chariot_error_text(rc));
    obj_end_abort(pe, 1, line);
    return rc;
}

int obj_place_ask(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], uint32_t *to) {
    struct chariot_elem *map = obj_elem_find(pe, coll->map, (const uint64_t[3]){pe->node.pe, 0, 0});
    if (map == NULL) return no_map(pe, coll);
    const struct chariot_type *type = pe->types[map->own.coll->type];
    struct chariot_index at;
    int64_t on_pe = -1;
    int rc = CHARIOT_ETYPE; /* no map at all */
    obj_index_unpack(coll->ndims, index, &at);
    if (type->place != NULL) {
        rpc_turn_lend(&pe->node.turn);
        rc = type->place(pe, type, map->object, &at, &on_pe);
        rpc_turn_take(&pe->node.turn);
    }
    if (rc != 0) return failed(pe, type, rc);
    if (on_pe < 0 || on_pe >= (int64_t)pe->node.num_pes) return misplaced(pe, coll, map, index, on_pe);
    *to = (uint32_t)on_pe;
    return 0;
}

/* ---------------------------------------------------------------- a block of a dense array */

struct placed {
    uint64_t index[3];
    size_t order;
    uint32_t to;
};

/* In the order of their indices, then by where they go. */
struct block {
    struct placed *list;
    size_t count, cap;
    int rc;
};

static int block_add(struct block *block, const uint64_t index[3], uint32_t to) {
    if (block->count == block->cap) {
        size_t cap = block->cap == 0 ? 16 : 2 * block->cap;
        struct placed *list = realloc(block->list, cap * sizeof *list);
        if (list == NULL) return CHARIOT_ENOMEM;
        block->list = list;
        block->cap = cap;
    }
    struct placed *placed = &block->list[block->count];
    *placed = (struct placed){.order = block->count++, .to = to};
    memcpy(placed->index, index, sizeof placed->index);
    return 0;
}

static void place_initial(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], void *ctx) {
    struct block *block = ctx;
    uint32_t to;
    if (block->rc == 0) block->rc = obj_place_ask(pe, coll, index, &to);
    if (block->rc == 0) block->rc = block_add(block, index, to);
}

static int by_pe(const void *a, const void *b) {
    const struct placed *x = a, *y = b;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* `count` of them that go to one PE, as a message without a receiver. NULL: out of memory. */
static struct chariot_msg *bulk_new(struct chariot_pe *pe, struct obj_coll *coll, const struct placed *list,
                                    size_t count, const struct chariot_msg *args) {
    struct chariot_writer writer;
    uint64_t(*indices)[3] = malloc(count * sizeof *indices);
    if (indices == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) memcpy(indices[i], list[i].index, sizeof indices[i]);
    size_t size = count * sizeof *indices;
    chariot_writer_init_take(&writer, rpc_msg_new(size + args->size + 32));
    chariot_put_bytes(&writer, indices, size);
    chariot_put_encoded(&writer, rpc_msg_payload((struct chariot_msg *)(uintptr_t)args), args->size);
    free(indices);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_INSERT, &writer);
    if (msg == NULL) return NULL;
    msg->target = coll->id;
    msg->method = OBJ_INSERT_MANY;
    return msg;
}

/* Those of this PE too travel as a message, behind what the others are sent. */
static void deal_out(struct chariot_pe *pe, struct obj_coll *coll, const struct block *block,
                     struct chariot_msg *args) {
    for (size_t begin = 0, end; begin < block->count && !pe->ending; begin = end) {
        uint32_t to = block->list[begin].to;
        for (end = begin; end < block->count && block->list[end].to == to; end++) {
            if (to != pe->node.pe) pe->location->on_placed(pe, coll, block->list[end].index, to);
        }
        struct chariot_msg *msg = bulk_new(pe, coll, &block->list[begin], end - begin, args);
        if (msg == NULL) return;
        msg->from = pe->node.pe;
        obj_send_take(pe, to, msg);
    }
}

void obj_place_block(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct block block = {0};
    obj_location_each_initial(pe, coll, place_initial, &block);
    if (block.count > 1) qsort(block.list, block.count, sizeof *block.list, by_pe);
    if (block.rc == CHARIOT_ENOMEM)
        obj_out_of_memory(pe);
    else if (block.rc == OBJ_PLACE_LATER)
        obj_wait_take(pe, &pe->orphans, obj_key1(coll->map), rpc_msg_ref(msg));
    else if (block.rc == 0)
        deal_out(pe, coll, &block, msg);
    free(block.list);
}
