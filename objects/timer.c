/* Timers (a binary heap by time, then by order of setting) and posted functions. */
#include <stdlib.h>

#include "objects/meter.h"

static bool before(const struct obj_timer *a, const struct obj_timer *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

/* At this place of the heap stands `timer` now. */
static void put(struct chariot_pe *pe, size_t at, struct obj_timer timer) {
    pe->timers[at] = timer;
    if (timer.handle != NULL) timer.handle->place_ = at + 1;
}

static void rise(struct chariot_pe *pe, size_t at, struct obj_timer timer) {
    for (; at > 0 && before(&timer, &pe->timers[(at - 1) / 2]); at = (at - 1) / 2)
        put(pe, at, pe->timers[(at - 1) / 2]);
    put(pe, at, timer);
}

static void sink(struct chariot_pe *pe, size_t at, struct obj_timer timer) {
    for (size_t child; (child = 2 * at + 1) < pe->num_timers; at = child) {
        if (child + 1 < pe->num_timers && before(&pe->timers[child + 1], &pe->timers[child])) child++;
        if (!before(&pe->timers[child], &timer)) break;
        put(pe, at, pe->timers[child]);
    }
    put(pe, at, timer);
}

static int add(struct chariot_pe *pe, struct obj_timer timer) {
    if (pe->num_timers == pe->cap_timers) {
        size_t cap = pe->cap_timers == 0 ? 16 : 2 * pe->cap_timers;
        struct obj_timer *timers = realloc(pe->timers, cap * sizeof *timers);
        if (timers == NULL) return CHARIOT_ENOMEM;
        pe->timers = timers;
        pe->cap_timers = cap;
    }
    timer.order = pe->timer_order++;
    rise(pe, pe->num_timers++, timer);
    return 0;
}

static struct obj_timer take_out(struct chariot_pe *pe, size_t at) {
    struct obj_timer timer = pe->timers[at], last = pe->timers[--pe->num_timers];
    if (timer.handle != NULL) timer.handle->place_ = 0;
    if (at == pe->num_timers) return timer;
    if (at > 0 && before(&last, &pe->timers[(at - 1) / 2]))
        rise(pe, at, last);
    else
        sink(pe, at, last);
    return timer;
}

int obj_timer_add(struct chariot_pe *pe, int64_t at_ns, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    return add(pe, (struct obj_timer){.at_ns = at_ns, .fn = fn, .ctx = ctx});
}

int obj_timer_start(struct chariot_pe *pe, struct chariot_timer *timer, int64_t at_ns,
                    void (*fn)(struct chariot_pe *, void *), void *ctx) {
    if (timer->place_ != 0) return CHARIOT_ESTATE;
    return add(pe, (struct obj_timer){.at_ns = at_ns, .fn = fn, .ctx = ctx, .handle = timer});
}

void obj_timer_stop(struct chariot_pe *pe, struct chariot_timer *timer) {
    if (timer->place_ != 0) take_out(pe, timer->place_ - 1);
}

void obj_timer_run_due(struct chariot_pe *pe) {
    uint64_t set_by_now = pe->timer_order; /* what a timer sets runs in a later turn */
    while (pe->num_timers > 0 && pe->timers[0].at_ns <= pe->now_ns && pe->timers[0].order < set_by_now && !pe->ending) {
        struct obj_timer due = take_out(pe, 0);
        OBJ_METER_ROW(pe, OBJ_ROW_TIMER, RPC_TIMELINE_TIMER);
        pe->quiet.worked = true;
        rpc_turn_lend(&pe->node.turn);
        due.fn(pe, due.ctx);
        rpc_turn_take(&pe->node.turn);
        OBJ_METER_END(pe);
    }
}

int64_t obj_pe_deadline_ns(const struct chariot_pe *pe) {
    int64_t timer_ns = pe->num_timers == 0 ? INT64_MAX : pe->timers[0].at_ns;
    int64_t first_ns = timer_ns < pe->quiet.due_ns ? timer_ns : pe->quiet.due_ns;
    if (pe->watch.due_ns < first_ns) first_ns = pe->watch.due_ns;
    return pe->balance_due_ns < first_ns ? pe->balance_due_ns : first_ns;
}

static int64_t after(const struct chariot_pe *pe, int64_t delay_ns) {
    int64_t now = chariot_now_ns(pe);
    return delay_ns > INT64_MAX - now ? INT64_MAX : now + (delay_ns < 0 ? 0 : delay_ns);
}

int chariot_after(struct chariot_pe *pe, int64_t delay_ns, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    OBJ_API(pe);
    return obj_timer_add(pe, after(pe, delay_ns), fn, ctx);
}

int chariot_timer_start(struct chariot_pe *pe, struct chariot_timer *timer, int64_t delay_ns,
                        void (*fn)(struct chariot_pe *, void *), void *ctx) {
    OBJ_API(pe);
    return obj_timer_start(pe, timer, after(pe, delay_ns), fn, ctx);
}

void chariot_timer_stop(struct chariot_pe *pe, struct chariot_timer *timer) {
    if (timer->place_ == 0) return;
    OBJ_API(pe);
    obj_timer_stop(pe, timer);
}

int obj_post(struct chariot_pe *pe, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    struct chariot_msg *msg = rpc_msg_new(0);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->kind = OBJ_KIND_TASK;
    msg->reply = (uint64_t)(uintptr_t)fn;
    msg->seq = (uint64_t)(uintptr_t)ctx;
    obj_pe_queue_take(pe, msg);
    return 0;
}

int chariot_post(struct chariot_pe *pe, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    OBJ_API(pe);
    return obj_post(pe, fn, ctx);
}

void obj_task_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    void (*fn)(struct chariot_pe *, void *) = (void (*)(struct chariot_pe *, void *))(uintptr_t)msg->reply;
    rpc_turn_lend(&pe->node.turn);
    fn(pe, (void *)(uintptr_t)msg->seq);
    rpc_turn_take(&pe->node.turn);
}
