/* lb/gossip.h: the fully distributed balancer: one agent per PE, which knows of others only what they tell it.
 *
 * Whoever drives the agents (a job over its transport, lb/gossip.c over simulated PEs) takes all of them through
 *
 *     share ... reduce ... begin   spread x rounds   offer      begin ...   claim
 *                            '---- one iteration, ----'   again ----'
 *
 * and sees to it that all messages of a step are received before the next begins (quiescence). share/begin is the one
 * reduction that an iteration needs: log P steps. Messages are bytes; those of another PE are checked.
 *
 * Spreading: PEs that are below the level (lb_bound of the whole job) tell `fanout` random PEs so; who learnt something
 * tells as many on. Offering: a PE above the level offers objects to PEs that it knows to be below. Criterion
 * (TemperedLB's, SAND2019-5139): an object is taken if the taker is then still faster than the giver was before. The
 * taker judges by what it has really got then, and may give an object back in exchange, so that no PE ever takes longer
 * than the slowest did before. Objects stay where they live until the end, when their last holders claim them.
 *
 * An agent is used by one thread at a time, and calls `send` only inside of its functions. */
#ifndef CHARIOT_LB_GOSSIP_H
#define CHARIOT_LB_GOSSIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_gossip_setting {
    uint32_t self, num_pes;
    double speed;        /* > 0 */
    double fixed;        /* seconds at speed 1 that cannot be moved */
    uint32_t fanout;     /* PEs that are told in each round */
    uint32_t most_known; /* PEs that are remembered */
    double tolerance;    /* a PE that takes this times the level is good enough */
    uint64_t seed;
};

/* How the agents are to be taken through it: those of the balancer `gossip`. */
struct lb_gossip_options {
    uint32_t iterations, rounds, trades, fanout, known;
    double tolerance;
};
void lb_gossip_options_read(const double *options, struct lb_gossip_options *out);

/* What the reduction adds up. */
struct lb_gossip_sum {
    double work, speed;      /* sums */
    double fixed, heaviest;  /* highest: seconds of what cannot be moved; an object's work */
    double fastest, slowest; /* highest: a speed; a time */
};

struct lb_gossip_object {
    uint64_t key; /* the driver's name for it */
    double load;
    uint32_t home; /* where it lives */
};

struct lb_gossip_move {
    uint64_t key;
    uint32_t to;
};

/* To another PE, or to itself. The data are borrowed until it returns. */
struct lb_gossip_transport {
    int (*send)(void *ctx, uint32_t to, const void *data, size_t size);
    void *ctx;
};

struct lb_gossip;

int lb_gossip_new(const struct lb_gossip_setting *setting, const struct lb_gossip_transport *transport,
                  struct lb_gossip **out);
void lb_gossip_free(struct lb_gossip *agent); /* takes NULL */
/* A movable object that lives here; before the first share. */
int lb_gossip_add(struct lb_gossip *agent, uint64_t key, double load);

struct lb_gossip_sum lb_gossip_share(const struct lb_gossip *agent);
void lb_gossip_sum_add(struct lb_gossip_sum *sum, const struct lb_gossip_sum *other);
double lb_gossip_level(const struct lb_gossip_sum *sum);

void lb_gossip_begin(struct lb_gossip *agent, const struct lb_gossip_sum *sum);
int lb_gossip_spread(struct lb_gossip *agent);
int lb_gossip_offer(struct lb_gossip *agent);
int lb_gossip_claim(struct lb_gossip *agent);
/* CHARIOT_EMALFORMED: it is none of an agent, and nothing has changed. */
int lb_gossip_receive(struct lb_gossip *agent, uint32_t from, const void *data, size_t size);

double lb_gossip_time(const struct lb_gossip *agent);
/* After claims: where objects that live here are to go; borrowed until the agent is freed. That a key is one of this
 * PE's, and claimed once, is the word of others: the driver checks it. */
const struct lb_gossip_move *lb_gossip_moves(const struct lb_gossip *agent, size_t *count);

#endif
