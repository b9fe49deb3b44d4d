/* test/unit/rpc/envelope_test.c: the fixed layout against protobuf-c, both ways. */
#include "rpc/envelope.h"

#include <stdlib.h>

#include "rpc/error.h"
#include "rpc/proto/chariot/v1/peer.pb-c.h"
#include "test/unit/unit.h"

static uint64_t random_state = 1;

static uint64_t draw(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Small and large values alike. */
static uint64_t draw_any(void) {
    uint64_t value = draw();
    return value >> draw() % 64;
}

static struct chariot_msg *random_message(size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    uint32_t head = (uint32_t)draw_any();
    memcpy(&msg->kind, &head, sizeof head);
    msg->from = (uint32_t)draw_any();
    msg->method = (uint32_t)draw_any();
    msg->root = (uint32_t)draw_any();
    msg->target = draw_any();
    for (int i = 0; i < 3; i++) msg->index[i] = draw_any();
    msg->reply = draw_any();
    msg->seq = draw_any();
    msg->size = size;
    for (size_t i = 0; i < size; i++) rpc_msg_payload(msg)[i] = (uint8_t)draw();
    return msg;
}

static uint32_t head_of(const struct chariot_msg *msg) {
    return (uint32_t)msg->kind | (uint32_t)msg->flags << 8 | (uint32_t)msg->ndims << 16 | (uint32_t)msg->hops << 24;
}

static void expect_same_header(const struct chariot_msg *a, const struct chariot_msg *b) {
    CU_ASSERT_EQUAL(head_of(a), head_of(b));
    CU_ASSERT_EQUAL(a->from, b->from);
    CU_ASSERT_EQUAL(a->method, b->method);
    CU_ASSERT_EQUAL(a->root, b->root);
    CU_ASSERT_EQUAL(a->target, b->target);
    CU_ASSERT_EQUAL(memcmp(a->index, b->index, sizeof a->index), 0);
    CU_ASSERT_EQUAL(a->reply, b->reply);
    CU_ASSERT_EQUAL(a->seq, b->seq);
}

static void protobuf_reads_what_is_packed_by_hand(void) {
    for (int round = 0; round < 500; round++) {
        struct chariot_msg *msg = random_message(draw() % (round % 50 == 0 ? 300000 : 300));
        uint8_t *wire = rpc_msg_payload(msg) - RPC_ENVELOPE_BYTES;
        CU_ASSERT_EQUAL(rpc_envelope_pack(msg, wire), 0);
        Chariot__V1__Envelope *read = chariot__v1__envelope__unpack(NULL, RPC_ENVELOPE_BYTES + msg->size, wire);
        CU_ASSERT_PTR_NOT_NULL_FATAL(read);
        CU_ASSERT_EQUAL(read->head, head_of(msg));
        CU_ASSERT_EQUAL(read->from, msg->from);
        CU_ASSERT_EQUAL(read->method, msg->method);
        CU_ASSERT_EQUAL(read->root, msg->root);
        CU_ASSERT_EQUAL(read->target, msg->target);
        CU_ASSERT_EQUAL(read->index_a, msg->index[0]);
        CU_ASSERT_EQUAL(read->index_b, msg->index[1]);
        CU_ASSERT_EQUAL(read->index_c, msg->index[2]);
        CU_ASSERT_EQUAL(read->reply, msg->reply);
        CU_ASSERT_EQUAL(read->seq, msg->seq);
        CU_ASSERT_EQUAL(read->payload.len, msg->size);
        CU_ASSERT_EQUAL(read->base.n_unknown_fields, 0);
        if (msg->size > 0) CU_ASSERT_EQUAL(memcmp(read->payload.data, rpc_msg_payload(msg), msg->size), 0);
        chariot__v1__envelope__free_unpacked(read, NULL);
        rpc_msg_unref(msg);
    }
}

/* protobuf-c leaves out zeros and writes the shortest length, so it meets the fixed layout where no field is zero and
 * the payload's length needs five bytes: then byte for byte. The length is widened here, by hand. */
static void what_protobuf_packs_is_read_by_hand(void) {
    for (int round = 0; round < 200; round++) {
        struct chariot_msg *msg = random_message(1 + draw() % 100);
        msg->kind |= 1;
        msg->from |= 1, msg->method |= 1, msg->root |= 1, msg->target |= 1;
        msg->index[0] |= 1, msg->index[1] |= 1, msg->index[2] |= 1, msg->reply |= 1, msg->seq |= 1;
        Chariot__V1__Envelope out = CHARIOT__V1__ENVELOPE__INIT;
        out.head = head_of(msg), out.from = msg->from, out.method = msg->method, out.root = msg->root;
        out.target = msg->target, out.reply = msg->reply, out.seq = msg->seq;
        out.index_a = msg->index[0], out.index_b = msg->index[1], out.index_c = msg->index[2];
        out.payload = (ProtobufCBinaryData){msg->size, rpc_msg_payload(msg)};
        uint8_t packed[512];
        size_t size = chariot__v1__envelope__pack(&out, packed);
        CU_ASSERT_EQUAL(size, RPC_ENVELOPE_BYTES - 4 + msg->size);
        rpc_varint_pack(msg->size, packed + RPC_ENVELOPE_BYTES - RPC_VARINT_BYTES);
        uint64_t payload = 0;
        CU_ASSERT_EQUAL(rpc_envelope_check(packed, RPC_ENVELOPE_BYTES + msg->size, &payload), 0);
        CU_ASSERT_EQUAL(payload, msg->size);
        struct chariot_msg read = {0};
        rpc_envelope_load(packed, &read);
        expect_same_header(&read, msg);
        rpc_msg_unref(msg);
    }
}

static void what_is_packed_is_read_back(void) {
    for (int round = 0; round < 1000; round++) {
        struct chariot_msg *msg = random_message(draw() % 10);
        uint8_t wire[RPC_ENVELOPE_BYTES];
        uint64_t payload = 99;
        CU_ASSERT_EQUAL(rpc_envelope_pack(msg, wire), 0);
        CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + msg->size, &payload), 0);
        CU_ASSERT_EQUAL(payload, msg->size);
        struct chariot_msg read = {0};
        rpc_envelope_load(wire, &read);
        expect_same_header(&read, msg);
        rpc_msg_unref(msg);
    }
}

