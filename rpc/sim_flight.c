/* rpc/sim_flight.c: randomness, pairs and flights of the simulated network. */
#include "rpc/sim_flight.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/error.h"
#include "rpc/msg.h"

enum { FIRST_PAIRS = 64, FIRST_FLIGHTS = 64 };

/* ---------------------------------------------------------------- randomness */

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void rpc_random_init(struct rpc_random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) random->state[i] = splitmix64(&seed);
}

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

uint64_t rpc_random_draw(struct rpc_random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* ---------------------------------------------------------------- pairs */

/* The slot that leads to the row, or would. */
static uint32_t *slot_of(const struct rpc_pairs *pairs, uint32_t low, uint32_t high) {
    uint64_t state = (uint64_t)low << 32 | high;
    size_t at = (size_t)splitmix64(&state) & (pairs->max_slots - 1);
    for (;; at = (at + 1) & (pairs->max_slots - 1)) {
        if (pairs->slots[at] == 0) return &pairs->slots[at];
        const struct rpc_pair *row = &pairs->rows[pairs->slots[at] - 1];
        if (row->low == low && row->high == high) return &pairs->slots[at];
    }
}

static int grow_slots(struct rpc_pairs *pairs) {
    if ((size_t)pairs->count * 2 < pairs->max_slots) return 0;
    size_t max = pairs->max_slots == 0 ? (size_t)FIRST_PAIRS * 2 : pairs->max_slots * 2;
    uint32_t *slots = calloc(max, sizeof *slots);
    if (slots == NULL) return CHARIOT_ENOMEM;
    free(pairs->slots);
    pairs->slots = slots;
    pairs->max_slots = max;
    for (uint32_t i = 0; i < pairs->count; i++) *slot_of(pairs, pairs->rows[i].low, pairs->rows[i].high) = i + 1;
    return 0;
}

static int grow_rows(struct rpc_pairs *pairs) {
    if (pairs->count < pairs->max_rows) return 0;
    if (pairs->max_rows > UINT32_MAX / 2) return CHARIOT_ENOMEM;
    uint32_t max = pairs->max_rows == 0 ? FIRST_PAIRS : pairs->max_rows * 2;
    struct rpc_pair *rows = realloc(pairs->rows, max * sizeof *rows);
    if (rows == NULL) return CHARIOT_ENOMEM;
    pairs->rows = rows;
    pairs->max_rows = max;
    return 0;
}

struct rpc_pair *rpc_pairs_find(const struct rpc_pairs *pairs, uint32_t a, uint32_t b) {
    if (pairs->max_slots == 0) return NULL;
    uint32_t number = *slot_of(pairs, a < b ? a : b, a < b ? b : a);
    return number == 0 ? NULL : &pairs->rows[number - 1];
}

struct rpc_pair *rpc_pairs_add(struct rpc_pairs *pairs, uint32_t a, uint32_t b) {
    if (grow_slots(pairs) != 0 || grow_rows(pairs) != 0) return NULL;
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    uint32_t *slot = slot_of(pairs, low, high);
    assert(*slot == 0);
    struct rpc_pair *row = &pairs->rows[pairs->count++];
    *row = (struct rpc_pair){.low = low, .high = high};
    *slot = pairs->count;
    return row;
}

size_t rpc_pairs_held_bytes(const struct rpc_pairs *pairs) {
    return pairs->max_rows * sizeof *pairs->rows + pairs->max_slots * sizeof *pairs->slots;
}

void rpc_pairs_deinit(struct rpc_pairs *pairs) {
    free(pairs->rows);
    free(pairs->slots);
    *pairs = (struct rpc_pairs){0};
}

/* ---------------------------------------------------------------- in flight */

static bool sooner(const struct rpc_flight *a, const struct rpc_flight *b) {
    return a->arrival_ns != b->arrival_ns ? a->arrival_ns < b->arrival_ns : a->number < b->number;
}

int rpc_flights_reserve(struct rpc_flights *flights, size_t more) {
    size_t wanted = flights->count + more;
    if (wanted <= flights->max) return 0;
    size_t max = flights->max == 0 ? FIRST_FLIGHTS : flights->max * 2;
    if (max < wanted) max = wanted;
    struct rpc_flight *heap = realloc(flights->heap, max * sizeof *heap);
    if (heap == NULL) return CHARIOT_ENOMEM;
    flights->heap = heap;
    flights->max = max;
    return 0;
}

void rpc_flights_push(struct rpc_flights *flights, const struct rpc_flight *flight) {
    assert(flights->count < flights->max);
    size_t at = flights->count++;
    for (; at > 0 && sooner(flight, &flights->heap[(at - 1) / 2]); at = (at - 1) / 2)
        flights->heap[at] = flights->heap[(at - 1) / 2];
    flights->heap[at] = *flight;
}

void rpc_flights_pop(struct rpc_flights *flights) {
    assert(flights->count > 0);
    struct rpc_flight last = flights->heap[--flights->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= flights->count) break;
        if (child + 1 < flights->count && sooner(&flights->heap[child + 1], &flights->heap[child])) child++;
        if (!sooner(&flights->heap[child], &last)) break;
        flights->heap[at] = flights->heap[child];
        at = child;
    }
    flights->heap[at] = last;
}

size_t rpc_flights_held_bytes(const struct rpc_flights *flights) {
    return flights->max * sizeof *flights->heap;
}

void rpc_flights_deinit(struct rpc_flights *flights) {
    for (size_t i = 0; i < flights->count; i++) rpc_msg_unref(flights->heap[i].msg);
    free(flights->heap);
    *flights = (struct rpc_flights){0};
}
