/* The operations whose growth is measured. Each begins on one PE, or on all at the same moment. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/growth.h"

/* ---------------------------------------------------------------- types */

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static int hear(struct chariot_call *call) {
    return 0;
}

static int place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe) {
    *on_pe = (int64_t)(chariot_my_pe(pe) + 1) % chariot_num_pes(pe);
    return 0;
}

static const struct chariot_method methods[] = {{"hear", hear}};
static const struct chariot_type member_type = {
    .name = "Member", .methods = methods, .num_methods = 1, .create = create};
static const struct chariot_type map_type = {
    .name = "Map", .methods = methods, .num_methods = 1, .create = create, .place = place};

void growth_register(struct growth *growth) {
    growth->type = world_register(&growth->world, &member_type);
    growth->map_type = world_register(&growth->world, &map_type);
}

/* ---------------------------------------------------------------- what all of them need */

/* The caller is about to give it something to do. */
static struct chariot_pe *pe_of(struct growth *growth, uint32_t pe) {
    world_wake(&growth->world, pe);
    return &growth->world.pes[pe];
}

static struct chariot_pe *last_of(struct growth *growth) {
    return pe_of(growth, growth->num_pes - 1);
}

static struct chariot_future *future_of(struct chariot_pe *pe, uint64_t num_values) {
    struct chariot_future *future = chariot_future_new(pe, num_values);
    assert(future != NULL);
    return future;
}

static struct chariot_msg *one(void) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, 1);
    int rc = chariot_writer_finish(&writer, &msg);
    assert(rc == 0);
    return msg;
}

static struct chariot_ref create_on(struct chariot_pe *pe, struct chariot_create how) {
    struct chariot_ref ref;
    int rc = chariot_create_take(pe, &how, NULL, &ref);
    assert(rc == 0);
    return ref;
}

static struct chariot_ref array_on(struct chariot_pe *pe, uint32_t type, int64_t size, struct chariot_ref map) {
    return create_on(
        pe, (struct chariot_create){.type = type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {size}, .map = map});
}

static struct chariot_ref elem_of(const struct chariot_ref *coll, int64_t at) {
    struct chariot_ref ref;
    int rc = chariot_ref_element(coll, &(struct chariot_index){.ndims = 1, .at = {at}}, &ref);
    assert(rc == 0);
    return ref;
}

/* Gives the future of the result, or NULL where nobody wants it. */
static struct chariot_future *send(struct chariot_pe *pe, const struct chariot_ref *to, enum chariot_want want) {
    struct chariot_future *reply = want == CHARIOT_WANT_NOTHING ? NULL : future_of(pe, 1);
    int rc = chariot_send_take(pe, to, 0, NULL, want, reply);
    assert(rc == 0);
    return reply;
}

/* ---------------------------------------------------------------- the operations */

static struct chariot_future *start(struct growth *growth) {
    world_start(&growth->world);
    return NULL;
}

static struct chariot_future *group(struct growth *growth) {
    growth->group = create_on(pe_of(growth, 0), (struct chariot_create){.type = growth->type, .kind = CHARIOT_GROUP});
    return NULL;
}

static struct chariot_future *broadcast(struct growth *growth) {
    return send(pe_of(growth, 0), &growth->group, CHARIOT_WANT_NOTHING);
}

static struct chariot_future *awaited(struct growth *growth) {
    return send(pe_of(growth, 0), &growth->group, CHARIOT_WANT_DONE);
}

static struct chariot_future *awaited_far(struct growth *growth) {
    return send(last_of(growth), &growth->group, CHARIOT_WANT_DONE);
}

static struct chariot_elem *member(struct growth *growth, uint32_t pe) {
    const struct chariot_ref ref = elem_of(&growth->group, pe);
    struct chariot_elem *elem = chariot_elem_local(pe_of(growth, pe), &ref);
    assert(elem != NULL);
    return elem;
}

static struct chariot_future *reduction(struct growth *growth) {
    struct chariot_future *sum = future_of(pe_of(growth, 0), 1);
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(sum)};
    for (uint32_t i = 0; i < growth->num_pes; i++) {
        int rc = chariot_contribute_take(pe_of(growth, i), member(growth, i), NULL, one(), CHARIOT_REDUCE_SUM, &target);
        assert(rc == 0);
    }
    return sum;
}

/* Gives the last PE's, which hears of it last. */
static struct chariot_future *barrier(struct growth *growth) {
    struct chariot_future *done = NULL;
    for (uint32_t i = 0; i < growth->num_pes; i++) {
        chariot_future_unref(done);
        int rc = chariot_allreduce_take(pe_of(growth, i), member(growth, i), NULL, NULL, CHARIOT_REDUCE_NOP, &done);
        assert(rc == 0);
    }
    return done;
}

static struct chariot_future *quiet_for(struct chariot_pe *pe) {
    struct chariot_future *done = future_of(pe, 1);
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(done)};
    int rc = chariot_quiet_start(pe, &target);
    assert(rc == 0);
    return done;
}

static struct chariot_future *quiet(struct growth *growth) {
    return quiet_for(pe_of(growth, 0));
}

static struct chariot_future *quiet_far(struct growth *growth) {
    return quiet_for(last_of(growth));
}

