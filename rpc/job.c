#include "rpc/job.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/listen.h"
#include "rpc/mix.h"
#include "rpc/module.h"
#include "rpc/shm.h"
#include "rpc/spare.h"

enum {
    RENDEZVOUS_TIMEOUT_MS = 60000,
    /* A frame is heard when it is whole: also where a network is slow it is to be in the time that silence may last. */
    FAR_FRAME_BYTES = 128 << 10,
};

/* Under the address sanitizer each message has memory of its own, so that a late use of it is seen. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEP_SPARES = 0 };
#else
enum { KEEP_SPARES = 2048 }; /* 1 MB at most */
#endif

int rpc_job_open(struct rpc_job *job, char *why, size_t why_size) {
    memset(job, 0, sizeof *job);
    int rc = rpc_control_open(&job->control);
    if (rc != 0) {
        snprintf(why, why_size, "chariot: the launcher's ticket cannot be read: %s\n", chariot_error_text(rc));
        return rc;
    }
    job->log = rpc_log_new(getenv("CHARIOT_LOG"), job->control.ticket.pe, STDERR_FILENO);
    rc = job->log == NULL ? CHARIOT_ENOMEM : rpc_loop_new(&job->loop);
    if (rc == 0) return 0;
    rpc_log_free(job->log);
    snprintf(why, why_size, "chariot: no event loop: %s\n", chariot_error_text(rc));
    rpc_control_close(&job->control);
    return rc;
}

/* What the launcher calls this host, or its own name; then the kernel's boot id and the first of the PEs that the
 * launcher says are here: equal for PEs of one machine, different for containers on it. */
static void host_identity(const struct rpc_ticket *ticket, char *text, size_t size) {
    char boot[64] = "", name[128] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file != NULL) {
        if (fgets(boot, sizeof boot, file) == NULL) boot[0] = 0;
        fclose(file);
    }
    boot[strcspn(boot, "\n")] = 0;
    if (gethostname(name, sizeof name - 1) != 0) name[0] = 0;
    const char *called = ticket->host[0] == '\0' ? name : ticket->host;
    snprintf(text, size, "%.127s %s/%s/%u", called, boot, name, ticket->local_first);
}

static int open_at(struct rpc_job *job, struct rpc_node *node, const struct rpc_module *grpc,
                   const struct rpc_listen *place, const char *target, char **own) {
    const struct rpc_ticket *ticket = &job->control.ticket;
    struct rpc_grpc_config config = {.listen = target,
                                     .advertise = place->others,
                                     .identity = &ticket->identity,
                                     .epoch = ticket->epoch,
                                     .silence_ms = ticket->silence_ms,
                                     .near_first = ticket->local_first,
                                     .near_count = ticket->local_count,
                                     .limits = rpc_limits_default};
    if (ticket->silence_ms > 0) config.limits.frame_bytes = FAR_FRAME_BYTES;
    memcpy(config.token, ticket->token, sizeof config.token);
    return grpc->open(job->loop, node, &config, own);
}

/* A port that was free may be another's a moment later: then the next one. PEs of one machine begin at different ones.
 */
static int open_by_tcp(struct rpc_job *job, struct rpc_node *node, const struct rpc_module *grpc,
                       const struct rpc_listen *place, char **own, char *why, size_t why_size) {
    const struct rpc_ticket *ticket = &job->control.ticket;
    uint32_t count = place->high - place->low + 1, begin = place->low + (ticket->pe - ticket->local_first) % count,
             port;
    int rc = CHARIOT_EIO;
    for (uint32_t tries = 0; rc == CHARIOT_EIO && tries < count; tries++, begin = port + 1) {
        char target[256], reason[160];
        if (begin > place->high) begin = place->low;
        rc = rpc_listen_find_port(place, begin, &port, reason, sizeof reason);
        if (rc != 0) {
            snprintf(why, why_size, "chariot: PE %u: %s\n", ticket->pe, reason);
            return rc;
        }
        rpc_listen_target(place->on, port, target, sizeof target);
        rc = open_at(job, node, grpc, place, target, own);
        if (rc != 0)
            snprintf(why, why_size, "chariot: PE %u cannot listen on %s: %s\n", ticket->pe, target,
                     chariot_error_text(rc));
    }
    return rc;
}

/* By plain TCP for this host alone. */
static int open_grpc(struct rpc_job *job, struct rpc_node *node, const struct rpc_module *grpc, char **own, char *why,
                     size_t why_size) {
    const struct rpc_ticket *ticket = &job->control.ticket;
    struct rpc_listen place = {.on = "127.0.0.1"};
    char target[256], reason[160];
    int rc = strcmp(ticket->transport, "tls") == 0 ? rpc_listen_read(&place, reason, sizeof reason) : 0;
    if (rc != 0) {
        snprintf(why, why_size, "chariot: PE %u: %s\n", ticket->pe, reason);
        return rc;
    }
    if (strcmp(ticket->transport, "unix") != 0) return open_by_tcp(job, node, grpc, &place, own, why, why_size);
    snprintf(target, sizeof target, "unix:%s/%u.sock", ticket->run_dir, ticket->pe);
    rc = open_at(job, node, grpc, &place, target, own);
    if (rc != 0)
        snprintf(why, why_size, "chariot: PE %u cannot listen on %s: %s\n", ticket->pe, target, chariot_error_text(rc));
    return rc;
}

/* Where PE 0 listens; PE 0 itself says so to the launcher, which tells the others. */
static int find_pe0(struct rpc_job *job, const char *own, char **pe0, char *why, size_t why_size) {
    uint32_t pe = job->control.ticket.pe;
    int rc;
    if (pe == 0) {
        *pe0 = strdup(own);
        rc = *pe0 == NULL ? CHARIOT_ENOMEM : rpc_control_say_listening(&job->control, own);
    } else {
        rc = rpc_control_wait_rendezvous(&job->control, RENDEZVOUS_TIMEOUT_MS, pe0);
    }
    if (rc != 0) {
        snprintf(why, why_size, "chariot: PE %u got no word of where PE 0 listens: %s\n", pe, chariot_error_text(rc));
    }
    return rc;
}

