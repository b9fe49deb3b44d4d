/* deploy/child.c: see child.h. */
#include "deploy/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpc/error.h"

static _Noreturn void child_main(const struct deploy_launch *launch, pid_t parent, char *const *words, int stream,
                                 int err) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(DEPLOY_STATUS_OS); /* it died before the line above */
    deploy_guard_add(launch->guard, getpid(), getpid());
    dup2(stream, 0);
    dup2(stream, 1);
    if (err >= 0) dup2(err, 2);
    sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    execvp(words[0], words);
    dprintf(2, "cannot execute '%s': %s", words[0], strerror(errno));
    _exit(DEPLOY_STATUS_CANNOT_RUN);
}

int deploy_child_start(struct deploy_child *child, const struct deploy_launch *launch, char *const *words, int err,
                       int *stream) {
    int pair[2];
    pid_t parent = getpid();
    *child = (struct deploy_child){.launch = launch};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return CHARIOT_EIO;
    pid_t pid = fork();
    if (pid == 0) child_main(launch, parent, words, pair[1], err);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return CHARIOT_EIO;
    }
    setpgid(pid, pid); /* as it does itself: whoever is first */
    child->pid = pid;
    *stream = pair[0];
    return 0;
}

static void reap(struct deploy_child *child, int *status) {
    while (waitpid(child->pid, status, 0) < 0 && errno == EINTR) continue;
    deploy_guard_remove(child->launch->guard, child->pid);
    child->pid = 0;
}

int deploy_child_wait(struct deploy_child *child, double seconds) {
    const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
    int status = 0;
    siginfo_t info = {0};
    if (child->pid == 0) return 0;
    for (double waited = 0; info.si_pid == 0 && waited < seconds; waited += 0.005) {
        if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0) break;
        if (info.si_pid == 0) nanosleep(&nap, NULL);
    }
    kill(-child->pid, SIGKILL);
    reap(child, &status);
    return status;
}
