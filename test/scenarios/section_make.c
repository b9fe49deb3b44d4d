/* The operations of a section program that make sections: issued, and noted in the model as what they should give. */
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/section_program.h"
#include "test/scenarios/values.h"

enum { LIST_ROOM = 64 };

struct list {
    struct chariot_index at[LIST_ROOM];
    uint32_t count;
};

static const struct model_target *source(const struct program *program, const struct op *op, uint32_t i) {
    return &program->model.targets[op->sources[i]];
}

/* Targets for what the operation makes: of one collection, if its source is. */
static bool begin(struct program *program, struct op *op, uint32_t num) {
    struct model *model = &program->model;
    if (model->num_targets + num > MODEL_TARGETS) return false;
    op->first = model->num_targets;
    op->num = num;
    model->num_targets += num;
    for (uint32_t i = 0; i < num; i++) {
        struct model_target *made = &model->targets[op->first + i];
        made->is_section = true;
        made->type = source(program, op, 0)->type;
        made->of = op->num_sources == 1 ? source(program, op, 0)->of : -1;
    }
    if (op->kind != OP_OF_GROUP) op->future = program_future(program, op->pe);
    return true;
}

static uint8_t *members(struct program *program, struct op *op, uint32_t i) {
    return program->model.targets[op->first + i].member;
}

static bool draw_source(struct program *program, struct op *op) {
    int64_t target = program_draw_target(program, TARGET_SETTLED);
    if (target < 0) return false;
    op->sources[op->num_sources++] = (uint32_t)target;
    return true;
}

/* One with indices. */
static bool draw_indexed(struct program *program, struct op *op) {
    return draw_source(program, op) && source(program, op, 0)->of >= 0;
}

/* A section that would be empty is an error, and none is made. */
static void expect_error_of_empty(struct program *program, struct op *op) {
    for (uint32_t i = 0; i < op->num; i++) {
        if (model_count(&program->model, members(program, op, i)) == 0) op->error = "ValueError";
    }
}

static void expect(struct program *program, const struct op *op, const char *what, int rc) {
    program_trace(program, "PE %u: %s of %u: %u from %u on%s", op->pe, what, op->sources[0], op->num, op->first,
                  op->error != NULL ? ", an error" : "");
    if (rc != 0) program_fail(program, "%s of %u: %d", what, op->sources[0], rc);
}

/* ---------------------------------------------------------------- by index */

/* Some elements of the source, some of them twice. */
static void draw_list(struct program *program, const struct op *op, struct list *list, uint8_t *member) {
    uint32_t one_of = 1 + program_draw(program, 5);
    for (uint32_t i = 0; i < program->model.num_elems; i++) {
        if (!source(program, op, 0)->member[i] || program_draw(program, one_of) != 0) continue;
        uint32_t times = program_draw(program, 8) == 0 ? 2 : 1;
        if (list->count + times > LIST_ROOM) return;
        while (times-- > 0) list->at[list->count++] = program->model.elems[i].index;
        member[i] = 1;
    }
}

static void split(struct program *program, struct op *op) {
    struct list lists[PROGRAM_SECTIONS] = {0};
    struct chariot_indices indices[PROGRAM_SECTIONS];
    if (!draw_indexed(program, op) || !begin(program, op, 1 + program_draw(program, PROGRAM_SECTIONS))) return;
    for (uint32_t i = 0; i < op->num; i++) {
        draw_list(program, op, &lists[i], members(program, op, i));
        indices[i] = (struct chariot_indices){lists[i].at, lists[i].count};
    }
    expect_error_of_empty(program, op);
    expect(
        program, op, "split",
        chariot_section_split(program_pe(program, op->pe), &source(program, op, 0)->ref, op->num, indices, op->future));
}

