/* test/transport/sim_test.c: the simulated network passes the conformance suite, with and without the wire form. */
#include <stdlib.h>

#include "rpc/loop.h"
#include "rpc/sim.h"
#include "test/transport/conformance.c"

struct sim_world {
    struct rpc_sim *sim;
    struct peer *peers;
    uint32_t num_peers;
};

static void *sim_world_open(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits, bool wire) {
    struct sim_world *world = calloc(1, sizeof *world);
    if (world == NULL) return NULL;
    world->peers = peers;
    world->num_peers = num_peers;
    struct rpc_sim_config config = {
        .num_pes = num_peers, .seed = 7, .min_delay_ns = 1000, .max_delay_ns = 50000, .through_wire = wire};
    if (rpc_sim_new(&config, &world->sim) != 0) {
        free(world);
        return NULL;
    }
    rpc_sim_set_limits(world->sim, limits);
    for (uint32_t i = 0; i < num_peers; i++) CU_ASSERT_EQUAL(rpc_sim_open(world->sim, &peers[i].node), 0);
    return world;
}

static void *open_plain(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return sim_world_open(peers, num_peers, limits, false);
}

static void *open_wire(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return sim_world_open(peers, num_peers, limits, true);
}

static bool sim_world_step(void *inner) {
    struct sim_world *world = inner;
    bool more = rpc_sim_advance(world->sim, RPC_FOREVER_NS);
    for (uint32_t i = 0; i < world->num_peers; i++) rpc_node_poll(&world->peers[i].node, false);
    return more;
}

static void sim_world_close(void *inner, struct peer *peer, bool abrupt) {
    peer->node.transport->ops->close(peer->node.transport, abrupt);
    peer->node.transport = NULL;
}

static void sim_world_free(void *inner) {
    struct sim_world *world = inner;
    rpc_sim_free(world->sim);
    free(world);
}

int main(int argc, char **argv) {
    static const struct transport_fixture fixtures[] = {
        {"sim", false, open_plain, sim_world_step, sim_world_close, sim_world_free, false},
        {"sim-wire", false, open_wire, sim_world_step, sim_world_close, sim_world_free, false},
    };
    return transport_main(argc, argv, fixtures, 2);
}
