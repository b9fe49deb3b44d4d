/* test/unit/rpc/log_test.c: lines are read back from a pipe. */
#include "rpc/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/unit/unit.h"

struct output {
    int fds[2];
    char text[1 << 16];
};

static void output_open(struct output *output) {
    CU_ASSERT_EQUAL_FATAL(pipe(output->fds), 0);
}

/* All that was written; closes. */
static const char *output_read(struct output *output) {
    size_t size = 0;
    ssize_t got;
    close(output->fds[1]);
    while ((got = read(output->fds[0], output->text + size, sizeof output->text - 1 - size)) > 0) size += (size_t)got;
    output->text[size] = '\0';
    close(output->fds[0]);
    return output->text;
}

static void say_at_each_level(struct rpc_log *log) {
    rpc_log(log, RPC_LOG_ERROR, "RPC-A", "n=%d", 1);
    rpc_log(log, RPC_LOG_WARNING, "RPC-B", "n=%d", 2);
    rpc_log(log, RPC_LOG_INFO, "LB-C", "n=%d", 3);
    rpc_log(log, RPC_LOG_DEBUG, "OBJ-D", "n=%d", 4);
}

static void expect_lines(const char *setting, const char *wanted) {
    struct output *output = malloc(sizeof *output);
    output_open(output);
    struct rpc_log *log = rpc_log_new(setting, 3, output->fds[1]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    say_at_each_level(log);
    rpc_log_free(log);
    const char *text = output_read(output);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    free(output);
}

#define LINE_A "chariot: PE 3: error rpc RPC-A n=1\n"
#define LINE_B "chariot: PE 3: warning rpc RPC-B n=2\n"
#define LINE_C "chariot: PE 3: info lb LB-C n=3\n"
#define LINE_D "chariot: PE 3: debug objects OBJ-D n=4\n"

static void rooms_have_levels_of_their_own(void) {
    expect_lines(NULL, LINE_A LINE_B);
    expect_lines("", LINE_A LINE_B);
    expect_lines("error", LINE_A);
    expect_lines("debug", LINE_A LINE_B LINE_C LINE_D);
    expect_lines("lb:info", LINE_A LINE_B LINE_C);
    expect_lines("rpc:error,objects:debug", LINE_A LINE_D);
    expect_lines("error,lb:debug,,", LINE_A LINE_C);
}

static void an_unknown_setting_is_said(void) {
    expect_lines("attic:debug", "chariot: PE 3: warning rpc RPC-LOG-SETTING unknown=\"attic:debug\"\n" LINE_A LINE_B);
    expect_lines("lb:loud,lb:info",
                 "chariot: PE 3: warning rpc RPC-LOG-SETTING unknown=\"lb:loud\"\n" LINE_A LINE_B LINE_C);
}

static void remote_text_cannot_forge_lines(void) {
    struct output *output = malloc(sizeof *output);
    output_open(output);
    struct rpc_log *log = rpc_log_new(NULL, 3, output->fds[1]);
    rpc_log(log, RPC_LOG_ERROR, "RPC-X", "text=\"%s\"", "a\nchariot: b\x1b[2J%s");
    char *longer = malloc(5001);
    memset(longer, 'y', 5000);
    longer[5000] = '\0';
    rpc_log(log, RPC_LOG_ERROR, "RPC-X", "text=%s", longer);
    free(longer);
    rpc_log_free(log);
    const char *text = output_read(output);
    const char *first = "chariot: PE 3: error rpc RPC-X text=\"a?chariot: b?[2J%s\"\n";
    CU_ASSERT_EQUAL(strncmp(text, first, strlen(first)), 0);
    size_t rest = strlen(text) - strlen(first);
    CU_ASSERT_TRUE(rest > 900 && rest <= 1024);
    CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
    free(output);
}

static void the_trace_keeps_the_last_records(void) {
    struct output *output = malloc(sizeof *output);
    struct rpc_log *log = rpc_log_new(NULL, 3, -1);
    uint64_t total = 3 * RPC_TRACE_RECORDS + 10;
    for (uint64_t i = 0; i < total; i++) rpc_trace(log, "RPC-T", i, i * 2, 0);
    FILE *file = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    rpc_trace_dump(log, fileno(file));
    rewind(file);
    uint64_t expected = total - RPC_TRACE_RECORDS;
    while (fgets(output->text, sizeof output->text, file) != NULL) {
        char wanted[128];
        snprintf(wanted, sizeof wanted, "trace PE 3 #%llu RPC-T a=%llu b=%llu c=0\n", (unsigned long long)expected,
                 (unsigned long long)expected, (unsigned long long)(expected * 2));
        CU_ASSERT_STRING_EQUAL(output->text, wanted);
        expected++;
    }
    CU_ASSERT_EQUAL(expected, total);
    fclose(file);
    rpc_log_free(log);
    free(output);
}

static void a_short_trace_starts_at_its_beginning(void) {
    struct output *output = malloc(sizeof *output);
    struct rpc_log *log = rpc_log_new(NULL, 3, -1);
    rpc_trace(log, "RPC-T", 1, 2, 3);
    rpc_trace(NULL, "RPC-T", 1, 2, 3);
    output_open(output);
    rpc_trace_dump(log, output->fds[1]);
    rpc_trace_dump(NULL, output->fds[1]);
    CU_ASSERT_STRING_EQUAL(output_read(output), "trace PE 3 #0 RPC-T a=1 b=2 c=3\n");
    rpc_log_free(log);
    free(output);
}

static void without_a_log_errors_alone_go_to_standard_error(void) {
    struct output *output = malloc(sizeof *output);
    output_open(output);
    int saved = dup(STDERR_FILENO);
    dup2(output->fds[1], STDERR_FILENO);
    say_at_each_level(NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    CU_ASSERT_STRING_EQUAL(output_read(output), "chariot: error rpc RPC-A n=1\n");
    free(output);
}

UNIT_MAIN("rpc/log", UNIT(rooms_have_levels_of_their_own), UNIT(an_unknown_setting_is_said),
          UNIT(remote_text_cannot_forge_lines), UNIT(the_trace_keeps_the_last_records),
          UNIT(a_short_trace_starts_at_its_beginning), UNIT(without_a_log_errors_alone_go_to_standard_error))
