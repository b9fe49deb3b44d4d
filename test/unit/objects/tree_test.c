/* The spanning tree: spans every layout of hosts exactly once, with agreeing parents and children, one edge into each
 * host, and the depth that it promises. */
#include "objects/tree.h"

#include <stdbool.h>
#include <stdlib.h>

#include "test/unit/sections/tree_check.h"
#include "test/unit/unit.h"

enum { MOST = 100000, MOST_RADIX = 64 };

static uint32_t first[MOST + 1];
static uint32_t host_at[MOST]; /* by place */
static uint32_t seed = 1;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* Hosts of 1 to most_per_host PEs each. */
static struct chariot_layout draw_layout(uint32_t count, uint32_t most_per_host) {
    struct chariot_layout layout = {count, 0, first};
    for (uint32_t at = 0; at < count;) {
        uint32_t size = 1 + draw(most_per_host);
        first[layout.num_hosts] = at;
        for (uint32_t end = at + size; at < end && at < count; at++) host_at[at] = layout.num_hosts;
        layout.num_hosts++;
    }
    first[layout.num_hosts] = count;
    return layout;
}

static struct chariot_layout one_host(uint32_t count) {
    for (uint32_t at = 0; at < count; at++) host_at[at] = 0;
    return (struct chariot_layout){count, 1, NULL};
}

static uint32_t largest_host(const struct chariot_layout *layout) {
    uint32_t most = 0;
    for (uint32_t i = 0; layout->first != NULL && i < layout->num_hosts; i++) {
        if (first[i + 1] - first[i] > most) most = first[i + 1] - first[i];
    }
    return layout->first == NULL ? layout->count : most;
}

static uint32_t promised_depth(const struct chariot_layout *layout, uint32_t radix) {
    return tree_depth_bound(layout->count, layout->num_hosts, largest_host(layout), radix);
}

struct walk {
    uint32_t queue[MOST], level[MOST], entered[MOST];
    bool seen[MOST];
};

static bool follow(struct walk *walk, const struct chariot_layout *layout, uint32_t at, uint32_t child, uint32_t root,
                   uint32_t radix) {
    if (child >= layout->count || walk->seen[child]) return false;
    if (chariot_tree_parent(layout, child, root, radix) != (int64_t)at) return false;
    walk->seen[child] = true;
    walk->level[child] = walk->level[at] + 1;
    walk->entered[host_at[child]] += host_at[child] != host_at[at];
    return true;
}

static bool hosts_are_entered_once(const struct walk *walk, const struct chariot_layout *layout, uint32_t root) {
    for (uint32_t host = 0; host < layout->num_hosts; host++) {
        if (walk->entered[host] != (host == host_at[root] ? 0 : 1)) return false;
    }
    return true;
}

static bool is_right(const struct chariot_layout *layout, uint32_t root, uint32_t radix) {
    struct walk *walk = calloc(1, sizeof *walk);
    uint32_t children[MOST_RADIX], queued = 1, depth = 0;
    bool right = chariot_tree_parent(layout, root, root, radix) == -1;
    walk->queue[0] = root;
    walk->seen[root] = true;
    for (uint32_t i = 0; i < queued && right; i++) {
        uint32_t at = walk->queue[i], count = chariot_tree_children(layout, at, root, radix, children);
        depth = walk->level[at];
        right = count <= radix;
        for (uint32_t k = 0; k < count && right; k++) {
            right = follow(walk, layout, at, children[k], root, radix);
            walk->queue[queued++] = children[k];
        }
    }
    right = right && queued == layout->count && hosts_are_entered_once(walk, layout, root);
    free(walk);
    return right && depth <= promised_depth(layout, radix);
}

static void every_size_up_to_300_is_spanned_once_on_one_host_with_least_depth(void) {
    static const uint32_t radixes[] = {1, 2, 3, 4, 7, 16};
    for (uint32_t count = 1; count <= 300; count++) {
        const uint32_t roots[] = {0, 1 % count, count / 2, count - 1};
        struct chariot_layout layout = one_host(count);
        for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
            for (size_t j = 0; j < sizeof radixes / sizeof radixes[0]; j++)
                if (!is_right(&layout, roots[i], radixes[j])) CU_FAIL("tree of up to 300 PEs");
    }
}

