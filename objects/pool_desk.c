/* The desk: what this PE was given of the pool's work, and how it does it: an item at a time, for a moment, then others
 * have their turn (pool.h). */
#include "objects/pe.h"

enum { TURN_NS = 50000 }; /* items are done for so long at a time: their answers leave together */

static void see_to_turn(struct chariot_pe *pe) {
    struct obj_desk *desk = &pe->pool.desk;
    if (desk->turning || desk->work.head == NULL) return;
    struct chariot_msg *turn = obj_msg_new(pe, OBJ_KIND_POOL_TURN, 0);
    if (turn == NULL) return;
    desk->turning = true;
    obj_pe_queue_take(pe, turn);
}

static void begin_first(struct obj_desk *desk) {
    desk->at = 0;
    desk->left = desk->work.head == NULL ? 0 : desk->work.head->method;
}

static void push(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_desk *desk = &pe->pool.desk;
    rpc_msg_consume(msg);
    rpc_msg_queue_push_take(&desk->work, rpc_msg_ref(msg));
    if (desk->work.count == 1) begin_first(desk);
    see_to_turn(pe);
}

void obj_desk_on_work(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (pe->pool.ops.work == NULL || (msg->kind == OBJ_KIND_POOL_WORK && msg->method == 0))
        obj_refuse(pe, msg);
    else
        push(pe, msg);
}

static void pop(struct obj_desk *desk) {
    rpc_msg_unref(rpc_msg_queue_pop(&desk->work));
    begin_first(desk);
}

/* ---------------------------------------------------------------- what is not begun */

static void report(struct chariot_pe *pe, enum obj_kind kind, uint64_t bag, uint32_t count, uint64_t cost_ns,
                   int64_t ns, struct chariot_msg *items) {
    struct chariot_msg *msg = obj_msg_own_take(pe, kind, items);
    if (msg == NULL) return;
    msg->target = bag;
    msg->method = count;
    msg->seq = cost_ns;
    msg->reply = (uint64_t)ns;
    if (pe->node.pe != 0)
        obj_send_take(pe, 0, msg);
    else
        obj_pool_handle_take(pe, msg);
}

static uint64_t cost_of(const struct chariot_msg *work, uint32_t count) {
    return work->method == 0 ? 0 : work->seq / work->method * count;
}

/* The items of msg from byte `at` on, `count` of them; gives them back. */
static void give_back(struct chariot_pe *pe, const struct chariot_msg *msg, size_t at, uint32_t count) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new(msg->size - at + 16));
    chariot_put_encoded(&writer, rpc_msg_payload(msg) + at, msg->size - at);
    struct chariot_msg *items = obj_msg_finish(pe, OBJ_KIND_POOL_BACK, &writer);
    if (items != NULL) report(pe, OBJ_KIND_POOL_BACK, msg->target, count, cost_of(msg, count), 0, items);
}

/* `count` items of msg were taken off the desk; back: to the scheduler, else they are dropped. */
static void tell_taken(struct chariot_pe *pe, const struct chariot_msg *msg, size_t at, uint32_t count, bool back) {
    if (back)
        give_back(pe, msg, at, count);
    else
        report(pe, OBJ_KIND_POOL_DONE, msg->target, count, cost_of(msg, count), -1, NULL);
}

/* Takes off the desk what is not begun (bag 0: of all bags), and gives it. */
static struct rpc_msg_queue take_off(struct obj_desk *desk, uint64_t bag) {
    struct rpc_msg_queue old = desk->work, off = {0};
    struct chariot_msg *begun = desk->at > 0 ? old.head : NULL, *first = old.head;
    desk->work = (struct rpc_msg_queue){0};
    for (struct chariot_msg *msg; (msg = rpc_msg_queue_pop(&old)) != NULL;) {
        bool wanted = msg->kind == OBJ_KIND_POOL_WORK && (bag == 0 || msg->target == bag);
        rpc_msg_queue_push_take(wanted && msg != begun ? &off : &desk->work, msg);
    }
    if (desk->work.head != first) begin_first(desk);
    return off;
}

/* Clears the desk of a bag's items (0: of all bags) and tells the scheduler, which on PE 0 may give more at once: so
 * all is off before the first word. Of the message that is begun an item may be under way: it stays, with no item
 * left, and whoever does that item will pop it. */
