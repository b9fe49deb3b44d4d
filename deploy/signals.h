/* deploy/signals.h: what users and service managers send to the launcher, as events of the loop.
 *
 * Read from a signalfd: no handler runs, and the sender is known, so that Ctrl-C (which the terminal sends to our whole
 * process group) can be told from kill(1) (which sends to us alone). Signals that were ignored when we were started
 * (nohup, a shell's background) stay ignored, here and in the PEs. */
#ifndef CHARIOT_DEPLOY_SIGNALS_H
#define CHARIOT_DEPLOY_SIGNALS_H

#include <ev.h>
#include <signal.h>
#include <stdbool.h>

#include "deploy/reason.h"

struct deploy_signals {
    struct ev_loop *loop;
    int fd; /* -1: closed */
    ev_io readable;
    sigset_t before; /* our mask as it was: PEs get it */
    void (*on_signal)(void *context, int number, bool from_terminal);
    void *context;
};

/* Blocks the signals, and SIGCHLD for launchers that start processes. The caller sets on_signal and context before. */
int deploy_signals_open(struct deploy_signals *signals, struct ev_loop *loop, struct deploy_reason *reason);
/* Signals stay blocked: the process is about to exit. */
void deploy_signals_close(struct deploy_signals *signals);
/* Handles those that have come by now. */
void deploy_signals_drain(struct deploy_signals *signals);

#endif
