/* rpc/grpc_seal.c: what clients of the public service cannot make themselves (serve.h). In the module, since libcrypto
 * comes with gRPC. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "rpc/serve.h"

void rpc_service_seal(const uint8_t key[32], const void *data, size_t size, uint8_t out[32]) {
    unsigned length = 32;
    HMAC(EVP_sha256(), key, 32, data, size, out, &length);
}
