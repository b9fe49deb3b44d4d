/* Whether a section program did what the model says. */
#include <stdlib.h>
#include <string.h>

#include "objects/runtime.h"
#include "test/scenarios/section_program.h"
#include "test/scenarios/values.h"

static uint32_t number_of(const struct program *program, const struct op *op) {
    return (uint32_t)(op - program->ops);
}

static bool is_making(const struct op *op) {
    return op->num > 0;
}

static const struct chariot_msg *value_of(const struct op *op) {
    return chariot_future_value(op->future, 0);
}

/* ---------------------------------------------------------------- sections that have been made */

static void take(struct program *program, struct op *op) {
    const struct chariot_msg *value = value_of(op);
    struct chariot_reader reader;
    struct chariot_value list, item;
    uint32_t method;
    if (chariot_msg_is_error(value)) return;
    chariot_reader_init(&reader, value);
    bool good = chariot_get_typed(&reader, CHARIOT_LIST, &list) == 0 && list.count == op->num;
    for (uint32_t i = 0; i < op->num && good; i++) {
        struct model_target *made = &program->model.targets[op->first + i];
        good = chariot_get_typed(&reader, CHARIOT_REF, &item) == 0 && chariot_ref_read(&item, &made->ref, &method) == 0;
        good = good && chariot_ref_is_section(&made->ref) && made->ref.whole;
        made->usable = made->gone = good;
        program->sections += good;
    }
    if (!good) program_fail(program, "operation %u gives no refs of sections", number_of(program, op));
}

void program_poll(struct program *program) {
    for (uint32_t i = program->round_begins; i < program->num_ops; i++) {
        struct op *op = &program->ops[i];
        bool waits = is_making(op) && op->future != NULL && !op->taken;
        if (!waits || !chariot_future_ready(op->future)) continue;
        op->taken = true;
        take(program, op);
    }
}

/* ---------------------------------------------------------------- what an operation should have done */

/* Something was destroyed that it has to do with, while it was under way. */
static bool is_shaken(const struct program *program, const struct op *op) {
    const struct model *model = &program->model;
    if (op->kind == OP_GHOST) return false;
    if (op->kind != OP_QUIET && !is_making(op) && model_is_shaken(model, op->target)) return true;
    if (op->told_target < MODEL_TARGETS && model_is_shaken(model, op->told_target)) return true;
    for (uint32_t i = 0; i < op->num_sources; i++) {
        if (model_is_shaken(model, op->sources[i])) return true;
    }
    for (uint32_t i = 0; i < model->num_elems; i++) {
        if ((op->wanted[i] || op->part[i]) && model->targets[model->elems[i].coll].dying) return true;
    }
    return false;
}

static bool is_doomed(const struct program *program, uint32_t elem) {
    return program->model.targets[program->model.elems[elem].coll].dying;
}

/* Exactly once; those that may be gone at most once, all of them if the target itself was destroyed. */
static bool were_reached(const struct program *program, const uint8_t *times, const uint8_t *wanted,
                         bool all_may_miss) {
    for (uint32_t i = 0; i < program->model.num_elems; i++) {
        bool may_miss = all_may_miss || is_doomed(program, i);
        if (times[i] > 1 || (times[i] == 1 && !wanted[i])) return false;
        if (times[i] == 0 && wanted[i] && !may_miss) return false;
    }
    return true;
}

static int64_t reduced(const struct program *program, const struct op *op) {
    uint32_t order[MODEL_ELEMS], count = model_order(&program->model, op->part, order);
    int64_t sum = 0, most = 0;
    uint64_t gathered = 5;
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = program_part_value(order[i], number_of(program, op));
        sum += value;
        most = value > most ? value : most;
        gathered = gathered * 31 + (uint64_t)value;
    }
    switch (op->reducer) {
    case CHARIOT_REDUCE_SUM:
        return sum;
    case CHARIOT_REDUCE_MAX:
        return most;
    case CHARIOT_REDUCE_GATHER:
        return (int64_t)gathered;
    case PROGRAM_REDUCER:
        return 2 * sum + 1;
    default:
        return 0;
    }
}

