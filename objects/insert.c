/* Elements that come into arrays one by one: insertion by programs, and what a placement map decides.
 *
 * Early insertions (until chariot_done_inserting()) are counted where they are issued and where they arrive; the root
 * learns both sums by an awaited broadcast (OBJ_METHOD_COUNT), and what arrives later by COUNT messages, which add up
 * on their way up the tree. When they are equal the array is settled: kept broadcasts are dropped everywhere
 * (OBJ_METHOD_SETTLED). From the count until then the root holds broadcasts back, so that each meets all elements. A
 * dense array with a map begins like that: all its elements are issued, by its index's homes, and none has arrived. */
#include <string.h>

#include "objects/balance.h"
#include "objects/meter.h"
#include "objects/place.h"
#include "objects/span.h"

/* ---------------------------------------------------------------- issuing */

static bool is_array(const struct chariot_pe *pe, const struct chariot_ref *ref) {
    return obj_ref_is_valid(pe, ref) && obj_id_kind(ref->collection) == CHARIOT_ARRAY_OF;
}

int chariot_insert_take(struct chariot_pe *pe, const struct chariot_ref *array, const struct chariot_index *index,
                        struct chariot_msg *args, int64_t on_pe, bool at_sync) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    struct chariot_ref ref;
    int rc = is_array(pe, array) ? chariot_ref_element(array, index, &ref) : CHARIOT_EINVAL;
    if (rc == 0 && (on_pe < -1 || on_pe >= (int64_t)pe->node.num_pes)) rc = CHARIOT_ERANGE;
    if (rc == 0 && obj_coll_is_gone(pe, array->collection)) rc = CHARIOT_ENOENT;
    if (rc != 0) {
        rpc_msg_unref(args);
        return rc;
    }
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_INSERT, args);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->target = array->collection;
    memcpy(msg->index, ref.index, sizeof msg->index);
    if (on_pe >= 0) msg->flags |= OBJ_FLAG_PLACED;
    msg->root = on_pe >= 0 ? (uint32_t)on_pe : 0;
    msg->method = OBJ_INSERT_ISSUE;
    msg->reply = at_sync;
    struct obj_coll *coll = obj_coll_get(pe, array->collection);
    if (coll == NULL) /* its creation is still on its way here: this waits for it */
        obj_wait_take(pe, &pe->orphans, obj_key1(msg->target), msg);
    else
        obj_insert_issue_take(pe, coll, msg);
    return 0;
}

static void place_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg, uint32_t to) {
    msg->method = OBJ_INSERT_ONE;
    msg->root = 0;
    msg->from = pe->node.pe; /* it may have come here from another, which places nothing */
    pe->location->on_placed(pe, coll, msg->index, to);
    obj_send_take(pe, to, msg);
}

static bool takes_part(const struct obj_coll *coll, const struct chariot_msg *insertion) {
    return coll->at_sync || insertion->reply != 0;
}

void obj_insert_issue_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    if (!coll->open && coll->root != pe->node.pe) {
        msg->method = OBJ_INSERT_LATE;
        coll->late++;
        obj_send_take(pe, coll->root, msg);
        return;
    }
    if (coll->open) {
        msg->flags |= OBJ_FLAG_EARLY;
        coll->issued++;
        coll->issued_at_sync += takes_part(coll, msg);
    } else {
        coll->total++;
        coll->total_at_sync += takes_part(coll, msg);
        obj_balance_ops.on_total(pe, takes_part(coll, msg), 0);
        coll->holding = true;
        msg->seq = coll->reduced;
    }
    if (msg->flags & OBJ_FLAG_PLACED) {
        place_take(pe, coll, msg, msg->root);
    } else if (coll->map == 0) {
        place_take(pe, coll, msg, obj_location_home(pe, coll, msg->index));
    } else { /* the map is the program's code: from the run queue */
        msg->method = OBJ_INSERT_ASK_MAP;
        obj_pe_queue_take(pe, msg);
    }
}

