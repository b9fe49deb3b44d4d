/* rpc/grpc_hub.h: the completion queue of one loop: tags, polling, and what other threads leave for the scheduler.
 *
 * One hub serves all gRPC transports and services of a loop; it is made with the first and goes with the last. Every
 * operation that is started on gRPC carries a struct rpc_tag, embedded in what waits for it. Functions are called with
 * the turns of the hub's nodes held, except where they say "any thread".
 *
 * Two things come from other threads: events that the stand-in took from the queue and could not handle because the
 * scheduler had the turn again (rpc_hub_hand_over), and memory that gRPC has done with (struct rpc_loan). Both are put
 * on lists without locks and handled in rpc_hub_poll(). */
#ifndef CHARIOT_RPC_GRPC_HUB_H
#define CHARIOT_RPC_GRPC_HUB_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/hub.h"

struct chariot_msg;
struct rpc_grpc;
struct rpc_loop;

/* One operation on its way. on_done is called once, from a poll; it may free what the tag is embedded in. */
struct rpc_tag {
    void (*on_done)(struct rpc_tag *tag, bool ok);
    unsigned *outstanding; /* counts the operations of one owner */
    struct rpc_tag *next;  /* while handed over */
    bool ok;
};

/* A message that waits to be sent or whose memory gRPC reads. Given back on any thread; then unreferenced in the
 * scheduler's next poll, and nowhere else: dropping the last reference may run a face's code. */
struct rpc_loan {
    struct rpc_loan *next;
    struct rpc_hub *hub;
    struct chariot_msg *msg;
};

struct rpc_hub {
    struct rpc_loop *loop;
    grpc_completion_queue *cq;
    unsigned users;                   /* transports and services */
    struct rpc_grpc *transports;      /* linked through next; changed while the stand-in is paused */
    _Atomic(struct rpc_tag *) handed; /* events from the stand-in, newest first */
    _Atomic(struct rpc_loan *) loans; /* given back, newest first */
    size_t loans_out;                 /* lent, and not yet unreferenced */
    grpc_channel *bell_channel;       /* never connects; */
    grpc_call *bell;                  /* an empty batch on it ends a wait in the queue */
    struct rpc_tag bell_tag;          /* of events that say nothing else */
    void **scratch;                   /* for slices of one frame; grows */
    size_t scratch_bytes;
    bool quiet;     /* the event that was handled last said no more than that a peer is there */
    bool urgent;    /* this poll reads on over credit */
    size_t came;    /* bytes of frames that this poll has read */
    int64_t now_ns; /* when this poll began */
};

/* The hub of a loop, made where there is none yet, for a transport or (NULL) a service. CHARIOT_ENOMEM, CHARIOT_EIO. */
int rpc_hub_attach(struct rpc_loop *loop, struct rpc_grpc *transport, struct rpc_hub **out);
/* Closes the hub when it was the last one's. */
void rpc_hub_detach(struct rpc_hub *hub, struct rpc_grpc *transport);

/* Prepares a tag for an operation that is started next. */
struct rpc_tag *rpc_tag_start(struct rpc_tag *tag, unsigned *outstanding,
                              void (*on_done)(struct rpc_tag *tag, bool ok));

/* Scheduler: handles what is there; returns how many events. `urgent` as in rpc_transport_ops.poll. */
int rpc_hub_poll(struct rpc_hub *hub, bool urgent);
/* The same for the stand-in. */
int rpc_hub_poll_instead(struct rpc_hub *hub);

/* Any thread, no turn needed: waits for one event without handling it; false: none came. */
bool rpc_hub_take(struct rpc_hub *hub, int64_t timeout_ns, struct rpc_tag **tag, bool *ok);
/* Scheduler, asleep: handles an event, or sees who is to be heard of and who is to be told. False: nothing came of it
 * that ends the sleep. */
bool rpc_hub_handle_asleep(struct rpc_hub *hub, struct rpc_tag *tag, bool ok);
bool rpc_hub_pulse(struct rpc_hub *hub);
/* When that is due next; RPC_FOREVER_NS: not. */
int64_t rpc_hub_next_pulse_ns(const struct rpc_hub *hub);

/* True: an event was handed over that rpc_hub_poll() has not handled. */
bool rpc_hub_has_handed(struct rpc_hub *hub);
/* Any thread: leaves the event for the loop's thread. */
void rpc_hub_hand_over(struct rpc_hub *hub, struct rpc_tag *tag, bool ok);
/* Handles an event that rpc_hub_take() gave. */
void rpc_hub_handle(struct rpc_tag *tag, bool ok);
/* Any thread, not signal handlers: ends a wait in the queue. */
void rpc_hub_ring(struct rpc_hub *hub);
/* These as the loop and the stand-in call them. */
extern const struct rpc_hub_ops rpc_hub_ops;

/* Begins a loan of msg, of which it takes a reference. NULL: out of memory. */
struct rpc_loan *rpc_loan_new(struct rpc_hub *hub, struct chariot_msg *msg);
/* Any thread: ends it. */
void rpc_loan_back(struct rpc_loan *loan);
/* A slice over `size` bytes of its message's memory; the loan ends with the last reference to the slice. */
grpc_slice rpc_loan_slice(struct rpc_loan *loan, const void *data, size_t size);

/* Memory of at least `bytes` bytes for the caller until the next call; NULL: out of memory. */
void *rpc_hub_scratch(struct rpc_hub *hub, size_t bytes);

#endif
