/* objects/future.c, future_peer.c: values come together at the owner, waiters are called once, ids and payloads from
 * other PEs are not trusted. */
#include "objects/call.h"
#include "rpc/log.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct chariot_future *future_of(uint32_t pe, uint64_t num_values) {
    struct chariot_future *future = chariot_future_new(probe_pe(pe), num_values);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    return future;
}

static void put(uint32_t pe, uint64_t id, int64_t value) {
    CU_ASSERT_EQUAL(chariot_future_send_take(probe_pe(pe), id, value_int(value)), 0);
}

/* ---------------------------------------------------------------- waiters */

static int calls[8];
static struct chariot_waiter waiters[8];
static int forgets = -1; /* the waiter that the first one forgets when it is called */

static void on_ready(struct chariot_pe *pe, void *ctx) {
    calls[(intptr_t)ctx]++;
    if (forgets >= 0 && ctx == (void *)0) chariot_waiter_forget(&waiters[forgets]);
}

static void wait_on(struct chariot_future *future, int number) {
    waiters[number] = (struct chariot_waiter){.fn = on_ready, .ctx = (void *)(intptr_t)number};
    CU_ASSERT_EQUAL(chariot_future_wait(future, &waiters[number]), 0);
}

static void open_waiters(uint32_t num_pes) {
    probe_open(num_pes);
    memset(calls, 0, sizeof calls);
    forgets = -1;
}

static void waiters_are_called_once_and_never_inside_the_call_that_completes(void) {
    open_waiters(1);
    struct chariot_future *future = future_of(0, 2);
    wait_on(future, 0);
    put(0, chariot_future_id(future), 4);
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(future));
    wait_on(future, 1);
    put(0, chariot_future_id(future), 5);
    CU_ASSERT_TRUE(chariot_future_ready(future));
    wait_on(future, 2); /* complete already */
    CU_ASSERT_EQUAL(calls[0] + calls[1] + calls[2], 0);
    probe_settle();
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(calls[i], 1);
    CU_ASSERT_EQUAL(chariot_future_num_values(future), 2);
    CU_ASSERT_EQUAL(int_of(chariot_future_value(future, 0)), 4);
    CU_ASSERT_EQUAL(int_of(chariot_future_value(future, 1)), 5);
    chariot_future_unref(future);
    probe_close();
}

static void a_forgotten_waiter_is_not_called(void) {
    open_waiters(1);
    struct chariot_future *future = future_of(0, 1);
    for (int i = 0; i < 5; i++) wait_on(future, i);
    chariot_waiter_forget(&waiters[4]);
    chariot_waiter_forget(&waiters[4]); /* no effect */
    chariot_waiter_forget(&waiters[2]);
    chariot_waiter_forget(&waiters[0]);
    put(0, chariot_future_id(future), 1);
    chariot_waiter_forget(&waiters[3]); /* ready, not called yet */
    wait_on(future, 5);
    probe_settle();
    CU_ASSERT_EQUAL(calls[1], 1);
    CU_ASSERT_EQUAL(calls[5], 1);
    CU_ASSERT_EQUAL(calls[0] + calls[2] + calls[3] + calls[4], 0);
    CU_ASSERT_EQUAL(probe_pe(0)->ready.count, 0);
    chariot_future_unref(future);
    probe_close();
}

static void a_waiter_may_forget_those_behind_it(void) {
    for (int which = 1; which <= 3; which++) {
        open_waiters(1);
        struct chariot_future *future = future_of(0, 1);
        for (int i = 0; i < 4; i++) wait_on(future, i);
        forgets = which;
        put(0, chariot_future_id(future), 1);
        chariot_future_unref(future); /* those who wait hold it */
        probe_settle();
        for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(calls[i], i != which);
        CU_ASSERT_EQUAL(probe_pe(0)->ready.count, 0);
        probe_close();
    }
}

