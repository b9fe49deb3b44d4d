/* objects/seat.c: at the anchor of a member that has moved: contributions in their order, whatever overtakes; the end
 * only when all have come; what cannot be is refused. What elements do themselves: scenarios/section. */
#include <string.h>

#include "objects/move.h"
#include "objects/reduce.h"
#include "objects/section.h"
#include "sections/sections.h"
#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

enum { ANCHOR, AWAY, NUM_PES };

/* An array of two on PE 0, both in a section; the second has moved to PE 1. */
static struct {
    struct world world;
    struct chariot_ref array, section;
    struct chariot_future *futures[4];
} now;

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    return 0;
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    *object = NULL;
    return 0;
}

static const struct chariot_type type = {.name = "Member", .create = create, .pack = pack, .unpack = unpack};

static struct chariot_pe *pe_of(uint32_t pe) {
    world_wake(&now.world, pe);
    return &now.world.pes[pe];
}

static struct chariot_elem *elem_on(uint32_t pe, int64_t at) {
    struct chariot_ref ref;
    CU_ASSERT_EQUAL(chariot_ref_element(&now.array, &(struct chariot_index){1, {at}}, &ref), 0);
    return chariot_elem_local(pe_of(pe), &ref);
}

static void take_section(struct chariot_future *made) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    chariot_reader_init(&reader, chariot_future_value(made, 0));
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_REF, &value), 0);
    CU_ASSERT_EQUAL_FATAL(chariot_ref_read(&value, &now.section, &method), 0);
    chariot_future_unref(made);
}

static void begin(void) {
    memset(&now, 0, sizeof now);
    world_open(&now.world, (struct rpc_sim_config){.num_pes = NUM_PES, .seed = 1, .through_wire = true});
    struct chariot_create how = {.kind = CHARIOT_ARRAY_OF, .ndims = 1};
    how.type = world_register(&now.world, &type);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(chariot_create_take(pe_of(ANCHOR), &how, NULL, &now.array), 0);
    for (int64_t i = 0; i < 2; i++) {
        const struct chariot_index at = {1, {i}};
        CU_ASSERT_EQUAL(chariot_insert_take(pe_of(ANCHOR), &now.array, &at, NULL, ANCHOR, false), 0);
    }
    CU_ASSERT_EQUAL(chariot_done_inserting(pe_of(ANCHOR), &now.array), 0);
    struct chariot_future *made = chariot_future_new(pe_of(ANCHOR), 1);
    CU_ASSERT_EQUAL(chariot_section_combine(pe_of(ANCHOR), &now.array, 1, made), 0);
    world_settle(&now.world);
    take_section(made);
    CU_ASSERT_EQUAL(chariot_migrate(pe_of(ANCHOR), elem_on(ANCHOR, 1), AWAY), 0);
    world_settle(&now.world);
    CU_ASSERT_PTR_NOT_NULL_FATAL(elem_on(AWAY, 1));
    for (int i = 0; i < 4; i++) now.futures[i] = chariot_future_new(pe_of(ANCHOR), 1);
}

static void end(void) {
    CU_ASSERT_EQUAL(now.world.aborts, 0);
    for (int i = 0; i < 4; i++) chariot_future_unref(now.futures[i]);
    world_close(&now.world);
}

static const struct obj_coll *section(void) {
    return obj_coll_get(&now.world.pes[ANCHOR], now.section.collection);
}

static struct chariot_target target_of(int number) {
    return (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(now.futures[number])};
}

/* The first element's part, which has not moved. */
static void contribute(int number) {
    const struct chariot_target target = target_of(number);
    CU_ASSERT_EQUAL(chariot_contribute_take(pe_of(ANCHOR), elem_on(ANCHOR, 0), &now.section, value_int(number),
                                            CHARIOT_REDUCE_SUM, &target),
                    0);
}

/* A message of the second's, as if it came now. */
static void deliver(struct chariot_msg *msg, enum obj_move_what what, uint64_t section_id, uint64_t place,
                    uint64_t seq) {
    msg->from = AWAY;
    msg->method = what;
    msg->target = section_id;
    msg->index[0] = place;
    msg->seq = seq;
    obj_upcalls.on_message_take(pe_of(ANCHOR), msg);
    world_settle(&now.world);
}

