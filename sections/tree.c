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

/* ---------------------------------------------------------------- the split */

static uint32_t host_at(const struct chariot_hosts *hosts, const uint32_t *members, uint32_t at) {
    return hosts->host_of(hosts->ctx, members[at]);
}

/* Where the host of members[begin] ends. */
static uint32_t end_of_host(const uint32_t *members, uint32_t begin, uint32_t count,
                            const struct chariot_hosts *hosts) {
    uint32_t host = host_at(hosts, members, begin), end = begin;
    while (end < count && host_at(hosts, members, end) == host) end++;
    return end;
}

static uint32_t count_hosts(const uint32_t *members, uint32_t begin, uint32_t count,
                            const struct chariot_hosts *hosts) {
    uint32_t num = 0;
    for (; begin < count; num++) begin = end_of_host(members, begin, count, hosts);
    return num;
}

/* members[begin, end) in `parts` runs of the same length, give or take one. */
static uint32_t split_evenly(uint32_t begin, uint32_t end, uint32_t parts, uint32_t *ends) {
    uint32_t length = end - begin;
    for (uint32_t i = 0; i < parts; i++) ends[i] = begin + (uint32_t)((uint64_t)length * (i + 1) / parts);
    return parts;
}

/* members[begin, count), which are num_hosts whole hosts, in `parts` runs of whole hosts, of about the same length. */
static uint32_t split_hosts(const uint32_t *members, uint32_t begin, uint32_t count, uint32_t num_hosts, uint32_t parts,
                            const struct chariot_hosts *hosts, uint32_t *ends) {
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t left = parts - i, fair = (count - begin + left - 1) / left, end = begin;
        do {
            end = end_of_host(members, end, count, hosts);
            num_hosts--;
        } while (end < count && (left == 1 || (end - begin < fair && num_hosts >= left)));
        ends[i] = begin = end;
    }
    return parts;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* How many of `radix` subtrees lead to other hosts: in proportion, at least one, and one is left for this host. */
static uint32_t share_of_others(uint32_t radix, uint32_t here, uint32_t others, uint32_t num_hosts) {
    if (here == 0) return least(radix, num_hosts);
    uint32_t share = (uint32_t)(((uint64_t)radix * others + (here + others) / 2) / ((uint64_t)here + others));
    return least(least(share < 1 ? 1 : share, radix - 1), num_hosts);
}

uint32_t chariot_topo_split(const uint32_t *members, uint32_t count, uint32_t radix, const struct chariot_hosts *hosts,
                            uint32_t *ends) {
    assert(radix > 0);
    if (count < 2) return 0;
    uint32_t end = end_of_host(members, 0, count, hosts);
    uint32_t here = end - 1, others = count - end, num_hosts = count_hosts(members, end, count, hosts);
    if (radix == 1) { /* a chain: this host first */
        ends[0] = count;
        return 1;
    }
    uint32_t away = others == 0 ? 0 : share_of_others(radix, here, others, num_hosts);
    uint32_t num = split_evenly(1, end, least(here, radix - away), ends);
    return num + split_hosts(members, end, count, num_hosts, away, hosts, ends + num);
}

int64_t chariot_topo_edges(const uint32_t *members, uint32_t count, uint32_t radix, const struct chariot_hosts *hosts,
                           uint32_t pe, int64_t *parent, uint32_t *children) {
    uint32_t at = 0, begin = 0;
    while (at < count && members[at] != pe) at++;
    if (at == count) return -1;
    *parent = -1;
    for (;;) {
        uint32_t num = chariot_topo_split(members + begin, count - begin, radix, hosts, children), i = 0;
        for (uint32_t k = 0; k < num; k++) children[k] += begin; /* ends of runs */
        if (at == begin) {
            for (uint32_t k = num; k-- > 0;) children[k] = members[k == 0 ? begin + 1 : children[k - 1]];
            return num;
        }
        while (children[i] <= at) i++;
        *parent = members[begin];
        count = children[i];
        begin = i == 0 ? begin + 1 : children[i - 1];
    }
}
