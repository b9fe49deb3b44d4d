/* The rows that time is charged to, and their names. See meter.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/meter.h"

enum { NUM_KINDS = CHARIOT_SECTION + 1 };

/* ---------------------------------------------------------------- rows */

static struct obj_meter_section *section_new(const struct chariot_type *type) {
    uint32_t num_rows = type->num_methods + OBJ_MORE_ROWS;
    struct obj_meter_section *section = calloc(1, sizeof *section + num_rows * sizeof section->rows[0]);
    if (section != NULL) section->num_rows = num_rows;
    return section;
}

static int reserve_sections(struct obj_meter *meter, size_t count) {
    if (count <= meter->num_sections) return 0;
    struct obj_meter_section **sections = realloc(meter->sections, count * sizeof(struct obj_meter_section *));
    if (sections == NULL) return CHARIOT_ENOMEM;
    memset(sections + meter->num_sections, 0, (count - meter->num_sections) * sizeof(struct obj_meter_section *));
    meter->sections = sections;
    meter->num_sections = count;
    return 0;
}

const struct obj_meter_section *obj_meter_section_of(const struct obj_meter *meter, uint32_t type, uint32_t kind) {
    size_t at = (size_t)type * NUM_KINDS + kind;
    return at < meter->num_sections ? meter->sections[at] : NULL;
}

/* Without memory time is charged to the scheduler: a profile is not worth a job. */
struct obj_meter_row *obj_meter_row_of(struct chariot_pe *pe, const struct chariot_activity *what) {
    struct obj_meter *meter = pe->meter;
    struct obj_meter_row *scheduler = &meter->rows[OBJ_ROW_SCHEDULER];
    if (what->type == OBJ_NO_TYPE) return what->method < OBJ_NUM_ROWS ? &meter->rows[what->method] : scheduler;
    if (what->type >= pe->num_types || what->kind >= NUM_KINDS) return scheduler;
    if (reserve_sections(meter, (size_t)pe->num_types * NUM_KINDS) != 0) return scheduler;
    struct obj_meter_section **section = &meter->sections[(size_t)what->type * NUM_KINDS + what->kind];
    if (*section == NULL) *section = section_new(pe->types[what->type]);
    if (*section == NULL) return scheduler;
    uint32_t num_methods = (*section)->num_rows - OBJ_MORE_ROWS;
    if (what->method == OBJ_METHOD_CONSTRUCTOR) return &(*section)->rows[num_methods];
    if (what->method == OBJ_METHOD_MOVE) return &(*section)->rows[num_methods + 1];
    return what->method < num_methods ? &(*section)->rows[what->method] : scheduler;
}

/* ---------------------------------------------------------------- names */

const char *obj_meter_type_name(const struct chariot_type *type) {
    static const char main[] = "__main__.";
    return strncmp(type->name, main, sizeof main - 1) == 0 ? type->name + sizeof main - 1 : type->name;
}

static const char *kind_text(uint32_t kind) {
    switch (kind) {
#define KIND_TEXT(name, number, handler)                                                                               \
    case number:                                                                                                       \
        return #name;
        OBJ_KINDS(KIND_TEXT)
#undef KIND_TEXT
    default:
        return "?";
    }
}

/* "message: future value": what its handler is about. */
static void kind_label(uint32_t kind, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "message ");
    for (const char *at = kind_text(kind); *at != 0 && used + 1 < size; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        text[used++] = upper ? (char)(*at - 'A' + 'a') : *at == '_' ? ' ' : *at;
    }
    text[used] = 0;
}

void obj_meter_label(const struct chariot_pe *pe, const struct chariot_activity *what, char *text, size_t size) {
    static const char *const rows[] = {
#define ROW_TEXT(name, text) [OBJ_ROW_##name] = (text),
        OBJ_METER_ROWS(ROW_TEXT)
#undef ROW_TEXT
    };
    if (what->type == OBJ_NO_TYPE && what->method >= OBJ_ROW_FIRST_KIND) {
        kind_label(what->method - OBJ_ROW_FIRST_KIND, text, size);
    } else if (what->type == OBJ_NO_TYPE) {
        snprintf(text, size, "%s", rows[what->method]);
    } else {
        const struct chariot_type *type = pe->types[what->type];
        if (what->method == OBJ_METHOD_MOVE)
            snprintf(text, size, "%.150s", obj_meter_type_name(type));
        else
            snprintf(text, size, "%.150s.%.80s", obj_meter_type_name(type),
                     what->method < type->num_methods ? type->methods[what->method].name : "__init__");
    }
}
