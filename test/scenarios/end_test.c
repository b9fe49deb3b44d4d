/* How jobs end, on simulated PEs: by exit from any PE, by an error nobody receives, by a PE that goes; and how they do
 * not begin: with tables that differ. Timers and posts, whose order is part of it. */
#include <stdio.h>
#include <string.h>

#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

static uint32_t type_id;
static struct chariot_ref group;

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

/* args: PE, status. That PE ends the job. */
static int on_exit_from(struct chariot_call *call) {
    if (chariot_my_pe(call->pe) == arg_int(call->args, 0)) chariot_exit(call->pe, (int)arg_int(call->args, 1));
    return 0;
}

static int on_fail(struct chariot_call *call) {
    return CHARIOT_EUSER;
}

static int on_abort(struct chariot_call *call) {
    chariot_abort(call->pe, 5, "a reason\n");
    chariot_abort(call->pe, 6, "another\n");
    return CHARIOT_EUSER;
}

static int on_nothing(struct chariot_call *call) {
    return 0;
}

enum { EXIT_FROM, FAIL, ABORT, NOTHING };
static const struct chariot_method methods[] = {
    {"exit_from", on_exit_from}, {"fail", on_fail}, {"abort", on_abort}, {"nothing", on_nothing}};
static const struct chariot_type type = {.name = "Ender", .methods = methods, .num_methods = 4, .create = make};

static void open_group(struct world *world, uint32_t num_pes, uint64_t seed) {
    world_open(world, (struct rpc_sim_config){
                          .num_pes = num_pes, .seed = seed, .max_delay_ns = 5000000, .through_wire = true});
    type_id = world_register(world, &type);
    world_settle(world);
    const struct chariot_create how = {.type = type_id, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(&world->pes[num_pes - 1], &how, NULL, &group), 0);
    world_wake(world, num_pes - 1);
}

static void call_group(struct world *world, uint32_t pe, uint32_t method, struct chariot_msg *args) {
    CU_ASSERT_EQUAL(chariot_send_take(&world->pes[pe], &group, method, args, CHARIOT_WANT_NOTHING, NULL), 0);
    world_wake(world, pe);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void any_pe_may_end_the_job_with_a_status(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
            struct world world;
            open_group(&world, sizes[i], seed);
            call_group(&world, 0, EXIT_FROM, args_of((int64_t)seed % sizes[i], (int64_t)seed));
            for (int more = 0; more < 20; more++) call_group(&world, 0, NOTHING, NULL); /* may be lost */
            CU_ASSERT_TRUE(world_run(&world));
            CU_ASSERT_EQUAL(world.aborts, 0);
            for (uint32_t pe = 0; pe < sizes[i]; pe++) CU_ASSERT_EQUAL(world.pes[pe].status, (int)seed % 256);
            world_close(&world);
        }
    }
}

static void exits_of_several_pes_end_the_job_once(void) {
    for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
        struct world world;
        open_group(&world, 17, seed);
        for (uint32_t pe = 0; pe < 17; pe++) {
            chariot_exit(&world.pes[pe], (int)pe);
            world_wake(&world, pe);
        }
        CU_ASSERT_TRUE(world_run(&world));
        for (uint32_t pe = 0; pe < 17; pe++) CU_ASSERT_EQUAL(world.pes[pe].status, world.pes[0].status);
        world_close(&world);
    }
}

static void an_error_nobody_receives_ends_the_job_and_names_the_method(void) {
    struct world world;
    open_group(&world, 1, 1);
    call_group(&world, 0, FAIL, NULL);
    CU_ASSERT_TRUE(world_run(&world));
    CU_ASSERT_STRING_EQUAL(world.abort_text, "chariot: PE 0, Ender.fail: USER: user method failed\n");
    CU_ASSERT_EQUAL(world.abort_status, 1);
    world_close(&world);
}

static void what_a_pe_says_when_it_aborts_it_says_once(void) {
    for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
        struct world world;
        open_group(&world, 4, seed);
        call_group(&world, 2, ABORT, NULL);
        CU_ASSERT_TRUE(world_run(&world));
        CU_ASSERT_EQUAL(world.aborts, 1);
        CU_ASSERT_STRING_EQUAL(world.abort_text, "a reason\n");
        CU_ASSERT_EQUAL(world.abort_status, 5);
        world_close(&world);
    }
}

static void a_pe_that_goes_without_a_goodbye_is_named(void) {
    for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
        struct world world;
        open_group(&world, 17, seed);
        world_settle(&world);
        uint32_t killed = 1 + (uint32_t)(seed % 15);
        char name[32];
        snprintf(name, sizeof name, " lost PE %u: ", killed);
        world_kill(&world, killed);
        call_group(&world, 0, NOTHING, NULL);
        CU_ASSERT_TRUE(world_run(&world));
        CU_ASSERT_PTR_NOT_NULL(strstr(world.abort_text, name));
        CU_ASSERT_EQUAL(world.abort_status, 70);
        world_close(&world);
    }
}

/* ---------------------------------------------------------------- the same program */

static int add(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
               struct chariot_msg *const *values, struct chariot_msg **out) {
    return CHARIOT_EUSER;
}

static bool entered;

static void note_entry(struct chariot_pe *pe, void *ctx) {
    entered = true;
    chariot_exit(pe, 0);
}

