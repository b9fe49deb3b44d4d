/* lb/greedy_refine.c: few moves. PEs that take longer than a level give away objects, the largest first and then the
 * smallest that is enough, so that few are given; these are placed as greedy places them, and a local search mends what
 * is still above the level. The level is `tolerance` times the lower bound, or, where that would take more than `moves`
 * moves, the one that does best with so many, found by halving.
 *
 * Source: Aggarwal, Motwani, Zhu, The load rebalancing problem, 2003; Charm++'s GreedyRefineLB for the tolerance. */
#include <stdlib.h>
#include <string.h>

#include "lb/balancers.h"
#include "lb/place.h"
#include "lb/polish.h"
#include "lb/queue.h"
#include "rpc/error.h"

enum { TOLERANCE, MOVES };

static const struct lb_option OPTIONS[] = {
    [TOLERANCE] = {"tolerance", 1.02, 1, 100, false, "the longest time that is good enough, by the lower bound"},
    [MOVES] = {"moves", UINT32_MAX, 0, UINT32_MAX, true, "how many objects may move"},
};

enum {
    HALVINGS = 12,
    WORK = 30 * 1000 * 1000, /* pairs of objects that all local searches look at together */
};

struct refining {
    struct lb_place now, trial;
    struct lb_shelves shelves;
    uint32_t *given; /* owned: objects that PEs have given away, and room to sort them */
    uint32_t num_given;
};

static int refining_init(struct refining *r, const struct lb_stats *stats) {
    int error = lb_place_init(&r->now, stats, true);
    if (error == 0) error = lb_place_init(&r->trial, stats, true);
    if (error == 0) error = lb_shelves_init(&r->shelves, stats, r->now.where);
    r->given = malloc((stats->num_objects + (size_t)1) * sizeof *r->given);
    return error != 0 ? error : r->given == NULL ? CHARIOT_ENOMEM : 0;
}

static void refining_deinit(struct refining *r) {
    lb_place_deinit(&r->now);
    lb_place_deinit(&r->trial);
    lb_shelves_deinit(&r->shelves);
    free(r->given);
}

/* The smallest object of a row (the longest first) that takes `excess` or more; -1: all are smaller. */
static int64_t smallest_enough(const struct lb_stats *stats, const uint32_t *row, uint32_t count, uint32_t pe,
                               double excess) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lb_time_of(stats, row[middle], pe) >= excess)
            low = middle + 1;
        else
            high = middle;
    }
    return (int64_t)low - 1;
}

/* Gives away until the PE is below the level; objects that no PE could take below it stay, if others do. */
static void give_away(struct refining *r, uint32_t pe, double level, double lightest) {
    const struct lb_stats *stats = r->now.stats;
    const uint32_t *row = &r->shelves.objects[r->shelves.first[pe]];
    uint32_t count = r->shelves.first[pe + 1] - r->shelves.first[pe], at = 0;
    while (at < count && lightest + lb_time_of(stats, row[at], pe) > level) at++;
    while (at < count && r->trial.time[pe] > level) {
        double excess = r->trial.time[pe] - level;
        int64_t enough = smallest_enough(stats, row + at, count - at, pe, excess);
        uint32_t object = enough >= 0 ? row[at + (uint32_t)enough] : row[at++];
        r->trial.time[pe] -= lb_time_of(stats, object, pe);
        r->given[r->num_given++] = object;
        if (enough >= 0) break;
    }
}

struct longer {
    double load;
    uint32_t object;
};

static int by_load(const void *a, const void *b) {
    const struct longer *x = a, *y = b;
    if (x->load != y->load) return x->load > y->load ? -1 : 1;
    return x->object < y->object ? -1 : x->object > y->object;
}

static int place_given(struct refining *r) {
    const struct lb_stats *stats = r->now.stats;
    struct lb_queue queue;
    struct longer *list = malloc((r->num_given + (size_t)1) * sizeof *list);
    if (list == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < r->num_given; i++) {
        list[i] = (struct longer){stats->objects[r->given[i]].load, r->given[i]};
    }
    qsort(list, r->num_given, sizeof *list, by_load);
    int error = lb_queue_init(&queue, stats, r->trial.time);
    for (uint32_t i = 0; error == 0 && i < r->num_given; i++) {
        r->trial.where[list[i].object] = lb_queue_put(&queue, list[i].load);
    }
    if (error == 0) lb_queue_deinit(&queue);
    free(list);
    return error;
}

static uint32_t moves_of(const struct lb_place *place) {
    uint32_t moves = 0;
    for (uint32_t i = 0; i < place->stats->num_objects; i++) moves += place->where[i] != place->stats->objects[i].pe;
    return moves;
}

/* The trial placement for a level, from where the objects live. 1: it takes too many moves. */
static int try_level(struct refining *r, double level, uint32_t most_moves, double target, uint64_t work) {
    const struct lb_stats *stats = r->now.stats;
    double lightest = r->now.time[0];
    for (uint32_t pe = 1; pe < stats->num_pes; pe++) lightest = r->now.time[pe] < lightest ? r->now.time[pe] : lightest;
    memcpy(r->trial.where, r->now.where, stats->num_objects * sizeof *r->now.where);
    memcpy(r->trial.time, r->now.time, stats->num_pes * sizeof *r->now.time);
    r->num_given = 0;
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) {
        if (r->trial.time[pe] > level) give_away(r, pe, level, lightest);
    }
    int error = place_given(r);
    if (error != 0) return error;
    if (moves_of(&r->trial) > most_moves) return 1;
    lb_place_sum(&r->trial);
    return lb_polish(&r->trial, &(struct lb_polish){target, most_moves, work});
}

/* The best trial of all levels, if it is better than staying, in `best`. */
static int search(struct refining *r, double target, uint32_t most_moves, struct lb_place *best) {
    double low = target, high = lb_place_max(&r->now), reached = high;
    int error = high <= target ? 1 : try_level(r, low, most_moves, target, WORK / 2);
    for (uint32_t i = 0;; i++) {
        if (error < 0) return error;
        if (error == 0 && lb_place_max(&r->trial) < reached) {
            reached = lb_place_max(&r->trial);
            memcpy(best->where, r->trial.where, best->stats->num_objects * sizeof *best->where);
        }
        if (reached <= target || i == HALVINGS) return 0;
        if (i > 0) *(error == 0 ? &high : &low) = low + (high - low) / 2;
        error = try_level(r, low + (high - low) / 2, most_moves, target, WORK / 2 / HALVINGS);
    }
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct refining r = {0};
    struct lb_place best;
    int error = lb_place_init(&best, stats, false);
    if (error != 0) return error;
    double target = options[TOLERANCE] * lb_bound(stats, best.time);
    error = refining_init(&r, stats);
    if (error == 0) error = search(&r, target, (uint32_t)options[MOVES], &best);
    if (error == 0) error = lb_plan_make(stats, best.where, out);
    refining_deinit(&r);
    lb_place_deinit(&best);
    return error;
}

const struct lb_balancer lb_greedy_refine = {
    .name = "greedy-refine",
    .old_name = "GreedyRefineLB",
    .help = "few moves: only PEs above the tolerance give away objects",
    .source = "Aggarwal, Motwani, Zhu 2003 (load rebalancing); Charm++'s GreedyRefineLB",
    .options = OPTIONS,
    .num_options = sizeof OPTIONS / sizeof *OPTIONS,
    .plan = plan};
