/* Calls of entry methods, and where their results go. */
#include "objects/call.h"

#include <stdio.h>
#include <string.h>

#include "objects/cancel.h"
#include "objects/channel.h"
#include "objects/client.h"
#include "objects/location.h"
#include "objects/meter.h"
#include "objects/move.h"
#include "objects/reduce.h"
#include "objects/ref.h"
#include "objects/section.h"
#include "objects/span.h"

/* ---------------------------------------------------------------- sending */

uint32_t obj_call_destination(struct chariot_pe *pe, uint64_t id, const uint64_t index[3]) {
    if (obj_kind_is_single(obj_id_kind(id))) return (uint32_t)(index[2] % pe->node.num_pes);
    if (obj_id_is_partial(id)) return (uint32_t)(index[0] % pe->node.num_pes); /* of a group */
    struct obj_coll *coll = obj_coll_get(pe, id);
    return coll == NULL ? obj_id_pe(id) % pe->node.num_pes : pe->location->find(pe, coll, index);
}

void obj_call_send_take(struct chariot_pe *pe, uint64_t id, const uint64_t index[3], uint8_t ndims, uint32_t method,
                        uint8_t flags, uint64_t reply, struct chariot_msg *args) {
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_CALL, args);
    if (msg == NULL) return;
    msg->flags |= flags;
    msg->target = id;
    memcpy(msg->index, index, sizeof msg->index);
    msg->ndims = ndims;
    msg->method = method;
    msg->reply = reply;
    obj_call_go_take(pe, msg);
}

void obj_call_go_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    OBJ_METER(pe, obj_meter_note_to_element(pe, msg));
    uint32_t to = obj_call_destination(pe, msg->target, msg->index);
    if (__builtin_expect((msg->flags & OBJ_FLAG_OBJECT) != 0 && to != pe->node.pe, 0)) {
        int rc = obj_msg_encode(pe, &msg); /* the user's code: the element may have gone elsewhere by then */
        if (rc != 0) {
            obj_msg_encode_failed(pe, rc);
            rpc_msg_unref(msg);
            return;
        }
        to = obj_call_destination(pe, msg->target, msg->index);
    }
    if (__builtin_expect(to == OBJ_LOCATION_HOLD, 0))
        pe->location->hold_take(pe, obj_coll_get(pe, msg->target), msg);
    else
        obj_send_take(pe, to, msg);
}

static uint8_t flags_of(enum chariot_want want) {
    return want == CHARIOT_WANT_VALUE ? OBJ_FLAG_WANT_VALUE : want == CHARIOT_WANT_DONE ? OBJ_FLAG_WANT_DONE : 0;
}

uint32_t obj_ref_root(const struct chariot_ref *ref) {
    if (!obj_id_is_partial(ref->collection)) return obj_id_pe(ref->collection);
    return ref->index[OBJ_ROOT_WORD] > UINT32_MAX ? UINT32_MAX : (uint32_t)ref->index[OBJ_ROOT_WORD];
}

bool obj_ref_is_valid(const struct chariot_pe *pe, const struct chariot_ref *ref) {
    if (ref->collection == 0 || obj_id_pe(ref->collection) >= pe->node.num_pes) return false;
    if (obj_id_is_partial(ref->collection) && obj_ref_root(ref) >= pe->node.num_pes) return false;
    uint32_t kind = obj_id_kind(ref->collection);
    if (kind == CHARIOT_SECTION && (!ref->whole || !obj_id_is_partial(ref->collection))) return false;
    return !ref->whole || !obj_kind_is_single(kind); /* a single chare is no collection */
}

bool obj_target_is_valid(const struct chariot_pe *pe, const struct chariot_target *target) {
    switch (target->kind) {
    case CHARIOT_TO_NOTHING:
    case OBJ_TO_ALL:
    case OBJ_TO_COUNT:
    case OBJ_TO_CLOSED:
        return true;
    case OBJ_TO_DESTROYED:
    case CHARIOT_TO_FUTURE:
        return obj_id_pe(target->future) < pe->node.num_pes;
    case CHARIOT_TO_METHOD:
        return obj_ref_is_valid(pe, &target->ref);
    default:
        return false;
    }
}

static bool is_gone(const struct chariot_pe *pe, const struct chariot_ref *to) {
    bool elsewhere = obj_kind_is_single(to->kind) && to->index[OBJ_SINGLE_PE_WORD] != pe->node.pe;
    if (obj_id_is_partial(to->collection)) elsewhere = obj_span_get(pe, to->collection) == NULL;
    return !elsewhere && obj_coll_is_gone(pe, to->collection);
}

