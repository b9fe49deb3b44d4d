/* Records of load from simulated PEs: what a phase says is exactly what was done in it, element by element, wherever it
 * lives. The clock is the test's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/lb.h"
#include "objects/load.h"
#include "objects/text.h"
#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

enum { NUM_PES = 3, ELEMENTS = 9, WORK = 0, RESUME, PASS, STEPS = 4 };

static struct {
    struct world world;
    uint32_t type;
    struct chariot_ref array;
    int64_t now_ns;
    struct obj_text text[NUM_PES]; /* what each PE has recorded, a phase a line */
    int phases[NUM_PES];
} t;

static int64_t clock_of(void *ctx) {
    return t.now_ns;
}

static void keep(void *ctx, const char *phase, size_t size) {
    uint32_t pe = (uint32_t)(uintptr_t)ctx;
    t.phases[pe]++;
    CU_ASSERT_EQUAL(strlen(phase), size);
    obj_text_add(&t.text[pe], "%s\n", phase);
}

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

static int64_t index_in(const struct chariot_call *call) {
    return index_of(call->elem).at[0];
}

/* Element i takes i microseconds and a nanosecond, each time. */
static int on_work(struct chariot_call *call) {
    t.now_ns += 1000 * index_in(call) + 1;
    return call->args == NULL || chariot_msg_size(call->args) == 0 ? chariot_at_sync(call->pe, call->elem) : 0;
}

static int on_resume(struct chariot_call *call) {
    return 0;
}

/* To its successor. */
static int on_pass(struct chariot_call *call) {
    struct chariot_index index = {.ndims = 1, .at = {(index_in(call) + 1) % ELEMENTS}};
    struct chariot_ref next;
    CU_ASSERT_EQUAL(chariot_ref_element(&t.array, &index, &next), 0);
    return chariot_send_take(call->pe, &next, WORK, args_of(1), CHARIOT_WANT_NOTHING, NULL);
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    return 0;
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    *object = elem;
    return 0;
}

static const struct chariot_method methods[] = {
    [WORK] = {"work", on_work}, [RESUME] = {"resumeFromSync", on_resume}, [PASS] = {"pass", on_pass}};
static const struct chariot_type type = {
    .name = "Worker", .methods = methods, .num_methods = 3, .create = make, .pack = pack, .unpack = unpack};

static void settle(void) {
    for (uint32_t i = 0; i < NUM_PES; i++) world_wake(&t.world, i);
    world_settle(&t.world);
}

static void open_recorded(int64_t period_ns) {
    memset(&t, 0, sizeof t);
    world_open(&t.world, (struct rpc_sim_config){.num_pes = NUM_PES, .seed = 5, .through_wire = true});
    t.type = world_register(&t.world, &type);
    for (uintptr_t i = 0; i < NUM_PES; i++) {
        struct obj_surroundings *around = &t.world.pes[i].around;
        around->ctx = (void *)i;
        around->now_ns = clock_of;
        around->record = keep;
        around->record_period_ns = period_ns;
    }
    settle();
    struct chariot_create how = {
        .type = t.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {ELEMENTS}, .at_sync = period_ns == 0};
    CU_ASSERT_EQUAL_FATAL(chariot_create_take(&t.world.pes[0], &how, NULL, &t.array), 0);
    settle();
}

static void close_recorded(void) {
    for (int i = 0; i < NUM_PES; i++) free(t.text[i].data);
    world_close(&t.world);
}

static void call(uint32_t from, uint32_t method, struct chariot_msg *args) {
    CU_ASSERT_EQUAL(chariot_send_take(&t.world.pes[from], &t.array, method, args, CHARIOT_WANT_NOTHING, NULL), 0);
    settle();
}

/* The line of phase `number` in PE pe's record; NULL: it has none. Static. */
static const char *phase_of(uint32_t pe, int number) {
    static char phase[1 << 16];
    char *from = t.text[pe].data, *end;
    for (; from != NULL && *from != 0; from = end + 2) {
        end = strstr(from, "}}\n");
        while (end != NULL && strncmp(end + 3, "{\"id\":", 6) != 0 && end[3] != 0) end = strstr(end + 1, "}}\n");
        if (end == NULL) return NULL;
        if (atoi(from + 6) == number) {
            snprintf(phase, sizeof phase, "%.*s", (int)(end + 2 - from), from);
            return phase;
        }
        end++;
    }
    return NULL;
}

/* The time of element i in a phase, in ns; -1: it is not there, or not once. */
static int64_t time_in(const char *phase, int i) {
    char index[32];
    snprintf(index, sizeof index, "\"index\":[%d],", i);
    const char *at = strstr(phase, index);
    if (at == NULL || strstr(at + 1, index) != NULL) return -1;
    const char *time = strstr(at, "\"time\":");
    int64_t s = 0, ns = 0;
    return sscanf(time, "\"time\":%" SCNd64 ".%9" SCNd64, &s, &ns) == 2 ? 1000000000 * s + ns : -1;
}

