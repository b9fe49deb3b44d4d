/* objects/hang.c, hang_text.c, hang_notes.c: when a job is said to hang, what is told of it, what C programs see. */
#include <stdlib.h>
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static struct {
    char text[300000];
    int count;
} warned;

static void on_warning(void *ctx, const char *text) {
    warned.count++;
    snprintf(warned.text, sizeof warned.text, "%s", text);
}

static void open_with(uint32_t num_pes, enum chariot_hang_mode mode) {
    probe_open(num_pes);
    memset(&warned, 0, sizeof warned);
    probe_pe(0)->around.on_warning = on_warning;
    chariot_set_hang_report(probe_pe(0), mode);
    probe_pe(0)->quiet.worked = true; /* what has happened before the mode was set */
    world_wake(&probe.world, 0);
}

static int64_t now_ns(void) {
    return rpc_sim_now_ns(probe.world.sim);
}

/* Lets so much time pass. False: the job has ended. */
static bool pass(int64_t ns) {
    int64_t until_ns = now_ns() + ns;
    probe_settle();
    while (now_ns() < until_ns && !world_ended(&probe.world)) {
        int64_t due_ns = until_ns;
        for (uint32_t i = 0; i < probe.world.num_pes; i++) {
            int64_t its_ns = obj_pe_deadline_ns(probe_pe(i));
            if (its_ns < due_ns) due_ns = its_ns;
        }
        rpc_sim_advance(probe.world.sim, due_ns);
        probe_settle();
    }
    return !world_ended(&probe.world);
}

#define MS 1000000ll

static bool says(const char *text, const char *word) {
    bool said = strstr(text, word) != NULL;
    if (!said) fprintf(stderr, "%s is not in\n%s", word, text);
    return said;
}

static void nothing(struct chariot_pe *pe, void *ctx) {}

static void a_job_that_nobody_ends_ends_with_75(void) {
    for (uint32_t num_pes = 1; num_pes <= 9; num_pes += 4) {
        open_with(num_pes, CHARIOT_HANG_EXIT);
        CU_ASSERT_TRUE(pass(300 * MS));
        CU_ASSERT_FALSE(pass(200 * MS));
        CU_ASSERT_EQUAL(probe.world.abort_status, 75);
        CU_ASSERT_STRING_EQUAL(probe.world.abort_text,
                               "chariot: nothing is left to do, and nobody has called chariot_exit()\n");
        probe_close();
    }
}

static void c_programs_are_told_what_their_callbacks_wait_for(void) {
    open_with(3, CHARIOT_HANG_WARN);
    struct chariot_ref sparse = probe_sparse(1), ghost = probe_elem(&sparse, 7), group = probe_group(2);
    struct chariot_future *result = chariot_future_new(probe_pe(1), 1), *two = chariot_future_new(probe_pe(2), 2);
    struct chariot_waiter waiters[2] = {{.fn = nothing}, {.fn = nothing}};
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(1), &ghost, PROBE_SAY, NULL, CHARIOT_WANT_VALUE, result), 0);
    CU_ASSERT_EQUAL(chariot_future_wait(result, &waiters[0]), 0);
    CU_ASSERT_EQUAL(chariot_future_wait(two, &waiters[1]), 0);
    probe_settle();
    struct chariot_elem *elem = chariot_elem_local(
        probe_pe(0),
        &(struct chariot_ref){.collection = group.collection, .kind = CHARIOT_GROUP, .ndims = 1, .type = group.type});
    CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
    const struct chariot_target nowhere = {.kind = CHARIOT_TO_NOTHING};
    CU_ASSERT_EQUAL(chariot_contribute_take(probe_pe(0), elem, NULL, NULL, CHARIOT_REDUCE_NOP, &nowhere), 0);
    world_wake(&probe.world, 0);
    world_wake(&probe.world, 1);
    world_wake(&probe.world, 2);
    CU_ASSERT_TRUE(pass(600 * MS));
    CU_ASSERT_EQUAL(warned.count, 1);
    CU_ASSERT_TRUE(says(warned.text, "the job hangs: nothing is left to do, and 2 coroutines wait"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 1: a callback waits for the result of Probe[7].say\n"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 2: a callback waits for a future that has 0 of its 2 values\n"));
    CU_ASSERT_TRUE(says(warned.text, "a message waits for element [7] of Probe, method say: that element was never "));
    CU_ASSERT_TRUE(says(warned.text, "reduction 0 over Probe has 1 contribution of its 3 elements; lacks [2]"));
    for (int i = 0; i < 2; i++) chariot_waiter_forget(&waiters[i]);
    chariot_future_unref(result);
    chariot_future_unref(two);
    probe_close();
}

static void each_hang_is_said_once(void) {
    open_with(2, CHARIOT_HANG_WARN);
    CU_ASSERT_TRUE(pass(3000 * MS));
    CU_ASSERT_EQUAL(warned.count, 1);
    struct chariot_ref group = probe_group(0);
    probe_hear(0, &group, 1);
    CU_ASSERT_TRUE(pass(3000 * MS));
    CU_ASSERT_EQUAL(warned.count, 1); /* the same again */
    struct chariot_ref sparse = probe_sparse(0), ghost = probe_elem(&sparse, 7);
    probe_hear(1, &ghost, 1);
    world_wake(&probe.world, 0);
    CU_ASSERT_TRUE(pass(3000 * MS));
    CU_ASSERT_EQUAL(warned.count, 2);
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(probe_pe(0)), INT64_MAX); /* a job at rest has nothing to wake for */
    probe_close();
}

