/* What every balancer keeps, on statistics drawn from seeds and on degenerate ones; options and their errors. */
#include "lb/balancer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "test/unit/lb/world.h"
#include "test/unit/unit.h"

static const struct lb_world_plan PLANS[] = {
    {8, 100, false, false, false}, {8, 100, true, true, false}, {1, 20, false, false, false},
    {16, 5, false, true, false},   {5, 300, true, false, true}, {12, 200, false, true, true},
};
enum { NUM_PLANS = sizeof PLANS / sizeof *PLANS, SEEDS = 5 };

/* Every object once and in order, none where it is, none that may not move, none nowhere. */
static bool is_sound(const struct lb_stats *stats, const struct lb_plan *plan) {
    for (size_t i = 0; i < plan->num_moves; i++) {
        const struct lb_move *move = &plan->moves[i];
        if (move->object >= stats->num_objects || move->to >= stats->num_pes) return false;
        if (i > 0 && plan->moves[i - 1].object >= move->object) return false;
        if (!stats->objects[move->object].migratable || stats->objects[move->object].pe == move->to) return false;
    }
    return true;
}

static void for_each_world(void (*check)(const struct lb_stats *stats, const char *name)) {
    for (size_t p = 0; p < NUM_PLANS; p++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct lb_world world;
            lb_world_init(&world, &PLANS[p], seed);
            for (const struct lb_balancer *const *at = lb_balancers(); *at != NULL; at++)
                check(&world.stats, (*at)->name);
            lb_world_deinit(&world);
        }
    }
}

static void check_sound(const struct lb_stats *stats, const char *name) {
    struct lb_plan plan = lb_world_decide(stats, name, 1);
    CU_ASSERT(is_sound(stats, &plan));
    lb_plan_deinit(&plan);
}

static void plans_move_each_object_at_most_once_and_never_a_pinned_one(void) {
    for_each_world(check_sound);
}

static void check_again(const struct lb_stats *stats, const char *name) {
    struct lb_plan a = lb_world_decide(stats, name, 7), b = lb_world_decide(stats, name, 7);
    CU_ASSERT_EQUAL(a.num_moves, b.num_moves);
    if (a.num_moves == b.num_moves && a.num_moves > 0)
        CU_ASSERT_EQUAL(memcmp(a.moves, b.moves, a.num_moves * sizeof *a.moves), 0);
    lb_plan_deinit(&a);
    lb_plan_deinit(&b);
}

static void equal_statistics_options_and_seeds_give_equal_plans(void) {
    for_each_world(check_again);
}

/* Those that promise never to make it worse. */
static void check_no_worse(const struct lb_stats *stats, const char *name) {
    const char *promise[] = {"none", "refine", "greedy-refine", "gossip"};
    for (size_t i = 0; i < sizeof promise / sizeof *promise; i++) {
        if (strcmp(promise[i], name) != 0) continue;
        struct lb_plan plan = lb_world_decide(stats, name, 3);
        CU_ASSERT(lb_world_max(stats, &plan) <= lb_world_max(stats, NULL) * (1 + 1e-9));
        CU_ASSERT(lb_world_max(stats, &plan) >= lb_world_bound(stats) * (1 - 1e-9));
        lb_plan_deinit(&plan);
    }
}

static void refining_balancers_never_make_it_worse(void) {
    for_each_world(check_no_worse);
}

static void greedy_is_within_its_bound(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct lb_world world;
        lb_world_init(&world, &(struct lb_world_plan){8, 200, false, false, false}, seed);
        struct lb_plan plan = lb_world_decide(&world.stats, "greedy", 1);
        CU_ASSERT(lb_world_max(&world.stats, &plan) <= lb_world_bound(&world.stats) * 4 / 3);
        lb_plan_deinit(&plan);
        lb_world_deinit(&world);
    }
}

static void tolerance_and_move_limit_are_kept(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct lb_world world;
        lb_world_init(&world, &(struct lb_world_plan){8, 400, false, true, false}, seed);
        const char *names[] = {"greedy-refine", "refine"};
        for (size_t i = 0; i < 2; i++) {
            char text[80];
            snprintf(text, sizeof text, "%s:tolerance=1.05", names[i]);
            struct lb_plan plan = lb_world_decide(&world.stats, text, 1);
            CU_ASSERT(lb_world_max(&world.stats, &plan) <= 1.05 * lb_world_bound(&world.stats) * (1 + 1e-9));
            size_t free_moves = plan.num_moves;
            lb_plan_deinit(&plan);
            for (unsigned limit = 0; limit < 60; limit += 7) {
                snprintf(text, sizeof text, "%s:tolerance=1.05,moves=%u", names[i], limit);
                plan = lb_world_decide(&world.stats, text, 1);
                CU_ASSERT(plan.num_moves <= limit);
                CU_ASSERT(lb_world_max(&world.stats, &plan) <= lb_world_max(&world.stats, NULL) * (1 + 1e-9));
                lb_plan_deinit(&plan);
            }
            CU_ASSERT(free_moves < 200);
        }
        lb_world_deinit(&world);
    }
}

/* ---------------------------------------------------------------- degenerate statistics */

