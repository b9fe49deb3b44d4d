/* objects/channel.c, channel_flow.c: pairing, order, waiting in turn, credit, every way an end can come to its end. */
#include "objects/channel.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

#include <string.h>

static struct chariot_elem *elem_of(const struct chariot_ref *ref) {
    for (uint32_t i = 0; i < probe.world.num_pes; i++) {
        struct chariot_elem *elem = chariot_elem_local(probe_pe(i), ref);
        if (elem != NULL) return elem;
    }
    CU_FAIL_FATAL("no such element");
    return NULL;
}

static struct chariot_pe *pe_of(const struct chariot_ref *ref) {
    for (uint32_t i = 0; i < probe.world.num_pes; i++) {
        if (chariot_elem_local(probe_pe(i), ref) != NULL) return probe_pe(i);
    }
    return NULL;
}

/* from's next end to `to`. */
static struct chariot_channel *open_end(const struct chariot_ref *from, const struct chariot_ref *to) {
    struct chariot_channel *end = NULL;
    CU_ASSERT_EQUAL_FATAL(chariot_channel_open(pe_of(from), elem_of(from), to, &end), 0);
    return end;
}

static void put(struct chariot_channel *end, int64_t value) {
    CU_ASSERT_EQUAL(chariot_channel_send_take(end, value_int(value), 0), 0);
}

/* The next message; -1: none is there; else an error. */
static int64_t next(struct chariot_channel *end) {
    struct chariot_msg *msg;
    int rc = chariot_channel_receive(end, &msg);
    if (rc != 0) return rc == CHARIOT_CHANNEL_EMPTY ? -1 : rc;
    int64_t value = int_of(msg);
    CU_ASSERT_FALSE(chariot_msg_is_shared(msg));
    chariot_msg_unref(msg);
    return value;
}

/* Two chares on different PEs, and an end of each. */
static struct two {
    struct chariot_ref group, a, b;
    struct chariot_channel *at_a, *at_b;
} two;

static void open_two(void) {
    probe_open(2);
    two.group = probe_group(0);
    probe_settle();
    two.a = probe_elem(&two.group, 0);
    two.b = probe_elem(&two.group, 1);
    two.at_a = open_end(&two.a, &two.b);
    two.at_b = open_end(&two.b, &two.a);
    probe_settle();
}

static void no_end_is_left(void) {
    for (uint32_t i = 0; i < probe.world.num_pes; i++) {
        CU_ASSERT_EQUAL(probe_pe(i)->channels.count, 0);
        CU_ASSERT_EQUAL(probe_pe(i)->channel_peers.count, 0);
        CU_ASSERT_EQUAL(probe_pe(i)->channel_strays.count, 0);
    }
}

static void close_two(void) {
    chariot_channel_unref(two.at_a);
    chariot_channel_unref(two.at_b);
    probe_settle();
    no_end_is_left();
    probe_close();
}

/* ---------------------------------------------------------------- one that sends no more */

static void a_finished_end_still_receives(void) {
    open_two();
    put(two.at_a, 1);
    CU_ASSERT_EQUAL(chariot_channel_finish(two.at_a), 0);
    CU_ASSERT_EQUAL(chariot_channel_finish(two.at_a), 0);
    CU_ASSERT_EQUAL(chariot_channel_send_take(two.at_a, value_int(2), 0), CHARIOT_ESTATE);
    put(two.at_b, 3);
    probe_settle();
    CU_ASSERT_EQUAL(next(two.at_b), 1);
    CU_ASSERT_EQUAL(next(two.at_b), CHARIOT_ECLOSED);
    put(two.at_b, 4);
    probe_settle();
    CU_ASSERT_EQUAL(next(two.at_a), 3);
    CU_ASSERT_EQUAL(next(two.at_a), 4);
    CU_ASSERT_EQUAL(next(two.at_a), -1);
    CU_ASSERT_EQUAL(chariot_channel_finish(two.at_b), 0);
    probe_settle();
    CU_ASSERT_EQUAL(next(two.at_a), CHARIOT_ECLOSED);
    close_two();
}

