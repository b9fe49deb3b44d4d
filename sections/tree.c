#include "sections/tree.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "rpc/error.h"

/* ---------------------------------------------------------------- the order */

struct member {
    uint32_t pe, host;
    uint32_t at;   /* where it stood */
    uint32_t rank; /* where the first of its host stood; the root's host: 0 */
};

static int by_host(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    if (x->host != y->host) return x->host < y->host ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_rank(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_number(const void *a, const void *b) {
    const uint32_t x = ((const struct member *)a)->pe, y = ((const struct member *)b)->pe;
    return x < y ? -1 : x > y;
}

static bool are_different(struct member *list, uint32_t count) {
    qsort(list, count, sizeof *list, by_number);
    for (uint32_t i = 1; i < count; i++) {
        if (list[i].pe == list[i - 1].pe) return false;
    }
    return true;
}

static void rank(struct member *list, uint32_t count, uint32_t root_host) {
    qsort(list, count, sizeof *list, by_host);
    for (uint32_t i = 0; i < count; i++) {
        bool first = i == 0 || list[i].host != list[i - 1].host;
        uint32_t behind_root = list[i].host == root_host ? 0 : list[i].at + 1;
        list[i].rank = first ? behind_root : list[i - 1].rank;
    }
    qsort(list, count, sizeof *list, by_rank);
}

int chariot_topo_arrange(uint32_t *members, uint32_t count, uint32_t root, const struct chariot_hosts *hosts) {
    struct member *list = malloc((count + (size_t)1) * sizeof *list);
    if (list == NULL) return CHARIOT_ENOMEM;
    bool has_root = false;
    for (uint32_t i = 0; i < count; i++) {
        bool is_root = members[i] == root;
        has_root = has_root || is_root;
        list[i] = (struct member){members[i], hosts->host_of(hosts->ctx, members[i]), is_root ? 0 : i + 1, 0};
    }
    bool good = has_root && are_different(list, count);
    if (good) rank(list, count, hosts->host_of(hosts->ctx, root));
    for (uint32_t i = 0; good && i < count; i++) members[i] = list[i].pe;
    free(list);
    return good ? 0 : CHARIOT_EINVAL;
}

/* ---------------------------------------------------------------- the tree */

void chariot_topo_layout(const uint32_t *members, uint32_t count, const struct chariot_hosts *hosts, uint32_t *first,
                         struct chariot_layout *layout) {
    uint32_t num_hosts = 0, before = 0;
    assert(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t host = hosts->host_of(hosts->ctx, members[i]);
        if (i == 0 || host != before) first[num_hosts++] = i;
        before = host;
    }
    first[num_hosts] = count;
    *layout = (struct chariot_layout){count, num_hosts, first};
}

/* The root's child above or at `at`. */
static uint32_t branch_of(const struct chariot_layout *layout, uint32_t at, uint32_t radix) {
    for (int64_t parent; (parent = chariot_tree_parent(layout, at, 0, radix)) != 0;) at = (uint32_t)parent;
    return at;
}

uint32_t chariot_topo_subtrees(const uint32_t *members, const struct chariot_layout *layout, uint32_t radix,
                               uint32_t *out, uint32_t *ends) {
    uint32_t num = chariot_tree_children(layout, 0, 0, radix, ends), used = 0;
    for (uint32_t i = 0; i < num; i++) {
        uint32_t child = ends[i];
        for (uint32_t at = 1; at < layout->count; at++) {
            if (branch_of(layout, at, radix) == child) out[used++] = members[at];
        }
        ends[i] = used;
    }
    return num;
}

int64_t chariot_topo_edges(const uint32_t *members, const struct chariot_layout *layout, uint32_t radix, uint32_t pe,
                           int64_t *parent, uint32_t *children) {
    uint32_t at = 0;
    while (at < layout->count && members[at] != pe) at++;
    if (at == layout->count) return -1;
    *parent = chariot_tree_parent(layout, at, 0, radix);
    if (*parent >= 0) *parent = members[*parent];
    uint32_t num = chariot_tree_children(layout, at, 0, radix, children);
    for (uint32_t i = 0; i < num; i++) children[i] = members[children[i]];
    return num;
}
