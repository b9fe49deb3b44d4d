/* Steps with a balancer, on simulated PEs whose elements have known loads: what is planned is done, each element goes
 * on once, behind its move, and every step ends, whatever is destroyed, refused, inserted or asked for meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/step.h"
#include "objects/load.h"
#include "objects/move.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/spy.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { MAX_PES = 9, MAX_ELEMS = 40, MAX_ASKED = 40, ROUNDS = 4 };

struct worker {
    int64_t index, load_ns;
    int64_t rounds, resumed, moves;
    uint64_t stays; /* 1: may not move; 2: cannot be packed */
};

static struct {
    struct world world;
    struct rpc_random random;
    uint32_t type, num_pes, num_elems;
    struct chariot_ref array, doomed, free;
    int64_t waiting, resumed, moves, wrong;
    int64_t to_wait; /* elements that take part */
    bool is_doomed;
    uint64_t odd; /* one in so many may not move, one cannot; 0: all can */
    struct chariot_future *asked[MAX_ASKED];
    size_t num_asked;
    char said[4000];
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static bool is_wrong(bool wrong, const char *what) {
    if (wrong && now.wrong++ < 3) printf("\n%s", what);
    return wrong;
}

/* ---------------------------------------------------------------- the elements */

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) return CHARIOT_ENOMEM;
    worker->index = index_of(elem).at[0];
    worker->load_ns = 1000000 * (1 + worker->index % 7);
    worker->stays = now.odd == 0 ? 0 : (uint64_t)worker->index % now.odd;
    if (worker->stays > 2) worker->stays = 0;
    *object = worker;
    return 0;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    free(object);
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    const struct worker *worker = object;
    return worker->stays == 2 ? CHARIOT_ETYPE : chariot_put_bytes(writer, worker, sizeof *worker);
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &value);
    if (rc != 0 || value.bytes.size != sizeof(struct worker)) return CHARIOT_EMALFORMED;
    struct worker *worker = malloc(sizeof *worker);
    if (worker == NULL) return CHARIOT_ENOMEM;
    memcpy(worker, value.bytes.data, sizeof *worker);
    worker->moves++;
    now.moves++;
    *object = worker;
    return 0;
}

static int may_move(void *ctx, struct chariot_elem *elem, char *why, size_t why_size) {
    const struct worker *worker = chariot_elem_object(elem);
    return worker->stays == 1 ? CHARIOT_ESTATE : 0;
}

static int on_work(struct chariot_call *call) {
    struct worker *worker = call->object;
    call->elem->load_ns += (uint64_t)worker->load_ns;
    worker->rounds++;
    int rc = call->elem->at_sync ? chariot_at_sync(call->pe, call->elem) : 0;
    now.waiting += call->elem->at_sync;
    return rc;
}

static int on_resume(struct chariot_call *call) {
    struct worker *worker = call->object;
    worker->resumed++;
    now.resumed++;
    is_wrong(worker->resumed != worker->rounds, "an element goes on that did not wait");
    return 0;
}

/* Works on, on its PE, for so many turns of a millisecond. */
static int on_busy(struct chariot_call *call) {
    struct worker *worker = call->object;
    int64_t left = arg_int(call->args, 0);
    struct chariot_ref self;
    call->elem->load_ns += (uint64_t)worker->load_ns;
    chariot_elem_ref(call->elem, &self);
    return left == 0 ? 0 : chariot_send_take(call->pe, &self, 2, args_of(left - 1), CHARIOT_WANT_NOTHING, NULL);
}

enum { WORK, RESUME, BUSY };
static const struct chariot_method methods[] = {{"work", on_work}, {"resumeFromSync", on_resume}, {"busy", on_busy}};
static const struct chariot_type type = {.name = "Worker",
                                         .methods = methods,
                                         .num_methods = 3,
                                         .create = make,
                                         .destroy = destroy,
                                         .pack = pack,
                                         .unpack = unpack};

/* ---------------------------------------------------------------- a job of them */

static void on_warning(void *ctx, const char *text) {
    size_t used = strlen(now.said);
    snprintf(now.said + used, sizeof now.said - used, "%s", text);
}

