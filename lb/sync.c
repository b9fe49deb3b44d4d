/* Steps: who takes part, who has said that it waits, and the end of a step.
 *
 * The PEs' parts are the elements of a group that is known from the first moment, as the runtime is. Both counts, of
 * those that take part and of those that wait, go up the job's tree to PE 0 as changes: what has come together here and
 * below since the last one, told behind what waits to run here now. When the two are equal PE 0 broadcasts the end of
 * the step. A change says which step it is of: those of one that has ended no longer count. */
#include <stdio.h>
#include <stdlib.h>

#include "lb/lb.h"
#include "objects/balance.h"
#include "objects/call.h"
#include "objects/layout.h"
#include "objects/runtime.h"

/* This PE's part. At PE 0 the counts are the job's; elsewhere, what the tree parent has not been told. */
struct lb_sync {
    int64_t total, waiting;
    int64_t uncounted; /* collections whose elements take part, of which it is not known how many they are */
    uint64_t step;
    bool telling; /* a call of `tell` is in the run queue */
};

enum { CHANGED, TELL, RESUME };

static uint64_t group_id(void) {
    return obj_id_make(CHARIOT_GROUP, 0, OBJ_RESIDENT_BALANCER);
}

static struct lb_sync *sync_of(const struct chariot_pe *pe) {
    return pe->balance;
}

/* ---------------------------------------------------------------- counting */

static void call(struct chariot_pe *pe, uint32_t on, uint32_t method, struct chariot_msg *args) {
    obj_call_send_take(pe, group_id(), (const uint64_t[3]){on, 0, 0}, 1, method, 0, 0, args);
}

static void note(struct chariot_pe *pe, int64_t total, int64_t uncounted, int64_t waiting) {
    struct lb_sync *sync = sync_of(pe);
    sync->total += total;
    sync->uncounted += uncounted;
    sync->waiting += waiting;
    if (sync->telling || pe->ending) return;
    sync->telling = true;
    call(pe, pe->node.pe, TELL, NULL);
}

static void on_total(struct chariot_pe *pe, int64_t elements, int64_t uncounted) {
    if (elements != 0 || uncounted != 0) note(pe, elements, uncounted, 0);
}

static void on_synced_gone(struct chariot_pe *pe) {
    note(pe, 0, 0, -1);
}

int chariot_at_sync(struct chariot_pe *pe, struct chariot_elem *elem) {
    OBJ_API(pe);
    if (!elem->at_sync) return CHARIOT_EINVAL;
    if (elem->synced) return CHARIOT_ESTATE;
    elem->synced = true;
    note(pe, 0, 0, 1);
    return 0;
}

/* args: the step, the changes; from a tree child. */
static int on_changed(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value step, total, uncounted, waiting;
    chariot_reader_init(&reader, call->args);
    int rc = chariot_get_typed(&reader, CHARIOT_INT, &step);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_INT, &total);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_INT, &uncounted);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_INT, &waiting);
    if (rc != 0) return rc;
    bool now = (uint64_t)step.integer == sync_of(call->pe)->step;
    OBJ_API(call->pe);
    note(call->pe, total.integer, uncounted.integer, now ? waiting.integer : 0);
    return 0;
}

static void tell_parent(struct chariot_pe *pe, struct lb_sync *sync) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, (int64_t)sync->step);
    chariot_put_int(&writer, sync->total);
    chariot_put_int(&writer, sync->uncounted);
    chariot_put_int(&writer, sync->waiting);
    sync->total = sync->uncounted = sync->waiting = 0;
    if (chariot_writer_finish(&writer, &args) != 0)
        obj_out_of_memory(pe);
    else
        call(pe, (uint32_t)obj_tree_parent(pe, 0), CHANGED, args);
}

static int on_tell(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    OBJ_API(pe);
    struct lb_sync *sync = sync_of(pe);
    sync->telling = false;
    if (pe->node.pe != 0) {
        tell_parent(pe, sync);
    } else if (sync->uncounted == 0 && sync->total > 0 && sync->waiting == sync->total) {
        sync->waiting = 0;
        obj_broadcast_take(pe, group_id(), 0, RESUME, 0, 0, NULL);
    }
    return 0;
}

/* ---------------------------------------------------------------- the end of a step */

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

static int on_resume(struct chariot_call *call) {
    OBJ_API(call->pe);
    struct lb_sync *sync = sync_of(call->pe);
    sync->step++;
    if (call->pe->node.pe != 0) sync->waiting = 0; /* PE 0 has counted them all */
    obj_map_each(&call->pe->collections, resume_all_of, call->pe);
    return 0;
}

/* ---------------------------------------------------------------- life */

static const struct chariot_method methods[] = {
    [CHANGED] = {"changed", on_changed}, [TELL] = {"tell", on_tell}, [RESUME] = {"resume", on_resume}};

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static const struct chariot_type type = {.name = "chariot.Balancer",
                                         .methods = methods,
                                         .num_methods = sizeof methods / sizeof methods[0],
                                         .create = create};

static int init(struct chariot_pe *pe) {
    pe->balance = calloc(1, sizeof(struct lb_sync));
    return pe->balance == NULL ? CHARIOT_ENOMEM : obj_resident_init(pe, OBJ_RESIDENT_BALANCER, &type);
}

static void start(struct chariot_pe *pe) {
    obj_resident_start(pe, OBJ_RESIDENT_BALANCER);
}

static void deinit(struct chariot_pe *pe) {
    free(pe->balance);
    pe->balance = NULL;
}

static void describe(struct chariot_pe *pe, struct chariot_report *report) {
    const struct lb_sync *sync = sync_of(pe);
    char what[160];
    if (pe->node.pe != 0 || sync->waiting <= 0) return;
    snprintf(what, sizeof what, "%lld of the %lld elements that take part in load balancing have called AtSync()",
             (long long)sync->waiting, (long long)sync->total);
    chariot_report_add(report, &(struct chariot_blocked){.what = what});
    if (sync->uncounted > 0)
        chariot_report_add(report,
                           &(struct chariot_blocked){.what = "an array that takes part in load balancing has not been "
                                                             "declared done with its first insertions"});
}

const struct obj_balance_ops obj_balance_ops = {.init = init,
                                                .start = start,
                                                .deinit = deinit,
                                                .on_total = on_total,
                                                .on_synced_gone = on_synced_gone,
                                                .describe = describe};