static struct chariot_future *to_drop;
static struct chariot_waiter again;

static void drop_and_wait_again(struct chariot_pe *pe, void *ctx) {
    if (calls[7]++ > 0) return;
    again = (struct chariot_waiter){.fn = drop_and_wait_again};
    CU_ASSERT_EQUAL(chariot_future_wait(to_drop, &again), 0);
    chariot_future_unref(to_drop);
}

static void a_future_may_be_dropped_in_its_callback(void) {
    open_waiters(1);
    to_drop = future_of(0, 1);
    waiters[0] = (struct chariot_waiter){.fn = drop_and_wait_again};
    CU_ASSERT_EQUAL(chariot_future_wait(to_drop, &waiters[0]), 0);
    obj_future_send_take(probe_pe(0), obj_future_own_id(to_drop), NULL);
    probe_settle();
    CU_ASSERT_EQUAL(calls[7], 2);
    CU_ASSERT_EQUAL(probe_pe(0)->futures.count, 0);
    probe_close();
}

/* ---------------------------------------------------------------- life */

static void a_future_nobody_can_ask_for_goes_with_its_last_reference(void) {
    probe_open(2);
    struct chariot_ref there = probe_single(0, 1);
    struct chariot_future *future = future_of(0, 1);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(0), &there, PROBE_SAY, NULL, CHARIOT_WANT_VALUE, future), 0);
    chariot_future_unref(future);
    CU_ASSERT_EQUAL(probe_pe(0)->futures.count, 0);
    probe_settle(); /* the reply is dropped */
    CU_ASSERT_EQUAL(probe.num_calls, 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

static void a_future_whose_id_was_sent_outlives_its_last_reference(void) {
    probe_open(2);
    struct chariot_future *future = future_of(0, 1);
    uint64_t id = chariot_future_id(future);
    chariot_future_unref(future);
    put(1, id, 8);
    probe_settle();
    struct chariot_future *handle = chariot_future_open(probe_pe(1), id);
    CU_ASSERT_FALSE(chariot_future_ready(handle));
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(handle, 0)), 8);
    CU_ASSERT_PTR_EQUAL(chariot_future_open(probe_pe(1), id), handle);
    chariot_future_unref(handle);
    chariot_future_unref(handle);
    CU_ASSERT_EQUAL(probe_pe(1)->futures.count, 0);
    struct chariot_future *same = chariot_future_open(probe_pe(0), id);
    CU_ASSERT_PTR_EQUAL(same, future);
    chariot_future_unref(same);
    probe_close();
}

static void complete_futures_are_kept_a_while_only(void) {
    probe_open(2);
    uint64_t first = 0;
    for (int i = 0; i <= OBJ_RECENT_FUTURES; i++) {
        struct chariot_future *future = future_of(0, 1);
        if (i == 0) first = chariot_future_id(future);
        put(0, chariot_future_id(future), i);
        chariot_future_unref(future);
        if (i < OBJ_RECENT_FUTURES) CU_ASSERT_EQUAL(probe_pe(0)->futures.count, (size_t)i + 1);
    }
    CU_ASSERT_EQUAL(probe_pe(0)->futures.count, OBJ_RECENT_FUTURES);
    struct chariot_future *late = chariot_future_open(probe_pe(1), first),
                          *next = chariot_future_open(probe_pe(1), first + 1);
    chariot_future_ready(late);
    chariot_future_ready(next);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(late) && chariot_future_ready(next));
    CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(late, 0)), "the future is gone"));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(next, 0)), 1);
    chariot_future_unref(late);
    chariot_future_unref(next);
    probe_close();
}

static void a_gone_future_opened_on_its_own_pe_is_an_error_and_drops_values(void) {
    probe_open(1);
    struct chariot_future *future = future_of(0, 1);
    uint64_t id = obj_future_own_id(future);
    chariot_future_unref(future);
    future = chariot_future_open(probe_pe(0), id);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(future, 0)));
    put(0, id, 1); /* the reply to a call that went out before, say */
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    chariot_future_unref(future);
    probe_close();
}