static void sweep(struct chariot_pe *pe, uint64_t bag, bool back) {
    struct obj_desk *desk = &pe->pool.desk;
    struct chariot_msg *begun = desk->at > 0 ? desk->work.head : NULL;
    uint32_t left = desk->left;
    size_t at = desk->at;
    struct rpc_msg_queue off = take_off(desk, bag);
    if (begun != NULL && left > 0 && (bag == 0 || begun->target == bag)) {
        desk->left = 0;
        tell_taken(pe, begun, at, left, back);
    }
    for (struct chariot_msg *msg; (msg = rpc_msg_queue_pop(&off)) != NULL; rpc_msg_unref(msg)) {
        tell_taken(pe, msg, 0, msg->method, back);
    }
}

void obj_desk_on_forget(struct chariot_pe *pe, struct chariot_msg *msg) {
    sweep(pe, msg->target, false);
    if (pe->pool.ops.work != NULL) push(pe, msg);
}

/* When its turn comes, this PE says that it is there again. */
void obj_desk_on_recall(struct chariot_pe *pe, struct chariot_msg *msg) {
    sweep(pe, 0, true);
    if (pe->pool.ops.work != NULL) push(pe, msg);
}

/* ---------------------------------------------------------------- doing it */

/* What was done of one bag and is not yet reported. */
struct tally {
    uint64_t bag, cost_ns;
    uint32_t count;
    int64_t ns;
};

static void tell(struct chariot_pe *pe, struct tally *tally) {
    if (tally->count > 0) {
        report(pe, OBJ_KIND_POOL_DONE, tally->bag, tally->count, tally->cost_ns, tally->ns, NULL);
    }
    *tally = (struct tally){0};
}

/* One item of the first message. The reader's place is stored before user code runs: RECALL may come meanwhile. Gives
 * how many items that settles: what is malformed is all that is left. */
static uint32_t do_item(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_desk *desk = &pe->pool.desk;
    const uint8_t *payload = rpc_msg_payload(msg);
    struct chariot_reader item = {payload + desk->at, payload + msg->size, payload}, rest = item;
    const void *data;
    size_t size;
    if (chariot_skip(&rest, &data, &size) != 0) {
        uint32_t left = desk->left;
        obj_refuse(pe, msg);
        desk->left = 0;
        return left;
    }
    desk->at = (size_t)(rest.at - payload);
    desk->left--;
    item.end = rest.at;
    rpc_turn_lend(&pe->node.turn);
    *pe->runs = RPC_NOW_POOL;
    pe->pool.ops.work(pe->pool.ops.ctx, msg->target, msg, &item);
    rpc_turn_take(&pe->node.turn);
    return 1;
}

static void do_other(struct chariot_pe *pe, struct chariot_msg *msg) {
    const struct chariot_pool_ops *ops = &pe->pool.ops;
    if (msg->kind == OBJ_KIND_POOL_RECALL) {
        report(pe, OBJ_KIND_POOL_DONE, 0, 0, 0, 0, NULL);
        return;
    }
    rpc_turn_lend(&pe->node.turn);
    if (msg->kind == OBJ_KIND_POOL_KNOW)
        ops->define(ops->ctx, msg->target, msg);
    else
        ops->forget(ops->ctx, msg->target);
    rpc_turn_take(&pe->node.turn);
}

/* The first message's next item, or the message where it is none. Gives the time. */
static int64_t do_next(struct chariot_pe *pe, struct tally *tally, int64_t begin_ns) {
    struct obj_desk *desk = &pe->pool.desk;
    struct chariot_msg *msg = rpc_msg_ref(desk->work.head);
    int64_t now = begin_ns;
    if (msg->kind != OBJ_KIND_POOL_WORK) {
        pop(desk); /* first: what it runs may come here again */
        do_other(pe, msg);
    } else if (desk->left > 0) {
        if (tally->bag != msg->target) tell(pe, tally);
        uint32_t count = do_item(pe, msg);
        now = chariot_now_ns(pe);
        tally->bag = msg->target;
        tally->cost_ns += cost_of(msg, count);
        tally->count += count;
        tally->ns += now - begin_ns;
    }
    if (msg->kind == OBJ_KIND_POOL_WORK && desk->left == 0) pop(desk);
    rpc_msg_unref(msg);
    return now;
}

void obj_desk_on_turn(struct chariot_pe *pe, struct chariot_msg *turn) {
    struct obj_desk *desk = &pe->pool.desk;
    struct tally tally = {0};
    int64_t begin = chariot_now_ns(pe), now = begin;
    desk->turning = false;
    while (desk->work.head != NULL && now - begin < TURN_NS && !pe->ending) now = do_next(pe, &tally, now);
    rpc_turn_lend(&pe->node.turn);
    pe->pool.ops.rest(pe->pool.ops.ctx);
    rpc_turn_take(&pe->node.turn);
    tell(pe, &tally);
    see_to_turn(pe);
}
