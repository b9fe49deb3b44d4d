/* rpc/frame.h: frames, the gRPC messages of a link (chariot.v1.LinkRequest and LinkResponse, which have one layout).
 *
 * A frame holds whole envelopes, or one fragment of an envelope that is larger than a frame. Transports call this, each
 * link with its own batch and reader, holding the PE's turn.
 *
 * Sending, by size of the message: small ones are copied into a batch; large ones leave from where they stand
 * (rpc_frame_pack); larger than a frame, in fragments from where they stand (rpc_frame_split).
 * Receiving: a reader is fed one frame after another, and gives messages. What it reads is a peer's claim: anything but
 * the layout that is written here fails, and a reader that has failed stays failed. */
#ifndef CHARIOT_RPC_FRAME_H
#define CHARIOT_RPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/msg.h"
#include "rpc/transport.h"

/* ---------------------------------------------------------------- sending */

/* Envelopes gathered for one frame. Zeroed: empty. Owns data (from malloc; a transport may take it and zero the batch).
 */
struct rpc_frame_batch {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t count; /* messages */
};

/* Copies msg behind what is there. CHARIOT_ENOMEM, CHARIOT_ETOOBIG: the batch is as it was. */
int rpc_frame_batch_append(struct rpc_frame_batch *batch, const struct chariot_msg *msg);
void rpc_frame_batch_clear(struct rpc_frame_batch *batch); /* keeps its memory */
void rpc_frame_batch_deinit(struct rpc_frame_batch *batch);

/* Bytes of a message as part of a frame. */
static inline size_t rpc_frame_size_of(const struct chariot_msg *msg) {
    return RPC_WIRE_BYTES + msg->size;
}

/* Writes msg's part of a frame in front of its payload, where there is room: *data (borrowed from msg) and *size, ready
 * to be sent as one slice. Packing a message again is allowed while it is being sent. CHARIOT_ETOOBIG. */
int rpc_frame_pack(struct chariot_msg *msg, const uint8_t **data, size_t *size);

enum { RPC_FRAGMENT_HEAD_BYTES = 21 };

/* A message on its way in fragments. Borrows msg until the last fragment has been sent. */
struct rpc_frame_split {
    const uint8_t *at;
    uint64_t total;
    size_t left;
    size_t step; /* bytes of the envelope per fragment */
};

/* frame_bytes: how large each frame may become; more than RPC_FRAGMENT_HEAD_BYTES. CHARIOT_ETOOBIG. */
int rpc_frame_split_init(struct rpc_frame_split *split, struct chariot_msg *msg, size_t frame_bytes);
/* The next frame: the bytes of `head` and behind them *size bytes at *data. false: that was all. */
bool rpc_frame_split_next(struct rpc_frame_split *split, uint8_t head[RPC_FRAGMENT_HEAD_BYTES], const uint8_t **data,
                          size_t *size);

/* ---------------------------------------------------------------- receiving */

struct rpc_spares;

struct rpc_slice {
    const uint8_t *data;
    size_t size;
};

struct rpc_frame_reader {
    size_t message_bytes;      /* largest payload accepted */
    struct rpc_spares *spares; /* borrowed: where small messages come from; NULL: malloc */
    int error;                 /* 0, or what it failed with */
    const char *why;           /* for people, static; NULL while it has not failed */
    uint64_t total;            /* of the envelope in reassembly; 0: none */
    uint64_t have;             /* bytes of it that have come */
    struct chariot_msg *msg;   /* owned; NULL until its fixed part has come */
    uint8_t head[RPC_ENVELOPE_BYTES];
};

void rpc_frame_reader_init(struct rpc_frame_reader *reader, const struct rpc_limits *limits, struct rpc_spares *spares);
void rpc_frame_reader_deinit(struct rpc_frame_reader *reader);
/* True in the middle of a message that comes in fragments: the link must not end here. */
bool rpc_frame_reader_amid(const struct rpc_frame_reader *reader);
/* Reads one whole frame, which lies in the slices one after another (borrowed for the call), and appends the messages
 * that are complete to `out`, also those ahead of an error. CHARIOT_EMALFORMED, CHARIOT_ETOOBIG, CHARIOT_ENOMEM, and
 * the same again from then on; reader->why names it. */
int rpc_frame_reader_feed(struct rpc_frame_reader *reader, const struct rpc_slice *slices, size_t num_slices,
                          struct rpc_msg_queue *out);

#endif
