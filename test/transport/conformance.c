/* test/transport/conformance.c: the suite; included by each transport's test file. */
#include "test/transport/conformance.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

/* No test waits for time; this one bound turns a hang into a failure. */
enum { HANG_SECONDS = 120, SETTLE_STEPS = 50 };

static const struct transport_fixture *fixture;

struct world {
    void *inner;
    uint32_t num_peers;
    struct peer peers[PEERS_MAX];
    uint64_t sent[PEERS_MAX][PEERS_MAX]; /* [from][to] */
};

/* Small bounds, so that batches, slices of their own and fragments all occur. */
static const struct rpc_limits small_limits = {
    .frame_bytes = 64 << 10,
    .batch_bytes = 16 << 10,
    .inline_bytes = 4 << 10,
    .message_bytes = 64 << 20,
    .credit_bytes = 32 << 20,
    .queue_bytes = 32 << 20,
};

/* ---------------------------------------------------------------- messages that can be checked */

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void fill_header(struct chariot_msg *msg, uint32_t from, uint64_t seq, size_t size) {
    uint64_t seed = mix(seq * 64 + from + 1);
    msg->kind = (uint8_t)(RPC_KIND_FIRST_USER + seed % 200);
    msg->flags = (uint8_t)(seed >> 8);
    msg->ndims = (uint8_t)(seed >> 16);
    msg->hops = (uint8_t)(seed >> 24);
    msg->from = from;
    msg->method = (uint32_t)(seed >> 32);
    msg->root = (uint32_t)mix(seed);
    msg->target = mix(seed + 1);
    for (int i = 0; i < 3; i++) msg->index[i] = mix(seed + 2 + (uint64_t)i);
    msg->reply = size;
    msg->seq = seq;
    msg->size = size;
}

static uint8_t payload_byte(uint64_t seed, size_t i) {
    return (uint8_t)(seed + i * 7 + (i >> 8) * 13 + (i >> 16));
}

static struct chariot_msg *make_message(uint32_t from, uint64_t seq, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    fill_header(msg, from, seq, size);
    for (size_t i = 0; i < size; i++) rpc_msg_payload(msg)[i] = payload_byte(msg->target, i);
    return msg;
}

static bool is_as_sent(const struct chariot_msg *msg, uint32_t from, uint64_t seq) {
    struct chariot_msg wanted = {0};
    fill_header(&wanted, from, seq, (size_t)msg->reply);
    bool same = msg->kind == wanted.kind && msg->flags == wanted.flags && msg->ndims == wanted.ndims &&
                msg->hops == wanted.hops && msg->from == wanted.from && msg->method == wanted.method &&
                msg->root == wanted.root && msg->target == wanted.target &&
                memcmp(msg->index, wanted.index, sizeof wanted.index) == 0 && msg->seq == wanted.seq &&
                msg->size == wanted.size && msg->refs == 1 && (uintptr_t)rpc_msg_payload(msg) % 16 == 0;
    for (size_t i = 0; same && i < msg->size; i++) same = rpc_msg_payload(msg)[i] == payload_byte(msg->target, i);
    return same;
}

/* ---------------------------------------------------------------- ends */

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct peer *peer = owner;
    if (peer->closed) peer->late++;
    if (msg->from >= PEERS_MAX || !is_as_sent(msg, msg->from, peer->received[msg->from])) peer->wrong++;
    if (msg->from < PEERS_MAX) peer->received[msg->from]++;
    if (peer->hold) {
        peer->held_bytes += msg->size;
        rpc_msg_queue_push_take(&peer->held, msg);
        return;
    }
    rpc_msg_consume(msg);
    rpc_msg_unref(msg);
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    struct peer *peer = owner;
    if (peer->closed) peer->late++;
    if (pe >= PEERS_MAX || error >= 0 || text == NULL) {
        peer->wrong++;
        return;
    }
    peer->gone[pe]++;
    peer->gone_error[pe] = error;
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

static void let_go(struct peer *peer) {
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(&peer->held)) != NULL) {
        peer->held_bytes -= msg->size;
        rpc_msg_consume(msg);
        rpc_msg_unref(msg);
    }
    peer->hold = false;
}

/* ---------------------------------------------------------------- worlds */

