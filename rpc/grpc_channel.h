/* rpc/grpc_channel.h: how this transport sets gRPC up: channel arguments, credentials, targets, and the metadata that
 * every call carries (chariot/v1/peer.proto). */
#ifndef CHARIOT_RPC_GRPC_CHANNEL_H
#define CHARIOT_RPC_GRPC_CHANNEL_H

#include <grpc/grpc.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/grpc_tls.h"
#include "rpc/transport.h"

struct rpc_grpc;

#define RPC_METHOD_LINK      "/chariot.v1.PeerService/Link"
#define RPC_METHOD_JOIN      "/chariot.v1.PeerService/Join"
#define RPC_METADATA_TOKEN   "chariot-token-bin"
#define RPC_METADATA_VERSION "chariot-version"
#define RPC_METADATA_PE      "chariot-pe"
#define RPC_METADATA_EPOCH   "chariot-epoch"

/* Gives a channel to PE `pe`; connects on its first call. */
grpc_channel *rpc_channel_new(const char *target, uint32_t pe, const struct rpc_tls *tls,
                              const struct rpc_limits *limits, uint32_t silence_ms);
enum { RPC_HANDSHAKE_MS = 10000 }; /* for who has connected to us to prove who he is */
/* As many descriptors as there may be: gRPC 1.51 listens no more once a process has had none for a connection, so
 * strangers who only connect could keep others away. */
void rpc_channel_allow_many(void);
/* Gives a server that does not listen yet. */
grpc_server *rpc_channel_server_new(const struct rpc_limits *limits);
/* Listens at a target; gives the address under which it is reached, with the host of `advertise` (NULL: the target's).
 * CHARIOT_EIO, CHARIOT_ENOMEM. */
int rpc_channel_listen(grpc_server *server, const char *target, const char *advertise, const struct rpc_tls *tls,
                       char **address);

enum { RPC_MAX_METADATA = 4 };

/* What a call of PE `pe` carries. Released once the batch has been started. */
struct rpc_metadata {
    grpc_metadata items[RPC_MAX_METADATA];
    size_t count;
};
void rpc_metadata_init(struct rpc_metadata *metadata, const uint8_t *token, int64_t epoch, uint32_t pe);
void rpc_metadata_deinit(struct rpc_metadata *metadata);

/* Checks what a call to g carries: the token first. Gives the caller's PE. CHARIOT_EAUTH, CHARIOT_EVERSION,
 * CHARIOT_ESTATE (another epoch), CHARIOT_EINVAL; *why is static. */
int rpc_metadata_check(const grpc_metadata_array *metadata, const struct rpc_grpc *g, uint32_t *pe, const char **why);

#endif
