/* Tests of deploy/charmrun.c: the old launch line. */
#include "deploy/charmrun.h"

#include <stdlib.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_options options;
static struct deploy_reason reason;
static char notices[1024];
static char left[256]; /* the program's words, with blanks between */

static int parse(char **words) {
    FILE *out = fmemopen(notices, sizeof notices, "w");
    deploy_options_init(&options);
    reason = (struct deploy_reason){0};
    left[0] = notices[0] = '\0';
    int rc = deploy_charmrun_parse(&options, words, out, &reason);
    fclose(out);
    for (char **word = words; rc == 0 && *word != NULL; word++) {
        if (word != words) strcat(left, " ");
        strcat(left, *word);
    }
    return rc;
}
#define PARSE(...) parse((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void expect_refused(int rc, const char *text) {
    CU_ASSERT_EQUAL(rc, CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, text));
}

static void number_of_pes_in_every_spelling(void) {
    CU_ASSERT_EQUAL(PARSE("+p4", "prog.py"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 4);
    CU_ASSERT_EQUAL(PARSE("+p", "5", "prog.py"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 5);
    CU_ASSERT_EQUAL(PARSE("++n", "6", "prog.py"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 6);
    CU_ASSERT_EQUAL(PARSE("prog.py", "++p7"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 7);
    CU_ASSERT_EQUAL(PARSE("prog.py"), 0);
    CU_ASSERT_EQUAL(options.num_pes, 1);
}

static void bad_number_is_refused(void) {
    expect_refused(PARSE("+p0", "prog.py"), "+p takes a number of PEs from 1 to 65536, not '0'");
    expect_refused(PARSE("+p", "x", "prog.py"), "not 'x'");
    expect_refused(PARSE("prog.py", "+p"), "+p needs a value");
}

static void modules_and_interactive_sessions(void) {
    CU_ASSERT_EQUAL(PARSE("+p2", "-m", "pkg.mod", "a", "++local"), 0);
    CU_ASSERT_STRING_EQUAL(left, "-m pkg.mod a");
    CU_ASSERT_EQUAL(PARSE("+balancer", "X", "-m", "pkg.mod", "a"), 0);
    CU_ASSERT_STRING_EQUAL(left, "-m pkg.mod +balancer X a");
    CU_ASSERT_EQUAL(PARSE("+p4", "++interactive"), 0);
    CU_ASSERT_TRUE(options.interactive);
    CU_ASSERT_STRING_EQUAL(left, "");
    CU_ASSERT_STRING_EQUAL(notices, "");
    CU_ASSERT_EQUAL(PARSE("prog.py", "++interactive"), 0);
    CU_ASSERT_STRING_EQUAL(left, "prog.py");
}

static void options_are_taken_from_anywhere(void) {
    CU_ASSERT_EQUAL(PARSE("++local", "prog.py", "a", "++quiet", "-b", "+p2", "++timelimit", "9"), 0);
    CU_ASSERT_STRING_EQUAL(left, "prog.py a -b");
    CU_ASSERT_TRUE(options.quiet);
    CU_ASSERT_EQUAL(options.num_pes, 2);
    CU_ASSERT_EQUAL(options.timeout, 9);
    CU_ASSERT_STRING_EQUAL(notices, "");
}

static void options_without_effect_get_one_line_each(void) {
    CU_ASSERT_EQUAL(PARSE("+p2", "++runscript", "sh", "prog.py", "++ppn", "2"), 0);
    CU_ASSERT_STRING_EQUAL(left, "prog.py");
    CU_ASSERT_PTR_NOT_NULL(strstr(notices, "charmrun: ++runscript: accepted"));
    CU_ASSERT_PTR_NOT_NULL(strstr(notices, "charmrun: ++ppn: accepted"));
    size_t lines = 0;
    for (const char *at = notices; (at = strchr(at, '\n')) != NULL; at++) lines++;
    CU_ASSERT_EQUAL(lines, 2);
}

/* In a directory of its own, which is HOME too. */
static void nodelists_are_looked_for_in_order(void) {
    char here[4096], directory[] = "/tmp/chariot-nodelist-XXXXXX", at_home[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof here));
    CU_ASSERT_TRUE_FATAL(mkdtemp(directory) != NULL && chdir(directory) == 0);
    snprintf(at_home, sizeof at_home, "%s/.nodelist", directory);
    setenv("HOME", directory, 1);
    unsetenv("NODELIST");
    CU_ASSERT_EQUAL(PARSE("+p2", "prog.py"), 0);
    CU_ASSERT_PTR_NULL(options.nodelist);
    fclose(fopen(at_home, "w"));
    CU_ASSERT_EQUAL(PARSE("+p2", "prog.py"), 0);
    CU_ASSERT_STRING_EQUAL(options.nodelist, at_home);
    fclose(fopen("nodelist", "w"));
    CU_ASSERT_EQUAL(PARSE("+p2", "prog.py"), 0);
    CU_ASSERT_STRING_EQUAL(options.nodelist, "nodelist");
    setenv("NODELIST", "/not/there", 1);
    CU_ASSERT_EQUAL(PARSE("+p2", "prog.py", "++nodegroup", "g"), 0);
    CU_ASSERT_STRING_EQUAL(options.nodelist, "/not/there");
    CU_ASSERT_STRING_EQUAL(options.nodegroup, "g");
    CU_ASSERT_EQUAL(PARSE("+p2", "++nodelist", "hosts", "++remote-shell", "rsh -x", "prog.py"), 0);
    CU_ASSERT_STRING_EQUAL(options.nodelist, "hosts");
    CU_ASSERT_STRING_EQUAL(options.remote_shell, "rsh -x");
    CU_ASSERT_TRUE(options.has_num_pes);
    CU_ASSERT_EQUAL(PARSE("+p2", "++nodelist", "hosts", "prog.py", "++local"), 0);
    CU_ASSERT_PTR_NULL(options.nodelist);
    CU_ASSERT_STRING_EQUAL(options.launcher, "local");
    unsetenv("NODELIST");
    CU_ASSERT_TRUE(unlink("nodelist") == 0 && unlink(".nodelist") == 0);
    expect_refused(PARSE("+p2", "++nodegroup", "g", "prog.py"), "++nodegroup g, but there is no nodelist");
    CU_ASSERT_TRUE(chdir(here) == 0 && rmdir(directory) == 0);
}

static void run_time_options_go_to_the_program(void) {
    CU_ASSERT_EQUAL(PARSE("+p4", "+balancer", "GreedyRefineLB", "prog.py", "arg", "+LBOff"), 0);
    CU_ASSERT_STRING_EQUAL(left, "prog.py +balancer GreedyRefineLB arg +LBOff");
}

static void unknown_option_before_the_program_is_refused(void) {
    expect_refused(PARSE("++loacl", "prog.py"), "unknown option '++loacl'; did you mean '++local'?");
    expect_refused(PARSE("-n", "4", "prog.py"), "unknown option '-n'");
}

static void unknown_words_behind_the_program_are_its_own(void) {
    CU_ASSERT_EQUAL(PARSE("prog.py", "++mine", "--his"), 0);
    CU_ASSERT_STRING_EQUAL(left, "prog.py ++mine --his");
}

static void a_program_is_needed_but_for_help(void) {
    expect_refused(PARSE(), "no program given; usage: charmrun +pN prog.py");
    expect_refused(PARSE("+p4"), "no program given");
    expect_refused(PARSE("+balancer", "GreedyLB"), "no program given");
    CU_ASSERT_EQUAL(PARSE("++help"), 0);
    CU_ASSERT_TRUE(options.help);
}

static void the_command_is_known_by_its_name(void) {
    CU_ASSERT_TRUE(deploy_charmrun_is_name("charmrun"));
    CU_ASSERT_TRUE(deploy_charmrun_is_name("/usr/bin/charmrun"));
    CU_ASSERT_FALSE(deploy_charmrun_is_name("/charmrun/chariot"));
}

UNIT_MAIN("deploy/charmrun", UNIT(number_of_pes_in_every_spelling), UNIT(bad_number_is_refused),
          UNIT(modules_and_interactive_sessions), UNIT(options_are_taken_from_anywhere),
          UNIT(options_without_effect_get_one_line_each), UNIT(nodelists_are_looked_for_in_order),
          UNIT(run_time_options_go_to_the_program), UNIT(unknown_option_before_the_program_is_refused),
          UNIT(unknown_words_behind_the_program_are_its_own), UNIT(a_program_is_needed_but_for_help),
          UNIT(the_command_is_known_by_its_name))
