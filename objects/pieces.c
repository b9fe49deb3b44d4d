#include "objects/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "objects/reduce_builtin.h"
#include "objects/span.h"

enum { PIECE_IS_LAST = 1 }; /* of a piece, in `method` */

/* ---------------------------------------------------------------- sending */

static bool is_large(const struct chariot_pe *pe, const struct chariot_msg *value) {
    return value != NULL && value->size > 2 * pe->piece_bytes && (value->flags & OBJ_FLAG_ERROR) == 0;
}

static bool parent_is_on_another_host(const struct chariot_pe *pe, uint64_t id) {
    int64_t parent = pe->layout == NULL ? -1 : obj_span_parent(pe, id);
    return parent >= 0 && rpc_node_host_of(&pe->node, (uint32_t)parent) != rpc_node_host_of(&pe->node, pe->node.pe);
}

bool obj_pieces_serve(const struct chariot_pe *pe, uint64_t id, uint32_t reducer, const struct chariot_msg *value) {
    bool adds = reducer >= CHARIOT_REDUCE_SUM && reducer <= CHARIOT_REDUCE_MIN;
    return adds && is_large(pe, value) && parent_is_on_another_host(pe, id);
}

/* Bytes [begin, end) of value; NULL: the job ends. */
static struct chariot_msg *piece_of(struct chariot_pe *pe, enum obj_kind kind, struct obj_key key,
                                    const struct chariot_msg *value, size_t begin, size_t end) {
    struct chariot_msg *msg = obj_msg_new(pe, kind, end - begin + sizeof(struct obj_partial_tail));
    if (msg == NULL) return NULL;
    memcpy(rpc_msg_payload(msg), rpc_msg_payload(value) + begin, end - begin);
    msg->size = end - begin;
    msg->target = key.word[0];
    msg->seq = key.word[1];
    msg->root = obj_span_root(pe, key.word[0]);
    msg->index[0] = begin;
    msg->index[1] = value->size;
    return msg;
}

/* Sends on what is there of value from *sent on, piece by piece; the last byte is left for send_last(). */
static void send_pieces(struct chariot_pe *pe, struct obj_key key, const struct chariot_msg *value, size_t there,
                        size_t *sent) {
    while (there - *sent >= pe->piece_bytes && *sent + pe->piece_bytes < value->size) {
        struct chariot_msg *msg = piece_of(pe, OBJ_KIND_PIECE, key, value, *sent, *sent + pe->piece_bytes);
        if (msg == NULL) return;
        *sent += pe->piece_bytes;
        obj_span_send_up_take(pe, msg->target, msg);
    }
}

/* What is left, with the tail; tail->num_values 0: the value is not to be used. */
static void send_last(struct chariot_pe *pe, struct obj_key key, const struct chariot_msg *value, size_t sent,
                      const struct obj_partial_tail *tail) {
    size_t end = tail->num_values == 0 ? sent : value->size;
    struct chariot_msg *msg = piece_of(pe, OBJ_KIND_PIECE, key, value, sent, end);
    if (msg == NULL) return;
    msg->method = PIECE_IS_LAST;
    memcpy(rpc_msg_payload(msg) + msg->size, tail, sizeof *tail);
    msg->size += sizeof *tail;
    obj_span_send_up_take(pe, msg->target, msg);
}

void obj_pieces_send_take(struct chariot_pe *pe, struct obj_key key, struct chariot_msg *value,
                          const struct obj_partial_tail *tail) {
    size_t sent = 0;
    send_pieces(pe, key, value, value->size, &sent);
    send_last(pe, key, value, sent, tail);
    rpc_msg_unref(value);
}

/* ---------------------------------------------------------------- growing */

static void let_go(struct obj_growing *growing) {
    rpc_msg_unref(growing->value);
    *growing = (struct obj_growing){0};
}

/* size: bytes of the piece that are the value's. False: it does not fit to what has come; the job ends. */
static bool grow_value(struct chariot_pe *pe, struct obj_growing *growing, const struct chariot_msg *piece,
                       size_t size) {
    uint64_t total = piece->index[1];
    bool fits = piece->index[0] == growing->arrived && size <= total - growing->arrived;
    if (!fits || growing->arrived > total || (growing->value != NULL && growing->value->size != total)) {
        obj_refuse(pe, piece);
        return false;
    }
    if (growing->value == NULL) {
        growing->value = obj_msg_new(pe, OBJ_KIND_PARTIAL, total);
        if (growing->value == NULL) return false;
        growing->value->size = total;
    }
    memcpy(rpc_msg_payload(growing->value) + growing->arrived, rpc_msg_payload(piece), size);
    growing->arrived += size;
    return true;
}

