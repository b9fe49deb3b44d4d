/* objects/location.c: homes are the same on every PE and even; what is created where is what homes say. */
#include "objects/location.h"

#include <string.h>

#include "objects/ref.h"
#include "test/unit/unit.h"

struct tally {
    uint64_t count;
    uint64_t on_pe[64];
};

static void tally_one(struct chariot_pe *pe, const struct obj_coll *coll, const uint64_t index[3], void *ctx) {
    struct tally *tally = ctx;
    tally->count++;
    tally->on_pe[pe->node.pe]++;
    CU_ASSERT_EQUAL(obj_location_home(pe, coll, index), pe->node.pe);
}

static struct tally create_all(struct obj_coll *coll, uint32_t num_pes) {
    struct tally tally = {0};
    for (uint32_t i = 0; i < num_pes; i++) {
        struct chariot_pe pe = {.node = {.pe = i, .num_pes = num_pes}};
        obj_location_each_initial(&pe, coll, tally_one, &tally);
        CU_ASSERT_EQUAL(obj_location_holds_initial(&pe, coll, i), tally.on_pe[i] > 0);
    }
    return tally;
}

static void dense_arrays_stand_in_blocks_that_differ_by_one(void) {
    const int64_t dims[][6] = {{1},       {64},      {65},         {1000},          {3, 7},
                               {1, 1, 1}, {4, 5, 6}, {2, 2, 2, 3}, {2, 1, 2, 1, 3}, {2, 3, 2, 1, 2, 2}};
    const uint8_t ndims[] = {1, 1, 1, 1, 2, 3, 3, 4, 5, 6};
    const uint32_t pes[] = {1, 2, 3, 17, 64};
    for (int d = 0; d < 10; d++) {
        for (int p = 0; p < 5; p++) {
            struct obj_coll coll = {.id = 9, .kind = CHARIOT_ARRAY_OF, .ndims = ndims[d]};
            memcpy(coll.dims, dims[d], sizeof coll.dims);
            struct chariot_pe pe = {.node = {.num_pes = pes[p]}};
            uint64_t count = obj_location_count(&pe, &coll);
            struct tally tally = create_all(&coll, pes[p]);
            CU_ASSERT_EQUAL(tally.count, count);
            for (uint32_t i = 0; i < pes[p]; i++)
                CU_ASSERT_EQUAL(tally.on_pe[i], count / pes[p] + (i < count % pes[p]));
        }
    }
}

static void a_group_has_one_element_on_each_pe(void) {
    struct obj_coll coll = {.id = 9, .kind = CHARIOT_GROUP, .ndims = 1};
    struct tally tally = create_all(&coll, 17);
    CU_ASSERT_EQUAL(tally.count, 17);
    for (int i = 0; i < 17; i++) CU_ASSERT_EQUAL(tally.on_pe[i], 1);
}

static uint32_t home_of(const struct obj_coll *coll, uint32_t asked_on, uint32_t num_pes, int64_t x, int64_t y) {
    struct chariot_pe pe = {.node = {.pe = asked_on, .num_pes = num_pes}};
    uint64_t words[3];
    CU_ASSERT_EQUAL(obj_index_pack(&(struct chariot_index){.ndims = 2, .at = {x, y}}, words), 0);
    return obj_location_home(&pe, coll, words);
}

static void homes_of_sparse_arrays_are_even_and_the_same_everywhere(void) {
    struct obj_coll coll = {.id = 9, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .sparse = true};
    uint32_t count[8] = {0};
    for (int64_t x = -50; x < 50; x++) {
        for (int64_t y = 0; y < 80; y++) {
            uint32_t home = home_of(&coll, 0, 8, x, y);
            CU_ASSERT_EQUAL(home_of(&coll, 5, 8, x, y), home);
            count[home]++;
        }
    }
    for (int i = 0; i < 8; i++) CU_ASSERT_TRUE(count[i] > 850 && count[i] < 1150);
}

static void indices_outside_of_an_array_have_homes_too(void) {
    struct obj_coll coll = {.id = 9, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {3, 4}};
    const int64_t outside[][2] = {{-1, 0}, {3, 0}, {0, 4}, {0, -1}, {INT64_MAX, INT64_MIN}};
    for (int i = 0; i < 5; i++) CU_ASSERT_TRUE(home_of(&coll, 0, 7, outside[i][0], outside[i][1]) < 7);
    coll.dims[1] = 0; /* no element at all */
    CU_ASSERT_TRUE(home_of(&coll, 0, 7, 0, 0) < 7);
}

UNIT_MAIN("objects/location", UNIT(dense_arrays_stand_in_blocks_that_differ_by_one),
          UNIT(a_group_has_one_element_on_each_pe), UNIT(homes_of_sparse_arrays_are_even_and_the_same_everywhere),
          UNIT(indices_outside_of_an_array_have_homes_too))