int chariot_send_take(struct chariot_pe *pe, const struct chariot_ref *to, uint32_t method, struct chariot_msg *args,
                      enum chariot_want want, struct chariot_future *reply) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    if (!obj_ref_is_valid(pe, to) || (want == CHARIOT_WANT_NOTHING) != (reply == NULL)) {
        rpc_msg_unref(args);
        return CHARIOT_EINVAL;
    }
    if (reply == NULL && pe->destroyed && is_gone(pe, to)) { /* nobody else would hear of it */
        rpc_msg_unref(args);
        return CHARIOT_ENOENT;
    }
    uint64_t reply_id = reply == NULL ? 0 : obj_future_own_id(reply);
    if (reply != NULL) obj_future_set_about(reply, to, method);
    if (to->whole)
        obj_broadcast_take(pe, to->collection, obj_ref_root(to), method, flags_of(want), reply_id, args);
    else
        obj_call_send_take(pe, to->collection, to->index, to->ndims, method, flags_of(want), reply_id, args);
    return 0;
}

void obj_call_target_take(struct chariot_pe *pe, const struct chariot_target *target, struct chariot_msg *value) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new((value == NULL ? 0 : value->size) + 32));
    chariot_put_list(&writer, value == NULL ? 0 : 1);
    if (value != NULL) chariot_put_encoded(&writer, rpc_msg_payload(value), value->size);
    rpc_msg_unref(value);
    struct chariot_msg *args = obj_msg_finish(pe, OBJ_KIND_CALL, &writer);
    if (args == NULL) return;
    const struct chariot_ref *ref = &target->ref;
    if (ref->whole)
        obj_broadcast_take(pe, ref->collection, obj_ref_root(ref), target->method, 0, 0, args);
    else
        obj_call_send_take(pe, ref->collection, ref->index, ref->ndims, target->method, 0, 0, args);
}

/* ---------------------------------------------------------------- receiving */

static void pass_on(struct chariot_pe *pe, struct obj_coll *coll, uint32_t to, struct chariot_msg *msg) {
    if (msg->hops >= OBJ_MAX_HOPS) {
        char line[200];
        snprintf(line, sizeof line,
                 "chariot: PE %u: a message for an element of %s from PE %u was passed on %u times in vain\n",
                 pe->node.pe, pe->types[coll->type]->name, msg->from, msg->hops);
        obj_end_abort(pe, 70, line);
        return;
    }
    msg->hops++;
    msg->root = pe->node.pe;
    obj_send_take(pe, to, rpc_msg_ref(msg));
}

/* A message for an element that is to leave: it runs where that comes to be, as all that is still queued. */
static bool goes_along(struct obj_move *move, struct chariot_msg *msg) {
    if (!obj_move_is_wanted(move) || (move->roams && obj_move_came_along(move, msg))) return false;
    if (move->waits != 0 && obj_move_is_probe(msg)) return false; /* it may be what that waits for */
    rpc_msg_consume(msg);
    rpc_msg_queue_push_take(&move->along, rpc_msg_ref(msg));
    return true;
}

struct chariot_elem *obj_call_elem(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_elem_find(pe, msg->target, msg->index);
    if (elem != NULL) {
        if (__builtin_expect(msg->hops > 0, 0)) pe->location->on_detour(pe, elem, msg);
        return elem->move != NULL && goes_along(elem->move, msg) ? NULL : elem;
    }
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return NULL;
    }
    uint32_t to = pe->location->pass(pe, coll, msg);
    if (to == OBJ_LOCATION_HOLD)
        pe->location->hold_take(pe, coll, rpc_msg_ref(msg));
    else if (to == pe->node.pe)
        obj_wait_take(pe, &coll->waiting, obj_key3(msg->index), rpc_msg_ref(msg));
    else
        pass_on(pe, coll, to, msg);
    return NULL;
}

/* The call is a broadcast, to an absent member of a section (seat.h) or one that went along (move.h). Its future was
 * not passed on, so word of its cancelling does not find it. */
static void reply_to_broadcast(const struct chariot_msg *call, struct chariot_reply *reply) {
    reply->to = call->reply;
    reply->call = 0;
    reply->kind = OBJ_REPLY_BROADCAST;
    reply->seq = call->seq;
    reply->at = call->from;
    reply->of = call->target;
    reply->ndims = call->ndims;
    memcpy(reply->index, call->index, sizeof reply->index);
}