static void of_group(struct program *program, struct op *op) {
    struct list lists[PROGRAM_SECTIONS] = {0};
    struct chariot_indices indices[PROGRAM_SECTIONS];
    struct chariot_ref refs[PROGRAM_SECTIONS];
    int64_t group = program_draw_target(program, TARGET_SETTLED);
    if (group < 0 || group >= MODEL_COLLS || program->model.colls[group].shape != MODEL_GROUP) return;
    op->sources[op->num_sources++] = (uint32_t)group;
    if (!begin(program, op, 1 + program_draw(program, PROGRAM_SECTIONS))) return;
    for (uint32_t i = 0; i < op->num; i++) {
        while (lists[i].count == 0) draw_list(program, op, &lists[i], members(program, op, i));
        indices[i] = (struct chariot_indices){lists[i].at, lists[i].count};
    }
    expect(program, op, "sections of group",
           chariot_section_of_group(program_pe(program, op->pe), &source(program, op, 0)->ref, op->num, indices, refs));
    for (uint32_t i = 0; i < op->num; i++) {
        struct model_target *made = &program->model.targets[op->first + i];
        made->ref = refs[i];
        made->usable = made->gone = made->early = true;
        made->fresh = source(program, op, 0)->fresh;
    }
}

static struct chariot_range draw_range(struct program *program, int64_t size) {
    struct chariot_range range = {.step = 1 + program_draw(program, 3)};
    int64_t most = size == 0 ? 12 : size + 2, least = size == 0 ? -5 : -size - 2;
    if (program_draw(program, 3) == 0) range.step = -range.step;
    range.has_start = program_draw(program, 2) == 0 || (size == 0 && range.step != 1 && range.step != -1);
    range.has_stop = program_draw(program, 2) == 0;
    if (range.has_start) range.start = least + program_draw(program, (uint32_t)(most - least));
    if (range.has_stop) range.stop = least + program_draw(program, (uint32_t)(most - least));
    return range;
}

static void slice(struct program *program, struct op *op) {
    struct chariot_range ranges[CHARIOT_MAX_DIMS];
    if (!draw_indexed(program, op) || !begin(program, op, 1)) return;
    const struct model_coll *coll = &program->model.colls[source(program, op, 0)->of];
    bool group = coll->shape == MODEL_GROUP || coll->shape == MODEL_SOME;
    for (uint32_t i = 0; i < coll->ndims; i++) {
        bool whole = program_draw(program, 2) == 0;
        ranges[i] = whole ? (struct chariot_range){.step = 1}
                          : draw_range(program, group ? program->model.num_pes : coll->dims[i]);
    }
    model_slice(&program->model, source(program, op, 0), ranges, members(program, op, 0));
    expect_error_of_empty(program, op);
    expect(program, op, "slice",
           chariot_section_slice(program_pe(program, op->pe), &source(program, op, 0)->ref, coll->ndims, ranges,
                                 op->future));
}

/* ---------------------------------------------------------------- in other ways */

static void choose(struct program *program, struct op *op) {
    if (!draw_source(program, op) || !begin(program, op, 1 + program_draw(program, PROGRAM_SECTIONS))) return;
    bool ruled = op->num > 1 || program_draw(program, 4) != 0;
    if (ruled && program_draw(program, 12) == 0) op->failing = 1 + program_draw(program, 3);
    for (uint32_t e = 0; e < program->model.num_elems; e++) {
        if (!source(program, op, 0)->member[e]) continue;
        op->choice[e] = ruled ? (uint8_t)program_draw(program, 1u << op->num) : 1;
        if (op->failing != 0 && e % op->failing == 0) op->error = "";
        for (uint32_t i = 0; i < op->num; i++) members(program, op, i)[e] = op->choice[e] >> i & 1;
    }
    if (op->error == NULL) expect_error_of_empty(program, op);
    struct chariot_msg *rule = ruled ? value_int((int64_t)(op - program->ops)) : NULL;
    expect(program, op, "choose",
           chariot_section_choose_take(program_pe(program, op->pe), &source(program, op, 0)->ref, op->num, rule,
                                       op->future));
}

