/* deploy/reach.h: how the stream to a host's agent comes about: one ops table per kind.
 *
 * The launcher of several hosts (agents.c) speaks chariot/v1/agent.proto with one agent per host and knows nothing of
 * what carries it: `ssh` starts a command per host, `door` has them dial in. Hosts are numbered as in
 * launch->remote->hosts. All functions are called on the loop's thread; none waits, but for leave(). */
#ifndef CHARIOT_DEPLOY_REACH_H
#define CHARIOT_DEPLOY_REACH_H

#include <stddef.h>

#include "deploy/launcher.h"
#include "deploy/relay.h"

struct deploy_reach_ops {
    const char *name;
    /* Before everything else. Borrows `launch` until close. Gives *state. CHARIOT_EABORTED with *reason. */
    int (*open)(const struct deploy_launch *launch, void **state, struct deploy_reason *reason);
    /* Once for each host that has PEs: gives the relay to its agent, open, borrowed until leave; `handler`, borrowed as
     * long, hears all that comes from now on. That nobody is there may show only as its end. CHARIOT_EABORTED with
     * *reason. */
    int (*reach)(void *state, size_t host, const struct deploy_relay_handler *handler, struct deploy_relay **relay,
                 struct deploy_reason *reason);
    /* The relay has ended, or what it carries makes no sense, before anybody wanted it: why, in words of what carried
     * it. */
    void (*explain)(void *state, size_t host, enum deploy_relay_end how, struct deploy_reason *reason);
    /* The relay of a host that was reached is closed: nothing of what carried it is left when this returns. Waits
     * at most so long. */
    void (*leave)(void *state, size_t host, double seconds);
    /* After everything else. */
    void (*close)(void *state);
};

/* The first message may take so long: name servers, authentication agents. */
#define DEPLOY_REACH_FIRST_WORD_S 60.0

extern const struct deploy_reach_ops deploy_ssh_reach;
extern const struct deploy_reach_ops deploy_door_reach; /* door.h */

#endif
