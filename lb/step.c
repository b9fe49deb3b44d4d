/* A step, on PE 0: from its beginning to the line that tells of it. The diagram is in step.h. */
#include "lb/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/place.h"
#include "objects/call.h"
#include "objects/load.h"

/* What COLLECT and END say, as they lie in memory. */
struct collect {
    uint32_t why;
    uint32_t edges; /* tell who talks to whom */
};

struct end {
    uint32_t resume; /* those that wait for it */
    uint32_t watch;  /* tell whether there is little or much to do */
};

static struct lb_step *step_of(const struct chariot_pe *pe) {
    return &lb_part_of(pe)->step;
}

/* ---------------------------------------------------------------- the end */

static void end(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    bool sync = part->step.why == LB_WHY_SYNC;
    bool watch = lb_has_balancer(part) && !part->how.on_demand && !part->watch.manual && part->counts[LB_TOTAL] == 0 &&
                 part->counts[LB_UNCOUNTED] == 0;
    const struct end end = {.resume = sync, .watch = watch};
    part->step.state = LB_ENDS;
    struct chariot_msg *args = lb_bytes_new(pe, &end, sizeof end);
    if (args != NULL) lb_broadcast_take(pe, LB_CALL_END, args);
}

static void size_text(double bytes, char *text, size_t size) {
    static const char *const UNITS[] = {"B", "KB", "MB", "GB", "TB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
    snprintf(text, size, "%.*f %s", unit == 0 || bytes >= 100 ? 0 : 1, bytes, UNITS[unit]);
}

static const char *planner(const struct lb_part *part) {
    if (part->how.plan == NULL) return part->choice.balancer->name;
    return part->how.plan_name == NULL ? "the program's own" : part->how.plan_name;
}

static void tell_people(struct chariot_pe *pe, const struct lb_part *part, int64_t took_ns) {
    const struct lb_figures *figures = &part->step.figures;
    char line[400], bytes[40], refused[60] = "";
    double average = figures->average > 0 ? figures->average : 1;
    int64_t moved = part->counts[LB_SETTLED] - part->counts[LB_REFUSED];
    size_text((double)part->counts[LB_BYTES], bytes, sizeof bytes);
    if (part->counts[LB_REFUSED] > 0)
        snprintf(refused, sizeof refused, ", %lld refused", (long long)part->counts[LB_REFUSED]);
    snprintf(line, sizeof line,
             "chariot: load balancing %llu (%.100s): %zu objects, max/avg %.3f -> %.3f, %lld moved (%s)%s, %.4f s\n",
             (unsigned long long)part->step.number, planner(part), figures->objects, figures->before / average,
             figures->after / average, (long long)moved, bytes, refused, (double)took_ns * 1e-9);
    lb_say(pe, line);
}

/* Who asked for it hears how many have moved. */
static void serve(struct chariot_pe *pe, struct lb_part *part) {
    struct lb_step *step = &part->step;
    for (size_t i = 0; i < step->num_served; i++) {
        struct chariot_writer writer;
        struct chariot_msg *value;
        chariot_writer_init_take(&writer, NULL);
        chariot_put_int(&writer, part->counts[LB_SETTLED] - part->counts[LB_REFUSED]);
        if (chariot_writer_finish(&writer, &value) != 0)
            obj_out_of_memory(pe);
        else
            obj_future_send_take(pe, step->served[i], value);
    }
    free(step->served);
    step->served = NULL;
    step->num_served = 0;
}

/* PE 0, when END has come here as well. */
static void finish(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    struct lb_step *step = &part->step;
    int64_t now_ns = chariot_now_ns(pe), took_ns = now_ns - step->began_ns;
    if (step->measures) {
        step->number++;
        step->ended_ns = now_ns;
        if (part->how.log) tell_people(pe, part, took_ns);
        serve(pe, part);
    }
    step->planned = 0;
    step->figures = (struct lb_figures){0};
    step->state = LB_RESTS;
    if (step->measures) lb_when_ended(pe, took_ns);
}

int lb_on_end(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct lb_part *part = lb_part_of(pe);
    struct end end;
    const uint8_t *data;
    int rc = lb_bytes_read(call->args, sizeof end, &data, NULL);
    if (rc != 0) return rc;
    memcpy(&end, data, sizeof end);
    OBJ_API(pe);
    if (pe->node.pe == 0 && part->step.state != LB_ENDS) return CHARIOT_EMALFORMED;
    if (end.resume) lb_resume(pe);
    if (pe->node.pe == 0) finish(pe);
    part->phase++;
    memset(&part->counts[LB_SETTLED], 0, (LB_NUM_COUNTS - LB_SETTLED) * sizeof part->counts[0]);
    lb_rumour_free(part);
    if (pe->load != NULL) obj_load_begin_phase(pe);
    lb_watch_begin(pe, end.watch != 0);
    if (pe->node.pe == 0) lb_when_next(pe);
    return 0;
}

/* ---------------------------------------------------------------- planning */

/* Of the wrong kind: what people should know of their balancer. 0: sound, and by object number. */
static int check_plan(const struct lb_stats *stats, struct lb_plan *plan, char *why, size_t size) {
    uint8_t *seen = calloc((size_t)stats->num_objects + 1, 1);
    if (seen == NULL) return CHARIOT_ENOMEM;
    int rc = 0;
    size_t kept = 0;
    for (size_t i = 0; rc == 0 && i < plan->num_moves; i++) {
        const struct lb_move move = plan->moves[i];
        const char *is = NULL;
        if (move.object >= stats->num_objects)
            is = "there is no such object";
        else if (move.to >= stats->num_pes)
            is = "there is no such PE";
        else if (!stats->objects[move.object].migratable && stats->objects[move.object].pe != move.to)
            is = "it may not move";
        else if (seen[move.object]++ != 0)
            is = "it is moved twice";
        if (is != NULL) {
            snprintf(why, size, "object %u to PE %u: %s", move.object, move.to, is);
            rc = CHARIOT_EINVAL;
        } else if (stats->objects[move.object].pe != move.to) {
            plan->moves[kept++] = move;
        }
    }
    plan->num_moves = kept;
    free(seen);
    return rc;
}

/* Runs the program's code, or for long: without the turn. */
static int make_plan(const struct lb_part *part, const struct lb_stats *stats, struct lb_plan *plan, char *why,
                     size_t size) {
    *plan = (struct lb_plan){0};
    if (part->how.plan == NULL) return lb_choice_plan(&part->choice, stats, part->step.number, plan, why, size);
    int rc = lb_stats_check(stats, why, size);
    if (rc == 0) rc = part->how.plan(part->how.ctx, stats, plan, why, size);
    return rc != 0 ? rc : check_plan(stats, plan, why, size);
}

static int measure(const struct lb_stats *stats, const struct lb_plan *plan, struct lb_figures *out) {
    struct lb_place place;
    int rc = lb_place_init(&place, stats, true);
    if (rc != 0) return rc;
    out->objects = stats->num_objects;
    out->before = lb_place_max(&place);
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) out->average += place.time[pe] / stats->num_pes;
    for (size_t i = 0; i < plan->num_moves; i++) lb_place_move(&place, plan->moves[i].object, plan->moves[i].to);
    out->after = lb_place_max(&place);
    lb_place_deinit(&place);
    return 0;
}

