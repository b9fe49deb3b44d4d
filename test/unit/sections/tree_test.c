/* Trees over any PEs: each is spanned once, edges agree with the split, and each host is entered once. */
#include "sections/tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

enum { MOST = 4096, MOST_RADIX = 64 };

static uint32_t host_of(const void *ctx, uint32_t pe) {
    return ((const uint32_t *)ctx)[pe];
}

static uint32_t hosts_table[MOST];
static const struct chariot_hosts hosts = {host_of, hosts_table};
static uint32_t seed = 1;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* `count` different PEs in any order. */
static void draw_members(uint32_t *members, uint32_t count) {
    static uint32_t all[MOST];
    for (uint32_t i = 0; i < MOST; i++) all[i] = i;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i + draw(MOST - i), pe = all[at];
        all[at] = all[i];
        members[i] = all[i] = pe;
    }
}

static void draw_hosts(uint32_t num) {
    for (uint32_t pe = 0; pe < MOST; pe++) hosts_table[pe] = num == 1 ? 7 : draw(num) * 3;
}

struct walk {
    uint32_t reached, depth, deepest;
    uint32_t entered[3 * MOST]; /* edges that lead into a host from others */
    bool seen[MOST], wrong;
};

/* Splits a row and splits its subtrees again, and asks whole for the edges of each. */
static void walk(struct walk *w, const uint32_t *whole, const struct chariot_layout *of_whole, const uint32_t *members,
                 uint32_t count, uint32_t radix, int64_t parent) {
    uint32_t ends[MOST_RADIX], children[MOST_RADIX], *first = malloc((count + (size_t)1) * sizeof *first),
                                                     *out = malloc(count * sizeof *out);
    struct chariot_layout layout;
    int64_t its_parent = -2;
    chariot_topo_layout(members, count, &hosts, first, &layout);
    uint32_t num = chariot_topo_subtrees(members, &layout, radix, out, ends), begin = 0;
    w->wrong = w->wrong || num > radix || w->seen[members[0]];
    w->seen[members[0]] = true;
    w->reached++;
    bool asks = of_whole->count <= 300 || w->reached % 97 == 1;
    if (asks) {
        int64_t edges = chariot_topo_edges(whole, of_whole, radix, members[0], &its_parent, children);
        w->wrong = w->wrong || edges != num || its_parent != parent;
    }
    if (++w->depth > w->deepest) w->deepest = w->depth;
    for (uint32_t i = 0; i < num && !w->wrong; begin = ends[i++]) {
        w->wrong = ends[i] <= begin || ends[i] >= count || (asks && children[i] != out[begin]);
        if (w->wrong) break;
        uint32_t host = host_of(hosts_table, out[begin]);
        if (host != host_of(hosts_table, members[0])) w->entered[host]++;
        walk(w, whole, of_whole, out + begin, ends[i] - begin, radix, members[0]);
    }
    w->wrong = w->wrong || begin != count - 1;
    w->depth--;
    free(first);
    free(out);
}

static bool is_right(const uint32_t *members, uint32_t count, uint32_t radix, uint32_t *deepest) {
    struct walk *w = calloc(1, sizeof *w);
    static uint32_t first[MOST + 1];
    struct chariot_layout layout;
    chariot_topo_layout(members, count, &hosts, first, &layout);
    walk(w, members, &layout, members, count, radix, -1);
    bool right = !w->wrong && w->reached == count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t host = host_of(hosts_table, members[i]);
        bool is_roots = host == host_of(hosts_table, members[0]);
        if (!w->seen[members[i]] || w->entered[host] != (is_roots ? 0 : 1)) right = false;
    }
    if (deepest != NULL) *deepest = w->deepest;
    free(w);
    return right;
}

static bool arranged_is_right(uint32_t *members, uint32_t count, uint32_t root, uint32_t radix) {
    uint32_t again[MOST];
    if (chariot_topo_arrange(members, count, root, &hosts) != 0 || members[0] != root) return false;
    memcpy(again, members, count * sizeof *members);
    if (chariot_topo_arrange(again, count, root, &hosts) != 0) return false;
    return memcmp(again, members, count * sizeof *members) == 0 && is_right(members, count, radix, NULL);
}

static void every_size_is_spanned_once(void) {
    static const uint32_t radixes[] = {1, 2, 3, 4, 7, MOST_RADIX}, num_hosts[] = {1, 2, 5, 1000};
    uint32_t members[MOST];
    for (uint32_t count = 1; count <= 130; count++) {
        for (size_t h = 0; h < 4; h++) {
            draw_hosts(num_hosts[h]);
            for (size_t r = 0; r < 6; r++) {
                draw_members(members, count);
                if (!arranged_is_right(members, count, members[draw(count)], radixes[r])) CU_FAIL("up to 130 members");
            }
        }
    }
}

static void large_sizes_are_spanned_once(void) {
    static const uint32_t sizes[] = {1000, 1021, 4095, 4096}, num_hosts[] = {1, 16, 256, MOST};
    uint32_t members[MOST];
    for (size_t s = 0; s < 4; s++) {
        for (size_t h = 0; h < 4; h++) {
            draw_hosts(num_hosts[h]);
            draw_members(members, sizes[s]);
            CU_ASSERT_TRUE(arranged_is_right(members, sizes[s], members[draw(sizes[s])], 4));
        }
    }
}

static void on_one_host_the_tree_is_shallow(void) {
    uint32_t members[MOST], deepest;
    draw_hosts(1);
    for (uint32_t i = 0; i < MOST; i++) members[i] = i;
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, MOST, 0, &hosts), 0);
    CU_ASSERT_TRUE(is_right(members, MOST, 4, &deepest));
    CU_ASSERT_TRUE(deepest <= 7); /* 1 + 4 + ... + 4^5 = 1365 < 4096 <= 5461: no tree is less deep */
}

static void members_of_a_host_keep_their_order(void) {
    uint32_t members[] = {4, 9, 5, 0, 8, 1};
    const uint32_t want[] = {5, 4, 0, 1, 9, 8};
    for (uint32_t pe = 0; pe < 10; pe++) hosts_table[pe] = pe >= 8 ? 2 : 0;
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 6, 5, &hosts), 0);
    CU_ASSERT_EQUAL(memcmp(members, want, sizeof want), 0);
}

static void what_is_no_tree_is_refused(void) {
    uint32_t members[] = {1, 2, 3, 2}, children[4], first[5];
    struct chariot_layout layout;
    int64_t parent;
    draw_hosts(2);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 3, 7, &hosts), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 4, 1, &hosts), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_topo_arrange(members, 0, 1, &hosts), CHARIOT_EINVAL);
    chariot_topo_layout(members, 3, &hosts, first, &layout);
    CU_ASSERT_EQUAL(chariot_topo_edges(members, &layout, 4, 9, &parent, children), -1);
}

UNIT_MAIN("sections/tree", UNIT(every_size_is_spanned_once), UNIT(large_sizes_are_spanned_once),
          UNIT(on_one_host_the_tree_is_shallow), UNIT(members_of_a_host_keep_their_order),
          UNIT(what_is_no_tree_is_refused))
