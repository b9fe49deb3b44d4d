#include "lb/lab/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lb/forecast.h"
#include "lb/place.h"
#include "rpc/error.h"

/* A phase as a balancer sees it: its objects on the PEs that there are to be, and hosts. */
struct view {
    struct lb_stats stats;
    struct lb_object *objects; /* owned */
    uint32_t *hosts;           /* owned */
    double *background;        /* owned */
};

static int view_init(struct view *view, const struct lab_trace *trace, const struct lab_phase *phase,
                     const struct lab_setting *setting) {
    uint32_t num_pes = setting->num_pes > 0 ? setting->num_pes : trace->num_pes;
    *view = (struct view){.objects = malloc((phase->num_objects + (size_t)1) * sizeof *view->objects),
                          .hosts = malloc(num_pes * sizeof *view->hosts),
                          .background = calloc(num_pes, sizeof *view->background)};
    if (view->objects == NULL || view->hosts == NULL || view->background == NULL) return CHARIOT_ENOMEM;
    for (uint32_t pe = 0; pe < phase->num_background; pe++) view->background[pe % num_pes] += phase->background[pe];
    for (uint32_t i = 0; i < phase->num_objects; i++) {
        view->objects[i] = phase->objects[i];
        view->objects[i].pe %= num_pes;
    }
    for (uint32_t pe = 0; pe < num_pes; pe++) {
        view->hosts[pe] = setting->pes_per_host > 0 ? pe / setting->pes_per_host : 0;
    }
    view->stats = (struct lb_stats){.num_pes = num_pes,
                                    .num_objects = phase->num_objects,
                                    .objects = view->objects,
                                    .hosts = view->hosts,
                                    .background = view->background,
                                    .edges = phase->edges,
                                    .num_edges = phase->num_edges,
                                    .coords = phase->coords,
                                    .dims = phase->coords == NULL ? 0 : trace->dims};
    return 0;
}

static void view_deinit(struct view *view) {
    free(view->objects);
    free(view->hosts);
    free(view->background);
}

/* Sets the loads of phase `at` to what its and earlier phases foretell. */
static void foretell(struct view *view, const struct lab_trace *trace, uint32_t at) {
    const struct lab_phase *now = &trace->phases[at];
    for (uint32_t i = 0; i < now->num_objects; i++) {
        struct lb_forecast forecast = {0};
        for (uint32_t p = at < 3 ? 0 : at - 3; p <= at; p++) {
            int64_t row = lab_phase_find(&trace->phases[p], now->ids[i]);
            if (row >= 0) lb_forecast_add(&forecast, trace->phases[p].objects[row].load);
        }
        view->objects[i].load = lb_forecast_next(&forecast);
    }
}

/* The longest time of a phase over its bound, with objects where they were decided to be on phase `at`: those that are
 * new, and those that cannot be moved, stay where they were recorded. decided NULL: all of them do. */
static int score_on(const struct lab_trace *trace, const struct lab_phase *phase, const struct lab_phase *at,
                    const uint32_t *decided, const struct lab_setting *setting, double *out) {
    struct view view;
    struct lb_place fixed = {0}, place = {0};
    int error = view_init(&view, trace, phase, setting);
    for (uint32_t i = 0; error == 0 && decided != NULL && i < phase->num_objects; i++) {
        int64_t row = view.objects[i].migratable ? lab_phase_find(at, phase->ids[i]) : -1;
        if (row >= 0) view.objects[i].pe = decided[row];
    }
    if (error == 0) error = lb_place_init(&fixed, &view.stats, false);
    if (error == 0) error = lb_place_init(&place, &view.stats, true);
    if (error == 0) {
        double bound = lb_bound(&view.stats, fixed.time);
        *out = bound > 0 ? lb_place_max(&place) / bound : 1;
    }
    lb_place_deinit(&fixed);
    lb_place_deinit(&place);
    view_deinit(&view);
    return error;
}

