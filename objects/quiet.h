/* objects/quiet.h: quiescence: the moment at which nothing runs on any PE, nothing waits to run, no timer is set, and
 * no message is under way.
 *
 *   any PE   chariot_quiet_start() -ASK up the tree-> PE 0 ... waves ... -DONE down to who asked-> the target's call
 *   PE 0     -WAVE down the tree-> every PE -COUNTS up the tree, each when it has come to rest-> judge()
 *
 * Every message between PEs is counted where it leaves and where it arrives, also one that is only passed on. A PE
 * answers a wave when it is at rest and all below it have answered: it holds the answer until then, which costs
 * nothing. The job is quiescent if as many messages had left by the end of this wave as had arrived by the end of the
 * one before, and have arrived by the end of this one (docs/decisions/030 says why that is exact). The messages of the
 * waves themselves are not counted; ASK and DONE are. */
#ifndef CHARIOT_OBJECTS_QUIET_H
#define CHARIOT_OBJECTS_QUIET_H

#include "objects/chariot.h"

/* Messages that left for other PEs and that came from them; things outside the job that may wake it. Of a PE, or
 * summed over several. */
struct obj_counts {
    uint64_t sent, arrived, outside;
};

/* A detection that this PE has asked for. */
struct obj_quiet_wait {
    uint64_t after; /* the last wave that this PE had answered by then: a later one may find it */
    struct chariot_target target;
    struct obj_quiet_wait *next;
};

enum obj_quiet_due { OBJ_DUE_WAVE, OBJ_DUE_LOOK };

struct obj_quiet {
    struct obj_counts mine;
    bool worked; /* something has run since this PE was last at rest */

    uint64_t wave;           /* that this PE has to answer; 0: none */
    uint32_t unanswered;     /* tree children that have not answered it */
    struct obj_counts below; /* the sums of those that have */

    uint64_t answered; /* the last wave that it has answered */

    struct obj_quiet_wait *waits, **waits_end;
    uint32_t askers; /* bit i: tree child i has asked, and waits for a DONE */
    bool has_asked;  /* and so has this PE, of its tree parent */

    /* PE 0 alone. */
    uint64_t waves;          /* started so far */
    uint64_t arrived_before; /* messages that had arrived by the end of the last one; 0 before the first */
    uint32_t failed;         /* waves in vain since began_ns */
    int64_t began_ns;
    int64_t rest_ns; /* when something last ran here */
    int64_t due_ns;  /* INT64_MAX: nothing is due */
    enum obj_quiet_due due;
    bool looks; /* for a job that hangs (hang.h) */
};

void obj_quiet_init(struct chariot_pe *pe);
void obj_quiet_deinit(struct chariot_pe *pe);
/* Nothing is left to run on this PE now. Called at the end of every step of which that is true. */
void obj_quiet_rest(struct chariot_pe *pe);
/* quiet.due_ns has come. */
void obj_quiet_on_due(struct chariot_pe *pe);
/* PE 0: look again for a job that hangs, in so long. */
void obj_quiet_look_in(struct chariot_pe *pe, int64_t delay_ns);

#endif
