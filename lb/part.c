/* Each PE's part in load balancing: the group that it is an element of, what the program has asked for, life. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/record.h"
#include "lb/step.h"
#include "objects/call.h"
#include "objects/load.h"
#include "objects/move.h"
#include "objects/reduce.h"
#include "objects/runtime.h"

/* ---------------------------------------------------------------- the group */

uint64_t lb_group(void) {
    return obj_id_make(CHARIOT_GROUP, 0, OBJ_RESIDENT_BALANCER);
}

void lb_call_take(struct chariot_pe *pe, uint32_t on, enum lb_method method, struct chariot_msg *args) {
    obj_call_send_take(pe, lb_group(), (const uint64_t[3]){on, 0, 0}, 1, method, 0, 0, args);
}

void lb_broadcast_take(struct chariot_pe *pe, enum lb_method method, struct chariot_msg *args) {
    obj_broadcast_take(pe, lb_group(), 0, method, 0, 0, args);
}

struct chariot_msg *lb_bytes_new(struct chariot_pe *pe, const void *data, size_t size) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, data, size);
    if (chariot_writer_finish(&writer, &args) == 0) return args;
    OBJ_API(pe);
    obj_out_of_memory(pe);
    return NULL;
}

int lb_bytes_read(const struct chariot_msg *args, size_t size, const uint8_t **data, size_t *got) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, args);
    if (chariot_get_typed(&reader, CHARIOT_BYTES, &value) != 0) return CHARIOT_EMALFORMED;
    if (size != 0 && value.bytes.size != size) return CHARIOT_EMALFORMED;
    *data = value.bytes.data;
    if (got != NULL) *got = value.bytes.size;
    return 0;
}

static const struct chariot_method calls[] = {
    [LB_CALL_CHANGED] = {"changed", lb_on_changed},
    [LB_CALL_TELL] = {"tell", lb_on_tell},
    [LB_CALL_COLLECT] = {"collect", lb_on_collect},
    [LB_CALL_SHARES] = {"shares", lb_on_shares},
    [LB_CALL_MOVE] = {"move", lb_on_order},
    [LB_CALL_END] = {"end", lb_on_end},
    [LB_CALL_ASK] = {"ask", lb_on_ask},
    [LB_CALL_SUM] = {"sum", lb_on_sum},
    [LB_CALL_ACT] = {"act", lb_on_act},
    [LB_CALL_GOSSIP] = {"gossip", lb_on_gossip},
};

static const struct chariot_type group_type = {.name = "chariot.Balancer",
                                               .methods = calls,
                                               .num_methods = sizeof calls / sizeof calls[0],
                                               .create = obj_resident_create};

/* ---------------------------------------------------------------- what is asked for */

bool lb_has_balancer(const struct lb_part *part) {
    return part->choice.balancer != NULL || part->how.plan != NULL;
}

bool lb_wants_edges(const struct lb_part *part) {
    return (part->how.plan != NULL || part->choice.balancer->by_edges) && !part->how.no_edges;
}

bool chariot_is_balanced(const struct chariot_pe *pe) {
    return lb_has_balancer(lb_part_of(pe));
}

const char *chariot_balancer_name(size_t i) {
    const struct lb_balancer *const *all = lb_balancers();
    for (size_t k = 0; k < i && *all != NULL; k++) all++;
    return *all == NULL ? NULL : (*all)->name;
}

static void forget(struct chariot_balancing *how) {
    free((char *)(uintptr_t)how->balancer);
    free((char *)(uintptr_t)how->plan_name);
    *how = (struct chariot_balancing){0};
}

/* Strings of its own. */
static int keep(struct chariot_balancing *kept, const struct chariot_balancing *how) {
    forget(kept);
    *kept = *how;
    kept->balancer = how->balancer == NULL ? NULL : strdup(how->balancer);
    kept->plan_name = how->plan_name == NULL ? NULL : strdup(how->plan_name);
    bool lacks =
        (how->balancer != NULL && kept->balancer == NULL) || (how->plan_name != NULL && kept->plan_name == NULL);
    return lacks ? CHARIOT_ENOMEM : 0;
}

int chariot_balancing_set(struct chariot_pe *pe, const struct chariot_balancing *how, char *why, size_t why_size) {
    OBJ_API(pe);
    struct lb_part *part = lb_part_of(pe);
    struct lb_choice choice = {0};
    if (obj_coll_get(pe, lb_group())->num_members > 0) return CHARIOT_ESTATE;
    int rc = how->balancer == NULL ? 0 : lb_choice_parse(how->balancer, &choice, why, why_size);
    if (rc == 0 && !(how->period_s >= 0 && how->period_s <= 1e9)) {
        snprintf(why, why_size, "the period of load balancing is a number of seconds, not %g", how->period_s);
        rc = CHARIOT_EINVAL;
    }
    if (rc != 0) return rc;
    part->choice = choice;
    part->is_set = true;
    return keep(&part->how, how);
}