static void complain(struct chariot_pe *pe, const struct lb_part *part, const char *why) {
    char line[600];
    if (why[0] == 0) return;
    snprintf(line, sizeof line, "chariot: load balancing (%.100s) moves nothing: %.400s\n", planner(part), why);
    lb_say(pe, line);
}

static void carry_out(struct chariot_pe *pe, const struct lb_gathered *gathered, struct lb_plan *plan) {
    OBJ_API(pe);
    struct lb_part *part = lb_part_of(pe);
    struct lb_step *step = &part->step;
    if (step->why == LB_WHY_IDLE && !lb_when_pays(pe, &step->figures, plan->num_moves)) {
        plan->num_moves = 0;
        step->figures.after = step->figures.before;
    }
    step->planned = (int64_t)plan->num_moves;
    step->state = LB_MOVES;
    if (step->planned == 0)
        end(pe);
    else
        lb_moves_send(pe, gathered, plan);
}

static int decide(struct chariot_pe *pe, const struct lb_gathered *gathered, int64_t began_ns) {
    struct lb_part *part = lb_part_of(pe);
    struct lb_plan plan;
    char why[400] = "";
    int rc = make_plan(part, &gathered->stats, &plan, why, sizeof why);
    if (rc != 0) plan.num_moves = 0;
    if (rc != CHARIOT_ENOMEM) {
        if (rc != 0) complain(pe, part, why);
        rc = measure(&gathered->stats, &plan, &part->step.figures);
    }
    part->step.work_ns = chariot_now_ns(pe) - began_ns;
    if (rc == 0) carry_out(pe, gathered, &plan);
    lb_plan_deinit(&plan);
    return rc;
}

