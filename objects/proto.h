/* objects/proto.h: values as foreign programs write them (chariot/v1/value.proto) made into the runtime's own
 * (value.h), and back.
 *
 * By hand, since each call of a foreign program has some of them. What comes is checked, field by field: it may be
 * anything. There is no form for a pickle, so none comes in; one that would go out is an error. */
#ifndef CHARIOT_OBJECTS_PROTO_H
#define CHARIOT_OBJECTS_PROTO_H

#include "objects/value.h"
#include "rpc/wire.h"

enum { OBJ_PROTO_DEPTH = 32 }; /* Values inside one another; in maps each is three messages deep */
#define OBJ_PROTO_TOO_DEEP "values nested more than 32 deep"

/* Field numbers of chariot.v1.Value. */
enum obj_proto_kind {
    OBJ_PROTO_NULL = 1,
    OBJ_PROTO_BOOLEAN,
    OBJ_PROTO_INTEGER,
    OBJ_PROTO_BIG_INTEGER,
    OBJ_PROTO_REAL,
    OBJ_PROTO_TEXT,
    OBJ_PROTO_DATA,
    OBJ_PROTO_LIST,
    OBJ_PROTO_TUPLE,
    OBJ_PROTO_MAP,
    OBJ_PROTO_ARRAY,
    OBJ_PROTO_REFERENCE,
    OBJ_PROTO_FUTURE,
    OBJ_PROTO_FAILURE,
};

/* References and futures travel as handles: their bytes and a seal, which clients cannot make. */
enum { OBJ_SEAL_BYTES = 16 };
struct obj_seal {
    void *ctx;
    /* The seal of these bytes; kind: what they are (enum chariot_value_type). */
    void (*make)(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]);
};

struct obj_proto {
    const struct obj_seal *seal;
    bool shows_traces; /* of errors */
    const char *why;   /* out, of a failure: for people, static */
};

/* Writes the Value in these bytes. CHARIOT_EMALFORMED: no Value; CHARIOT_EINVAL: one that says what cannot be;
 * CHARIOT_EAUTH: a handle that is not from here; CHARIOT_ENOMEM. */
int obj_proto_read(struct obj_proto *proto, struct rpc_wire wire, struct chariot_writer *writer);

/* Writes the reader's next value as field `number` (up to 15) of a message. CHARIOT_ETYPE: a value that foreign
 * programs have no form for; CHARIOT_EMALFORMED; CHARIOT_ENOMEM. */
int obj_proto_write(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader,
                    struct chariot_writer *writer);

/* A Reference or a Future (kind: CHARIOT_REF, CHARIOT_FUTURE) by itself. Codes as obj_proto_read(). */
int obj_proto_read_handle(struct obj_proto *proto, uint8_t kind, struct rpc_wire wire, struct chariot_writer *writer);
/* The reader's next value, an error, as a Failure. Codes as obj_proto_write(). */
int obj_proto_write_failure(struct obj_proto *proto, uint32_t number, struct chariot_reader *reader,
                            struct chariot_writer *writer);

/* Fields of messages that are written by hand, number up to 15; failures stay with the writer. */
void obj_proto_put_bytes(struct chariot_writer *writer, uint32_t number, const void *data, size_t size);
/* NULL and "" are not written: they are what a missing field means. */
void obj_proto_put_text(struct chariot_writer *writer, uint32_t number, const char *text);
void obj_proto_put_number(struct chariot_writer *writer, uint32_t number, uint64_t value);
/* A message in a message: gives what end() needs. */
size_t obj_proto_begin(struct chariot_writer *writer, uint32_t number);
void obj_proto_end(struct chariot_writer *writer, size_t begun);

/* Bytes of an element of this dtype, as value.proto describes it; 0: none of those. */
size_t obj_proto_dtype_size(const uint8_t *dtype, size_t size);
bool obj_proto_is_utf8(const uint8_t *data, size_t size);

#endif
