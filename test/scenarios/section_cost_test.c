/* What sections cost, counted on simulated PEs: a message per edge of the tree over their own PEs, none to any other
 * PE, and steps as the trees are deep. A step is a message that had to wait for another one. */
#include <stdlib.h>
#include <string.h>

#include "sections/sections.h"
#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/sections/tree_check.h"
#include "test/unit/unit.h"

enum { STEP_NS = 1000000, MOST_PES = 1024 };

/* A group of so many PEs, and what they have handled since the last look. */
struct job {
    struct world world;
    struct rpc_random random;
    uint32_t num_pes, type;
    uint32_t hosts[MOST_PES];
    uint32_t sent[MOST_PES], received[MOST_PES], messages, between;
    int64_t since_ns;
    struct chariot_ref group, section;
    bool member[MOST_PES]; /* of the section */
    uint32_t count;        /* its members */
};

static uint32_t draw(struct job *job, uint32_t below) {
    return (uint32_t)(rpc_random_draw(&job->random) % below);
}

static void on_send(void *ctx, uint32_t from, uint32_t to) {
    struct job *job = ctx;
    job->sent[from]++;
    job->received[to]++;
    job->messages++;
    job->between += job->hosts[from] != job->hosts[to];
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static int hear(struct chariot_call *call) {
    return 0;
}

static const struct chariot_method methods[] = {{"hear", hear}};
static const struct chariot_type type = {.name = "Member", .methods = methods, .num_methods = 1, .create = create};

static struct chariot_pe *pe_of(struct job *job, uint32_t pe) {
    world_wake(&job->world, pe);
    return &job->world.pes[pe];
}

static void look(struct job *job) {
    memset(job->sent, 0, sizeof job->sent);
    memset(job->received, 0, sizeof job->received);
    job->messages = job->between = 0;
    job->since_ns = rpc_sim_now_ns(job->world.sim);
}

static uint32_t steps(const struct job *job) {
    return (uint32_t)((rpc_sim_now_ns(job->world.sim) - job->since_ns) / STEP_NS);
}

static struct job *job_open(uint32_t num_pes, uint32_t num_hosts, uint64_t seed) {
    struct job *job = calloc(1, sizeof *job);
    CU_ASSERT_PTR_NOT_NULL_FATAL(job);
    rpc_random_init(&job->random, seed);
    job->num_pes = num_pes;
    for (uint32_t pe = 0; pe < num_pes; pe++) job->hosts[pe] = draw(job, num_hosts);
    world_open(&job->world, (struct rpc_sim_config){.num_pes = num_pes,
                                                    .min_delay_ns = STEP_NS,
                                                    .max_delay_ns = STEP_NS,
                                                    .hosts = num_hosts > 1 ? job->hosts : NULL,
                                                    .on_send = on_send,
                                                    .ctx = job});
    job->type = world_register(&job->world, &type);
    world_settle(&job->world);
    const struct chariot_create how = {.type = job->type, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(pe_of(job, 0), &how, NULL, &job->group), 0);
    world_settle(&job->world);
    return job;
}

static void job_close(struct job *job) {
    CU_ASSERT_TRUE(world_is_clean(&job->world));
    world_close(&job->world);
    free(job);
}

/* ---------------------------------------------------------------- sections of it */

/* Any `count` PEs. */
static void draw_members(struct job *job, uint32_t count) {
    memset(job->member, 0, sizeof job->member);
    for (job->count = 0; job->count < count;) {
        uint32_t pe = draw(job, job->num_pes);
        job->count += !job->member[pe];
        job->member[pe] = true;
    }
}

static void take_ref(struct job *job, struct chariot_future *made) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(made));
    chariot_reader_init(&reader, chariot_future_value(made, 0));
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_REF, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_ref_read(&value, &job->section, &method), 0);
    chariot_future_unref(made);
}

/* Asked for by any PE; gives the steps until that has the refs. */
static uint32_t make(struct job *job, uint32_t count) {
    struct chariot_index list[MOST_PES];
    uint32_t maker = draw(job, job->num_pes), num = 0, until_ready = 0;
    draw_members(job, count);
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->member[pe]) list[num++] = (struct chariot_index){1, {pe}};
    }
    struct chariot_future *made = chariot_future_new(pe_of(job, maker), 1);
    look(job);
    CU_ASSERT_EQUAL(
        chariot_section_split(pe_of(job, maker), &job->group, 1, &(struct chariot_indices){list, num}, made), 0);
    do {
        while (world_step(&job->world)) continue;
        if (!chariot_future_ready(made)) until_ready = steps(job) + 1;
    } while (rpc_sim_advance(job->world.sim, RPC_FOREVER_NS));
    take_ref(job, made);
    return until_ready;
}

static uint32_t root_of(const struct job *job) {
    uint32_t root, creator;
    uint64_t number;
    chariot_section_id(&job->section, &root, &creator, &number);
    return root;
}

/* The depth of the tree over these members, at most; all: over all PEs. */
static uint32_t depth_bound(const struct job *job, bool all) {
    uint32_t on_host[MOST_PES] = {0}, num_hosts = 0, most = 0;
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (!all && !job->member[pe]) continue;
        uint32_t here = ++on_host[job->world.layout == NULL ? 0 : job->hosts[pe]];
        num_hosts += here == 1;
        if (here > most) most = here;
    }
    return tree_depth_bound(all ? job->num_pes : job->count, num_hosts, most, OBJ_TREE_RADIX);
}

