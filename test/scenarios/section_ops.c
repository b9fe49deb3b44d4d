/* The operations of a section program that make no sections. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/section_program.h"
#include "test/scenarios/values.h"

void program_trace(const struct program *program, const char *format, ...) {
    va_list args;
    if (!program->trace) return;
    va_start(args, format);
    fprintf(stderr, "%3u ", program->num_ops == 0 ? 0 : program->num_ops - 1);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int64_t program_draw_target(struct program *program, int quality) {
    struct model *model = &program->model;
    uint32_t at = program_draw(program, model->num_targets);
    for (uint32_t i = 0; i < model->num_targets; i++) {
        uint32_t t = (at + i) % model->num_targets;
        const struct model_target *target = &model->targets[t];
        if (!target->usable || target->dying || (quality == TARGET_SETTLED && target->filling)) continue;
        if (quality == TARGET_ANY || model_count(model, target->member) > 0) return t;
    }
    return -1;
}

struct chariot_future *program_future(struct program *program, uint32_t pe) {
    struct chariot_future *future = chariot_future_new(&program->world.pes[pe], 1);
    if (future == NULL) abort();
    return future;
}

/* What was destroyed meanwhile may be known to be. */
static void expect(struct program *program, const char *what, uint32_t target, int rc) {
    if (rc == 0 || (rc == CHARIOT_ENOENT && model_is_shaken(&program->model, target))) return;
    program_fail(program, "%s: target %u: %d", what, target, rc);
}

static void send(struct program *program, struct op *op, uint32_t target, uint32_t method) {
    const struct model_target *to = &program->model.targets[target];
    struct chariot_msg *args = args_of((int64_t)(op - program->ops));
    int rc = chariot_send_take(program_pe(program, op->pe), &to->ref, program_method(to, method), args, op->want,
                               op->want == CHARIOT_WANT_NOTHING ? NULL : op->future);
    expect(program, "send", target, rc);
}

/* ---------------------------------------------------------------- collections */

static void draw_dims(struct program *program, struct model_coll *coll) {
    uint32_t room = 40;
    coll->ndims = 1 + program_draw(program, CHARIOT_MAX_DIMS);
    for (uint32_t i = 0; i < coll->ndims; i++) {
        uint32_t most = room < MODEL_MOST_DIM ? room : MODEL_MOST_DIM;
        coll->dims[i] = 1 + program_draw(program, most);
        room /= (uint32_t)coll->dims[i];
    }
}

static uint32_t draw_pes(struct program *program, uint32_t *pes) {
    uint32_t num = 0;
    uint32_t one_of = 1 + program_draw(program, 6);
    for (uint32_t pe = 0; pe < program->model.num_pes; pe++) {
        if (program_draw(program, one_of) == 0) pes[num++] = pe;
    }
    if (num == 0) pes[num++] = program_draw(program, program->model.num_pes);
    for (uint32_t i = 0; i < num; i++) {
        uint32_t at = program_draw(program, num), pe = pes[i];
        pes[i] = pes[at];
        pes[at] = pe;
    }
    return num;
}

static struct chariot_index draw_index(struct program *program, uint32_t ndims) {
    struct chariot_index index = {.ndims = ndims};
    for (uint32_t i = 0; i < ndims; i++) index.at[i] = (int64_t)program_draw(program, 12) - 4;
    return index;
}

static void insert_one(struct program *program, uint32_t pe, uint32_t coll) {
    struct model *model = &program->model;
    const struct chariot_index index = draw_index(program, model->colls[coll].ndims);
    if (model_find(model, coll, &index) >= 0) return;
    uint32_t elem = model_add_elem(model, coll, &index);
    program->seen[coll][elem] = program->num_order[coll];
    program->parts[coll][elem] = program->num_reductions[coll];
    int64_t on = program_draw(program, 2) == 0 ? -1 : (int64_t)program_draw(program, model->num_pes);
    int rc = chariot_insert_take(program_pe(program, pe), &model->targets[coll].ref, &index, NULL, on, false);
    if (rc != 0) program_fail(program, "insert: %d", rc);
}

