/* objects/pe.c: what arrives is checked, routed and queued in order; what cannot leave is said; the end frees all. */
#include "objects/location.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

#include <string.h>

static struct chariot_msg *message(enum obj_kind kind, uint64_t target, struct chariot_msg *payload) {
    struct chariot_msg *msg = payload != NULL ? payload : chariot_msg_new(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    msg->kind = (uint8_t)kind;
    msg->target = target;
    msg->from = 1;
    return msg;
}

static void arrives(uint32_t pe, struct chariot_msg *msg) {
    obj_upcalls.on_message_take(probe_pe(pe), msg);
}

static struct chariot_msg *call_of(const struct chariot_ref *elem, int64_t arg) {
    struct chariot_msg *msg = message(OBJ_KIND_CALL, elem->collection, args_of(arg));
    memcpy(msg->index, elem->index, sizeof msg->index);
    msg->method = PROBE_HEAR;
    msg->ndims = 1;
    return msg;
}

/* ---------------------------------------------------------------- order */

static void calls_that_waited_for_an_element_stay_ahead_of_later_ones(void) {
    probe_open(1);
    struct chariot_ref array = probe_sparse(0), elem = probe_elem(&array, 4);
    probe_settle();
    arrives(0, message(OBJ_KIND_CALL, 0, NULL)); /* the runtime's: whatever */
    for (int i = 0; i < 3; i++) {
        struct chariot_msg *msg = call_of(&elem, i);
        msg->from = 0;
        arrives(0, msg);
    }
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    const struct chariot_index at = {.ndims = 1, .at = {4}};
    CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(0), &array, &at, NULL, -1, false), 0);
    for (int i = 3; i < 6; i++) probe_hear(0, &elem, i);
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(probe.num_calls, 6);
    for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(probe.calls[i].arg, i);
    probe_close();
}

static void calls_that_waited_for_a_single_chare_stay_ahead_of_later_ones(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(1, 0); /* CREATE_ONE is under way */
    arrives(0, call_of(&single, 0));
    for (uint32_t i = 0; i < 2; i++) world_wake(&probe.world, i);
    while (world_step(&probe.world)) continue;
    CU_ASSERT_EQUAL(probe_pe(0)->orphans.count, 1);
    rpc_sim_advance(probe.world.sim, RPC_FOREVER_NS);
    rpc_node_poll(&probe_pe(0)->node, false);
    arrives(0, call_of(&single, 1));
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(probe.num_calls, 2);
    CU_ASSERT_EQUAL(probe.calls[0].arg, 0);
    CU_ASSERT_EQUAL(probe.calls[1].arg, 1);
    CU_ASSERT_EQUAL(probe_pe(0)->orphans.count, 0);
    probe_close();
}

static void a_turn_runs_as_many_messages_as_it_may(void) {
    probe_open(1);
    struct chariot_ref group = probe_group(0);
    for (int i = 0; i < 3; i++) probe_hear(0, &group, i);
    CU_ASSERT_TRUE(obj_pe_step(probe_pe(0), 0, 2));
    CU_ASSERT_EQUAL(probe.num_created, 1);
    CU_ASSERT_EQUAL(probe_pe(0)->run_queue.count, 3); /* two more requests, one broadcast */
    CU_ASSERT_FALSE(obj_pe_step(probe_pe(0), 0, 100));
    CU_ASSERT_EQUAL(probe.num_calls, 3);
    probe_close();
}

/* ---------------------------------------------------------------- what is refused */

static void refuse(struct chariot_msg *msg) {
    arrives(0, msg);
    CU_ASSERT_EQUAL(probe_pe(0)->run_queue.count, 0);
}

static void headers_that_no_pe_sends_are_refused(void) {
    probe_open(3);
    uint64_t group = obj_id_make(CHARIOT_GROUP, 1, 5), nowhere = obj_id_make(CHARIOT_GROUP, 3, 5);
    refuse(message(OBJ_KIND_TASK, 0, NULL)); /* would run a function at an address that it names */
    refuse(message((enum obj_kind)3, 0, NULL));
    refuse(message((enum obj_kind)200, 0, NULL));
    refuse(message(OBJ_KIND_CALL, nowhere, NULL));
    refuse(message(OBJ_KIND_PARTIAL, nowhere, NULL));
    refuse(message(OBJ_KIND_EXIT, 0, NULL)); /* not a tree message */
    struct chariot_msg *msg = message(OBJ_KIND_CALL, group, NULL);
    msg->from = 3;
    refuse(msg);
    msg = message(OBJ_KIND_CALL, group, NULL);
    msg->root = 3;
    refuse(msg);
    msg = message(OBJ_KIND_CALL, group, NULL);
    msg->flags = OBJ_FLAG_TREE;
    refuse(msg);
    msg = message(OBJ_KIND_BROADCAST, group, NULL);
    msg->flags = OBJ_FLAG_TREE;
    msg->root = 2; /* not the root of its collection */
    refuse(msg);
    msg = message(OBJ_KIND_READY, 0, NULL);
    msg->flags = OBJ_FLAG_TREE;
    refuse(msg);
    CU_ASSERT_FALSE(probe_pe(0)->ending);
    probe_close();
}

