#include "objects/pe.h"

#include <assert.h>
#include <stdlib.h>

#include "objects/balance.h"
#include "objects/call.h"
#include "objects/client.h"
#include "objects/hold.h"
#include "objects/layout.h"
#include "objects/load.h"
#include "objects/location.h"
#include "objects/meter.h"
#include "objects/runtime.h"
#include "objects/section.h"
#include "objects/span.h"
#include "rpc/log.h"

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

/* A broadcast that was numbered behind the collection's end is undeliverable everywhere: its root says so. */
static bool is_answered(const struct chariot_pe *pe, const struct chariot_msg *msg) {
    if (msg->kind == OBJ_KIND_BROADCAST) return msg->root == pe->node.pe;
    return msg->kind == OBJ_KIND_CALL || msg->kind == OBJ_KIND_BROADCAST_ASK;
}

void obj_undeliverable(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->kind == OBJ_KIND_CHANNEL_OPEN) obj_channel_bounce(pe, msg);
    if (msg->reply == 0 || !is_answered(pe, msg)) return;
    if (obj_id_kind(msg->reply) != 0) {
        obj_call_excuse(pe, msg);
        return;
    }
    struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_DESTROYED);
    if (error != NULL) obj_future_send_take(pe, msg->reply, error);
}

void obj_undeliverable_all(struct chariot_pe *pe, struct rpc_msg_queue *queue) {
    for (struct chariot_msg *msg = queue->head; msg != NULL && !pe->ending; msg = msg->next) obj_undeliverable(pe, msg);
    rpc_msg_queue_clear(queue);
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
    if (now_ns >= pe->balance_due_ns) obj_balance_ops.on_due(pe);
    if (__builtin_expect(now_ns >= pe->watch.due_ns, 0)) obj_watch_on_due(pe);
    if (__builtin_expect(now_ns >= pe->load_due_ns, 0)) obj_load_on_due(pe, now_ns);
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
    bool rests = pe->run_queue.head == NULL && pe->ready.first == NULL;
    if (__builtin_expect(pe->balance_watches, 0) && !pe->ending) obj_balance_ops.on_turn(pe, rests);
    if (rests && pe->run_queue.head == NULL && !pe->ending) obj_quiet_rest(pe);
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
    if (pe->runs == NULL) pe->runs = &pe->runs_unseen;
    pe->balance_due_ns = INT64_MAX;
    pe->load_due_ns = INT64_MAX;
    pe->watch.due_ns = INT64_MAX;
    pe->piece_bytes = OBJ_PIECE_BYTES;
    pe->next_collection = OBJ_NUM_RESIDENTS; /* PE 0 has those */
    pe->next_future = 1;
    pe->next_single_pe = pe->node.pe; /* PEs that create a few each do not all begin with PE 0 */
    obj_waiters_init(&pe->ready);
    obj_quiet_init(pe);
    if (pe->location == NULL) pe->location = &obj_location_ops;
    rpc_turn_init(&pe->node.turn);
    pe->node.owner = pe;
    pe->node.up = &obj_upcalls;
    int rc = obj_runtime_init(pe);
    if (rc == 0) rc = obj_balance_ops.init(pe);
    if (rc == 0) rc = obj_names_init(pe);
    if (rc == 0) rc = obj_client_init(pe);
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
    obj_balance_ops.deinit(pe);
    obj_names_deinit(pe);
    obj_map_deinit(&pe->clients);
    obj_map_deinit(&pe->cancelled);
    obj_watch_deinit(pe);
    obj_map_deinit(&pe->graves);
    obj_allreduce_free_all(pe);
    obj_channel_free_all(pe);
    obj_future_free_all(pe);
    obj_meter_free(pe);
    obj_load_free(pe);
    obj_quiet_deinit(pe);
    obj_hang_deinit(pe);
    obj_pool_deinit(pe);
    if (pe->owns_layout) obj_layout_free(pe->layout);
    if (pe->location != NULL) pe->location->deinit(pe);
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
