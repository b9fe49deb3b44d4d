/* Elements move. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/location.h"
#include "lb/parcel.h"
#include "lb/step.h"
#include "objects/call.h"
#include "objects/cancel.h"
#include "objects/future.h"
#include "objects/meter.h"
#include "objects/reduce.h"
#include "objects/seat.h"

/* ---------------------------------------------------------------- whether it may */

static int refuse(char *why, size_t size, int rc, const char *type, const char *text) {
    if (size > 0) snprintf(why, size, "%.120s cannot move to another PE: %s", type, text);
    return rc;
}

static int ask_face(struct chariot_pe *pe, struct chariot_elem *elem, char *why, size_t size) {
    if (pe->face.may_move == NULL) return 0;
    rpc_turn_lend(&pe->node.turn);
    int rc = pe->face.may_move(pe->face.ctx, elem, why, size);
    rpc_turn_take(&pe->node.turn);
    return rc;
}

int lb_may_move(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to, bool in_step, char *why, size_t size) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    if (to >= pe->node.num_pes) {
        if (size > 0) snprintf(why, size, "there is no PE %u: the job has %u, numbered from 0", to, pe->node.num_pes);
        return CHARIOT_ERANGE;
    }
    if (elem->own.coll->kind != CHARIOT_ARRAY_OF)
        return refuse(why, size, CHARIOT_ETYPE, type->name, "only elements of arrays can");
    if (type->pack == NULL || type->unpack == NULL)
        return refuse(why, size, CHARIOT_ETYPE, type->name, "its type has no pack and unpack");
    if (elem->constructing) return refuse(why, size, CHARIOT_ESTATE, type->name, "its constructor has not ended");
    if (elem->synced && !in_step)
        return refuse(why, size, CHARIOT_ESTATE, type->name, "it waits for a load balancing step");
    int rc = ask_face(pe, elem, why, size); /* which may know who waits for what */
    if (rc == 0 && obj_channel_is_waited_for(elem))
        return refuse(why, size, CHARIOT_ESTATE, type->name, "something waits on one of its channels");
    return rc;
}

bool lb_is_movable(struct chariot_pe *pe, struct chariot_elem *elem) {
    return !elem->stays && lb_may_move(pe, elem, pe->node.pe, true, NULL, 0) == 0;
}

/* May it be told to? Then what it must wait for is no excuse. */
static int may_be_told(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to, char *why, size_t size) {
    int rc = lb_may_move(pe, elem, to, false, why, size);
    return rc == CHARIOT_LATER ? CHARIOT_ESTATE : rc;
}

int chariot_may_migrate(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to_pe, char *why, size_t why_size) {
    OBJ_API(pe);
    return may_be_told(pe, elem, to_pe, why, why_size);
}

/* ---------------------------------------------------------------- leaving: when */

static int leave_soon(struct chariot_pe *pe, const struct chariot_elem *elem) {
    struct lb_locations *all = lb_locations_of(pe);
    if (all == NULL) return CHARIOT_ENOMEM;
    if (all->num_leaving == all->cap_leaving) {
        size_t cap = all->cap_leaving == 0 ? 16 : 2 * all->cap_leaving;
        struct lb_leaving *leaving = realloc(all->leaving, cap * sizeof *leaving);
        if (leaving == NULL) return CHARIOT_ENOMEM;
        all->leaving = leaving;
        all->cap_leaving = cap;
    }
    if (all->num_leaving == 0) { /* one message for all that are to leave by then */
        struct chariot_msg *msg = lb_news_new(pe, elem->own.coll->id, elem->index, OBJ_MOVE_LEAVE);
        if (msg == NULL) return CHARIOT_ENOMEM;
        obj_pe_queue_take(pe, msg);
    }
    struct lb_leaving *entry = &all->leaving[all->num_leaving++];
    entry->coll = elem->own.coll->id;
    memcpy(entry->index, elem->index, sizeof entry->index);
    return 0;
}

static int want(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to) {
    struct obj_move *move = obj_move_of(pe, elem);
    if (move == NULL) return CHARIOT_ENOMEM;
    bool under_way = move->wants;
    move->wants = true;
    move->roams = false;
    move->to = to;
    int rc = under_way || move->waits != 0 ? 0 : leave_soon(pe, elem);
    if (rc != 0) move->wants = false;
    return rc;
}

