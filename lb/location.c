/* Ways: which PE a message for an element goes to, and what waits until that is sure. */
#include "lb/location.h"

#include <stdlib.h>
#include <string.h>

struct lb_locations *lb_locations_of(struct chariot_pe *pe) {
    if (pe->location_ctx != NULL) return pe->location_ctx;
    struct lb_locations *all = calloc(1, sizeof *all);
    if (all == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    all->max_cached = LB_MAX_CACHED;
    all->max_held = LB_MAX_HELD;
    pe->location_ctx = all;
    return all;
}

/* ---------------------------------------------------------------- ways */

struct lb_way *lb_way_get(const struct obj_coll *coll, const uint64_t index[3]) {
    return obj_map_get(&coll->located, obj_key3(index));
}

static void link_cached(struct lb_locations *all, struct lb_way *way) {
    way->older = all->newest;
    if (all->newest != NULL) all->newest->newer = way;
    if (all->oldest == NULL) all->oldest = way;
    all->newest = way;
    all->num_cached++;
}

static void unlink_cached(struct lb_locations *all, struct lb_way *way) {
    if (way->older != NULL) way->older->newer = way->newer;
    if (way->newer != NULL) way->newer->older = way->older;
    if (all->oldest == way) all->oldest = way->newer;
    if (all->newest == way) all->newest = way->older;
    all->num_cached--;
}

struct lb_way *lb_way_add(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], enum lb_way_kind kind,
                          uint32_t to) {
    struct lb_locations *all = lb_locations_of(pe);
    if (all == NULL) return NULL;
    struct lb_way *way = calloc(1, sizeof *way);
    if (way == NULL || obj_map_add(&coll->located, obj_key3(index), way) != 0) {
        free(way);
        obj_out_of_memory(pe);
        return NULL;
    }
    way->coll = coll->id;
    way->kind = (uint8_t)kind;
    way->to = to;
    memcpy(way->index, index, sizeof way->index);
    if (kind == LB_CACHED) link_cached(all, way);
    return way;
}

void lb_way_remove(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way) {
    obj_map_remove(&coll->located, obj_key3(way->index));
    if (way->kind == LB_CACHED) unlink_cached(pe->location_ctx, way);
    rpc_msg_queue_clear(&way->held);
    rpc_msg_unref(way->news);
    free(way);
}

/* ---------------------------------------------------------------- where messages go */

static uint32_t find(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3]) {
    struct obj_key key = obj_key3(index);
    const struct chariot_elem *elem = obj_map_get(&coll->by_index, key);
    if (elem != NULL) {
        const struct obj_move *move = elem->move;
        bool waits = move != NULL && (move->leaving || (move->waits & OBJ_WAITS_MESSAGES) != 0);
        return waits ? OBJ_LOCATION_HOLD : pe->node.pe;
    }
    struct lb_way *way = obj_map_get(&coll->located, key);
    if (way == NULL) return obj_location_home(pe, coll, index);
    if (way->holds) return OBJ_LOCATION_HOLD;
    way->used = true;
    return way->to;
}

static uint32_t last_hop(const struct chariot_msg *msg) {
    return msg->hops > 0 ? msg->root : msg->from;
}

static uint32_t pass(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg) {
    struct obj_key key = obj_key3(msg->index);
    const struct chariot_elem *elem = obj_map_get(&coll->by_index, key);
    if (elem != NULL) {
        const struct obj_move *move = elem->move;
        if (move == NULL) return pe->node.pe;
        bool too_soon = (move->waits & OBJ_WAITS_LAST) != 0 && last_hop(msg) != move->from;
        return move->leaving || too_soon ? OBJ_LOCATION_HOLD : pe->node.pe;
    }
    uintptr_t comes_from = coll->arriving.count == 0 ? 0 : (uintptr_t)obj_map_get(&coll->arriving, key);
    if (comes_from == (uintptr_t)last_hop(msg) + 1) return pe->node.pe; /* behind the element */
    struct lb_way *way = obj_map_get(&coll->located, key);
    if (way == NULL || way->kind == LB_CACHED) return obj_location_home(pe, coll, msg->index);
    if (way->holds) return OBJ_LOCATION_HOLD;
    way->used = true;
    return way->to;
}

/* Too much waits for the way to change: all goes the old one, behind which the sender waits for room as for any PE.
 * Whoever sends the long way hears news again. */
static void keep_way(struct chariot_pe *pe, struct obj_coll *coll, struct lb_way *way) {
    way->holds = way->leaves = false;
    way->used = true;
    way->held_bytes = 0;
    lb_release(pe, coll, &way->held);
}

/* Who lets it go may not run the user's code, which writes it; while that runs the way may have changed. */
static void hold_encoded_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct rpc_msg_queue queue = {0};
    int rc = obj_msg_encode(pe, &msg);
    if (rc == 0) {
        rpc_msg_queue_push_take(&queue, msg);
        lb_release(pe, coll, &queue);
        return;
    }
    obj_msg_encode_failed(pe, rc);
    rpc_msg_unref(msg);
}

