/* Memory runs out at the n-th allocation, for every n, while a foreign program's requests are answered: each is
 * answered, or the job ends with a message. Nothing hangs, crashes or leaks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/world.h"
#include "test/unit/unit.h"

#include "test/scenarios/fault_all.h"

#define add      names_add
#define drop     names_drop
#define compare  names_compare
#define place_of names_place_of
#define ask      names_ask
#define entry    names_entry
#include "objects/names.c"
#undef entry
#undef add
#undef drop
#undef compare
#undef place_of
#undef ask
#include "objects/client.c"
#include "objects/door_request.c"
#include "objects/door_stream.c"
#define split  door_split
#define reduce door_reduce
#define give   door_give
#include "objects/door.c"
#undef split
#undef reduce
#undef give

/* ---------------------------------------------------------------- the objects */

enum { NUM_PES = 3, NUM_VISITS = 5, NUM_STEPS = 5 };

static struct {
    struct chariot_ref cells;
    struct chariot_future *waits;
    struct chariot_waiter waiter;
    struct obj_visit visits[NUM_VISITS];
    int step, answers, asked;
    uint32_t type;
} now;

static void must(struct chariot_pe *pe, int rc) {
    if (rc != 0) chariot_abort(pe, 70, "out of memory");
}

static int create_cell(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = &now;
    return 0;
}

static int on_get(struct chariot_call *call) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, 7);
    must(call->pe, chariot_writer_finish(&writer, &call->result));
    return 0;
}

static int on_talk(struct chariot_call *call) {
    struct chariot_writer writer;
    struct chariot_msg *value;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, 7);
    int rc = chariot_writer_finish(&writer, &value);
    must(call->pe, rc);
    if (rc == 0) must(call->pe, chariot_channel_send_take(call->channel, value, 0));
    return 0;
}

static const struct chariot_method cell_methods[] = {{"get", on_get}, {"talk", on_talk}};
static const struct chariot_signature plain = {0}, talks = {.channel = true};
static const struct chariot_signature *const exposed[] = {&plain, &talks};
static const struct chariot_exposure exposure = {.methods = exposed};
static const struct chariot_type cell_type = {
    .name = "Cell", .methods = cell_methods, .num_methods = 2, .exposure = &exposure, .create = create_cell};

/* ---------------------------------------------------------------- the requests */

static bool may_all(void *ctx, const char *object, const char *method) {
    return true;
}
static const struct obj_guest guest = {.may = may_all};

static void on_visited(struct obj_visit *visit) {
    obj_door_cancel(visit);
    if (++now.answers == NUM_VISITS) must(visit->pe, chariot_future_give_take(visit->pe, now.waits, NULL));
}

static void put_response_take(struct obj_visit *visit, struct chariot_msg *response) {
    chariot_msg_unref(visit->body);
    visit->body = response;
}

static bool has_much_room(struct obj_visit *visit) {
    return true;
}

static void say_next(struct chariot_pe *pe, void *ctx) {
    static const char value[] = "\x12\x02\x18\x06";
    struct obj_visit *visit = ctx;
    OBJ_API(pe);
    bool first = now.asked++ == 0;
    if (visit->stream == NULL) return; /* answered meanwhile */
    int rc = obj_door_next(visit, first ? value : NULL, first ? sizeof value - 1 : 0);
    if (rc == OBJ_DOOR_ANSWERED) on_visited(visit);
}

static void ask_for_next(struct obj_visit *visit) {
    must(visit->pe, chariot_post(visit->pe, say_next, visit));
}

