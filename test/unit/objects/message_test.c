/* objects/message.c: what was sent is immutable, so a message may be sent again; objects are encoded when they leave.
 */
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

#include <string.h>

static void send_twice(const struct chariot_ref *to) {
    struct chariot_msg *args = args_of(7);
    chariot_msg_ref(args);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), to, PROBE_HEAR, args, CHARIOT_WANT_NOTHING, NULL), 0);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), to, PROBE_SAY, args, CHARIOT_WANT_NOTHING, NULL), 0);
    probe_settle();
}

static void a_message_sent_twice_arrives_twice(void) {
    probe_open(2);
    struct chariot_ref here = probe_single(0, 0), there = probe_single(0, 1), group = probe_group(0);
    send_twice(&here);
    CU_ASSERT_EQUAL(probe_count(-1, 7), 2);
    send_twice(&there);
    CU_ASSERT_EQUAL(probe_count(-1, 7), 4);
    send_twice(&group);
    CU_ASSERT_EQUAL(probe_count(-1, 7), 8);
    CU_ASSERT_EQUAL(probe.calls[0].method, PROBE_HEAR);
    CU_ASSERT_EQUAL(probe.calls[1].method, PROBE_SAY);
    probe_close();
}

static struct chariot_ref forward_to;

static int forward(struct chariot_call *call) {
    if (call->method != PROBE_HEAR) return 0;
    chariot_msg_ref(call->args);
    return chariot_send_take(call->pe, &forward_to, PROBE_SAY, call->args, CHARIOT_WANT_NOTHING, NULL);
}

/* Elements 0 to 3 of one PE hear one broadcast; each passes its arguments on. */
static void arguments_passed_on_leave_their_broadcast_alone(void) {
    probe_open(2);
    struct chariot_ref array = probe_array(0, 8);
    forward_to = probe_single(0, 1);
    probe.on_call = forward;
    probe_hear(0, &array, 3);
    probe_settle();
    size_t heard = 0, said = 0;
    for (size_t i = 0; i < probe.num_calls; i++) {
        heard += probe.calls[i].method == PROBE_HEAR;
        said += probe.calls[i].method == PROBE_SAY;
    }
    CU_ASSERT_EQUAL(heard, 8);
    CU_ASSERT_EQUAL(said, 8);
    CU_ASSERT_EQUAL(probe_count(-1, 3), 16);
    probe_close();
}

static void the_header_of_what_is_passed_on_is_cleared(void) {
    probe_open(1);
    struct chariot_msg *msg = args_of(1);
    msg->flags = OBJ_FLAG_EARLY | OBJ_FLAG_ERROR | OBJ_FLAG_WANT_VALUE;
    msg->reply = 99;
    msg->hops = 3;
    msg = obj_msg_own_take(probe_pe(0), OBJ_KIND_INSERT, msg);
    CU_ASSERT_EQUAL(msg->kind, OBJ_KIND_INSERT);
    CU_ASSERT_EQUAL(msg->flags, 0);
    CU_ASSERT_EQUAL(msg->reply, 0);
    CU_ASSERT_EQUAL(msg->hops, 0);
    rpc_msg_unref(msg);
    probe_close();
}

/* ---------------------------------------------------------------- objects */

static int encoded;
static int encode_rc;

static int encode(void *ctx, struct chariot_msg **msg) {
    encoded++;
    if (encode_rc != 0) return encode_rc;
    struct chariot_writer writer;
    CU_ASSERT_EQUAL(*(int *)chariot_msg_object(*msg), 5);
    chariot_writer_init_take(&writer, *msg);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, 5);
    return chariot_writer_finish(&writer, msg);
}

static int dropped;
static void drop(void *object) {
    dropped++;
}

static int object = 5;

