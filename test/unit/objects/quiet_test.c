/* objects/quiet.c: what counts, what a wave takes for quiescence, and what looking for it costs. */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static struct chariot_future *start_on(uint32_t pe) {
    struct chariot_future *future = chariot_future_new(probe_pe(pe), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(future)};
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(pe), &target), 0);
    world_wake(&probe.world, pe);
    return future;
}

static bool served(struct chariot_future *future) {
    bool ready = chariot_future_ready(future);
    chariot_future_unref(future);
    return ready;
}

/* Lets time pass. */
static void settle_until(int64_t until_ns) {
    probe_settle();
    while (rpc_sim_now_ns(probe.world.sim) < until_ns) {
        int64_t due_ns = until_ns;
        for (uint32_t i = 0; i < probe.world.num_pes; i++) {
            int64_t its_ns = obj_pe_deadline_ns(probe_pe(i));
            if (its_ns < due_ns) due_ns = its_ns;
        }
        rpc_sim_advance(probe.world.sim, due_ns);
        probe_settle();
    }
}

static void an_idle_job_is_quiescent_on_any_pe(void) {
    for (uint32_t num_pes = 1; num_pes <= 22; num_pes += 3) {
        probe_open(num_pes);
        for (uint32_t pe = 0; pe < num_pes; pe++) {
            struct chariot_future *future = start_on(pe);
            probe_settle();
            CU_ASSERT_TRUE(served(future));
        }
        probe_close();
    }
}

static void at_rest_one_wave_is_enough(void) {
    probe_open(7);
    struct chariot_future *first = start_on(0);
    probe_settle();
    CU_ASSERT_TRUE(served(first));
    uint64_t waves = probe_pe(0)->quiet.waves, messages = rpc_sim_messages(probe.world.sim);
    struct chariot_future *second = start_on(0);
    probe_settle();
    CU_ASSERT_TRUE(served(second));
    CU_ASSERT_EQUAL(probe_pe(0)->quiet.waves, waves + 1);
    CU_ASSERT_EQUAL(rpc_sim_messages(probe.world.sim), messages + 2 * 6); /* down and up each edge of the tree */
    probe_close();
}

static void many_detections_share_a_wave(void) {
    struct chariot_future *futures[60];
    probe_open(5);
    for (uint32_t i = 0; i < 60; i++) futures[i] = start_on(i % 5);
    probe_settle();
    for (uint32_t i = 0; i < 60; i++) CU_ASSERT_TRUE(served(futures[i]));
    CU_ASSERT_TRUE(probe_pe(0)->quiet.waves <= 20);
    CU_ASSERT_EQUAL(probe_pe(0)->quiet.askers, 0);
    probe_close();
}

static void a_message_under_way_is_missed_in_the_sums(void) {
    probe_open(3);
    probe_pe(2)->quiet.mine.sent++; /* and it arrives nowhere yet */
    struct chariot_future *future = start_on(1);
    settle_until(50000000);
    CU_ASSERT_FALSE(chariot_future_ready(future));
    CU_ASSERT_TRUE(probe_pe(0)->quiet.waves > 3);
    CU_ASSERT_TRUE(probe_pe(0)->quiet.waves < 40); /* in vain, so with pauses that grow */
    probe_pe(0)->quiet.mine.arrived++;
    settle_until(100000000);
    CU_ASSERT_TRUE(served(future));
    probe_close();
}

static void what_came_since_the_last_wave_asks_for_another(void) {
    probe_open(2);
    struct chariot_future *first = start_on(0);
    probe_settle();
    CU_ASSERT_TRUE(served(first));
    uint64_t waves = probe_pe(0)->quiet.waves;
    probe_pe(0)->quiet.mine.sent++;
    probe_pe(1)->quiet.mine.arrived++;
    struct chariot_future *second = start_on(0);
    probe_settle();
    CU_ASSERT_TRUE(served(second));
    CU_ASSERT_EQUAL(probe_pe(0)->quiet.waves, waves + 2);
    probe_close();
}

static void what_arrived_behind_a_waves_back_is_no_quiescence(void) {
    probe_open(2);
    struct chariot_future *first = start_on(0);
    probe_settle();
    CU_ASSERT_TRUE(served(first));
    probe_pe(1)->quiet.mine.arrived++; /* a message that its sender sent after it had answered */
    struct chariot_future *future = start_on(0);
    settle_until(20000000);
    CU_ASSERT_FALSE(chariot_future_ready(future));
    probe_pe(0)->quiet.mine.sent++;
    settle_until(60000000);
    CU_ASSERT_TRUE(served(future));
    probe_close();
}

static void nothing(struct chariot_pe *pe, void *ctx) {}

static void a_timer_on_any_pe_holds_the_wave_and_costs_nothing(void) {
    struct chariot_timer timer = {0};
    probe_open(6);
    CU_ASSERT_EQUAL(chariot_timer_start(probe_pe(5), &timer, 1000000000, nothing, NULL), 0);
    struct chariot_future *future = start_on(3);
    settle_until(900000000);
    CU_ASSERT_FALSE(chariot_future_ready(future));
    CU_ASSERT_EQUAL(probe_pe(0)->quiet.waves, 1);
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(probe_pe(0)), INT64_MAX);
    chariot_timer_stop(probe_pe(5), &timer);
    world_wake(&probe.world, 5);
    probe_settle();
    CU_ASSERT_TRUE(served(future));
    probe_close();
}