static void combine(struct program *program, struct op *op) {
    struct chariot_ref refs[PROGRAM_SECTIONS];
    uint32_t num = 1 + program_draw(program, PROGRAM_SECTIONS);
    while (op->num_sources < num) {
        if (!draw_source(program, op)) return;
    }
    if (!begin(program, op, 1)) return;
    for (uint32_t i = 0; i < num; i++) {
        refs[i] = source(program, op, i)->ref;
        for (uint32_t e = 0; e < program->model.num_elems; e++) {
            members(program, op, 0)[e] |= source(program, op, i)->member[e];
        }
    }
    expect(program, op, "combine", chariot_section_combine(program_pe(program, op->pe), refs, num, op->future));
}

/* ---------------------------------------------------------------- what cannot be made */

/* An index that no element has is known only where elements are; the others are seen at once. */
static void ask_for_nobody(struct program *program, struct op *op) {
    const struct model_coll *coll = &program->model.colls[source(program, op, 0)->of];
    struct chariot_index at = {.ndims = coll->ndims, .at = {1000}};
    if (!begin(program, op, 1)) return;
    op->error = "ValueError";
    expect(program, op, "an index without element",
           chariot_section_split(program_pe(program, op->pe), &source(program, op, 0)->ref, 1,
                                 &(struct chariot_indices){&at, 1}, op->future));
}

static void refused(struct program *program, const char *what, int rc, int want) {
    program_trace(program, "%s: %d", what, rc);
    if (rc != want) program_fail(program, "%s: %d, not %d", what, rc, want);
}

static void ask_wrongly(struct program *program, struct op *op) {
    const struct model_target *of = source(program, op, 0);
    struct chariot_pe *pe = program_pe(program, op->pe);
    struct chariot_future *future = program_future(program, op->pe);
    const struct chariot_range none[CHARIOT_MAX_DIMS + 1] = {{0}}, all[CHARIOT_MAX_DIMS + 1] = {{.step = 1}};
    struct chariot_index at = {.ndims = of->ref.ndims % CHARIOT_MAX_DIMS + 1};
    const struct chariot_indices list = {&at, 1};
    bool indexed = of->of >= 0;
    refused(program, "no sections", chariot_section_split(pe, &of->ref, 0, &list, future), CHARIOT_EINVAL);
    refused(program, "nothing combined", chariot_section_combine(pe, &of->ref, 0, future), CHARIOT_EINVAL);
    refused(program, "step 0", chariot_section_slice(pe, &of->ref, of->ref.ndims, none, future),
            indexed ? CHARIOT_ERANGE : CHARIOT_EINVAL);
    refused(program, "too many ranges", chariot_section_slice(pe, &of->ref, of->ref.ndims + 1, all, future),
            indexed ? CHARIOT_ERANGE : CHARIOT_EINVAL);
    refused(program, "other dimensions", chariot_section_split(pe, &of->ref, 1, &list, future),
            indexed ? CHARIOT_ERANGE : CHARIOT_EINVAL);
    refused(program, "no ref", chariot_section_combine(pe, &(struct chariot_ref){0}, 1, future), CHARIOT_EINVAL);
    chariot_future_unref(future);
}

static void wrong(struct program *program, struct op *op) {
    if (!draw_source(program, op)) return;
    if (source(program, op, 0)->of >= 0 && program_draw(program, 2) == 0)
        ask_for_nobody(program, op);
    else
        ask_wrongly(program, op);
}

void program_make(struct program *program, struct op *op) {
    switch (op->kind) {
    case OP_SPLIT:
        split(program, op);
        return;
    case OP_CHOOSE:
        choose(program, op);
        return;
    case OP_SLICE:
        slice(program, op);
        return;
    case OP_COMBINE:
        combine(program, op);
        return;
    case OP_OF_GROUP:
        of_group(program, op);
        return;
    default:
        wrong(program, op);
    }
}
