/* deploy/agents_impl.h: the launcher of several hosts, and what its parts do for each other: agents.c has the
 * operations, agents_host.c a host's conversation with its agent, and what becomes of PEs. */
#ifndef CHARIOT_DEPLOY_AGENTS_IMPL_H
#define CHARIOT_DEPLOY_AGENTS_IMPL_H

#include "deploy/bridge.h"
#include "deploy/clock.h"
#include "deploy/fetch.h"
#include "deploy/launcher.h"
#include "deploy/reach.h"
#include "deploy/rundir.h"
#include "deploy/terminal.h"

enum { DEPLOY_AGENTS_STREAMS = DEPLOY_STREAM_INPUT, CONTROL = DEPLOY_STREAM_CONTROL }; /* of every PE */

struct agents_pe {
    struct deploy_bridge bridges[DEPLOY_AGENTS_STREAMS];
    int waiting[DEPLOY_AGENTS_STREAMS]; /* what they will take when the PE begins; -1: none */
    long pid;                           /* there; 0: not heard of yet */
    bool started;                       /* by the job: it is to begin when all hosts have opened */
    bool begun;                         /* the agent was told to start it */
    int ended_by;                       /* a signal that came before it began; 0: none */
    bool gone;
};

struct agents_host {
    struct agents *agents;
    size_t number;
    const struct deploy_host *host;
    struct deploy_relay *relay; /* the reach's; NULL: not reached */
    struct deploy_relay_handler handler;
    struct deploy_clock clock;
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    bool opened, lost;
};

struct agents {
    const struct deploy_launch *launch;
    const struct deploy_reach_ops *reach;
    void *reach_state;
    struct agents_host *hosts;
    struct agents_pe *pes;
    struct deploy_bridge input; /* our standard input, to PE 0 */
    struct deploy_terminal terminal;
    struct deploy_fetch fetch;
    bool gathering;
    ev_timer endings; /* of PEs that never began: on_exit is called from the loop */
};

static inline struct agents_host *deploy_agents_host_of(struct agents *agents, uint32_t pe) {
    return &agents->hosts[deploy_hosts_of(&agents->launch->remote->hosts, pe)];
}

/* agents_host.c. Reaches the host, where that has not been done yet, and says what it is to start. CHARIOT_EABORTED
 * with *reason. */
int deploy_agents_reach(struct agents_host *host, struct deploy_reason *reason);
/* The PEs with which those of a host share memory; 0: with none. */
void deploy_agents_find_local(const struct agents_host *host, uint32_t *first, uint32_t *count);
/* The PE has ended, or never begins: on_exit, once. */
void deploy_agents_gone(struct agents *agents, uint32_t pe, const struct deploy_exit *how);
void deploy_agents_close_waiting(struct agents_pe *one);
/* on_gathered, once all that was asked for is there. */
void deploy_agents_check_gathered(struct agents *agents);

#endif
