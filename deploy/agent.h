/* deploy/agent.h: `chariot agent`, which a launcher on another host starts by ssh (chariot/v1/agent.proto): it starts
 * PEs there with the launcher of one host (local.c), passes on what they say, and ends them when the launcher is gone.
 */
#ifndef CHARIOT_DEPLOY_AGENT_H
#define CHARIOT_DEPLOY_AGENT_H

/* The sub-command; returns the exit status. */
int deploy_agent(const char *argv0, char **argv);
void deploy_agent_help(void);

#endif
