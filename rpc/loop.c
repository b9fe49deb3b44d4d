/* rpc/loop.c: the event loop and its policy of waiting (loop.h).
 *
 * Busy: shared memory is looked at in every turn; the completion queue is asked when some 20 us have passed, since
 * asking costs 600 ns, and libev every millisecond. Idle: all are asked, then shared memory and the queue are asked
 * over and over for 30 us, or 60 where others work on this core, giving it up each time; then the thread sleeps: in the
 * completion queue where gRPC is open, in slices while libev has watchers, else in libev. Without watchers nothing
 * wakes it but what it waits for. A sleep that was soon over was a mistake: the next waits are longer before they
 * sleep, as long as that pays and nobody else has a use for the core.
 *
 * No wake is lost: the sleeper writes `place` and then reads `woken`, the waker writes `woken` and then reads `place`,
 * all in sequentially consistent order; so are errands written before and read after. */
#include "rpc/loop.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/loop_impl.h"
#include "rpc/shm.h"

enum {
    POLL_NS = 20000,        /* busy: between two looks at the network */
    EV_NS = 1000000,        /* busy: between two at libev */
    SPIN_NS = 30000,        /* idle: before sleeping */
    SPIN_SHARED_NS = 60000, /* the same, where others work meanwhile: a sleep would cost them more */
    PATIENT_NS = 200000,    /* the same, where a wait of less has ended in a sleep */
    SLICE_NS = 20000000,    /* asleep in the completion queue: longest time without a look at libev's watchers */
    ALONE_NS = 1000,        /* a yield and a look that take less: nobody else wants this core */
    SHARED_NS = 2000,       /* one that takes more: somebody else worked here meanwhile */
    LOOKS = 16,             /* at shared memory, between two yields of a core that nobody else wants */
    STRIDE_MAX = 64,
    STRIDE_SHORT_NS = 2000, /* looks at the clock that follow each other faster than this are too many */
    STRIDE_LONG_NS = 5000,
};

