/* test/unit/rpc/grpc_out_test.c: how what waits for a link is cut into gRPC messages. The hub is only a list of loans
 * here. What is taken out is read back with rpc/frame.h. */
#include "test/unit/fault_alloc.h"

#include "rpc/grpc_out.c"

#include <grpc/byte_buffer_reader.h>

#include "rpc/msg.h"
#include "test/unit/unit.h"

static struct rpc_limits limits = {
    .frame_bytes = 8192,
    .batch_bytes = 2048,
    .inline_bytes = 512,
    .message_bytes = 1 << 20,
    .credit_bytes = 1 << 20,
    .queue_bytes = 1 << 20,
};

struct desk {
    struct rpc_hub hub;
    struct rpc_out out;
    struct rpc_frame_reader reader;
    struct rpc_msg_queue read;
    size_t frames, largest, slices;
    bool from_message;              /* a slice lay in a message's own memory */
    uintptr_t watched, watched_end; /* of the message appended last */
};

static void desk_open(struct desk *desk) {
    memset(desk, 0, sizeof *desk);
    rpc_out_init(&desk->out, &desk->hub, &limits);
    rpc_frame_reader_init(&desk->reader, &limits, NULL);
}

/* As rpc_hub_poll() does it. */
static void settle(struct desk *desk) {
    struct rpc_loan *loan = atomic_exchange(&desk->hub.loans, NULL);
    while (loan != NULL) {
        struct rpc_loan *next = loan->next;
        rpc_msg_unref(loan->msg);
        (free)(loan); /* the hub's, not counted here */
        desk->hub.loans_out--;
        loan = next;
    }
}

static void desk_close(struct desk *desk) {
    rpc_out_deinit(&desk->out);
    settle(desk);
    CU_ASSERT_EQUAL(desk->hub.loans_out, 0);
    CU_ASSERT_EQUAL(desk->out.bytes, 0);
    rpc_frame_reader_deinit(&desk->reader);
    rpc_msg_queue_clear(&desk->read);
}

static int append(struct desk *desk, uint32_t number, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    msg->kind = RPC_KIND_FIRST_USER;
    msg->seq = number;
    msg->size = size;
    memset(rpc_msg_payload(msg), (int)number, size);
    desk->watched = (uintptr_t)msg;
    desk->watched_end = (uintptr_t)(rpc_msg_payload(msg) + size);
    int error = rpc_out_append(&desk->out, msg);
    rpc_msg_unref(msg);
    return error;
}

static void read_frame(struct desk *desk, grpc_byte_buffer *frame) {
    struct rpc_slice slices[SLICES_PER_FRAME];
    grpc_byte_buffer_reader reader;
    grpc_slice *slice;
    size_t count = 0;
    CU_ASSERT_TRUE_FATAL(grpc_byte_buffer_reader_init(&reader, frame));
    while (grpc_byte_buffer_reader_peek(&reader, &slice)) {
        slices[count++] = (struct rpc_slice){GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
        uintptr_t at = (uintptr_t)GRPC_SLICE_START_PTR(*slice);
        desk->from_message |= at >= desk->watched && at < desk->watched_end;
    }
    CU_ASSERT_EQUAL(rpc_frame_reader_feed(&desk->reader, slices, count, &desk->read), 0);
    desk->slices += count;
    grpc_byte_buffer_reader_destroy(&reader);
}

static void take_all(struct desk *desk) {
    while (!rpc_out_empty(&desk->out)) {
        grpc_byte_buffer *frame;
        size_t size;
        CU_ASSERT_EQUAL_FATAL(rpc_out_next(&desk->out, &frame, &size), 0);
        CU_ASSERT_EQUAL(size, grpc_byte_buffer_length(frame));
        if (size > desk->largest) desk->largest = size;
        desk->frames++;
        read_frame(desk, frame);
        grpc_byte_buffer_destroy(frame);
    }
}

static void expect_in_order(struct desk *desk, uint32_t count) {
    CU_ASSERT_EQUAL(desk->read.count, count);
    for (uint32_t i = 0; i < count; i++) {
        struct chariot_msg *msg = rpc_msg_queue_pop(&desk->read);
        CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
        CU_ASSERT_EQUAL(msg->seq, i);
        bool same = true;
        for (size_t at = 0; at < msg->size; at++) same &= rpc_msg_payload(msg)[at] == (uint8_t)i;
        CU_ASSERT_TRUE(same);
        rpc_msg_unref(msg);
    }
}

static void small_messages_leave_together(void) {
    struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 0; i < 10; i++) CU_ASSERT_EQUAL(append(&desk, i, 40), 0);
    take_all(&desk);
    CU_ASSERT_EQUAL(desk.frames, 1);
    CU_ASSERT_EQUAL(desk.slices, 1);
    expect_in_order(&desk, 10);
    desk_close(&desk);
}