static void open_job(uint32_t num_pes, uint64_t seed, const struct chariot_balancing *how) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.num_pes = num_pes;
    world_open(&now.world,
               (struct rpc_sim_config){
                   .num_pes = num_pes, .seed = seed, .max_delay_ns = draw(2) ? 1000 : 2000000, .through_wire = true});
    now.world.budget = 1 + (int)draw(64);
    now.world.notes_idle = true;
    now.type = world_register(&now.world, &type);
    for (uint32_t p = 0; p < num_pes; p++) {
        char why[200] = "";
        now.world.pes[p].face.may_move = may_move;
        now.world.pes[p].around.on_warning = on_warning;
        CU_ASSERT_EQUAL(chariot_balancing_set(&now.world.pes[p], how, why, sizeof why), 0);
    }
    world_start(&now.world);
    world_settle(&now.world);
    for (uint32_t p = 0; p < num_pes; p++) {
        CU_ASSERT_EQUAL(chariot_balancing_set(&now.world.pes[p], how, NULL, 0), CHARIOT_ESTATE);
    }
}

static void wake(uint32_t pe) {
    world_wake(&now.world, pe);
}

static struct chariot_pe *any_pe(void) {
    uint32_t pe = (uint32_t)draw(now.num_pes);
    wake(pe);
    return &now.world.pes[pe];
}

static void let_pass(uint64_t steps) {
    while (steps-- > 0) {
        world_step(&now.world);
        rpc_sim_advance(now.world.sim, RPC_FOREVER_NS);
    }
}

/* Elements 0 .. count - 1, on PE `on` or, for -1, everywhere. */
static void fill(struct chariot_ref *array, uint32_t count, int64_t on, bool at_sync) {
    struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .at_sync = at_sync};
    struct chariot_pe *pe = any_pe();
    if (on < 0) how.dims[0] = count;
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, array), 0);
    for (uint32_t i = 0; on >= 0 && i < count; i++) {
        const struct chariot_index at = {.ndims = 1, .at = {i}};
        CU_ASSERT_EQUAL(chariot_insert_take(pe, array, &at, NULL, on, false), 0);
    }
    if (on >= 0) CU_ASSERT_EQUAL(chariot_done_inserting(pe, array), 0);
    if (at_sync) now.to_wait += count;
}

