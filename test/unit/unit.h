/* test/unit/unit.h: a CUnit main in one line, for every C suite.
 *
 *     static void frame_cut_short_is_malformed(void) { CU_ASSERT_EQUAL(...); }
 *     UNIT_MAIN("rpc/frame", UNIT(frame_cut_short_is_malformed), UNIT(...))
 *
 * An argument on the command line runs only the tests whose name contains it. Exit status 1 if any assertion failed. */
#ifndef CHARIOT_TEST_UNIT_H
#define CHARIOT_TEST_UNIT_H

#include <CUnit/Basic.h>
#include <string.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

static inline int unit_main(int argc, char **argv, const char *suite_name, const struct unit_test *tests,
                            size_t count) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
    for (size_t i = 0; suite != NULL && i < count; i++) {
        if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
        if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL) return 1;
    }
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed == 0 ? 0 : 1;
}

#define UNIT(fn)                                                                                                       \
    { #fn, fn }
#define UNIT_MAIN(suite, ...)                                                                                          \
    int main(int argc, char **argv) {                                                                                  \
        const struct unit_test tests[] = {__VA_ARGS__};                                                                \
        return unit_main(argc, argv, suite, tests, sizeof tests / sizeof tests[0]);                                    \
    }

#endif
