/* What PEs tell each other about where elements live, and how a PE changes to a shorter way. */
#include <string.h>

#include "lb/location.h"

struct chariot_msg *lb_news_new(struct chariot_pe *pe, uint64_t coll, const uint64_t index[3],
                                enum obj_move_what what) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_MOVE, 0);
    if (msg == NULL) return NULL;
    msg->target = coll;
    msg->method = what;
    msg->root = pe->node.pe;
    memcpy(msg->index, index, sizeof msg->index);
    return msg;
}

/* ---------------------------------------------------------------- the PE that it left */

/* Broadcasts that are passed on now may complete reductions, which is user code, and waits for its turn. */
void lb_away_told(struct chariot_pe *pe, struct obj_coll *coll, struct obj_away *away, uint64_t upto) {
    if (coll->num_passing == 0 && !coll->delivering) {
        obj_away_told(pe, coll, away, upto);
        return;
    }
    struct chariot_msg *msg = lb_news_new(pe, coll->id, away->index, OBJ_MOVE_TOLD);
    if (msg == NULL) return;
    msg->reply = (uintptr_t)away;
    msg->seq = upto;
    obj_pe_queue_take(pe, msg);
}

void lb_on_told(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    obj_away_told(pe, coll, (struct obj_away *)(uintptr_t)msg->reply, msg->seq);
}

/* ---------------------------------------------------------------- home */

/* The PE that the element left is asked to pass on nothing any more, but that last; until then all waits here. */
static void cut(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way, const struct chariot_msg *located) {
    struct chariot_msg *msg = lb_news_new(pe, coll->id, way->index, OBJ_MOVE_CUT);
    if (msg == NULL) return;
    way->holds = true;
    way->epoch = located->seq;
    way->next_to = located->root;
    msg->root = located->root;
    msg->seq = located->seq;
    msg->reply = located->reply;
    obj_send_take(pe, located->method, msg);
}

/* This PE, home of the element, is the one that it left: its way there is the new one already. */
static void settle(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way,
                   const struct chariot_msg *located) {
    struct obj_away *away = way->away;
    if (way->epoch != located->seq || way->to != located->root || away == NULL) return;
    struct chariot_msg *msg = lb_news_new(pe, coll->id, way->index, OBJ_MOVE_LAST);
    if (msg == NULL) return;
    way->away = NULL;
    obj_send_take(pe, way->to, msg);
    lb_away_told(pe, coll, away, located->reply);
}

/* It moved on before this PE heard where it was created. */
static struct lb_way *first_heard(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg) {
    struct rpc_msg_queue waiting = {0};
    lb_take_waiting(coll, msg->index, &waiting);
    int rc = obj_msg_encode_all(pe, &waiting);
    struct lb_way *way = rc == 0 ? lb_way_add(pe, coll, msg->index, LB_HOME, msg->method) : NULL;
    if (rc != 0) obj_msg_encode_failed(pe, rc);
    if (way != NULL)
        way->held = waiting;
    else
        rpc_msg_queue_clear(&waiting);
    return way;
}

void lb_on_located(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct lb_way *way = lb_way_get(coll, msg->index);
    bool good = obj_location_home(pe, coll, msg->index) == pe->node.pe && msg->method < pe->node.num_pes;
    if (!good || obj_map_get(&coll->by_index, obj_key3(msg->index)) != NULL) {
        obj_refuse(pe, msg);
        return;
    }
    if (way == NULL) way = first_heard(pe, coll, msg);
    if (way == NULL) return;
    if (way->holds && way->news == NULL)
        way->news = rpc_msg_ref(msg);
    else if (way->holds || way->epoch > msg->seq)
        obj_refuse(pe, msg);
    else if (msg->method == pe->node.pe)
        settle(pe, coll, way, msg);
    else
        cut(pe, coll, way, msg);
}

void lb_on_there(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct lb_way *way = lb_way_get(coll, msg->index);
    if (way == NULL || way->kind != LB_HOME || !way->holds || way->epoch != msg->seq || way->next_to != msg->from) {
        obj_refuse(pe, msg);
        return;
    }
    struct chariot_msg *news = way->news;
    way->to = way->next_to;
    way->holds = way->used = false;
    way->news = NULL;
    lb_release(pe, coll, &way->held);
    if (news != NULL) cut(pe, coll, way, news);
    rpc_msg_unref(news);
}

/* ---------------------------------------------------------------- senders learn */

static struct chariot_msg *whereabouts(struct chariot_pe *pe, const struct chariot_elem *elem,
                                       enum obj_move_what what) {
    struct chariot_msg *msg = lb_news_new(pe, elem->own.coll->id, elem->index, what);
    if (msg != NULL && elem->move != NULL) msg->seq = elem->move->epoch;
    return msg;
}

