/* deploy/local.c: the launcher of this host: fork and exec.
 *
 * start:  socketpair and pipes -> fork -> the child joins its group, asks to die with us, tells the guard, arranges its
 *         descriptors, executes. What fails in the child goes over its control stream as a Verdict.
 * end:    SIGCHLD on a signalfd -> waitid leaves the zombie, whose pid keeps the group's number taken -> the rest of
 * its group is killed -> the guard forgets it -> it is reaped -> on_exit.
 *
 * stop:   SIGCHLD too. A PE that somebody else has stopped (a suspended job's are stopped by us) and that does not go
 * on in launch->stop_patience_s would be missed by others that cannot see why: on_stopped.
 *
 * Process groups. Each PE leads a group of its own, so that a signal reaches what it has started and nothing of it is
 * left behind. PE 0 reads our standard input; if that is a terminal, a group in the background would be stopped by
 * SIGTTIN at the first read, so PE 0 then stays in our group, the terminal's foreground group. What the terminal sends
 * (Ctrl-C) it gets from there and not from us a second time; processes that such a PE 0 has started are not killed as a
 * group. */
#include "deploy/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/control_link.h"
#include "rpc/error.h"
#include "rpc/shm.h"

struct local_pe {
    pid_t pid;   /* 0: not started */
    pid_t group; /* 0: ours */
    bool alive;
    bool told_to_stop; /* by us */
    int stopped_by;    /* signal; 0: it runs */
    ev_tstamp stopped_at;
    int shm; /* its listening socket, until it has started; -1: none */
};

struct local {
    const struct deploy_launch *launch;
    ev_io child_ended;
    int signal_fd;
    ev_timer stops;
    char host[HOST_NAME_MAX + 1];
    struct local_pe *pes;
};

/* Both ends of a PE's three streams. */
struct ends {
    int ours[3];
    int theirs[3];
    int shm; /* -1: none */
};
enum { CONTROL, OUT, ERR };

/* ---------------------------------------------------------------- the child, up to exec */

static _Noreturn void child_fail(int control, uint32_t pe, const char *what, const char *name) {
    int err = errno;
    char text[512];
    snprintf(text, sizeof text, "chariot: cannot %s '%s': %s\n", what, name, strerror(err));
    int status = err == ENOENT ? DEPLOY_STATUS_NOT_FOUND : DEPLOY_STATUS_CANNOT_RUN;
    (void)deploy_link_say_verdict(control, pe, status, text);
    _exit(status);
}

static bool leads_session(const struct deploy_launch *launch, uint32_t pe) {
    return pe == 0 && launch->own_terminal;
}

static void child_join_group(const struct deploy_launch *launch, uint32_t pe, pid_t parent) {
    bool own_group = pe != 0 || !launch->terminal;
    if (leads_session(launch, pe))
        setsid();
    else if (own_group)
        setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(DEPLOY_STATUS_OS); /* it died before the line above */
    deploy_guard_add(launch->guard, getpid(), own_group ? getpid() : 0);
}

/* The program finds the descriptor by the variable. */
static void child_inherit(int control, uint32_t pe, int fd, const char *variable) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    if (fcntl(fd, F_SETFD, 0) != 0 || setenv(variable, number, 1) != 0) child_fail(control, pe, "inherit", variable);
}

static void child_arrange(const struct deploy_launch *launch, uint32_t pe, const struct ends *ends) {
    int control = ends->theirs[CONTROL];
    if (pe != 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, 0) < 0) child_fail(control, pe, "open", "/dev/null");
    } else if (dup2(launch->input, 0) < 0) {
        child_fail(control, pe, "redirect", "input");
    }
    if (leads_session(launch, pe) && ioctl(0, TIOCSCTTY, 0) != 0) child_fail(control, pe, "take", "terminal");
    if (dup2(ends->theirs[OUT], 1) < 0 || dup2(ends->theirs[ERR], 2) < 0) child_fail(control, pe, "redirect", "output");
    child_inherit(control, pe, control, "CHARIOT_CONTROL_FD");
    if (ends->shm >= 0) child_inherit(control, pe, ends->shm, "CHARIOT_SHM_FD");
    setrlimit(RLIMIT_NOFILE, &launch->open_files);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL);
}

static _Noreturn void child_main(const struct deploy_launch *launch, uint32_t pe, pid_t parent,
                                 const struct ends *ends) {
    child_join_group(launch, pe, parent);
    child_arrange(launch, pe, ends);
    execv(launch->path, launch->argv);
    child_fail(ends->theirs[CONTROL], pe, "execute", launch->path);
}

