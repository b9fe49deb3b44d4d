/* test/transport/mix_test.c: shared memory and gRPC together pass the conformance suite: on hosts of two, with the
 * first two together and with a host between them, on one loop and with a loop for each. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/grpc_join.h"
#include "rpc/loop.h"
#include "rpc/mix.h"
#include "rpc/shm.h"
#include "test/transport/conformance.c"

enum { JOIN_MS = 30000 };

/* So long without an event means that nothing is on its way. */
#ifdef __SANITIZE_THREAD__
static const int64_t QUIET_NS = 2500000000;
#else
static const int64_t QUIET_NS = 250000000;
#endif

struct mix_world {
    struct rpc_loop *loops[PEERS_MAX]; /* by peer; one loop may stand for all */
    uint32_t num_loops, num_peers;
    uint32_t skew; /* 0: the first host has ends 0 and 1; 1: it has end 0 */
    struct peer *peers;
    struct rpc_transport *near[PEERS_MAX], *far[PEERS_MAX];
    char dir[32];
};

static void open_near(struct mix_world *world, uint32_t pe, struct rpc_loop *loop, const struct rpc_limits *given) {
    struct rpc_shm_config config = {.dir = world->dir, .held = true, .limits = *given};
    config.limits.ring_bytes = 64 << 10;
    config.limits.heap_bytes = (size_t)1 << 34;
    config.limits.heap_keep_bytes = 32 << 20;
    config.listener = rpc_shm_listen(world->dir, pe);
    CU_ASSERT_TRUE_FATAL(config.listener >= 0);
    memset(config.token, 0x5a, sizeof config.token);
    CU_ASSERT_EQUAL_FATAL(rpc_shm_open(loop, &world->peers[pe].node, &config), 0);
    world->near[pe] = world->peers[pe].node.transport;
}

static void open_far(struct mix_world *world, uint32_t pe, struct rpc_loop *loop, const struct rpc_limits *limits,
                     char **address) {
    char target[64];
    snprintf(target, sizeof target, "unix:%s/%u.sock", world->dir, pe);
    struct rpc_grpc_config config = {.listen = target, .limits = *limits};
    memset(config.token, 0x5a, sizeof config.token);
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(loop, &world->peers[pe].node, &config, address), 0);
    world->far[pe] = world->peers[pe].node.transport;
}

static void open_end(struct mix_world *world, uint32_t pe, const struct rpc_limits *limits, char **address) {
    struct rpc_loop *loop = world->loops[pe % world->num_loops];
    uint32_t first = pe < world->skew ? 0 : (pe + world->skew) / 2 * 2 - world->skew, end = first + 2;
    if (pe < world->skew) end = 1;
    if (end > world->num_peers) end = world->num_peers;
    open_near(world, pe, loop, limits);
    open_far(world, pe, loop, limits, address);
    const struct rpc_mix_config config = {world->near[pe], world->far[pe], first, end - first};
    CU_ASSERT_EQUAL_FATAL(rpc_mix_open_take(&world->peers[pe].node, &config), 0);
}

static bool poll_all_but(void *inner, const struct peer *but) {
    struct mix_world *world = inner;
    int handled = 0;
    for (uint32_t i = 0; i < world->num_peers; i++) {
        if (&world->peers[i] != but) handled += rpc_node_poll(&world->peers[i].node, false);
    }
    return handled > 0;
}

static void join_all(struct mix_world *world, char **addresses) {
    char why[256] = "";
    for (uint32_t i = 0; i < world->num_peers; i++) {
        struct rpc_grpc *g = (struct rpc_grpc *)world->far[i];
        CU_ASSERT_EQUAL_FATAL(rpc_join_begin(g, addresses[0], addresses[i], "here", JOIN_MS), 0);
    }
    for (uint32_t i = 0; i < world->num_peers; i++) {
        struct rpc_grpc *g = (struct rpc_grpc *)world->far[i];
        while (!rpc_join_over(g)) poll_all_but(world, NULL);
        CU_ASSERT_EQUAL_FATAL(rpc_join_finish(g, why, sizeof why), 0);
        rpc_shm_release(world->near[i]);
    }
}

static void *world_make(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits, uint32_t skew,
                        bool one_loop) {
    struct mix_world *world = calloc(1, sizeof *world);
    char *addresses[PEERS_MAX];
    if (world == NULL) return NULL;
    world->peers = peers;
    world->num_peers = num_peers;
    world->num_loops = one_loop ? 1 : num_peers;
    world->skew = skew;
    strcpy(world->dir, "/tmp/chariot-mix-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->dir));
    for (uint32_t i = 0; i < world->num_loops; i++) CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&world->loops[i]), 0);
    for (uint32_t i = 0; i < num_peers; i++) open_end(world, i, limits, &addresses[i]);
    join_all(world, addresses);
    for (uint32_t i = 0; i < num_peers; i++) free(addresses[i]);
    return world;
}

static void *open_pairs(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, 0, true);
}

static void *open_skewed(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, 1, true);
}

static void *open_loops(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, 0, false);
}

static bool world_step(void *inner) {
    struct mix_world *world = inner;
    int64_t end_ns = rpc_loop_now_ns() + QUIET_NS;
    if (world->num_loops > 1) {
        while (!poll_all_but(world, NULL)) {
            if (rpc_loop_now_ns() >= end_ns) return false;
            sched_yield();
        }
        return true;
    }
    for (int turn = 0; turn < 2; turn++) { /* the first may have taken so long because it had much to do */
        int64_t turn_ends_ns = rpc_loop_now_ns() + QUIET_NS / 2;
        rpc_loop_turn(world->loops[0], false, turn_ends_ns);
        if (rpc_loop_now_ns() < turn_ends_ns) return true;
    }
    return false;
}

static void world_end_close(void *inner, struct peer *peer, bool abrupt) {
    struct mix_world *world = inner;
    char path[64];
    if (world->num_loops > 1)
        transport_close_beside(peer, abrupt, poll_all_but, world);
    else
        peer->node.transport->ops->close(peer->node.transport, abrupt);
    peer->node.transport = NULL;
    free(peer->node.hosts);
    peer->node.hosts = NULL;
    snprintf(path, sizeof path, "%s/%u.shm", world->dir, peer->node.pe);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void world_free(void *inner) {
    struct mix_world *world = inner;
    for (uint32_t i = 0; i < world->num_loops; i++) rpc_loop_free(world->loops[i]);
    CU_ASSERT_EQUAL(rmdir(world->dir), 0);
    free(world);
}

int main(int argc, char **argv) {
    static const struct transport_fixture fixtures[] = {
        {"mix", true, open_pairs, world_step, world_end_close, world_free, false},
        {"mix-skewed", true, open_skewed, world_step, world_end_close, world_free, false},
        {"mix-loops", true, open_loops, world_step, world_end_close, world_free, false},
    };
    return transport_main(argc, argv, fixtures, sizeof fixtures / sizeof fixtures[0]);
}
