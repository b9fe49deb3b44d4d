/* Phases of load as text: see record.h. */
#include "lb/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/step.h"
#include "objects/load.h"
#include "objects/location.h"
#include "objects/move.h"
#include "objects/ref.h"
#include "objects/runtime.h"
#include "objects/text.h"

#define NUMBER_MASK                                                                                                    \
    (((uint64_t)1 << 61) - 1) /* of a collection's id, without its kind: JSON's readers have 63 bits                   \
                               */

struct phase {
    struct chariot_pe *pe;
    struct obj_text text;
    const char *comma;
    int64_t tasks_ns; /* of all tasks */
};

static uint64_t id_of(const struct obj_name *name) {
    return obj_index_hash(name->coll, name->index) >> 2;
}

/* Seconds. */
static void put_time(struct obj_text *text, const char *before, int64_t ns) {
    obj_text_add(text, "%s%" PRId64 ".%09" PRId64, before, ns / 1000000000, ns % 1000000000);
}

/* ---------------------------------------------------------------- tasks */

static void put_index(struct obj_text *text, const struct chariot_ref *ref) {
    struct chariot_index index;
    chariot_ref_index(ref, &index);
    obj_text_add(text, "\"index\":[");
    for (uint32_t i = 0; i < index.ndims; i++) obj_text_add(text, "%s%" PRId64, i == 0 ? "" : ",", index.at[i]);
    obj_text_add(text, "],");
}

static void put_entity(struct phase *phase, struct chariot_elem *elem, const struct chariot_ref *ref) {
    const struct obj_name name = {ref->collection, {ref->index[0], ref->index[1], ref->index[2]}};
    bool array = ref->kind == CHARIOT_ARRAY_OF;
    uint32_t home = array ? obj_location_home(phase->pe, elem->own.coll, elem->index) : phase->pe->node.pe;
    obj_text_add(&phase->text, "\"entity\":{\"type\":\"object\",\"id\":%" PRIu64 ",\"collection_id\":%" PRIu64 ",",
                 id_of(&name), ref->collection & NUMBER_MASK);
    put_index(&phase->text, ref);
    obj_text_add(&phase->text, "\"home\":%u,\"migratable\":%s}", home,
                 lb_is_movable(phase->pe, elem) ? "true" : "false");
}

/* What its last move took, or an estimate. */
static uint64_t state_bytes(struct chariot_pe *pe, struct chariot_elem *elem) {
    if (elem->move != NULL && elem->move->bytes > 0) return elem->move->bytes;
    return pe->face.state_bytes == NULL ? 0 : pe->face.state_bytes(pe->face.ctx, elem);
}

static void put_task(struct chariot_elem *elem, void *ctx) {
    struct phase *phase = ctx;
    struct chariot_ref ref;
    obj_elem_ref(elem, &ref);
    if (obj_id_is_resident(ref.collection) || (ref.kind != CHARIOT_ARRAY_OF && elem->load_ns == 0)) return;
    obj_text_add(&phase->text, "%s\n  {", phase->comma);
    phase->comma = ",";
    phase->tasks_ns += (int64_t)elem->load_ns;
    put_entity(phase, elem, &ref);
    obj_text_add(&phase->text, ",\"node\":%u,\"resource\":\"cpu\"", phase->pe->node.pe);
    put_time(&phase->text, ",\"time\":", (int64_t)elem->load_ns);
    uint64_t bytes = state_bytes(phase->pe, elem);
    obj_text_add(&phase->text,
                 ",\"user_defined\":{\"task_serialized_bytes\":%" PRIu64 ".0,\"task_footprint_bytes\":%" PRIu64
                 ".0,\"task_working_bytes\":0.0}}",
                 bytes, bytes);
}

/* ---------------------------------------------------------------- communications */

static void put_end(struct obj_text *text, const char *which, const struct obj_name *name) {
    obj_text_add(text, "\"%s\":{\"type\":\"object\",\"id\":%" PRIu64 ",\"migratable\":%s},", which, id_of(name),
                 obj_id_kind(name->coll) == CHARIOT_ARRAY_OF ? "true" : "false");
}

static int put_edge(void *ctx, const struct obj_edge *edge) {
    struct phase *phase = ctx;
    obj_text_add(&phase->text, "%s\n  {\"type\":\"SendRecv\",", phase->comma);
    phase->comma = ",";
    put_end(&phase->text, "from", &edge->from);
    put_end(&phase->text, "to", &edge->to);
    obj_text_add(&phase->text, "\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ".0}", edge->messages, edge->bytes);
    return 0;
}

/* ---------------------------------------------------------------- the whole */

/* background: what is no task's, without what other processes took of the core. */
static void put_rest(struct phase *phase) {
    const struct obj_load *load = phase->pe->load;
    const struct obj_load_phase *what = &load->phase;
    put_time(&phase->text, "],\"user_defined\":{\"wall\":", what->wall_ns);
    put_time(&phase->text, ",\"idle\":", what->idle_ns);
    put_time(&phase->text, ",\"stolen\":", what->stolen_ns);
    put_time(&phase->text, ",\"background\":", what->cpu_ns > phase->tasks_ns ? what->cpu_ns - phase->tasks_ns : 0);
    obj_text_add(&phase->text, ",\"messages_not_counted\":%" PRIu64 "}}", load->traffic.lost);
}

void lb_record_phase(struct chariot_pe *pe, uint64_t number) {
    struct phase phase = {.pe = pe, .comma = ""};
    obj_text_add(&phase.text, "{\"id\":%" PRIu64 ",\"tasks\":[", number);
    obj_elem_each(pe, put_task, &phase);
    obj_text_add(&phase.text, "],\"communications\":[");
    phase.comma = "";
    obj_load_each_edge(pe, put_edge, &phase);
    put_rest(&phase);
    if (phase.text.failed)
        obj_out_of_memory(pe);
    else
        pe->around.record(pe->around.ctx, phase.text.data, phase.text.size);
    free(phase.text.data);
}
