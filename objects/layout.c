#include "objects/layout.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- the row */

static uint32_t most_of(const uint32_t *hosts, uint32_t num_pes) {
    uint32_t most = 0;
    for (uint32_t pe = 0; pe < num_pes; pe++) most = hosts[pe] > most ? hosts[pe] : most;
    return most;
}

/* Numbers the hosts that have PEs, in order, and finds where each begins. */
static void begin_hosts(struct obj_layout *layout, uint32_t *first, uint32_t num_numbers) {
    uint32_t count = layout->row.count, begin = 0, num_hosts = 0;
    for (uint32_t pe = 0; pe < count; pe++) layout->number[layout->hosts[pe]]++;
    for (uint32_t i = 0; i < num_numbers; i++) {
        uint32_t size = layout->number[i];
        layout->number[i] = num_hosts;
        if (size == 0) continue;
        first[num_hosts++] = begin;
        begin += size;
    }
    first[num_hosts] = begin;
    layout->row.num_hosts = num_hosts;
    layout->row.first = first;
}

static bool is_in_order(const uint32_t *hosts, uint32_t count) {
    for (uint32_t pe = 1; pe < count; pe++) {
        if (hosts[pe] < hosts[pe - 1]) return false;
    }
    return true;
}

/* PEs of a host come in order, so they can be searched for. CHARIOT_ENOMEM. */
static int place_pes(struct obj_layout *layout) {
    if (is_in_order(layout->hosts, layout->row.count)) return 0;
    uint32_t *next = calloc(layout->row.num_hosts, sizeof *next);
    layout->pes = calloc(layout->row.count, sizeof *layout->pes);
    for (uint32_t pe = 0; next != NULL && layout->pes != NULL && pe < layout->row.count; pe++) {
        uint32_t host = layout->number[layout->hosts[pe]];
        layout->pes[layout->row.first[host] + next[host]++] = pe;
    }
    free(next);
    return next == NULL || layout->pes == NULL ? CHARIOT_ENOMEM : 0;
}

struct obj_layout *obj_layout_new(uint32_t num_pes, const uint32_t *hosts) {
    uint32_t num_numbers = most_of(hosts, num_pes) + 1;
    struct obj_layout *layout = calloc(1, sizeof *layout);
    uint32_t *first = calloc((size_t)num_numbers + 1, sizeof *first);
    if (layout != NULL) layout->number = calloc(num_numbers, sizeof *layout->number);
    if (layout == NULL || first == NULL || layout->number == NULL) {
        free(first);
        obj_layout_free(layout);
        return NULL;
    }
    layout->row.count = num_pes;
    layout->hosts = hosts;
    begin_hosts(layout, first, num_numbers);
    if (place_pes(layout) == 0) return layout;
    obj_layout_free(layout);
    return NULL;
}

void obj_layout_free(struct obj_layout *layout) {
    if (layout == NULL) return;
    free((uint32_t *)(uintptr_t)layout->row.first);
    free(layout->number);
    free(layout->pes);
    free(layout);
}

/* ---------------------------------------------------------------- PEs and places */

static uint32_t place_of(const struct obj_layout *layout, uint32_t pe) {
    if (layout->pes == NULL) return pe;
    uint32_t host = layout->number[layout->hosts[pe]];
    uint32_t low = layout->row.first[host], high = layout->row.first[host + 1];
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (layout->pes[middle] <= pe)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t pe_at(const struct obj_layout *layout, uint32_t at) {
    return layout->pes == NULL ? at : layout->pes[at];
}

/* A job on one host has no layout. */
static struct obj_layout layout_of(const struct chariot_pe *pe) {
    if (pe->layout != NULL) return *pe->layout;
    return (struct obj_layout){.row = {.count = pe->node.num_pes, .num_hosts = 1}};
}

int64_t obj_tree_parent(const struct chariot_pe *pe, uint32_t root) {
    struct obj_layout layout = layout_of(pe);
    int64_t parent =
        chariot_tree_parent(&layout.row, place_of(&layout, pe->node.pe), place_of(&layout, root), OBJ_TREE_RADIX);
    return parent < 0 ? -1 : (int64_t)pe_at(&layout, (uint32_t)parent);
}

uint32_t obj_tree_children(const struct chariot_pe *pe, uint32_t of_pe, uint32_t root,
                           uint32_t children[OBJ_TREE_RADIX]) {
    struct obj_layout layout = layout_of(pe);
    uint32_t count =
        chariot_tree_children(&layout.row, place_of(&layout, of_pe), place_of(&layout, root), OBJ_TREE_RADIX, children);
    for (uint32_t i = 0; i < count; i++) children[i] = pe_at(&layout, children[i]);
    return count;
}

int obj_tree_find_child(const uint32_t *children, uint32_t count, uint32_t child) {
    for (uint32_t i = 0; i < count; i++) {
        if (children[i] == child) return (int)i;
    }
    return -1;
}

int obj_tree_child(const struct chariot_pe *pe, uint32_t root, uint32_t child) {
    uint32_t children[OBJ_TREE_RADIX];
    return obj_tree_find_child(children, obj_tree_children(pe, pe->node.pe, root, children), child);
}

void obj_tree_send_up_take(struct chariot_pe *pe, uint32_t root, struct chariot_msg *msg) {
    obj_send_take(pe, (uint32_t)obj_tree_parent(pe, root), msg);
}
