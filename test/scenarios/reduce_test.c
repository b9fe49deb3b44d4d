/* Reductions on simulated PEs: every reducer, every kind of target, from constructors, overlapping, by all elements at
 * once, in any order of arrival, with results equal to the last bit. */
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* What one run needs everywhere; one run at a time. */
struct plan {
    struct chariot_create how;
    struct chariot_ref all, single;
    uint32_t user_reducer;
    struct chariot_target target; /* of what elements contribute */
    uint32_t reducer;
    int64_t heard, heard_sum; /* results that arrived as arguments */
    int64_t ready;            /* allreduce futures that were ready with the right value */
    bool construct;           /* contribute in constructors */
    uint64_t sum_bits;        /* of the first seed */
};
static struct plan plan;

/* Row-major position in the array. */
static int64_t place_of(const struct chariot_elem *elem) {
    struct chariot_index at = index_of(elem);
    int64_t place = 0;
    if (at.ndims == 1) return at.at[0];
    for (uint32_t i = 0; i < at.ndims; i++) place = place * plan.how.dims[i] + at.at[i];
    return place;
}

enum { FACTORS = 20 }; /* 20! fits an int */

/* One past its position, so that products and truths say something. */
static int contribute(struct chariot_pe *pe, struct chariot_elem *elem) {
    int64_t number = place_of(elem) + 1;
    if (plan.reducer == CHARIOT_REDUCE_PRODUCT && number > FACTORS) number = 1;
    struct chariot_msg *value = plan.reducer == CHARIOT_REDUCE_NOP ? NULL : value_int(number);
    return chariot_contribute_take(pe, elem, NULL, value, plan.reducer, &plan.target);
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return plan.construct && type->ctx == NULL ? contribute(pe, elem) : 0;
}

static int on_contribute(struct chariot_call *call) {
    return contribute(call->pe, call->elem);
}

static int on_hear(struct chariot_call *call) {
    plan.heard++;
    plan.heard_sum += arg_int(call->args, 0);
    return 0;
}

enum { OVERLAPPING = 20 };

/* The i-th reduction sums i times (place + 1), and goes to value i of the future: each is told apart by its sum. */
static int on_overlap(struct chariot_call *call) {
    for (int64_t i = 1; i <= OVERLAPPING; i++) {
        int rc = chariot_contribute_take(call->pe, call->elem, NULL, value_int(i * (place_of(call->elem) + 1)),
                                         CHARIOT_REDUCE_SUM, &plan.target);
        if (rc != 0) return rc;
    }
    return 0;
}

/* 1/3, 1/5, ... of very different size: no two ways of adding them agree in the last bit. */
static int on_contribute_double(struct chariot_call *call) {
    int64_t place = place_of(call->elem);
    double value = 1.0 / (double)(2 * place + 3) * (place % 3 == 0 ? 1e12 : place % 3 == 1 ? -1.0 : 1e-9);
    return chariot_contribute_take(call->pe, call->elem, NULL, value_double(value), CHARIOT_REDUCE_SUM, &plan.target);
}

struct waiting {
    struct chariot_waiter waiter;
    struct chariot_future *future;
};

static void on_all(struct chariot_pe *pe, void *ctx) {
    struct waiting *waiting = ctx;
    plan.ready += int_of(chariot_future_value(waiting->future, 0)) == plan.heard_sum;
    chariot_future_unref(waiting->future);
    free(waiting);
}

static int on_allreduce(struct chariot_call *call) {
    struct waiting *waiting = calloc(1, sizeof *waiting);
    CU_ASSERT_PTR_NOT_NULL_FATAL(waiting);
    int rc = chariot_allreduce_take(call->pe, call->elem, NULL, value_int(place_of(call->elem) + 1), CHARIOT_REDUCE_SUM,
                                    &waiting->future);
    if (rc != 0) return rc;
    waiting->waiter = (struct chariot_waiter){.fn = on_all, .ctx = waiting};
    return chariot_future_wait(waiting->future, &waiting->waiter);
}

enum { CONTRIBUTE, HEAR, OVERLAP, DOUBLE, ALLREDUCE, NUM_METHODS };
static const struct chariot_method methods[NUM_METHODS] = {{"contribute", on_contribute},
                                                           {"hear", on_hear},
                                                           {"overlap", on_overlap},
                                                           {"double", on_contribute_double},
                                                           {"allreduce", on_allreduce}};