static int judge_later(const struct lab_trace *trace, uint32_t at, const uint32_t *decided,
                       const struct lab_setting *setting, struct lab_score *score) {
    const struct lab_phase *now = &trace->phases[at];
    double sum = 0, here;
    score->num_later = trace->num_phases - 1 - at;
    for (uint32_t p = at + 1; p < trace->num_phases; p++) {
        int error = score_on(trace, &trace->phases[p], now, decided, setting, &here);
        if (error == 0 && p == at + 1) {
            score->next = here;
            error = score_on(trace, &trace->phases[p], now, NULL, setting, &score->next_stayed);
        }
        if (error != 0) return error;
        sum += here;
    }
    score->later = score->num_later > 0 ? sum / score->num_later : 0;
    return 0;
}

/* What the phase was, before and after. The plan's objects are then at their new places in `now`. */
static int judge_here(struct lb_place *now, const struct lb_plan *plan, struct lab_verdict *out) {
    const struct lb_stats *stats = now->stats;
    struct lab_score *score = &out->score;
    struct lb_place fixed;
    int error = lb_place_init(&fixed, stats, false);
    if (error != 0) return error;
    score->bound = lb_bound(stats, fixed.time);
    lb_place_deinit(&fixed);
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) score->average += now->time[pe] / stats->num_pes;
    score->before = lb_place_max(now);
    score->between_before = lb_share_between(stats, now->where);
    memcpy(out->times_before, now->time, stats->num_pes * sizeof *now->time);
    for (size_t i = 0; i < plan->num_moves; i++) {
        score->moved_bytes += stats->objects[plan->moves[i].object].bytes;
        now->where[plan->moves[i].object] = plan->moves[i].to;
    }
    lb_place_sum(now);
    score->after = lb_place_max(now);
    score->between_after = lb_share_between(stats, now->where);
    memcpy(out->times_after, now->time, stats->num_pes * sizeof *now->time);
    return 0;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int decide(struct view *view, const struct lab_trace *trace, uint32_t at, const struct lab_setting *setting,
                  struct lb_plan *plan, double *seconds, char *why) {
    if (setting->forecast) foretell(view, trace, at);
    double start = seconds_now();
    int error = lb_choice_plan(&setting->choice, &view->stats, setting->seed, plan, why, LAB_WHY_BYTES);
    *seconds = seconds_now() - start;
    for (uint32_t i = 0; i < view->stats.num_objects; i++) view->objects[i].load = trace->phases[at].objects[i].load;
    return error;
}

int lab_judge(const struct lab_trace *trace, uint32_t at, const struct lab_setting *setting, struct lab_verdict *out,
              char *why) {
    struct view view;
    struct lb_place now = {0};
    struct lb_plan plan = {0};
    const struct lab_phase *phase = &trace->phases[at];
    snprintf(why, LAB_WHY_BYTES, "out of memory");
    *out = (struct lab_verdict){.score = {.phase = phase->number, .num_objects = phase->num_objects}};
    int error = view_init(&view, trace, phase, setting);
    if (error == 0) error = decide(&view, trace, at, setting, &plan, &out->score.seconds, why);
    if (error == 0) {
        uint32_t num_pes = out->score.num_pes = view.stats.num_pes;
        out->times_before = malloc(num_pes * sizeof *out->times_before);
        out->times_after = malloc(num_pes * sizeof *out->times_after);
        error = out->times_before == NULL || out->times_after == NULL ? CHARIOT_ENOMEM : 0;
    }
    out->score.num_moves = plan.num_moves;
    out->score.rounds = plan.rounds;
    out->score.messages = plan.messages;
    out->score.has_edges = phase->num_edges > 0;
    if (error == 0) error = lb_place_init(&now, &view.stats, true);
    if (error == 0) error = judge_here(&now, &plan, out);
    if (error == 0) error = judge_later(trace, at, now.where, setting, &out->score);
    lb_place_deinit(&now);
    lb_plan_deinit(&plan);
    view_deinit(&view);
    if (error != 0) lab_verdict_deinit(out);
    return error;
}

void lab_verdict_deinit(struct lab_verdict *verdict) {
    free(verdict->times_before);
    free(verdict->times_after);
    verdict->times_before = verdict->times_after = NULL;
}
