/* rpc/sim_flight.h: the parts that rpc/sim.c is made of: randomness, the pairs of PEs that have spoken, and what is in
 * flight. Each is plain data, used by one simulated world, and grows only with what is used. */
#ifndef CHARIOT_RPC_SIM_FLIGHT_H
#define CHARIOT_RPC_SIM_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chariot_msg;

/* ---------------------------------------------------------------- randomness: xoshiro256**, seeded by splitmix64 */

struct rpc_random {
    uint64_t state[4];
};
void rpc_random_init(struct rpc_random *random, uint64_t seed);
uint64_t rpc_random_draw(struct rpc_random *random);

/* ---------------------------------------------------------------- pairs */

/* Two PEs that have spoken; low < high. Index 0: from low to high; 1: from high to low. */
struct rpc_pair {
    uint32_t low, high;
    uint32_t next[2]; /* further rows of low, of high: their numbers plus 1; 0: none */
    bool connected;   /* a message went one way or the other */
    bool cut[2];
    bool told[2];       /* the receiver has been sent news of the sender's end */
    bool heard[2];      /* and it has come */
    int64_t last_ns[2]; /* the latest arrival */
};

/* Rows in order of their making, found by a hash table with open addressing. Zeroed: empty. */
struct rpc_pairs {
    struct rpc_pair *rows;
    uint32_t count, max_rows;
    uint32_t *slots;  /* row's number plus 1; 0: free */
    size_t max_slots; /* a power of two, or 0 */
};
/* In any order of a and b. NULL: no row. */
struct rpc_pair *rpc_pairs_find(const struct rpc_pairs *pairs, uint32_t a, uint32_t b);
/* There is no row of theirs yet. Valid until the next add. NULL: out of memory. */
struct rpc_pair *rpc_pairs_add(struct rpc_pairs *pairs, uint32_t a, uint32_t b);
size_t rpc_pairs_held_bytes(const struct rpc_pairs *pairs);
void rpc_pairs_deinit(struct rpc_pairs *pairs);

/* Index of the direction that starts at `from`. */
static inline int rpc_pair_way(const struct rpc_pair *pair, uint32_t from) {
    return from == pair->low ? 0 : 1;
}

/* ---------------------------------------------------------------- in flight */

struct rpc_flight {
    int64_t arrival_ns;
    uint64_t number; /* of the send: decides between equal arrivals */
    uint32_t from, to;
    struct chariot_msg *msg; /* owned; NULL: news */
    uint8_t news;            /* what the news is */
};

/* A heap, the soonest arrival first. Zeroed: empty. */
struct rpc_flights {
    struct rpc_flight *heap;
    size_t count, max;
};
/* Makes room for `more` pushes. CHARIOT_ENOMEM. */
int rpc_flights_reserve(struct rpc_flights *flights, size_t more);
/* There is room. */
void rpc_flights_push(struct rpc_flights *flights, const struct rpc_flight *flight);
/* Removes heap[0], whose message the caller has taken. There is one. */
void rpc_flights_pop(struct rpc_flights *flights);
size_t rpc_flights_held_bytes(const struct rpc_flights *flights);
void rpc_flights_deinit(struct rpc_flights *flights);

#endif
