/* deploy/pack.h: protobuf messages written by hand, into memory that grows: what `chariot call` sends is any value, and
 * texts may hold any character, which protobuf-c's strings cannot. A buffer without memory stays so, and is noticed
 * once. */
#ifndef CHARIOT_DEPLOY_PACK_H
#define CHARIOT_DEPLOY_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deploy_pack {
    uint8_t *data; /* owned */
    size_t size, capacity;
    bool failed; /* out of memory */
};

void deploy_pack_deinit(struct deploy_pack *pack);
/* Bytes as they are; NULL data: room for them, whose place is returned. NULL: out of memory. */
uint8_t *deploy_pack_raw(struct deploy_pack *pack, const void *data, size_t size);
void deploy_pack_varint(struct deploy_pack *pack, uint64_t value);

/* Fields; number up to 15. */
void deploy_pack_number(struct deploy_pack *pack, uint32_t number, uint64_t value);
void deploy_pack_signed(struct deploy_pack *pack, uint32_t number, int64_t value); /* sint64 */
void deploy_pack_real(struct deploy_pack *pack, uint32_t number, double value);
void deploy_pack_bytes(struct deploy_pack *pack, uint32_t number, const void *data, size_t size);
void deploy_pack_text(struct deploy_pack *pack, uint32_t number, const char *text);
/* A field whose size is not known yet, a message as a rule: gives what end() needs. */
size_t deploy_pack_begin(struct deploy_pack *pack, uint32_t number);
void deploy_pack_end(struct deploy_pack *pack, size_t begun);

#endif
