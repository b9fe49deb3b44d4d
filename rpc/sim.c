/* rpc/sim.c: the simulated network.
 *
 * In flight is a heap ordered by (arrival, number of the send). Each unordered pair of PEs that has ever spoken has one
 * row in a hash table, with the time of the last arrival each way: no message of a pair is given an earlier one, which
 * keeps their order. Nothing has a row per pair until it is used, so worlds of 100,000 PEs are cheap.
 *
 * Goodbyes and the news of a death travel as messages of kinds of our own, behind all that was sent before them. Each
 * direction of a pair carries at most one; the heap keeps a place for it, so that news is never lost to a full memory.
 */
#include "rpc/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/error.h"
#include "rpc/frame.h"
#include "rpc/loop.h"
#include "rpc/msg.h"
#include "rpc/sim_flight.h"

enum { KIND_GOODBYE = 1, KIND_DEATH = 2 };

enum life { UNBORN = 0, OPEN, DEAD, CLOSED };

struct end {
    struct rpc_transport base;
    struct rpc_sim *sim;
    struct rpc_msg_queue ready;
    enum life life;
    bool listed;         /* stands in sim->ready */
    uint32_t first_pair; /* its rows among the pairs: number plus 1 of the first */
    int64_t out_ns;      /* when the last message that it sent has left */
};

struct rpc_sim {
    struct rpc_sim_config config;
    struct rpc_limits limits;
    int64_t now_ns;
    struct rpc_random random;
    struct rpc_flights flights;
    size_t num_news; /* places kept among the flights for news to come */
    struct rpc_pairs pairs;
    struct end *ends; /* by PE */
    uint32_t *ready;  /* ring of num_pes + 1 PEs that have something ready */
    size_t ready_head, ready_tail;
    uint64_t next_number;
    uint64_t messages, bytes;
    struct rpc_frame_batch batch; /* scratch for through_wire */
};

static int64_t draw_delay(struct rpc_sim *sim) {
    uint64_t span = (uint64_t)(sim->config.max_delay_ns - sim->config.min_delay_ns) + 1;
    return sim->config.min_delay_ns + (int64_t)(rpc_random_draw(&sim->random) % span);
}

/* The row of two PEs, made where there is none, with a place in the heap for its news. NULL: out of memory. */
static struct rpc_pair *pair_get(struct rpc_sim *sim, uint32_t a, uint32_t b) {
    struct rpc_pair *pair = rpc_pairs_find(&sim->pairs, a, b);
    if (pair != NULL) return pair;
    if (rpc_flights_reserve(&sim->flights, sim->num_news + 2) != 0) return NULL;
    pair = rpc_pairs_add(&sim->pairs, a, b);
    if (pair == NULL) return NULL;
    sim->num_news += 2;
    for (int i = 0; i < 2; i++) {
        struct end *end = &sim->ends[i == 0 ? pair->low : pair->high];
        pair->next[i] = end->first_pair;
        end->first_pair = sim->pairs.count;
    }
    return pair;
}

/* ---------------------------------------------------------------- in flight */

/* When it comes to its receiver: after what left its sender before it, and its way. */
static int64_t arrival(struct rpc_sim *sim, const struct rpc_pair *pair, uint32_t from, uint32_t to) {
    const uint32_t *hosts = sim->config.hosts;
    struct end *sender = &sim->ends[from];
    int64_t at_ns = sender->out_ns > sim->now_ns ? sender->out_ns : sim->now_ns;
    sender->out_ns = at_ns += sim->config.message_ns;
    at_ns += draw_delay(sim) + (hosts != NULL && hosts[from] != hosts[to] ? sim->config.between_ns : 0);
    int64_t last_ns = pair->last_ns[rpc_pair_way(pair, from)];
    return at_ns < last_ns ? last_ns : at_ns;
}

