/* Messages arrive and leave: what comes from other PEs is checked, passed on where it only travels through, and queued;
 * what goes to them is encoded and sent. The stand-in does the former too while a method computes. */
#include <assert.h>
#include <stdio.h>

#include "objects/cancel.h"
#include "objects/client.h"
#include "objects/location.h"
#include "objects/meter.h"
#include "objects/move.h"
#include "objects/place.h"
#include "objects/section.h"
#include "objects/span.h"
#include "rpc/log.h"

/* ---------------------------------------------------------------- through this PE */

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
static bool is_for_element(const struct chariot_msg *msg) {
    return msg->kind == OBJ_KIND_CALL || is_channel_kind(msg->kind) || obj_move_is_probe(msg);
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

/* True: its element is not here, and it has gone on, or is held until that is sure. */
static bool is_passed_on_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (!is_for_element(msg) || obj_kind_is_single(obj_id_kind(msg->target))) return false;
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    uint32_t to = coll == NULL ? pe->node.pe : pe->location->pass(pe, coll, msg);
    if (to == OBJ_LOCATION_HOLD) {
        pe->location->hold_take(pe, coll, msg);
        return true;
    }
    if (to == pe->node.pe || msg->hops >= OBJ_MAX_HOPS) return false;
    msg->hops++;
    msg->root = pe->node.pe;
    send_on(pe, to, msg);
    rpc_msg_unref(msg);
    return true;
}

static bool is_about_places(const struct chariot_msg *msg) {
    return msg->kind == OBJ_KIND_MOVE || msg->kind == OBJ_KIND_LOCATED;
}

static bool is_handled(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    return coll != NULL && pe->location->prompt(pe, coll, msg);
}

static bool is_of_watch(const struct chariot_msg *msg) {
    return msg->target == OBJ_WATCH_TARGET && msg->kind == OBJ_KIND_CALL;
}

/* What only travels through this PE is passed on at once, also by the stand-in while a method computes, and what says
 * where elements live is heard; all else waits for the scheduler. */
static void obj_route_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_pool_is_prompt(msg->kind)) {
        obj_pool_handle_take(pe, msg);
        return;
    }
    if (__builtin_expect(is_of_watch(msg), 0)) {
        obj_watch_handle_take(pe, msg);
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
    } else if (is_passed_on_take(pe, msg)) {
        return;
    }
    if (is_about_places(msg) && is_handled(pe, msg)) {
        rpc_msg_unref(msg);
        return;
    }
    if (msg->kind == OBJ_KIND_MOVE) obj_move_note(pe, obj_coll_get(pe, msg->target), msg);
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
    if (obj_client_calls(msg) && obj_id_pe(msg->seq) >= num_pes) return false;
    if (msg->kind == OBJ_KIND_INSERT && msg->method >= OBJ_INSERT_FIRST_LOCAL) return false;
    if (msg->kind == OBJ_KIND_COUNT && msg->method != OBJ_COUNT_ARRIVED) return false;
    bool numbered = msg->kind == OBJ_KIND_INSERT || msg->kind == OBJ_KIND_BROADCAST || msg->kind == OBJ_KIND_EXPECT;
    if (numbered && msg->seq > OBJ_MAX_NUMBER) return false;
    bool partial = obj_id_is_partial(msg->target), tree = (msg->flags & OBJ_FLAG_TREE) != 0;
    if (msg->kind == OBJ_KIND_SECTION_OPEN && !partial) return false;
    if (msg->kind == OBJ_KIND_SECTION_LEFT && msg->method != 0) return false; /* a PE's own */
    if (msg->kind == OBJ_KIND_MOVE && !obj_move_is_acceptable(msg)) return false;
    if (is_for_element(msg) && obj_id_kind(msg->target) == CHARIOT_SECTION) return false;
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

static int64_t time_of(const struct chariot_pe *pe) {
    return pe->around.now_ns == NULL ? pe->now_ns : pe->around.now_ns(pe->around.ctx);
}

static void on_peer_gone(void *owner, uint32_t gone, int error, const char *text) {
    struct chariot_pe *pe = owner;
    if (pe->ending || pe->lost[0] != 0) return;
    snprintf(pe->lost, sizeof pe->lost, "chariot: PE %u lost PE %u: %.200s (%s)\n", pe->node.pe, gone, text,
             chariot_error_text(error));
    bool known = error == CHARIOT_ETIMEOUT; /* it has fallen silent: nobody knows better */
    pe->lost_until_ns = time_of(pe) + (known ? 0 : VERDICT_ON_PEER_AFTER_MS * 1000000ll);
    if (obj_timer_add(pe, pe->lost_until_ns, lost_peer, NULL) != 0) obj_out_of_memory(pe);
}

/* A method that computes for long does not keep the others waiting for that word. */
static void on_busy(void *owner) {
    struct chariot_pe *pe = owner;
    obj_pool_look(pe);
    if (pe->lost[0] != 0 && !pe->ending && time_of(pe) >= pe->lost_until_ns) obj_end_abort(pe, 70, pe->lost);
}

const struct rpc_upcalls obj_upcalls = {
    .on_message_take = on_message_take, .on_peer_gone = on_peer_gone, .on_busy = on_busy};

void obj_pe_queue_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (__builtin_expect(obj_is_cancel(msg), 0)) obj_cancel_note(pe, msg);
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