/* ---------------------------------------------------------------- pairing and order */

static void messages_come_in_order_both_ways(void) {
    open_two();
    for (int i = 0; i < 100; i++) {
        put(two.at_a, i);
        put(two.at_b, 1000 + i);
    }
    CU_ASSERT_FALSE(chariot_channel_ready(two.at_b));
    probe_settle();
    CU_ASSERT_TRUE(chariot_channel_ready(two.at_b));
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(next(two.at_b), i);
        CU_ASSERT_EQUAL(next(two.at_a), 1000 + i);
    }
    CU_ASSERT_EQUAL(next(two.at_a), -1);
    CU_ASSERT_FALSE(chariot_channel_ready(two.at_b));
    close_two();
}

static void the_nth_meets_the_nth(void) {
    open_two();
    struct chariot_channel *more_a[5], *more_b[5];
    for (int i = 0; i < 5; i++) {
        more_a[i] = open_end(&two.a, &two.b);
        CU_ASSERT_EQUAL(chariot_channel_number(more_a[i]), (uint32_t)i + 1);
        put(more_a[i], i);
    }
    probe_settle(); /* before the others are opened */
    for (int i = 0; i < 5; i++) {
        more_b[i] = open_end(&two.b, &two.a);
        CU_ASSERT_EQUAL(next(more_b[i]), i);
        CU_ASSERT_EQUAL(next(more_b[i]), -1);
    }
    CU_ASSERT_EQUAL(next(two.at_b), -1);
    for (int i = 0; i < 5; i++) {
        chariot_channel_unref(more_a[4 - i]);
        chariot_channel_unref(more_b[i]);
    }
    close_two();
}

static void a_chare_that_talks_to_itself_hears_itself(void) {
    probe_open(1);
    struct chariot_ref self = probe_single(0, 0);
    probe_settle();
    struct chariot_channel *end = open_end(&self, &self), *second = open_end(&self, &self);
    put(end, 1);
    put(second, 2);
    put(end, 3);
    probe_settle();
    CU_ASSERT_EQUAL(next(second), 2);
    CU_ASSERT_EQUAL(next(end), 1);
    CU_ASSERT_EQUAL(next(end), 3);
    chariot_channel_unref(end);
    chariot_channel_unref(second);
    probe_settle();
    no_end_is_left();
    probe_close();
}

static void many_chares_with_one_each_find_their_own(void) {
    enum { MANY = 300 };
    probe_open(3);
    struct chariot_ref array = probe_array(0, MANY), hub = probe_single(1, 1);
    probe_settle();
    static struct chariot_channel *at_hub[MANY], *at_elem[MANY];
    for (int i = 0; i < MANY; i++) {
        struct chariot_ref elem = probe_elem(&array, i);
        at_hub[i] = open_end(&hub, &elem);
        at_elem[i] = open_end(&elem, &hub);
        put(at_hub[i], i);
        put(at_elem[i], -i - 5);
    }
    probe_settle();
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(next(at_hub[i]), -i - 5);
        CU_ASSERT_EQUAL(next(at_elem[i]), i);
        chariot_channel_unref(at_hub[i]);
        chariot_channel_unref(at_elem[i]);
    }
    probe_settle();
    no_end_is_left();
    probe_close();
}

/* As the end at a sends it. */
static struct chariot_msg *data_to_b(uint64_t seq, int64_t value) {
    struct chariot_msg *msg = value_int(value);
    msg->kind = OBJ_KIND_CHANNEL_DATA;
    msg->target = two.b.collection;
    memcpy(msg->index, two.b.index, sizeof msg->index);
    msg->ndims = 1;
    msg->reply = two.at_a->id;
    msg->seq = seq;
    msg->method = 16;
    return msg;
}

