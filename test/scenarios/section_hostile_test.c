/* Sections beside a broken PE, which sends what makes and opens them, answers and broadcasts nearly right: the job may
 * end, with a message, or hang; nothing crashes, and all memory is freed. */
#include <stdlib.h>
#include <string.h>

#include "sections/sections.h"
#include "test/scenarios/script.h"
#include "test/scenarios/spy.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { NUM_PES = 6, NUM_SECTIONS = 6, NUM_WAITING = 8 };

static struct {
    struct rpc_random random;
    struct spy spy;
    struct chariot_ref sources[4]; /* a group, one on some PEs, an array, one that began empty */
    struct chariot_ref sections[NUM_SECTIONS];
    uint32_t num_sections;
    struct chariot_future *waiting[NUM_WAITING]; /* for sections */
    uint32_t num_waiting;
    uint64_t result_to;
} now; /* one run at a time */

static uint32_t draw(uint32_t below) {
    return (uint32_t)(rpc_random_draw(&now.random) % below);
}

/* ---------------------------------------------------------------- chares */

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static const struct chariot_ref *any_section(void) {
    return now.num_sections == 0 ? &now.sources[1] : &now.sections[draw(now.num_sections)];
}

static int on_work(struct chariot_call *call) {
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = now.result_to};
    struct chariot_future *all;
    chariot_contribute_take(call->pe, call->elem, any_section(), value_int(1), CHARIOT_REDUCE_SUM, &target);
    chariot_contribute_take(call->pe, call->elem, any_section(), value_int(1), CHARIOT_REDUCE_SUM, &target);
    if (chariot_allreduce_take(call->pe, call->elem, any_section(), value_int(1), CHARIOT_REDUCE_SUM, &all) == 0)
        chariot_future_unref(all);
    call->result = value_int(5);
    return 0;
}

static int choose(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error) {
    for (uint32_t i = draw(3); i > 0; i--) chariot_choose(choice, (int64_t)draw(5) - 1);
    return draw(20) == 0 ? CHARIOT_EUSER : 0;
}

static const struct chariot_method methods[] = {{"work", on_work}};
static const struct chariot_type type = {
    .name = "Worker", .methods = methods, .num_methods = 1, .create = create, .choose = choose};

static void begin(struct world *world, uint32_t type_id) {
    const uint32_t some[] = {1, 4, 5};
    struct chariot_create how = {.type = type_id, .kind = CHARIOT_GROUP};
    chariot_create_take(&world->pes[1], &how, NULL, &now.sources[0]);
    how.pes = some;
    how.num_pes = 3;
    chariot_create_take(&world->pes[2], &how, NULL, &now.sources[1]);
    how = (struct chariot_create){.type = type_id, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {3, 4}};
    chariot_create_take(&world->pes[3], &how, NULL, &now.sources[2]);
    how.dims[0] = how.dims[1] = 0;
    chariot_create_take(&world->pes[4], &how, NULL, &now.sources[3]);
    for (int64_t i = 0; i < 7; i++)
        chariot_insert_take(&world->pes[4], &now.sources[3], &(struct chariot_index){2, {i, -i}}, NULL, -1, false);
    chariot_done_inserting(&world->pes[4], &now.sources[3]);
    for (int i = 0; i < 4; i++) spy_know(&now.spy, now.sources[i].collection);
    for (uint32_t i = 0; i < NUM_PES; i++) world_wake(world, i);
}

/* ---------------------------------------------------------------- sections of them */

static void know(const struct chariot_ref *ref) {
    uint32_t at = now.num_sections < NUM_SECTIONS ? now.num_sections++ : draw(NUM_SECTIONS);
    now.sections[at] = *ref;
    spy_know(&now.spy, ref->collection);
}

static void take(const struct chariot_msg *made) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct chariot_ref ref;
    uint32_t method;
    chariot_reader_init(&reader, made);
    if (chariot_msg_is_error(made) || chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0) return;
    while (chariot_get(&reader, &value) == 0) {
        if (value.type == CHARIOT_REF && chariot_ref_read(&value, &ref, &method) == 0) know(&ref);
    }
}

static void take_made(void) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < now.num_waiting; i++) {
        struct chariot_future *future = now.waiting[i];
        if (!chariot_future_ready(future)) {
            now.waiting[kept++] = future;
            continue;
        }
        take(chariot_future_value(future, 0));
        chariot_future_unref(future);
    }
    now.num_waiting = kept;
}

