/* rpc/frame.c: gathers messages into frames, splits large ones, and reads frames back.
 *
 *   frame    = { 0x0a length(5) envelope }   or   0x12 length(5) fragment
 *   fragment = 0x09 total_size(8) 0x12 length(5) data
 *
 * All lengths are varints padded to five bytes, so that every part of a frame has a fixed place. */
#include "rpc/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/envelope.h"
#include "rpc/error.h"
#include "rpc/spare.h"

enum {
    TAG_ENVELOPES = 0x0a,  /* frame, field 1, bytes */
    TAG_FRAGMENT = 0x12,   /* frame, field 2, bytes */
    TAG_TOTAL_SIZE = 0x09, /* fragment, field 1, fixed64 */
    TAG_DATA = 0x12,       /* fragment, field 2, bytes */
    FRAGMENT_FIXED_BYTES = RPC_FRAGMENT_HEAD_BYTES - RPC_FRAME_TAG_BYTES,
    BATCH_FIRST_BYTES = 4096,
};

/* A claim of a message's size is believed up to here; beyond it, memory grows with the bytes that have come. */
static const size_t BELIEVED_BYTES = (size_t)64 << 20;

/* ---------------------------------------------------------------- sending */

static int pack_wire(const struct chariot_msg *msg, uint8_t out[RPC_WIRE_BYTES]) {
    int error = rpc_envelope_pack(msg, out + RPC_FRAME_TAG_BYTES);
    if (error != 0) return error;
    out[0] = TAG_ENVELOPES;
    rpc_varint_pack(RPC_ENVELOPE_BYTES + (uint64_t)msg->size, out + 1);
    return 0;
}

static int batch_reserve(struct rpc_frame_batch *batch, size_t more) {
    if (more <= batch->capacity - batch->size) return 0;
    if (more > SIZE_MAX / 2 - batch->size) return CHARIOT_ENOMEM;
    size_t capacity = batch->capacity == 0 ? BATCH_FIRST_BYTES : batch->capacity * 2;
    if (capacity < batch->size + more) capacity = batch->size + more;
    uint8_t *data = realloc(batch->data, capacity);
    if (data == NULL) return CHARIOT_ENOMEM;
    batch->data = data;
    batch->capacity = capacity;
    return 0;
}

int rpc_frame_batch_append(struct rpc_frame_batch *batch, const struct chariot_msg *msg) {
    if (msg->size > RPC_VARINT_MAX - RPC_ENVELOPE_BYTES) return CHARIOT_ETOOBIG;
    int error = batch_reserve(batch, rpc_frame_size_of(msg));
    if (error != 0) return error;
    uint8_t *at = batch->data + batch->size;
    error = pack_wire(msg, at);
    if (error != 0) return error;
    memcpy(at + RPC_WIRE_BYTES, rpc_msg_payload(msg), msg->size);
    batch->size += rpc_frame_size_of(msg);
    batch->count++;
    return 0;
}

void rpc_frame_batch_clear(struct rpc_frame_batch *batch) {
    batch->size = 0;
    batch->count = 0;
}

void rpc_frame_batch_deinit(struct rpc_frame_batch *batch) {
    free(batch->data);
    *batch = (struct rpc_frame_batch){0};
}

int rpc_frame_pack(struct chariot_msg *msg, const uint8_t **data, size_t *size) {
    uint8_t packed[RPC_WIRE_BYTES];
    int error = pack_wire(msg, packed);
    if (error != 0) return error;
    /* A broadcast sends one message to several peers: the bytes may be leaving for another one right now, and that
     * transport's threads read them. */
    uint8_t *wire = rpc_msg_wire(msg);
    if (memcmp(wire, packed, sizeof packed) != 0) memcpy(wire, packed, sizeof packed);
    *data = wire;
    *size = rpc_frame_size_of(msg);
    return 0;
}

int rpc_frame_split_init(struct rpc_frame_split *split, struct chariot_msg *msg, size_t frame_bytes) {
    assert(frame_bytes > RPC_FRAGMENT_HEAD_BYTES);
    const uint8_t *data;
    size_t size;
    int error = rpc_frame_pack(msg, &data, &size);
    if (error != 0) return error;
    size_t step = frame_bytes - RPC_FRAGMENT_HEAD_BYTES;
    split->at = data + RPC_FRAME_TAG_BYTES;
    split->left = size - RPC_FRAME_TAG_BYTES;
    split->total = split->left;
    split->step = step < split->left ? step : split->left;
    return 0;
}

bool rpc_frame_split_next(struct rpc_frame_split *split, uint8_t head[RPC_FRAGMENT_HEAD_BYTES], const uint8_t **data,
                          size_t *size) {
    if (split->left == 0) return false;
    size_t step = split->left < split->step ? split->left : split->step;
    head[0] = TAG_FRAGMENT;
    rpc_varint_pack(FRAGMENT_FIXED_BYTES + (uint64_t)step, head + 1);
    head[6] = TAG_TOTAL_SIZE;
    rpc_fixed64_pack(split->total, head + 7);
    head[15] = TAG_DATA;
    rpc_varint_pack(step, head + 16);
    *data = split->at;
    *size = step;
    split->at += step;
    split->left -= step;
    return true;
}

