/* objects/pe.h: the PE as a value: all state of one scheduler, visible to the files of objects/.
 *
 * chariot_open() makes one on the job's network; tests and the simulator make any number with obj_pe_init() on a node
 * of their own and drive them with obj_pe_step(). Nothing in here sees a socket, a thread or a clock: messages come in
 * through node's upcalls, time through obj_pe_step(), messages go out through the node. */
#ifndef CHARIOT_OBJECTS_PE_H
#define CHARIOT_OBJECTS_PE_H

#include "objects/chariot.h"
#include "objects/hang.h"
#include "objects/kinds.h"
#include "objects/map.h"
#include "objects/names.h"
#include "objects/pool.h"
#include "objects/quiet.h"
#include "objects/waiter.h"
#include "objects/watch.h"
#include "rpc/msg.h"
#include "rpc/node.h"
#include "rpc/now.h"

struct obj_layout;
struct obj_load;
struct obj_location_ops;
struct obj_meter;

enum {
    OBJ_TREE_RADIX = 5,
    OBJ_MAX_HOPS = 32,           /* a message passed on that often goes round in circles */
    OBJ_PIECE_BYTES = 1 << 20,   /* of large reductions; see pieces.h */
    OBJ_RECENT_FUTURES = 512,    /* complete futures that are kept for PEs which may still ask, */
    OBJ_RECENT_BYTES = 64 << 20, /* and what they may hold in all */
};

#define OBJ_MAX_NUMBER (((uint64_t)1 << 40) - 1) /* of broadcasts, reductions, collections, futures */

/* What the surroundings of a PE do for it; run.c on a real machine, tests in the simulator. All may be NULL. */
struct obj_surroundings {
    void *ctx;
    /* More waits for PE `to` than it may: move bytes until that is no longer so. */
    void (*make_room)(void *ctx, uint32_t to);
    /* Time now; without it, the time of the current step. */
    int64_t (*now_ns)(void *ctx);
    /* CPU time of the PE's thread; without it, all time is its own. */
    int64_t (*cpu_ns)(void *ctx);
    /* Writes down a phase of load (lb/record.h), for --lb-record. NULL: nobody wants it. */
    void (*record)(void *ctx, const char *phase, size_t size);
    int64_t record_period_ns; /* phases end when so much time has passed; 0: with the steps of load balancing */
    /* The job must end: tell the launcher. Once per PE. */
    void (*on_abort)(void *ctx, int status, const char *text);
    /* A type has been registered: the next number is its own. NULL: nobody wants to know. */
    void (*on_type)(void *ctx, const struct chariot_type *type);
    /* Something to tell people; the job goes on. */
    void (*on_warning)(void *ctx, const char *text);
    /* What the job was started with, for load balancing (lb/lb.h), unless the program says otherwise. */
    const char *balancer;
    const char *balance_period; /* seconds, as text */
    bool balance_log;
};

struct obj_timer {
    int64_t at_ns;
    uint64_t order; /* among equal times: first set, first run */
    void (*fn)(struct chariot_pe *pe, void *ctx);
    void *ctx;
    struct chariot_timer *handle; /* knows its place, for its owner to stop it; NULL: nobody will */
};

/* Futures in the state of the element that is packed, or unpacked, now (future_move.c); owned, with a reference to
 * each. */
struct obj_travellers {
    struct chariot_future **futures;
    size_t num, cap;
};

struct chariot_pe {
    struct rpc_node node;
    struct chariot_face face;
    struct obj_surroundings around;
    struct obj_layout *layout; /* the hosts of the job, for its trees (layout.h); NULL: there is one */
    bool owns_layout;
    const struct obj_location_ops *location;
    void *location_ctx;      /* the location manager's own */
    struct obj_meter *meter; /* NULL: nobody wants to know where time goes (meter.h) */
    struct obj_load *load;   /* NULL: nor has anybody asked what elements cost (load.h) */
    int64_t load_due_ns;     /* a phase of it ends with the next step from then on; INT64_MAX: none does */
    int64_t now_ns;
    volatile uint64_t *runs; /* what of the program runs now (rpc/now.h): where others may see it, */
    uint64_t runs_unseen;    /* or here */