static const struct chariot_type array_type = {
    .name = "Element", .methods = methods, .num_methods = NUM_METHODS, .create = create};
static const struct chariot_type single_type = {
    .name = "Single", .methods = methods, .num_methods = NUM_METHODS, .create = create, .ctx = &plan};

/* ---------------------------------------------------------------- a reducer of the program */

static int square(struct chariot_pe *pe, const struct chariot_reducer *reducer, const struct chariot_ref *contributor,
                  struct chariot_msg **value) {
    int64_t number = int_of(*value);
    chariot_msg_unref(*value);
    *value = value_int(number * number);
    return 0;
}

static int add(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
               struct chariot_msg *const *values, struct chariot_msg **out) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += int_of(values[i]);
    *out = value_int(sum);
    return 0;
}

static int negate(struct chariot_pe *pe, const struct chariot_reducer *reducer, struct chariot_msg **value) {
    int64_t number = int_of(*value);
    chariot_msg_unref(*value);
    *value = value_int(-number);
    return 0;
}

static const struct chariot_reducer sum_of_squares = {.name = "squares", .combine = add, .pre = square, .post = negate};

/* ---------------------------------------------------------------- programs */

static void prepare(struct script *script, struct world *world) {
    plan.how.type = world_register(world, &array_type);
    struct chariot_create single = {.type = world_register(world, &single_type), .kind = CHARIOT_SINGLE, .on_pe = -1};
    plan.user_reducer = world_register_reducer(world, &sum_of_squares);
    CU_ASSERT_EQUAL(chariot_create_take(&world->pes[world->num_pes - 1], &single, NULL, &plan.single), 0);
}

static void to_future(struct chariot_future *future) {
    plan.target = (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(future)};
}

static void call(struct chariot_pe *pe, const struct chariot_ref *ref, uint32_t method) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, method, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
}

static int64_t elements(void) {
    int64_t count = 1;
    for (uint32_t i = 0; i < plan.how.ndims; i++) count *= plan.how.dims[i];
    return count;
}

static void clean(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void run(void (*play)(struct script *, struct chariot_pe *, int, struct chariot_future *,
                             struct chariot_future *),
                struct chariot_create how, uint32_t num_pes, uint64_t seed) {
    plan.how = how;
    plan.how.kind = CHARIOT_ARRAY_OF;
    struct script script = {.prepare = prepare, .play = play, .verify = clean};
    script_run(&script, num_pes, seed);
}

static int64_t expected_of(uint32_t reducer, int64_t n) {
    int64_t product = 1;
    for (int64_t i = 1; i <= n && i <= FACTORS; i++) product *= i;
    switch (reducer) {
    case CHARIOT_REDUCE_SUM:
        return n * (n + 1) / 2;
    case CHARIOT_REDUCE_PRODUCT:
        return product;
    case CHARIOT_REDUCE_MAX:
        return n;
    case CHARIOT_REDUCE_MIN:
        return 1;
    default: /* of the program */
        return -(n * (n + 1) * (2 * n + 1) / 6);
    }
}

static void check_gathered(const struct chariot_msg *msg) {
    static int64_t values[5000];
    int64_t n = elements();
    CU_ASSERT_EQUAL((int64_t)ints_of(msg, values, 5000), n);
    for (int64_t i = 0; i < n; i++) CU_ASSERT_EQUAL(values[i], i + 1);
}

static void check_result(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    switch (plan.reducer) {
    case CHARIOT_REDUCE_NOP:
        CU_ASSERT_TRUE(is_null(msg));
        return;
    case CHARIOT_REDUCE_AND:
    case CHARIOT_REDUCE_OR:
    case CHARIOT_REDUCE_XOR:
        CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_BOOL, &value), 0);
        CU_ASSERT_EQUAL(value.boolean, plan.reducer != CHARIOT_REDUCE_XOR || elements() % 2 == 1);
        return;
    case CHARIOT_REDUCE_GATHER:
        check_gathered(msg);
        return;
    default:
        CU_ASSERT_EQUAL(int_of(msg), expected_of(plan.reducer, elements()));
    }
}

