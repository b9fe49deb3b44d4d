/* The chares of a section program. Two types name their methods alike and number them otherwise. */
#include "test/scenarios/section_program.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/scenarios/values.h"

enum { NUM_METHODS = PROGRAM_TOLD + PROGRAM_OPS };

/* One element: its number in the model. */
struct chare {
    uint32_t number;
};

/* Which program a type's ctx belongs to, and where its methods begin: from the front, or from the back. */
struct dialect {
    struct program *program;
    bool backwards;
};

uint32_t program_method(const struct model_target *target, uint32_t method) {
    return target->type == 0 ? method : NUM_METHODS - 1 - method;
}

static uint32_t meaning(const struct dialect *dialect, uint32_t method) {
    return dialect->backwards ? NUM_METHODS - 1 - method : method;
}

/* ---------------------------------------------------------------- life */

/* Those that are inserted are in the model before they come to be. */
static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    struct program *program = ((const struct dialect *)type->ctx)->program;
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    struct chariot_index at = index_of(elem);
    for (uint32_t coll = 0; coll < program->model.num_colls; coll++) {
        if (program->model.targets[coll].ref.collection != ref.collection) continue;
        int64_t number = model_find(&program->model, coll, &at);
        if (number < 0) break;
        struct chare *chare = malloc(sizeof *chare);
        if (chare == NULL) return CHARIOT_ENOMEM;
        chare->number = (uint32_t)number;
        program->model.elems[number].pe = chariot_my_pe(pe);
        *object = chare;
        return 0;
    }
    program_fail(program, "an element came to be that should not: %lld", (long long)at.at[0]);
    return CHARIOT_EINVAL;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < index->ndims; i++) sum = sum * 31 + (uint64_t)index->at[i] * 7;
    *on_pe = (int64_t)(sum % chariot_num_pes(pe));
    return 0;
}

