/* deploy/pack.c: see pack.h. */
#include "deploy/pack.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/wire.h"

enum { SIZE_BYTES = 5, FIRST_CAPACITY = 256 };

void deploy_pack_deinit(struct deploy_pack *pack) {
    free(pack->data);
    *pack = (struct deploy_pack){0};
}

static bool make_room(struct deploy_pack *pack, size_t more) {
    size_t capacity = pack->capacity == 0 ? FIRST_CAPACITY : pack->capacity;
    if (pack->failed || more > SIZE_MAX / 4 - pack->size) return false;
    while (capacity < pack->size + more) capacity *= 2;
    if (capacity == pack->capacity) return true;
    uint8_t *data = realloc(pack->data, capacity);
    if (data == NULL) return false;
    pack->data = data;
    pack->capacity = capacity;
    return true;
}

uint8_t *deploy_pack_raw(struct deploy_pack *pack, const void *data, size_t size) {
    if (!make_room(pack, size)) {
        pack->failed = true;
        return NULL;
    }
    uint8_t *at = pack->data + pack->size;
    if (data != NULL && size > 0) memcpy(at, data, size);
    pack->size += size;
    return at;
}

void deploy_pack_varint(struct deploy_pack *pack, uint64_t value) {
    uint8_t bytes[10];
    size_t size = 0;
    do {
        bytes[size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    deploy_pack_raw(pack, bytes, size);
}

static void put_tag(struct deploy_pack *pack, uint32_t number, enum rpc_wire_type type) {
    deploy_pack_varint(pack, number << 3 | type);
}

void deploy_pack_number(struct deploy_pack *pack, uint32_t number, uint64_t value) {
    put_tag(pack, number, RPC_WIRE_VARINT);
    deploy_pack_varint(pack, value);
}

void deploy_pack_signed(struct deploy_pack *pack, uint32_t number, int64_t value) {
    deploy_pack_number(pack, number, rpc_zigzag(value));
}

void deploy_pack_real(struct deploy_pack *pack, uint32_t number, double value) {
    put_tag(pack, number, RPC_WIRE_FIXED64);
    deploy_pack_raw(pack, &value, sizeof value);
}

void deploy_pack_bytes(struct deploy_pack *pack, uint32_t number, const void *data, size_t size) {
    put_tag(pack, number, RPC_WIRE_BYTES_OF);
    deploy_pack_varint(pack, size);
    deploy_pack_raw(pack, data, size);
}

void deploy_pack_text(struct deploy_pack *pack, uint32_t number, const char *text) {
    deploy_pack_bytes(pack, number, text, strlen(text));
}

size_t deploy_pack_begin(struct deploy_pack *pack, uint32_t number) {
    put_tag(pack, number, RPC_WIRE_BYTES_OF);
    deploy_pack_raw(pack, NULL, SIZE_BYTES);
    return pack->size;
}

/* The size is a varint padded to five bytes, which every protobuf tool reads. */
void deploy_pack_end(struct deploy_pack *pack, size_t begun) {
    if (pack->failed) return;
    uint64_t size = pack->size - begun;
    for (int i = 0; i < SIZE_BYTES; i++, size >>= 7)
        pack->data[begun - SIZE_BYTES + (size_t)i] = (uint8_t)((size & 0x7f) | (i < SIZE_BYTES - 1 ? 0x80 : 0));
}
