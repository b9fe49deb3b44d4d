/* deploy/beside.c: see beside.h. */
#include "deploy/beside.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/program.h"

static _Noreturn void child_main(char *path, int stream) {
    sigset_t none;
    setpgid(0, 0); /* Ctrl-C and Ctrl-Z are ours */
    dup2(stream, STDIN_FILENO);
    dup2(stream, STDOUT_FILENO); /* who reads our output sees its end when we end */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execv(path, (char *[]){path, NULL});
    _exit(DEPLOY_STATUS_CANNOT_RUN);
}

int deploy_beside_start(const char *program, pid_t *pid, int *stream, struct deploy_reason *reason) {
    char path[PATH_MAX];
    int pair[2];
    if (!deploy_program_beside(program, path, sizeof path) || access(path, X_OK) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND,
                                 "%s, which stands beside this command, cannot be started: %s", program,
                                 strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start %s: %s", program, strerror(errno));
    *pid = fork();
    if (*pid == 0) child_main(path, pair[1]);
    close(pair[1]);
    *stream = pair[0];
    if (*pid > 0) return 0;
    close(pair[0]);
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start %s: %s", program, strerror(errno));
}

void deploy_beside_wait(pid_t pid, double seconds) {
    const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
    pid_t got = 0;
    for (double waited = 0; waited < seconds; waited += 0.005) {
        got = waitpid(pid, NULL, WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR)) return;
        nanosleep(&nap, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}
