/* test/unit/rpc/sim_test.c: virtual time, replay, faults and size; the conformance suite covers the rest. */
#include "test/unit/fault_alloc.h"

#include "rpc/frame.c"
#include "rpc/msg.c"
#include "rpc/sim.c"
#include "rpc/sim_flight.c"

#include "test/unit/unit.h"

enum { WORLD_MAX = 16 };

struct ear {
    struct rpc_node node;
    struct rpc_sim *sim;
    uint64_t received;
    uint64_t digest; /* of who, what and when */
    uint64_t next[WORLD_MAX];
    uint64_t disordered;
    uint32_t gone;
    uint32_t gone_pe;
};

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct ear *ear = owner;
    ear->received++;
    if (msg->from < WORLD_MAX && msg->seq != ear->next[msg->from]++) ear->disordered++;
    ear->digest = (ear->digest ^ msg->from ^ msg->seq << 8 ^ (uint64_t)rpc_sim_now_ns(ear->sim)) * 0x100000001b3u;
    rpc_msg_unref(msg);
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    struct ear *ear = owner;
    ear->gone++;
    ear->gone_pe = pe;
    CU_ASSERT_EQUAL(error, CHARIOT_EGONE);
    CU_ASSERT_PTR_NOT_NULL(text);
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

static int ear_open(struct ear *ear, struct rpc_sim *sim, uint32_t pe, uint32_t num_pes) {
    *ear = (struct ear){.sim = sim};
    ear->node = (struct rpc_node){.pe = pe, .num_pes = num_pes, .up = &upcalls, .owner = ear};
    return rpc_sim_open(sim, &ear->node);
}

static void ear_close(struct ear *ear, bool abrupt) {
    if (ear->node.transport == NULL) return;
    ear->node.transport->ops->close(ear->node.transport, abrupt);
    ear->node.transport = NULL;
}

static struct rpc_sim *world_open(struct ear *ears, uint32_t num_pes, uint64_t seed, bool wire) {
    struct rpc_sim_config config = {
        .num_pes = num_pes, .seed = seed, .min_delay_ns = 100, .max_delay_ns = 10000, .through_wire = wire};
    struct rpc_sim *sim = NULL;
    CU_ASSERT_EQUAL_FATAL(rpc_sim_new(&config, &sim), 0);
    for (uint32_t pe = 0; pe < num_pes; pe++) CU_ASSERT_EQUAL(ear_open(&ears[pe], sim, pe, num_pes), 0);
    return sim;
}

static void world_close(struct rpc_sim *sim, struct ear *ears, uint32_t num_pes) {
    for (uint32_t pe = 0; pe < num_pes; pe++) ear_close(&ears[pe], false);
    rpc_sim_free(sim);
}

static int send_to(struct ear *ear, uint32_t to, uint64_t seq, size_t size) {
    struct chariot_msg *msg = rpc_msg_new(size);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->kind = 16;
    msg->from = ear->node.pe;
    msg->seq = seq;
    msg->size = size;
    memset(rpc_msg_payload(msg), 7, size);
    int outcome = rpc_node_send(&ear->node, to, msg);
    rpc_msg_unref(msg);
    return outcome;
}

static void run(struct rpc_sim *sim, struct ear *ears) {
    uint32_t pe;
    bool more = true;
    while (more) {
        more = rpc_sim_advance(sim, RPC_FOREVER_NS);
        while (rpc_sim_next_ready(sim, &pe)) rpc_node_poll(&ears[pe].node, false);
    }
}

static uint64_t digest_of_run(uint64_t seed, bool wire) {
    struct ear ears[8];
    uint64_t digest = 0, received = 0;
    struct rpc_sim *sim = world_open(ears, 8, seed, wire);
    for (uint64_t seq = 0; seq < 50; seq++)
        for (uint32_t from = 0; from < 8; from++)
            for (uint32_t to = 0; to < 8; to++)
                if (from != to) CU_ASSERT_EQUAL(send_to(&ears[from], to, seq, seq), 0);
    run(sim, ears);
    for (uint32_t pe = 0; pe < 8; pe++) {
        digest = digest * 31 + ears[pe].digest;
        received += ears[pe].received;
        CU_ASSERT_EQUAL(ears[pe].disordered, 0);
    }
    CU_ASSERT_EQUAL(received, 8 * 7 * 50);
    CU_ASSERT_EQUAL(rpc_sim_messages(sim), received);
    CU_ASSERT_EQUAL(rpc_sim_bytes(sim), 8 * 7 * (50 * 49 / 2));
    world_close(sim, ears, 8);
    return digest;
}