static void insert_first(struct program *program, uint32_t pe, uint32_t coll) {
    uint32_t num = 1 + program_draw(program, 20);
    for (uint32_t i = 0; i < num; i++) insert_one(program, pe, coll);
    int rc = chariot_done_inserting(program_pe(program, pe), &program->model.targets[coll].ref);
    if (rc != 0) program_fail(program, "done inserting: %d", rc);
}

static void create(struct program *program, struct op *op) {
    struct model *model = &program->model;
    uint32_t number = model->num_colls++, pes[MODEL_ELEMS];
    struct model_coll *coll = &model->colls[number];
    struct model_target *target = &model->targets[number];
    *coll = (struct model_coll){.shape = (enum model_shape)program_draw(program, MODEL_NUM_SHAPES)};
    coll->creator = op->pe;
    coll->type = target->type = program_draw(program, 2);
    coll->ndims = 1;
    struct chariot_create how = {.type = program->types[coll->type], .kind = CHARIOT_GROUP};
    if (coll->shape == MODEL_SOME) {
        how.pes = pes;
        how.num_pes = draw_pes(program, pes);
    } else if (coll->shape != MODEL_GROUP) {
        draw_dims(program, coll);
        if (coll->shape == MODEL_SPARSE) memset(coll->dims, 0, sizeof coll->dims);
        how.kind = CHARIOT_ARRAY_OF;
        how.ndims = coll->ndims;
        memcpy(how.dims, coll->dims, sizeof how.dims);
        if (coll->shape == MODEL_MAPPED) how.map = program->map;
    }
    int rc = chariot_create_take(program_pe(program, op->pe), &how, NULL, &target->ref);
    if (rc != 0) program_fail(program, "create: %d", rc);
    target->of = (int32_t)number;
    target->usable = target->gone = target->fresh = true;
    target->filling = coll->shape == MODEL_SPARSE;
    target->is_section = coll->shape == MODEL_SOME;
    op->target = number;
    program_trace(program, "PE %u creates collection %u: shape %d, %u dimensions, type %u", op->pe, number, coll->shape,
                  coll->ndims, coll->type);
    if (chariot_ref_is_section(&target->ref) != target->is_section) program_fail(program, "is it a section?");
    for (uint32_t pe = 0; coll->shape == MODEL_GROUP && pe < model->num_pes; pe++) pes[pe] = pe;
    if (coll->shape == MODEL_GROUP || coll->shape == MODEL_SOME)
        model_fill_group(model, number, pes, coll->shape == MODEL_SOME ? how.num_pes : model->num_pes);
    else if (coll->shape == MODEL_SPARSE)
        insert_first(program, op->pe, number);
    else
        model_fill(model, number);
}

/* ---------------------------------------------------------------- broadcasts */

static void broadcast(struct program *program, struct op *op) {
    op->want = (enum chariot_want)program_draw(program, 3);
    if (op->want != CHARIOT_WANT_NOTHING) {
        op->future = program_future(program, op->pe);
        if (program_draw(program, 4) == 0) op->failing = 2 + program_draw(program, 4);
    }
    memcpy(op->wanted, program->model.targets[op->target].member, sizeof op->wanted);
    program_trace(program, "PE %u broadcasts to %u, want %d, failing %u", op->pe, op->target, op->want, op->failing);
    send(program, op, op->target, PROGRAM_HEAR);
}

static void await_created(struct program *program, struct op *op) {
    op->future = program_future(program, op->pe);
    program_trace(program, "PE %u awaits the creation of %u", op->pe, op->target);
    expect(program, "await", op->target,
           chariot_await_created(program_pe(program, op->pe), &program->model.targets[op->target].ref, op->future));
}

/* ---------------------------------------------------------------- reductions */

static void draw_told(struct program *program, struct op *op) {
    int64_t told = program_draw(program, 2) == 0 ? -1 : program_draw_target(program, TARGET_INHABITED);
    op->told_target = told < 0 ? MODEL_TARGETS : (uint32_t)told;
    if (told < 0) {
        op->future = program_future(program, op->pe);
        chariot_future_id(op->future);
    } else {
        memcpy(op->to_tell, program->model.targets[told].member, sizeof op->to_tell);
    }
}

