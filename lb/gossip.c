/* lb/gossip.c: the gossip balancer on simulated PEs: drives an agent per PE (lb/gossip.h) through its iterations, with
 * all messages of a step received, in the order of their senders, before the next step begins.
 *
 * Source: Menon, Kale, A distributed dynamic load balancer for iterative applications (GrapevineLB), 2013; Lifflander
 * et al., Optimizing distributed load balancing for workloads with time-varying imbalance (TemperedLB, SAND2019-5139).
 */
#include "lb/gossip.h"

#include <stdlib.h>
#include <string.h>

#include "lb/balancers.h"
#include "lb/place.h"
#include "rpc/error.h"

enum { ITERATIONS, ROUNDS, TRADES, FANOUT, KNOWN, TOLERANCE };

static const struct lb_option OPTIONS[] = {
    [ITERATIONS] = {"iterations", 3, 1, 100, true,
                    "of spreading and offering; ends sooner when the tolerance is reached"},
    [ROUNDS] = {"rounds", 2, 1, 30, true, "of spreading in each iteration"},
    [TRADES] = {"trades", 8, 1, 100, true, "of offers and answers in each iteration"},
    [FANOUT] = {"fanout", 8, 1, 1000, true, "PEs that are told in each round"},
    [KNOWN] = {"known", 512, 1, 1000000, true, "PEs that each PE remembers"},
    [TOLERANCE] = {"tolerance", 1.005, 1, 100, false, "the longest time that is good enough, by the lower bound"},
};

void lb_gossip_options_read(const double *options, struct lb_gossip_options *out) {
    *out = (struct lb_gossip_options){.iterations = (uint32_t)options[ITERATIONS],
                                      .rounds = (uint32_t)options[ROUNDS],
                                      .trades = (uint32_t)options[TRADES],
                                      .fanout = (uint32_t)options[FANOUT],
                                      .known = (uint32_t)options[KNOWN],
                                      .tolerance = options[TOLERANCE]};
}

/* A message under way. */
struct letter {
    uint32_t from, to;
    size_t size;
    unsigned char *data; /* owned */
};

struct post {
    struct letter *letters; /* owned; those before `read` have been received */
    size_t count, room, read;
    uint64_t sent;
};

struct simulation {
    uint32_t num_pes;
    struct lb_gossip **agents; /* owned */
    struct sender {
        struct post *post;
        uint32_t self;
    } * senders; /* owned */
    struct post post;
};

