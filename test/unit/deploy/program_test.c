/* Tests of deploy/program.c, in a directory with some programs in it. */
#include "deploy/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/rundir.h"
#include "rpc/error.h"
#include "test/unit/unit.h"

static char base[] = "/tmp/chariot-program-test-XXXXXX";
static struct deploy_program program;
static struct deploy_reason reason;

static void make_file(const char *name, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
}

/* A directory with prog.py, text (not executable), tool and tool.py (executable), bin/python, bin/chariot, bin/onpath.
 */
static void enter(void) {
    strcpy(base + sizeof base - 7, "XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(base) != NULL && chdir(base) == 0 && mkdir("bin", 0700) == 0);
    make_file("prog.py", 0600);
    make_file("text", 0600);
    make_file("tool", 0700);
    make_file("tool.py", 0700);
    make_file("bin/python", 0700);
    make_file("bin/chariot", 0700);
    make_file("bin/onpath", 0700);
    unsetenv("CHARIOT_PYTHON");
}

static void leave(void) {
    CU_ASSERT_EQUAL(chdir("/"), 0);
    CU_ASSERT_EQUAL(deploy_rundir_remove(base), 0);
}

static int init(const char *argv0, char *word) {
    static char *words[3];
    words[0] = word;
    words[1] = "argument";
    reason = (struct deploy_reason){0};
    return deploy_program_init(&program, argv0, words, &reason);
}

static void expect_python(const char *argv0, char *word, const char *python) {
    CU_ASSERT_EQUAL_FATAL(init(argv0, word), 0);
    CU_ASSERT_STRING_EQUAL(program.path, python);
    CU_ASSERT_STRING_EQUAL(program.argv[0], python);
    CU_ASSERT_STRING_EQUAL(program.argv[1], "-m");
    CU_ASSERT_STRING_EQUAL(program.argv[2], "chariot.boot");
    CU_ASSERT_STRING_EQUAL(program.argv[3], word);
    CU_ASSERT_STRING_EQUAL(program.argv[4], "argument");
    CU_ASSERT_PTR_NULL(program.argv[5]);
    deploy_program_deinit(&program);
}

static void expect_executable(char *word, const char *path) {
    CU_ASSERT_EQUAL_FATAL(init("bin/chariot", word), 0);
    CU_ASSERT_STRING_EQUAL(program.path, path);
    CU_ASSERT_STRING_EQUAL(program.argv[0], word);
    CU_ASSERT_STRING_EQUAL(program.argv[1], "argument");
    CU_ASSERT_PTR_NULL(program.argv[2]);
    deploy_program_deinit(&program);
}

static void python_programs_run_under_the_python_beside_the_launcher(void) {
    enter();
    expect_python("bin/chariot", "prog.py", "bin/python");
    expect_python("bin/chariot", "./prog.py", "bin/python");
    expect_python("bin/chariot", "tool.py", "bin/python"); /* executable, yet Python by its name */
    expect_python("bin/chariot", "text", "bin/python");
    leave();
}

static void modules_and_interactive_sessions_run_under_it_too(void) {
    char *none[] = {NULL};
    enter();
    expect_python("bin/chariot", "-m", "bin/python");
    CU_ASSERT_EQUAL_FATAL(deploy_program_init_interactive(&program, "bin/chariot", none, &reason), 0);
    CU_ASSERT_STRING_EQUAL(program.argv[3], "-m");
    CU_ASSERT_STRING_EQUAL(program.argv[4], "chariot.interactive");
    CU_ASSERT_PTR_NULL(program.argv[5]);
    deploy_program_deinit(&program);
    leave();
}

static void the_launcher_is_searched_on_path_and_links_are_not_followed(void) {
    char python[64], *old = strdup(getenv("PATH"));
    enter();
    CU_ASSERT_EQUAL(mkdir("elsewhere", 0700), 0);
    make_file("elsewhere/chariot", 0700);
    CU_ASSERT_EQUAL(unlink("bin/chariot"), 0);
    CU_ASSERT_EQUAL(symlink("../elsewhere/chariot", "bin/chariot"), 0);
    snprintf(python, sizeof python, "%s/bin", base);
    setenv("PATH", python, 1);
    strcat(python, "/python");
    expect_python("chariot", "prog.py", python);
    setenv("PATH", old, 1);
    free(old);
    leave();
}

static void chariot_python_comes_first(void) {
    enter();
    make_file("other", 0700);
    setenv("CHARIOT_PYTHON", "./other", 1);
    expect_python("bin/chariot", "prog.py", "./other");
    setenv("CHARIOT_PYTHON", "./text", 1);
    CU_ASSERT_EQUAL(init("bin/chariot", "prog.py"), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, 127);
    CU_ASSERT_STRING_EQUAL(reason.text, "CHARIOT_PYTHON names no executable: './text'");
    unsetenv("CHARIOT_PYTHON");
    leave();
}

static void executables_run_as_they_are(void) {
    char *old = strdup(getenv("PATH"));
    enter();
    expect_executable("tool", "./tool");
    expect_executable("./tool", "./tool");
    expect_executable("bin/onpath", "bin/onpath");
    setenv("PATH", "/nonexistent:bin", 1);
    expect_executable("onpath", "bin/onpath");
    setenv("PATH", "/nonexistent", 1);
    CU_ASSERT_EQUAL(init("bin/chariot", "onpath"), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, 127);
    setenv("PATH", old, 1);
    free(old);
    leave();
}

static void what_is_not_there_is_refused(void) {
    enter();
    static char *const NAMES[] = {"nothing.py", "./nothing", "text/inside", ""};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        CU_ASSERT_EQUAL(init("bin/chariot", NAMES[i]), CHARIOT_EABORTED);
        CU_ASSERT_EQUAL(reason.status, 127);
        CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "cannot run '"));
        CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, NAMES[i]));
    }
    CU_ASSERT_EQUAL(init("bin/chariot", "bin"), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, 126);
    CU_ASSERT_STRING_EQUAL(reason.text, "cannot run 'bin': Is a directory");
    leave();
}

UNIT_MAIN("deploy/program", UNIT(python_programs_run_under_the_python_beside_the_launcher),
          UNIT(modules_and_interactive_sessions_run_under_it_too),
          UNIT(the_launcher_is_searched_on_path_and_links_are_not_followed), UNIT(chariot_python_comes_first),
          UNIT(executables_run_as_they_are), UNIT(what_is_not_there_is_refused))