    struct rpc_msg_queue run_queue;
    struct obj_waiters ready; /* waiters that are called next */
    struct obj_timer *timers; /* binary heap by (at_ns, order) */
    size_t num_timers, cap_timers;
    uint64_t timer_order;
    struct obj_quiet quiet;
    struct obj_hang hang;

    const struct chariot_type **types;
    uint32_t num_types;
    const struct chariot_reducer **reducers; /* from CHARIOT_REDUCE_FIRST_USER */
    uint32_t num_reducers;

    struct obj_map collections;   /* id: struct obj_coll */
    size_t num_elems;             /* of all of them, and single ones */
    uint64_t moved_in, moved_out; /* elements, since the PE began */
    struct obj_map singles;       /* id: struct chariot_elem */
    struct obj_coll **single_of_type;
    struct obj_map spans;      /* id of a partial collection: struct obj_span (span.h) */
    struct obj_map graves;     /* id of a partial collection that was not waited for and is gone: anything */
    struct obj_map newest;     /* PE, 0 or 1: one more than the number of its last collection, or single, here */
    struct obj_map orphans;    /* id of a collection not known yet: struct obj_waiting */
    struct obj_map futures;    /* id: struct chariot_future, own and handles */
    struct obj_map reductions; /* collection, space and number: struct obj_reduction */
    struct obj_map streams;    /* the same: those that are combined and passed on while they arrive (pieces.h) */
    struct obj_map results;    /* collection, number: struct obj_growing, results that arrive in pieces */
    size_t piece_bytes;
    struct obj_map allreduces;     /* collection, number: struct chariot_future that waits for the result */
    struct obj_map relays;         /* the same: struct obj_relay, futures of other PEs that do */
    struct obj_map channels;       /* id: struct chariot_channel, opened here */
    struct obj_map channel_peers;  /* id of the other end, element: struct chariot_channel */
    struct obj_map channel_pairs;  /* element, hash of the other chare: struct obj_channel_pair */
    struct obj_map channel_strays; /* id of an end not heard of yet, element: struct obj_waiting */
    uint64_t next_collection, next_future, next_channel;
    void *sections;         /* the ones that are being made here (sections/) */
    void *balance;          /* steps of load balancing (lb/) */
    bool balance_watches;   /* it hears of every turn (balance.h) */
    int64_t balance_due_ns; /* it has something to do by then, which nobody waits for; INT64_MAX: it has not */
    uint32_t next_single_pe;
    struct obj_travellers travellers;
    struct chariot_future **recent; /* a ring of OBJ_RECENT_FUTURES; NULL: none was kept yet */
    size_t oldest_recent, num_recent;
    size_t recent_bytes;            /* that they hold */
    struct chariot_msg *null_value; /* of futures that complete without one; made on demand */

    struct obj_pool pool;
    struct obj_watch watch;   /* what PEs tell of what they do (watch.h) */
    struct obj_names names;   /* under which foreign programs find objects */
    uint32_t client_type;     /* of chares that hold channels for them (client.h) */
    struct obj_map clients;   /* id of one that is being made: struct obj_client_owner */
    struct obj_map cancelled; /* calls that are to be dropped: anything (cancel.h) */

    void (*entry)(struct chariot_pe *pe, void *ctx);
    void *entry_ctx;
    uint32_t ready_waits_for; /* tree children whose READY has not come, and this PE's own */
    uint64_t ready_hash;
    bool holds;     /* runs nothing yet (hold.h) */
    bool some_hold; /* this PE, or one below it in the tree */
    struct rpc_msg_queue held;
    char lost[320];        /* what is known of the first peer that went without a goodbye; empty: none has */
    int64_t lost_until_ns; /* when it is said */

