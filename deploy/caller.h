/* deploy/caller.h: one connection at the door (door.h), from accept to the moment when it is a member's, or gone.
 *
 *   accepted -> (greeting sent) -> first byte -> TLS -> AgentMember -> a member
 *                                                    '-> refused: told so, and waited for until it goes
 *
 * Ten seconds for all of it. What a caller is about to become is the door's affair: it hears on_member, and on_gone
 * when the caller, which may be a member by then, is no more. */
#ifndef CHARIOT_DEPLOY_CALLER_H
#define CHARIOT_DEPLOY_CALLER_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "deploy/members.h"
#include "deploy/relay.h"
#include "deploy/tls.h"

enum deploy_caller_stage {
    DEPLOY_CALLER_SILENT,
    DEPLOY_CALLER_SHAKES,
    DEPLOY_CALLER_SPEAKS,
    DEPLOY_CALLER_MEMBER,
    DEPLOY_CALLER_REFUSED
};

struct deploy_caller;

struct deploy_caller_handler {
    /* It belongs to the job, and says that it is this member. The message is borrowed for the call. */
    void (*on_member)(void *context, struct deploy_caller *caller, const Chariot__V1__AgentMember *member);
    /* Once, unless it was freed before: it is closed, and is to be freed. `why` is for people; empty where nobody need
     * know. Of a member: how its relay has ended. */
    void (*on_gone)(void *context, struct deploy_caller *caller, enum deploy_relay_end how, const char *why);
    void *context;
};

struct deploy_caller {
    struct ev_loop *loop;
    const struct deploy_caller_handler *handler;
    struct deploy_tls *tls;
    enum deploy_caller_stage stage;
    int fd; /* owned until the stream has it */
    struct deploy_stream stream;
    ev_io io;
    ev_timer deadline;
    struct deploy_relay relay;
    struct deploy_relay_handler own;
    char from[INET6_ADDRSTRLEN]; /* its address */
    char here[INET6_ADDRSTRLEN]; /* ours, as it has reached us */
    uint32_t member;             /* from here on filled in by the door */
    long pid;
    char host[128];
    char machine[256];
    bool lost; /* a member whose relay has ended */
    struct deploy_caller *next, *prev;
};

/* Takes fd; sends the greeting (NULL: none). CHARIOT_ENOMEM, CHARIOT_EIO: nothing of it is left, nor fd. */
int deploy_caller_new(struct deploy_caller **out, struct ev_loop *loop, int fd, struct deploy_tls *tls,
                      const char *greeting, const struct deploy_caller_handler *handler);
/* Takes NULL. No callback. */
void deploy_caller_free(struct deploy_caller *caller);
/* It is the member that it said: no deadline any more. */
void deploy_caller_accept(struct deploy_caller *caller);
/* Tells it that it is not wanted, and why; on_gone follows. */
void deploy_caller_refuse(struct deploy_caller *caller, int status, const char *text);

#endif
