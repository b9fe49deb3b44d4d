#include "lb/place.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

int lb_plan_each(const struct lb_stats *stats,
                 uint32_t (*to)(const struct lb_stats *stats, uint32_t from, uint64_t *seed), uint64_t seed,
                 struct lb_plan *out) {
    struct lb_place place;
    int error = lb_place_init(&place, stats, true);
    if (error != 0) return error;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (stats->objects[i].migratable) place.where[i] = to(stats, place.where[i], &seed);
    }
    error = lb_plan_make(stats, place.where, out);
    lb_place_deinit(&place);
    return error;
}

double lb_speed(const struct lb_stats *stats, uint32_t pe) {
    return stats->speeds == NULL ? 1.0 : stats->speeds[pe];
}

double lb_speed_sum(const struct lb_stats *stats) {
    double sum = 0;
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) sum += lb_speed(stats, pe);
    return sum;
}

double lb_time_of(const struct lb_stats *stats, uint32_t object, uint32_t pe) {
    return stats->objects[object].load / lb_speed(stats, pe);
}

static void add_times(struct lb_place *place, bool with_migratable) {
    const struct lb_stats *stats = place->stats;
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) {
        place->time[pe] = stats->background == NULL ? 0 : stats->background[pe] / lb_speed(stats, pe);
    }
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (!with_migratable && stats->objects[i].migratable) continue;
        place->time[place->where[i]] += lb_time_of(stats, i, place->where[i]);
    }
}

int lb_place_init(struct lb_place *place, const struct lb_stats *stats, bool with_migratable) {
    *place = (struct lb_place){.stats = stats,
                               .where = malloc((stats->num_objects + (size_t)1) * sizeof *place->where),
                               .time = malloc((stats->num_pes + (size_t)1) * sizeof *place->time)};
    if (place->where == NULL || place->time == NULL) {
        lb_place_deinit(place);
        return CHARIOT_ENOMEM;
    }
    for (uint32_t i = 0; i < stats->num_objects; i++) place->where[i] = stats->objects[i].pe;
    add_times(place, with_migratable);
    return 0;
}

void lb_place_deinit(struct lb_place *place) {
    free(place->where);
    free(place->time);
    *place = (struct lb_place){0};
}

void lb_place_sum(struct lb_place *place) {
    add_times(place, true);
}

void lb_place_move(struct lb_place *place, uint32_t object, uint32_t to) {
    uint32_t from = place->where[object];
    place->time[from] -= lb_time_of(place->stats, object, from);
    place->time[to] += lb_time_of(place->stats, object, to);
    place->where[object] = to;
}

uint32_t lb_place_slowest(const struct lb_place *place) {
    uint32_t slowest = 0;
    for (uint32_t pe = 1; pe < place->stats->num_pes; pe++) {
        if (place->time[pe] > place->time[slowest]) slowest = pe;
    }
    return slowest;
}

double lb_place_max(const struct lb_place *place) {
    return place->time[lb_place_slowest(place)];
}

/* ---------------------------------------------------------------- figures of a placement */

double lb_bound(const struct lb_stats *stats, const double *fixed) {
    double work = 0, heaviest = 0, fastest = 0, bound = 0;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        const struct lb_object *object = &stats->objects[i];
        if (!object->migratable) continue;
        work += object->load;
        heaviest = object->load > heaviest ? object->load : heaviest;
    }
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) {
        work += fixed[pe] * lb_speed(stats, pe);
        bound = fixed[pe] > bound ? fixed[pe] : bound;
        fastest = lb_speed(stats, pe) > fastest ? lb_speed(stats, pe) : fastest;
    }
    double average = work / lb_speed_sum(stats);
    if (heaviest / fastest > bound) bound = heaviest / fastest;
    return average > bound ? average : bound;
}

double lb_share_between(const struct lb_stats *stats, const uint32_t *where) {
    double all = 0, between = 0;
    for (size_t i = 0; i < stats->num_edges; i++) {
        const struct lb_edge *edge = &stats->edges[i];
        all += edge->bytes;
        if (where[edge->from] != where[edge->to]) between += edge->bytes;
    }
    return all > 0 ? between / all : 0;
}

/* ---------------------------------------------------------------- the longest first */

struct key {
    uint64_t bits;
    uint32_t object;
};

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* One stable pass over one digit. False: all keys have the same digit, and nothing was moved. */
static bool sort_digit(const struct key *from, struct key *to, uint32_t count, unsigned shift) {
    uint32_t at[DIGITS] = {0}, sum = 0;
    for (uint32_t i = 0; i < count; i++) at[from[i].bits >> shift & (DIGITS - 1)]++;
    if (count == 0 || at[from[0].bits >> shift & (DIGITS - 1)] == count) return false;
    for (uint32_t digit = 0; digit < DIGITS; digit++) {
        uint32_t here = at[digit];
        at[digit] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++) to[at[from[i].bits >> shift & (DIGITS - 1)]++] = from[i];
    return true;
}

/* The bits of a double that is not negative are ordered as it is; turned over, the largest comes first. */
static struct key key_of(double load, uint32_t object) {
    struct key key = {.object = object};
    load += 0.0; /* no negative zero */
    memcpy(&key.bits, &load, sizeof load);
    key.bits = ~key.bits;
    return key;
}

int lb_order_make(const struct lb_stats *stats, uint32_t *order, uint32_t *count) {
    struct key *keys = malloc((2 * (size_t)stats->num_objects + 1) * sizeof *keys), *other = keys + stats->num_objects;
    if (keys == NULL) return CHARIOT_ENOMEM;
    struct key *all = keys;
    uint32_t num = 0;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (stats->objects[i].migratable) keys[num++] = key_of(stats->objects[i].load, i);
    }
    for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
        if (!sort_digit(keys, other, num, shift)) continue;
        struct key *sorted = other;
        other = keys;
        keys = sorted;
    }
    for (uint32_t i = 0; i < num; i++) order[i] = keys[i].object;
    *count = num;
    free(all);
    return 0;
}

int lb_shelves_init(struct lb_shelves *shelves, const struct lb_stats *stats, const uint32_t *where) {
    uint32_t count = 0, *order = malloc((stats->num_objects + (size_t)1) * sizeof *order);
    *shelves = (struct lb_shelves){malloc((stats->num_objects + (size_t)1) * sizeof *order),
                                   calloc(stats->num_pes + (size_t)2, sizeof *order)};
    bool good =
        order != NULL && shelves->objects != NULL && shelves->first != NULL && lb_order_make(stats, order, &count) == 0;
    if (good) {
        uint32_t *at = shelves->first + 1; /* one further on, until all are put in */
        for (uint32_t i = 0; i < count; i++) at[where[order[i]] + 1]++;
        for (uint32_t pe = 0; pe < stats->num_pes; pe++) at[pe + 1] += at[pe];
        for (uint32_t i = 0; i < count; i++) shelves->objects[at[where[order[i]]]++] = order[i];
    }
    free(order);
    if (!good) lb_shelves_deinit(shelves);
    return good ? 0 : CHARIOT_ENOMEM;
}

void lb_shelves_deinit(struct lb_shelves *shelves) {
    free(shelves->objects);
    free(shelves->first);
    *shelves = (struct lb_shelves){0};
}
