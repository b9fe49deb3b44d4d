/* lb/step.h: load balancing in a running job, for part.c (each PE's part, life, settings), sync.c (counting), step.c
 * (PE 0: the steps), stats.c (what PEs tell), moves.c (who moves), rumour.c (gossip), when.c (who begins a step).
 *
 * The PEs' parts are the elements of a group that is known from the first moment, as the runtime is. A step:
 *
 *   PE 0 -COLLECT, a broadcast-> all -statistics, a gather-> PE 0: plan -MOVE, to PEs that have moves-> those
 *        <-changes of counts, up the tree: arrived, or did not leave- all ... PE 0 -END, a broadcast-> all
 *
 *   RESTS --COLLECT--> GATHERS --plan--> MOVES --all have settled--> ENDS --END has come to PE 0--> RESTS
 *                \---> GOSSIPS --all have claimed---^
 *
 * Every planned move settles exactly once: at the PE that it was to leave, where it does not; where it arrives; or
 * where it would have arrived, if its array was destroyed meanwhile. A phase is the time between two ENDs. */
#ifndef CHARIOT_LB_STEP_H
#define CHARIOT_LB_STEP_H

#include "lb/balancer.h"
#include "lb/lb.h"
#include "objects/balance.h"
#include "objects/traffic.h"

/* What PE 0 counts of all PEs. Elsewhere: what came together here and below and was not told to the tree parent. */
enum lb_count {
    LB_TOTAL,     /* elements that take part in steps */
    LB_UNCOUNTED, /* collections whose elements will, of which it is not known how many they are */
    LB_WAITING,   /* elements that wait for the end of a step */
    /* Of a phase: the step that ends it, or what speaks for one. */
    LB_SETTLED,  /* moves of which it is known what became of them, */
    LB_REFUSED,  /* those of them that did not take place */
    LB_BYTES,    /* and of the others' state */
    LB_PLANNED,  /* gossip: moves to be made */
    LB_ACTED,    /* gossip: PEs that have done this act, */
    LB_SENT,     /* messages that they sent for it */
    LB_RECEIVED, /* and that came, */
    LB_ANSWERS,  /* those that were sent as an answer, */
    LB_ANSWERED, /* and that came */
    LB_IDLE,     /* PEs that had little to do, */
    LB_BUSY,     /* and that had much */
    LB_NUM_COUNTS,
};

/* The methods of the group. */
enum lb_method {
    LB_CALL_CHANGED, /* from a tree child: counts */
    LB_CALL_TELL,    /* to this PE itself: tell the tree parent */
    LB_CALL_COLLECT, /* to all: a step begins */
    LB_CALL_SHARES,  /* to PE 0: the statistics of all */
    LB_CALL_MOVE,    /* to a PE: what is to leave it */
    LB_CALL_END,     /* to all: the step has ended */
    LB_CALL_ASK,     /* to PE 0: somebody wants a step */
    LB_CALL_SUM,     /* to PE 0: what an iteration of gossip needs */
    LB_CALL_ACT,     /* to all: what agents do next */
    LB_CALL_GOSSIP,  /* between agents */
};

enum lb_why {
    LB_WHY_SYNC,  /* all elements that take part wait for it */
    LB_WHY_ASKED, /* chariot_balance() */
    LB_WHY_TIME,  /* a period has passed */
    LB_WHY_IDLE,  /* some PEs have little to do, others much */
};

enum lb_state { LB_RESTS, LB_GATHERS, LB_GOSSIPS, LB_MOVES, LB_ENDS };

/* What was measured and planned, for the line that is printed. */
struct lb_figures {
    size_t objects;
    double average, before, after; /* seconds of a PE: on average, the slowest, and what that was to become */
};

/* PE 0: the step. */
struct lb_step {
    enum lb_state state;
    enum lb_why why;
    bool measures; /* it looks at loads; else it does nothing but end */
    int64_t planned;
    int64_t began_ns, ended_ns; /* ended: the last one that looked at loads */
    int64_t work_ns;            /* of this PE for the step: for most of its time a step waits for its turn */
    uint64_t number;            /* of those */
    struct lb_figures figures;
    uint64_t *asked, *served; /* owned: futures of who asked since; of whom this step serves */
    size_t num_asked, cap_asked, num_served;
};

/* Whether a PE has little or much to do in this phase; on PE 0, when a step may begin. */
struct lb_watch {
    bool on;    /* those of this PE are told to PE 0 */
    bool rests; /* nothing is left to run here */
    bool told_idle, told_busy;
    int64_t since_ns; /* the phase began */
    int64_t rest_ns;  /* it rests since */
    int64_t idle_ns;  /* it rested before that, in this phase */
    /* PE 0 alone */
    bool manual;         /* the program says when */
    int64_t pause_ns;    /* between steps, at least */
    int64_t next_ns;     /* no step before */
    int64_t step_due_ns; /* one may be due; INT64_MAX: none */
};

struct lb_rumour;

struct lb_part {
    int64_t counts[LB_NUM_COUNTS];
    uint64_t syncs;  /* steps that elements have waited for */
    uint64_t phase;  /* ENDs so far */
    bool telling;    /* a call of TELL is in the run queue */
    bool complained; /* of an element that could not leave */
    struct chariot_balancing how;
    struct lb_choice choice; /* of how.balancer */
    bool is_set;
    struct lb_step step;
    struct lb_watch watch;
    struct lb_rumour *rumour; /* NULL: no gossip is under way */
};

