/* test/unit/rpc/grpc_status_test.c: errors and gRPC's status codes. */
#include "rpc/grpc_status.h"

#include "rpc/error.h"
#include "test/unit/unit.h"

static void success_stays_success(void) {
    CU_ASSERT_EQUAL(rpc_status_of_error(0), GRPC_STATUS_OK);
    CU_ASSERT_EQUAL(rpc_error_of_status(GRPC_STATUS_OK), 0);
}

static void every_error_has_a_status(void) {
#define HAS_A_STATUS(name, number, text) CU_ASSERT_NOT_EQUAL(rpc_status_of_error(number), GRPC_STATUS_OK);
    CHARIOT_ERRORS(HAS_A_STATUS)
#undef HAS_A_STATUS
}

static void every_status_is_an_error(void) {
    for (int status = 1; status <= 99; status++) CU_ASSERT_TRUE(rpc_error_of_status((grpc_status_code)status) < 0);
}

static void what_peers_are_told_comes_back(void) {
    static const int errors[] = {CHARIOT_EAUTH,  CHARIOT_EVERSION, CHARIOT_EMALFORMED, CHARIOT_EGONE,
                                 CHARIOT_EEXIST, CHARIOT_ETIMEOUT, CHARIOT_ETOOBIG};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        CU_ASSERT_EQUAL(rpc_error_of_status(rpc_status_of_error(errors[i])), errors[i]);
}

static void the_protocol_s_own_codes(void) {
    CU_ASSERT_EQUAL(rpc_status_of_error(CHARIOT_EAUTH), GRPC_STATUS_UNAUTHENTICATED);
    CU_ASSERT_EQUAL(rpc_status_of_error(CHARIOT_EVERSION), GRPC_STATUS_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(rpc_status_of_error(CHARIOT_EINVAL), GRPC_STATUS_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(rpc_error_of_status(GRPC_STATUS_CANCELLED), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_error_of_status(GRPC_STATUS_UNAVAILABLE), CHARIOT_EGONE);
}

UNIT_MAIN("rpc/grpc_status", UNIT(success_stays_success), UNIT(every_error_has_a_status),
          UNIT(every_status_is_an_error), UNIT(what_peers_are_told_comes_back), UNIT(the_protocol_s_own_codes))
