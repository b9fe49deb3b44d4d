#include "objects/pe.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/hold.h"
#include "objects/layout.h"
#include "objects/meter.h"
#include "objects/place.h"
#include "objects/runtime.h"
#include "objects/section.h"
#include "objects/span.h"
#include "rpc/log.h"

/* ---------------------------------------------------------------- arrival and departure */

static int send_on(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg) {
    if (pe->node.transport == NULL) return CHARIOT_ECLOSED; /* the job is over: only destructors run */
    OBJ_METER(pe, obj_meter_note_sent(pe, to, msg));
    int rc = rpc_node_send(&pe->node, to, msg);
    if (rc >= 0) pe->quiet.mine.sent += msg->kind < OBJ_KIND_FIRST_UNCOUNTED;
    if (rc >= 0 || rc == CHARIOT_EGONE || rc == CHARIOT_ECLOSED || pe->ending)
        return rc; /* a death is reported apart */
    char line[256];
    snprintf(line, sizeof line, "chariot: PE %u cannot send to PE %u: %s\n", pe->node.pe, to, chariot_error_text(rc));
    obj_end_abort(pe, 70, line);
    return rc;
}

static void start_ending(struct chariot_pe *pe, const struct chariot_msg *exit) {
    pe->ending = true;
    pe->status = (int)(exit->method & 0xff);
    const struct chariot_activity what = {.type = OBJ_NO_TYPE, .method = OBJ_ROW_EXIT};
    OBJ_METER(pe, obj_meter_note_instant(pe, &what, RPC_TIMELINE_ENDING));
}

static bool is_channel_kind(uint8_t kind) {
    return kind >= OBJ_KIND_CHANNEL_OPEN && kind <= OBJ_KIND_CHANNEL_REFUSED;
}

/* It goes wherever the element lives. */
static bool is_for_element(uint8_t kind) {
    return kind == OBJ_KIND_CALL || is_channel_kind(kind);
}

/* The first message down the tree of a partial collection. */
static int found(struct chariot_pe *pe, const struct chariot_msg *msg) {
    struct chariot_msg *below[OBJ_TREE_RADIX];
    int count = obj_section_ops.found(pe, msg, below);
    if (count < 0) return count;
    const struct obj_span *span = obj_span_get(pe, msg->target);
    for (int i = 0; i < count; i++) {
        send_on(pe, span->children[i], below[i]);
        rpc_msg_unref(below[i]);
    }
    return 0;
}

static int pass_down(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_founds_span(msg)) return found(pe, msg);
    if (obj_id_is_partial(msg->target) && obj_span_get(pe, msg->target) == NULL) return CHARIOT_ENOENT;
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = obj_span_children(pe, msg->target, children);
    for (uint32_t i = 0; i < count; i++) send_on(pe, children[i], msg);
    return 0;
}

/* What only travels through this PE is passed on at once, also by the stand-in while a method computes; all else waits
 * for the scheduler. */
static void obj_route_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_pool_is_prompt(msg->kind)) {
        obj_pool_handle_take(pe, msg);
        return;
    }
    if (msg->flags & OBJ_FLAG_TREE) {
        int rc = pass_down(pe, msg);
        if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
        if (rc != 0) {
            obj_refuse(pe, msg);
            rpc_msg_unref(msg);
            return;
        }
    } else if (is_for_element(msg->kind) && !obj_kind_is_single(obj_id_kind(msg->target))) {
        struct obj_coll *coll = obj_coll_get(pe, msg->target);
        uint32_t to = coll == NULL ? pe->node.pe : pe->location->find(pe, coll, msg->index);
        if (to != pe->node.pe && msg->hops < OBJ_MAX_HOPS) {
            msg->hops++;
            msg->root = pe->node.pe;
            send_on(pe, to, msg);
            rpc_msg_unref(msg);
            return;
        }
    }
    if (msg->kind == OBJ_KIND_EXIT) start_ending(pe, msg);
    obj_pe_queue_take(pe, msg);
}

static bool is_tree_kind(uint8_t kind) {
    return kind == OBJ_KIND_CREATE || kind == OBJ_KIND_BROADCAST || kind == OBJ_KIND_RESULT || kind == OBJ_KIND_EXIT ||
           kind == OBJ_KIND_RELEASE || kind == OBJ_KIND_RESULT_PIECE || kind == OBJ_KIND_QUIET_WAVE ||
           kind == OBJ_KIND_REPORT_ASK || kind == OBJ_KIND_SECTION_OPEN;
}