int chariot_migrate(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to_pe) {
    OBJ_API(pe);
    int rc = may_be_told(pe, elem, to_pe, NULL, 0);
    bool is_there = to_pe == pe->node.pe && (elem->move == NULL || !elem->move->wants);
    return rc != 0 || is_there ? rc : want(pe, elem, to_pe);
}

void chariot_move_again(struct chariot_pe *pe, struct chariot_elem *elem) {
    if (elem->move == NULL || !elem->move->postponed || pe->ending) return;
    OBJ_API(pe);
    elem->move->postponed = false;
    if (leave_soon(pe, elem) != 0) obj_out_of_memory(pe);
}

int lb_move_in_step(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to) {
    if (elem->stays || (elem->move != NULL && elem->move->in_step)) return CHARIOT_ESTATE;
    int rc = lb_may_move(pe, elem, to, true, NULL, 0);
    if (rc == 0) rc = want(pe, elem, to);
    if (rc == 0) elem->move->in_step = true;
    return rc;
}

void lb_on_ready(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct obj_move *move = elem->move;
    if ((move->waits & OBJ_WAITS_MESSAGES) == 0) lb_release(pe, elem->own.coll, &move->held);
    if (move->waits == 0 && move->wants && leave_soon(pe, elem) != 0) obj_out_of_memory(pe);
}

/* ---------------------------------------------------------------- leaving: how */

static struct chariot_elem *leaver_of(struct chariot_pe *pe, const struct lb_leaving *entry) {
    struct chariot_elem *elem = obj_elem_find(pe, entry->coll, entry->index);
    return elem != NULL && obj_move_is_due(elem->move) ? elem : NULL;
}

static bool is_for_leaver(struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_elem **elem) {
    bool is_for_element = msg->kind == OBJ_KIND_CALL || obj_move_is_probe(msg) ||
                          (msg->kind >= OBJ_KIND_CHANNEL_OPEN && msg->kind <= OBJ_KIND_CHANNEL_REFUSED);
    if (!is_for_element || obj_id_kind(msg->target) != CHARIOT_ARRAY_OF) return false;
    *elem = obj_elem_find(pe, msg->target, msg->index);
    return *elem != NULL && (*elem)->move != NULL && (*elem)->move->leaving;
}

/* What is queued for elements that leave goes with them: so nothing comes by a later way and overtakes it. */
static void take_along(struct chariot_pe *pe) {
    struct rpc_msg_queue rest = {0};
    struct chariot_msg *msg;
    struct chariot_elem *elem;
    while ((msg = rpc_msg_queue_pop(&pe->run_queue)) != NULL) {
        bool goes = is_for_leaver(pe, msg, &elem);
        if (goes && obj_is_cancel(msg)) obj_cancel_over(pe, msg); /* its turn comes where the element comes to be */
        rpc_msg_queue_push_take(goes ? &elem->move->along : &rest, msg);
    }
    pe->run_queue = rest;
}

/* What was put aside for it reaches it now. */
static void go_on_here(struct chariot_pe *pe, struct chariot_elem *elem) {
    elem->move->leaving = false;
    obj_pe_queue_first(pe, &elem->move->along);
    if (pe->face.on_stays == NULL || pe->ending) return;
    rpc_turn_lend(&pe->node.turn);
    pe->face.on_stays(pe->face.ctx, elem);
    rpc_turn_take(&pe->node.turn);
}

/* What began since it was told to, or what it began with, is still going on: it leaves when that is over. */
static void postpone(struct chariot_pe *pe, struct chariot_elem *elem) {
    elem->move->postponed = true;
    go_on_here(pe, elem);
}

static void say_it_stays(struct chariot_pe *pe, struct chariot_elem *elem, const char *why) {
    struct chariot_msg *error = pe->ending ? NULL : obj_error_new(pe, "RuntimeError", why);
    if (error != NULL) obj_unreceived_error(pe, elem, OBJ_METHOD_FIRST_PSEUDO, error);
    rpc_msg_unref(error);
}

/* It was to leave, and cannot any more. */
static void stays(struct chariot_pe *pe, struct chariot_elem *elem, int rc, const char *why) {
    bool in_step = elem->move->in_step;
    elem->move->in_step = false;
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (elem->move->synced_late) lb_note(pe, LB_WAITING, 1);
    elem->move->synced_late = false;
    if (in_step) lb_move_refused(pe, rc == 0 ? NULL : why);
    if (rc < 0 && !in_step) say_it_stays(pe, elem, why); /* or it is here already, or its type has said why */
    go_on_here(pe, elem);
}

