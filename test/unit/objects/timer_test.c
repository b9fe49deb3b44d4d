/* objects/timer.c: due timers run by time, then in the order in which they were set; what they set runs later. */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

enum { MANY = 500 };

static struct {
    uintptr_t order[2 * MANY];
    size_t count;
    int64_t due[MANY];
} ran;

static void note(struct chariot_pe *pe, void *ctx) {
    ran.order[ran.count++] = (uintptr_t)ctx;
}

static void timers_run_by_time_then_by_order(void) {
    uint64_t state = 7;
    probe_open(1);
    struct chariot_pe *pe = probe_pe(0);
    memset(&ran, 0, sizeof ran);
    for (uintptr_t i = 0; i < MANY; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ran.due[i] = (int64_t)(state >> 40) % 50;
        CU_ASSERT_EQUAL(obj_timer_add(pe, ran.due[i], note, (void *)i), 0);
    }
    for (int64_t now_ns = 0; now_ns < 50; now_ns += 7) {
        obj_pe_step(pe, now_ns, 1);
        CU_ASSERT_TRUE(obj_pe_deadline_ns(pe) > now_ns);
    }
    CU_ASSERT_EQUAL_FATAL(ran.count, MANY);
    for (size_t i = 1; i < MANY; i++) {
        uintptr_t a = ran.order[i - 1], b = ran.order[i];
        CU_ASSERT_TRUE(ran.due[a] < ran.due[b] || (ran.due[a] == ran.due[b] && a < b));
    }
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(pe), INT64_MAX);
    probe_close();
}

static void note_and_set(struct chariot_pe *pe, void *ctx) {
    note(pe, ctx);
    if (ran.count < 5) CU_ASSERT_EQUAL(chariot_after(pe, 0, note_and_set, NULL), 0);
}

static void what_a_timer_sets_runs_in_a_later_turn(void) {
    probe_open(1);
    memset(&ran, 0, sizeof ran);
    CU_ASSERT_EQUAL(chariot_after(probe_pe(0), -100, note_and_set, NULL), 0);
    for (size_t turns = 1; turns <= 5; turns++) {
        obj_pe_step(probe_pe(0), 0, 1);
        CU_ASSERT_EQUAL(ran.count, turns);
    }
    obj_pe_step(probe_pe(0), 0, 1);
    CU_ASSERT_EQUAL(ran.count, 5);
    probe_close();
}

static void a_delay_past_the_end_of_time_never_comes(void) {
    probe_open(1);
    probe_pe(0)->now_ns = 1000;
    CU_ASSERT_EQUAL(chariot_after(probe_pe(0), INT64_MAX, note, NULL), 0);
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(probe_pe(0)), INT64_MAX);
    probe_close();
}

static void stopped_timers_never_run_and_the_others_keep_their_order(void) {
    static struct chariot_timer timers[MANY];
    probe_open(1);
    memset(&ran, 0, sizeof ran);
    memset(timers, 0, sizeof timers);
    struct chariot_pe *pe = probe_pe(0);
    for (uintptr_t i = 0; i < MANY; i++) {
        ran.due[i] = (int64_t)(i * 7919 % 101);
        CU_ASSERT_EQUAL(chariot_timer_start(pe, &timers[i], ran.due[i], note, (void *)i), 0);
    }
    CU_ASSERT_EQUAL(chariot_timer_start(pe, &timers[0], 1, note, NULL), CHARIOT_ESTATE);
    for (uintptr_t i = 0; i < MANY; i += 3) chariot_timer_stop(pe, &timers[i]);
    for (uintptr_t i = 0; i < MANY; i += 3) chariot_timer_stop(pe, &timers[i]);
    CU_ASSERT_EQUAL(pe->num_timers, MANY - (MANY + 2) / 3);
    obj_pe_step(pe, 200, 1);
    CU_ASSERT_EQUAL(ran.count, MANY - (MANY + 2) / 3);
    for (size_t i = 0; i < ran.count; i++) {
        uintptr_t b = ran.order[i], a = i == 0 ? b : ran.order[i - 1];
        CU_ASSERT_TRUE(b % 3 != 0 && (ran.due[a] < ran.due[b] || (ran.due[a] == ran.due[b] && a <= b)));
    }
    CU_ASSERT_EQUAL(chariot_timer_start(pe, &timers[1], 1, note, (void *)1), 0); /* one that has run may run again */
    chariot_timer_stop(pe, &timers[1]);
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(pe), INT64_MAX);
    probe_close();
}

static void end_job(struct chariot_pe *pe, void *ctx) {
    chariot_abort(pe, 3, "ended\n");
}

static void nothing_runs_after_the_end(void) {
    probe_open(1);
    memset(&ran, 0, sizeof ran);
    struct chariot_pe *pe = probe_pe(0);
    CU_ASSERT_EQUAL(chariot_after(pe, 0, end_job, NULL), 0);
    CU_ASSERT_EQUAL(chariot_after(pe, 0, note, NULL), 0);
    CU_ASSERT_EQUAL(chariot_post(pe, note, NULL), 0);
    CU_ASSERT_FALSE(obj_pe_step(pe, 0, 10));
    CU_ASSERT_FALSE(obj_pe_step(pe, 10, 10));
    CU_ASSERT_EQUAL(ran.count, 0);
    probe_close();
}

static void posts_run_in_order_among_messages(void) {
    probe_open(1);
    memset(&ran, 0, sizeof ran);
    struct chariot_ref single = probe_single(0, 0);
    CU_ASSERT_EQUAL(chariot_post(probe_pe(0), note, (void *)1), 0);
    probe_hear(0, &single, 1);
    CU_ASSERT_EQUAL(chariot_post(probe_pe(0), note, (void *)2), 0);
    obj_pe_step(probe_pe(0), 0, 2);
    CU_ASSERT_EQUAL(ran.count, 1);
    CU_ASSERT_EQUAL(probe.num_calls, 0);
    obj_pe_step(probe_pe(0), 0, 1);
    CU_ASSERT_EQUAL(probe.num_calls, 1);
    obj_pe_step(probe_pe(0), 0, 1);
    CU_ASSERT_EQUAL(ran.count, 2);
    CU_ASSERT_EQUAL(ran.order[1], 2);
    probe_close();
}

UNIT_MAIN("objects/timer", UNIT(timers_run_by_time_then_by_order), UNIT(what_a_timer_sets_runs_in_a_later_turn),
          UNIT(a_delay_past_the_end_of_time_never_comes),
          UNIT(stopped_timers_never_run_and_the_others_keep_their_order), UNIT(nothing_runs_after_the_end),
          UNIT(posts_run_in_order_among_messages))
