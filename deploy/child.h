/* deploy/child.h: a process of ours that carries the stream to an agent, or is one: in a group of its own, so that
 * Ctrl-C does not reach it, known to the guard, and killed when we die. */
#ifndef CHARIOT_DEPLOY_CHILD_H
#define CHARIOT_DEPLOY_CHILD_H

#include <sys/types.h>

#include "deploy/launcher.h"

struct deploy_child {
    const struct deploy_launch *launch;
    pid_t pid; /* 0: none, or reaped */
};

/* Executes `words`, looked up on PATH. *stream is the other end of its standard input and output; `err`, borrowed,
 * becomes its standard error, ours where it is -1. What cannot be executed says so there, with status 126. CHARIOT_EIO,
 * errno. */
int deploy_child_start(struct deploy_child *child, const struct deploy_launch *launch, char *const *words, int err,
                       int *stream);
/* Gives it so long to end, then kills it. Its wait status; 0 if there is none. */
int deploy_child_wait(struct deploy_child *child, double seconds);

#endif
