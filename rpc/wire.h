/* rpc/wire.h: protobuf's wire format, field by field, for messages that are read and written by hand because they come
 * by the hundred thousand (objects/proto_read.c, objects/proto_write.c). Any message can be read so: fields of unknown
 * numbers are given like others. Tests hold what is written against protobuf-c. */
#ifndef CHARIOT_RPC_WIRE_H
#define CHARIOT_RPC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/envelope.h"

enum rpc_wire_type { RPC_WIRE_VARINT = 0, RPC_WIRE_FIXED64 = 1, RPC_WIRE_BYTES_OF = 2, RPC_WIRE_FIXED32 = 5 };

/* The rest of a message; borrows it. */
struct rpc_wire {
    const uint8_t *at, *end;
};

struct rpc_field {
    uint32_t number;
    enum rpc_wire_type type;
    uint64_t value;        /* of numbers */
    struct rpc_wire bytes; /* of RPC_WIRE_BYTES_OF */
};

static inline struct rpc_wire rpc_wire_of(const void *data, size_t size) {
    const uint8_t *at = data;
    return (struct rpc_wire){at, at + size};
}
static inline size_t rpc_wire_left(const struct rpc_wire *wire) {
    return (size_t)(wire->end - wire->at);
}

/* CHARIOT_EMALFORMED: it does not end, or does not fit 64 bits. */
static inline int rpc_wire_varint(struct rpc_wire *wire, uint64_t *value) {
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
        uint8_t byte = *wire->at++;
        if (shift == 63 && byte > 1) return CHARIOT_EMALFORMED;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            return 0;
        }
    }
    return CHARIOT_EMALFORMED;
}

/* The next field. CHARIOT_EMALFORMED: also for groups, which proto3 does not have. Not at the end. */
static inline int rpc_wire_field(struct rpc_wire *wire, struct rpc_field *field) {
    uint64_t tag, size = 0;
    if (rpc_wire_varint(wire, &tag) != 0 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return CHARIOT_EMALFORMED;
    *field = (struct rpc_field){.number = (uint32_t)(tag >> 3), .type = (enum rpc_wire_type)(tag & 7)};
    switch (field->type) {
    case RPC_WIRE_VARINT:
        return rpc_wire_varint(wire, &field->value);
    case RPC_WIRE_FIXED64:
        size = 8;
        break;
    case RPC_WIRE_FIXED32:
        size = 4;
        break;
    case RPC_WIRE_BYTES_OF:
        if (rpc_wire_varint(wire, &size) != 0) return CHARIOT_EMALFORMED;
        break;
    default:
        return CHARIOT_EMALFORMED;
    }
    if (size > rpc_wire_left(wire)) return CHARIOT_EMALFORMED;
    field->bytes = rpc_wire_of(wire->at, size);
    if (field->type == RPC_WIRE_FIXED64) field->value = rpc_fixed64_read(wire->at);
    if (field->type == RPC_WIRE_FIXED32) field->value = rpc_fixed32_read(wire->at);
    wire->at += size;
    return 0;
}

/* Field numbers up to 15 have tags of one byte; others are not written by hand. */
#define RPC_WIRE_TAG(number, type) ((uint8_t)((number) << 3 | (type)))

/* sint64: small numbers of either sign have few bytes. */
static inline uint64_t rpc_zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}
static inline int64_t rpc_unzigzag(uint64_t value) {
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

#endif
