#include "objects/tree.h"

#include <assert.h>
#include <stddef.h>

/* A tree over a layout. */
struct tree {
    const struct chariot_layout *layout;
    uint32_t root, root_host, radix;
    uint32_t host_radix;
};

/* A host in a tree. */
struct host {
    uint32_t begin, size; /* its places in the row */
    uint32_t lead;        /* the place of its first member in the tree */
    uint32_t rank;        /* of the host, from the root's on */
    uint32_t num_below;   /* hosts that are its children */
    uint32_t carrier;     /* rank of the member that has them below it */
    uint32_t room;        /* children that the lead may have inside the host */
};

static uint32_t host_of(const struct chariot_layout *layout, uint32_t at) {
    uint32_t low = 0, high = layout->num_hosts;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (layout->first[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct tree tree_of(const struct chariot_layout *layout, uint32_t root, uint32_t radix) {
    assert(root < layout->count && radix > 0 && layout->num_hosts > 0);
    return (struct tree){layout, root, host_of(layout, root), radix, radix > 1 ? radix - 1 : 1};
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static struct host host_number(const struct tree *tree, uint32_t number) {
    const struct chariot_layout *layout = tree->layout;
    struct host host = {.size = layout->count, .rank = number - tree->root_host};
    if (number < tree->root_host) host.rank += layout->num_hosts;
    if (layout->first != NULL) {
        host.begin = layout->first[number];
        host.size = layout->first[number + 1] - host.begin;
    }
    host.lead = number == tree->root_host ? tree->root : host.begin;
    uint64_t before = (uint64_t)host.rank * tree->host_radix + 1; /* hosts that stand before its children */
    if (before < layout->num_hosts) host.num_below = (uint32_t)least(tree->host_radix, layout->num_hosts - before);
    host.carrier = tree->radix > 1 ? 0 : host.size - 1;
    host.room = tree->radix > 1 ? tree->radix - host.num_below : 1;
    return host;
}

static struct host host_ranked(const struct tree *tree, uint64_t rank) {
    return host_number(tree, (uint32_t)((rank + tree->root_host) % tree->layout->num_hosts));
}

static uint32_t member(const struct host *host, uint64_t rank) {
    return host->begin + (uint32_t)((rank + host->lead - host->begin) % host->size);
}

static uint32_t rank_of(const struct host *host, uint32_t at) {
    return at >= host->lead ? at - host->lead : at + host->size - host->lead;
}

int64_t chariot_tree_parent(const struct chariot_layout *layout, uint32_t at, uint32_t root, uint32_t radix) {
    assert(at < layout->count);
    struct tree tree = tree_of(layout, root, radix);
    struct host host = host_number(&tree, host_of(layout, at));
    uint32_t rank = rank_of(&host, at);
    if (rank > host.room) return member(&host, 1 + (rank - host.room - 1) / radix);
    if (rank > 0) return host.lead;
    if (host.rank == 0) return -1;
    struct host above = host_ranked(&tree, (host.rank - 1) / tree.host_radix);
    return member(&above, above.carrier);
}

uint32_t chariot_tree_children(const struct chariot_layout *layout, uint32_t at, uint32_t root, uint32_t radix,
                               uint32_t *children) {
    assert(at < layout->count);
    struct tree tree = tree_of(layout, root, radix);
    struct host host = host_number(&tree, host_of(layout, at));
    uint32_t rank = rank_of(&host, at), count = 0;
    if (rank == host.carrier) {
        for (; count < host.num_below; count++) {
            children[count] = host_ranked(&tree, (uint64_t)host.rank * tree.host_radix + 1 + count).lead;
        }
    }
    uint64_t first = rank == 0 ? 1 : host.room + (uint64_t)(rank - 1) * radix + 1;
    uint64_t end = least(rank == 0 ? 1 + host.room : first + radix, host.size);
    for (; first < end; first++) children[count++] = member(&host, first);
    return count;
}