static void messages_that_overtake_are_put_in_order(void) {
    open_two();
    struct chariot_msg *msgs[8];
    struct chariot_pe *to = probe_pe(1);
    const int order[] = {7, 3, 5, 0, 2, 1, 6, 4};
    for (int i = 0; i < 8; i++) msgs[i] = data_to_b((uint64_t)i + 1, i);
    for (int i = 0; i < 8; i++) {
        struct chariot_msg *again = rpc_msg_copy(msgs[order[i]]);
        obj_upcalls.on_message_take(to, msgs[order[i]]);
        obj_upcalls.on_message_take(to, again); /* twice: the second is dropped */
        probe_settle();
        CU_ASSERT_EQUAL(chariot_channel_ready(two.at_b), i >= 3);
    }
    for (int i = 0; i < 8; i++) CU_ASSERT_EQUAL(next(two.at_b), i);
    CU_ASSERT_EQUAL(next(two.at_b), -1);
    two.at_a->sent = 8; /* as if it had sent them */
    close_two();
}

static void only_a_single_chare_can_be_at_the_other_end(void) {
    probe_open(1);
    struct chariot_ref group = probe_group(0), nothing = {0};
    struct chariot_channel *end = NULL;
    probe_settle();
    struct chariot_ref elem = probe_elem(&group, 0);
    CU_ASSERT_EQUAL(chariot_channel_open(probe_pe(0), elem_of(&elem), &group, &end), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_channel_open(probe_pe(0), elem_of(&elem), &nothing, &end), CHARIOT_EINVAL);
    CU_ASSERT_PTR_NULL(end);
    probe_close();
}

/* ---------------------------------------------------------------- waiting */

static struct receiver {
    struct chariot_waiter waiter;
    struct chariot_channel *end;
    bool called, leaves;
    int64_t got;
} receivers[6];
static int64_t calls;

static void on_turn(struct chariot_pe *pe, void *ctx) {
    struct receiver *receiver = ctx;
    receiver->called = true;
    calls++;
    if (!receiver->leaves) receiver->got = next(receiver->end);
}

static void wait_in_turn(struct chariot_channel *end, int i, enum chariot_channel_event event) {
    receivers[i] = (struct receiver){
        .waiter = {.fn = on_turn, .ctx = &receivers[i]}, .end = end, .leaves = event != CHARIOT_CHANNEL_RECEIVE};
    CU_ASSERT_EQUAL(chariot_channel_wait(end, event, &receivers[i].waiter), 0);
}

static void who_waits_first_receives_first(void) {
    open_two();
    calls = 0;
    for (int i = 0; i < 4; i++) wait_in_turn(two.at_b, i, CHARIOT_CHANNEL_RECEIVE);
    probe_settle();
    CU_ASSERT_EQUAL(calls, 0);
    for (int i = 0; i < 3; i++) put(two.at_a, 10 + i);
    probe_settle();
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(receivers[i].got, 10 + i);
    CU_ASSERT_EQUAL(calls, 3);
    CU_ASSERT_FALSE(receivers[3].called);
    chariot_waiter_forget(&receivers[3].waiter);
    put(two.at_a, 20);
    probe_settle();
    CU_ASSERT_EQUAL(next(two.at_b), 20);
    CU_ASSERT_EQUAL(calls, 3);
    close_two();
}

/* A message that is promised to one who waits is not for one who comes between its arrival and his call. */
static void who_comes_between_waits_behind(void) {
    open_two();
    calls = 0;
    wait_in_turn(two.at_b, 0, CHARIOT_CHANNEL_RECEIVE);
    struct chariot_msg *msg = data_to_b(1, 1);
    obj_channel_on_message(probe_pe(1), msg);
    chariot_msg_unref(msg);
    two.at_a->sent = 1;
    CU_ASSERT_FALSE(receivers[0].called);
    CU_ASSERT_FALSE(chariot_channel_ready(two.at_b));
    CU_ASSERT_EQUAL(next(two.at_b), -1);
    wait_in_turn(two.at_b, 1, CHARIOT_CHANNEL_RECEIVE);
    probe_settle();
    CU_ASSERT_EQUAL(receivers[0].got, 1);
    put(two.at_a, 2);
    probe_settle();
    CU_ASSERT_EQUAL(receivers[1].got, 2);
    close_two();
}

