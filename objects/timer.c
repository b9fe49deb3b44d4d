/* Timers (a binary heap by time, then by order of setting) and posted functions. */
#include <stdlib.h>

#include "objects/pe.h"

static bool before(const struct obj_timer *a, const struct obj_timer *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct obj_timer *a, struct obj_timer *b) {
    struct obj_timer kept = *a;
    *a = *b;
    *b = kept;
}

int obj_timer_add(struct chariot_pe *pe, int64_t at_ns, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    if (pe->num_timers == pe->cap_timers) {
        size_t cap = pe->cap_timers == 0 ? 16 : 2 * pe->cap_timers;
        struct obj_timer *timers = realloc(pe->timers, cap * sizeof *timers);
        if (timers == NULL) return CHARIOT_ENOMEM;
        pe->timers = timers;
        pe->cap_timers = cap;
    }
    size_t at = pe->num_timers++;
    pe->timers[at] = (struct obj_timer){at_ns, pe->timer_order++, fn, ctx};
    for (; at > 0 && before(&pe->timers[at], &pe->timers[(at - 1) / 2]); at = (at - 1) / 2) {
        swap(&pe->timers[at], &pe->timers[(at - 1) / 2]);
    }
    return 0;
}

static struct obj_timer pop(struct chariot_pe *pe) {
    struct obj_timer first = pe->timers[0];
    pe->timers[0] = pe->timers[--pe->num_timers];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < pe->num_timers && before(&pe->timers[left], &pe->timers[least])) least = left;
        if (right < pe->num_timers && before(&pe->timers[right], &pe->timers[least])) least = right;
        if (least == at) return first;
        swap(&pe->timers[at], &pe->timers[least]);
        at = least;
    }
}

void obj_timer_run_due(struct chariot_pe *pe) {
    uint64_t set_by_now = pe->timer_order; /* what a timer sets runs in a later turn */
    while (pe->num_timers > 0 && pe->timers[0].at_ns <= pe->now_ns && pe->timers[0].order < set_by_now && !pe->ending) {
        struct obj_timer due = pop(pe);
        rpc_turn_lend(&pe->node.turn);
        due.fn(pe, due.ctx);
        rpc_turn_take(&pe->node.turn);
    }
}

int64_t obj_pe_deadline_ns(const struct chariot_pe *pe) {
    return pe->num_timers == 0 ? INT64_MAX : pe->timers[0].at_ns;
}

int chariot_after(struct chariot_pe *pe, int64_t delay_ns, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    OBJ_API(pe);
    int64_t now = chariot_now_ns(pe);
    return obj_timer_add(pe, delay_ns > INT64_MAX - now ? INT64_MAX : now + (delay_ns < 0 ? 0 : delay_ns), fn, ctx);
}

int chariot_post(struct chariot_pe *pe, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    OBJ_API(pe);
    struct chariot_msg *msg = rpc_msg_new(0);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->kind = OBJ_KIND_TASK;
    msg->reply = (uint64_t)(uintptr_t)fn;
    msg->seq = (uint64_t)(uintptr_t)ctx;
    obj_pe_queue_take(pe, msg);
    return 0;
}

void obj_task_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    void (*fn)(struct chariot_pe *, void *) = (void (*)(struct chariot_pe *, void *))(uintptr_t)msg->reply;
    rpc_turn_lend(&pe->node.turn);
    fn(pe, (void *)(uintptr_t)msg->seq);
    rpc_turn_take(&pe->node.turn);
}