    bool destroyed;     /* something was, so that calls look whether what they call was */
    bool arrives_early; /* an element has come whose collection was not known yet: new ones look for theirs */
    bool ending;        /* EXIT has come, or abort: the scheduler returns */
    bool aborted;
    int status;
    int64_t crowded; /* PE to which more waits than may, or -1 */
};

/* Messages that wait for something that does not exist here yet. */
struct obj_waiting {
    struct obj_key key;
    struct rpc_msg_queue queue;
};

/* A collection as this PE knows it. */
struct obj_coll {
    uint64_t id;
    uint32_t type;
    uint32_t root; /* PE whose tree its broadcasts and reductions travel */
    uint8_t kind;
    uint8_t ndims;
    bool open;         /* early insertions may still be issued: reductions wait, broadcasts are kept */
    bool counted;      /* root: total is known, so reductions may complete */
    bool settled;      /* every early insertion has arrived */
    bool sparse;       /* elements come by insertion */
    bool counted_once; /* root, sparse: its first elements were counted */
    bool filling;      /* its initial elements are being made */
    bool holding;      /* root: broadcasts are held back until all that was issued has arrived */
    bool reporting;    /* a COUNT message is in the run queue that will tell it */
    bool at_sync;      /* its elements take part in load balancing when they say so */
    bool closing;      /* root: it is to be destroyed, and waits for elements that are on their way (broadcast.c) */
    uint32_t expected; /* bit i: tree child i has elements below it, so its part of a reduction is waited for */
    uint64_t map;      /* group that says where its elements are created; 0: the location table does */
    int64_t dims[CHARIOT_MAX_DIMS];
    struct obj_map by_index;     /* struct chariot_elem; of a section: none */
    struct obj_member **members; /* in order of creation, or of joining; NULL where one has gone */
    size_t num_members, cap_members;
    size_t num_living;            /* members that have not gone */
    struct obj_section *section;  /* of a section: what else there is to know (section.h) */
    struct obj_map chosen_by;     /* PE that split it without waiting: one more than the number of its last section */
    struct obj_map waiting;       /* index: struct obj_waiting, messages for elements not created yet */
    struct obj_map located;       /* index: what the location manager knows of elements that live elsewhere */
    struct obj_map arriving;      /* index: PE + 1 that an element comes from, which waits in the run queue */
    struct obj_away *away;        /* elements that have left, whose broadcasts pass through here (move.h) */
    size_t num_unheard;           /* of them: those of which it is not known how far they were where they arrived */
    struct chariot_msg **passing; /* broadcasts that were delivered here since, for those of them */
    size_t num_passing, cap_passing;
    bool delivering; /* a broadcast is being delivered: what it expects of those that left is not settled yet */
    struct rpc_msg_queue kept; /* broadcasts for early insertions that are still under way */
    struct rpc_msg_queue held; /* root: broadcasts to number when the array is settled */
    uint64_t broadcasts;       /* number of the last one delivered here */
    uint64_t closed;           /* number of OBJ_METHOD_CLOSE, delivered here: elements leave no more; 0: not yet */
    uint64_t assigned;         /* root: number of the last one started */
    uint64_t sent_below;       /* reductions below this number have been passed on */
    uint64_t reduced;          /* root: one more than the highest that is complete */
    uint64_t issued_at_sync;   /* issued here, not yet reported: those that take part in load balancing */
    uint64_t total_at_sync;    /* root: those of the total */
    uint64_t issued;           /* early insertions issued here and not yet reported */
    uint64_t created;          /* early insertions that arrived here and are not yet reported */
    uint64_t unreported;       /* insertions that arrived here or below, and that the tree parent is to hear of */
    uint64_t late;             /* late insertions issued here and not yet reported */
    int64_t late_missing;      /* root: late insertions that were reported and have not come here, less the others */
    uint64_t total;            /* root: number of elements, counted when not open */
    uint64_t total_created;    /* root: those of them that have come to be */
};