static int create_map(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                      struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

/* rule: the operation; none: all join the first section. */
static int choose(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error) {
    struct program *program = ((const struct dialect *)type->ctx)->program;
    const struct chare *chare = chariot_elem_object(elem);
    if (rule == NULL) return chariot_choose(choice, 0);
    const struct op *op = &program->ops[int_of(rule)];
    if (op->failing != 0 && chare->number % op->failing == 0) return CHARIOT_EUSER;
    if (chariot_choose(choice, -1 - (int64_t)chare->number) != 0) program_fail(program, "choosing none fails");
    for (uint32_t i = 0; i < op->num; i++) {
        if ((op->choice[chare->number] >> i & 1) == 0) continue;
        int rc = chariot_choose(choice, i);
        if (rc == 0 && chare->number % 3 == 0) rc = chariot_choose(choice, i); /* twice is once */
        if (rc != 0) return rc;
    }
    if (chariot_choose(choice, op->num) != CHARIOT_ERANGE) program_fail(program, "a section too many can be chosen");
    return 0;
}

/* ---------------------------------------------------------------- hearing */

/* All that hear a target's broadcasts hear the same one as the n-th. */
static void check_order(struct program *program, uint32_t target, uint32_t elem, uint32_t number) {
    uint32_t nth = program->seen[target][elem]++;
    if (nth == program->num_order[target]) program->order[target][program->num_order[target]++] = (uint8_t)number;
    if (nth >= program->num_order[target] || program->order[target][nth] != number)
        program_fail(program, "operation %u reaches element %u as the %u. of target %u, others otherwise", number, elem,
                     nth, target);
}

/* A call that goes on when its method has returned. */
struct late {
    struct chariot_reply reply;
    int64_t value;
};

static void reply_late(struct chariot_pe *pe, void *ctx) {
    struct late *late = ctx;
    chariot_reply_take(pe, &late->reply, value_int(late->value));
    free(late);
}

static int go_on(struct chariot_call *call, int64_t value) {
    struct late *late = malloc(sizeof *late);
    if (late == NULL) return CHARIOT_ENOMEM;
    *late = (struct late){call->reply, value};
    int rc = chariot_post(call->pe, reply_late, late);
    return rc == 0 ? CHARIOT_LATER : rc;
}

static int hear(struct program *program, struct chariot_call *call, uint32_t elem) {
    uint32_t number = (uint32_t)arg_int(call->args, 0);
    struct op *op = &program->ops[number];
    op->heard[elem]++;
    program->deliveries++;
    check_order(program, op->target, elem, number);
    if (op->failing != 0 && elem % op->failing == 0) return CHARIOT_EUSER;
    int64_t value = (int64_t)elem * 1000 + number;
    if (elem % 5 == number % 7) return go_on(call, value);
    call->result = value_int(value);
    return 0;
}

/* ---------------------------------------------------------------- reductions */

int64_t program_part_value(uint32_t elem, uint32_t op) {
    return (int64_t)elem * 37 % 101 + (int64_t)op * 100003 + 1;
}

static struct chariot_elem *elem_on(const struct program *program, struct chariot_pe *pe, uint32_t elem) {
    const struct model *model = &program->model;
    struct chariot_ref ref;
    chariot_ref_element(&model->targets[model->elems[elem].coll].ref, &model->elems[elem].index, &ref);
    return chariot_elem_local(pe, &ref);
}

struct chariot_pe *program_pe_of(struct program *program, uint32_t elem) {
    uint32_t seen = program->model.elems[elem].pe;
    for (uint32_t i = 0; i < program->model.num_pes; i++) {
        struct chariot_pe *pe = &program->world.pes[(seen + i) % program->model.num_pes];
        if (elem_on(program, pe, elem) != NULL) return pe;
    }
    return NULL;
}

void program_contribute(struct program *program, struct chariot_pe *pe, uint32_t elem, uint32_t target) {
    struct model *model = &program->model;
    struct model_target *over = &model->targets[target];
    struct chariot_elem *self = elem_on(program, pe, elem);
    if (self == NULL) return; /* it is being destroyed */
    bool member = over->member[elem];
    if (!member && over->early) return; /* who is none is not known everywhere yet */
    uint32_t nth = program->parts[target][elem];
    if (member) program->parts[target][elem]++;
    struct op *op = &program->ops[program->reductions[target][member ? nth : 0]];
    uint32_t number = (uint32_t)(op - program->ops);
    struct chariot_msg *value = op->reducer == CHARIOT_REDUCE_NOP ? NULL : value_int(program_part_value(elem, number));
    uint32_t reducer = op->reducer == PROGRAM_REDUCER ? program->reducer : op->reducer;
    const struct chariot_ref *whole = target < MODEL_COLLS ? NULL : &over->ref;
    struct chariot_target to = {.kind = CHARIOT_TO_FUTURE};
    if (op->told_target < MODEL_TARGETS) {
        to = (struct chariot_target){.kind = CHARIOT_TO_METHOD, .ref = model->targets[op->told_target].ref};
        to.method = program_method(&model->targets[op->told_target], PROGRAM_TOLD + number);
    } else if (op->future != NULL) {
        to.future = chariot_future_id(op->future);
    }
    int rc = op->kind == OP_ALLREDUCE
                 ? chariot_allreduce_take(pe, self, whole, value, reducer,
                                          member ? &op->results[elem] : &(struct chariot_future *){NULL})
                 : chariot_contribute_take(pe, self, whole, value, reducer, &to);
    op->contributed = op->contributed || rc == 0;
    if (rc != (member ? 0 : CHARIOT_ENOENT) && !over->dying)
        program_fail(program, "element %u contributes to target %u (%s): %d", elem, target, member ? "member" : "none",
                     rc);
}

static int part(struct program *program, struct chariot_call *call, uint32_t elem) {
    uint32_t number = (uint32_t)arg_int(call->args, 0);
    program->ops[number].heard[elem]++;
    program_contribute(program, call->pe, elem, program->ops[number].target);
    return 0;
}

int64_t program_digest(const struct chariot_msg *msg) {
    int64_t many[MODEL_ELEMS];
    struct chariot_reader reader;
    struct chariot_value value;
    if (msg == NULL || is_null(msg)) return 0;
    chariot_reader_init(&reader, msg);
    if (chariot_get(&reader, &value) != 0 || value.type == CHARIOT_ERROR) return -1;
    if (value.type == CHARIOT_INT) return value.integer;
    uint64_t digest = 5;
    size_t count = ints_of(msg, many, MODEL_ELEMS);
    for (size_t i = 0; i < count; i++) digest = digest * 31 + (uint64_t)many[i];
    return (int64_t)digest;
}

/* ---------------------------------------------------------------- results that are told to a target */

/* The one argument, if there is one, as a value of its own. */
static int64_t digest_of_argument(const struct chariot_msg *args) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct chariot_writer writer;
    struct chariot_msg *one;
    const void *data;
    size_t size;
    if (args == NULL) return 0;
    chariot_reader_init(&reader, args);
    if (chariot_msg_size(args) == 0 || chariot_get(&reader, &value) != 0 || value.count == 0) return 0;
    if (chariot_skip(&reader, &data, &size) != 0) return -1;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, data, size);
    if (chariot_writer_finish(&writer, &one) != 0) return -1;
    int64_t digest = program_digest(one);
    chariot_msg_unref(one);
    return digest;
}

