/* The table of a profile: what charm.printStats() prints. Times are what the meter has charged; see meter.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/meter.h"
#include "objects/text.h"

enum { INTERNAL_SHOWN_FROM_NS = 1000000 };

/* ---------------------------------------------------------------- rows */

static int64_t total_of(const struct obj_meter_row *row) {
    return row->ns[CHARIOT_RUNNING] + row->ns[CHARIOT_SENDING] + row->ns[CHARIOT_RECEIVING];
}

static void add(struct obj_meter_row *sum, const struct obj_meter_row *row) {
    for (int i = 0; i < OBJ_NUM_PHASES; i++) sum->ns[i] += row->ns[i];
    sum->calls += row->calls;
}

static double seconds(int64_t ns) {
    return (double)ns / 1e9;
}

static void put_row(struct obj_text *text, const char *label, const struct obj_meter_row *row) {
    obj_text_add(text, "  %-39.39s %10llu %11.6f %11.6f %11.6f %11.6f\n", label, (unsigned long long)row->calls,
                 seconds(row->ns[CHARIOT_RUNNING]), seconds(row->ns[CHARIOT_SENDING]),
                 seconds(row->ns[CHARIOT_RECEIVING]), seconds(total_of(row)));
}

/* ---------------------------------------------------------------- chares */

static const char *const kind_names[] = {[CHARIOT_MAIN] = "main chare",
                                         [CHARIOT_SINGLE] = "chare",
                                         [CHARIOT_GROUP] = "group",
                                         [CHARIOT_ARRAY_OF] = "array",
                                         [CHARIOT_SECTION] = "section"};

static bool is_internal(const struct chariot_type *type) {
    return strncmp(type->name, "chariot.", 8) == 0;
}

/* Arrays alone have elements that move; a class without a method of that name has the row all the same. */
static void put_methods(struct obj_text *text, const struct chariot_type *type, uint32_t kind,
                        const struct obj_meter_section *section) {
    const struct obj_meter_row none = {0};
    bool migrated = false;
    put_row(text, "__init__", &section->rows[type->num_methods]);
    for (uint32_t i = 0; i < type->num_methods; i++) {
        bool is_migrated = strcmp(type->methods[i].name, "migrated") == 0;
        migrated |= is_migrated;
        if (section->rows[i].calls > 0 || total_of(&section->rows[i]) > 0 || is_migrated)
            put_row(text, type->methods[i].name, &section->rows[i]);
    }
    if (!migrated && kind == CHARIOT_ARRAY_OF) put_row(text, "migrated", &none);
}

static void put_section(struct obj_text *text, const struct chariot_type *type, uint32_t kind,
                        const struct obj_meter_section *section, struct obj_meter_row *all) {
    struct obj_meter_row sum = {0};
    for (uint32_t i = 0; i < section->num_rows; i++) add(&sum, &section->rows[i]);
    add(all, &sum);
    if (is_internal(type) && total_of(&sum) < INTERNAL_SHOWN_FROM_NS) return;
    obj_text_add(text, "%.80s (%s)\n", obj_meter_type_name(type), kind_names[kind]);
    put_methods(text, type, kind, section);
    put_row(text, "total", &sum);
}

static void put_chares(struct obj_text *text, struct chariot_pe *pe, struct obj_meter_row *all) {
    for (uint32_t type = 0; type < pe->num_types; type++) {
        for (uint32_t kind = CHARIOT_MAIN; kind <= CHARIOT_SECTION; kind++) {
            const struct obj_meter_section *section = obj_meter_section_of(pe->meter, type, kind);
            if (section != NULL) put_section(text, pe->types[type], kind, section, all);
        }
    }
}

/* ---------------------------------------------------------------- the rest */

static void put_special(struct obj_text *text, struct chariot_pe *pe, uint32_t row, struct obj_meter_row *sum) {
    char label[64];
    const struct chariot_activity what = {.type = OBJ_NO_TYPE, .method = row};
    obj_meter_label(pe, &what, label, sizeof label);
    put_row(text, label, &pe->meter->rows[row]);
    add(sum, &pe->meter->rows[row]);
}

