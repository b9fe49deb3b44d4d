/* test/transport/shm_process_test.c: shared memory between real processes: sleeps that nobody forgets to end, and
 * processes that are killed anywhere in the middle.
 *
 * Each test forks: the child is PE 1, this process PE 0. Numbers are checked as they arrive, sizes and bytes follow
 * from them. CHARIOT_SEEDS: how many kills (200). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/loop.h"
#include "rpc/msg.h"
#include "rpc/shm.h"
#include "test/unit/unit.h"

static const int64_t HANG_NS = 60000000000;

enum { KILLS = 200, TRIPS = 3000, ASKS_END = 1 };

/* One PE in its own process. */
struct end {
    struct rpc_loop *loop;
    struct rpc_node node;
    uint64_t sent, received, wrong;
    unsigned gone;
    int error;
    bool echo; /* answers each message with one of its own */
    bool over; /* the other has asked to end */
    uint32_t random;
};

static uint32_t random_of(struct end *end) {
    end->random = end->random * 1664525 + 1013904223;
    return end->random >> 8;
}

/* Mostly small, some through the heap, some in parts where the heap is small. */
static size_t size_of(uint64_t number) {
    static const size_t sizes[] = {0, 1, 40, 200, 3000, 8192, 20000, 100, 70000, 13};
    return sizes[number % (sizeof sizes / sizeof *sizes)];
}

static void send_next(struct end *end, uint32_t method) {
    size_t size = size_of(end->sent);
    struct chariot_msg *msg = rpc_msg_new_in(end->node.heap, size);
    msg->kind = RPC_KIND_FIRST_USER;
    msg->from = end->node.pe;
    msg->method = method;
    msg->seq = end->sent++;
    msg->size = size;
    memset(rpc_msg_payload(msg), (int)msg->seq, size);
    rpc_node_send(&end->node, 1 - end->node.pe, msg);
    rpc_msg_unref(msg);
}

static bool is_right(const struct chariot_msg *msg, uint64_t number) {
    bool right = msg->seq == number && msg->size == size_of(number);
    for (size_t i = 0; right && i < msg->size; i += 1 + msg->size / 64)
        right = rpc_msg_payload(msg)[i] == (uint8_t)number;
    return right;
}

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct end *end = owner;
    end->wrong += !is_right(msg, end->received++);
    end->over |= msg->method == ASKS_END;
    rpc_msg_consume(msg);
    rpc_msg_unref(msg);
    if (end->echo) send_next(end, 0);
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    struct end *end = owner;
    end->gone++;
    end->error = error;
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

struct pair {
    char dir[40];
    int listeners[2];
    pid_t child;
};

static void end_open(struct end *end, const struct pair *pair, uint32_t pe, const struct rpc_limits *limits) {
    struct rpc_shm_config config = {.dir = pair->dir, .listener = pair->listeners[pe], .limits = *limits};
    memset(end, 0, sizeof *end);
    close(pair->listeners[1 - pe]);
    end->node = (struct rpc_node){.pe = pe, .num_pes = 2, .num_hosts = 1, .up = &upcalls, .owner = end};
    rpc_turn_init(&end->node.turn);
    if (rpc_loop_new(&end->loop) != 0 || rpc_shm_open(end->loop, &end->node, &config) != 0) abort();
}

static void end_close(struct end *end, bool abrupt) {
    end->node.transport->ops->close(end->node.transport, abrupt);
    rpc_loop_free(end->loop);
}