/* What the job was started with, where the program has said nothing. False: it is wrong; PE 0 says so. */
static bool take_wish(struct chariot_pe *pe) {
    char why[400] = "", line[500];
    const char *text = pe->around.balance_period;
    char *end = NULL;
    struct chariot_balancing how = {.balancer = pe->around.balancer, .log = pe->around.balance_log};
    if (text != NULL) how.period_s = strtod(text, &end);
    int rc = text != NULL && (end == text || *end != 0) ? CHARIOT_EINVAL : 0;
    if (rc != 0) snprintf(why, sizeof why, "the period of load balancing is a number of seconds, not '%.100s'", text);
    if (rc == 0) rc = chariot_balancing_set(pe, &how, why, sizeof why);
    if (rc == 0) return true;
    snprintf(line, sizeof line, "chariot: %s\n", rc == CHARIOT_EINVAL ? why : chariot_error_text(rc));
    if (pe->node.pe == 0) obj_end_abort(pe, 2, line);
    return false;
}

/* ---------------------------------------------------------------- people */

void lb_say(struct chariot_pe *pe, const char *line) {
    if (pe->around.on_warning != NULL)
        pe->around.on_warning(pe->around.ctx, line);
    else
        fputs(line, stderr);
}

static void describe_step(struct chariot_pe *pe, struct chariot_report *report) {
    const struct lb_part *part = lb_part_of(pe);
    char what[200];
    switch (part->step.state) {
    case LB_RESTS:
    case LB_ENDS:
        return;
    case LB_GATHERS:
    case LB_GOSSIPS:
        snprintf(what, sizeof what, "a step of load balancing waits for what PEs have to tell");
        break;
    case LB_MOVES:
        snprintf(what, sizeof what, "a step of load balancing waits for %lld of its %lld moves",
                 (long long)(part->step.planned - part->counts[LB_SETTLED]), (long long)part->step.planned);
    }
    chariot_report_add(report, &(struct chariot_blocked){.what = what});
}

static void describe_waiting(const struct lb_part *part, struct chariot_report *report) {
    char what[160];
    if (part->counts[LB_WAITING] <= 0) return;
    snprintf(what, sizeof what, "%lld of the %lld elements that take part in load balancing have called AtSync()",
             (long long)part->counts[LB_WAITING], (long long)part->counts[LB_TOTAL]);
    chariot_report_add(report, &(struct chariot_blocked){.what = what});
    if (part->counts[LB_UNCOUNTED] > 0)
        chariot_report_add(report,
                           &(struct chariot_blocked){.what = "an array that takes part in load balancing has not been "
                                                             "declared done with its first insertions"});
}

static void describe(struct chariot_pe *pe, struct chariot_report *report) {
    if (pe->node.pe != 0) return;
    describe_waiting(lb_part_of(pe), report);
    describe_step(pe, report);
}

/* ---------------------------------------------------------------- life */

static int init(struct chariot_pe *pe) {
    pe->balance = calloc(1, sizeof(struct lb_part));
    if (pe->balance == NULL) return CHARIOT_ENOMEM;
    return obj_resident_init(pe, OBJ_RESIDENT_BALANCER, &group_type);
}

static void on_start(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    bool good = part->is_set || take_wish(pe);
    obj_resident_start(pe, OBJ_RESIDENT_BALANCER);
    if (!good || !lb_has_balancer(part)) return;
    int rc = obj_load_measure(pe, true);
    if (rc == 0 && lb_wants_edges(part)) rc = obj_load_count_traffic(pe);
    if (rc != 0) obj_out_of_memory(pe);
    lb_when_ended(pe, 0);
    lb_watch_begin(pe, !part->how.on_demand);
}

static void on_end(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    if (part == NULL) return;
    forget(&part->how);
    lb_rumour_free(part);
    free(part->step.asked);
    free(part->step.served);
    free(part);
    pe->balance = NULL;
}

static void on_total(struct chariot_pe *pe, int64_t elements, int64_t uncounted) {
    if (elements != 0) lb_note(pe, LB_TOTAL, elements);
    if (uncounted != 0) lb_note(pe, LB_UNCOUNTED, uncounted);
}

static void on_elem_gone(struct chariot_pe *pe, const struct chariot_elem *elem) {
    const struct obj_move *move = elem->move;
    if (elem->synced && (move == NULL || !move->synced_late)) lb_note(pe, LB_WAITING, -1);
    if (move != NULL && move->in_step) lb_move_refused(pe, NULL);
}

const struct obj_balance_ops obj_balance_ops = {.init = init,
                                                .start = on_start,
                                                .deinit = on_end,
                                                .on_total = on_total,
                                                .on_gone = on_elem_gone,
                                                .on_turn = lb_watch_on_turn,
                                                .on_due = lb_watch_on_due,
                                                .on_phase = lb_record_phase,
                                                .describe = describe};
