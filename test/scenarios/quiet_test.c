/* Quiescence on simulated PEs. A model beside the program knows how much of it is still to come: messages, timers,
 * posts, constructors, callbacks. Detections are asked for on any PE, at any time, to any kind of target; what they
 * wake goes on and asks again. Never early: when one is served, there was a moment since it was asked for at which
 * nothing was left. Never missed: it is served soon after that moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/scenarios/wander.h"
#include "test/unit/unit.h"

enum { MAX_DETECTIONS = 64, RETRY_MAX_NS = 10000000 };

struct detection {
    bool served;
    int64_t asked_ns;
    int64_t zero_ns; /* the first moment since then at which nothing was left; -1: none yet */
    struct chariot_waiter waiter;
    struct chariot_future *future;
};

struct act {
    struct chariot_waiter waiter;
    struct chariot_future *future;
};

/* One run at a time. */
static struct {
    struct world world;
    struct rpc_random random;
    uint32_t type;
    struct chariot_ref group, sparse;
    int64_t left;   /* things of the program that are still to happen */
    int64_t budget; /* things that may still be begun */
    int64_t inserted;
    uint64_t spread;    /* elements that are called */
    uint64_t branching; /* most things that one begins */
    int64_t max_delay_ns;
    struct detection detections[MAX_DETECTIONS];
    int asked, served, early, late;
    int64_t latest_ns; /* by which one came, in parts of what is allowed */
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static int64_t clock_ns(void) {
    return rpc_sim_now_ns(now.world.sim);
}

/* ---------------------------------------------------------------- the model */

static void one_more(void) {
    now.left++;
    now.budget--;
}

static void one_less(void) {
    if (--now.left > 0) return;
    for (int i = 0; i < now.asked; i++) {
        struct detection *detection = &now.detections[i];
        if (!detection->served && detection->zero_ns < 0) detection->zero_ns = clock_ns();
    }
}

/* What a detection may take from then on: the wave that is under way, two more, the way of the ask and of the answer,
 * each of at most three hops up and three down, and the wait between waves. */
static int64_t allowed_ns(void) {
    return RETRY_MAX_NS + 30 * now.max_delay_ns;
}

static void act(struct chariot_pe *pe);

static void on_served(struct chariot_pe *pe, int which) {
    struct detection *detection = &now.detections[which];
    CU_ASSERT_FALSE(detection->served);
    detection->served = true;
    now.served++;
    now.early += detection->zero_ns < 0;
    if (detection->zero_ns >= 0) now.late += clock_ns() - detection->zero_ns > allowed_ns();
    if (draw(2) == 0) {
        now.left++;
        act(pe);
        one_less();
    }
}

static void on_future(struct chariot_pe *pe, void *ctx) {
    struct detection *detection = ctx;
    chariot_future_unref(detection->future);
    on_served(pe, (int)(detection - now.detections));
}

static void elem_of(const struct chariot_ref *ref, int64_t index, struct chariot_ref *elem) {
    const struct chariot_index at = {.ndims = 1, .at = {index}};
    CU_ASSERT_EQUAL(chariot_ref_element(ref, &at, elem), 0);
}

enum { ACT, SERVED };

/* Methods without arguments serve the detection that their element's number says. */
static void ask_for_quiescence(struct chariot_pe *pe) {
    int which = now.asked++;
    struct detection *detection = &now.detections[which];
    *detection = (struct detection){.asked_ns = clock_ns(), .zero_ns = -1};
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = SERVED};
    if (draw(2) == 0) {
        elem_of(&now.group, which, &target.ref); /* as many elements as detections, on any PE */
    } else {
        detection->future = chariot_future_new(pe, 1);
        detection->waiter = (struct chariot_waiter){.fn = on_future, .ctx = detection};
        target = (struct chariot_target){.kind = CHARIOT_TO_FUTURE, .future = chariot_future_id(detection->future)};
        CU_ASSERT_EQUAL(chariot_future_wait(detection->future, &detection->waiter), 0);
    }
    CU_ASSERT_EQUAL(chariot_quiet_start(pe, &target), 0);
}

/* ---------------------------------------------------------------- the program */

static void on_timer(struct chariot_pe *pe, void *ctx) {
    act(pe);
    one_less();
}

static void on_reply(struct chariot_pe *pe, void *ctx) {
    struct act *waits = ctx;
    chariot_future_unref(waits->future);
    free(waits);
    act(pe);
    one_less();
}