/* There is room among the flights. */
static void launch(struct rpc_sim *sim, struct rpc_pair *pair, uint32_t from, uint32_t to, struct chariot_msg *msg,
                   uint8_t news) {
    int64_t arrival_ns = arrival(sim, pair, from, to);
    pair->last_ns[rpc_pair_way(pair, from)] = arrival_ns;
    const struct rpc_flight flight = {arrival_ns, sim->next_number++, from, to, msg, news};
    rpc_flights_push(&sim->flights, &flight);
}

/* Sends `to` the news that `from` has ended, once. */
static void tell(struct rpc_sim *sim, struct rpc_pair *pair, uint32_t from, uint32_t to, uint8_t news) {
    bool *told = &pair->told[rpc_pair_way(pair, from)];
    if (*told) return;
    *told = true;
    sim->num_news--;
    launch(sim, pair, from, to, NULL, news);
}

static void tell_all_peers(struct rpc_sim *sim, uint32_t pe, uint8_t news) {
    uint32_t number = sim->ends[pe].first_pair;
    while (number != 0) {
        struct rpc_pair *pair = &sim->pairs.rows[number - 1];
        if (pair->connected) tell(sim, pair, pe, pair->low == pe ? pair->high : pair->low, news);
        number = pair->next[rpc_pair_way(pair, pe)];
    }
}

static void list_ready(struct rpc_sim *sim, struct end *end) {
    if (end->listed || end->life == UNBORN) return;
    end->listed = true;
    sim->ready[sim->ready_tail] = end->base.pe;
    sim->ready_tail = (sim->ready_tail + 1) % ((size_t)sim->config.num_pes + 1);
}

/* The soonest flight reaches its end. False: out of memory, it stays in flight. */
static bool land(struct rpc_sim *sim) {
    struct rpc_flight flight = sim->flights.heap[0];
    struct end *end = &sim->ends[flight.to];
    bool heard = end->life == UNBORN || end->life == OPEN;
    if (flight.msg == NULL && heard) {
        flight.msg = rpc_msg_new(0);
        if (flight.msg == NULL) return false;
        flight.msg->kind = flight.news;
        flight.msg->from = flight.from;
    }
    rpc_flights_pop(&sim->flights);
    if (!heard) {
        rpc_msg_unref(flight.msg);
        return true;
    }
    rpc_msg_queue_push_take(&end->ready, flight.msg);
    list_ready(sim, end);
    return true;
}

/* ---------------------------------------------------------------- one end */

/* The message as the wire would give it: packed and read, or a plain copy. */
static int copy_through_wire(struct rpc_sim *sim, struct chariot_msg *msg, struct chariot_msg **out) {
    struct rpc_frame_reader reader;
    struct rpc_msg_queue queue = {0};
    rpc_frame_reader_init(&reader, &sim->limits, NULL);
    int error = 0;
    if (rpc_frame_size_of(msg) <= sim->limits.frame_bytes) {
        rpc_frame_batch_clear(&sim->batch);
        error = rpc_frame_batch_append(&sim->batch, msg);
        struct rpc_slice slice = {sim->batch.data, sim->batch.size};
        if (error == 0) error = rpc_frame_reader_feed(&reader, &slice, 1, &queue);
    } else {
        struct rpc_frame_split split;
        uint8_t head[RPC_FRAGMENT_HEAD_BYTES];
        struct rpc_slice slices[2] = {{head, sizeof head}, {0}};
        error = rpc_frame_split_init(&split, msg, sim->limits.frame_bytes);
        while (error == 0 && rpc_frame_split_next(&split, head, &slices[1].data, &slices[1].size))
            error = rpc_frame_reader_feed(&reader, slices, 2, &queue);
    }
    *out = rpc_msg_queue_pop(&queue);
    rpc_msg_queue_clear(&queue);
    rpc_frame_reader_deinit(&reader);
    return error;
}

static int copy_for_peer(struct rpc_sim *sim, struct chariot_msg *msg, struct chariot_msg **out) {
    if (sim->config.through_wire) return copy_through_wire(sim, msg, out);
    *out = rpc_msg_copy(msg);
    return *out == NULL ? CHARIOT_ENOMEM : 0;
}