/* What handlers may rely on for every message from elsewhere. */
static bool acceptable(const struct chariot_pe *pe, const struct chariot_msg *msg) {
    uint32_t num_pes = pe->node.num_pes;
    if (msg->kind >= 64 || (OBJ_KINDS_KNOWN >> msg->kind & 1) == 0) return false;
    if (msg->kind == OBJ_KIND_TASK || msg->kind == OBJ_KIND_POOL_TURN) return false; /* a PE's own */
    if (msg->from >= num_pes || msg->root >= num_pes) return false;
    if (msg->kind == OBJ_KIND_READY) return msg->flags == 0; /* its target is a hash */
    if (obj_id_pe(msg->target) >= num_pes) return false;
    if (is_channel_kind(msg->kind) && (msg->reply == 0 || obj_id_pe(msg->reply) >= num_pes)) return false;
    if (msg->kind == OBJ_KIND_INSERT && msg->method >= OBJ_INSERT_FIRST_LOCAL) return false;
    if (msg->kind == OBJ_KIND_COUNT && msg->method != OBJ_COUNT_ARRIVED) return false;
    bool numbered = msg->kind == OBJ_KIND_INSERT || msg->kind == OBJ_KIND_BROADCAST;
    if (numbered && msg->seq > OBJ_MAX_NUMBER) return false;
    bool partial = obj_id_is_partial(msg->target), tree = (msg->flags & OBJ_FLAG_TREE) != 0;
    if (msg->kind == OBJ_KIND_SECTION_OPEN && !partial) return false;
    if (msg->kind == OBJ_KIND_SECTION_LEFT && msg->method != 0) return false; /* a PE's own */
    if (is_for_element(msg->kind) && obj_id_kind(msg->target) == CHARIOT_SECTION) return false;
    return tree == is_tree_kind(msg->kind) && (!tree || partial || msg->root == obj_id_pe(msg->target));
}

void obj_refuse(struct chariot_pe *pe, const struct chariot_msg *msg) {
    rpc_log(pe->node.log, RPC_LOG_WARNING, "OBJ-MSG-REFUSED", "kind=%u from=%u target=%llx", msg->kind, msg->from,
            (unsigned long long)msg->target);
}

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct chariot_pe *pe = owner;
    pe->quiet.mine.arrived += msg->kind < OBJ_KIND_FIRST_UNCOUNTED;
    if (!acceptable(pe, msg)) {
        obj_refuse(pe, msg); /* from a PE of this job that is broken; its own errors will tell */
        rpc_msg_unref(msg);
        return;
    }
    msg->flags &= (uint8_t)~OBJ_FLAG_OBJECT;
    OBJ_METER(pe, obj_meter_note_received(pe, msg));
    obj_route_take(pe, msg);
}

enum { VERDICT_ON_PEER_AFTER_MS = 500 }; /* its launcher, or the peer itself, knows better why: it speaks first */

static void lost_peer(struct chariot_pe *pe, void *ctx) {
    chariot_abort(pe, 70, pe->lost);
}

static void on_peer_gone(void *owner, uint32_t gone, int error, const char *text) {
    struct chariot_pe *pe = owner;
    if (pe->ending || pe->lost[0] != 0) return;
    snprintf(pe->lost, sizeof pe->lost, "chariot: PE %u lost PE %u: %.120s (%s)\n", pe->node.pe, gone, text,
             chariot_error_text(error));
    int64_t now = pe->around.now_ns == NULL ? pe->now_ns : pe->around.now_ns(pe->around.ctx);
    if (obj_timer_add(pe, now + VERDICT_ON_PEER_AFTER_MS * 1000000ll, lost_peer, NULL) != 0) obj_out_of_memory(pe);
}

static void on_busy(void *owner) {
    obj_pool_look(owner);
}

const struct rpc_upcalls obj_upcalls = {
    .on_message_take = on_message_take, .on_peer_gone = on_peer_gone, .on_busy = on_busy};

void obj_pe_queue_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    rpc_msg_queue_push_take(&pe->run_queue, msg);
}

static void leave(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg) {
    rpc_trace(pe->node.log, "OBJ-SEND", to, msg->kind, msg->target);
    if (send_on(pe, to, msg) == 1) pe->crowded = to;
}

void obj_send_take(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg) {
    if (to == pe->node.pe) {
        obj_pe_queue_take(pe, msg);
        return;
    }
    int rc = obj_msg_encode(pe, &msg);
    if (rc == 0)
        leave(pe, to, msg);
    else
        obj_msg_encode_failed(pe, rc);
    rpc_msg_unref(msg);
}

