/* deploy/slurm.h: what Slurm says in the environment of a step's tasks. */
#ifndef CHARIOT_DEPLOY_SLURM_H
#define CHARIOT_DEPLOY_SLURM_H

#include "deploy/members.h"

/* 1: a task of a step; *out is filled in. 0: not. CHARIOT_EABORTED with *reason. */
int deploy_slurm_find(struct deploy_membership *out, struct deploy_reason *reason);
/* The first host of a list such as "n[01-03,7],login" or "a,b"; false: there is none, or it does not fit. */
bool deploy_slurm_first_host(const char *list, char *host, size_t size);

/* "HOST:PORT", where name servers need not know the host: it becomes the address that Slurm knows. May take as long as
 * a command takes. */
void deploy_slurm_find_address(char *head, size_t size);

#endif
