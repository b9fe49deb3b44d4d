/* deploy/agent_impl.h: the agent's state, and what its parts do for each other: agent.c has its life and hears the
 * launcher, agent_open.c arranges what the launcher asks for, agent_pes.c has the PEs. */
#ifndef CHARIOT_DEPLOY_AGENT_IMPL_H
#define CHARIOT_DEPLOY_AGENT_IMPL_H

#include "deploy/agent.h"
#include "deploy/agent_input.h"
#include "deploy/bridge.h"
#include "deploy/carry.h"
#include "deploy/guard.h"
#include "deploy/launcher.h"
#include "deploy/signals.h"

enum { DEPLOY_AGENT_STREAMS = DEPLOY_STREAM_INPUT }; /* of every PE */

struct agent_pe {
    struct deploy_bridge bridges[DEPLOY_AGENT_STREAMS];
    bool started, gone;
};

struct deploy_agent {
    struct ev_loop *loop;
    const char *address; /* by which it has dialled in; NULL: it has not */
    bool is_member;      /* it has dialled in: its end is for people */
    uint32_t member;
    int status;
    struct deploy_relay relay;
    struct deploy_relay_handler relay_handler;
    struct deploy_signals signals;
    struct deploy_guard guard;
    struct deploy_launch launch;
    void *launcher; /* local.c's; NULL: not open */
    struct agent_pe *pes;
    struct deploy_agent_input input; /* PE 0's */
    struct deploy_carry carry;
    char *path, *run_dir;
    char **words;
    uint32_t alive;
    bool begun;                 /* a PE has started */
    struct deploy_ready *ready; /* a member's; NULL: none */
    bool leaving;
    ev_timer kill;
};

/* agent.c: its PEs are told to end; it leaves when they have. The second also tells the launcher why. */
void deploy_agent_leave(struct deploy_agent *agent);
void deploy_agent_fail(struct deploy_agent *agent, const struct deploy_reason *reason);
void deploy_agent_leave_if_done(struct deploy_agent *agent);

/* agent_open.c: what the launcher asks for first; says that all is ready, or fails. */
void deploy_agent_on_open(struct deploy_agent *agent, const Chariot__V1__AgentOpen *open);

/* agent_pes.c */
void deploy_agent_start_pe(struct deploy_agent *agent, uint32_t pe); /* fails where it cannot */
/* It is gone: of its streams what is there now is all. */
void deploy_agent_finish_streams(struct agent_pe *one);
void deploy_agent_on_exit(void *context, uint32_t pe, const struct deploy_exit *how); /* as of struct deploy_launch */
void deploy_agent_on_stopped(void *context, uint32_t pe, const struct deploy_exit *how);

#endif
