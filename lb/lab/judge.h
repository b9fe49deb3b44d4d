/* lb/lab/judge.h: a balancer's decision on one recorded phase, and how good it is there and on later phases. */
#ifndef CHARIOT_LB_LAB_JUDGE_H
#define CHARIOT_LB_LAB_JUDGE_H

#include "lb/lab/trace.h"

/* What the laboratory is asked for. */
struct lab_setting {
    struct lb_choice choice;
    uint32_t num_pes;      /* 0: as many as the trace has */
    uint32_t pes_per_host; /* 0: all on one host */
    uint64_t seed;
    bool forecast; /* decide on what past phases foretell of the next, and judge there */
};

struct lab_score {
    int64_t phase;
    uint32_t num_objects, num_pes;
    double average, bound;                /* seconds */
    double before, after;                 /* longest time, seconds */
    double between_before, between_after; /* shares of bytes between PEs */
    bool has_edges;
    size_t num_moves;
    double moved_bytes; /* of state; 0: the trace does not say */
    double seconds;     /* that the decision took */
    uint32_t rounds;
    uint64_t messages;
    uint32_t num_later;       /* phases after it */
    double next, next_stayed; /* longest time over the bound on the next phase, placed so, and as it was recorded */
    double later;             /* placed so, on all later ones, mean */
};

struct lab_verdict {
    struct lab_score score;
    double *times_before, *times_after; /* owned, per PE, seconds */
};

/* Decides on phase `at`. CHARIOT_EINVAL and others: with what is wrong in `why`. */
int lab_judge(const struct lab_trace *trace, uint32_t at, const struct lab_setting *setting, struct lab_verdict *out,
              char *why);
void lab_verdict_deinit(struct lab_verdict *verdict);

#endif