void obj_call_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (__builtin_expect(obj_is_cancel(msg), 0)) obj_cancel_over(pe, msg);
    struct chariot_elem *elem = obj_call_elem(pe, msg);
    if (elem == NULL) return;
    struct chariot_reply reply = {.to = msg->reply,
                                  .call = msg->reply,
                                  .kind = msg->reply == 0 ? OBJ_REPLY_NONE : OBJ_REPLY_FUTURE,
                                  .want_value = (msg->flags & OBJ_FLAG_WANT_VALUE) != 0};
    if (__builtin_expect(obj_id_kind(msg->reply) != 0, 0)) reply_to_broadcast(msg, &reply);
    obj_call_invoke(pe, elem, msg, msg->method, &reply);
}

void obj_call_excuse(struct chariot_pe *pe, const struct chariot_msg *msg) {
    struct chariot_reply reply = {.want_value = false};
    reply_to_broadcast(msg, &reply);
    if (msg->method != OBJ_METHOD_CLOSE) obj_reply_take(pe, &reply, NULL); /* it has left: UNSEATED says so */
}

static void wait_for_constructor(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_reply *reply) {
    struct obj_reply_wait *wait = obj_reply_wait_new(reply);
    if (wait == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    wait->next = elem->constructed;
    elem->constructed = wait;
}

static void fail(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_call *call, int rc) {
    if (call->result == NULL) call->result = obj_error_of_call(call, chariot_error_name(rc), chariot_error_text(rc));
    if (call->result == NULL) return;
    call->result->flags |= OBJ_FLAG_ERROR;
    rpc_msg_ref(call->result);
    if (!obj_reply_take(pe, &call->reply, call->result)) obj_unreceived_error(pe, elem, call->method, call->result);
    rpc_msg_unref(call->result);
}

/* It is not in the table of the element's type: a combined section's type has a method that a member's has not. */
static struct chariot_msg *no_method(struct chariot_pe *pe, const struct chariot_type *type,
                                     const struct chariot_msg *msg) {
    const struct obj_coll *coll = obj_coll_get(pe, msg->target);
    const struct chariot_type *of = coll == NULL ? type : pe->types[coll->type];
    char text[300];
    if (msg->method == OBJ_METHOD_UNNAMED) { /* it comes from where the name is known (seat.h) */
        snprintf(text, sizeof text, "%.120s, a member of a combined section, has no remote method of that name",
                 type->name);
        return obj_error_new(pe, "AttributeError", text);
    }
    if (msg->method >= of->num_methods) return NULL;
    snprintf(text, sizeof text, "%.120s, a member of a combined section, has no remote method '%.80s'", type->name,
             of->methods[msg->method].name);
    return obj_error_new(pe, "AttributeError", text);
}

/* Methods that the runtime answers for every type; false: it is none. */
static bool answer_itself(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg,
                          const struct chariot_reply *reply) {
    bool single = obj_id_kind(msg->target) == CHARIOT_SINGLE, broadcast = reply->kind == OBJ_REPLY_BROADCAST;
    if (msg->method == OBJ_METHOD_SELECT && broadcast) {
        obj_section_ops.select(pe, elem->own.coll, elem, msg, reply);
    } else if (msg->method == OBJ_METHOD_CREATED && elem->constructing) {
        wait_for_constructor(pe, elem, reply);
    } else if (msg->method == OBJ_METHOD_CREATED) {
        obj_reply_take(pe, reply, NULL);
    } else if (msg->method == OBJ_METHOD_CLOSE) { /* UNSEATED replies, if it has a seat */
        if (!obj_seat_give_up(pe, elem, reply->to)) obj_reply_take(pe, reply, NULL);
    } else if (msg->method == OBJ_METHOD_CANCEL) {
        obj_cancel_tell(pe, elem, msg);
        obj_reply_take(pe, reply, NULL);
    } else if (msg->method == OBJ_METHOD_DESTROY && single) {
        obj_elem_destroy_single(pe, elem);
        obj_reply_take(pe, reply, NULL);
    } else {
        return false;
    }
    return true;
}

/* An object stands in place of the arguments, and the type's code reads bytes: a copy that has them takes their place.
 */
static int encode_unread(struct chariot_pe *pe, struct chariot_call *call) {
    struct chariot_msg *args = rpc_msg_ref(call->args);
    int rc = obj_msg_encode(pe, &args);
    if (args == call->args) rpc_msg_unref(args); /* there was no memory for a copy */
    call->args = args;
    return rc;
}

void obj_call_invoke(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg, uint32_t method,
                     const struct chariot_reply *reply) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    if (__builtin_expect(msg->method >= OBJ_METHOD_FIRST_PSEUDO, 0) && answer_itself(pe, elem, msg, reply)) return;
    struct chariot_call call = {
        .pe = pe, .elem = elem, .object = elem->object, .method = method, .args = msg, .reply = *reply};
    int rc = CHARIOT_ENOENT;
    bool opens = __builtin_expect(obj_client_calls(msg), 0);
    bool unread = (msg->flags & OBJ_FLAG_OBJECT) != 0 && !type->reads_objects;
    if (opens && (call.channel = obj_client_open(pe, elem, msg)) == NULL) return;
    if (obj_is_cancelled(pe, reply->call)) {
        call.result = obj_error_new(pe, "CancelledError", "nobody waits for this call any more");
    } else if (__builtin_expect(unread, 0) && (rc = encode_unread(pe, &call)) != 0) {
        call.result = obj_error_new(pe, "TypeError", "these arguments cannot be read outside of their language");
    } else if (method < type->num_methods) {
        OBJ_METER(pe, obj_meter_note_call(pe, elem, method, msg));
        *pe->runs = RPC_NOW_METHOD(elem->own.coll->type, method);
        rpc_turn_lend(&pe->node.turn);
        rc = type->methods[method].invoke(&call);
        rpc_turn_take(&pe->node.turn);
        *pe->runs = 0;
        OBJ_METER_END(pe);
    } else {
        rc = CHARIOT_ENOENT;
        call.result = no_method(pe, type, msg);
    }
    if (opens) obj_channel_unref(call.channel);
    if (call.args != msg) rpc_msg_unref(call.args);
    if (rc == CHARIOT_LATER) return;
    if (rc < 0 || (call.result != NULL && (call.result->flags & OBJ_FLAG_ERROR) != 0))
        fail(pe, elem, &call, rc);
    else
        obj_reply_take(pe, reply, call.result);
}

