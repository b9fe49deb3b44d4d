/* deploy/guard.h: the process that cleans up when the launcher cannot.
 *
 * The launcher forks it first of all. It has left the launcher's session, ignores what a terminal or a service manager
 * sends, holds nothing open but its end of one pipe, and learns there which processes exist. When the pipe ends without
 * DONE the launcher has died, by whatever cause: the guard kills every process group it knows of and removes the run
 * directory.
 *
 * An agent's guard watches the agent's stream too: when that has ended and the agent does not follow within some
 * seconds, as one that is stopped does not, the guard kills the agent, and the rest. */
#ifndef CHARIOT_DEPLOY_GUARD_H
#define CHARIOT_DEPLOY_GUARD_H

#include <sys/types.h>

#include "deploy/reason.h"

struct deploy_guard {
    int fd; /* -1: none */
    pid_t pid;
};

/* Forks the guard. `stream`: see above; -1: none. */
int deploy_guard_start(struct deploy_guard *guard, int stream, struct deploy_reason *reason);
/* The path that it would remove; it need not exist yet. Of at most DEPLOY_RUNDIR_MAX bytes. Once. */
void deploy_guard_set_run_dir(const struct deploy_guard *guard, const char *run_dir);
/* A process began, in a group of its own or (group 0) in one that must not be killed. Said by the new process itself
 * before it executes anything, so that none is ever unknown. */
void deploy_guard_add(const struct deploy_guard *guard, pid_t pid, pid_t group);
/* It has ended and its group is empty: the numbers may soon mean somebody else. */
void deploy_guard_remove(const struct deploy_guard *guard, pid_t pid);
/* The launcher has cleaned up itself. Waits until the guard is gone. */
void deploy_guard_done(struct deploy_guard *guard);

#endif
