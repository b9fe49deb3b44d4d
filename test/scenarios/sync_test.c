/* Steps of load balancing on simulated PEs: each ends once all that take part have said that they wait, whatever is
 * created, inserted and destroyed meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "lb/lb.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { DENSE = 10, SPARSE = 7, STEPS = 5 };

static struct {
    uint32_t type;
    struct chariot_ref dense, sparse, idle;
    int waiting; /* elements, in this step */
    int resumed, steps;
    int members; /* that take part */
    struct chariot_pe *pe;
    struct chariot_future *next;
} now;

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

static int on_work(struct chariot_call *call) {
    int rc = chariot_at_sync(call->pe, call->elem);
    if (rc == 0) CU_ASSERT_EQUAL(chariot_at_sync(call->pe, call->elem), CHARIOT_ESTATE);
    now.waiting += rc == 0;
    return rc;
}

/* All have come to the end of the step before any goes on. */
static int on_resume(struct chariot_call *call) {
    if (now.resumed == 0) CU_ASSERT_EQUAL(now.waiting, now.members);
    now.resumed++;
    if (now.resumed < now.members) return 0;
    now.waiting = now.resumed = 0;
    now.steps++;
    return chariot_future_send_take(call->pe, chariot_future_id(now.next), NULL);
}

static const struct chariot_method methods[] = {{"work", on_work}, {"resumeFromSync", on_resume}};
static const struct chariot_type type = {.name = "Worker", .methods = methods, .num_methods = 2, .create = make};

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
}

static void clean(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
    CU_ASSERT_EQUAL(now.steps, STEPS);
}

static void insert(struct chariot_pe *pe, int64_t index, bool at_sync) {
    const struct chariot_index at = {.ndims = 1, .at = {index}};
    CU_ASSERT_EQUAL(chariot_insert_take(pe, &now.sparse, &at, NULL, -1, at_sync), 0);
}

static void begin(struct chariot_pe *pe) {
    struct chariot_create how = {
        .type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {DENSE}, .at_sync = true};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.dense), 0);
    how.dims[0] = 0;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.sparse), 0);
    for (int64_t i = 0; i < SPARSE; i++) insert(pe, i, false);
    how.at_sync = false;
    how.dims[0] = DENSE;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.idle), 0);
    CU_ASSERT_EQUAL(chariot_done_inserting(pe, &now.sparse), 0);
    now.members = DENSE + SPARSE;
}

static void work(struct chariot_pe *pe, const struct chariot_ref *ref) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, 0, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    now.next = next;
    switch (step) {
    case 0:
        begin(pe);
        break;
    case 2:
        insert(pe, 100, true); /* late */
        now.members++;
        break;
    case 3:
        CU_ASSERT_EQUAL(chariot_destroy(pe, &now.sparse, next), 0);
        return;
    case 4:
        now.members = DENSE;
        break;
    case 6:
        chariot_exit(pe, 0);
        return;
    default:
        break;
    }
    work(pe, &now.dense);
    if (now.members > DENSE) work(pe, &now.sparse);
}

static void a_step_ends_when_all_have_said_so(void) {
    for (uint32_t num_pes = 1; num_pes <= 16; num_pes = 2 * num_pes + 1) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            memset(&now, 0, sizeof now);
            struct script script = {.prepare = prepare, .play = play, .verify = clean};
            script_run(&script, num_pes, seed);
        }
    }
}

static void refuse(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                   struct chariot_future *next) {
    if (step == 0) {
        begin(pe);
        struct chariot_ref one;
        CU_ASSERT_EQUAL(chariot_ref_element(&now.idle, &(struct chariot_index){.ndims = 1}, &one), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &one, 0, NULL, CHARIOT_WANT_VALUE, next), 0);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(done, 0)), "INVAL"));
    chariot_exit(pe, 0);
}

static void who_takes_no_part_cannot_wait(void) {
    memset(&now, 0, sizeof now);
    struct script script = {.prepare = prepare, .play = refuse};
    script_run(&script, 1, 1);
}

UNIT_MAIN("scenarios/sync", UNIT(a_step_ends_when_all_have_said_so), UNIT(who_takes_no_part_cannot_wait))
