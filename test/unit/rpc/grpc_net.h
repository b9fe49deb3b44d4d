/* test/unit/rpc/grpc_net.h: a few PEs with the gRPC transport in one process, and a gRPC client that is none of them,
 * for the tests of rpc/grpc_*. Unix sockets in a directory of their own, or TLS on loopback. */
#ifndef CHARIOT_TEST_GRPC_NET_H
#define CHARIOT_TEST_GRPC_NET_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/authority.h"
#include "rpc/log.h"
#include "rpc/loop.h"
#include "rpc/msg.h"
#include "rpc/node.h"

enum { NET_MAX = 4, NET_TOKEN_BYTE = 0x5a, NET_EPOCH = 7 };

struct net_pe {
    struct rpc_node node;
    struct rpc_msg_queue arrived;
    unsigned gone[NET_MAX];
    int gone_error[NET_MAX];
    char gone_text[256];
    char *address;
};

struct net {
    struct rpc_loop *loop; /* of all PEs */
    struct net_pe pes[NET_MAX];
    uint32_t num_pes;
    char dir[32];
    struct deploy_authority *authority; /* NULL: no TLS */
    int log_fd;                         /* PE 0's log lines, in memory */
};

/* Opens all PEs and lets them join. Fails the test where that fails. */
void net_open(struct net *net, uint32_t num_pes, const struct rpc_limits *limits);
/* Opens them, and leaves them where they are before they join. */
void net_open_unjoined(struct net *net, uint32_t num_pes, const struct rpc_limits *limits);
/* The same as net_open(), with mutual TLS. */
void net_open_tls(struct net *net, uint32_t num_pes, const struct rpc_limits *limits);
/* PE `pe`'s identity, by an authority, valid for so long; the caller frees it with rpc_identity_deinit(). */
struct rpc_identity net_identity(struct deploy_authority *authority, uint32_t pe, time_t seconds);
struct deploy_authority *net_authority(void);
void net_close_pe(struct net *net, uint32_t pe, bool abrupt);
void net_close(struct net *net);

/* Lets everything move. */
void net_poll(struct net *net);
/* Polls until *counter is at least `wanted`; false: it took too long. */
bool net_until(struct net *net, const size_t *counter, size_t wanted);

struct chariot_msg *net_message(uint32_t from, uint32_t number, size_t size);
/* Sends a message from each of PE 0 and PE 1 to the other and checks that they arrive. */
void net_exchange(struct net *net);
/* PE 0's log contains the text. */
bool net_logged(struct net *net, const char *text);

/* ---------------------------------------------------------------- a client of its own */

struct raw {
    struct net *net;
    grpc_completion_queue *cq;
    grpc_channel *channel;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice text;
    unsigned outstanding;
    bool ended;
};

struct raw_claim {
    const char *method; /* NULL: Link */
    const void *token;  /* NULL: none */
    size_t token_bytes;
    const char *version;                 /* NULL: none */
    const char *pe;                      /* NULL: none */
    const char *epoch;                   /* NULL: none */
    const struct rpc_identity *identity; /* NULL: no TLS; without a certificate it shows none */
    uint32_t name;                       /* with TLS: the PE that it expects to reach */
};

/* Opens a call at PE 0. */
void raw_open(struct raw *raw, struct net *net, const struct raw_claim *claim);
/* A claim that is let in as pe. */
struct raw_claim raw_valid(const char *pe);
/* Sends one gRPC message; waits until it has left or the call has ended. */
void raw_send(struct raw *raw, const void *data, size_t size);
/* Waits for the call's end; false: it does not come. */
bool raw_wait_end(struct raw *raw);
bool raw_text_has(const struct raw *raw, const char *part);
void raw_close(struct raw *raw);

#endif
