#include "lb/polish.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

/* The movable objects of one PE, the longest first. */
struct shelf {
    uint32_t *objects; /* owned */
    uint32_t count, room;
};

struct rank {
    double time;
    uint32_t pe;
};

struct search {
    struct lb_place *place;
    const struct lb_polish *rules;
    struct shelf *shelves; /* owned, per PE */
    struct rank *order;    /* owned: PEs, the one that is done first in front */
    uint32_t moves;        /* objects away from where they live */
    uint64_t work;
};

/* What one step would do: `give` goes from the slowest PE to `to`, `take` (if any) the other way. */
struct step {
    uint32_t give, take, to;
    int cost;     /* how many more objects would be away */
    double worth; /* 0: no step */
};

enum {
    NOTHING = UINT32_MAX,
    LOOKS = 20000, /* after which a step that was found is taken, and no further PE asked */
};

static double load_of(const struct search *s, uint32_t object) {
    return s->place->stats->objects[object].load;
}

/* ---------------------------------------------------------------- shelves */

static bool stands_before(const struct search *s, uint32_t a, uint32_t b) {
    return load_of(s, a) > load_of(s, b) || (load_of(s, a) == load_of(s, b) && a < b);
}

static uint32_t find(const struct search *s, const struct shelf *shelf, uint32_t object) {
    uint32_t low = 0, high = shelf->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stands_before(s, shelf->objects[middle], object))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int put(const struct search *s, struct shelf *shelf, uint32_t object) {
    if (shelf->count == shelf->room) {
        uint32_t room = shelf->room * 2 + 8, *grown = realloc(shelf->objects, room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        shelf->objects = grown;
        shelf->room = room;
    }
    uint32_t at = find(s, shelf, object);
    memmove(&shelf->objects[at + 1], &shelf->objects[at], (shelf->count++ - at) * sizeof object);
    shelf->objects[at] = object;
    return 0;
}

static void take_away(const struct search *s, struct shelf *shelf, uint32_t object) {
    uint32_t at = find(s, shelf, object);
    memmove(&shelf->objects[at], &shelf->objects[at + 1], (--shelf->count - at) * sizeof object);
}

static int move(struct search *s, uint32_t object, uint32_t to) {
    int error = put(s, &s->shelves[to], object);
    if (error != 0) return error;
    take_away(s, &s->shelves[s->place->where[object]], object);
    lb_place_move(s->place, object, to);
    return 0;
}

/* ---------------------------------------------------------------- one step */

static int cost_of(const struct search *s, uint32_t object, uint32_t to) {
    uint32_t home = s->place->stats->objects[object].pe;
    return (to != home) - (s->place->where[object] != home);
}

static void consider(struct search *s, uint32_t from, uint32_t to, uint32_t give, uint32_t take, struct step *best) {
    const struct lb_stats *stats = s->place->stats;
    const double *time = s->place->time;
    double shift = load_of(s, give) - (take == NOTHING ? 0 : load_of(s, take));
    double after = fmax(time[from] - shift / lb_speed(stats, from), time[to] + shift / lb_speed(stats, to));
    double gain = time[from] - fmax(after, s->rules->target);
    s->work++;
    if (!(gain > 1e-9 * time[from]) || after >= time[from]) return;
    int cost = cost_of(s, give, to) + (take == NOTHING ? 0 : cost_of(s, take, from));
    double worth = gain / (cost > 0 ? cost : 0.5);
    if (worth <= best->worth || (cost > 0 && s->moves + (uint32_t)cost > s->rules->most_moves)) return;
    *best = (struct step){give, take, to, cost, worth};
}

/* For each object of the slowest PE, alone or with those of `to` that come nearest to making both PEs equal. */
static void consider_pe(struct search *s, uint32_t from, uint32_t to, struct step *best) {
    const struct lb_stats *stats = s->place->stats;
    const struct shelf *mine = &s->shelves[from], *theirs = &s->shelves[to];
    double per_work = 1 / lb_speed(stats, from) + 1 / lb_speed(stats, to);
    double ideal = (s->place->time[from] - s->place->time[to]) / per_work;
    for (uint32_t i = 0, k = 0; i < mine->count; i++) {
        uint32_t give = mine->objects[i];
        double wanted = load_of(s, give) - ideal;
        consider(s, from, to, give, NOTHING, best);
        while (k < theirs->count && load_of(s, theirs->objects[k]) > wanted) k++;
        if (k > 0) consider(s, from, to, give, theirs->objects[k - 1], best);
        if (k < theirs->count) consider(s, from, to, give, theirs->objects[k], best);
    }
}

static int by_time(const void *a, const void *b) {
    const struct rank *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->pe < y->pe ? -1 : x->pe > y->pe;
}

static void find_step(struct search *s, uint32_t from, struct step *best) {
    uint32_t num_pes = s->place->stats->num_pes;
    const double *time = s->place->time;
    uint64_t begin = s->work;
    for (uint32_t pe = 0; pe < num_pes; pe++) s->order[pe] = (struct rank){time[pe], pe};
    qsort(s->order, num_pes, sizeof *s->order, by_time);
    for (uint32_t i = 0; i < num_pes && s->order[i].time < time[from] && s->work < s->rules->work; i++) {
        if (best->worth > 0 && s->work - begin > LOOKS) return;
        consider_pe(s, from, s->order[i].pe, best);
    }
}

/* 1: nothing more helps. */
static int take_step(struct search *s) {
    uint32_t from = lb_place_slowest(s->place);
    struct step best = {0};
    if (s->place->time[from] <= s->rules->target) return 1;
    find_step(s, from, &best);
    s->work += s->place->stats->num_pes;
    if (best.worth == 0) return 1;
    int error = move(s, best.give, best.to);
    if (error == 0 && best.take != NOTHING) error = move(s, best.take, from);
    s->moves += (uint32_t)best.cost;
    return error;
}

/* ---------------------------------------------------------------- the search */

static int fill(struct search *s) {
    const struct lb_stats *stats = s->place->stats;
    struct lb_shelves sorted;
    int error = lb_shelves_init(&sorted, stats, s->place->where);
    if (error != 0) return error;
    for (uint32_t pe = 0; error == 0 && pe < stats->num_pes; pe++) {
        uint32_t count = sorted.first[pe + 1] - sorted.first[pe];
        struct shelf *shelf = &s->shelves[pe];
        *shelf = (struct shelf){malloc((count + (size_t)1) * sizeof *shelf->objects), count, count + 1};
        if (shelf->objects == NULL) {
            shelf->count = 0;
            error = CHARIOT_ENOMEM;
        } else
            memcpy(shelf->objects, &sorted.objects[sorted.first[pe]], count * sizeof *shelf->objects);
    }
    lb_shelves_deinit(&sorted);
    return error;
}

int lb_polish(struct lb_place *place, const struct lb_polish *rules) {
    const struct lb_stats *stats = place->stats;
    struct search s = {.place = place,
                       .rules = rules,
                       .shelves = calloc(stats->num_pes, sizeof *s.shelves),
                       .order = malloc(stats->num_pes * sizeof *s.order)};
    for (uint32_t i = 0; i < stats->num_objects; i++) s.moves += place->where[i] != stats->objects[i].pe;
    int error = s.shelves == NULL || s.order == NULL ? CHARIOT_ENOMEM : 0;
    if (error == 0) error = lb_place_max(place) <= rules->target ? 1 : fill(&s);
    while (error == 0 && s.work < rules->work) error = take_step(&s);
    for (uint32_t pe = 0; s.shelves != NULL && pe < stats->num_pes; pe++) free(s.shelves[pe].objects);
    free(s.shelves);
    free(s.order);
    lb_place_sum(place);
    return error < 0 ? error : 0;
}
