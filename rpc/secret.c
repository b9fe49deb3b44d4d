/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): see secret.h. */
#include "rpc/secret.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v[4];
};

static uint64_t turn(uint64_t word, unsigned by) {
    return word << by | word >> (64 - by);
}

static void rounds(struct sip *sip, int count) {
    uint64_t *v = sip->v;
    for (int i = 0; i < count; i++) {
        v[0] += v[1], v[2] += v[3];
        v[1] = turn(v[1], 13) ^ v[0], v[3] = turn(v[3], 16) ^ v[2];
        v[0] = turn(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = turn(v[1], 17) ^ v[2], v[3] = turn(v[3], 21) ^ v[0];
        v[2] = turn(v[2], 32);
    }
}

static uint64_t word_at(const void *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return le64toh(word);
}

static void take(struct sip *sip, uint64_t word) {
    sip->v[3] ^= word;
    rounds(sip, 2);
    sip->v[0] ^= word;
}

uint64_t rpc_secret_mark(const uint8_t key[RPC_MARK_KEY_BYTES], const void *data, size_t size) {
    uint64_t k0 = word_at(key), k1 = word_at(key + 8);
    uint8_t last[8] = {[7] = (uint8_t)size};
    struct sip sip = {
        {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}};
    const uint8_t *at = data;
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8) take(&sip, word_at(at));
    if (left > 0) memcpy(last, at, left);
    take(&sip, word_at(last));
    sip.v[2] ^= 0xff;
    rounds(&sip, 4);
    return sip.v[0] ^ sip.v[1] ^ sip.v[2] ^ sip.v[3];
}
