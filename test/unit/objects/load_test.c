/* objects/load.c: what elements cost, and what a PE did beside. The clocks are the test's. */
#include "objects/load.h"

#include "objects/meter.h"
#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static int64_t now_ns, cpu_ns;
static uint32_t looks;

static int64_t clock_of(void *ctx) {
    return now_ns;
}

static int64_t cpu_of(void *ctx) {
    looks++;
    return cpu_ns;
}

/* The core is this thread's. */
static void work(int64_t ns) {
    now_ns += ns;
    cpu_ns += ns;
}

static struct chariot_pe *open_measured(uint32_t num_pes) {
    now_ns = 1000;
    cpu_ns = 50;
    looks = 0;
    probe_open(num_pes);
    for (uint32_t i = 0; i < num_pes; i++) {
        probe_pe(i)->around.now_ns = clock_of;
        CU_ASSERT_EQUAL_FATAL(chariot_load_measure(probe_pe(i), true), 0);
    }
    return probe_pe(0);
}

static uint64_t load_of(uint32_t pe, const struct chariot_ref *ref, int64_t index) {
    struct chariot_ref elem = probe_elem(ref, index);
    const struct chariot_elem *local = chariot_elem_local(probe_pe(pe), &elem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(local);
    return local->load_ns;
}

/* As long as the argument says. */
static int spend(struct chariot_call *call) {
    work(probe.calls[probe.num_calls - 1].arg);
    return 0;
}

static int spend_being_made(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args) {
    work(1000000);
    return 0;
}

static void hear(uint32_t pe, const struct chariot_ref *ref, int64_t index, int64_t arg) {
    struct chariot_ref elem = probe_elem(ref, index);
    probe_hear(pe, &elem, arg);
}

static void each_element_has_what_its_methods_took(void) {
    struct chariot_pe *pe = open_measured(1);
    struct obj_load_phase phase;
    probe.on_call = spend;
    probe.on_create = spend_being_made;
    struct chariot_ref array = probe_array(0, 3);
    probe_settle();
    hear(0, &array, 0, 5);
    hear(0, &array, 1, 30);
    hear(0, &array, 0, 5);
    probe_hear(0, &array, 100); /* to all */
    probe_settle();
    work(7);
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &array, 0), 1000110);
    CU_ASSERT_EQUAL(load_of(0, &array, 1), 1000130);
    CU_ASSERT_EQUAL(load_of(0, &array, 2), 1000100);
    CU_ASSERT_EQUAL(phase.elements_ns, 3000340);
    CU_ASSERT_EQUAL(phase.cpu_ns + phase.idle_ns, 3000347);
    CU_ASSERT_EQUAL(phase.wall_ns, 3000347);
    CU_ASSERT_EQUAL(phase.stolen_ns, 0);
    probe_close();
}

static int combine(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out) {
    work(500);
    *out = chariot_msg_ref(values[0]);
    return 0;
}

static struct chariot_reducer slow = {.name = "slow", .combine = combine};
static uint32_t slow_id;

static int contribute(struct chariot_call *call) {
    work(10);
    struct chariot_msg *value = value_int(1);
    const struct chariot_target nothing = {.kind = CHARIOT_TO_NOTHING};
    int rc = chariot_contribute_take(call->pe, call->elem, NULL, value, slow_id, &nothing);
    work(10);
    return rc;
}

static void a_reducer_that_runs_inside_a_method_is_not_its_elements_load(void) {
    struct chariot_pe *pe = open_measured(1);
    struct obj_load_phase phase;
    slow_id = world_register_reducer(&probe.world, &slow);
    struct chariot_ref array = probe_array(0, 2);
    probe_settle();
    obj_load_begin_phase(pe);
    probe.on_call = contribute;
    probe_hear(0, &array, 0);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &array, 0), 20);
    CU_ASSERT_EQUAL(load_of(0, &array, 1), 20);
    CU_ASSERT_EQUAL(phase.elements_ns, 40);
    CU_ASSERT(phase.cpu_ns >= 540);
    CU_ASSERT_EQUAL((phase.cpu_ns - 40) % 500, 0);
    probe_close();
}