static const struct chariot_ref *any_ref(void) {
    return draw(2) == 0 || now.num_sections == 0 ? &now.sources[draw(4)] : &now.sections[draw(now.num_sections)];
}

static void make(struct chariot_pe *pe, struct chariot_future *future) {
    const struct chariot_ref *of = any_ref(), *other = any_ref(), both[] = {*any_ref(), *other};
    struct chariot_index list[4] = {{0}};
    const struct chariot_indices lists[] = {{list, 1 + draw(4)}, {list + 1, 1 + draw(3)}};
    const struct chariot_range ranges[2] = {{.step = 1}, {.start = draw(3), .has_start = true, .step = -1}};
    struct chariot_ref refs[2];
    for (int i = 0; i < 4; i++) list[i] = (struct chariot_index){of->ndims, {draw(NUM_PES), draw(3)}};
    switch (draw(5)) {
    case 0:
        chariot_section_split(pe, of, 2, lists, future);
        return;
    case 1:
        chariot_section_slice(pe, of, of->ndims, ranges, future);
        return;
    case 2:
        chariot_section_choose_take(pe, of, 3, draw(2) ? value_int(3) : NULL, future);
        return;
    case 3:
        chariot_section_combine(pe, both, 2, future);
        return;
    default:
        if (chariot_section_of_group(pe, &now.sources[0], 1, lists, refs) == 0) know(&refs[0]);
    }
}

/* Each PE does something to one of them. */
static void act(struct world *world) {
    uint32_t at = draw(NUM_PES), drawn = draw(12);
    struct chariot_pe *pe = &world->pes[at];
    struct chariot_future *future = chariot_future_new(pe, 1);
    take_made();
    if (drawn < 5) make(pe, future);
    if (drawn == 5 && draw(4) == 0) chariot_destroy(pe, any_ref(), draw(2) ? future : NULL);
    if (drawn == 6) chariot_await_created(pe, any_ref(), future);
    now.result_to = chariot_future_id(future);
    if (drawn > 6) chariot_send_take(pe, any_ref(), 0, NULL, CHARIOT_WANT_VALUE, future);
    if (drawn < 5 && now.num_waiting < NUM_WAITING)
        now.waiting[now.num_waiting++] = future;
    else
        chariot_future_unref(future);
    world_wake(world, at);
}

/* ---------------------------------------------------------------- runs */

static void ignore_error(void *ctx, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error) {}

static void ignore_warning(void *ctx, const char *text) {}

/* Whatever ended it: a job that has ended hears nothing more. */
static void carry_on(struct world *world) {
    world->aborts = 0;
    for (uint32_t i = 0; i < NUM_PES; i++) world->pes[i].ending = world->pes[i].aborted = false;
}

static void run(uint64_t seed) {
    static const uint32_t hosts[NUM_PES] = {0, 1, 0, 1, 2, 2};
    struct world world;
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    world_open(&world, (struct rpc_sim_config){.num_pes = NUM_PES, .seed = seed, .max_delay_ns = 1000, .hosts = hosts});
    uint32_t type_id = world_register(&world, &type);
    for (uint32_t i = 0; i < NUM_PES; i++) {
        world.pes[i].face = (struct chariot_face){.on_unreceived_error = ignore_error};
        world.pes[i].around.on_warning = ignore_warning;
        chariot_set_hang_report(&world.pes[i], CHARIOT_HANG_WARN);
    }
    spy_open(&now.spy, &world, &now.random);
    world_start(&world);
    begin(&world, type_id);
    for (int step = 0; step < 400; step++) {
        world_step(&world);
        rpc_sim_advance(world.sim, rpc_sim_now_ns(world.sim) + 500);
        if (step % 3 == 0) act(&world);
        if (step > 60 && step % 3 == 0) spy_inject(&now.spy);
        carry_on(&world);
    }
    spy_close(&now.spy);
    while (now.num_waiting > 0) chariot_future_unref(now.waiting[--now.num_waiting]);
    world_close(&world);
}

static void nothing_that_a_pe_sends_about_sections_crashes_another(void) {
    for (uint64_t seed = 0; seed < script_seeds(400); seed++) run(seed);
}

static void nor_of_members_that_move(void) {
    wander_begin(300);
    for (uint64_t seed = 0; seed < script_seeds(1000); seed++) run(seed);
    wander_end();
}

UNIT_MAIN("scenarios/section_hostile", UNIT(nothing_that_a_pe_sends_about_sections_crashes_another),
          UNIT(nor_of_members_that_move))