/* ---------------------------------------------------------------- one operation */

static bool is_ready(struct chariot_future *future) {
    return future == NULL || chariot_future_ready(future);
}

static bool is_complete(struct program *program, const struct op *op, bool shaken) {
    bool never_begun = op->kind == OP_REDUCE && shaken && !op->contributed;
    bool all_ready = never_begun || is_ready(op->future);
    for (uint32_t i = 0; i < program->model.num_elems; i++) all_ready = all_ready && is_ready(op->results[i]);
    bool section_gone = program->model.targets[op->target].dying && !is_making(op);
    bool told_gone = shaken;
    return all_ready && were_reached(program, op->heard, op->wanted, section_gone || shaken) &&
           were_reached(program, op->told, op->to_tell, told_gone);
}

/* The list of what each gave, by index, errors in place. */
static bool are_replies(const struct program *program, const struct op *op) {
    uint32_t order[MODEL_ELEMS], count = model_order(&program->model, op->wanted, order);
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, value_of(op));
    if (chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0 || value.count != count) return false;
    for (uint32_t i = 0; i < count; i++) {
        struct chariot_reader before = reader;
        const void *data;
        size_t size;
        bool fails = op->failing != 0 && order[i] % op->failing == 0;
        if (chariot_get(&reader, &value) != 0 || (value.type == CHARIOT_ERROR) != fails) return false;
        if (!fails && value.integer != (int64_t)order[i] * 1000 + number_of(program, op)) return false;
        reader = before;
        if (chariot_skip(&reader, &data, &size) != 0) return false;
    }
    return chariot_reader_done(&reader);
}

static bool any_fails(const struct program *program, const struct op *op) {
    for (uint32_t i = 0; op->failing != 0 && i < program->model.num_elems; i++) {
        if (op->wanted[i] && i % op->failing == 0) return true;
    }
    return false;
}

static bool is_right_broadcast(const struct program *program, const struct op *op) {
    if (op->want == CHARIOT_WANT_NOTHING) return true;
    if (op->want == CHARIOT_WANT_VALUE) return are_replies(program, op);
    return any_fails(program, op) ? chariot_msg_is_error(value_of(op)) : is_null(value_of(op));
}

static bool is_right_reduction(const struct program *program, const struct op *op) {
    int64_t want = reduced(program, op);
    if (op->kind == OP_REDUCE) return (op->future != NULL ? program_digest(value_of(op)) : op->told_digest) == want;
    for (uint32_t i = 0; i < program->model.num_elems; i++) {
        if ((op->results[i] != NULL) != (op->part[i] != 0)) return false;
        if (op->part[i] && program_digest(chariot_future_value(op->results[i], 0)) != want) return false;
    }
    return true;
}

static bool is_right_error(struct program *program, const struct op *op) {
    bool failed = op->future != NULL && chariot_msg_is_error(value_of(op));
    const char *text = failed ? error_of(value_of(op)) : "";
    bool right = failed == (op->error != NULL) && (!failed || strncmp(text, op->error, strlen(op->error)) == 0);
    if (!right)
        program_fail(program, "operation %u: error \"%s\", not \"%s\"", number_of(program, op), text,
                     op->error == NULL ? "" : op->error);
    return right;
}

static bool is_right(struct program *program, const struct op *op) {
    switch (op->kind) {
    case OP_BROADCAST:
        return is_right_broadcast(program, op);
    case OP_AWAIT:
        return is_null(value_of(op));
    case OP_REDUCE:
    case OP_ALLREDUCE:
        return is_right_reduction(program, op);
    default:
        return is_making(op) || op->kind == OP_GHOST ? is_right_error(program, op) : true;
    }
}

