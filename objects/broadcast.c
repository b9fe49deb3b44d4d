/* Broadcasts: to the collection's root, which numbers them, then down its tree; each element sees each number once. */
#include <string.h>

#include "objects/balance.h"
#include "objects/call.h"
#include "objects/cancel.h"
#include "objects/location.h"
#include "objects/move.h"
#include "objects/reduce.h"
#include "objects/runtime.h"
#include "objects/seat.h"
#include "objects/section.h"
#include "objects/span.h"

void obj_broadcast_take(struct chariot_pe *pe, uint64_t id, uint32_t root, uint32_t method, uint8_t flags,
                        uint64_t reply, struct chariot_msg *args) {
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_BROADCAST_ASK, args);
    if (msg == NULL) return;
    msg->flags |= flags;
    msg->target = id;
    msg->method = method;
    msg->reply = reply;
    obj_send_take(pe, root, msg);
}

static void number_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *down) {
    int rc = pe->node.num_pes > 1 ? obj_msg_encode(pe, &down) : 0;
    if (rc != 0) {
        obj_msg_encode_failed(pe, rc);
        rpc_msg_unref(down);
        return;
    }
    down->kind = OBJ_KIND_BROADCAST;
    down->flags |= OBJ_FLAG_TREE;
    down->root = pe->node.pe;
    down->seq = ++coll->assigned;
    obj_send_down_take(pe, down);
}

/* ---------------------------------------------------------------- before the end */

static bool is_movable(const struct chariot_type *type) {
    return type->pack != NULL && type->unpack != NULL;
}

/* Its elements, or members, may live on other PEs than where they came to be. */
static bool has_movable(const struct chariot_pe *pe, const struct obj_coll *coll) {
    if (coll->kind == CHARIOT_ARRAY_OF) return is_movable(pe->types[coll->type]);
    if (coll->kind != CHARIOT_SECTION) return false;
    uint64_t source = coll->section->source;
    if (source != 0) return obj_id_kind(source) == CHARIOT_ARRAY_OF && is_movable(pe->types[coll->type]);
    bool found = false;
    for (uint32_t i = 0; i < pe->num_types; i++) found = found || is_movable(pe->types[i]);
    return found;
}

/* At the root: destroy (borrowed) goes first when all have seen CLOSE, and all that was asked for meanwhile behind it.
 */
static void close_first(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *destroy) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_BROADCAST_ASK, 0);
    if (msg == NULL) return;
    coll->closing = true;
    rpc_msg_queue_push_take(&coll->held, rpc_msg_ref(destroy));
    msg->target = coll->id;
    msg->method = OBJ_METHOD_CLOSE;
    msg->flags = OBJ_FLAG_WANT_DONE;
    number_take(pe, coll, msg);
}

void obj_broadcast_closed(struct chariot_pe *pe, uint64_t id) {
    struct obj_coll *coll = obj_coll_get(pe, id);
    if (coll == NULL || !coll->closing) return;
    coll->closing = false;
    obj_pe_queue_first(pe, &coll->held);
}

/* ---------------------------------------------------------------- numbering */

void obj_broadcast_on_ask(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return;
    }
    if (coll->holding || coll->closing) {
        rpc_msg_queue_push_take(&coll->held, rpc_msg_ref(msg));
        return;
    }
    if (msg->method == OBJ_METHOD_DESTROY && coll->closed == 0 && has_movable(pe, coll)) {
        close_first(pe, coll, msg);
        return;
    }
    if (msg->method == OBJ_METHOD_COUNT) {
        coll->holding = true;
        coll->counted = false;
    }
    number_take(pe, coll, rpc_msg_ref(msg));
}

void obj_broadcast_release(struct chariot_pe *pe, struct obj_coll *coll) {
    coll->holding = false;
    if (!coll->closing) obj_pe_queue_first(pe, &coll->held);
}

/* ---------------------------------------------------------------- delivery */

bool obj_broadcast_wants(const struct chariot_msg *msg) {
    return (msg->flags & (OBJ_FLAG_WANT_DONE | OBJ_FLAG_WANT_VALUE)) != 0;
}

static bool has_to_see(const struct obj_member *member, uint64_t number) {
    return member != NULL && member->broadcasts < number;
}

struct chariot_reply obj_broadcast_reply(const struct chariot_msg *msg, uint32_t at) {
    bool answer = obj_broadcast_wants(msg);
    return (struct chariot_reply){.to = answer ? msg->target : 0,
                                  .seq = msg->seq,
                                  .call = msg->reply,
                                  .at = at,
                                  .want_value = (msg->flags & OBJ_FLAG_WANT_VALUE) != 0,
                                  .kind = answer ? OBJ_REPLY_BROADCAST : OBJ_REPLY_NONE};
}