static void hold_take(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_map_get(&coll->by_index, obj_key3(msg->index));
    struct lb_way *way = lb_way_get(coll, msg->index);
    rpc_msg_consume(msg);
    if (elem == NULL && (msg->flags & OBJ_FLAG_OBJECT) != 0) {
        hold_encoded_take(pe, coll, msg);
        return;
    }
    if (elem != NULL)
        rpc_msg_queue_push_take(elem->move->leaving ? &elem->move->along : &elem->move->held, msg);
    else
        rpc_msg_queue_push_take(&way->held, msg);
    if (elem != NULL || way->kind != LB_CACHED) return;
    way->held_bytes += rpc_msg_cost(msg);
    if (way->held_bytes > ((struct lb_locations *)pe->location_ctx)->max_held) keep_way(pe, coll, way);
}

static bool is_own(const struct chariot_pe *pe, const struct chariot_msg *msg) {
    return msg->from == pe->node.pe && msg->hops == 0;
}

void lb_take_waiting(struct obj_coll *coll, const uint64_t index[3], struct rpc_msg_queue *queue) {
    struct obj_waiting *waiting = obj_map_remove(&coll->waiting, obj_key3(index));
    struct chariot_msg *msg;
    if (waiting == NULL) return;
    while ((msg = rpc_msg_queue_pop(&waiting->queue)) != NULL) rpc_msg_queue_push_take(queue, msg);
    obj_waiting_free(waiting);
}

void lb_release(struct chariot_pe *pe, struct obj_coll *coll, struct rpc_msg_queue *queue) {
    struct rpc_msg_queue held = *queue;
    struct chariot_msg *msg;
    *queue = (struct rpc_msg_queue){0};
    while ((msg = rpc_msg_queue_pop(&held)) != NULL) {
        bool own = is_own(pe, msg);
        uint32_t to = own ? find(pe, coll, msg->index) : pass(pe, coll, msg);
        if (to == OBJ_LOCATION_HOLD) {
            hold_take(pe, coll, msg);
            continue;
        }
        if (!own && to != pe->node.pe) {
            msg->hops++;
            msg->root = pe->node.pe;
        }
        obj_send_take(pe, to, msg);
    }
}

/* ---------------------------------------------------------------- elements come to be */

/* At the home PE: the element of index was created, or is to be, on PE `to`. */
static void note(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to) {
    const struct lb_way *known = lb_way_get(coll, index);
    const struct chariot_elem *elem = obj_map_get(&coll->by_index, obj_key3(index));
    bool moved = known != NULL ? known->epoch > 0 : elem != NULL && elem->move != NULL && elem->move->epoch > 0;
    if (moved) return; /* it has gone elsewhere since */
    if (known != NULL || elem != NULL) {
        if (known == NULL || known->to != to) obj_inserted_twice(pe, coll, index); /* else PE `to` says so */
        return;
    }
    if (lb_way_add(pe, coll, index, LB_HOME, to) != NULL) obj_wait_release(pe, &coll->waiting, obj_key3(index));
}

static void on_placed(struct chariot_pe *pe, struct obj_coll *coll, const uint64_t index[3], uint32_t to) {
    if (to != pe->node.pe && obj_location_home(pe, coll, index) == pe->node.pe) note(pe, coll, index, to);
}

static void on_created(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t from) {
    struct obj_coll *coll = elem->own.coll;
    uint32_t home = obj_location_home(pe, coll, elem->index);
    struct lb_way *way = lb_way_get(coll, elem->index);
    if (way != NULL && way->kind == LB_HOME) {
        obj_inserted_twice(pe, coll, elem->index);
        return;
    }
    if (home == pe->node.pe || home == from) return; /* it knows */
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_LOCATED, 0);
    if (msg == NULL) return;
    msg->target = coll->id;
    memcpy(msg->index, elem->index, sizeof msg->index);
    msg->root = pe->node.pe;
    obj_send_take(pe, home, msg);
}

static void on_coming(struct chariot_pe *pe, struct obj_coll *coll, const struct chariot_msg *msg) {
    struct obj_key key = obj_key3(msg->index);
    if (obj_map_get(&coll->arriving, key) != NULL) return; /* a lie: it is refused when its turn comes */
    if (obj_map_add(&coll->arriving, key, (void *)((uintptr_t)msg->from + 1)) != 0) obj_out_of_memory(pe);
}

static void on_located(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg) {
    if (msg->root == pe->node.pe) return;
    if (msg->seq == 0)
        note(pe, coll, msg->index, msg->root);
    else
        lb_on_located(pe, coll, msg);
}

/* ---------------------------------------------------------------- the end */

static void fail_way(void *value, void *ctx) {
    struct chariot_pe *pe = ctx;
    struct lb_way *way = value;
    obj_undeliverable_all(pe, &way->held);
    rpc_msg_unref(way->news);
    if (way->kind == LB_CACHED) unlink_cached(pe->location_ctx, way);
    free(way);
}

static void on_gone(struct chariot_pe *pe, struct obj_coll *coll) {
    obj_map_each(&coll->located, fail_way, pe);
}

static void deinit(struct chariot_pe *pe) {
    struct lb_locations *all = pe->location_ctx;
    if (all != NULL) free(all->leaving);
    free(all);
    pe->location_ctx = NULL;
}

const struct obj_location_ops obj_location_ops = {
    .name = "home",
    .find = find,
    .pass = pass,
    .hold_take = hold_take,
    .on_detour = lb_on_detour,
    .on_placed = on_placed,
    .on_created = on_created,
    .on_located = on_located,
    .on_coming = on_coming,
    .prompt = lb_prompt,
    .on_move = lb_on_move,
    .on_ready = lb_on_ready,
    .on_gone = on_gone,
    .deinit = deinit,
};