struct obj_reply_wait {
    struct chariot_reply reply;
    struct obj_reply_wait *next;
};

/* An element in its collection, or in a section. */
struct obj_member {
    struct obj_coll *coll;
    struct chariot_elem *elem; /* NULL: of a section, absent */
    struct obj_member *next;   /* the same element in another section */
    uint64_t broadcasts;       /* last one seen, or passed on to it */
    uint64_t reductions;       /* contributed so far */
    uint32_t place;            /* in coll->members */
    bool unconfirmed;          /* it contributed before this PE was told who the members are */
    struct obj_absent *absent; /* the element has moved, or was to (seat.h); owned */
};

struct chariot_elem {
    struct obj_member own;       /* in its collection */
    struct obj_member *sections; /* in sections; owned */
    struct obj_seat *seats;      /* in sections that it joined on other PEs, or before it moved (seat.h); owned */
    uint64_t index[3];
    void *object;
    uint64_t load_ns; /* what it cost in this phase (load.h) */
    bool constructing;
    bool at_sync;                       /* takes part in load balancing in steps */
    bool synced;                        /* waits for the end of the step */
    bool stays;                         /* no balancer may move it */
    struct obj_reply_wait *constructed; /* replies that wait for the constructor */
    struct obj_channel_pair *channels;
    struct obj_move *move; /* NULL: it has not moved and is not about to (move.h) */
};

/* pe.c */
int obj_pe_init(struct chariot_pe *pe); /* the caller has set node's pe and num_pes; its transport may come later */
void obj_pe_deinit(struct chariot_pe *pe);
extern const struct rpc_upcalls obj_upcalls; /* for node->up; owner: the PE */
/* Runs up to `budget` messages at this time. Returns true while there is more to do now. */
bool obj_pe_step(struct chariot_pe *pe, int64_t now_ns, int budget);
/* When obj_pe_step() has something to do by itself, next; RPC_FOREVER_NS (INT64_MAX): never. */
int64_t obj_pe_deadline_ns(const struct chariot_pe *pe);
void obj_pe_queue_take(struct chariot_pe *pe, struct chariot_msg *msg);
/* Sends to a PE, this one included (then by the run queue). */
void obj_send_take(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg);
/* Starts a tree message at its root (this PE): to the children and to this PE's own run queue. */
void obj_send_down_take(struct chariot_pe *pe, struct chariot_msg *msg);
/* Sends a message that founds a span to the span's root (kinds.h). */
void obj_send_founding_take(struct chariot_pe *pe, struct chariot_msg *msg);
void obj_out_of_memory(struct chariot_pe *pe);
/* Notes that msg, from another PE, is malformed; the caller drops it. */
void obj_refuse(struct chariot_pe *pe, const struct chariot_msg *msg);
/* Drops messages of waiting and frees it. */
void obj_waiting_free(struct obj_waiting *waiting);
/* Appends to the queue of key in map, making it on demand. */
void obj_wait_take(struct chariot_pe *pe, struct obj_map *map, struct obj_key key, struct chariot_msg *msg);
/* The target of msg (borrowed) was destroyed: whoever waits for what should come of it hears so. */
void obj_undeliverable(struct chariot_pe *pe, struct chariot_msg *msg);
/* The same of all that the queue holds, unless the job ends; empties it. */
void obj_undeliverable_all(struct chariot_pe *pe, struct rpc_msg_queue *queue);
/* The target of msg (borrowed) is not known: msg waits for it or, where it was destroyed, fails. */
void obj_orphan(struct chariot_pe *pe, struct chariot_msg *msg);
/* Puts the queue in front of the run queue, and empties it: so it stays ahead of what came later. */
void obj_pe_queue_first(struct chariot_pe *pe, struct rpc_msg_queue *queue);
/* Puts all that waits under key back, in front of the run queue. */
void obj_wait_release(struct chariot_pe *pe, struct obj_map *map, struct obj_key key);

