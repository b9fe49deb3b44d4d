/* Agents of the distributed balancer: what they promise in each step, and what others' bytes can do to them. */
#include "lb/gossip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lb/random.h"
#include "rpc/error.h"
#include "test/unit/lb/world.h"
#include "test/unit/unit.h"

enum { PES = 20, MOST_LETTERS = 20000 };

struct letter {
    uint32_t from, to;
    size_t size;
    void *data;
};

/* All agents, and letters that are delivered in an order drawn from a seed; those of a pair keep theirs. */
struct job {
    struct lb_gossip *agents[PES];
    struct port {
        struct job *job;
        uint32_t self;
    } ports[PES];
    struct letter letters[MOST_LETTERS];
    size_t count;
    uint64_t seed;
};

static int on_send(void *ctx, uint32_t to, const void *data, size_t size) {
    struct port *port = ctx;
    struct job *job = port->job;
    CU_ASSERT_FATAL(job->count < MOST_LETTERS && to < PES);
    void *copy = malloc(size);
    job->letters[job->count++] = (struct letter){port->self, to, size, memcpy(copy, data, size)};
    return 0;
}

static void deliver(struct job *job) {
    while (job->count > 0) {
        size_t drawn = lb_draw_below(&job->seed, (uint32_t)job->count), at = 0;
        while (job->letters[at].from != job->letters[drawn].from || job->letters[at].to != job->letters[drawn].to) at++;
        struct letter letter = job->letters[at];
        memmove(&job->letters[at], &job->letters[at + 1], (--job->count - at) * sizeof letter);
        CU_ASSERT_EQUAL(lb_gossip_receive(job->agents[letter.to], letter.from, letter.data, letter.size), 0);
        free(letter.data);
    }
}

static struct job *job_new(uint64_t seed, uint32_t objects_each) {
    struct job *job = calloc(1, sizeof *job);
    uint64_t key = 0;
    job->seed = seed;
    for (uint32_t pe = 0; pe < PES; pe++) {
        job->ports[pe] = (struct port){job, pe};
        struct lb_gossip_setting setting = {pe, PES, 1 + pe % 2, 0.1 * (pe % 3), 4, 16, 1.01, seed};
        lb_gossip_new(&setting, &(struct lb_gossip_transport){on_send, &job->ports[pe]}, &job->agents[pe]);
        for (uint32_t i = 0; i < (pe < 3 ? objects_each : 2); i++) {
            lb_gossip_add(job->agents[pe], key++, lb_draw_share(&job->seed));
        }
    }
    return job;
}

static void job_free(struct job *job) {
    for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_free(job->agents[pe]);
    free(job);
}

static void all(struct job *job, int (*act)(struct lb_gossip *)) {
    for (uint32_t pe = 0; pe < PES; pe++) CU_ASSERT_EQUAL(act(job->agents[pe]), 0);
    deliver(job);
}

static struct lb_gossip_sum reduce(struct job *job) {
    struct lb_gossip_sum sum = lb_gossip_share(job->agents[0]);
    for (uint32_t pe = 1; pe < PES; pe++) {
        struct lb_gossip_sum share = lb_gossip_share(job->agents[pe]);
        lb_gossip_sum_add(&sum, &share);
    }
    return sum;
}

static void work_is_kept_and_the_slowest_never_gets_slower_in_any_order_of_messages(void) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct job *job = job_new(seed, 30);
        struct lb_gossip_sum first = reduce(job), last = first;
        for (int iteration = 0; iteration < 4; iteration++) {
            for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_begin(job->agents[pe], &last);
            all(job, lb_gossip_spread);
            all(job, lb_gossip_spread);
            for (int trade = 0; trade < 4; trade++) {
                all(job, lb_gossip_offer);
                struct lb_gossip_sum now = reduce(job);
                CU_ASSERT_DOUBLE_EQUAL(now.work, first.work, 1e-9);
                CU_ASSERT(now.slowest <= last.slowest * (1 + 1e-9));
                last = now;
            }
        }
        CU_ASSERT(last.slowest < 1.2 * lb_gossip_level(&first));
        job_free(job);
    }
}

