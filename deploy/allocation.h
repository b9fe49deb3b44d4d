/* deploy/allocation.h: inside a Slurm allocation, but outside of its steps (salloc, a batch script): which hosts it
 * has, for a job that reaches them by srun. (Inside a step each task is a member of a job: members.h.) */
#ifndef CHARIOT_DEPLOY_ALLOCATION_H
#define CHARIOT_DEPLOY_ALLOCATION_H

#include <stdbool.h>

#include "deploy/hosts.h"

/* What reaches a node; words to which its name and what is to be executed are added. All that the allocation has there
 * is for the agent, whose PEs are its tasks; what it says is passed on as it comes. */
#define DEPLOY_ALLOCATION_SHELL "srun -Q -u -N1 -n1 --overlap --mem=0 --cpu-bind=none --mpi=none -w"

/* By the environment. */
bool deploy_allocation_is_here(void);
/* Its nodes, with as many PEs as it has tasks there; more may be placed on them. CHARIOT_EABORTED with *reason. */
int deploy_allocation_hosts(struct deploy_hosts *hosts, struct deploy_reason *reason);
/* Its one node is this one. */
bool deploy_allocation_is_this_host(const struct deploy_hosts *hosts);

/* A list of hosts as Slurm writes them: "a,n[1-3,07-12]m,rack[1-2]n[0-9]". Calls fn for each, until it fails.
 * CHARIOT_EMALFORMED. */
int deploy_allocation_each_host(const char *list, int (*fn)(void *context, const char *name), void *context);
/* The number for host `at` of "4(x2),3". 0: it does not say. */
uint32_t deploy_allocation_count(const char *counts, size_t at);

#endif
