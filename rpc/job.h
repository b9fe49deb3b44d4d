/* rpc/job.h: one process of a job: who it is, its loop, its place among the other PEs.
 *
 *   open -> (chare types are registered) -> connect -> the scheduler turns -> close
 *
 * objects/run.c owns one. Everything that a job needs from the machine (launcher, clock, host identity, addresses) is
 * behind this header. */
#ifndef CHARIOT_RPC_JOB_H
#define CHARIOT_RPC_JOB_H

#include "rpc/control.h"
#include "rpc/log.h"
#include "rpc/loop.h"

struct rpc_job {
    struct rpc_control control;
    struct rpc_loop *loop;
    struct rpc_log *log; /* as CHARIOT_LOG says */
};

/* Reads the ticket (none: a job of one PE) and makes the loop. `why` gets a line for people. */
int rpc_job_open(struct rpc_job *job, char *why, size_t why_size);
/* Meets the other PEs: listens, learns where PE 0 is, joins. Sets node->transport, hosts and num_hosts, log; node->pe,
 * num_pes, up and owner must be set. A job of one PE has no transport. */
int rpc_job_connect(struct rpc_job *job, struct rpc_node *node, char *why, size_t why_size);
/* A method sends faster than its peer receives: moves bytes, on the caller's thread, until there is room for more to
 * `to` again or *stop is set. */
void rpc_job_make_room(struct rpc_node *node, uint32_t to, const bool *stop);
/* Why the job must end: to the launcher, or to stderr where there is none. Where a room logs at debug, the last trace
 * records follow on stderr. */
void rpc_job_verdict(struct rpc_job *job, int status, const char *text);
/* The job has ended as it was meant to. */
void rpc_job_farewell(struct rpc_job *job, int status);
/* Closes node's transport (abruptly: without a goodbye) and frees the rest. */
void rpc_job_close(struct rpc_job *job, struct rpc_node *node, bool abrupt);

#endif