static void a_coroutine_is_its_elements_load_while_it_runs(void) {
    struct chariot_pe *pe = open_measured(1);
    struct chariot_ref array = probe_array(0, 2), ref = probe_elem(&array, 1);
    struct chariot_activity what;
    struct obj_load_phase phase;
    probe_settle();
    struct chariot_elem *elem = chariot_elem_local(pe, &ref);
    chariot_activity_of(elem, PROBE_HEAR, &what);
    obj_meter_note_idle(pe);
    for (int i = 0; i < 2; i++) {
        work(1000);
        chariot_resume_begin(pe, elem, &what);
        work(60);
        chariot_resume_end(pe);
        work(5);
        obj_meter_note_idle(pe);
    }
    chariot_resume_begin(pe, NULL, &what); /* of a chare that is gone */
    work(9);
    chariot_resume_end(pe);
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(elem->load_ns, 120);
    CU_ASSERT_EQUAL(phase.idle_ns, 2000);
    CU_ASSERT_EQUAL(phase.elements_ns, 120);
    CU_ASSERT_EQUAL(phase.cpu_ns, 139);
    probe_close();
}

static void a_phase_ends_and_the_next_begins_at_nothing(void) {
    struct chariot_pe *pe = open_measured(1);
    struct chariot_ref group = probe_group(0);
    struct obj_load_phase phase;
    probe.on_call = spend;
    probe_settle();
    obj_load_begin_phase(pe);
    hear(0, &group, 0, 40);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(phase.elements_ns, 40);
    hear(0, &group, 0, 700); /* between phases: in none */
    probe_settle();
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 40);
    obj_load_begin_phase(pe);
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 0);
    hear(0, &group, 0, 3);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 3);
    CU_ASSERT_EQUAL(phase.wall_ns, 3);
    probe_close();
}

static int destroy_oneself(struct chariot_call *call) {
    struct chariot_ref ref;
    chariot_elem_ref(call->elem, &ref);
    work(5);
    obj_elem_destroy_single(call->pe, call->elem);
    work(90);
    return 0;
}

static void an_element_that_goes_while_it_runs_leaves_its_time_to_nobody(void) {
    struct chariot_pe *pe = open_measured(1);
    struct chariot_ref single = probe_single(0, 0);
    struct obj_load_phase phase;
    probe_settle();
    probe.on_call = destroy_oneself;
    probe_hear(0, &single, 1);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(phase.elements_ns, 5);
    CU_ASSERT_EQUAL(phase.cpu_ns, 95);
    probe_close();
}

static int turn_off_and_on(struct chariot_call *call) {
    work(10);
    CU_ASSERT_EQUAL(chariot_load_measure(call->pe, false), 0);
    work(100);
    CU_ASSERT_EQUAL(chariot_load_measure(call->pe, true), 0);
    work(1000); /* what runs when it is turned on is nobody's: nobody said that it began */
    return 0;
}

static void it_can_be_turned_off_and_on_inside_a_method(void) {
    struct chariot_pe *pe = open_measured(1);
    struct chariot_ref group = probe_group(0);
    struct obj_load_phase phase;
    probe_settle();
    probe.on_call = turn_off_and_on;
    hear(0, &group, 0, 1);
    probe_settle();
    probe.on_call = spend;
    hear(0, &group, 0, 4);
    probe_settle();
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 14);
    CU_ASSERT_EQUAL(chariot_load_measure(pe, false), 0);
    CU_ASSERT_PTR_NULL(pe->meter); /* no event costs more than a branch */
    hear(0, &group, 0, 50000);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 14);
    CU_ASSERT_EQUAL(phase.wall_ns, 1014);
    obj_load_begin_phase(pe);
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 0);
    probe_close();
}

static void beside_a_profile_both_are_right(void) {
    struct chariot_pe *pe = open_measured(1);
    CU_ASSERT_EQUAL_FATAL(chariot_profile_start(pe), 0);
    struct chariot_ref group = probe_group(0);
    const struct chariot_activity what = {.type = probe.type, .kind = CHARIOT_GROUP, .method = PROBE_HEAR};
    probe.on_call = spend;
    probe_settle();
    hear(0, &group, 0, 25);
    probe_settle();
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 25);
    CU_ASSERT_EQUAL(obj_meter_row_of(pe, &what)->ns[CHARIOT_RUNNING], 25);
    CU_ASSERT_EQUAL(chariot_load_measure(pe, false), 0);
    hear(0, &group, 0, 100);
    probe_settle();
    CU_ASSERT_EQUAL(load_of(0, &group, 0), 25);
    CU_ASSERT_EQUAL(obj_meter_row_of(pe, &what)->ns[CHARIOT_RUNNING], 125);
    probe_close();
}

