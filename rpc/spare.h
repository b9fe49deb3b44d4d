/* rpc/spare.h: small messages that were freed, kept for those that arrive next.
 *
 * Under load a PE receives hundreds of messages at once and frees them one by one: more than malloc keeps at hand, and
 * each then costs more to allocate than to read. One per PE, on its node; it belongs to the thread that made it. Other
 * threads may free messages of it, which is rare; what they ask of it comes from malloc. */
#ifndef CHARIOT_RPC_SPARE_H
#define CHARIOT_RPC_SPARE_H

#include <stddef.h>

struct chariot_msg;
struct rpc_spares;

enum { RPC_SPARE_PAYLOAD = 224 }; /* room for payload in each; larger messages are not from here */

/* Keeps up to `keep` messages. CHARIOT_ENOMEM. */
int rpc_spares_new(size_t keep, struct rpc_spares **out);
/* Its owner has done with it: frees what it keeps, and itself when the last message of it is freed. Takes NULL. */
void rpc_spares_release(struct rpc_spares *spares);

/* A message as rpc_msg_new() gives, from here where it is small enough. spares may be NULL. */
struct chariot_msg *rpc_msg_new_from(struct rpc_spares *spares, size_t capacity);

/* For rpc/msg.c: takes back the memory of a message with this home. */
void rpc_spares_put_take(struct rpc_spares *spares, struct chariot_msg *msg);

#endif