/* Public calls come from user code: they take the turn, and give it back when their scope ends. Where a face calls one
 * from a callback of the runtime (a destructor, a dropped object), the turn is taken already and stays so. */
struct chariot_pe *obj_api_enter(struct chariot_pe *pe);
void obj_api_leave(struct chariot_pe **pe);
#define OBJ_API(pe) struct chariot_pe *api_ __attribute__((cleanup(obj_api_leave), unused)) = obj_api_enter(pe)

/* Ids: kind in bits 61-63, creator PE in bits 40-60, number in bits 0-37 (of futures and channels: 0-39). Bit 39: a
 * partial collection (span.h). Bit 38: one whose ref was handed out before its PEs had heard of it. */
#define OBJ_ID_PARTIAL ((uint64_t)1 << 39)
#define OBJ_ID_EARLY   ((uint64_t)1 << 38)
static inline uint64_t obj_id_make(uint32_t kind, uint32_t pe, uint64_t number) {
    return (uint64_t)kind << 61 | (uint64_t)pe << 40 | number;
}
static inline uint32_t obj_id_kind(uint64_t id) {
    return (uint32_t)(id >> 61);
}
static inline uint32_t obj_id_pe(uint64_t id) {
    return (uint32_t)(id >> 40 & 0x1fffff);
}
static inline uint64_t obj_id_number(uint64_t id) {
    return id & 0xffffffffffu;
}
static inline uint64_t obj_id_count(uint64_t id) { /* a partial collection's number */
    return id & (OBJ_ID_EARLY - 1);
}
static inline bool obj_id_is_partial(uint64_t id) {
    uint32_t kind = obj_id_kind(id);
    return (id & OBJ_ID_PARTIAL) != 0 && (kind == CHARIOT_GROUP || kind == CHARIOT_SECTION);
}
/* It comes down the tree of a partial collection and says what that tree is. */
static inline bool obj_founds_span(const struct chariot_msg *msg) {
    return obj_id_is_partial(msg->target) && (msg->kind == OBJ_KIND_CREATE || msg->kind == OBJ_KIND_SECTION_OPEN);
}
static inline bool obj_kind_is_single(uint32_t kind) {
    return kind == CHARIOT_SINGLE || kind == CHARIOT_MAIN;
}

/* registry.c: nothing that must be there is missing. */
bool obj_type_is_complete(const struct chariot_type *type);
/* The number of the method of that name; UINT32_MAX: the type has none. */
uint32_t obj_type_find_method(const struct chariot_type *type, const char *name);

/* message.c: messages to send. NULL: out of memory, the job ends. */
struct chariot_msg *obj_msg_new(struct chariot_pe *pe, enum obj_kind kind, size_t capacity);
/* What the writer holds. */
struct chariot_msg *obj_msg_finish(struct chariot_pe *pe, enum obj_kind kind, struct chariot_writer *writer);
/* What is left to read, as a message of its own. */
struct chariot_msg *obj_msg_rest(struct chariot_pe *pe, enum obj_kind kind, const struct chariot_reader *rest);
/* A message of user code, with its header cleared; a copy where others hold it too. NULL msg: one without payload. */
struct chariot_msg *obj_msg_own_take(struct chariot_pe *pe, enum obj_kind kind, struct chariot_msg *msg);
/* A message from user code: the face's object may be all it has. */
void obj_msg_mark(struct chariot_msg *msg);
/* Sees to it that *msg has a payload; may replace it, also on failure. CHARIOT_ETYPE: an object that cannot leave. */
int obj_msg_encode(struct chariot_pe *pe, struct chariot_msg **msg);
/* The same of all in the queue, which is empty to those who look meanwhile. */
int obj_msg_encode_all(struct chariot_pe *pe, struct rpc_msg_queue *queue);
void obj_msg_encode_failed(struct chariot_pe *pe, int rc); /* ends the job */

