/* rpc/grpc_tls.c: credentials, and whose certificate a call came with (grpc_tls.h). */
#include "rpc/grpc_tls.h"

#include <grpc/grpc_security_constants.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/log.h"

int rpc_tls_init(struct rpc_tls *tls, const struct rpc_identity *identity) {
    *tls = (struct rpc_tls){.on = identity != NULL && identity->authority != NULL};
    if (!tls->on) {
        tls->client = grpc_insecure_credentials_create();
        tls->server = grpc_insecure_server_credentials_create();
        return 0;
    }
    if (identity->certificate == NULL || identity->key == NULL) return CHARIOT_EINVAL;
    grpc_ssl_pem_key_cert_pair own = {.private_key = identity->key, .cert_chain = identity->certificate};
    tls->client = grpc_ssl_credentials_create_ex(identity->authority, &own, NULL, NULL);
    tls->server = grpc_ssl_server_credentials_create_ex(
        identity->authority, &own, 1, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, NULL);
    if (tls->client != NULL && tls->server != NULL) return 0;
    rpc_tls_deinit(tls);
    return CHARIOT_EINVAL;
}

void rpc_tls_deinit(struct rpc_tls *tls) {
    if (tls->client != NULL) grpc_channel_credentials_release(tls->client);
    if (tls->server != NULL) grpc_server_credentials_release(tls->server);
    *tls = (struct rpc_tls){0};
}

static bool names(const grpc_auth_context *context, const char *name) {
    grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(context, GRPC_X509_SAN_PROPERTY_NAME);
    const grpc_auth_property *one;
    while ((one = grpc_auth_property_iterator_next(&it)) != NULL) {
        if (one->value_length == strlen(name) && memcmp(one->value, name, one->value_length) == 0) return true;
    }
    return false;
}

int rpc_tls_check(const struct rpc_tls *tls, grpc_call *call, uint32_t pe, const char **why) {
    if (!tls->on) return 0;
    char name[RPC_IDENTITY_NAME_BYTES];
    rpc_identity_name(pe, name);
    grpc_auth_context *context = grpc_call_auth_context(call);
    bool own = context != NULL && grpc_auth_context_peer_is_authenticated(context) && names(context, name);
    if (context != NULL) grpc_auth_context_release(context);
    *why = "the certificate is not that PE's";
    return own ? 0 : CHARIOT_EAUTH;
}

void rpc_tls_log(gpr_log_func_args *args) {
    static const char failed[] = "Handshake failed";
    if (strncmp(args->message, failed, sizeof failed - 1) != 0) return;
    rpc_log(NULL, RPC_LOG_ERROR, "RPC-HANDSHAKE-FAILED", "why=\"%s\"", args->message);
}
