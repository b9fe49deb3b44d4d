/* Tests of deploy/options.c: each option in each spelling, and each mistake with its message. */
#include "deploy/options.h"

#include <stdlib.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_options options;
static struct deploy_reason reason;

static int parse(char **words) {
    deploy_options_init(&options);
    reason = (struct deploy_reason){0};
    return deploy_options_parse(&options, words, &reason);
}
#define PARSE(...) parse((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void expect_refused(int rc, const char *text) {
    CU_ASSERT_EQUAL(rc, CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, 2);
    if (strstr(reason.text, text) == NULL) fprintf(stderr, "'%s' is not in '%s'\n", text, reason.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, text));
}

static void defaults_are_all_cores_and_shared_memory(void) {
    CU_ASSERT_EQUAL(PARSE("prog.py"), 0);
    CU_ASSERT_EQUAL(options.num_pes, deploy_options_cores());
    CU_ASSERT(options.num_pes >= 1);
    CU_ASSERT_STRING_EQUAL(options.transport, "shm");
    CU_ASSERT_PTR_NULL(options.launcher);
    CU_ASSERT_FALSE(options.tag || options.charm4py || options.quiet || options.help);
    CU_ASSERT_EQUAL(options.timeout, 0);
}

static void number_of_pes_in_every_spelling(void) {
    CU_ASSERT_EQUAL(PARSE("-n", "7", "p"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 7);
    CU_ASSERT_EQUAL(PARSE("-n8", "p"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 8);
    CU_ASSERT_EQUAL(PARSE("--num-pes", "9", "p"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 9);
    CU_ASSERT_EQUAL(PARSE("--num-pes=65536", "p"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 65536);
}

static void number_of_pes_must_be_one(void) {
    static char *const BAD[] = {"0", "x", "", "-1", "+4", " 4", "4x", "1.5", "65537", "99999999999999999999"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "-n takes a number of PEs from 1 to 65536, not '%s'", BAD[i]);
        expect_refused(PARSE("-n", BAD[i], "p"), text);
    }
    expect_refused(PARSE("-n"), "-n needs a value (N)");
    expect_refused(PARSE("--num-pes"), "--num-pes needs a value (N)");
}

static void balancing_is_handed_on(void) {
    CU_ASSERT_EQUAL(PARSE("p"), 0);
    CU_ASSERT_TRUE(options.balancer == NULL && options.lb_period == NULL && !options.lb_log);
    CU_ASSERT_EQUAL(PARSE("--balancer", "greedy-refine:tolerance=1.1,moves=3", "--lb-period=0.5", "--lb-log", "p"), 0);
    CU_ASSERT_STRING_EQUAL(options.balancer, "greedy-refine:tolerance=1.1,moves=3");
    CU_ASSERT_STRING_EQUAL(options.lb_period, "0.5");
    CU_ASSERT_TRUE(options.lb_log);
    expect_refused(PARSE("--balancer", "", "p"), "--balancer takes the name of a balancer");
    expect_refused(PARSE("--balancer"), "--balancer needs a value (NAME[:OPTION=VALUE,...])");
    expect_refused(PARSE("--lb-period", "0", "p"), "--lb-period takes a time in seconds above 0, not '0'");
    expect_refused(PARSE("--balancr", "greedy", "p"), "did you mean '--balancer'?");
}

static void a_trace_is_a_file_and_a_number_of_events(void) {
    CU_ASSERT_EQUAL(PARSE("p"), 0);
    CU_ASSERT_PTR_NULL(options.trace);
    CU_ASSERT_EQUAL(PARSE("--trace", "a.json", "--trace-limit=7", "p"), 0);
    CU_ASSERT_STRING_EQUAL(options.trace, "a.json");
    CU_ASSERT_EQUAL(options.trace_limit, 7);
    expect_refused(PARSE("--trace"), "--trace needs a value (FILE)");
    expect_refused(PARSE("--trace=", "p"), "--trace takes the name of a file");
    expect_refused(PARSE("--trace-limit", "0", "p"), "--trace-limit takes a number of events from 1");
    expect_refused(PARSE("--trace-limit", "1e6", "p"), "not '1e6'");
}

static void other_options_are_set(void) {
    CU_ASSERT_EQUAL(PARSE("--tag", "--quiet", "--charm4py", "--transport=tcp", "--timeout", "2.5", "p"), 0);
    CU_ASSERT(options.tag && options.quiet && options.charm4py);
    CU_ASSERT_STRING_EQUAL(options.transport, "tcp");
    CU_ASSERT_EQUAL(options.timeout, 2.5);
}

static void values_are_checked(void) {
    expect_refused(PARSE("--transport", "pigeon", "p"),
                   "--transport takes 'shm', 'unix', 'tcp' or 'tls', not 'pigeon'");
    expect_refused(PARSE("--timeout", "0", "p"), "--timeout takes a time in seconds above 0, not '0'");
    expect_refused(PARSE("--timeout", "soon", "p"), "not 'soon'");
    expect_refused(PARSE("--timeout", "nan", "p"), "not 'nan'");
    expect_refused(PARSE("--timeout=inf", "p"), "not 'inf'");
    expect_refused(PARSE("--tag=yes", "p"), "--tag takes no value");
}

static void unknown_option_names_the_nearest(void) {
    expect_refused(PARSE("--tga", "p"), "unknown option '--tga'; did you mean '--tag'?");
    expect_refused(PARSE("--transprot", "tcp", "p"), "did you mean '--transport'?");
    expect_refused(PARSE("-np", "4", "p"), "unknown option '-np'; did you mean '-n'?");
    expect_refused(PARSE("-p", "4", "p"), "did you mean '-n'?");
    expect_refused(PARSE("--frobnicate", "p"), "unknown option '--frobnicate'; 'chariot help run' lists the options");
}

static void remote_text_is_no_format(void) {
    expect_refused(PARSE("--%s%n", "p"), "unknown option '--%s%n'");
}

static void program_ends_the_options(void) {
    char *words[] = {"-n", "2", "prog.py", "-n", "3", "--tag", NULL};
    CU_ASSERT_EQUAL(parse(words), 0);
    CU_ASSERT_EQUAL(options.num_pes, 2);
    CU_ASSERT_FALSE(options.tag);
    CU_ASSERT_PTR_EQUAL(options.program, words + 2);
}

static void two_dashes_end_the_options(void) {
    char *words[] = {"--", "--odd-name", NULL};
    CU_ASSERT_EQUAL(parse(words), 0);
    CU_ASSERT_PTR_EQUAL(options.program, words + 1);
}

static void a_module_may_stand_in_for_a_program(void) {
    char *words[] = {"-n", "2", "-m", "pkg.mod", "-n", NULL};
    CU_ASSERT_EQUAL(parse(words), 0);
    CU_ASSERT_PTR_EQUAL(options.program, words + 2);
    expect_refused(PARSE("-m"), "-m needs the name of a module");
}

static void an_interactive_session_needs_no_program(void) {
    CU_ASSERT_EQUAL(PARSE("--interactive"), 0);
    CU_ASSERT_TRUE(options.interactive);
    char *words[] = {"--interactive", "prog.py", NULL};
    CU_ASSERT_EQUAL(parse(words), 0);
    CU_ASSERT_TRUE(options.interactive);
    CU_ASSERT_PTR_EQUAL(options.program, words + 1);
}

static void a_program_is_needed_but_for_help(void) {
    expect_refused(PARSE(), "no program given; usage: chariot run");
    expect_refused(PARSE("-n", "2"), "no program given");
    CU_ASSERT_EQUAL(PARSE("--help"), 0);
    CU_ASSERT_TRUE(options.help);
    CU_ASSERT_EQUAL(PARSE("-h"), 0);
    CU_ASSERT_TRUE(options.help);
}

static void help_has_a_line_for_every_option(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    deploy_options_help(out);
    fclose(out);
    static const char *const NAMES[] = {"-n, --num-pes N", "--tag",     "--transport shm|unix|tcp|tls",
                                        "--timeout S",     "--quiet",   "--charm4py",
                                        "--interactive",   "-m MODULE", "--launcher NAME",
                                        "-h, --help"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, NAMES[i]));
    free(text);
}

UNIT_MAIN("deploy/options", UNIT(defaults_are_all_cores_and_shared_memory), UNIT(number_of_pes_in_every_spelling),
          UNIT(number_of_pes_must_be_one), UNIT(balancing_is_handed_on), UNIT(a_trace_is_a_file_and_a_number_of_events),
          UNIT(other_options_are_set), UNIT(values_are_checked), UNIT(unknown_option_names_the_nearest),
          UNIT(remote_text_is_no_format), UNIT(program_ends_the_options), UNIT(two_dashes_end_the_options),
          UNIT(a_module_may_stand_in_for_a_program), UNIT(an_interactive_session_needs_no_program),
          UNIT(a_program_is_needed_but_for_help), UNIT(help_has_a_line_for_every_option))
