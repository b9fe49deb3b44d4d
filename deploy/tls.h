/* deploy/tls.h: TLS 1.3 over a socket, for streams between the members of a job: both ends show that they belong to it.
 *
 * By a key that all members have (a pre-shared key with an ephemeral exchange on top, so that who learns the key later
 * reads nothing of before), or by certificates of one authority, the head's for the name by which it was called. */
#ifndef CHARIOT_DEPLOY_TLS_H
#define CHARIOT_DEPLOY_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "deploy/reason.h"
#include "deploy/stream.h"

enum { DEPLOY_TLS_KEY_BYTES = 32, DEPLOY_TLS_SECRET_MIN = 32 };

struct deploy_tls;

struct deploy_tls_config {
    const uint8_t *key;    /* DEPLOY_TLS_KEY_BYTES; NULL: by certificates */
    const char *directory; /* of them: ca.crt, tls.crt, tls.key */
    const char *identity;  /* which key: the job's name */
    const char *peer;      /* the name or address that the server's certificate must be for; NULL: this is the server */
};

/* Gives one end's side of it, for any number of connections. Copies the key. CHARIOT_EABORTED with *reason. */
int deploy_tls_new(struct deploy_tls **out, const struct deploy_tls_config *config, struct deploy_reason *reason);
void deploy_tls_free(struct deploy_tls *tls); /* takes NULL */

/* Takes a connected, non-blocking socket; the stream carries nothing before its handshake is done. CHARIOT_ENOMEM. */
int deploy_tls_begin(struct deploy_tls *tls, int fd, struct deploy_stream *stream);
enum deploy_tls_step {
    DEPLOY_TLS_DONE,
    DEPLOY_TLS_WANTS_READ,
    DEPLOY_TLS_WANTS_WRITE,
    DEPLOY_TLS_GONE,
    DEPLOY_TLS_REFUSED
};
/* GONE: the connection ended. REFUSED: one of the two ends does not trust the other; `why` says which, for people. */
enum deploy_tls_step deploy_tls_shake(struct deploy_stream *stream, char *why, size_t why_size);

/* The key that a secret file stands for, for this job. A file that others can read, or that is short, is refused.
 * CHARIOT_EABORTED with *reason. */
int deploy_tls_read_secret(const char *path, const char *job, uint8_t key[DEPLOY_TLS_KEY_BYTES],
                           struct deploy_reason *reason);
void deploy_tls_forget(void *bytes, size_t size);

#endif
