/* deploy/agent.h: what starts PEs for a launcher on another host (chariot/v1/agent.proto): with the launcher of one
 * host (local.c); it passes on what they say, and ends them when the launcher is gone. It is `chariot agent`, which the
 * launcher starts there by ssh, or a member of an engine's job that has dialled in at its head (dial.h). */
#ifndef CHARIOT_DEPLOY_AGENT_H
#define CHARIOT_DEPLOY_AGENT_H

#include <ev.h>

#include "deploy/members.h"
#include "deploy/ready.h"
#include "deploy/reason.h"
#include "deploy/stream.h"

struct deploy_agent;

/* A member's: takes the stream to its head, and says who it is. `address`: by which it has dialled in, where its PEs
 * listen if nobody says otherwise; borrowed, as are loop, self and ready, until free. CHARIOT_EABORTED with *reason. */
int deploy_agent_new(struct deploy_agent **out, struct ev_loop *loop, const struct deploy_stream *stream,
                     const struct deploy_membership *self, const char *address, struct deploy_ready *ready,
                     struct deploy_reason *reason);
/* Runs the loop until its PEs are gone and it may go; returns its exit status. What there was to say has been printed.
 */
int deploy_agent_run(struct deploy_agent *agent);
/* Its PEs must end: prints why, tells the launcher, and has deploy_agent_run() return when they have. */
void deploy_agent_end(struct deploy_agent *agent, const struct deploy_reason *reason);
void deploy_agent_free(struct deploy_agent *agent); /* takes NULL */

/* The sub-command; returns the exit status. */
int deploy_agent(const char *argv0, char **argv);
void deploy_agent_help(void);

#endif
