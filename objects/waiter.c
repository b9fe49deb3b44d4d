#include "objects/waiter.h"

#include "objects/pe.h"

void obj_waiters_init(struct obj_waiters *list) {
    *list = (struct obj_waiters){.end = &list->first};
}

static void append(struct obj_waiters *list, struct chariot_waiter *waiter) {
    waiter->next_ = NULL;
    waiter->prev_ = list->end;
    waiter->list_ = list;
    *list->end = waiter;
    list->end = &waiter->next_;
    list->count++;
}

static void leave(struct chariot_waiter *waiter) {
    struct obj_waiters *list = waiter->list_;
    *waiter->prev_ = waiter->next_;
    if (waiter->next_ != NULL)
        waiter->next_->prev_ = waiter->prev_;
    else
        list->end = waiter->prev_;
    list->count--;
    waiter->list_ = NULL;
}

void obj_waiter_add(struct chariot_pe *pe, struct obj_waiters *list, struct chariot_waiter *waiter,
                    const struct obj_waiter_ops *ops, void *on) {
    waiter->pe_ = pe;
    waiter->ops_ = ops;
    waiter->on_ = on;
    append(list, waiter);
}

void obj_waiter_ready(struct chariot_waiter *waiter) {
    leave(waiter);
    append(&waiter->pe_->ready, waiter);
}

void obj_waiters_ready(struct obj_waiters *list) {
    while (list->first != NULL) obj_waiter_ready(list->first);
}

void obj_waiters_run(struct chariot_pe *pe) {
    for (size_t left = pe->ready.count; left > 0 && pe->ready.first != NULL && !pe->ending; left--) {
        struct chariot_waiter *waiter = pe->ready.first;
        const struct obj_waiter_ops *ops = waiter->ops_;
        void *on = waiter->on_;
        leave(waiter);
        pe->quiet.worked = true;
        if (ops->on_call != NULL) ops->on_call(waiter);
        rpc_turn_lend(&pe->node.turn);
        waiter->fn(pe, waiter->ctx);
        rpc_turn_take(&pe->node.turn);
        ops->release(on);
    }
}

void chariot_waiter_forget(struct chariot_waiter *waiter) {
    if (waiter->list_ == NULL) return;
    struct chariot_pe *pe = waiter->pe_;
    OBJ_API(pe);
    bool ready = waiter->list_ == &pe->ready;
    leave(waiter);
    if (waiter->ops_->on_forget != NULL) waiter->ops_->on_forget(waiter, ready);
    waiter->ops_->release(waiter->on_);
}
