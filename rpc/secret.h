/* rpc/secret.h: comparing what must not be guessed byte by byte. */
#ifndef CHARIOT_RPC_SECRET_H
#define CHARIOT_RPC_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes as long wherever they differ. */
static inline bool rpc_secret_equal(const void *a, const void *b, size_t size) {
    const volatile uint8_t *one = a, *other = b;
    uint8_t differ = 0;
    for (size_t i = 0; i < size; i++) differ |= (uint8_t)(one[i] ^ other[i]);
    return differ == 0;
}

#endif