static void every_size_up_to_300_is_spanned_once_on_any_hosts(void) {
    static const uint32_t radixes[] = {1, 2, 3, 4, 7, 16}, per_host[] = {1, 2, 8, 100};
    for (uint32_t count = 1; count <= 300; count++) {
        for (size_t h = 0; h < 4; h++) {
            struct chariot_layout layout = draw_layout(count, per_host[h]);
            if (!is_right(&layout, draw(count), radixes[draw(6)])) CU_FAIL("tree of up to 300 PEs on hosts");
        }
    }
}

static void every_size_up_to_4096_is_spanned_once(void) {
    for (uint32_t count = 301; count <= 4096; count += 1 + draw(20)) {
        struct chariot_layout layout = draw_layout(count, 1 + draw(64));
        if (!is_right(&layout, draw(count), 4)) CU_FAIL("tree of up to 4096 PEs on hosts");
    }
}

static void every_root_of_64_pes_spans_all(void) {
    struct chariot_layout layout = one_host(64);
    for (uint32_t root = 0; root < 64; root++) CU_ASSERT(is_right(&layout, root, 4));
    layout = draw_layout(64, 6);
    for (uint32_t root = 0; root < 64; root++) CU_ASSERT(is_right(&layout, root, 4));
}

static void large_sizes_are_spanned_once(void) {
    static const uint32_t sizes[] = {4096, 65535, 65536, MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct chariot_layout layout = one_host(sizes[i]);
        CU_ASSERT(is_right(&layout, sizes[i] - 1, 4));
        CU_ASSERT(is_right(&layout, sizes[i] / 3, 2));
        layout = draw_layout(sizes[i], 100);
        CU_ASSERT(is_right(&layout, sizes[i] / 3, 4));
    }
}

/* What a collective does to this: the root tells three hosts and one PE of its own, which tells the others. */
static void a_lead_sends_to_other_hosts_first(void) {
    static const uint32_t begins[] = {0, 8, 16, 24, 32};
    static const uint32_t of_root[] = {8, 16, 24, 1}, of_second[] = {2, 3, 4, 5}, of_other[] = {9, 10, 11, 12};
    const struct chariot_layout layout = {32, 4, begins};
    uint32_t children[4];
    CU_ASSERT_EQUAL(chariot_tree_children(&layout, 0, 0, 4, children), 4);
    CU_ASSERT_EQUAL(memcmp(children, of_root, sizeof children), 0);
    CU_ASSERT_EQUAL(chariot_tree_children(&layout, 1, 0, 4, children), 4);
    CU_ASSERT_EQUAL(memcmp(children, of_second, sizeof children), 0);
    CU_ASSERT_EQUAL(chariot_tree_children(&layout, 8, 0, 4, children), 4);
    CU_ASSERT_EQUAL(memcmp(children, of_other, sizeof children), 0);
}

static void numbers_near_the_limit_do_not_overflow(void) {
    uint32_t children[4], count = UINT32_MAX;
    const struct chariot_layout layout = {count, 1, NULL};
    CU_ASSERT_EQUAL(chariot_tree_children(&layout, count - 1, 0, 4, children), 0);
    CU_ASSERT_EQUAL(chariot_tree_children(&layout, count - 1, count - 1, 4, children), 4);
    CU_ASSERT_EQUAL(children[0], 0);
    CU_ASSERT_EQUAL(chariot_tree_parent(&layout, 0, count - 1, 4), (int64_t)count - 1);
    CU_ASSERT_EQUAL(chariot_tree_parent(&layout, count - 1, 0, 4), ((int64_t)count - 2) / 4);
}

UNIT_MAIN("objects/tree", UNIT(every_size_up_to_300_is_spanned_once_on_one_host_with_least_depth),
          UNIT(every_size_up_to_300_is_spanned_once_on_any_hosts), UNIT(every_size_up_to_4096_is_spanned_once),
          UNIT(every_root_of_64_pes_spans_all), UNIT(large_sizes_are_spanned_once),
          UNIT(a_lead_sends_to_other_hosts_first), UNIT(numbers_near_the_limit_do_not_overflow))