/* All elements of the collections that members come from are asked. */
static void ask_sources(struct program *program, struct op *op) {
    struct model *model = &program->model;
    bool asked[MODEL_COLLS] = {false};
    for (uint32_t i = 0; i < model->num_elems; i++) {
        uint32_t coll = model->elems[i].coll;
        if (!op->part[i] || asked[coll]) continue;
        asked[coll] = true;
        for (uint32_t k = 0; k < model->num_elems; k++) op->wanted[k] |= model->targets[coll].member[k];
        send(program, op, coll, PROGRAM_PART);
    }
}

/* Nobody is asked; those that do not exist yet are. */
static void contribute_at_once(struct program *program, struct op *op) {
    for (uint32_t i = 0; i < program->model.num_elems; i++) {
        struct chariot_pe *pe = op->part[i] ? program_pe_of(program, i) : NULL;
        if (pe != NULL) program_contribute(program, program_pe(program, chariot_my_pe(pe)), i, op->target);
    }
}

static bool any_on_its_way(struct program *program, uint32_t target) {
    bool any = false;
    for (uint32_t i = 0; i < program->model.num_elems && !any; i++)
        any = program->model.targets[target].member[i] && program_pe_of(program, i) == NULL;
    return any;
}

static void reduce(struct program *program, struct op *op) {
    static const uint32_t reducers[] = {CHARIOT_REDUCE_SUM, CHARIOT_REDUCE_MAX, CHARIOT_REDUCE_GATHER,
                                        CHARIOT_REDUCE_NOP, PROGRAM_REDUCER};
    struct model_target *over = &program->model.targets[op->target];
    uint32_t way = program_draw(program, 3);
    if (way == 2 && (over->fresh || any_on_its_way(program, op->target))) way = 0;
    op->reducer = reducers[program_draw(program, 5)];
    op->told_target = MODEL_TARGETS;
    if (op->kind == OP_REDUCE) draw_told(program, op);
    memcpy(op->part, over->member, sizeof op->part);
    program->reductions[op->target][program->num_reductions[op->target]++] = (uint8_t)(op - program->ops);
    program_trace(program, "PE %u has all of %u %s with %u, way %u, told %u", op->pe, op->target,
                  op->kind == OP_REDUCE ? "reduce" : "allreduce", op->reducer, way, op->told_target);
    if (way == 1) {
        ask_sources(program, op);
    } else if (way == 2) {
        contribute_at_once(program, op);
    } else {
        memcpy(op->wanted, over->member, sizeof op->wanted);
        send(program, op, op->target, PROGRAM_PART);
    }
}

static void quiet(struct program *program, struct op *op) {
    draw_told(program, op);
    program_trace(program, "PE %u waits for quiescence, told %u", op->pe, op->told_target);
    struct chariot_target to = {.kind = CHARIOT_TO_FUTURE};
    if (op->future != NULL) {
        to.future = chariot_future_id(op->future);
    } else {
        const struct model_target *told = &program->model.targets[op->told_target];
        to.kind = CHARIOT_TO_METHOD;
        to.ref = told->ref;
        to.method = program_method(told, PROGRAM_TOLD + (uint32_t)(op - program->ops));
    }
    int rc = chariot_quiet_start(program_pe(program, op->pe), &to);
    if (rc != 0) program_fail(program, "quiescence: %d", rc);
}

/* ---------------------------------------------------------------- ends */

static void destroy(struct program *program, struct op *op) {
    struct model_target *target = &program->model.targets[op->target];
    if (program_draw(program, 2) == 0) op->future = program_future(program, op->pe);
    program_trace(program, "PE %u destroys %u", op->pe, op->target);
    int rc = chariot_destroy(program_pe(program, op->pe), &target->ref, op->future);
    if (rc != 0) program_fail(program, "destroy: target %u: %d", op->target, rc);
    target->dying = true;
}

