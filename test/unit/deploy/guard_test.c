/* Tests of deploy/guard.c. A child plays the launcher; the test adopts what it leaves behind, and so sees it end. */
#include "deploy/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/rundir.h"
#include "test/unit/unit.h"

/* What the launcher tells the test through a pipe. */
struct report {
    pid_t guard;
    pid_t leader; /* leads a group of its own */
    pid_t member; /* in that group */
    pid_t single; /* in the launcher's group */
};

enum ending { DIES, IS_DONE, FORGETS, STOPS };

static pid_t start_sleeper(pid_t group) {
    pid_t pid = fork();
    if (pid == 0) {
        if (group >= 0) setpgid(0, group);
        close_range(3, ~0U, 0); /* as exec would: the guard's pipe must end with the launcher */
        alarm(60);
        for (;;) pause();
    }
    if (group >= 0) setpgid(pid, group);
    return pid;
}

static _Noreturn void play_launcher(int out, int stream, const char *run_dir, enum ending ending) {
    struct deploy_reason reason;
    struct deploy_guard guard;
    struct report report;
    char path[DEPLOY_RUNDIR_MAX + 16];
    if (deploy_guard_start(&guard, ending == STOPS ? stream : -1, &reason) != 0) _exit(1);
    deploy_guard_set_run_dir(&guard, run_dir);
    if (deploy_rundir_make(run_dir, &reason) != 0) _exit(1);
    snprintf(path, sizeof path, "%s/0.sock", run_dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    report.guard = guard.pid;
    report.leader = start_sleeper(0);
    report.member = start_sleeper(report.leader);
    report.single = start_sleeper(-1);
    deploy_guard_add(&guard, report.leader, report.leader);
    deploy_guard_add(&guard, report.single, 0);
    if (ending == FORGETS) deploy_guard_remove(&guard, report.leader);
    if (write(out, &report, sizeof report) != (ssize_t)sizeof report) _exit(1);
    if (ending == IS_DONE) {
        deploy_guard_done(&guard);
        _exit(0);
    }
    raise(ending == STOPS ? SIGSTOP : SIGKILL);
    _exit(1);
}

static bool is_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Ends with the launcher gone and reaped. */
static struct report run(const char *run_dir, enum ending ending) {
    struct report report = {0};
    int ends[2], stream[2], status;
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(stream[1]);
        play_launcher(ends[1], stream[0], run_dir, ending);
    }
    close(ends[1]);
    close(stream[0]);
    CU_ASSERT_EQUAL_FATAL(read(ends[0], &report, sizeof report), (ssize_t)sizeof report);
    close(ends[0]);
    close(stream[1]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(ending == IS_DONE ? status == 0 : is_killed(status));
    return report;
}

/* Waits for an adopted process; how it ended. */
static int end_of(pid_t pid) {
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static void choose(char *run_dir) {
    struct deploy_reason reason;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    CU_ASSERT_EQUAL_FATAL(deploy_rundir_choose(run_dir, &reason), 0);
}

static void a_dead_launcher_leaves_nothing(void) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    choose(run_dir);
    struct report report = run(run_dir, DIES);
    CU_ASSERT_TRUE(is_killed(end_of(report.leader)));
    CU_ASSERT_TRUE(is_killed(end_of(report.member)));
    CU_ASSERT_TRUE(is_killed(end_of(report.single)));
    CU_ASSERT_EQUAL(end_of(report.guard), 0);
    CU_ASSERT_NOT_EQUAL(access(run_dir, F_OK), 0);
}

static void who_is_stopped_when_its_stream_ends_leaves_nothing(void) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    choose(run_dir);
    struct report report = run(run_dir, STOPS);
    CU_ASSERT_TRUE(is_killed(end_of(report.leader)));
    CU_ASSERT_TRUE(is_killed(end_of(report.member)));
    CU_ASSERT_TRUE(is_killed(end_of(report.single)));
    CU_ASSERT_EQUAL(end_of(report.guard), 0);
    CU_ASSERT_NOT_EQUAL(access(run_dir, F_OK), 0);
}

static void after_done_it_touches_nothing(void) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    choose(run_dir);
    struct report report = run(run_dir, IS_DONE);
    CU_ASSERT_EQUAL(access(run_dir, F_OK), 0);
    CU_ASSERT_EQUAL(kill(report.guard, 0), -1); /* the launcher has waited for it */
    pid_t const sleepers[] = {report.leader, report.member, report.single};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(waitpid(sleepers[i], NULL, WNOHANG), 0);
        kill(sleepers[i], SIGTERM);
        CU_ASSERT_EQUAL(end_of(sleepers[i]), SIGTERM);
    }
    CU_ASSERT_EQUAL(deploy_rundir_remove(run_dir), 0);
}

static void what_was_removed_is_not_killed(void) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    choose(run_dir);
    struct report report = run(run_dir, FORGETS);
    CU_ASSERT_TRUE(is_killed(end_of(report.single)));
    CU_ASSERT_EQUAL(end_of(report.guard), 0);
    CU_ASSERT_EQUAL(waitpid(report.leader, NULL, WNOHANG), 0);
    CU_ASSERT_EQUAL(kill(-report.leader, SIGTERM), 0);
    CU_ASSERT_EQUAL(end_of(report.leader), SIGTERM);
    CU_ASSERT_EQUAL(end_of(report.member), SIGTERM);
    CU_ASSERT_NOT_EQUAL(access(run_dir, F_OK), 0);
}

static void signals_of_terminals_and_services_do_not_end_it(void) {
    static const int NUMBERS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    struct deploy_reason reason;
    struct deploy_guard guard;
    choose(run_dir);
    CU_ASSERT_EQUAL_FATAL(deploy_guard_start(&guard, -1, &reason), 0);
    while (getpgid(guard.pid) != guard.pid) poll(NULL, 0, 1); /* it has ignored them by then */
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) CU_ASSERT_EQUAL(kill(guard.pid, NUMBERS[i]), 0);
    CU_ASSERT_EQUAL(waitpid(guard.pid, NULL, WNOHANG | WUNTRACED), 0);
    deploy_guard_done(&guard);
    CU_ASSERT_EQUAL(guard.fd, -1);
}

UNIT_MAIN("deploy/guard", UNIT(a_dead_launcher_leaves_nothing),
          UNIT(who_is_stopped_when_its_stream_ends_leaves_nothing), UNIT(after_done_it_touches_nothing),
          UNIT(what_was_removed_is_not_killed), UNIT(signals_of_terminals_and_services_do_not_end_it))
