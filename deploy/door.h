/* deploy/door.h: where the members of an engine's job dial in at their head: TCP, and TLS 1.3 on it (tls.h), closed to
 * everyone else.
 *
 * A caller that has not shown that it belongs to the job costs one descriptor, a TLS state once it has said something,
 * and ten seconds; there are never more than 256 of them, and the oldest goes first. One that fails is a line for
 * people, and after the tenth such line they are only counted. A member then says who it is (AgentMember); one whose
 * place is taken, or of another version, is told so (AgentRefused) and leaves.
 *
 * The door stays open until the job has ended, so that members that come too late are told. It is the reach
 * (deploy_door_reach) of the job's launcher, whose remote->reach_context it is; the head's own PEs have an agent too, a
 * process of ours. */
#ifndef CHARIOT_DEPLOY_DOOR_H
#define CHARIOT_DEPLOY_DOOR_H

#include "deploy/hosts.h"
#include "deploy/meeting.h"
#include "deploy/reason.h"

struct deploy_door;

/* Opens it, and announces it. Borrows the meeting, whose handler it sets, until close. CHARIOT_EABORTED with *reason.
 */
int deploy_door_open(struct deploy_door **out, struct deploy_meeting *meeting, struct deploy_reason *reason);
/* Runs the loop until all members are there, and gives them as hosts: the head first, those of one machine next to each
 * other. CHARIOT_EABORTED with *reason, which names who is missing; those who are there have been told. */
int deploy_door_gather(struct deploy_door *door, struct deploy_hosts *hosts, struct deploy_reason *reason);
/* Takes NULL. */
void deploy_door_close(struct deploy_door *door);

#endif
