/* objects/meter.c, profile.c: time is charged to what runs, in the phase that it is in, and to nothing twice. The clock
 * is the test's. */
#include "objects/meter.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static int64_t now_ns;

static int64_t clock_of(void *ctx) {
    return now_ns;
}

static struct chariot_pe *open_metered(uint32_t num_pes) {
    now_ns = 1000;
    probe_open(num_pes);
    for (uint32_t i = 0; i < num_pes; i++) {
        probe_pe(i)->around.now_ns = clock_of;
        CU_ASSERT_EQUAL_FATAL(chariot_profile_start(probe_pe(i)), 0);
    }
    return probe_pe(0);
}

static const struct obj_meter_row *row_of(struct chariot_pe *pe, uint32_t kind, uint32_t method) {
    struct chariot_activity what = {.type = probe.type, .kind = (uint8_t)kind, .method = method};
    return obj_meter_row_of(pe, &what);
}

static int64_t all_of(const struct obj_meter_row *row) {
    return row->ns[0] + row->ns[1] + row->ns[2];
}

static int64_t sum_of(struct chariot_pe *pe) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < OBJ_NUM_ROWS; i++) sum += all_of(&pe->meter->rows[i]);
    for (size_t i = 0; i < pe->meter->num_sections; i++) {
        const struct obj_meter_section *section = pe->meter->sections[i];
        for (uint32_t m = 0; section != NULL && m < section->num_rows; m++) sum += all_of(&section->rows[m]);
    }
    return sum;
}

/* 7 in the method, 20 sending, 300 receiving. */
static int spend(struct chariot_call *call) {
    now_ns += 3;
    enum chariot_phase before = chariot_phase(call->pe, CHARIOT_SENDING);
    now_ns += 20;
    CU_ASSERT_EQUAL(chariot_phase(call->pe, CHARIOT_RECEIVING), CHARIOT_SENDING);
    now_ns += 300;
    chariot_phase(call->pe, before);
    now_ns += 4;
    return 0;
}

static void time_is_charged_to_the_method_by_phase(void) {
    struct chariot_pe *pe = open_metered(1);
    struct chariot_ref group = probe_group(0);
    probe_settle();
    probe.on_call = spend;
    probe_hear(0, &group, 1);
    struct chariot_ref elem = probe_elem(&group, 0);
    probe_hear(0, &elem, 2);
    probe_settle();
    const struct obj_meter_row *row = row_of(pe, CHARIOT_GROUP, PROBE_HEAR);
    CU_ASSERT_EQUAL(row->calls, 2);
    CU_ASSERT_EQUAL(row->ns[CHARIOT_RUNNING], 14);
    CU_ASSERT_EQUAL(row->ns[CHARIOT_SENDING], 40);
    CU_ASSERT_EQUAL(row->ns[CHARIOT_RECEIVING], 600);
    CU_ASSERT_EQUAL(row_of(pe, CHARIOT_GROUP, OBJ_METHOD_CONSTRUCTOR)->calls, 1);
    CU_ASSERT_EQUAL(row_of(pe, CHARIOT_ARRAY_OF, PROBE_HEAR)->calls, 0);
    CU_ASSERT_EQUAL(pe->meter->local.count, 1); /* the broadcast is no call of one element */
    CU_ASSERT_EQUAL(sum_of(pe), now_ns - 1000);
    probe_close();
}

static struct chariot_activity suspended;

static int suspend(struct chariot_call *call) {
    now_ns += 5;
    chariot_activity_now(call->pe, &suspended);
    return 0;
}

static void a_coroutine_is_charged_for_its_slices_and_not_for_its_waiting(void) {
    struct chariot_pe *pe = open_metered(1);
    struct chariot_ref array = probe_array(0, 3), elem = probe_elem(&array, 2);
    probe.on_call = suspend;
    probe_hear(0, &elem, 1);
    probe_settle();
    now_ns += 1000000;
    obj_meter_note_idle(pe);
    now_ns += 1000000;
    for (int i = 0; i < 2; i++) {
        chariot_resume_begin(pe, NULL, &suspended);
        now_ns += 60;
        chariot_resume_end(pe);
        now_ns += 1000;
    }
    CU_ASSERT_EQUAL(suspended.index[0], 2);
    CU_ASSERT_EQUAL(row_of(pe, CHARIOT_ARRAY_OF, PROBE_HEAR)->ns[CHARIOT_RUNNING], 125);
    CU_ASSERT_EQUAL(row_of(pe, CHARIOT_ARRAY_OF, PROBE_HEAR)->calls, 1);
    obj_meter_charge(pe);
    CU_ASSERT_EQUAL(pe->meter->rows[OBJ_ROW_IDLE].ns[0], 1000000);
    CU_ASSERT_EQUAL(sum_of(pe), now_ns - 1000);
    probe_close();
}

static void idleness_lasts_until_something_runs(void) {
    struct chariot_pe *pe = open_metered(1);
    for (int i = 0; i < 3; i++) { /* turns of the loop that bring nothing */
        obj_meter_note_idle(pe);
        now_ns += 10;
    }
    obj_meter_note_row(pe, OBJ_ROW_TIMER, RPC_TIMELINE_TIMER);
    now_ns += 1;
    obj_meter_pop(pe);
    now_ns += 2;
    obj_meter_charge(pe);
    CU_ASSERT_EQUAL(pe->meter->rows[OBJ_ROW_IDLE].ns[0], 30);
    CU_ASSERT_EQUAL(pe->meter->rows[OBJ_ROW_TIMER].ns[0], 1);
    CU_ASSERT_EQUAL(pe->meter->rows[OBJ_ROW_SCHEDULER].ns[0], 2);
    probe_close();
}