/* Step i reduces with reducer i; the last one with the program's own. */
static void play_reducers(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                          struct chariot_future *next) {
    if (step == 0) CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
    if (step > 0) check_result(chariot_future_value(done, 0));
    if (step > CHARIOT_REDUCE_GATHER + 1) {
        chariot_exit(pe, 0);
        return;
    }
    plan.reducer = step > CHARIOT_REDUCE_GATHER ? plan.user_reducer : (uint32_t)step;
    to_future(next);
    call(pe, &plan.all, CONTRIBUTE);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void every_reducer_gives_its_result(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 4 ? 20 : 100); seed++) {
            plan = (struct plan){0};
            run(play_reducers, (struct chariot_create){.ndims = 1, .dims = {1 + (int64_t)seed % 20}}, sizes[i], seed);
        }
    }
}

static void results_are_gathered_in_the_order_of_indices_of_any_dimension(void) {
    const struct chariot_create hows[] = {
        {.ndims = 1, .dims = {50}},
        {.ndims = 2, .dims = {7, 12}},
        {.ndims = 3, .dims = {3, 4, 5}},
        {.ndims = 4, .dims = {2, 3, 4, 2}},
        {.ndims = 5, .dims = {2, 3, 1, 2, 3}},
        {.ndims = 6, .dims = {2, 2, 3, 1, 2, 2}},
    };
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(6 * (sizes[i] > 4 ? 3 : 10)); seed++) {
            plan = (struct plan){0};
            run(play_reducers, hows[seed % 6], sizes[i], seed);
        }
    }
}

/* A program that reduces in constructors, to the future that it waits for. */
static void play_constructors(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                              struct chariot_future *next) {
    if (step == 0) {
        to_future(next);
        CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
        return;
    }
    check_result(chariot_future_value(done, 0));
    chariot_exit(pe, 0);
}

static void constructors_may_contribute(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
            plan = (struct plan){.construct = true, .reducer = CHARIOT_REDUCE_GATHER};
            run(play_constructors, (struct chariot_create){.ndims = 1, .dims = {1 + (int64_t)seed % 90}}, sizes[i],
                seed);
        }
    }
}

static void send_null(struct chariot_pe *pe, void *ctx) {
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, (uint64_t)(uintptr_t)ctx, NULL), 0);
}

/* Results by way of methods: of one element, of all, of a single chare; then a future says that they were heard. */
static void play_targets(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    int64_t n = elements(), sum = n * (n + 1) / 2;
    plan.reducer = CHARIOT_REDUCE_SUM;
    plan.target = (struct chariot_target){.kind = CHARIOT_TO_METHOD, .method = HEAR};
    const struct chariot_index last = {.ndims = 1, .at = {n - 1}};
    const int64_t hears[] = {0, 1, n, 1};
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
        CU_ASSERT_EQUAL(chariot_ref_element(&plan.all, &last, &plan.target.ref), 0);
        break;
    case 1:
        plan.target.ref = plan.all;
        break;
    case 2:
        plan.target.ref = plan.single;
        break;
    case 3:
        plan.target = (struct chariot_target){.kind = CHARIOT_TO_NOTHING};
        break;
    default:
        chariot_exit(pe, 0);
        return;
    }
    CU_ASSERT_EQUAL(plan.heard, hears[step]);
    CU_ASSERT_EQUAL(plan.heard_sum, hears[step] * sum);
    plan.heard = plan.heard_sum = 0;
    call(pe, &plan.all, CONTRIBUTE);
    void *id = (void *)(uintptr_t)chariot_future_id(next);
    CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, send_null, id), 0); /* virtual time: all is heard by then */
}

static void results_go_to_methods(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 4 ? 20 : 100); seed++) {
            plan = (struct plan){0};
            run(play_targets, (struct chariot_create){.ndims = 1, .dims = {1 + (int64_t)seed % 30}}, sizes[i], seed);
        }
    }
}

