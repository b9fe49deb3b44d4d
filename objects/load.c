/* Load: see load.h. */
#include "objects/load.h"

#include <stdlib.h>

#include "objects/meter.h"

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
    if (on == obj_load_is_on(pe)) return 0;
    int rc = load_new(pe);
    if (rc == 0) rc = obj_meter_listen(pe, on);
    if (rc != 0) return rc;
    pe->load->on = on;
    look(pe, chariot_now_ns(pe));
    return 0;
}

int chariot_load_measure(struct chariot_pe *pe, bool on) {
    OBJ_API(pe);
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

void obj_load_end_phase(struct chariot_pe *pe, struct obj_load_phase *out) {
    *out = (struct obj_load_phase){0};
    if (pe->load == NULL) return;
    if (pe->load->on) obj_meter_charge(pe);
    pe->load->ended = true;
    *out = pe->load->phase;
}

static void reset(struct chariot_elem *elem, void *ctx) {
    (void)ctx;
    elem->load_ns = 0;
}

void obj_load_begin_phase(struct chariot_pe *pe) {
    if (pe->load == NULL) return;
    if (pe->load->on) obj_meter_charge(pe);
    obj_elem_each(pe, reset, NULL);
    pe->load->phase = (struct obj_load_phase){0};
    obj_traffic_clear(&pe->load->traffic);
    pe->load->ended = false;
}

void obj_load_free(struct chariot_pe *pe) {
    if (pe->load != NULL) obj_traffic_deinit(&pe->load->traffic);
    free(pe->load);
    pe->load = NULL;
}
