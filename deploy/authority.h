/* deploy/authority.h: a certificate authority of one job: it signs one certificate per PE, and goes.
 *
 * ECDSA over P-256, made here with libcrypto. The authority's private key never leaves this process and is forgotten
 * with the authority; PEs get their own key and certificate over their control stream. */
#ifndef CHARIOT_DEPLOY_AUTHORITY_H
#define CHARIOT_DEPLOY_AUTHORITY_H

#include <stdint.h>
#include <time.h>

#include "deploy/reason.h"
#include "rpc/identity.h"

struct deploy_authority;

/* CHARIOT_EABORTED with *reason. `job` is its name, for people who look at a certificate. */
int deploy_authority_new(struct deploy_authority **out, const char *job, struct deploy_reason *reason);
void deploy_authority_free(struct deploy_authority *authority); /* takes NULL */
/* PE `pe`'s identity, until `end`; freed by the caller. The name in it is rpc_identity_name(pe). CHARIOT_EABORTED. */
int deploy_authority_issue(struct deploy_authority *authority, uint32_t pe, time_t end, struct rpc_identity *out,
                           struct deploy_reason *reason);

/* For certificates that live as long as their job, however long that is. */
#define DEPLOY_AUTHORITY_YEARS(n) ((time_t)(n)*365 * 24 * 3600)

#endif
