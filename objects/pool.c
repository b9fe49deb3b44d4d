/* The scheduler of the pool, on PE 0 (pool.h): who is given how much, when it is asked back, and the public side. */
#include "objects/pool.h"

#include <stdlib.h>

#include "objects/pe.h"

enum {
    AHEAD_NS = 500000, /* a PE is given what is likely to keep it busy for so long, */
    AHEAD_ITEMS = 128, /* and not more items than this */
    ITEM_NS_LEAST = 200,
    ITEM_NS_MOST = 1 << 30, /* all the same: longer than AHEAD_NS */
    OVERDUE_NS = 5000000,
};

static void send(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg) {
    if (to == pe->node.pe)
        obj_pool_handle_take(pe, msg);
    else
        obj_send_take(pe, to, msg);
}

static struct chariot_msg *word(struct chariot_pe *pe, enum obj_kind kind, uint64_t bag) {
    struct chariot_msg *msg = obj_msg_new(pe, kind, 0);
    if (msg != NULL) msg->target = bag;
    return msg;
}

/* Tells the desks that know of it. */
static void bag_end(struct chariot_pe *pe, struct obj_bag *bag) {
    obj_bag_leave(&pe->pool, bag);
    obj_map_remove(&pe->pool.bags, obj_key1(bag->id));
    for (uint32_t i = bag->last_told; i != 0 && !pe->ending; i = bag->of[i - 1].next) {
        struct chariot_msg *forget = word(pe, OBJ_KIND_POOL_FORGET, bag->id);
        if (forget != NULL) send(pe, i - 1, forget);
    }
    obj_bag_free(bag);
}

static struct obj_bag *bag_of(struct chariot_pe *pe, const struct chariot_msg *msg) {
    return obj_map_get(&pe->pool.bags, obj_key1(msg->target));
}

/* ---------------------------------------------------------------- giving */

static bool may_hold(const struct obj_bag *bag, uint32_t who) {
    return bag->of[who].out > 0 || bag->holders < bag->limit;
}

/* How many items who is given now: what fits into AHEAD_NS; of the last ones its share. */
static uint32_t portion(struct chariot_pe *pe, const struct obj_bag *bag, uint32_t who) {
    const struct obj_hand *hand = &pe->pool.hands[who];
    if (hand->mute || !may_hold(bag, who)) return 0;
    if (bag->item_ns < 0 || bag->item_ns > AHEAD_NS) return hand->out == 0 ? 1 : 0;
    int64_t fits = (AHEAD_NS - hand->load_ns) / bag->item_ns;
    if (fits > (int64_t)AHEAD_ITEMS - hand->out) fits = (int64_t)AHEAD_ITEMS - hand->out;
    if (fits < 1) return hand->out == 0 ? 1 : 0;
    uint64_t share = bag->queued / (2 * (uint64_t)bag->limit) + 1;
    return (uint32_t)((uint64_t)fits < share ? (uint64_t)fits : share);
}

/* A copy for this PE's own desk: the face has it without the turn, while others may be sent the original. */
static void send_definitions(struct chariot_pe *pe, struct obj_bag *bag, uint32_t who) {
    if (bag->of[who].known == 0 && bag->num_definitions > 0) {
        bag->of[who].next = bag->last_told;
        bag->last_told = who + 1;
    }
    for (uint32_t *known = &bag->of[who].known; *known < bag->num_definitions; (*known)++) {
        struct chariot_msg *msg = bag->definitions[*known];
        msg = who == pe->node.pe ? rpc_msg_copy(msg) : rpc_msg_ref(msg);
        if (msg == NULL) {
            obj_out_of_memory(pe);
            return;
        }
        send(pe, who, msg);
    }
}

