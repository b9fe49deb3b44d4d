/* deploy/tls.c: see tls.h. */
#include "deploy/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"

struct deploy_tls {
    SSL_CTX *context;
    uint8_t key[DEPLOY_TLS_KEY_BYTES];
    bool has_key, is_server;
    char identity[128], peer[256];
};

/* ---------------------------------------------------------------- the key */

static const uint8_t AES_128_GCM_SHA256[] = {0x13, 0x01};

/* A key of one's own is a session that both ends know already. NULL: no memory. */
static SSL_SESSION *session_of(const struct deploy_tls *tls, SSL *ssl) {
    SSL_SESSION *session = SSL_SESSION_new();
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, AES_128_GCM_SHA256);
    if (session != NULL && cipher != NULL && SSL_SESSION_set1_master_key(session, tls->key, sizeof tls->key) == 1 &&
        SSL_SESSION_set_cipher(session, cipher) == 1 && SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

static const struct deploy_tls *tls_of(SSL *ssl) {
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* The client's side: this key, whatever the server has chosen. */
static int use_key(SSL *ssl, const EVP_MD *digest, const unsigned char **id, size_t *id_size, SSL_SESSION **session) {
    const struct deploy_tls *tls = tls_of(ssl);
    (void)digest;
    *session = session_of(tls, ssl);
    *id = (const unsigned char *)tls->identity;
    *id_size = strlen(tls->identity);
    return *session != NULL;
}

/* The server's: no other job's. Without a key, and without a certificate, the handshake fails. */
static int find_key(SSL *ssl, const unsigned char *id, size_t id_size, SSL_SESSION **session) {
    const struct deploy_tls *tls = tls_of(ssl);
    bool ours = id_size == strlen(tls->identity) && memcmp(id, tls->identity, id_size) == 0;
    *session = ours ? session_of(tls, ssl) : NULL;
    return !ours || *session != NULL;
}

/* ---------------------------------------------------------------- one end's side */

static int refuse(struct deploy_reason *reason, const char *what, const char *path) {
    char text[200];
    unsigned long error = ERR_get_error();
    ERR_error_string_n(error, text, sizeof text);
    ERR_clear_error();
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s '%s': %s", what, path, error == 0 ? "no reason" : text);
}

static int load_certificates(struct deploy_tls *tls, const char *directory, struct deploy_reason *reason) {
    char path[3][512];
    static const char *const names[] = {"ca.crt", "tls.crt", "tls.key"};
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/%s", directory, names[i]);
    if (SSL_CTX_load_verify_locations(tls->context, path[0], NULL) != 1)
        return refuse(reason, "cannot read the authority's certificate", path[0]);
    if (SSL_CTX_use_certificate_chain_file(tls->context, path[1]) != 1)
        return refuse(reason, "cannot read the certificate", path[1]);
    if (SSL_CTX_use_PrivateKey_file(tls->context, path[2], SSL_FILETYPE_PEM) != 1)
        return refuse(reason, "cannot read the private key", path[2]);
    return 0;
}

/* No tickets and no sessions of OpenSSL's: who belongs to the job shows it each time. */
static int arrange(struct deploy_tls *tls, const struct deploy_tls_config *config, struct deploy_reason *reason) {
    SSL_CTX *context = tls->context;
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(context, 0);
    if (tls->is_server) SSL_CTX_set_session_id_context(context, (const unsigned char *)"chariot", sizeof "chariot" - 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (!tls->has_key) return load_certificates(tls, config->directory, reason);
    if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        return refuse(reason, "cannot use", "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_psk_use_session_callback(context, use_key);
    SSL_CTX_set_psk_find_session_callback(context, find_key);
    return 0;
}

int deploy_tls_new(struct deploy_tls **out, const struct deploy_tls_config *config, struct deploy_reason *reason) {
    struct deploy_tls *tls = calloc(1, sizeof *tls);
    if (tls != NULL) tls->context = SSL_CTX_new(config->peer == NULL ? TLS_server_method() : TLS_client_method());
    if (tls == NULL || tls->context == NULL) {
        free(tls);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    tls->is_server = config->peer == NULL;
    tls->has_key = config->key != NULL;
    if (tls->has_key) memcpy(tls->key, config->key, sizeof tls->key);
    snprintf(tls->identity, sizeof tls->identity, "%s", config->identity);
    snprintf(tls->peer, sizeof tls->peer, "%s", config->peer == NULL ? "" : config->peer);
    int rc = arrange(tls, config, reason);
    if (rc != 0)
        deploy_tls_free(tls);
    else
        *out = tls;
    return rc;
}

void deploy_tls_free(struct deploy_tls *tls) {
    if (tls == NULL) return;
    SSL_CTX_free(tls->context);
    deploy_tls_forget(tls, sizeof *tls);
    free(tls);
}

/* ---------------------------------------------------------------- a stream */

/* As errno says it. */
static ssize_t outcome(SSL *ssl, int rc) {
    switch (SSL_get_error(ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        ERR_clear_error();
        errno = ECONNRESET;
        return -1;
    }
}

/* Fills the buffer, as far as there is something: OpenSSL may hold the rest of a record. */
static ssize_t tls_read(struct deploy_stream *stream, void *bytes, size_t size) {
    size_t filled = 0, got;
    int rc = 1;
    ERR_clear_error();
    while (filled < size && (rc = SSL_read_ex(stream->tls, (char *)bytes + filled, size - filled, &got)) == 1)
        filled += got;
    return filled > 0 ? (ssize_t)filled : outcome(stream->tls, rc);
}

static ssize_t tls_write(struct deploy_stream *stream, const void *bytes, size_t size) {
    size_t put;
    ERR_clear_error();
    int rc = SSL_write_ex(stream->tls, bytes, size, &put);
    return rc == 1 ? (ssize_t)put : outcome(stream->tls, rc);
}

static void tls_close(struct deploy_stream *stream) {
    if (SSL_is_init_finished(stream->tls)) (void)SSL_shutdown(stream->tls);
    ERR_clear_error();
    SSL_free(stream->tls);
    close(stream->in);
}

static const struct deploy_stream_ops TLS = {.read = tls_read, .write = tls_write, .close = tls_close};

/* A name, or an address. */
static bool expect_peer(SSL *ssl, const char *peer) {
    struct in6_addr address;
    bool is_address = inet_pton(AF_INET, peer, &address) == 1 || inet_pton(AF_INET6, peer, &address) == 1;
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer) == 1;
    return SSL_set1_host(ssl, peer) == 1 && SSL_set_tlsext_host_name(ssl, peer) == 1;
}

int deploy_tls_begin(struct deploy_tls *tls, int fd, struct deploy_stream *stream) {
    SSL *ssl = SSL_new(tls->context);
    bool good = ssl != NULL && SSL_set_fd(ssl, fd) == 1;
    if (good && !tls->is_server && !tls->has_key) good = expect_peer(ssl, tls->peer);
    if (!good) {
        SSL_free(ssl);
        return CHARIOT_ENOMEM;
    }
    if (tls->is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    *stream = (struct deploy_stream){.ops = &TLS, .in = fd, .out = fd, .tls = ssl};
    return 0;
}

static void explain(SSL *ssl, unsigned long error, char *why, size_t size) {
    long verdict = SSL_get_verify_result(ssl);
    if (!tls_of(ssl)->has_key && verdict != X509_V_OK)
        snprintf(why, size, "its certificate: %s", X509_verify_cert_error_string(verdict));
    else
        snprintf(why, size, "%s", error == 0 ? "no TLS" : ERR_reason_error_string(error));
}

enum deploy_tls_step deploy_tls_shake(struct deploy_stream *stream, char *why, size_t why_size) {
    SSL *ssl = stream->tls;
    ERR_clear_error();
    int rc = SSL_do_handshake(ssl);
    if (rc == 1 && (!tls_of(ssl)->has_key || SSL_session_reused(ssl))) return DEPLOY_TLS_DONE;
    if (rc == 1) {
        snprintf(why, why_size, "it has not shown that it knows the key");
        return DEPLOY_TLS_REFUSED;
    }
    int error = SSL_get_error(ssl, rc);
    if (error == SSL_ERROR_WANT_READ) return DEPLOY_TLS_WANTS_READ;
    if (error == SSL_ERROR_WANT_WRITE) return DEPLOY_TLS_WANTS_WRITE;
    unsigned long code = ERR_peek_error();
    bool ended = error == SSL_ERROR_SYSCALL || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    explain(ssl, code, why, why_size);
    ERR_clear_error();
    return ended ? DEPLOY_TLS_GONE : DEPLOY_TLS_REFUSED;
}

/* ---------------------------------------------------------------- secrets */

void deploy_tls_forget(void *bytes, size_t size) {
    OPENSSL_cleanse(bytes, size);
}

/* Bytes read, at most `size`; negative: errno. */
static ssize_t read_file(const char *path, uint8_t *bytes, size_t size, struct stat *st) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t got = fstat(fd, st) != 0 ? -1 : read(fd, bytes, size);
    int error = errno;
    close(fd);
    errno = error;
    return got;
}

int deploy_tls_read_secret(const char *path, const char *job, uint8_t key[DEPLOY_TLS_KEY_BYTES],
                           struct deploy_reason *reason) {
    static const char PURPOSE[] = "chariot door 1 ";
    uint8_t secret[4096];
    char message[256];
    unsigned size = DEPLOY_TLS_KEY_BYTES;
    struct stat st;
    ssize_t got = read_file(path, secret, sizeof secret, &st);
    if (got < 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "cannot read the secret '%s': %s", path, strerror(errno));
    if (st.st_mode & (S_IROTH | S_IWOTH))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "everyone on this host can read the secret '%s'; 'chmod 600' it, and make a new one",
                                 path);
    if (got < DEPLOY_TLS_SECRET_MIN)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "the secret '%s' has %zd bytes; it takes %d random ones at least: "
                                 "head -c 32 /dev/urandom >FILE",
                                 path, got, DEPLOY_TLS_SECRET_MIN);
    snprintf(message, sizeof message, "%s%s", PURPOSE, job);
    bool good = HMAC(EVP_sha256(), secret, (int)got, (const uint8_t *)message, strlen(message), key, &size) != NULL;
    deploy_tls_forget(secret, sizeof secret);
    return good ? 0 : deploy_reason_set(reason, DEPLOY_STATUS_OS, "no key can be made of the secret '%s'", path);
}
