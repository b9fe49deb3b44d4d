/* lb/lab/trace.h: recorded phases of a job: what objects did and what they sent each other, as lb/balancer.h takes it.
 *
 * Read from CSV (tasks, and edges beside them) or from the JSON of vt and LBAF; either may be gzipped. */
#ifndef CHARIOT_LB_LAB_TRACE_H
#define CHARIOT_LB_LAB_TRACE_H

#include "lb/balancer.h"

enum { LAB_MAX_DIMS = 3, LAB_WHY_BYTES = 1024 };

struct lab_phase {
    int64_t number;
    uint64_t *ids; /* owned, ascending: the objects' names; row i is object i */
    struct lb_object *objects;
    double *coords; /* owned, trace.dims per object; NULL: not all of them have any */
    uint32_t num_objects, room;
    struct lb_edge *edges; /* owned */
    size_t num_edges, edge_room;
    double *background; /* owned: per PE, seconds that are no task's; num_background PEs, later ones have none */
    uint32_t num_background;
};

struct lab_trace {
    struct lab_phase *phases; /* owned, in ascending order of their numbers */
    uint32_t num_phases, room;
    uint32_t num_pes;       /* the highest rank and one */
    uint32_t dims;          /* of the coordinates that all have which may be moved */
    bool has_movable;       /* there is such a one */
    bool incomplete;        /* the job that wrote it did not end by itself */
    char job[80];           /* that wrote it; empty: nobody knows */
    uint64_t num_strangers; /* messages from or to what has no task in their phase: left out */
};

struct lab_task {
    int64_t phase;
    uint64_t id;
    struct lb_object object;
    double coords[LAB_MAX_DIMS];
    uint32_t dims;
};

struct lab_message {
    int64_t phase;
    uint64_t from, to;
    double bytes;
};

/* Reads CSV of tasks, and the edges from the file of the same name with ".comm." for ".tasks." if there is one; or all
 * JSON files together, which are one job's. CHARIOT_EINVAL, CHARIOT_IO: with file, line and what is wrong in `why`. */
int lab_trace_read_csv(struct lab_trace *trace, const char *path, char *why);
int lab_trace_read_json(struct lab_trace *trace, const char *const *paths, uint32_t count, char *why);
void lab_trace_deinit(struct lab_trace *trace);

/* For readers: tasks in any order, then lab_trace_sort, then messages between them. */
int lab_trace_add_task(struct lab_trace *trace, const struct lab_task *task);
/* CHARIOT_EINVAL: an object stands twice in a phase, as `why` says. */
int lab_trace_sort(struct lab_trace *trace, char *why);
/* Of a phase that has a task, before or after lab_trace_sort. */
int lab_trace_add_background(struct lab_trace *trace, int64_t phase, uint32_t pe, double seconds);
/* Counts it among strangers if it names what is not there. */
int lab_trace_add_message(struct lab_trace *trace, const struct lab_message *message);

/* The row of an object; -1: it is not there. */
int64_t lab_phase_find(const struct lab_phase *phase, uint64_t id);

#endif