static void a_large_message_leaves_from_where_it_stands(void) {
    struct desk desk;
    desk_open(&desk);
    CU_ASSERT_EQUAL(append(&desk, 0, 4000), 0);
    CU_ASSERT_EQUAL(desk.hub.loans_out, 1);
    take_all(&desk);
    CU_ASSERT_TRUE(desk.from_message);
    settle(&desk);
    CU_ASSERT_EQUAL(desk.hub.loans_out, 0);
    expect_in_order(&desk, 1);
    desk_close(&desk);
}

static void order_holds_among_small_and_large(void) {
    static const size_t sizes[] = {0, 512, 513, 3, 5000, 1, 1, 20000, 2, 9000, 8106, 8107, 0};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 0; i < COUNT; i++) CU_ASSERT_EQUAL(append(&desk, i, sizes[i]), 0);
    take_all(&desk);
    CU_ASSERT_TRUE(desk.largest <= limits.frame_bytes);
    expect_in_order(&desk, COUNT);
    desk_close(&desk);
}

static void frames_are_bounded_in_bytes_and_slices(void) {
    struct desk desk;
    desk_open(&desk);
    for (uint32_t i = 0; i < 200; i++) CU_ASSERT_EQUAL(append(&desk, i, i % 2 == 0 ? 600 : 0), 0);
    take_all(&desk);
    CU_ASSERT_TRUE(desk.largest <= limits.batch_bytes); /* though a frame may be larger */
    CU_ASSERT_TRUE(desk.slices <= desk.frames * SLICES_PER_FRAME);
    expect_in_order(&desk, 200);
    desk_close(&desk);
}

static void what_waits_is_counted(void) {
    struct desk desk;
    desk_open(&desk);
    CU_ASSERT_EQUAL(append(&desk, 0, 10), 0);
    CU_ASSERT_EQUAL(append(&desk, 1, 100000), 0);
    CU_ASSERT_EQUAL(desk.out.bytes, 2 * RPC_WIRE_BYTES + 100010);
    take_all(&desk);
    CU_ASSERT_EQUAL(desk.out.bytes, 0);
    desk_close(&desk);
}

static void clearing_gives_the_messages_back(void) {
    struct desk desk;
    grpc_byte_buffer *frame;
    size_t size;
    desk_open(&desk);
    CU_ASSERT_EQUAL(append(&desk, 0, 100000), 0);
    CU_ASSERT_EQUAL(append(&desk, 1, 4000), 0);
    CU_ASSERT_EQUAL(append(&desk, 2, 40), 0);
    CU_ASSERT_EQUAL(rpc_out_next(&desk.out, &frame, &size), 0); /* the first of several fragments */
    rpc_out_clear(&desk.out);
    CU_ASSERT_TRUE(rpc_out_empty(&desk.out));
    settle(&desk);
    CU_ASSERT_EQUAL(desk.hub.loans_out, 1); /* the fragment is still read */
    grpc_byte_buffer_destroy(frame);
    settle(&desk);
    CU_ASSERT_EQUAL(desk.hub.loans_out, 0);
    desk_close(&desk);
}

static void a_message_above_the_limit_is_refused(void) {
    struct desk desk;
    desk_open(&desk);
    CU_ASSERT_EQUAL(append(&desk, 0, limits.message_bytes + 1), CHARIOT_ETOOBIG);
    CU_ASSERT_TRUE(rpc_out_empty(&desk.out));
    desk_close(&desk);
}

static void without_memory_nothing_is_appended(void) {
    FAULT_SWEEP(n) {
        struct desk desk;
        desk_open(&desk);
        int errors = 0, error = 0;
        for (uint32_t i = 0; i < 30 && error == 0; i++) {
            error = append(&desk, i, i % 3 == 0 ? 700 : 100);
            errors += error != 0;
        }
        if (errors > 0) CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
        bool hit = fault_hit;
        fault_disarm();
        CU_ASSERT_EQUAL(hit, errors > 0);
        take_all(&desk);
        desk_close(&desk);
        if (!hit) break;
    }
}

UNIT_MAIN("rpc/grpc_out", UNIT(small_messages_leave_together), UNIT(a_large_message_leaves_from_where_it_stands),
          UNIT(order_holds_among_small_and_large), UNIT(frames_are_bounded_in_bytes_and_slices),
          UNIT(what_waits_is_counted), UNIT(clearing_gives_the_messages_back),
          UNIT(a_message_above_the_limit_is_refused), UNIT(without_memory_nothing_is_appended))
