/* Who asks for a step: elements that wait for one, the program, a period, or PEs that have little to do while others
 * have much.
 *
 * The last two cost nothing where nothing happens. In each phase a PE tells PE 0 at most once that it has been idle,
 * and at most once that it has been busy, for WATCH_NS in all; for the first it wakes up once when it rests. PE 0
 * begins a step when it has heard both (with a period: that somebody is busy), and its pause is over; so a job that
 * rests makes at most one step more. A step that does not pay doubles the pause; it is so long that steps take less
 * than a hundredth of the time. */
#include <stdlib.h>
#include <string.h>

#include "lb/step.h"

#define WATCH_NS     20000000
#define MIN_PAUSE_NS 100000000
#define MAX_PAUSE_NS 30000000000
enum {
    COST_PART = 100, /* steps take at most one such part of the time */
    MOVE_NS = 20000, /* of both PEs, for an element that moves, as a rule less */
};

/* ---------------------------------------------------------------- the program asks */

int chariot_balance(struct chariot_pe *pe, struct chariot_future *done) {
    if (!chariot_is_balanced(pe)) return CHARIOT_ESTATE;
    uint64_t id = chariot_future_id(done);
    OBJ_API(pe);
    struct chariot_msg *args = lb_bytes_new(pe, &id, sizeof id);
    if (args == NULL) return CHARIOT_ENOMEM;
    lb_call_take(pe, 0, LB_CALL_ASK, args);
    return 0;
}

static int keep(struct lb_step *step, uint64_t future) {
    if (step->num_asked == step->cap_asked) {
        size_t cap = 2 * step->cap_asked + 8;
        uint64_t *grown = realloc(step->asked, cap * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        step->asked = grown;
        step->cap_asked = cap;
    }
    step->asked[step->num_asked++] = future;
    return 0;
}

int lb_on_ask(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct lb_part *part = lb_part_of(pe);
    const uint8_t *data;
    uint64_t future;
    int rc = lb_bytes_read(call->args, sizeof future, &data, NULL);
    if (rc != 0 || pe->node.pe != 0) return CHARIOT_EMALFORMED;
    memcpy(&future, data, sizeof future);
    if (obj_id_pe(future) >= pe->node.num_pes) return CHARIOT_EMALFORMED;
    OBJ_API(pe);
    part->watch.manual = true;
    if (keep(&part->step, future) != 0)
        obj_out_of_memory(pe);
    else
        lb_when_next(pe);
    return 0;
}

/* ---------------------------------------------------------------- a PE is idle, or busy */

static void set_due(struct chariot_pe *pe) {
    const struct lb_watch *watch = &lb_part_of(pe)->watch;
    int64_t idle_ns =
        watch->on && watch->rests && !watch->told_idle ? watch->rest_ns + WATCH_NS - watch->idle_ns : INT64_MAX;
    pe->balance_due_ns = idle_ns < watch->step_due_ns ? idle_ns : watch->step_due_ns;
}

void lb_watch_begin(struct chariot_pe *pe, bool on) {
    struct lb_watch *watch = &lb_part_of(pe)->watch;
    watch->on = on;
    watch->told_idle = watch->told_busy = watch->rests = false;
    watch->since_ns = chariot_now_ns(pe);
    watch->idle_ns = 0;
    watch->step_due_ns = INT64_MAX;
    pe->balance_watches = on;
    set_due(pe);
}

static void tell(struct chariot_pe *pe, bool *told, enum lb_count what) {
    *told = true;
    lb_note(pe, what, 1);
}

void lb_watch_on_turn(struct chariot_pe *pe, bool rests) {
    struct lb_watch *watch = &lb_part_of(pe)->watch;
    if (watch->rests) watch->idle_ns += pe->now_ns - watch->rest_ns;
    int64_t now_ns = rests ? chariot_now_ns(pe) : pe->now_ns;
    if (!watch->told_busy && now_ns - watch->since_ns - watch->idle_ns >= WATCH_NS)
        tell(pe, &watch->told_busy, LB_BUSY);
    watch->rest_ns = now_ns;
    if (!rests && !watch->rests) return;
    watch->rests = rests;
    set_due(pe);
}

void lb_watch_on_due(struct chariot_pe *pe) {
    struct lb_watch *watch = &lb_part_of(pe)->watch;
    if (watch->rests && pe->now_ns - watch->rest_ns + watch->idle_ns >= WATCH_NS) tell(pe, &watch->told_idle, LB_IDLE);
    bool step = pe->now_ns >= watch->step_due_ns;
    if (step) watch->step_due_ns = INT64_MAX;
    set_due(pe);
    if (step) lb_when_next(pe);
}

/* ---------------------------------------------------------------- PE 0 */

/* By itself: INT64_MAX: not for what is known now. */
static int64_t due_ns(const struct lb_part *part, enum lb_why *why) {
    const struct lb_watch *watch = &part->watch;
    bool periodic = part->how.period_s > 0;
    *why = periodic ? LB_WHY_TIME : LB_WHY_IDLE;
    bool wanted = part->counts[LB_BUSY] > 0 && (periodic || part->counts[LB_IDLE] > 0);
    bool counts = watch->on && !watch->manual && part->counts[LB_TOTAL] == 0 && part->counts[LB_UNCOUNTED] == 0;
    return wanted && counts ? watch->next_ns : INT64_MAX;
}

void lb_when_next(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    enum lb_why why;
    if (part->step.state != LB_RESTS || pe->ending) return;
    if (lb_all_wait(part)) {
        lb_step_begin(pe, LB_WHY_SYNC);
    } else if (part->step.num_asked > 0) {
        lb_step_begin(pe, LB_WHY_ASKED);
    } else {
        int64_t due = due_ns(part, &why);
        if (due <= chariot_now_ns(pe)) {
            lb_step_begin(pe, why);
        } else {
            part->watch.step_due_ns = due;
            set_due(pe);
        }
    }
}

static int64_t at_most(int64_t value, int64_t most) {
    return value < most ? value : most;
}

/* How long it took says nothing: most of that it waited behind methods. Others do for it what PE 0 does, at the same
 * time. */
static int64_t cost_of(const struct lb_step *step, int64_t moves) {
    return 2 * step->work_ns + moves * MOVE_NS;
}

/* What is gained, if the next phase is like this one, is more than the step costs. */
bool lb_when_pays(struct chariot_pe *pe, const struct lb_figures *figures, size_t moves) {
    struct lb_part *part = lb_part_of(pe);
    int64_t cost_ns = cost_of(&part->step, (int64_t)moves);
    bool pays = (figures->before - figures->after) * 1e9 > (double)cost_ns;
    part->watch.pause_ns = pays ? 0 : at_most(2 * part->watch.pause_ns + MIN_PAUSE_NS, MAX_PAUSE_NS);
    return pays;
}

void lb_when_ended(struct chariot_pe *pe, int64_t took_ns) {
    struct lb_part *part = lb_part_of(pe);
    int64_t pause_ns = COST_PART * cost_of(&part->step, part->counts[LB_SETTLED]);
    if (pause_ns < MIN_PAUSE_NS) pause_ns = MIN_PAUSE_NS;
    if (pause_ns < took_ns) pause_ns = took_ns;
    if (pause_ns < part->watch.pause_ns) pause_ns = part->watch.pause_ns;
    int64_t period_ns = (int64_t)(part->how.period_s * 1e9);
    part->watch.next_ns = chariot_now_ns(pe) + (period_ns > 0 ? period_ns : pause_ns);
}
