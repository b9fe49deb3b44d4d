/* rpc/envelope.h: chariot.v1.Envelope by hand.
 *
 * The fixed part of an envelope is 80 bytes that any protobuf tool reads: four fixed32 fields, six fixed64 fields, then
 * the tag and length of the payload, the length padded to five bytes. These functions write exactly that and read
 * nothing else: bytes from a peer are compared tag by tag. rpc/frame.c is their caller; a test holds them against
 * protobuf-c. */
#ifndef CHARIOT_RPC_ENVELOPE_H
#define CHARIOT_RPC_ENVELOPE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/msg.h"

enum { RPC_VARINT_BYTES = 5 };                                  /* of every padded length */
static const uint64_t RPC_VARINT_MAX = ((uint64_t)1 << 35) - 1; /* largest padded length */

/* Writes the fixed part for msg with its present size. CHARIOT_ETOOBIG: the size has no place in the layout. */
int rpc_envelope_pack(const struct chariot_msg *msg, uint8_t out[RPC_ENVELOPE_BYTES]);

/* Checks the fixed part of an encoded envelope of `size` bytes in all, of which the first RPC_ENVELOPE_BYTES stand at
 * `at`; where size is less than that, at is not read. Gives the payload's size, which fills the rest exactly.
 * CHARIOT_EMALFORMED. */
int rpc_envelope_check(const uint8_t *at, uint64_t size, uint64_t *payload_size);
/* Sets the header fields of msg, but not its size, from a fixed part that rpc_envelope_check() has passed. */
void rpc_envelope_load(const uint8_t at[RPC_ENVELOPE_BYTES], struct chariot_msg *msg);

/* ---------------------------------------------------------------- numbers, inline: some of each per message */

/* Fixed fields are little-endian. */
static inline void rpc_fixed32_pack(uint32_t value, uint8_t out[4]) {
    value = htole32(value);
    memcpy(out, &value, sizeof value);
}
static inline void rpc_fixed64_pack(uint64_t value, uint8_t out[8]) {
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}
static inline uint32_t rpc_fixed32_read(const uint8_t at[4]) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}
static inline uint64_t rpc_fixed64_read(const uint8_t at[8]) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Lengths as padded varints: seven bits a byte, the lowest first; the top bit of all bytes but the last is set. The
 * first four bytes are one word. */
static inline void rpc_varint_pack(uint64_t value, uint8_t out[RPC_VARINT_BYTES]) {
    uint32_t low = (uint32_t)value & 0xfffffff;
    low = (low & 0x7f) | (low & 0x3f80) << 1 | (low & 0x1fc000) << 2 | (low & 0xfe00000) << 3;
    rpc_fixed32_pack(low | 0x80808080, out);
    out[4] = (uint8_t)(value >> 28 & 0x7f);
}
/* CHARIOT_EMALFORMED: not padded to five bytes. */
static inline int rpc_varint_read(const uint8_t at[RPC_VARINT_BYTES], uint64_t *value) {
    uint32_t low = rpc_fixed32_read(at);
    if (((low & 0x80808080) ^ 0x80808080) | (at[4] & 0x80)) return CHARIOT_EMALFORMED;
    low = (low & 0x7f) | (low >> 1 & 0x3f80) | (low >> 2 & 0x1fc000) | (low >> 3 & 0xfe00000);
    *value = low | (uint64_t)at[4] << 28;
    return 0;
}

#endif
