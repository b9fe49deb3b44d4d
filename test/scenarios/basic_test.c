/* The programming model on simulated PEs: creation, calls, broadcasts, reductions, futures, under delay and reordering,
 * each with many seeds, always with equal results. */
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

/* A counter: elements know their place, add what they are told, answer with what they have. */
struct counter {
    int64_t sum;
    int64_t calls;
};

static uint32_t counter_id;

static int64_t int_arg(struct chariot_msg *args) {
    struct chariot_reader reader;
    struct chariot_value list, value;
    chariot_reader_init(&reader, args);
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_LIST, &list), 0);
    CU_ASSERT_EQUAL(list.count, 1);
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
    return value.integer;
}

static struct chariot_msg *int_value(int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, value);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static struct chariot_msg *int_args(int64_t value) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, value);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

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
    counter->sum += int_arg(call->args);
    counter->calls++;
    return 0;
}

static int counter_get(struct chariot_call *call) {
    struct counter *counter = call->object;
    call->result = int_value(counter->sum);
    return 0;
}

/* Contributes its index to a sum whose result goes to the future that it is told. */
static int counter_reduce(struct chariot_call *call) {
    struct chariot_ref me;
    struct chariot_index at;
    chariot_elem_ref(call->elem, &me);
    chariot_ref_index(&me, &at);
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = (uint64_t)int_arg(call->args)};
    return chariot_contribute_take(call->pe, call->elem, NULL, int_value(at.at[0]), CHARIOT_REDUCE_SUM, &target);
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

/* A program: steps run on PE 0, each when the future of the one before is complete. */
struct program {
    int step;
    struct chariot_future *waits;
    struct chariot_waiter waiter;
    struct chariot_ref ref;
    struct chariot_create how;
    int64_t elements;
};

static int64_t int_of(struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
    return value.integer;
}

static void list_is_all(struct chariot_msg *msg, int64_t count, int64_t each) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL((int64_t)value.count, count);
    for (int64_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_INT, &value), 0);
        CU_ASSERT_EQUAL(value.integer, each);
    }
}

static void next_step(struct chariot_pe *pe, void *ctx);

static void wait_for(struct program *program, struct chariot_future *future) {
    program->waits = future;
    program->waiter = (struct chariot_waiter){.fn = next_step, .ctx = program};
    CU_ASSERT_EQUAL(chariot_future_wait(future, &program->waiter), 0);
}

static void next_step(struct chariot_pe *pe, void *ctx) {
    struct program *program = ctx;
    struct chariot_future *done = program->waits, *next = chariot_future_new(pe, 1);
    switch (program->step++) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, &program->ref), 0);
        for (int i = 0; i < 3; i++) { /* sent before the elements exist */
            CU_ASSERT_EQUAL(chariot_send_take(pe, &program->ref, ADD, int_args(5), CHARIOT_WANT_NOTHING, NULL), 0);
        }
        CU_ASSERT_EQUAL(chariot_await_created(pe, &program->ref, next), 0);
        break;
    case 1:
        CU_ASSERT_EQUAL(chariot_send_take(pe, &program->ref, GET, NULL, CHARIOT_WANT_VALUE, next), 0);
        break;
    case 2:
        list_is_all(chariot_future_value(done, 0), program->elements, 15);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &program->ref, ADD, int_args(1), CHARIOT_WANT_DONE, next), 0);
        break;
    case 3:
        CU_ASSERT_EQUAL(chariot_send_take(pe, &program->ref, REDUCE, int_args((int64_t)chariot_future_id(next)),
                                          CHARIOT_WANT_NOTHING, NULL), 0);
        break;
    case 4:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), program->elements * (program->elements - 1) / 2);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &program->ref, FAIL, NULL, CHARIOT_WANT_DONE, next), 0);
        break;
    case 5:
        CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(done, 0)));
        CU_ASSERT_EQUAL(chariot_destroy(pe, &program->ref, next), 0);
        break;
    default:
        chariot_exit(pe, 7);
    }
    chariot_future_unref(done);
    wait_for(program, next);
}

static void entry(struct chariot_pe *pe, void *ctx) {
    struct program *program = ctx;
    struct chariot_future *first = chariot_future_new(pe, 1);
    wait_for(program, first);
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, chariot_future_id(first), NULL), 0);
}

static void run_program(uint32_t num_pes, uint64_t seed, struct chariot_create how, int64_t elements) {
    struct world world;
    world_open(&world, (struct rpc_sim_config){.num_pes = num_pes, .seed = seed, .max_delay_ns = 5000000, .through_wire = true});
    how.type = counter_id = world_register(&world, &counter_type);
    struct program program = {.how = how, .elements = elements};
    world.pes[0].entry = entry;
    world.pes[0].entry_ctx = &program;
    CU_ASSERT_TRUE(world_run(&world));
    CU_ASSERT_STRING_EQUAL(world.abort_text, "");
    CU_ASSERT_EQUAL(program.step, 7);
    for (uint32_t i = 0; i < num_pes; i++) CU_ASSERT_EQUAL(world.pes[i].status, 7);
    chariot_future_unref(program.waits);
    world_close(&world);
}

static const uint32_t sizes[] = {1, 2, 3, 5, 17, 64};

static void group_program_gives_equal_results(void) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            run_program(sizes[i], seed, (struct chariot_create){.kind = CHARIOT_GROUP}, sizes[i]);
        }
    }
}

static void array_program_gives_equal_results(void) {
    const int64_t counts[] = {1, 3, 40, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            int64_t count = counts[seed % 4];
            run_program(sizes[i], seed,
                        (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {count}}, count);
        }
    }
}

UNIT_MAIN("scenarios/basic", UNIT(group_program_gives_equal_results), UNIT(array_program_gives_equal_results))