/* ---------------------------------------------------------------- too late */

/* What PEs 0 and 1 say in their logs, while it is open. */
static int said_by[2];
static struct rpc_log *logs[2];

static void listen_to_logs(void) {
    for (int i = 0; i < 2; i++) {
        int ends[2];
        CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        logs[i] = rpc_log_new(NULL, (uint32_t)i, ends[1]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(logs[i]);
        probe_pe((uint32_t)i)->node.log = logs[i];
        said_by[i] = ends[0];
    }
}

/* What PE i has said since; valid until the next call. */
static const char *said(int i) {
    static char text[512];
    ssize_t size = read(said_by[i], text, sizeof text - 1);
    text[size < 0 ? 0 : size] = 0;
    return text;
}

static void close_logs(void) {
    for (int i = 0; i < 2; i++) {
        probe_pe((uint32_t)i)->node.log = NULL;
        close(logs[i]->fd);
        rpc_log_free(logs[i]);
        close(said_by[i]);
    }
}

static void a_late_value_is_told_to_who_sent_it(void) {
    probe_open(2);
    listen_to_logs();
    struct chariot_future *future = future_of(0, 1);
    uint64_t id = chariot_future_id(future);
    put(0, id, 1);
    CU_ASSERT_EQUAL(chariot_future_send_take(probe_pe(0), id, value_int(2)), CHARIOT_ESTATE);
    CU_ASSERT_STRING_EQUAL(said(0), "");
    put(1, id, 3);
    probe_settle();
    CU_ASSERT_PTR_NOT_NULL(strstr(said(1), "OBJ-FUTURE-LATE PE 1 sent a value to a future of PE 0"));
    CU_ASSERT_STRING_EQUAL(said(0), "");
    obj_future_send_take(probe_pe(0), id, value_int(4)); /* a reduction's result, say, that started here */
    CU_ASSERT_PTR_NOT_NULL(strstr(said(0), "OBJ-FUTURE-LATE PE 0 sent a value to a future of PE 0"));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(future, 0)), 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    chariot_future_unref(future);
    close_logs();
    probe_close();
}

static void only_the_owner_may_call_a_value_late(void) {
    probe_open(2);
    listen_to_logs();
    struct chariot_msg *msg = chariot_msg_new(0);
    msg->kind = OBJ_KIND_LATE;
    msg->reply = obj_id_make(0, 1, 5);
    msg->from = 0;
    obj_upcalls.on_message_take(probe_pe(1), msg);
    probe_settle();
    CU_ASSERT_PTR_NOT_NULL(strstr(said(1), "OBJ-MSG-REFUSED"));
    close_logs();
    probe_close();
}

/* ---------------------------------------------------------------- cancelled */

static void cancelling_a_handle_cancels_the_future_everywhere(void) {
    open_waiters(3);
    struct chariot_future *future = future_of(0, 2);
    uint64_t id = chariot_future_id(future);
    struct chariot_future *one = chariot_future_open(probe_pe(1), id), *two = chariot_future_open(probe_pe(2), id);
    wait_on(future, 0);
    wait_on(one, 1);
    wait_on(two, 2);
    probe_settle();
    put(2, id, 1);
    chariot_future_cancel_take(probe_pe(1), one, obj_error_new(probe_pe(1), "CancelledError", "x"));
    CU_ASSERT_EQUAL(calls[1], 0);
    probe_settle();
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(calls[i], 1);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(two));
    uint64_t last = chariot_future_num_values(two) - 1;
    CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(two, last)), "CancelledError"));
    put(2, id, 5);
    chariot_future_cancel_take(probe_pe(2), two, obj_error_new(probe_pe(2), "CancelledError", "again"));
    probe_settle();
    CU_ASSERT_EQUAL(chariot_future_num_values(future), last + 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    CU_ASSERT_EQUAL(chariot_future_hash(future), chariot_future_hash(two));
    chariot_future_unref(future);
    chariot_future_unref(one);
    chariot_future_unref(two);
    probe_close();
}