static void world_open(struct world *world, uint32_t num_peers, const struct rpc_limits *limits) {
    memset(world, 0, sizeof *world);
    world->num_peers = num_peers;
    for (uint32_t i = 0; i < num_peers; i++) {
        struct peer *peer = &world->peers[i];
        peer->node.pe = i;
        peer->node.num_pes = num_peers;
        peer->node.num_hosts = 1;
        peer->node.up = &upcalls;
        peer->node.owner = peer;
        rpc_turn_init(&peer->node.turn);
    }
    world->inner = fixture->open(world->peers, num_peers, limits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world->inner);
}

static void end_close(struct world *world, uint32_t pe, bool abrupt) {
    struct peer *peer = &world->peers[pe];
    if (peer->closed) return;
    fixture->close(world->inner, peer, abrupt);
    peer->closed = true;
}

static void settle(struct world *world) {
    for (int i = 0; i < SETTLE_STEPS && fixture->step(world->inner); i++) continue;
}

static void world_close(struct world *world) {
    for (uint32_t i = 0; i < world->num_peers; i++) {
        end_close(world, i, false);
        let_go(&world->peers[i]);
        CU_ASSERT_EQUAL(world->peers[i].wrong, 0);
        CU_ASSERT_EQUAL(world->peers[i].late, 0);
    }
    fixture->free(world->inner);
}

/* Steps until condition(world, pe). False: it will not come. Of a transport without back pressure (sim) nothing comes
 * where nothing moves; of others, on a machine that has other work, it may be late. */
static bool until(struct world *world, bool (*condition)(struct world *world, uint32_t pe), uint32_t pe) {
    time_t limit = time(NULL) + HANG_SECONDS;
    while (!condition(world, pe)) {
        bool more = fixture->step(world->inner);
        if (!more && !fixture->back_pressure && !condition(world, pe)) return false;
        if (time(NULL) > limit) return false;
    }
    return true;
}

/* The end has received all that was sent to it. */
static bool all_here(struct world *world, uint32_t pe) {
    for (uint32_t from = 0; from < world->num_peers; from++)
        if (world->peers[pe].received[from] < world->sent[from][pe]) return false;
    return true;
}

static bool is_flushed(struct world *world, uint32_t pe) {
    return rpc_node_flushed(&world->peers[pe].node);
}

static void expect_all_arrive(struct world *world) {
    for (uint32_t pe = 0; pe < world->num_peers; pe++) CU_ASSERT_TRUE(until(world, all_here, pe));
    for (uint32_t pe = 0; pe < world->num_peers; pe++)
        for (uint32_t from = 0; from < world->num_peers; from++)
            CU_ASSERT_EQUAL(world->peers[pe].received[from], world->sent[from][pe]);
}

static int send_once(struct world *world, uint32_t from, uint32_t to, size_t size) {
    struct chariot_msg *msg = make_message(from, world->sent[from][to], size);
    int outcome = rpc_node_send(&world->peers[from].node, to, msg);
    rpc_msg_unref(msg);
    if (outcome >= 0) world->sent[from][to]++;
    return outcome;
}

/* As a well-behaved sender: waits while the transport asks for it. */
static void send_politely(struct world *world, uint32_t from, uint32_t to, size_t size) {
    int outcome = send_once(world, from, to, size);
    CU_ASSERT_TRUE_FATAL(outcome == 0 || outcome == 1);
    time_t limit = time(NULL) + HANG_SECONDS;
    while (outcome == 1 && rpc_node_pressed(&world->peers[from].node, to)) {
        fixture->step(world->inner);
        CU_ASSERT_TRUE_FATAL(time(NULL) <= limit);
    }
}

/* ---------------------------------------------------------------- order and content */

static void messages_of_all_sizes_arrive_in_order(void) {
    static const size_t sizes[] = {0,     1,     15,    79,      80,    4009,    4010,   4096,   5000,  0, 16298,
                                   16384, 65449, 65450, 65451,   65535, 65536,   65537,  200000, 1,     0, 1 << 20,
                                   3,     0,     77,    9 << 20, 12,    9 << 20, 131072, 64,     20000, 0};
    struct world world;
    world_open(&world, 2, &small_limits);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) send_politely(&world, 0, 1, sizes[i]);
    expect_all_arrive(&world);
    world_close(&world);
}