/* ---------------------------------------------------------------- receiving */

/* A place in the frame that is being read. */
struct cursor {
    const struct rpc_slice *slice;
    const uint8_t *at, *end; /* in *slice */
    size_t left;             /* in the frame */
};

static struct cursor cursor_of(const struct rpc_slice *slices, size_t num_slices) {
    struct cursor cursor = {.slice = slices};
    for (size_t i = 0; i < num_slices; i++) cursor.left += slices[i].size;
    if (num_slices > 0) {
        cursor.at = slices[0].data;
        cursor.end = cursor.at + slices[0].size;
    }
    return cursor;
}

static void next_slice(struct cursor *cursor) {
    cursor->slice++;
    cursor->at = cursor->slice->data;
    cursor->end = cursor->at + cursor->slice->size;
}

static void copy_out(struct cursor *cursor, uint8_t *out, size_t size) {
    assert(size <= cursor->left);
    cursor->left -= size;
    for (;;) {
        size_t here = (size_t)(cursor->end - cursor->at);
        if (here > size) here = size;
        if (here > 0) memcpy(out, cursor->at, here);
        cursor->at += here;
        out += here;
        size -= here;
        if (size == 0) return;
        next_slice(cursor);
    }
}

/* The next `size` bytes in one piece: where they lie, or copied to `room` where they lie in several slices. */
static inline const uint8_t *piece(struct cursor *cursor, uint8_t *room, size_t size) {
    if (size > (size_t)(cursor->end - cursor->at)) {
        copy_out(cursor, room, size);
        return room;
    }
    const uint8_t *at = cursor->at;
    cursor->at += size;
    cursor->left -= size;
    return at;
}

static int fail(struct rpc_frame_reader *reader, int error, const char *why) {
    rpc_msg_unref(reader->msg);
    reader->msg = NULL;
    reader->total = 0;
    reader->error = error;
    reader->why = why;
    return error;
}

void rpc_frame_reader_init(struct rpc_frame_reader *reader, const struct rpc_limits *limits,
                           struct rpc_spares *spares) {
    *reader = (struct rpc_frame_reader){.message_bytes = limits->message_bytes, .spares = spares};
}

void rpc_frame_reader_deinit(struct rpc_frame_reader *reader) {
    rpc_msg_unref(reader->msg);
    *reader = (struct rpc_frame_reader){.error = CHARIOT_ECLOSED, .why = "closed"};
}

bool rpc_frame_reader_amid(const struct rpc_frame_reader *reader) {
    return reader->total != 0;
}

/* Reads the fixed part of an envelope of `size` bytes and makes the message, with room for what may be believed. */
static int begin_message(struct rpc_frame_reader *reader, const uint8_t head[RPC_ENVELOPE_BYTES], uint64_t size,
                         struct chariot_msg **out) {
    uint64_t payload;
    if (rpc_envelope_check(head, size, &payload) != 0) return fail(reader, CHARIOT_EMALFORMED, "malformed envelope");
    if (payload > reader->message_bytes) return fail(reader, CHARIOT_ETOOBIG, "message exceeds the limit");
    size_t room = payload < BELIEVED_BYTES ? (size_t)payload : BELIEVED_BYTES;
    struct chariot_msg *msg = rpc_msg_new_from(reader->spares, room);
    if (msg == NULL) return fail(reader, CHARIOT_ENOMEM, "out of memory");
    rpc_envelope_load(head, msg);
    *out = msg;
    return 0;
}

static int read_length(struct rpc_frame_reader *reader, const uint8_t *at, const struct cursor *cursor,
                       size_t *length) {
    uint64_t value;
    if (rpc_varint_read(at, &value) != 0) return fail(reader, CHARIOT_EMALFORMED, "malformed length");
    if (value > cursor->left) return fail(reader, CHARIOT_EMALFORMED, "length beyond the frame");
    *length = (size_t)value;
    return 0;
}

static int read_envelope(struct rpc_frame_reader *reader, struct cursor *cursor, size_t length,
                         struct rpc_msg_queue *out) {
    if (rpc_frame_reader_amid(reader)) return fail(reader, CHARIOT_EMALFORMED, "another message between fragments");
    if (length < RPC_ENVELOPE_BYTES) return fail(reader, CHARIOT_EMALFORMED, "envelope cut short");
    uint8_t room[RPC_ENVELOPE_BYTES];
    struct chariot_msg *msg = NULL;
    int error = begin_message(reader, piece(cursor, room, sizeof room), length, &msg);
    if (error != 0) return error;
    size_t size = length - RPC_ENVELOPE_BYTES;
    if (size > msg->capacity && rpc_msg_reserve(&msg, size) != 0) {
        rpc_msg_unref(msg);
        return fail(reader, CHARIOT_ENOMEM, "out of memory");
    }
    copy_out(cursor, rpc_msg_payload(msg), size);
    msg->size = size;
    rpc_msg_queue_push_take(out, msg);
    return 0;
}

