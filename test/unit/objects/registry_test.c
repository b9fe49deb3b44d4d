/* objects/registry.c: tables in the order of registration, names once. */
#include <stdio.h>

#include "objects/pe.h"
#include "test/unit/fault_alloc.h"
#include "test/unit/unit.h"

/* The file itself, so that its allocations can fail. */
#include "objects/registry.c"

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    return 0;
}

static int combine(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out) {
    return 0;
}

static void deinit(struct chariot_pe *pe) {
    free(pe->types);
    free(pe->single_of_type);
    free(pe->reducers);
}

static void numbers_follow_the_order_of_registration(void) {
    struct chariot_pe pe = {0};
    struct chariot_type types[20];
    struct chariot_reducer reducers[20];
    char names[20][8];
    uint32_t id;
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "n%u", i);
        types[i] = (struct chariot_type){.name = names[i], .create = make};
        reducers[i] = (struct chariot_reducer){.name = names[i], .combine = combine};
        CU_ASSERT_EQUAL(chariot_type_register(&pe, &types[i], &id), 0);
        CU_ASSERT_EQUAL(id, i);
        CU_ASSERT_EQUAL(chariot_reducer_register(&pe, &reducers[i], &id), 0);
        CU_ASSERT_EQUAL(id, CHARIOT_REDUCE_FIRST_USER + i);
    }
    for (uint32_t i = 0; i < 20; i++) {
        CU_ASSERT_PTR_EQUAL(chariot_type_of(&pe, i), &types[i]);
        CU_ASSERT_PTR_NULL(pe.single_of_type[i]);
    }
    CU_ASSERT_PTR_NULL(chariot_type_of(&pe, 20));
    CU_ASSERT_EQUAL(chariot_type_register(&pe, &types[7], &id), CHARIOT_EEXIST);
    CU_ASSERT_EQUAL(chariot_reducer_register(&pe, &reducers[7], &id), CHARIOT_EEXIST);
    deinit(&pe);
}

static void what_lacks_a_part_is_refused(void) {
    struct chariot_pe pe = {0};
    const struct chariot_method nameless[] = {{NULL, NULL}};
    const struct chariot_type types[] = {{.name = NULL, .create = make},
                                         {.name = "a", .create = NULL},
                                         {.name = "a", .create = make, .num_methods = OBJ_METHOD_FIRST_PSEUDO},
                                         {.name = "a", .create = make, .num_methods = 1, .methods = nameless}};
    const struct chariot_reducer reducers[] = {{.name = NULL, .combine = combine}, {.name = "a", .combine = NULL}};
    uint32_t id;
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(chariot_type_register(&pe, &types[i], &id), CHARIOT_EINVAL);
    for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL(chariot_reducer_register(&pe, &reducers[i], &id), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(pe.num_types + pe.num_reducers, 0);
    deinit(&pe);
}

static void without_memory_the_tables_are_as_they_were(void) {
    const struct chariot_type types[] = {
        {.name = "a", .create = make}, {.name = "b", .create = make}, {.name = "c", .create = make}};
    const struct chariot_reducer reducer = {.name = "r", .combine = combine};
    FAULT_SWEEP(n) {
        struct chariot_pe pe = {0};
        uint32_t id, done = 0;
        int rc = 0;
        for (; done < 3 && rc == 0; done += rc == 0) rc = chariot_type_register(&pe, &types[done], &id);
        CU_ASSERT_EQUAL(pe.num_types, done);
        if (rc != 0) CU_ASSERT_EQUAL(chariot_type_register(&pe, &types[done++], &id), 0); /* memory is there again */
        for (uint32_t i = 0; i < done; i++) CU_ASSERT_PTR_EQUAL(pe.types[i], &types[i]);
        if (rc == 0) rc = chariot_reducer_register(&pe, &reducer, &id);
        deinit(&pe);
        if (rc == 0) FAULT_DONE;
        CU_ASSERT_EQUAL(rc, CHARIOT_ENOMEM);
    }
    CU_ASSERT_EQUAL(fault_live(), 0);
}

UNIT_MAIN("objects/registry", UNIT(numbers_follow_the_order_of_registration), UNIT(what_lacks_a_part_is_refused),
          UNIT(without_memory_the_tables_are_as_they_were))
