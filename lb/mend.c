#include "lb/mend.h"

#include <math.h>
#include <stdlib.h>

#include "rpc/error.h"

enum { LIGHT = 8, PASSES = 8 };

struct search {
    struct lb_place *place;
    const struct lb_web *web;
    const struct lb_mend *rules;
    double *talk;       /* owned, per PE: bytes between the vertex in question and what is there; zero in between */
    uint32_t *partners; /* owned: PEs for which it is not zero, then the lightest ones */
    uint32_t num_partners;
    uint32_t light[LIGHT]; /* PEs that are done first */
    uint32_t num_light;
    uint64_t work;
    bool *stuck; /* owned, per PE: nothing of it can go anywhere */
};

struct step {
    uint32_t vertex, to;
    double price; /* bytes between PEs that it adds, by the seconds of excess that it takes away */
    bool found;
};

static uint32_t where_is(const struct search *s, uint32_t vertex) {
    return vertex < s->web->num_pes ? vertex : s->place->where[s->web->objects[vertex]];
}

/* Fills in talk and partners for a vertex. */
static void look_at(struct search *s, uint32_t vertex) {
    s->num_partners = 0;
    for (size_t i = s->web->first[vertex]; i < s->web->first[vertex + 1]; i++) {
        uint32_t pe = where_is(s, s->web->to[i]);
        if (s->talk[pe] == 0) s->partners[s->num_partners++] = pe;
        s->talk[pe] += s->web->bytes[i] + 1e-300; /* so that it is not zero */
    }
    s->work += 1 + s->num_partners + s->num_light;
}

static void look_away(struct search *s) {
    for (uint32_t i = 0; i < s->num_partners; i++) s->talk[s->partners[i]] = 0;
}

/* ---------------------------------------------------------------- below the target */

static void find_light(struct search *s) {
    const double *time = s->place->time;
    s->num_light = 0;
    for (uint32_t pe = 0; pe < s->web->num_pes; pe++) {
        if (s->num_light == LIGHT && time[pe] >= time[s->light[LIGHT - 1]]) continue;
        uint32_t at = s->num_light < LIGHT ? s->num_light++ : LIGHT - 1;
        for (; at > 0 && time[pe] < time[s->light[at - 1]]; at--) s->light[at] = s->light[at - 1];
        s->light[at] = pe;
    }
}

static void consider(struct search *s, uint32_t vertex, uint32_t to, struct step *best) {
    const struct lb_stats *stats = s->place->stats;
    uint32_t object = s->web->objects[vertex], from = s->place->where[object];
    double after = s->place->time[to] + lb_time_of(stats, object, to);
    double relief = fmin(lb_time_of(stats, object, from), s->place->time[from] - s->rules->target);
    if (to == from || after > s->rules->target || relief <= 0) return;
    double price = (s->talk[from] - s->talk[to]) / relief;
    if (price < 0) price = (s->talk[from] - s->talk[to]) * relief; /* it is a gain: the more relief the better */
    if (best->found && price >= best->price) return;
    *best = (struct step){vertex, to, price, true};
}

static void consider_all(struct search *s, uint32_t vertex, struct step *best) {
    look_at(s, vertex);
    for (uint32_t i = 0; i < s->num_partners; i++) consider(s, vertex, s->partners[i], best);
    for (uint32_t i = 0; i < s->num_light; i++) consider(s, vertex, s->light[i], best);
    look_away(s);
}

static int64_t slowest_that_can(const struct search *s) {
    int64_t slowest = -1;
    double most = s->rules->target;
    for (uint32_t pe = 0; pe < s->web->num_pes; pe++) {
        if (s->stuck[pe] || s->place->time[pe] <= most) continue;
        most = s->place->time[pe];
        slowest = pe;
    }
    return slowest;
}

static void relieve(struct search *s) {
    for (int64_t from; (from = slowest_that_can(s)) >= 0 && s->work < s->rules->work;) {
        struct step best = {0};
        find_light(s);
        for (uint32_t v = s->web->num_pes; v < s->web->num_vertices; v++) {
            if (where_is(s, v) == from) consider_all(s, v, &best);
        }
        if (best.found)
            lb_place_move(s->place, s->web->objects[best.vertex], best.to);
        else
            s->stuck[from] = true;
        s->work += s->web->num_vertices;
    }
}

/* ---------------------------------------------------------------- fewer bytes between PEs */

static bool bring_together(struct search *s, uint32_t vertex) {
    uint32_t object = s->web->objects[vertex], from = s->place->where[object], best = from;
    look_at(s, vertex);
    for (uint32_t i = 0; i < s->num_partners; i++) {
        uint32_t to = s->partners[i];
        double after = s->place->time[to] + lb_time_of(s->place->stats, object, to);
        if (to != from && after <= s->rules->target && s->talk[to] > s->talk[best]) best = to;
    }
    look_away(s);
    if (best != from) lb_place_move(s->place, object, best);
    return best != from;
}

static void gather(struct search *s) {
    bool moved = true;
    for (int pass = 0; moved && pass < PASSES; pass++) {
        moved = false;
        for (uint32_t v = s->web->num_pes; v < s->web->num_vertices && s->work < s->rules->work; v++) {
            if (bring_together(s, v)) moved = true;
        }
    }
}

int lb_mend(struct lb_place *place, const struct lb_web *web, const struct lb_mend *rules) {
    struct search s = {.place = place,
                       .web = web,
                       .rules = rules,
                       .talk = calloc(web->num_pes, sizeof *s.talk),
                       .partners = malloc(web->num_pes * sizeof *s.partners),
                       .stuck = calloc(web->num_pes, sizeof *s.stuck)};
    int error = s.talk == NULL || s.partners == NULL || s.stuck == NULL ? CHARIOT_ENOMEM : 0;
    if (error == 0) {
        relieve(&s);
        gather(&s);
        lb_place_sum(place);
    }
    free(s.talk);
    free(s.partners);
    free(s.stuck);
    return error;
}