/* coll.c: what this PE knows of collections */
struct obj_coll *obj_coll_get(const struct chariot_pe *pe, uint64_t id); /* NULL: not known (yet) */
struct obj_coll *obj_coll_add(struct chariot_pe *pe, uint64_t id, uint32_t type, uint8_t kind, uint8_t ndims);
/* True if the collection was here and is no more: a PE's collections come to be everywhere in the order of their ids.
 * Of a single chare: to be asked on the PE where it was placed; of a partial collection: on one that it spans. */
bool obj_coll_is_gone(const struct chariot_pe *pe, uint64_t id);
void obj_coll_free(struct chariot_pe *pe, struct obj_coll *coll); /* destroys its elements */
/* Runs the destructors and leaves the elements without an object. */
void obj_coll_destroy_objects(struct chariot_pe *pe, struct obj_coll *coll);
void obj_elem_destroy_object(struct chariot_pe *pe, struct chariot_elem *elem);
void obj_elem_free(struct chariot_pe *pe, struct chariot_elem *elem);
void obj_elem_destroy_single(struct chariot_pe *pe, struct chariot_elem *elem);
/* Its constructor has ended, or never will: replies to whoever waits. */
void obj_elem_constructed(struct chariot_pe *pe, struct chariot_elem *elem);
struct obj_coll *obj_coll_single(struct chariot_pe *pe,
                                 uint32_t type); /* the record all single chares of a type share */
struct chariot_elem *obj_elem_find(struct chariot_pe *pe, uint64_t id, const uint64_t index[3]);
/* An element without an object yet, in its place. NULL: out of memory. */
struct chariot_elem *obj_elem_new(struct chariot_pe *pe, struct obj_coll *coll, uint64_t id, const uint64_t index[3]);
/* The element leaves its collection and is freed; its object is the caller's. */
void obj_elem_remove(struct chariot_pe *pe, struct chariot_elem *elem);
/* Puts a member (the caller's) among those of its coll. CHARIOT_ENOMEM. */
int obj_member_add(struct obj_coll *coll, struct obj_member *member);
/* The element's place in a collection: its own or a section; NULL: it is no member. */
struct obj_member *obj_member_of(struct chariot_elem *elem, uint64_t id);
/* Makes an element that has seen all broadcasts up to `seen`, and runs its constructor. at_sync: it takes part in load
 * balancing, also where not all of its collection do. */
void obj_elem_create(struct chariot_pe *pe, struct obj_coll *coll, uint64_t id, const uint64_t index[3], uint64_t seen,
                     bool at_sync, struct chariot_msg *args);
void obj_elem_ref(const struct chariot_elem *elem, struct chariot_ref *out);
void obj_elem_each(struct chariot_pe *pe, void (*fn)(struct chariot_elem *elem, void *ctx), void *ctx);

/* create.c, insert.c, broadcast.c, reduce.c, future.c, call.c, channel.c, end.c: handlers of messages */
#define OBJ_KIND_HANDLER(name, number, handler) void handler(struct chariot_pe *pe, struct chariot_msg *msg);
OBJ_KINDS(OBJ_KIND_HANDLER)
#undef OBJ_KIND_HANDLER

/* channel.c */
void obj_channel_elem_gone(struct chariot_pe *pe, struct chariot_elem *elem);
/* channel_move.c: elem moves to another PE */
bool obj_channel_is_waited_for(const struct chariot_elem *elem); /* then it may not */
/* Before obj_channel_put(): what is unread gets a payload. Runs user code; negative: its error. */
int obj_channel_encode(struct chariot_elem *elem);
void obj_channel_put(struct chariot_writer *writer, const struct chariot_elem *elem);
/* Its channels are elsewhere now; messages that are to follow go to the end of queue. */
void obj_channel_leave(struct chariot_pe *pe, struct chariot_elem *elem, struct rpc_msg_queue *queue);
/* What was put, up to the reader's end. CHARIOT_EMALFORMED, CHARIOT_ENOMEM: elem has some of it. */
int obj_channel_get(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_reader *reader);
/* Its object has taken the ends that it holds; the others are closed. */
void obj_channel_arrived(struct chariot_elem *elem);
/* channel.c */
void obj_channel_bounce(struct chariot_pe *pe, const struct chariot_msg *open); /* its target was destroyed */
void obj_channel_free_all(struct chariot_pe *pe);

