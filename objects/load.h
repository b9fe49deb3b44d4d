/* objects/load.h: what elements cost, for whoever balances or records load.
 *
 * pe->load is NULL where nobody has asked for it. Where it is on, the meter (meter.h) is on too, and load is a listener
 * of its events: time that is charged to a frame with an element is that element's, so what nests is charged once, and
 * a coroutine is charged for its slices. The rest of a PE's time is idle, or its background: the scheduler, reducers,
 * what belongs to no chare, and what other processes took of the core.
 *
 * Time is taken from the monotonic clock, and made CPU time by looks at the thread's own (obj_surroundings.cpu_ns),
 * which cost twenty times as much: one where OBJ_LOAD_LOOK_NS have passed since the last. What the core did in between
 * without this thread was stolen, and is taken off the charge that ends there: whoever is preempted for long has had a
 * charge that is that long. Simulated PEs have no such clock: their charges are simulated time, exactly.
 *
 * A *phase* is what loads are added up over: from one balancing step to the next, as a rule. Everything here is called
 * with the turn taken. */
#ifndef CHARIOT_OBJECTS_LOAD_H
#define CHARIOT_OBJECTS_LOAD_H

#include "objects/pe.h"
#include "objects/traffic.h"

enum { OBJ_LOAD_LOOK_NS = 200000 };

/* What a PE did while it measured. wall = idle + stolen + cpu; cpu = elements + the scheduler's own. */
struct obj_load_phase {
    int64_t wall_ns;
    int64_t idle_ns;     /* nothing to do */
    int64_t stolen_ns;   /* something to do, but the core was others' */
    int64_t cpu_ns;      /* the rest */
    int64_t elements_ns; /* of that, in methods of elements, of all kinds of collections */
};

struct obj_load {
    bool on;
    bool refused;       /* the program does not want it, whoever else does */
    bool ended;         /* the phase has, and the next has not begun: nothing is added */
    uint64_t number;    /* of the phase, from 0 */
    int64_t started_ns; /* where phases end by time: when the first began */
    struct obj_load_phase phase;
    int64_t looked_ns, looked_cpu_ns; /* the last look at both clocks */
    int64_t vague_ns;                 /* idle since: who knows whether this thread slept or span */
    bool counts_traffic;
    struct obj_traffic traffic; /* of this phase */
};

/* Measures from now on, unless the program has said that it does not want that (chariot_load_measure()); false: no
 * more, until it is asked for again. What was measured stays. CHARIOT_ENOMEM. */
int obj_load_measure(struct chariot_pe *pe, bool on);
static inline bool obj_load_is_on(const struct chariot_pe *pe) {
    return pe->load != NULL && pe->load->on;
}
/* The phase ends: gives what it was. elem->load_ns, the CPU time of each element in it, stays as it is until the next
 * one begins. What is done in between is in no phase. */
void obj_load_end_phase(struct chariot_pe *pe, struct obj_load_phase *out);
/* The phase ends, unless it has, and all loads are 0 again. No effect where pe->load is NULL. */
void obj_load_begin_phase(struct chariot_pe *pe);
/* What elem has cost in the phase that goes on; 0 between two. */
static inline uint64_t obj_load_in_phase(const struct chariot_pe *pe, const struct chariot_elem *elem) {
    return pe->load == NULL || pe->load->ended ? 0 : elem->load_ns;
}
/* The PE starts: measures where phases are to be recorded (obj_surroundings.record). CHARIOT_ENOMEM. */
int obj_load_start(struct chariot_pe *pe);
/* Phases end by time, and the present one is due; those in which this PE did nothing are passed, empty. */
void obj_load_on_due(struct chariot_pe *pe, int64_t now_ns);
/* The job ends by its own exit: what is left to record is. Behind the last whole phase nothing is. */
void obj_load_finish(struct chariot_pe *pe);
void obj_load_free(struct chariot_pe *pe);

/* Counts from now on, while load is measured, what elements send each other. CHARIOT_ENOMEM. */
int obj_load_count_traffic(struct chariot_pe *pe);
/* What elements sent from here in this phase; or, once it has ended, in that. Stops where fn gives another number than
 * 0, and gives that. */
int obj_load_each_edge(const struct chariot_pe *pe, int (*fn)(void *ctx, const struct obj_edge *edge), void *ctx);

/* For the meter, where load is on. elem sends msg to another. */
void obj_load_note_sent(struct chariot_pe *pe, const struct chariot_elem *elem, const struct chariot_msg *msg);
/* elem (NULL: nobody, idle or not) has had the time from now_ns - took_ns to now_ns. */
void obj_load_charge(struct chariot_pe *pe, struct chariot_elem *elem, bool idle, int64_t took_ns, int64_t now_ns);

#endif