void obj_broadcast_invoke(struct chariot_pe *pe, const struct obj_member *member, struct chariot_msg *msg,
                          struct chariot_reply *reply) {
    const struct chariot_elem *elem = member->elem;
    memcpy(reply->index, elem->index, sizeof reply->index);
    reply->of = elem->own.coll->id;
    reply->ndims = elem->own.coll->ndims;
    obj_call_invoke(pe, member->elem, msg, obj_section_method(pe, member, msg->method), reply);
}

struct chariot_msg *obj_broadcast_as_call(struct chariot_pe *pe, const struct chariot_msg *msg,
                                          const struct chariot_reply *reply) {
    struct chariot_msg *call = rpc_msg_copy(msg); /* its arguments are bytes: elements move, so there are other PEs */
    if (call == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    bool answers = reply->kind != OBJ_REPLY_NONE;
    call->kind = OBJ_KIND_CALL;
    call->flags &= answers ? OBJ_FLAG_WANT_DONE | OBJ_FLAG_WANT_VALUE : 0;
    call->hops = 0;
    call->from = answers ? reply->at : pe->node.pe;
    call->root = 0;
    call->reply = answers ? reply->to : 0;
    return call;
}

/* Results of so many members here are collected. */
static void begin(struct chariot_pe *pe, const struct obj_coll *coll, const struct chariot_msg *msg, size_t members) {
    bool value = (msg->flags & OBJ_FLAG_WANT_VALUE) != 0;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = msg->reply};
    if (msg->method == OBJ_METHOD_CLOSE) target.kind = OBJ_TO_CLOSED;
    members += obj_away_count(coll, msg->seq);
    obj_reduce_begin(pe, coll->id, msg->seq, members, value ? CHARIOT_REDUCE_GATHER : CHARIOT_REDUCE_NOP, &target);
}

static bool is_itself(const struct obj_member *member) {
    return member == &member->elem->own;
}

/* It sees the broadcast on another PE, or later. */
static bool is_put_off(const struct obj_member *member) {
    if (member->elem == NULL) return true;
    return is_itself(member) ? obj_move_keeps(member->elem->move) : obj_move_is_wanted(member->elem->move);
}

static void put_off(struct chariot_pe *pe, struct obj_member *member, struct chariot_msg *msg) {
    member->broadcasts = msg->seq;
    if (member->elem != NULL && is_itself(member))
        obj_move_keep(pe, member->elem, msg);
    else if (member->elem == NULL || obj_seat_begin(pe, member) == 0)
        obj_absent_deliver(pe, member, msg);
    else
        obj_out_of_memory(pe);
}

static size_t count_to_see(const struct obj_coll *coll, uint64_t number) {
    size_t count = 0;
    for (size_t i = 0; i < coll->num_members; i++) count += has_to_see(coll->members[i], number);
    return count;
}

static void deliver(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_reply reply = obj_broadcast_reply(msg, pe->node.pe);
    if (obj_broadcast_wants(msg)) begin(pe, coll, msg, count_to_see(coll, msg->seq));
    rpc_msg_ref(msg); /* shared by them, so none takes its payload for its own */
    for (size_t i = 0, here = coll->num_members; i < here && !pe->ending; i++) {
        struct obj_member *member = coll->members[i];
        if (!has_to_see(member, msg->seq)) continue;
        if (__builtin_expect(is_put_off(member), 0)) {
            put_off(pe, member, msg);
            continue;
        }
        member->broadcasts = msg->seq;
        obj_broadcast_invoke(pe, member, msg, &reply);
    }
    obj_away_deliver(pe, coll, msg);
    rpc_msg_unref(msg);
}

/* Those here answer as one; others, each for itself. */
static void select_members(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_reply reply = obj_broadcast_reply(msg, pe->node.pe);
    size_t count = 1;
    for (size_t i = 0; i < coll->num_members; i++)
        count += has_to_see(coll->members[i], msg->seq) && is_put_off(coll->members[i]);
    begin(pe, coll, msg, count);
    rpc_msg_ref(msg);
    for (size_t i = 0; i < coll->num_members && !pe->ending; i++) {
        if (has_to_see(coll->members[i], msg->seq) && is_put_off(coll->members[i])) put_off(pe, coll->members[i], msg);
    }
    reply.of = coll->id;
    reply.index[0] = pe->node.pe;
    reply.ndims = 1;
    if (!pe->ending) obj_section_ops.select(pe, coll, NULL, msg, &reply);
    obj_away_deliver(pe, coll, msg);
    rpc_msg_unref(msg);
}

static const struct chariot_ref from_pe = {.ndims = 1}; /* answers of PEs, not of elements, are not sorted */

