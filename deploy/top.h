/* deploy/top.h: `chariot top`: what the PEs of a job do, as a table that is drawn again and again. */
#ifndef CHARIOT_DEPLOY_TOP_H
#define CHARIOT_DEPLOY_TOP_H

int deploy_top(const char *argv0, char **argv);
void deploy_top_help(void);

#endif
