/* objects/error.c: the text of an error value, whoever wrote it. */
#include <string.h>

#include "objects/call.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static void check_text(struct chariot_msg *msg, const char *expected) {
    char text[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    obj_error_text(msg, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, expected);
    chariot_msg_unref(msg);
}

static struct chariot_msg *error_with(void (*put)(struct chariot_writer *writer), uint64_t pairs) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_error(&writer, pairs);
    put(&writer);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static void put_text(struct chariot_writer *writer, const char *text) {
    chariot_put_string(writer, text, strlen(text));
}

static void put_more(struct chariot_writer *writer) {
    put_text(writer, "pe");
    chariot_put_int(writer, 3);
    put_text(writer, "text");
    put_text(writer, "no");
    put_text(writer, "trace");
    chariot_put_list(writer, 2);
    chariot_put_int(writer, 1);
    chariot_put_null(writer);
    put_text(writer, "type");
    put_text(writer, "E");
}

static void put_wrong_types(struct chariot_writer *writer) {
    put_text(writer, "type");
    chariot_put_int(writer, 3);
}

static void put_keys_of_other_types(struct chariot_writer *writer) {
    chariot_put_int(writer, 3);
    chariot_put_int(writer, 3);
    put_text(writer, "type");
    put_text(writer, "E");
}

static void put_format(struct chariot_writer *writer) {
    put_text(writer, "type");
    put_text(writer, "%s%n");
    put_text(writer, "text");
    put_text(writer, "%d");
}

static void put_nothing(struct chariot_writer *writer) {}

static void an_error_value_says_its_type_and_text(void) {
    probe_open(1);
    struct chariot_msg *error = obj_error_new(probe_pe(0), "ValueError", "what it was");
    CU_ASSERT_TRUE(chariot_msg_is_error(error));
    check_text(error, "ValueError: what it was");
    probe_close();
}

static void more_than_type_and_text_is_passed_over(void) {
    check_text(error_with(put_more, 4), "E: no");
    check_text(error_with(put_format, 2), "%s%n: %d");
    check_text(error_with(put_keys_of_other_types, 2), "E: ");
}

static void what_is_no_error_value_has_a_text_too(void) {
    check_text(value_int(3), "error");
    check_text(chariot_msg_new(0), "error");
    check_text(error_with(put_wrong_types, 1), "error");
    check_text(error_with(put_nothing, 5), "error");
}

static void a_long_text_is_cut(void) {
    char longer[200];
    probe_open(1);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    struct chariot_msg *error = obj_error_new(probe_pe(0), "E", longer);
    char text[16];
    obj_error_text(error, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "E: xxxxxxxxxxxx");
    chariot_msg_unref(error);
    probe_close();
}

UNIT_MAIN("objects/error", UNIT(an_error_value_says_its_type_and_text), UNIT(more_than_type_and_text_is_passed_over),
          UNIT(what_is_no_error_value_has_a_text_too), UNIT(a_long_text_is_cut))
