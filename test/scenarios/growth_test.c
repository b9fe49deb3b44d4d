/* How the work of a job grows with its PEs: exactly as the tree says, in steps and in messages; no PE has more to do
 * with an operation than with its neighbours in the tree; and what a PE holds does not grow. See docs/scaling.md. */
#include <stdlib.h>

#include "objects/layout.h"
#include "test/scenarios/growth.h"
#include "test/unit/sections/tree_check.h"
#include "test/unit/unit.h"

static const uint32_t sizes[] = {1, 2, 3, 5, 6, 16, 21, 22, 85, 86, 256, 1000, 1365, 1366, 4096};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

/* In units of the tree's depth, and of its edges: P - 1. */
struct law {
    uint32_t depths, edges;
    uint32_t more;    /* steps, and messages, besides, if there is more than one PE */
    uint32_t handled; /* times that a PE hears of each of its neighbours in the tree, or they of it */
};
static const struct law laws[GROWTH_NUM_OPS] = {
    [GROWTH_START] = {1, 1, 0, 1},     [GROWTH_GROUP] = {1, 1, 0, 1},       [GROWTH_BROADCAST] = {1, 1, 0, 1},
    [GROWTH_AWAITED] = {2, 2, 0, 2},   [GROWTH_AWAITED_FAR] = {2, 2, 2, 2}, [GROWTH_REDUCTION] = {1, 1, 0, 1},
    [GROWTH_BARRIER] = {2, 2, 0, 2},   [GROWTH_QUIET] = {4, 4, 0, 4},       [GROWTH_QUIET_AGAIN] = {2, 2, 0, 2},
    [GROWTH_QUIET_ALL] = {5, 6, 0, 6}, [GROWTH_CALL] = {0, 0, 2, 0},        [GROWTH_DESTROY] = {2, 2, 0, 2},
    [GROWTH_ARRAY] = {1, 1, 0, 1},     [GROWTH_SMALL_ARRAY] = {1, 1, 0, 1}, [GROWTH_HANG] = {2, 2, 0, 2},
    [GROWTH_EXIT] = {1, 1, 0, 1},
};

struct tree {
    uint32_t depth, degree; /* the most neighbours of a PE */
};

static struct tree tree_of(const struct chariot_pe *pe, uint32_t root) {
    struct tree tree = {0};
    uint32_t num_pes = pe->node.num_pes, children[OBJ_TREE_RADIX], done = 0, seen = 1;
    uint32_t *depths = calloc(num_pes, sizeof *depths), *pes = calloc(num_pes, sizeof *pes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(depths);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pes);
    for (pes[0] = root; done < seen; done++) {
        uint32_t count = obj_tree_children(pe, pes[done], root, children);
        tree.depth = depths[pes[done]];
        for (uint32_t i = 0; i < count; i++) depths[pes[seen++] = children[i]] = tree.depth + 1;
        if (count + (done > 0) > tree.degree) tree.degree = count + (done > 0);
    }
    CU_ASSERT_EQUAL(seen, num_pes);
    free(depths);
    free(pes);
    return tree;
}

static void check(const struct growth *growth, enum growth_op op) {
    uint32_t root = op == GROWTH_SMALL_ARRAY ? growth->num_pes - 1 : 0; /* who began it */
    const struct tree tree = tree_of(&growth->world.pes[0], root);
    const struct law *law = &laws[op];
    const struct growth_cost *cost = &growth->cost[op];
    uint64_t more = growth->num_pes > 1 ? law->more : 0;
    uint64_t steps = law->depths * tree.depth + more, messages = law->edges * (growth->num_pes - 1) + more;
    uint64_t most = law->handled * tree.degree + more;
    bool good = cost->time_ns == (int64_t)steps * GROWTH_STEP_NS && cost->messages == messages && cost->busiest <= most;
    if (!good)
        fprintf(stderr, "%u PEs, %s: %.1f steps, not %llu; %llu messages, not %llu; a PE handles %llu, not %llu\n",
                growth->num_pes, growth_keys[op], (double)cost->time_ns / GROWTH_STEP_NS, (unsigned long long)steps,
                (unsigned long long)cost->messages, (unsigned long long)messages, (unsigned long long)cost->busiest,
                (unsigned long long)most);
    CU_ASSERT_TRUE(good);
}

/* What goes to where elements live takes other ways than the tree's edges; what adds up does so along them. */
static void check_bounds(const struct growth *growth, enum growth_op op, const struct tree *tree) {
    const struct growth_cost *cost = &growth->cost[op];
    CU_ASSERT_TRUE(cost->time_ns <= (3 * (int64_t)tree->depth + 1) * GROWTH_STEP_NS);
    CU_ASSERT_TRUE(cost->messages <= 6 * (uint64_t)growth->num_pes);
    CU_ASSERT_TRUE(cost->busiest <= 10 * (tree->depth + 2));
}