/* Behind the element. Where that was not told that anything comes (said), but its channels have given what overtook
 * others, this is to it as what comes later. */
static void send_along(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to, bool said) {
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(&elem->move->along)) != NULL) {
        rpc_msg_consume(msg);
        msg->hops = 1;
        msg->root = pe->node.pe;
        obj_send_take(pe, to, msg);
    }
    msg = said ? lb_news_new(pe, elem->own.coll->id, elem->index, OBJ_MOVE_ALONG) : NULL;
    if (msg != NULL) obj_send_take(pe, to, msg);
}

static void destroy_object(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    if (object == NULL || type->destroy == NULL) return;
    rpc_turn_lend(&pe->node.turn);
    type->destroy(pe, type, object);
    rpc_turn_take(&pe->node.turn);
}

/* From here on this PE knows of it what one knows that it has left. */
static bool note_left(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to) {
    struct obj_coll *coll = elem->own.coll;
    bool home = obj_location_home(pe, coll, elem->index) == pe->node.pe;
    struct lb_way *way = lb_way_get(coll, elem->index);
    if (way != NULL) lb_way_remove(pe, coll, way); /* somebody lied: there is none to an element that is here */
    way = lb_way_add(pe, coll, elem->index, home ? LB_HOME : LB_LEFT, to);
    if (way == NULL) return false;
    way->epoch = elem->move->epoch + 1;
    way->away = obj_away_add(coll, elem, to);
    if (way->away != NULL && obj_seats_leave(elem) == 0) return true;
    obj_out_of_memory(pe);
    return false;
}

static void leave(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct obj_coll *coll = elem->own.coll;
    uint32_t to = coll->closed != 0 ? pe->node.pe : elem->move->to; /* closed: it is about to be destroyed */
    char why[800] = "";
    int rc = to == pe->node.pe ? 0 : lb_may_move(pe, elem, to, true, why, sizeof why);
    if (rc == CHARIOT_LATER && !elem->move->in_step) {
        postpone(pe, elem);
        return;
    }
    elem->move->wants = false;
    if (elem->own.broadcasts < coll->broadcasts) elem->own.broadcasts = coll->broadcasts;
    if (rc == 0 && to != pe->node.pe)
        rc = obj_msg_encode_all(pe, &elem->move->along); /* no user code runs once it left */
    struct chariot_msg *msg = rc == 0 && to != pe->node.pe ? lb_parcel_pack(pe, elem, &rc) : NULL;
    bool has_along = elem->move->along.head != NULL;
    if (msg == NULL) {
        stays(pe, elem, rc, why[0] != 0 ? why : "its state, or what is unread in its channels, cannot be packed");
        return;
    }
    if (!note_left(pe, elem, to)) {
        obj_future_travel_end(pe);
        rpc_msg_unref(msg);
        return;
    }
    msg->target = coll->id;
    msg->method = OBJ_MOVE_ARRIVE;
    msg->seq = elem->move->epoch + 1;
    msg->reply = elem->move->in_step;
    elem->move->in_step = elem->synced = false; /* that moves with it */
    memcpy(msg->index, elem->index, sizeof msg->index);
    pe->moved_out++;
    OBJ_METER(pe, obj_meter_note_moves(pe, elem, false, to));
    obj_send_take(pe, to, msg);
    obj_future_travel_promise(pe, to);
    obj_channel_leave(pe, elem, &elem->move->along);
    send_along(pe, elem, to, has_along);
    void *object = elem->object;
    obj_elem_remove(pe, elem);
    obj_reduce_left(pe, coll);
    destroy_object(pe, pe->types[coll->type], object);
}

/* All at once: one look at the run queue serves all. */
static void on_leave(struct chariot_pe *pe) {
    struct lb_locations *all = pe->location_ctx;
    size_t count = all->num_leaving;
    struct lb_leaving *list = all->leaving;
    all->leaving = NULL;
    all->num_leaving = all->cap_leaving = 0;
    for (size_t i = 0; i < count; i++) {
        struct chariot_elem *elem = leaver_of(pe, &list[i]);
        if (elem != NULL) elem->move->leaving = true;
    }
    take_along(pe);
    for (size_t i = 0; i < count && !pe->ending; i++) {
        struct chariot_elem *elem = leaver_of(pe, &list[i]);
        if (elem == NULL || !elem->move->leaving) continue;
        OBJ_METER(pe, obj_meter_note_leave(pe, elem));
        leave(pe, elem);
        OBJ_METER_END(pe);
    }
    free(list);
}