static void a_run_is_replayed_from_its_seed(void) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t digest = digest_of_run(seed, false);
        CU_ASSERT_EQUAL(digest_of_run(seed, false), digest);
        CU_ASSERT_EQUAL(digest_of_run(seed, true), digest);
        CU_ASSERT_NOT_EQUAL(digest_of_run(seed + 1000, false), digest);
    }
}

static void messages_of_different_pairs_overtake_each_other(void) {
    struct ear ears[3];
    int overtaken = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rpc_sim *sim = world_open(ears, 3, seed, false);
        CU_ASSERT_EQUAL(send_to(&ears[0], 2, 0, 0), 0);
        CU_ASSERT_EQUAL(send_to(&ears[1], 2, 0, 0), 0);
        CU_ASSERT_TRUE(rpc_sim_advance(sim, RPC_FOREVER_NS));
        rpc_node_poll(&ears[2].node, false);
        overtaken += ears[2].next[1] == 1 && ears[2].next[0] == 0;
        world_close(sim, ears, 3);
    }
    CU_ASSERT_TRUE(overtaken > 5 && overtaken < 45);
}

static void time_moves_to_arrivals_and_no_further_than_asked(void) {
    struct ear ears[2];
    struct rpc_sim *sim = world_open(ears, 2, 1, false);
    CU_ASSERT_FALSE(rpc_sim_advance(sim, RPC_FOREVER_NS));
    CU_ASSERT_EQUAL(rpc_sim_now_ns(sim), 0);
    CU_ASSERT_FALSE(rpc_sim_advance(sim, 500));
    CU_ASSERT_EQUAL(rpc_sim_now_ns(sim), 500);
    CU_ASSERT_EQUAL(send_to(&ears[0], 1, 0, 0), 0);
    CU_ASSERT_TRUE(rpc_sim_advance(sim, 550));
    CU_ASSERT_EQUAL(rpc_sim_now_ns(sim), 550);
    CU_ASSERT_EQUAL(rpc_node_poll(&ears[1].node, false), 0);
    CU_ASSERT_TRUE(rpc_sim_advance(sim, 1000000));
    CU_ASSERT_TRUE(rpc_sim_now_ns(sim) >= 600 && rpc_sim_now_ns(sim) <= 10500);
    CU_ASSERT_EQUAL(rpc_node_poll(&ears[1].node, false), 1);
    CU_ASSERT_FALSE(rpc_sim_advance(sim, 0));
    world_close(sim, ears, 2);
}

static void a_cut_link_loses_messages_one_way_until_mended(void) {
    struct ear ears[2];
    struct rpc_sim *sim = world_open(ears, 2, 1, false);
    rpc_sim_cut(sim, 0, 1, true);
    CU_ASSERT_EQUAL(send_to(&ears[0], 1, 0, 0), 0);
    CU_ASSERT_EQUAL(send_to(&ears[1], 0, 0, 0), 0);
    run(sim, ears);
    CU_ASSERT_EQUAL(ears[0].received, 1);
    CU_ASSERT_EQUAL(ears[1].received, 0);
    rpc_sim_cut(sim, 0, 1, false);
    CU_ASSERT_EQUAL(send_to(&ears[0], 1, 0, 0), 0);
    run(sim, ears);
    CU_ASSERT_EQUAL(ears[1].received, 1);
    CU_ASSERT_EQUAL(ears[0].gone + ears[1].gone, 0);
    world_close(sim, ears, 2);
}

