/* deploy/dial.h: a member of an engine's job that is not its head: finds the head's door, dials in, shows that it
 * belongs to the job, and is the head's agent from then on. */
#ifndef CHARIOT_DEPLOY_DIAL_H
#define CHARIOT_DEPLOY_DIAL_H

#include "deploy/meeting.h"
#include "deploy/reason.h"

/* Sees it through; returns the exit status, or fills in *reason (text not empty). A head that is not there yet is tried
 * again, for meeting->self.patience_s. */
int deploy_dial(struct deploy_meeting *meeting, struct deploy_reason *reason);

#endif
