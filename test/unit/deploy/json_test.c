/* test/unit/deploy/json_test.c: what JSON becomes is test/conformance/test_calling.py's; here what services send that
 * is no Value, and integers of every size. Found by the sanitizers, as much as by asserts. */
#include "deploy/json.h"

#include <stdlib.h>

#include "deploy/digits.h"
#include "test/unit/unit.h"

static const char ALL[] = "[null, true, -5, 340282366920938463463374607431768211456, 1.5, \"te\\u0000xt\", "
                          "{\"@bytes\": \"AP8=\"}, {\"@tuple\": [1]}, "
                          "{\"a\": {\"b\": []}}, {\"@map\": [[1, 2]]}, {\"@array\": {\"dtype\": \"<f8\", \"shape\": "
                          "[2, 1], \"data\": [[1.0], [2.0]]}}, "
                          "{\"@array\": {\"dtype\": \"<U1\", \"shape\": [1], \"base64\": \"YQAAAA==\"}}, "
                          "{\"@reference\": \"AAAA\"}, {\"@future\": \"AAAA\"}]";

/* The bytes of the Value in ALL. */
static struct deploy_pack packed(struct rpc_wire *value) {
    struct deploy_pack pack = {0};
    struct deploy_json json;
    struct rpc_field field;
    CU_ASSERT_TRUE_FATAL(deploy_json_read(&json, ALL, strlen(ALL), &pack, 1));
    struct rpc_wire wire = rpc_wire_of(pack.data, pack.size);
    CU_ASSERT_EQUAL_FATAL(rpc_wire_field(&wire, &field), 0);
    *value = field.bytes;
    return pack;
}

/* Gives the text; NULL: it is no Value. */
static char *text_of(struct rpc_wire value) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    bool good = deploy_json_write(out, value);
    fclose(out);
    if (good) return text;
    free(text);
    return NULL;
}

static void all_kinds_come_back(void) {
    struct rpc_wire value;
    struct deploy_pack pack = packed(&value);
    char *text = text_of(value);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, ALL);
    free(text);
    deploy_pack_deinit(&pack);
}

/* Cut short at every place, in memory of exactly that size. */
static void what_is_cut_short_is_no_value(void) {
    struct rpc_wire value;
    struct deploy_pack pack = packed(&value);
    size_t whole = rpc_wire_left(&value);
    for (size_t size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size > 0 ? size : 1);
        memcpy(copy, value.at, size);
        char *text = text_of(rpc_wire_of(copy, size));
        CU_ASSERT_PTR_NULL(text);
        free(text);
        free(copy);
    }
    deploy_pack_deinit(&pack);
}

static void any_change_does_no_harm(void) {
    struct rpc_wire value;
    struct deploy_pack pack = packed(&value);
    size_t size = rpc_wire_left(&value);
    uint8_t *copy = malloc(size);
    for (size_t i = 0; i < size; i++) {
        for (unsigned change = 1; change < 256; change++) {
            memcpy(copy, value.at, size);
            copy[i] ^= (uint8_t)change;
            free(text_of(rpc_wire_of(copy, size)));
        }
    }
    free(copy);
    deploy_pack_deinit(&pack);
}

/* A list in a list in a list. */
static void too_deep_is_no_value(void) {
    struct deploy_pack pack = {0};
    size_t begun[2 * 40], count = 0;
    for (int i = 0; i < 40; i++) {
        begun[count++] = deploy_pack_begin(&pack, 1);
        begun[count++] = deploy_pack_begin(&pack, 8);
    }
    while (count > 0) deploy_pack_end(&pack, begun[--count]);
    struct rpc_wire wire = rpc_wire_of(pack.data, pack.size);
    struct rpc_field field;
    CU_ASSERT_EQUAL_FATAL(rpc_wire_field(&wire, &field), 0);
    CU_ASSERT_PTR_NULL(text_of(field.bytes));
    deploy_pack_deinit(&pack);
}

static void readers_say_where_a_text_is_wrong(void) {
    struct deploy_pack pack = {0};
    struct deploy_json json;
    for (size_t size = 0; size < strlen(ALL); size++) {
        char *copy = malloc(size > 0 ? size : 1);
        memcpy(copy, ALL, size);
        CU_ASSERT_FALSE(deploy_json_read(&json, copy, size, &pack, 1));
        CU_ASSERT(json.why[0] != '\0');
        free(copy);
        pack.size = 0;
    }
    deploy_pack_deinit(&pack);
}

/* ---------------------------------------------------------------- integers */

static void expect_digits(const char *text, size_t wanted_size) {
    uint8_t *bytes;
    size_t size;
    bool negative = text[0] == '-';
    CU_ASSERT_TRUE_FATAL(deploy_digits_read(text + negative, strlen(text) - negative, negative, &bytes, &size));
    CU_ASSERT_EQUAL(size, wanted_size);
    char *back = deploy_digits_text(bytes, size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_STRING_EQUAL(back, text);
    free(back);
    free(bytes);
}

static void integers_have_as_few_bytes_as_hold_them(void) {
    expect_digits("0", 1);
    expect_digits("127", 1);
    expect_digits("128", 2);
    expect_digits("-128", 1);
    expect_digits("-129", 2);
    expect_digits("18446744073709551615", 9);
    expect_digits("-9223372036854775808", 8);
    expect_digits("-9223372036854775809", 9);
    expect_digits("1000000000", 4);
    expect_digits("100000000000000000000000000000000000000000000", 19);
}

UNIT_MAIN("deploy/json", UNIT(all_kinds_come_back), UNIT(what_is_cut_short_is_no_value), UNIT(any_change_does_no_harm),
          UNIT(too_deep_is_no_value), UNIT(readers_say_where_a_text_is_wrong),
          UNIT(integers_have_as_few_bytes_as_hold_them))
