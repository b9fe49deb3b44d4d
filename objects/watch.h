/* objects/watch.h: what the PEs of the job do, told again and again to whoever watches on some PE.
 *
 *   a watcher is due -TELL down the tree, rooted at its PE-> each PE takes its row -TOLD up the tree-> on_rows
 *   the last watcher of a PE goes -FORGET down that tree-> nothing more is measured for it
 *
 * TELL and TOLD are handled as they arrive, also by the stand-in while a method computes: so a PE that computes is seen
 * to do so. What a round lacks when the next begins goes up as it is, and the root keeps the rows that it had. Time is
 * measured (meter.h) while somebody watches, and not before.
 *
 * They are CALLs to a collection that cannot be (OBJ_WATCH_TARGET): index: the PE; method: below; seq: the round; root:
 * the PE at which somebody watches. */
#ifndef CHARIOT_OBJECTS_WATCH_H
#define CHARIOT_OBJECTS_WATCH_H

#include "objects/chariot.h"
#include "rpc/msg.h"

enum { OBJ_WATCH_TARGET = 0 };
enum obj_watch_call { OBJ_WATCH_TELL, OBJ_WATCH_TOLD, OBJ_WATCH_FORGET };

/* What one PE has done so far. X(FIELD, comment); all are int64_t, and travel in this order. */
#define OBJ_WATCH_FIELDS(X)                                                                                            \
    X(watched_ns) /* measured so far */                                                                                \
    X(busy_ns)    /* of that, with something to do */                                                                  \
    X(calls)      /* methods that began meanwhile */                                                                   \
    X(sent)       /* messages to other PEs, */                                                                         \
    X(received)   /* and from them, since the PE began */                                                              \
    X(waiting)    /* messages that wait now */                                                                         \
    X(chares)     /* that live here now */                                                                             \
    X(moved_in)   /* chares that came from other PEs, */                                                               \
    X(moved_out)  /* and went to them, since the PE began */

struct obj_watch_row {
    bool told;        /* it ever came to whoever watches, */
    int64_t taken_ns; /* and when, by the clock there */
#define OBJ_WATCH_FIELD(name) int64_t name;
    OBJ_WATCH_FIELDS(OBJ_WATCH_FIELD)
#undef OBJ_WATCH_FIELD
};

/* The rows of a round on their way to the root. */
struct obj_watch_round {
    struct obj_watch_round *next;
    uint32_t root;
    uint64_t number;
    uint32_t unanswered; /* tree children whose rows have not come */
    struct chariot_writer rows;
    bool open; /* it has rows that have not gone up */
};

struct obj_watcher {
    int64_t period_ns;
    void (*on_rows)(struct obj_watcher *watcher); /* pe->watch.rows are new; maybe on the stand-in, with the turn */
    /* watch.c's own. */
    struct obj_watcher *next;
    int64_t due_ns;
    bool waits; /* for the round that is under way */
};

struct obj_watch {
    struct obj_watch_round *rounds; /* one for each PE at which somebody watches */
    struct obj_watcher *watchers;   /* on this PE */
    struct obj_watch_row *rows;     /* of all PEs; NULL: nobody watches here */
    uint64_t number;                /* of the last round that began here */
    int64_t due_ns;                 /* INT64_MAX: none is due */
    bool measures;                  /* the meter does, since the scheduler has run; until then all time is busy */
    int64_t since_ns;               /* somebody watches */
    /* What is to be added to the meter's: so the counts go on from those before it. */
    int64_t more_measured_ns, more_busy_ns, more_calls;
};

/* What somebody watches from now on: first as soon as all have told. CHARIOT_ENOMEM. */
int obj_watch_add(struct chariot_pe *pe, struct obj_watcher *watcher);
void obj_watch_remove(struct chariot_pe *pe, struct obj_watcher *watcher);
/* watch.due_ns has come. */
void obj_watch_on_due(struct chariot_pe *pe);

/* A message from another PE. */
void obj_watch_handle_take(struct chariot_pe *pe, struct chariot_msg *msg);
void obj_watch_deinit(struct chariot_pe *pe);

#endif
