/* Trees over any PEs, of every size up to 4,096: each is spanned once, subtrees are rows with that tree, and each host
 * is entered once. `make check` thins out the large ones, `make check-sections` (CHARIOT_SEEDS) does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "test/unit/sections/tree_check.h"
#include "test/unit/unit.h"

enum { OF_SECTIONS = 5 }; /* the radix: OBJ_TREE_RADIX */

/* One of `usual`; of so many more as CHARIOT_SEEDS asks for, down to each. */
static uint32_t step(uint32_t usual) {
    const char *asked = getenv("CHARIOT_SEEDS");
    uint64_t more = asked == NULL ? 100 : strtoull(asked, NULL, 10);
    return usual * 100 <= more ? 1 : more == 0 ? usual : (uint32_t)(usual * 100 / more);
}

/* Some members, arranged from a root that is one of them; arranging again changes nothing. */
static bool draw_row(struct tree_world *world, uint32_t *row, uint32_t count) {
    uint32_t again[TREE_MOST];
    tree_draw_members(world, row, count);
    uint32_t root = row[tree_draw(world, count)];
    if (chariot_topo_arrange(row, count, root, &world->hosts) != 0 || row[0] != root) return false;
    memcpy(again, row, count * sizeof *row);
    return chariot_topo_arrange(again, count, root, &world->hosts) == 0 && memcmp(again, row, count * sizeof *row) == 0;
}

static void check(struct tree_world *world, uint32_t count, uint32_t radix, bool whole) {
    uint32_t row[TREE_MOST];
    bool right = draw_row(world, row, count) && tree_spans(world, row, count, radix) &&
                 (!whole || tree_nests(world, row, count, radix));
    if (!right) fprintf(stderr, "%u members, radix %u\n", count, radix);
    CU_ASSERT_TRUE(right);
}

static void small_sets_are_spanned_once_with_any_radix(void) {
    static const uint32_t radixes[] = {1, 2, 3, 4, 5, 7, TREE_MOST_RADIX}, num_hosts[] = {1, 2, 5, 1000};
    struct tree_world world;
    tree_world_init(&world, 1);
    for (uint32_t count = 1; count <= 130; count++) {
        for (size_t h = 0; h < 4; h++) {
            tree_draw_hosts(&world, num_hosts[h]);
            for (size_t r = 0; r < sizeof radixes / sizeof radixes[0]; r++) check(&world, count, radixes[r], true);
        }
    }
}

/* The layout of hosts changes from size to size: with three of them each size has had one of each soon. */
static void lay_out(struct tree_world *world, uint32_t count) {
    switch (count % 5) {
    case 0:
        tree_draw_hosts(world, 1);
        break;
    case 1:
        tree_fill_hosts(world, 16);
        break;
    case 2:
        tree_draw_hosts(world, 2 + tree_draw(world, 14));
        break;
    case 3:
        tree_fill_hosts(world, 1 + tree_draw(world, 200));
        break;
    default:
        tree_draw_hosts(world, TREE_MOST);
    }
}

static void every_size_is_spanned_once(void) {
    struct tree_world world;
    tree_world_init(&world, 2);
    for (uint32_t count = 1; count <= TREE_MOST; count++) {
        if (count > 400 && count % step(13) != 0) continue;
        lay_out(&world, count);
        check(&world, count, OF_SECTIONS, count % (12 * step(3)) == 0);
    }
}

/* 1 + 5 + 25 + ..., where levels of the tree are full; and one to each side. */
static void sizes_at_which_a_level_is_full_are_spanned_once(void) {
    struct tree_world world;
    tree_world_init(&world, 3);
    for (uint32_t radix = 2; radix <= 8; radix++) {
        for (uint32_t full = 1, level = radix; full <= TREE_MOST; full += level, level *= radix) {
            for (uint32_t count = full == 1 ? 1 : full - 1; count <= full + 1 && count <= TREE_MOST; count++) {
                tree_draw_hosts(&world, 1);
                check(&world, count, radix, true);
                tree_draw_hosts(&world, 16);
                check(&world, count, radix, true);
            }
        }
    }
}

static void random_subsets_are_spanned_once(void) {
    struct tree_world world;
    tree_world_init(&world, 4);
    for (uint32_t i = 0; i < 2400; i += step(24)) {
        lay_out(&world, tree_draw(&world, 5));
        check(&world, 1 + tree_draw(&world, 1u << (4 + i / 24 % 9)), 2 + tree_draw(&world, 7), true);
    }
    tree_draw_hosts(&world, 256);
    check(&world, TREE_MOST, OF_SECTIONS, true);
}

static void members_of_a_host_keep_their_order(void) {
    uint32_t members[] = {4, 9, 5, 0, 8, 1};
    const uint32_t want[] = {5, 4, 0, 1, 9, 8};
    struct tree_world world;
    tree_world_init(&world, 5);
    tree_fill_hosts(&world, 8);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 6, 5, &world.hosts), 0);
    CU_ASSERT_EQUAL(memcmp(members, want, sizeof want), 0);
}

static void what_is_no_tree_is_refused(void) {
    uint32_t members[] = {1, 2, 3, 2}, children[4], first[5];
    struct chariot_layout layout;
    struct tree_world world;
    int64_t parent;
    tree_world_init(&world, 6);
    tree_draw_hosts(&world, 2);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 3, 7, &world.hosts), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 4, 1, &world.hosts), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 0, 1, &world.hosts), CHARIOT_EINVAL);
    chariot_topo_layout(members, 3, &world.hosts, first, &layout);
    CU_ASSERT_EQUAL(chariot_topo_edges(members, &layout, 4, 9, &parent, children), -1);
}

UNIT_MAIN("sections/tree", UNIT(small_sets_are_spanned_once_with_any_radix), UNIT(every_size_is_spanned_once),
          UNIT(sizes_at_which_a_level_is_full_are_spanned_once), UNIT(random_subsets_are_spanned_once),
          UNIT(members_of_a_host_keep_their_order), UNIT(what_is_no_tree_is_refused))
