/* The programming model on simulated PEs: creation, calls, broadcasts, reductions, futures, under delay and reordering,
 * each with many seeds, always with equal results. */
#include "objects/runtime.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

#include <stdlib.h>

/* A counter: elements add what they are told, answer with what they have. */
struct counter {
    int64_t sum;
};

static int counter_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                          struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct counter));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void counter_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int counter_add(struct chariot_call *call) {
    struct counter *counter = call->object;
    counter->sum += arg_int(call->args, 0);
    return 0;
}

static int counter_get(struct chariot_call *call) {
    struct counter *counter = call->object;
    call->result = value_int(counter->sum);
    return 0;
}

/* Contributes its index to a sum whose result goes to the future that it is told. */
static int counter_reduce(struct chariot_call *call) {
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = (uint64_t)arg_int(call->args, 0)};
    return chariot_contribute_take(call->pe, call->elem, NULL, value_int(index_of(call->elem).at[0]),
                                   CHARIOT_REDUCE_SUM, &target);
}

static int counter_fail(struct chariot_call *call) {
    return CHARIOT_EUSER;
}

enum { ADD, GET, REDUCE, FAIL };
static const struct chariot_method counter_methods[] = {
    {"add", counter_add}, {"get", counter_get}, {"reduce", counter_reduce}, {"fail", counter_fail}};
static const struct chariot_type counter_type = {.name = "Counter",
                                                 .methods = counter_methods,
                                                 .num_methods = 4,
                                                 .create = counter_create,
                                                 .destroy = counter_destroy};

struct program {
    struct chariot_create how;
    struct chariot_ref ref;
    int64_t elements;
};

static void prepare(struct script *script, struct world *world) {
    struct program *program = script->ctx;
    program->how.type = world_register(world, &counter_type);
}

static void call_all(struct chariot_pe *pe, const struct chariot_ref *ref, uint32_t method, struct chariot_msg *args,
                     enum chariot_want want, struct chariot_future *reply) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, method, args, want, reply), 0);
}

static void list_is_all(struct chariot_msg *msg, int64_t count, int64_t each) {
    int64_t values[1000];
    CU_ASSERT_EQUAL((int64_t)ints_of(msg, values, 1000), count);
    for (int64_t i = 0; i < count; i++) CU_ASSERT_EQUAL(values[i], each);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    struct program *program = script->ctx;
    struct chariot_ref *all = &program->ref;
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, all), 0);
        for (int i = 0; i < 3; i++) { /* sent before the elements exist */
            call_all(pe, all, ADD, args_of(5), CHARIOT_WANT_NOTHING, NULL);
        }
        CU_ASSERT_EQUAL(chariot_await_created(pe, all, next), 0);
        return;
    case 1:
        call_all(pe, all, GET, NULL, CHARIOT_WANT_VALUE, next);
        return;
    case 2:
        list_is_all(chariot_future_value(done, 0), program->elements, 15);
        call_all(pe, all, ADD, args_of(1), CHARIOT_WANT_DONE, next);
        return;
    case 3:
        call_all(pe, all, REDUCE, args_of((int64_t)chariot_future_id(next)), CHARIOT_WANT_NOTHING, NULL);
        return;
    case 4:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), program->elements * (program->elements - 1) / 2);
        call_all(pe, all, FAIL, NULL, CHARIOT_WANT_DONE, next);
        return;
    case 5:
        CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(done, 0)));
        CU_ASSERT_EQUAL(chariot_destroy(pe, all, next), 0);
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, 7);
    CU_ASSERT_TRUE(world_is_clean(world));
    for (uint32_t i = 0; i < world->num_pes; i++) CU_ASSERT_EQUAL(world->pes[i].collections.count, OBJ_NUM_RESIDENTS);
}

static void run(uint32_t num_pes, uint64_t seed, struct chariot_create how, int64_t elements) {
    struct program program = {.how = how, .elements = elements};
    struct script script = {.prepare = prepare, .play = play, .verify = verify, .ctx = &program};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void group_program_gives_equal_results(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
            run(sizes[i], seed, (struct chariot_create){.kind = CHARIOT_GROUP}, sizes[i]);
        }
    }
}

static void array_program_gives_equal_results(void) {
    const int64_t counts[] = {1, 3, 40, 200};
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
            int64_t count = counts[seed % 4];
            run(sizes[i], seed, (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {count}}, count);
        }
    }
}

UNIT_MAIN("scenarios/basic", UNIT(group_program_gives_equal_results), UNIT(array_program_gives_equal_results))