static void work(const struct chariot_ref *array) {
    CU_ASSERT_EQUAL(chariot_send_take(any_pe(), array, WORK, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
}

static struct chariot_elem *elem_on(uint32_t pe, const struct chariot_ref *array, uint32_t i) {
    struct chariot_ref ref;
    CU_ASSERT_EQUAL(chariot_ref_element(array, &(struct chariot_index){.ndims = 1, .at = {i}}, &ref), 0);
    return chariot_elem_local(&now.world.pes[pe], &ref);
}

/* Where the element lives; checks that it does, once. */
static uint32_t home_of(const struct chariot_ref *array, uint32_t i) {
    uint32_t owners = 0, owner = 0;
    for (uint32_t p = 0; p < now.num_pes; p++) {
        if (elem_on(p, array, i) == NULL) continue;
        owners++;
        owner = p;
    }
    is_wrong(owners != 1, "an element lives on no PE, or on several");
    return owner;
}

static int64_t longest(const struct chariot_ref *array, uint32_t count) {
    int64_t sum[MAX_PES] = {0}, most = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t load = 1 + i % 7;
        int64_t *at = &sum[home_of(array, i)];
        *at += load;
        if (*at > most) most = *at;
    }
    return most;
}

static void check_rest(void) {
    const struct lb_part *part = lb_part_of(&now.world.pes[0]);
    is_wrong(part->step.state != LB_RESTS, "a step never ends");
    is_wrong(part->counts[LB_WAITING] != 0, "elements wait still");
    is_wrong(part->counts[LB_TOTAL] != now.to_wait, "the number of those that take part is wrong");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    for (uint32_t p = 0; p < now.num_pes; p++) {
        is_wrong(lb_part_of(&now.world.pes[p])->phase != part->phase, "PEs are in different phases");
        is_wrong(lb_part_of(&now.world.pes[p])->rumour != NULL, "an agent is left");
    }
}

static bool close_job(uint64_t seed, const char *what) {
    check_rest();
    if (now.wrong > 0)
        printf("\n%s: %u PEs, %u elements, seed %llu: %lld wrong\n%s", what, now.num_pes, now.num_elems,
               (unsigned long long)seed, (long long)now.wrong, now.said),
            printf("%s", now.world.abort_text);
    world_close(&now.world);
    return now.wrong == 0;
}

/* ---------------------------------------------------------------- plans are carried out */

static void rotate_moves_every_element_in_every_step(void) {
    const struct chariot_balancing how = {.balancer = "rotate", .log = true};
    for (uint32_t num_pes = 1; num_pes <= MAX_PES; num_pes++) {
        open_job(num_pes, num_pes, &how);
        fill(&now.array, 20, -1, true);
        world_settle(&now.world);
        uint32_t home[20];
        for (uint32_t i = 0; i < 20; i++) home[i] = home_of(&now.array, i);
        for (int round = 1; round <= ROUNDS; round++) {
            work(&now.array);
            world_settle(&now.world);
            CU_ASSERT_EQUAL(now.resumed, 20 * round);
            CU_ASSERT_EQUAL(now.moves, num_pes == 1 ? 0 : 20 * round);
            for (uint32_t i = 0; i < 20; i++)
                CU_ASSERT_EQUAL(home_of(&now.array, i), (home[i] + (uint32_t)round) % num_pes);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(now.said, "chariot: load balancing 4 (rotate): 20 objects, max/avg "));
        CU_ASSERT_TRUE(close_job(num_pes, "rotate"));
    }
}

static void an_imbalance_is_mended(const char *balancer, double within) {
    const struct chariot_balancing how = {.balancer = balancer, .log = true};
    for (uint32_t num_pes = 2; num_pes <= MAX_PES; num_pes++) {
        open_job(num_pes, num_pes, &how);
        now.num_elems = 40;
        fill(&now.array, now.num_elems, num_pes - 1, true);
        work(&now.array);
        world_settle(&now.world);
        int64_t all = 0;
        for (uint32_t i = 0; i < now.num_elems; i++) all += 1 + i % 7;
        double level = (double)all / num_pes > 7 ? (double)all / num_pes : 7;
        double most = (double)longest(&now.array, now.num_elems);
        is_wrong(most > within * level + 1, "it is not balanced");
        CU_ASSERT_EQUAL(now.resumed, now.num_elems);
        CU_ASSERT_TRUE(close_job(num_pes, balancer));
    }
}

static void greedy_mends_an_imbalance(void) {
    an_imbalance_is_mended("greedy", 1.02);
    an_imbalance_is_mended("greedy-refine", 1.05);
    an_imbalance_is_mended("bisect", 1.3);
}

static void gossip_mends_it_without_knowing_the_whole(void) {
    an_imbalance_is_mended("gossip", 1.1);
}

static void without_a_balancer_a_step_only_ends(void) {
    open_job(3, 1, &(struct chariot_balancing){0});
    fill(&now.array, 10, 0, true);
    work(&now.array);
    world_settle(&now.world);
    CU_ASSERT_EQUAL(now.resumed, 10);
    CU_ASSERT_EQUAL(now.moves, 0);
    struct chariot_future *done = chariot_future_new(&now.world.pes[1], 1);
    CU_ASSERT_EQUAL(chariot_balance(&now.world.pes[1], done), CHARIOT_ESTATE);
    chariot_future_unref(done);
    CU_ASSERT_TRUE(close_job(1, "none"));
}

/* ---------------------------------------------------------------- everything at a time */

static const char *const BALANCERS[] = {"rotate",        "random",       "greedy",
                                        "greedy-refine", "refine",       "bisect",
                                        "gossip",        "hierarchical", "gossip:iterations=1,trades=2"};

static void ask(void) {
    struct chariot_pe *pe = any_pe();
    struct chariot_future *done = chariot_future_new(pe, 1);
    now.asked[now.num_asked++] = done;
    CU_ASSERT_EQUAL(chariot_balance(pe, done), 0);
}

static void move_one(const struct chariot_ref *array) {
    uint32_t i = (uint32_t)draw(now.num_elems);
    for (uint32_t p = 0; p < now.num_pes; p++) {
        struct chariot_elem *elem = elem_on(p, array, i);
        const struct worker *worker = elem == NULL ? NULL : elem->object;
        if (worker == NULL || worker->stays != 0) continue; /* else the program would hear of it */
        int rc = chariot_migrate(&now.world.pes[p], elem, (uint32_t)draw(now.num_pes));
        CU_ASSERT_TRUE(rc == 0 || elem->synced);
        wake(p);
    }
}

static void end_doomed(void) {
    if (!now.is_doomed) return;
    now.is_doomed = false;
    CU_ASSERT_EQUAL(chariot_destroy(any_pe(), &now.doomed, NULL), 0);
    now.to_wait -= now.num_elems;
}

static void act(void) {
    switch (draw(8)) {
    case 0:
        if (now.num_asked < MAX_ASKED) ask();
        break;
    case 1:
    case 2:
        move_one(&now.free);
        break;
    case 3:
        move_one(&now.array);
        break;
    case 4:
        if (draw(3) == 0) end_doomed();
        break;
    case 5:
        work(&now.free);
        break;
    default:
        break;
    }
}

static void check_array(const struct chariot_ref *array, int64_t rounds) {
    for (uint32_t i = 0; i < now.num_elems; i++) {
        const struct chariot_elem *elem = elem_on(home_of(array, i), array, i);
        const struct worker *worker = elem == NULL ? NULL : elem->object;
        if (worker == NULL) continue;
        is_wrong(elem->synced ||
                     (elem->move != NULL && (elem->move->in_step || elem->move->waits || elem->move->wants)),
                 "an element never settles");
        is_wrong(rounds >= 0 && worker->resumed != rounds, "an element did not go on");
        is_wrong(worker->stays != 0 && worker->moves > 0, "an element moved that must not");
    }
}

static void check_asked(void) {
    for (size_t i = 0; i < now.num_asked; i++) {
        bool ready = chariot_future_ready(now.asked[i]);
        is_wrong(!ready, "who asked for a step never hears of it");
        if (ready) is_wrong(int_of(chariot_future_value(now.asked[i], 0)) < 0, "less than nothing has moved");
        chariot_future_unref(now.asked[i]);
    }
    now.num_asked = 0;
}

static bool run(uint32_t num_pes, uint64_t seed) {
    const struct chariot_balancing how = {.balancer = BALANCERS[seed % (sizeof BALANCERS / sizeof *BALANCERS)],
                                          .log = true};
    open_job(num_pes, seed, &how);
    now.num_elems = 1 + (uint32_t)draw(MAX_ELEMS);
    now.odd = draw(2) * (3 + draw(3));
    int64_t on = draw(2) ? -1 : (int64_t)draw(num_pes);
    fill(&now.array, now.num_elems, on, true);
    fill(&now.free, now.num_elems, draw(2) ? on : -1, false);
    now.is_doomed = draw(2) == 0;
    if (now.is_doomed) fill(&now.doomed, now.num_elems, on, true);
    for (int64_t round = 1; round <= ROUNDS && now.wrong == 0; round++) {
        work(&now.array);
        if (now.is_doomed) work(&now.doomed);
        for (int actions = 20; actions > 0; actions--) {
            act();
            let_pass(draw(6));
        }
        world_settle(&now.world);
        check_array(&now.array, round);
        check_array(&now.free, -1);
        check_rest();
    }
    check_asked();
    return close_job(seed, how.balancer);
}

static void steps_end_whatever_happens_meanwhile(void) {
    for (uint64_t seed = 0; seed < script_seeds(150); seed++) {
        CU_ASSERT_TRUE(run(1 + (uint32_t)(seed % MAX_PES), seed));
    }
}

/* ---------------------------------------------------------------- programs that never synchronise */

/* Until nothing happens any more: also what PEs do by themselves. */
static void run_to_the_end(void) {
    for (;;) {
        while (world_step(&now.world)) continue;
        int64_t due = world_deadline_ns(&now.world);
        if (!rpc_sim_advance(now.world.sim, due) && due == RPC_FOREVER_NS) return;
    }
}

static uint64_t phases(void) {
    return lb_part_of(&now.world.pes[0])->phase;
}

static void busy_for(int64_t turns) {
    CU_ASSERT_EQUAL(chariot_send_take(any_pe(), &now.free, BUSY, args_of(turns), CHARIOT_WANT_NOTHING, NULL), 0);
}

static void pes_that_have_little_to_do_get_something(void) {
    for (uint32_t num_pes = 2; num_pes <= MAX_PES; num_pes++) {
        open_job(num_pes, num_pes, &(struct chariot_balancing){.balancer = "greedy", .log = true});
        now.world.step_ns = 1000000;
        now.num_elems = 24;
        now.world.budget = 4;
        fill(&now.free, now.num_elems, num_pes - 1, false);
        busy_for(400);
        run_to_the_end();
        CU_ASSERT_TRUE(now.moves > 0);
        CU_ASSERT_TRUE(phases() > 0 && phases() < 40);
        check_array(&now.free, -1);
        uint64_t before = phases();
        run_to_the_end(); /* a job that rests makes no steps */
        CU_ASSERT_EQUAL(phases(), before);
        CU_ASSERT_TRUE(close_job(num_pes, "idle"));
    }
}

static void a_job_that_rests_is_left_alone(void) {
    open_job(4, 1, &(struct chariot_balancing){.balancer = "greedy"});
    fill(&now.free, 20, 0, false);
    run_to_the_end();
    CU_ASSERT_EQUAL(phases(), 0);
    for (uint32_t p = 0; p < 4; p++) CU_ASSERT_EQUAL(obj_pe_deadline_ns(&now.world.pes[p]), INT64_MAX);
    CU_ASSERT_TRUE(close_job(1, "rests"));
}

static void a_period_is_kept(void) {
    open_job(3, 1, &(struct chariot_balancing){.balancer = "rotate", .period_s = 0.2});
    now.world.step_ns = 1000000;
    now.world.budget = 1;
    fill(&now.free, 6, 0, false);
    busy_for(200); /* 6 elements, a millisecond each: 1.2 s on one PE, less on three */
    int64_t began = rpc_sim_now_ns(now.world.sim);
    run_to_the_end();
    uint64_t periods = (uint64_t)(rpc_sim_now_ns(now.world.sim) - began) / 200000000;
    CU_ASSERT_TRUE(phases() >= 1 && phases() <= periods + 1);
    CU_ASSERT_TRUE(close_job(1, "period"));
    open_job(3, 1, &(struct chariot_balancing){.balancer = "rotate", .period_s = 1000});
    fill(&now.array, 6, 0, true);
    for (int round = 0; round < 3; round++) {
        work(&now.array);
        world_settle(&now.world);
    }
    CU_ASSERT_EQUAL(now.resumed, 18);
    CU_ASSERT_EQUAL(now.moves, 6); /* in the first */
    CU_ASSERT_TRUE(close_job(2, "period"));
}

/* ---------------------------------------------------------------- the program's own balancer */

static int own_plan(void *ctx, const struct lb_stats *stats, struct lb_plan *out, char *why, size_t size) {
    const struct lb_move *moves = ctx;
    CU_ASSERT_EQUAL(stats->num_objects, 10);
    CU_ASSERT_EQUAL(stats->dims, 1);
    out->num_moves = 2;
    out->moves = malloc(2 * sizeof *moves);
    memcpy(out->moves, moves, 2 * sizeof *moves);
    if (moves[0].object != 99) return 0;
    snprintf(why, size, "no idea");
    return 1;
}

static void own_plans_are_checked(void) {
    static const struct {
        struct lb_move moves[2];
        const char *said; /* NULL: good */
    } cases[] = {{{{3, 1}, {4, 1}}, NULL},
                 {{{3, 0}, {4, 2}}, NULL}, /* 3 is there */
                 {{{10, 1}, {4, 1}}, "moves nothing: object 10 to PE 1: there is no such object"},
                 {{{3, 1}, {4, 3}}, "moves nothing: object 4 to PE 3: there is no such PE"},
                 {{{3, 1}, {3, 2}}, "moves nothing: object 3 to PE 2: it is moved twice"},
                 {{{1, 1}, {4, 1}}, "moves nothing: object 1 to PE 1: it may not move"},
                 {{{99, 1}, {4, 1}}, "load balancing (mine) moves nothing: no idea"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct chariot_balancing how = {
            .plan = own_plan, .ctx = (void *)(uintptr_t)cases[i].moves, .plan_name = "mine"};
        open_job(3, i, &how);
        now.odd = 10;
        fill(&now.array, 10, 0, true);
        work(&now.array);
        world_settle(&now.world);
        CU_ASSERT_EQUAL(now.resumed, 10);
        CU_ASSERT_EQUAL(now.moves, cases[i].said != NULL ? 0 : cases[i].moves[0].to == 0 ? 1 : 2);
        CU_ASSERT_TRUE(cases[i].said == NULL || strstr(now.said, cases[i].said) != NULL);
        CU_ASSERT_TRUE(close_job(i, "own"));
    }
}

static void what_cannot_be_packed_stays_and_is_said_once(void) {
    open_job(2, 1, &(struct chariot_balancing){.balancer = "rotate", .log = true});
    now.odd = 5;
    fill(&now.array, 10, 0, true);
    for (int round = 0; round < 2; round++) {
        work(&now.array);
        world_settle(&now.world);
    }
    CU_ASSERT_EQUAL(now.resumed, 20);
    CU_ASSERT_PTR_NOT_NULL(strstr(now.said, "6 moved ("));
    CU_ASSERT_PTR_NOT_NULL(strstr(now.said, ", 2 refused, "));
    const char *complaint =
        strstr(now.said, "chariot: PE 0: the balancer cannot move an element: its state, or what is unread");
    CU_ASSERT_PTR_NOT_NULL_FATAL(complaint);
    CU_ASSERT_PTR_NULL(strstr(complaint + 120, "cannot be packed"));
    CU_ASSERT_TRUE(close_job(1, "refused"));
}

/* PE 0's part of the hang report, while the step is in that state; asserts that it comes to it. */
static void expect_report(enum lb_state state, const char *text) {
    struct chariot_pe *pe = &now.world.pes[0];
    struct chariot_report *report = calloc(1, sizeof *report);
    for (int steps = 0; steps < 1000 && lb_part_of(pe)->step.state != state; steps++) let_pass(1);
    CU_ASSERT_EQUAL(lb_part_of(pe)->step.state, state);
    obj_balance_ops.describe(pe, report);
    char *said = obj_report_text(report, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(said);
    if (strstr(said, text) == NULL) printf("\n'%s' is not in %s", text, said);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, text));
    free(said);
    obj_report_deinit(report);
    free(report);
}

static void what_a_step_waits_for_is_reported(void) {
    open_job(3, 1, &(struct chariot_balancing){.balancer = "rotate"});
    now.world.budget = 1;
    fill(&now.array, 9, 0, true);
    work(&now.array);
    expect_report(LB_GATHERS, "a step of load balancing waits for what PEs have to tell");
    expect_report(LB_MOVES, "a step of load balancing waits for 9 of its 9 moves");
    world_settle(&now.world);
    CU_ASSERT_EQUAL(now.resumed, 9);
    CU_ASSERT_TRUE(close_job(1, "report"));
}

/* ---------------------------------------------------------------- what is asked for */

static void what_is_wrong_is_said_before_the_job_runs(void) {
    static const struct {
        struct chariot_balancing how;
        const char *said;
    } cases[] = {
        {{.balancer = "greedi"}, "no balancer 'greedi'; there are none, greedy,"},
        {{.balancer = "greedy:x=1"}, "greedy has no option 'x'"},
        {{.balancer = "greedy", .period_s = -1}, "the period of load balancing is a number of seconds, not -1"}};
    struct world world;
    world_open(&world, (struct rpc_sim_config){.num_pes = 1});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[400] = "";
        CU_ASSERT_EQUAL(chariot_balancing_set(&world.pes[0], &cases[i].how, why, sizeof why), CHARIOT_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].said));
    }
    world.pes[0].around.balancer = "greedi"; /* as the job was started with */
    world_start(&world);
    CU_ASSERT_PTR_NOT_NULL(strstr(world.abort_text, "chariot: no balancer 'greedi'; there are"));
    world_close(&world);
    world_open(&world, (struct rpc_sim_config){.num_pes = 1});
    world.pes[0].around.balancer = "greedy";
    world.pes[0].around.balance_period = "soon";
    world_start(&world);
    CU_ASSERT_STRING_EQUAL(world.abort_text,
                           "chariot: the period of load balancing is a number of seconds, not 'soon'\n");
    world_close(&world);
}

UNIT_MAIN("scenarios/balance", UNIT(rotate_moves_every_element_in_every_step), UNIT(greedy_mends_an_imbalance),
          UNIT(gossip_mends_it_without_knowing_the_whole), UNIT(without_a_balancer_a_step_only_ends),
          UNIT(steps_end_whatever_happens_meanwhile), UNIT(pes_that_have_little_to_do_get_something),
          UNIT(a_job_that_rests_is_left_alone), UNIT(a_period_is_kept), UNIT(own_plans_are_checked),
          UNIT(what_cannot_be_packed_stays_and_is_said_once), UNIT(what_a_step_waits_for_is_reported),
          UNIT(what_is_wrong_is_said_before_the_job_runs))
