/* rpc/grpc_link.h: one Link call: a stream between this PE and one peer, read always, sent on where it was chosen.
 *
 * A link lives as long as gRPC has an operation of it outstanding, and then frees itself; its transport's list holds it
 * until then. Called with the turn held.
 *
 *                    BYE queued by us (close), or heard
 *        OPEN -------------------------------------------> LEAVING
 *          | end of the stream, malformed frame,              | all sent: opener half-closes; acceptor waits for
 *          | cancel                                           | that and answers with status OK
 *          v                                                  v
 *        ENDED <-------------------------------------------- (status received / call closed)
 *          | last operation done
 *          v
 *        freed
 *
 * BYE is an envelope of kind RPC_KIND_BYE, the last that its sender sends. It tells an end that was meant from a death;
 * and since the acceptor's stream ends only after the opener has heard BYE and half-closed, what was sent ahead of it
 * has arrived. Where streams between two PEs run both ways, BYE goes over both. ALIVE says that its sender is there. */
#ifndef CHARIOT_RPC_GRPC_LINK_H
#define CHARIOT_RPC_GRPC_LINK_H

#include <grpc/grpc.h>

#include "rpc/frame.h"
#include "rpc/grpc_hub.h"
#include "rpc/grpc_out.h"
#include "rpc/grpc_transport.h"

enum { RPC_KIND_BYE = 1, RPC_KIND_ALIVE = 2 };

enum rpc_link_state { RPC_LINK_OPEN, RPC_LINK_LEAVING, RPC_LINK_ENDED };

struct rpc_link {
    struct rpc_grpc *g;
    struct rpc_link *next; /* in the transport's list */
    struct rpc_link **at;  /* what points to this one there */
    uint32_t pe;           /* the peer */
    enum rpc_link_state state;
    bool opener;  /* this PE made the call */
    bool proven;  /* a valid frame came, or this PE sends on it: its end is a peer's end */
    bool writing; /* a write, a half-close or a status is on its way */
    bool reading;
    bool held;        /* the next read waits for a poll (see rpc_grpc.held) */
    int64_t read_ns;  /* when the last read began */
    bool over;        /* its peer has more here than it may: not read until half of that is consumed */
    bool half_closed; /* our half-close or status has been started: nothing is written any more */
    bool peer_done;   /* the peer's half-close or end has been read */
    bool heard_bye;
    bool heard, said;      /* since the last pulse (grpc_pulse.h) */
    bool saying_alive;     /* what is being written is nothing but that */
    uint32_t silent_ms;    /* how long nothing has been heard, as pulses have counted */
    unsigned ops;          /* outstanding; 0: freed */
    grpc_channel *channel; /* of the opener */
    grpc_call *call;
    struct rpc_tag start_tag, write_tag, read_tag, finish_tag;
    grpc_metadata_array initial_metadata, trailing_metadata;
    grpc_byte_buffer *in_frame, *out_frame;
    size_t out_frame_bytes;
    grpc_status_code status; /* opener: how the call ended */
    grpc_slice status_text;
    int cancelled; /* acceptor: it ended without our status */
    struct rpc_out out;
    struct rpc_frame_reader reader;
    struct rpc_credit *credit;
};

/* Opens a stream to pe, whose address is known. CHARIOT_ENOMEM. */
int rpc_link_open(struct rpc_grpc *g, uint32_t pe, struct rpc_link **out);
/* Serves a checked call of pe's. CHARIOT_ENOMEM: the call is still the caller's. */
int rpc_link_accept_take(struct rpc_grpc *g, grpc_call *call, uint32_t pe);

/* Queues msg, and writes at once where no write is on its way. Outcomes as rpc_transport_ops.send. */
int rpc_link_send(struct rpc_link *link, struct chariot_msg *msg);
static inline size_t rpc_link_unsent(const struct rpc_link *link) {
    return link->out.bytes + link->out_frame_bytes;
}

/* Says goodbye behind what waits. */
void rpc_link_leave(struct rpc_link *link);
/* Says that this PE is there, where it says nothing else. */
void rpc_link_say_alive(struct rpc_link *link);
/* Ends it at once, without a report. The peer of an acceptor is told error and text as the call's status. */
void rpc_link_cancel(struct rpc_link *link, int error, const char *text);

/* ---------------------------------------------------------------- between grpc_link.c and grpc_link_read.c */

/* Starts operations of the call; on_done ends with rpc_link_done(). */
void rpc_link_start(struct rpc_link *link, const grpc_op *ops, size_t count, struct rpc_tag *tag,
                    void (*on_done)(struct rpc_tag *tag, bool ok));
/* Frees the link where that was its last operation. */
void rpc_link_done(struct rpc_link *link);
/* Marks that the next read waits, or does not. */
void rpc_link_hold(struct rpc_link *link, bool held);
/* Starts the next read, or holds it. */
void rpc_link_read_on(struct rpc_link *link);
/* Starts what is to be written next, if anything. */
void rpc_link_pump(struct rpc_link *link);
void rpc_link_hear_bye(struct rpc_link *link);
void rpc_link_fail_malformed(struct rpc_link *link, int error, const char *why);

#endif
