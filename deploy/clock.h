/* deploy/clock.h: how far a clock on another host is apart from ours, for timelines (chariot/v1/agent.proto,
 * AgentClock).
 *
 * A question and its answer tell it but for half of the time between, so the quickest answer counts. Clocks drift; so
 * one pair of the first ten seconds and one of the last half minute count, and what lies between them is in proportion.
 * Where both hosts are one machine, it is one clock. */
#ifndef CHARIOT_DEPLOY_CLOCK_H
#define CHARIOT_DEPLOY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/timeline.h"

enum { DEPLOY_MACHINE_MAX = 128 };

struct deploy_sample {
    int64_t at_ns;  /* by the other clock */
    int64_t add_ns; /* to it, for ours */
    int64_t took_ns;
};

struct deploy_clock {
    bool same;                           /* it is ours */
    int64_t began_ns, period_ns;         /* by it: when the first answer came (0: none has), and when last[0] began */
    struct deploy_sample first, last[2]; /* the best of the beginning; of a quarter of a minute, and of that before */
};

int64_t deploy_clock_now_ns(void);
/* This machine's clock, in a text. */
void deploy_clock_machine(char machine[DEPLOY_MACHINE_MAX]);
/* An answer has come now. */
void deploy_clock_hear(struct deploy_clock *clock, int64_t asked_ns, int64_t answered_ns, int64_t now_ns,
                       const char *machine);
/* What is to be added to its times. */
struct rpc_timeline_clock deploy_clock_read(const struct deploy_clock *clock);

#endif
