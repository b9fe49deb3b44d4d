/* rpc/envelope.c: packs and reads the fixed part of an envelope. */
#include "rpc/envelope.h"

/* Protobuf tags: field number << 3 | wire type. */
#define TAG_FIXED32(field) ((uint8_t)((field) << 3 | 5))
#define TAG_FIXED64(field) ((uint8_t)((field) << 3 | 1))
#define TAG_BYTES(field)   ((uint8_t)((field) << 3 | 2))

/* Where fields start. Fields 1 to 4 take five bytes each with their tag, 5 to 10 nine each. */
enum {
    NUM_FIXED32 = 4,
    NUM_FIXED64 = 6,
    FIXED64_AT = NUM_FIXED32 * 5,
    PAYLOAD_AT = FIXED64_AT + NUM_FIXED64 * 9,
};
#define PLACE_OF(field) ((field) <= NUM_FIXED32 ? ((field)-1) * 5 : FIXED64_AT + ((field)-1 - NUM_FIXED32) * 9)

_Static_assert(PAYLOAD_AT + 1 + RPC_VARINT_BYTES == RPC_ENVELOPE_BYTES, "layout of the envelope");
_Static_assert(PLACE_OF(NUM_FIXED32 + NUM_FIXED64 + 1) == PAYLOAD_AT, "layout of the envelope");

static void put_fixed32(uint8_t *out, int field, uint32_t value) {
    uint8_t *at = out + PLACE_OF(field);
    at[0] = TAG_FIXED32(field);
    rpc_fixed32_pack(value, at + 1);
}

static void put_fixed64(uint8_t *out, int field, uint64_t value) {
    uint8_t *at = out + PLACE_OF(field);
    at[0] = TAG_FIXED64(field);
    rpc_fixed64_pack(value, at + 1);
}

static uint32_t get_fixed32(const uint8_t *at, int field) {
    return rpc_fixed32_read(at + PLACE_OF(field) + 1);
}

static uint64_t get_fixed64(const uint8_t *at, int field) {
    return rpc_fixed64_read(at + PLACE_OF(field) + 1);
}

int rpc_envelope_pack(const struct chariot_msg *msg, uint8_t out[RPC_ENVELOPE_BYTES]) {
    /* The frame that holds the envelope has a length field of the same kind. */
    if (msg->size > RPC_VARINT_MAX - RPC_ENVELOPE_BYTES) return CHARIOT_ETOOBIG;
    put_fixed32(out, 1,
                (uint32_t)msg->kind | (uint32_t)msg->flags << 8 | (uint32_t)msg->ndims << 16 |
                    (uint32_t)msg->hops << 24);
    put_fixed32(out, 2, msg->from);
    put_fixed32(out, 3, msg->method);
    put_fixed32(out, 4, msg->root);
    put_fixed64(out, 5, msg->target);
    put_fixed64(out, 6, msg->index[0]);
    put_fixed64(out, 7, msg->index[1]);
    put_fixed64(out, 8, msg->index[2]);
    put_fixed64(out, 9, msg->reply);
    put_fixed64(out, 10, msg->seq);
    out[PAYLOAD_AT] = TAG_BYTES(11);
    rpc_varint_pack(msg->size, out + PAYLOAD_AT + 1);
    return 0;
}

/* Gathered instead of branched on, and without a loop: this runs once per message. */
static unsigned differing_tags(const uint8_t *at) {
#define DIFFERS32(field) (at[PLACE_OF(field)] ^ TAG_FIXED32(field))
#define DIFFERS64(field) (at[PLACE_OF(field)] ^ TAG_FIXED64(field))
    return DIFFERS32(1) | DIFFERS32(2) | DIFFERS32(3) | DIFFERS32(4) | DIFFERS64(5) | DIFFERS64(6) | DIFFERS64(7) |
           DIFFERS64(8) | DIFFERS64(9) | DIFFERS64(10) | (at[PAYLOAD_AT] ^ TAG_BYTES(11));
#undef DIFFERS32
#undef DIFFERS64
}

int rpc_envelope_check(const uint8_t *at, uint64_t size, uint64_t *payload_size) {
    if (size < RPC_ENVELOPE_BYTES) return CHARIOT_EMALFORMED;
    uint64_t payload;
    if (differing_tags(at) != 0 || rpc_varint_read(at + PAYLOAD_AT + 1, &payload) != 0) return CHARIOT_EMALFORMED;
    if (payload != size - RPC_ENVELOPE_BYTES) return CHARIOT_EMALFORMED;
    *payload_size = payload;
    return 0;
}

void rpc_envelope_load(const uint8_t at[RPC_ENVELOPE_BYTES], struct chariot_msg *msg) {
    uint32_t head = get_fixed32(at, 1);
    msg->kind = (uint8_t)head;
    msg->flags = (uint8_t)(head >> 8);
    msg->ndims = (uint8_t)(head >> 16);
    msg->hops = (uint8_t)(head >> 24);
    msg->from = get_fixed32(at, 2);
    msg->method = get_fixed32(at, 3);
    msg->root = get_fixed32(at, 4);
    msg->target = get_fixed64(at, 5);
    msg->index[0] = get_fixed64(at, 6);
    msg->index[1] = get_fixed64(at, 7);
    msg->index[2] = get_fixed64(at, 8);
    msg->reply = get_fixed64(at, 9);
    msg->seq = get_fixed64(at, 10);
}
