/* lb/bisect.c: recursive bisection of objects with coordinates: PEs are cut into two halves, and objects along the
 * longest side of their box, so that each half gets the work that its PEs have room for; and so on. Neighbours stay
 * neighbours, and a small change of loads moves few borders.
 *
 * Source: Berger, Bokhari, A partitioning strategy for nonuniform problems on multiprocessors, 1987; as Charm++'s
 * OrbLB. PEs are taken host by host, so that the first cuts run between hosts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/balancers.h"
#include "lb/place.h"
#include "rpc/error.h"

struct point {
    double at, weight;
    uint32_t object;
};

struct home {
    uint32_t host, pe;
    double room; /* work that it should get */
};

struct bisection {
    struct lb_place *place;
    struct home *homes;   /* owned */
    struct point *points; /* owned */
};

static int by_host(const void *a, const void *b) {
    const struct home *x = a, *y = b;
    if (x->host != y->host) return x->host < y->host ? -1 : 1;
    return x->pe < y->pe ? -1 : x->pe > y->pe;
}

static int by_place(const void *a, const void *b) {
    const struct point *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->object < y->object ? -1 : x->object > y->object;
}

/* ---------------------------------------------------------------- room */

static double room_below(const struct lb_place *fixed, double level) {
    double room = 0;
    for (uint32_t pe = 0; pe < fixed->stats->num_pes; pe++) {
        if (level > fixed->time[pe]) room += (level - fixed->time[pe]) * lb_speed(fixed->stats, pe);
    }
    return room;
}

/* The time up to which PEs would be filled, if work were water. */
static double find_level(const struct lb_place *fixed, double work) {
    double low = 0, high = lb_place_max(fixed) + work / lb_speed_sum(fixed->stats);
    for (int i = 0; i < 100; i++) {
        double middle = low + (high - low) / 2;
        *(room_below(fixed, middle) < work ? &low : &high) = middle;
    }
    return high;
}

static void fill_homes(struct bisection *b, double work) {
    const struct lb_stats *stats = b->place->stats;
    double level = find_level(b->place, work);
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) {
        double room = (level - b->place->time[pe]) * lb_speed(stats, pe);
        b->homes[pe] = (struct home){stats->hosts == NULL ? 0 : stats->hosts[pe], pe, fmax(room, 0)};
    }
    qsort(b->homes, stats->num_pes, sizeof *b->homes, by_host);
}

/* Objects that take no time count alike. Gives how many there are. */
static uint32_t fill_points(struct bisection *b, double *work) {
    const struct lb_stats *stats = b->place->stats;
    uint32_t count = 0;
    *work = 0;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (!stats->objects[i].migratable) continue;
        b->points[count++] = (struct point){0, stats->objects[i].load, i};
        *work += stats->objects[i].load;
    }
    for (uint32_t i = 0; *work == 0 && i < count; i++) b->points[i].weight = 1;
    if (*work == 0) *work = count;
    return count;
}

/* ---------------------------------------------------------------- cutting */

static uint32_t longest_side(const struct bisection *b, const struct point *points, uint32_t count) {
    const struct lb_stats *stats = b->place->stats;
    uint32_t longest = 0;
    double most = -1;
    for (uint32_t dim = 0; dim < stats->dims; dim++) {
        double low = INFINITY, high = -INFINITY;
        for (uint32_t i = 0; i < count; i++) {
            double at = stats->coords[(size_t)points[i].object * stats->dims + dim];
            low = fmin(low, at);
            high = fmax(high, at);
        }
        if (high - low <= most) continue;
        most = high - low;
        longest = dim;
    }
    return longest;
}

/* How many of the points, in order, come nearest to `wanted` work. */
static uint32_t cut_at(const struct point *points, uint32_t count, double wanted) {
    double sum = 0;
    uint32_t cut = 0;
    while (cut < count && sum + points[cut].weight / 2 < wanted) sum += points[cut++].weight;
    return cut;
}

static void bisect(struct bisection *b, struct home *homes, uint32_t num_homes, struct point *points, uint32_t count) {
    const struct lb_stats *stats = b->place->stats;
    if (num_homes == 1) {
        for (uint32_t i = 0; i < count; i++) b->place->where[points[i].object] = homes->pe;
        return;
    }
    uint32_t half = num_homes / 2, dim = longest_side(b, points, count);
    double room = 0, left = 0, work = 0;
    for (uint32_t i = 0; i < num_homes; i++) room += homes[i].room;
    for (uint32_t i = 0; i < half; i++) left += homes[i].room;
    for (uint32_t i = 0; i < count; i++) {
        points[i].at = stats->coords[(size_t)points[i].object * stats->dims + dim];
        work += points[i].weight;
    }
    if (count > 0) qsort(points, count, sizeof *points, by_place);
    uint32_t cut = cut_at(points, count, room > 0 ? work * left / room : 0);
    bisect(b, homes, half, points, cut);
    bisect(b, homes + half, num_homes - half, points + cut, count - cut);
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct lb_place place;
    double work;
    if (stats->num_objects > 0 && (stats->coords == NULL || stats->dims == 0)) {
        snprintf(why, size, "bisect needs coordinates, which these objects have not");
        return CHARIOT_EINVAL;
    }
    int error = lb_place_init(&place, stats, false);
    if (error != 0) return error;
    struct bisection b = {&place, malloc(stats->num_pes * sizeof *b.homes),
                          malloc((stats->num_objects + (size_t)1) * sizeof *b.points)};
    error = b.homes == NULL || b.points == NULL ? CHARIOT_ENOMEM : 0;
    if (error == 0) {
        uint32_t count = fill_points(&b, &work);
        fill_homes(&b, work);
        bisect(&b, b.homes, stats->num_pes, b.points, count);
        error = lb_plan_make(stats, place.where, out);
    }
    free(b.homes);
    free(b.points);
    lb_place_deinit(&place);
    return error;
}

const struct lb_balancer lb_bisect = {.name = "bisect",
                                      .old_name = "OrbLB",
                                      .help = "recursive bisection along coordinates: neighbours stay together",
                                      .source = "Berger, Bokhari 1987 (recursive coordinate bisection)",
                                      .plan = plan};