void obj_send_down_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    assert(msg->flags & OBJ_FLAG_TREE && msg->root == pe->node.pe);
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = obj_span_children(pe, msg->target, children);
    int rc = count > 0 ? obj_msg_encode(pe, &msg) : 0;
    if (rc != 0) {
        obj_msg_encode_failed(pe, rc);
        rpc_msg_unref(msg);
        return;
    }
    msg->number = 0; /* it may have come as the request for this */
    for (uint32_t i = 0; i < count; i++) leave(pe, children[i], msg);
    if (msg->kind == OBJ_KIND_EXIT) start_ending(pe, msg);
    obj_pe_queue_take(pe, msg);
}

void obj_send_founding_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->root != pe->node.pe)
        obj_send_take(pe, msg->root, msg);
    else
        obj_route_take(pe, msg);
}

void obj_out_of_memory(struct chariot_pe *pe) {
    obj_end_abort(pe, 71, "chariot: out of memory\n");
}

/* ---------------------------------------------------------------- messages that wait */

void obj_waiting_free(struct obj_waiting *waiting) {
    rpc_msg_queue_clear(&waiting->queue);
    free(waiting);
}

void obj_wait_take(struct chariot_pe *pe, struct obj_map *map, struct obj_key key, struct chariot_msg *msg) {
    rpc_msg_consume(msg);
    struct obj_waiting *waiting = obj_map_get(map, key);
    if (waiting == NULL) {
        waiting = calloc(1, sizeof *waiting);
        if (waiting == NULL || obj_map_add(map, key, waiting) != 0) {
            free(waiting);
            rpc_msg_unref(msg);
            obj_out_of_memory(pe);
            return;
        }
        waiting->key = key;
    }
    rpc_msg_queue_push_take(&waiting->queue, msg);
}

void obj_undeliverable(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->kind == OBJ_KIND_CHANNEL_OPEN) obj_channel_bounce(pe, msg);
    if (msg->reply == 0 || (msg->kind != OBJ_KIND_CALL && msg->kind != OBJ_KIND_BROADCAST_ASK)) return;
    struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
    if (error != NULL) obj_future_send_take(pe, msg->reply, error);
}

void obj_orphan(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_coll_is_gone(pe, msg->target))
        obj_undeliverable(pe, msg);
    else
        obj_wait_take(pe, &pe->orphans, obj_key1(msg->target), rpc_msg_ref(msg));
}

void obj_pe_queue_first(struct chariot_pe *pe, struct rpc_msg_queue *queue) {
    struct rpc_msg_queue *then = &pe->run_queue;
    if (queue->head == NULL) return;
    queue->tail->next = then->head;
    then->head = queue->head;
    if (then->tail == NULL) then->tail = queue->tail;
    then->count += queue->count;
    *queue = (struct rpc_msg_queue){0};
}

/* In front of the run queue: they came before all that is in it. */
void obj_wait_release(struct chariot_pe *pe, struct obj_map *map, struct obj_key key) {
    struct obj_waiting *waiting = obj_map_remove(map, key);
    if (waiting == NULL) return;
    obj_pe_queue_first(pe, &waiting->queue);
    free(waiting);
}

/* ---------------------------------------------------------------- the scheduler's turn */

static void dispatch(struct chariot_pe *pe, struct chariot_msg *msg) {
    switch (msg->kind) {
#define DISPATCH(name, number, handler)                                                                                \
    case number:                                                                                                       \
        handler(pe, msg);                                                                                              \
        break;
        OBJ_KINDS(DISPATCH)
#undef DISPATCH
    default:
        assert(false);
    }
}

bool obj_pe_step(struct chariot_pe *pe, int64_t now_ns, int budget) {
    pe->now_ns = now_ns;
    if (now_ns >= pe->quiet.due_ns) obj_quiet_on_due(pe);
    if (pe->num_timers > 0) obj_timer_run_due(pe);
    obj_waiters_run(pe);
    while (budget-- > 0 && !pe->ending) {
        struct chariot_msg *msg = rpc_msg_queue_pop(&pe->run_queue);
        if (msg == NULL) break;
        rpc_msg_consume(msg);
        if (__builtin_expect(obj_hold_keep_take(pe, msg), 0)) continue;
        rpc_trace(pe->node.log, "OBJ-RUN", msg->kind, msg->target, msg->method);
        pe->quiet.worked |= msg->kind < OBJ_KIND_FIRST_UNCOUNTED;
        OBJ_METER(pe, obj_meter_note_message(pe, msg));
        dispatch(pe, msg);
        OBJ_METER_END(pe);
        rpc_msg_unref(msg);
        if (pe->ready.first != NULL) obj_waiters_run(pe);
    }
    if (pe->run_queue.head == NULL && pe->ready.first == NULL && !pe->ending) obj_quiet_rest(pe);
    return !pe->ending && (pe->run_queue.head != NULL || pe->ready.first != NULL);
}

