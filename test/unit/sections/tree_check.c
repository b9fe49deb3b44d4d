#include "test/unit/sections/tree_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the world */

static uint32_t host_of(const void *ctx, uint32_t pe) {
    return ((const struct tree_world *)ctx)->host_by_pe[pe];
}

void tree_world_init(struct tree_world *world, uint64_t seed) {
    *world = (struct tree_world){.hosts = {host_of, world}};
    rpc_random_init(&world->random, seed);
}

uint32_t tree_draw(struct tree_world *world, uint32_t below) {
    return (uint32_t)(rpc_random_draw(&world->random) % below);
}

void tree_draw_hosts(struct tree_world *world, uint32_t num) {
    for (uint32_t pe = 0; pe < TREE_MOST; pe++) world->host_by_pe[pe] = tree_draw(world, num);
}

void tree_fill_hosts(struct tree_world *world, uint32_t pes_per_host) {
    for (uint32_t pe = 0; pe < TREE_MOST; pe++) world->host_by_pe[pe] = pe / pes_per_host;
}

void tree_draw_members(struct tree_world *world, uint32_t *members, uint32_t count) {
    uint32_t all[TREE_MOST];
    for (uint32_t i = 0; i < TREE_MOST; i++) all[i] = i;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i + tree_draw(world, TREE_MOST - i);
        members[i] = all[at];
        all[at] = all[i];
    }
}

/* ---------------------------------------------------------------- depth */

uint32_t tree_least_depth(uint32_t count, uint32_t radix) {
    uint32_t depth = 0;
    for (uint64_t reached = 1, level = 1; reached < count; depth++) {
        level *= radix;
        reached += level;
    }
    return depth;
}

/* Over hosts, one step from a lead into its host, and there. */
uint32_t tree_depth_bound(uint32_t count, uint32_t num_hosts, uint32_t most, uint32_t radix) {
    if (radix == 1) return count - 1;
    if (num_hosts == 1) return tree_least_depth(count, radix);
    return tree_least_depth(num_hosts, radix - 1) + 1 + tree_least_depth(most, radix);
}

static uint32_t promised_depth(const struct chariot_layout *layout, uint32_t radix) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < layout->num_hosts; i++) {
        uint32_t size = layout->first[i + 1] - layout->first[i];
        if (size > most) most = size;
    }
    return tree_depth_bound(layout->count, layout->num_hosts, most, radix);
}

/* ---------------------------------------------------------------- the whole tree */

/* A row being walked: all by place in it. */
struct row {
    const struct tree_world *world;
    const uint32_t *members;
    struct chariot_layout layout;
    uint32_t radix;
    uint32_t first[TREE_MOST + 1];
    uint32_t level[TREE_MOST];
    bool seen[TREE_MOST];
    uint32_t entered[TREE_MOST]; /* by host: edges that lead into it from others */
    int64_t parent[TREE_MOST];   /* by PE, as a PE */
    bool reached[TREE_MOST];     /* by PE */
};

static struct row *row_new(const struct tree_world *world, const uint32_t *members, uint32_t count, uint32_t radix) {
    struct row *row = calloc(1, sizeof *row);
    assert(row != NULL && count <= TREE_MOST && radix <= TREE_MOST_RADIX);
    row->world = world;
    row->members = members;
    row->radix = radix;
    chariot_topo_layout(members, count, &world->hosts, row->first, &row->layout);
    return row;
}

static uint32_t host_at(const struct row *row, uint32_t at) {
    return row->world->host_by_pe[row->members[at]];
}

static bool follow(struct row *row, uint32_t at, uint32_t child) {
    if (child >= row->layout.count || row->seen[child]) return false;
    if (chariot_tree_parent(&row->layout, child, 0, row->radix) != (int64_t)at) return false;
    row->seen[child] = true;
    row->level[child] = row->level[at] + 1;
    row->entered[host_at(row, child)] += host_at(row, child) != host_at(row, at);
    return true;
}

