/* Marks are SipHash-2-4's of its authors' own test. */
#include "rpc/secret.h"

#include "test/unit/unit.h"

static void marks_are_those_of_the_paper(void) {
    uint8_t key[RPC_MARK_KEY_BYTES], data[15];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
    CU_ASSERT_EQUAL(rpc_secret_mark(key, data, sizeof data), 0xa129ca6149be45e5);
    CU_ASSERT_EQUAL(rpc_secret_mark(key, data, 0), 0x726fdb47dd0e0e31);
    CU_ASSERT_EQUAL(rpc_secret_mark(key, data, 8), 0x93f5f5799a932462);
}

static void equal_is_what_is_equal(void) {
    CU_ASSERT_TRUE(rpc_secret_equal("abc", "abc", 3));
    CU_ASSERT_TRUE(rpc_secret_equal("abc", "abd", 2));
    CU_ASSERT_FALSE(rpc_secret_equal("abc", "abd", 3));
}

UNIT_MAIN("rpc/secret", UNIT(marks_are_those_of_the_paper), UNIT(equal_is_what_is_equal))
