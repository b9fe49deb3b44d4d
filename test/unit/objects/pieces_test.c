/* Pieces that do not fit together are refused, and harm nothing; how they are combined is test/scenarios/pieces_test.c.
 */
#include "objects/pieces.h"

#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

enum { LAST = 1 };

struct piece {
    uint64_t space, begin, total;
    uint32_t from, method;
    size_t size;
};

static void arrive(const struct chariot_ref *array, enum obj_kind kind, const struct piece *piece) {
    struct chariot_msg *msg = chariot_msg_new(piece->size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    memset(rpc_msg_payload(msg), 0xff, piece->size);
    msg->size = piece->size;
    msg->kind = (uint8_t)kind;
    msg->flags = kind == OBJ_KIND_RESULT_PIECE ? OBJ_FLAG_TREE : 0;
    msg->target = array->collection;
    msg->seq = piece->space << 56;
    msg->from = piece->from;
    msg->method = piece->method;
    msg->index[0] = piece->begin;
    msg->index[1] = piece->total;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
}

static void pieces_that_make_no_sense_are_refused(void) {
    static const struct piece bad[] = {
        {.from = 6, .total = 100, .size = 50},                                               /* no child */
        {.from = 1, .total = 100, .size = 50, .space = OBJ_SPACE_BROADCAST},                 /* answers come whole */
        {.from = 1, .total = 0, .size = 0},                                                  /* of nothing */
        {.from = 1, .total = UINT64_MAX, .size = 50},                                        /* of too much */
        {.from = 1, .total = 100, .size = 50, .method = LAST},                               /* no tail */
        {.from = 1, .total = 1000, .size = sizeof(struct obj_partial_tail), .method = LAST}, /* no sense in it */
    };
    probe_open(7);
    struct chariot_ref array = probe_array(0, 7);
    probe_settle();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) arrive(&array, OBJ_KIND_PIECE, &bad[i]);
    CU_ASSERT_TRUE(world_is_clean(&probe.world));
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

static void pieces_that_do_not_fit_are_dropped(void) {
    static const struct piece good = {.from = 1, .total = 100, .size = 50};
    static const struct piece bad[] = {
        {.from = 1, .begin = 50, .total = 100, .size = 51}, /* too long */
        {.from = 1, .begin = 49, .total = 100, .size = 50}, /* not the next */
        {.from = 1, .begin = 50, .total = 101, .size = 50}, /* of another size */
    };
    probe_open(7);
    struct chariot_ref array = probe_array(0, 7);
    probe_settle();
    arrive(&array, OBJ_KIND_PIECE, &good);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) arrive(&array, OBJ_KIND_PIECE, &bad[i]);
    struct obj_reduction *red = obj_map_get(&probe_pe(0)->reductions, obj_key2(array.collection, 0));
    CU_ASSERT_PTR_NOT_NULL_FATAL(red);
    CU_ASSERT_EQUAL(red->num_growing, 1);
    CU_ASSERT_EQUAL(red->growing[0].arrived, 50);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

static void results_that_nobody_waits_for_are_dropped(void) {
    probe_open(7);
    struct chariot_ref array = probe_array(0, 7);
    probe_settle();
    arrive(&array, OBJ_KIND_RESULT_PIECE, &(struct piece){.from = 1, .total = 100, .size = 50});
    CU_ASSERT_EQUAL(probe_pe(0)->results.count, 0);
    probe_close();
}

UNIT_MAIN("objects/pieces", UNIT(pieces_that_make_no_sense_are_refused), UNIT(pieces_that_do_not_fit_are_dropped),
          UNIT(results_that_nobody_waits_for_are_dropped))