static void without_asking_there_is_none(void) {
    struct obj_load_phase phase = {.wall_ns = 9};
    probe_open(1);
    CU_ASSERT_PTR_NULL(probe_pe(0)->load);
    obj_load_end_phase(probe_pe(0), &phase);
    CU_ASSERT_EQUAL(phase.wall_ns, 0);
    obj_load_begin_phase(probe_pe(0));
    CU_ASSERT_PTR_NULL(probe_pe(0)->load);
    probe_close();
}

static void who_does_not_want_it_is_asked_no_more(void) {
    probe_open(1);
    CU_ASSERT_EQUAL(chariot_load_measure(probe_pe(0), false), 0);
    CU_ASSERT_EQUAL(obj_load_measure(probe_pe(0), true), 0); /* a balancer, say */
    CU_ASSERT_FALSE(obj_load_is_on(probe_pe(0)));
    CU_ASSERT_EQUAL(chariot_load_measure(probe_pe(0), true), 0);
    CU_ASSERT_TRUE(obj_load_is_on(probe_pe(0)));
    probe_close();
}

/* ---------------------------------------------------------------- traffic */

static struct chariot_ref far; /* what methods send to */

static int pass_on(struct chariot_call *call) {
    int64_t arg = probe.calls[probe.num_calls - 1].arg;
    if (arg > 0) hear(call->pe->node.pe, &far, arg % 4, arg - 1);
    return 0;
}

struct edges {
    struct obj_edge edge[8];
    size_t count;
    uint64_t messages;
};

static int collect(void *ctx, const struct obj_edge *edge) {
    struct edges *edges = ctx;
    if (edges->count < 8) edges->edge[edges->count++] = *edge;
    edges->messages += edge->messages;
    return 0;
}

static int stop(void *ctx, const struct obj_edge *edge) {
    return 7;
}

static void what_elements_send_each_other_is_counted_where_it_leaves(void) {
    open_measured(2);
    for (uint32_t i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(obj_load_count_traffic(probe_pe(i)), 0);
    far = probe_array(0, 4);
    probe_settle();
    probe.on_call = pass_on;
    hear(0, &far, 0, 3); /* 0 -> 3 -> 2 -> 1; the first is nobody's */
    hear(0, &far, 0, 3);
    probe_hear(0, &far, 0);
    probe_settle();
    struct edges edges[2] = {0};
    for (uint32_t i = 0; i < 2; i++) obj_load_each_edge(probe_pe(i), collect, &edges[i]);
    CU_ASSERT_EQUAL(edges[0].count, 1);
    CU_ASSERT_EQUAL(edges[0].edge[0].from.coll, far.collection);
    CU_ASSERT_EQUAL(edges[0].edge[0].from.index[0], 0);
    CU_ASSERT_EQUAL(edges[0].edge[0].to.index[0], 3);
    CU_ASSERT_EQUAL(edges[0].edge[0].messages, 2);
    CU_ASSERT(edges[0].edge[0].bytes > 0 && edges[0].edge[0].bytes % 2 == 0);
    CU_ASSERT_EQUAL(edges[1].count, 2);
    CU_ASSERT_EQUAL(edges[1].messages, 4);
    obj_load_begin_phase(probe_pe(1));
    struct edges none = {0};
    obj_load_each_edge(probe_pe(1), collect, &none);
    CU_ASSERT_EQUAL(none.count, 0);
    CU_ASSERT_EQUAL(obj_load_each_edge(probe_pe(0), stop, NULL), 7);
    probe_close();
}

static void a_table_of_traffic_is_bounded(void) {
    struct obj_traffic traffic = {0};
    struct obj_name from = {.coll = 7}, to = {.coll = 8};
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < OBJ_TRAFFIC_MAX_EDGES + 10; i++) {
            from.index[0] = i % 1000;
            to.index[1] = i / 1000;
            obj_traffic_add(&traffic, &from, &to, 2);
        }
        CU_ASSERT_EQUAL(traffic.count, OBJ_TRAFFIC_MAX_EDGES);
        CU_ASSERT_EQUAL(traffic.lost, 10);
        CU_ASSERT_EQUAL(traffic.edges[5].messages, 1);
        obj_traffic_clear(&traffic);
    }
    for (int i = 0; i < 3; i++) obj_traffic_add(&traffic, &from, &to, 2);
    CU_ASSERT_EQUAL(traffic.count, 1);
    CU_ASSERT_EQUAL(traffic.edges[0].messages, 3);
    CU_ASSERT_EQUAL(traffic.edges[0].bytes, 6);
    obj_traffic_deinit(&traffic);
}