static void fifty_thousand_small_messages_arrive_in_order(void) {
    struct world world;
    world_open(&world, 2, &rpc_limits_default);
    for (int i = 0; i < 50000; i++) send_politely(&world, 0, 1, (size_t)(i % 97));
    expect_all_arrive(&world);
    world_close(&world);
}

static void both_ends_send_at_once(void) {
    struct world world;
    world_open(&world, 2, &small_limits);
    for (int i = 0; i < 2000; i++) {
        uint64_t r = mix((uint64_t)i + 1);
        send_politely(&world, 0, 1, r % 100 == 0 ? 300000 : r % 9000);
        send_politely(&world, 1, 0, r % 90 == 0 ? 500000 : r / 9000 % 9000);
    }
    expect_all_arrive(&world);
    world_close(&world);
}

static void links_opened_from_both_ends_at_the_same_time_keep_order(void) {
    for (int round = 0; round < 5; round++) {
        struct world world;
        world_open(&world, 2, &small_limits);
        for (int i = 0; i < 20; i++) {
            CU_ASSERT_EQUAL(send_once(&world, 0, 1, 10), 0);
            CU_ASSERT_EQUAL(send_once(&world, 1, 0, 10), 0);
        }
        for (int i = 0; i < 200; i++) {
            fixture->step(world.inner);
            send_politely(&world, (uint32_t)i % 2, 1 - (uint32_t)i % 2, (size_t)i * 50);
        }
        expect_all_arrive(&world);
        world_close(&world);
    }
}

static void everyone_sends_to_everyone(void) {
    struct world world;
    world_open(&world, 5, &small_limits);
    for (int i = 0; i < 200; i++)
        for (uint32_t from = 0; from < 5; from++)
            for (uint32_t to = 0; to < 5; to++)
                if (from != to) send_politely(&world, from, to, mix((uint64_t)i * 25 + from * 5 + to) % 3000);
    expect_all_arrive(&world);
    world_close(&world);
}

static void one_message_goes_to_several_peers(void) {
    static const size_t sizes[] = {0, 100, 10000, 100000, 1 << 20};
    struct world world;
    world_open(&world, 4, &small_limits);
    for (int i = 0; i < 50; i++) {
        struct chariot_msg *msg = make_message(0, (uint64_t)i, sizes[i % 5]);
        for (uint32_t to = 1; to < 4; to++) {
            CU_ASSERT_TRUE(rpc_node_send(&world.peers[0].node, to, msg) >= 0);
            world.sent[0][to]++;
        }
        rpc_msg_unref(msg);
    }
    expect_all_arrive(&world);
    world_close(&world);
}

static void ping_pong_goes_on(void) {
    struct world world;
    world_open(&world, 2, &rpc_limits_default);
    for (uint32_t i = 0; i < 2000; i++) {
        send_politely(&world, i % 2, 1 - i % 2, i % 3 == 0 ? 1000 : 0);
        CU_ASSERT_TRUE_FATAL(until(&world, all_here, 1 - i % 2));
    }
    world_close(&world);
}

static void arrivals_do_not_come_inside_send(void) {
    struct world world;
    world_open(&world, 2, &rpc_limits_default);
    CU_ASSERT_EQUAL(send_once(&world, 0, 1, 5), 0);
    CU_ASSERT_EQUAL(send_once(&world, 1, 0, 5), 0);
    CU_ASSERT_EQUAL(world.peers[0].received[1] + world.peers[1].received[0], 0);
    expect_all_arrive(&world);
    world_close(&world);
}

/* ---------------------------------------------------------------- bounds */

static void a_message_above_the_limit_is_refused(void) {
    struct rpc_limits limits = small_limits;
    limits.message_bytes = 1 << 20;
    struct world world;
    world_open(&world, 2, &limits);
    CU_ASSERT_EQUAL(send_once(&world, 0, 1, (1 << 20) + 1), CHARIOT_ETOOBIG);
    send_politely(&world, 0, 1, 1 << 20);
    expect_all_arrive(&world);
    CU_ASSERT_EQUAL(world.peers[0].gone[1] + world.peers[1].gone[0], 0);
    world_close(&world);
}

/* Lets what was sent leave if it can. Quiet is waited for only where the pressure lasts: to settle takes a transport
 * with sockets a while, and there may be hundreds of messages until the pressure is there. */