static void what_one_does_not_take_goes_to_the_next(void) {
    open_two();
    calls = 0;
    for (int i = 0; i < 4; i++) wait_in_turn(two.at_b, i, CHARIOT_CHANNEL_RECEIVE);
    receivers[0].leaves = receivers[2].leaves = true;
    put(two.at_a, 1);
    put(two.at_a, 2);
    probe_settle();
    CU_ASSERT_EQUAL(calls, 4);
    CU_ASSERT_EQUAL(receivers[1].got, 1);
    CU_ASSERT_EQUAL(receivers[3].got, 2);
    close_two();
}

static void who_only_watches_takes_nothing(void) {
    open_two();
    calls = 0;
    wait_in_turn(two.at_b, 0, CHARIOT_CHANNEL_READY);
    wait_in_turn(two.at_b, 1, CHARIOT_CHANNEL_READY);
    put(two.at_a, 1);
    probe_settle();
    CU_ASSERT_EQUAL(calls, 2);
    wait_in_turn(two.at_b, 2, CHARIOT_CHANNEL_READY); /* it is there already */
    CU_ASSERT_EQUAL(calls, 2);
    probe_settle();
    CU_ASSERT_EQUAL(calls, 3);
    CU_ASSERT_EQUAL(next(two.at_b), 1);
    close_two();
}

static void those_who_wait_keep_the_end(void) {
    open_two();
    calls = 0;
    wait_in_turn(two.at_b, 0, CHARIOT_CHANNEL_RECEIVE);
    chariot_channel_unref(two.at_b);
    put(two.at_a, 7);
    probe_settle();
    CU_ASSERT_EQUAL(receivers[0].got, 7);
    chariot_channel_unref(two.at_a);
    probe_settle();
    no_end_is_left();
    probe_close();
}

/* ---------------------------------------------------------------- credit */

enum { PIECE = 1 << 20 };

/* Sends until there is no room, or it is refused; gives how often. */
static int fill(struct chariot_channel *end, int until) {
    for (int sent = 0;; sent++) {
        int rc = chariot_channel_send_take(end, value_int(sent), PIECE);
        if (rc == until) return sent + (rc >= 0);
        CU_ASSERT_TRUE_FATAL(rc >= 0);
    }
}

static void a_sender_that_is_ahead_is_told_to_wait(void) {
    open_two();
    calls = 0;
    int full = fill(two.at_a, CHARIOT_CHANNEL_FULL);
    CU_ASSERT_EQUAL(full, 128);
    CU_ASSERT_FALSE(chariot_channel_has_room(two.at_a));
    wait_in_turn(two.at_a, 0, CHARIOT_CHANNEL_ROOM);
    probe_settle();
    for (int i = 0; i < full / 2; i++) {
        CU_ASSERT_EQUAL(calls, 0);
        CU_ASSERT_EQUAL(next(two.at_b), i);
        probe_settle();
    }
    CU_ASSERT_EQUAL(calls, 1); /* credit comes for half a window at once */
    CU_ASSERT_TRUE(chariot_channel_has_room(two.at_a));
    close_two();
}

static void far_ahead_a_message_is_refused(void) {
    open_two();
    int sent = fill(two.at_a, CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(sent, 256);
    probe_settle();
    for (int i = 0; i < sent; i++) CU_ASSERT_EQUAL(next(two.at_b), i); /* all that was not refused */
    CU_ASSERT_EQUAL(next(two.at_b), -1);
    probe_settle();
    put(two.at_a, 5);
    probe_settle();
    CU_ASSERT_EQUAL(next(two.at_b), 5);
    close_two();
}

static void a_window_holds_what_is_promised(void) {
    open_two();
    for (int i = 0; i < 65536; i++) CU_ASSERT_EQUAL_FATAL(chariot_channel_send_take(two.at_a, value_int(i), 1024), 0);
    for (int i = 0; i < 64; i++) CU_ASSERT_EQUAL_FATAL(chariot_channel_send_take(two.at_b, value_int(i), PIECE), 0);
    close_two();
}

static void a_message_larger_than_the_window_is_read_and_accounted_for(void) {
    open_two();
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(chariot_channel_send_take(two.at_a, value_int(i), (size_t)1 << 40), CHARIOT_CHANNEL_FULL);
        probe_settle();
        CU_ASSERT_EQUAL(next(two.at_b), i);
        probe_settle();
        CU_ASSERT_TRUE(chariot_channel_has_room(two.at_a));
    }
    close_two();
}