/* The whole value; NULL: it is not whole, or not to be used. */
static struct chariot_msg *give_whole(struct obj_growing *growing, const struct obj_partial_tail *tail) {
    struct chariot_msg *value = NULL;
    if (tail->num_values == 1 && growing->arrived == growing->value->size) value = rpc_msg_ref(growing->value);
    let_go(growing);
    return value;
}

/* ---------------------------------------------------------------- streams */

enum { HEAD_BYTES = 512 }; /* more than an array of a built-in dtype has before its data */

static size_t arrived_of(const struct obj_reduction *red, const struct obj_part *part) {
    if (part->first < OBJ_PART_OF_CHILD) return part->value->size;
    const struct obj_growing *growing = &red->growing[part->first - OBJ_PART_OF_CHILD];
    return growing->value == part->value ? growing->arrived : part->value->size;
}

static bool head_is_there(const struct obj_growing *growing) {
    return growing->value == NULL || growing->arrived >= HEAD_BYTES || growing->arrived == growing->value->size;
}

/* Local parts are all here, and of others at least the beginning. */
static bool may_start(const struct chariot_pe *pe, const struct obj_coll *coll, const struct obj_reduction *red) {
    uint32_t here = red->children;
    bool started = coll->root != pe->node.pe && red->key.word[1] < coll->sent_below;
    if (started || !red->known || coll->filling || red->local_count < coll->num_living) return false;
    for (uint32_t i = 0; i < OBJ_TREE_RADIX; i++) {
        if (!head_is_there(&red->growing[i])) return false;
        if (red->growing[i].value != NULL) here |= 1u << i;
    }
    return (here & coll->expected) == coll->expected;
}

/* Growing values take their places among the parts. False: the job ends. */
static bool line_up(struct chariot_pe *pe, struct obj_reduction *red) {
    for (uint32_t i = 0; i < OBJ_TREE_RADIX; i++) {
        struct chariot_msg *value = red->growing[i].value;
        if (value == NULL) continue;
        if (!obj_reduce_add_value_take(pe, red, OBJ_PART_OF_CHILD + i, rpc_msg_ref(value))) return false;
    }
    return obj_parts_arrange(pe, red->reducer, &red->parts) == 0;
}

static void stand_back(struct obj_reduction *red) {
    struct obj_parts *parts = &red->parts;
    size_t kept = 0;
    for (size_t i = 0; i < parts->count; i++) {
        struct obj_part part = parts->list[i];
        bool grows =
            part.first >= OBJ_PART_OF_CHILD && red->growing[part.first - OBJ_PART_OF_CHILD].value == part.value;
        if (grows)
            rpc_msg_unref(part.value);
        else
            parts->list[kept++] = part;
    }
    parts->count = kept;
}

/* One that grows is never the first, since it is shared: a PE without elements puts them together. */
static bool can_stream(struct obj_reduction *red) {
    struct obj_parts *parts = &red->parts;
    size_t item_size;
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->list[i].value->flags & OBJ_FLAG_ERROR) return false;
        parts->scratch[i] = parts->list[i].value;
    }
    if (!obj_reduce_can_add_ranges(red->reducer, parts->count, parts->scratch, &item_size)) return false;
    for (size_t i = 0; i < parts->count; i++) {
        if (obj_reduce_data_offset(parts->scratch[i]) > arrived_of(red, &parts->list[i])) return false;
    }
    return true;
}

static void advance(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red);

void obj_pieces_start(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    if (!may_start(pe, coll, red) || !line_up(pe, red)) return;
    if (!can_stream(red)) {
        stand_back(red);
        return;
    }
    obj_map_remove(&pe->reductions, red->key);
    if (obj_map_add(&pe->streams, red->key, red) != 0) {
        obj_reduce_free(pe, red);
        obj_out_of_memory(pe);
        return;
    }
    if (coll->root != pe->node.pe) coll->sent_below = red->key.word[1] + 1;
    advance(pe, coll, red);
}

