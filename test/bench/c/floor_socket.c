/* floor_socket.c: the floor under any transport of one host: a bare Unix stream socket between processes.
 *
 * Two policies of waiting: `block` (the kernel wakes the reader) and `spin` (a read that does not wait, and sched_yield
 * between). Round trips by size, small messages of 64 bytes in batches of 64 KiB, and a barrier of four processes that
 * all send one byte to the first and get one back. Prints "key value" lines (bench.h). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/bench/c/bench.h"

enum { SMALL_BYTES = 64, BATCH_BYTES = 64 << 10, MAX_BYTES = 1 << 20, BARRIER_PES = 4, BARRIERS = 3000 };

static void set_policy(int fd, bool spin) {
    int buffer = MAX_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    fcntl(fd, F_SETFL, spin ? O_NONBLOCK : 0);
}

static bool try_again(ssize_t moved) {
    if (moved < 0 && errno == EAGAIN) {
        sched_yield();
        return true;
    }
    return moved < 0 && errno == EINTR;
}

static void write_all(int fd, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t moved = write(fd, bytes, size);
        if (try_again(moved)) continue;
        if (moved <= 0) _exit(1);
        bytes += moved;
        size -= (size_t)moved;
    }
}

/* False at the end of the stream. */
static bool read_all(int fd, uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t moved = read(fd, bytes, size);
        if (try_again(moved)) continue;
        if (moved <= 0) return false;
        bytes += moved;
        size -= (size_t)moved;
    }
    return true;
}

/* A message is a length word and so many bytes; length 0 and up to MAX_BYTES are sent back. */
static void echo(int fd, uint8_t *bytes) {
    uint32_t size;
    while (read_all(fd, (uint8_t *)&size, sizeof size)) {
        if (size > MAX_BYTES || !read_all(fd, bytes + sizeof size, size)) _exit(1);
        memcpy(bytes, &size, sizeof size);
        write_all(fd, bytes, sizeof size + size);
    }
}

static void trip(int fd, uint8_t *bytes, uint32_t size) {
    memcpy(bytes, &size, sizeof size);
    write_all(fd, bytes, sizeof size + size);
    if (!read_all(fd, bytes, sizeof size + size)) _exit(1);
}

static void round_trips(int fd, const char *lane, uint8_t *bytes) {
    char key[64];
    for (int i = 0; i < BENCH_NUM_SIZES; i++) {
        const struct bench_size *size = &bench_sizes[i];
        for (int warm = 0; warm < size->trips / 10; warm++) trip(fd, bytes, (uint32_t)size->bytes);
        int64_t begin = bench_now_ns();
        for (int n = 0; n < size->trips; n++) trip(fd, bytes, (uint32_t)size->bytes);
        snprintf(key, sizeof key, "socket.%s.rtt.%s", lane, size->name);
        bench_report(key, (double)(bench_now_ns() - begin) / 1e3 / size->trips);
    }
}

/* Starts a child that runs echo() on the other end; its end closes with ours. */
static pid_t start_echo(int fd[2], bool spin, uint8_t *bytes) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) exit(1);
    set_policy(fd[0], spin);
    set_policy(fd[1], spin);
    pid_t child = fork();
    if (child == 0) {
        close(fd[0]);
        echo(fd[1], bytes);
        _exit(0);
    }
    close(fd[1]);
    return child;
}

static void measure_trips(const char *lane, bool spin) {
    int fd[2];
    uint8_t *bytes = calloc(1, MAX_BYTES + 4);
    if (bytes == NULL) exit(1);
    pid_t child = start_echo(fd, spin, bytes);
    round_trips(fd[0], lane, bytes);
    close(fd[0]);
    waitpid(child, NULL, 0);
    free(bytes);
}

/* The reader of the batches looks at every message, then answers one byte. */
static void count_small(int fd, uint8_t *bytes, int batches) {
    volatile uint64_t sum = 0;
    for (int n = 0; n < batches; n++) {
        if (!read_all(fd, bytes, BATCH_BYTES)) _exit(1);
        for (size_t at = 0; at < BATCH_BYTES; at += SMALL_BYTES) sum += bytes[at];
    }
    (void)sum;
    write_all(fd, bytes, 1);
    _exit(0);
}

static void measure_small(void) {
    int fd[2];
    const int batches = 4096;
    static uint8_t bytes[BATCH_BYTES];
    const uint8_t small[SMALL_BYTES] = {1, 2, 3};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) exit(1);
    set_policy(fd[0], false);
    set_policy(fd[1], false);
    pid_t child = fork();
    if (child == 0) count_small(fd[1], bytes, batches);
    int64_t begin = bench_now_ns();
    for (int n = 0; n < batches; n++) {
        for (size_t at = 0; at < BATCH_BYTES; at += SMALL_BYTES) memcpy(bytes + at, small, sizeof small);
        write_all(fd[0], bytes, BATCH_BYTES);
    }
    if (!read_all(fd[0], bytes, 1)) exit(1);
    double seconds = (double)(bench_now_ns() - begin) / 1e9;
    bench_report("socket.small.64k", (double)batches * (BATCH_BYTES / SMALL_BYTES) / seconds / 1e6);
    close(fd[0]);
    close(fd[1]);
    waitpid(child, NULL, 0);
}

/* One barrier as the first process sees it: a byte from all, then a byte to all. */
static void gather_and_release(int (*fd)[2]) {
    uint8_t byte = 0;
    for (int pe = 1; pe < BARRIER_PES; pe++)
        if (!read_all(fd[pe][0], &byte, 1)) exit(1);
    for (int pe = 1; pe < BARRIER_PES; pe++) write_all(fd[pe][0], &byte, 1);
}

static void enter_barriers(int fd) {
    uint8_t byte = 0;
    do write_all(fd, &byte, 1);
    while (read_all(fd, &byte, 1));
    _exit(0);
}

static void measure_barrier(const char *key, bool spin) {
    int fd[BARRIER_PES][2];
    pid_t child[BARRIER_PES];
    for (int pe = 1; pe < BARRIER_PES; pe++) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd[pe]) != 0) exit(1);
        set_policy(fd[pe][0], spin);
        set_policy(fd[pe][1], spin);
        child[pe] = fork();
        if (child[pe] == 0) {
            for (int other = 1; other <= pe; other++) close(fd[other][0]);
            enter_barriers(fd[pe][1]);
        }
        close(fd[pe][1]);
    }
    for (int n = 0; n < BARRIERS / 10; n++) gather_and_release(fd);
    int64_t begin = bench_now_ns();
    for (int n = 0; n < BARRIERS; n++) gather_and_release(fd);
    bench_report(key, (double)(bench_now_ns() - begin) / 1e3 / BARRIERS);
    for (int pe = 1; pe < BARRIER_PES; pe++) close(fd[pe][0]);
    for (int pe = 1; pe < BARRIER_PES; pe++) waitpid(child[pe], NULL, 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    measure_trips("block", false);
    measure_trips("spin", true);
    measure_small();
    measure_barrier("socket.block.barrier.4", false);
    measure_barrier("socket.spin.barrier.4", true);
    return 0;
}