/* ---------------------------------------------------------------- ends */

static void what_was_sent_before_the_end_was_closed_still_arrives(void) {
    open_two();
    put(two.at_a, 1);
    put(two.at_a, 2);
    chariot_channel_unref(two.at_a);
    probe_settle();
    put(two.at_b, 9); /* for nobody */
    CU_ASSERT_EQUAL(next(two.at_b), 1);
    CU_ASSERT_EQUAL(next(two.at_b), 2);
    CU_ASSERT_TRUE(chariot_channel_ready(two.at_b)); /* to say so */
    CU_ASSERT_EQUAL(next(two.at_b), CHARIOT_ECLOSED);
    chariot_channel_unref(two.at_b);
    probe_settle();
    no_end_is_left();
    probe_close();
}

static void an_end_that_closed_before_the_other_was_opened_has_spoken(void) {
    open_two();
    struct chariot_channel *early = open_end(&two.a, &two.b);
    put(early, 3);
    chariot_channel_unref(early);
    probe_settle();
    struct chariot_channel *late = open_end(&two.b, &two.a);
    CU_ASSERT_EQUAL(next(late), 3);
    CU_ASSERT_EQUAL(next(late), CHARIOT_ECLOSED);
    put(late, 1);
    chariot_channel_unref(late);
    close_two();
}

static void messages_under_way_to_a_closed_end_are_passed_over(void) {
    open_two();
    put(two.at_a, 1);
    probe_settle();
    put(two.at_a, 2);
    put(two.at_a, 3);
    close_two(); /* both at once */
}

static void a_sender_does_not_wait_for_an_end_that_is_closed(void) {
    open_two();
    calls = 0;
    fill(two.at_a, CHARIOT_CHANNEL_FULL);
    wait_in_turn(two.at_a, 0, CHARIOT_CHANNEL_ROOM);
    wait_in_turn(two.at_a, 1, CHARIOT_CHANNEL_RECEIVE);
    chariot_channel_unref(two.at_b);
    probe_settle();
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(receivers[1].got, CHARIOT_ECLOSED);
    put(two.at_a, 1);
    CU_ASSERT_EQUAL(fill(two.at_a, CHARIOT_ECLOSED), 256 - 128); /* nor does it speak to nobody for ever */
    chariot_channel_unref(two.at_a);
    probe_settle();
    no_end_is_left();
    probe_close();
}

static void destroy(const struct chariot_ref *ref) {
    CU_ASSERT_EQUAL(chariot_destroy(probe_pe(0), ref, NULL), 0);
    probe_settle();
}

