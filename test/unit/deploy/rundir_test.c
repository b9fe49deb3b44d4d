/* Tests of deploy/rundir.c. */
#include "deploy/rundir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_reason reason;

static void expect_under(const char *base) {
    char path[DEPLOY_RUNDIR_MAX + 1];
    CU_ASSERT_EQUAL_FATAL(deploy_rundir_choose(path, &reason), 0);
    CU_ASSERT_EQUAL(strncmp(path, base, strlen(base)), 0);
    CU_ASSERT_EQUAL(strncmp(path + strlen(base), "/chariot-", 9), 0);
    CU_ASSERT(strlen(path) <= DEPLOY_RUNDIR_MAX);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
}

static void first_usable_base_is_taken(void) {
    char first[] = "/tmp/rundir-test-XXXXXX", second[] = "/tmp/rundir-test-XXXXXX";
    CU_ASSERT_FATAL(mkdtemp(first) != NULL && mkdtemp(second) != NULL);
    setenv("XDG_RUNTIME_DIR", first, 1);
    setenv("TMPDIR", second, 1);
    expect_under(first);
    unsetenv("XDG_RUNTIME_DIR");
    expect_under(second);
    rmdir(first);
    setenv("XDG_RUNTIME_DIR", first, 1); /* gone */
    expect_under(second);
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    expect_under(second);
    rmdir(second);
    expect_under("/tmp");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("TMPDIR");
    expect_under("/tmp");
}

static void a_base_too_long_for_sockets_is_passed_over(void) {
    char base[96] = "/tmp/rundir-test-";
    memset(base + strlen(base), 'x', 60);
    CU_ASSERT_EQUAL_FATAL(mkdir(base, 0700), 0);
    setenv("XDG_RUNTIME_DIR", base, 1);
    expect_under("/tmp");
    unsetenv("XDG_RUNTIME_DIR");
    rmdir(base);
}

static void no_two_names_are_the_same(void) {
    char a[DEPLOY_RUNDIR_MAX + 1], b[DEPLOY_RUNDIR_MAX + 1];
    CU_ASSERT_EQUAL(deploy_rundir_choose(a, &reason), 0);
    CU_ASSERT_EQUAL(deploy_rundir_choose(b, &reason), 0);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
}

static void it_is_private_and_goes_with_all_that_is_in_it(void) {
    char path[DEPLOY_RUNDIR_MAX + 1], inside[DEPLOY_RUNDIR_MAX + 32];
    struct stat st;
    CU_ASSERT_EQUAL_FATAL(deploy_rundir_choose(path, &reason), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_rundir_make(path, &reason), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
    CU_ASSERT_EQUAL(deploy_rundir_make(path, &reason), CHARIOT_EABORTED); /* never one that is there already */
    CU_ASSERT_EQUAL(reason.status, 71);
    snprintf(inside, sizeof inside, "%s/deeper", path);
    CU_ASSERT_EQUAL(mkdir(inside, 0700), 0);
    snprintf(inside, sizeof inside, "%s/deeper/file", path);
    close(open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    snprintf(inside, sizeof inside, "%s/link", path);
    CU_ASSERT_EQUAL(symlink("/tmp", inside), 0); /* is removed, not followed */
    CU_ASSERT_EQUAL(deploy_rundir_remove(path), 0);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(access("/tmp", F_OK), 0);
    CU_ASSERT_EQUAL(deploy_rundir_remove(path), 0);
}

static void one_that_is_shared_may_be_there_if_it_is_ours_alone(void) {
    char path[DEPLOY_RUNDIR_MAX + 1];
    CU_ASSERT_EQUAL_FATAL(deploy_rundir_choose(path, &reason), 0);
    CU_ASSERT_EQUAL(deploy_rundir_join(path, &reason), 0);
    CU_ASSERT_EQUAL(deploy_rundir_join(path, &reason), 0);
    CU_ASSERT_EQUAL(chmod(path, 0750), 0);
    CU_ASSERT_EQUAL(deploy_rundir_join(path, &reason), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(deploy_rundir_remove(path), 0);
    CU_ASSERT_EQUAL(symlink("/tmp", path), 0); /* not followed, wherever it leads */
    CU_ASSERT_EQUAL(deploy_rundir_join(path, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "not this user's alone"));
    CU_ASSERT_EQUAL(deploy_rundir_remove(path), 0);
}

UNIT_MAIN("deploy/rundir", UNIT(one_that_is_shared_may_be_there_if_it_is_ours_alone), UNIT(first_usable_base_is_taken),
          UNIT(a_base_too_long_for_sockets_is_passed_over), UNIT(no_two_names_are_the_same),
          UNIT(it_is_private_and_goes_with_all_that_is_in_it))
