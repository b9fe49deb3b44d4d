/* The public face of sections: what is asked for is checked, and written as a SELECT. */
#include "sections/sections.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/meter.h"
#include "objects/ref.h"
#include "sections/make.h"
#include "sections/row.h"

const struct obj_section_ops obj_section_ops = {.select = section_select,
                                                .found = section_row_found,
                                                .arrange = section_row_arrange,
                                                .deinit = section_make_deinit};

static int check_source(const struct chariot_pe *pe, const struct chariot_ref *of) {
    bool collection = of->kind == CHARIOT_GROUP || of->kind == CHARIOT_ARRAY_OF || of->kind == CHARIOT_SECTION;
    return collection && of->whole && of->type < pe->num_types && obj_ref_is_valid(pe, of) ? 0 : CHARIOT_EINVAL;
}

/* Sections whose members are elements of one collection, so that they have indices. */
static bool has_indices(const struct chariot_ref *of) {
    return of->kind != CHARIOT_SECTION || of->index[OBJ_SOURCE_WORD] != 0;
}

static int start(struct chariot_pe *pe, const struct section_plan *plan, uint64_t first, struct chariot_writer *writer,
                 const struct section_wish *wishes) {
    struct chariot_msg *select;
    int rc = chariot_writer_finish(writer, &select);
    return rc != 0 ? rc : section_plan_start_take(pe, plan, first, select, wishes);
}

/* ---------------------------------------------------------------- by index */

/* Packed, each once (owned). CHARIOT_ERANGE. */
static int pack(const struct chariot_ref *of, const struct chariot_indices *indices, uint64_t (**out)[OBJ_INDEX_WORDS],
                uint64_t *count) {
    struct obj_map seen = {0};
    int rc = 0;
    *count = 0;
    *out = malloc((indices->count + 1) * sizeof **out);
    if (*out == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; rc == 0 && i < indices->count; i++) {
        struct chariot_ref ref;
        rc = chariot_ref_element(of, &indices->list[i], &ref) == 0 ? 0 : CHARIOT_ERANGE;
        if (rc != 0 || obj_map_get(&seen, obj_key3(ref.index)) != NULL) continue;
        memcpy((*out)[(*count)++], ref.index, sizeof ref.index);
        rc = obj_map_add(&seen, obj_key3(ref.index), &seen);
    }
    obj_map_deinit(&seen);
    if (rc == 0) return 0;
    free(*out);
    return rc;
}

static int put_lists(struct chariot_writer *writer, const struct chariot_ref *of, uint32_t num,
                     const struct chariot_indices lists[], struct section_wish *wishes) {
    for (uint32_t i = 0; i < num; i++) {
        uint64_t(*packed)[OBJ_INDEX_WORDS];
        int rc = pack(of, &lists[i], &packed, &wishes[i].members);
        if (rc != 0) return rc;
        chariot_put_bytes(writer, packed, wishes[i].members * sizeof *packed);
        free(packed);
    }
    return writer->error;
}

/* wishes: as many as sections; their numbers of members are written here. */
static int split(struct chariot_pe *pe, const struct section_plan *plan, const struct chariot_indices lists[],
                 struct section_wish *wishes, uint64_t *first) {
    struct chariot_writer writer;
    struct chariot_msg *unused;
    section_plan_begin(pe, plan, &writer, first);
    int rc = put_lists(&writer, plan->of, plan->num, lists, wishes);
    if (rc == 0) return start(pe, plan, *first, &writer, wishes);
    if (chariot_writer_finish(&writer, &unused) == 0) rpc_msg_unref(unused);
    return rc;
}

int chariot_section_split(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t num,
                          const struct chariot_indices lists[], struct chariot_future *future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    const struct section_plan plan = {.of = of, .num_of = 1, .num = num, .how = SECTION_LISTS, .future = future};
    uint64_t first;
    if (check_source(pe, of) != 0 || !has_indices(of) || num == 0 || future == NULL) return CHARIOT_EINVAL;
    struct section_wish *wishes = calloc(num, sizeof *wishes);
    int rc = wishes == NULL ? CHARIOT_ENOMEM : split(pe, &plan, lists, wishes, &first);
    free(wishes);
    return rc;
}

