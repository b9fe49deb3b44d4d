/* Channels: messages in their order, credit for the sender, and who is called when.
 *
 * A message weighs its bytes and a kibibyte. A sender counts what it has sent, the reader tells it now and then what
 * it has read; the difference is what may be unread. Receivers are called one by one, each when a message is there for
 * it, and take theirs in that order; who comes meanwhile waits behind them. */
#include "objects/call.h"
#include "objects/channel.h"
#include "objects/meter.h"

static uint64_t weight_of(const struct chariot_msg *msg) {
    return (uint64_t)msg->method * OBJ_CHANNEL_WEIGHT_UNIT;
}

static uint32_t units_of(uint64_t bytes) {
    uint64_t units = (bytes + OBJ_CHANNEL_MESSAGE_WEIGHT + OBJ_CHANNEL_WEIGHT_UNIT - 1) / OBJ_CHANNEL_WEIGHT_UNIT;
    return units < OBJ_CHANNEL_MAX_UNITS ? (uint32_t)units : OBJ_CHANNEL_MAX_UNITS;
}

/* ---------------------------------------------------------------- what is possible now */

static uint64_t window_of(const struct chariot_channel *end) {
    return end->has_client ? OBJ_CHANNEL_CLIENT_WINDOW : OBJ_CHANNEL_WINDOW;
}

static uint64_t limit_of(const struct chariot_channel *end) {
    return end->has_client ? OBJ_CHANNEL_CLIENT_LIMIT : OBJ_CHANNEL_LIMIT;
}

/* Nobody reads at the other end. */
static bool is_over(const struct chariot_channel *end) {
    return end->pair == NULL || end->over != OBJ_CHANNEL_LIVES;
}

/* No more will come. */
static bool has_ended(const struct chariot_channel *end) {
    return is_over(end) || end->ended;
}

static bool can_receive(const struct chariot_channel *end) {
    return (end->granted || end->promised == 0) && (end->unread.count > 0 || has_ended(end));
}

static bool has_room(const struct chariot_channel *end) {
    return is_over(end) || end->sent_weight - end->acked_weight < window_of(end);
}

void obj_channel_wake(struct chariot_channel *end) {
    while (end->receivers.first != NULL && (end->promised < end->unread.count || has_ended(end))) {
        end->promised++;
        obj_waiter_ready(end->receivers.first);
    }
    if (can_receive(end)) obj_waiters_ready(&end->watchers);
    if (has_room(end)) obj_waiters_ready(&end->senders);
}

/* ---------------------------------------------------------------- waiting */

static void on_call(struct chariot_waiter *waiter) {
    struct chariot_channel *end = waiter->on_;
    end->waiting--;
}

static void on_forget(struct chariot_waiter *waiter, bool ready) {
    struct chariot_channel *end = waiter->on_;
    end->waiting--;
}

static void on_receiver_call(struct chariot_waiter *waiter) {
    struct chariot_channel *end = waiter->on_;
    on_call(waiter);
    end->promised--;
    end->granted = true;
}

static void on_receiver_forget(struct chariot_waiter *waiter, bool ready) {
    struct chariot_channel *end = waiter->on_;
    on_forget(waiter, ready);
    if (ready) end->promised--;
}

/* What the waiter did not take is the next one's. */
static void called(void *on) {
    struct chariot_channel *end = on;
    obj_channel_wake(end);
    obj_channel_unref(end);
}

int chariot_channel_wait(struct chariot_channel *end, enum chariot_channel_event event, struct chariot_waiter *waiter) {
    static const struct obj_waiter_ops receiver = {on_receiver_call, on_receiver_forget, called},
                                       other = {on_call, on_forget, called};
    OBJ_API(end->pe);
    struct obj_waiters *list = event == CHARIOT_CHANNEL_RECEIVE ? &end->receivers
                               : event == CHARIOT_CHANNEL_READY ? &end->watchers
                                                                : &end->senders;
    const struct obj_waiter_ops *ops = event == CHARIOT_CHANNEL_RECEIVE ? &receiver : &other;
    end->waiting++;
    obj_waiter_add(end->pe, list, waiter, ops, chariot_channel_ref(end));
    obj_channel_wake(end);
    return 0;
}

bool chariot_channel_ready(const struct chariot_channel *end) {
    return can_receive(end);
}

bool chariot_channel_has_room(const struct chariot_channel *end) {
    return has_room(end);
}

/* ---------------------------------------------------------------- sending */

static int refusal(const struct chariot_channel *end) {
    if (end->pair == NULL || end->finished) return CHARIOT_ESTATE;
    if (end->over == OBJ_CHANNEL_DESTROYED) return CHARIOT_EGONE;
    if (end->sent_weight - end->acked_weight < limit_of(end)) return 0;
    return end->over == OBJ_CHANNEL_DROPPED ? CHARIOT_ECLOSED : CHARIOT_ETOOBIG;
}

