/* objects/kinds.h: the kinds of message that PEs send each other, and what the envelope's fields mean in each.
 *
 * target is a collection unless said otherwise, index the element, reply a future's id. `tree` kinds carry
 * OBJ_FLAG_TREE and travel down the tree rooted at `root`; obj_route() passes them on before anything else is done with
 * them. Those of channels go to an element as calls do; reply is the id of the end that sends (channel.h). Those that
 * found the span of a partial collection (span.h), CREATE and SECTION_OPEN, have in front of their payload the row of
 * its PEs, of which each passes on what is below it. */
#ifndef CHARIOT_OBJECTS_KINDS_H
#define CHARIOT_OBJECTS_KINDS_H

#include <stdint.h>

/* X(NAME, number, handler): the handler runs on the scheduler, from the run queue. */
#define OBJ_KINDS(X)                                                                                                   \
    X(CALL, 16, obj_call_on_message)        /* entry method of one element; reply: a future or (move.h) a collection;  \
                                               seq: with a channel to this client (client.h) */                        \
    X(CREATE, 17, obj_create_on_collection) /* tree: a collection comes to be; payload: head, arguments */             \
    X(CREATE_ONE, 18, obj_create_on_single) /* a single chare; method: its type */                                     \
    X(INSERT, 19,                                                                                                      \
      obj_create_on_insert) /* elements of an array; method: enum obj_insert; seq: reductions; reply: at_sync */       \
    X(LOCATED, 20, obj_location_on_located)     /* to the home PE: the element lives on PE `root`; location.h */       \
    X(BROADCAST_ASK, 21, obj_broadcast_on_ask)  /* to the root: please broadcast */                                    \
    X(BROADCAST, 22, obj_broadcast_on_message)  /* tree: entry method of all elements; seq: its number */              \
    X(PARTIAL, 23, obj_reduce_on_partial)       /* to the tree parent: part of reduction seq; method: space */         \
    X(RESULT, 24, obj_reduce_on_result)         /* tree: result of allreduce seq */                                    \
    X(VALUE, 25, obj_future_on_value)           /* to the owner of future `reply` */                                   \
    X(SUBSCRIBE, 26, obj_future_on_subscribe)   /* to the owner: tell `from` the values of `reply` */                  \
    X(VALUES, 27, obj_future_on_values)         /* all values of future `reply` */                                     \
    X(COUNT, 28, obj_create_on_count)           /* to the tree parent: seq insertions have arrived; place.h */         \
    X(EXIT_ASK, 29, obj_end_on_exit_ask)        /* to PE 0: end the job with status `method` */                        \
    X(EXIT, 30, obj_end_on_exit)                /* tree: the job ends with status `method` */                          \
    X(READY, 31, obj_start_on_ready)            /* to the tree parent: target: hash of tables; method: 1: some hold */ \
    X(EXPECT, 32, obj_reduce_on_expect)         /* to the tree parent: there are elements below me; reduce.c */        \
    X(TASK, 33, obj_task_on_message)            /* local: run a posted function */                                     \
    X(CHANNEL_OPEN, 34, obj_channel_on_open)    /* seq: the n-th of its pair; payload: the opener */                   \
    X(CHANNEL_DATA, 35, obj_channel_on_message) /* seq: its number; method: its weight */                              \
    X(CHANNEL_CLOSE, 36, obj_channel_on_message)    /* seq: the last number; method: enum obj_channel_over */          \
    X(CHANNEL_CREDIT, 37, obj_channel_on_message)   /* seq: its number; method: weight that was read since the last */ \
    X(CHANNEL_REFUSED, 38, obj_channel_on_refused)  /* the end `reply` of this element will meet no other */           \
    X(RELEASE, 39, obj_hold_on_release)             /* tree: PEs that hold go on; payload: what they held for */       \
    X(CANCEL, 40, obj_future_on_cancel)             /* to the owner of future `reply`: complete it with this error */  \
    X(LATE, 41, obj_future_on_late)                 /* from the owner of future `reply`: your value came too late */   \
    X(PIECE, 42, obj_reduce_on_piece)               /* to the tree parent: bytes of a PARTIAL's value (pieces.c) */    \
    X(RESULT_PIECE, 43, obj_reduce_on_result_piece) /* tree: bytes of a RESULT */                                      \
    X(POOL_DEFINE, 44, obj_pool_on_define)          /* to PE 0: a definition of bag `target`; seq: limit */            \
    X(POOL_PUT, 45, obj_pool_on_put)                /* to PE 0: `method` items */                                      \
    X(POOL_CLOSE, 46, obj_pool_on_close)            /* to PE 0: no more items; method: and drop those there are */     \
    X(POOL_DONE, 47, obj_pool_on_done)              /* to PE 0: `method` items done; seq: their cost; reply: time */   \
    X(POOL_BACK, 48, obj_pool_on_back)              /* to PE 0: `method` items that were not begun; seq: their cost */ \
    X(POOL_KNOW, 49, obj_desk_on_work)              /* to a desk: a definition */                                      \
    X(POOL_WORK, 50, obj_desk_on_work)              /* to a desk: `method` items; seq: their cost */                   \
    X(POOL_FORGET, 51, obj_desk_on_forget)          /* to a desk: the bag is gone */                                   \
    X(POOL_RECALL, 52, obj_desk_on_recall)          /* to a desk: give back what is not begun */                       \
    X(POOL_ANSWER, 53, obj_pool_on_answer)          /* to the owner of the bag */                                      \
    X(POOL_TURN, 54, obj_desk_on_turn)              /* local: do some work */                                          \
    X(SECTION_OPEN, 55, obj_section_on_open)        /* tree: a section is complete; payload: row, head (section.h) */  \
    X(QUIET_ASK, 56, obj_quiet_on_ask)              /* to the tree parent: somebody waits; seq 0: see quiet.c */       \
    X(QUIET_DONE, 57, obj_quiet_on_done)            /* to a tree child that asked: wave seq found it */                \
    X(SECTION_LEFT, 58, obj_section_on_left)        /* to the tree parent: members have been destroyed */              \
    X(MOVE, 59, obj_move_on_message)                /* what moving an element takes; method: move.h */                 \
    X(QUIET_WAVE, 60, obj_quiet_on_wave)            /* tree: answer wave seq when at rest */                           \
    X(QUIET_COUNTS, 61, obj_quiet_on_counts)        /* to the tree parent: index: sent, arrived, outside */            \
    X(REPORT_ASK, 62, obj_hang_on_ask)              /* tree: report what waits */                                      \
    X(REPORT, 63, obj_hang_on_report)               /* to the tree parent: what waits there and below */