/* The part of a fragment that belongs to the fixed part of its envelope. */
static int take_head(struct rpc_frame_reader *reader, struct cursor *cursor, size_t *length) {
    size_t wanted = RPC_ENVELOPE_BYTES - (size_t)reader->have;
    size_t part = *length < wanted ? *length : wanted;
    copy_out(cursor, reader->head + reader->have, part);
    reader->have += part;
    *length -= part;
    if (part < wanted) return 0;
    return begin_message(reader, reader->head, reader->total, &reader->msg);
}

static int take_payload(struct rpc_frame_reader *reader, struct cursor *cursor, size_t length) {
    size_t whole = (size_t)reader->total - RPC_ENVELOPE_BYTES;
    size_t size = reader->msg->size + length;
    if (size > reader->msg->capacity) {
        size_t capacity = size > whole / 2 ? whole : size * 2;
        if (rpc_msg_reserve(&reader->msg, capacity) != 0) return fail(reader, CHARIOT_ENOMEM, "out of memory");
    }
    copy_out(cursor, rpc_msg_payload(reader->msg) + reader->msg->size, length);
    reader->msg->size = size;
    reader->have += length;
    return 0;
}

static int check_total(struct rpc_frame_reader *reader, uint64_t total, size_t length) {
    if (rpc_frame_reader_amid(reader) && total != reader->total)
        return fail(reader, CHARIOT_EMALFORMED, "total size differs between fragments");
    if (total < RPC_ENVELOPE_BYTES) return fail(reader, CHARIOT_EMALFORMED, "envelope cut short");
    if (total - RPC_ENVELOPE_BYTES > reader->message_bytes)
        return fail(reader, CHARIOT_ETOOBIG, "message exceeds the limit");
    if (length == 0) return fail(reader, CHARIOT_EMALFORMED, "empty fragment");
    uint64_t have = rpc_frame_reader_amid(reader) ? reader->have : 0;
    if (length > total - have) return fail(reader, CHARIOT_EMALFORMED, "fragments beyond their total size");
    return 0;
}

static int read_fragment(struct rpc_frame_reader *reader, struct cursor *cursor, size_t length,
                         struct rpc_msg_queue *out) {
    if (length < FRAGMENT_FIXED_BYTES) return fail(reader, CHARIOT_EMALFORMED, "fragment cut short");
    if (length != cursor->left) return fail(reader, CHARIOT_EMALFORMED, "bytes behind a fragment");
    uint8_t room[FRAGMENT_FIXED_BYTES];
    const uint8_t *fixed = piece(cursor, room, sizeof room);
    if (fixed[0] != TAG_TOTAL_SIZE || fixed[9] != TAG_DATA)
        return fail(reader, CHARIOT_EMALFORMED, "unknown tag in a fragment");
    int error = read_length(reader, fixed + 10, cursor, &length);
    if (error != 0) return error;
    if (length != cursor->left) return fail(reader, CHARIOT_EMALFORMED, "bytes behind a fragment's data");
    uint64_t total = rpc_fixed64_read(fixed + 1);
    error = check_total(reader, total, length);
    if (error != 0) return error;
    if (!rpc_frame_reader_amid(reader)) {
        reader->total = total;
        reader->have = 0;
    }
    if (reader->msg == NULL) error = take_head(reader, cursor, &length);
    if (error == 0 && length > 0) error = take_payload(reader, cursor, length);
    if (error != 0 || reader->have < reader->total) return error;
    rpc_msg_queue_push_take(out, reader->msg);
    reader->msg = NULL;
    reader->total = 0;
    return 0;
}

int rpc_frame_reader_feed(struct rpc_frame_reader *reader, const struct rpc_slice *slices, size_t num_slices,
                          struct rpc_msg_queue *out) {
    struct cursor cursor = cursor_of(slices, num_slices);
    bool first = true;
    while (reader->error == 0 && cursor.left > 0) {
        uint8_t room[RPC_FRAME_TAG_BYTES];
        size_t length;
        if (cursor.left < sizeof room) return fail(reader, CHARIOT_EMALFORMED, "frame cut short");
        const uint8_t *tag = piece(&cursor, room, sizeof room);
        if (tag[0] != TAG_ENVELOPES && tag[0] != TAG_FRAGMENT)
            return fail(reader, CHARIOT_EMALFORMED, "unknown tag in a frame");
        if (read_length(reader, tag + 1, &cursor, &length) != 0) break;
        if (tag[0] == TAG_ENVELOPES)
            read_envelope(reader, &cursor, length, out);
        else if (first)
            read_fragment(reader, &cursor, length, out);
        else
            fail(reader, CHARIOT_EMALFORMED, "fragment behind an envelope");
        first = false;
    }
    return reader->error;
}
