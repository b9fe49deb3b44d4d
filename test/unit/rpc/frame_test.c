/* test/unit/rpc/frame_test.c */
#include "test/unit/fault_alloc.h"

#include "rpc/frame.c"
#include "rpc/msg.c"

#include "rpc/proto/chariot/v1/peer.pb-c.h"
#include "test/unit/unit.h"

enum { FRAME_MAX = 1 << 20 };

static struct rpc_limits limits_of(size_t message_bytes) {
    struct rpc_limits limits = rpc_limits_default;
    limits.message_bytes = message_bytes;
    return limits;
}

static struct chariot_msg *make(uint64_t seq, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    if (msg == NULL) return NULL;
    msg->kind = 20;
    msg->from = 3;
    msg->seq = seq;
    msg->target = seq * 0x9e3779b97f4a7c15u;
    msg->size = size;
    for (size_t i = 0; i < size; i++) rpc_msg_payload(msg)[i] = (uint8_t)(seq + i * 3);
    return msg;
}

static void expect(struct rpc_msg_queue *queue, uint64_t seq, size_t size) {
    struct chariot_msg *msg = rpc_msg_queue_pop(queue), *wanted = make(seq, size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    CU_ASSERT_EQUAL(msg->kind, 20);
    CU_ASSERT_EQUAL(msg->from, 3);
    CU_ASSERT_EQUAL(msg->seq, seq);
    CU_ASSERT_EQUAL(msg->target, wanted->target);
    CU_ASSERT_EQUAL_FATAL(msg->size, size);
    CU_ASSERT_EQUAL(memcmp(rpc_msg_payload(msg), rpc_msg_payload(wanted), size), 0);
    rpc_msg_unref(msg);
    rpc_msg_unref(wanted);
}

/* A frame of messages 0, 1, ... with these sizes. */
static size_t frame_of(uint8_t *out, const size_t *sizes, size_t count) {
    struct rpc_frame_batch batch = {0};
    for (size_t i = 0; i < count; i++) {
        struct chariot_msg *msg = make(i, sizes[i]);
        CU_ASSERT_EQUAL(rpc_frame_batch_append(&batch, msg), 0);
        rpc_msg_unref(msg);
    }
    CU_ASSERT_EQUAL(batch.count, count);
    size_t size = batch.size;
    memcpy(out, batch.data, size);
    rpc_frame_batch_deinit(&batch);
    return size;
}

static int feed(struct rpc_frame_reader *reader, const uint8_t *data, size_t size, struct rpc_msg_queue *queue) {
    struct rpc_slice slice = {data, size};
    return rpc_frame_reader_feed(reader, &slice, 1, queue);
}

/* Feeds a fresh reader one frame from a block of exactly its size, so that a read beyond it is found. */
static void expect_failure(const uint8_t *data, size_t size, int error, const char *why) {
    struct rpc_limits limits = limits_of(1 << 20);
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    uint8_t *exact = malloc(size);
    memcpy(exact, data, size);
    rpc_frame_reader_init(&reader, &limits, NULL);
    CU_ASSERT_EQUAL(feed(&reader, exact, size, &queue), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader.why);
    CU_ASSERT_STRING_EQUAL(reader.why, why);
    uint8_t good[200];
    static const size_t small[] = {1};
    size_t good_size = frame_of(good, small, 1);
    rpc_msg_queue_clear(&queue);
    CU_ASSERT_EQUAL(feed(&reader, good, good_size, &queue), error);
    CU_ASSERT_EQUAL(queue.count, 0);
    CU_ASSERT_STRING_EQUAL(reader.why, why);
    rpc_frame_reader_deinit(&reader);
    free(exact);
}

/* ---------------------------------------------------------------- whole envelopes */

static void protobuf_reads_a_batch(void) {
    static const size_t sizes[] = {0, 1, 500, 20000};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t size = frame_of(frame, sizes, 4);
    Chariot__V1__LinkRequest *read = chariot__v1__link_request__unpack(NULL, size, frame);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    CU_ASSERT_EQUAL_FATAL(read->n_envelopes, 4);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(read->envelopes[i]->seq, i);
        CU_ASSERT_EQUAL(read->envelopes[i]->head, 20);
        CU_ASSERT_EQUAL(read->envelopes[i]->payload.len, sizes[i]);
    }
    CU_ASSERT_PTR_NULL(read->fragment);
    chariot__v1__link_request__free_unpacked(read, NULL);
    free(frame);
}

