/* test/transport/conformance.h: one suite of tests that every transport passes.
 *
 * A transport joins with a fixture: how to make a world of n ends in this process, how to let it take a step, how to
 * close an end. Its test file, for example test/transport/sim_test.c, is
 *
 *     #include "test/transport/conformance.c"
 *     static const struct transport_fixture fixtures[] = {{.name = "sim", ...}};
 *     int main(int argc, char **argv) { return transport_main(argc, argv, fixtures, 1); }
 *
 * and runs the suite once per fixture. An argument on the command line runs the tests whose name contains it. Every
 * message carries fields and bytes computed from its sender and number, so each arrival is checked for order, header
 * and payload by the receiving end (struct peer) as it comes. */
#ifndef CHARIOT_TEST_TRANSPORT_CONFORMANCE_H
#define CHARIOT_TEST_TRANSPORT_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/msg.h"
#include "rpc/node.h"
#include "rpc/transport.h"

enum { PEERS_MAX = 8 };

/* One end and what it has been told. */
struct peer {
    struct rpc_node node;
    bool closed;
    bool hold; /* keep arrivals unconsumed in `held`; otherwise they are consumed and freed */
    struct rpc_msg_queue held;
    size_t held_bytes;            /* payload bytes in held */
    uint64_t received[PEERS_MAX]; /* by sender; the next number that is expected from it */
    uint64_t wrong;               /* arrivals out of order or not as they were sent */
    uint64_t late;                /* upcalls after close */
    uint32_t gone[PEERS_MAX];     /* reports by peer */
    int gone_error[PEERS_MAX];
};

struct transport_fixture {
    const char *name;
    bool back_pressure; /* send() returns 1 and pressed() holds while a receiver consumes nothing */

    /* Opens num_peers ends with these limits: sets each peers[i].node.transport; pe, num_pes, up and owner are set, the
     * turn is initialized. Returns what the other hooks get as world; NULL: failed. */
    void *(*open)(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits);
    /* Lets every end whose node.transport is not NULL move on: moves bytes and makes upcalls; may wait for arrivals for
     * some milliseconds. False: nothing is on its way, and nothing will happen any more by itself. */
    bool (*step)(void *world);
    /* Closes one end and sets peer->node.transport to NULL. */
    void (*close)(void *world, struct peer *peer, bool abrupt);
    /* After all ends were closed. */
    void (*free)(void *world);
    bool in_pieces; /* a large message travels in pieces, between which those of other peers move on */
};

/* For fixtures whose ends do not share a loop: closes an end on a thread of its own while poll_others(ctx, peer) moves
 * the others on, so that what waits for them to read or to say goodbye does not wait in vain. */
void transport_close_beside(struct peer *peer, bool abrupt, bool (*poll_others)(void *ctx, const struct peer *but),
                            void *ctx);

/* Runs the suite over each fixture; the process's exit status. */
int transport_main(int argc, char **argv, const struct transport_fixture *fixtures, size_t num_fixtures);

#endif