static void call(struct chariot_pe *pe, const struct chariot_ref *to) {
    if (draw(2) == 0) {
        CU_ASSERT_EQUAL(chariot_send_take(pe, to, ACT, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
        return;
    }
    struct act *waits = calloc(1, sizeof *waits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(waits);
    now.left++;
    waits->future = chariot_future_new(pe, 1);
    waits->waiter = (struct chariot_waiter){.fn = on_reply, .ctx = waits};
    CU_ASSERT_EQUAL(chariot_send_take(pe, to, ACT, NULL, CHARIOT_WANT_DONE, waits->future), 0);
    CU_ASSERT_EQUAL(chariot_future_wait(waits->future, &waits->waiter), 0);
}

static void begin_one(struct chariot_pe *pe) {
    struct chariot_ref ref;
    const struct chariot_create single = {.type = now.type, .kind = CHARIOT_SINGLE, .on_pe = -1};
    const struct chariot_index next = {.ndims = 1, .at = {now.inserted}};
    one_more();
    switch (draw(8)) {
    case 0:
        CU_ASSERT_EQUAL(chariot_after(pe, (int64_t)draw(20000000), on_timer, NULL), 0);
        break;
    case 1:
        CU_ASSERT_EQUAL(chariot_post(pe, on_timer, NULL), 0);
        break;
    case 2:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &single, NULL, &ref), 0);
        break;
    case 3:
        now.inserted++;
        CU_ASSERT_EQUAL(chariot_insert_take(pe, &now.sparse, &next, NULL, -1, false), 0);
        break;
    default:
        elem_of(&now.group, (int64_t)draw(now.spread), &ref);
        call(pe, &ref);
    }
}

/* A message for an element that nobody makes: it waits for ever, and keeps nothing from being quiescent. */
static void send_in_vain(struct chariot_pe *pe) {
    struct chariot_ref ref;
    elem_of(&now.sparse, 1000000 + (int64_t)draw(1000), &ref);
    CU_ASSERT_EQUAL(chariot_send_take(pe, &ref, ACT, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
}

static void act(struct chariot_pe *pe) {
    for (uint64_t i = draw(now.branching + 1); i > 0 && now.budget > 0; i--) begin_one(pe);
    if (draw(30) == 0) send_in_vain(pe);
    if (now.asked < MAX_DETECTIONS && draw(5) == 0) ask_for_quiescence(pe);
}

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = NULL;
    act(pe);
    one_less();
    return 0;
}

static int on_act(struct chariot_call *call) {
    act(call->pe);
    one_less();
    return 0;
}

static int on_served_call(struct chariot_call *call) {
    on_served(call->pe, (int)index_of(call->elem).at[0]);
    return 0;
}

static const struct chariot_method methods[] = {[ACT] = {"act", on_act}, [SERVED] = {"served", on_served_call}};
static const struct chariot_type type = {.name = "Actor", .methods = methods, .num_methods = 2, .create = make};

static void entry(struct chariot_pe *pe, void *ctx) {
    const struct chariot_create all = {
        .type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {MAX_DETECTIONS}};
    const struct chariot_create sparse = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1};
    now.left = 1 + MAX_DETECTIONS;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &sparse, NULL, &now.sparse), 0);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &all, NULL, &now.group), 0);
    ask_for_quiescence(pe);
    act(pe);
    one_less();
}

static bool run_model(uint32_t num_pes, uint64_t seed) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.max_delay_ns = 1 + (int64_t)draw(5000000);
    now.budget = (int64_t)draw(300);
    now.spread = 1 + draw(MAX_DETECTIONS);
    now.branching = 2 + draw(6);
    world_open(&now.world, (struct rpc_sim_config){.num_pes = num_pes, .seed = seed, .max_delay_ns = now.max_delay_ns});
    now.world.budget = 1 + (int)draw(64);
    now.type = world_register(&now.world, &type);
    now.world.pes[0].entry = entry;
    bool ended = world_run(&now.world);
    const char *fault = wander_fault(now.world.wander);
    if (fault == NULL) fault = wander_fault_at_rest(&now.world);
    bool good = !ended && now.left == 0 && now.early == 0 && now.late == 0 && now.served == now.asked && fault == NULL;
    if (!good) {
        printf("\n%u PEs, seed %llu: %d asked, %d served, %d early, %d late, %lld left %s%s\n", num_pes,
               (unsigned long long)seed, now.asked, now.served, now.early, now.late, (long long)now.left,
               now.world.abort_text, fault == NULL ? "" : fault);
    }
    world_close(&now.world);
    return good;
}

static void detections_are_never_early_and_never_missed(void) {
    uint64_t runs = script_seeds(300);
    for (uint64_t seed = 0; seed < runs; seed++) CU_ASSERT_TRUE(run_model(64, seed));
}

static void so_they_are_in_small_jobs(void) {
    const uint32_t sizes[] = {1, 2, 3, 5, 6, 21};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < script_seeds(50); seed++) CU_ASSERT_TRUE(run_model(sizes[i], seed));
    }
}

static void so_they_are_while_elements_move(void) {
    const uint32_t sizes[] = {2, 3, 5, 21, 64};
    wander_begin(150);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint64_t seed = 0; seed < script_seeds(150); seed++) CU_ASSERT_TRUE(run_model(sizes[i], seed));
    }
    wander_end();
}

UNIT_MAIN("scenarios/quiet", UNIT(detections_are_never_early_and_never_missed), UNIT(so_they_are_in_small_jobs),
          UNIT(so_they_are_while_elements_move))