static struct chariot_msg *with_object(void) {
    struct chariot_msg *msg = chariot_msg_new(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    chariot_msg_set_object(msg, &object, drop);
    return msg;
}

static void open_with_face(uint32_t num_pes, int rc) {
    const struct chariot_face face = {.encode = encode};
    probe_open(num_pes);
    for (uint32_t i = 0; i < num_pes; i++) probe_pe(i)->face = face;
    encoded = dropped = 0;
    encode_rc = rc;
}

static int has_object(struct chariot_call *call) {
    call->result = chariot_msg_object(call->args) == &object ? value_int(1) : value_int(0);
    return 0;
}

static void send_object(const struct chariot_ref *to) {
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), to, PROBE_HEAR, with_object(), CHARIOT_WANT_NOTHING, NULL), 0);
    probe_settle();
}

static void an_object_that_stays_is_not_encoded(void) {
    open_with_face(2, 0);
    struct chariot_ref here = probe_single(0, 0);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 1);
    probe.on_call = has_object;
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &here, PROBE_HEAR, with_object(), CHARIOT_WANT_VALUE, future), 0);
    probe_settle();
    CU_ASSERT_EQUAL(int_of(chariot_future_value(future, 0)), 1);
    CU_ASSERT_EQUAL(encoded, 0);
    CU_ASSERT_EQUAL(dropped, 1);
    chariot_future_unref(future);
    probe_close();
}

static void an_object_that_leaves_is_encoded(void) {
    open_with_face(3, 0);
    struct chariot_ref there = probe_single(0, 1), group = probe_group(0);
    send_object(&there);
    CU_ASSERT_EQUAL(probe_count(-1, 5), 1);
    CU_ASSERT_EQUAL(encoded, 1);
    send_object(&group);
    CU_ASSERT_EQUAL(probe_count(-1, 5), 4);
    CU_ASSERT_EQUAL(encoded, 2);
    CU_ASSERT_EQUAL(dropped, 2);
    probe_close();
}

static void a_shared_object_is_encoded_for_each_that_leaves(void) {
    open_with_face(2, 0);
    struct chariot_ref there = probe_single(0, 1);
    struct chariot_msg *msg = with_object();
    chariot_msg_ref(msg);
    send_object(&there);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &there, PROBE_HEAR, msg, CHARIOT_WANT_NOTHING, NULL), 0);
    CU_ASSERT_PTR_EQUAL(chariot_msg_object(msg), &object);
    CU_ASSERT_EQUAL(chariot_msg_size(msg), 0);
    chariot_msg_unref(msg);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(-1, 5), 2);
    CU_ASSERT_EQUAL(dropped, 2);
    probe_close();
}

static void check_unencodable(const struct chariot_ref *to) {
    send_object(to);
    CU_ASSERT_PTR_NOT_NULL(strstr(probe.world.abort_text, "cannot be encoded: value of another type expected"));
    CU_ASSERT_EQUAL(probe.world.abort_status, 1);
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    probe_close();
    CU_ASSERT_EQUAL(dropped, 1);
}

static void an_object_that_cannot_be_encoded_ends_the_job(void) {
    open_with_face(2, CHARIOT_ETYPE);
    struct chariot_ref there = probe_single(0, 1);
    check_unencodable(&there);
    open_with_face(2, CHARIOT_ETYPE);
    struct chariot_ref group = probe_group(0);
    check_unencodable(&group);
    open_with_face(2, CHARIOT_ETYPE);
    struct chariot_ref far = probe_group(1);
    probe_settle();
    check_unencodable(&far);
}

static void without_a_face_an_object_cannot_leave(void) {
    probe_open(2);
    dropped = 0;
    struct chariot_ref there = probe_single(0, 1);
    check_unencodable(&there);
}

UNIT_MAIN("objects/message", UNIT(a_message_sent_twice_arrives_twice),
          UNIT(arguments_passed_on_leave_their_broadcast_alone), UNIT(the_header_of_what_is_passed_on_is_cleared),
          UNIT(an_object_that_stays_is_not_encoded), UNIT(an_object_that_leaves_is_encoded),
          UNIT(a_shared_object_is_encoded_for_each_that_leaves), UNIT(an_object_that_cannot_be_encoded_ends_the_job),
          UNIT(without_a_face_an_object_cannot_leave))
