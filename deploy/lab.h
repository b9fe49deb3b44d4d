/* deploy/lab.h: `chariot lb-lab`: the laboratory for balancers, which is a program of its own beside this one. */
#ifndef CHARIOT_DEPLOY_LAB_H
#define CHARIOT_DEPLOY_LAB_H

/* Becomes that program. Returns only if it cannot: a status, and why on standard error. */
int deploy_lab(const char *argv0, char **argv);
void deploy_lab_help(void);

#endif