static int sim_send(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg) {
    struct end *end = (struct end *)transport;
    struct rpc_sim *sim = end->sim;
    uint32_t own = transport->pe;
    assert(pe < sim->config.num_pes && pe != own && msg->kind >= RPC_KIND_FIRST_USER);
    if (end->life == DEAD) return 0; /* nobody hears what the dead say */
    if (msg->size > sim->limits.message_bytes) return CHARIOT_ETOOBIG;
    struct rpc_pair *pair = pair_get(sim, own, pe);
    if (pair == NULL || rpc_flights_reserve(&sim->flights, sim->num_news + 1) != 0) return CHARIOT_ENOMEM;
    if (pair->heard[rpc_pair_way(pair, pe)]) return CHARIOT_EGONE;
    enum life life = sim->ends[pe].life;
    if (life == DEAD || life == CLOSED) { /* news is on its way, or the connection is refused */
        tell(sim, pair, pe, own, KIND_DEATH);
        return 0;
    }
    struct chariot_msg *copy;
    int error = copy_for_peer(sim, msg, &copy);
    if (error != 0) return error;
    pair->connected = true;
    sim->messages++;
    sim->bytes += msg->size;
    if (sim->config.on_send != NULL) sim->config.on_send(sim->config.ctx, own, pe);
    if (pair->cut[rpc_pair_way(pair, own)])
        rpc_msg_unref(copy);
    else
        launch(sim, pair, own, pe, copy, 0);
    return 0;
}

static bool sim_pressed(struct rpc_transport *transport, uint32_t pe) {
    return false;
}

static bool sim_flushed(struct rpc_transport *transport) {
    return true; /* a message leaves when it is sent */
}

static void on_news(struct end *end, uint32_t from, uint8_t news) {
    struct rpc_pair *pair = rpc_pairs_find(&end->sim->pairs, from, end->base.pe);
    assert(pair != NULL);
    pair->heard[rpc_pair_way(pair, from)] = true;
    if (news == KIND_GOODBYE) return;
    char text[64];
    snprintf(text, sizeof text, "PE %u died (simulated)", from);
    end->base.up->on_peer_gone(end->base.owner, from, CHARIOT_EGONE, text);
}

static int sim_poll(struct rpc_transport *transport, bool urgent) {
    struct end *end = (struct end *)transport;
    int events = 0;
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(&end->ready)) != NULL) {
        events++;
        if (msg->kind >= RPC_KIND_FIRST_USER) {
            end->base.up->on_message_take(end->base.owner, msg);
            continue;
        }
        on_news(end, msg->from, msg->kind);
        rpc_msg_unref(msg);
    }
    return events;
}

static void sim_close(struct rpc_transport *transport, bool abrupt) {
    struct end *end = (struct end *)transport;
    if (end->life == OPEN) tell_all_peers(end->sim, transport->pe, abrupt ? KIND_DEATH : KIND_GOODBYE);
    end->life = CLOSED;
    rpc_msg_queue_clear(&end->ready);
}

static const struct rpc_transport_ops sim_ops = {
    .name = "sim",
    .send = sim_send,
    .pressed = sim_pressed,
    .poll = sim_poll,
    .flushed = sim_flushed,
    .close = sim_close,
};

/* ---------------------------------------------------------------- the world */

int rpc_sim_new(const struct rpc_sim_config *config, struct rpc_sim **out) {
    assert(config->num_pes > 0 && config->min_delay_ns >= 0 && config->max_delay_ns >= config->min_delay_ns);
    assert(config->message_ns >= 0 && config->between_ns >= 0);
    struct rpc_sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL) return CHARIOT_ENOMEM;
    sim->config = *config;
    sim->limits = rpc_limits_default;
    rpc_random_init(&sim->random, config->seed);
    sim->ends = calloc(config->num_pes, sizeof *sim->ends);
    sim->ready = calloc((size_t)config->num_pes + 1, sizeof *sim->ready);
    if (sim->ends == NULL || sim->ready == NULL) {
        rpc_sim_free(sim);
        return CHARIOT_ENOMEM;
    }
    *out = sim;
    return 0;
}

