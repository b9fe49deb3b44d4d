/* Broadcasts on simulated PEs: from several PEs at once each element hears each once, those of one sender in order;
 * their results come together sorted; methods may do anything while they run. */
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { PER_PE = 7, MAX_PES = 64 };

/* What one run needs everywhere; one run at a time. */
static struct {
    struct chariot_create how;
    struct chariot_ref group, all, sparse;
    uint32_t type;
    uint64_t heard, wild;
    int64_t failing; /* elements whose index is a multiple of it fail */
} now;

/* An element remembers what it has heard of each PE. */
struct ear {
    int64_t last[MAX_PES];
};

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct ear));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

/* args: who speaks, its count. */
static int on_hear(struct chariot_call *call) {
    struct ear *ear = call->object;
    int64_t speaker = arg_int(call->args, 0), number = arg_int(call->args, 1);
    CU_ASSERT_EQUAL(number, ear->last[speaker] + 1);
    ear->last[speaker] = number;
    now.heard++;
    return 0;
}

static int on_speak(struct chariot_call *call) {
    int64_t me = chariot_my_pe(call->pe);
    for (int64_t i = 1; i <= PER_PE; i++) {
        int rc = chariot_send_take(call->pe, &now.all, 0, args_of(me, i), CHARIOT_WANT_NOTHING, NULL);
        if (rc != 0) return rc;
    }
    return 0;
}

static int on_answer(struct chariot_call *call) {
    int64_t me = index_of(call->elem).at[0];
    if (now.failing != 0 && me % now.failing == 0) return CHARIOT_EUSER;
    call->result = value_int(me * me);
    return 0;
}

/* Broadcasts, creates, inserts, calls and reduces while it is being broadcast to. */
static int on_run_wild(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    const struct chariot_create single = {.type = now.type, .kind = CHARIOT_SINGLE, .on_pe = -1};
    struct chariot_create group = {.type = now.type, .kind = CHARIOT_GROUP};
    struct chariot_index at = {.ndims = 1, .at = {1000 + index_of(call->elem).at[0]}};
    struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    struct chariot_ref ref;
    now.wild++;
    int rc = chariot_create_take(pe, &single, NULL, &ref);
    if (rc == 0) rc = chariot_create_take(pe, &group, NULL, &ref);
    if (rc == 0) rc = chariot_destroy(pe, &ref, NULL);
    if (rc == 0) rc = chariot_insert_take(pe, &now.sparse, &at, NULL, -1, false);
    if (rc == 0) rc = chariot_contribute_take(pe, call->elem, NULL, NULL, CHARIOT_REDUCE_NOP, &nowhere);
    if (rc == 0) rc = chariot_send_take(pe, &now.all, 2, NULL, CHARIOT_WANT_NOTHING, NULL);
    return rc;
}

static int on_nothing(struct chariot_call *call) {
    return 0;
}

enum { HEAR, SPEAK, NOTHING, ANSWER, RUN_WILD, NUM_METHODS };
static const struct chariot_method methods[NUM_METHODS] = {
    {"hear", on_hear}, {"speak", on_speak}, {"nothing", on_nothing}, {"answer", on_answer}, {"run_wild", on_run_wild}};
static const struct chariot_type type = {
    .name = "Ear", .methods = methods, .num_methods = NUM_METHODS, .create = make, .destroy = unmake};

static void prepare(struct script *script, struct world *world) {
    now.type = now.how.type = world_register(world, &type);
}

static void clean(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void create_group(struct chariot_pe *pe, struct chariot_ref *ref) {
    const struct chariot_create how = {.type = now.type, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, ref), 0);
}

static void call_all(struct chariot_pe *pe, const struct chariot_ref *ref, uint32_t method, enum chariot_want want,
                     struct chariot_future *reply) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, method, NULL, want, reply), 0);
}

static void run(void (*play)(struct script *, struct chariot_pe *, int, struct chariot_future *,
                             struct chariot_future *),
                uint32_t num_pes, uint64_t seed, int64_t size) {
    memset(&now, 0, sizeof now);
    now.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {size}};
    struct script script = {.prepare = prepare, .play = play, .verify = clean};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

/* ---------------------------------------------------------------- exactly once, in order */

static void send_null(struct chariot_pe *pe, void *ctx) {
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, (uint64_t)(uintptr_t)ctx, NULL), 0);
}

static void play_speakers(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                          struct chariot_future *next) {
    switch (step) {
    case 0: /* nobody waits for the array to be made */
        create_group(pe, &now.group);
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        call_all(pe, &now.group, SPEAK, CHARIOT_WANT_DONE, next);
        return;
    case 1:
        CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, send_null, (void *)(uintptr_t)chariot_future_id(next)), 0);
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void heard_all(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(now.heard, (uint64_t)world->num_pes * PER_PE * (uint64_t)now.how.dims[0]);
    clean(script, world);
}

static void each_element_hears_each_sender_once_and_in_order(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 10 : 100); seed++) {
            memset(&now, 0, sizeof now);
            now.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {1 + (int64_t)seed % 50}};
            struct script script = {.prepare = prepare, .play = play_speakers, .verify = heard_all};
            script_run(&script, sizes[i], seed);
        }
    }
}

/* ---------------------------------------------------------------- results */

