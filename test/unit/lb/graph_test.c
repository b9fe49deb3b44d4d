/* Balancers that mind neighbours, on a grid whose good cuts are known. */
#include "lb/balancer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/place.h"
#include "lb/random.h"
#include "lb/web.h"
#include "test/unit/lb/world.h"
#include "test/unit/unit.h"

enum { SIDE = 32, COUNT = SIDE * SIDE, EDGES = 2 * SIDE * (SIDE - 1), PES = 16 };

static struct lb_object objects[COUNT];
static struct lb_edge edges[EDGES];
static double coords[2 * COUNT];

/* Objects anywhere, each with its neighbours as partners; `pinned` of the first row may not move. */
static struct lb_stats grid(uint32_t pinned) {
    uint64_t seed = 4;
    size_t num = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        objects[i] = (struct lb_object){1 + 0.2 * lb_draw_share(&seed), lb_draw_below(&seed, PES), 0, i >= pinned};
        coords[2 * i] = i / SIDE;
        coords[2 * i + 1] = i % SIDE;
        if (i + SIDE < COUNT) edges[num++] = (struct lb_edge){i, i + SIDE, 100};
        if (i % SIDE + 1 < SIDE) edges[num++] = (struct lb_edge){i, i + 1, 100};
    }
    return (struct lb_stats){.num_pes = PES,
                             .num_objects = COUNT,
                             .objects = objects,
                             .edges = edges,
                             .num_edges = num,
                             .coords = coords,
                             .dims = 2};
}

static double share_after(const struct lb_stats *stats, const struct lb_plan *plan) {
    uint32_t where[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) where[i] = stats->objects[i].pe;
    for (size_t i = 0; i < plan->num_moves; i++) where[plan->moves[i].object] = plan->moves[i].to;
    return lb_share_between(stats, where);
}

static void check(const char *name, double most_share, double most_time) {
    struct lb_stats stats = grid(0);
    struct lb_plan plan = lb_world_decide(&stats, name, 1);
    CU_ASSERT(share_after(&stats, &plan) < most_share);
    CU_ASSERT(lb_world_max(&stats, &plan) <= most_time * lb_world_bound(&stats) * (1 + 1e-9));
    lb_plan_deinit(&plan);
}

/* Sixteen squares of 8 x 8 cut 192 of 1984 edges: 9.7 %. */
static void neighbours_are_brought_together(void) {
    check("bisect", 0.11, 1.03);
    check("graph", 0.14, 1.05);
}

static void what_may_not_move_stays_and_draws_its_neighbours(void) {
    struct lb_stats stats = grid(SIDE);
    struct lb_plan plan = lb_world_decide(&stats, "graph:tolerance=1.1", 1);
    for (size_t i = 0; i < plan.num_moves; i++) CU_ASSERT(plan.moves[i].object >= SIDE);
    CU_ASSERT(share_after(&stats, &plan) < 0.25);
    lb_plan_deinit(&plan);
}

static void a_good_placement_is_left_alone(void) {
    struct lb_stats stats = grid(0);
    for (uint32_t i = 0; i < COUNT; i++) objects[i].pe = i / SIDE / 8 * 4 + i % SIDE / 8;
    struct lb_plan plan = lb_world_decide(&stats, "graph", 1);
    CU_ASSERT(plan.num_moves < COUNT / 20);
    CU_ASSERT(share_after(&stats, &plan) < 0.11);
    lb_plan_deinit(&plan);
}

static void the_web_has_each_edge_once_at_both_ends_and_pinned_objects_as_their_pe(void) {
    struct lb_object some[4] = {{1, 0, 0, true}, {1, 1, 0, true}, {1, 1, 0, false}, {1, 1, 0, false}};
    struct lb_edge talk[] = {{0, 1, 5}, {1, 0, 7}, {0, 0, 9}, {0, 2, 1}, {3, 0, 2}, {2, 3, 50}};
    struct lb_stats stats = {.num_pes = 2, .num_objects = 4, .objects = some, .edges = talk, .num_edges = 6};
    struct lb_web web;
    CU_ASSERT_EQUAL_FATAL(lb_web_init(&web, &stats), 0);
    CU_ASSERT_EQUAL(web.num_vertices, 4);
    CU_ASSERT_EQUAL(web.first[4], 4);
    CU_ASSERT_EQUAL(web.first[3] - web.first[2], 2); /* object 0: PE 1 and object 1 */
    CU_ASSERT(web.to[web.first[2]] == 1 && web.bytes[web.first[2]] == 3);
    CU_ASSERT(web.to[web.first[2] + 1] == 3 && web.bytes[web.first[2] + 1] == 12);
    CU_ASSERT_EQUAL(web.first[1] - web.first[0], 0);
    lb_web_deinit(&web);
}

static void hosts_are_evened_out_first_and_few_objects_cross(void) {
    struct lb_world world;
    uint32_t crossed = 0;
    lb_world_init(&world, &(struct lb_world_plan){16, 800, false, true, false}, 3);
    struct lb_plan plan = lb_world_decide(&world.stats, "hierarchical:tolerance=1.02,between=1.02", 1);
    for (size_t i = 0; i < plan.num_moves; i++) {
        crossed += plan.moves[i].to / 4 != world.objects[plan.moves[i].object].pe / 4;
    }
    CU_ASSERT(lb_world_max(&world.stats, &plan) <= 1.02 * 1.02 * lb_world_bound(&world.stats));
    CU_ASSERT(crossed < 200 && crossed < plan.num_moves);
    lb_plan_deinit(&plan);
    lb_world_deinit(&world);
}

UNIT_MAIN("lb/graph", UNIT(neighbours_are_brought_together), UNIT(what_may_not_move_stays_and_draws_its_neighbours),
          UNIT(a_good_placement_is_left_alone),
          UNIT(the_web_has_each_edge_once_at_both_ends_and_pinned_objects_as_their_pe),
          UNIT(hosts_are_evened_out_first_and_few_objects_cross))
