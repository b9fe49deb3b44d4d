/* rpc/standin.c: the thread that polls in the scheduler's stead (standin.h).
 *
 *              tick, and the loop has not turned,
 *              is not asleep, and all turns are lent
 *   WATCHING ----------------------------------------> SERVING: borrow, poll, return, wait for something, ...
 *            <----------------------------------------
 *              the loop has turned, or a turn is taken
 *
 * Where the loop sleeps and has not turned for a second it dozes, without ticks, until it is called. What it reads of
 * the loop (nodes, hub, shm ends) changes only while it is paused.
 */
#include "rpc/standin.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/loop_impl.h"
#include "rpc/node.h"
#include "rpc/shm.h"

enum {
    TICK_MS = 5,
    IDLE_TICK_MS = 50,
    ACTIVE_NS = 1000000000, /* the scheduler counts as active for so long after its last turn; then, asleep, as idle */
    WAIT_MS = 5,            /* longest wait while serving */
    SHORT_WAIT_MS = 1,      /* the same in gRPC's queue where there is shared memory to look at too */
    FDS = 8,                /* shm ends of one loop that end a wait; a job's process has one */
};

struct rpc_standin {
    struct rpc_loop *loop;
    pthread_t thread;
    _Atomic(bool) stopping;
    bool rang;         /* it has ended the loop's sleep, and the loop has not turned since */
    uint64_t turns;    /* the loop's, when last looked at */
    int64_t turned_ns; /* when they had changed */
};

static bool turned(struct rpc_standin *standin) {
    return atomic_load_explicit(&standin->loop->turns, memory_order_relaxed) != standin->turns;
}

static bool asleep(struct rpc_standin *standin) {
    return atomic_load(&standin->loop->place) != RPC_LOOP_RUNNING;
}

static void return_until(struct rpc_standin *standin, struct rpc_node *end) {
    for (struct rpc_node *node = standin->loop->nodes; node != end; node = node->next_on_loop)
        rpc_turn_return(&node->turn);
}

/* All turns of the loop or none. */
static bool borrow_all(struct rpc_standin *standin) {
    for (struct rpc_node *node = standin->loop->nodes; node != NULL; node = node->next_on_loop) {
        if (rpc_turn_borrow(&node->turn)) continue;
        return_until(standin, node);
        return false;
    }
    return true;
}

static void return_all(struct rpc_standin *standin) {
    return_until(standin, NULL);
}

/* ---------------------------------------------------------------- serving */

static void tell_busy(struct rpc_standin *standin) {
    for (struct rpc_node *node = standin->loop->nodes; node != NULL; node = node->next_on_loop) {
        if (node->up->on_busy != NULL) node->up->on_busy(node->owner);
    }
}

static void poll_instead(struct rpc_standin *standin) {
    for (struct rpc_shm *shm = standin->loop->shms; shm != NULL; shm = rpc_shm_next(shm)) {
        rpc_shm_rise(shm);
        rpc_shm_attend(shm);
        rpc_shm_poll(shm, false, true);
    }
    if (standin->loop->hub != NULL) standin->loop->hub_ops->poll_instead(standin->loop->hub);
    tell_busy(standin);
}

/* The scheduler took its turn back while the event was being waited for; it may even have gone to sleep since. */
static void leave_event(struct rpc_standin *standin, struct rpc_tag *tag, bool ok) {
    struct rpc_loop *loop = standin->loop;
    loop->hub_ops->hand_over(loop->hub, tag, ok);
    if (atomic_load(&loop->place) == RPC_LOOP_ASLEEP_IN_CQ) loop->hub_ops->ring(loop->hub);
}

/* Waits for an event of gRPC without a turn; false: the scheduler is back. */
static bool serve_event(struct rpc_standin *standin) {
    struct rpc_tag *tag;
    bool ok;
    int wait_ms = standin->loop->shms != NULL ? SHORT_WAIT_MS : WAIT_MS;
    if (!standin->loop->hub_ops->take(standin->loop->hub, (int64_t)wait_ms * 1000000, &tag, &ok)) return true;
    if (turned(standin) || !borrow_all(standin)) {
        leave_event(standin, tag, ok);
        return false;
    }
    standin->loop->hub_ops->handle(tag, ok);
    return_all(standin);
    return true;
}

/* wake_fd, where asked for, and the descriptors that shared memory rings on. */
static nfds_t list_fds(struct rpc_standin *standin, struct pollfd fds[FDS], bool shms) {
    nfds_t count = 0;
    fds[count++] = (struct pollfd){.fd = standin->loop->wake_fd, .events = POLLIN};
    for (struct rpc_shm *shm = standin->loop->shms; shms && shm != NULL && count < FDS; shm = rpc_shm_next(shm))
        fds[count++] = (struct pollfd){.fd = rpc_shm_fd(shm), .events = POLLIN};
    return count;
}