static void check_squares(const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL((int64_t)value.count, now.how.dims[0]);
    for (int64_t i = 0; i < now.how.dims[0]; i++) {
        const void *data;
        size_t size;
        bool fails = now.failing != 0 && i % now.failing == 0;
        struct chariot_reader before = reader;
        CU_ASSERT_EQUAL(chariot_get(&reader, &value), 0);
        CU_ASSERT_EQUAL(value.type, fails ? CHARIOT_ERROR : CHARIOT_INT);
        if (!fails) CU_ASSERT_EQUAL(value.integer, i * i);
        reader = before;
        CU_ASSERT_EQUAL(chariot_skip(&reader, &data, &size), 0);
    }
    CU_ASSERT_TRUE(chariot_reader_done(&reader));
}

static void play_results(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_VALUE, next);
        return;
    case 1:
        check_squares(chariot_future_value(done, 0));
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_DONE, next);
        return;
    case 2:
        CU_ASSERT_TRUE(is_null(chariot_future_value(done, 0)));
        now.failing = 5;
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_VALUE, next);
        return;
    case 3:
        CU_ASSERT_FALSE(chariot_msg_is_error(chariot_future_value(done, 0)));
        check_squares(chariot_future_value(done, 0));
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_DONE, next);
        return;
    default:
        CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(done, 0)), "USER: user method failed");
        chariot_exit(pe, 0);
    }
}

static void results_come_together_by_index_with_errors_in_their_place(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) {
            run(play_results, sizes[i], seed, 1 + (int64_t)seed % 100);
        }
    }
}

static void play_no_elements(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                             struct chariot_future *next) {
    now.how.ndims = 2; /* no element: one of the sizes is 0 */
    now.how.dims[1] = 3;
    if (step == 0) {
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_VALUE, next);
        return;
    }
    CU_ASSERT_EQUAL(ints_of(chariot_future_value(done, 0), NULL, 0), 0);
    chariot_exit(pe, 0);
}

static void a_broadcast_to_no_elements_has_an_empty_result(void) {
    for (int i = 0; i < NUM_SIZES; i++) run(play_no_elements, sizes[i], 3, 0);
}

/* ---------------------------------------------------------------- methods that change what they are called on */

static void play_wild(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                      struct chariot_future *next) {
    struct chariot_create sparse = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1};
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        CU_ASSERT_EQUAL(chariot_create_take(pe, &sparse, NULL, &now.sparse), 0);
        call_all(pe, &now.all, RUN_WILD, CHARIOT_WANT_DONE, next);
        return;
    case 1:
        CU_ASSERT_EQUAL(now.wild, (uint64_t)now.how.dims[0]);
        call_all(pe, &now.all, ANSWER, CHARIOT_WANT_VALUE, next);
        return;
    case 2:
        check_squares(chariot_future_value(done, 0));
        CU_ASSERT_EQUAL(chariot_done_inserting(pe, &now.sparse), 0);
        CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, send_null, (void *)(uintptr_t)chariot_future_id(next)), 0);
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void methods_may_change_what_they_are_called_on(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 5 : 50); seed++) {
            run(play_wild, sizes[i], seed, 1 + (int64_t)seed % 20);
        }
    }
}

static void so_it_is_while_elements_move(void) {
    wander_begin(200);
    each_element_hears_each_sender_once_and_in_order();
    results_come_together_by_index_with_errors_in_their_place();
    methods_may_change_what_they_are_called_on();
    wander_end();
}

/* ---------------------------------------------------------------- work */

/* Messages and hops of one broadcast to a group of PE 0, asked for by PE `from`. */
static void measure(uint32_t num_pes, uint32_t from, uint64_t *messages, int64_t *hops) {
    struct world world;
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = num_pes, .min_delay_ns = 1000000, .max_delay_ns = 1000000, .through_wire = true});
    now.type = world_register(&world, &type);
    world_settle(&world);
    create_group(&world.pes[0], &now.group);
    world_wake(&world, 0);
    world_settle(&world);
    uint64_t before = rpc_sim_messages(world.sim);
    int64_t start_ns = rpc_sim_now_ns(world.sim);
    call_all(&world.pes[from], &now.group, NOTHING, CHARIOT_WANT_NOTHING, NULL);
    world_wake(&world, from);
    world_settle(&world);
    *messages = rpc_sim_messages(world.sim) - before;
    *hops = (rpc_sim_now_ns(world.sim) - start_ns) / 1000000;
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

static void a_broadcast_sends_one_message_per_pe_and_takes_logarithmic_time(void) {
    const uint32_t many[] = {1, 2, 4, 5, 6, 17, 64, 300, 1000};
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        uint64_t messages;
        int64_t hops;
        measure(many[i], 0, &messages, &hops);
        CU_ASSERT_EQUAL(messages, many[i] - 1);
        CU_ASSERT_EQUAL(hops, depth_of(many[i]));
        if (many[i] == 1) continue;
        measure(many[i], many[i] / 2, &messages, &hops);
        CU_ASSERT_EQUAL(messages, many[i]);
        CU_ASSERT_EQUAL(hops, depth_of(many[i]) + 1);
    }
}

UNIT_MAIN("scenarios/broadcast", UNIT(each_element_hears_each_sender_once_and_in_order),
          UNIT(results_come_together_by_index_with_errors_in_their_place),
          UNIT(a_broadcast_to_no_elements_has_an_empty_result), UNIT(methods_may_change_what_they_are_called_on),
          UNIT(so_it_is_while_elements_move), UNIT(a_broadcast_sends_one_message_per_pe_and_takes_logarithmic_time))