static void let_move(struct world *world, uint32_t from, uint32_t to) {
    enum { POLLS = 2000 };
    for (int i = 0; i < POLLS && (i < 4 || rpc_node_pressed(&world->peers[from].node, to)); i++)
        for (uint32_t pe = 0; pe < world->num_peers; pe++) rpc_node_poll(&world->peers[pe].node, false);
    if (rpc_node_pressed(&world->peers[from].node, to)) settle(world);
}

static void a_receiver_that_does_not_consume_stops_its_sender(void) {
    if (!fixture->back_pressure) return;
    struct rpc_limits limits = small_limits;
    limits.credit_bytes = 256 << 10;
    limits.queue_bytes = 256 << 10;
    struct world world;
    world_open(&world, 2, &limits);
    struct peer *receiver = &world.peers[1];
    receiver->hold = true;
    /* What lies between the ends (sockets, windows) may take some; 64 MiB is far more than that. */
    bool stopped = false;
    for (int i = 0; i < 4096 && !stopped; i++) {
        int outcome = send_once(&world, 0, 1, 16 << 10);
        CU_ASSERT_TRUE_FATAL(outcome >= 0);
        let_move(&world, 0, 1);
        stopped = outcome == 1 && rpc_node_pressed(&world.peers[0].node, 1);
    }
    CU_ASSERT_TRUE(stopped);
    CU_ASSERT_TRUE(receiver->held_bytes <= limits.credit_bytes + 2 * limits.frame_bytes);
    let_go(receiver);
    expect_all_arrive(&world);
    CU_ASSERT_FALSE(rpc_node_pressed(&world.peers[0].node, 1));
    world_close(&world);
}

static void pressure_of_one_peer_does_not_stop_another(void) {
    if (!fixture->back_pressure) return;
    struct rpc_limits limits = small_limits;
    limits.credit_bytes = 64 << 10;
    limits.queue_bytes = 64 << 10;
    struct world world;
    world_open(&world, 3, &limits);
    world.peers[1].hold = true;
    for (int i = 0; i < 4096 && !rpc_node_pressed(&world.peers[0].node, 1); i++) {
        CU_ASSERT_TRUE_FATAL(send_once(&world, 0, 1, 16 << 10) >= 0);
        let_move(&world, 0, 1);
    }
    CU_ASSERT_TRUE(rpc_node_pressed(&world.peers[0].node, 1));
    for (int i = 0; i < 500; i++) send_politely(&world, 0, 2, 2000);
    CU_ASSERT_TRUE(until(&world, all_here, 2));
    let_go(&world.peers[1]);
    expect_all_arrive(&world);
    world_close(&world);
}

static void an_urgent_poll_reads_beyond_the_credit(void) {
    if (!fixture->back_pressure) return;
    struct rpc_limits limits = small_limits;
    limits.credit_bytes = 64 << 10;
    struct world world;
    world_open(&world, 2, &limits);
    world.peers[1].hold = true;
    for (int i = 0; i < 64; i++) CU_ASSERT_TRUE_FATAL(send_once(&world, 0, 1, 16 << 10) >= 0);
    time_t limit = time(NULL) + HANG_SECONDS;
    while (!all_here(&world, 1) && time(NULL) <= limit) {
        fixture->step(world.inner);
        rpc_node_poll(&world.peers[1].node, true);
    }
    CU_ASSERT_TRUE(all_here(&world, 1));
    let_go(&world.peers[1]);
    world_close(&world);
}

/* ---------------------------------------------------------------- ends of ends */

static void greet(struct world *world, uint32_t a, uint32_t b) {
    send_politely(world, a, b, 100);
    CU_ASSERT_TRUE_FATAL(until(world, all_here, b));
    send_politely(world, b, a, 100);
    CU_ASSERT_TRUE_FATAL(until(world, all_here, a));
}

static bool zero_is_gone(struct world *world, uint32_t pe) {
    return world->peers[pe].gone[0] > 0;
}

static bool two_is_heard(struct world *world, uint32_t pe) {
    return world->peers[pe].received[2] == world->sent[2][pe];
}