static void pair_open(struct pair *pair) {
    strcpy(pair->dir, "/tmp/chariot-pair-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(pair->dir));
    for (uint32_t pe = 0; pe < 2; pe++) {
        pair->listeners[pe] = rpc_shm_listen(pair->dir, pe);
        CU_ASSERT_TRUE_FATAL(pair->listeners[pe] >= 0);
    }
}

static int pair_close(struct pair *pair) {
    char path[64];
    int status = -1;
    while (waitpid(pair->child, &status, 0) < 0 && errno == EINTR) continue;
    for (uint32_t pe = 0; pe < 2; pe++) {
        snprintf(path, sizeof path, "%s/%u.shm", pair->dir, pe);
        unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(pair->dir), 0);
    return status;
}

static void doze(struct end *end) {
    const struct timespec nap = {.tv_nsec = random_of(end) % 200000};
    nanosleep(&nap, NULL);
}

/* ---------------------------------------------------------------- nobody sleeps for ever */

static _Noreturn void echo_main(const struct pair *pair, const struct rpc_limits *limits) {
    struct end end;
    end_open(&end, pair, 1, limits);
    end.echo = true;
    end.random = 77;
    while (!end.over) {
        rpc_loop_turn(end.loop, false, RPC_FOREVER_NS);
        if (random_of(&end) % 8 == 0) doze(&end);
    }
    while (!rpc_node_flushed(&end.node)) rpc_loop_turn(end.loop, false, RPC_FOREVER_NS);
    end_close(&end, false);
    _exit(end.wrong == 0 ? 0 : 1);
}

/* Both sleep as long as nothing comes; the dozes make all orders of "is about to sleep" and "has written" happen. */
static void ping_pong(const struct rpc_limits *limits, uint64_t ahead) {
    struct pair pair;
    struct end end;
    pair_open(&pair);
    pair.child = fork();
    if (pair.child == 0) echo_main(&pair, limits);
    end_open(&end, &pair, 0, limits);
    end.random = 5;
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    while (end.received < TRIPS && rpc_loop_now_ns() < end_ns) {
        while (end.sent < TRIPS && end.sent < end.received + ahead)
            send_next(&end, end.sent == TRIPS - 1 ? ASKS_END : 0);
        if (end.received < TRIPS) rpc_loop_turn(end.loop, false, end_ns);
        if (random_of(&end) % 8 == 0) doze(&end);
    }
    CU_ASSERT_EQUAL(end.received, TRIPS);
    CU_ASSERT_EQUAL(end.wrong, 0);
    if (end.received < TRIPS) kill(pair.child, SIGKILL);
    end_close(&end, false);
    CU_ASSERT_EQUAL(pair_close(&pair), 0);
}

static void two_that_sleep_wake_each_other(void) {
    ping_pong(&rpc_limits_default, 1);
    ping_pong(&rpc_limits_default, 100);
}

/* The ring holds a few messages, the heap none: who waits for room sleeps too. */
static void two_that_wait_for_room_wake_each_other(void) {
    struct rpc_limits limits = rpc_limits_default;
    limits.ring_bytes = 2048;
    limits.heap_bytes = 64 << 10;
    ping_pong(&limits, 1);
    ping_pong(&limits, 200);
}

/* ---------------------------------------------------------------- kill -9 */

static void on_alarm(int number) {
    kill(getpid(), SIGKILL);
}

/* Sends and answers as fast as it can until the timer strikes, wherever that is. */
static _Noreturn void doomed_main(const struct pair *pair, const struct rpc_limits *limits, uint32_t seed) {
    struct end end;
    signal(SIGALRM, on_alarm);
    struct itimerval timer = {.it_value = {.tv_usec = (suseconds_t)(1 + seed * 37 % 4000)}};
    setitimer(ITIMER_REAL, &timer, NULL);
    end_open(&end, pair, 1, limits);
    end.echo = seed % 3 == 0;
    for (;;) {
        if (seed % 2 == 0) send_next(&end, 0);
        rpc_loop_turn(end.loop, seed % 2 == 0, rpc_loop_now_ns() + 1000000);
    }
}

/* The survivor hears what was sent whole and in order, then of the death, once, and closes. */
static void survive(const struct pair *pair, const struct rpc_limits *limits, uint32_t seed) {
    struct end end;
    end_open(&end, pair, 0, limits);
    end.echo = seed % 5 == 0;
    int64_t end_ns = rpc_loop_now_ns() + HANG_NS;
    send_next(&end, 0); /* connects, also where the other never does */
    while (end.gone == 0 && rpc_loop_now_ns() < end_ns) {
        if (seed % 4 < 2 && end.sent < end.received + 64) send_next(&end, 0);
        rpc_loop_turn(end.loop, seed % 4 < 2, end_ns);
    }
    CU_ASSERT_EQUAL(end.gone, 1);
    CU_ASSERT_EQUAL(end.error, CHARIOT_EGONE);
    CU_ASSERT_EQUAL(end.wrong, 0);
    rpc_node_poll(&end.node, false);
    CU_ASSERT_EQUAL(end.gone, 1);
    end_close(&end, false);
}

static void whoever_is_killed_anywhere_is_missed_once(void) {
    const char *seeds = getenv("CHARIOT_SEEDS");
    int kills = seeds != NULL ? atoi(seeds) : KILLS;
    struct rpc_limits small = rpc_limits_default;
    small.ring_bytes = 2048;
    small.heap_bytes = 64 << 10;
    for (int seed = 0; seed < kills; seed++) {
        const struct rpc_limits *limits = seed / 2 % 2 == 0 ? &rpc_limits_default : &small;
        struct pair pair;
        pair_open(&pair);
        pair.child = fork();
        if (pair.child == 0) doomed_main(&pair, limits, (uint32_t)seed);
        survive(&pair, limits, (uint32_t)seed);
        int status = pair_close(&pair);
        CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

/* Nothing that sits in shared memory outlives the processes: it has no name. */
static void nothing_is_left(void) {
    struct pair pair;
    pair_open(&pair);
    pair.child = fork();
    if (pair.child == 0) doomed_main(&pair, &rpc_limits_default, 8);
    survive(&pair, &rpc_limits_default, 8);
    pair_close(&pair);
    char path[64], target[256];
    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size < 0) continue;
        target[size] = '\0';
        CU_ASSERT_PTR_NULL(strstr(target, "memfd"));
        CU_ASSERT_PTR_NULL(strstr(target, "socket"));
    }
}

UNIT_MAIN("transport/shm_process", UNIT(two_that_sleep_wake_each_other), UNIT(two_that_wait_for_room_wake_each_other),
          UNIT(whoever_is_killed_anywhere_is_missed_once), UNIT(nothing_is_left))
