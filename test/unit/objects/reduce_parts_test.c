/* objects/reduce_parts.c: whatever the order in which parts come, they are grouped the same way, and few are kept. */
#include <stdlib.h>
#include <string.h>

#include "objects/reduce.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

/* "(" and what each value says and ")": shows the grouping. Values are bytes values. */
static int show(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                struct chariot_msg *const *values, struct chariot_msg **out) {
    struct chariot_msg *text = chariot_msg_new(1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    size_t size = 2;
    for (size_t i = 0; i < count; i++) size += values[i]->size;
    CU_ASSERT_EQUAL_FATAL(rpc_msg_reserve(&text, size), 0);
    uint8_t *at = rpc_msg_payload(text);
    *at++ = '(';
    for (size_t i = 0; i < count; at += values[i++]->size) memcpy(at, rpc_msg_payload(values[i]), values[i]->size);
    *at = ')';
    text->size = size;
    *out = text;
    return 0;
}

static int refuse(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                  struct chariot_msg *const *values, struct chariot_msg **out) {
    return CHARIOT_EUSER;
}

static const struct chariot_reducer showing = {.name = "show", .combine = show};
static const struct chariot_reducer refusing = {.name = "refuse", .combine = refuse};
enum { SHOW = CHARIOT_REDUCE_FIRST_USER, REFUSE };

static void open_reducers(void) {
    probe_open(1);
    CU_ASSERT_EQUAL(world_register_reducer(&probe.world, &showing), SHOW);
    CU_ASSERT_EQUAL(world_register_reducer(&probe.world, &refusing), REFUSE);
}

static struct chariot_msg *letter(uint64_t position) {
    struct chariot_msg *msg = chariot_msg_new(1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    rpc_msg_payload(msg)[0] =
        position >= OBJ_PART_OF_CHILD ? 'A' + (position - OBJ_PART_OF_CHILD) : 'a' + position % 26;
    msg->size = 1;
    return msg;
}

static void add(struct obj_parts *parts, uint64_t position) {
    CU_ASSERT_EQUAL(obj_parts_add_take(probe_pe(0), SHOW, parts, position, letter(position)), 0);
}

static size_t most; /* parts that were held at once */

/* The grouping of positions 0 to count-1 and four children, added in the order of a permutation of the seed. */
static struct chariot_msg *grouping(uint64_t count, uint64_t seed) {
    struct obj_parts parts = {0};
    uint64_t *order = calloc(count + 4, sizeof *order);
    CU_ASSERT_PTR_NOT_NULL_FATAL(order);
    for (uint64_t i = 0; i < count + 4; i++) order[i] = i < count ? i : OBJ_PART_OF_CHILD + i - count;
    for (uint64_t i = count + 3; i > 0 && seed > 0; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t other = (seed >> 33) % (i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    most = 0;
    for (uint64_t i = 0; i < count + 4; i++) {
        add(&parts, order[i]);
        if (parts.count > most) most = parts.count;
    }
    free(order);
    CU_ASSERT_EQUAL(obj_parts_combine(probe_pe(0), SHOW, &parts, 1), 0);
    struct chariot_msg *result = obj_parts_give(&parts);
    obj_parts_deinit(&parts);
    return result;
}

static void few_parts_are_combined_in_one_go(void) {
    open_reducers();
    struct chariot_msg *text = grouping(3, 0);
    CU_ASSERT_EQUAL(text->size, 9);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(text), "(abcABCD)", 9), 0);
    rpc_msg_unref(text);
    probe_close();
}

static void the_order_of_arrival_does_not_show(void) {
    const uint64_t counts[] = {1, 31, 32, 33, 63, 64, 65, 100, 1024, 1025, 2500};
    open_reducers();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct chariot_msg *first = grouping(counts[i], 0);
        for (uint64_t seed = 1; seed < 20; seed++) {
            struct chariot_msg *other = grouping(counts[i], seed);
            CU_ASSERT_EQUAL_FATAL(other->size, first->size);
            CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(other), rpc_msg_payload(first), first->size), 0);
            rpc_msg_unref(other);
        }
        rpc_msg_unref(first);
    }
    probe_close();
}

static void in_order_few_parts_are_kept(void) {
    open_reducers();
    rpc_msg_unref(grouping(100000, 0));
    CU_ASSERT_TRUE(most <= 256);
    probe_close();
}

static void a_lone_part_is_combined_where_that_is_asked_for(void) {
    open_reducers();
    struct obj_parts parts = {0};
    CU_ASSERT_PTR_NULL(obj_parts_give(&parts));
    CU_ASSERT_EQUAL(obj_parts_combine(probe_pe(0), SHOW, &parts, 1), 0);
    CU_ASSERT_EQUAL(parts.count, 0);
    add(&parts, 0);
    CU_ASSERT_EQUAL(obj_parts_combine(probe_pe(0), SHOW, &parts, 2), 0);
    CU_ASSERT_EQUAL(parts.list[0].value->size, 1);
    CU_ASSERT_EQUAL(obj_parts_combine(probe_pe(0), SHOW, &parts, 1), 0);
    CU_ASSERT_EQUAL(parts.list[0].value->size, 3);
    obj_parts_deinit(&parts);
    CU_ASSERT_PTR_NULL(parts.list);
    probe_close();
}

static void parts_of_a_reducer_that_fails_are_freed(void) {
    open_reducers();
    for (uint64_t count = 1; count < 200; count += 33) {
        struct obj_parts parts = {0};
        int rc = 0;
        for (uint64_t i = 0; i < count && rc == 0; i++) {
            rc = obj_parts_add_take(probe_pe(0), REFUSE, &parts, i, letter(i));
        }
        if (rc == 0) rc = obj_parts_combine(probe_pe(0), REFUSE, &parts, 1);
        CU_ASSERT_EQUAL(rc, CHARIOT_EUSER);
        obj_parts_deinit(&parts); /* the sanitizer counts */
    }
    probe_close();
}

UNIT_MAIN("objects/reduce_parts", UNIT(few_parts_are_combined_in_one_go), UNIT(the_order_of_arrival_does_not_show),
          UNIT(in_order_few_parts_are_kept), UNIT(a_lone_part_is_combined_where_that_is_asked_for),
          UNIT(parts_of_a_reducer_that_fails_are_freed))