static bool has_run(const struct obj_meter *meter, uint32_t row) {
    return meter->rows[row].calls > 0 || total_of(&meter->rows[row]) > 0;
}

static void put_main(struct obj_text *text, struct chariot_pe *pe, struct obj_meter_row *all) {
    if (!has_run(pe->meter, OBJ_ROW_MAIN)) return;
    obj_text_add(text, "main function\n");
    put_special(text, pe, OBJ_ROW_MAIN, all);
}

static void put_runtime(struct obj_text *text, struct chariot_pe *pe, struct obj_meter_row *all) {
    struct obj_meter_row sum = {0};
    obj_text_add(text, "runtime\n");
    put_special(text, pe, OBJ_ROW_REDUCTION, &sum);
    put_special(text, pe, OBJ_ROW_REDUCER, &sum);
    put_special(text, pe, OBJ_ROW_MIGRATION, &sum);
    if (has_run(pe->meter, OBJ_ROW_TIMER)) put_special(text, pe, OBJ_ROW_TIMER, &sum);
    for (uint32_t kind = RPC_KIND_FIRST_USER; kind < OBJ_KIND_END; kind++) {
        if (has_run(pe->meter, OBJ_ROW_FIRST_KIND + kind)) put_special(text, pe, OBJ_ROW_FIRST_KIND + kind, &sum);
    }
    put_special(text, pe, OBJ_ROW_SCHEDULER, &sum);
    put_row(text, "total", &sum);
    add(all, &sum);
}

static void put_traffic(struct obj_text *text, const char *label, const struct obj_meter_traffic *traffic) {
    double mean = traffic->count == 0 ? 0 : (double)traffic->bytes / (double)traffic->count;
    obj_text_add(text, "  %-39s %10llu %11llu %11.1f %11llu %11.3f\n", label, (unsigned long long)traffic->count,
                 (unsigned long long)traffic->min, mean, (unsigned long long)traffic->max,
                 (double)traffic->bytes / 1e6);
}

static void put_all(struct obj_text *text, struct chariot_pe *pe) {
    const struct obj_meter *meter = pe->meter;
    struct obj_meter_row all = {0};
    obj_text_add(text, "Profile of PE %u of %u after %.6f s: seconds in entry methods (em), sending, receiving\n",
                 pe->node.pe, pe->node.num_pes, seconds(meter->mark_ns - meter->started_ns));
    obj_text_add(text, "  %-39s %10s %11s %11s %11s %11s\n", "", "calls", "em", "send", "recv", "total");
    put_main(text, pe, &all);
    put_chares(text, pe, &all);
    put_runtime(text, pe, &all);
    obj_text_add(text, "all\n");
    put_row(text, "busy", &all);
    put_row(text, "idle", &meter->rows[OBJ_ROW_IDLE]);
    obj_text_add(text, "messages %41s %11s %11s %11s %11s\n", "count", "min bytes", "mean bytes", "max bytes", "MB");
    put_traffic(text, "sent", &meter->sent);
    put_traffic(text, "received", &meter->received);
    put_traffic(text, "calls between chares of this PE", &meter->local);
}

int chariot_profile_text(struct chariot_pe *pe, char **out) {
    OBJ_API(pe);
    struct obj_text text = {0};
    *out = NULL;
    if (pe->meter == NULL || !pe->meter->profile) return CHARIOT_ESTATE;
    obj_meter_charge(pe);
    put_all(&text, pe);
    *out = obj_text_give(&text);
    return *out == NULL ? CHARIOT_ENOMEM : 0;
}

int chariot_profile_start(struct chariot_pe *pe) {
    OBJ_API(pe);
    int rc = obj_meter_start(pe);
    if (rc == 0) pe->meter->profile = true;
    return rc;
}