static int64_t look_at(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t rpc_loop_now_ns(void) {
    return look_at(CLOCK_MONOTONIC);
}

int64_t rpc_loop_cpu_ns(void) {
    return look_at(CLOCK_THREAD_CPUTIME_ID);
}

struct ev_loop *rpc_loop_ev(struct rpc_loop *loop) {
    return loop->ev;
}

void rpc_loop_set_sleep_hooks(struct rpc_loop *loop, void (*before)(void *ctx), void (*after)(void *ctx), void *ctx) {
    loop->before_sleep = before;
    loop->after_sleep = after;
    loop->sleep_ctx = ctx;
}

/* ---------------------------------------------------------------- libev */

static void invoke_counted(struct ev_loop *ev) {
    struct rpc_loop *loop = ev_userdata(ev);
    loop->ev_handled += ev_pending_count(ev);
    ev_invoke_pending(ev);
}

static void on_ev_wake(struct ev_loop *ev, ev_async *watcher, int events) {}

static void on_ev_deadline(struct ev_loop *ev, ev_timer *watcher, int events) {}

/* True when a callback ran. */
static bool run_ev(struct rpc_loop *loop, int how) {
    loop->ev_handled = 0;
    ev_run(loop->ev, how);
    return loop->ev_handled > 0;
}

/* libev calls these around each of its waits, those of EVRUN_NOWAIT too. */
static void ev_release(struct ev_loop *ev) {
    struct rpc_loop *loop = ev_userdata(ev);
    if (loop->ev_sleeps && loop->before_sleep != NULL) loop->before_sleep(loop->sleep_ctx);
}

static void ev_acquire(struct ev_loop *ev) {
    struct rpc_loop *loop = ev_userdata(ev);
    if (loop->ev_sleeps && loop->after_sleep != NULL) loop->after_sleep(loop->sleep_ctx);
}

static bool has_watchers(struct rpc_loop *loop) {
    return ev_run(loop->ev, EVRUN_NOWAIT) != 0;
}

/* ---------------------------------------------------------------- busy */

/* Reads the clock only now and then, about every 5 us however short the turns are: reading it costs 25 ns. */
static bool clock_due(struct rpc_loop *loop, int64_t *now_ns) {
    if (++loop->since_look < loop->stride) return false;
    loop->since_look = 0;
    *now_ns = rpc_loop_now_ns();
    int64_t passed_ns = *now_ns - loop->looked_ns;
    loop->looked_ns = *now_ns;
    if (passed_ns < STRIDE_SHORT_NS && loop->stride < STRIDE_MAX)
        loop->stride *= 2;
    else if (passed_ns > STRIDE_LONG_NS && loop->stride > 1)
        loop->stride /= 2;
    return true;
}

static int poll_shms(struct rpc_loop *loop) {
    int handled = 0;
    for (struct rpc_shm *shm = loop->shms; shm != NULL; shm = rpc_shm_next(shm))
        handled += rpc_shm_poll(shm, false, false);
    return handled;
}

static void busy_turn(struct rpc_loop *loop) {
    int64_t now_ns;
    poll_shms(loop);
    if (!clock_due(loop, &now_ns)) return;
    if (loop->hub != NULL && now_ns - loop->polled_ns >= POLL_NS) {
        loop->hub_ops->poll(loop->hub, false);
        loop->polled_ns = rpc_loop_now_ns();
    }
    if (now_ns - loop->ev_ran_ns >= EV_NS) {
        run_ev(loop, EVRUN_NOWAIT);
        loop->ev_ran_ns = now_ns;
    }
}

/* ---------------------------------------------------------------- idle */

/* True when something was handled or the loop was woken. What came through shared memory is not kept waiting for a look
 * at the queue. */
static bool look(struct rpc_loop *loop) {
    bool handled = poll_shms(loop) > 0;
    if (!handled) handled = loop->hub != NULL && loop->hub_ops->poll(loop->hub, false) > 0;
    return (atomic_load_explicit(&loop->woken, memory_order_relaxed) && atomic_exchange(&loop->woken, false)) ||
           handled;
}

static void relax(void) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool look_often(struct rpc_loop *loop) {
    for (int looks = LOOKS; looks > 0; looks--) {
        if (poll_shms(loop) > 0) return true;
        relax();
    }
    return false;
}

/* Whom the face keeps waiting, another of Python's threads, is not kept waiting by a long spin. */
static void yield(struct rpc_loop *loop, bool patient) {
    if (patient && loop->before_sleep != NULL) loop->before_sleep(loop->sleep_ctx);
    sched_yield();
    if (patient && loop->after_sleep != NULL) loop->after_sleep(loop->sleep_ctx);
}

/* A yield that took long let somebody else run on this core: who waits there is not kept waiting by further looks. One
 * that did not costs more than what it finds, so shared memory is looked at several times between two of them. */
static bool spin(struct rpc_loop *loop, int64_t begin_ns, int64_t deadline_ns) {
    int64_t now_ns = begin_ns, took_ns, spin_ns = loop->spin_ns;
    while (now_ns < deadline_ns && now_ns - begin_ns < spin_ns) {
        yield(loop, now_ns - begin_ns >= SPIN_NS);
        if (look(loop)) return true;
        took_ns = rpc_loop_now_ns() - now_ns;
        now_ns += took_ns;
        if (took_ns > SHARED_NS) spin_ns = SPIN_SHARED_NS;
        if (loop->shms != NULL && took_ns < ALONE_NS && look_often(loop)) return true;
    }
    return now_ns >= deadline_ns;
}

static void sleep_in_ev(struct rpc_loop *loop, int64_t deadline_ns) {
    if (deadline_ns != RPC_FOREVER_NS) {
        ev_now_update(loop->ev);
        double in_s = (double)(deadline_ns - rpc_loop_now_ns()) / 1e9;
        ev_timer_set(&loop->ev_deadline, in_s > 0 ? in_s : 0, 0);
        ev_timer_start(loop->ev, &loop->ev_deadline);
    }
    /* ev_wake must keep ev_run waiting where it is the only watcher. */
    ev_ref(loop->ev);
    loop->ev_sleeps = true;
    run_ev(loop, EVRUN_ONCE);
    loop->ev_sleeps = false;
    ev_unref(loop->ev);
    ev_timer_stop(loop->ev, &loop->ev_deadline);
}

/* Waits in the completion queue and handles what ended the wait. True: the sleep is over. */
static bool wait_in_queue(struct rpc_loop *loop, int64_t timeout_ns) {
    struct rpc_tag *tag;
    bool ok;
    if (loop->before_sleep != NULL) loop->before_sleep(loop->sleep_ctx);
    bool came = loop->hub_ops->take(loop->hub, timeout_ns, &tag, &ok);
    if (loop->after_sleep != NULL) loop->after_sleep(loop->sleep_ctx);
    return came && loop->hub_ops->handle_asleep(loop->hub, tag, ok);
}

static void sleep_in_queue(struct rpc_loop *loop, int64_t deadline_ns) {
    for (;;) {
        loop->ev_handled = 0;
        bool watchers = has_watchers(loop);
        if (loop->ev_handled > 0 || atomic_load(&loop->woken) || loop->hub_ops->has_handed(loop->hub)) return;
        int64_t left_ns = deadline_ns == RPC_FOREVER_NS ? RPC_FOREVER_NS : deadline_ns - rpc_loop_now_ns();
        if (left_ns <= 0) return;
        int64_t slice_ns = watchers ? SLICE_NS : RPC_FOREVER_NS;
        int64_t pulse_ns = loop->hub_ops->next_pulse_ns(loop->hub);
        if (pulse_ns != RPC_FOREVER_NS) pulse_ns -= rpc_loop_now_ns();
        if (pulse_ns <= 0 && loop->hub_ops->pulse(loop->hub)) return;
        if (pulse_ns <= 0) continue;
        if (pulse_ns < slice_ns) slice_ns = pulse_ns;
        if (wait_in_queue(loop, left_ns < slice_ns ? left_ns : slice_ns)) return;
    }
}

static void call_standin(struct rpc_loop *loop) {
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* full only when the stand-in has been called already */
}

static void sleep_until(struct rpc_loop *loop, int64_t deadline_ns) {
    atomic_store(&loop->place, loop->hub != NULL ? RPC_LOOP_ASLEEP_IN_CQ : RPC_LOOP_ASLEEP_IN_EV);
    if (!atomic_load(&loop->woken) && rpc_shm_settle_all(loop->shms)) {
        if (loop->hub != NULL)
            sleep_in_queue(loop, deadline_ns);
        else
            sleep_in_ev(loop, deadline_ns);
    }
    for (struct rpc_shm *shm = loop->shms; shm != NULL; shm = rpc_shm_next(shm)) rpc_shm_rise(shm);
    atomic_store(&loop->place, RPC_LOOP_RUNNING);
    atomic_store(&loop->woken, false);
    if (atomic_load(&loop->standin_dozes)) call_standin(loop);
}

static void spin_and_sleep(struct rpc_loop *loop, int64_t begin_ns, int64_t deadline_ns) {
    if (spin(loop, begin_ns, deadline_ns)) return;
    sleep_until(loop, deadline_ns);
    loop->spin_ns = rpc_loop_now_ns() - begin_ns < PATIENT_NS ? PATIENT_NS : SPIN_NS;
}

static void idle_turn(struct rpc_loop *loop, int64_t deadline_ns) {
    bool networked = loop->hub != NULL || loop->shms != NULL;
    bool handled = look(loop);
    if (!networked || rpc_loop_now_ns() - loop->ev_ran_ns >= EV_NS) {
        handled |= run_ev(loop, EVRUN_NOWAIT);
        loop->ev_ran_ns = rpc_loop_now_ns();
    }
    if (handled) return;
    int64_t now_ns = rpc_loop_now_ns();
    if (now_ns >= deadline_ns) return;
    if (networked)
        spin_and_sleep(loop, now_ns, deadline_ns);
    else
        sleep_until(loop, deadline_ns);
}

/* ---------------------------------------------------------------- other threads */

int rpc_loop_call(struct rpc_loop *loop, void (*fn)(void *ctx), void *ctx) {
    struct rpc_loop_errand *errand = malloc(sizeof *errand);
    if (errand == NULL) return CHARIOT_ENOMEM;
    *errand = (struct rpc_loop_errand){.fn = fn, .ctx = ctx, .next = atomic_load(&loop->errands)};
    while (!atomic_compare_exchange_weak(&loop->errands, &errand->next, errand)) {
    }
    rpc_loop_wake(loop);
    return 0;
}

/* In the order in which they came. */
static void run_errands(struct rpc_loop *loop) {
    struct rpc_loop_errand *last = atomic_exchange(&loop->errands, NULL), *first = NULL;
    while (last != NULL) {
        struct rpc_loop_errand *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    for (struct rpc_loop_errand *next; first != NULL; first = next) {
        next = first->next;
        first->fn(first->ctx);
        free(first);
    }
}

void rpc_loop_turn(struct rpc_loop *loop, bool busy, int64_t deadline_ns) {
    uint64_t turns = atomic_load_explicit(&loop->turns, memory_order_relaxed);
    atomic_store_explicit(&loop->turns, turns + 1, memory_order_relaxed);
    if (atomic_load(&loop->errands) != NULL) {
        run_errands(loop);
        return;
    }
    if (busy)
        busy_turn(loop);
    else
        idle_turn(loop, deadline_ns);
}

/* Async-signal-safe: atomics, ev_async_send and write(2). */
void rpc_loop_wake(struct rpc_loop *loop) {
    atomic_store(&loop->woken, true);
    int place = atomic_load(&loop->place);
    if (place == RPC_LOOP_ASLEEP_IN_EV) ev_async_send(loop->ev, &loop->ev_wake);
    if (place == RPC_LOOP_ASLEEP_IN_CQ) call_standin(loop);
}

/* ---------------------------------------------------------------- life */

int rpc_loop_new(struct rpc_loop **out) {
    struct rpc_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return CHARIOT_ENOMEM;
    loop->stride = 1;
    loop->spin_ns = SPIN_NS;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->ev = loop->wake_fd < 0 ? NULL : ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (loop->ev == NULL) {
        if (loop->wake_fd >= 0) close(loop->wake_fd);
        free(loop);
        return CHARIOT_ENOMEM;
    }
    ev_set_userdata(loop->ev, loop);
    ev_set_invoke_pending_cb(loop->ev, invoke_counted);
    ev_set_loop_release_cb(loop->ev, ev_release, ev_acquire);
    ev_timer_init(&loop->ev_deadline, on_ev_deadline, 0, 0);
    ev_async_init(&loop->ev_wake, on_ev_wake);
    ev_async_start(loop->ev, &loop->ev_wake);
    ev_unref(loop->ev); /* the loop's own watcher does not count */
    *out = loop;
    return 0;
}

void rpc_loop_free(struct rpc_loop *loop) {
    if (loop == NULL) return;
    ev_ref(loop->ev);
    ev_async_stop(loop->ev, &loop->ev_wake);
    ev_loop_destroy(loop->ev);
    for (struct rpc_loop_errand *next, *errand = loop->errands; errand != NULL; errand = next) {
        next = errand->next; /* whoever asked too late */
        free(errand);
    }
    close(loop->wake_fd);
    free(loop);
}
