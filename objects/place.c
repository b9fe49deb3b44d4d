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
             pe->node.pe, pe->types[map->coll->type]->name, text, pe->types[coll->type]->name, (long long)to,
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
    const struct chariot_type *type = pe->types[map->coll->type];
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

/* What goes to one PE. */
struct bulk {
    uint64_t (*indices)[3];
    size_t count, cap;
};

struct block {
    struct bulk *to; /* one per PE */
    int rc;
};

static int bulk_add(struct bulk *bulk, const uint64_t index[3]) {
    if (bulk->count == bulk->cap) {
        size_t cap = bulk->cap == 0 ? 16 : 2 * bulk->cap;
        void *indices = realloc(bulk->indices, cap * sizeof *bulk->indices);
        if (indices == NULL) return CHARIOT_ENOMEM;
        bulk->indices = indices;
        bulk->cap = cap;
    }
    memcpy(bulk->indices[bulk->count++], index, sizeof *bulk->indices);
    return 0;
}

static void place_initial(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], void *ctx) {
    struct block *block = ctx;
    uint32_t to;
    if (block->rc == 0) block->rc = obj_place_ask(pe, coll, index, &to);
    if (block->rc == 0) block->rc = bulk_add(&block->to[to], index);
}

static void send_bulk(struct chariot_pe *pe, struct obj_coll *coll, uint32_t to, const struct bulk *bulk,
                      const struct chariot_msg *args) {
    for (size_t i = 0; i < bulk->count; i++) pe->location->on_placed(pe, coll, bulk->indices[i], to);
    size_t size = bulk->count * sizeof *bulk->indices;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new(size + args->size + 32));
    chariot_put_bytes(&writer, bulk->indices, size);
    chariot_put_encoded(&writer, rpc_msg_payload((struct chariot_msg *)(uintptr_t)args), args->size);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_INSERT, &writer);
    if (msg == NULL) return;
    msg->target = coll->id;
    msg->method = OBJ_INSERT_MANY;
    obj_send_take(pe, to, msg);
}

static void deal_out(struct chariot_pe *pe, struct obj_coll *coll, const struct block *block,
                     struct chariot_msg *args) {
    uint32_t me = pe->node.pe;
    for (uint32_t to = 0; to < pe->node.num_pes && !pe->ending; to++) {
        if (to != me && block->to[to].count > 0) send_bulk(pe, coll, to, &block->to[to], args);
    }
    const struct bulk *own = &block->to[me];
    if (own->count > 0) obj_insert_many(pe, coll, (const uint64_t(*)[3])own->indices, own->count, args, me);
}

void obj_place_block(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct block block = {.to = calloc(pe->node.num_pes, sizeof *block.to)};
    if (block.to == NULL)
        block.rc = CHARIOT_ENOMEM;
    else
        pe->location->each_initial(pe, coll, place_initial, &block);
    if (block.rc == CHARIOT_ENOMEM)
        obj_out_of_memory(pe);
    else if (block.rc == OBJ_PLACE_LATER)
        obj_wait_take(pe, &pe->orphans, obj_key1(coll->map), rpc_msg_ref(msg));
    else if (block.rc == 0)
        deal_out(pe, coll, &block, msg);
    for (uint32_t i = 0; block.to != NULL && i < pe->node.num_pes; i++) free(block.to[i].indices);
    free(block.to);
}
