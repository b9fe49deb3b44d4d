/* rpc/loop.h: the event loop of one scheduler thread: libev for timers, pipes and signals, gRPC's completion queue for
 * the network, and the policy of waiting.
 *
 * One loop serves all PEs that live on its thread: one in a job, several in tests. It never waits while there is work.
 * Idle, it spins for some 20 us, giving up its core in every turn of the spin (sched_yield), then sleeps until
 * something arrives or the deadline has passed. Measured best with cores to spare and without (docs/decisions). */
#ifndef CHARIOT_RPC_LOOP_H
#define CHARIOT_RPC_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/node.h"
#include "rpc/transport.h"

struct ev_loop;
struct rpc_loop;

#define RPC_FOREVER_NS INT64_MAX

/* CHARIOT_ENOMEM. */
int rpc_loop_new(struct rpc_loop **out);
/* Everything opened on the loop must have been closed. Takes NULL. */
void rpc_loop_free(struct rpc_loop *loop);

/* Monotonic time in ns. */
int64_t rpc_loop_now_ns(void);
/* CPU time of this thread in ns. A look costs some 500 ns, where one at the above costs 20. */
int64_t rpc_loop_cpu_ns(void);

/* One turn. `busy`: there is work besides: look for arrivals now and then and return at once. Not busy: wait until
 * something was handled, rpc_loop_wake() was called, or the time deadline_ns has come (RPC_FOREVER_NS: none).
 * before_sleep/after_sleep (rpc_loop_set_sleep_hooks) surround a real sleep. Called by the loop's thread with the turns
 * of its PEs taken. */
void rpc_loop_turn(struct rpc_loop *loop, bool busy, int64_t deadline_ns);

/* Ends the current or next sleep; from any thread, and from signal handlers. */
void rpc_loop_wake(struct rpc_loop *loop);

/* Has fn(ctx) called by the loop's thread in its next turn, with the turns taken; from any thread. CHARIOT_ENOMEM. */
int rpc_loop_call(struct rpc_loop *loop, void (*fn)(void *ctx), void *ctx);

/* For faces that must let others run while the thread sleeps (Python's GIL). */
void rpc_loop_set_sleep_hooks(struct rpc_loop *loop, void (*before)(void *ctx), void (*after)(void *ctx), void *ctx);

/* For files of rpc/ only: libev's loop. */
struct ev_loop *rpc_loop_ev(struct rpc_loop *loop);

/* Opens the gRPC transport on this loop for node (its pe and num_pes are set): starts the server at `listen`, a gRPC
 * target ("unix:/dir/0.sock", "127.0.0.1:0"), with the PE's credentials. *bound_address (caller frees) is where others
 * reach it. Sets node->transport and starts the stand-in for node->turn. CHARIOT_EIO: cannot listen, or the identity is
 * of no use. */
struct rpc_grpc_config {
    const char *listen;
    const char *advertise;               /* a numeric address under which others reach it; NULL: that of `listen` */
    const struct rpc_identity *identity; /* NULL, or without authority: no TLS */
    uint8_t token[32];
    int64_t epoch;       /* of the job: a peer of another is refused; 0: not counted */
    uint32_t silence_ms; /* a peer of which nothing is heard for so long is gone (rpc/grpc_pulse.h); 0: however long */
    struct rpc_limits limits;
    uint32_t near_first, near_count; /* these PEs are reached otherwise (rpc/mix.h): links of theirs are refused */
};
int rpc_grpc_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_grpc_config *config,
                  char **bound_address);

/* The rendezvous, by PE 0, of a transport that rpc_grpc_open() has opened: tells PE 0 (at pe0_address) that this PE
 * listens at own_address, waits until all PEs of the job have done so, and sets the address book and node->hosts. On PE
 * 0 pe0_address is its own. Waits in the loop for at most timeout_ms. CHARIOT_ETIMEOUT (why: which PEs are missing, on
 * PE 0), CHARIOT_EAUTH, CHARIOT_EVERSION, CHARIOT_EGONE; `why` (of why_size bytes) gets a line for people. */
int rpc_grpc_join(struct rpc_transport *grpc, const char *pe0_address, const char *own_address,
                  const char *host_identity, int timeout_ms, char *why, size_t why_size);

#endif
