/* The static map: blocks for dense arrays, a hash of the index for sparse ones, one element per PE for groups. */
#include "objects/location.h"

#include <assert.h>

uint64_t obj_location_count(const struct chariot_pe *pe, const struct obj_coll *coll) {
    if (coll->kind == CHARIOT_GROUP) return pe->node.num_pes;
    uint64_t count = 1;
    for (uint32_t i = 0; i < coll->ndims; i++) count *= (uint64_t)coll->dims[i];
    return count;
}

/* Row-major position of index in a dense array; -1: outside of it. */
static int64_t linear(const struct obj_coll *coll, const uint64_t index[3]) {
    struct chariot_ref ref = {
        .kind = coll->kind, .ndims = coll->ndims, .index = {index[0], index[1], index[2]}, .collection = coll->id};
    struct chariot_index at;
    chariot_ref_index(&ref, &at);
    int64_t position = 0;
    for (uint32_t i = 0; i < coll->ndims; i++) {
        if (at.at[i] < 0 || at.at[i] >= coll->dims[i]) return -1;
        position = position * coll->dims[i] + at.at[i];
    }
    return position;
}

/* Contiguous blocks: the first count % num_pes PEs hold one more than the others. */
static uint32_t block_of(uint64_t position, uint64_t count, uint32_t num_pes) {
    uint64_t small = count / num_pes, bigger = count % num_pes;
    if (position < bigger * (small + 1)) return (uint32_t)(position / (small + 1));
    return (uint32_t)(bigger + (position - bigger * (small + 1)) / small);
}

static uint32_t static_home(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]) {
    if (coll->kind == CHARIOT_GROUP) return (uint32_t)(index[0] % pe->node.num_pes);
    int64_t position = coll->sparse ? -1 : linear(coll, index);
    if (position < 0) return (uint32_t)(obj_key_hash(obj_key3(index)) % pe->node.num_pes);
    return block_of((uint64_t)position, obj_location_count(pe, coll), pe->node.num_pes);
}

static uint32_t static_find(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3]) {
    struct obj_key key = obj_key3(index);
    if (obj_map_get(&coll->by_index, key) != NULL) return pe->node.pe;
    uint32_t home = static_home(pe, coll, index);
    if (home != pe->node.pe) return home;
    uintptr_t elsewhere = (uintptr_t)obj_map_get(&coll->located, key);
    return elsewhere == 0 ? home : (uint32_t)(elsewhere - 1);
}

/* At the home PE: from now on messages for it go to PE `to`. */
static void note(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to) {
    struct obj_key key = obj_key3(index);
    uintptr_t known = (uintptr_t)obj_map_get(&coll->located, key);
    if (known != 0 || obj_map_get(&coll->by_index, key) != NULL) {
        if (known != (uintptr_t)to + 1) obj_inserted_twice(pe, coll, index); /* else PE `to` says so */
        return;
    }
    if (obj_map_add(&coll->located, key, (void *)((uintptr_t)to + 1)) != 0)
        obj_out_of_memory(pe);
    else
        obj_wait_release(pe, &coll->waiting, key);
}

static void static_on_placed(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to) {
    if (to != pe->node.pe && static_home(pe, coll, index) == pe->node.pe) note(pe, coll, index, to);
}

static void static_on_created(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t from) {
    uint32_t home = static_home(pe, elem->own.coll, elem->index);
    if (home == pe->node.pe) {
        if (obj_map_get(&elem->own.coll->located, obj_key3(elem->index)) != NULL)
            obj_inserted_twice(pe, elem->own.coll, elem->index);
        return;
    }
    if (home == from) return; /* it knows */
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_LOCATED, 0);
    if (msg == NULL) return;
    msg->target = elem->own.coll->id;
    for (int i = 0; i < 3; i++) msg->index[i] = elem->index[i];
    msg->root = pe->node.pe;
    obj_send_take(pe, home, msg);
}

static void static_each_initial(struct chariot_pe *pe, const struct obj_coll *coll,
                                void (*fn)(struct chariot_pe *, const struct obj_coll *, const uint64_t[3], void *),
                                void *ctx) {
    if (coll->kind == CHARIOT_GROUP) {
        uint64_t root = obj_id_is_partial(coll->id) ? coll->root : 0; /* OBJ_ROOT_WORD */
        fn(pe, coll, (const uint64_t[3]){pe->node.pe, 0, root}, ctx);
        return;
    }
    uint64_t count = obj_location_count(pe, coll), num_pes = pe->node.num_pes, me = pe->node.pe;
    uint64_t small = count / num_pes, bigger = count % num_pes;
    uint64_t begin = me * small + (me < bigger ? me : bigger);
    uint64_t end = begin + small + (me < bigger ? 1 : 0);
    struct chariot_ref whole = {.collection = coll->id, .kind = coll->kind, .ndims = coll->ndims, .whole = 1};
    for (uint64_t position = begin; position < end; position++) {
        struct chariot_index at = {.ndims = coll->ndims};
        uint64_t rest = position;
        for (uint32_t i = coll->ndims; i-- > 0;) {
            at.at[i] = (int64_t)(rest % (uint64_t)coll->dims[i]);
            rest /= (uint64_t)coll->dims[i];
        }
        struct chariot_ref ref;
        int rc = chariot_ref_element(&whole, &at, &ref);
        assert(rc == 0); /* chariot_create_take() has checked the sizes */
        (void)rc;
        fn(pe, coll, ref.index, ctx);
    }
}

static bool static_holds_initial(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t other) {
    return coll->kind == CHARIOT_GROUP || other < obj_location_count(pe, coll);
}

void obj_location_on_located(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return;
    }
    if (msg->root != pe->node.pe) note(pe, coll, msg->index, msg->root);
}

const struct obj_location_ops obj_location_static = {
    .name = "static",
    .home = static_home,
    .find = static_find,
    .on_placed = static_on_placed,
    .on_created = static_on_created,
    .each_initial = static_each_initial,
    .holds_initial = static_holds_initial,
};
