/* How chares come to be: single ones, and collections down the tree. Insertion into arrays: insert.c. */
#include <stdlib.h>
#include <string.h>

#include "objects/balance.h"
#include "objects/layout.h"
#include "objects/meter.h"
#include "objects/move.h"
#include "objects/place.h"
#include "objects/section.h"
#include "objects/span.h"

/* How a CREATE message describes its collection: the first value of its payload, as bytes. PEs of a job run one build,
 * so it travels as it lies in memory. */
struct create_head {
    uint32_t type;
    uint32_t ndims;
    uint32_t sparse;
    uint32_t at_sync;
    uint64_t total; /* elements of a group on some PEs */
    uint64_t map;   /* group that places its elements; 0: none */
    int64_t dims[CHARIOT_MAX_DIMS];
};

/* ---------------------------------------------------------------- creation */

static int check_dims(uint32_t ndims, const int64_t dims[CHARIOT_MAX_DIMS], bool *sparse) {
    if (ndims < 1 || ndims > CHARIOT_MAX_DIMS) return CHARIOT_EINVAL;
    uint64_t count = 1;
    bool none = true;
    for (uint32_t i = 0; i < ndims; i++) {
        if (dims[i] < 0 || (ndims > 3 && dims[i] > INT32_MAX)) return CHARIOT_ERANGE;
        none = none && dims[i] == 0;
        if (__builtin_mul_overflow(count, (uint64_t)dims[i], &count) || count > INT64_MAX) return CHARIOT_ERANGE;
    }
    *sparse = none;
    return 0;
}

static bool is_map(const struct chariot_pe *pe, const struct chariot_ref *ref) {
    return ref->kind == CHARIOT_GROUP && ref->whole && !obj_id_is_partial(ref->collection) &&
           obj_ref_is_valid(pe, ref) && ref->type < pe->num_types && pe->types[ref->type]->place != NULL;
}

static int check_pes(const struct chariot_pe *pe, const uint32_t *pes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (pes[i] >= pe->node.num_pes) return CHARIOT_ERANGE;
    }
    return count == 0 ? CHARIOT_EINVAL : 0;
}

static int check(struct chariot_pe *pe, const struct chariot_create *how, bool *sparse) {
    *sparse = false;
    if (how->type >= pe->num_types) return CHARIOT_EINVAL;
    bool mapped = how->map.collection != 0;
    if (mapped && (how->kind != CHARIOT_ARRAY_OF || !is_map(pe, &how->map))) return CHARIOT_EINVAL;
    switch (how->kind) {
    case CHARIOT_MAIN:
        return 0;
    case CHARIOT_SINGLE:
        return how->on_pe < -1 || how->on_pe >= (int64_t)pe->node.num_pes ? CHARIOT_ERANGE : 0;
    case CHARIOT_GROUP:
        return how->pes == NULL ? 0 : check_pes(pe, how->pes, how->num_pes);
    case CHARIOT_ARRAY_OF:
        return check_dims(how->ndims, how->dims, sparse);
    default:
        return CHARIOT_EINVAL;
    }
}

static int create_single_take(struct chariot_pe *pe, const struct chariot_create *how, struct chariot_msg *args,
                              struct chariot_ref *out) {
    uint32_t on = how->kind == CHARIOT_MAIN ? 0 : (uint32_t)how->on_pe;
    if (how->kind == CHARIOT_SINGLE && how->on_pe < 0) on = pe->next_single_pe++ % pe->node.num_pes;
    uint64_t id = obj_id_make(how->kind, pe->node.pe, pe->next_collection++);
    *out = (struct chariot_ref){
        .collection = id, .index = {0, 0, on}, .type = how->type, .kind = (uint8_t)how->kind, .ndims = 1};
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_CREATE_ONE, args);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->target = id;
    msg->method = how->type;
    msg->index[2] = on;
    obj_send_take(pe, on, msg);
    return 0;
}

/* A new message: row, of a group on some PEs, head, then what args holds. */
static struct chariot_msg *create_message(struct chariot_pe *pe, const struct create_head *head, const uint32_t *row,
                                          const struct chariot_msg *args) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new(sizeof *head + (args ? args->size : 0) + 32));
    if (row != NULL) chariot_put_bytes(&writer, row, head->total * sizeof *row);
    chariot_put_bytes(&writer, head, sizeof *head);
    if (args != NULL) chariot_put_encoded(&writer, rpc_msg_payload(args), args->size);
    return obj_msg_finish(pe, OBJ_KIND_CREATE, &writer);
}

