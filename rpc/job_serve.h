/* rpc/job_serve.h: the public service of a process, from what a program says of it (addresses, files) to an open one.
 */
#ifndef CHARIOT_RPC_JOB_SERVE_H
#define CHARIOT_RPC_JOB_SERVE_H

#include "rpc/job.h"
#include "rpc/serve.h"

/* As struct chariot_serve; strings are borrowed for the call. */
struct rpc_job_serve {
    const char *address, *clients, *certificate, *key, *authority; /* NULL: not said */
    bool anyone;
    bool traces; /* the owner's affair */
    struct rpc_service_limits limits;
    const struct rpc_service_method *methods;
    size_t num_methods;
    const struct rpc_service_ops *ops;
    void *owner;
};

struct rpc_job_serving {
    const struct rpc_serve_ops *ops;
    struct rpc_service *service; /* NULL: there is none */
    uint8_t seal_key[32];        /* the same at all services of the job */
};

/* *address (the caller's): where it listens. CHARIOT_EINVAL, CHARIOT_EIO, CHARIOT_EVERSION: `why` gets a text for
 * people, without newline. */
int rpc_job_serve(struct rpc_job *job, struct rpc_node *node, const struct rpc_job_serve *how,
                  struct rpc_job_serving *serving, char **address, char *why, size_t why_size);
/* How this process is to serve from the start (its ticket's wish; strings are the job's, the owner's part is empty);
 * false: it is not. */
bool rpc_job_serve_asked(const struct rpc_job *job, struct rpc_job_serve *how);
/* It does: the launcher hears where. */
void rpc_job_served(struct rpc_job *job, const char *address);
void rpc_job_serve_end(struct rpc_job_serving *serving);

#endif