/* ---------------------------------------------------------------- telling the root what has arrived */

static struct chariot_msg *count_new(struct chariot_pe *pe, const struct obj_coll *coll, uint32_t what, uint64_t seq) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_COUNT, 0);
    if (msg == NULL) return NULL;
    msg->target = coll->id;
    msg->method = what;
    msg->seq = seq;
    return msg;
}

/* Here, or below in the tree. It is passed on, with all that has arrived by then, behind what waits to run here now: so
 * the more there is to tell the fewer messages tell it, and no PE hears of more than its tree children tell it. */
static void note_arrived(struct chariot_pe *pe, struct obj_coll *coll, uint64_t count) {
    coll->unreported += count;
    if (coll->reporting) return;
    struct chariot_msg *msg = count_new(pe, coll, OBJ_COUNT_PASS_ON, 0);
    if (msg == NULL) return;
    coll->reporting = true;
    obj_pe_queue_take(pe, msg);
}

/* ---------------------------------------------------------------- arriving */

void obj_inserted_twice(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3]) {
    char text[OBJ_INDEX_TEXT], line[400];
    obj_index_print(coll->ndims, index, text);
    snprintf(line, sizeof line, "chariot: PE %u: element %s was inserted twice into an array of %.120s\n", pe->node.pe,
             text, pe->types[coll->type]->name);
    obj_end_abort(pe, 1, line);
}

/* NULL: it was there already, or could not be made; the job ends. */
static struct chariot_elem *create_one(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3],
                                       uint64_t seen, bool at_sync, struct chariot_msg *args, uint32_t from) {
    if (obj_map_get(&coll->by_index, obj_key3(index)) != NULL) {
        obj_inserted_twice(pe, coll, index);
        return NULL;
    }
    if (coll->num_living == 0) obj_reduce_expect_me(pe, coll);
    obj_elem_create(pe, coll, coll->id, index, seen, at_sync, args);
    struct chariot_elem *elem = obj_map_get(&coll->by_index, obj_key3(index));
    if (elem != NULL && !pe->ending) pe->location->on_created(pe, elem, from);
    return elem;
}

static void on_one(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    bool early = (msg->flags & OBJ_FLAG_EARLY) != 0;
    struct chariot_elem *elem =
        create_one(pe, coll, msg->index, early ? 0 : coll->broadcasts, msg->reply != 0, msg, msg->from);
    if (elem == NULL) return;
    if (!early) elem->own.reductions = msg->seq;
    if (early && coll->open)
        coll->created++;
    else
        note_arrived(pe, coll, 1);
}

static void on_ask_map(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    uint32_t to;
    switch (obj_place_ask(pe, coll, msg->index, &to)) {
    case 0:
        place_take(pe, coll, rpc_msg_ref(msg), to);
        break;
    case OBJ_PLACE_LATER:
        obj_wait_take(pe, &pe->orphans, obj_key1(coll->map), rpc_msg_ref(msg));
        break;
    default: /* the job ends */
        break;
    }
}

/* Which PE `from` has placed here; args are borrowed. */
static void create_many(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t (*indices)[3], size_t count,
                        struct chariot_msg *args, uint32_t from) {
    rpc_msg_ref(args); /* shared by them, so none takes its payload for its own */
    coll->filling = true;
    for (size_t i = 0; i < count && !pe->ending; i++) {
        uint64_t index[3]; /* they may stand unaligned in a message */
        memcpy(index, &indices[i], sizeof index);
        create_one(pe, coll, index, coll->broadcasts, false, args, from);
    }
    coll->filling = false;
    rpc_msg_unref(args);
    if (pe->ending) return;
    obj_reduce_recheck(pe, coll);
    note_arrived(pe, coll, count);
}