/* Many at once, all to one future of many values: it gets each sum once. */
static void play_overlap(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    int64_t n = elements(), all = 0;
    if (step == 0) {
        to_future(script_expect(script, pe, OVERLAPPING));
        CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
        call(pe, &plan.all, OVERLAP);
        return;
    }
    uint32_t seen = 0;
    for (uint64_t i = 0; i < OVERLAPPING; i++) {
        int64_t sum = int_of(chariot_future_value(done, i)), times = sum / (n * (n + 1) / 2);
        CU_ASSERT_TRUE(times >= 1 && times <= OVERLAPPING);
        seen |= 1u << times;
        all += sum;
    }
    CU_ASSERT_EQUAL(seen, (2u << OVERLAPPING) - 2);
    CU_ASSERT_EQUAL(all, OVERLAPPING * (OVERLAPPING + 1) / 2 * (n * (n + 1) / 2));
    chariot_exit(pe, 0);
}

static void overlapping_reductions_do_not_mix(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) {
            plan = (struct plan){0};
            run(play_overlap, (struct chariot_create){.ndims = 1, .dims = {1 + (int64_t)seed % 70}}, sizes[i], seed);
        }
    }
}

/* Each element is asked apart, so that contributions come in any order; several times over. */
static void ask_each(struct chariot_pe *pe, uint32_t method) {
    for (int64_t i = 0; i < elements(); i++) {
        const struct chariot_index at = {.ndims = 1, .at = {i}};
        struct chariot_ref elem;
        CU_ASSERT_EQUAL(chariot_ref_element(&plan.all, &at, &elem), 0);
        call(pe, &elem, method);
    }
}

static void play_doubles(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    if (step == 0) CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
    if (step > 0) {
        double sum = double_of(chariot_future_value(done, 0));
        uint64_t bits;
        memcpy(&bits, &sum, sizeof bits);
        if (plan.sum_bits == 0) plan.sum_bits = bits;
        CU_ASSERT_EQUAL(bits, plan.sum_bits);
    }
    if (step == 3) {
        chariot_exit(pe, 0);
        return;
    }
    to_future(next);
    ask_each(pe, DOUBLE);
}

static void sums_of_doubles_are_equal_to_the_last_bit_in_every_run(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        plan = (struct plan){0};
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) {
            run(play_doubles, (struct chariot_create){.ndims = 1, .dims = {500}}, sizes[i], seed);
        }
    }
}

static void play_allreduce(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                           struct chariot_future *next) {
    int64_t n = elements();
    if (step == 3) {
        CU_ASSERT_EQUAL(plan.ready, 3 * n);
        chariot_exit(pe, 0);
        return;
    }
    if (step == 0) CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
    plan.heard_sum = n * (n + 1) / 2;
    ask_each(pe, ALLREDUCE);
    void *id = (void *)(uintptr_t)chariot_future_id(next);
    CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, send_null, id), 0);
}

static void every_element_gets_the_result_of_an_allreduce(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) {
            plan = (struct plan){0};
            run(play_allreduce, (struct chariot_create){.ndims = 1, .dims = {1 + (int64_t)seed % 60}}, sizes[i], seed);
        }
    }
}

/* A single chare reduces with itself: by contribute with every reducer, and by allreduce. */
static void play_single(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                        struct chariot_future *next) {
    plan.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {1}, .type = plan.how.type};
    if (step > 0 && step <= CHARIOT_REDUCE_GATHER + 2) check_result(chariot_future_value(done, 0));
    if (step == CHARIOT_REDUCE_GATHER + 3) {
        CU_ASSERT_EQUAL(plan.ready, 1);
        chariot_exit(pe, 0);
    } else if (step == CHARIOT_REDUCE_GATHER + 2) {
        plan.heard_sum = 1;
        call(pe, &plan.single, ALLREDUCE);
        void *id = (void *)(uintptr_t)chariot_future_id(next);
        CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, send_null, id), 0);
    } else {
        plan.reducer = step > CHARIOT_REDUCE_GATHER ? plan.user_reducer : (uint32_t)step;
        to_future(next);
        call(pe, &plan.single, CONTRIBUTE);
    }
}

static void a_single_chare_reduces_with_itself(void) {
    for (uint32_t num_pes = 1; num_pes <= 4; num_pes++) {
        for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
            plan = (struct plan){0};
            run(play_single, (struct chariot_create){.ndims = 1, .dims = {1}}, num_pes, seed);
        }
    }
}