static void a_chare_that_is_destroyed_tells_the_others(void) {
    open_two();
    struct chariot_ref hub = probe_single(0, 0);
    probe_settle();
    struct chariot_channel *here = open_end(&hub, &two.b), *there = open_end(&two.b, &hub);
    struct chariot_channel *alone = open_end(&hub, &two.a); /* the other never opens its own */
    calls = 0;
    put(there, 1);
    wait_in_turn(alone, 0, CHARIOT_CHANNEL_RECEIVE);
    wait_in_turn(two.at_a, 1, CHARIOT_CHANNEL_RECEIVE);
    probe_settle();
    destroy(&two.group);
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(receivers[0].got, CHARIOT_EGONE);
    CU_ASSERT_EQUAL(receivers[1].got, CHARIOT_ESTATE); /* its own chare */
    CU_ASSERT_EQUAL(next(here), 1);
    CU_ASSERT_EQUAL(next(here), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(chariot_channel_send_take(here, value_int(1), 0), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(chariot_channel_send_take(there, value_int(1), 0), CHARIOT_ESTATE);
    CU_ASSERT_EQUAL(next(there), CHARIOT_ESTATE);
    chariot_channel_unref(here);
    chariot_channel_unref(there);
    chariot_channel_unref(alone);
    close_two();
}

static void an_end_to_a_chare_that_is_no_more_is_refused(void) {
    open_two();
    struct chariot_ref hub = probe_single(1, 1);
    destroy(&two.group);
    struct chariot_channel *end = open_end(&hub, &two.a);
    CU_ASSERT_EQUAL(next(end), -1);
    put(end, 1);
    probe_settle();
    CU_ASSERT_EQUAL(next(end), CHARIOT_EGONE);
    chariot_channel_unref(end);
    close_two();
}

/* The element never comes to be; the collection goes. */
static void an_end_that_waits_for_an_element_hears_of_the_end(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0), hub = probe_single(1, 1);
    probe_settle();
    struct chariot_ref elem = probe_elem(&array, 3);
    struct chariot_channel *end = open_end(&hub, &elem);
    probe_settle();
    CU_ASSERT_EQUAL(next(end), -1);
    destroy(&array);
    CU_ASSERT_EQUAL(next(end), CHARIOT_EGONE);
    chariot_channel_unref(end);
    probe_settle();
    no_end_is_left();
    probe_close();
}

static void an_end_waits_for_an_element_that_comes_later(void) {
    probe_open(3);
    struct chariot_ref array = probe_sparse(0), hub = probe_single(1, 1);
    probe_settle();
    struct chariot_ref elem = probe_elem(&array, 3);
    struct chariot_channel *end = open_end(&hub, &elem);
    for (int i = 0; i < 5; i++) put(end, i);
    probe_settle();
    const struct chariot_index at = {.ndims = 1, .at = {3}};
    CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(2), &array, &at, NULL, 1, false), 0);
    probe_settle();
    struct chariot_channel *other = open_end(&elem, &hub);
    for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(next(other), i);
    chariot_channel_unref(end);
    chariot_channel_unref(other);
    probe_settle();
    no_end_is_left();
    probe_close();
}

static void a_job_that_ends_leaves_nothing_of_open_ends(void) {
    open_two();
    put(two.at_a, 1);
    wait_in_turn(two.at_a, 0, CHARIOT_CHANNEL_RECEIVE);
    open_end(&two.a, &two.b);
    chariot_exit(probe_pe(0), 0);
    probe_settle();
    probe_close(); /* the sanitizers look */
}

UNIT_MAIN("objects/channel", UNIT(a_finished_end_still_receives), UNIT(messages_come_in_order_both_ways),
          UNIT(the_nth_meets_the_nth), UNIT(a_chare_that_talks_to_itself_hears_itself),
          UNIT(many_chares_with_one_each_find_their_own), UNIT(messages_that_overtake_are_put_in_order),
          UNIT(only_a_single_chare_can_be_at_the_other_end), UNIT(who_waits_first_receives_first),
          UNIT(who_comes_between_waits_behind), UNIT(what_one_does_not_take_goes_to_the_next),
          UNIT(who_only_watches_takes_nothing), UNIT(those_who_wait_keep_the_end),
          UNIT(a_sender_that_is_ahead_is_told_to_wait), UNIT(far_ahead_a_message_is_refused),
          UNIT(a_window_holds_what_is_promised), UNIT(a_message_larger_than_the_window_is_read_and_accounted_for),
          UNIT(what_was_sent_before_the_end_was_closed_still_arrives),
          UNIT(an_end_that_closed_before_the_other_was_opened_has_spoken),
          UNIT(messages_under_way_to_a_closed_end_are_passed_over),
          UNIT(a_sender_does_not_wait_for_an_end_that_is_closed), UNIT(a_chare_that_is_destroyed_tells_the_others),
          UNIT(an_end_to_a_chare_that_is_no_more_is_refused), UNIT(an_end_that_waits_for_an_element_hears_of_the_end),
          UNIT(an_end_waits_for_an_element_that_comes_later), UNIT(a_job_that_ends_leaves_nothing_of_open_ends))
