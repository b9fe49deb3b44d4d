/* The spanning tree: spans all PEs exactly once, with agreeing parents and children and the least depth. */
#include <stdlib.h>

#include "objects/chariot.h"
#include "test/unit/unit.h"

/* Least depth of a tree of `num_pes` whose members have at most `radix` children. */
static uint32_t least_depth(uint32_t num_pes, uint32_t radix) {
    uint64_t reached = 1, level = 1;
    uint32_t depth = 0;
    for (; reached < num_pes; depth++) {
        level *= radix;
        reached += level;
    }
    return depth;
}

/* Walks the tree from its root and returns how many PEs it reached, each once; 0 where something is wrong. */
static uint32_t walk(uint32_t root, uint32_t num_pes, uint32_t radix, uint32_t *depth) {
    uint32_t *queue = malloc(num_pes * sizeof *queue), *level = calloc(num_pes, sizeof *level);
    uint32_t *children = malloc(radix * sizeof *children);
    bool *seen = calloc(num_pes, sizeof *seen), wrong = chariot_tree_parent(root, root, num_pes, radix) != -1;
    uint32_t num_queued = 0;
    queue[num_queued++] = root;
    seen[root] = true;
    *depth = 0;
    for (uint32_t i = 0; i < num_queued && !wrong; i++) {
        uint32_t pe = queue[i], count = chariot_tree_children(pe, root, num_pes, radix, children);
        wrong = wrong || count > radix;
        for (uint32_t j = 0; j < count && !wrong; j++) {
            uint32_t child = children[j];
            wrong = child >= num_pes || seen[child] || chariot_tree_parent(child, root, num_pes, radix) != (int64_t)pe;
            if (wrong) break;
            seen[child] = true;
            level[child] = level[pe] + 1;
            *depth = level[child] > *depth ? level[child] : *depth;
            queue[num_queued++] = child;
        }
    }
    free(queue);
    free(level);
    free(children);
    free(seen);
    return wrong ? 0 : num_queued;
}

static bool is_right(uint32_t root, uint32_t num_pes, uint32_t radix) {
    uint32_t depth;
    return walk(root, num_pes, radix, &depth) == num_pes && depth == least_depth(num_pes, radix);
}

static void every_size_up_to_300_is_spanned_once_with_least_depth(void) {
    static const uint32_t radixes[] = {1, 2, 3, 4, 7, 16};
    for (uint32_t num_pes = 1; num_pes <= 300; num_pes++) {
        const uint32_t roots[] = {0, 1 % num_pes, num_pes / 2, num_pes - 1};
        for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
            for (size_t j = 0; j < sizeof radixes / sizeof radixes[0]; j++)
                if (!is_right(roots[i], num_pes, radixes[j])) CU_FAIL("tree of up to 300 PEs");
    }
    CU_ASSERT(is_right(0, 1, 4));
}

static void every_root_of_64_pes_spans_all(void) {
    for (uint32_t root = 0; root < 64; root++) CU_ASSERT(is_right(root, 64, 4));
}

static void large_sizes_are_spanned_once(void) {
    static const uint32_t sizes[] = {1000, 1021, 4096, 65535, 65536, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CU_ASSERT(is_right(0, sizes[i], 4));
        CU_ASSERT(is_right(sizes[i] - 1, sizes[i], 4));
        CU_ASSERT(is_right(sizes[i] / 3, sizes[i], 2));
    }
}

static void numbers_near_the_limit_do_not_overflow(void) {
    uint32_t children[4], num_pes = UINT32_MAX;
    CU_ASSERT_EQUAL(chariot_tree_children(num_pes - 1, 0, num_pes, 4, children), 0);
    CU_ASSERT_EQUAL(chariot_tree_children(num_pes - 1, num_pes - 1, num_pes, 4, children), 4);
    CU_ASSERT_EQUAL(children[0], 0);
    CU_ASSERT_EQUAL(chariot_tree_parent(0, num_pes - 1, num_pes, 4), (int64_t)num_pes - 1);
    CU_ASSERT_EQUAL(chariot_tree_parent(num_pes - 1, 0, num_pes, 4), ((int64_t)num_pes - 2) / 4);
}

UNIT_MAIN("objects/tree", UNIT(every_size_up_to_300_is_spanned_once_with_least_depth),
          UNIT(every_root_of_64_pes_spans_all), UNIT(large_sizes_are_spanned_once),
          UNIT(numbers_near_the_limit_do_not_overflow))
