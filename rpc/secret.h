/* rpc/secret.h: comparing, and finding in a table, what must not be guessed byte by byte. */
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

/* 64 bits that nobody foretells who has not the key: how long a search by them takes says nothing of the data. */
enum { RPC_MARK_KEY_BYTES = 16 };
uint64_t rpc_secret_mark(const uint8_t key[RPC_MARK_KEY_BYTES], const void *data, size_t size);

#endif
