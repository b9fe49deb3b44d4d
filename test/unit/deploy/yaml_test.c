/* test/unit/deploy/yaml_test.c: text in double quotes. That parsers give it back is test/conformance/test_k8s.py's. */
#include "deploy/yaml.h"

#include <stdlib.h>

#include "test/unit/unit.h"

static void expect(const char *text, char twice, const char *wanted) {
    char *said = NULL;
    size_t size;
    FILE *out = open_memstream(&said, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    deploy_yaml_quote(out, text, twice);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(said, wanted);
    free(said);
}

static void text_stands_in_quotes(void) {
    expect("", 0, "\"\"");
    expect("plain: # - text", 0, "\"plain: # - text\"");
    expect("\"\\", 0, "\"\\\"\\\\\"");
    expect("gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x8c\x8d", 0, "\"gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x8c\x8d\"");
}

static void what_cannot_be_printed_is_escaped(void) {
    expect("\a\n\t\x7f", 0, "\"\\u0007\\u000a\\u0009\\u007f\"");
    expect("\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xef\xbf\xbf", 0, "\"\\u0085\\u2028\\ufeff\\uffff\"");
    expect("\xf0\x9f\xbf\xbe", 0, "\"\\U0001fffe\"");
}

static void a_character_is_doubled(void) {
    expect("$(A) $$", '$', "\"$$(A) $$$$\"");
}

static void only_utf8_is_text(void) {
    static const char *const good[] = {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80",         "\xff",         "\xc3",     "a\xc3z",           "\xc0\xaf",
        "\xe0\x80\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) CU_ASSERT_TRUE(deploy_yaml_is_text(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CU_ASSERT_FALSE(deploy_yaml_is_text(bad[i]));
}

UNIT_MAIN("deploy/yaml", UNIT(text_stands_in_quotes), UNIT(what_cannot_be_printed_is_escaped),
          UNIT(a_character_is_doubled), UNIT(only_utf8_is_text))