/* Reaches the PEs of this host, whose sockets the launcher has made: nobody need be met. */
static int open_memory(struct rpc_job *job, struct rpc_node *node, bool held, char *why, size_t why_size) {
    const struct rpc_ticket *ticket = &job->control.ticket;
    struct rpc_shm_config config = {
        .dir = ticket->run_dir, .listener = job->control.shm_fd, .held = held, .limits = rpc_limits_default};
    memcpy(config.token, ticket->token, sizeof config.token);
    job->control.shm_fd = -1;
    int rc = rpc_shm_open(job->loop, node, &config);
    if (rc != 0) {
        snprintf(why, why_size,
                 "chariot: PE %u has no memory to share with the others: %s (--transport unix does without)\n",
                 ticket->pe, rc == CHARIOT_EIO ? strerror(errno) : chariot_error_text(rc));
    }
    return rc;
}

static int load_grpc(const struct rpc_node *node, const struct rpc_module **grpc, char *why, size_t why_size) {
    char text[384];
    int rc = rpc_module_load(grpc, text, sizeof text);
    if (rc != 0) snprintf(why, why_size, "chariot: PE %u: %s\n", node->pe, text);
    return rc;
}

/* PEs of this host are reached by `near`, if there is one. */
static int put_together_take(struct rpc_node *node, struct rpc_transport *near, struct rpc_transport *far,
                             const struct rpc_ticket *ticket) {
    if (near == NULL) return 0;
    const struct rpc_mix_config config = {near, far, ticket->local_first, ticket->local_count};
    int rc = rpc_mix_open_take(node, &config);
    if (rc != 0) near->ops->close(near, true);
    return rc;
}

/* node->transport, if there is one, reaches the PEs of this host. */
static int connect_by_grpc(struct rpc_job *job, struct rpc_node *node, char *why, size_t why_size) {
    const struct rpc_module *grpc;
    struct rpc_transport *near = node->transport, *far;
    char *own = NULL, *pe0 = NULL, host[384];
    int rc = load_grpc(node, &grpc, why, why_size);
    if (rc == 0) rc = open_grpc(job, node, grpc, &own, why, why_size);
    far = node->transport;
    if (rc == 0) rc = put_together_take(node, near, far, &job->control.ticket);
    if (rc == 0) rc = find_pe0(job, own, &pe0, why, why_size);
    if (rc == 0) {
        host_identity(&job->control.ticket, host, sizeof host);
        rc = grpc->join(far, pe0, own, host, RENDEZVOUS_TIMEOUT_MS, why, why_size);
    }
    if (rc == 0 && near != NULL) rpc_shm_release(near);
    free(own);
    free(pe0);
    return rc;
}

/* Some PEs share memory with this one, and some do not: the first send of any other finds this one's socket, but until
 * this one knows all PEs it reads nothing that it might have to pass on. */
static int connect_by_both(struct rpc_job *job, struct rpc_node *node, char *why, size_t why_size) {
    int rc = open_memory(job, node, true, why, why_size);
    return rc == 0 ? connect_by_grpc(job, node, why, why_size) : rc;
}

/* Copies of large arrays, and gRPC's receives, cost twice as much when malloc gives their memory back after each. */
static void keep_memory(void) {
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 16 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

int rpc_job_connect(struct rpc_job *job, struct rpc_node *node, char *why, size_t why_size) {
    node->log = job->log;
    if (node->num_pes == 1) return 0;
    keep_memory();
    int rc = rpc_spares_new(KEEP_SPARES, &node->spares);
    if (rc != 0) return rc;
    if (strcmp(job->control.ticket.transport, "shm") == 0) return open_memory(job, node, false, why, why_size);
    bool alone = job->control.ticket.local_count < 2;
    return job->control.shm_fd >= 0 && !alone ? connect_by_both(job, node, why, why_size)
                                              : connect_by_grpc(job, node, why, why_size);
}

void rpc_job_make_room(struct rpc_node *node, uint32_t to, const bool *stop) {
    const struct timespec nap = {.tv_nsec = 50000};
    for (int idle = 0; rpc_node_pressed(node, to) && !*stop;) {
        idle = rpc_node_poll(node, true) > 0 ? 0 : idle + 1;
        if (idle > 50)
            nanosleep(&nap, NULL);
        else if (idle > 0)
            sched_yield();
    }
}

void rpc_job_verdict(struct rpc_job *job, int status, const char *text) {
    if (rpc_control_say_verdict(&job->control, (uint32_t)status, text) != 0) {
        fflush(stdout);
        fputs(text, stderr);
    }
    if (job->log != NULL && job->log->most >= RPC_LOG_DEBUG) rpc_trace_dump(job->log, STDERR_FILENO);
}

void rpc_job_farewell(struct rpc_job *job, int status) {
    if (job->control.fd >= 0) rpc_control_say_farewell(&job->control, (uint32_t)status);
}

void rpc_job_close(struct rpc_job *job, struct rpc_node *node, bool abrupt) {
    if (node->transport != NULL) node->transport->ops->close(node->transport, abrupt);
    node->transport = NULL;
    rpc_spares_release(node->spares);
    node->spares = NULL;
    free(node->hosts);
    node->hosts = NULL;
    rpc_loop_free(job->loop);
    job->loop = NULL;
    rpc_control_close(&job->control);
    node->log = NULL;
    rpc_log_free(job->log);
    job->log = NULL;
}
