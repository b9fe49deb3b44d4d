/* test/unit/rpc/loop_test.c: what ends a wait, with and without gRPC on the loop. */
#include "rpc/loop_impl.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/unit/rpc/grpc_net.h"
#include "test/unit/unit.h"

/* Every test runs on a loop of its own, and again on one with gRPC open. */
struct fixture {
    struct net net;
    struct rpc_loop *loop;
    bool with_grpc;
};

static void fixture_open(struct fixture *fixture, bool with_grpc) {
    fixture->with_grpc = with_grpc;
    if (with_grpc) {
        net_open(&fixture->net, 2, &rpc_limits_default);
        fixture->loop = fixture->net.loop;
    } else {
        CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&fixture->loop), 0);
    }
}

static void fixture_close(struct fixture *fixture) {
    if (fixture->with_grpc)
        net_close(&fixture->net);
    else
        rpc_loop_free(fixture->loop);
}

static void the_deadline_ends_the_wait(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        fixture_open(&fixture, with_grpc != 0);
        int64_t deadline_ns = rpc_loop_now_ns() + 3000000;
        while (rpc_loop_now_ns() < deadline_ns) rpc_loop_turn(fixture.loop, false, deadline_ns);
        CU_ASSERT_TRUE(rpc_loop_now_ns() >= deadline_ns);
        rpc_loop_turn(fixture.loop, false, deadline_ns); /* has passed: returns */
        fixture_close(&fixture);
    }
}

static void a_wake_before_the_wait_ends_it(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        fixture_open(&fixture, with_grpc != 0);
        rpc_loop_wake(fixture.loop);
        rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
        fixture_close(&fixture);
    }
}

/* ---------------------------------------------------------------- wakes from elsewhere */

struct waker {
    struct rpc_loop *loop;
    pthread_t sleeper;
    bool by_signal;
};

static struct rpc_loop *signalled_loop;

static void on_signal(int number) {
    rpc_loop_wake(signalled_loop);
}

static void *waker_main(void *arg) {
    struct waker *waker = arg;
    while (atomic_load(&waker->loop->place) == RPC_LOOP_RUNNING) sched_yield();
    if (waker->by_signal)
        pthread_kill(waker->sleeper, SIGUSR1);
    else
        rpc_loop_wake(waker->loop);
    return NULL;
}

static void expect_woken(bool with_grpc, bool by_signal) {
    struct fixture fixture;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    fixture_open(&fixture, with_grpc);
    signalled_loop = fixture.loop;
    sigaction(SIGUSR1, &action, &before);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        struct waker waker = {fixture.loop, pthread_self(), by_signal};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, waker_main, &waker), 0);
        rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
        /* Some other event may have ended the wait before the waker saw it. */
        while (pthread_tryjoin_np(thread, NULL) != 0) rpc_loop_turn(fixture.loop, false, rpc_loop_now_ns() + 1000000);
        CU_ASSERT_EQUAL(atomic_load(&fixture.loop->place), RPC_LOOP_RUNNING);
    }
    sigaction(SIGUSR1, &before, NULL);
    fixture_close(&fixture);
}

static void another_thread_wakes_it(void) {
    expect_woken(false, false);
    expect_woken(true, false);
}

static void a_signal_handler_wakes_it(void) {
    expect_woken(false, true);
    expect_woken(true, true);
}

struct dozer {
    struct rpc_loop *loop;
    _Atomic(bool) woke; /* written before the wake: whoever was woken sees it */
};

static void *dozer_main(void *arg) {
    struct dozer *dozer = arg;
    while (!atomic_load(&dozer->loop->standin_dozes)) usleep(10000);
    atomic_store(&dozer->woke, true);
    rpc_loop_wake(dozer->loop);
    return NULL;
}

/* An idle PE costs nothing: its stand-in waits without ticks too, and watches again when the loop runs. */
static void the_standin_of_an_idle_loop_dozes_until_it_is_called(void) {
    struct fixture fixture;
    pthread_t thread;
    fixture_open(&fixture, true);
    for (int i = 0; i < 2; i++) {
        struct dozer dozer = {.loop = fixture.loop};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, dozer_main, &dozer), 0);
        while (!atomic_load(&dozer.woke)) rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
        pthread_join(thread, NULL);
        while (atomic_load(&fixture.loop->standin_dozes)) usleep(1000);
    }
    fixture_close(&fixture);
}