/* Gives who some of bag's items. False: it may not have any now. */
static bool give(struct chariot_pe *pe, struct obj_bag *bag, uint32_t who) {
    struct obj_hand *hand = &pe->pool.hands[who];
    uint32_t count = bag->queued == 0 || pe->ending ? 0 : portion(pe, bag, who);
    struct chariot_msg *work = count == 0 ? NULL : obj_bag_items(pe, bag, &count);
    if (work == NULL) return false;
    int64_t cost = (bag->item_ns < 0 ? AHEAD_NS : bag->item_ns) * count;
    work->kind = OBJ_KIND_POOL_WORK;
    work->from = pe->node.pe;
    work->target = bag->id;
    work->method = count;
    work->seq = (uint64_t)cost;
    work->reply = 0;
    if (hand->out == 0) hand->since_ns = chariot_now_ns(pe);
    obj_hand_busy(pe, who);
    hand->out += count;
    pe->pool.out += count;
    hand->load_ns += cost;
    bag->holders += bag->of[who].out == 0;
    bag->of[who].out += count;
    bag->out += count;
    bag->queued -= count;
    if (bag->queued == 0) obj_bag_leave(&pe->pool, bag);
    send_definitions(pe, bag, who);
    send(pe, who, work);
    return true;
}

/* Gives who as much as it may have, of all bags in turn. */
static void feed(struct chariot_pe *pe, uint32_t who) {
    struct obj_pool *pool = &pe->pool;
    for (struct obj_bag *refused = NULL; pool->ring != NULL && pool->ring != refused;) {
        struct obj_bag *bag = pool->ring;
        bool given = give(pe, bag, who);
        if (given)
            refused = NULL;
        else if (refused == NULL)
            refused = bag;
        if (pool->ring == bag) pool->ring = bag->next;
    }
    if (pool->hands[who].out == 0 && !pool->hands[who].mute) obj_hand_idle(pe, who);
}

static void look_for_overdue(struct chariot_pe *pe);

/* Offers bag's items to the idle: its owner last, which may be about to compute. */
static void offer(struct chariot_pe *pe, struct obj_bag *bag) {
    struct obj_pool *pool = &pe->pool;
    uint32_t owner = obj_id_pe(bag->id), next;
    for (uint32_t who = pool->first_idle; who < pe->node.num_pes && bag->queued > 0; who = next) {
        next = pool->hands[who].next;
        if (who != owner && !give(pe, bag, who)) break;
    }
    if (bag->queued > 0 && pool->hands[owner].idle) give(pe, bag, owner);
    look_for_overdue(pe);
}

/* ---------------------------------------------------------------- asking back */

static void on_alarm(struct chariot_pe *pe, void *ctx);

static void recall(struct chariot_pe *pe, uint32_t who) {
    struct chariot_msg *msg = word(pe, OBJ_KIND_POOL_RECALL, 0);
    if (msg == NULL) return;
    pe->pool.hands[who].asked = pe->pool.hands[who].mute = true;
    send(pe, who, msg);
}

/* While somebody is idle: whoever has not reported for long is asked to give back what it has not begun. A timer looks
 * again when the next may be overdue. */
static void look_for_overdue(struct chariot_pe *pe) {
    struct obj_pool *pool = &pe->pool;
    int64_t now = chariot_now_ns(pe), first = INT64_MAX;
    if (pool->first_idle == pe->node.num_pes || (pool->alarm.place_ != 0 && now < pool->alarm_ns)) return;
    obj_timer_stop(pe, &pool->alarm);
    for (uint32_t i = 0; i < pe->node.num_pes; i++) {
        const struct obj_hand *hand = &pool->hands[i];
        if (hand->out == 0 || hand->asked) continue;
        if (now - hand->since_ns >= OVERDUE_NS)
            recall(pe, i);
        else if (hand->since_ns < first)
            first = hand->since_ns;
    }
    if (first == INT64_MAX || pool->alarm.place_ != 0) return; /* what came back may have set it */
    pool->alarm_ns = first + OVERDUE_NS;
    if (obj_timer_start(pe, &pool->alarm, pool->alarm_ns, on_alarm, NULL) != 0) obj_out_of_memory(pe);
}

