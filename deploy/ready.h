/* deploy/ready.h: tells whoever runs services that the job runs: every PE takes part in it.
 *
 * Two ways, either or both: a file of that name is there while it runs (`--ready-file`: a readiness probe looks for
 * it), and systemd hears READY=1 and STOPPING=1 (sd_notify(3)), where NOTIFY_SOCKET is set. */
#ifndef CHARIOT_DEPLOY_READY_H
#define CHARIOT_DEPLOY_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "deploy/reason.h"

struct deploy_ready {
    const char *file; /* NULL: none */
    int fd;           /* to systemd; -1: it has not started us */
    bool said;
};

/* Borrows `file` until over(). Removes what an earlier job has left there, and NOTIFY_SOCKET from the environment, for
 * it is ours alone. CHARIOT_EABORTED with *reason: no such file can be made, or that socket is none. */
int deploy_ready_init(struct deploy_ready *ready, const char *file, struct deploy_reason *reason);
/* The job runs. served_at: where it serves foreign programs, which is what the file says then; NULL: it does not. */
void deploy_ready_say(struct deploy_ready *ready, uint32_t num_pes, const char *served_at);
/* It does no longer. May be called twice. */
void deploy_ready_over(struct deploy_ready *ready);

#endif
