/* objects/admit.c: foreign arguments against a description: how many, which names, of what types; and their places. */
#include "objects/admit.h"

#include <string.h>

#include "test/unit/objects/value_sample.h"

static const struct chariot_parameter parameters[] = {{"count", "int", CHARIOT_ORDINARY, false},
                                                      {"name", "str", CHARIOT_ORDINARY, true},
                                                      {"what", NULL, CHARIOT_ORDINARY, true}};
static const struct chariot_signature plain = {.parameters = parameters, .num_parameters = 3};
static const struct chariot_parameter more[] = {{"count", "float", CHARIOT_POSITION_ONLY, false},
                                                {"rest", NULL, CHARIOT_REST, true},
                                                {"unit", "str", CHARIOT_NAME_ONLY, true},
                                                {"others", NULL, CHARIOT_NAMED_REST, true}};
static const struct chariot_signature loose = {.parameters = more, .num_parameters = 4};
static char why[100];

/* Positional values, then named ones by name. */
static struct chariot_msg *arguments(uint64_t positional, uint64_t named, const char *names) {
    struct chariot_writer writer = start();
    chariot_put_list(&writer, positional);
    for (uint64_t i = 0; i < positional; i++) chariot_put_int(&writer, (int64_t)i + 1);
    if (named > 0) chariot_put_map(&writer, named);
    for (uint64_t i = 0; i < named; i++, names += strlen(names) + 1) {
        chariot_put_string(&writer, names, strlen(names));
        chariot_put_string(&writer, names, strlen(names));
    }
    return finish(&writer);
}

static void refused(const struct chariot_signature *signature, struct chariot_msg *args, const char *expected) {
    CU_ASSERT_EQUAL(obj_admit(signature, &args, why, sizeof why), CHARIOT_EINVAL);
    CU_ASSERT_STRING_EQUAL(why, expected);
    chariot_msg_unref(args);
}

static void what_is_not_described_is_refused(void) {
    refused(&plain, arguments(0, 0, ""), "argument 'count' is missing");
    refused(&plain, arguments(4, 0, ""), "it takes 3 arguments by position but 4 were given");
    refused(&plain, arguments(2, 0, ""), "argument 'name' must be a string");
    refused(&plain, arguments(1, 1, "count"), "argument 'count' was given twice");
    refused(&plain, arguments(1, 1, "other"), "it takes no argument named 'other'");
    refused(&plain, arguments(0, 1, "count"), "argument 'count' must be an int");
    refused(&loose, arguments(0, 1, "unit"), "argument 'count' is missing");
}

static void named_ones_come_in_their_places(void) {
    struct chariot_msg *args = arguments(1, 1, "what");
    CU_ASSERT_EQUAL(obj_admit(&plain, &args, why, sizeof why), 0);
    struct chariot_reader reader = reader_of(args);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_LIST).count, 3);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_INT).integer, 1);
    expect(&reader, CHARIOT_NULL);
    CU_ASSERT_EQUAL(expect(&reader, CHARIOT_STRING).bytes.size, 4);
    CU_ASSERT_TRUE(chariot_reader_done(&reader));
    chariot_msg_unref(args);
}

static void what_has_no_place_stays_named(void) {
    struct chariot_msg *args = arguments(3, 2, "unit\0else"), *before = args;
    CU_ASSERT_EQUAL(obj_admit(&loose, &args, why, sizeof why), 0);
    CU_ASSERT_PTR_EQUAL(args, before);
    chariot_msg_unref(args);
}

static void put_scalar(struct chariot_writer *writer, uint32_t ndim) {
    const int64_t shape = 1;
    void *data;
    chariot_put_array(writer, "<f8", ndim, &shape, 'C', 8, &data);
    memset(data, 0, 8);
}

static void a_scalar_array_is_a_number(void) {
    for (uint32_t ndim = 0; ndim < 2; ndim++) {
        struct chariot_writer writer = start();
        chariot_put_list(&writer, 1);
        put_scalar(&writer, ndim);
        struct chariot_msg *args = finish(&writer);
        CU_ASSERT_EQUAL(obj_admit(&loose, &args, why, sizeof why), ndim == 0 ? 0 : CHARIOT_EINVAL);
        chariot_msg_unref(args);
    }
}

UNIT_MAIN("objects/admit", UNIT(what_is_not_described_is_refused), UNIT(named_ones_come_in_their_places),
          UNIT(what_has_no_place_stays_named), UNIT(a_scalar_array_is_a_number))