static int on_send(void *ctx, uint32_t to, const void *data, size_t size) {
    struct sender *sender = ctx;
    struct post *post = sender->post;
    if (post->count == post->room) {
        size_t room = 2 * post->room + 64;
        struct letter *grown = realloc(post->letters, room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        post->letters = grown;
        post->room = room;
    }
    unsigned char *copy = malloc(size);
    if (copy == NULL) return CHARIOT_ENOMEM;
    memcpy(copy, data, size);
    post->letters[post->count++] = (struct letter){sender->self, to, size, copy};
    post->sent++;
    return 0;
}

/* Until no message is under way; answers are received too. */
static int deliver(struct simulation *sim) {
    struct post *post = &sim->post;
    int error = 0;
    for (; post->read < post->count; post->read++) {
        struct letter letter = post->letters[post->read];
        if (error == 0) error = lb_gossip_receive(sim->agents[letter.to], letter.from, letter.data, letter.size);
        free(letter.data);
    }
    post->read = post->count = 0;
    return error;
}

/* One step of all agents, and everything that comes of it. */
static int step(struct simulation *sim, int (*act)(struct lb_gossip *)) {
    int error = 0;
    for (uint32_t pe = 0; error == 0 && pe < sim->num_pes; pe++) error = act(sim->agents[pe]);
    int late = deliver(sim);
    return error != 0 ? error : late;
}

static struct lb_gossip_sum reduce(const struct simulation *sim) {
    struct lb_gossip_sum sum = lb_gossip_share(sim->agents[0]);
    for (uint32_t pe = 1; pe < sim->num_pes; pe++) {
        struct lb_gossip_sum share = lb_gossip_share(sim->agents[pe]);
        lb_gossip_sum_add(&sum, &share);
    }
    return sum;
}

static int make_agents(struct simulation *sim, const struct lb_stats *stats, const double *options, uint64_t seed,
                       const double *fixed) {
    int error = 0;
    for (uint32_t pe = 0; error == 0 && pe < sim->num_pes; pe++) {
        struct lb_gossip_setting setting = {.self = pe,
                                            .num_pes = sim->num_pes,
                                            .speed = lb_speed(stats, pe),
                                            .fixed = fixed[pe] * lb_speed(stats, pe),
                                            .fanout = (uint32_t)options[FANOUT],
                                            .most_known = (uint32_t)options[KNOWN],
                                            .tolerance = options[TOLERANCE],
                                            .seed = seed};
        sim->senders[pe] = (struct sender){&sim->post, pe};
        error = lb_gossip_new(&setting, &(struct lb_gossip_transport){on_send, &sim->senders[pe]}, &sim->agents[pe]);
    }
    for (uint32_t i = 0; error == 0 && i < stats->num_objects; i++) {
        const struct lb_object *object = &stats->objects[i];
        if (object->migratable) error = lb_gossip_add(sim->agents[object->pe], i, object->load);
    }
    return error;
}

static int iterate(struct simulation *sim, const double *options, uint32_t *rounds) {
    for (uint32_t i = 0;; i++) {
        struct lb_gossip_sum sum = reduce(sim);
        if (i == (uint32_t)options[ITERATIONS] || sum.slowest <= options[TOLERANCE] * lb_gossip_level(&sum)) break;
        for (uint32_t pe = 0; pe < sim->num_pes; pe++) lb_gossip_begin(sim->agents[pe], &sum);
        for (uint32_t round = 0; round < (uint32_t)options[ROUNDS]; round++, (*rounds)++) {
            int error = step(sim, lb_gossip_spread);
            if (error != 0) return error;
        }
        for (uint32_t trade = 0; trade < (uint32_t)options[TRADES]; trade++) {
            int error = step(sim, lb_gossip_offer);
            if (error != 0) return error;
        }
    }
    return step(sim, lb_gossip_claim);
}

static int collect(const struct simulation *sim, struct lb_place *place, struct lb_plan *out) {
    for (uint32_t pe = 0; pe < sim->num_pes; pe++) {
        size_t count;
        const struct lb_gossip_move *moves = lb_gossip_moves(sim->agents[pe], &count);
        for (size_t i = 0; i < count; i++) place->where[moves[i].key] = moves[i].to;
    }
    return lb_plan_make(place->stats, place->where, out);
}

static int simulate(struct simulation *sim, struct lb_place *place, const double *options, uint64_t seed,
                    struct lb_plan *out) {
    uint32_t rounds = 0;
    sim->agents = calloc(sim->num_pes, sizeof(struct lb_gossip *));
    sim->senders = calloc(sim->num_pes, sizeof *sim->senders);
    if (sim->agents == NULL || sim->senders == NULL) return CHARIOT_ENOMEM;
    int error = make_agents(sim, place->stats, options, seed, place->time);
    if (error == 0) error = iterate(sim, options, &rounds);
    if (error == 0) error = collect(sim, place, out);
    out->rounds = rounds;
    out->messages = sim->post.sent;
    return error;
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct simulation sim = {.num_pes = stats->num_pes};
    struct lb_place fixed;
    int error = lb_place_init(&fixed, stats, false);
    if (error != 0) return error;
    error = simulate(&sim, &fixed, options, seed, out);
    for (uint32_t pe = 0; sim.agents != NULL && pe < sim.num_pes; pe++) lb_gossip_free(sim.agents[pe]);
    free(sim.agents);
    free(sim.senders);
    free(sim.post.letters);
    lb_place_deinit(&fixed);
    return error;
}

const struct lb_balancer lb_gossip = {.name = "gossip",
                                      .old_name = "DistributedLB",
                                      .help = "fully distributed: PEs hear of each other by rumour, and trade",
                                      .source = "Menon, Kale 2013 (Grapevine); SAND2019-5139 (TemperedLB)",
                                      .options = OPTIONS,
                                      .num_options = sizeof OPTIONS / sizeof *OPTIONS,
                                      .distributed = true,
                                      .plan = plan};
