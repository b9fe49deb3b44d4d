/* rpc/grpc_join.h: the rendezvous (chariot/v1/peer.proto, Join): every PE tells PE 0 where it listens, and PE 0 answers
 * all of them with the address book when the last has come.
 *
 *   begin -> (the loop turns until rpc_join_over()) -> finish
 *
 * grpc_join.c is what every PE does, grpc_meet.c what PE 0 does besides. Called with the turn held. */
#ifndef CHARIOT_RPC_GRPC_JOIN_H
#define CHARIOT_RPC_GRPC_JOIN_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/grpc_transport.h"

struct rpc_join_call;

struct rpc_join {
    struct rpc_grpc *g;
    bool over;
    int error;
    char why[384];
    /* The call to PE 0. */
    struct rpc_tag tag;
    grpc_channel *channel;
    grpc_call *call;
    grpc_metadata_array initial_metadata, trailing_metadata;
    grpc_byte_buffer *request, *response;
    grpc_status_code status;
    grpc_slice status_text;
    /* PE 0: what the others have said, by PE; NULL elsewhere. */
    char **hosts;                 /* identities of their machines; NULL: has not come */
    struct rpc_join_call **calls; /* that wait for the answer */
    uint32_t present;             /* PEs that have come */
};

/* At open; PE 0 serves from then on. CHARIOT_ENOMEM. */
int rpc_join_open(struct rpc_grpc *g);
/* Frees; all calls have ended. */
void rpc_join_close(struct rpc_grpc *g);

/* Says who this PE is. CHARIOT_ENOMEM. */
int rpc_join_begin(struct rpc_grpc *g, const char *pe0_address, const char *own_address, const char *host,
                   int timeout_ms);
/* True: finish has a result. */
bool rpc_join_over(const struct rpc_grpc *g);
/* Its outcome, that of rpc_grpc_join(); CHARIOT_ETIMEOUT where it is not over. */
int rpc_join_finish(struct rpc_grpc *g, char *why, size_t why_size);

/* ---------------------------------------------------------------- between the two files */

/* Takes the address book over (it is borrowed): addresses and host numbers by PE, and names by host number, of which
 * the first words count. CHARIOT_ENOMEM. */
int rpc_join_set_book(struct rpc_grpc *g, char *const *addresses, const uint32_t *hosts, char *const *names);
void rpc_join_end(struct rpc_join *join, int error, const char *why);

/* PE 0: a checked Join call of pe's. */
void rpc_meet_serve_take(struct rpc_grpc *g, grpc_call *call, uint32_t pe);
/* PE 0 itself has come. CHARIOT_ENOMEM. */
int rpc_meet_come(struct rpc_grpc *g, uint32_t pe, const char *address, const char *host);
/* PE 0: names those that have not come. */
void rpc_meet_missing(const struct rpc_grpc *g, char *text, size_t size);

#endif