static void cancelling_what_is_complete_changes_nothing(void) {
    probe_open(2);
    struct chariot_future *future = future_of(0, 1);
    uint64_t id = chariot_future_id(future);
    struct chariot_future *handle = chariot_future_open(probe_pe(1), id);
    put(0, id, 7);
    chariot_future_cancel_take(probe_pe(1), handle, obj_error_new(probe_pe(1), "CancelledError", ""));
    probe_settle();
    chariot_future_ready(handle);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(handle, 0)), 7);
    struct chariot_msg *msg = value_int(1); /* no error */
    msg->kind = OBJ_KIND_CANCEL;
    msg->reply = id;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
    CU_ASSERT_EQUAL(chariot_future_num_values(future), 1);
    chariot_future_unref(handle);
    chariot_future_unref(future);
    probe_close();
}

static void a_cancelled_future_has_the_error_and_drops_values(void) {
    open_waiters(2);
    struct chariot_future *future = future_of(0, 3);
    uint64_t id = chariot_future_id(future);
    put(0, id, 1);
    wait_on(future, 0);
    chariot_future_cancel_take(probe_pe(0), future, obj_error_new(probe_pe(0), "CancelledError", ""));
    put(0, id, 2);
    put(1, id, 3);
    probe_settle();
    CU_ASSERT_EQUAL(calls[0], 1);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    CU_ASSERT_EQUAL(chariot_future_num_values(future), 2);
    CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(future, 1)));
    chariot_future_unref(future);
    probe_close();
}

/* ---------------------------------------------------------------- what other PEs may say */

static void ids_of_no_pe_are_refused(void) {
    probe_open(2);
    uint64_t nowhere = obj_id_make(0, 77, 1);
    CU_ASSERT_EQUAL(chariot_future_send_take(probe_pe(0), nowhere, NULL), CHARIOT_EINVAL);
    struct chariot_msg *msg = value_int(1);
    msg->kind = OBJ_KIND_VALUE;
    msg->reply = nowhere;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle(); /* it is not passed on for ever */
    struct chariot_future *handle = chariot_future_open(probe_pe(0), nowhere);
    chariot_future_ready(handle);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_TRUE(chariot_msg_is_error(chariot_future_value(handle, 0)));
    chariot_future_unref(handle);
    probe_close();
}

/* PE 1 holds a handle to a future of PE 0 and gets this in answer. */
static void malformed(struct chariot_msg *msg) {
    probe_open(2);
    uint64_t id = obj_id_make(0, 0, 5);
    struct chariot_future *handle = chariot_future_open(probe_pe(1), id);
    msg->kind = OBJ_KIND_VALUES;
    msg->reply = id;
    obj_upcalls.on_message_take(probe_pe(1), msg);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_EQUAL(chariot_future_num_values(handle), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(handle, 0)), "malformed"));
    chariot_future_unref(handle);
    probe_close();
}

static struct chariot_msg *values_of(int64_t count, int booleans, int values) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, count);
    for (int i = 0; i < booleans; i++) {
        chariot_put_bool(&writer, false);
        if (i < values) chariot_put_int(&writer, i);
    }
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static void malformed_values_become_an_error(void) {
    malformed(chariot_msg_new(0));
    malformed(value_double(1.5));
    malformed(values_of(0, 0, 0));
    malformed(values_of(-1, 1, 1));
    malformed(values_of(3, 2, 2));
    malformed(values_of(INT64_MAX, 1, 0));
    malformed(values_of(1, 2, 2));
}

