/* rpc/spare.c: a list of freed messages that its own thread uses without atomics, and one that other threads add to. */
#include "rpc/spare.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/msg.h"

struct rpc_spares {
    pthread_t owner;
    struct chariot_msg *list; /* last in, first out: its memory is warm */
    size_t count, keep;
    size_t out;                           /* given, and not yet taken back by the owner */
    bool released;                        /* nothing is kept any more */
    _Atomic(struct chariot_msg *) strays; /* freed by other threads */
};

int rpc_spares_new(size_t keep, struct rpc_spares **out) {
    struct rpc_spares *spares = calloc(1, sizeof *spares);
    if (spares == NULL) return CHARIOT_ENOMEM;
    spares->owner = pthread_self();
    spares->keep = keep;
    *out = spares;
    return 0;
}

static void keep_take(struct rpc_spares *spares, struct chariot_msg *msg) {
    spares->out--;
    if (spares->count >= spares->keep) {
        free(msg);
        return;
    }
    msg->next = spares->list;
    spares->list = msg;
    spares->count++;
}

static void collect_strays(struct rpc_spares *spares) {
    if (atomic_load_explicit(&spares->strays, memory_order_relaxed) == NULL) return;
    struct chariot_msg *msg = atomic_exchange(&spares->strays, NULL);
    while (msg != NULL) {
        struct chariot_msg *next = msg->next;
        keep_take(spares, msg);
        msg = next;
    }
}

static void free_if_done(struct rpc_spares *spares) {
    collect_strays(spares);
    if (spares->out == 0) free(spares);
}

void rpc_spares_release(struct rpc_spares *spares) {
    if (spares == NULL) return;
    while (spares->list != NULL) {
        struct chariot_msg *next = spares->list->next;
        free(spares->list);
        spares->list = next;
    }
    spares->count = spares->keep = 0;
    spares->released = true;
    free_if_done(spares);
}

static struct chariot_msg *obtain(struct rpc_spares *spares) {
    if (spares->list == NULL) collect_strays(spares);
    struct chariot_msg *msg = spares->list;
    if (msg == NULL) return malloc(sizeof *msg + RPC_SPARE_PAYLOAD);
    spares->list = msg->next;
    spares->count--;
    return msg;
}

struct chariot_msg *rpc_msg_new_from(struct rpc_spares *spares, size_t capacity) {
    bool ours = spares != NULL && capacity <= RPC_SPARE_PAYLOAD && pthread_equal(spares->owner, pthread_self());
    if (!ours) return rpc_msg_new(capacity);
    struct chariot_msg *msg = obtain(spares);
    if (msg == NULL) return NULL;
    rpc_msg_init(msg, RPC_SPARE_PAYLOAD);
    msg->home = spares;
    spares->out++;
    return msg;
}

void rpc_spares_put_take(struct rpc_spares *spares, struct chariot_msg *msg) {
    if (pthread_equal(spares->owner, pthread_self())) {
        keep_take(spares, msg);
        if (spares->released) free_if_done(spares);
        return;
    }
    msg->next = atomic_load_explicit(&spares->strays, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&spares->strays, &msg->next, msg)) {
    }
}
