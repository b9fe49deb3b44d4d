/* test/unit/rpc/error_test.c */
#include "rpc/error.h"
#include "rpc/transport.h"
#include "test/unit/unit.h"

static void every_code_has_a_name_and_a_text_of_its_own(void) {
    static const int codes[] = {
#define CODE(name, number, text) CHARIOT_E##name,
        CHARIOT_ERRORS(CODE)
#undef CODE
    };
    size_t count = sizeof codes / sizeof codes[0];
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_TRUE(codes[i] < 0);
        for (size_t j = 0; j < i; j++) {
            CU_ASSERT_NOT_EQUAL(codes[i], codes[j]);
            CU_ASSERT_STRING_NOT_EQUAL(chariot_error_text(codes[i]), chariot_error_text(codes[j]));
            CU_ASSERT_STRING_NOT_EQUAL(chariot_error_name(codes[i]), chariot_error_name(codes[j]));
        }
    }
    CU_ASSERT_STRING_EQUAL(chariot_error_name(CHARIOT_EMALFORMED), "MALFORMED");
    CU_ASSERT_STRING_EQUAL(chariot_error_text(CHARIOT_EGONE), "peer is gone");
}

static void other_numbers_have_a_text_too(void) {
    CU_ASSERT_STRING_EQUAL(chariot_error_text(0), "success");
    CU_ASSERT_STRING_EQUAL(chariot_error_name(0), "OK");
    CU_ASSERT_STRING_EQUAL(chariot_error_text(1), "unknown error");
    CU_ASSERT_STRING_EQUAL(chariot_error_text(-4711), "unknown error");
    CU_ASSERT_STRING_EQUAL(chariot_error_name(-4711), "UNKNOWN");
}

static void default_limits_nest(void) {
    const struct rpc_limits *limits = &rpc_limits_default;
    CU_ASSERT_TRUE(limits->inline_bytes < limits->batch_bytes);
    CU_ASSERT_TRUE(limits->batch_bytes + limits->inline_bytes < limits->frame_bytes);
    CU_ASSERT_TRUE(limits->frame_bytes < limits->credit_bytes);
    CU_ASSERT_TRUE(limits->frame_bytes < limits->queue_bytes);
    CU_ASSERT_TRUE(limits->credit_bytes < limits->message_bytes);
}

UNIT_MAIN("rpc/error", UNIT(every_code_has_a_name_and_a_text_of_its_own), UNIT(other_numbers_have_a_text_too),
          UNIT(default_limits_nest))