static void timers_and_things_outside_keep_it_alive(void) {
    open_with(5, CHARIOT_HANG_EXIT);
    chariot_outside_add(probe_pe(3));
    CU_ASSERT_EQUAL(chariot_after(probe_pe(4), 2000 * MS, nothing, NULL), 0);
    CU_ASSERT_TRUE(pass(5000 * MS));
    CU_ASSERT_TRUE(probe_pe(0)->quiet.waves < 6);
    CU_ASSERT_EQUAL(obj_pe_deadline_ns(probe_pe(0)), INT64_MAX);
    chariot_outside_remove(probe_pe(3));
    world_wake(&probe.world, 3);
    CU_ASSERT_FALSE(pass(600 * MS));
    CU_ASSERT_EQUAL(probe.world.abort_status, 75);
    probe_close();
}

static void off_looks_for_nothing(void) {
    open_with(2, CHARIOT_HANG_OFF);
    CU_ASSERT_TRUE(pass(5000 * MS));
    CU_ASSERT_EQUAL(warned.count, 0);
    CU_ASSERT_EQUAL(probe_pe(0)->quiet.waves, 0);
    probe_close();
}

static bool lives;

static void describe(void *ctx, struct chariot_report *report) {
    char subject[20];
    if (lives) chariot_report_alive(report);
    for (int i = 0; i < 20; i++) {
        snprintf(subject, sizeof subject, "[%d]", i);
        chariot_report_add(report, &(struct chariot_blocked){true, "here", subject, "waits"});
        chariot_report_add(report, &(struct chariot_blocked){true, "there", NULL, "waits too"});
    }
    for (int i = 0; i < 100; i++) {
        snprintf(subject, sizeof subject, "line %d", i);
        chariot_report_add(report, &(struct chariot_blocked){.what = subject});
    }
}

static void a_face_describes_what_waits_and_what_lives(void) {
    open_with(1, CHARIOT_HANG_WARN);
    probe_pe(0)->face = (struct chariot_face){.describe_blocked = describe, .exit_name = "exit()"};
    lives = true;
    CU_ASSERT_TRUE(pass(5000 * MS));
    CU_ASSERT_EQUAL(warned.count, 0);
    lives = false;
    CU_ASSERT_TRUE(pass(60000 * MS)); /* it is looked for again by itself */
    CU_ASSERT_EQUAL(warned.count, 1);
    CU_ASSERT_TRUE(says(warned.text, "and 40 coroutines wait"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 0: here of [0], [1], [2], [3], [4], [5], [6], [7] and 12 more: waits\n"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 0: there: waits too (20 times)\n"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 0: line 47\n"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 0: ... and 52 more\n"));
    CU_ASSERT_PTR_NULL(strstr(warned.text, "line 48"));
    probe_close();
}

/* More than is shown: of the first PEs; each message has as much as PE 0 prints, whatever the number of PEs. */
static void what_many_pes_wait_for_is_shown_up_to_a_bound(void) {
    enum { PES = 300, SHOWN_BYTES = 256 << 10 };
    open_with(PES, CHARIOT_HANG_WARN);
    for (uint32_t i = 0; i < PES; i++) probe_pe(i)->face.describe_blocked = describe;
    lives = false;
    CU_ASSERT_TRUE(pass(5000 * MS));
    CU_ASSERT_EQUAL(warned.count, 1);
    CU_ASSERT_TRUE(says(warned.text, "and 12000 coroutines wait"));
    CU_ASSERT_TRUE(says(warned.text, "  PE 0: line 47\n"));
    CU_ASSERT_PTR_NULL(strstr(warned.text, "PE 299: line 47"));
    size_t length = strlen(warned.text);
    CU_ASSERT_TRUE(length > SHOWN_BYTES - 2000 && length < SHOWN_BYTES + 300);
    const char *more = strstr(warned.text, "  ... and on ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(more);
    CU_ASSERT_EQUAL(probe_pe(0)->hang.num_reports, 0); /* forgotten */
    int shown = 0;
    for (const char *at = warned.text; (at = strstr(at, ": line 47\n")) != NULL; at++) shown++;
    CU_ASSERT_EQUAL(strtol(more + strlen("  ... and on "), NULL, 10), PES - shown);
    probe_close();
}

static void strange_reports_harm_nothing(void) {
    open_with(2, CHARIOT_HANG_WARN);
    CU_ASSERT_TRUE(pass(350 * MS));
    probe_pe(0)->hang.gathers = 5;
    probe_pe(0)->hang.unanswered = 1;
    struct chariot_msg *msg = value_int(3);
    msg->kind = OBJ_KIND_REPORT;
    msg->from = 1;
    msg->seq = 5;
    rpc_node_send(&probe_pe(1)->node, 0, msg);
    rpc_msg_unref(msg);
    CU_ASSERT_TRUE(pass(100 * MS));
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

UNIT_MAIN("objects/hang", UNIT(a_job_that_nobody_ends_ends_with_75),
          UNIT(c_programs_are_told_what_their_callbacks_wait_for), UNIT(each_hang_is_said_once),
          UNIT(timers_and_things_outside_keep_it_alive), UNIT(off_looks_for_nothing),
          UNIT(a_face_describes_what_waits_and_what_lives), UNIT(what_many_pes_wait_for_is_shown_up_to_a_bound),
          UNIT(strange_reports_harm_nothing))
