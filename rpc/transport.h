/* rpc/transport.h: how messages get from one PE to another: an ops table, one file (or family of files) per transport.
 *
 * `grpc` is the reference and the only one between hosts; `shm` serves the PEs of one host; `sim` is a simulated
 * network in memory. Nothing above rpc/ knows which. The same conformance suite (test/transport/) runs over all of
 * them.
 *
 * Contract of every transport:
 *  - Messages from one PE to another arrive once each, in the order in which they were sent.
 *  - Upcalls (struct rpc_upcalls) come only from inside poll() or wait(), never from inside the call that caused them.
 *    They come on whichever thread holds the turn (rpc/turn.h): the scheduler's, or the stand-in's.
 *  - Nothing arrives after close() has returned.
 *  - Times are nanoseconds of the caller's clock (monotonic, or the simulator's). */
#ifndef CHARIOT_RPC_TRANSPORT_H
#define CHARIOT_RPC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chariot_msg;
struct rpc_transport;

/* What the owner of a PE's end of the network is told. */
struct rpc_upcalls {
    /* A message arrived; takes it. Must not block and must not run user code. */
    void (*on_message_take)(void *owner, struct chariot_msg *msg);
    /* The connection to `pe` ended without a goodbye: `error` is a code (CHARIOT_ETIMEOUT: nothing is heard of it any
     * more), `text` (borrowed for the call) says what happened. Reported once per peer. */
    void (*on_peer_gone)(void *owner, uint32_t pe, int error, const char *text);
    /* From the stand-in's thread, with the turn, every few milliseconds while a method computes. May be NULL. */
    void (*on_busy)(void *owner);
};

struct rpc_transport_ops {
    const char *name; /* "grpc", "sim", "shm" */

    /* Queues msg for pe, which this transport reaches; borrows msg, and takes a reference of its own if it must keep
     * it. Opens the connection on first use. Never blocks.
     *  0 sent or queued; 1 queued, but more waits for pe than the limit: the caller should poll until pressed() is
     *  false before it sends more; negative: refused (CHARIOT_EGONE, CHARIOT_ECLOSED, CHARIOT_ENOMEM, CHARIOT_ETOOBIG).
     */
    int (*send)(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg);

    /* True while more waits for pe than the limit. */
    bool (*pressed)(struct rpc_transport *transport, uint32_t pe);

    /* Moves bytes and makes upcalls, without waiting. Returns how many events it handled. `urgent`: the caller is
     * blocked in a send: read on although peers are over their credit, so that two PEs which send to each other cannot
     * stop each other. */
    int (*poll)(struct rpc_transport *transport, bool urgent);

    /* True when all that was sent has left this process. */
    bool (*flushed)(struct rpc_transport *transport);

    /* Says goodbye to all peers, so that they do not take the end for a death, and closes; at once where `abrupt`.
     * Waits until close is done; frees the transport. */
    void (*close)(struct rpc_transport *transport, bool abrupt);
};

/* Base of every transport's own struct. */
struct rpc_transport {
    const struct rpc_transport_ops *ops;
    const struct rpc_upcalls *up;
    void *owner; /* handed to upcalls */
    uint32_t pe; /* this end */
    uint32_t num_pes;
};

/* Bounds on what one peer may make this process hold. All may be lowered by tests. */
struct rpc_limits {
    size_t frame_bytes;   /* largest gRPC message sent; larger envelopes are cut into fragments */
    size_t batch_bytes;   /* small envelopes are gathered into frames of up to this size */
    size_t inline_bytes;  /* envelopes above this leave as a slice of their own instead of being copied to the batch */
    size_t message_bytes; /* largest message accepted */
    size_t credit_bytes;  /* unconsumed bytes of one peer above which its link is not read */
    size_t queue_bytes;   /* unsent bytes to one peer above which send() returns 1; copies count eightfold */
    /* Of shm alone. */
    size_t ring_bytes;      /* of each ring: a power of two */
    size_t heap_bytes;      /* address space of a PE's heap; memory is taken as it is written to */
    size_t heap_keep_bytes; /* of freed blocks, kept for the next ones while the PE is active */
};
extern const struct rpc_limits rpc_limits_default;

#endif
