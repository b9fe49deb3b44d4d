/* rpc/grpc_tls.h: credentials of connections: mutual TLS with the PE's identity, or none (Unix sockets, loopback).
 *
 * With TLS nobody without a certificate of the job's authority gets as far as a call; what is left to check is that a
 * peer is the PE that it says it is. A client checks the server's name while it connects, a server that of a call. */
#ifndef CHARIOT_RPC_GRPC_TLS_H
#define CHARIOT_RPC_GRPC_TLS_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/identity.h"

struct rpc_tls {
    bool on;
    grpc_channel_credentials *client;
    grpc_server_credentials *server;
};

/* Borrows identity until it returns; NULL, or one without authority: no TLS. CHARIOT_EINVAL: it is not whole. */
int rpc_tls_init(struct rpc_tls *tls, const struct rpc_identity *identity);
void rpc_tls_deinit(struct rpc_tls *tls);
/* Whether the caller's certificate is PE `pe`'s. CHARIOT_EAUTH; *why is static. */
int rpc_tls_check(const struct rpc_tls *tls, grpc_call *call, uint32_t pe, const char **why);

/* In place of gRPC's log: one line of ours for a handshake that fails at this server, of which nothing else is heard.
 */
void rpc_tls_log(gpr_log_func_args *args);

#endif