/* ---------------------------------------------------------------- start */

static void close_all(int *fds) {
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) close(fds[i]);
    }
}

/* Ours never block; theirs do, as programs expect of their output. */
static int ends_open(struct ends *ends) {
    int pair[2];
    *ends = (struct ends){.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}, .shm = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return CHARIOT_EIO;
    ends->ours[CONTROL] = pair[0];
    ends->theirs[CONTROL] = pair[1];
    for (int i = OUT; i <= ERR; i++) {
        if (pipe2(pair, O_CLOEXEC) != 0) return CHARIOT_EIO;
        ends->ours[i] = pair[0];
        ends->theirs[i] = pair[1];
        if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) return CHARIOT_EIO;
    }
    return 0;
}

static int local_start(void *state, uint32_t pe, struct deploy_streams *streams, struct deploy_reason *reason) {
    struct local *local = state;
    struct ends ends;
    pid_t parent = getpid(), pid = -1;
    if (ends_open(&ends) == 0) {
        ends.shm = local->pes[pe].shm;
        pid = fork();
    }
    if (pid == 0) child_main(local->launch, pe, parent, &ends);
    if (pid < 0) {
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start PE %u: %s", pe, strerror(errno));
        close_all(ends.ours);
        close_all(ends.theirs);
        return CHARIOT_EABORTED;
    }
    bool own_group = pe != 0 || !local->launch->terminal;
    if (own_group && !leads_session(local->launch, pe))
        setpgid(pid, pid); /* as the child does: whoever is first, a signal from now on finds the group */
    if (ends.shm >= 0) close(ends.shm);
    local->pes[pe] = (struct local_pe){.pid = pid, .group = own_group ? pid : 0, .alive = true, .shm = -1};
    close_all(ends.theirs);
    *streams = (struct deploy_streams){.control = ends.ours[CONTROL], .out = ends.ours[OUT], .err = ends.ours[ERR]};
    return 0;
}

/* ---------------------------------------------------------------- signals and ends */

static void local_signal(void *state, uint32_t pe, int number, bool from_terminal) {
    struct local *local = state;
    struct local_pe *one = &local->pes[pe];
    if (!one->alive) return;
    if (number == SIGTSTP && leads_session(local->launch, pe)) number = SIGSTOP; /* none can bring its group back */
    if (number == SIGTSTP || number == SIGSTOP) one->told_to_stop = true;
    if (number == SIGCONT) one->told_to_stop = false;
    if (one->group != 0) {
        if (kill(-one->group, number) != 0) kill(one->pid, number); /* it does not lead its group yet */
    } else if (!from_terminal) {
        kill(one->pid, number);
    }
}

static void reap(struct local *local, struct local_pe *one, int *status) {
    if (one->group != 0) kill(-one->group, SIGKILL);
    deploy_guard_remove(local->launch->guard, one->pid);
    while (waitpid(one->pid, status, 0) < 0 && errno == EINTR) continue;
    one->alive = false;
}

static void on_one_ended(struct local *local, pid_t pid) {
    const struct deploy_launch *launch = local->launch;
    int status = 0;
    for (uint32_t pe = 0; pe < launch->num_pes; pe++) {
        struct local_pe *one = &local->pes[pe];
        if (one->pid != pid || !one->alive) continue;
        reap(local, one, &status);
        struct deploy_exit how = {.by_signal = WIFSIGNALED(status),
                                  .code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)};
        if (how.code != 0) rpc_now_read(launch->run_dir, pe, how.running);
        launch->on_exit(launch->context, pe, &how);
        return;
    }
    waitpid(pid, &status, WNOHANG); /* no PE: the guard, or a child from before we were executed */
}

static void on_stops(struct ev_loop *loop, ev_timer *timer, int events) {
    struct local *local = timer->data;
    const struct deploy_launch *launch = local->launch;
    ev_tstamp left = launch->stop_patience_s;
    bool any = false;
    (void)events;
    for (uint32_t pe = 0; pe < launch->num_pes; pe++) {
        const struct local_pe *one = &local->pes[pe];
        if (!one->alive || one->stopped_by == 0 || one->told_to_stop) continue;
        ev_tstamp more = one->stopped_at + launch->stop_patience_s - ev_now(loop);
        any = true;
        if (more < left) left = more;
        if (more > 0) continue;
        struct deploy_exit how = {.by_signal = true, .code = one->stopped_by};
        rpc_now_read(launch->run_dir, pe, how.running);
        launch->on_stopped(launch->context, pe, &how);
        return;
    }
    if (!any) return;
    ev_timer_set(timer, left, 0.);
    ev_timer_start(loop, timer);
}