static void call_ghost(struct program *program, struct op *op) {
    struct model *model = &program->model;
    const struct model_target *to = &model->targets[op->target];
    op->want = CHARIOT_WANT_DONE;
    op->future = program_future(program, op->pe);
    op->error = "";
    program_trace(program, "PE %u calls %u, which is gone", op->pe, op->target);
    int rc = chariot_send_take(program_pe(program, op->pe), &to->ref, program_method(to, PROGRAM_HEAR),
                               args_of((int64_t)(op - program->ops)), op->want, op->future);
    if (rc != 0) program_fail(program, "a call of what is gone: %d", rc);
}

/* ---------------------------------------------------------------- which, and on what */

static int64_t draw_ghost(struct program *program) {
    struct model *model = &program->model;
    uint32_t at = program_draw(program, model->num_targets);
    for (uint32_t i = 0; i < model->num_targets; i++) {
        uint32_t t = (at + i) % model->num_targets;
        if (model->targets[t].gone && !model->targets[t].usable) return t;
    }
    return -1;
}

static int64_t draw_sparse(struct program *program) {
    struct model *model = &program->model;
    int64_t t = program_draw_target(program, TARGET_SETTLED);
    bool sparse = t >= 0 && t < MODEL_COLLS && model->colls[t].shape == MODEL_SPARSE;
    return sparse && model->num_elems < MODEL_ELEMS - 1 ? t : -1;
}

static int64_t draw_object(struct program *program, enum op_kind kind) {
    int64_t target;
    switch (kind) {
    case OP_CREATE:
        return program->model.num_colls < MODEL_COLLS && program->model.num_elems < MODEL_ELEMS - 70 ? 0 : -1;
    case OP_GHOST:
        return draw_ghost(program);
    case OP_INSERT:
        return draw_sparse(program);
    case OP_DESTROY:
        target = program_draw_target(program, TARGET_ANY);
        if (target < 0 || target >= MODEL_COLLS) return target;
        return program_draw(program, 3) != 0 ? -1 : target;
    case OP_REDUCE:
    case OP_ALLREDUCE:
        target = program_draw_target(program, TARGET_INHABITED);
        return target >= 0 && program->num_reductions[target] == PROGRAM_REDUCTIONS ? -1 : target;
    case OP_BROADCAST:
    case OP_AWAIT:
        return program_draw_target(program, TARGET_ANY);
    default:
        return 0;
    }
}

void program_issue_kind(struct program *program, enum op_kind kind) {
    int64_t target = draw_object(program, kind);
    if (target < 0 || program->num_ops == PROGRAM_OPS || program->failed) return;
    struct op *op = &program->ops[program->num_ops++];
    op->kind = kind;
    op->target = (uint32_t)target;
    op->pe = program_draw(program, program->model.num_pes);
    op->told_target = MODEL_TARGETS;
    switch (kind) {
    case OP_CREATE:
        create(program, op);
        return;
    case OP_BROADCAST:
        broadcast(program, op);
        return;
    case OP_AWAIT:
        await_created(program, op);
        return;
    case OP_REDUCE:
    case OP_ALLREDUCE:
        reduce(program, op);
        return;
    case OP_QUIET:
        quiet(program, op);
        return;
    case OP_DESTROY:
        destroy(program, op);
        return;
    case OP_INSERT:
        insert_one(program, op->pe, op->target);
        return;
    case OP_GHOST:
        call_ghost(program, op);
        return;
    default:
        program_make(program, op);
    }
}

/* So many of a hundred. */
void program_issue(struct program *program) {
    static const uint8_t shares[OP_NUM_KINDS] = {
        [OP_CREATE] = 6,   [OP_BROADCAST] = 22, [OP_AWAIT] = 2,  [OP_REDUCE] = 16, [OP_ALLREDUCE] = 8,
        [OP_QUIET] = 4,    [OP_SPLIT] = 8,      [OP_CHOOSE] = 7, [OP_SLICE] = 7,   [OP_COMBINE] = 6,
        [OP_OF_GROUP] = 5, [OP_WRONG] = 4,      [OP_DESTROY] = 5};
    uint32_t drawn = program_draw(program, 100), kind = 0;
    while (drawn >= shares[kind]) drawn -= shares[kind++];
    program_issue_kind(program, (enum op_kind)kind);
}