/* ---------------------------------------------------------------- the PE that it left */

static void on_cut(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct lb_way *way = lb_way_get(coll, msg->index);
    struct obj_away *away = way == NULL ? NULL : way->away;
    if (away == NULL || way->kind != LB_LEFT || way->to != msg->root || way->epoch != msg->seq) {
        obj_refuse(pe, msg);
        return;
    }
    struct chariot_msg *last = lb_news_new(pe, coll->id, msg->index, OBJ_MOVE_LAST);
    if (last == NULL) return;
    lb_way_remove(pe, coll, way);
    obj_send_take(pe, msg->root, last);
    lb_away_told(pe, coll, away, msg->reply);
}

/* ---------------------------------------------------------------- arriving */

/* What this PE itself has sent by a way of its own, and has not arrived, goes before what it sends now. */
static void give_up_way(struct chariot_pe *pe, struct chariot_elem *elem, struct lb_way *way) {
    struct obj_coll *coll = elem->own.coll;
    elem->move->held = way->held;
    way->held = (struct rpc_msg_queue){0};
    if (way->kind == LB_CACHED && (way->holds || way->used)) {
        elem->move->waits |= OBJ_WAITS_PROBE;
        elem->move->probe = way->holds ? way->probe : lb_probe_send(pe, coll, elem->index, way->to);
    }
    lb_way_remove(pe, coll, way);
}

/* Home hears where it is; or is here, and asks the PE that it left for the rest. */
static void tell_home(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct obj_coll *coll = elem->own.coll;
    uint32_t home = obj_location_home(pe, coll, elem->index), left = elem->move->from;
    bool here = home == pe->node.pe;
    struct chariot_msg *msg = lb_news_new(pe, coll->id, elem->index, OBJ_MOVE_CUT);
    if (msg == NULL) return;
    if (!here) {
        msg->kind = OBJ_KIND_LOCATED;
        msg->method = left;
    }
    msg->seq = elem->move->epoch;
    msg->reply = coll->broadcasts;
    obj_send_take(pe, here ? left : home, msg);
}

