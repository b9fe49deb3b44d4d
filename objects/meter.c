/* What runs, and the time that it takes. See meter.h. */
#include "objects/meter.h"

#include <stdlib.h>
#include <string.h>

#include "objects/load.h"
#include "objects/span.h"

/* How many messages have gone to, and come from, one PE. Both sides count alike, since their order is kept, so the two
 * numbers and the PEs name a message without its carrying anything. */
struct meter_peer {
    uint32_t sent, received;
};

/* ---------------------------------------------------------------- time */

static struct obj_meter_frame *top(struct obj_meter *meter) {
    return &meter->frames[meter->depth < OBJ_MAX_NESTED ? meter->depth : OBJ_MAX_NESTED - 1];
}

static bool is_idle(const struct obj_meter *meter) {
    return meter->frames[0].row == &meter->rows[OBJ_ROW_IDLE];
}

void obj_meter_charge(struct chariot_pe *pe) {
    struct obj_meter *meter = pe->meter;
    struct obj_meter_frame *frame = top(meter);
    int64_t now_ns = chariot_now_ns(pe), took_ns = now_ns - meter->mark_ns;
    frame->row->ns[frame->phase] += took_ns;
    if (meter->load) obj_load_charge(pe, frame->elem, is_idle(meter) && meter->depth == 0, took_ns, now_ns);
    meter->mark_ns = now_ns;
}

static void bottom(struct chariot_pe *pe, enum obj_meter_row_number row) {
    struct obj_meter *meter = pe->meter;
    meter->frames[0] = (struct obj_meter_frame){.what = {.type = OBJ_NO_TYPE, .method = row}, .row = &meter->rows[row]};
}

static void wake(struct chariot_pe *pe) {
    if (!is_idle(pe->meter)) return;
    obj_timeline_end(pe, &pe->meter->frames[0]);
    bottom(pe, OBJ_ROW_SCHEDULER);
}

/* Spinning, sleeping and looking at the network with nothing to do are one idle time, up to what runs next. */
void obj_meter_note_idle(struct chariot_pe *pe) {
    if (is_idle(pe->meter) || pe->meter->depth > 0) return;
    obj_meter_charge(pe);
    bottom(pe, OBJ_ROW_IDLE);
    obj_timeline_begin(pe, &pe->meter->frames[0], RPC_TIMELINE_IDLE, NULL);
}

void obj_meter_note_start(struct chariot_pe *pe) {
    pe->meter->started_ns = pe->meter->mark_ns = chariot_now_ns(pe);
    obj_meter_note_idle(pe);
}

void obj_meter_note_end(struct chariot_pe *pe) {
    obj_meter_charge(pe);
    wake(pe);
}

void obj_meter_push(struct chariot_pe *pe, const struct chariot_activity *what, struct chariot_elem *elem,
                    enum rpc_timeline_category category, struct chariot_msg *cause) {
    struct obj_meter *meter = pe->meter;
    if (!meter->load) elem = NULL;
    if (meter->detailed || elem != top(meter)->elem || is_idle(meter)) obj_meter_charge(pe);
    wake(pe);
    if (++meter->depth >= OBJ_MAX_NESTED) return;
    struct obj_meter_frame *frame = top(meter);
    frame->elem = elem;
    if (!meter->detailed) return;
    *frame = (struct obj_meter_frame){.what = *what, .elem = elem, .row = obj_meter_row_of(pe, what)};
    bool is_message = category == RPC_TIMELINE_MESSAGE;
    if (!is_message || (cause->number != 0 && cause->kind != OBJ_KIND_CALL)) {
        obj_timeline_begin(pe, frame, category, cause);
    }
}

void obj_meter_pop(struct chariot_pe *pe) {
    struct obj_meter *meter = pe->meter;
    if (meter->depth == 0) return; /* it was switched on in between */
    struct obj_meter_frame *frame = top(meter);
    bool kept = meter->depth < OBJ_MAX_NESTED;
    if (meter->detailed || (kept && frame->elem != frame[-1].elem)) obj_meter_charge(pe);
    if (kept) obj_timeline_end(pe, frame);
    meter->depth--;
}

void obj_meter_forget(struct chariot_pe *pe, const struct chariot_elem *elem) {
    struct obj_meter *meter = pe->meter;
    for (uint32_t i = 0; i <= meter->depth && i < OBJ_MAX_NESTED; i++) {
        if (meter->frames[i].elem != elem) continue;
        obj_meter_charge(pe);
        meter->frames[i].elem = NULL;
    }
}

enum chariot_phase obj_meter_phase(struct chariot_pe *pe, enum chariot_phase phase) {
    struct obj_meter_frame *frame = top(pe->meter);
    enum chariot_phase before = frame->phase;
    if (before == phase || !pe->meter->detailed) return before;
    obj_meter_charge(pe);
    frame->phase = phase;
    return before;
}

/* ---------------------------------------------------------------- what happens */