enum obj_kind {
#define OBJ_KIND_ENUM(name, number, handler) OBJ_KIND_##name = (number),
    OBJ_KINDS(OBJ_KIND_ENUM)
#undef OBJ_KIND_ENUM
        OBJ_KIND_END = 64,
};

/* Kinds from here on serve the detection of quiescence itself, which does not count them. */
enum { OBJ_KIND_FIRST_UNCOUNTED = OBJ_KIND_QUIET_WAVE };

/* Which numbers are kinds, as a set of bits: all are below 64. */
#define OBJ_KIND_BIT(name, number, handler) | (uint64_t)1 << (number)
#define OBJ_KINDS_KNOWN                     (0 OBJ_KINDS(OBJ_KIND_BIT))

enum obj_flag {
    OBJ_FLAG_TREE = 1 << 0,      /* passed down the tree rooted at `root` */
    OBJ_FLAG_ERROR = 1 << 1,     /* the value is an error */
    OBJ_FLAG_WANT_DONE = 1 << 2, /* enum chariot_want of a call */
    OBJ_FLAG_WANT_VALUE = 1 << 3,
    OBJ_FLAG_EARLY = 1 << 4,  /* an insertion issued before the array was done inserting */
    OBJ_FLAG_OBJECT = 1 << 5, /* local: the face's object is the only form of the payload */
    OBJ_FLAG_PLACED = 1 << 6, /* an insertion that must stay on the PE it was sent to */
    OBJ_FLAG_NULL = 1 << 7,   /* stands for the value null: no payload */
};

/* Methods that the runtime answers itself, for every type. */
enum obj_pseudo_method {
    OBJ_METHOD_CREATED = 0xfffffff0u, /* ends when the element's constructor has */
    OBJ_METHOD_COUNT = 0xfffffff1u,   /* per PE: insertions issued and elements created here */
    OBJ_METHOD_SETTLED = 0xfffffff2u, /* per PE: every early insertion has arrived */
    OBJ_METHOD_DESTROY = 0xfffffff3u, /* per PE: destroy the collection */
    OBJ_METHOD_SELECT = 0xfffffff5u,  /* per PE: elements join sections; sections/select.h */
    OBJ_METHOD_CLOSE = 0xfffffff6u,   /* of each element: it stays where it is, or leaves a section; broadcast.c */
    OBJ_METHOD_UNNAMED = 0xfffffff7u, /* of a member that is called by a name that its type has not */
    OBJ_METHOD_CANCEL = 0xfffffff8u,  /* of an element, or of each: a call is waited for no more; cancel.h */
    OBJ_METHOD_REDUCE = 0xfffffff4u,  /* of futures: an allreduce gives their value; never called */
    OBJ_METHOD_FIRST_PSEUDO = OBJ_METHOD_CREATED,
};

#endif
