/* floor_ring.c: the floor under shared memory: a bare ring between two processes, nothing of Chariot in it.
 *
 *     floor_ring [sweep]
 *
 * Two rings of descriptors, one each way, and beside each a few slots for large bodies. A sender copies a body into a
 * slot, once; the receiver looks at it where it lies. Round trips by size, spinning, adaptive (20 us of spin with
 * sched_yield, then sleep) and always sleeping, with the processor time of both sides; small messages one by one and in
 * batches; bandwidth of 1 MiB with one copy and with two (the receiver copies out); memcpy by itself. With "sweep": by
 * all sizes, adaptive. Prints "key value" lines (bench.h). */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "test/bench/c/wait.h"

enum { SMALL_BYTES = 64, INLINE_BYTES = SMALL_BYTES - 8, SLOTS = 4096, BODIES = 4, BATCH = 64 };
enum want { WANT_ECHO, WANT_LOOK, WANT_COPY, WANT_REPLY };

struct message {
    uint32_t bytes;
    uint32_t want;
    uint8_t body[INLINE_BYTES];
};

/* One direction; `tail` is what the writer has put in, `head` what the reader is done with. */
struct ring {
    struct wait_word tail, head;
    struct message at[SLOTS];
};

struct side {
    enum wait_policy policy;
    struct ring *out, *in;
    uint8_t *bodies_out, *bodies_in, *own;
    size_t body_bytes;
    uint32_t sent, published, free_seen, received, arrived;
};

static uint8_t *body_of(const struct side *side, uint8_t *bodies, uint32_t n) {
    return bodies + n % BODIES * side->body_bytes;
}

static void publish(struct side *side) {
    if (side->published == side->sent) return;
    side->published = side->sent;
    wait_set(&side->out->tail, side->sent);
}

/* A body that does not fit into the ring stays in its slot until the reader has passed it. */
static void put(struct side *side, uint32_t bytes, enum want want) {
    uint32_t room = bytes > INLINE_BYTES ? BODIES : SLOTS;
    while (side->sent - side->free_seen >= room) {
        publish(side);
        side->free_seen = wait_change(&side->out->head, side->free_seen, side->policy);
    }
    struct message *message = &side->out->at[side->sent % SLOTS];
    uint8_t *to = bytes > INLINE_BYTES ? body_of(side, side->bodies_out, side->sent) : message->body;
    if (bytes > 0) memcpy(to, side->own, bytes);
    message->bytes = bytes;
    message->want = want;
    side->sent++;
}

/* The next message, which stays until done(). */
static const struct message *get(struct side *side) {
    if (side->received == side->arrived) side->arrived = wait_change(&side->in->tail, side->arrived, side->policy);
    return &side->in->at[side->received % SLOTS];
}

static void done(struct side *side) {
    side->received++;
    if (side->received % BODIES == 0 || side->received == side->arrived) wait_set(&side->in->head, side->received);
}

static uint64_t look(struct side *side, const struct message *message) {
    uint64_t word = 0;
    const uint8_t *body =
        message->bytes > INLINE_BYTES ? body_of(side, side->bodies_in, side->received) : message->body;
    if (message->want == WANT_COPY) memcpy(side->own, body, message->bytes);
    if (message->bytes >= sizeof word) memcpy(&word, body, sizeof word);
    return word;
}

static void serve(struct side *side) {
    for (;;) {
        const struct message *message = get(side);
        uint32_t bytes = message->bytes, want = message->want;
        volatile uint64_t seen = look(side, message);
        (void)seen;
        done(side);
        if (want != WANT_ECHO && want != WANT_REPLY) continue;
        put(side, want == WANT_ECHO ? bytes : 0, WANT_LOOK);
        publish(side);
    }
}

/* ---------------------------------------------------------------- the measuring side */

struct job {
    struct side *side;
    uint32_t bytes;
    enum want want;
    int batch;
};

static void trips(void *ctx, int count) {
    struct job *job = ctx;
    for (int n = 0; n < count; n++) {
        put(job->side, job->bytes, WANT_ECHO);
        publish(job->side);
        look(job->side, get(job->side));
        done(job->side);
    }
}

/* `count` messages, published `batch` at a time; the last is answered. */
static void one_way(void *ctx, int count) {
    struct job *job = ctx;
    for (int n = 1; n < count; n++) {
        put(job->side, job->bytes, job->want);
        if (n % job->batch == 0) publish(job->side);
    }
    put(job->side, job->bytes, WANT_REPLY);
    publish(job->side);
    get(job->side);
    done(job->side);
}

