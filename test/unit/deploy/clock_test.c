/* test/unit/deploy/clock_test.c: how far another host's clock is apart. */
#include "deploy/clock.h"

#include "test/unit/unit.h"

#define S 1000000000LL

/* The other clock shows `ahead` more than ours and gains `rate`; asked at our time `at`, it takes `there` and `back`.
 */
static void ask(struct deploy_clock *clock, int64_t at, int64_t ahead, double rate, int64_t there, int64_t back) {
    int64_t answered = at + there + ahead + (int64_t)(rate * (double)(at + there));
    deploy_clock_hear(clock, at, answered, at + there + back, "another machine");
}

static int64_t read_at(const struct deploy_clock *clock, int64_t at_ns) {
    struct rpc_timeline_clock read = deploy_clock_read(clock);
    return at_ns + read.add_ns + (int64_t)(read.rate * (double)(at_ns - read.at_ns));
}

static void the_quickest_answer_counts(void) {
    struct deploy_clock clock = {0};
    ask(&clock, 10 * S, 500 * S, 0, 3000000, 100000);
    ask(&clock, 11 * S, 500 * S, 0, 20000, 20000);
    ask(&clock, 12 * S, 500 * S, 0, 50000, 9000000);
    CU_ASSERT_EQUAL(read_at(&clock, 515 * S), 15 * S);
}

static void clocks_may_drift(void) {
    struct deploy_clock clock = {0};
    for (int64_t i = 0; i < 600; i++) ask(&clock, (1 + i) * S, 1000 * S, 50e-6, 20000 + 1000 * (i % 7), 20000);
    int64_t off = read_at(&clock, 300 * S + 1000 * S + (int64_t)(50e-6 * 300e9)) - 300 * S;
    CU_ASSERT_TRUE(off > -100000 && off < 100000);
}

static void one_machine_has_one_clock(void) {
    struct deploy_clock clock = {0};
    char machine[DEPLOY_MACHINE_MAX];
    deploy_clock_machine(machine);
    deploy_clock_hear(&clock, 10 * S, 10 * S + 900, 10 * S + 1000, machine);
    CU_ASSERT_EQUAL(read_at(&clock, 12 * S), 12 * S);
}

static void nonsense_is_not_heard(void) {
    struct deploy_clock clock = {0};
    deploy_clock_hear(&clock, 20 * S, 10 * S, 10 * S, "another machine");
    deploy_clock_hear(&clock, 0, 10 * S, 10 * S, "another machine");
    deploy_clock_hear(&clock, INT64_MIN, INT64_MAX, 10 * S, "another machine");
    CU_ASSERT_EQUAL(read_at(&clock, 12 * S), 12 * S);
}

UNIT_MAIN("deploy/clock", UNIT(the_quickest_answer_counts), UNIT(clocks_may_drift), UNIT(one_machine_has_one_clock),
          UNIT(nonsense_is_not_heard))
