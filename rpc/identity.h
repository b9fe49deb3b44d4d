/* rpc/identity.h: who a PE is to the others of its job, where they speak TLS: a certificate of its own, by an authority
 * that the launcher made for this job alone (deploy/authority.h). Both sides show theirs, and both check the other's
 * name against the PE number that it claims. */
#ifndef CHARIOT_RPC_IDENTITY_H
#define CHARIOT_RPC_IDENTITY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PEM texts, owned. */
struct rpc_identity {
    char *authority; /* the authority's certificate; NULL: no TLS */
    char *certificate;
    char *key; /* secret */
};

/* Forgets the key and frees the texts. */
static inline void rpc_identity_deinit(struct rpc_identity *identity) {
    free(identity->authority);
    free(identity->certificate);
    if (identity->key != NULL) explicit_bzero(identity->key, strlen(identity->key));
    free(identity->key);
    *identity = (struct rpc_identity){0};
}

enum { RPC_IDENTITY_NAME_BYTES = 40 };

/* The name in PE `pe`'s certificate (its only subject alternative name). */
static inline void rpc_identity_name(uint32_t pe, char name[RPC_IDENTITY_NAME_BYTES]) {
    snprintf(name, RPC_IDENTITY_NAME_BYTES, "pe-%u.chariot.internal", pe);
}

#endif
