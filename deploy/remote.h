/* deploy/remote.h: other hosts, from the command line to what a launcher needs to know of them. */
#ifndef CHARIOT_DEPLOY_REMOTE_H
#define CHARIOT_DEPLOY_REMOTE_H

#include "deploy/launcher.h"
#include "deploy/options.h"

/* Reads which hosts, and settles what follows from them in *options: the number of PEs, the launcher, the transport.
 * `members`: they are these, which it takes; NULL: what *options says. Without hosts, or where all are this one,
 * remote->hosts is empty. CHARIOT_EABORTED with *reason. */
int deploy_remote_init(struct deploy_remote *remote, struct deploy_options *options, struct deploy_hosts *members,
                       struct deploy_reason *reason);
void deploy_remote_deinit(struct deploy_remote *remote);

#endif