/* call.c */
/* Where a message for the element goes, as far as is known here. */
uint32_t obj_call_destination(struct chariot_pe *pe, uint64_t id, const uint64_t index[3]);
/* Sends a message whose header says which element it is for. */
void obj_call_go_take(struct chariot_pe *pe, struct chariot_msg *msg);
/* The element that msg (borrowed) is for. NULL: it is not here; msg waits for it, was passed on or has failed. */
struct chariot_elem *obj_call_elem(struct chariot_pe *pe, struct chariot_msg *msg);
void obj_call_send_take(struct chariot_pe *pe, uint64_t id, const uint64_t index[3], uint8_t ndims, uint32_t method,
                        uint8_t flags, uint64_t reply, struct chariot_msg *args);
/* Invokes one method of one element with the turn lent and completes its reply unless it goes on. */
void obj_call_invoke(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *msg, uint32_t method,
                     const struct chariot_reply *reply);
/* Takes value. True: it went to whoever waits; false: it is an error for nobody (value has been dropped). */
bool obj_reply_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value);
/* A method of the collection, or of an element, as a reduction's target. */
void obj_call_target_take(struct chariot_pe *pe, const struct chariot_target *target, struct chariot_msg *value);

/* broadcast.c */
/* root: of its span, as obj_ref_root() says. */
void obj_broadcast_take(struct chariot_pe *pe, uint64_t id, uint32_t root, uint32_t method, uint8_t flags,
                        uint64_t reply, struct chariot_msg *args);
/* The array has settled: numbers the broadcasts that were held back. */
void obj_broadcast_release(struct chariot_pe *pe, struct obj_coll *coll);
/* No element of the collection is on its way: it may be destroyed. */
void obj_broadcast_closed(struct chariot_pe *pe, uint64_t id);
/* Delivers the broadcasts that were kept for elements inserted late. */
void obj_broadcast_catch_up(struct chariot_pe *pe, struct chariot_elem *elem);

/* future.c */
void obj_future_send_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *value);
uint64_t obj_future_own_id(const struct chariot_future *future); /* as chariot_future_id(), for replies */
/* What gives the future its value, for those who ask what is waited for. */
void obj_future_set_about(struct chariot_future *future, const struct chariot_ref *ref, uint32_t method);
struct chariot_future *obj_future_new(struct chariot_pe *pe, uint64_t num_values);
struct chariot_future *obj_future_ref(struct chariot_future *future);
void obj_future_unref(struct chariot_future *future);
/* False: it is complete already, and was not cancelled: somebody sent one value too many. */
bool obj_future_deposit_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *value);
void obj_future_free_all(struct chariot_pe *pe);

/* reduce.c */
void obj_reduce_free_all(struct chariot_pe *pe);
void obj_allreduce_free_all(struct chariot_pe *pe); /* contribute.c */

/* end.c */
void obj_end_abort(struct chariot_pe *pe, int status, const char *text);
/* Meets the tree: called once when the PE starts, and knows which host each PE is on. */
void obj_start(struct chariot_pe *pe);

/* timer.c */
int obj_timer_add(struct chariot_pe *pe, int64_t at_ns, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
/* As chariot_timer_start() and chariot_timer_stop(), for who has the turn. */
int obj_timer_start(struct chariot_pe *pe, struct chariot_timer *timer, int64_t at_ns,
                    void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
void obj_timer_stop(struct chariot_pe *pe, struct chariot_timer *timer);
void obj_timer_run_due(struct chariot_pe *pe);
/* As chariot_post(), for who has the turn. */
int obj_post(struct chariot_pe *pe, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);

#endif