void rpc_sim_free(struct rpc_sim *sim) {
    if (sim == NULL) return;
    for (uint32_t pe = 0; sim->ends != NULL && pe < sim->config.num_pes; pe++) {
        assert(sim->ends[pe].life == UNBORN || sim->ends[pe].life == CLOSED);
        rpc_msg_queue_clear(&sim->ends[pe].ready);
    }
    rpc_flights_deinit(&sim->flights);
    rpc_pairs_deinit(&sim->pairs);
    rpc_frame_batch_deinit(&sim->batch);
    free(sim->ready);
    free(sim->ends);
    free(sim);
}

int rpc_sim_open(struct rpc_sim *sim, struct rpc_node *node) {
    assert(node->pe < sim->config.num_pes && node->num_pes == sim->config.num_pes);
    struct end *end = &sim->ends[node->pe];
    if (end->life != UNBORN) return CHARIOT_EEXIST;
    end->base = (struct rpc_transport){&sim_ops, node->up, node->owner, node->pe, node->num_pes};
    end->sim = sim;
    end->life = OPEN;
    if (end->ready.head != NULL) list_ready(sim, end);
    node->transport = &end->base;
    return 0;
}

void rpc_sim_set_limits(struct rpc_sim *sim, const struct rpc_limits *limits) {
    sim->limits = *limits;
}

int64_t rpc_sim_now_ns(const struct rpc_sim *sim) {
    return sim->now_ns;
}

bool rpc_sim_advance(struct rpc_sim *sim, int64_t until_ns) {
    bool in_flight = sim->flights.count > 0;
    int64_t next_ns =
        in_flight && sim->flights.heap[0].arrival_ns < until_ns ? sim->flights.heap[0].arrival_ns : until_ns;
    if (next_ns > sim->now_ns && (in_flight || next_ns != RPC_FOREVER_NS)) sim->now_ns = next_ns;
    while (sim->flights.count > 0 && sim->flights.heap[0].arrival_ns <= sim->now_ns)
        if (!land(sim)) break;
    return in_flight;
}

bool rpc_sim_next_ready(struct rpc_sim *sim, uint32_t *pe) {
    if (sim->ready_head == sim->ready_tail) return false;
    *pe = sim->ready[sim->ready_head];
    sim->ready_head = (sim->ready_head + 1) % ((size_t)sim->config.num_pes + 1);
    sim->ends[*pe].listed = false;
    return true;
}

void rpc_sim_cut(struct rpc_sim *sim, uint32_t from, uint32_t to, bool cut) {
    assert(from < sim->config.num_pes && to < sim->config.num_pes && from != to);
    struct rpc_pair *pair = pair_get(sim, from, to);
    if (pair == NULL) abort(); /* a test that asks for a fault must not go on without it */
    pair->cut[rpc_pair_way(pair, from)] = cut;
}

void rpc_sim_kill(struct rpc_sim *sim, uint32_t pe) {
    struct end *end = &sim->ends[pe];
    assert(end->life == OPEN);
    end->life = DEAD;
    rpc_msg_queue_clear(&end->ready);
    tell_all_peers(sim, pe, KIND_DEATH);
}

uint64_t rpc_sim_messages(const struct rpc_sim *sim) {
    return sim->messages;
}

uint64_t rpc_sim_bytes(const struct rpc_sim *sim) {
    return sim->bytes;
}

size_t rpc_sim_held_bytes(const struct rpc_sim *sim) {
    size_t per_pe = sizeof *sim->ends + sizeof *sim->ready;
    return sizeof *sim + sim->config.num_pes * per_pe + rpc_flights_held_bytes(&sim->flights) +
           rpc_pairs_held_bytes(&sim->pairs) + sim->batch.capacity;
}