static void deliver_part(uint64_t section_id, uint64_t place, int number) {
    const struct obj_partial_tail tail = {1, CHARIOT_REDUCE_SUM, 1, target_of(number)};
    struct chariot_msg *msg = obj_reduce_put_tail(pe_of(ANCHOR), OBJ_KIND_MOVE, value_int(100 + number), &tail);
    deliver(msg, OBJ_MOVE_CONTRIBUTION, section_id, place, (uint64_t)number);
}

static void deliver_end(uint64_t count) {
    deliver(obj_msg_new(pe_of(ANCHOR), OBJ_KIND_MOVE, 0), OBJ_MOVE_UNSEATED, now.section.collection, 1, count);
}

static int64_t result(int number) {
    bool ready = chariot_future_ready(now.futures[number]);
    return ready ? int_of(chariot_future_value(now.futures[number], 0)) : -1;
}

static void contributions_that_overtake_each_other_are_counted_in_order(void) {
    begin();
    for (int i = 0; i < 3; i++) contribute(i);
    deliver_part(now.section.collection, 1, 2);
    deliver_part(now.section.collection, 1, 1);
    CU_ASSERT_EQUAL(section()->members[1]->absent->early.count, 2);
    CU_ASSERT_EQUAL(result(2), -1);
    deliver_part(now.section.collection, 1, 0);
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(result(i), 100 + 2 * i);
    CU_ASSERT_EQUAL(section()->members[1]->absent->early.count, 0);
    end();
}

static void a_member_leaves_when_all_that_it_contributed_has_come(void) {
    begin();
    for (int i = 0; i < 3; i++) contribute(i);
    deliver_end(2); /* so the third is complete without it */
    CU_ASSERT_EQUAL(result(2), -1);
    deliver_part(now.section.collection, 1, 1);
    deliver_part(now.section.collection, 1, 2); /* a lie */
    CU_ASSERT_EQUAL(section()->num_living, 2);
    deliver_part(now.section.collection, 1, 0);
    CU_ASSERT_EQUAL(section()->num_living, 1);
    CU_ASSERT_EQUAL(result(0), 100);
    CU_ASSERT_EQUAL(result(1), 102);
    CU_ASSERT_EQUAL(result(2), 2);
    end();
}

static void what_cannot_be_is_refused(void) {
    begin();
    contribute(0);
    deliver_part(now.section.collection, 0, 0); /* who has not moved */
    deliver_part(now.section.collection, 7, 0);
    deliver_part(now.section.collection + 1, 1, 0);
    CU_ASSERT_EQUAL(result(0), -1);
    deliver_part(now.section.collection, 1, 0);
    deliver_part(now.section.collection, 1, 0); /* twice */
    CU_ASSERT_EQUAL(result(0), 100);
    CU_ASSERT_EQUAL(section()->members[1]->reductions, 1);
    end();
}

/* The destruction of the section waits for what it has contributed; of what it does later nobody knows the section. */
static void a_section_is_closed_before_it_is_destroyed(void) {
    begin();
    struct chariot_future *gone = chariot_future_new(pe_of(ANCHOR), 1);
    CU_ASSERT_EQUAL(chariot_destroy(pe_of(ANCHOR), &now.section, gone), 0);
    elem_on(AWAY, 1)->seats->reductions = 1; /* as if one were on its way */
    world_settle(&now.world);
    CU_ASSERT_FALSE(chariot_future_ready(gone));
    CU_ASSERT_PTR_NULL(elem_on(AWAY, 1)->seats);
    const struct chariot_target target = target_of(0);
    CU_ASSERT_EQUAL(
        chariot_contribute_take(pe_of(AWAY), elem_on(AWAY, 1), &now.section, value_int(1), CHARIOT_REDUCE_SUM, &target),
        CHARIOT_ENOENT);
    deliver_part(now.section.collection, 1, 0);
    CU_ASSERT_TRUE(chariot_future_ready(gone));
    CU_ASSERT_PTR_NULL(section());
    CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(now.futures[0], 0)));
    CU_ASSERT_TRUE(world_is_clean(&now.world));
    chariot_future_unref(gone);
    end();
}

UNIT_MAIN("objects/seat", UNIT(contributions_that_overtake_each_other_are_counted_in_order),
          UNIT(a_member_leaves_when_all_that_it_contributed_has_come), UNIT(what_cannot_be_is_refused),
          UNIT(a_section_is_closed_before_it_is_destroyed))
