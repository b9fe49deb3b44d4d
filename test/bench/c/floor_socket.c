/* floor_socket.c: the floor under any transport of one host: bare stream sockets between processes, Unix and TCP
 * loopback.
 *
 *     floor_socket [sweep]
 *
 * Two policies of waiting: `block` (the kernel wakes the reader) and `spin` (a read that does not wait, and sched_yield
 * between). Round trips by size, with the processor time of both sides, bandwidth of 1 MiB, small messages of 64 bytes
 * one by one and in batches of 64 KiB, and a barrier of four processes that all send one byte to the first and get one
 * back. With "sweep": all sizes, spinning, Unix. Prints "key value" lines (bench.h). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/bench/c/bench.h"

enum { SMALL_BYTES = 64, BATCH_BYTES = 64 << 10, SOCKET_BYTES = 1 << 20, BARRIER_PES = 4 };
enum { WANT_ECHO = 0, WANT_NOTHING = 1, WANT_REPLY = 2 };

/* What stands in front of every message's bytes. */
struct head {
    uint32_t bytes;
    uint32_t want;
};

static void set_policy(int fd, bool spin) {
    int buffer = SOCKET_BYTES, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, spin ? O_NONBLOCK : 0);
}

static bool try_again(ssize_t moved) {
    if (moved < 0 && errno == EAGAIN) {
        sched_yield();
        return true;
    }
    return moved < 0 && errno == EINTR;
}

static void write_all(int fd, const void *bytes, size_t size) {
    for (const uint8_t *at = bytes; size > 0;) {
        ssize_t moved = write(fd, at, size);
        if (try_again(moved)) continue;
        if (moved <= 0) _exit(1);
        at += moved;
        size -= (size_t)moved;
    }
}

/* False at the end of the stream. */
static bool read_all(int fd, void *bytes, size_t size) {
    for (uint8_t *at = bytes; size > 0;) {
        ssize_t moved = read(fd, at, size);
        if (try_again(moved)) continue;
        if (moved <= 0) return false;
        at += moved;
        size -= (size_t)moved;
    }
    return true;
}

/* ---------------------------------------------------------------- two ends */

/* `bytes` has room for a head, and `size` behind it. */
struct end {
    int fd;
    pid_t child;
    uint8_t *bytes;
};

struct job {
    struct end *end;
    uint32_t bytes;
};

static void put(struct end *end, uint32_t bytes, uint32_t want) {
    struct head head = {bytes, want};
    memcpy(end->bytes, &head, sizeof head);
    write_all(end->fd, end->bytes, sizeof head + bytes);
}

static uint32_t get(struct end *end) {
    struct head head;
    if (!read_all(end->fd, &head, sizeof head) || !read_all(end->fd, end->bytes + sizeof head, head.bytes)) _exit(0);
    memcpy(end->bytes, &head, sizeof head);
    return head.want;
}

static void serve(struct end *end) {
    for (;;) {
        uint32_t want = get(end), bytes;
        memcpy(&bytes, end->bytes, sizeof bytes);
        if (want != WANT_NOTHING) put(end, want == WANT_ECHO ? bytes : 0, WANT_NOTHING);
    }
}

static void trips(void *ctx, int count) {
    struct job *job = ctx;
    for (int n = 0; n < count; n++) {
        put(job->end, job->bytes, WANT_ECHO);
        get(job->end);
    }
}

static void one_way(void *ctx, int count) {
    struct job *job = ctx;
    for (int n = 1; n < count; n++) put(job->end, job->bytes, WANT_NOTHING);
    put(job->end, job->bytes, WANT_REPLY);
    get(job->end);
}

/* A connected pair over the loopback. */
static int tcp_pair(int fd[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 1) != 0) return -1;
    if (getsockname(listener, (struct sockaddr *)&at, &size) != 0) return -1;
    if (connect(fd[0], (struct sockaddr *)&at, size) != 0) return -1;
    fd[1] = accept(listener, NULL, NULL);
    close(listener);
    return fd[1] < 0 ? -1 : 0;
}

