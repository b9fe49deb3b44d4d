/* sections/tree.h: spanning trees over any PEs of a job: the tree of objects/tree.h over a row of members.
 *
 * The row begins with the root; its host's other members stand behind it, then the others host by host. A subtree's
 * members, in the order of the row, are a row again, and their tree is that subtree. */
#ifndef CHARIOT_SECTIONS_TREE_H
#define CHARIOT_SECTIONS_TREE_H

#include "objects/tree.h"

/* Which host a PE is on. */
struct chariot_hosts {
    uint32_t (*host_of)(const void *ctx, uint32_t pe);
    const void *ctx;
};

/* Puts members (all different, root among them) into their row; within a host they keep their order, and hosts come as
 * their first members did. CHARIOT_EINVAL: root is none of them, or one stands there twice; CHARIOT_ENOMEM. */
int chariot_topo_arrange(uint32_t *members, uint32_t count, uint32_t root, const struct chariot_hosts *hosts);

/* The layout of a row (count > 0). `first` has room for count + 1 and is lent to it. */
void chariot_topo_layout(const uint32_t *members, uint32_t count, const struct chariot_hosts *hosts, uint32_t *first,
                         struct chariot_layout *layout);

/* The subtrees below the root: puts their members after each other into `out` (room for count), and where each ends
 * into `ends` (room for radix). Gives their number. */
uint32_t chariot_topo_subtrees(const uint32_t *members, const struct chariot_layout *layout, uint32_t radix,
                               uint32_t *out, uint32_t *ends);

/* Where pe stands in the tree: its parent (-1: it is the root) and its children (room for radix of them). Gives the
 * number of children; -1: pe is no member. */
int64_t chariot_topo_edges(const uint32_t *members, const struct chariot_layout *layout, uint32_t radix, uint32_t pe,
                           int64_t *parent, uint32_t *children);

#endif
