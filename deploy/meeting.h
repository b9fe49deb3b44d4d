/* deploy/meeting.h: what a member has from its first moment to its last: a loop, its rendezvous, and its key once it
 * has one. The door (at the head) and the dialling (at others) work on it. */
#ifndef CHARIOT_DEPLOY_MEETING_H
#define CHARIOT_DEPLOY_MEETING_H

#include <ev.h>

#include "deploy/members.h"
#include "deploy/ready.h"
#include "deploy/rendezvous.h"
#include "deploy/tls.h"

struct deploy_meeting {
    struct ev_loop *loop; /* owned */
    struct deploy_membership self;
    struct deploy_rendezvous_handler handler; /* of who works on it now */
    void *rendezvous;                         /* state of self.rendezvous */
    struct deploy_ready *ready;               /* borrowed: for whoever has started this member */
    char head[300];                           /* what it has said of the head before anybody asked; empty: nothing */
};

/* Takes part: afterwards self.member is known. May wait for that, patience_s at most. CHARIOT_EABORTED with *reason. */
int deploy_meeting_open(struct deploy_meeting *meeting, const struct deploy_membership *self,
                        struct deploy_ready *ready, struct deploy_reason *reason);
void deploy_meeting_close(struct deploy_meeting *meeting);
/* Gives up the membership before that: whatever was done in its name is over. */
void deploy_meeting_leave(struct deploy_meeting *meeting);
/* Sets self.stamp. */
void deploy_meeting_stamp(struct deploy_meeting *meeting);
/* One end's side of TLS, by the secret that there is. `peer`: as in tls.h. CHARIOT_EABORTED with *reason. */
int deploy_meeting_tls(struct deploy_meeting *meeting, const char *peer, struct deploy_tls **tls,
                       struct deploy_reason *reason);
/* The text that goes before TLS; NULL: none. */
const char *deploy_meeting_greeting(struct deploy_meeting *meeting);

#endif