static void start(struct end *end, bool tcp, bool spin, size_t size) {
    int fd[2];
    if ((tcp ? tcp_pair(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) != 0) exit(1);
    set_policy(fd[0], spin);
    set_policy(fd[1], spin);
    end->bytes = calloc(1, size + sizeof(struct head));
    if (end->bytes == NULL) exit(1);
    end->child = fork();
    end->fd = fd[end->child == 0];
    close(fd[end->child != 0]);
    if (end->child == 0) serve(end);
}

/* The child ends with our end. */
static void stop(struct end *end) {
    close(end->fd);
    waitpid(end->child, NULL, 0);
    free(end->bytes);
}

static void report_cpu(const char *name, struct job *job) {
    enum { TRIPS = 3000 };
    char key[64];
    int64_t before = bench_cpu_ns(0) + bench_cpu_ns(job->end->child);
    trips(job, TRIPS);
    snprintf(key, sizeof key, "%s.cpu", name);
    bench_report(key, (double)(bench_cpu_ns(0) + bench_cpu_ns(job->end->child) - before) / 1e3 / TRIPS);
}

static void measure_lane(const char *name, bool tcp, bool spin) {
    struct end end;
    char key[64];
    start(&end, tcp, spin, 1 << 20);
    for (int i = 0; i < BENCH_NUM_SIZES; i++) {
        struct job job = {&end, (uint32_t)bench_sizes[i].bytes};
        snprintf(key, sizeof key, "%s.rtt.%s", name, bench_sizes[i].name);
        bench_us(key, trips, &job);
        if (i == 0) report_cpu(name, &job);
    }
    struct job small = {&end, SMALL_BYTES}, large = {&end, 1 << 20};
    snprintf(key, sizeof key, "%s.small.1", name);
    bench_millions(key, one_way, &small, 1);
    snprintf(key, sizeof key, "%s.bandwidth.1m", name);
    bench_gigabytes(key, one_way, &large, 1 << 20);
    stop(&end);
}

static void sweep(void) {
    struct end end;
    char key[64];
    start(&end, false, true, bench_sweep[BENCH_NUM_SWEEP - 1].bytes);
    for (int i = 0; i < BENCH_NUM_SWEEP; i++) {
        struct job job = {&end, (uint32_t)bench_sweep[i].bytes};
        snprintf(key, sizeof key, "socket.sweep.rtt.%s", bench_sweep[i].name);
        bench_us(key, trips, &job);
        snprintf(key, sizeof key, "socket.sweep.bandwidth.%s", bench_sweep[i].name);
        if (job.bytes > 0) bench_gigabytes(key, one_way, &job, job.bytes);
    }
    stop(&end);
}

/* ---------------------------------------------------------------- batches */

/* Looks at every message; the last of a burst, which begins with 2, is answered by one byte. */
static void count_small(int fd) {
    static uint8_t bytes[BATCH_BYTES];
    volatile uint64_t sum = 0;
    while (read_all(fd, bytes, BATCH_BYTES)) {
        for (size_t at = 0; at < BATCH_BYTES; at += SMALL_BYTES) sum += bytes[at];
        if (bytes[0] == 2) write_all(fd, bytes, 1);
    }
    (void)sum;
    _exit(0);
}

static void batches(void *ctx, int count) {
    static uint8_t bytes[BATCH_BYTES];
    uint8_t small[SMALL_BYTES] = {1, 2, 3}, answer;
    int fd = *(int *)ctx;
    for (int n = 1; n <= count; n++) {
        small[0] = n == count ? 2 : 1;
        for (size_t at = 0; at < BATCH_BYTES; at += SMALL_BYTES) memcpy(bytes + at, small, sizeof small);
        write_all(fd, bytes, BATCH_BYTES);
    }
    if (!read_all(fd, &answer, 1)) exit(1);
}

static void measure_batches(const char *key, bool tcp) {
    int fd[2];
    if ((tcp ? tcp_pair(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) != 0) exit(1);
    set_policy(fd[0], false);
    set_policy(fd[1], false);
    pid_t child = fork();
    close(fd[child != 0]);
    if (child == 0) count_small(fd[1]);
    bench_millions(key, batches, &fd[0], BATCH_BYTES / SMALL_BYTES);
    close(fd[0]);
    waitpid(child, NULL, 0);
}

/* ---------------------------------------------------------------- a barrier */

static void barriers(void *ctx, int count) {
    int *fd = ctx;
    uint8_t byte = 0;
    while (count-- > 0) {
        for (int pe = 1; pe < BARRIER_PES; pe++)
            if (!read_all(fd[pe], &byte, 1)) exit(1);
        for (int pe = 1; pe < BARRIER_PES; pe++) write_all(fd[pe], &byte, 1);
    }
}

static void enter_barriers(int fd) {
    uint8_t byte = 0;
    do write_all(fd, &byte, 1);
    while (read_all(fd, &byte, 1));
    _exit(0);
}

static void measure_barrier(const char *key, bool spin) {
    int fd[BARRIER_PES];
    pid_t child[BARRIER_PES];
    for (int pe = 1; pe < BARRIER_PES; pe++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) exit(1);
        set_policy(pair[0], spin);
        set_policy(pair[1], spin);
        child[pe] = fork();
        fd[pe] = pair[0];
        if (child[pe] == 0) {
            for (int other = 1; other <= pe; other++) close(fd[other]);
            enter_barriers(pair[1]);
        }
        close(pair[1]);
    }
    bench_us(key, barriers, fd);
    for (int pe = 1; pe < BARRIER_PES; pe++) close(fd[pe]);
    for (int pe = 1; pe < BARRIER_PES; pe++) waitpid(child[pe], NULL, 0);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "sweep") == 0) {
        sweep();
        return 0;
    }
    measure_lane("socket.unix.block", false, false);
    measure_lane("socket.unix.spin", false, true);
    measure_lane("socket.tcp.block", true, false);
    measure_lane("socket.tcp.spin", true, true);
    measure_batches("socket.unix.small.64k", false);
    measure_batches("socket.tcp.small.64k", true);
    measure_barrier("socket.block.barrier.4", false);
    measure_barrier("socket.spin.barrier.4", true);
    return 0;
}
