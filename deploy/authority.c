/* deploy/authority.c: see authority.h. */
#include "deploy/authority.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

/* Clocks of hosts may differ by that much. */
enum { EARLIER_S = 24 * 3600, SERIAL_BYTES = 16 };

struct deploy_authority {
    EVP_PKEY *key;
    X509 *certificate;
    char *pem; /* of the certificate */
};

static int fail(struct deploy_reason *reason, const char *what) {
    return deploy_reason_set(reason, DEPLOY_STATUS_OS,
                             "cannot make %s for TLS: libcrypto has no memory or no random numbers", what);
}

/* ---------------------------------------------------------------- parts of a certificate */

static bool set_serial(X509 *certificate) {
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    bytes[0] &= 0x7f; /* it is a positive number */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static bool set_times(X509 *certificate, time_t end) {
    time_t now = time(NULL);
    return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -EARLIER_S, &now) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &end) != NULL;
}

static bool set_subject(X509 *certificate, const char *name) {
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool extend(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

/* A certificate without extensions and signature. NULL: no memory, no random numbers. */
static X509 *certificate_new(EVP_PKEY *key, const char *name, time_t end) {
    X509 *certificate = X509_new();
    if (certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
        set_times(certificate, end) && set_subject(certificate, name) && X509_set_pubkey(certificate, key) == 1)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* ---------------------------------------------------------------- PEM */

/* What the buffer holds, as a string. */
static char *text_of_take(BIO *buffer) {
    char *data;
    long size = BIO_get_mem_data(buffer, &data);
    char *text = size > 0 ? calloc((size_t)size + 1, 1) : NULL;
    if (text != NULL) memcpy(text, data, (size_t)size);
    BIO_free(buffer);
    return text;
}

static char *pem_of_certificate(X509 *certificate) {
    BIO *buffer = BIO_new(BIO_s_mem());
    if (buffer == NULL || PEM_write_bio_X509(buffer, certificate) != 1) {
        BIO_free(buffer);
        return NULL;
    }
    return text_of_take(buffer);
}

static char *pem_of_key(EVP_PKEY *key) {
    BIO *buffer = BIO_new(BIO_s_secmem()); /* is cleared when it is freed */
    if (buffer == NULL || PEM_write_bio_PrivateKey(buffer, key, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(buffer);
        return NULL;
    }
    return text_of_take(buffer);
}

/* ---------------------------------------------------------------- the authority */

static bool sign_own(struct deploy_authority *authority) {
    X509 *own = authority->certificate;
    return X509_set_issuer_name(own, X509_get_subject_name(own)) == 1 &&
           extend(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extend(own, own, NID_key_usage, "critical,keyCertSign") &&
           extend(own, own, NID_subject_key_identifier, "hash") && X509_sign(own, authority->key, EVP_sha256()) > 0;
}

int deploy_authority_new(struct deploy_authority **out, const char *job, struct deploy_reason *reason) {
    struct deploy_authority *authority = calloc(1, sizeof *authority);
    if (authority == NULL) return fail(reason, "a certificate authority");
    authority->key = EVP_EC_gen("P-256");
    if (authority->key != NULL)
        authority->certificate = certificate_new(authority->key, job, time(NULL) + DEPLOY_AUTHORITY_YEARS(20));
    if (authority->certificate != NULL && sign_own(authority))
        authority->pem = pem_of_certificate(authority->certificate);
    if (authority->pem != NULL) {
        *out = authority;
        return 0;
    }
    deploy_authority_free(authority);
    return fail(reason, "a certificate authority");
}

void deploy_authority_free(struct deploy_authority *authority) {
    if (authority == NULL) return;
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
    free(authority->pem);
    free(authority);
}

/* ---------------------------------------------------------------- identities */

static bool sign_for_pe(struct deploy_authority *authority, X509 *certificate, const char *name) {
    char names[RPC_IDENTITY_NAME_BYTES + sizeof "DNS:"];
    snprintf(names, sizeof names, "DNS:%s", name);
    X509 *issuer = authority->certificate;
    return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           extend(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           extend(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           extend(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
           extend(certificate, issuer, NID_subject_alt_name, names) &&
           extend(certificate, issuer, NID_authority_key_identifier, "keyid") &&
           X509_sign(certificate, authority->key, EVP_sha256()) > 0;
}

int deploy_authority_issue(struct deploy_authority *authority, uint32_t pe, time_t end, struct rpc_identity *out,
                           struct deploy_reason *reason) {
    char name[RPC_IDENTITY_NAME_BYTES];
    rpc_identity_name(pe, name);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key == NULL ? NULL : certificate_new(key, name, end);
    *out = (struct rpc_identity){0};
    if (certificate != NULL && sign_for_pe(authority, certificate, name)) {
        out->authority = strdup(authority->pem);
        out->certificate = pem_of_certificate(certificate);
        out->key = pem_of_key(key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (out->authority != NULL && out->certificate != NULL && out->key != NULL) return 0;
    rpc_identity_deinit(out);
    return fail(reason, "a certificate");
}
