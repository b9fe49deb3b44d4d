#include "objects/move.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/location.h"
#include "objects/reduce.h"
#include "objects/seat.h"

/* ---------------------------------------------------------------- the element's record */

struct obj_move *obj_move_of(struct chariot_pe *pe, struct chariot_elem *elem) {
    if (elem->move == NULL) elem->move = calloc(1, sizeof *elem->move);
    if (elem->move == NULL) obj_out_of_memory(pe);
    return elem->move;
}

void obj_move_free(struct chariot_pe *pe, struct obj_move *move) {
    if (move == NULL) return;
    obj_undeliverable_all(pe, &move->along);
    obj_undeliverable_all(pe, &move->held);
    for (size_t i = 0; i < move->num_late; i++) rpc_msg_unref(move->late[i]);
    free(move->late);
    free(move);
}

void obj_move_note(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg) {
    if (msg->method != OBJ_MOVE_ARRIVE) return;
    if (coll != NULL)
        pe->location->on_coming(pe, coll, msg);
    else
        pe->arrives_early = true;
}

static void note_all(struct chariot_pe *pe, struct obj_coll *coll, const struct rpc_msg_queue *queue) {
    for (const struct chariot_msg *msg = queue->head; msg != NULL; msg = msg->next) {
        if (msg->kind == OBJ_KIND_MOVE && msg->target == coll->id) obj_move_note(pe, coll, msg);
    }
}

void obj_move_note_early(struct chariot_pe *pe, struct obj_coll *coll) {
    const struct obj_waiting *waiting = obj_map_get(&pe->orphans, obj_key1(coll->id));
    if (!pe->arrives_early) return;
    if (waiting != NULL) note_all(pe, coll, &waiting->queue);
    note_all(pe, coll, &pe->run_queue);
}

/* ---------------------------------------------------------------- where the element lives */

static int keep(struct chariot_msg ***list, size_t *num, size_t *cap, struct chariot_msg *msg) {
    if (*num == *cap) {
        size_t more = *cap == 0 ? 4 : 2 * *cap;
        struct chariot_msg **grown = realloc(*list, more * sizeof(struct chariot_msg *));
        if (grown == NULL) return CHARIOT_ENOMEM;
        *list = grown;
        *cap = more;
    }
    (*list)[(*num)++] = rpc_msg_ref(msg);
    return 0;
}

static void put_along(struct chariot_pe *pe, const struct chariot_elem *elem, const struct chariot_msg *broadcast,
                      const struct chariot_reply *reply) {
    struct chariot_msg *call = obj_broadcast_as_call(pe, broadcast, reply);
    if (call == NULL) return;
    memcpy(call->index, elem->index, sizeof call->index);
    call->ndims = elem->own.coll->ndims;
    rpc_msg_queue_push_take(&elem->move->along, call);
}

void obj_move_see(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *broadcast,
                  struct chariot_reply *reply) {
    if (obj_move_is_wanted(elem->move))
        put_along(pe, elem, broadcast, reply);
    else
        obj_broadcast_invoke(pe, &elem->own, broadcast, reply);
}

/* Its result goes to PE `at`. */
static void see(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *broadcast, uint32_t at) {
    struct chariot_reply reply = obj_broadcast_reply(broadcast, at);
    obj_move_see(pe, elem, broadcast, &reply);
}

void obj_move_keep(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg) {
    struct obj_move *move = elem->move;
    if ((move->waits & OBJ_WAITS_BROADCASTS) == 0)
        see(pe, elem, msg, pe->node.pe);
    else if (keep(&move->late, &move->num_late, &move->cap_late, msg) != 0)
        obj_out_of_memory(pe);
}

static void on_missed(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg) {
    msg->method = (uint32_t)msg->reply;
    msg->reply = 0; /* its future was not passed on, so word of its cancelling does not find it */
    see(pe, elem, msg, msg->root);
}

static void see_late(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct obj_move *move = elem->move;
    for (size_t i = 0; i < move->num_late; i++) {
        if (!pe->ending) see(pe, elem, move->late[i], pe->node.pe);
        rpc_msg_unref(move->late[i]);
    }
    free(move->late);
    move->late = NULL;
    move->num_late = move->cap_late = 0;
}

static void has_come(struct chariot_pe *pe, struct chariot_elem *elem, uint8_t what) {
    struct obj_move *move = elem->move;
    if ((move->waits & OBJ_WAITS_BROADCASTS) == what) see_late(pe, elem);
    move->waits &= (uint8_t)~what;
    if (!pe->ending) pe->location->on_ready(pe, elem);
}

static void to_element(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_elem_find(pe, msg->target, msg->index);
    uint8_t what = msg->method == OBJ_MOVE_ALONG ? OBJ_WAITS_ALONG : OBJ_WAITS_CAUGHT_UP;
    if (obj_coll_get(pe, msg->target) == NULL)
        obj_orphan(pe, msg); /* as ARRIVE, behind which it comes */
    else if (elem == NULL || elem->move == NULL || (elem->move->waits & what) == 0)
        obj_refuse(pe, msg);
    else if (msg->method == OBJ_MOVE_MISSED)
        on_missed(pe, elem, msg);
    else
        has_come(pe, elem, what);
}

/* ---------------------------------------------------------------- results */

void obj_move_answer_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value) {
    uint8_t error = value == NULL ? 0 : value->flags & OBJ_FLAG_ERROR;
    uint32_t what = value == NULL ? OBJ_MOVE_DONE : OBJ_MOVE_ANSWER;
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_MOVE, value);
    if (msg == NULL) return;
    msg->flags |= error;
    msg->method = what;
    msg->target = reply->to;
    msg->seq = reply->seq;
    msg->reply = reply->of;
    msg->ndims = reply->ndims;
    memcpy(msg->index, reply->index, sizeof msg->index);
    obj_send_take(pe, reply->at, msg);
}

