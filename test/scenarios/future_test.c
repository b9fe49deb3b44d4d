/* Futures on simulated PEs: sent on by third PEs, filled by many, waited for everywhere before and after completion. */
#include <stdlib.h>
#include <string.h>

#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { WAITERS = 6, TOLD = 42 };

/* What one run needs everywhere; one run at a time. */
static struct {
    struct rpc_random random;
    uint32_t type;
    struct chariot_ref group;
    uint64_t id;
    uint64_t called, forgotten; /* waiters */
} now;

/* One element per PE; its waiters begin to wait at different times, and every third is forgotten before it is called.
 */
struct listener {
    struct chariot_future *handle;
    struct waiting {
        struct chariot_waiter waiter;
        struct listener *listener;
        bool called;
    } waiting[WAITERS];
    int begun;
};

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = calloc(1, sizeof(struct listener));
    return *object == NULL ? CHARIOT_ENOMEM : 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct listener *listener = object;
    chariot_future_unref(listener->handle);
    free(listener);
}

static void told(struct chariot_pe *pe, void *ctx) {
    struct waiting *waiting = ctx;
    struct chariot_future *handle = waiting->listener->handle;
    CU_ASSERT_FALSE(waiting->called);
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(handle));
    CU_ASSERT_EQUAL(int_of(chariot_future_value(handle, 0)), TOLD);
    waiting->called = true;
    now.called++;
}

static bool is_forgotten(int number) {
    return number % 3 == 2;
}

static void forget_earlier(struct listener *listener) {
    for (int i = 0; i < listener->begun; i++) {
        struct waiting *waiting = &listener->waiting[i];
        if (!is_forgotten(i) || waiting->called || waiting->waiter.list_ == NULL) continue;
        chariot_waiter_forget(&waiting->waiter);
        now.forgotten++;
    }
}

/* Begins to wait once more, and comes back for the next. */
static void wait_more(struct chariot_pe *pe, void *ctx) {
    struct listener *listener = ctx;
    forget_earlier(listener);
    if (listener->begun == WAITERS) return;
    struct waiting *waiting = &listener->waiting[listener->begun++];
    *waiting = (struct waiting){.waiter = {.fn = told, .ctx = waiting}, .listener = listener};
    CU_ASSERT_EQUAL(chariot_future_wait(listener->handle, &waiting->waiter), 0);
    if (is_forgotten(listener->begun - 1)) forget_earlier(listener);
    int64_t pause_ns = (int64_t)(rpc_random_draw(&now.random) % 10000000);
    CU_ASSERT_EQUAL(chariot_after(pe, pause_ns, wait_more, listener), 0);
}

static int on_listen(struct chariot_call *call) {
    struct listener *listener = call->object;
    listener->handle = chariot_future_open(call->pe, (uint64_t)arg_int(call->args, 0));
    if (listener->handle == NULL) return CHARIOT_ENOMEM;
    wait_more(call->pe, listener);
    return 0;
}

/* args: future, value. One value of many. */
static int on_give(struct chariot_call *call) {
    return chariot_future_send_take(call->pe, (uint64_t)arg_int(call->args, 0), value_int(chariot_my_pe(call->pe)));
}

/* args: future, PE. Goes from PE to PE; the last sends. */
static int on_pass(struct chariot_call *call) {
    int64_t id = arg_int(call->args, 0), next = chariot_my_pe(call->pe) + 1;
    if (next == chariot_num_pes(call->pe)) return chariot_future_send_take(call->pe, (uint64_t)id, value_int(TOLD));
    const struct chariot_index at = {.ndims = 1, .at = {next}};
    struct chariot_ref elem;
    int rc = chariot_ref_element(&now.group, &at, &elem);
    return rc != 0 ? rc : chariot_send_take(call->pe, &elem, call->method, args_of(id), CHARIOT_WANT_NOTHING, NULL);
}

enum { LISTEN, GIVE, PASS };
static const struct chariot_method methods[] = {{"listen", on_listen}, {"give", on_give}, {"pass", on_pass}};
static const struct chariot_type type = {
    .name = "Listener", .methods = methods, .num_methods = 3, .create = make, .destroy = unmake};

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
}

static void create_group(struct chariot_pe *pe) {
    const struct chariot_create how = {.type = now.type, .kind = CHARIOT_GROUP};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.group), 0);
}

static void call_all(struct chariot_pe *pe, uint32_t method, uint64_t id) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, &now.group, method, args_of((int64_t)id), CHARIOT_WANT_NOTHING, NULL), 0);
}

static void no_handles_are_left(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
    for (uint32_t i = 1; i < world->num_pes; i++) CU_ASSERT_TRUE(world->pes[i].futures.count <= 1);
}

static void run(void (*play)(struct script *, struct chariot_pe *, int, struct chariot_future *,
                             struct chariot_future *),
                uint32_t num_pes, uint64_t seed) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    struct script script = {.prepare = prepare, .play = play, .verify = no_handles_are_left};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 4, 17, 64};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

/* ---------------------------------------------------------------- waited for everywhere */

static void end(struct chariot_pe *pe, void *ctx) {
    uint64_t listeners = chariot_num_pes(pe), forgotten = listeners * (WAITERS / 3);
    CU_ASSERT_EQUAL(now.forgotten, forgotten);
    CU_ASSERT_EQUAL(now.called, listeners * WAITERS - forgotten);
    chariot_exit(pe, 0);
}

/* The value comes in the midst of it, on its way round all PEs; nobody on PE 0 holds the future then. */
static void play_listeners(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                           struct chariot_future *next) {
    const struct chariot_index zero = {.ndims = 1};
    struct chariot_ref elem;
    switch (step) {
    case 0:
        create_group(pe);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &now.group, next), 0);
        return;
    case 1:
        now.id = chariot_future_id(next);
        call_all(pe, LISTEN, now.id);
        CU_ASSERT_EQUAL(chariot_ref_element(&now.group, &zero, &elem), 0);
        CU_ASSERT_EQUAL(chariot_send_take(pe, &elem, PASS, args_of((int64_t)now.id), CHARIOT_WANT_NOTHING, NULL), 0);
        return;
    default:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), TOLD);
        CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, end, NULL), 0);
    }
}

static void every_waiter_on_every_pe_is_called_once(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++) {
            run(play_listeners, sizes[i], seed);
        }
    }
}

/* ---------------------------------------------------------------- filled by many */

static void play_counted(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    uint64_t num_pes = chariot_num_pes(pe);
    if (step == 0) {
        create_group(pe);
        call_all(pe, GIVE, chariot_future_id(script_expect(script, pe, 3 * num_pes)));
        call_all(pe, GIVE, chariot_future_id(script->waits));
        call_all(pe, GIVE, chariot_future_id(script->waits));
        return;
    }
    uint32_t *given = calloc(num_pes, sizeof *given);
    CU_ASSERT_PTR_NOT_NULL_FATAL(given);
    CU_ASSERT_EQUAL(chariot_future_num_values(done), 3 * num_pes);
    for (uint64_t i = 0; i < 3 * num_pes; i++) given[int_of(chariot_future_value(done, i))]++;
    for (uint64_t i = 0; i < num_pes; i++) CU_ASSERT_EQUAL(given[i], 3);
    free(given);
    chariot_exit(pe, 0);
}

static void a_counted_future_gets_each_value_once(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(sizes[i] > 17 ? 20 : 100); seed++)
            run(play_counted, sizes[i], seed);
    }
}

UNIT_MAIN("scenarios/future", UNIT(every_waiter_on_every_pe_is_called_once),
          UNIT(a_counted_future_gets_each_value_once))
