/* rpc/grpc_out.c: the queue of one link towards gRPC (grpc_out.h). */
#include "rpc/grpc_out.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stdlib.h>

#include "rpc/error.h"

enum {
    SLICES_PER_FRAME = 32,
    COPY_BYTES = 8192, /* batches up to this size are copied once more, and keep their memory for the next */
};

/* One batch of small messages, or one large message. */
struct rpc_out_item {
    struct rpc_out_item *next;
    struct rpc_loan *loan; /* of the large message; NULL: a batch */
    struct rpc_frame_batch batch;
};

void rpc_out_init(struct rpc_out *out, struct rpc_hub *hub, const struct rpc_limits *limits) {
    *out = (struct rpc_out){.hub = hub, .limits = limits};
}

static void item_free(struct rpc_out_item *item) {
    if (item == NULL) return;
    rpc_frame_batch_deinit(&item->batch);
    free(item);
}

static struct rpc_out_item *item_new(struct rpc_out *out) {
    struct rpc_out_item *item = out->spare;
    out->spare = NULL;
    return item != NULL ? item : calloc(1, sizeof *item);
}

/* Done with an item whose loan, if it had one, has been handed on. */
static void item_retire(struct rpc_out *out, struct rpc_out_item *item) {
    if (out->spare != NULL) {
        item_free(item);
        return;
    }
    item->next = NULL;
    item->loan = NULL;
    rpc_frame_batch_clear(&item->batch);
    out->spare = item;
}

static struct rpc_out_item *pop(struct rpc_out *out) {
    struct rpc_out_item *item = out->head;
    out->head = item->next;
    if (out->head == NULL) out->tail = NULL;
    return item;
}

static void push(struct rpc_out *out, struct rpc_out_item *item) {
    item->next = NULL;
    if (out->tail == NULL)
        out->head = item;
    else
        out->tail->next = item;
    out->tail = item;
}

void rpc_out_clear(struct rpc_out *out) {
    if (out->splitting) {
        grpc_slice_unref(out->whole); /* its loan ends with it */
        out->splitting = false;
        item_retire(out, pop(out));
    }
    while (out->head != NULL) {
        struct rpc_out_item *item = pop(out);
        if (item->loan != NULL) rpc_loan_back(item->loan);
        item_free(item);
    }
    out->bytes = out->copied = 0;
}

void rpc_out_deinit(struct rpc_out *out) {
    rpc_out_clear(out);
    item_free(out->spare);
    out->spare = NULL;
}

/* ---------------------------------------------------------------- in */

static int append_small(struct rpc_out *out, const struct chariot_msg *msg) {
    struct rpc_out_item *tail = out->tail;
    bool fits =
        tail != NULL && tail->loan == NULL && tail->batch.size + rpc_frame_size_of(msg) <= out->limits->batch_bytes;
    struct rpc_out_item *item = fits ? tail : item_new(out);
    if (item == NULL) return CHARIOT_ENOMEM;
    int error = rpc_frame_batch_append(&item->batch, msg);
    if (!fits && error != 0) item_retire(out, item);
    if (!fits && error == 0) push(out, item);
    return error;
}

static int append_own(struct rpc_out *out, struct chariot_msg *msg) {
    const uint8_t *data;
    size_t size;
    int error = rpc_frame_pack(msg, &data, &size);
    if (error != 0) return error;
    struct rpc_out_item *item = item_new(out);
    if (item == NULL) return CHARIOT_ENOMEM;
    item->loan = rpc_loan_new(out->hub, msg);
    if (item->loan == NULL) {
        item_retire(out, item);
        return CHARIOT_ENOMEM;
    }
    push(out, item);
    return 0;
}

/* A borrowed payload has no room for the wire form in front of it. */
static int append_large(struct rpc_out *out, struct chariot_msg *msg) {
    if (rpc_msg_has_wire(msg)) return append_own(out, msg);
    struct chariot_msg *copy = rpc_msg_copy(msg);
    if (copy == NULL) return CHARIOT_ENOMEM;
    int error = append_own(out, copy);
    rpc_msg_unref(copy);
    return error;
}

