/* How chares come to be, on simulated PEs: placed and spread, by anybody, in constructors too, and called before they
 * are there by PEs that only got a ref. */
#include <stdlib.h>
#include <string.h>

#include "objects/ref.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { MAX_ELEMENTS = 512, MAX_PES = 64 };

/* What one run needs everywhere; one run at a time. */
static struct {
    struct rpc_random random;
    uint32_t type;
    struct chariot_create how;
    struct chariot_ref group, all;
    uint64_t report_to;          /* future that gets one value per constructor or call */
    uint32_t made[MAX_ELEMENTS]; /* by position: how often */
    uint32_t made_on[MAX_PES];
    uint32_t called[MAX_ELEMENTS];
} now;

static int64_t place_of(const struct chariot_elem *elem) {
    struct chariot_index at = index_of(elem);
    int64_t place = 0;
    for (uint32_t i = 0; i < at.ndims; i++) place = place * now.how.dims[i] + at.at[i];
    return place;
}

static int report(struct chariot_pe *pe) {
    return chariot_future_send_take(pe, now.report_to, value_int(chariot_my_pe(pe)));
}

static int create_single(struct chariot_pe *pe, int64_t on_pe, struct chariot_msg *args, struct chariot_ref *ref) {
    const struct chariot_create how = {.type = now.type, .kind = CHARIOT_SINGLE, .on_pe = on_pe};
    return chariot_create_take(pe, &how, args, ref);
}

/* args: none; or a depth: makes two more of one less, anywhere. */
static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = NULL;
    struct chariot_ref me;
    chariot_elem_ref(elem, &me);
    if (me.kind == CHARIOT_ARRAY_OF) {
        now.made[place_of(elem)]++;
        now.made_on[chariot_my_pe(pe)]++;
    }
    if (args == NULL || chariot_msg_size(args) == 0) return 0;
    for (int i = 0; i < 2 && arg_int(args, 0) > 0; i++) {
        int64_t on_pe = (int64_t)(rpc_random_draw(&now.random) % (chariot_num_pes(pe) + 1)) - 1;
        int rc = create_single(pe, on_pe, args_of(arg_int(args, 0) - 1), &me);
        if (rc != 0) return rc;
    }
    return report(pe);
}

static int on_touch(struct chariot_call *call) {
    now.called[place_of(call->elem)]++;
    return report(call->pe);
}

/* args: a ref to an array whose creation may not have come here yet, its size. Calls each element. */
static int on_call_each(struct chariot_call *call) {
    struct chariot_ref array, elem;
    int64_t size = arg_ref(call->args, &array);
    for (int64_t i = 0; i < size; i++) {
        const struct chariot_index at = {.ndims = 1, .at = {i}};
        int rc = chariot_ref_element(&array, &at, &elem);
        if (rc == 0) rc = chariot_send_take(call->pe, &elem, 0, NULL, CHARIOT_WANT_NOTHING, NULL);
        if (rc != 0) return rc;
    }
    return 0;
}

/* Makes one single chare on each PE and one where the runtime likes, and calls each at once. */
static int on_make_singles(struct chariot_call *call) {
    for (int64_t on = -1; on < chariot_num_pes(call->pe); on++) {
        struct chariot_ref single;
        int rc = create_single(call->pe, on, NULL, &single);
        if (rc == 0) rc = chariot_send_take(call->pe, &single, 0, NULL, CHARIOT_WANT_NOTHING, NULL);
        if (rc != 0) return rc;
    }
    return 0;
}

enum { TOUCH, CALL_EACH, MAKE_SINGLES };
static const struct chariot_method methods[] = {
    {"touch", on_touch}, {"call_each", on_call_each}, {"make_singles", on_make_singles}};
static const struct chariot_type type = {.name = "Thing", .methods = methods, .num_methods = 3, .create = make};

static void prepare(struct script *script, struct world *world) {
    now.type = now.how.type = world_register(world, &type);
}

static void clean(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void run(void (*play)(struct script *, struct chariot_pe *, int, struct chariot_future *,
                             struct chariot_future *),
                uint32_t num_pes, uint64_t seed) {
    rpc_random_init(&now.random, seed);
    struct script script = {.prepare = prepare, .play = play, .verify = clean};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static uint64_t seeds_of(uint32_t num_pes) {
    return script_seeds(num_pes > 17 ? 20 : 100);
}

/* ---------------------------------------------------------------- arrays */

static int64_t elements(void) {
    int64_t count = 1;
    for (uint32_t i = 0; i < now.how.ndims; i++) count *= now.how.dims[i];
    return count;
}

static void play_array(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                       struct chariot_future *next) {
    if (step == 0) {
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &now.all, next), 0);
        return;
    }
    int64_t n = elements(), num_pes = chariot_num_pes(pe);
    for (int64_t i = 0; i < n; i++) CU_ASSERT_EQUAL(now.made[i], 1);
    for (int64_t i = 0; i < num_pes; i++) {
        CU_ASSERT_EQUAL(now.made_on[i], n / num_pes + (i < n % num_pes));
    }
    chariot_exit(pe, 0);
}

