/* rpc/scope.h: who may call what of a job's public service: tokens, each with the name of its client and with scopes.
 *
 * A file says them, a line each; nobody but its owner may read it:
 *
 *     # client   token                      scopes
 *     web        3f9c…                      grid.get grid.sum
 *     sensors    b81d…                      sensor-*.add
 *     admin      77aa…                      *
 *
 * A scope is a pattern for "object.method", where '*' stands for any text; one without a dot is for all methods of the
 * objects that it matches. A token has at least 16 characters. */
#ifndef CHARIOT_RPC_SCOPE_H
#define CHARIOT_RPC_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/secret.h"

enum { RPC_TOKEN_MIN = 16, RPC_TOKEN_MAX = 512 };

struct rpc_client {
    char *name, *token; /* owned */
    char **scopes;      /* owned, up to NULL */
};

/* A token's place in a table that is searched. */
struct rpc_client_mark {
    uint64_t mark;
    size_t client;
};

struct rpc_clients {
    struct rpc_client *items;      /* as in the file */
    struct rpc_client_mark *marks; /* in their order */
    size_t count;
    uint8_t mark_key[RPC_MARK_KEY_BYTES]; /* random */
};

/* Reads such a file. CHARIOT_EIO, CHARIOT_EINVAL, CHARIOT_ENOMEM: `why` gets a text for people, without newline. */
int rpc_clients_read(struct rpc_clients *clients, const char *path, char *why, size_t why_size);
/* Forgets the tokens. */
void rpc_clients_deinit(struct rpc_clients *clients);

/* Whose token this is; NULL: nobody's. How long that takes says nothing of any token. */
const struct rpc_client *rpc_clients_find(const struct rpc_clients *clients, const void *token, size_t size);
/* Its scopes cover this method of that object. */
bool rpc_client_may(const struct rpc_client *client, const char *object, const char *method);

#endif
