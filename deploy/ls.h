/* deploy/ls.h: `chariot ls`: what a job has published, and of one object its methods. */
#ifndef CHARIOT_DEPLOY_LS_H
#define CHARIOT_DEPLOY_LS_H

int deploy_ls(const char *argv0, char **argv);
void deploy_ls_help(void);

#endif