/* ---------------------------------------------------------------- replies */

enum chariot_place chariot_ref_place(struct chariot_pe *pe, const struct chariot_ref *ref) {
    OBJ_API(pe);
    if (ref->whole) return CHARIOT_ELSEWHERE;
    bool here;
    if (ref->kind == CHARIOT_GROUP)
        here = ref->index[0] == pe->node.pe;
    else if (obj_kind_is_single(ref->kind) || obj_coll_get(pe, ref->collection) != NULL)
        here = obj_call_destination(pe, ref->collection, ref->index) == pe->node.pe;
    else
        return CHARIOT_MAYBE_HERE;
    return here ? CHARIOT_HERE : CHARIOT_ELSEWHERE;
}

bool chariot_reply_is_local(const struct chariot_pe *pe, const struct chariot_reply *reply) {
    return reply->kind == OBJ_REPLY_FUTURE && obj_id_pe(reply->to) == pe->node.pe;
}

static void answer_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value) {
    const struct chariot_ref from = {.collection = reply->of,
                                     .index = {reply->index[0], reply->index[1], reply->index[2]},
                                     .kind = (uint8_t)obj_id_kind(reply->of),
                                     .ndims = reply->ndims};
    if (reply->at != pe->node.pe)
        obj_move_answer_take(pe, reply, value);
    else
        obj_reduce_answer_take(pe, reply->to, reply->seq, &from, value);
}

bool obj_reply_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value) {
    bool error = value != NULL && (value->flags & OBJ_FLAG_ERROR) != 0;
    if (value != NULL) obj_msg_mark(value);
    if (reply->kind == OBJ_REPLY_NONE) {
        rpc_msg_unref(value);
        return !error;
    }
    if (!reply->want_value && !error) {
        rpc_msg_unref(value);
        value = NULL;
    }
    if (reply->kind == OBJ_REPLY_FUTURE) {
        obj_future_send_take(pe, reply->to, value);
    } else {
        if (value == NULL && reply->want_value) value = obj_null_new(pe);
        answer_take(pe, reply, value);
    }
    return true;
}

int chariot_reply_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    return obj_reply_take(pe, reply, value) ? 0 : 1;
}

void obj_unreceived_error(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t method,
                          struct chariot_msg *error) {
    if (pe->face.on_unreceived_error != NULL) {
        rpc_turn_lend(&pe->node.turn);
        pe->face.on_unreceived_error(pe->face.ctx, elem, method, error);
        rpc_turn_take(&pe->node.turn);
        return;
    }
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    char text[512], line[768];
    obj_error_text(error, text, sizeof text);
    snprintf(line, sizeof line, "chariot: PE %u, %s.%s: %s\n", pe->node.pe, type->name,
             method < type->num_methods ? type->methods[method].name : "?", text);
    obj_end_abort(pe, 1, line);
}