static void the_death_of_a_pe_reaches_its_peers_behind_its_messages(void) {
    struct ear ears[4];
    struct rpc_sim *sim = world_open(ears, 4, 3, false);
    for (uint64_t seq = 0; seq < 10; seq++) CU_ASSERT_EQUAL(send_to(&ears[0], 1, seq, 0), 0);
    CU_ASSERT_EQUAL(send_to(&ears[2], 0, 0, 0), 0);
    rpc_sim_kill(sim, 0);
    CU_ASSERT_EQUAL(send_to(&ears[0], 3, 0, 0), 0); /* nobody hears it */
    while (ears[1].gone == 0 && rpc_sim_advance(sim, RPC_FOREVER_NS)) rpc_node_poll(&ears[1].node, false);
    CU_ASSERT_EQUAL(ears[1].received, 10);
    run(sim, ears);
    CU_ASSERT_EQUAL(ears[0].received, 0);
    CU_ASSERT_EQUAL(ears[1].gone, 1);
    CU_ASSERT_EQUAL(ears[2].gone, 1);
    CU_ASSERT_EQUAL(ears[3].gone + ears[3].received, 0);
    CU_ASSERT_EQUAL(send_to(&ears[1], 0, 0, 0), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(send_to(&ears[3], 0, 0, 0), 0); /* learns it now */
    run(sim, ears);
    CU_ASSERT_EQUAL(ears[3].gone, 1);
    CU_ASSERT_EQUAL(ears[3].gone_pe, 0);
    CU_ASSERT_EQUAL(send_to(&ears[3], 0, 0, 0), CHARIOT_EGONE);
    world_close(sim, ears, 4);
}

static void what_is_sent_before_the_receiver_opens_waits(void) {
    struct ear ears[2];
    struct rpc_sim_config config = {.num_pes = 2, .seed = 1, .min_delay_ns = 100, .max_delay_ns = 1000};
    struct rpc_sim *sim = NULL;
    CU_ASSERT_EQUAL_FATAL(rpc_sim_new(&config, &sim), 0);
    CU_ASSERT_EQUAL(ear_open(&ears[0], sim, 0, 2), 0);
    CU_ASSERT_EQUAL(send_to(&ears[0], 1, 0, 5), 0);
    while (rpc_sim_advance(sim, RPC_FOREVER_NS)) continue;
    CU_ASSERT_EQUAL(ear_open(&ears[1], sim, 1, 2), 0);
    CU_ASSERT_EQUAL(rpc_sim_open(sim, &ears[1].node), CHARIOT_EEXIST);
    run(sim, ears);
    CU_ASSERT_EQUAL(ears[1].received, 1);
    world_close(sim, ears, 2);
}

/* A world of many in which everyone speaks to a few: no table may have a row per pair. */
static void a_hundred_thousand_pes_are_cheap(void) {
    const uint32_t num_pes = 100000;
    struct ear *ears = calloc(num_pes, sizeof *ears);
    struct rpc_sim *sim = world_open(ears, num_pes, 5, false);
    for (uint32_t pe = 0; pe < num_pes; pe++)
        for (uint32_t i = 1; i <= 2; i++)
            CU_ASSERT_EQUAL_FATAL(send_to(&ears[pe], (pe + i * 1000) % num_pes, i - 1, 0), 0);
    CU_ASSERT_TRUE(sim->pairs.max_rows * sizeof *sim->pairs.rows < (size_t)64 << 20);
    run(sim, ears);
    uint64_t received = 0;
    for (uint32_t pe = 0; pe < num_pes; pe++) received += ears[pe].received;
    CU_ASSERT_EQUAL(received, 2 * num_pes);
    world_close(sim, ears, num_pes);
    free(ears);
}

/* A million messages among a thousand, passed on from hand to hand. */
static void a_million_messages_among_a_thousand_pes(void) {
    enum { PES = 1000, ROUNDS = 1000 };
    struct ear *ears = calloc(PES, sizeof *ears);
    struct rpc_sim *sim = world_open(ears, PES, 6, false);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint32_t pe = 0; pe < PES; pe++)
            CU_ASSERT_EQUAL_FATAL(send_to(&ears[pe], (pe + 1 + (uint32_t)round % 10) % PES, round, 8), 0);
        if (round % 10 == 9) run(sim, ears);
    }
    uint64_t received = 0;
    for (uint32_t pe = 0; pe < PES; pe++) received += ears[pe].received;
    CU_ASSERT_EQUAL(received, PES * ROUNDS);
    world_close(sim, ears, PES);
    free(ears);
}

