/* The job's tree over PEs numbered host by host, and over PEs that are not: each host is entered once. */
#include "objects/layout.h"

#include <stdlib.h>

#include "test/unit/unit.h"

enum { MOST = 500 };

static uint32_t hosts[MOST];
static uint32_t seed = 1;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

static bool is_tree(struct chariot_pe *pe, uint32_t root) {
    uint32_t children[OBJ_TREE_RADIX], entered[MOST] = {0}, reached = 0, leads = 0;
    for (uint32_t of = 0; of < pe->node.num_pes; of++) {
        uint32_t count = obj_tree_children(pe, of, root, children);
        for (uint32_t i = 0; i < count; i++) {
            pe->node.pe = children[i];
            if (obj_tree_parent(pe, root) != (int64_t)of || children[i] == root) return false;
            if (hosts[children[i]] == hosts[of]) continue;
            if (entered[hosts[children[i]]]++ > 0) return false;
            leads++;
        }
        reached += count;
    }
    pe->node.pe = root;
    return obj_tree_parent(pe, root) == -1 && reached == pe->node.num_pes - 1 && entered[hosts[root]] == 0 &&
           leads + 1 == (pe->layout == NULL ? 1 : pe->layout->row.num_hosts);
}

static void check(uint32_t num_pes, bool in_order) {
    struct chariot_pe *pe = calloc(1, sizeof *pe);
    pe->node.num_pes = num_pes;
    pe->layout = obj_layout_new(num_pes, hosts);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pe->layout);
    CU_ASSERT_EQUAL(pe->layout->pes == NULL, in_order);
    CU_ASSERT_TRUE(is_tree(pe, draw(num_pes)));
    CU_ASSERT_TRUE(is_tree(pe, 0));
    obj_layout_free(pe->layout);
    free(pe);
}

static void pes_numbered_host_by_host_need_no_table(void) {
    for (uint32_t num_pes = 1; num_pes <= MOST; num_pes += 1 + draw(9)) {
        uint32_t host = 0;
        for (uint32_t pe = 0; pe < num_pes; pe++) hosts[pe] = host += draw(3) == 0 && host + 1 < num_pes;
        check(num_pes, true);
    }
}

static void pes_may_be_on_hosts_in_any_order(void) {
    for (uint32_t num_pes = 3; num_pes <= MOST; num_pes += 1 + draw(9)) {
        for (uint32_t pe = 0; pe < num_pes; pe++) hosts[pe] = draw(num_pes / 2);
        hosts[0] = num_pes / 2;
        hosts[1] = 0;
        check(num_pes, false);
    }
}

static void a_job_on_one_host_needs_no_layout(void) {
    struct chariot_pe *pe = calloc(1, sizeof *pe);
    for (uint32_t i = 0; i < MOST; i++) hosts[i] = 0;
    for (pe->node.num_pes = 1; pe->node.num_pes < 60; pe->node.num_pes++) CU_ASSERT_TRUE(is_tree(pe, 0));
    free(pe);
}

UNIT_MAIN("objects/layout", UNIT(pes_numbered_host_by_host_need_no_table), UNIT(pes_may_be_on_hosts_in_any_order),
          UNIT(a_job_on_one_host_needs_no_layout))