static void on_one_stopped(struct local *local, pid_t pid, int number) {
    struct ev_loop *loop = local->launch->loop;
    for (uint32_t pe = 0; pe < local->launch->num_pes; pe++) {
        struct local_pe *one = &local->pes[pe];
        if (one->pid != pid || !one->alive) continue;
        one->stopped_by = number;
        one->stopped_at = ev_now(loop);
        if (number != 0 && !ev_is_active(&local->stops)) on_stops(loop, &local->stops, 0);
    }
}

/* Stops and continuations, of which several may have become one. */
static void look_for_stops(struct local *local) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED | WNOHANG) != 0 || info.si_pid == 0) return;
        on_one_stopped(local, info.si_pid, info.si_code == CLD_STOPPED ? info.si_status : 0);
    }
}

static void on_child_ended(struct ev_loop *loop, ev_io *watcher, int events) {
    struct local *local = watcher->data;
    struct signalfd_siginfo ignored;
    (void)loop, (void)events;
    while (read(local->signal_fd, &ignored, sizeof ignored) > 0) continue; /* one may stand for several */
    if (local->launch->stop_patience_s > 0) look_for_stops(local);
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
        on_one_ended(local, info.si_pid);
    }
}

/* ---------------------------------------------------------------- life */

static void local_close(void *state) {
    struct local *local = state;
    int status;
    if (local->signal_fd >= 0) {
        ev_io_stop(local->launch->loop, &local->child_ended);
        ev_timer_stop(local->launch->loop, &local->stops);
        close(local->signal_fd);
    }
    for (uint32_t pe = 0; pe < local->launch->num_pes; pe++) {
        if (local->pes[pe].shm >= 0) close(local->pes[pe].shm);
        if (!local->pes[pe].alive) continue;
        kill(local->pes[pe].pid, SIGKILL);
        reap(local, &local->pes[pe], &status);
    }
    free(local->pes);
    free(local);
}

/* Before any PE starts: whoever is first finds the sockets of all others. */
static int listen_for_all(struct local *local, struct deploy_reason *reason) {
    const struct deploy_launch *launch = local->launch;
    for (uint32_t pe = 0; pe < launch->num_pes; pe++) local->pes[pe].shm = -1;
    for (uint32_t i = 0; launch->shm_dir != NULL && i < launch->own_pes; i++) {
        uint32_t pe = launch->first_pe + i;
        int fd = rpc_shm_listen(launch->shm_dir, pe);
        if (fd < 0)
            return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot make a socket for PE %u in '%s': %s", pe,
                                     launch->shm_dir, fd == CHARIOT_EIO ? strerror(errno) : chariot_error_text(fd));
        local->pes[pe].shm = fd;
    }
    return 0;
}

static int watch_children(struct local *local, struct deploy_reason *reason) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    local->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (local->signal_fd < 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot watch processes: %s", strerror(errno));
    ev_io_init(&local->child_ended, on_child_ended, local->signal_fd, EV_READ);
    local->child_ended.data = local;
    ev_timer_init(&local->stops, on_stops, 0., 0.);
    local->stops.data = local;
    ev_io_start(local->launch->loop, &local->child_ended);
    return 0;
}

/* SIGCHLD is blocked by the caller already. */
static int local_open(const struct deploy_launch *launch, void **state, struct deploy_reason *reason) {
    struct local *local = calloc(1, sizeof *local);
    struct local_pe *pes = calloc(launch->num_pes, sizeof *pes);
    if (local == NULL || pes == NULL) {
        free(local);
        free(pes);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    *local = (struct local){.launch = launch, .pes = pes, .signal_fd = -1};
    gethostname(local->host, sizeof local->host - 1);
    int rc = listen_for_all(local, reason);
    if (rc == 0) rc = watch_children(local, reason);
    if (rc != 0)
        local_close(local);
    else
        *state = local;
    return rc;
}

static void local_where(void *state, uint32_t pe, struct deploy_place *place) {
    struct local *local = state;
    bool shares = local->launch->shm_dir != NULL;
    *place = (struct deploy_place){.pid = local->pes[pe].pid,
                                   .host = local->host,
                                   .run_dir = local->launch->run_dir,
                                   .local_count = shares ? local->launch->num_pes : 0};
}

const struct deploy_launcher_ops deploy_local_ops = {
    .name = "local",
    .carries_output = false,
    .open = local_open,
    .start = local_start,
    .signal = local_signal,
    .where = local_where,
    .close = local_close,
};
