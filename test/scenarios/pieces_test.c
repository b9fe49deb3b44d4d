/* Large reductions in pieces, on hosts of a few PEs each: the same bits as whole, whatever overtakes what; values that
 * cannot be added range by range; PEs without elements; a collection that goes meanwhile. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { MOST = 4000 };

/* What one run needs everywhere; one run at a time. */
static struct {
    size_t piece_bytes;
    size_t length; /* doubles per contribution */
    int64_t elements;
    uint32_t type, reducer;
    struct chariot_ref all;
    uint64_t id; /* of the future that reductions go to */
    double result[MOST];
    int64_t heard;      /* elements that got it from an allreduce */
    int64_t face;       /* times that values went to the face */
    int64_t destroy_ns; /* how long after the last reduction has begun */
    bool odd;           /* the first element contributes more than the others */
    uint64_t pieces;
} now;

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

/* No two orders of adding these agree in the last bit. */
static struct chariot_msg *contribution(const struct chariot_elem *elem) {
    static double values[MOST];
    int64_t place = index_of(elem).at[0];
    size_t length = now.length + (now.odd && place == 0);
    for (size_t i = 0; i < length; i++) {
        double value = 1.0 / (double)(3 * place + 7 * (int64_t)i + 3);
        values[i] = value * ((place + (int64_t)i) % 3 == 0 ? 1e12 : 1.0);
    }
    return value_doubles(values, length);
}

static int on_reduce(struct chariot_call *call) {
    const struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = now.id};
    return chariot_contribute_take(call->pe, call->elem, NULL, contribution(call->elem), now.reducer, &target);
}

static size_t doubles_of(const struct chariot_msg *msg, double *values) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_ARRAY, &value), 0);
    CU_ASSERT_TRUE_FATAL(value.array.size <= MOST * sizeof *values);
    memcpy(values, value.array.data, value.array.size);
    return value.array.size / sizeof *values;
}

/* Where elements live says in which order they are added. */
static bool is_near(const double *values, size_t count) {
    bool near = true;
    for (size_t i = 0; i < count; i++) near = near && fabs(values[i] - now.result[i]) <= 1e-12 * fabs(now.result[i]);
    return near;
}

/* The first result of a kind is what all others must be. */
static bool is_result(const struct chariot_msg *msg) {
    static double values[MOST];
    size_t count = doubles_of(msg, values);
    if (now.result[0] == 0) memcpy(now.result, values, count * sizeof *values);
    if (wander_is_on()) return count == now.length && is_near(values, count);
    return count == now.length && memcmp(values, now.result, count * sizeof *values) == 0;
}

struct waiting {
    struct chariot_waiter waiter;
    struct chariot_future *all;
};

static void on_all(struct chariot_pe *pe, void *ctx) {
    struct waiting *waiting = ctx;
    now.heard += is_result(chariot_future_value(waiting->all, 0));
    chariot_future_unref(waiting->all);
    free(waiting);
    CU_ASSERT_EQUAL(chariot_future_send_take(pe, now.id, NULL), 0);
}

static int on_allreduce(struct chariot_call *call) {
    struct waiting *waiting = calloc(1, sizeof *waiting);
    CU_ASSERT_PTR_NOT_NULL_FATAL(waiting);
    waiting->waiter = (struct chariot_waiter){.fn = on_all, .ctx = waiting};
    int rc = chariot_allreduce_take(call->pe, call->elem, NULL, contribution(call->elem), now.reducer, &waiting->all);
    return rc != 0 ? rc : chariot_future_wait(waiting->all, &waiting->waiter);
}

enum { REDUCE, ALLREDUCE };
static const struct chariot_method methods[] = {{"reduce", on_reduce}, {"allreduce", on_allreduce}};
static const struct chariot_type type = {.name = "Element", .methods = methods, .num_methods = 2, .create = make};

/* What C cannot combine. */
static int by_face(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                   struct chariot_msg **out) {
    now.face++;
    *out = value_int(7);
    return 0;
}

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
    for (uint32_t i = 0; i < world->num_pes; i++) {
        world->pes[i].piece_bytes = now.piece_bytes;
        world->pes[i].face.combine = by_face;
    }
}

static void ask(struct chariot_pe *pe, uint32_t method, struct chariot_future *reply) {
    now.id = chariot_future_id(reply);
    CU_ASSERT_EQUAL(chariot_send_take(pe, &now.all, method, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
}

static void destroy(struct chariot_pe *pe, void *ctx) {
    struct script *script = ctx;
    CU_ASSERT_EQUAL(chariot_destroy(pe, &now.all, script->waits), 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    const struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {now.elements}};
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.all), 0);
        ask(pe, REDUCE, next);
        return;
    case 1:
        CU_ASSERT_TRUE(is_result(chariot_future_value(done, 0)));
        ask(pe, ALLREDUCE, script_expect(script, pe, (uint64_t)now.elements));
        return;
    case 2:
        CU_ASSERT_EQUAL(now.heard, now.elements);
        CU_ASSERT_EQUAL(now.face, 0);
        now.odd = true;
        ask(pe, REDUCE, next);
        return;
    case 3: /* the shapes differ */
        if (now.elements > 1) CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), 7);
        now.odd = false;
        ask(pe, REDUCE, script_expect(script, pe, 2)); /* both are under way at once */
        ask(pe, REDUCE, script->waits);
        return;
    case 4:
        for (size_t i = 0; i < 2; i++) CU_ASSERT_TRUE(is_result(chariot_future_value(done, i)));
        ask(pe, REDUCE, script_expect(script, pe, 2));
        CU_ASSERT_EQUAL(chariot_after(pe, now.destroy_ns, destroy, script), 0);
        return;
    default: /* the result, if that was there in time, or an error; and that the array is gone */
        chariot_exit(pe, 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, 6);
    CU_ASSERT_TRUE(world_is_clean(world));
    now.pieces = rpc_sim_messages(world->sim);
}

static void run(uint32_t num_pes, size_t piece_bytes, uint64_t seed) {
    struct script script = {.prepare = prepare, .play = play, .verify = verify};
    now.piece_bytes = piece_bytes;
    now.heard = now.face = 0;
    now.odd = false;
    script_run(&script, num_pes, seed);
}

static void pieces_give_the_same_bits(void) {
    const uint32_t sizes[] = {2, 4, 7, 10, 17, 31};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < script_seeds(16); seed++) {
            memset(&now, 0, sizeof now);
            now.length = seed % 4 == 0 ? MOST - 1 : 300 + 41 * seed % 700;
            now.elements = seed % 3 == 0 ? 1 + sizes[i] / 3 : sizes[i] * (1 + (int64_t)seed % 3);
            now.reducer = CHARIOT_REDUCE_SUM + (uint32_t)(seed % 4);
            now.destroy_ns = (int64_t)(seed % 13) * 1500000;
            run(sizes[i], SIZE_MAX / 4, seed);
            uint64_t whole = now.pieces;
            run(sizes[i], 512 + seed % 5 * 100, seed + 1);
            if (sizes[i] > 10 && !wander_is_on()) CU_ASSERT_TRUE(now.pieces > whole); /* moves send messages too */
        }
    }
}

UNIT_MAIN("scenarios/pieces", UNIT(pieces_give_the_same_bits))