/* ---------------------------------------------------------------- calls from elsewhere */

enum { CALLERS = 3, CALLS = 500 };

struct caller {
    struct rpc_loop *loop;
    pthread_t thread, owner;
    int made, seen, wrong; /* calls: asked for, run, run out of order or elsewhere */
};

struct call {
    struct caller *caller;
    int number;
};

static void on_call(void *ctx) {
    struct call *call = ctx;
    struct caller *caller = call->caller;
    caller->wrong += call->number != caller->seen || !pthread_equal(pthread_self(), caller->owner);
    caller->seen++;
    free(call);
}

static void *caller_main(void *arg) {
    struct caller *caller = arg;
    for (int i = 0; i < CALLS; i++) {
        struct call *call = malloc(sizeof *call);
        if (call == NULL) abort();
        *call = (struct call){caller, i};
        if (rpc_loop_call(caller->loop, on_call, call) == 0) caller->made++;
        if (i % 50 == 0) sched_yield();
    }
    return NULL;
}

static void calls_of_other_threads_run_here_in_their_order(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        struct caller callers[CALLERS];
        fixture_open(&fixture, with_grpc != 0);
        for (int i = 0; i < CALLERS; i++) {
            callers[i] = (struct caller){.loop = fixture.loop, .owner = pthread_self()};
            CU_ASSERT_EQUAL_FATAL(pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]), 0);
        }
        while (callers[0].seen + callers[1].seen + callers[2].seen < CALLERS * CALLS) {
            rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS); /* each call ends it: none is forgotten */
        }
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(callers[i].thread, NULL);
            CU_ASSERT_EQUAL(callers[i].made, CALLS);
            CU_ASSERT_EQUAL(callers[i].wrong, 0);
        }
        fixture_close(&fixture);
    }
}

/* ---------------------------------------------------------------- libev's watchers */

static void count_io(struct ev_loop *ev, ev_io *watcher, int events) {
    char byte;
    ssize_t size = read(watcher->fd, &byte, 1);
    *(int *)watcher->data += size == 1;
}

static void count_timer(struct ev_loop *ev, ev_timer *watcher, int events) {
    ++*(int *)watcher->data;
}

static void a_readable_pipe_ends_the_wait(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        int ends[2], count = 0;
        ev_io watcher = {.data = &count};
        fixture_open(&fixture, with_grpc != 0);
        CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
        ev_io_init(&watcher, count_io, ends[0], EV_READ);
        ev_io_start(rpc_loop_ev(fixture.loop), &watcher);
        CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
        while (count == 0) rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
        CU_ASSERT_EQUAL(count, 1);
        ev_io_stop(rpc_loop_ev(fixture.loop), &watcher);
        close(ends[0]);
        close(ends[1]);
        fixture_close(&fixture);
    }
}

static void a_timer_runs_although_the_loop_is_busy(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        int count = 0;
        ev_timer watcher = {.data = &count};
        fixture_open(&fixture, with_grpc != 0);
        ev_timer_init(&watcher, count_timer, 0.001, 0);
        ev_timer_start(rpc_loop_ev(fixture.loop), &watcher);
        while (count == 0) rpc_loop_turn(fixture.loop, true, 0);
        CU_ASSERT_EQUAL(count, 1);
        fixture_close(&fixture);
    }
}

static void messages_arrive_although_the_loop_is_busy(void) {
    struct net net;
    net_open(&net, 2, &rpc_limits_default);
    struct chariot_msg *msg = net_message(0, 1, 10);
    CU_ASSERT_EQUAL(rpc_node_send(&net.pes[0].node, 1, msg), 0);
    rpc_msg_unref(msg);
    while (net.pes[1].arrived.count == 0) rpc_loop_turn(net.loop, true, 0);
    net_close(&net);
}

/* ---------------------------------------------------------------- hooks */

struct hooks {
    int before, after;
    bool inside;
};