static void on_many(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_reader rest;
    struct chariot_value indices;
    chariot_reader_init(&rest, msg);
    int rc = chariot_get_typed(&rest, CHARIOT_BYTES, &indices);
    if (rc != 0 || indices.bytes.size % sizeof(uint64_t[3]) != 0) {
        obj_refuse(pe, msg);
        return;
    }
    struct chariot_msg *args = obj_msg_rest(pe, OBJ_KIND_INSERT, &rest);
    if (args == NULL) return;
    create_many(pe, coll, (const uint64_t(*)[3])indices.bytes.data, indices.bytes.size / sizeof(uint64_t[3]), args,
                msg->from);
    rpc_msg_unref(args);
}

void obj_create_on_insert(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (obj_id_kind(msg->target) != CHARIOT_ARRAY_OF) {
        obj_refuse(pe, msg);
        return;
    }
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return;
    }
    switch (msg->method) {
    case OBJ_INSERT_LATE:
        coll->late_missing--;
        obj_insert_issue_take(pe, coll, rpc_msg_ref(msg));
        break;
    case OBJ_INSERT_ISSUE:
        obj_insert_issue_take(pe, coll, rpc_msg_ref(msg));
        break;
    case OBJ_INSERT_ASK_MAP:
        on_ask_map(pe, coll, msg);
        break;
    case OBJ_INSERT_BLOCK:
        obj_place_block(pe, coll, msg);
        break;
    case OBJ_INSERT_MANY:
        on_many(pe, coll, msg);
        break;
    default:
        on_one(pe, coll, msg);
    }
}

/* ---------------------------------------------------------------- counting */

int chariot_done_inserting(struct chariot_pe *pe, const struct chariot_ref *array) {
    OBJ_API(pe);
    if (!is_array(pe, array)) return CHARIOT_EINVAL;
    if (obj_coll_is_gone(pe, array->collection)) return CHARIOT_ENOENT;
    obj_broadcast_take(pe, array->collection, obj_id_pe(array->collection), OBJ_METHOD_COUNT, OBJ_FLAG_WANT_DONE, 0,
                       NULL);
    return 0;
}

/* At the root: the array settles, and hears broadcasts again, when what was issued has arrived. */
static void settle(struct chariot_pe *pe, struct obj_coll *coll) {
    obj_reduce_recheck(pe, coll);
    if (pe->ending || !coll->counted || coll->total_created != coll->total || coll->late_missing > 0) return;
    obj_broadcast_release(pe, coll);
    if (coll->settled) return;
    coll->settled = true;
    obj_broadcast_take(pe, coll->id, coll->root, OBJ_METHOD_SETTLED, 0, 0, NULL);
}

void obj_create_counted(struct chariot_pe *pe, struct obj_coll *coll, const int64_t counts[OBJ_NUM_COUNTS]) {
    coll->total += (uint64_t)counts[OBJ_COUNT_ISSUED];
    coll->total_created += (uint64_t)counts[OBJ_COUNT_CREATED];
    bool first = coll->sparse && !coll->counted_once;
    coll->late_missing += counts[OBJ_COUNT_LATE];
    coll->total_at_sync += (uint64_t)counts[OBJ_COUNT_AT_SYNC];
    obj_balance_ops.on_total(pe, counts[OBJ_COUNT_AT_SYNC], first && coll->at_sync ? -1 : 0);
    coll->counted = coll->counted_once = true;
    settle(pe, coll);
}

static void pass_on_arrived(struct chariot_pe *pe, struct obj_coll *coll) {
    uint64_t count = coll->unreported;
    coll->reporting = false;
    coll->unreported = 0;
    if (coll->root == pe->node.pe) {
        coll->total_created += count;
        settle(pe, coll);
        return;
    }
    struct chariot_msg *msg = count_new(pe, coll, OBJ_COUNT_ARRIVED, count);
    if (msg == NULL) return;
    obj_span_send_up_take(pe, coll->id, msg);
}

void obj_create_on_count(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL) return; /* destroyed, or a lie: a tree child hears of a collection after this PE */
    if (msg->method == OBJ_COUNT_PASS_ON)
        pass_on_arrived(pe, coll);
    else
        note_arrived(pe, coll, msg->seq);
}
