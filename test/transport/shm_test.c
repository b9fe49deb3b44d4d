/* test/transport/shm_test.c: shared memory passes the conformance suite: with all ends on one loop and with a loop for
 * each, with rings and heaps as a job has them, and with such that are always full. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/loop.h"
#include "rpc/shm.h"
#include "test/transport/conformance.c"

/* How long a turn of the loop waits. What was not there at once will not come by itself. */
static const int64_t QUIET_NS = 20000000;

struct shm_world {
    struct rpc_loop *loops[PEERS_MAX];
    uint32_t num_loops, num_peers;
    struct peer *peers;
    char dir[32];
};

static void open_end(struct shm_world *world, uint32_t pe, const struct rpc_limits *limits, int listener) {
    struct rpc_shm_config config = {.dir = world->dir, .listener = listener, .limits = *limits};
    memset(config.token, 0x5a, sizeof config.token);
    struct rpc_node *node = &world->peers[pe].node;
    CU_ASSERT_EQUAL_FATAL(rpc_shm_open(world->loops[pe % world->num_loops], node, &config), 0);
}

static void *world_make(struct peer *peers, uint32_t num_peers, const struct rpc_limits *given, bool one_loop,
                        size_t ring_bytes, size_t heap_bytes) {
    struct shm_world *world = calloc(1, sizeof *world);
    struct rpc_limits limits = *given;
    int listeners[PEERS_MAX];
    if (world == NULL) return NULL;
    limits.ring_bytes = ring_bytes;
    limits.heap_bytes = heap_bytes;
    limits.heap_keep_bytes = 32 << 20;
    world->peers = peers;
    world->num_peers = num_peers;
    world->num_loops = one_loop ? 1 : num_peers;
    strcpy(world->dir, "/tmp/chariot-shm-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->dir));
    for (uint32_t i = 0; i < world->num_loops; i++) CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&world->loops[i]), 0);
    for (uint32_t i = 0; i < num_peers; i++) {
        listeners[i] = rpc_shm_listen(world->dir, i);
        CU_ASSERT_TRUE_FATAL(listeners[i] >= 0);
    }
    for (uint32_t i = 0; i < num_peers; i++) open_end(world, i, &limits, listeners[i]);
    return world;
}

static void *open_large(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, true, 256 << 10, (size_t)1 << 34);
}

static void *open_large_loops(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, false, 256 << 10, (size_t)1 << 34);
}

/* The ring takes a handful of messages; the heap has room for the board, the rings and little else. */
static void *open_small(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, false, 1024, 256 << 10);
}

static bool poll_all_but(void *inner, const struct peer *but) {
    struct shm_world *world = inner;
    int handled = 0;
    for (uint32_t i = 0; i < world->num_peers; i++) {
        if (&world->peers[i] != but) handled += rpc_node_poll(&world->peers[i].node, false);
    }
    return handled > 0;
}

static bool poll_all(struct shm_world *world) {
    return poll_all_but(world, NULL);
}

/* Messages and reports. */
static uint64_t heard(const struct shm_world *world) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < world->num_peers; i++) {
        for (uint32_t from = 0; from < world->num_peers; from++)
            count += world->peers[i].received[from] + world->peers[i].gone[from];
    }
    return count;
}

static bool world_step(void *inner) {
    struct shm_world *world = inner;
    int64_t end_ns = rpc_loop_now_ns() + QUIET_NS;
    if (world->num_loops == 1) {
        uint64_t before = heard(world);
        rpc_loop_turn(world->loops[0], false, end_ns);
        return rpc_loop_now_ns() < end_ns || heard(world) != before;
    }
    return poll_all(world) || poll_all(world);
}

static void world_end_close(void *inner, struct peer *peer, bool abrupt) {
    struct shm_world *world = inner;
    char path[64];
    if (world->num_loops > 1)
        transport_close_beside(peer, abrupt, poll_all_but, world);
    else
        peer->node.transport->ops->close(peer->node.transport, abrupt);
    peer->node.transport = NULL;
    snprintf(path, sizeof path, "%s/%u.shm", world->dir, peer->node.pe);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void world_free(void *inner) {
    struct shm_world *world = inner;
    for (uint32_t i = 0; i < world->num_loops; i++) rpc_loop_free(world->loops[i]);
    CU_ASSERT_EQUAL(rmdir(world->dir), 0);
    free(world);
}

int main(int argc, char **argv) {
    static const struct transport_fixture fixtures[] = {
        {"shm", true, open_large, world_step, world_end_close, world_free, false},
        {"shm-loops", true, open_large_loops, world_step, world_end_close, world_free, false},
        {"shm-small", true, open_small, world_step, world_end_close, world_free, false},
    };
    return transport_main(argc, argv, fixtures, sizeof fixtures / sizeof fixtures[0]);
}