static void a_batch_is_read_back_however_it_is_sliced(void) {
    static const size_t sizes[] = {0, 1, 7, 300, 0};
    uint8_t frame[2000];
    size_t size = frame_of(frame, sizes, 5);
    for (size_t step = 1; step <= size; step++) {
        struct rpc_slice slices[2000];
        size_t count = 0;
        for (size_t at = 0; at < size; at += step, count++)
            slices[count] = (struct rpc_slice){frame + at, size - at < step ? size - at : step};
        struct rpc_frame_reader reader;
        struct rpc_msg_queue queue = {0};
        rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
        CU_ASSERT_EQUAL(rpc_frame_reader_feed(&reader, slices, count, &queue), 0);
        for (size_t i = 0; i < 5; i++) expect(&queue, i, sizes[i]);
        CU_ASSERT_EQUAL(queue.count, 0);
        rpc_frame_reader_deinit(&reader);
    }
}

static void empty_slices_and_frames_hold_nothing(void) {
    static const size_t sizes[] = {4};
    uint8_t frame[200];
    size_t size = frame_of(frame, sizes, 1);
    struct rpc_slice slices[] = {{NULL, 0}, {frame, 3}, {NULL, 0}, {NULL, 0}, {frame + 3, size - 3}, {NULL, 0}};
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
    CU_ASSERT_EQUAL(rpc_frame_reader_feed(&reader, NULL, 0, &queue), 0);
    CU_ASSERT_EQUAL(rpc_frame_reader_feed(&reader, slices, 6, &queue), 0);
    expect(&queue, 0, 4);
    rpc_frame_reader_deinit(&reader);
}

static void a_message_packed_in_place_equals_its_batch(void) {
    static const size_t sizes[] = {40000};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t size = frame_of(frame, sizes, 1), packed_size;
    struct chariot_msg *msg = make(0, 40000);
    const uint8_t *packed;
    for (int twice = 0; twice < 2; twice++) {
        CU_ASSERT_EQUAL(rpc_frame_pack(msg, &packed, &packed_size), 0);
        CU_ASSERT_EQUAL_FATAL(packed_size, size);
        CU_ASSERT_EQUAL(memcmp(packed, frame, size), 0);
    }
    msg->hops++;
    CU_ASSERT_EQUAL(rpc_frame_pack(msg, &packed, &packed_size), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(packed, frame, size), 0);
    rpc_msg_unref(msg);
    free(frame);
}

