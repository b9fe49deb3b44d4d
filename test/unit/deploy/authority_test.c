/* test/unit/deploy/authority_test.c: what an authority signs holds for libcrypto's own verification, and for nothing
 * else than it should. */
#include "deploy/authority.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "test/unit/unit.h"

static struct deploy_reason reason;

static struct deploy_authority *authority_new(void) {
    struct deploy_authority *authority;
    CU_ASSERT_EQUAL_FATAL(deploy_authority_new(&authority, "job", &reason), 0);
    return authority;
}

static struct rpc_identity issue(struct deploy_authority *authority, uint32_t pe, time_t seconds) {
    struct rpc_identity identity;
    CU_ASSERT_EQUAL_FATAL(deploy_authority_issue(authority, pe, time(NULL) + seconds, &identity, &reason), 0);
    return identity;
}

static X509 *certificate_of(const char *pem) {
    BIO *buffer = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(buffer, NULL, NULL, NULL);
    BIO_free(buffer);
    CU_ASSERT_PTR_NOT_NULL_FATAL(certificate);
    return certificate;
}

/* libcrypto's verdict, X509_V_OK or why not. */
static int verify(const char *authority, const char *certificate, const char *name) {
    X509 *root = certificate_of(authority), *leaf = certificate_of(certificate);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX_init(context, store, leaf, NULL);
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context), name, 0);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
    int verdict = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(root);
    X509_free(leaf);
    return verdict;
}

static void a_pe_is_who_it_is(void) {
    struct deploy_authority *authority = authority_new();
    struct rpc_identity identity = issue(authority, 7, 3600);
    CU_ASSERT_EQUAL(verify(identity.authority, identity.certificate, "pe-7.chariot.internal"), X509_V_OK);
    CU_ASSERT_EQUAL(verify(identity.authority, identity.certificate, "pe-8.chariot.internal"),
                    X509_V_ERR_HOSTNAME_MISMATCH);
    rpc_identity_deinit(&identity);
    deploy_authority_free(authority);
}

static void the_key_is_the_certificates(void) {
    struct deploy_authority *authority = authority_new();
    struct rpc_identity identity = issue(authority, 0, 3600), other = issue(authority, 1, 3600);
    X509 *certificate = certificate_of(identity.certificate);
    const char *keys[] = {identity.key, other.key};
    for (int i = 0; i < 2; i++) {
        BIO *buffer = BIO_new_mem_buf(keys[i], -1);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(buffer, NULL, NULL, NULL);
        CU_ASSERT_EQUAL(X509_check_private_key(certificate, key), i == 0);
        EVP_PKEY_free(key);
        BIO_free(buffer);
    }
    X509_free(certificate);
    rpc_identity_deinit(&identity);
    rpc_identity_deinit(&other);
    deploy_authority_free(authority);
}

static void it_holds_for_its_time(void) {
    struct deploy_authority *authority = authority_new();
    struct rpc_identity over = issue(authority, 0, -60), years = issue(authority, 0, DEPLOY_AUTHORITY_YEARS(10));
    CU_ASSERT_EQUAL(verify(over.authority, over.certificate, "pe-0.chariot.internal"), X509_V_ERR_CERT_HAS_EXPIRED);
    CU_ASSERT_EQUAL(verify(years.authority, years.certificate, "pe-0.chariot.internal"), X509_V_OK);
    rpc_identity_deinit(&over);
    rpc_identity_deinit(&years);
    deploy_authority_free(authority);
}

static void authorities_are_strangers(void) {
    struct deploy_authority *one = authority_new(), *other = authority_new();
    struct rpc_identity a = issue(one, 0, 3600), b = issue(other, 0, 3600);
    CU_ASSERT_NOT_EQUAL(verify(a.authority, b.certificate, "pe-0.chariot.internal"), X509_V_OK);
    rpc_identity_deinit(&a);
    rpc_identity_deinit(&b);
    deploy_authority_free(one);
    deploy_authority_free(other);
}

/* A PE's certificate signs nothing. */
static void a_pe_is_no_authority(void) {
    struct deploy_authority *authority = authority_new();
    struct rpc_identity identity = issue(authority, 0, 3600);
    X509 *root = certificate_of(identity.authority), *leaf = certificate_of(identity.certificate);
    CU_ASSERT_TRUE(X509_check_ca(root) == 1);
    CU_ASSERT_TRUE(X509_check_ca(leaf) == 0);
    CU_ASSERT_EQUAL(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    CU_ASSERT_EQUAL(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    X509_free(root);
    X509_free(leaf);
    rpc_identity_deinit(&identity);
    deploy_authority_free(authority);
}

UNIT_MAIN("deploy/authority", UNIT(a_pe_is_who_it_is), UNIT(the_key_is_the_certificates), UNIT(it_holds_for_its_time),
          UNIT(authorities_are_strangers), UNIT(a_pe_is_no_authority))