/* A sender that goes on sending the long way is told again after 2, 4, 8, ... messages. */
static bool is_to_be_told(struct obj_move *move, uint32_t sender) {
    if (move->told_pe != sender) move->told = 0;
    move->told_pe = sender;
    move->told++;
    return (move->told & (move->told - 1)) == 0;
}

void lb_on_detour(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_msg *msg) {
    uint32_t sender = msg->from;
    if (obj_move_is_probe(msg) || elem->own.coll->kind != CHARIOT_ARRAY_OF || elem->move == NULL) return;
    if (obj_id_kind(msg->reply) == CHARIOT_ARRAY_OF) return; /* a broadcast that went along: nobody has sent it here */
    if (sender == pe->node.pe || sender == obj_location_home(pe, elem->own.coll, elem->index)) return;
    if (!is_to_be_told(elem->move, sender)) return;
    struct chariot_msg *news = whereabouts(pe, elem, OBJ_MOVE_NEWS);
    if (news != NULL) obj_send_take(pe, sender, news);
}

uint64_t lb_probe_send(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to) {
    struct lb_locations *all = lb_locations_of(pe);
    struct chariot_msg *msg = all == NULL ? NULL : lb_news_new(pe, coll->id, index, OBJ_MOVE_PROBE);
    if (msg == NULL) return 0;
    msg->reply = ++all->probes;
    obj_send_take(pe, to, msg);
    return all->probes;
}

static void switch_way(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way) {
    way->holds = true;
    way->probe = lb_probe_send(pe, coll, way->index, way->to);
}

/* False: all places are taken, and the oldest is to be given up first. */
static bool make_room(struct chariot_pe *pe, struct lb_locations *all) {
    while (all->num_cached >= all->max_cached) {
        struct lb_way *oldest = all->oldest;
        struct obj_coll *coll = obj_coll_get(pe, oldest->coll);
        if (oldest->holds || coll == NULL) return false;
        if (oldest->used) {
            oldest->leaves = true;
            switch_way(pe, coll, oldest);
            return false;
        }
        lb_way_remove(pe, coll, oldest);
    }
    return true;
}

void lb_on_news(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    uint32_t home = obj_location_home(pe, coll, msg->index);
    struct lb_locations *all = lb_locations_of(pe);
    if (all == NULL || home == pe->node.pe || obj_map_get(&coll->by_index, obj_key3(msg->index)) != NULL) return;
    struct lb_way *way = lb_way_get(coll, msg->index);
    if (way == NULL) {
        if (msg->root == home || !make_room(pe, all)) return;
        way = lb_way_add(pe, coll, msg->index, LB_CACHED, home);
        if (way != NULL) switch_way(pe, coll, way);
    } else if (way->kind == LB_CACHED && !way->holds && way->epoch < msg->seq) {
        switch_way(pe, coll, way);
    }
}

/* ---------------------------------------------------------------- probes */

/* The element has moved to the very PE that asked: the probe itself has come here, or the word that it was met on the
 * way.
 */
static void found_here(struct chariot_pe *pe, struct chariot_elem *elem, uint64_t probe) {
    struct obj_move *move = elem->move;
    if (move == NULL || (move->waits & OBJ_WAITS_PROBE) == 0 || move->probe != probe) return;
    move->waits &= (uint8_t)~OBJ_WAITS_PROBE;
    lb_on_ready(pe, elem);
}

void lb_on_probe(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_call_elem(pe, msg);
    if (elem == NULL) return;
    if (msg->from == pe->node.pe) {
        found_here(pe, elem, msg->reply);
        return;
    }
    struct chariot_msg *found = whereabouts(pe, elem, OBJ_MOVE_FOUND);
    if (found == NULL) return;
    found->reply = msg->reply;
    obj_send_take(pe, msg->from, found);
}

void lb_on_found(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct lb_way *way = lb_way_get(coll, msg->index);
    if (way == NULL || way->kind != LB_CACHED || !way->holds || way->probe != msg->reply) {
        struct chariot_elem *elem = obj_map_get(&coll->by_index, obj_key3(msg->index));
        if (elem != NULL) found_here(pe, elem, msg->reply);
        return;
    }
    struct rpc_msg_queue held = way->held;
    way->held = (struct rpc_msg_queue){0};
    if (way->leaves || msg->root == obj_location_home(pe, coll, msg->index)) {
        lb_way_remove(pe, coll, way);
    } else {
        way->to = msg->root;
        way->epoch = msg->seq;
        way->held_bytes = 0;
        way->holds = way->used = false;
    }
    lb_release(pe, coll, &held);
}