static void an_object_flag_from_elsewhere_is_cleared(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 0);
    probe_settle();
    struct chariot_msg *msg = call_of(&single, 4);
    msg->flags = OBJ_FLAG_OBJECT;
    arrives(0, msg);
    CU_ASSERT_EQUAL(probe_pe(0)->run_queue.head->flags, 0);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(-1, 4), 1);
    probe_close();
}

static void the_status_of_an_exit_is_a_byte(void) {
    probe_open(2);
    struct chariot_msg *msg = message(OBJ_KIND_EXIT, 0, NULL);
    msg->flags = OBJ_FLAG_TREE;
    msg->method = 0x1234;
    msg->from = 0;
    arrives(1, msg);
    CU_ASSERT_TRUE(probe_pe(1)->ending);
    CU_ASSERT_EQUAL(probe_pe(1)->status, 0x34);
    probe_close();
}

/* Two PEs that each take the other for the place of an element, as after a forged notice. */
static void a_call_that_goes_round_in_circles_ends_the_job(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0);
    probe_settle();
    struct chariot_ref elem = probe_elem(&array, 7);
    struct obj_coll *coll = obj_coll_get(probe_pe(0), array.collection);
    uint32_t home = obj_location_home(probe_pe(0), coll, elem.index), other = 1 - home;
    struct chariot_msg *forged = message(OBJ_KIND_LOCATED, array.collection, NULL);
    memcpy(forged->index, elem.index, sizeof forged->index);
    forged->from = forged->root = other;
    arrives(home, forged);
    probe_hear(0, &elem, 1);
    probe_settle();
    CU_ASSERT_PTR_NOT_NULL(strstr(probe.world.abort_text, "a message for an element of Probe"));
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    probe_close();
}

/* ---------------------------------------------------------------- leaving */

struct fake {
    struct rpc_transport base;
    int rc;
    size_t sent;
};

static int fake_send(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg) {
    struct fake *fake = (struct fake *)transport;
    fake->sent++;
    return fake->rc;
}

static const struct rpc_transport_ops fake_ops = {.name = "fake", .send = fake_send};

static uint32_t room_for;

static void make_room(void *ctx, uint32_t to) {
    room_for = to;
}

/* PE 0 of a world sends one call to PE 2 through a transport that answers rc. */
static void send_through(int rc) {
    struct chariot_pe *pe = probe_pe(0);
    struct rpc_transport *real = pe->node.transport;
    struct fake fake = {.base = {.ops = &fake_ops}, .rc = rc};
    struct chariot_ref single = {.collection = obj_id_make(CHARIOT_SINGLE, 2, 1), .index = {0, 0, 2}, .ndims = 1};
    room_for = 99;
    pe->around.make_room = make_room;
    pe->node.transport = &fake.base;
    probe_hear(0, &single, 1);
    pe->node.transport = real;
    CU_ASSERT_EQUAL(fake.sent, 1);
}

static void a_sender_who_is_ahead_waits_for_room(void) {
    probe_open(3);
    send_through(0);
    CU_ASSERT_EQUAL(room_for, 99);
    send_through(1);
    CU_ASSERT_EQUAL(room_for, 2);
    CU_ASSERT_EQUAL(probe_pe(0)->crowded, -1);
    probe_close();
}

static void what_cannot_be_sent_ends_the_job(void) {
    probe_open(3);
    send_through(CHARIOT_EGONE); /* on_peer_gone says so */
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    send_through(CHARIOT_ETOOBIG);
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "chariot: PE 0 cannot send to PE 2: message exceeds the limit\n");
    CU_ASSERT_EQUAL(probe.world.abort_status, 70);
    probe_close();
}

static void what_cannot_be_passed_on_ends_the_job(void) {
    probe_open(3);
    struct chariot_pe *pe = probe_pe(0);
    struct rpc_transport *real = pe->node.transport;
    struct fake fake = {.base = {.ops = &fake_ops}, .rc = CHARIOT_ENOMEM};
    struct chariot_msg *msg = message(OBJ_KIND_RESULT, obj_id_make(CHARIOT_GROUP, 2, 1), NULL);
    msg->flags = OBJ_FLAG_TREE;
    msg->root = 2; /* whose children are 0 and 1 */
    pe->node.transport = &fake.base;
    arrives(0, msg);
    CU_ASSERT_EQUAL(fake.sent, 0);
    msg = message(OBJ_KIND_RESULT, obj_id_make(CHARIOT_GROUP, 0, 1), NULL);
    msg->flags = OBJ_FLAG_TREE;
    arrives(0, msg);
    CU_ASSERT_EQUAL(fake.sent, 2);
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "chariot: PE 0 cannot send to PE 1: out of memory\n");
    pe->node.transport = real;
    probe_close();
}

/* ---------------------------------------------------------------- the end */