/* NULL: called from within the runtime, as when a message that is dropped takes the last handle to a future with it;
 * the turn is then the runtime's, and stays so. */
struct chariot_pe *obj_api_enter(struct chariot_pe *pe) {
    struct rpc_turn *turn = &pe->node.turn;
    if (turn->shared && atomic_load_explicit(&turn->taken, memory_order_relaxed)) return NULL;
    rpc_turn_take(turn);
    return pe;
}

void obj_api_leave(struct chariot_pe **pe) {
    struct chariot_pe *self = *pe;
    if (self == NULL) return;
    if (__builtin_expect(self->crowded >= 0, 0)) {
        uint32_t to = (uint32_t)self->crowded;
        self->crowded = -1;
        OBJ_SENDING(self);
        if (self->around.make_room != NULL) self->around.make_room(self->around.ctx, to);
    }
    rpc_turn_lend(&self->node.turn);
}

/* ---------------------------------------------------------------- life */

int obj_pe_init(struct chariot_pe *pe) {
    pe->crowded = -1;
    pe->piece_bytes = OBJ_PIECE_BYTES;
    pe->next_collection = 1; /* 0 of PE 0 is the runtime */
    pe->next_future = 1;
    pe->next_single_pe = pe->node.pe; /* PEs that create a few each do not all begin with PE 0 */
    obj_waiters_init(&pe->ready);
    obj_quiet_init(pe);
    if (pe->location == NULL) pe->location = &obj_location_static;
    rpc_turn_init(&pe->node.turn);
    pe->node.owner = pe;
    pe->node.up = &obj_upcalls;
    int rc = obj_runtime_init(pe);
    if (rc != 0) obj_pe_deinit(pe);
    return rc;
}

static void free_waiting(void *value, void *ctx) {
    (void)ctx;
    obj_waiting_free(value);
}

static void free_coll(void *value, void *ctx) {
    obj_coll_free(ctx, value);
}

static void free_single(void *value, void *ctx) {
    obj_elem_free(ctx, value);
}

static void destroy_objects(void *value, void *ctx) {
    obj_coll_destroy_objects(ctx, value);
}

static void destroy_single(void *value, void *ctx) {
    obj_elem_destroy_object(ctx, value);
}

/* Destructors are the user's code and may call the public API: all of them run before anything else is freed. */
void obj_pe_deinit(struct chariot_pe *pe) {
    pe->ending = true;
    obj_section_ops.deinit(pe);
    obj_map_each(&pe->singles, destroy_single, pe);
    obj_map_each(&pe->collections, destroy_objects, pe);
    rpc_msg_queue_clear(&pe->run_queue);
    rpc_msg_queue_clear(&pe->held);
    obj_map_each(&pe->singles, free_single, pe);
    obj_map_deinit(&pe->singles);
    obj_map_each(&pe->collections, free_coll, pe);
    obj_map_deinit(&pe->collections);
    for (uint32_t i = 0; pe->single_of_type != NULL && i < pe->num_types; i++) {
        if (pe->single_of_type[i] != NULL) obj_coll_free(pe, pe->single_of_type[i]);
    }
    obj_map_each(&pe->orphans, free_waiting, NULL);
    obj_map_deinit(&pe->orphans);
    obj_map_deinit(&pe->newest);
    obj_reduce_free_all(pe);
    obj_span_free_all(pe);
    obj_map_deinit(&pe->graves);
    obj_map_deinit(&pe->allreduces);
    obj_channel_free_all(pe);
    obj_future_free_all(pe);
    obj_meter_free(pe);
    obj_quiet_deinit(pe);
    obj_hang_deinit(pe);
    obj_pool_deinit(pe);
    if (pe->owns_layout) obj_layout_free(pe->layout);
    free(pe->single_of_type);
    free(pe->timers);
    free(pe->types);
    free(pe->reducers);
}

/* ---------------------------------------------------------------- what a program may ask */

uint32_t chariot_my_pe(const struct chariot_pe *pe) {
    return pe->node.pe;
}

uint32_t chariot_num_pes(const struct chariot_pe *pe) {
    return pe->node.num_pes;
}

uint32_t chariot_host_of(const struct chariot_pe *pe, uint32_t of_pe) {
    return rpc_node_host_of(&pe->node, of_pe);
}

uint32_t chariot_num_hosts(const struct chariot_pe *pe) {
    return pe->node.num_hosts == 0 ? 1 : pe->node.num_hosts;
}

int64_t chariot_now_ns(const struct chariot_pe *pe) {
    return pe->around.now_ns == NULL ? pe->now_ns : pe->around.now_ns(pe->around.ctx);
}