static void check(struct program *program, struct op *op) {
    bool shaken = is_shaken(program, op);
    if (!is_complete(program, op, shaken)) {
        program_fail(program,
                     "operation %u (kind %d) is not complete, or was heard too often%s: future %sready, "
                     "%u of %u heard, %u of %u told",
                     number_of(program, op), op->kind, shaken ? " (shaken)" : "", is_ready(op->future) ? "" : "not ",
                     model_count(&program->model, op->heard), model_count(&program->model, op->wanted),
                     model_count(&program->model, op->told), model_count(&program->model, op->to_tell));
    } else if (!shaken && !is_right(program, op)) {
        program_fail(program, "operation %u (kind %d): a wrong result", number_of(program, op), op->kind);
    }
}

/* ---------------------------------------------------------------- all of them */

static void forget(struct op *op) {
    chariot_future_unref(op->future);
    op->future = NULL;
    for (uint32_t i = 0; i < MODEL_ELEMS; i++) {
        chariot_future_unref(op->results[i]);
        op->results[i] = NULL;
    }
}

void program_check_round(struct program *program) {
    for (uint32_t i = program->round_begins; i < program->num_ops && !program->failed; i++) {
        check(program, &program->ops[i]);
    }
    for (uint32_t i = program->round_begins; i < program->num_ops; i++) forget(&program->ops[i]);
    program->round_begins = program->num_ops;
    model_settle(&program->model);
}

/* Nothing of what was begun before it is under way. */
void program_check_quiet(struct program *program, const struct op *quiet) {
    for (uint32_t i = program->round_begins; i < number_of(program, quiet) && !program->failed; i++) {
        const struct op *op = &program->ops[i];
        if (op->kind != OP_QUIET && !is_complete(program, op, is_shaken(program, op)))
            program_fail(program, "quiescence %u is early: operation %u is under way", number_of(program, quiet), i);
    }
}

/* ---------------------------------------------------------------- what is kept */

static bool lives_on(const struct program *program, uint32_t target, uint32_t pe) {
    const struct model *model = &program->model;
    if (target < MODEL_COLLS && model->colls[target].shape != MODEL_SOME) return true;
    if (wander_moves(program->world.wander) > 0) return false; /* where its members were when it was made */
    for (uint32_t i = 0; i < model->num_elems; i++) {
        if (model->targets[target].member[i] && model->elems[i].pe == pe) return true;
    }
    return false;
}

/* The runtime's own groups and the map are collections too. */
static bool is_known(const struct program *program, const struct obj_coll *coll) {
    const struct model *model = &program->model;
    for (uint64_t number = 0; number < OBJ_NUM_RESIDENTS; number++) {
        if (coll->id == obj_id_make(CHARIOT_GROUP, 0, number)) return true;
    }
    if (coll->id == program->map.collection) return true;
    for (uint32_t t = 0; t < model->num_targets; t++) {
        if (model->targets[t].usable && model->targets[t].ref.collection == coll->id) return true;
    }
    return false;
}

static void look_at_one(void *value, void *ctx) {
    const struct obj_coll *coll = value;
    struct program *program = ctx;
    if (!is_known(program, coll)) program_fail(program, "%llx is left over", (unsigned long long)coll->id);
}

void program_check_left_over(struct program *program) {
    if (!world_is_clean(&program->world)) program_fail(program, "something is left over");
    for (uint32_t pe = 0; pe < program->model.num_pes && !program->failed; pe++) {
        const struct chariot_pe *at = &program->world.pes[pe];
        obj_map_each(&at->collections, look_at_one, program);
        for (uint32_t t = 0; t < program->model.num_targets; t++) {
            const struct model_target *target = &program->model.targets[t];
            if (target->usable && lives_on(program, t, pe) && obj_coll_get(at, target->ref.collection) == NULL)
                program_fail(program, "PE %u does not know target %u", pe, t);
        }
    }
}