/* grid[1].get(3), all of grid.get(3), their sum, what there is, a channel to grid[1].talk. */
static void visit_all(struct chariot_pe *pe) {
    static const char call[] = "\x0a\x09\x0a\x04grid\x1a\x01\x01\x12\x03get\x1a\x04\x0a\x02\x18\x06";
    static const char all[] = "\x0a\x06\x0a\x04grid\x12\x03get\x1a\x04\x0a\x02\x18\x06\x20\x01";
    static const char talk[] = "\x0a\x11\x0a\x09\x0a\x04grid\x1a\x01\x01\x12\x04talk";
    static const struct {
        enum obj_door_method method;
        const char *data;
        size_t size;
    } rows[NUM_VISITS] = {{OBJ_DOOR_CALL, call, sizeof call - 1},
                          {OBJ_DOOR_BROADCAST, all, sizeof all - 3}, /* without the reducer */
                          {OBJ_DOOR_REDUCE, all, sizeof all - 1},
                          {OBJ_DOOR_LIST, "", 0},
                          {OBJ_DOOR_CHANNEL, talk, sizeof talk - 1}};
    OBJ_API(pe);
    for (int i = 0; i < NUM_VISITS; i++) {
        struct obj_visit *visit = &now.visits[i];
        *visit = (struct obj_visit){.pe = pe,
                                    .guest = &guest,
                                    .method = rows[i].method,
                                    .on_answer = on_visited,
                                    .put_take = put_response_take,
                                    .has_room = has_much_room,
                                    .more = ask_for_next};
        if (obj_door_begin(visit, rows[i].data, rows[i].size) == OBJ_DOOR_ANSWERED) on_visited(visit);
    }
}

static void play(struct chariot_pe *pe) {
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {4}};
    switch (now.step++) {
    case 0:
        must(pe, chariot_create_take(pe, &how, NULL, &now.cells));
        must(pe, chariot_await_created(pe, &now.cells, now.waits));
        return;
    case 1:
        must(pe, chariot_publish(pe, "grid", &now.cells, now.waits));
        return;
    case 2:
        visit_all(pe);
        return;
    case 3:
        must(pe, chariot_unpublish(pe, "grid", now.waits));
        return;
    default:
        chariot_exit(pe, 0);
    }
}

static void step(struct chariot_pe *pe, void *ctx) {
    chariot_future_unref(now.waits);
    now.waits = chariot_future_new(pe, 1);
    now.waiter = (struct chariot_waiter){.fn = step};
    if (now.waits == NULL || chariot_future_wait(now.waits, &now.waiter) != 0)
        must(pe, CHARIOT_ENOMEM);
    else
        play(pe);
}

/* ---------------------------------------------------------------- the sweep */

static void forget_all(void) {
    for (int i = 0; i < NUM_VISITS; i++) {
        struct obj_visit *visit = &now.visits[i];
        if (visit->pe == NULL) continue;
        obj_door_cancel(visit);
        chariot_msg_unref(visit->body);
        chariot_msg_unref(visit->failure);
    }
    chariot_future_unref(now.waits);
}

static bool run(long nth, uint64_t seed) {
    struct world world;
    memset(&now, 0, sizeof now);
    world_open(&world, (struct rpc_sim_config){
                           .num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000000, .through_wire = true});
    now.type = world_register(&world, &cell_type);
    world.pes[0].entry = step;
    bool ended, hit = fault_run(&world, nth, &ended);
    if (!ended) fprintf(stderr, "allocation %ld: the job hangs at step %d\n", nth, now.step);
    CU_ASSERT_TRUE(world.aborts > 0 ? hit : now.step == NUM_STEPS);
    CU_ASSERT_TRUE(world.aborts == 0 || strstr(world.abort_text, "memory") != NULL);
    for (int i = 0; i < NUM_VISITS && world.aborts == 0; i++)
        CU_ASSERT_TRUE(now.visits[i].body != NULL || (hit && now.visits[i].text[0] != '\0'));
    forget_all();
    fault_close(&world, nth);
    return hit;
}

static void requests_are_answered_or_the_job_ends_with_a_message(void) {
    long nth = 1;
    while (run(nth, 1) && CU_get_number_of_failures() < 5) nth++;
    CU_ASSERT_TRUE(nth > 100);
}

UNIT_MAIN("scenarios/door_fault", UNIT(requests_are_answered_or_the_job_ends_with_a_message))
