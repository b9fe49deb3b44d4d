/* rpc/grpc_transport.h: the gRPC transport of one PE: its server, its peers and the links to them.
 *
 * For the grpc_*.c files and the stand-in. All of it is touched with the node's turn held. */
#ifndef CHARIOT_RPC_GRPC_TRANSPORT_H
#define CHARIOT_RPC_GRPC_TRANSPORT_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/grpc_hub.h"
#include "rpc/grpc_tls.h"
#include "rpc/loop.h"
#include "rpc/node.h"

struct rpc_accept;
struct rpc_join;
struct rpc_link;

enum { RPC_TOKEN_BYTES = 32 };

/* One row of the address book. */
struct rpc_peer {
    char *address;        /* gRPC target; NULL: not known yet */
    struct rpc_link *out; /* what this PE sends on: chosen at the first send, for ever */
    struct rpc_link *in;  /* what the peer opened */
    bool gone;            /* its end was reported, or it said goodbye: nothing can be sent to it */
};

struct rpc_grpc {
    struct rpc_transport base;
    struct rpc_grpc *next; /* in the hub's list */
    struct rpc_node *node; /* borrowed */
    struct rpc_hub *hub;
    struct rpc_limits limits;
    uint8_t token[RPC_TOKEN_BYTES];
    int64_t epoch;
    struct rpc_tls tls;
    struct rpc_peer *peers;          /* by PE */
    char **host_names;               /* for people, by host; NULL: not known yet */
    struct rpc_link *links;          /* all that have operations outstanding */
    unsigned held;                   /* links whose next read waits for credit, or for the address book */
    unsigned outstanding;            /* operations that belong to no link */
    uint32_t near_first, near_count; /* PEs that send otherwise */
    uint32_t silence_ms;             /* a peer that is silent for so long is gone; 0: however long */
    int64_t pulsed_ns;               /* when the last pulse was; 0: none yet */
    bool joined;                     /* the address book is complete: messages may come in */
    bool closing;
    grpc_server *server;
    char *address; /* under which others reach the server */
    struct rpc_accept *accept;
    struct rpc_join *join; /* NULL but during the rendezvous */
};

/* Arms the reads that may go on (grpc_link_read.c). */
void rpc_grpc_resume_reads(struct rpc_grpc *g);

/* A peer's connection ended badly: cancels its links and reports it, once. */
void rpc_grpc_peer_gone(struct rpc_grpc *g, uint32_t pe, int error, const char *text);

enum { RPC_PEER_TEXT_BYTES = 256 };
/* "PE 3 on host b (ipv4:10.0.0.2:4711)", as far as it is known. */
void rpc_grpc_describe_peer(const struct rpc_grpc *g, uint32_t pe, char text[RPC_PEER_TEXT_BYTES]);

#endif