static void dense_arrays_are_spread_in_blocks(void) {
    const int64_t dims[6][6] = {{37}, {3, 5}, {3, 1, 8}, {2, 3, 4, 5}, {2, 2, 2, 2, 3}, {2, 2, 3, 1, 2, 2}};
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < seeds_of(sizes[i]); seed++) {
            memset(&now, 0, sizeof now);
            now.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1 + (uint32_t)(seed % 6)};
            memcpy(now.how.dims, dims[seed % 6], sizeof now.how.dims);
            run(play_array, sizes[i], seed);
        }
    }
}

/* ---------------------------------------------------------------- single chares */

static void play_singles(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    uint32_t num_pes = chariot_num_pes(pe), per_pe[MAX_PES] = {0};
    uint64_t singles = (uint64_t)num_pes * (num_pes + 1);
    if (step == 0) {
        const struct chariot_create how = {.type = now.type, .kind = CHARIOT_GROUP};
        now.report_to = chariot_future_id(script_expect(script, pe, singles));
        CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.group), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &now.group, MAKE_SINGLES, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
        return;
    }
    for (uint64_t i = 0; i < singles; i++) per_pe[int_of(chariot_future_value(done, i))]++;
    for (uint32_t i = 0; i < num_pes; i++) CU_ASSERT_TRUE(per_pe[i] >= num_pes); /* those placed there, at least */
    chariot_exit(pe, 0);
}

static void single_chares_live_where_they_were_placed(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < seeds_of(sizes[i] * 4); seed++) {
            memset(&now, 0, sizeof now);
            run(play_singles, sizes[i], seed);
        }
    }
}

static void the_runtime_takes_pes_in_turn(void) {
    struct world world;
    world_open(&world, (struct rpc_sim_config){.num_pes = 5});
    now.type = world_register(&world, &type);
    for (uint32_t i = 0; i < 10; i++) {
        struct chariot_ref ref;
        CU_ASSERT_EQUAL(create_single(&world.pes[3], -1, NULL, &ref), 0);
        CU_ASSERT_EQUAL(ref.index[OBJ_SINGLE_PE_WORD], (3 + i) % 5); /* from its own on */
    }
    world_close(&world);
}

enum { DEPTH = 6 };

static void play_tree(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                      struct chariot_future *next) {
    struct chariot_ref root;
    if (step == 0) {
        now.report_to = chariot_future_id(script_expect(script, pe, (1 << (DEPTH + 1)) - 1));
        CU_ASSERT_EQUAL(create_single(pe, -1, args_of(DEPTH), &root), 0);
        return;
    }
    chariot_exit(pe, 0);
}

static void constructors_may_create(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < seeds_of(sizes[i]); seed++) {
            memset(&now, 0, sizeof now);
            run(play_tree, sizes[i], seed);
        }
    }
}

/* ---------------------------------------------------------------- called before they are there */

enum { CALLED = 23 };

static void play_early(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                       struct chariot_future *next) {
    uint32_t num_pes = chariot_num_pes(pe);
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_GROUP};
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.group), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &now.group, next), 0);
        return;
    case 1: /* the ref overtakes the creation: each goes its own way */
        now.report_to = chariot_future_id(script_expect(script, pe, (uint64_t)CALLED * num_pes));
        CU_ASSERT_EQUAL(chariot_create_take(pe, &now.how, NULL, &now.all), 0);
        for (uint32_t i = 0; i < num_pes; i++) {
            const struct chariot_index at = {.ndims = 1, .at = {i}};
            struct chariot_ref elem;
            CU_ASSERT_EQUAL(chariot_ref_element(&now.group, &at, &elem), 0);
            CU_ASSERT_EQUAL(
                chariot_send_take(pe, &elem, CALL_EACH, args_ref(&now.all, CALLED), CHARIOT_WANT_NOTHING, NULL), 0);
        }
        return;
    default:
        for (int i = 0; i < CALLED; i++) CU_ASSERT_EQUAL(now.called[i], num_pes);
        chariot_exit(pe, 0);
    }
}

static void calls_by_third_pes_wait_for_the_elements(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < seeds_of(sizes[i]); seed++) {
            memset(&now, 0, sizeof now);
            now.how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {CALLED}};
            run(play_early, sizes[i], seed);
        }
    }
}

UNIT_MAIN("scenarios/create", UNIT(dense_arrays_are_spread_in_blocks), UNIT(single_chares_live_where_they_were_placed),
          UNIT(the_runtime_takes_pes_in_turn), UNIT(constructors_may_create),
          UNIT(calls_by_third_pes_wait_for_the_elements))
