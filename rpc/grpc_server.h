/* rpc/grpc_server.h: the calls that come in: checked before anything of them is read, then given to their service.
 *
 * Called with the turn held. A call that fails the check gets a status and a text; nothing of its messages is read. */
#ifndef CHARIOT_RPC_GRPC_SERVER_H
#define CHARIOT_RPC_GRPC_SERVER_H

#include <grpc/grpc.h>
#include <stdint.h>

#include "rpc/grpc_transport.h"

/* Creates g->server, listens at a target (sets g->address, with the host that it advertises) and starts to accept.
 * CHARIOT_EIO, CHARIOT_ENOMEM; what was made so far is left to rpc_server_close(). */
int rpc_server_open(struct rpc_grpc *g, const char *target, const char *advertise);
/* Stops accepting and cancels all calls; g->outstanding falls as they end. */
void rpc_server_shutdown(struct rpc_grpc *g);
/* After that: frees. */
void rpc_server_close(struct rpc_grpc *g);

#endif