/* Whoever asks is as many steps from PE 0 as the tree says, and hears of it the same way. */
static void check_far(const struct growth *growth, const struct tree *tree) {
    const struct growth_cost *cost = &growth->cost[GROWTH_QUIET_FAR];
    uint32_t way = 0;
    for (int64_t pe = growth->num_pes - 1; pe > 0; way++) pe = obj_tree_parent(&growth->world.pes[pe], 0);
    CU_ASSERT_EQUAL(cost->time_ns, (4 * (int64_t)tree->depth + 2 * way) * GROWTH_STEP_NS);
    CU_ASSERT_EQUAL(cost->messages, 4 * (uint64_t)(growth->num_pes - 1) + 2 * way);
}

static void each_operation_grows_with_the_tree(void) {
    for (size_t i = 0; i < NUM_SIZES; i++) {
        struct growth growth;
        growth_open(&growth, sizes[i], &growth_steps);
        const struct tree tree = tree_of(&growth.world.pes[0], 0);
        CU_ASSERT_EQUAL(tree.depth, tree_least_depth(sizes[i], OBJ_TREE_RADIX));
        growth_run(&growth);
        for (enum growth_op op = 0; op < GROWTH_NUM_OPS; op++) {
            if (laws[op].handled + laws[op].more > 0) check(&growth, op);
        }
        check_bounds(&growth, GROWTH_MAPPED_ARRAY, &tree);
        check_bounds(&growth, GROWTH_SPARSE_ARRAY, &tree);
        check_far(&growth, &tree);
        growth_close(&growth);
    }
}

/* What PE 0 prints, and each message of it, does not grow with the PEs: it counts those that it does not show. */
static void a_hang_report_has_a_bound(void) {
    enum { PES = 8192, SHOWN_BYTES = 256 << 10 };
    struct growth growth;
    growth_open(&growth, PES, &growth_steps);
    growth_run(&growth);
    CU_ASSERT_PTR_NOT_NULL_FATAL(growth.said);
    CU_ASSERT_PTR_NOT_NULL(strstr(growth.said, "8192 coroutines wait"));
    CU_ASSERT_PTR_NOT_NULL(strstr(growth.said, "  ... and on "));
    CU_ASSERT_TRUE(strlen(growth.said) < SHOWN_BYTES + 300);
    growth_close(&growth);
}

enum { PES_PER_HOST = 16 };

/* Nothing is sent to a host twice, and steps are those of a tree over the hosts and of one inside. */
static void hosts_are_entered_once(void) {
    const struct growth_model hosts = {.pes_per_host = PES_PER_HOST, .hop_ns = GROWTH_STEP_NS};
    for (size_t i = 0; i < NUM_SIZES; i++) {
        struct growth growth;
        growth_open(&growth, sizes[i], &hosts);
        const struct tree tree = tree_of(&growth.world.pes[0], 0);
        uint32_t num_hosts = (sizes[i] + PES_PER_HOST - 1) / PES_PER_HOST;
        CU_ASSERT_TRUE(tree.depth <= tree_least_depth(num_hosts, OBJ_TREE_RADIX - 1) + 1 +
                                         tree_least_depth(PES_PER_HOST, OBJ_TREE_RADIX));
        growth_run(&growth);
        for (enum growth_op op = 0; op < GROWTH_NUM_OPS; op++) {
            if (laws[op].handled + laws[op].more == 0) continue;
            check(&growth, op);
            uint64_t most = laws[op].edges * (num_hosts - 1) + (sizes[i] > PES_PER_HOST ? laws[op].more : 0);
            if (growth.cost[op].between > most) CU_FAIL("messages between hosts");
        }
        check_bounds(&growth, GROWTH_MAPPED_ARRAY, &tree);
        check_bounds(&growth, GROWTH_SPARSE_ARRAY, &tree);
        check_far(&growth, &tree);
        growth_close(&growth);
    }
}

static bool about_equal(double a, double b) {
    return a - b < 8 && b - a < 8;
}

/* What does not depend on the number of PEs differs by what their share of tables is. */
static void a_pe_holds_as_much_among_many_as_among_few(void) {
    struct growth_heap few, many;
    growth_weigh(256, &few);
    growth_weigh(4096, &many);
    CU_ASSERT_TRUE(about_equal(few.idle, many.idle));
    CU_ASSERT_TRUE(about_equal(few.group, many.group));
    CU_ASSERT_TRUE(about_equal(few.element, many.element));
    CU_ASSERT_TRUE(about_equal(many.left_over, 0));
}

UNIT_MAIN("scenarios/growth", UNIT(each_operation_grows_with_the_tree), UNIT(a_hang_report_has_a_bound),
          UNIT(hosts_are_entered_once), UNIT(a_pe_holds_as_much_among_many_as_among_few))