static void on_answer(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->ndims < 1 || msg->ndims > CHARIOT_MAX_DIMS) {
        obj_refuse(pe, msg);
        return;
    }
    const struct chariot_ref from = {.collection = msg->reply,
                                     .index = {msg->index[0], msg->index[1], msg->index[2]},
                                     .kind = (uint8_t)obj_id_kind(msg->reply),
                                     .ndims = msg->ndims};
    struct chariot_msg *value = msg->method == OBJ_MOVE_ANSWER ? rpc_msg_ref(msg) : NULL;
    uint64_t number = msg->seq;
    msg->flags &= OBJ_FLAG_ERROR;
    obj_reduce_answer_take(pe, msg->target, number, &from, value);
}

void obj_move_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->method < OBJ_MOVE_FIRST_BROADCAST || msg->method >= OBJ_MOVE_FIRST_LOCAL)
        pe->location->on_move(pe, obj_coll_get(pe, msg->target), msg);
    else if (msg->method >= OBJ_MOVE_CONTRIBUTION)
        obj_seat_on_message(pe, msg);
    else if (msg->method >= OBJ_MOVE_ANSWER)
        on_answer(pe, msg);
    else
        to_element(pe, msg);
}

/* ---------------------------------------------------------------- the PE that it left */

struct obj_away *obj_away_add(struct obj_coll *coll, const struct chariot_elem *elem, uint32_t to) {
    struct obj_away *away = malloc(sizeof *away);
    if (away == NULL) return NULL;
    *away = (struct obj_away){
        .next = coll->away, .prev = &coll->away, .seen = elem->own.broadcasts, .upto = UINT64_MAX, .to = to};
    memcpy(away->index, elem->index, sizeof away->index);
    if (away->next != NULL) away->next->prev = &away->next;
    coll->away = away;
    coll->num_unheard++;
    return away;
}

static bool has_missed(const struct obj_away *away, uint64_t number) {
    return away->seen < number && number <= away->upto;
}

size_t obj_away_count(const struct obj_coll *coll, uint64_t number) {
    size_t count = 0;
    for (const struct obj_away *away = coll->away; away != NULL; away = away->next) count += has_missed(away, number);
    return count;
}

static struct chariot_msg *move_new(struct chariot_pe *pe, struct obj_coll *coll, const struct obj_away *away) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_MOVE, 0);
    if (msg == NULL) return NULL;
    msg->target = coll->id;
    msg->method = OBJ_MOVE_CAUGHT_UP;
    memcpy(msg->index, away->index, sizeof msg->index);
    return msg;
}

static void pass_on(struct chariot_pe *pe, const struct obj_coll *coll, const struct obj_away *away,
                    const struct chariot_msg *broadcast) {
    struct chariot_msg *msg = rpc_msg_copy(broadcast);
    if (msg == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    msg->kind = OBJ_KIND_MOVE;
    msg->flags &= OBJ_FLAG_WANT_DONE | OBJ_FLAG_WANT_VALUE;
    msg->hops = 0;
    msg->ndims = coll->ndims;
    msg->reply = msg->method;
    msg->method = OBJ_MOVE_MISSED;
    msg->from = msg->root = pe->node.pe;
    memcpy(msg->index, away->index, sizeof msg->index);
    obj_send_take(pe, away->to, msg);
}

void obj_away_deliver(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    bool unknown = false;
    for (const struct obj_away *away = coll->away; away != NULL && !pe->ending; away = away->next) {
        if (!has_missed(away, msg->seq)) continue;
        if (away->upto == UINT64_MAX)
            unknown = true;
        else
            pass_on(pe, coll, away, msg);
    }
    if (unknown && keep(&coll->passing, &coll->num_passing, &coll->cap_passing, msg) != 0) obj_out_of_memory(pe);
}

static void drop_passing(struct obj_coll *coll) {
    for (size_t i = 0; i < coll->num_passing; i++) rpc_msg_unref(coll->passing[i]);
    free(coll->passing);
    coll->passing = NULL;
    coll->num_passing = coll->cap_passing = 0;
}

/* Forgets it, if it has seen all that it had to. */
static void settle(struct chariot_pe *pe, struct obj_coll *coll, struct obj_away *away) {
    if (away->upto > coll->broadcasts) return;
    struct chariot_msg *msg = away->upto > away->seen ? move_new(pe, coll, away) : NULL;
    if (msg != NULL) obj_send_take(pe, away->to, msg);
    *away->prev = away->next;
    if (away->next != NULL) away->next->prev = away->prev;
    free(away);
}

void obj_away_told(struct chariot_pe *pe, struct obj_coll *coll, struct obj_away *away, uint64_t upto) {
    away->upto = upto;
    for (size_t i = 0; i < coll->num_passing && !pe->ending; i++) {
        struct chariot_msg *msg = coll->passing[i];
        if (has_missed(away, msg->seq))
            pass_on(pe, coll, away, msg);
        else if (away->seen < msg->seq && obj_broadcast_wants(msg))
            obj_reduce_excuse(pe, coll->id, msg->seq);
    }
    if (--coll->num_unheard == 0) drop_passing(coll);
    settle(pe, coll, away);
}

void obj_away_check(struct chariot_pe *pe, struct obj_coll *coll) {
    for (struct obj_away *away = coll->away, *next; away != NULL; away = next) {
        next = away->next;
        settle(pe, coll, away);
    }
}

void obj_away_free(struct obj_coll *coll) {
    while (coll->away != NULL) {
        struct obj_away *away = coll->away;
        coll->away = away->next;
        free(away);
    }
    drop_passing(coll);
}
