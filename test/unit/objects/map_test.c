/* objects/map.c against a plain list: any mixture of adding and removing, keys that collide. */
#include "objects/map.h"
#include "rpc/error.h"
#include "test/unit/fault_alloc.h"
#include "test/unit/unit.h"

/* The file itself, so that its allocations can fail. */
#include "objects/map.c"

static void an_empty_map_holds_nothing(void) {
    struct obj_map map = {0};
    CU_ASSERT_PTR_NULL(obj_map_get(&map, obj_key1(1)));
    CU_ASSERT_PTR_NULL(obj_map_remove(&map, obj_key1(1)));
    obj_map_deinit(&map);
}

static void words_of_a_key_all_count(void) {
    struct obj_map map = {0};
    int values[4];
    const struct obj_key keys[] = {{{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}, {{1, 1, 1}}};
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(obj_map_add(&map, keys[i], &values[i]), 0);
    for (int i = 0; i < 4; i++) CU_ASSERT_PTR_EQUAL(obj_map_get(&map, keys[i]), &values[i]);
    CU_ASSERT_EQUAL(map.count, 4);
    obj_map_deinit(&map);
}

static uint64_t state;
static uint64_t draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

enum { KEYS = 300 };

static void count_one(void *value, void *ctx) {
    bool *seen = ctx;
    size_t at = (size_t)((uintptr_t)value - 1);
    CU_ASSERT_FALSE(seen[at]);
    seen[at] = true;
}

/* Value of key i: i + 1. */
static void a_map_agrees_with_a_list_after_any_mixture(void) {
    for (state = 1; state < 20; state++) {
        uint64_t seed = state;
        struct obj_map map = {0};
        bool there[KEYS] = {false};
        size_t count = 0;
        for (int step = 0; step < 5000; step++) {
            size_t i = draw() % KEYS;
            struct obj_key key = obj_key2(i % 7, i / 7);
            void *value = (void *)(uintptr_t)(i + 1);
            CU_ASSERT_PTR_EQUAL(obj_map_get(&map, key), there[i] ? value : NULL);
            if (there[i]) CU_ASSERT_PTR_EQUAL(obj_map_remove(&map, key), value);
            if (!there[i]) CU_ASSERT_EQUAL(obj_map_add(&map, key, value), 0);
            count += there[i] ? -1u : 1;
            there[i] = !there[i];
            CU_ASSERT_EQUAL((uint32_t)map.count, (uint32_t)count);
        }
        bool seen[KEYS] = {false};
        obj_map_each(&map, count_one, seen);
        CU_ASSERT_EQUAL(memcmp(seen, there, sizeof seen), 0);
        obj_map_deinit(&map);
        state = seed;
    }
}

static void look_ups_stay_short_after_many_removals(void) {
    struct obj_map map = {0};
    for (uint64_t i = 1; i < 100000; i++) {
        CU_ASSERT_EQUAL(obj_map_add(&map, obj_key1(i), &map), 0);
        if (i > 5) CU_ASSERT_PTR_EQUAL(obj_map_remove(&map, obj_key1(i - 5)), &map);
    }
    CU_ASSERT_EQUAL(map.mask, MIN_SLOTS - 1); /* never grew: nothing of the removed is left in its way */
    obj_map_deinit(&map);
}

static void a_map_without_memory_is_as_it_was(void) {
    FAULT_SWEEP(n) {
        struct obj_map map = {0};
        int rc = 0;
        uint64_t i = 0;
        for (; i < 100 && rc == 0; i++) rc = obj_map_add(&map, obj_key1(i), &map);
        size_t added = rc == 0 ? i : i - 1;
        CU_ASSERT_EQUAL(map.count, added);
        for (uint64_t k = 0; k < added; k++) CU_ASSERT_PTR_EQUAL(obj_map_get(&map, obj_key1(k)), &map);
        obj_map_deinit(&map);
        if (rc == 0) FAULT_DONE;
        CU_ASSERT_EQUAL(rc, CHARIOT_ENOMEM);
    }
    CU_ASSERT_EQUAL(fault_live(), 0);
}

UNIT_MAIN("objects/map", UNIT(an_empty_map_holds_nothing), UNIT(words_of_a_key_all_count),
          UNIT(a_map_agrees_with_a_list_after_any_mixture), UNIT(look_ups_stay_short_after_many_removals),
          UNIT(a_map_without_memory_is_as_it_was))