/* The row of a group on some PEs, each once (owned), and its root. CHARIOT_ENOMEM. */
static int make_row(struct chariot_pe *pe, const struct chariot_create *how, uint32_t **row, uint64_t *count,
                    uint32_t *root) {
    struct obj_map seen = {0};
    uint32_t num = 0;
    int rc = 0;
    *row = malloc(how->num_pes * sizeof **row);
    if (*row == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; rc == 0 && i < how->num_pes; i++) {
        if (obj_map_get(&seen, obj_key1(how->pes[i])) != NULL) continue;
        (*row)[num++] = how->pes[i];
        rc = obj_map_add(&seen, obj_key1(how->pes[i]), *row);
    }
    obj_map_deinit(&seen);
    if (rc == 0) rc = obj_section_ops.arrange(pe, *row, num, root);
    *count = num;
    return rc;
}

static int encode_args(struct chariot_pe *pe, struct chariot_msg **args) {
    if (*args == NULL) return 0;
    obj_msg_mark(*args);
    return obj_msg_encode(pe, args);
}

static int create_collection_take(struct chariot_pe *pe, const struct chariot_create *how, bool sparse,
                                  struct chariot_msg *args, struct chariot_ref *out) {
    struct create_head head = {.type = how->type,
                               .ndims = how->kind == CHARIOT_GROUP ? 1 : how->ndims,
                               .sparse = sparse,
                               .at_sync = how->at_sync,
                               .map = how->map.collection};
    uint32_t *row = NULL, root = pe->node.pe;
    bool partial = how->kind == CHARIOT_GROUP && how->pes != NULL;
    memcpy(head.dims, how->dims, sizeof head.dims);
    int rc = encode_args(pe, &args);
    if (rc == 0 && partial) rc = make_row(pe, how, &row, &head.total, &root);
    struct chariot_msg *msg = rc == 0 ? create_message(pe, &head, row, args) : NULL;
    rpc_msg_unref(args);
    free(row);
    if (msg == NULL) return rc != 0 ? rc : CHARIOT_ENOMEM;
    uint64_t flags = partial ? OBJ_ID_PARTIAL | OBJ_ID_EARLY : 0;
    msg->target = obj_id_make(how->kind, pe->node.pe, pe->next_collection++ | flags);
    msg->flags = OBJ_FLAG_TREE;
    msg->root = root;
    *out = (struct chariot_ref){.collection = msg->target,
                                .index = {0, 0, partial ? root : 0},
                                .type = how->type,
                                .kind = (uint8_t)how->kind,
                                .ndims = (uint8_t)head.ndims,
                                .whole = 1};
    if (partial)
        obj_send_founding_take(pe, msg);
    else
        obj_send_down_take(pe, msg);
    return 0;
}

int chariot_create_take(struct chariot_pe *pe, const struct chariot_create *how, struct chariot_msg *args,
                        struct chariot_ref *out) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    bool sparse;
    int rc = check(pe, how, &sparse);
    if (rc != 0) {
        rpc_msg_unref(args);
        return rc;
    }
    const struct chariot_activity what = {
        .type = how->type, .method = OBJ_METHOD_CONSTRUCTOR, .kind = (uint8_t)how->kind};
    OBJ_METER(pe, obj_meter_note_instant(pe, &what, RPC_TIMELINE_CREATION));
    if (how->kind == CHARIOT_SINGLE || how->kind == CHARIOT_MAIN) return create_single_take(pe, how, args, out);
    return create_collection_take(pe, how, sparse, args, out);
}

void obj_create_on_single(struct chariot_pe *pe, struct chariot_msg *msg) {
    bool known = obj_map_get(&pe->singles, obj_key1(msg->target)) != NULL;
    if (known || msg->method >= pe->num_types || !obj_kind_is_single(obj_id_kind(msg->target))) {
        obj_refuse(pe, msg);
        return;
    }
    struct obj_coll *coll = obj_coll_single(pe, msg->method);
    if (coll == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    obj_elem_create(pe, coll, msg->target, (const uint64_t[3]){0, msg->target, pe->node.pe}, 0, false, msg);
    obj_wait_release(pe, &pe->orphans, obj_key1(msg->target));
}

/* ---------------------------------------------------------------- a collection arrives */

static void create_initial(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], void *args) {
    if (!pe->ending) obj_elem_create(pe, (struct obj_coll *)(uintptr_t)coll, coll->id, index, 0, false, args);
}