static uint32_t num_member_hosts(const struct job *job) {
    bool seen[MOST_PES] = {false};
    uint32_t count = 0;
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->member[pe] && !seen[job->hosts[pe]]) count++;
        if (job->member[pe]) seen[job->hosts[pe]] = true;
    }
    return count;
}

/* ---------------------------------------------------------------- what its messages cost */

/* Members but the root have received one message each; no other PE any. `more`: one to the root, from outside. */
static bool members_alone_received(const struct job *job, uint32_t more) {
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        uint32_t want = !job->member[pe] ? 0 : pe == root_of(job) ? more : 1;
        if (job->received[pe] != want) return false;
    }
    return true;
}

static void broadcast_from(struct job *job, uint32_t pe) {
    uint32_t more = pe != root_of(job);
    look(job);
    CU_ASSERT_EQUAL(chariot_send_take(pe_of(job, pe), &job->section, 0, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    world_settle(&job->world);
    CU_ASSERT_EQUAL(job->messages, job->count - 1 + more);
    CU_ASSERT_TRUE(members_alone_received(job, more));
    CU_ASSERT_TRUE(steps(job) <= depth_bound(job, false) + more);
    CU_ASSERT_TRUE(job->world.layout == NULL || job->between <= num_member_hosts(job) - 1 + more);
}

/* All contribute at the same moment, to a future of the root's. */
static void reduce(struct job *job) {
    struct chariot_future *sum = chariot_future_new(pe_of(job, root_of(job)), 1);
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(sum)};
    look(job);
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        struct chariot_ref ref;
        CU_ASSERT_EQUAL(chariot_ref_element(&job->group, &(struct chariot_index){1, {pe}}, &ref), 0);
        struct chariot_elem *elem = chariot_elem_local(&job->world.pes[pe], &ref);
        int rc =
            chariot_contribute_take(pe_of(job, pe), elem, &job->section, value_int(pe), CHARIOT_REDUCE_SUM, &target);
        CU_ASSERT_EQUAL(rc, job->member[pe] ? 0 : CHARIOT_ENOENT);
    }
    world_settle(&job->world);
    CU_ASSERT_TRUE(chariot_future_ready(sum));
    CU_ASSERT_EQUAL(job->messages, job->count - 1);
    CU_ASSERT_TRUE(steps(job) <= depth_bound(job, false));
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        CU_ASSERT_EQUAL(job->sent[pe], job->member[pe] && pe != root_of(job) ? 1 : 0);
    }
    chariot_future_unref(sum);
}

static const uint32_t sizes[] = {1, 2, 3, 6, 17, 64, 300};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void messages_travel_its_own_pes_once_each(void) {
    for (uint32_t i = 0; i < NUM_SIZES; i++) {
        for (uint32_t hosts = 1; hosts <= 9; hosts += 4) {
            struct job *job = job_open(sizes[i], hosts, i * 10 + hosts);
            for (uint32_t repeat = 0; repeat < 12; repeat++) {
                make(job, 1 + draw(job, repeat % 2 == 0 ? sizes[i] : (sizes[i] + 5) / 6));
                broadcast_from(job, root_of(job));
                broadcast_from(job, draw(job, sizes[i]));
                reduce(job);
            }
            job_close(job);
        }
    }
}

/* ---------------------------------------------------------------- what making one costs */

/* Down and up the tree of the collection, one step to its root and one back; then, while the maker goes on, one to the
 * root of the section and down its tree. */
static void check_making(struct job *job, uint32_t count) {
    uint32_t down = depth_bound(job, true), until_ready = make(job, count);
    CU_ASSERT_TRUE(until_ready <= 2 * down + 2);
    CU_ASSERT_TRUE(steps(job) <= until_ready + 1 + depth_bound(job, false));
    CU_ASSERT_TRUE(job->messages <= 2 * (job->num_pes - 1) + 2 + count);
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        CU_ASSERT_TRUE(job->received[pe] <= 2 + OBJ_TREE_RADIX + 2);
        CU_ASSERT_TRUE(job->sent[pe] <= 2 + 2 * OBJ_TREE_RADIX + 1);
    }
}

static void making_one_takes_steps_as_the_trees_are_deep(void) {
    for (uint32_t num_pes = 2; num_pes <= MOST_PES; num_pes = num_pes < 24 ? num_pes + 1 : num_pes * 2) {
        struct job *job = job_open(num_pes, 1, num_pes);
        check_making(job, 1);
        check_making(job, num_pes < 3 ? num_pes : 3);
        check_making(job, 1 + draw(job, num_pes));
        check_making(job, num_pes);
        job_close(job);
    }
    struct job *spread = job_open(MOST_PES, 64, 1);
    check_making(spread, 100);
    check_making(spread, MOST_PES);
    job_close(spread);
}

UNIT_MAIN("scenarios/section_cost", UNIT(messages_travel_its_own_pes_once_each),
          UNIT(making_one_takes_steps_as_the_trees_are_deep))
