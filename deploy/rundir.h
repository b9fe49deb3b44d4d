/* deploy/rundir.h: the private directory of a job, where its sockets live.
 *
 * Its name is chosen before it is made, so that the guard knows it first and no moment is left in which a killed
 * launcher leaves it behind. */
#ifndef CHARIOT_DEPLOY_RUNDIR_H
#define CHARIOT_DEPLOY_RUNDIR_H

#include "deploy/reason.h"

/* The path of a Unix socket holds 107 bytes; PEs append a name of at most 23 bytes and a slash. */
enum { DEPLOY_RUNDIR_MAX = 107 - 24 };

/* A new name under $XDG_RUNTIME_DIR, $TMPDIR or /tmp, the first that is an absolute path, short enough and writable.
 * `path` has DEPLOY_RUNDIR_MAX + 1 bytes. CHARIOT_EABORTED with *reason. */
int deploy_rundir_choose(char *path, struct deploy_reason *reason);
/* Makes it, for this user alone. It must not exist. */
int deploy_rundir_make(const char *path, struct deploy_reason *reason);
/* The same for one that several processes of this machine make and remove, each when it comes and goes: it may exist,
 * if it is this user's alone. */
int deploy_rundir_join(const char *path, struct deploy_reason *reason);
/* Removes it with all that is in it. It need not exist. Negative: something is left. */
int deploy_rundir_remove(const char *path);

#endif
