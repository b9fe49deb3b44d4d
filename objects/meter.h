/* objects/meter.h: where the time of a PE goes, and what it does when: the one seam of profiling, tracing and load.
 *
 * pe->meter is NULL where none was asked for: every event then costs one branch. It keeps a stack of what runs: at
 * the bottom the scheduler itself, or idleness; above it a message that is handled, the method that this calls, a
 * reducer inside that. Time is charged to what is on top, in one of three phases. All that nests ends in order.
 * Where load alone is wanted (load.h), only frames that change whose time it is cost a look at the clock.
 *
 * Everything here is called with the turn taken: the stand-in counts messages too. Time is chariot_now_ns(). */
#ifndef CHARIOT_OBJECTS_METER_H
#define CHARIOT_OBJECTS_METER_H

#include "objects/pe.h"
#include "rpc/timeline.h"

/* What runs beside chares: chariot_activity.method where its type is OBJ_NO_TYPE. X(NAME, text) */
#define OBJ_METER_ROWS(X)                                                                                              \
    X(SCHEDULER, "scheduler")                                                                                          \
    X(IDLE, "idle")                                                                                                    \
    X(MAIN, "main")                                                                                                    \
    X(TIMER, "timer callbacks")                                                                                        \
    X(REDUCTION, "reductions")                                                                                         \
    X(REDUCER, "custom reductions")                                                                                    \
    X(MIGRATION, "migrating out")                                                                                      \
    X(EXIT, "exit")                                                                                                    \
    X(ABORT, "abort")

enum obj_meter_row_number {
#define OBJ_METER_ROW_ENUM(name, text) OBJ_ROW_##name,
    OBJ_METER_ROWS(OBJ_METER_ROW_ENUM)
#undef OBJ_METER_ROW_ENUM
        OBJ_ROW_FIRST_KIND, /* plus the number of a message kind: handling messages of that kind */
    OBJ_NUM_ROWS = OBJ_ROW_FIRST_KIND + OBJ_KIND_END,
};

enum { OBJ_NO_TYPE = UINT32_MAX, OBJ_MAX_NESTED = 16, OBJ_NUM_PHASES = 3, OBJ_MORE_ROWS = 2 };
#define OBJ_METHOD_CONSTRUCTOR 0xfffffff8u /* chariot_activity.method */
#define OBJ_METHOD_MOVE        0xfffffff7u /* the same: an element leaves or arrives */

struct obj_meter_row {
    int64_t ns[OBJ_NUM_PHASES]; /* by enum chariot_phase */
    uint64_t calls;
    uint32_t name; /* in the timeline; 0: not told yet */
};

/* The methods of one type in one kind of collection, then their constructor, and what moves are called by. */
struct obj_meter_section {
    uint32_t num_rows;
    struct obj_meter_row rows[];
};

struct obj_meter_traffic {
    uint64_t count, bytes, min, max; /* bytes of payload */
};

struct obj_meter_frame {
    struct chariot_activity what;
    struct chariot_elem *elem; /* whose load it is; NULL: nobody's, or it is gone */
    struct obj_meter_row *row;
    enum chariot_phase phase;
    bool told; /* its beginning is in the timeline */
};

/* Where records go. */
struct obj_timeline {
    void *ctx;                              /* NULL: nothing is written down */
    void *(*more)(void *ctx, size_t *size); /* as rpc_timeline_file_more() */
    uint64_t *dropped;
    uint64_t limit, events;
    uint8_t *at, *end;
    uint32_t last_name;
};

struct obj_meter {
    bool profile;                /* asked for by chariot_profile_start() */
    bool detailed;               /* that, or a timeline: what runs matters, not only whose it is */
    bool watched;                /* somebody wants to know how busy this PE is (watch.h) */
    bool load;                   /* frames have their element */
    uint64_t begun;              /* methods */
    int64_t started_ns, mark_ns; /* all time up to mark_ns has been charged */
    struct obj_meter_frame frames[OBJ_MAX_NESTED];
    uint32_t depth;                      /* of the top; 0: the scheduler's own */
    struct obj_meter_section **sections; /* by type and kind */
    size_t num_sections;
    struct obj_meter_row rows[OBJ_NUM_ROWS];
    struct obj_meter_traffic sent, received, local;
    struct obj_map peers; /* PE: struct meter_peer */
    struct obj_timeline timeline;
};

/* meter.c, meter_rows.c */
int obj_meter_start(struct chariot_pe *pe);             /* for profile and timeline. CHARIOT_ENOMEM */
int obj_meter_listen(struct chariot_pe *pe, bool load); /* for load, or no more. CHARIOT_ENOMEM */
int obj_meter_watch(struct chariot_pe *pe, bool on);    /* for obj_meter_look(), or no more. CHARIOT_ENOMEM */
/* How long it has measured, for how long of that something was to do, how many methods have begun. Charges nothing. */
void obj_meter_look(const struct chariot_pe *pe, int64_t *measured_ns, int64_t *busy_ns, int64_t *calls);
void obj_meter_free(struct chariot_pe *pe);
/* elem: whose time it is; NULL: nobody's. cause: the message that is the reason, or NULL. */
void obj_meter_push(struct chariot_pe *pe, const struct chariot_activity *what, struct chariot_elem *elem,
                    enum rpc_timeline_category category, struct chariot_msg *cause);
