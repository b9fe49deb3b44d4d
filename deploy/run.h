/* deploy/run.h: the sub-command `chariot run`, and `charmrun`. */
#ifndef CHARIOT_DEPLOY_RUN_H
#define CHARIOT_DEPLOY_RUN_H

/* argv0: how the launcher was called; argv: the words behind the sub-command, up to NULL. Returns the exit status. */
int deploy_run(const char *argv0, char **argv);
int deploy_run_charmrun(const char *argv0, char **argv);
void deploy_run_help(void);

#endif