/* All register one type; PE `odd` does so differently. */
static void check_tables(uint32_t num_pes, uint32_t odd, int how) {
    static const struct chariot_method fewer[] = {{"exit_from", on_exit_from}, {"fail", on_fail}};
    static const struct chariot_type other_name = {
        .name = "Other", .methods = methods, .num_methods = 4, .create = make};
    static const struct chariot_type other_methods = {
        .name = "Ender", .methods = fewer, .num_methods = 2, .create = make};
    static const struct chariot_reducer reducer = {.name = "Other", .combine = add};
    struct world world;
    uint32_t id;
    entered = false;
    world_open(&world, (struct rpc_sim_config){.num_pes = num_pes, .seed = odd, .max_delay_ns = 1000});
    for (uint32_t i = 0; i < num_pes; i++) {
        const struct chariot_type *first = i == odd && how == 0 ? &other_methods : &type;
        CU_ASSERT_EQUAL(chariot_type_register(&world.pes[i], first, &id), 0);
        if (i == odd && how == 1) CU_ASSERT_EQUAL(chariot_type_register(&world.pes[i], &other_name, &id), 0);
        if (i == odd && how == 2) CU_ASSERT_EQUAL(chariot_reducer_register(&world.pes[i], &reducer, &id), 0);
    }
    world.pes[0].entry = note_entry;
    CU_ASSERT_TRUE(world_run(&world));
    CU_ASSERT_FALSE(entered);
    CU_ASSERT_PTR_NOT_NULL(strstr(world.abort_text, "every PE must run the same program"));
    world_close(&world);
}

static void tables_that_differ_keep_the_job_from_starting(void) {
    for (uint32_t num_pes = 2; num_pes <= 20; num_pes += 6) {
        for (uint32_t odd = 0; odd < num_pes; odd++) {
            for (int how = 0; how < 3; how++) check_tables(num_pes, odd, how);
        }
    }
}

/* A type named like a reducer, and a method like a type, are no matches either. */
static void what_kind_of_name_it_is_counts(void) {
    static const struct chariot_type second = {
        .name = "exit_from", .methods = methods, .num_methods = 0, .create = make};
    static const struct chariot_method one[] = {{"exit_from", on_exit_from}};
    static const struct chariot_type with = {.name = "T", .methods = one, .num_methods = 1, .create = make};
    static const struct chariot_type without = {.name = "T", .methods = one, .num_methods = 0, .create = make};
    struct world world;
    uint32_t id;
    world_open(&world, (struct rpc_sim_config){.num_pes = 2});
    CU_ASSERT_EQUAL(chariot_type_register(&world.pes[0], &with, &id), 0);
    CU_ASSERT_EQUAL(chariot_type_register(&world.pes[1], &without, &id), 0);
    CU_ASSERT_EQUAL(chariot_type_register(&world.pes[1], &second, &id), 0);
    world.pes[0].entry = note_entry;
    CU_ASSERT_TRUE(world_run(&world));
    CU_ASSERT_EQUAL(world.aborts, 1);
    world_close(&world);
}

/* ---------------------------------------------------------------- timers and posts */

static struct {
    char order[64];
    size_t count;
} heard;

static void hear(struct chariot_pe *pe, void *ctx) {
    heard.order[heard.count++] = (char)(uintptr_t)ctx;
}

static void hear_and_set(struct chariot_pe *pe, void *ctx) {
    hear(pe, ctx);
    CU_ASSERT_EQUAL(chariot_after(pe, -5, hear, (void *)(uintptr_t)'z'), 0);
}

static void after(struct chariot_pe *pe, int64_t delay_ns, char name) {
    CU_ASSERT_EQUAL(chariot_after(pe, delay_ns, hear, (void *)(uintptr_t)name), 0);
}

static void post(struct chariot_pe *pe, char name) {
    CU_ASSERT_EQUAL(chariot_post(pe, hear, (void *)(uintptr_t)name), 0);
}

static void set_all(struct chariot_pe *pe, void *ctx) {
    after(pe, 300, 'g');
    after(pe, 100, 'd');
    after(pe, 100, 'e');
    after(pe, 200, 'f');
    after(pe, INT64_MAX, '!');
    after(pe, 0, 'c');
    post(pe, 'a');
    post(pe, 'b');
    CU_ASSERT_EQUAL(chariot_after(pe, 400, hear_and_set, (void *)(uintptr_t)'h'), 0);
    CU_ASSERT_EQUAL(chariot_after(pe, 1000, note_entry, NULL), 0);
}

static void posts_run_in_order_and_timers_by_time_then_by_order(void) {
    struct world world;
    memset(&heard, 0, sizeof heard);
    world_open(&world, (struct rpc_sim_config){.num_pes = 2});
    world.pes[0].entry = set_all;
    CU_ASSERT_TRUE(world_run(&world));
    CU_ASSERT_STRING_EQUAL(heard.order, "abcdefghz");
    world_close(&world);
}

UNIT_MAIN("scenarios/end", UNIT(any_pe_may_end_the_job_with_a_status), UNIT(exits_of_several_pes_end_the_job_once),
          UNIT(an_error_nobody_receives_ends_the_job_and_names_the_method),
          UNIT(what_a_pe_says_when_it_aborts_it_says_once), UNIT(a_pe_that_goes_without_a_goodbye_is_named),
          UNIT(tables_that_differ_keep_the_job_from_starting), UNIT(what_kind_of_name_it_is_counts),
          UNIT(posts_run_in_order_and_timers_by_time_then_by_order))