void obj_meter_note_row(struct chariot_pe *pe, enum obj_meter_row_number row, enum rpc_timeline_category category) {
    struct chariot_activity what = {.type = OBJ_NO_TYPE, .method = row};
    pe->meter->rows[row].calls++;
    obj_meter_push(pe, &what, NULL, category, NULL);
}

void obj_meter_note_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_activity what = {.type = OBJ_NO_TYPE, .method = OBJ_ROW_FIRST_KIND + (uint32_t)msg->kind};
    pe->meter->rows[what.method].calls++;
    obj_meter_push(pe, &what, NULL, RPC_TIMELINE_MESSAGE, msg);
}

static void count(struct obj_meter_traffic *traffic, uint64_t bytes) {
    if (traffic->count++ == 0 || bytes < traffic->min) traffic->min = bytes;
    if (bytes > traffic->max) traffic->max = bytes;
    traffic->bytes += bytes;
}

static void begin_on(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t method,
                     enum rpc_timeline_category category, struct chariot_msg *msg) {
    struct chariot_activity what = {.type = OBJ_NO_TYPE};
    if (pe->meter->detailed) {
        chariot_activity_of(elem, method, &what);
        obj_meter_row_of(pe, &what)->calls++;
    }
    obj_meter_push(pe, &what, elem, category, msg);
}

void obj_meter_note_call(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t method, struct chariot_msg *msg) {
    pe->meter->begun++;
    bool local = pe->meter->detailed && msg->kind == OBJ_KIND_CALL && msg->number == 0;
    if (local) count(&pe->meter->local, msg->size);
    begin_on(pe, elem, method, RPC_TIMELINE_METHOD, msg);
}

void obj_meter_note_create(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg) {
    begin_on(pe, elem, OBJ_METHOD_CONSTRUCTOR, RPC_TIMELINE_CONSTRUCTOR, msg);
}

void obj_meter_note_instant(struct chariot_pe *pe, const struct chariot_activity *what,
                            enum rpc_timeline_category category) {
    if (pe->meter->detailed) obj_timeline_instant(pe, what, obj_meter_row_of(pe, what), category, 0, 0);
}

void obj_meter_note_leave(struct chariot_pe *pe, const struct chariot_elem *elem) {
    struct chariot_activity what;
    chariot_activity_of(elem, OBJ_METHOD_MOVE, &what);
    what.type = OBJ_NO_TYPE;
    what.method = OBJ_ROW_MIGRATION;
    pe->meter->rows[OBJ_ROW_MIGRATION].calls++;
    obj_meter_push(pe, &what, NULL, RPC_TIMELINE_MIGRATION, NULL);
}

void obj_meter_note_moves(struct chariot_pe *pe, const struct chariot_elem *elem, bool arrives, uint32_t other) {
    struct chariot_activity what;
    if (!pe->meter->detailed) return;
    chariot_activity_of(elem, OBJ_METHOD_MOVE, &what);
    obj_timeline_instant(pe, &what, obj_meter_row_of(pe, &what), RPC_TIMELINE_MIGRATION, other, arrives);
}

/* ---------------------------------------------------------------- messages */

/* Without it the two sides would count differently from here on. NULL: out of memory, the job ends. */
static struct meter_peer *peer_of(struct chariot_pe *pe, uint32_t number) {
    struct obj_map *peers = &pe->meter->peers;
    struct meter_peer *peer = obj_map_get(peers, obj_key1(number));
    if (peer != NULL) return peer;
    peer = calloc(1, sizeof *peer);
    if (peer != NULL && obj_map_add(peers, obj_key1(number), peer) == 0) return peer;
    free(peer);
    obj_out_of_memory(pe);
    return NULL;
}

void obj_meter_note_sent(struct chariot_pe *pe, uint32_t to, const struct chariot_msg *msg) {
    if (!pe->meter->detailed) return;
    count(&pe->meter->sent, msg->size);
    struct meter_peer *peer = peer_of(pe, to);
    if (peer != NULL) obj_timeline_send(pe, to, ++peer->sent, msg);
}

void obj_meter_note_to_element(struct chariot_pe *pe, const struct chariot_msg *msg) {
    const struct chariot_elem *elem = top(pe->meter)->elem;
    if (elem != NULL) obj_load_note_sent(pe, elem, msg);
}

uint32_t obj_meter_sender_of(const struct chariot_pe *pe, const struct chariot_msg *msg) {
    if (obj_founds_span(msg)) return msg->from;
    if (msg->flags & OBJ_FLAG_TREE) {
        int64_t parent = obj_span_parent(pe, msg->target);
        return parent < 0 ? msg->from : (uint32_t)parent;
    }
    return msg->kind == OBJ_KIND_CALL && msg->hops > 0 ? msg->root : msg->from;
}

void obj_meter_note_received(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (!pe->meter->detailed) return;
    count(&pe->meter->received, msg->size);
    struct meter_peer *peer = peer_of(pe, obj_meter_sender_of(pe, msg));
    if (peer != NULL) msg->number = ++peer->received;
}

/* ---------------------------------------------------------------- life */

