/* Who takes part in steps of load balancing, who waits for the end of one; and how PE 0 hears what PEs count.
 *
 * Counts go up the job's tree as changes: what has come together here and below since the last one, told behind what
 * waits to run here now. So no PE hears of more than its tree children tell it. A change says how many steps, and how
 * many phases, have ended where it comes from: what belongs to one that is over counts no longer. */
#include <string.h>

#include "lb/step.h"
#include "objects/layout.h"
#include "objects/move.h"

enum { MOST_DIGITS = 40 }; /* of a count that a PE may tell, as bits */

/* What a change says, as it lies in memory. */
struct changes {
    uint64_t syncs, phase;
    int64_t counts[LB_NUM_COUNTS];
};

/* ---------------------------------------------------------------- counting */

void lb_note(struct chariot_pe *pe, enum lb_count what, int64_t more) {
    struct lb_part *part = lb_part_of(pe);
    part->counts[what] += more;
    if (part->telling || pe->ending) return;
    part->telling = true;
    lb_call_take(pe, pe->node.pe, LB_CALL_TELL, NULL);
}

static bool is_sound(const struct changes *changes) {
    for (int what = 0; what < LB_NUM_COUNTS; what++) {
        int64_t count = changes->counts[what];
        if (count > (int64_t)1 << MOST_DIGITS || count < -((int64_t)1 << MOST_DIGITS)) return false;
    }
    return true;
}

int lb_on_changed(struct chariot_call *call) {
    OBJ_API(call->pe);
    const struct lb_part *part = lb_part_of(call->pe);
    struct changes changes;
    const uint8_t *data;
    int rc = lb_bytes_read(call->args, sizeof changes, &data, NULL);
    if (rc != 0) return rc;
    memcpy(&changes, data, sizeof changes);
    if (!is_sound(&changes)) return CHARIOT_EMALFORMED;
    for (int what = 0; what < LB_NUM_COUNTS; what++) {
        bool over =
            (what == LB_WAITING && changes.syncs != part->syncs) || (what > LB_WAITING && changes.phase != part->phase);
        if (!over && changes.counts[what] != 0) lb_note(call->pe, (enum lb_count)what, changes.counts[what]);
    }
    return 0;
}

static void tell_parent(struct chariot_pe *pe, struct lb_part *part) {
    struct changes changes = {.syncs = part->syncs, .phase = part->phase};
    memcpy(changes.counts, part->counts, sizeof changes.counts);
    memset(part->counts, 0, sizeof part->counts);
    struct chariot_msg *args = lb_bytes_new(pe, &changes, sizeof changes);
    if (args != NULL) lb_call_take(pe, (uint32_t)obj_tree_parent(pe, 0), LB_CALL_CHANGED, args);
}

int lb_on_tell(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    OBJ_API(pe);
    struct lb_part *part = lb_part_of(pe);
    part->telling = false;
    if (pe->node.pe != 0)
        tell_parent(pe, part);
    else
        lb_step_on_counts(pe);
    return 0;
}

/* ---------------------------------------------------------------- who waits */

bool lb_all_wait(const struct lb_part *part) {
    const int64_t *counts = part->counts;
    return counts[LB_UNCOUNTED] == 0 && counts[LB_TOTAL] > 0 && counts[LB_WAITING] == counts[LB_TOTAL];
}

int chariot_at_sync(struct chariot_pe *pe, struct chariot_elem *elem) {
    OBJ_API(pe);
    if (!elem->at_sync) return CHARIOT_EINVAL;
    if (elem->synced) return CHARIOT_ESTATE;
    elem->synced = true;
    if (elem->move != NULL && elem->move->wants && !elem->move->in_step)
        elem->move->synced_late = true; /* so that no step ends while it is on its way */
    else
        lb_note(pe, LB_WAITING, 1);
    return 0;
}

static void resume(struct chariot_pe *pe, const struct chariot_elem *elem, uint32_t method) {
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = method};
    obj_elem_ref(elem, &target.ref);
    obj_call_target_take(pe, &target, NULL);
}

static void resume_all_of(void *value, void *ctx) {
    const struct obj_coll *coll = value;
    struct chariot_pe *pe = ctx;
    if (coll->kind != CHARIOT_ARRAY_OF) return;
    uint32_t method = obj_type_find_method(pe->types[coll->type], "resumeFromSync");
    for (size_t i = 0; i < coll->num_members; i++) {
        struct chariot_elem *elem = coll->members[i] == NULL ? NULL : coll->members[i]->elem;
        if (elem == NULL || !elem->synced) continue;
        elem->synced = false;
        if (method != UINT32_MAX) resume(pe, elem, method);
    }
}

void lb_resume(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    part->syncs++;
    part->counts[LB_WAITING] = 0; /* PE 0 has counted them all */
    obj_map_each(&pe->collections, resume_all_of, pe);
}