/* Bytes of data that all parts have, in whole elements of any dtype. */
static size_t common_data(const struct obj_reduction *red) {
    size_t common = SIZE_MAX;
    bool all = true;
    for (size_t i = 0; i < red->parts.count; i++) {
        const struct obj_part *part = &red->parts.list[i];
        size_t arrived = arrived_of(red, part), offset = obj_reduce_data_offset(part->value);
        if (arrived - offset < common) common = arrived - offset;
        all = all && arrived == part->value->size;
    }
    return all ? common : common - common % 16;
}

/* As a record, which late parts may have made already, with one part. */
static void put_back_take(struct chariot_pe *pe, struct obj_coll *coll, const struct obj_reduction *red,
                          struct chariot_msg *value) {
    struct obj_reduction *record = obj_reduce_record(pe, red->key);
    if (record == NULL) {
        rpc_msg_unref(value);
        return;
    }
    obj_reduce_describe(record, red->reducer, &red->target);
    record->children |= red->children;
    record->local_count += red->local_count;
    record->count += red->count;
    if (obj_reduce_add_value_take(pe, record, 0, value)) obj_reduce_check(pe, coll, record);
}

static void end_stream(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    struct chariot_msg *total = rpc_msg_ref(red->parts.list[0].value);
    const struct obj_partial_tail tail = {red->count, red->reducer, !red->broken, red->target};
    obj_map_remove(&pe->streams, red->key);
    obj_parts_deinit(&red->parts);
    bool leaves = red->sent > 0;
    if (leaves) send_last(pe, red->key, total, red->sent, &tail);
    if (leaves || red->broken) {
        rpc_msg_unref(total);
        total = NULL;
    }
    if (!leaves) put_back_take(pe, coll, red, total);
    obj_reduce_free(pe, red);
}

/* Adds what has arrived of all, and passes it on. */
static void advance(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    const struct obj_parts *parts = &red->parts;
    struct chariot_msg *total = parts->list[0].value;
    size_t data = red->broken ? red->done : common_data(red);
    for (size_t i = 1; i < parts->count && data > red->done; i++) {
        obj_reduce_add_range(red->reducer, total, parts->list[i].value, red->done, data);
    }
    red->done = data;
    if (!red->broken && obj_pieces_serve(pe, red->key.word[0], red->reducer, total)) {
        send_pieces(pe, red->key, total, obj_reduce_data_offset(total) + data, &red->sent);
    }
    if (red->num_growing == 0) end_stream(pe, coll, red);
}

/* ---------------------------------------------------------------- pieces arrive */

static void on_stream_piece(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red,
                            const struct chariot_msg *msg, int child, const struct obj_partial_tail *tail) {
    struct obj_growing *growing = &red->growing[child];
    if (!grow_value(pe, growing, msg, msg->size - (tail == NULL ? 0 : sizeof *tail))) return;
    if (tail != NULL) {
        red->broken = red->broken || tail->num_values == 0 || growing->arrived < growing->value->size;
        red->count += tail->count;
        red->children |= 1u << child;
        red->num_growing--;
        let_go(growing);
    }
    advance(pe, coll, red);
}

static void on_record_piece(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg, int child,
                            const struct obj_partial_tail *tail) {
    struct obj_reduction *red = obj_reduce_record(pe, obj_key2(msg->target, msg->seq));
    if (red == NULL) return;
    struct obj_growing *growing = &red->growing[child];
    bool begins = growing->value == NULL;
    if (!grow_value(pe, growing, msg, msg->size - (tail == NULL ? 0 : sizeof *tail))) return;
    red->num_growing += begins;
    if (tail != NULL) {
        struct chariot_msg *value = give_whole(growing, tail);
        red->num_growing--;
        obj_reduce_describe(red, tail->reducer, &tail->target);
        red->children |= 1u << child;
        red->count += tail->count;
        if (!obj_reduce_add_value_take(pe, red, OBJ_PART_OF_CHILD + (uint64_t)child, value)) return;
    }
    obj_reduce_check(pe, coll, red);
}