int chariot_channel_send_take(struct chariot_channel *end, struct chariot_msg *value, size_t held_bytes) {
    OBJ_API(end->pe);
    OBJ_SENDING(end->pe);
    size_t bytes = value != NULL && value->size > held_bytes ? value->size : held_bytes;
    int rc = refusal(end);
    if (rc != 0 || end->over == OBJ_CHANNEL_DROPPED) { /* for nobody; not for ever */
        if (rc == 0) end->sent_weight += (uint64_t)units_of(bytes) * OBJ_CHANNEL_WEIGHT_UNIT;
        rpc_msg_unref(value);
        return rc;
    }
    struct chariot_msg *msg = obj_msg_own_take(end->pe, OBJ_KIND_CHANNEL_DATA, value);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->seq = ++end->sent;
    msg->method = units_of(bytes);
    end->sent_weight += weight_of(msg);
    obj_channel_send_take(end, msg);
    return has_room(end) ? 0 : CHARIOT_CHANNEL_FULL;
}

/* ---------------------------------------------------------------- arrival */

static void on_credit(struct chariot_channel *end, const struct chariot_msg *msg) {
    if (weight_of(msg) <= end->sent_weight - end->acked_weight)
        end->acked_weight += weight_of(msg);
    else
        obj_refuse(end->pe, msg);
}

/* The next in order; takes msg. False: it was the last, and the end may have gone. */
static bool next_take(struct chariot_channel *end, struct chariot_msg *msg) {
    end->received++;
    bool destroyed = msg->method == OBJ_CHANNEL_DESTROYED, says = msg->kind == OBJ_KIND_CHANNEL_CLOSE;
    bool ends = says && msg->method == OBJ_CHANNEL_ENDS, is_close = says && !ends;
    if (ends) end->ended = true;
    if (msg->kind == OBJ_KIND_CHANNEL_CREDIT) on_credit(end, msg);
    if (msg->kind == OBJ_KIND_CHANNEL_DATA && !end->dropped)
        rpc_msg_queue_push_take(&end->unread, msg);
    else
        rpc_msg_unref(msg);
    end->closed = is_close;
    if (is_close) obj_channel_is_over(end, destroyed ? OBJ_CHANNEL_DESTROYED : OBJ_CHANNEL_DROPPED);
    return !is_close;
}

/* Keeps msg until those before it have come. */
static void keep_early(struct chariot_channel *end, struct chariot_msg *msg) {
    struct rpc_msg_queue *early = &end->early;
    if (early->tail == NULL || early->tail->seq < msg->seq) {
        rpc_msg_queue_push_take(early, rpc_msg_ref(msg));
        return;
    }
    struct chariot_msg **at = &early->head;
    while ((*at)->seq < msg->seq) at = &(*at)->next;
    if ((*at)->seq == msg->seq) return; /* a second time */
    msg->next = *at;
    *at = rpc_msg_ref(msg);
    early->count++;
}

void obj_channel_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_call_elem(pe, msg);
    if (elem == NULL) return;
    struct chariot_channel *end = obj_channel_find(pe, msg->reply, elem);
    if (end == NULL) { /* it has overtaken the OPEN: what follows a CLOSE does not exist */
        obj_wait_take(pe, &pe->channel_strays, obj_key2(msg->reply, (uintptr_t)elem), rpc_msg_ref(msg));
        return;
    }
    if (end->closed || msg->seq <= end->received) return; /* nobody sends that */
    if (msg->seq != end->received + 1) {
        keep_early(end, msg);
        return;
    }
    bool more = next_take(end, rpc_msg_ref(msg));
    while (more && end->early.head != NULL && end->early.head->seq == end->received + 1) {
        more = next_take(end, rpc_msg_queue_pop(&end->early));
    }
    if (more) obj_channel_wake(end);
}

/* ---------------------------------------------------------------- reading */

static void send_credit(struct chariot_channel *end) {
    struct chariot_msg *msg = obj_msg_new(end->pe, OBJ_KIND_CHANNEL_CREDIT, 0);
    if (msg == NULL) return;
    msg->seq = ++end->sent;
    msg->method = (uint32_t)(end->untold_weight / OBJ_CHANNEL_WEIGHT_UNIT);
    end->untold_weight = 0;
    obj_channel_send_take(end, msg);
}

/* For the end's chare, whose code may read bytes alone. Encoding runs the face's code, which may do anything. */
static int readable(struct chariot_pe *pe, const struct chariot_elem *elem, struct chariot_msg **msg) {
    if (((*msg)->flags & OBJ_FLAG_OBJECT) == 0 || pe->types[elem->own.coll->type]->reads_objects) return 0;
    int rc = obj_msg_encode(pe, msg);
    if (rc == 0) return 0;
    rpc_msg_unref(*msg);
    *msg = NULL;
    return rc;
}

int chariot_channel_receive(struct chariot_channel *end, struct chariot_msg **msg) {
    struct chariot_pe *pe = end->pe;
    OBJ_API(pe);
    *msg = NULL;
    if (end->pair == NULL) return CHARIOT_ESTATE;
    if (!can_receive(end)) return CHARIOT_CHANNEL_EMPTY;
    end->granted = false;
    *msg = rpc_msg_queue_pop(&end->unread);
    if (*msg == NULL) return end->over == OBJ_CHANNEL_DESTROYED ? CHARIOT_EGONE : CHARIOT_ECLOSED;
    end->untold_weight += weight_of(*msg);
    if (end->untold_weight >= window_of(end) / 2 && !has_ended(end)) send_credit(end);
    return readable(pe, end->pair->elem, msg);
}
