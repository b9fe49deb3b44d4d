/* floor_local.c: floors within one process, and of processes as such.
 *
 * A call through a pointer that nothing can inline; the same with a small block taken and freed, as every message
 * needs; an object of two words by malloc; a process that starts and ends; one that loads gRPC's libraries and starts
 * gRPC. Prints "key value" lines (bench.h). */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grpc/grpc.h>

#include "test/bench/c/bench.h"

enum { CALLS = 20000000, OBJECTS = 100000, STARTS = 20 };

struct object {
    uint64_t sum;
    uint64_t other;
};

static __attribute__((noinline)) void add(struct object *object, const uint64_t *value) {
    object->sum += *value;
}

static void measure_calls(void) {
    struct object object = {0};
    void (*volatile method)(struct object *, const uint64_t *) = add;
    int64_t begin = bench_now_ns();
    for (uint64_t n = 0; n < CALLS; n++) method(&object, &n);
    bench_report("local.call", CALLS / ((double)(bench_now_ns() - begin) / 1e9) / 1e6);
    begin = bench_now_ns();
    for (uint64_t n = 0; n < CALLS / 4; n++) {
        uint64_t *volatile value = malloc(128);
        if (value == NULL) exit(1);
        *value = n;
        method(&object, value);
        free(value);
    }
    bench_report("local.malloc_call", CALLS / 4 / ((double)(bench_now_ns() - begin) / 1e9) / 1e6);
}

static void measure_memory(void) {
    static struct object *objects[OBJECTS];
    size_t before = mallinfo2().uordblks;
    for (int n = 0; n < OBJECTS; n++) {
        objects[n] = malloc(sizeof *objects[n]);
        if (objects[n] == NULL) exit(1);
    }
    bench_report("local.memory", (double)(mallinfo2().uordblks - before) / OBJECTS);
    for (int n = 0; n < OBJECTS; n++) free(objects[n]);
}

static double time_starts(const char *path, const char *how) {
    int64_t begin = bench_now_ns();
    for (int n = 0; n < STARTS; n++) {
        pid_t child = fork();
        if (child == 0) {
            execl(path, path, how, (char *)NULL);
            _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (status != 0) exit(1);
    }
    return (double)(bench_now_ns() - begin) / 1e6 / STARTS;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "grpc") == 0) {
        grpc_init();
        grpc_shutdown_blocking();
        return 0;
    }
    measure_calls();
    measure_memory();
    bench_report("local.start.process", time_starts("/bin/true", "true"));
    bench_report("local.start.grpc", time_starts("/proc/self/exe", "grpc"));
    return 0;
}
