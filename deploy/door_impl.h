/* deploy/door_impl.h: the door as its own files see it: door.c (who comes), door_reach.c (the reach that it is). */
#ifndef CHARIOT_DEPLOY_DOOR_IMPL_H
#define CHARIOT_DEPLOY_DOOR_IMPL_H

#include "deploy/caller.h"
#include "deploy/child.h"
#include "deploy/door.h"

enum deploy_door_phase { DEPLOY_DOOR_GATHERS, DEPLOY_DOOR_TELLS, DEPLOY_DOOR_RUNS };

struct deploy_door {
    struct deploy_meeting *meeting; /* borrowed */
    struct ev_loop *loop;
    struct deploy_tls *tls;
    struct deploy_caller_handler handler;
    enum deploy_door_phase phase;
    ev_io knock;
    ev_timer late, burial;
    struct deploy_caller **members; /* by number; NULL: not there, or the head itself. Owned */
    uint32_t missing, told;
    struct deploy_caller *first, *last; /* callers that are no members, the oldest first */
    uint32_t num_callers;
    struct deploy_caller *dead; /* by next: to be freed from the loop */
    unsigned lines;
    bool is_lost; /* by the rendezvous */
    struct deploy_reason reason;
    /* Once it is a reach. */
    size_t *order; /* the member that a host is */
    const struct deploy_launch *launch;
    struct deploy_child child; /* the head's own agent */
    struct deploy_relay child_relay;
};

/* All are there: gives them as hosts, and sets the order. CHARIOT_EABORTED with *reason. */
int deploy_door_place(struct deploy_door *door, struct deploy_hosts *hosts, struct deploy_reason *reason);

#endif