static void before_sleep(void *ctx) {
    struct hooks *hooks = ctx;
    CU_ASSERT_FALSE(hooks->inside);
    hooks->inside = true;
    hooks->before++;
}

static void after_sleep(void *ctx) {
    struct hooks *hooks = ctx;
    CU_ASSERT_TRUE(hooks->inside);
    hooks->inside = false;
    hooks->after++;
}

static void hooked_timer(struct ev_loop *ev, ev_timer *watcher, int events) {
    CU_ASSERT_FALSE(((struct hooks *)watcher->data)->inside);
}

static void hooks_surround_sleeps_and_no_callback(void) {
    for (int with_grpc = 0; with_grpc < 2; with_grpc++) {
        struct fixture fixture;
        struct hooks hooks = {0};
        ev_timer watcher = {.data = &hooks};
        fixture_open(&fixture, with_grpc != 0);
        rpc_loop_set_sleep_hooks(fixture.loop, before_sleep, after_sleep, &hooks);
        ev_timer_init(&watcher, hooked_timer, 0.002, 0.002);
        ev_timer_start(rpc_loop_ev(fixture.loop), &watcher);
        for (int i = 0; i < 100; i++) rpc_loop_turn(fixture.loop, true, 0);
        CU_ASSERT_EQUAL(hooks.before, 0);
        while (hooks.before == 0) rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
        CU_ASSERT_EQUAL(hooks.before, hooks.after);
        ev_timer_stop(rpc_loop_ev(fixture.loop), &watcher);
        rpc_loop_set_sleep_hooks(fixture.loop, NULL, NULL, NULL);
        fixture_close(&fixture);
    }
}

/* However long it looks before it sleeps: this one would look for a minute. Where the machine is busy it sleeps at
 * once. */
static void a_patient_wait_lets_others_in(void) {
    struct fixture fixture;
    struct hooks hooks = {0};
    fixture_open(&fixture, true);
    rpc_loop_set_sleep_hooks(fixture.loop, before_sleep, after_sleep, &hooks);
    while (hooks.after == 0) {
        fixture.loop->spin_ns = 60000000000;
        rpc_loop_turn(fixture.loop, false, rpc_loop_now_ns() + 1000000);
    }
    CU_ASSERT_EQUAL(hooks.before, hooks.after);
    rpc_loop_set_sleep_hooks(fixture.loop, NULL, NULL, NULL);
    fixture_close(&fixture);
}

static void on_late_timer(struct ev_loop *ev, ev_timer *watcher, int events) {}

/* Something else may end a wait just before the timer does: once more then. */
static void after_a_long_wait_the_next_is_not_patient(void) {
    struct fixture fixture;
    ev_timer timer;
    fixture_open(&fixture, true);
    int64_t first_ns = fixture.loop->spin_ns;
    fixture.loop->spin_ns = 2 * first_ns;
    for (int i = 0; i < 10 && fixture.loop->spin_ns != first_ns; i++) {
        ev_timer_init(&timer, on_late_timer, 0.05, 0);
        ev_timer_start(rpc_loop_ev(fixture.loop), &timer);
        while (ev_is_active(&timer)) rpc_loop_turn(fixture.loop, false, RPC_FOREVER_NS);
    }
    CU_ASSERT_EQUAL(fixture.loop->spin_ns, first_ns);
    fixture_close(&fixture);
}

UNIT_MAIN("rpc/loop", UNIT(the_deadline_ends_the_wait), UNIT(a_wake_before_the_wait_ends_it),
          UNIT(another_thread_wakes_it), UNIT(calls_of_other_threads_run_here_in_their_order),
          UNIT(a_signal_handler_wakes_it), UNIT(the_standin_of_an_idle_loop_dozes_until_it_is_called),
          UNIT(a_readable_pipe_ends_the_wait), UNIT(a_timer_runs_although_the_loop_is_busy),
          UNIT(messages_arrive_although_the_loop_is_busy), UNIT(hooks_surround_sleeps_and_no_callback),
          UNIT(a_patient_wait_lets_others_in), UNIT(after_a_long_wait_the_next_is_not_patient))