/* Starts the serving process; a side that is left over is ended with stop(). */
static pid_t start(struct side *side, enum wait_policy policy, size_t body_bytes) {
    struct ring *rings = wait_shared(2 * sizeof *rings);
    uint8_t *bodies = wait_shared(2 * BODIES * body_bytes);
    uint8_t *own = malloc(body_bytes);
    if (own == NULL) exit(1);
    memset(own, 1, body_bytes);
    *side = (struct side){policy, &rings[0], &rings[1], bodies, bodies + BODIES * body_bytes, own, body_bytes, 0,
                          0,      0,         0,         0};
    pid_t parent = getpid(), child = fork();
    if (policy == WAIT_SPIN) wait_pin(child == 0);
    if (child != 0) return child;
    struct side other = {policy, &rings[1], &rings[0], side->bodies_in, bodies, own, body_bytes, 0, 0, 0, 0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    serve(&other);
    _exit(0);
}

static void stop(struct side *side, pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    munmap(side->out, 2 * sizeof *side->out);
    munmap(side->bodies_out, 2 * BODIES * side->body_bytes);
    free(side->own);
}

static void report_cpu(const char *name, struct job *job, pid_t child) {
    enum { TRIPS = 5000 };
    char key[64];
    int64_t before = bench_cpu_ns(0) + bench_cpu_ns(child);
    trips(job, TRIPS);
    snprintf(key, sizeof key, "ring.%s.cpu", name);
    bench_report(key, (double)(bench_cpu_ns(0) + bench_cpu_ns(child) - before) / 1e3 / TRIPS);
}

static void round_trips(enum wait_policy policy, const char *name) {
    struct side side;
    pid_t child = start(&side, policy, 1 << 20);
    char key[64];
    for (int i = 0; i < BENCH_NUM_SIZES; i++) {
        struct job job = {&side, (uint32_t)bench_sizes[i].bytes, WANT_ECHO, 1};
        snprintf(key, sizeof key, "ring.%s.rtt.%s", name, bench_sizes[i].name);
        bench_us(key, trips, &job);
        if (i == 0) report_cpu(name, &job, child);
    }
    stop(&side, child);
}

static void copies(void *ctx, int count) {
    uint8_t *bytes = ctx;
    for (int n = 0; n < count; n++) memcpy(bytes + (size_t)(1 + n % BODIES) * (1 << 20), bytes, 1 << 20);
}

static void measure_memcpy(void) {
    uint8_t *bytes = wait_shared((1 + BODIES) << 20);
    bench_gigabytes("ring.memcpy.1m", copies, bytes, 1 << 20);
    munmap(bytes, (1 + BODIES) << 20);
}

static void throughput(void) {
    struct side side;
    pid_t child = start(&side, WAIT_YIELD_SLEEP, 1 << 20);
    struct job single = {&side, INLINE_BYTES, WANT_LOOK, 1}, batched = {&side, INLINE_BYTES, WANT_LOOK, BATCH};
    struct job one = {&side, 1 << 20, WANT_LOOK, 1}, two = {&side, 1 << 20, WANT_COPY, 1};
    bench_millions("ring.small.1", one_way, &single, 1);
    bench_millions("ring.small.64", one_way, &batched, 1);
    bench_gigabytes("ring.bandwidth.1m", one_way, &one, 1 << 20);
    bench_gigabytes("ring.bandwidth.1m.copied", one_way, &two, 1 << 20);
    stop(&side, child);
}

static void sweep(void) {
    struct side side;
    size_t largest = bench_sweep[BENCH_NUM_SWEEP - 1].bytes;
    pid_t child = start(&side, WAIT_YIELD_SLEEP, largest);
    char key[64];
    for (int i = 0; i < BENCH_NUM_SWEEP; i++) {
        struct job job = {&side, (uint32_t)bench_sweep[i].bytes, WANT_LOOK, 1};
        snprintf(key, sizeof key, "ring.sweep.rtt.%s", bench_sweep[i].name);
        bench_us(key, trips, &job);
        snprintf(key, sizeof key, "ring.sweep.bandwidth.%s", bench_sweep[i].name);
        if (job.bytes > 0) bench_gigabytes(key, one_way, &job, job.bytes);
    }
    stop(&side, child);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "sweep") == 0) {
        sweep();
        return 0;
    }
    round_trips(WAIT_YIELD_SLEEP, "adaptive");
    round_trips(WAIT_SLEEP, "sleep");
    measure_memcpy();
    throughput();
    round_trips(WAIT_SPIN, "spin");
    return 0;
}
