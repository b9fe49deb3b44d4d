/* deploy/signals.c: see signals.h. */
#include "deploy/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int WATCHED[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2, SIGWINCH};

void deploy_signals_drain(struct deploy_signals *signals) {
    struct signalfd_siginfo info;
    while (signals->fd >= 0 && read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info)
        signals->on_signal(signals->context, (int)info.ssi_signo, info.ssi_code == SI_KERNEL);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    deploy_signals_drain(watcher->data);
}

static void choose(sigset_t *watched) {
    sigemptyset(watched);
    for (size_t i = 0; i < sizeof WATCHED / sizeof WATCHED[0]; i++) {
        struct sigaction action;
        if (sigaction(WATCHED[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(watched, WATCHED[i]);
    }
}

int deploy_signals_open(struct deploy_signals *signals, struct ev_loop *loop, struct deploy_reason *reason) {
    sigset_t watched, blocked;
    choose(&watched);
    blocked = watched;
    sigaddset(&blocked, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored, the kernel reaps and nobody learns how a child ended */
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, &signals->before);
    signals->loop = loop;
    signals->fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot watch signals: %s", strerror(errno));
    ev_io_init(&signals->readable, on_readable, signals->fd, EV_READ);
    signals->readable.data = signals;
    ev_io_start(loop, &signals->readable);
    return 0;
}

void deploy_signals_close(struct deploy_signals *signals) {
    if (signals->fd < 0) return;
    ev_io_stop(signals->loop, &signals->readable);
    close(signals->fd);
    signals->fd = -1;
}