static inline struct lb_part *lb_part_of(const struct chariot_pe *pe) {
    return pe->balance;
}

/* part.c */
uint64_t lb_group(void);
/* A call of one PE's part, of all of them. args NULL: none. */
void lb_call_take(struct chariot_pe *pe, uint32_t on, enum lb_method method, struct chariot_msg *args);
void lb_broadcast_take(struct chariot_pe *pe, enum lb_method method, struct chariot_msg *args);
/* Arguments that are nothing but these bytes. NULL: out of memory, said already. */
struct chariot_msg *lb_bytes_new(struct chariot_pe *pe, const void *data, size_t size);
/* Reads such arguments; CHARIOT_EMALFORMED: they are none, or not of `size` bytes (0: any). */
int lb_bytes_read(const struct chariot_msg *args, size_t size, const uint8_t **data, size_t *got);
/* There is somebody who plans. */
bool lb_has_balancer(const struct lb_part *part);
/* Who wants to know who talks to whom. */
bool lb_wants_edges(const struct lb_part *part);
/* A line for people, on stderr. */
void lb_say(struct chariot_pe *pe, const char *line);

/* sync.c */
void lb_note(struct chariot_pe *pe, enum lb_count what, int64_t more);
int lb_on_changed(struct chariot_call *call);
int lb_on_tell(struct chariot_call *call);
/* All that take part wait. */
bool lb_all_wait(const struct lb_part *part);
/* The step is over for those that waited for it here. */
void lb_resume(struct chariot_pe *pe);

/* step.c */
/* PE 0, in LB_RESTS. */
void lb_step_begin(struct chariot_pe *pe, enum lb_why why);
/* PE 0: counts have changed. */
void lb_step_on_counts(struct chariot_pe *pe);
/* PE 0, distributed: all moves are under way. */
void lb_step_moves(struct chariot_pe *pe, int64_t planned);
int lb_on_collect(struct chariot_call *call);
int lb_on_shares(struct chariot_call *call);
int lb_on_end(struct chariot_call *call);

/* stats.c */
/* This PE's statistics of the phase, for a step of that kind. NULL: out of memory, said already. */
struct chariot_msg *lb_share_new(struct chariot_pe *pe, enum lb_why why, bool edges);

/* Statistics of the job, as they came from all PEs. */
struct lb_gathered {
    struct lb_stats stats;  /* its arrays are owned */
    struct obj_name *names; /* by object, owned */
};
/* args: a list of one share for each PE. CHARIOT_EMALFORMED, CHARIOT_ENOMEM. */
int lb_gathered_init(struct lb_gathered *gathered, const struct chariot_pe *pe, const struct chariot_msg *args);
void lb_gathered_deinit(struct lb_gathered *gathered);

/* An element of this PE, as one of its statistics. */
struct lb_local {
    struct chariot_elem *elem;
    double load; /* seconds */
    bool movable;
};
/* The phase ends. Calls fn, until it fails, for each element that a step of that kind is about. background: seconds of
 * this PE that are of none of them. */
int lb_each_local(struct chariot_pe *pe, enum lb_why why, int (*fn)(void *ctx, const struct lb_local *local), void *ctx,
                  double *background);

/* migrate.c */
/* A balancer may move it, as things are. */
bool lb_is_movable(struct chariot_pe *pe, struct chariot_elem *elem);
/* chariot_may_migrate(), for who has the turn; in_step: to wait for a step is no obstacle. */
int lb_may_move(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to, bool in_step, char *why, size_t size);
/* The same and chariot_migrate(); what becomes of it is told by lb_move_settled() or lb_move_refused(), once, unless
 * this fails. */
int lb_move_in_step(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to);

/* moves.c */
struct lb_order { /* of a MOVE message, as it lies in memory */
    struct obj_name name;
    uint32_t to, pad;
};
/* Sends each PE what is to leave it. */
void lb_moves_send(struct chariot_pe *pe, const struct lb_gathered *gathered, const struct lb_plan *plan);
int lb_on_order(struct chariot_call *call);
/* It is to leave for that PE, in this step; else it settles at once. */
void lb_move_start(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to);
/* What became of the move of a step. why: of one that did not take place, and of which people should know; or NULL. */
void lb_move_settled(struct chariot_pe *pe, uint64_t bytes);
void lb_move_refused(struct chariot_pe *pe, const char *why);

/* rumour.c */
/* PE 0: a step in which no PE knows the whole. */
void lb_rumour_begin(struct chariot_pe *pe);
void lb_rumour_on_counts(struct chariot_pe *pe);
int lb_on_sum(struct chariot_call *call);
int lb_on_act(struct chariot_call *call);
int lb_on_gossip(struct chariot_call *call);
void lb_rumour_free(struct lb_part *part);

/* when.c */
int lb_on_ask(struct chariot_call *call);
/* PE 0, in LB_RESTS: begins the step that is due, if one is. */
void lb_when_next(struct chariot_pe *pe);
/* A phase begins. */
void lb_watch_begin(struct chariot_pe *pe, bool on);
void lb_watch_on_turn(struct chariot_pe *pe, bool rests);
void lb_watch_on_due(struct chariot_pe *pe);
/* PE 0: a step for LB_WHY_IDLE that moves objects pays. */
bool lb_when_pays(struct chariot_pe *pe, const struct lb_figures *figures, size_t moves);
/* PE 0: a step has ended, that long after it began; or, 0, the job begins. */
void lb_when_ended(struct chariot_pe *pe, int64_t took_ns);

#endif
