/* rpc/control.h: the PE's end of the stream between it and its launcher (chariot/v1/control.proto).
 *
 * The descriptor is inherited; its number is in CHARIOT_CONTROL_FD. Without one the process is a job of one PE. The
 * same messages are used by deploy/ for its end (rpc_control_write, rpc_control_read). */
#ifndef CHARIOT_RPC_CONTROL_H
#define CHARIOT_RPC_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/identity.h"
#include "rpc/proto/chariot/v1/control.pb-c.h"

/* Who this process is. Strings are owned by it. */
struct rpc_ticket {
    char *job;
    uint32_t pe;
    uint32_t num_pes;
    uint8_t token[32];
    char *transport; /* "shm", "unix", "tcp" or "tls" */
    char *run_dir;
    int64_t epoch;        /* of the job among those of its name; 0: not counted */
    uint64_t trace_limit; /* events to write down; 0: none */
    struct rpc_identity identity;
    uint32_t local_first, local_count; /* PEs of this machine; local_count 0: not known */
    char *host;                        /* what the launcher calls this machine; "": by its own name */
    Chariot__V1__Serving *serving;     /* how this PE serves foreign programs from the start; owned; NULL: not */
    uint32_t silence_ms;               /* a peer that is not heard of for so long is gone; 0: however long */
};

struct rpc_control {
    int fd;     /* -1: no launcher */
    int shm_fd; /* this PE's listening socket (rpc/shm.h), for whoever takes it and sets -1; -1: none */
    struct rpc_ticket ticket;
};

/* Reads CHARIOT_CONTROL_FD and CHARIOT_SHM_FD (and removes them from the environment, and marks the descriptors
 * close-on-exec) and the ticket from there. Without the variable: a job of one PE. CHARIOT_EMALFORMED, CHARIOT_EIO,
 * CHARIOT_ENOMEM. */
int rpc_control_open(struct rpc_control *control);
void rpc_control_close(struct rpc_control *control);

/* PE 0: says where it listens. */
int rpc_control_say_listening(struct rpc_control *control, const char *address);
/* The same: where it serves, as the ticket has asked it to. */
int rpc_control_say_served(struct rpc_control *control, const char *address);
/* Others: waits for where PE 0 listens; gives *address. CHARIOT_EGONE: the launcher is gone. CHARIOT_ETIMEOUT. */
int rpc_control_wait_rendezvous(struct rpc_control *control, int timeout_ms, char **address);
/* Why the job must end; the launcher prints it once. Returns CHARIOT_EGONE where there is no launcher: then the caller
 * prints it. */
int rpc_control_say_verdict(struct rpc_control *control, uint32_t status, const char *text);
int rpc_control_say_farewell(struct rpc_control *control, uint32_t status);

/* For a console: a copy of the descriptor, -1 where there is none (the caller closes it), and what may be said on it
 * from any thread; see Settle in the protocol. rpc_control_settle() waits for Settled. */
int rpc_control_dup(const struct rpc_control *control);
int rpc_control_settle(int fd, bool prompt);

/* Framing, for both ends: as rpc/framed.h, with the bound of this stream. */
enum { RPC_CONTROL_MAX_BYTES = 1 << 20 };
int rpc_control_write(int fd, const void *data, size_t size);
int rpc_control_read(int fd, int timeout_ms, uint8_t **data, size_t *size);

#endif