static bool hosts_are_entered_once(const struct row *row) {
    for (uint32_t at = 0; at < row->layout.count; at++) {
        if (row->entered[host_at(row, at)] != (host_at(row, at) == host_at(row, 0) ? 0 : 1)) return false;
    }
    return true;
}

/* Level by level, from the root on. */
static bool all_are_reached(struct row *row, uint32_t *depth) {
    uint32_t children[TREE_MOST_RADIX], queue[TREE_MOST], queued = 1;
    queue[0] = 0;
    row->seen[0] = true;
    for (uint32_t done = 0; done < queued; done++) {
        uint32_t at = queue[done], num = chariot_tree_children(&row->layout, at, 0, row->radix, children);
        *depth = row->level[at];
        if (num > row->radix) return false;
        for (uint32_t i = 0; i < num; i++) {
            if (!follow(row, at, children[i])) return false;
            queue[queued++] = children[i];
        }
    }
    return queued == row->layout.count;
}

bool tree_spans(const struct tree_world *world, const uint32_t *members, uint32_t count, uint32_t radix) {
    struct row *row = row_new(world, members, count, radix);
    uint32_t depth = 0;
    bool right = chariot_tree_parent(&row->layout, 0, 0, radix) == -1 && all_are_reached(row, &depth) &&
                 hosts_are_entered_once(row) && depth <= promised_depth(&row->layout, radix);
    free(row);
    return right;
}

/* ---------------------------------------------------------------- its subtrees */

/* Asks for the edges of every 97th member only, of many: each looks for the member in the row. */
static bool edges_agree(const struct row *row, const uint32_t *part, uint32_t num, const uint32_t *out,
                        const uint32_t *ends) {
    uint32_t children[TREE_MOST_RADIX];
    int64_t parent = -2;
    if (row->layout.count > 300 && part[0] % 97 != 0) return true;
    int64_t edges = chariot_topo_edges(row->members, &row->layout, row->radix, part[0], &parent, children);
    if (edges != num || parent != row->parent[part[0]]) return false;
    for (uint32_t i = 0; i < num; i++) {
        if (children[i] != out[i == 0 ? 0 : ends[i - 1]]) return false;
    }
    return true;
}

static bool splits(struct row *row, const uint32_t *part, uint32_t count);

static bool split_each(struct row *row, uint32_t count, uint32_t num, const uint32_t *out, const uint32_t *ends) {
    uint32_t begin = 0;
    for (uint32_t i = 0; i < num; begin = ends[i++]) {
        if (ends[i] <= begin || ends[i] >= count || !splits(row, out + begin, ends[i] - begin)) return false;
    }
    return begin == count - 1;
}

static bool splits(struct row *row, const uint32_t *part, uint32_t count) {
    uint32_t ends[TREE_MOST_RADIX], *first = malloc((count + (size_t)1) * sizeof *first),
                                    *out = malloc(count * sizeof *out);
    struct chariot_layout layout;
    assert(first != NULL && out != NULL);
    chariot_topo_layout(part, count, &row->world->hosts, first, &layout);
    uint32_t num = chariot_topo_subtrees(part, &layout, row->radix, out, ends);
    bool right = num <= row->radix && !row->reached[part[0]] && edges_agree(row, part, num, out, ends);
    row->reached[part[0]] = true;
    for (uint32_t i = 0; right && i < num; i++) right = row->parent[out[i == 0 ? 0 : ends[i - 1]]] == part[0];
    right = right && split_each(row, count, num, out, ends);
    free(first);
    free(out);
    return right;
}

bool tree_nests(const struct tree_world *world, const uint32_t *members, uint32_t count, uint32_t radix) {
    struct row *row = row_new(world, members, count, radix);
    for (uint32_t at = 0; at < count; at++) {
        int64_t parent = chariot_tree_parent(&row->layout, at, 0, radix);
        row->parent[members[at]] = parent < 0 ? -1 : (int64_t)members[parent];
    }
    bool right = splits(row, members, count);
    for (uint32_t at = 0; at < count; at++) right = right && row->reached[members[at]];
    free(row);
    return right;
}