static int meter_new(struct chariot_pe *pe) {
    if (pe->meter != NULL) return 0;
    struct obj_meter *meter = calloc(1, sizeof *meter);
    if (meter == NULL) return CHARIOT_ENOMEM;
    meter->started_ns = meter->mark_ns = chariot_now_ns(pe);
    pe->meter = meter;
    for (uint32_t i = 1; i < OBJ_MAX_NESTED; i++) /* where nobody wants to know more */
        meter->frames[i] =
            (struct obj_meter_frame){.what = {.type = OBJ_NO_TYPE}, .row = &meter->rows[OBJ_ROW_SCHEDULER]};
    bottom(pe, OBJ_ROW_SCHEDULER);
    return 0;
}

int obj_meter_start(struct chariot_pe *pe) {
    int rc = meter_new(pe);
    if (rc == 0) pe->meter->detailed = true;
    return rc;
}

static void free_if_unwanted(struct chariot_pe *pe) {
    const struct obj_meter *meter = pe->meter;
    if (!meter->load && !meter->detailed && !meter->watched) obj_meter_free(pe);
}

int obj_meter_listen(struct chariot_pe *pe, bool load) {
    int rc = load ? meter_new(pe) : 0;
    if (rc != 0) return rc;
    obj_meter_charge(pe);
    pe->meter->load = load;
    for (uint32_t i = 0; i < OBJ_MAX_NESTED; i++) pe->meter->frames[i].elem = NULL;
    free_if_unwanted(pe);
    return 0;
}

int obj_meter_watch(struct chariot_pe *pe, bool on) {
    int rc = on ? meter_new(pe) : 0;
    if (rc != 0 || pe->meter == NULL) return rc;
    pe->meter->watched = on;
    free_if_unwanted(pe);
    return 0;
}

void obj_meter_look(const struct chariot_pe *pe, int64_t *measured_ns, int64_t *busy_ns, int64_t *calls) {
    const struct obj_meter *meter = pe->meter;
    int64_t now_ns = chariot_now_ns(pe), idle_ns = is_idle(meter) && meter->depth == 0 ? now_ns - meter->mark_ns : 0;
    for (int i = 0; i < OBJ_NUM_PHASES; i++) idle_ns += meter->rows[OBJ_ROW_IDLE].ns[i];
    *measured_ns = now_ns - meter->started_ns;
    *busy_ns = *measured_ns - idle_ns;
    *calls = (int64_t)meter->begun;
}

static void free_peer(void *value, void *ctx) {
    (void)ctx;
    free(value);
}

void obj_meter_free(struct chariot_pe *pe) {
    struct obj_meter *meter = pe->meter;
    if (meter == NULL) return;
    for (size_t i = 0; i < meter->num_sections; i++) free(meter->sections[i]);
    free(meter->sections);
    obj_map_each(&meter->peers, free_peer, NULL);
    obj_map_deinit(&meter->peers);
    free(meter);
    pe->meter = NULL;
}

/* ---------------------------------------------------------------- for faces */

bool chariot_is_metered(const struct chariot_pe *pe) {
    return pe->meter != NULL;
}

bool chariot_has_phases(const struct chariot_pe *pe) {
    return pe->meter != NULL && pe->meter->detailed;
}

enum chariot_phase chariot_phase(struct chariot_pe *pe, enum chariot_phase phase) {
    if (pe->meter == NULL) return phase;
    OBJ_API(pe);
    return obj_meter_phase(pe, phase);
}

void chariot_activity_now(const struct chariot_pe *pe, struct chariot_activity *out) {
    uint64_t runs = *pe->runs;
    if (chariot_has_phases(pe))
        *out = top(pe->meter)->what;
    else
        *out = (struct chariot_activity){.type = (uint32_t)(runs >> 32) - 1,
                                         .method = runs == RPC_NOW_ENTRY ? OBJ_ROW_MAIN : (uint32_t)runs};
}

void chariot_activity_of(const struct chariot_elem *elem, uint32_t method, struct chariot_activity *out) {
    struct chariot_ref ref;
    obj_elem_ref(elem, &ref);
    bool has_index = !obj_kind_is_single(ref.kind);
    *out = (struct chariot_activity){.index = {ref.index[0], ref.index[1], ref.index[2]},
                                     .type = ref.type,
                                     .method = method,
                                     .kind = ref.kind,
                                     .ndims = has_index ? ref.ndims : 0};
}

void chariot_resume_begin(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_activity *what) {
    *pe->runs = what->type == OBJ_NO_TYPE ? RPC_NOW_ENTRY : RPC_NOW_METHOD(what->type, what->method);
    if (pe->meter == NULL) return;
    OBJ_API(pe);
    obj_meter_push(pe, what, elem, RPC_TIMELINE_RESUMED, NULL);
}

void chariot_resume_end(struct chariot_pe *pe) {
    *pe->runs = 0;
    if (pe->meter == NULL) return;
    OBJ_API(pe);
    obj_meter_pop(pe);
}