static void a_lost_peer_ends_the_job_unless_its_end_is_near(void) {
    probe_open(3);
    struct chariot_pe *pe = probe_pe(1);
    obj_upcalls.on_peer_gone(pe, 2, CHARIOT_EGONE, "connection reset");
    obj_upcalls.on_peer_gone(pe, 0, CHARIOT_EGONE, "and the next");
    CU_ASSERT_FALSE(pe->ending);
    int64_t due = obj_pe_deadline_ns(pe);
    CU_ASSERT_EQUAL(due, 500000000);
    obj_pe_step(pe, due - 1, 1);
    CU_ASSERT_FALSE(pe->ending);
    obj_pe_step(pe, due, 1);
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "chariot: PE 1 lost PE 2: connection reset (peer is gone)\n");
    CU_ASSERT_EQUAL(pe->status, 70);
    obj_upcalls.on_peer_gone(pe, 0, CHARIOT_EGONE, "after that");
    CU_ASSERT_EQUAL(probe.world.aborts, 1);
    probe_close();
}

static struct chariot_ref farewell_to[3];

/* To an element that is being destroyed too, to a collection, to another PE. */
static void say_farewell(struct chariot_pe *pe) {
    for (int i = 0; i < 3; i++) {
        int rc = chariot_send_take(pe, &farewell_to[i], PROBE_HEAR, args_of(1), CHARIOT_WANT_NOTHING, NULL);
        CU_ASSERT_EQUAL(rc, 0);
    }
    struct chariot_create how = {.type = probe.type, .kind = CHARIOT_GROUP};
    struct chariot_ref ref;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &ref), 0);
    chariot_future_unref(chariot_future_new(pe, 1));
    chariot_exit(pe, 0);
}

static void destructors_may_use_the_pe_at_its_end(void) {
    for (uint32_t num_pes = 1; num_pes <= 2; num_pes++) {
        probe_open(num_pes);
        struct chariot_ref arrays[4], here = probe_single(0, 0);
        for (int i = 0; i < 4; i++) arrays[i] = probe_array(0, 6);
        farewell_to[0] = probe_elem(&arrays[0], 5);
        farewell_to[1] = arrays[3];
        farewell_to[2] = here;
        probe_settle();
        probe.on_destroy = say_farewell;
        probe_close();
        CU_ASSERT_EQUAL(probe.num_destroyed, 25);
        CU_ASSERT_EQUAL(probe.num_calls, 0);
    }
}

static void destructors_may_use_the_pe_after_its_connections_have_closed(void) {
    probe_open(2);
    struct chariot_ref group = probe_group(0);
    struct chariot_pe *pe = probe_pe(0);
    for (int i = 0; i < 3; i++) farewell_to[i] = group;
    probe_settle();
    struct rpc_transport *real = pe->node.transport;
    probe.on_destroy = say_farewell;
    pe->node.transport = NULL; /* as chariot_run() leaves it */
    obj_pe_deinit(pe);
    memset(pe, 0, sizeof *pe);
    pe->node.transport = real;
    probe_close();
    CU_ASSERT_EQUAL(probe.num_destroyed, 2);
}

static int never_constructed(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args) {
    return CHARIOT_LATER;
}

static void who_waits_for_a_constructor_is_freed_at_the_end(void) {
    probe_open(2);
    probe.on_create = never_constructed;
    struct chariot_ref single = probe_single(0, 1), group = probe_group(0);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 2);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(0), &single, future), 0);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(0), &group, future), 0);
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(future));
    chariot_future_unref(future);
    probe_close(); /* the sanitizer counts */
}

static void what_is_queued_at_the_end_is_freed(void) {
    probe_open(2);
    struct chariot_ref single = probe_single(0, 0), group = probe_group(0);
    for (int i = 0; i < 10; i++) {
        probe_hear(0, &single, i);
        probe_hear(1, &group, i);
    }
    probe_close();
    CU_ASSERT_EQUAL(probe.num_calls, 0);
}

UNIT_MAIN("objects/pe", UNIT(calls_that_waited_for_an_element_stay_ahead_of_later_ones),
          UNIT(calls_that_waited_for_a_single_chare_stay_ahead_of_later_ones),
          UNIT(a_turn_runs_as_many_messages_as_it_may), UNIT(headers_that_no_pe_sends_are_refused),
          UNIT(an_object_flag_from_elsewhere_is_cleared), UNIT(the_status_of_an_exit_is_a_byte),
          UNIT(a_call_that_goes_round_in_circles_ends_the_job), UNIT(a_sender_who_is_ahead_waits_for_room),
          UNIT(what_cannot_be_sent_ends_the_job), UNIT(what_cannot_be_passed_on_ends_the_job),
          UNIT(a_lost_peer_ends_the_job_unless_its_end_is_near), UNIT(destructors_may_use_the_pe_at_its_end),
          UNIT(destructors_may_use_the_pe_after_its_connections_have_closed),
          UNIT(who_waits_for_a_constructor_is_freed_at_the_end), UNIT(what_is_queued_at_the_end_is_freed))
