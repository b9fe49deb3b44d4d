/* deploy/beside.h: programs of ours that are installed beside this command, so that it need not link what they do. */
#ifndef CHARIOT_DEPLOY_BESIDE_H
#define CHARIOT_DEPLOY_BESIDE_H

#include <sys/types.h>

#include "deploy/reason.h"

/* Starts it in a process group of its own; *stream is the other end of its standard input. It sees our end there: no
 * other sign of it is given. CHARIOT_EABORTED with *reason. */
int deploy_beside_start(const char *program, pid_t *pid, int *stream, struct deploy_reason *reason);
/* Gives it so long to end, then kills it. */
void deploy_beside_wait(pid_t pid, double seconds);

#endif
