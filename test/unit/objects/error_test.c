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

static bool equals(struct chariot_text text, const char *expected) {
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static int raise(struct chariot_call *call) {
    return chariot_raise(call, "IndexError", "no %s %d", "row", 7);
}

static void what_a_method_raises_says_where(void) {
    probe_open(2);
    probe.on_call = raise;
    struct chariot_ref single = probe_single(0, 1);
    struct chariot_future *future = probe_ask(0, &single, PROBE_HEAR, CHARIOT_WANT_VALUE);
    struct chariot_msg *value = chariot_future_value(future, 0);
    struct chariot_reader reader;
    struct chariot_failure failure;
    CU_ASSERT_TRUE(chariot_msg_is_error(value));
    chariot_reader_init(&reader, value);
    CU_ASSERT_EQUAL(chariot_error_read(&reader, &failure), 0);
    CU_ASSERT_TRUE(equals(failure.type, "IndexError") && equals(failure.text, "no row 7"));
    CU_ASSERT_TRUE(equals(failure.where, "Probe.hear") && equals(failure.trace, ""));
    CU_ASSERT_EQUAL(failure.pe, 1);
    CU_ASSERT_TRUE(chariot_reader_done(&reader));
    chariot_future_unref(future);
    probe_close();
}

static void errors_are_read_from_the_midst_of_others(void) {
    struct chariot_writer writer;
    struct chariot_msg *error = chariot_error_new("E", "what"), *msg;
    struct chariot_reader reader;
    struct chariot_failure failure;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, chariot_msg_data(error), chariot_msg_size(error));
    chariot_put_int(&writer, 3);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL(chariot_error_read(&reader, &failure), 0);
    CU_ASSERT_TRUE(equals(failure.type, "E") && equals(failure.text, "what") && equals(failure.where, ""));
    CU_ASSERT_EQUAL(failure.pe, -1);
    CU_ASSERT_EQUAL(chariot_error_read(&reader, &failure), CHARIOT_ETYPE);
    chariot_msg_unref(msg);
    chariot_msg_unref(error);
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
          UNIT(what_is_no_error_value_has_a_text_too), UNIT(what_a_method_raises_says_where),
          UNIT(errors_are_read_from_the_midst_of_others), UNIT(a_long_text_is_cut))
