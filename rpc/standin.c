/* rpc/standin.c: the thread that polls in the scheduler's stead (standin.h).
 *
 *              tick, and the loop has not turned,
 *              is not asleep, and all turns are lent
 *   WATCHING ----------------------------------------> SERVING: borrow, poll, return, wait for one event, ...
 *            <----------------------------------------
 *              the loop has turned, or a turn is taken
 *
 * Where the loop sleeps and has not turned for a second it dozes, without ticks, until it is called.
 */
#include "rpc/standin.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/grpc_hub.h"
#include "rpc/grpc_transport.h"
#include "rpc/loop_impl.h"

enum {
    TICK_MS = 5,
    IDLE_TICK_MS = 50,
    ACTIVE_NS = 1000000000, /* the scheduler counts as active for so long after its last turn; then, asleep, as idle */
    WAIT_NS = 5000000,      /* longest wait for one event while serving */
};

struct rpc_standin {
    struct rpc_hub *hub;
    pthread_t thread;
    pthread_mutex_t lock; /* of the hub's list of transports; held while turns are borrowed */
    _Atomic(bool) stopping;
    uint64_t turns;    /* the loop's, when last looked at */
    int64_t turned_ns; /* when they had changed */
};

static bool turned(struct rpc_standin *standin) {
    return atomic_load_explicit(&standin->hub->loop->turns, memory_order_relaxed) != standin->turns;
}

static bool asleep(struct rpc_standin *standin) {
    return atomic_load(&standin->hub->loop->place) != RPC_LOOP_RUNNING;
}

static void return_until(struct rpc_standin *standin, struct rpc_grpc *end) {
    for (struct rpc_grpc *g = standin->hub->transports; g != end; g = g->next) rpc_turn_return(&g->node->turn);
}

/* All turns of the loop or none. */
static bool borrow_all(struct rpc_standin *standin) {
    pthread_mutex_lock(&standin->lock);
    for (struct rpc_grpc *g = standin->hub->transports; g != NULL; g = g->next) {
        if (rpc_turn_borrow(&g->node->turn)) continue;
        return_until(standin, g);
        pthread_mutex_unlock(&standin->lock);
        return false;
    }
    return true;
}

static void return_all(struct rpc_standin *standin) {
    return_until(standin, NULL);
    pthread_mutex_unlock(&standin->lock);
}

/* The scheduler took its turn back while the event was being waited for; it may even have gone to sleep since. */
static void leave_event(struct rpc_standin *standin, struct rpc_tag *tag, bool ok) {
    rpc_hub_hand_over(standin->hub, tag, ok);
    if (atomic_load(&standin->hub->loop->place) == RPC_LOOP_ASLEEP_IN_CQ) rpc_hub_ring(standin->hub);
}

static void tell_busy(struct rpc_standin *standin) {
    for (struct rpc_grpc *g = standin->hub->transports; g != NULL; g = g->next) {
        if (g->node->up->on_busy != NULL) g->node->up->on_busy(g->node->owner);
    }
}

/* Polls as long as the loop does not turn. */
static void serve(struct rpc_standin *standin) {
    while (!atomic_load(&standin->stopping) && !turned(standin) && !asleep(standin) && borrow_all(standin)) {
        rpc_hub_poll_instead(standin->hub);
        tell_busy(standin);
        return_all(standin);
        struct rpc_tag *tag;
        bool ok;
        if (!rpc_hub_take(standin->hub, WAIT_NS, &tag, &ok)) continue;
        if (turned(standin) || !borrow_all(standin)) {
            leave_event(standin, tag, ok);
            return;
        }
        rpc_hub_handle(tag, ok);
        return_all(standin);
    }
}

/* Of an idle PE there is nothing to watch: its loop calls when it runs again. It writes `place` and then reads
 * `standin_dozes`, here they are written and read the other way round, so one of both sees the other. */
static bool doze(struct rpc_standin *standin) {
    atomic_store(&standin->hub->loop->standin_dozes, true);
    if (asleep(standin)) return true;
    atomic_store(&standin->hub->loop->standin_dozes, false);
    return false;
}

/* Waits for the next tick; true: the loop is to be woken, or has called. */
static bool wait_tick(struct rpc_standin *standin) {
    bool active = rpc_loop_now_ns() - standin->turned_ns < ACTIVE_NS, dozes = !active && doze(standin);
    struct pollfd fd = {.fd = standin->hub->loop->wake_fd, .events = POLLIN};
    int ready = poll(&fd, 1, active ? TICK_MS : dozes ? -1 : IDLE_TICK_MS);
    if (dozes) {
        atomic_store(&standin->hub->loop->standin_dozes, false);
        standin->turned_ns = rpc_loop_now_ns();
    }
    if (ready <= 0) return false;
    uint64_t count;
    return read(fd.fd, &count, sizeof count) == (ssize_t)sizeof count;
}

static void *standin_main(void *arg) {
    struct rpc_standin *standin = arg;
    while (!atomic_load(&standin->stopping)) {
        bool wake = wait_tick(standin);
        int place = atomic_load(&standin->hub->loop->place);
        if (wake && place == RPC_LOOP_ASLEEP_IN_CQ) rpc_hub_ring(standin->hub);
        uint64_t turns = atomic_load_explicit(&standin->hub->loop->turns, memory_order_relaxed);
        if (turns != standin->turns) {
            standin->turns = turns;
            standin->turned_ns = rpc_loop_now_ns();
        } else if (place == RPC_LOOP_RUNNING) {
            serve(standin);
        }
    }
    return NULL;
}

/* Signals belong to the program's own threads. */
static int start_thread(struct rpc_standin *standin) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&standin->thread, NULL, standin_main, standin);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return CHARIOT_EIO;
    pthread_setname_np(standin->thread, "chariot-standin");
    return 0;
}

int rpc_standin_start(struct rpc_hub *hub, struct rpc_standin **out) {
    struct rpc_standin *standin = calloc(1, sizeof *standin);
    if (standin == NULL) return CHARIOT_ENOMEM;
    standin->hub = hub;
    standin->turned_ns = rpc_loop_now_ns();
    pthread_mutex_init(&standin->lock, NULL);
    int error = start_thread(standin);
    if (error != 0) {
        pthread_mutex_destroy(&standin->lock);
        free(standin);
        return error;
    }
    *out = standin;
    return 0;
}

void rpc_standin_stop(struct rpc_standin *standin) {
    if (standin == NULL) return;
    atomic_store(&standin->stopping, true);
    uint64_t one = 1;
    ssize_t written = write(standin->hub->loop->wake_fd, &one, sizeof one);
    (void)written; /* it ticks anyway */
    pthread_join(standin->thread, NULL);
    pthread_mutex_destroy(&standin->lock);
    free(standin);
}

void rpc_standin_lock(struct rpc_standin *standin) {
    pthread_mutex_lock(&standin->lock);
}

void rpc_standin_unlock(struct rpc_standin *standin) {
    pthread_mutex_unlock(&standin->lock);
}
