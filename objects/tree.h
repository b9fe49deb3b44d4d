/* objects/tree.h: the spanning tree that collectives travel, over PEs in any layout of hosts. Pure functions.
 *
 * The PEs stand in a row, host by host. The tree is two in one: over hosts, numbered from the root's on, with radix - 1
 * children each; and inside each host, from its *lead* on (the root, on its host; the first in the row, on others). A
 * lead has the leads of its host's children below it, and members of its own host in the room that these leave; every
 * other has radix members of its host. So one edge leads into a host from others, nobody has more than radix children,
 * and both trees are filled level by level: with one host, the tree is of the least depth that its radix allows.
 * Children on other hosts come first: theirs is the longer way.
 *
 * With radix 1 it is a chain, and the next host hangs from the last of a host. */
#ifndef CHARIOT_OBJECTS_TREE_H
#define CHARIOT_OBJECTS_TREE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct chariot_layout {
    uint32_t count;        /* PEs in the row */
    uint32_t num_hosts;    /* at least 1, none of them empty */
    const uint32_t *first; /* by host: where it begins in the row; first[num_hosts] is count. NULL: there is one host */
};

/* All numbers are places in the row. Gives -1 at the root. */
int64_t chariot_tree_parent(const struct chariot_layout *layout, uint32_t at, uint32_t root, uint32_t radix);
/* Gives how many children there are; `children` has room for radix. */
uint32_t chariot_tree_children(const struct chariot_layout *layout, uint32_t at, uint32_t root, uint32_t radix,
                               uint32_t *children);

#ifdef __cplusplus
}
#endif

#endif