int rpc_out_append(struct rpc_out *out, struct chariot_msg *msg) {
    if (msg->size > out->limits->message_bytes) return CHARIOT_ETOOBIG;
    bool small = msg->size <= out->limits->inline_bytes && rpc_frame_size_of(msg) <= out->limits->frame_bytes;
    int error = small ? append_small(out, msg) : append_large(out, msg);
    if (error != 0) return error;
    out->bytes += rpc_frame_size_of(msg);
    if (small) out->copied += rpc_frame_size_of(msg);
    return 0;
}

/* ---------------------------------------------------------------- out */

/* The slices of one frame in the making. */
struct gather {
    grpc_slice slices[SLICES_PER_FRAME];
    size_t count;
    size_t bytes;
};

static void gather_add(struct gather *gather, grpc_slice slice) {
    assert(gather->count < SLICES_PER_FRAME);
    gather->bytes += GRPC_SLICE_LENGTH(slice);
    gather->slices[gather->count++] = slice;
}

static grpc_byte_buffer *gather_finish(struct gather *gather) {
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(gather->slices, gather->count);
    for (size_t i = 0; i < gather->count; i++) grpc_slice_unref(gather->slices[i]);
    return buffer;
}

static grpc_slice slice_of_batch(struct rpc_frame_batch *batch) {
    if (batch->size <= COPY_BYTES) return grpc_slice_from_copied_buffer((const char *)batch->data, batch->size);
    grpc_slice slice = grpc_slice_new(batch->data, batch->size, free);
    *batch = (struct rpc_frame_batch){0};
    return slice;
}

static grpc_slice slice_of_item(struct rpc_out_item *item) {
    if (item->loan == NULL) return slice_of_batch(&item->batch);
    struct chariot_msg *msg = item->loan->msg;
    return rpc_loan_slice(item->loan, rpc_msg_wire(msg), rpc_frame_size_of(msg));
}

static size_t item_bytes(const struct rpc_out_item *item) {
    return item->loan == NULL ? item->batch.size : rpc_frame_size_of(item->loan->msg);
}

/* At least one item, and no more of them than make a full batch: a frame is received as a whole before any of it runs.
 */
static void next_items(struct rpc_out *out, struct gather *gather) {
    do {
        struct rpc_out_item *item = pop(out);
        if (item->loan == NULL) out->copied -= item->batch.size;
        gather_add(gather, slice_of_item(item));
        item_retire(out, item);
    } while (out->head != NULL && gather->count < SLICES_PER_FRAME &&
             gather->bytes + item_bytes(out->head) <= out->limits->batch_bytes);
    out->bytes -= gather->bytes;
}

static int begin_split(struct rpc_out *out) {
    struct chariot_msg *msg = out->head->loan->msg;
    int error = rpc_frame_split_init(&out->split, msg, out->limits->frame_bytes);
    if (error != 0) return error;
    out->whole = rpc_loan_slice(out->head->loan, rpc_msg_wire(msg), rpc_frame_size_of(msg));
    out->splitting = true;
    return 0;
}

static void end_split(struct rpc_out *out) {
    out->bytes -= rpc_frame_size_of(out->head->loan->msg);
    grpc_slice_unref(out->whole);
    out->splitting = false;
    item_retire(out, pop(out));
}

static void next_fragment(struct rpc_out *out, struct gather *gather) {
    uint8_t head[RPC_FRAGMENT_HEAD_BYTES];
    const uint8_t *data;
    size_t size;
    bool more = rpc_frame_split_next(&out->split, head, &data, &size);
    assert(more);
    (void)more;
    size_t begin = (size_t)(data - GRPC_SLICE_START_PTR(out->whole));
    gather_add(gather, grpc_slice_from_copied_buffer((const char *)head, sizeof head));
    gather_add(gather, grpc_slice_sub(out->whole, begin, begin + size));
    if (out->split.left == 0) end_split(out);
}

int rpc_out_next(struct rpc_out *out, grpc_byte_buffer **frame, size_t *size) {
    assert(out->head != NULL);
    struct gather gather = {.count = 0};
    if (!out->splitting && item_bytes(out->head) > out->limits->frame_bytes) {
        int error = begin_split(out);
        if (error != 0) return error;
    }
    if (out->splitting)
        next_fragment(out, &gather);
    else
        next_items(out, &gather);
    *size = gather.bytes;
    *frame = gather_finish(&gather);
    return 0;
}