static void a_size_beyond_the_layout_is_refused(void) {
    struct chariot_msg msg = {.size = (size_t)1 << 35};
    struct rpc_frame_batch batch = {0};
    struct rpc_frame_split split;
    const uint8_t *data;
    size_t size;
    CU_ASSERT_EQUAL(rpc_frame_batch_append(&batch, &msg), CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(rpc_frame_pack(&msg, &data, &size), CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(rpc_frame_split_init(&split, &msg, 1000), CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(batch.size, 0);
}

/* ---------------------------------------------------------------- fragments */

static size_t next_fragment(struct rpc_frame_split *split, uint8_t *out) {
    const uint8_t *data;
    size_t size;
    if (!rpc_frame_split_next(split, out, &data, &size)) return 0;
    memcpy(out + RPC_FRAGMENT_HEAD_BYTES, data, size);
    return RPC_FRAGMENT_HEAD_BYTES + size;
}

static void fragments_of_any_size_give_the_message(void) {
    static const size_t sizes[] = {0, 1, 79, 80, 81, 1000, 5000};
    uint8_t frame[8192];
    for (size_t i = 0; i < 7; i++) {
        for (size_t frame_bytes = RPC_FRAGMENT_HEAD_BYTES + 1; frame_bytes < 6000; frame_bytes = frame_bytes * 3 / 2) {
            struct chariot_msg *msg = make(9, sizes[i]);
            struct rpc_frame_split split;
            struct rpc_frame_reader reader;
            struct rpc_msg_queue queue = {0};
            size_t size;
            rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
            CU_ASSERT_EQUAL(rpc_frame_split_init(&split, msg, frame_bytes), 0);
            while ((size = next_fragment(&split, frame)) > 0) {
                CU_ASSERT_EQUAL(queue.count, 0);
                CU_ASSERT_TRUE(size <= frame_bytes);
                CU_ASSERT_EQUAL_FATAL(feed(&reader, frame, size, &queue), 0);
                CU_ASSERT_EQUAL(rpc_frame_reader_amid(&reader), queue.count == 0);
            }
            expect(&queue, 9, sizes[i]);
            rpc_frame_reader_deinit(&reader);
            rpc_msg_unref(msg);
        }
    }
}

static void protobuf_reads_a_fragment(void) {
    struct chariot_msg *msg = make(1, 1000);
    struct rpc_frame_split split;
    uint8_t frame[1200];
    CU_ASSERT_EQUAL(rpc_frame_split_init(&split, msg, 600), 0);
    size_t size = next_fragment(&split, frame);
    Chariot__V1__LinkResponse *read = chariot__v1__link_response__unpack(NULL, size, frame);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read->fragment);
    CU_ASSERT_EQUAL(read->n_envelopes, 0);
    CU_ASSERT_EQUAL(read->fragment->total_size, 1080);
    CU_ASSERT_EQUAL_FATAL(read->fragment->data.len, 600 - RPC_FRAGMENT_HEAD_BYTES);
    CU_ASSERT_EQUAL(memcmp(read->fragment->data.data, rpc_msg_wire(msg) + 6, read->fragment->data.len), 0);
    chariot__v1__link_response__free_unpacked(read, NULL);
    rpc_msg_unref(msg);
}

/* Writes a fragment's head for `size` bytes of data that follow. */
static void put_fragment_head(uint8_t *out, uint64_t total, size_t size) {
    struct rpc_frame_split split = {.at = out, .total = total, .left = size, .step = size};
    const uint8_t *data;
    size_t step;
    if (size > 0) {
        CU_ASSERT_TRUE(rpc_frame_split_next(&split, out, &data, &step));
        return;
    }
    put_fragment_head(out, total, 1);
    out[1]--, out[16]--;
}

static void a_huge_claim_takes_no_memory_ahead_of_its_bytes(void) {
    const uint64_t payload = (uint64_t)30 << 30;
    struct chariot_msg claim = {.kind = 20, .size = payload};
    uint8_t *frame = calloc(1, FRAME_MAX);
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
    CU_ASSERT_EQUAL(rpc_envelope_pack(&claim, frame + RPC_FRAGMENT_HEAD_BYTES), 0);
    size_t data = FRAME_MAX - RPC_FRAGMENT_HEAD_BYTES;
    put_fragment_head(frame, RPC_ENVELOPE_BYTES + payload, data);
    for (size_t sent = 0; sent < (size_t)70 << 20; sent += data) {
        CU_ASSERT_EQUAL_FATAL(feed(&reader, frame, FRAME_MAX, &queue), 0);
        size_t allowed = 2 * (sent + data) > BELIEVED_BYTES ? 2 * (sent + data) : BELIEVED_BYTES;
        CU_ASSERT_TRUE(reader.msg->capacity <= allowed);
    }
    rpc_frame_reader_deinit(&reader);
    CU_ASSERT_EQUAL(queue.count, 0);
    free(frame);
}

static void a_message_larger_than_is_believed_arrives(void) {
    struct chariot_msg *msg = make(4, BELIEVED_BYTES + (BELIEVED_BYTES >> 1) + 12345);
    struct rpc_frame_split split;
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    uint8_t head[RPC_FRAGMENT_HEAD_BYTES];
    struct rpc_slice slices[2] = {{head, sizeof head}, {0}};
    rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
    CU_ASSERT_EQUAL(rpc_frame_split_init(&split, msg, (size_t)4 << 20), 0);
    while (rpc_frame_split_next(&split, head, &slices[1].data, &slices[1].size))
        CU_ASSERT_EQUAL_FATAL(rpc_frame_reader_feed(&reader, slices, 2, &queue), 0);
    expect(&queue, 4, msg->size);
    rpc_frame_reader_deinit(&reader);
    rpc_msg_unref(msg);
}

/* ---------------------------------------------------------------- what peers may claim */

static void a_frame_cut_short_is_malformed_wherever_it_is_cut(void) {
    static const size_t sizes[] = {10, 20};
    uint8_t frame[300];
    size_t size = frame_of(frame, sizes, 2), first = RPC_WIRE_BYTES + 10;
    for (size_t cut = 1; cut < size; cut++) {
        if (cut == first) continue;
        size_t in_tag = cut < first ? cut : cut - first;
        expect_failure(frame, cut, CHARIOT_EMALFORMED,
                       in_tag < RPC_FRAME_TAG_BYTES ? "frame cut short" : "length beyond the frame");
    }
}

static void what_came_ahead_of_garbage_is_delivered(void) {
    static const size_t sizes[] = {10, 20, 30};
    uint8_t frame[400];
    size_t size = frame_of(frame, sizes, 3);
    frame[2 * RPC_WIRE_BYTES + 30] = 0xff;
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
    CU_ASSERT_EQUAL(feed(&reader, frame, size, &queue), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(queue.count, 2);
    expect(&queue, 0, 10);
    expect(&queue, 1, 20);
    rpc_frame_reader_deinit(&reader);
}

static void garbage_is_malformed(void) {
    static const size_t sizes[] = {10};
    uint8_t frame[200], garbage[64];
    size_t size = frame_of(frame, sizes, 1);
    memset(garbage, 0xa5, sizeof garbage);
    expect_failure(garbage, sizeof garbage, CHARIOT_EMALFORMED, "unknown tag in a frame");
    expect_failure((const uint8_t *)"GET / HTTP/1.1\r\n", 16, CHARIOT_EMALFORMED, "unknown tag in a frame");
    frame[6] ^= 1;
    expect_failure(frame, size, CHARIOT_EMALFORMED, "malformed envelope");
    frame[6] ^= 1;
    frame[1] &= 0x7f; /* a shorter varint */
    expect_failure(frame, size, CHARIOT_EMALFORMED, "malformed length");
}

static void a_length_of_one_gib_is_malformed_and_takes_no_memory(void) {
    static const size_t sizes[] = {10};
    uint8_t frame[200];
    size_t size = frame_of(frame, sizes, 1);
    rpc_varint_pack((uint64_t)1 << 30, frame + 1);
    expect_failure(frame, size, CHARIOT_EMALFORMED, "length beyond the frame");
    size = frame_of(frame, sizes, 1);
    rpc_varint_pack((uint64_t)1 << 30, frame + 81);
    expect_failure(frame, size, CHARIOT_EMALFORMED, "malformed envelope");
    rpc_varint_pack(30, frame + 1);
    expect_failure(frame, 36, CHARIOT_EMALFORMED, "envelope cut short");
}

static void fragments_that_contradict_themselves_are_malformed(void) {
    uint8_t frame[300] = {0};
    put_fragment_head(frame, 79, 10);
    expect_failure(frame, 31, CHARIOT_EMALFORMED, "envelope cut short");
    put_fragment_head(frame, 0, 10);
    expect_failure(frame, 31, CHARIOT_EMALFORMED, "envelope cut short");
    put_fragment_head(frame, 81, 82);
    expect_failure(frame, 103, CHARIOT_EMALFORMED, "fragments beyond their total size");
    put_fragment_head(frame, 100, 0);
    expect_failure(frame, 21, CHARIOT_EMALFORMED, "empty fragment");
    put_fragment_head(frame, 100, 10);
    expect_failure(frame, 30, CHARIOT_EMALFORMED, "length beyond the frame");
    frame[16]--;
    expect_failure(frame, 31, CHARIOT_EMALFORMED, "bytes behind a fragment's data");
    put_fragment_head(frame, 100, 10);
    expect_failure(frame, 32, CHARIOT_EMALFORMED, "bytes behind a fragment");
    frame[6] = 0x11;
    expect_failure(frame, 31, CHARIOT_EMALFORMED, "unknown tag in a fragment");
    put_fragment_head(frame, 100, 90); /* its envelope is zeros */
    memset(frame + 21, 0, 90);
    expect_failure(frame, 111, CHARIOT_EMALFORMED, "malformed envelope");
    frame[0] = 0x12;
    rpc_varint_pack(3, frame + 1);
    expect_failure(frame, 9, CHARIOT_EMALFORMED, "fragment cut short");
    static const size_t sizes[] = {10};
    size_t size = frame_of(frame, sizes, 1);
    put_fragment_head(frame + size, 100, 10);
    expect_failure(frame, size + 31, CHARIOT_EMALFORMED, "fragment behind an envelope");
}

/* A reader that has the first fragment of a message of 1,080 bytes. */
static struct chariot_msg *begin(struct rpc_frame_reader *reader, struct rpc_frame_split *split, uint8_t *frame) {
    struct chariot_msg *msg = make(1, 1000);
    struct rpc_msg_queue queue = {0};
    rpc_frame_reader_init(reader, &rpc_limits_default, NULL);
    CU_ASSERT_EQUAL(rpc_frame_split_init(split, msg, 500), 0);
    size_t size = next_fragment(split, frame);
    CU_ASSERT_EQUAL(feed(reader, frame, size, &queue), 0);
    CU_ASSERT_TRUE(rpc_frame_reader_amid(reader));
    return msg;
}

static void nothing_may_come_between_fragments(void) {
    static const size_t sizes[] = {10};
    struct rpc_frame_reader reader;
    struct rpc_frame_split split;
    struct rpc_msg_queue queue = {0};
    uint8_t frame[600];
    struct chariot_msg *msg = begin(&reader, &split, frame);
    size_t size = frame_of(frame, sizes, 1);
    CU_ASSERT_EQUAL(feed(&reader, frame, size, &queue), CHARIOT_EMALFORMED);
    CU_ASSERT_STRING_EQUAL(reader.why, "another message between fragments");
    CU_ASSERT_EQUAL(queue.count, 0);
    rpc_frame_reader_deinit(&reader);
    rpc_msg_unref(msg);
}

static void a_total_size_that_changes_is_malformed(void) {
    struct rpc_frame_reader reader;
    struct rpc_frame_split split;
    struct rpc_msg_queue queue = {0};
    uint8_t frame[600];
    struct chariot_msg *msg = begin(&reader, &split, frame);
    split.total++;
    size_t size = next_fragment(&split, frame);
    CU_ASSERT_EQUAL(feed(&reader, frame, size, &queue), CHARIOT_EMALFORMED);
    CU_ASSERT_STRING_EQUAL(reader.why, "total size differs between fragments");
    CU_ASSERT_PTR_NULL(reader.msg);
    rpc_frame_reader_deinit(&reader);
    rpc_msg_unref(msg);
}

static void messages_above_the_limit_are_too_big(void) {
    static const size_t sizes[] = {(1 << 20) - 200};
    struct rpc_limits limits = limits_of(1000);
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    uint8_t *frame = malloc(FRAME_MAX);
    size_t size = frame_of(frame, sizes, 1);
    rpc_frame_reader_init(&reader, &limits, NULL);
    CU_ASSERT_EQUAL(feed(&reader, frame, size, &queue), CHARIOT_ETOOBIG);
    CU_ASSERT_STRING_EQUAL(reader.why, "message exceeds the limit");
    rpc_frame_reader_deinit(&reader);
    put_fragment_head(frame, 1081, 100);
    rpc_frame_reader_init(&reader, &limits, NULL);
    CU_ASSERT_EQUAL(feed(&reader, frame, 121, &queue), CHARIOT_ETOOBIG);
    rpc_frame_reader_deinit(&reader);
    put_fragment_head(frame, UINT64_MAX, 100);
    expect_failure(frame, 121, CHARIOT_ETOOBIG, "message exceeds the limit");
    free(frame);
}

/* Every way to change one byte of a frame is either still a frame or refused; ASan watches. */
static void any_changed_byte_is_harmless(void) {
    static const size_t sizes[] = {5, 0};
    uint8_t frame[300];
    size_t size = frame_of(frame, sizes, 2);
    put_fragment_head(frame + size, 1000, 90);
    for (int part = 0; part < 2; part++) {
        uint8_t *from = part == 0 ? frame : frame + size;
        size_t length = part == 0 ? size : 111;
        uint8_t *exact = malloc(length);
        memcpy(exact, from, length);
        for (size_t i = 0; i < length * 256; i++) {
            struct rpc_frame_reader reader;
            struct rpc_msg_queue queue = {0};
            exact[i / 256] = (uint8_t)i;
            rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
            int error = feed(&reader, exact, length, &queue);
            CU_ASSERT_TRUE(error == 0 || error == CHARIOT_EMALFORMED || error == CHARIOT_ETOOBIG);
            CU_ASSERT_TRUE((error == 0) == (reader.why == NULL));
            rpc_msg_queue_clear(&queue);
            rpc_frame_reader_deinit(&reader);
            exact[i / 256] = from[i / 256];
        }
        free(exact);
    }
}

/* ---------------------------------------------------------------- memory */

static int send_and_read(void) {
    static const size_t sizes[] = {10, 9000, 100};
    struct rpc_frame_batch batch = {0};
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    int error = 0;
    rpc_frame_reader_init(&reader, &rpc_limits_default, NULL);
    for (size_t i = 0; error == 0 && i < 3; i++) {
        struct chariot_msg *msg = make(i, sizes[i]);
        size_t size = batch.size;
        error = msg == NULL ? CHARIOT_ENOMEM : rpc_frame_batch_append(&batch, msg);
        if (error != 0) CU_ASSERT_TRUE(batch.size == size && batch.count == i);
        rpc_msg_unref(msg);
    }
    if (error == 0) error = feed(&reader, batch.data, batch.size, &queue);
    struct chariot_msg *large = error == 0 ? make(5, 3000) : NULL;
    struct rpc_frame_split split;
    uint8_t frame[1000];
    size_t size;
    if (error == 0) error = large == NULL ? CHARIOT_ENOMEM : rpc_frame_split_init(&split, large, sizeof frame);
    while (error == 0 && (size = next_fragment(&split, frame)) > 0) error = feed(&reader, frame, size, &queue);
    if (error == 0) CU_ASSERT_EQUAL(queue.count, 4);
    rpc_msg_unref(large);
    rpc_msg_queue_clear(&queue);
    rpc_frame_reader_deinit(&reader);
    rpc_frame_batch_deinit(&batch);
    return error;
}

static void every_allocation_may_fail(void) {
    FAULT_SWEEP(nth) {
        int error = send_and_read();
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (error == 0)
            FAULT_DONE
        else
            CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
}

UNIT_MAIN("rpc/frame", UNIT(protobuf_reads_a_batch), UNIT(a_batch_is_read_back_however_it_is_sliced),
          UNIT(empty_slices_and_frames_hold_nothing), UNIT(a_message_packed_in_place_equals_its_batch),
          UNIT(a_size_beyond_the_layout_is_refused), UNIT(fragments_of_any_size_give_the_message),
          UNIT(protobuf_reads_a_fragment), UNIT(a_huge_claim_takes_no_memory_ahead_of_its_bytes),
          UNIT(a_message_larger_than_is_believed_arrives), UNIT(a_frame_cut_short_is_malformed_wherever_it_is_cut),
          UNIT(what_came_ahead_of_garbage_is_delivered), UNIT(garbage_is_malformed),
          UNIT(a_length_of_one_gib_is_malformed_and_takes_no_memory),
          UNIT(fragments_that_contradict_themselves_are_malformed), UNIT(nothing_may_come_between_fragments),
          UNIT(a_total_size_that_changes_is_malformed), UNIT(messages_above_the_limit_are_too_big),
          UNIT(any_changed_byte_is_harmless), UNIT(every_allocation_may_fail))