/* Polls as long as the loop does not turn. */
static void serve(struct rpc_standin *standin) {
    struct pollfd fds[FDS];
    while (!atomic_load(&standin->stopping) && !turned(standin) && !asleep(standin) && borrow_all(standin)) {
        poll_instead(standin);
        /* Risen from with the next turn, here or by the loop: until then a bell too many does no harm. */
        bool wait = standin->loop->hub != NULL || rpc_shm_settle_all(standin->loop->shms);
        return_all(standin);
        if (standin->loop->hub != NULL) {
            if (!serve_event(standin)) return;
        } else if (wait) {
            poll(fds, list_fds(standin, fds, true), WAIT_MS);
        }
    }
}

/* ---------------------------------------------------------------- watching */

/* Of an idle PE there is nothing to watch: its loop calls when it runs again. It writes `place` and then reads
 * `standin_dozes`, here they are written and read the other way round, so one of both sees the other. */
static bool doze(struct rpc_standin *standin) {
    atomic_store(&standin->loop->standin_dozes, true);
    if (!asleep(standin)) {
        atomic_store(&standin->loop->standin_dozes, false);
        return false;
    }
    for (struct rpc_shm *shm = standin->loop->shms; shm != NULL; shm = rpc_shm_next(shm)) rpc_shm_trim(shm);
    return true;
}

static bool called(struct rpc_standin *standin) {
    uint64_t count;
    return read(standin->loop->wake_fd, &count, sizeof count) == (ssize_t)sizeof count;
}

/* Waits for the next tick; true: the loop's sleep in the queue is to be ended, or the loop has called. Of what rings
 * for a loop that sleeps elsewhere that loop hears itself. */
static bool wait_tick(struct rpc_standin *standin) {
    bool active = rpc_loop_now_ns() - standin->turned_ns < ACTIVE_NS, dozes = !active && doze(standin);
    bool shms = !standin->rang && atomic_load(&standin->loop->place) == RPC_LOOP_ASLEEP_IN_CQ;
    struct pollfd fds[FDS];
    nfds_t count = list_fds(standin, fds, shms);
    int ready = poll(fds, count, active ? TICK_MS : dozes ? -1 : IDLE_TICK_MS);
    if (dozes) {
        atomic_store(&standin->loop->standin_dozes, false);
        standin->turned_ns = rpc_loop_now_ns();
    }
    if (ready <= 0) return false;
    return called(standin) || shms;
}

static void *standin_main(void *arg) {
    struct rpc_standin *standin = arg;
    while (!atomic_load(&standin->stopping)) {
        bool wake = wait_tick(standin);
        int place = atomic_load(&standin->loop->place);
        if (wake && place == RPC_LOOP_ASLEEP_IN_CQ) {
            standin->loop->hub_ops->ring(standin->loop->hub);
            standin->rang = true;
        }
        uint64_t turns = atomic_load_explicit(&standin->loop->turns, memory_order_relaxed);
        if (turns != standin->turns) {
            standin->turns = turns;
            standin->turned_ns = rpc_loop_now_ns();
            standin->rang = false;
        } else if (place == RPC_LOOP_RUNNING) {
            serve(standin);
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- life */

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

int rpc_standin_resume(struct rpc_loop *loop) {
    if (loop->nodes == NULL || loop->standin != NULL) return 0;
    struct rpc_standin *standin = calloc(1, sizeof *standin);
    if (standin == NULL) return CHARIOT_ENOMEM;
    standin->loop = loop;
    standin->turned_ns = rpc_loop_now_ns();
    int error = start_thread(standin);
    if (error != 0) {
        free(standin);
        return error;
    }
    loop->standin = standin;
    return 0;
}

void rpc_standin_pause(struct rpc_loop *loop) {
    struct rpc_standin *standin = loop->standin;
    if (standin == NULL) return;
    atomic_store(&standin->stopping, true);
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* it ticks anyway */
    pthread_join(standin->thread, NULL);
    atomic_store(&loop->standin_dozes, false);
    free(standin);
    loop->standin = NULL;
}

int rpc_standin_join(struct rpc_loop *loop, struct rpc_node *node) {
    if (node->standin_joins++ > 0) return 0;
    rpc_standin_pause(loop);
    rpc_turn_share(&node->turn);
    node->next_on_loop = loop->nodes;
    loop->nodes = node;
    int error = rpc_standin_resume(loop);
    if (error != 0) rpc_standin_leave(loop, node);
    return error;
}

void rpc_standin_leave(struct rpc_loop *loop, struct rpc_node *node) {
    rpc_standin_pause(loop);
    if (--node->standin_joins > 0) return;
    struct rpc_node **at = &loop->nodes;
    while (*at != node) at = &(*at)->next_on_loop;
    *at = node->next_on_loop;
    node->turn.shared = false;
}
