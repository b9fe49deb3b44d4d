/* rpc/loop_impl.h: what a loop is made of, for rpc/loop.c, rpc/standin.c and the transports only.
 *
 * All fields belong to the loop's thread but the atomics, which the stand-in, wakers and signal handlers share. */
#ifndef CHARIOT_RPC_LOOP_IMPL_H
#define CHARIOT_RPC_LOOP_IMPL_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/hub.h"
#include "rpc/loop.h"

struct rpc_shm;
struct rpc_standin;

/* Where the loop's thread is. A waker reads it to know whether anything must be done to end a sleep. */
enum rpc_loop_place {
    RPC_LOOP_RUNNING,
    RPC_LOOP_ASLEEP_IN_EV, /* ended by ev_async */
    RPC_LOOP_ASLEEP_IN_CQ, /* ended by the stand-in, which is asked through wake_fd */
};

/* A call that another thread asked for. */
struct rpc_loop_errand {
    void (*fn)(void *ctx);
    void *ctx;
    struct rpc_loop_errand *next;
};

struct rpc_loop {
    struct ev_loop *ev;
    ev_async ev_wake;
    ev_timer ev_deadline;
    unsigned ev_handled; /* callbacks that libev has run in this turn */
    bool ev_sleeps;      /* libev's next wait is a real sleep */
    struct rpc_hub *hub; /* NULL: no gRPC transport is open on this loop */
    const struct rpc_hub_ops *hub_ops;
    struct rpc_shm *shms;                      /* the ends of the shm transport on this loop */
    struct rpc_node *nodes;                    /* that the stand-in serves; changed while it is paused */
    struct rpc_standin *standin;               /* NULL: paused, or nothing to be served */
    _Atomic(struct rpc_loop_errand *) errands; /* the last one first */
    _Atomic(bool) woken;
    _Atomic(int) place;          /* enum rpc_loop_place */
    _Atomic(uint64_t) turns;     /* written by the loop's thread alone */
    _Atomic(bool) standin_dozes; /* it waits for wake_fd alone, to be called when the loop runs again */
    int wake_fd;                 /* eventfd that the stand-in waits on */
    unsigned stride;             /* busy turns between two looks at the clock */
    unsigned since_look;         /* busy turns since the last one */
    int64_t looked_ns;
    int64_t spin_ns;   /* how long the next wait looks before it sleeps */
    int64_t polled_ns; /* when the network was asked last */
    int64_t ev_ran_ns; /* when libev was */
    void (*before_sleep)(void *ctx);
    void (*after_sleep)(void *ctx);
    void *sleep_ctx;
};

#endif
