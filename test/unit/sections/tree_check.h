/* test/unit/sections/tree_check.h: whether a tree over a row of PEs is one: for the tests of sections/tree.h. */
#ifndef CHARIOT_TEST_UNIT_SECTIONS_TREE_CHECK_H
#define CHARIOT_TEST_UNIT_SECTIONS_TREE_CHECK_H

#include <stdbool.h>

#include "rpc/sim_flight.h"
#include "sections/tree.h"

enum { TREE_MOST = 4096, TREE_MOST_RADIX = 64 };

/* The PEs of a job, TREE_MOST of them, and which host each is on. */
struct tree_world {
    struct rpc_random random;
    uint32_t host_by_pe[TREE_MOST]; /* below TREE_MOST */
    struct chariot_hosts hosts;
};
void tree_world_init(struct tree_world *world, uint64_t seed);
uint32_t tree_draw(struct tree_world *world, uint32_t below);
/* Every PE is on one of so many hosts, any of them. */
void tree_draw_hosts(struct tree_world *world, uint32_t num);
/* Hosts of so many PEs each, in order. */
void tree_fill_hosts(struct tree_world *world, uint32_t pes_per_host);
/* `count` different PEs, in any order. */
void tree_draw_members(struct tree_world *world, uint32_t *members, uint32_t count);

/* The tree over the row reaches every member once, parents and children agree, nobody has more than radix children, one
 * edge leads into each host but the root's, and it is no deeper than promised. */
bool tree_spans(const struct tree_world *world, const uint32_t *row, uint32_t count, uint32_t radix);
/* Subtrees split off, and split again to the end, are the tree over the whole: their edges are its edges. */
bool tree_nests(const struct tree_world *world, const uint32_t *row, uint32_t count, uint32_t radix);
/* The least depth of a tree of `count` whose members have at most `radix` children. */
uint32_t tree_least_depth(uint32_t count, uint32_t radix);
/* The most steps from the root of a row that has so many members on so many hosts, `most` on one. */
uint32_t tree_depth_bound(uint32_t count, uint32_t num_hosts, uint32_t most, uint32_t radix);

#endif
