/* test/scenarios/growth.h: what operations of a whole job cost on a simulated world, for any number of PEs: counted,
 * not measured. A step is a message that had to wait for another one; PEs compute in no time.
 *
 *     struct growth growth;
 *     growth_open(&growth, num_pes, &growth_steps);
 *     growth_run(&growth);             every operation once; what a program would see of each is asserted
 *     ... growth.cost[GROWTH_BARRIER].steps ...
 *     growth_close(&growth);
 */
#ifndef CHARIOT_TEST_SCENARIOS_GROWTH_H
#define CHARIOT_TEST_SCENARIOS_GROWTH_H

#include "test/scenarios/world.h"

/* X(NAME, key): in the order in which they run. */
#define GROWTH_OPS(X)                                                                                                  \
    X(START, "start")                 /* from the first PE's first message to the entry on PE 0 */                     \
    X(GROUP, "group")                 /* a group is created by PE 0 */                                                 \
    X(BROADCAST, "broadcast")         /* of PE 0 to the group */                                                       \
    X(AWAITED, "awaited")             /* the same, awaited */                                                          \
    X(AWAITED_FAR, "awaited far")     /* awaited by the last PE */                                                     \
    X(REDUCTION, "reduction")         /* of one int per PE, to a future of PE 0 */                                     \
    X(BARRIER, "barrier")             /* allreduce of nothing, by all */                                               \
    X(QUIET, "quiescence")            /* asked for by PE 0, nothing else going on */                                   \
    X(QUIET_AGAIN, "quiescence next") /* and once more */                                                              \
    X(CALL, "call")                   /* of the group's last element, with a result, by PE 0 */                        \
    X(DESTROY, "destroy")             /* the group, awaited */                                                         \
    X(QUIET_FAR, "quiescence far")    /* asked for by the last PE */                                                   \
    X(QUIET_ALL, "quiescence by all") /* every PE asks */                                                              \
    X(ARRAY, "array")                 /* of ARRAY_PER_PE elements per PE, created by PE 0 */                           \
    X(SMALL_ARRAY, "small array")     /* of 3 elements, created by the last PE */                                      \
    X(MAPPED_ARRAY, "mapped array")   /* each PE's block is placed on its neighbour */                                 \
    X(SPARSE_ARRAY, "sparse array")   /* each PE inserts SPARSE_PER_PE elements, then it is declared done */           \
    X(HANG, "hang report")            /* one coroutine waits on each PE */                                             \
    X(EXIT, "exit")

enum growth_op {
#define GROWTH_ENUM(name, key) GROWTH_##name,
    GROWTH_OPS(GROWTH_ENUM)
#undef GROWTH_ENUM
        GROWTH_NUM_OPS
};
extern const char *const growth_keys[GROWTH_NUM_OPS];

enum { GROWTH_ARRAY_PER_PE = 4, GROWTH_SPARSE_PER_PE = 2 };

/* The machine. */
struct growth_model {
    uint32_t pes_per_host; /* 0: all are on one host */
    int64_t hop_ns;        /* from PE to PE */
    int64_t between_ns;    /* more, from host to host */
    int64_t message_ns;    /* what each message keeps its sender busy, and who handles it */
};
/* One host; a step takes a millisecond, all else nothing. */
extern const struct growth_model growth_steps;
enum { GROWTH_STEP_NS = 1000000 };

struct growth_cost {
    int64_t time_ns; /* virtual, until nothing is under way */
    uint64_t messages, bytes;
    uint64_t between; /* messages from host to host */
    uint64_t busiest; /* messages that one PE sent or received, the PE that had most */
    double real_s;    /* of the simulation: tells work that no message shows */
};

struct growth {
    struct world world;
    struct growth_model model;
    uint32_t num_pes;
    uint32_t *hosts;   /* by PE; NULL: one */
    uint64_t *handled; /* by PE: messages sent and received since the operation began */
    uint64_t between;
    uint32_t type, map_type;
    struct chariot_ref group, map, sparse;
    char *said; /* the hang report */
    struct growth_cost cost[GROWTH_NUM_OPS];
};

/* growth.c */
void growth_open(struct growth *growth, uint32_t num_pes, const struct growth_model *model);
void growth_close(struct growth *growth);
/* What `begin` starts, until all that comes of it is done; begin gives a future to wait for, or NULL. */
void growth_measure(struct growth *growth, enum growth_op op, struct chariot_future *(*begin)(struct growth *growth));

/* growth_ops.c: the operations; the types that they need. */
void growth_run(struct growth *growth);
void growth_run_collectives(struct growth *growth); /* from the group's creation to its end: any number of times */
void growth_register(struct growth *growth);

/* growth_heap.c: what a PE holds on the heap, in bytes, on average: the address book apart, of which simulated PEs
 * share one, and without what simulation and test need. */
struct growth_heap {
    double idle;      /* its own struct, and what start-up leaves */
    double group;     /* more with a group */
    double element;   /* more with one element of an array, of 64 per PE */
    double left_over; /* more after three rounds of growth_run_collectives(), the first apart */
};
void growth_weigh(uint32_t num_pes, struct growth_heap *heap);
/* Of the struct growth and of its world, per PE. */
enum { GROWTH_BYTES_PER_PE = sizeof(uint64_t) + 2 * sizeof(bool) + 2 * sizeof(int64_t) };

#endif