static void any_other_tag_or_length_is_malformed(void) {
    static const int tag_at[] = {0, 5, 10, 15, 20, 29, 38, 47, 56, 65, 74};
    struct chariot_msg *msg = random_message(5);
    uint8_t wire[RPC_ENVELOPE_BYTES];
    uint64_t payload;
    CU_ASSERT_EQUAL(rpc_envelope_pack(msg, wire), 0);
    for (size_t i = 0; i < sizeof tag_at / sizeof tag_at[0]; i++) {
        for (int bit = 0; bit < 8; bit++) {
            wire[tag_at[i]] ^= (uint8_t)(1 << bit);
            CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + 5, &payload), CHARIOT_EMALFORMED);
            wire[tag_at[i]] ^= (uint8_t)(1 << bit);
        }
    }
    for (int i = 75; i < 80; i++) {
        wire[i] ^= 0x80; /* no longer padded, or longer than five bytes */
        CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + 5, &payload), CHARIOT_EMALFORMED);
        wire[i] ^= 0x80;
    }
    CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + 4, &payload), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + 6, &payload), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(rpc_envelope_check(NULL, RPC_ENVELOPE_BYTES - 1, &payload), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + 5, &payload), 0);
    rpc_msg_unref(msg);
}

static void a_size_without_a_place_in_the_layout_is_too_big(void) {
    struct chariot_msg msg = {.size = ((size_t)1 << 35) - 80};
    uint8_t wire[RPC_ENVELOPE_BYTES];
    uint64_t payload = 0;
    CU_ASSERT_EQUAL(rpc_envelope_pack(&msg, wire), CHARIOT_ETOOBIG);
    msg.size--;
    CU_ASSERT_EQUAL(rpc_envelope_pack(&msg, wire), 0);
    CU_ASSERT_EQUAL(rpc_envelope_check(wire, RPC_ENVELOPE_BYTES + msg.size, &payload), 0);
    CU_ASSERT_EQUAL(payload, msg.size);
}

UNIT_MAIN("rpc/envelope", UNIT(protobuf_reads_what_is_packed_by_hand), UNIT(what_protobuf_packs_is_read_by_hand),
          UNIT(what_is_packed_is_read_back), UNIT(any_other_tag_or_length_is_malformed),
          UNIT(a_size_without_a_place_in_the_layout_is_too_big))