int lb_on_shares(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct lb_part *part = lb_part_of(pe);
    struct lb_gathered gathered;
    if (part->step.state != LB_GATHERS) return CHARIOT_EMALFORMED;
    int64_t began_ns = chariot_now_ns(pe);
    int rc = lb_gathered_init(&gathered, pe, call->args);
    if (rc == 0) rc = decide(pe, &gathered, began_ns);
    lb_gathered_deinit(&gathered);
    return rc;
}

/* ---------------------------------------------------------------- the beginning */

int lb_on_collect(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct collect collect;
    const uint8_t *data;
    int rc = lb_bytes_read(call->args, sizeof collect, &data, NULL);
    if (rc != 0) return rc;
    memcpy(&collect, data, sizeof collect);
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = LB_CALL_SHARES};
    obj_elem_ref(call->elem, &target.ref);
    target.ref.index[0] = 0;
    struct chariot_msg *share = lb_share_new(pe, collect.why, collect.edges != 0);
    return share == NULL ? 0 : chariot_contribute_take(pe, call->elem, NULL, share, CHARIOT_REDUCE_GATHER, &target);
}

static void collect(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    const struct collect collect = {.why = part->step.why, .edges = lb_wants_edges(part)};
    part->step.state = LB_GATHERS;
    struct chariot_msg *args = lb_bytes_new(pe, &collect, sizeof collect);
    if (args != NULL) lb_broadcast_take(pe, LB_CALL_COLLECT, args);
}

/* Too early for one that looks at loads. */
static bool is_too_early(const struct chariot_pe *pe, const struct lb_part *part) {
    return part->step.why == LB_WHY_SYNC && part->step.number > 0 &&
           (double)(chariot_now_ns(pe) - part->step.ended_ns) < part->how.period_s * 1e9;
}

void lb_step_begin(struct chariot_pe *pe, enum lb_why why) {
    struct lb_part *part = lb_part_of(pe);
    struct lb_step *step = &part->step;
    step->why = why;
    step->began_ns = chariot_now_ns(pe);
    step->work_ns = 0;
    step->measures = lb_has_balancer(part) && !is_too_early(pe, part);
    if (!step->measures) {
        end(pe);
        return;
    }
    step->num_served = step->num_asked;
    step->served = step->asked;
    step->asked = NULL;
    step->num_asked = step->cap_asked = 0;
    if (part->how.plan == NULL && part->choice.balancer->distributed)
        lb_rumour_begin(pe);
    else
        collect(pe);
}

void lb_step_moves(struct chariot_pe *pe, int64_t planned) {
    struct lb_step *step = step_of(pe);
    step->state = LB_MOVES;
    step->planned = planned;
    lb_step_on_counts(pe);
}

void lb_step_on_counts(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    switch (part->step.state) {
    case LB_RESTS:
        lb_when_next(pe);
        break;
    case LB_GOSSIPS:
        lb_rumour_on_counts(pe);
        break;
    case LB_MOVES:
        if (part->counts[LB_SETTLED] >= part->step.planned) end(pe);
        break;
    case LB_GATHERS:
    case LB_ENDS:
        break;
    }
}