/* The job ends with the least contribution as its status. */
static void play_exit(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                      struct chariot_future *next) {
    plan.reducer = CHARIOT_REDUCE_MIN;
    plan.target = (struct chariot_target){.kind = CHARIOT_TO_METHOD, .method = CHARIOT_RUNTIME_EXIT};
    chariot_ref_runtime(pe, (int64_t)chariot_num_pes(pe) - 1, &plan.target.ref);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
    call(pe, &plan.all, CONTRIBUTE);
}

static void a_reduction_may_end_the_job(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        plan = (struct plan){.how = {.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {9}}};
        struct script script = {.prepare = prepare, .play = play_exit, .status = 1};
        script_run(&script, sizes[i], 5);
    }
}

/* Sums of doubles depend on where elements live, to the last bits. */
static void so_it_is_while_elements_move(void) {
    wander_begin(200);
    every_reducer_gives_its_result();
    results_are_gathered_in_the_order_of_indices_of_any_dimension();
    constructors_may_contribute();
    results_go_to_methods();
    overlapping_reductions_do_not_mix();
    every_element_gets_the_result_of_an_allreduce();
    a_reduction_may_end_the_job();
    wander_end();
}

/* ---------------------------------------------------------------- work */

/* Messages and time of one reduction over a group, in a world whose messages all take 1 ms. */
static void measure(uint32_t num_pes, bool construct, uint64_t *messages, int64_t *hops) {
    struct world world;
    plan = (struct plan){.construct = construct, .reducer = CHARIOT_REDUCE_SUM};
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = num_pes, .min_delay_ns = 1000000, .max_delay_ns = 1000000, .through_wire = true});
    plan.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {5 * num_pes}};
    plan.how.type = world_register(&world, &array_type);
    struct chariot_pe *pe = &world.pes[0];
    world_settle(&world);
    uint64_t before = rpc_sim_messages(world.sim);
    int64_t start_ns = rpc_sim_now_ns(world.sim);
    struct chariot_future *future = chariot_future_new(pe, 1);
    to_future(future);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &plan.how, NULL, &plan.all), 0);
    if (!construct) {
        world_wake(&world, 0);
        world_settle(&world);
        before = rpc_sim_messages(world.sim);
        start_ns = rpc_sim_now_ns(world.sim);
        call(pe, &plan.all, CONTRIBUTE);
    }
    world_wake(&world, 0);
    world_settle(&world);
    CU_ASSERT_TRUE(chariot_future_ready(future));
    *messages = rpc_sim_messages(world.sim) - before;
    *hops = (rpc_sim_now_ns(world.sim) - start_ns) / 1000000;
    chariot_future_unref(future);
    world_close(&world);
}

static int64_t depth_of(uint32_t num_pes) {
    int64_t depth = 0;
    for (uint64_t level = 1, reach = 1; reach < num_pes; depth++) {
        level *= OBJ_TREE_RADIX;
        reach += level;
    }
    return depth;
}

/* Down the tree and up again: once along each edge. */
static void a_reduction_sends_one_message_per_pe_and_takes_logarithmic_time(void) {
    const uint32_t many[] = {1, 2, 4, 5, 6, 17, 64, 300, 1000};
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        for (int construct = 0; construct <= 1; construct++) {
            uint64_t messages;
            int64_t hops;
            measure(many[i], construct, &messages, &hops);
            CU_ASSERT_EQUAL(messages, 2 * ((uint64_t)many[i] - 1));
            CU_ASSERT_EQUAL(hops, 2 * depth_of(many[i]));
        }
    }
}

UNIT_MAIN("scenarios/reduce", UNIT(every_reducer_gives_its_result),
          UNIT(results_are_gathered_in_the_order_of_indices_of_any_dimension), UNIT(constructors_may_contribute),
          UNIT(results_go_to_methods), UNIT(overlapping_reductions_do_not_mix),
          UNIT(sums_of_doubles_are_equal_to_the_last_bit_in_every_run),
          UNIT(every_element_gets_the_result_of_an_allreduce), UNIT(a_single_chare_reduces_with_itself),
          UNIT(a_reduction_may_end_the_job), UNIT(so_it_is_while_elements_move),
          UNIT(a_reduction_sends_one_message_per_pe_and_takes_logarithmic_time))