static void on_alarm(struct chariot_pe *pe, void *ctx) {
    OBJ_API(pe);
    look_for_overdue(pe);
}

void obj_pool_look(struct chariot_pe *pe) {
    if (pe->pool.alarm.place_ != 0 && chariot_now_ns(pe) >= pe->pool.alarm_ns) look_for_overdue(pe);
}

/* ---------------------------------------------------------------- what arrives */

void obj_pool_on_define(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_bag *bag = obj_pool_open(pe) ? bag_of(pe, msg) : NULL;
    if (bag == NULL && pe->pool.hands != NULL) bag = obj_bag_new(pe, msg->target, msg->seq);
    if (bag == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    struct chariot_msg **more = realloc(bag->definitions, (bag->num_definitions + 1) * sizeof(struct chariot_msg *));
    if (more == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    rpc_msg_consume(msg);
    msg->kind = OBJ_KIND_POOL_KNOW;
    msg->from = pe->node.pe;
    bag->definitions = more;
    bag->definitions[bag->num_definitions++] = rpc_msg_ref(msg);
}

void obj_pool_on_put(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_bag *bag = bag_of(pe, msg);
    if (bag == NULL || !obj_pool_has_items(msg) || bag->closing) {
        obj_refuse(pe, msg);
        return;
    }
    rpc_msg_consume(msg);
    rpc_msg_queue_push_take(&bag->puts, rpc_msg_ref(msg));
    bag->queued += msg->method;
    obj_bag_enter(&pe->pool, bag);
    offer(pe, bag);
}

void obj_pool_on_close(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_bag *bag = bag_of(pe, msg);
    if (bag == NULL) return;
    bag->closing = true;
    if (msg->method != 0 || (bag->queued == 0 && bag->out == 0)) bag_end(pe, bag);
}

/* PE `from` has `count` items of the bag less. False: it never had them. */
static bool settle(struct chariot_pe *pe, struct obj_bag *bag, const struct chariot_msg *msg) {
    struct obj_hand *hand = pe->pool.hands == NULL ? NULL : &pe->pool.hands[msg->from];
    if (hand == NULL || msg->method > hand->out) return false;
    if (bag != NULL && msg->method > bag->of[msg->from].out) return false;
    hand->out -= msg->method;
    pe->pool.out -= msg->method;
    if (pe->pool.out == 0) obj_timer_stop(pe, &pe->pool.alarm);
    hand->load_ns = hand->out == 0 || msg->seq > (uint64_t)hand->load_ns ? 0 : hand->load_ns - (int64_t)msg->seq;
    hand->since_ns = chariot_now_ns(pe);
    if (bag == NULL) return true;
    bag->of[msg->from].out -= msg->method;
    bag->out -= msg->method;
    bag->holders -= msg->method > 0 && bag->of[msg->from].out == 0;
    return true;
}

/* A long item counts at once, short ones gradually. */
static void learn(struct obj_bag *bag, int64_t item_ns) {
    if (item_ns < ITEM_NS_LEAST) item_ns = ITEM_NS_LEAST;
    if (item_ns > ITEM_NS_MOST) item_ns = ITEM_NS_MOST;
    bag->item_ns = item_ns > bag->item_ns || bag->item_ns < 0 ? item_ns : (bag->item_ns + item_ns) / 2;
}

/* None done: PE `from` has looked at what it was asked. */
void obj_pool_on_done(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_bag *bag = bag_of(pe, msg);
    if (!settle(pe, bag, msg)) {
        obj_refuse(pe, msg);
        return;
    }
    struct obj_hand *hand = &pe->pool.hands[msg->from];
    hand->mute = false;
    if (msg->method == 0)
        hand->asked = false;
    else if (bag != NULL && (int64_t)msg->reply >= 0)
        learn(bag, (int64_t)msg->reply / msg->method);
    if (bag != NULL && bag->closing && bag->queued == 0 && bag->out == 0) {
        bag_end(pe, bag);
        bag = NULL;
    }
    feed(pe, msg->from);
    if (bag != NULL && bag->queued > 0)
        offer(pe, bag);
    else
        look_for_overdue(pe);
}

void obj_pool_on_back(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_bag *bag = bag_of(pe, msg);
    if (!obj_pool_has_items(msg) || !settle(pe, bag, msg)) {
        obj_refuse(pe, msg);
        return;
    }
    if (bag == NULL) return;
    rpc_msg_consume(msg);
    obj_bag_put_back_take(bag, rpc_msg_ref(msg));
    bag->queued += msg->method;
    obj_bag_enter(&pe->pool, bag);
    offer(pe, bag);
}

void obj_pool_on_answer(struct chariot_pe *pe, struct chariot_msg *msg) {
    const struct chariot_pool_ops *ops = &pe->pool.ops;
    if (ops->answer == NULL) {
        obj_refuse(pe, msg);
        return;
    }
    rpc_turn_lend(&pe->node.turn);
    ops->answer(ops->ctx, msg->target, msg);
    rpc_turn_take(&pe->node.turn);
}

void obj_pool_handle_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    bool misled = (msg->kind <= OBJ_KIND_POOL_BACK ? pe->node.pe : msg->from) != 0;
    if (misled) obj_refuse(pe, msg);
    pe->quiet.worked = true;
    switch (misled ? 0 : msg->kind) {
#define HANDLE(name, number, handler)                                                                                  \
    case number:                                                                                                       \
        if (obj_pool_is_prompt(number)) handler(pe, msg);                                                              \
        break;
        OBJ_KINDS(HANDLE)
#undef HANDLE
    default:
        break;
    }
    rpc_msg_unref(msg);
}

static void free_bag(void *value, void *ctx) {
    obj_bag_free(value);
}

void obj_pool_deinit(struct chariot_pe *pe) {
    rpc_msg_queue_clear(&pe->pool.desk.work);
    obj_map_each(&pe->pool.bags, free_bag, NULL);
    obj_map_deinit(&pe->pool.bags);
    free(pe->pool.hands);
}

/* ---------------------------------------------------------------- public */

void chariot_pool_serve(struct chariot_pe *pe, const struct chariot_pool_ops *ops) {
    pe->pool.ops = *ops;
}

uint64_t chariot_bag_open(struct chariot_pe *pe) {
    return obj_id_make(0, pe->node.pe, ++pe->pool.next_bag);
}

static void tell_scheduler_take(struct chariot_pe *pe, enum obj_kind kind, uint64_t bag, uint32_t method, uint64_t seq,
                                struct chariot_msg *payload) {
    struct chariot_msg *msg = obj_msg_own_take(pe, kind, payload);
    if (msg == NULL) return;
    msg->target = bag;
    msg->method = method;
    msg->seq = seq;
    send(pe, 0, msg);
}

void chariot_bag_define_take(struct chariot_pe *pe, uint64_t bag, uint32_t limit, struct chariot_msg *definition) {
    OBJ_API(pe);
    tell_scheduler_take(pe, OBJ_KIND_POOL_DEFINE, bag, 0, limit, definition);
}

void chariot_bag_put_take(struct chariot_pe *pe, uint64_t bag, uint32_t count, struct chariot_msg *msg) {
    OBJ_API(pe);
    tell_scheduler_take(pe, OBJ_KIND_POOL_PUT, bag, count, 0, msg);
}

void chariot_bag_close(struct chariot_pe *pe, uint64_t bag, bool drop) {
    OBJ_API(pe);
    tell_scheduler_take(pe, OBJ_KIND_POOL_CLOSE, bag, drop, 0, NULL);
}

void chariot_bag_answer_take(struct chariot_pe *pe, uint64_t bag, struct chariot_msg *msg) {
    OBJ_API(pe);
    struct chariot_msg *answer = obj_msg_own_take(pe, OBJ_KIND_POOL_ANSWER, msg);
    if (answer == NULL) return;
    answer->target = bag;
    obj_send_take(pe, obj_id_pe(bag), answer);
}