/* True if any PE in the subtree below `top` creates elements. */
static bool subtree_holds(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t top) {
    if (obj_location_holds_initial(pe, coll, top)) return true;
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = obj_tree_children(pe, top, coll->root, children);
    for (uint32_t i = 0; i < count; i++) {
        if (subtree_holds(pe, coll, children[i])) return true;
    }
    return false;
}

static void expect_children(struct chariot_pe *pe, struct obj_coll *coll) {
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = obj_span_children(pe, coll->id, children);
    bool all = obj_id_is_partial(coll->id); /* each PE of its span has an element */
    for (uint32_t i = 0; i < count; i++) {
        if (all || subtree_holds(pe, coll, children[i])) coll->expected |= 1u << i;
    }
}

/* The head of a message from any PE: it may say anything. */
static int read_head(struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_reader *reader,
                     struct create_head *head) {
    struct chariot_value value;
    uint32_t kind = obj_id_kind(msg->target);
    bool sparse = false;
    chariot_reader_init(reader, msg);
    int rc = obj_founds_span(msg) ? chariot_get_typed(reader, CHARIOT_BYTES, &value) : 0; /* the row */
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_BYTES, &value);
    if (rc != 0 || value.bytes.size != sizeof *head) return CHARIOT_EMALFORMED;
    memcpy(head, value.bytes.data, sizeof *head);
    if (head->type >= pe->num_types || (kind != CHARIOT_GROUP && kind != CHARIOT_ARRAY_OF)) return CHARIOT_EMALFORMED;
    bool map_is_group = obj_id_kind(head->map) == CHARIOT_GROUP && !obj_id_is_partial(head->map) &&
                        obj_id_pe(head->map) < pe->node.num_pes;
    if (head->map != 0 && (kind == CHARIOT_GROUP || !map_is_group)) return CHARIOT_EMALFORMED;
    rc = kind == CHARIOT_GROUP ? (head->ndims == 1 ? 0 : CHARIOT_EINVAL) : check_dims(head->ndims, head->dims, &sparse);
    return rc == 0 && head->sparse == sparse ? 0 : CHARIOT_EMALFORMED;
}

/* Its elements are where the location table says. */
static void fill(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *args) {
    expect_children(pe, coll);
    rpc_msg_ref(args); /* shared by them, so none takes its payload for its own */
    coll->filling = true;
    obj_location_each_initial(pe, coll, create_initial, args);
    coll->filling = false;
    rpc_msg_unref(args);
    obj_reduce_recheck(pe, coll);
}

/* They are where the map says: all are issued, none has arrived. */
static void fill_by_map(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *args) {
    coll->settled = false;
    coll->holding = coll->root == pe->node.pe;
    args->target = coll->id;
    args->method = OBJ_INSERT_BLOCK;
    obj_place_block(pe, coll, args);
}

/* What stands in the head, before any element is there. */
static void adopt(struct chariot_pe *pe, struct obj_coll *coll, const struct create_head *head) {
    memcpy(coll->dims, head->dims, sizeof coll->dims);
    coll->map = head->map;
    coll->at_sync = head->at_sync != 0;
    coll->sparse = coll->open = head->sparse != 0;
    coll->settled = coll->counted = !coll->sparse;
    if (!coll->sparse) coll->total = obj_id_is_partial(coll->id) ? head->total : obj_location_count(pe, coll);
    if (coll->map == 0) coll->total_created = coll->total;
    if (coll->at_sync) coll->total_at_sync = coll->total;
    if (coll->root == pe->node.pe)
        obj_balance_ops.on_total(pe, (int64_t)coll->total_at_sync, coll->at_sync && coll->open);
}

void obj_create_on_collection(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_reader rest;
    struct create_head head;
    if (read_head(pe, msg, &rest, &head) != 0 || obj_coll_get(pe, msg->target) != NULL) {
        obj_refuse(pe, msg);
        return;
    }
    struct chariot_msg *args = obj_msg_rest(pe, OBJ_KIND_INSERT, &rest);
    if (args == NULL) return;
    struct obj_coll *coll =
        obj_coll_add(pe, msg->target, head.type, (uint8_t)obj_id_kind(msg->target), (uint8_t)head.ndims);
    if (coll == NULL) {
        rpc_msg_unref(args);
        obj_out_of_memory(pe);
        return;
    }
    coll->root = msg->root;
    adopt(pe, coll, &head);
    obj_move_note_early(pe, coll);
    if (!coll->sparse && coll->map != 0)
        fill_by_map(pe, coll, args);
    else if (!coll->sparse)
        fill(pe, coll, args);
    rpc_msg_unref(args);
    obj_wait_release(pe, &pe->orphans, obj_key1(msg->target));
}