static void nothing_to_do_gives_no_moves(void) {
    struct lb_object zero[6] = {{.migratable = true}, {.migratable = true}, {.pe = 1}};
    double coords[12] = {0};
    struct lb_edge none = {0, 1, 0};
    struct lb_stats empty = {.num_pes = 4, .coords = coords, .dims = 2};
    struct lb_stats idle = {.num_pes = 2, .num_objects = 6, .objects = zero, .coords = coords, .dims = 2};
    struct lb_stats silent = idle;
    silent.edges = &none;
    silent.num_edges = 1;
    for (const struct lb_balancer *const *at = lb_balancers(); *at != NULL; at++) {
        const struct lb_stats *cases[] = {&empty, &idle, &silent};
        for (size_t i = 0; i < 3; i++) {
            struct lb_plan plan = lb_world_decide(cases[i], (*at)->name, 1);
            CU_ASSERT(is_sound(cases[i], &plan));
            CU_ASSERT(i > 0 || plan.num_moves == 0);
            lb_plan_deinit(&plan);
        }
    }
}

static void refuses(struct lb_stats stats, const char *needle) {
    char why[200] = "";
    struct lb_choice choice;
    struct lb_plan plan;
    CU_ASSERT_EQUAL(lb_choice_parse("greedy", &choice, why, sizeof why), 0);
    CU_ASSERT_EQUAL(lb_choice_plan(&choice, &stats, 1, &plan, why, sizeof why), CHARIOT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, needle));
}

static void impossible_statistics_are_refused(void) {
    struct lb_object objects[2] = {{.load = 1, .migratable = true}, {.load = 1, .pe = 1}};
    double numbers[2] = {1, NAN};
    struct lb_edge edge = {0, 2, 1};
    struct lb_stats good = {.num_pes = 2, .num_objects = 2, .objects = objects}, bad = good;
    bad.background = numbers;
    refuses(bad, "background load of PE 1");
    bad = good, bad.speeds = numbers;
    refuses(bad, "speed of PE 1");
    bad = good, bad.edges = &edge, bad.num_edges = 1;
    refuses(bad, "edge 0 names an object");
    bad = good, bad.coords = numbers, bad.dims = 1;
    refuses(bad, "object 1 has no finite coordinates");
    bad = good, bad.num_pes = 1;
    refuses(bad, "object 1 is on a PE");
    bad = good, bad.num_pes = 0;
    refuses(bad, "0 PEs");
    objects[0].load = NAN;
    refuses(good, "load of object 0");
    objects[0].load = -1;
    refuses(good, "load of object 0");
}

/* ---------------------------------------------------------------- names and options */

static void says(const char *text, const char *needle) {
    char why[500] = "";
    struct lb_choice choice;
    CU_ASSERT_EQUAL(lb_choice_parse(text, &choice, why, sizeof why), CHARIOT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, needle));
    if (strstr(why, needle) == NULL) fprintf(stderr, "'%s' gave '%s'\n", text, why);
}

static void both_spellings_name_a_balancer(void) {
    char why[200];
    struct lb_choice a, b;
    CU_ASSERT_EQUAL(lb_choice_parse("greedy-refine:tolerance=1.5,moves=7", &a, why, sizeof why), 0);
    CU_ASSERT_EQUAL(lb_choice_parse("GreedyRefineLB", &b, why, sizeof why), 0);
    CU_ASSERT_PTR_EQUAL(a.balancer, b.balancer);
    CU_ASSERT_EQUAL(a.options[0], 1.5);
    CU_ASSERT_EQUAL(a.options[1], 7);
    CU_ASSERT_EQUAL(b.options[0], a.balancer->options[0].preset);
}

static void mistakes_are_told_with_what_there_is(void) {
    says("greedi", "no balancer 'greedi'; there are none, greedy, greedy-refine");
    says("", "no balancer ''");
    says("greedy:tolerance=1", "greedy has no option 'tolerance'; it has none");
    says("refine:tolerence=1", "refine has no option 'tolerence'; it has tolerance, moves");
    says("refine:tolerance", "option tolerance has no value: write tolerance=1.02");
    says("refine:tolerance=", "takes numbers from 1 to 100");
    says("refine:tolerance=0.5", "takes numbers from 1 to 100");
    says("refine:tolerance=nan", "takes numbers from 1 to 100");
    says("refine:moves=1.5", "takes whole numbers");
    says("refine:moves=1,", "refine has no option ''");
}

static void every_balancer_names_its_source(void) {
    for (const struct lb_balancer *const *at = lb_balancers(); *at != NULL; at++) {
        CU_ASSERT(strlen((*at)->source) > 5 && strlen((*at)->help) > 5);
        CU_ASSERT((*at)->num_options <= LB_MAX_OPTIONS);
    }
}

UNIT_MAIN("lb/balancer", UNIT(plans_move_each_object_at_most_once_and_never_a_pinned_one),
          UNIT(equal_statistics_options_and_seeds_give_equal_plans), UNIT(refining_balancers_never_make_it_worse),
          UNIT(greedy_is_within_its_bound), UNIT(tolerance_and_move_limit_are_kept), UNIT(nothing_to_do_gives_no_moves),
          UNIT(impossible_statistics_are_refused), UNIT(both_spellings_name_a_balancer),
          UNIT(mistakes_are_told_with_what_there_is), UNIT(every_balancer_names_its_source))
