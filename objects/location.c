/* Homes: blocks for dense arrays, a hash of the index for sparse ones, one element per PE for groups. */
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

uint32_t obj_location_home(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]) {
    if (coll->kind == CHARIOT_GROUP) return (uint32_t)(index[0] % pe->node.num_pes);
    int64_t position = coll->sparse ? -1 : linear(coll, index);
    if (position < 0) return (uint32_t)(obj_key_hash(obj_key3(index)) % pe->node.num_pes);
    return block_of((uint64_t)position, obj_location_count(pe, coll), pe->node.num_pes);
}

void obj_location_each_initial(struct chariot_pe *pe, const struct obj_coll *coll,
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

bool obj_location_holds_initial(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t other) {
    return coll->kind == CHARIOT_GROUP || other < obj_location_count(pe, coll);
}

void obj_location_on_located(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL)
        obj_orphan(pe, msg);
    else
        pe->location->on_located(pe, coll, msg);
}
