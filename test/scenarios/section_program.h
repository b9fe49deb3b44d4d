/* test/scenarios/section_program.h: a random program of collections and sections on simulated PEs, in rounds: some
 * operations from any PEs, while what earlier ones have begun is under way; then the network comes to rest and all that
 * should have happened is compared with the model. Replayed from its seed; CHARIOT_TRACE=1 prints the operations.
 *
 * Where a collection or section is destroyed meanwhile, what was under way to it need not arrive, but must end. */
#ifndef CHARIOT_TEST_SCENARIOS_SECTION_PROGRAM_H
#define CHARIOT_TEST_SCENARIOS_SECTION_PROGRAM_H

#include "rpc/sim_flight.h"
#include "test/scenarios/section_model.h"
#include "test/scenarios/wander.h"
#include "test/scenarios/world.h"

enum {
    PROGRAM_OPS = 200,       /* in a whole program */
    PROGRAM_SECTIONS = 4,    /* that one operation makes */
    PROGRAM_REDUCTIONS = 48, /* over one target */
};

enum op_kind {
    OP_CREATE,    /* a collection */
    OP_BROADCAST, /* to a target: hear */
    OP_AWAIT,     /* a target's creation */
    OP_REDUCE,    /* over a target, by all its members */
    OP_ALLREDUCE, /* the same, and all get the result */
    OP_QUIET,     /* quiescence is told to a target */
    OP_SPLIT,     /* by lists of indices */
    OP_CHOOSE,    /* by the elements' own choice */
    OP_SLICE,
    OP_COMBINE,
    OP_OF_GROUP, /* sections of a group, at once */
    OP_WRONG,    /* sections that cannot be made */
    OP_DESTROY,  /* a section or a collection */
    OP_INSERT,   /* an element, later: it joins no section. Only at rest */
    OP_GHOST,    /* calls what was destroyed. Only at rest */
    OP_NUM_KINDS,
};

struct op {
    enum op_kind kind;
    uint32_t target;
    uint32_t pe; /* where it is issued */
    struct chariot_future *future;
    bool over; /* checked, and found good */

    enum chariot_want want;
    uint32_t failing; /* hear: elements whose number is a multiple of it fail; 0: none */
    uint8_t heard[MODEL_ELEMS];
    uint8_t wanted[MODEL_ELEMS]; /* who should hear */

    uint32_t reducer;
    bool contributed;                                /* somebody has */
    uint8_t part[MODEL_ELEMS];                       /* whose contributions the result has */
    struct chariot_future *results[MODEL_ELEMS];     /* allreduce: by contributor */
    uint32_t told_target;                            /* to which the result goes; MODEL_TARGETS: to the future */
    uint8_t told[MODEL_ELEMS], to_tell[MODEL_ELEMS]; /* who was told the result, and should be */
    int64_t told_digest;                             /* what they were told */

    uint32_t sources[PROGRAM_SECTIONS], num_sources; /* what it makes them of */
    uint32_t first, num;                             /* targets that it makes */
    bool taken;                                      /* its future was looked at */
    uint8_t choice[MODEL_ELEMS];                     /* OP_CHOOSE: bits of the sections that an element joins */
    const char *error;                               /* what its future should say; NULL: no error */
};

struct program {
    uint64_t seed;
    struct rpc_random random;
    struct world world;
    uint32_t *hosts;
    struct model model;
    uint32_t types[2], map_type, reducer;
    struct chariot_ref map;
    struct op ops[PROGRAM_OPS];
    uint32_t num_ops, round_begins; /* the first operation of this round */
    /* By target: how many of its broadcasts, of its reductions, an element has had; which they are, in order. */
    uint8_t seen[MODEL_TARGETS][MODEL_ELEMS], parts[MODEL_TARGETS][MODEL_ELEMS];
    uint8_t order[MODEL_TARGETS][PROGRAM_OPS], reductions[MODEL_TARGETS][PROGRAM_REDUCTIONS];
    uint8_t num_order[MODEL_TARGETS], num_reductions[MODEL_TARGETS];
    uint64_t deliveries, sections, moves;
    bool trace, failed;
};

/* section_program.c: runs one; false: it failed, and why was printed. */
bool program_run(struct program *program, uint64_t seed);
uint32_t program_draw(struct program *program, uint32_t below);
/* Says what is wrong, the first time. */
void program_fail(struct program *program, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The PE, which is about to get something to do. */
struct chariot_pe *program_pe(struct program *program, uint32_t pe);

/* section_chares.c: what the elements are and do. */
void program_register(struct program *program);
enum program_method { PROGRAM_HEAR, PROGRAM_PART, PROGRAM_TOLD /* and one for each operation behind it */ };
/* The number that a method has in the types of this target. */
uint32_t program_method(const struct model_target *target, uint32_t method);
/* The PE where an element lives; NULL: it is on its way, or gone. */
struct chariot_pe *program_pe_of(struct program *program, uint32_t elem);
/* An element's part of its next reduction over a target. */
void program_contribute(struct program *program, struct chariot_pe *pe, uint32_t elem, uint32_t target);
int64_t program_part_value(uint32_t elem, uint32_t op);
/* A result as one number. */
int64_t program_digest(const struct chariot_msg *msg);
enum { PROGRAM_REDUCER = 100 }; /* in op.reducer: the program's own */

/* section_ops.c: issues one operation, chosen at random; section_make.c: those that make targets. */
void program_issue(struct program *program);
void program_issue_kind(struct program *program, enum op_kind kind);
void program_make(struct program *program, struct op *op);
enum { TARGET_ANY, TARGET_INHABITED /* has members */, TARGET_SETTLED /* and they are all there */ };
/* A target that can be used; -1: there is none. */
int64_t program_draw_target(struct program *program, int quality);
struct chariot_future *program_future(struct program *program, uint32_t pe);
void program_trace(const struct program *program, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* section_check.c: takes sections that have been made; looks whether all is as it should be, at rest. */
void program_poll(struct program *program);
void program_check_round(struct program *program);
void program_check_quiet(struct program *program, const struct op *quiet);
void program_check_left_over(struct program *program);

#endif