/* Gives the last PE's: each is told apart. */
static struct chariot_future *quiet_all(struct growth *growth) {
    struct chariot_future *done = NULL;
    for (uint32_t i = 0; i < growth->num_pes; i++) {
        chariot_future_unref(done);
        done = quiet_for(pe_of(growth, i));
    }
    return done;
}

static struct chariot_future *array(struct growth *growth) {
    array_on(pe_of(growth, 0), growth->type, (int64_t)growth->num_pes * GROWTH_ARRAY_PER_PE, (struct chariot_ref){0});
    return NULL;
}

static struct chariot_future *small_array(struct growth *growth) {
    array_on(last_of(growth), growth->type, 3, (struct chariot_ref){0});
    return NULL;
}

/* The map is there already: see growth_run(). */
static struct chariot_future *mapped_array(struct growth *growth) {
    array_on(pe_of(growth, 0), growth->type, (int64_t)growth->num_pes * GROWTH_ARRAY_PER_PE, growth->map);
    return NULL;
}

/* The array is there already. */
static struct chariot_future *sparse_array(struct growth *growth) {
    int64_t per_pe = GROWTH_SPARSE_PER_PE;
    for (uint32_t i = 0; i < growth->num_pes; i++) {
        for (int64_t k = 0; k < per_pe; k++) {
            const struct chariot_index at = {.ndims = 1, .at = {i * per_pe + k}};
            int rc = chariot_insert_take(pe_of(growth, i), &growth->sparse, &at, NULL, -1, false);
            assert(rc == 0);
        }
    }
    int rc = chariot_done_inserting(pe_of(growth, 0), &growth->sparse);
    assert(rc == 0);
    return NULL;
}

static struct chariot_future *call(struct growth *growth) {
    const struct chariot_ref far = elem_of(&growth->group, growth->num_pes - 1);
    return send(pe_of(growth, 0), &far, CHARIOT_WANT_VALUE);
}

static struct chariot_future *destroy(struct growth *growth) {
    struct chariot_future *done = future_of(pe_of(growth, 0), 1);
    int rc = chariot_destroy(pe_of(growth, 0), &growth->group, done);
    assert(rc == 0);
    return done;
}

/* ---------------------------------------------------------------- the hang report */

static void blocked(void *ctx, struct chariot_report *report) {
    chariot_report_add(
        report, &(struct chariot_blocked){.waits = true, .where = "Member.work (program.py:12)", .what = "a future"});
}

static void on_warning(void *ctx, const char *text) {
    struct growth *growth = ctx;
    growth->said = strdup(text);
}

static struct chariot_future *hang(struct growth *growth) {
    for (uint32_t i = 0; i < growth->num_pes; i++) growth->world.pes[i].face.describe_blocked = blocked;
    struct chariot_pe *pe = pe_of(growth, 0);
    pe->around.ctx = growth;
    pe->around.on_warning = on_warning;
    pe->hang.mode = CHARIOT_HANG_WARN;
    obj_hang_found(pe);
    return NULL;
}

static struct chariot_future *leave(struct growth *growth) {
    growth->world.pes[0].around.ctx = &growth->world;
    chariot_exit(pe_of(growth, 0), 0);
    return NULL;
}

/* ---------------------------------------------------------------- all of them */

/* What the next operations need; not measured. */
static void prepare_arrays(struct growth *growth) {
    growth->map = create_on(pe_of(growth, 0), (struct chariot_create){.type = growth->map_type, .kind = CHARIOT_GROUP});
    growth->sparse = array_on(pe_of(growth, 0), growth->type, 0, (struct chariot_ref){0});
    world_settle(&growth->world);
}

void growth_run_collectives(struct growth *growth) {
    growth_measure(growth, GROWTH_GROUP, group);
    growth_measure(growth, GROWTH_BROADCAST, broadcast);
    growth_measure(growth, GROWTH_AWAITED, awaited);
    growth_measure(growth, GROWTH_AWAITED_FAR, awaited_far);
    growth_measure(growth, GROWTH_REDUCTION, reduction);
    growth_measure(growth, GROWTH_BARRIER, barrier);
    growth_measure(growth, GROWTH_QUIET, quiet);
    growth_measure(growth, GROWTH_QUIET_AGAIN, quiet);
    growth_measure(growth, GROWTH_CALL, call);
    growth_measure(growth, GROWTH_DESTROY, destroy);
}

static void run_arrays(struct growth *growth) {
    growth_measure(growth, GROWTH_ARRAY, array);
    growth_measure(growth, GROWTH_SMALL_ARRAY, small_array);
    prepare_arrays(growth);
    growth_measure(growth, GROWTH_MAPPED_ARRAY, mapped_array);
    growth_measure(growth, GROWTH_SPARSE_ARRAY, sparse_array);
}

void growth_run(struct growth *growth) {
    growth_measure(growth, GROWTH_START, start);
    growth_run_collectives(growth);
    growth_measure(growth, GROWTH_QUIET_FAR, quiet_far);
    growth_measure(growth, GROWTH_QUIET_ALL, quiet_all);
    run_arrays(growth);
    growth_measure(growth, GROWTH_HANG, hang);
    growth_measure(growth, GROWTH_EXIT, leave);
    assert(world_ended(&growth->world) && growth->world.aborts == 0);
}
