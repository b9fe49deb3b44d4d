#include "lb/lab/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

static struct lab_phase *find_phase(const struct lab_trace *trace, int64_t number) {
    for (uint32_t i = trace->num_phases; i-- > 0;) { /* files are written phase by phase */
        if (trace->phases[i].number == number) return &trace->phases[i];
    }
    return NULL;
}

static struct lab_phase *add_phase(struct lab_trace *trace, int64_t number) {
    if (trace->num_phases == trace->room) {
        uint32_t room = 2 * trace->room + 8;
        struct lab_phase *grown = realloc(trace->phases, room * sizeof *grown);
        if (grown == NULL) return NULL;
        trace->phases = grown;
        trace->room = room;
    }
    trace->phases[trace->num_phases] = (struct lab_phase){.number = number};
    return &trace->phases[trace->num_phases++];
}

static bool grow(struct lab_phase *phase) {
    if (phase->num_objects < phase->room) return true;
    size_t room = 2 * (size_t)phase->room + 256;
    uint64_t *ids = realloc(phase->ids, room * sizeof *ids);
    if (ids != NULL) phase->ids = ids;
    struct lb_object *objects = realloc(phase->objects, room * sizeof *objects);
    if (objects != NULL) phase->objects = objects;
    double *coords = realloc(phase->coords, room * LAB_MAX_DIMS * sizeof *coords);
    if (coords != NULL) phase->coords = coords;
    if (ids == NULL || objects == NULL || coords == NULL || room > UINT32_MAX) return false;
    phase->room = (uint32_t)room;
    return true;
}

int lab_trace_add_task(struct lab_trace *trace, const struct lab_task *task) {
    struct lab_phase *phase = find_phase(trace, task->phase);
    if (phase == NULL) phase = add_phase(trace, task->phase);
    if (phase == NULL || !grow(phase)) return CHARIOT_ENOMEM;
    uint32_t at = phase->num_objects++;
    phase->ids[at] = task->id;
    phase->objects[at] = task->object;
    memcpy(&phase->coords[at * (size_t)LAB_MAX_DIMS], task->coords, sizeof task->coords);
    if (task->object.migratable && (!trace->has_movable || task->dims < trace->dims)) trace->dims = task->dims;
    trace->has_movable |= task->object.migratable;
    if (task->object.pe >= trace->num_pes) trace->num_pes = task->object.pe + 1;
    return 0;
}

/* ---------------------------------------------------------------- in order */

struct row {
    uint64_t id;
    struct lb_object object;
    double coords[LAB_MAX_DIMS];
};

static int by_id(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_number(const void *a, const void *b) {
    const struct lab_phase *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void unpack(struct lab_phase *phase, const struct row *rows, uint32_t dims) {
    for (uint32_t i = 0; i < phase->num_objects; i++) {
        phase->ids[i] = rows[i].id;
        phase->objects[i] = rows[i].object;
        memcpy(&phase->coords[i * (size_t)dims], rows[i].coords, dims * sizeof(double));
    }
    if (dims > 0) return;
    free(phase->coords);
    phase->coords = NULL;
}

static int sort_phase(struct lab_phase *phase, uint32_t dims, char *why) {
    struct row *rows = malloc((phase->num_objects + (size_t)1) * sizeof *rows);
    if (rows == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < phase->num_objects; i++) {
        rows[i] = (struct row){phase->ids[i], phase->objects[i], {0}};
        memcpy(rows[i].coords, &phase->coords[i * (size_t)LAB_MAX_DIMS], sizeof rows[i].coords);
    }
    qsort(rows, phase->num_objects, sizeof *rows, by_id);
    unpack(phase, rows, dims);
    free(rows);
    for (uint32_t i = 1; i < phase->num_objects; i++) {
        if (phase->ids[i] != phase->ids[i - 1]) continue;
        snprintf(why, LAB_WHY_BYTES, "object %" PRIu64 " stands twice in phase %" PRId64, phase->ids[i], phase->number);
        return CHARIOT_EINVAL;
    }
    return 0;
}

int lab_trace_sort(struct lab_trace *trace, char *why) {
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < trace->num_phases; i++) {
        error = sort_phase(&trace->phases[i], trace->dims, why);
    }
    if (trace->num_phases > 0) qsort(trace->phases, trace->num_phases, sizeof *trace->phases, by_number);
    return error;
}

/* ---------------------------------------------------------------- messages */

int64_t lab_phase_find(const struct lab_phase *phase, uint64_t id) {
    uint32_t low = 0, high = phase->num_objects;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (phase->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < phase->num_objects && phase->ids[low] == id ? (int64_t)low : -1;
}

int lab_trace_add_message(struct lab_trace *trace, const struct lab_message *message) {
    struct lab_phase *phase = find_phase(trace, message->phase);
    int64_t from = phase == NULL ? -1 : lab_phase_find(phase, message->from);
    int64_t to = phase == NULL ? -1 : lab_phase_find(phase, message->to);
    if (from < 0 || to < 0) {
        trace->num_strangers++;
        return 0;
    }
    if (phase->num_edges == phase->edge_room) {
        size_t room = 2 * phase->edge_room + 256;
        struct lb_edge *grown = realloc(phase->edges, room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        phase->edges = grown;
        phase->edge_room = room;
    }
    phase->edges[phase->num_edges++] = (struct lb_edge){(uint32_t)from, (uint32_t)to, message->bytes};
    return 0;
}

int lab_trace_add_background(struct lab_trace *trace, int64_t number, uint32_t pe, double seconds) {
    struct lab_phase *phase = find_phase(trace, number);
    if (phase == NULL) return 0;
    if (pe >= phase->num_background) {
        double *grown = realloc(phase->background, (pe + (size_t)1) * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        for (uint32_t i = phase->num_background; i <= pe; i++) grown[i] = 0;
        phase->background = grown;
        phase->num_background = pe + 1;
    }
    phase->background[pe] += seconds;
    return 0;
}

void lab_trace_deinit(struct lab_trace *trace) {
    for (uint32_t i = 0; i < trace->num_phases; i++) {
        free(trace->phases[i].ids);
        free(trace->phases[i].objects);
        free(trace->phases[i].coords);
        free(trace->phases[i].edges);
        free(trace->phases[i].background);
    }
    free(trace->phases);
    *trace = (struct lab_trace){0};
}