static int told(struct program *program, struct chariot_call *call, uint32_t elem, uint32_t number) {
    struct op *op = &program->ops[number];
    int64_t digest = digest_of_argument(call->args);
    bool first = model_count(&program->model, op->told) == 0;
    if (first) op->told_digest = digest;
    if (digest != op->told_digest) program_fail(program, "operation %u tells different results", number);
    op->told[elem]++;
    if (first && op->kind == OP_QUIET) program_check_quiet(program, op);
    return 0;
}

/* ---------------------------------------------------------------- types */

static int invoke(struct chariot_call *call) {
    struct chariot_ref ref;
    chariot_elem_ref(call->elem, &ref);
    const struct dialect *dialect = chariot_type_of(call->pe, ref.type)->ctx;
    uint32_t elem = ((const struct chare *)call->object)->number, method = meaning(dialect, call->method);
    if (method == PROGRAM_HEAR) return hear(dialect->program, call, elem);
    if (method == PROGRAM_PART) return part(dialect->program, call, elem);
    return told(dialect->program, call, elem, method - PROGRAM_TOLD);
}

static int sum(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
               struct chariot_msg *const *values, struct chariot_msg **out) {
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) total += int_of(values[i]);
    *out = value_int(total);
    return 0;
}

static int twice(struct chariot_pe *pe, const struct chariot_reducer *reducer, const struct chariot_ref *contributor,
                 struct chariot_msg **value) {
    int64_t was = int_of(*value);
    chariot_msg_unref(*value);
    *value = value_int(2 * was);
    return 0;
}

static int one_more(struct chariot_pe *pe, const struct chariot_reducer *reducer, struct chariot_msg **value) {
    int64_t was = int_of(*value);
    chariot_msg_unref(*value);
    *value = value_int(was + 1);
    return 0;
}

static const struct chariot_reducer twice_and_one = {.name = "twice", .combine = sum, .pre = twice, .post = one_more};

void program_register(struct program *program) {
    static struct chariot_method methods[2][NUM_METHODS];
    static char names[NUM_METHODS][16];
    static struct dialect dialects[2];
    static struct chariot_type types[2];
    static const struct chariot_type map_type = {.name = "Map", .create = create_map, .place = place};
    static const char *const type_names[] = {"Forwards", "Backwards"};
    for (uint32_t i = 0; i < NUM_METHODS; i++) {
        snprintf(names[i], sizeof names[i], "m%u", i);
        methods[0][i] = methods[1][NUM_METHODS - 1 - i] = (struct chariot_method){names[i], invoke};
    }
    for (uint32_t i = 0; i < 2; i++) {
        dialects[i] = (struct dialect){program, i == 1};
        types[i] = (struct chariot_type){.name = type_names[i],
                                         .methods = methods[i],
                                         .num_methods = NUM_METHODS,
                                         .ctx = &dialects[i],
                                         .create = create,
                                         .destroy = destroy,
                                         .choose = choose};
        program->types[i] = world_register(&program->world, &types[i]);
    }
    program->map_type = world_register(&program->world, &map_type);
    program->reducer = world_register_reducer(&program->world, &twice_and_one);
}