void obj_reduce_on_piece(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_partial_tail tail;
    bool last = msg->method == PIECE_IS_LAST;
    int child = obj_span_child(pe, msg->target, msg->from);
    bool bad = child < 0 || msg->seq >> 56 != OBJ_SPACE_PROGRAM || msg->index[1] == 0 ||
               msg->index[1] > rpc_limits_default.message_bytes;
    if (bad || (last && obj_reduce_read_tail(pe, msg, &tail) != 0)) {
        obj_refuse(pe, msg);
        return;
    }
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL && !obj_coll_is_gone(pe, msg->target)) {
        obj_orphan(pe, msg);
        return;
    }
    if (coll == NULL) {
        if (last) obj_reduce_add_to_gone(pe, msg, &tail);
        return;
    }
    struct obj_reduction *stream = obj_map_get(&pe->streams, obj_key2(msg->target, msg->seq));
    if (stream != NULL && stream->growing[child].value != NULL)
        on_stream_piece(pe, coll, stream, msg, child, last ? &tail : NULL);
    else
        on_record_piece(pe, coll, msg, child, last ? &tail : NULL);
}

/* ---------------------------------------------------------------- results */

bool obj_pieces_serve_result(const struct chariot_pe *pe, const struct chariot_msg *result) {
    return pe->layout != NULL && is_large(pe, result);
}

void obj_pieces_send_result_take(struct chariot_pe *pe, struct chariot_msg *result) {
    struct obj_key key = obj_key2(result->target, result->seq);
    for (size_t begin = 0, end; begin < result->size; begin = end) {
        end = result->size - begin > pe->piece_bytes ? begin + pe->piece_bytes : result->size;
        struct chariot_msg *msg = piece_of(pe, OBJ_KIND_RESULT_PIECE, key, result, begin, end);
        if (msg == NULL) break;
        msg->flags = OBJ_FLAG_TREE;
        obj_send_down_take(pe, msg);
    }
    obj_pe_queue_take(pe, result); /* here it is whole */
}

static struct obj_growing *result_of(struct chariot_pe *pe, struct obj_key key) {
    struct obj_growing *growing = obj_map_get(&pe->results, key);
    if (growing != NULL) return growing;
    growing = calloc(1, sizeof *growing);
    if (growing != NULL && obj_map_add(&pe->results, key, growing) == 0) return growing;
    free(growing);
    obj_out_of_memory(pe);
    return NULL;
}

/* Who has not contributed, and so does not wait when the first piece comes, drops them all, as it does a RESULT. */
void obj_reduce_on_result_piece(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_key key = obj_key2(msg->target, msg->seq);
    bool known = obj_map_get(&pe->results, key) != NULL;
    bool wanted = known || (msg->index[0] == 0 && obj_map_get(&pe->allreduces, key) != NULL);
    if (msg->root == pe->node.pe || !wanted) return;
    struct obj_growing *growing = result_of(pe, key);
    if (growing == NULL || !grow_value(pe, growing, msg, msg->size) || growing->arrived < growing->value->size) return;
    struct chariot_msg *result = growing->value;
    obj_map_remove(&pe->results, key);
    free(growing);
    result->target = msg->target;
    result->seq = msg->seq;
    obj_reduce_on_result(pe, result);
    rpc_msg_unref(result);
}

/* ---------------------------------------------------------------- the end */

static struct obj_reduction *stream_over(struct chariot_pe *pe, uint64_t id) {
    struct obj_map_slot slot;
    for (size_t cursor = 0; obj_map_next(&pe->streams, &cursor, &slot);) {
        if (slot.key.word[0] == id) return slot.value;
    }
    return NULL;
}

void obj_pieces_drop(struct chariot_pe *pe, const struct obj_coll *coll) {
    struct obj_reduction *red;
    while ((red = stream_over(pe, coll->id)) != NULL) {
        obj_map_remove(&pe->streams, red->key);
        const struct obj_partial_tail tail = {0, red->reducer, 0, red->target};
        if (red->sent > 0) {
            send_last(pe, red->key, red->parts.list[0].value, red->sent, &tail);
        } else {
            struct obj_reduction *again = obj_reduce_record(pe, red->key);
            if (again != NULL) obj_reduce_describe(again, red->reducer, &red->target);
        }
        obj_reduce_free(pe, red);
    }
}

static void free_growing(void *value, void *ctx) {
    (void)ctx;
    let_go(value);
    free(value);
}

void obj_pieces_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->results, free_growing, NULL);
    obj_map_deinit(&pe->results);
}
