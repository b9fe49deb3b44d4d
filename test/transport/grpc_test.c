/* test/transport/grpc_test.c: gRPC passes the conformance suite: on Unix sockets, on TCP and with mutual TLS, with all
 * ends on one loop and with a loop for each. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "deploy/authority.h"
#include "rpc/grpc_join.h"
#include "rpc/loop.h"
#include "test/transport/conformance.c"

enum { JOIN_MS = 30000 };

/* So long without an event means that nothing is on its way: thousands of times what a hop takes. gRPC's own threads
 * are some ten times slower under the thread sanitizer. */
#ifdef __SANITIZE_THREAD__
static const int64_t QUIET_NS = 2500000000;
#else
static const int64_t QUIET_NS = 250000000;
#endif

struct grpc_world {
    struct rpc_loop *loops[PEERS_MAX]; /* by peer; one loop may stand for all */
    uint32_t num_loops;
    struct peer *peers;
    uint32_t num_peers;
    bool on_unix;
    struct deploy_authority *authority; /* NULL: no TLS */
    char dir[32];
};

static struct rpc_loop *loop_of(struct grpc_world *world, uint32_t pe) {
    return world->loops[pe % world->num_loops];
}

static void open_end(struct grpc_world *world, uint32_t pe, const struct rpc_limits *limits, char **address) {
    char target[64] = "127.0.0.1:0";
    if (world->on_unix) snprintf(target, sizeof target, "unix:%s/%u.sock", world->dir, pe);
    struct rpc_identity identity = {0};
    struct deploy_reason reason;
    if (world->authority != NULL)
        CU_ASSERT_EQUAL_FATAL(deploy_authority_issue(world->authority, pe, time(NULL) + 3600, &identity, &reason), 0);
    struct rpc_grpc_config config = {.listen = target, .identity = &identity, .limits = *limits};
    memset(config.token, 0x5a, sizeof config.token);
    CU_ASSERT_EQUAL_FATAL(rpc_grpc_open(loop_of(world, pe), &world->peers[pe].node, &config, address), 0);
    rpc_identity_deinit(&identity);
}

static bool poll_all_but(void *inner, const struct peer *but) {
    struct grpc_world *world = inner;
    int handled = 0;
    for (uint32_t i = 0; i < world->num_peers; i++) {
        if (&world->peers[i] != but) handled += rpc_node_poll(&world->peers[i].node, false);
    }
    return handled > 0;
}

static bool poll_all(struct grpc_world *world) {
    return poll_all_but(world, NULL);
}

static bool all_joined(struct grpc_world *world) {
    bool all = true;
    for (uint32_t i = 0; i < world->num_peers; i++)
        all &= rpc_join_over((struct rpc_grpc *)world->peers[i].node.transport);
    return all;
}

static void join_all(struct grpc_world *world, char **addresses) {
    char why[256] = "";
    for (uint32_t i = 0; i < world->num_peers; i++) {
        struct rpc_grpc *g = (struct rpc_grpc *)world->peers[i].node.transport;
        CU_ASSERT_EQUAL_FATAL(rpc_join_begin(g, addresses[0], addresses[i], "here", JOIN_MS), 0);
    }
    while (!all_joined(world)) poll_all(world);
    for (uint32_t i = 0; i < world->num_peers; i++) {
        struct rpc_grpc *g = (struct rpc_grpc *)world->peers[i].node.transport;
        CU_ASSERT_EQUAL_FATAL(rpc_join_finish(g, why, sizeof why), 0);
    }
}

enum net { ON_UNIX, ON_TCP, ON_TLS };

static void *world_make(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits, enum net net,
                        bool one_loop) {
    struct deploy_reason reason;
    struct grpc_world *world = calloc(1, sizeof *world);
    char *addresses[PEERS_MAX];
    if (world == NULL) return NULL;
    world->peers = peers;
    world->num_peers = num_peers;
    world->num_loops = one_loop ? 1 : num_peers;
    world->on_unix = net == ON_UNIX;
    if (net == ON_TLS) CU_ASSERT_EQUAL_FATAL(deploy_authority_new(&world->authority, "test", &reason), 0);
    strcpy(world->dir, "/tmp/chariot-grpc-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(world->dir));
    for (uint32_t i = 0; i < world->num_loops; i++) CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&world->loops[i]), 0);
    for (uint32_t i = 0; i < num_peers; i++) open_end(world, i, limits, &addresses[i]);
    join_all(world, addresses);
    for (uint32_t i = 0; i < num_peers; i++) free(addresses[i]);
    return world;
}

static void *open_unix(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_UNIX, true);
}

static void *open_unix_loops(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_UNIX, false);
}

static void *open_tcp(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_TCP, true);
}

static void *open_tcp_loops(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_TCP, false);
}

static void *open_tls(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_TLS, true);
}

static void *open_tls_loops(struct peer *peers, uint32_t num_peers, const struct rpc_limits *limits) {
    return world_make(peers, num_peers, limits, ON_TLS, false);
}

/* A turn ends early where something came. One that ends late may have handled what took long (a large message is
 * checked byte by byte, slowly under a sanitizer): only two in a row are quiet. */
static bool loop_step(struct rpc_loop *loop) {
    for (int turn = 0; turn < 2; turn++) {
        int64_t end_ns = rpc_loop_now_ns() + QUIET_NS / 2;
        rpc_loop_turn(loop, false, end_ns);
        if (rpc_loop_now_ns() < end_ns) return true;
    }
    return false;
}

static bool world_step(void *inner) {
    struct grpc_world *world = inner;
    if (world->num_loops == 1) return loop_step(world->loops[0]);
    int64_t end_ns = rpc_loop_now_ns() + QUIET_NS;
    while (!poll_all(world)) {
        if (rpc_loop_now_ns() >= end_ns) return false;
        sched_yield();
    }
    return true;
}

static void world_end_close(void *inner, struct peer *peer, bool abrupt) {
    struct grpc_world *world = inner;
    if (world->num_loops > 1)
        transport_close_beside(peer, abrupt, poll_all_but, world);
    else
        peer->node.transport->ops->close(peer->node.transport, abrupt);
    peer->node.transport = NULL;
    free(peer->node.hosts);
    peer->node.hosts = NULL;
}

static void world_free(void *inner) {
    struct grpc_world *world = inner;
    for (uint32_t i = 0; i < world->num_loops; i++) rpc_loop_free(world->loops[i]);
    CU_ASSERT_EQUAL(rmdir(world->dir), 0); /* no socket file was left */
    deploy_authority_free(world->authority);
    free(world);
}

int main(int argc, char **argv) {
    static const struct transport_fixture fixtures[] = {
        {"grpc-unix", true, open_unix, world_step, world_end_close, world_free, true},
        {"grpc-unix-loops", true, open_unix_loops, world_step, world_end_close, world_free, true},
        {"grpc-tcp", true, open_tcp, world_step, world_end_close, world_free, true},
        {"grpc-tcp-loops", true, open_tcp_loops, world_step, world_end_close, world_free, true},
        {"grpc-tls", true, open_tls, world_step, world_end_close, world_free, true},
        {"grpc-tls-loops", true, open_tls_loops, world_step, world_end_close, world_free, true},
    };
    return transport_main(argc, argv, fixtures, sizeof fixtures / sizeof fixtures[0]);
}