/* A send that fails for memory leaves the world as it was: it is tried again until it is accepted. */
static int small_world(void) {
    struct ear ears[3] = {0};
    struct rpc_sim_config config = {
        .num_pes = 3, .seed = 1, .min_delay_ns = 10, .max_delay_ns = 100, .through_wire = true};
    struct rpc_sim *sim = NULL;
    int error = rpc_sim_new(&config, &sim);
    for (uint32_t pe = 0; error == 0 && pe < 3; pe++) error = ear_open(&ears[pe], sim, pe, 3);
    for (uint64_t seq = 0; error == 0 && seq < 100; seq++)
        for (uint32_t pe = 0; error == 0 && pe < 3; pe++) error = send_to(&ears[pe], (pe + 1) % 3, seq, 10);
    if (error == 0) {
        ear_close(&ears[0], true);
        run(sim, ears);
        CU_ASSERT_EQUAL(ears[1].received, 100);
        CU_ASSERT_EQUAL(ears[1].gone, 1);
        CU_ASSERT_EQUAL(ears[2].gone, 1);
        CU_ASSERT_EQUAL(ears[1].disordered + ears[2].disordered, 0);
    }
    for (uint32_t pe = 0; pe < 3; pe++) ear_close(&ears[pe], false);
    rpc_sim_free(sim);
    return error;
}

static void every_allocation_may_fail(void) {
    FAULT_SWEEP(nth) {
        int error = small_world();
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (error == 0)
            FAULT_DONE
        else
            CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
}

static void count_send(void *ctx, uint32_t from, uint32_t to) {
    CU_ASSERT_EQUAL(to, 0);
    *(uint32_t *)ctx += from;
}

/* PEs 1 and 2, on two hosts, send PE 0 two messages each; PE 1 is on PE 0's host. */
static void messages_cost_their_sender_time_and_more_between_hosts(void) {
    struct ear ears[3];
    const uint32_t hosts[3] = {0, 0, 1};
    uint32_t sum = 0;
    struct rpc_sim_config config = {.num_pes = 3,
                                    .min_delay_ns = 1000,
                                    .max_delay_ns = 1000,
                                    .message_ns = 10,
                                    .between_ns = 500,
                                    .hosts = hosts,
                                    .on_send = count_send,
                                    .ctx = &sum};
    struct rpc_sim *sim = NULL;
    CU_ASSERT_EQUAL_FATAL(rpc_sim_new(&config, &sim), 0);
    for (uint32_t pe = 0; pe < 3; pe++) CU_ASSERT_EQUAL(ear_open(&ears[pe], sim, pe, 3), 0);
    for (uint64_t seq = 0; seq < 2; seq++) {
        for (uint32_t from = 1; from < 3; from++) CU_ASSERT_EQUAL(send_to(&ears[from], 0, seq, 0), 0);
    }
    static const int64_t at_ns[] = {1010, 1020, 1510, 1520};
    for (uint64_t i = 0; i < 4; i++) {
        while (ears[0].received == i && rpc_sim_advance(sim, RPC_FOREVER_NS)) rpc_node_poll(&ears[0].node, false);
        CU_ASSERT_EQUAL(rpc_sim_now_ns(sim), at_ns[i]);
    }
    CU_ASSERT_EQUAL(ears[0].received, 4);
    CU_ASSERT_EQUAL(sum, 6);
    world_close(sim, ears, 3);
}

static void what_it_holds_is_known(void) {
    struct ear ears[2];
    struct rpc_sim *sim = world_open(ears, 2, 1, false);
    size_t idle = rpc_sim_held_bytes(sim);
    CU_ASSERT_EQUAL(send_to(&ears[0], 1, 0, 0), 0);
    CU_ASSERT_TRUE(rpc_sim_held_bytes(sim) >= idle + sizeof(struct rpc_pair) + sizeof(struct rpc_flight));
    run(sim, ears);
    world_close(sim, ears, 2);
}

UNIT_MAIN("rpc/sim", UNIT(a_run_is_replayed_from_its_seed), UNIT(messages_of_different_pairs_overtake_each_other),
          UNIT(time_moves_to_arrivals_and_no_further_than_asked), UNIT(a_cut_link_loses_messages_one_way_until_mended),
          UNIT(the_death_of_a_pe_reaches_its_peers_behind_its_messages),
          UNIT(what_is_sent_before_the_receiver_opens_waits), UNIT(a_hundred_thousand_pes_are_cheap),
          UNIT(a_million_messages_among_a_thousand_pes), UNIT(messages_cost_their_sender_time_and_more_between_hosts),
          UNIT(what_it_holds_is_known), UNIT(every_allocation_may_fail))
