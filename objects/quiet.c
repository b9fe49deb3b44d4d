#include "objects/quiet.h"

#include <assert.h>
#include <stdlib.h>

#include "objects/call.h"
#include "objects/hang.h"
#include "objects/layout.h"
#include "objects/reduce.h"

/* How long PE 0 waits after a wave in vain: a part of the time that the detection has taken so far, so that it comes
 * late by that part at most, and between these bounds. What only looks for a hang has time. */
enum {
    RETRY_PART = 4,
    RETRY_MIN_NS = 20000,
    RETRY_MAX_NS = 10000000,
    LOOK_MIN_NS = 100000000,
    LOOK_MAX_NS = 2000000000,
    LOOK_AFTER_NS = 400000000, /* PE 0 has been at rest for so long: does the job hang? */
};

/* ---------------------------------------------------------------- waves, on every PE */

static void start_wave(struct chariot_pe *pe) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_QUIET_WAVE, 0);
    if (msg == NULL) return;
    pe->quiet.due_ns = INT64_MAX;
    msg->flags = OBJ_FLAG_TREE;
    msg->root = pe->node.pe;
    msg->seq = ++pe->quiet.waves;
    obj_send_down_take(pe, msg);
}

void obj_quiet_on_wave(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_quiet *quiet = &pe->quiet;
    uint32_t children[OBJ_TREE_RADIX];
    if (msg->seq <= quiet->wave) {
        obj_refuse(pe, msg);
        return;
    }
    quiet->wave = msg->seq;
    quiet->unanswered = obj_tree_children(pe, pe->node.pe, 0, children);
    quiet->below = (struct obj_counts){0};
}

static void add(struct obj_counts *sum, const struct obj_counts *more) {
    sum->sent += more->sent;
    sum->arrived += more->arrived;
    sum->outside += more->outside;
}

void obj_quiet_on_counts(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_quiet *quiet = &pe->quiet;
    if (quiet->wave == 0 || msg->seq != quiet->wave || quiet->unanswered == 0) {
        obj_refuse(pe, msg);
        return;
    }
    add(&quiet->below, &(struct obj_counts){msg->index[0], msg->index[1], msg->index[2]});
    quiet->unanswered--;
}

static void judge(struct chariot_pe *pe, const struct obj_counts *sum);

static void answer(struct chariot_pe *pe) {
    struct obj_quiet *quiet = &pe->quiet;
    struct obj_counts sum = quiet->below;
    uint64_t wave = quiet->wave;
    add(&sum, &quiet->mine);
    quiet->answered = wave;
    quiet->wave = 0;
    if (pe->node.pe == 0) {
        judge(pe, &sum);
        return;
    }
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_QUIET_COUNTS, 0);
    if (msg == NULL) return;
    msg->seq = wave;
    msg->index[0] = sum.sent;
    msg->index[1] = sum.arrived;
    msg->index[2] = sum.outside;
    obj_tree_send_up_take(pe, 0, msg);
}

/* ---------------------------------------------------------------- asking, and hearing of it */

/* Somebody waits here or below: the tree parent is to know, once until it has sent a DONE. */
static void ask_up(struct chariot_pe *pe) {
    struct obj_quiet *quiet = &pe->quiet;
    struct chariot_msg *ask = quiet->has_asked ? NULL : obj_msg_new(pe, OBJ_KIND_QUIET_ASK, 0);
    if (ask == NULL) return;
    quiet->has_asked = true;
    ask->seq = 1;
    if (pe->node.pe == 0)
        obj_pe_queue_take(pe, ask);
    else
        obj_tree_send_up_take(pe, 0, ask);
}

int chariot_quiet_start(struct chariot_pe *pe, const struct chariot_target *target) {
    OBJ_API(pe);
    struct obj_quiet *quiet = &pe->quiet;
    bool known = target->kind == CHARIOT_TO_FUTURE || target->kind == CHARIOT_TO_METHOD;
    if (!known || !obj_target_is_valid(pe, target)) return CHARIOT_EINVAL;
    struct obj_quiet_wait *wait = malloc(sizeof *wait);
    if (wait == NULL) return CHARIOT_ENOMEM;
    *wait = (struct obj_quiet_wait){.after = quiet->answered, .target = *target};
    *quiet->waits_end = wait;
    quiet->waits_end = &wait->next;
    ask_up(pe);
    return 0;
}

/* Wave `wave` has found quiescence: for all that was asked here before this PE answered it. What was asked since, when
 * others had heard of it and set this PE to work, waits for another. */
static void done(struct chariot_pe *pe, uint64_t wave) {
    struct obj_quiet *quiet = &pe->quiet;
    for (struct obj_quiet_wait *wait; (wait = quiet->waits) != NULL && wait->after < wave; free(wait)) {
        quiet->waits = wait->next;
        if (quiet->waits == NULL) quiet->waits_end = &quiet->waits;
        obj_reduce_give_take(pe, obj_key1(0), &wait->target, NULL);
    }
}

static void tell_below(struct chariot_pe *pe, uint64_t wave) {
    uint32_t askers = pe->quiet.askers, children[OBJ_TREE_RADIX];
    uint32_t count = obj_tree_children(pe, pe->node.pe, 0, children);
    pe->quiet.askers = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct chariot_msg *msg = askers >> i & 1 ? obj_msg_new(pe, OBJ_KIND_QUIET_DONE, 0) : NULL;
        if (msg == NULL) continue;
        msg->seq = wave;
        obj_send_take(pe, children[i], msg);
    }
}

/* To all that have asked by the end of the wave. */
static void spread(struct chariot_pe *pe, uint64_t wave) {
    pe->quiet.has_asked = false;
    tell_below(pe, wave);
    done(pe, wave);
    if (pe->quiet.waits != NULL) ask_up(pe);
}

