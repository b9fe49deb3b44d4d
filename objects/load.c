/* Load: see load.h. */
#include "objects/load.h"

#include <stdlib.h>

#include "objects/balance.h"
#include "objects/meter.h"
#include "objects/runtime.h"

/* ---------------------------------------------------------------- the two clocks */

static void look(struct chariot_pe *pe, int64_t now_ns) {
    struct obj_load *load = pe->load;
    load->looked_ns = now_ns;
    load->looked_cpu_ns = pe->around.cpu_ns == NULL ? 0 : pe->around.cpu_ns(pe->around.ctx);
    load->vague_ns = 0;
}

/* How long the core was others' since the last look, at least. */
static int64_t stolen_since(struct chariot_pe *pe, int64_t now_ns) {
    struct obj_load before = *pe->load;
    look(pe, now_ns);
    int64_t cpu_ns = pe->load->looked_cpu_ns - before.looked_cpu_ns;
    int64_t stolen_ns = now_ns - before.looked_ns - before.vague_ns - cpu_ns;
    return stolen_ns > 0 ? stolen_ns : 0;
}

/* Who was preempted for longer than this whole charge was not the one who is charged. */
static int64_t stolen_of(struct chariot_pe *pe, bool idle, int64_t took_ns, int64_t now_ns) {
    struct obj_load *load = pe->load;
    if (idle) load->vague_ns += took_ns;
    if (pe->around.cpu_ns == NULL || now_ns - load->looked_ns < OBJ_LOAD_LOOK_NS) return 0;
    int64_t stolen_ns = stolen_since(pe, now_ns);
    return idle || stolen_ns > took_ns ? 0 : stolen_ns;
}

/* ---------------------------------------------------------------- charging */

void obj_load_charge(struct chariot_pe *pe, struct chariot_elem *elem, bool idle, int64_t took_ns, int64_t now_ns) {
    struct obj_load *load = pe->load;
    int64_t stolen_ns = stolen_of(pe, idle, took_ns, now_ns);
    if (load->ended) return;
    struct obj_load_phase *phase = &load->phase;
    phase->wall_ns += took_ns;
    phase->stolen_ns += stolen_ns;
    if (idle) {
        phase->idle_ns += took_ns;
        return;
    }
    phase->cpu_ns += took_ns - stolen_ns;
    if (elem == NULL) return;
    phase->elements_ns += took_ns - stolen_ns;
    elem->load_ns += (uint64_t)(took_ns - stolen_ns);
}

static int load_new(struct chariot_pe *pe) {
    if (pe->load == NULL) pe->load = calloc(1, sizeof *pe->load);
    return pe->load == NULL ? CHARIOT_ENOMEM : 0;
}

int obj_load_measure(struct chariot_pe *pe, bool on) {
    if (on == obj_load_is_on(pe) || (on && pe->load != NULL && pe->load->refused)) return 0;
    int rc = load_new(pe);
    if (rc == 0) rc = obj_meter_listen(pe, on);
    if (rc != 0) return rc;
    pe->load->on = on;
    look(pe, chariot_now_ns(pe));
    return 0;
}

int chariot_load_measure(struct chariot_pe *pe, bool on) {
    OBJ_API(pe);
    if (load_new(pe) != 0) return CHARIOT_ENOMEM;
    pe->load->refused = !on;
    return obj_load_measure(pe, on);
}

/* ---------------------------------------------------------------- traffic */

int obj_load_count_traffic(struct chariot_pe *pe) {
    int rc = load_new(pe);
    if (rc == 0) pe->load->counts_traffic = true;
    return rc;
}

/* What goes by reference here would have that many bytes if one of the two moved. */
static uint64_t bytes_of(const struct chariot_pe *pe, const struct chariot_msg *msg) {
    bool by_reference = msg->size == 0 && msg->object != NULL && pe->face.object_bytes != NULL;
    return by_reference ? pe->face.object_bytes(pe->face.ctx, msg) : msg->size;
}

void obj_load_note_sent(struct chariot_pe *pe, const struct chariot_elem *elem, const struct chariot_msg *msg) {
    struct obj_load *load = pe->load;
    bool counts = msg->kind == OBJ_KIND_CALL || msg->kind == OBJ_KIND_CHANNEL_DATA;
    if (!load->counts_traffic || load->ended || !counts) return;
    struct chariot_ref ref;
    obj_elem_ref(elem, &ref);
    if (obj_id_is_resident(ref.collection) || obj_id_is_resident(msg->target)) return; /* the runtime's own */
    const struct obj_name from = {ref.collection, {ref.index[0], ref.index[1], ref.index[2]}};
    const struct obj_name to = {msg->target, {msg->index[0], msg->index[1], msg->index[2]}};
    obj_traffic_add(&load->traffic, &from, &to, bytes_of(pe, msg));
}

int obj_load_each_edge(const struct chariot_pe *pe, int (*fn)(void *ctx, const struct obj_edge *edge), void *ctx) {
    int rc = 0;
    for (size_t i = 0; pe->load != NULL && i < pe->load->traffic.count && rc == 0; i++)
        rc = fn(ctx, &pe->load->traffic.edges[i]);
    return rc;
}

/* ---------------------------------------------------------------- phases */

static void end(struct chariot_pe *pe) {
    struct obj_load *load = pe->load;
    if (load->on) obj_meter_charge(pe);
    if (load->ended) return;
    load->ended = true;
    if (pe->around.record != NULL) obj_balance_ops.on_phase(pe, load->number);
}

void obj_load_end_phase(struct chariot_pe *pe, struct obj_load_phase *out) {
    *out = (struct obj_load_phase){0};
    if (pe->load == NULL) return;
    end(pe);
    *out = pe->load->phase;
}

static void reset(struct chariot_elem *elem, void *ctx) {
    (void)ctx;
    elem->load_ns = 0;
}

void obj_load_begin_phase(struct chariot_pe *pe) {
    if (pe->load == NULL) return;
    end(pe);
    obj_elem_each(pe, reset, NULL);
    pe->load->number++;
    pe->load->phase = (struct obj_load_phase){0};
    obj_traffic_clear(&pe->load->traffic);
    if (pe->load->on) obj_meter_charge(pe);
    pe->load->ended = false;
}

int obj_load_start(struct chariot_pe *pe) {
    if (pe->around.record == NULL) return 0;
    int rc = obj_load_measure(pe, true);
    if (rc == 0) rc = obj_load_count_traffic(pe);
    if (rc != 0 || pe->around.record_period_ns <= 0) return rc;
    pe->load->started_ns = chariot_now_ns(pe);
    pe->load_due_ns = pe->load->started_ns + pe->around.record_period_ns;
    return 0;
}

void obj_load_on_due(struct chariot_pe *pe, int64_t now_ns) {
    while (now_ns >= pe->load_due_ns) {
        pe->load_due_ns += pe->around.record_period_ns;
        obj_load_begin_phase(pe);
    }
}

void obj_load_finish(struct chariot_pe *pe) {
    if (pe->load == NULL || pe->around.record == NULL) return;
    obj_load_on_due(pe, chariot_now_ns(pe));
    if (pe->load->number == 0) end(pe);
}

void obj_load_free(struct chariot_pe *pe) {
    if (pe->load != NULL) obj_traffic_deinit(&pe->load->traffic);
    free(pe->load);
    pe->load = NULL;
}