static void a_large_message_lets_those_of_others_pass(void) {
    if (!fixture->in_pieces) return;
    struct rpc_limits limits = rpc_limits_default;
    limits.frame_bytes = 64 << 10;
    struct world world;
    world_open(&world, 3, &limits);
    greet(&world, 0, 1);
    greet(&world, 0, 2);
    uint64_t before = world.peers[0].received[1];
    CU_ASSERT_TRUE(send_once(&world, 1, 0, 48 << 20) >= 0);
    CU_ASSERT_EQUAL(send_once(&world, 2, 0, 10), 0);
    CU_ASSERT_TRUE(until(&world, two_is_heard, 0));
    CU_ASSERT_EQUAL(world.peers[0].received[1], before); /* the large one is still on its way */
    expect_all_arrive(&world);
    world_close(&world);
}

static void a_flood_of_small_messages_lets_a_large_one_pass(void) {
    enum { FLOOD = 60000 };
    if (!fixture->in_pieces) return;
    struct world world;
    world_open(&world, 3, &rpc_limits_default);
    greet(&world, 0, 1);
    greet(&world, 0, 2);
    for (int i = 0; i < FLOOD; i++) CU_ASSERT_TRUE_FATAL(send_once(&world, 1, 0, 400) >= 0);
    CU_ASSERT_TRUE(send_once(&world, 2, 0, 3 << 20) >= 0);
    CU_ASSERT_TRUE(until(&world, two_is_heard, 0));
    CU_ASSERT_TRUE(world.peers[0].received[1] < world.sent[1][0]); /* the flood goes on */
    expect_all_arrive(&world);
    world_close(&world);
}

static void a_large_message_that_is_sent_lets_others_be_sent(void) {
    if (!fixture->in_pieces) return;
    struct rpc_limits limits = rpc_limits_default;
    limits.frame_bytes = 64 << 10;
    struct world world;
    world_open(&world, 3, &limits);
    greet(&world, 0, 1);
    greet(&world, 2, 1);
    greet(&world, 2, 0);
    CU_ASSERT_TRUE(send_once(&world, 2, 1, 48 << 20) >= 0);
    for (int i = 0; i < 100; i++) CU_ASSERT_EQUAL(send_once(&world, 2, 0, 10), 0);
    CU_ASSERT_TRUE(until(&world, two_is_heard, 0));
    CU_ASSERT_FALSE(two_is_heard(&world, 1));
    expect_all_arrive(&world);
    world_close(&world);
}

static void an_abrupt_end_is_reported_once_to_those_connected(void) {
    struct world world;
    world_open(&world, 4, &small_limits);
    greet(&world, 0, 1);
    greet(&world, 2, 0);
    greet(&world, 3, 1);
    end_close(&world, 0, true);
    CU_ASSERT_TRUE(until(&world, zero_is_gone, 1));
    CU_ASSERT_TRUE(until(&world, zero_is_gone, 2));
    settle(&world);
    CU_ASSERT_EQUAL(world.peers[1].gone[0], 1);
    CU_ASSERT_EQUAL(world.peers[2].gone[0], 1);
    CU_ASSERT_EQUAL(world.peers[3].gone[0], 0);
    CU_ASSERT_EQUAL(world.peers[1].gone_error[0], CHARIOT_EGONE);
    CU_ASSERT_EQUAL(send_once(&world, 1, 0, 10), CHARIOT_EGONE);
    greet(&world, 1, 3);
    settle(&world);
    CU_ASSERT_EQUAL(world.peers[1].gone[0], 1);
    world_close(&world);
}

static void a_goodbye_is_not_reported(void) {
    struct world world;
    world_open(&world, 3, &small_limits);
    greet(&world, 0, 1);
    greet(&world, 2, 0);
    end_close(&world, 0, false);
    settle(&world);
    CU_ASSERT_EQUAL(world.peers[1].gone[0], 0);
    CU_ASSERT_EQUAL(world.peers[2].gone[0], 0);
    CU_ASSERT_TRUE(send_once(&world, 1, 0, 10) < 0);
    greet(&world, 1, 2);
    CU_ASSERT_EQUAL(world.peers[1].gone[0], 0);
    world_close(&world);
}

static void what_was_flushed_arrives_although_the_sender_closes(void) {
    struct world world;
    world_open(&world, 2, &small_limits);
    for (int i = 0; i < 300; i++) send_politely(&world, 0, 1, i % 50 == 0 ? 200000 : 500);
    CU_ASSERT_TRUE(until(&world, is_flushed, 0));
    end_close(&world, 0, false);
    CU_ASSERT_TRUE(until(&world, all_here, 1));
    settle(&world);
    CU_ASSERT_EQUAL(world.peers[1].gone[0], 0);
    world_close(&world);
}