/* The element in its place, without an object yet; NULL: out of memory, said already. */
static struct chariot_elem *settle_in(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg,
                                      const struct lb_parcel *parcel) {
    if (coll->num_living == 0) obj_reduce_expect_me(pe, coll);
    struct chariot_elem *elem = obj_elem_new(pe, coll, coll->id, msg->index);
    if (elem == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    elem->constructing = false;
    elem->own.broadcasts = parcel->head.broadcasts;
    elem->own.reductions = parcel->head.reductions;
    elem->at_sync = parcel->head.at_sync != 0;
    elem->stays = parcel->head.stays != 0;
    elem->synced = parcel->head.synced != LB_IS_FREE;
    if (parcel->head.synced == LB_IS_UNCOUNTED) lb_note(pe, LB_WAITING, 1);
    elem->load_ns = parcel->head.load_ns;
    struct obj_move *move = obj_move_of(pe, elem);
    if (move == NULL) return NULL;
    move->epoch = msg->seq;
    move->from = msg->from;
    move->bytes = msg->size < UINT32_MAX ? (uint32_t)msg->size : UINT32_MAX;
    move->waits = OBJ_WAITS_LAST;
    if (parcel->head.along != 0) move->waits |= OBJ_WAITS_ALONG;
    if (parcel->head.broadcasts < coll->broadcasts) move->waits |= OBJ_WAITS_CAUGHT_UP;
    return elem;
}

/* It does not arrive: its array was destroyed meanwhile, or it is a lie. A step that waits for it goes on. */
static void lost(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct lb_parcel parcel;
    if (lb_parcel_read(msg, &parcel) == 0 && parcel.head.synced == LB_IS_COUNTED) lb_note(pe, LB_WAITING, -1);
    if (msg->reply == 1) lb_move_refused(pe, NULL);
}

static void on_arrive(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct lb_parcel parcel;
    struct lb_way *way = lb_way_get(coll, msg->index);
    obj_map_remove(&coll->arriving, obj_key3(msg->index));
    bool known = obj_map_get(&coll->by_index, obj_key3(msg->index)) != NULL || (way != NULL && way->kind == LB_LEFT);
    bool movable = pe->types[coll->type]->unpack != NULL && msg->from != pe->node.pe;
    if (known || !movable || lb_parcel_read(msg, &parcel) != 0) {
        obj_refuse(pe, msg);
        lost(pe, msg);
        return;
    }
    struct chariot_elem *elem = settle_in(pe, coll, msg, &parcel);
    if (elem == NULL) return;
    if (way != NULL) give_up_way(pe, elem, way);
    lb_take_waiting(coll, elem->index, &elem->move->held);
    tell_home(pe, elem);
    obj_reduce_joined(pe, coll, parcel.head.reductions);
    pe->moved_in++;
    OBJ_METER(pe, obj_meter_note_moves(pe, elem, true, msg->from));
    lb_parcel_unpack(pe, elem, &parcel);
    if (msg->reply == 1) lb_move_settled(pe, msg->size);
}

static void on_last(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_map_get(&coll->by_index, obj_key3(msg->index));
    struct obj_move *move = elem == NULL ? NULL : elem->move;
    if (move == NULL || (move->waits & OBJ_WAITS_LAST) == 0 || move->from != msg->from) {
        obj_refuse(pe, msg);
        return;
    }
    move->waits &= (uint8_t)~OBJ_WAITS_LAST;
    uint32_t home = obj_location_home(pe, coll, elem->index);
    if (home != pe->node.pe && home != move->from) {
        struct chariot_msg *there = lb_news_new(pe, coll->id, elem->index, OBJ_MOVE_THERE);
        if (there == NULL) return;
        there->seq = move->epoch;
        obj_send_take(pe, home, there);
    }
    if (move->waits & OBJ_WAITS_PROBE) /* what others sent need not wait for that */
        lb_release(pe, coll, &move->held);
    lb_on_ready(pe, elem);
}

/* All that came before them by the same way has been queued, or passed on, by now: so they need not wait for it to be
 * done. Not NEWS, upon which a way changes that user code may be about to use; nor what was sent before this PE heard
 * of the element. */
bool lb_prompt(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    if (msg->kind == OBJ_KIND_LOCATED) {
        if (msg->seq == 0 || msg->root == pe->node.pe || lb_way_get(coll, msg->index) == NULL) return false;
        lb_on_located(pe, coll, msg);
        return true;
    }
    switch (msg->method) {
    case OBJ_MOVE_CUT:
        on_cut(pe, coll, msg);
        return true;
    case OBJ_MOVE_LAST:
        on_last(pe, coll, msg);
        return true;
    case OBJ_MOVE_THERE:
        lb_on_there(pe, coll, msg);
        return true;
    case OBJ_MOVE_FOUND:
        lb_on_found(pe, coll, msg);
        return true;
    case OBJ_MOVE_PROBE:
        if (obj_map_get(&coll->by_index, obj_key3(msg->index)) == NULL) return false;
        lb_on_probe(pe, msg);
        return true;
    default:
        return false;
    }
}

void lb_on_move(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    if (msg->method == OBJ_MOVE_LEAVE) {
        on_leave(pe);
        return;
    }
    if (msg->method == OBJ_MOVE_PROBE) {
        lb_on_probe(pe, msg);
        return;
    }
    if (coll == NULL) {
        if (msg->method == OBJ_MOVE_ARRIVE && obj_coll_is_gone(pe, msg->target)) lost(pe, msg);
        obj_orphan(pe, msg);
        return;
    }
    static void (*const handlers[])(struct chariot_pe *, struct obj_coll *, struct chariot_msg *) = {
        [OBJ_MOVE_ARRIVE] = on_arrive,  [OBJ_MOVE_CUT] = on_cut,        [OBJ_MOVE_LAST] = on_last,
        [OBJ_MOVE_THERE] = lb_on_there, [OBJ_MOVE_FOUND] = lb_on_found, [OBJ_MOVE_NEWS] = lb_on_news,
        [OBJ_MOVE_TOLD] = lb_on_told,
    };
    if (handlers[msg->method] != NULL) handlers[msg->method](pe, coll, msg);
}
