/* rpc/sim.h: a simulated network in memory, in virtual time, whose every run is replayed from its seed.
 *
 * One world holds the ends of all its PEs. Messages wait in flight for a delay drawn from the seed; messages of one
 * pair keep their order, those of different pairs overtake each other. Faults: links can be cut, PEs killed. A test
 * drives the world: run what the PEs have to do, then rpc_sim_advance() to the next arrival. Single-threaded. */
#ifndef CHARIOT_RPC_SIM_H
#define CHARIOT_RPC_SIM_H

#include "rpc/node.h"
#include "rpc/transport.h"

struct rpc_sim;

struct rpc_sim_config {
    uint32_t num_pes;
    uint64_t seed;
    int64_t min_delay_ns; /* each message takes between these, drawn anew for each */
    int64_t max_delay_ns;
    bool through_wire; /* pack and unpack every message, as a real network would */

    /* What a machine costs, for measures of whole algorithms; all 0 where only their order matters. A PE sends one
     * message per message_ns; what goes to another host takes between_ns longer. */
    int64_t message_ns;
    int64_t between_ns;
    const uint32_t *hosts; /* by PE; borrowed by the world. NULL: all are on one host */
    /* Hears of every message that is sent. May be NULL. */
    void (*on_send)(void *ctx, uint32_t from, uint32_t to);
    void *ctx;
};

int rpc_sim_new(const struct rpc_sim_config *config, struct rpc_sim **out);
void rpc_sim_free(struct rpc_sim *sim); /* after all ends were closed; takes NULL */

/* Opens pe's end: sets node->transport. node->pe and num_pes, up and owner must be set. */
int rpc_sim_open(struct rpc_sim *sim, struct rpc_node *node);

/* Bounds for through_wire, rpc_limits_default where not called; only frame_bytes and message_bytes matter. */
void rpc_sim_set_limits(struct rpc_sim *sim, const struct rpc_limits *limits);

/* Virtual time now. */
int64_t rpc_sim_now_ns(const struct rpc_sim *sim);
/* Moves time to the next arrival, or to until_ns if that is sooner, and makes what arrives then ready for poll().
 * Returns true while something is in flight or was made ready; false: nothing is in flight, time moved to until_ns
 * (RPC_FOREVER_NS: time stays). */
bool rpc_sim_advance(struct rpc_sim *sim, int64_t until_ns);

/* Gives a PE for which something is ready since it was last given, in order of arrival; false: none. Saves a test of
 * thousands of PEs from polling all of them. */
bool rpc_sim_next_ready(struct rpc_sim *sim, uint32_t *pe);

/* Faults. Cut: messages from a to b vanish until mended. Kill: pe's end neither sends nor receives; its peers are told
 * (on_peer_gone, CHARIOT_EGONE) after a delay. */
void rpc_sim_cut(struct rpc_sim *sim, uint32_t from, uint32_t to, bool cut);
void rpc_sim_kill(struct rpc_sim *sim, uint32_t pe);

/* Counters since the start, for tests of how work grows. */
uint64_t rpc_sim_messages(const struct rpc_sim *sim);
uint64_t rpc_sim_bytes(const struct rpc_sim *sim);
/* What the network itself holds on the heap, without the messages under way. */
size_t rpc_sim_held_bytes(const struct rpc_sim *sim);

#endif
