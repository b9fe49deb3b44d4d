/* deploy/members.h: is this process a member of an engine's job?
 *
 * Under an engine (Slurm, mpirun, Kubernetes, or whatever starts the same command on several hosts) every task runs the
 * very same `chariot run ... prog.py`, and finds from options and environment that it is member R of M. Member 0 is the
 * head: it becomes the launcher and opens a door (door.h). The others dial in and become its agents (dial.h).
 *
 * One table, members.c: a row per engine, asked in order; the first that knows wins. A process that a PE of a job has
 * started is no member by the environment: that engine's job is the PE's. */
#ifndef CHARIOT_DEPLOY_MEMBERS_H
#define CHARIOT_DEPLOY_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/options.h"
#include "deploy/reason.h"

struct deploy_rendezvous_ops; /* rendezvous.h */

/* What tells members and jobs of the same number and name apart: each grows with the next. Zeros: nobody counts them.
 */
struct deploy_stamp {
    int64_t epoch;        /* of the job */
    int64_t registration; /* of the member */
};

struct deploy_membership {
    const char *engine; /* for messages; NULL: no member of anything */
    uint32_t member, members;
    bool any_number;         /* it has none yet: the rendezvous gives it one */
    char job[128];           /* its name: equal at all members */
    char head[300];          /* "HOST:PORT", "[ADDRESS]:PORT"; the head itself needs the port only. Empty: not said */
    const char *secret_file; /* that all members can read, and nobody else; NULL: none */
    const char *tls_dir;     /* with ca.crt, tls.crt, tls.key; NULL: none */
    const struct deploy_rendezvous_ops *rendezvous; /* how the head is found */
    const char *target;                             /* for it: what stands behind etcd://, but for the job */
    struct deploy_stamp stamp;                      /* once the head is found: as its rendezvous has it */
    double patience_s;                              /* so long all may take to come */
    char host[128];                                 /* this one's name, for messages */
    char machine[256];                              /* as AgentMember.machine */
};

/* Fills in *out; an ordinary job has engine NULL. CHARIOT_EABORTED with *reason where what was said does not fit. */
int deploy_members_find(struct deploy_membership *out, const struct deploy_options *options,
                        struct deploy_reason *reason);
/* One boot of one machine, one view of its files and network, one user. CHARIOT_MACHINE makes more of them. */
void deploy_members_machine(char *text, size_t size);
/* The host and port of "HOST:PORT" or "[ADDRESS]:PORT"; host is empty where only a port was given. False: neither. */
bool deploy_members_split(const char *address, char *host, size_t host_size, char *port, size_t port_size);

#endif
