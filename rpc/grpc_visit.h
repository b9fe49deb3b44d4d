/* rpc/grpc_visit.h: one call of a client of the public service (serve.h), and the service that it came to. */
#ifndef CHARIOT_RPC_GRPC_VISIT_H
#define CHARIOT_RPC_GRPC_VISIT_H

#include <grpc/grpc.h>

#include "rpc/grpc_hub.h"
#include "rpc/scope.h"
#include "rpc/serve.h"

/* What one client has under way. */
struct rpc_tally {
    char *name; /* owned: the client's, or the address that it comes from */
    uint32_t calls;
    int64_t since_ns; /* this second began */
    uint32_t begun;   /* calls in it */
};

struct rpc_answer { /* a message on its way out */
    struct rpc_answer *next;
    struct rpc_loan *loan;
};

struct rpc_visit {
    struct rpc_service *service;
    struct rpc_visit *next, **at; /* among the service's */
    grpc_call *call;
    uint32_t method;
    const struct rpc_client *client; /* NULL: anybody */
    struct rpc_tally *tally;
    void *own;           /* the owner's */
    unsigned operations; /* outstanding; 0 and ended: freed */
    struct rpc_tag read_tag, write_tag, close_tag;
    grpc_byte_buffer *request, *response;
    struct rpc_answer *first, **last; /* wait to be written */
    size_t waiting_bytes;             /* of them, and of the one that is being written */
    size_t writing_bytes;
    int cancelled;
    bool met;        /* the owner has heard of it, */
    bool with_owner; /* and has neither finished it nor been told that it is cancelled */
    bool greeted;    /* initial metadata are on their way */
    bool writing, finishing, closed;
    bool crowded; /* the owner wants to hear when there is room */
    grpc_status_code status;
    grpc_slice text, details; /* of the end; details: empty where there are none */
};

struct rpc_service {
    struct rpc_loop *loop;
    struct rpc_node *node;
    struct rpc_hub *hub;
    struct rpc_service_config config;
    grpc_server *server;
    struct rpc_doorman *doormen; /* calls that are waited for */
    struct rpc_visit *visits;
    void *tallies; /* tree of struct rpc_tally (tsearch) */
    struct rpc_tag shutdown_tag;
    unsigned outstanding; /* operations of the service itself, and visits */
    bool closing;
    char *path; /* of a Unix socket, to be removed; NULL */
};

/* Takes the call, which has been let in. */
void rpc_visit_begin_take(struct rpc_service *service, grpc_call *call, uint32_t method,
                          const struct rpc_client *client, struct rpc_tally *tally);
/* The service closes: as if its client had gone. */
void rpc_visit_abandon(struct rpc_visit *visit);

#endif