/* The root that the section of these PEs will have. */
static int root_of(struct chariot_pe *pe, const struct chariot_indices *pes, uint32_t *root) {
    if (pes->count == 0) return CHARIOT_ENOENT;
    uint32_t *row = malloc(pes->count * sizeof *row);
    if (row == NULL) return CHARIOT_ENOMEM;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pes->count; i++) {
        const struct chariot_index *index = &pes->list[i];
        bool good = index->ndims == 1 && index->at[0] >= 0 && index->at[0] < (int64_t)pe->node.num_pes;
        row[i] = good ? (uint32_t)index->at[0] : 0;
        if (!good) rc = CHARIOT_ERANGE;
    }
    if (rc == 0) *root = section_row_root(pe, row, pes->count);
    free(row);
    return rc;
}

int chariot_section_of_group(struct chariot_pe *pe, const struct chariot_ref *group, uint32_t num,
                             const struct chariot_indices lists[], struct chariot_ref refs[]) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    const struct section_plan plan = {.of = group, .num_of = 1, .num = num, .how = SECTION_LISTS};
    bool everywhere = group->kind == CHARIOT_GROUP && !obj_id_is_partial(group->collection);
    int rc = check_source(pe, group) != 0 || !everywhere || num == 0 ? CHARIOT_EINVAL : 0;
    struct section_wish *wishes = rc == 0 ? calloc(num, sizeof *wishes) : NULL;
    if (wishes == NULL) return rc == 0 ? CHARIOT_ENOMEM : rc;
    for (uint32_t i = 0; rc == 0 && i < num; i++) rc = root_of(pe, &lists[i], &wishes[i].root);
    uint64_t first = 0;
    if (rc == 0) rc = split(pe, &plan, lists, wishes, &first);
    for (uint32_t i = 0; rc == 0 && i < num; i++) section_plan_ref(&plan, first, i, wishes[i].root, &refs[i]);
    free(wishes);
    return rc;
}

/* ---------------------------------------------------------------- in other ways */

int chariot_section_choose_take(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t num,
                                struct chariot_msg *rule, struct chariot_future *future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    const struct section_plan plan = {.of = of, .num_of = 1, .num = num, .how = SECTION_CHOOSE, .future = future};
    struct chariot_writer writer;
    uint64_t first;
    int rc = check_source(pe, of) != 0 || num == 0 || future == NULL ? CHARIOT_EINVAL : 0;
    if (rc == 0 && rule != NULL) {
        obj_msg_mark(rule);
        rc = obj_msg_encode(pe, &rule);
    }
    if (rc == 0) {
        section_plan_begin(pe, &plan, &writer, &first);
        if (rule != NULL) chariot_put_encoded(&writer, rpc_msg_payload(rule), rule->size);
        rc = start(pe, &plan, first, &writer, NULL);
    }
    rpc_msg_unref(rule);
    return rc;
}

int chariot_section_slice(struct chariot_pe *pe, const struct chariot_ref *of, uint32_t ndims,
                          const struct chariot_range ranges[], struct chariot_future *future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    const struct section_plan plan = {.of = of, .num_of = 1, .num = 1, .how = SECTION_RANGES, .future = future};
    struct chariot_writer writer;
    uint64_t first;
    if (check_source(pe, of) != 0 || !has_indices(of) || future == NULL) return CHARIOT_EINVAL;
    if (ndims != of->ndims) return CHARIOT_ERANGE;
    for (uint32_t i = 0; i < ndims; i++) {
        if (ranges[i].step == 0) return CHARIOT_ERANGE;
    }
    section_plan_begin(pe, &plan, &writer, &first);
    chariot_put_bytes(&writer, ranges, ndims * sizeof *ranges);
    return start(pe, &plan, first, &writer, NULL);
}

int chariot_section_combine(struct chariot_pe *pe, const struct chariot_ref of[], size_t count,
                            struct chariot_future *future) {
    OBJ_API(pe);
    OBJ_SENDING(pe);
    const struct section_plan plan = {.of = of, .num_of = count, .num = 1, .how = SECTION_ALL, .future = future};
    struct chariot_writer writer;
    uint64_t first;
    if (count == 0 || future == NULL) return CHARIOT_EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (check_source(pe, &of[i]) != 0) return CHARIOT_EINVAL;
    }
    section_plan_begin(pe, &plan, &writer, &first);
    return start(pe, &plan, first, &writer, NULL);
}

/* ---------------------------------------------------------------- refs */

bool chariot_ref_is_section(const struct chariot_ref *ref) {
    return obj_id_is_partial(ref->collection);
}

void chariot_section_id(const struct chariot_ref *section, uint32_t *root, uint32_t *creator, uint64_t *number) {
    *root = obj_ref_root(section);
    *creator = obj_id_pe(section->collection);
    *number = obj_id_count(section->collection);
}