static void every_object_that_moved_is_claimed_once_where_it_lives(void) {
    struct job *job = job_new(7, 40);
    struct lb_gossip_sum sum = reduce(job);
    bool seen[200] = {0};
    for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_begin(job->agents[pe], &sum);
    all(job, lb_gossip_spread);
    all(job, lb_gossip_offer);
    all(job, lb_gossip_claim);
    size_t total = 0, count;
    for (uint32_t pe = 0; pe < PES; pe++) {
        const struct lb_gossip_move *moves = lb_gossip_moves(job->agents[pe], &count);
        for (size_t i = 0; i < count; i++, total++) {
            CU_ASSERT(moves[i].to < PES && moves[i].to != pe);
            CU_ASSERT(moves[i].key < 200 && !seen[moves[i].key]);
            seen[moves[i].key] = true;
        }
    }
    CU_ASSERT(total > 20);
    job_free(job);
}

static void foreign_bytes_are_refused_and_change_nothing(void) {
    struct job *job = job_new(3, 10);
    struct lb_gossip_sum sum = reduce(job);
    uint64_t seed = 9;
    for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_begin(job->agents[pe], &sum);
    for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_spread(job->agents[pe]);
    for (uint32_t pe = 0; pe < PES; pe++) lb_gossip_offer(job->agents[pe]);
    double before = lb_gossip_time(job->agents[5]);
    struct letter letter = job->letters[0];
    for (size_t size = 0; size < letter.size; size++) {
        CU_ASSERT_EQUAL(lb_gossip_receive(job->agents[5], 0, letter.data, size), CHARIOT_EMALFORMED);
    }
    CU_ASSERT_EQUAL(lb_gossip_receive(job->agents[5], PES, letter.data, letter.size), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(lb_gossip_time(job->agents[5]), before);
    for (int i = 0; i < 20000; i++) { /* whatever it is, it is refused or leaves a sound agent */
        unsigned char bytes[200];
        size_t size = lb_draw_below(&seed, sizeof bytes + 1);
        for (size_t at = 0; at < size; at++)
            bytes[at] = (unsigned char)(lb_draw_below(&seed, 3) > 0 ? 0 : lb_draw(&seed));
        if (size > 8) bytes[0] = (unsigned char)lb_draw_below(&seed, 6), bytes[1] = bytes[2] = bytes[3] = 0;
        lb_gossip_receive(job->agents[6], 0, bytes, size);
        CU_ASSERT(isfinite(lb_gossip_time(job->agents[6])));
    }
    for (size_t i = 0; i < job->count; i++) free(job->letters[i].data);
    job_free(job);
}

static void ten_thousand_equal_objects_of_one_pe_are_within_a_hundredth_after_four_iterations(void) {
    struct lb_object *objects = calloc(10000, sizeof *objects);
    for (uint32_t i = 0; i < 10000; i++) objects[i] = (struct lb_object){.load = 1, .migratable = true};
    struct lb_stats stats = {.num_pes = 100, .num_objects = 10000, .objects = objects};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct lb_plan plan = lb_world_decide(&stats, "gossip:iterations=4", seed);
        CU_ASSERT(lb_world_max(&stats, &plan) <= 101);
        lb_plan_deinit(&plan);
    }
    free(objects);
}

UNIT_MAIN("lb/gossip", UNIT(work_is_kept_and_the_slowest_never_gets_slower_in_any_order_of_messages),
          UNIT(every_object_that_moved_is_claimed_once_where_it_lives),
          UNIT(foreign_bytes_are_refused_and_change_nothing),
          UNIT(ten_thousand_equal_objects_of_one_pe_are_within_a_hundredth_after_four_iterations))
