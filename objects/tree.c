/* objects/tree.c: the spanning tree of a job: PE numbers relative to the root, filled level by level. Pure.
 *
 * With r the number relative to the root, the children of r are radix * r + 1 to radix * r + radix: a complete tree, of
 * the least depth that this radix allows, for every number of PEs. */
#include <assert.h>

#include "objects/chariot.h"

static uint64_t relative(uint32_t pe, uint32_t root, uint32_t num_pes) {
    return ((uint64_t)pe + num_pes - root) % num_pes;
}

static uint32_t absolute(uint64_t rank, uint32_t root, uint32_t num_pes) {
    return (uint32_t)((rank + root) % num_pes);
}

int64_t chariot_tree_parent(uint32_t pe, uint32_t root, uint32_t num_pes, uint32_t radix) {
    assert(pe < num_pes && root < num_pes && radix > 0);
    uint64_t rank = relative(pe, root, num_pes);
    return rank == 0 ? -1 : (int64_t)absolute((rank - 1) / radix, root, num_pes);
}

uint32_t chariot_tree_children(uint32_t pe, uint32_t root, uint32_t num_pes, uint32_t radix, uint32_t *children) {
    assert(pe < num_pes && root < num_pes && radix > 0);
    uint64_t first = relative(pe, root, num_pes) * radix + 1;
    uint32_t count = 0;
    for (; count < radix && first + count < num_pes; count++) children[count] = absolute(first + count, root, num_pes);
    return count;
}