static void deep_nesting_is_charged_to_the_deepest_that_is_kept(void) {
    struct chariot_pe *pe = open_metered(1);
    for (int i = 0; i < 3 * OBJ_MAX_NESTED; i++) obj_meter_note_row(pe, OBJ_ROW_REDUCTION, RPC_TIMELINE_REDUCTION);
    now_ns += 9;
    for (int i = 0; i < 3 * OBJ_MAX_NESTED; i++) obj_meter_pop(pe);
    CU_ASSERT_EQUAL(pe->meter->depth, 0);
    CU_ASSERT_EQUAL(pe->meter->rows[OBJ_ROW_REDUCTION].ns[0], 9);
    obj_meter_pop(pe); /* one too many does nothing */
    CU_ASSERT_EQUAL(pe->meter->depth, 0);
    probe_close();
}

static void both_sides_number_the_same_messages(void) {
    open_metered(4);
    struct chariot_ref array = probe_array(1, 40);
    probe_settle();
    for (int i = 0; i < 40; i++) {
        struct chariot_ref elem = probe_elem(&array, i);
        probe_hear((uint32_t)i % 4, &elem, i);
    }
    probe_hear(3, &array, 1);
    probe_settle();
    uint64_t sent = 0, received = 0, bytes_sent = 0, bytes_received = 0;
    for (uint32_t i = 0; i < 4; i++) {
        sent += probe_pe(i)->meter->sent.count;
        received += probe_pe(i)->meter->received.count;
        bytes_sent += probe_pe(i)->meter->sent.bytes;
        bytes_received += probe_pe(i)->meter->received.bytes;
    }
    CU_ASSERT(sent > 30);
    CU_ASSERT_EQUAL(sent, received);
    CU_ASSERT_EQUAL(bytes_sent, bytes_received);
    probe_close();
}

static void the_table_has_a_line_for_what_ran(void) {
    static const char *const wanted[] = {"Probe (group)\n",
                                         "  __init__ ",
                                         "  hear ",
                                         "  total ",
                                         "reductions ",
                                         "migrating out ",
                                         "idle ",
                                         "  sent ",
                                         "received ",
                                         "runtime\n",
                                         "Profile of PE 0 of 1 after 0.000000 s"};
    struct chariot_pe *pe = open_metered(1);
    struct chariot_ref group = probe_group(0);
    char *text = NULL;
    probe_hear(0, &group, 1);
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(chariot_profile_text(pe, &text), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted[i]));
    CU_ASSERT_PTR_NULL(strstr(text, "  fail ")); /* it did not run */
    for (const char *line = text; *line != 0; line = strchr(line, '\n') + 1) CU_ASSERT(strcspn(line, "\n") <= 100);
    free(text);
    probe_close();
}

static bool shows_runtime(struct chariot_pe *pe) {
    char *text = NULL;
    CU_ASSERT_EQUAL_FATAL(chariot_profile_text(pe, &text), 0);
    bool shown = strstr(text, "chariot.Runtime (group)") != NULL;
    free(text);
    return shown;
}

static void chares_of_the_runtime_are_shown_from_one_ms_on(void) {
    struct chariot_pe *pe = open_metered(1);
    struct chariot_ref runtime;
    struct chariot_activity what;
    chariot_ref_runtime(pe, 0, &runtime);
    chariot_activity_of(chariot_elem_local(pe, &runtime), CHARIOT_RUNTIME_MY_PE, &what);
    for (int i = 0; i < 2; i++) {
        chariot_resume_begin(pe, NULL, &what);
        now_ns += i == 0 ? 999999 : 1;
        chariot_resume_end(pe);
        CU_ASSERT_EQUAL(shows_runtime(pe), i == 1);
    }
    probe_close();
}

static void without_a_meter_nothing_is_known(void) {
    char *text;
    struct chariot_activity what;
    probe_open(1);
    CU_ASSERT_EQUAL(chariot_profile_text(probe_pe(0), &text), CHARIOT_ESTATE);
    CU_ASSERT_PTR_NULL(text);
    CU_ASSERT_FALSE(chariot_is_metered(probe_pe(0)));
    CU_ASSERT_EQUAL(chariot_phase(probe_pe(0), CHARIOT_SENDING), CHARIOT_SENDING);
    chariot_activity_now(probe_pe(0), &what);
    chariot_resume_begin(probe_pe(0), NULL, &what);
    chariot_resume_end(probe_pe(0));
    probe_close();
}

UNIT_MAIN("objects/meter", UNIT(time_is_charged_to_the_method_by_phase),
          UNIT(a_coroutine_is_charged_for_its_slices_and_not_for_its_waiting),
          UNIT(idleness_lasts_until_something_runs), UNIT(deep_nesting_is_charged_to_the_deepest_that_is_kept),
          UNIT(both_sides_number_the_same_messages), UNIT(the_table_has_a_line_for_what_ran),
          UNIT(chares_of_the_runtime_are_shown_from_one_ms_on), UNIT(without_a_meter_nothing_is_known))