static void nothing_arrives_after_close(void) {
    for (int abrupt = 0; abrupt < 2; abrupt++) {
        struct world world;
        world_open(&world, 2, &small_limits);
        greet(&world, 0, 1);
        for (int i = 0; i < 200; i++) CU_ASSERT_TRUE(send_once(&world, 0, 1, 3000) >= 0);
        end_close(&world, 1, abrupt != 0);
        settle(&world);
        CU_ASSERT_EQUAL(world.peers[1].late, 0);
        world_close(&world);
    }
}

static void ends_close_in_any_order_amid_traffic(void) {
    for (uint32_t round = 0; round < 12; round++) {
        struct world world;
        world_open(&world, 3, &small_limits);
        for (int i = 0; i < 30; i++)
            for (uint32_t from = 0; from < 3; from++) send_politely(&world, from, (from + 1) % 3, 5000);
        if (round % 2 == 1) fixture->step(world.inner);
        uint32_t first = round % 3, second = (first + 1 + round / 3 % 2) % 3;
        end_close(&world, first, round >= 6);
        if (round % 4 >= 2) fixture->step(world.inner);
        end_close(&world, second, false);
        world_close(&world);
    }
}

static void an_end_that_never_spoke_closes(void) {
    for (int abrupt = 0; abrupt < 2; abrupt++) {
        struct world world;
        world_open(&world, 2, &small_limits);
        end_close(&world, 0, abrupt != 0);
        settle(&world);
        CU_ASSERT_EQUAL(world.peers[1].gone[0], 0);
        world_close(&world);
    }
}

struct closing {
    struct peer *peer;
    bool abrupt;
    atomic_bool over;
};

static void *close_main(void *arg) {
    struct closing *closing = arg;
    struct rpc_transport *transport = closing->peer->node.transport;
    transport->ops->close(transport, closing->abrupt);
    atomic_store(&closing->over, true);
    return NULL;
}

void transport_close_beside(struct peer *peer, bool abrupt, bool (*poll_others)(void *ctx, const struct peer *but),
                            void *ctx) {
    struct closing closing = {.peer = peer, .abrupt = abrupt};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, close_main, &closing), 0);
    while (!atomic_load(&closing.over)) {
        if (!poll_others(ctx, peer)) sched_yield();
    }
    pthread_join(thread, NULL);
}

int transport_main(int argc, char **argv, const struct transport_fixture *fixtures, size_t num_fixtures) {
    static const struct unit_test tests[] = {
        UNIT(messages_of_all_sizes_arrive_in_order),
        UNIT(fifty_thousand_small_messages_arrive_in_order),
        UNIT(both_ends_send_at_once),
        UNIT(links_opened_from_both_ends_at_the_same_time_keep_order),
        UNIT(everyone_sends_to_everyone),
        UNIT(one_message_goes_to_several_peers),
        UNIT(ping_pong_goes_on),
        UNIT(arrivals_do_not_come_inside_send),
        UNIT(a_message_above_the_limit_is_refused),
        UNIT(a_receiver_that_does_not_consume_stops_its_sender),
        UNIT(pressure_of_one_peer_does_not_stop_another),
        UNIT(an_urgent_poll_reads_beyond_the_credit),
        UNIT(a_large_message_lets_those_of_others_pass),
        UNIT(a_flood_of_small_messages_lets_a_large_one_pass),
        UNIT(a_large_message_that_is_sent_lets_others_be_sent),
        UNIT(an_abrupt_end_is_reported_once_to_those_connected),
        UNIT(a_goodbye_is_not_reported),
        UNIT(what_was_flushed_arrives_although_the_sender_closes),
        UNIT(nothing_arrives_after_close),
        UNIT(ends_close_in_any_order_amid_traffic),
        UNIT(an_end_that_never_spoke_closes),
    };
    int status = 0;
    for (size_t i = 0; i < num_fixtures; i++) {
        char suite[64];
        fixture = &fixtures[i];
        snprintf(suite, sizeof suite, "transport/%s", fixture->name);
        status |= unit_main(argc, argv, suite, tests, sizeof tests / sizeof tests[0]);
    }
    return status;
}