static void what_waits_for_ever_is_no_activity(void) {
    probe_open(4);
    struct chariot_ref sparse = probe_sparse(1), ghost = probe_elem(&sparse, 77);
    probe_hear(2, &ghost, 5);
    struct chariot_future *never = chariot_future_new(probe_pe(3), 1);
    struct chariot_waiter waiter = {.fn = nothing};
    CU_ASSERT_EQUAL(chariot_future_wait(never, &waiter), 0);
    struct chariot_future *future = start_on(3);
    probe_settle();
    CU_ASSERT_TRUE(served(future));
    chariot_waiter_forget(&waiter);
    chariot_future_unref(never);
    probe_close();
}

static void methods_are_called_without_arguments(void) {
    probe_open(3);
    struct chariot_ref group = probe_group(1), elem = probe_elem(&group, 2);
    probe_settle();
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = PROBE_HEAR, .ref = elem};
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(1), &target), 0);
    target.ref = group;
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(2), &target), 0);
    world_wake(&probe.world, 1);
    world_wake(&probe.world, 2);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(0, -1), 1);
    CU_ASSERT_EQUAL(probe_count(1, -1), 1);
    CU_ASSERT_EQUAL(probe_count(2, -1), 2);
    probe_close();
}

enum { WOKEN = 20 };
static struct chariot_future *asked_late;
static struct chariot_ref woken;

/* PE 1, which has heard of quiescence, sets WOKEN to work before that hears of it; which works on and asks again. */
static int work_on(struct chariot_call *call) {
    if (chariot_my_pe(call->pe) == 1) {
        probe_hear(1, &woken, 7);
    } else {
        asked_late = start_on(WOKEN);
        CU_ASSERT_EQUAL(chariot_after(call->pe, 1000000000, nothing, NULL), 0);
    }
    return 0;
}

static void what_is_asked_behind_an_answer_waits_for_another_wave(void) {
    probe_open(22);
    struct chariot_ref group = probe_group(0);
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = PROBE_HEAR, .ref = probe_elem(&group, 1)};
    woken = probe_elem(&group, WOKEN);
    probe_settle();
    probe.on_call = work_on;
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(1), &target), 0);
    struct chariot_future *asked_before = start_on(WOKEN);
    int64_t since_ns = rpc_sim_now_ns(probe.world.sim);
    probe_settle();
    CU_ASSERT_TRUE(served(asked_before));
    CU_ASSERT_EQUAL(probe_count(WOKEN, 7), 1);
    CU_ASSERT_FALSE(chariot_future_ready(asked_late));
    settle_until(since_ns + 900000000);
    CU_ASSERT_FALSE(chariot_future_ready(asked_late));
    settle_until(since_ns + 1100000000);
    CU_ASSERT_TRUE(served(asked_late));
    probe_close();
}

static void targets_are_checked(void) {
    probe_open(2);
    struct chariot_target target = {.kind = CHARIOT_TO_NOTHING};
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(0), &target), CHARIOT_EINVAL);
    target.kind = CHARIOT_TO_METHOD;
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(0), &target), CHARIOT_EINVAL);
    target = (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = obj_id_make(0, 2, 1)};
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(0), &target), CHARIOT_EINVAL);
    target.kind = 17;
    CU_ASSERT_EQUAL(chariot_quiet_start(probe_pe(0), &target), CHARIOT_EINVAL);
    probe_close();
}

static void strange_answers_harm_nothing(void) {
    probe_open(2);
    struct chariot_future *future = start_on(1);
    probe_settle();
    CU_ASSERT_TRUE(served(future));
    for (int kind = OBJ_KIND_QUIET_ASK; kind <= OBJ_KIND_REPORT; kind++) {
        if (kind == OBJ_KIND_REPORT_ASK || kind == OBJ_KIND_QUIET_WAVE) continue; /* only their root may send them */
        struct chariot_msg *msg = rpc_msg_new(0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
        msg->kind = (uint8_t)kind;
        msg->from = 1;
        msg->seq = 12345;
        rpc_node_send(&probe_pe(1)->node, 0, msg);
        rpc_msg_unref(msg);
    }
    probe_settle();
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

UNIT_MAIN("objects/quiet", UNIT(an_idle_job_is_quiescent_on_any_pe), UNIT(at_rest_one_wave_is_enough),
          UNIT(many_detections_share_a_wave), UNIT(a_message_under_way_is_missed_in_the_sums),
          UNIT(what_came_since_the_last_wave_asks_for_another), UNIT(what_arrived_behind_a_waves_back_is_no_quiescence),
          UNIT(a_timer_on_any_pe_holds_the_wave_and_costs_nothing), UNIT(what_waits_for_ever_is_no_activity),
          UNIT(methods_are_called_without_arguments), UNIT(what_is_asked_behind_an_answer_waits_for_another_wave),
          UNIT(targets_are_checked), UNIT(strange_answers_harm_nothing))