void obj_quiet_on_done(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (pe->node.pe == 0 || msg->seq > pe->quiet.answered)
        obj_refuse(pe, msg);
    else
        spread(pe, msg->seq);
}

static void begin(struct chariot_pe *pe) {
    pe->quiet.failed = 0;
    pe->quiet.began_ns = pe->now_ns;
    if (pe->quiet.wave == 0) start_wave(pe);
}

/* Number 0 asks for nothing: it makes PE 0 look for a hang again, as everything does that happens there. */
void obj_quiet_on_ask(struct chariot_pe *pe, struct chariot_msg *msg) {
    int child = obj_tree_child(pe, 0, msg->from);
    if (msg->seq == 0 && pe->node.pe == 0) return;
    if (msg->seq == 0 || (child < 0 && msg->from != pe->node.pe)) {
        obj_refuse(pe, msg);
        return;
    }
    if (child >= 0) pe->quiet.askers |= 1u << child;
    if (pe->node.pe == 0)
        begin(pe);
    else
        ask_up(pe);
}

/* ---------------------------------------------------------------- PE 0 */

static bool is_asked(const struct obj_quiet *quiet) {
    return quiet->waits != NULL || quiet->askers != 0;
}

static void serve(struct chariot_pe *pe) {
    pe->quiet.looks = false;
    pe->quiet.worked = true; /* what follows may hang without another word to this PE */
    spread(pe, pe->quiet.answered);
}

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

/* The first wave after something has happened is in vain, so the second comes at once. */
static void again(struct chariot_pe *pe) {
    struct obj_quiet *quiet = &pe->quiet;
    int64_t part = (pe->now_ns - quiet->began_ns) / RETRY_PART;
    if (!is_asked(quiet) && !quiet->looks) return;
    if (quiet->failed++ == 0) {
        start_wave(pe);
        return;
    }
    quiet->due = OBJ_DUE_WAVE;
    quiet->due_ns = pe->now_ns + (is_asked(quiet) ? between(RETRY_MIN_NS, part, RETRY_MAX_NS)
                                                  : between(LOOK_MIN_NS, part, LOOK_MAX_NS));
}

static void judge(struct chariot_pe *pe, const struct obj_counts *sum) {
    struct obj_quiet *quiet = &pe->quiet;
    bool is_quiet = sum->sent == quiet->arrived_before && sum->arrived == sum->sent;
    quiet->arrived_before = sum->arrived;
    if (!is_quiet) {
        again(pe);
    } else if (is_asked(quiet)) {
        serve(pe);
    } else if (quiet->looks) {
        quiet->looks = false;
        if (sum->outside == 0) obj_hang_found(pe);
    }
}

/* ---------------------------------------------------------------- when to look for a hang */

void obj_quiet_look_in(struct chariot_pe *pe, int64_t delay_ns) {
    pe->quiet.due = OBJ_DUE_LOOK;
    pe->quiet.due_ns = pe->now_ns + delay_ns;
}

/* What PE 0 knows of itself saves most looks. A timer, or what is outside, will make work here when it is time. */
static bool may_hang(const struct chariot_pe *pe) {
    return pe->hang.mode != CHARIOT_HANG_OFF && pe->num_timers == 0 && pe->quiet.mine.outside == 0;
}

/* Once for each time of rest, not for each message: what is due is moved when it comes too early. */
static void expect_a_hang(struct chariot_pe *pe) {
    struct obj_quiet *quiet = &pe->quiet;
    quiet->rest_ns = pe->now_ns;
    if (quiet->due_ns == INT64_MAX && quiet->wave == 0 && !quiet->looks && may_hang(pe)) {
        obj_quiet_look_in(pe, LOOK_AFTER_NS);
    }
}

static void look(struct chariot_pe *pe) {
    int64_t rested_ns = pe->now_ns - pe->quiet.rest_ns;
    if (!may_hang(pe)) return;
    if (rested_ns < LOOK_AFTER_NS) {
        obj_quiet_look_in(pe, LOOK_AFTER_NS - rested_ns);
        return;
    }
    pe->quiet.looks = true;
    begin(pe);
}

void obj_quiet_on_due(struct chariot_pe *pe) {
    pe->quiet.due_ns = INT64_MAX;
    if (pe->quiet.due == OBJ_DUE_WAVE)
        start_wave(pe);
    else
        look(pe);
}

void obj_quiet_rest(struct chariot_pe *pe) {
    struct obj_quiet *quiet = &pe->quiet;
    if (quiet->wave != 0 && quiet->unanswered == 0 && pe->num_timers == 0) answer(pe);
    if (!quiet->worked) return;
    quiet->worked = false;
    if (pe->node.pe == 0) expect_a_hang(pe);
}

void chariot_outside_add(struct chariot_pe *pe) {
    OBJ_API(pe);
    pe->quiet.mine.outside++;
}

void chariot_outside_remove(struct chariot_pe *pe) {
    OBJ_API(pe);
    assert(pe->quiet.mine.outside > 0);
    if (--pe->quiet.mine.outside > 0) return;
    struct chariot_msg *nudge = obj_msg_new(pe, OBJ_KIND_QUIET_ASK, 0);
    if (nudge != NULL) obj_send_take(pe, 0, nudge);
}

/* ---------------------------------------------------------------- life */

void obj_quiet_init(struct chariot_pe *pe) {
    pe->quiet.waits_end = &pe->quiet.waits;
    pe->quiet.due_ns = INT64_MAX;
}

void obj_quiet_deinit(struct chariot_pe *pe) {
    for (struct obj_quiet_wait *wait = pe->quiet.waits, *next; wait != NULL; wait = next) {
        next = wait->next;
        free(wait);
    }
}