void obj_meter_pop(struct chariot_pe *pe);
void obj_meter_charge(struct chariot_pe *pe);                                  /* all time up to now, to what runs */
void obj_meter_forget(struct chariot_pe *pe, const struct chariot_elem *elem); /* it goes, also while it runs */
enum chariot_phase obj_meter_phase(struct chariot_pe *pe, enum chariot_phase phase);
void obj_meter_note_call(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t method, struct chariot_msg *msg);
void obj_meter_note_create(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg);
/* It may leave from here on, until OBJ_METER_END; it does, or has come. other: the other PE. */
void obj_meter_note_leave(struct chariot_pe *pe, const struct chariot_elem *elem);
void obj_meter_note_moves(struct chariot_pe *pe, const struct chariot_elem *elem, bool arrives, uint32_t other);
void obj_meter_note_row(struct chariot_pe *pe, enum obj_meter_row_number row, enum rpc_timeline_category category);
void obj_meter_note_message(struct chariot_pe *pe, struct chariot_msg *msg);
void obj_meter_note_sent(struct chariot_pe *pe, uint32_t to, const struct chariot_msg *msg);
void obj_meter_note_to_element(struct chariot_pe *pe, const struct chariot_msg *msg); /* what runs sends it */
void obj_meter_note_received(struct chariot_pe *pe, struct chariot_msg *msg);
/* Which PE has put msg on the wire: in a tree the parent; of a call that was passed on, whoever did so last. */
uint32_t obj_meter_sender_of(const struct chariot_pe *pe, const struct chariot_msg *msg);
void obj_meter_note_idle(struct chariot_pe *pe);
void obj_meter_note_start(struct chariot_pe *pe); /* time counts from here; idle until the other PEs are there */
void obj_meter_note_end(struct chariot_pe *pe);   /* of the scheduler */
void obj_meter_note_instant(struct chariot_pe *pe, const struct chariot_activity *what,
                            enum rpc_timeline_category category);
/* The row of what runs; never NULL. */
struct obj_meter_row *obj_meter_row_of(struct chariot_pe *pe, const struct chariot_activity *what);
/* The section of a type in one kind of collection. NULL: nothing of it ran here. */
const struct obj_meter_section *obj_meter_section_of(const struct obj_meter *meter, uint32_t type, uint32_t kind);
/* "Class.method", and the like, for people. */
void obj_meter_label(const struct chariot_pe *pe, const struct chariot_activity *what, char *text, size_t size);
/* A type's name without the module __main__. */
const char *obj_meter_type_name(const struct chariot_type *type);

/* timeline.c */
void obj_timeline_begin(struct chariot_pe *pe, struct obj_meter_frame *frame, enum rpc_timeline_category category,
                        struct chariot_msg *cause);
void obj_timeline_end(struct chariot_pe *pe, struct obj_meter_frame *frame);
void obj_timeline_send(struct chariot_pe *pe, uint32_t to, uint32_t number, const struct chariot_msg *msg);
/* other, number: see struct rpc_timeline_record. */
void obj_timeline_instant(struct chariot_pe *pe, const struct chariot_activity *what, struct obj_meter_row *row,
                          enum rpc_timeline_category category, uint32_t other, uint32_t number);
/* Writes down what happens from now on. CHARIOT_ENOMEM. */
int obj_timeline_start(struct chariot_pe *pe, const struct obj_timeline *to);

/* ---------------------------------------------------------------- the events, where they happen */

#define OBJ_METER(pe, event)                                                                                           \
    do {                                                                                                               \
        if (__builtin_expect((pe)->meter != NULL, 0)) event;                                                           \
    } while (0)

/* A row beside chares from here on; ends with OBJ_METER_END. */
#define OBJ_METER_ROW(pe, row, category) OBJ_METER(pe, obj_meter_note_row(pe, row, category))
#define OBJ_METER_END(pe)                OBJ_METER(pe, obj_meter_pop(pe))

/* The public calls that send: from here to the end of the scope. */
struct obj_meter_scope {
    struct chariot_pe *pe; /* NULL: off */
    enum chariot_phase before;
};
static inline struct obj_meter_scope obj_meter_enter(struct chariot_pe *pe, enum chariot_phase phase) {
    if (__builtin_expect(pe->meter == NULL, 1) || !pe->meter->detailed) return (struct obj_meter_scope){0};
    return (struct obj_meter_scope){pe, obj_meter_phase(pe, phase)};
}
static inline void obj_meter_leave(struct obj_meter_scope *scope) {
    if (__builtin_expect(scope->pe != NULL, 0)) obj_meter_phase(scope->pe, scope->before);
}
#define OBJ_SENDING(pe)                                                                                                \
    struct obj_meter_scope sending_ __attribute__((cleanup(obj_meter_leave), unused)) =                                \
        obj_meter_enter(pe, CHARIOT_SENDING)

#endif
