/* sections/tree.h: spanning trees over any PEs of a job. Pure functions of the members and of which host each is on.
 *
 * A tree is an order of its members: the root first, its host's other members behind it, then host by host. The
 * subtrees below the first are runs of that order, up to `radix` of them, each again a tree of its own; so a tree is
 * recovered by splitting, and each split by itself. A host has one edge that leads into it from others. */
#ifndef CHARIOT_SECTIONS_TREE_H
#define CHARIOT_SECTIONS_TREE_H

#include <stdint.h>

/* Which host a PE is on. */
struct chariot_hosts {
    uint32_t (*host_of)(const void *ctx, uint32_t pe);
    const void *ctx;
};

/* Puts members (all different, root among them) into the order of their tree; within a host they keep theirs, and hosts
 * come as their first members did. CHARIOT_EINVAL: root is none of them, or one stands there twice; CHARIOT_ENOMEM. */
int chariot_topo_arrange(uint32_t *members, uint32_t count, uint32_t root, const struct chariot_hosts *hosts);

/* The subtrees below members[0], the first of which begins at members[1]: ends[i] is where subtree i ends. radix (at
 * least 1) is the room in ends. Gives their number. */
uint32_t chariot_topo_split(const uint32_t *members, uint32_t count, uint32_t radix, const struct chariot_hosts *hosts,
                            uint32_t *ends);

/* Where pe stands in the tree: its parent (-1: it is the root) and its children (room for radix of them). Gives the
 * number of children; -1: pe is no member. */
int64_t chariot_topo_edges(const uint32_t *members, uint32_t count, uint32_t radix, const struct chariot_hosts *hosts,
                           uint32_t pe, int64_t *parent, uint32_t *children);

#endif