static void values_nobody_asked_for_are_dropped(void) {
    probe_open(2);
    struct chariot_future *own = future_of(1, 1);
    uint64_t ids[] = {obj_future_own_id(own), obj_id_make(0, 0, 5)};
    for (int i = 0; i < 2; i++) {
        struct chariot_msg *msg = values_of(1, 1, 1);
        msg->kind = OBJ_KIND_VALUES;
        msg->reply = ids[i];
        obj_upcalls.on_message_take(probe_pe(1), msg);
    }
    probe_settle();
    CU_ASSERT_FALSE(chariot_future_ready(own));
    chariot_future_unref(own);
    probe_close();
}

static int cannot_encode(void *ctx, struct chariot_msg **msg) {
    return CHARIOT_ETYPE;
}

static void a_value_that_cannot_leave_is_an_error_for_others_only(void) {
    probe_open(2);
    probe_pe(0)->face = (struct chariot_face){.encode = cannot_encode};
    struct chariot_future *future = future_of(0, 2), *handle;
    uint64_t id = chariot_future_id(future);
    handle = chariot_future_open(probe_pe(1), id);
    chariot_future_ready(handle);
    struct chariot_msg *with_object = chariot_msg_new(0);
    chariot_msg_set_object(with_object, &probe, NULL);
    CU_ASSERT_EQUAL(chariot_future_send_take(probe_pe(0), id, with_object), 0);
    put(0, id, 6);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_EQUAL(chariot_future_num_values(handle), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(handle, 0)), "cannot leave"));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(handle, 1)), 6);
    CU_ASSERT_PTR_EQUAL(chariot_msg_object(chariot_future_message(future, 0)), &probe);
    chariot_future_unref(handle);
    chariot_future_unref(future);
    probe_close();
}

/* A value of `bytes`, as bytes. */
static struct chariot_msg *large_value(size_t bytes) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    char *data = calloc(1, bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, data, bytes);
    free(data);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static void what_complete_futures_hold_is_bounded(void) {
    probe_open(1);
    struct chariot_pe *pe = probe_pe(0);
    uint64_t first = 0, last = 0;
    for (int i = 0; i < 40; i++) {
        struct chariot_future *future = future_of(0, 1);
        last = chariot_future_id(future);
        if (i == 0) first = last;
        CU_ASSERT_EQUAL(chariot_future_send_take(pe, last, large_value(4 << 20)), 0);
        chariot_future_unref(future);
        CU_ASSERT_TRUE(pe->recent_bytes <= OBJ_RECENT_BYTES);
    }
    CU_ASSERT_PTR_NULL(obj_map_get(&pe->futures, obj_key1(first)));
    CU_ASSERT_PTR_NOT_NULL(obj_map_get(&pe->futures, obj_key1(last)));
    probe_close();
}

UNIT_MAIN("objects/future", UNIT(waiters_are_called_once_and_never_inside_the_call_that_completes),
          UNIT(a_forgotten_waiter_is_not_called), UNIT(a_waiter_may_forget_those_behind_it),
          UNIT(a_future_may_be_dropped_in_its_callback), UNIT(a_future_nobody_can_ask_for_goes_with_its_last_reference),
          UNIT(a_future_whose_id_was_sent_outlives_its_last_reference), UNIT(complete_futures_are_kept_a_while_only),
          UNIT(what_complete_futures_hold_is_bounded),
          UNIT(a_gone_future_opened_on_its_own_pe_is_an_error_and_drops_values),
          UNIT(a_late_value_is_told_to_who_sent_it), UNIT(only_the_owner_may_call_a_value_late),
          UNIT(cancelling_a_handle_cancels_the_future_everywhere), UNIT(cancelling_what_is_complete_changes_nothing),
          UNIT(a_cancelled_future_has_the_error_and_drops_values), UNIT(ids_of_no_pe_are_refused),
          UNIT(malformed_values_become_an_error), UNIT(values_nobody_asked_for_are_dropped),
          UNIT(a_value_that_cannot_leave_is_an_error_for_others_only))