/* ---------------------------------------------------------------- cores that others use too */

static int be_preempted(struct chariot_call *call) {
    work(300000);
    now_ns += 4000000;
    work(100000);
    return 0;
}

static struct chariot_pe *open_on_a_core(void) {
    struct chariot_pe *pe = open_measured(1);
    pe->around.cpu_ns = cpu_of;
    CU_ASSERT_EQUAL(chariot_load_measure(pe, false), 0);
    CU_ASSERT_EQUAL(chariot_load_measure(pe, true), 0);
    return pe;
}

static void time_that_others_had_the_core_is_no_load(void) {
    struct chariot_pe *pe = open_on_a_core();
    struct chariot_ref array = probe_array(0, 2);
    struct obj_load_phase phase;
    probe_settle();
    probe.on_call = be_preempted;
    hear(0, &array, 1, 1);
    probe_settle();
    probe.on_call = spend;
    hear(0, &array, 0, 500000);
    probe_settle();
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &array, 1), 400000);
    CU_ASSERT_EQUAL(load_of(0, &array, 0), 500000);
    CU_ASSERT_EQUAL(phase.stolen_ns, 4000000);
    CU_ASSERT_EQUAL(phase.cpu_ns, 900000);
    CU_ASSERT_EQUAL(phase.wall_ns, 4900000);
    probe_close();
}

static void sleep_of_an_idle_pe_is_not_stolen_from_who_comes_next(void) {
    struct chariot_pe *pe = open_on_a_core();
    struct chariot_ref array = probe_array(0, 1);
    struct obj_load_phase phase;
    probe_settle();
    probe.on_call = spend;
    for (int64_t slept = 1000; slept < 10000000; slept *= 10) { /* shorter than a look, and longer */
        obj_meter_note_idle(pe);
        now_ns += slept;
        hear(0, &array, 0, 150000);
        probe_settle();
    }
    obj_load_end_phase(pe, &phase);
    CU_ASSERT_EQUAL(load_of(0, &array, 0), 600000);
    CU_ASSERT_EQUAL(phase.idle_ns, 1111000);
    CU_ASSERT_EQUAL(phase.stolen_ns, 0);
    probe_close();
}

static void short_methods_share_a_look_at_the_slow_clock(void) {
    struct chariot_pe *pe = open_on_a_core();
    struct chariot_ref array = probe_array(0, 1);
    probe_settle();
    looks = 0;
    probe.on_call = spend;
    for (int i = 0; i < 1000; i++) hear(0, &array, 0, 10000);
    probe_settle();
    CU_ASSERT(looks <= 10000000 / OBJ_LOAD_LOOK_NS);
    CU_ASSERT(looks >= 40);
    CU_ASSERT_EQUAL(load_of(0, &array, 0), 10000000);
    CU_ASSERT_PTR_NOT_NULL(pe->load);
    probe_close();
}

UNIT_MAIN("objects/load", UNIT(each_element_has_what_its_methods_took),
          UNIT(a_reducer_that_runs_inside_a_method_is_not_its_elements_load),
          UNIT(a_coroutine_is_its_elements_load_while_it_runs), UNIT(a_phase_ends_and_the_next_begins_at_nothing),
          UNIT(an_element_that_goes_while_it_runs_leaves_its_time_to_nobody),
          UNIT(it_can_be_turned_off_and_on_inside_a_method), UNIT(beside_a_profile_both_are_right),
          UNIT(without_asking_there_is_none), UNIT(who_does_not_want_it_is_asked_no_more),
          UNIT(what_elements_send_each_other_is_counted_where_it_leaves), UNIT(a_table_of_traffic_is_bounded),
          UNIT(time_that_others_had_the_core_is_no_load), UNIT(sleep_of_an_idle_pe_is_not_stolen_from_who_comes_next),
          UNIT(short_methods_share_a_look_at_the_slow_clock))