/* The PE whose record has element i in this phase; NUM_PES: none, or not just one. */
static uint32_t where_in(int number, int i, int64_t *time_ns) {
    uint32_t found = NUM_PES, count = 0;
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        const char *phase = phase_of(pe, number);
        int64_t ns = phase == NULL ? -1 : time_in(phase, i);
        if (ns < 0) continue;
        *time_ns = ns;
        found = pe;
        count++;
    }
    return count == 1 ? found : NUM_PES;
}

static void a_phase_is_a_step_and_says_what_each_element_took(void) {
    open_recorded(0);
    for (int step = 0; step < STEPS; step++) {
        for (int more = 0; more < step; more++) call(1, WORK, args_of(1));
        call(2, WORK, NULL);
    }
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        obj_load_finish(&t.world.pes[pe]);
        CU_ASSERT_EQUAL(t.phases[pe], STEPS);
    }
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < ELEMENTS; i++) {
            int64_t ns = 0;
            CU_ASSERT(where_in(step, i, &ns) < NUM_PES);
            CU_ASSERT_EQUAL(ns, (step + 1) * (1000 * i + 1));
        }
    }
    close_recorded();
}

static void an_element_keeps_its_id_and_its_load_when_it_moves(void) {
    open_recorded(0);
    char id[2][40];
    for (int step = 0; step < 2; step++) {
        int64_t ns = 0;
        call(0, WORK, args_of(1));
        if (step == 1) { /* in the middle of the phase */
            struct chariot_index index = {.ndims = 1, .at = {4}};
            struct chariot_ref ref;
            chariot_ref_element(&t.array, &index, &ref);
            struct chariot_elem *elem = chariot_elem_local(&t.world.pes[1], &ref);
            CU_ASSERT_PTR_NOT_NULL_FATAL(elem);
            CU_ASSERT_EQUAL(chariot_migrate(&t.world.pes[1], elem, 2), 0);
            settle();
        }
        call(0, WORK, NULL);
        uint32_t pe = where_in(step, 4, &ns);
        CU_ASSERT_EQUAL_FATAL(pe, 1 + (uint32_t)step);
        CU_ASSERT_EQUAL(ns, 2 * 4001);
        const char *at = strstr(phase_of(pe, step), "\"index\":[4],");
        while (strncmp(at, "\"id\":", 5) != 0) at--;
        snprintf(id[step], sizeof id[step], "%.*s", (int)strcspn(at, ","), at);
    }
    CU_ASSERT_STRING_EQUAL(id[0], id[1]);
    close_recorded();
}

static void traffic_is_recorded_where_it_leaves(void) {
    open_recorded(0);
    call(0, PASS, NULL);
    call(0, WORK, NULL);
    int edges = 0;
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        const char *at = phase_of(pe, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        CU_ASSERT_PTR_NOT_NULL(strstr(at, "\"messages_not_counted\":0}}"));
        while ((at = strstr(at, "\"messages\":1,\"bytes\":")) != NULL) {
            edges++;
            at++;
        }
    }
    CU_ASSERT_EQUAL(edges, ELEMENTS);
    close_recorded();
}

static void without_steps_a_phase_is_a_period_and_idle_ones_are_there_too(void) {
    int64_t period_ns = 1000000, ns;
    open_recorded(period_ns);
    int64_t started_ns = t.world.pes[0].load->started_ns;
    call(0, WORK, args_of(1)); /* in phase 0 */
    t.now_ns = started_ns + 3 * period_ns + 10;
    for (uint32_t pe = 0; pe < NUM_PES; pe++) obj_load_on_due(&t.world.pes[pe], t.now_ns); /* as a turn would */
    call(0, WORK, args_of(1));                                                             /* in phase 3 */
    t.now_ns = started_ns + 4 * period_ns;
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        obj_load_finish(&t.world.pes[pe]);
        CU_ASSERT_EQUAL(t.phases[pe], 4);
    }
    for (int i = 0; i < ELEMENTS; i++) {
        for (int phase = 0; phase < 4; phase++) {
            CU_ASSERT(where_in(phase, i, &ns) < NUM_PES);
            if (phase == 1 || phase == 2) CU_ASSERT_EQUAL(ns, 0);
        }
    }
    where_in(3, 5, &ns);
    CU_ASSERT_EQUAL(ns, 5001);
    close_recorded();
}

static void a_program_that_ends_in_its_first_phase_has_that(void) {
    open_recorded(1000000000);
    call(0, WORK, args_of(1));
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        obj_load_finish(&t.world.pes[pe]);
        CU_ASSERT_EQUAL(t.phases[pe], 1);
    }
    int64_t ns = 0;
    CU_ASSERT(where_in(0, 7, &ns) < NUM_PES);
    CU_ASSERT_EQUAL(ns, 7001);
    close_recorded();
}

UNIT_MAIN("scenarios/record", UNIT(a_phase_is_a_step_and_says_what_each_element_took),
          UNIT(an_element_keeps_its_id_and_its_load_when_it_moves), UNIT(traffic_is_recorded_where_it_leaves),
          UNIT(without_steps_a_phase_is_a_period_and_idle_ones_are_there_too),
          UNIT(a_program_that_ends_in_its_first_phase_has_that))