static void count(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_target target = {.kind = OBJ_TO_COUNT};
    obj_reduce_begin(pe, coll->id, msg->seq, 1, CHARIOT_REDUCE_SUM, &target);
    struct chariot_writer writer;
    int64_t counts[OBJ_NUM_COUNTS];
    chariot_writer_init_take(&writer, NULL);
    void *data = NULL;
    chariot_put_array(&writer, "<i8", 1, (const int64_t[]){OBJ_NUM_COUNTS}, 'C', sizeof counts, &data);
    counts[OBJ_COUNT_ISSUED] = (int64_t)coll->issued;
    counts[OBJ_COUNT_CREATED] = (int64_t)coll->created;
    counts[OBJ_COUNT_LATE] = (int64_t)coll->late;
    counts[OBJ_COUNT_AT_SYNC] = (int64_t)coll->issued_at_sync;
    if (data != NULL) memcpy(data, counts, sizeof counts);
    coll->issued = coll->created = coll->late = coll->issued_at_sync = 0;
    coll->open = false;
    struct chariot_msg *value;
    if (chariot_writer_finish(&writer, &value) != 0)
        obj_out_of_memory(pe);
    else
        obj_reduce_answer_take(pe, coll->id, msg->seq, &from_pe, value);
}

static void destroy(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_target target = {.kind = OBJ_TO_DESTROYED, .future = msg->reply};
    uint64_t id = coll->id;
    pe->destroyed = true;
    bool noted = (id & OBJ_ID_EARLY) == 0 || !obj_id_is_partial(id) || obj_map_get(&pe->graves, obj_key1(id)) != NULL;
    if (!noted && obj_map_add(&pe->graves, obj_key1(id), pe) != 0) obj_out_of_memory(pe);
    obj_map_remove(&pe->collections, obj_key1(id));
    if (coll->root == pe->node.pe)
        obj_balance_ops.on_total(pe, -(int64_t)coll->total_at_sync,
                                 -(int64_t)(coll->at_sync && coll->sparse && !coll->counted_once));
    obj_reduce_drop(pe, coll);
    obj_allreduce_drop(pe, coll);
    obj_coll_free(pe, coll);
    obj_reduce_begin(pe, id, msg->seq, 1, CHARIOT_REDUCE_NOP, &target);
    obj_reduce_answer_take(pe, id, msg->seq, &from_pe, NULL);
    obj_span_let_go(pe, id); /* its reductions under way use it still */
}

void obj_broadcast_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (__builtin_expect(obj_is_cancel(msg), 0)) obj_cancel_over(pe, msg);
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return;
    }
    coll->broadcasts = msg->seq;
    if (msg->method == OBJ_METHOD_DESTROY) {
        destroy(pe, coll, msg);
        return;
    }
    coll->delivering = true; /* user code runs, and meanwhile word of those that left may come */
    switch (msg->method) {
    case OBJ_METHOD_COUNT:
        count(pe, coll, msg);
        break;
    case OBJ_METHOD_SETTLED:
        coll->settled = true;
        rpc_msg_queue_clear(&coll->kept);
        break;
    case OBJ_METHOD_SELECT:
        select_members(pe, coll, msg);
        break;
    case OBJ_METHOD_CLOSE:
        coll->closed = msg->seq;
        deliver(pe, coll, msg);
        break;
    default:
        if (!coll->settled && msg->method != OBJ_METHOD_CREATED) {
            rpc_msg_queue_push_take(&coll->kept, rpc_msg_ref(msg));
        }
        deliver(pe, coll, msg);
    }
    coll->delivering = false;
    obj_away_check(pe, coll);
}

void obj_broadcast_catch_up(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct chariot_reply nobody = {.kind = OBJ_REPLY_NONE};
    for (struct chariot_msg *msg = elem->own.coll->kept.head; msg != NULL && !pe->ending; msg = msg->next) {
        if (msg->seq <= elem->own.broadcasts) continue;
        elem->own.broadcasts = msg->seq;
        obj_move_see(pe, elem, msg, &nobody);
    }
}

/* ---------------------------------------------------------------- whole collections */

int chariot_await_created(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *future) {
    return chariot_send_take(pe, ref, OBJ_METHOD_CREATED, NULL, CHARIOT_WANT_DONE, future);
}

int chariot_destroy(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *future) {
    if (ref->collection == obj_runtime_id()) return CHARIOT_EINVAL;
    if ((!ref->whole && ref->kind != CHARIOT_SINGLE)) return CHARIOT_EINVAL;
    return chariot_send_take(pe, ref, OBJ_METHOD_DESTROY, NULL,
                             future == NULL ? CHARIOT_WANT_NOTHING : CHARIOT_WANT_DONE, future);
}
