/* kernels.c: small pieces of work whose cost on another machine is known: what this machine is worth beside that one.
 *
 * Their figures on the machine of the targets are in machine.py, which makes the factors of them. Prints "key value"
 * lines (bench.h), in nanoseconds. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>

#include "test/bench/c/bench.h"

enum { MESSAGE_BYTES = 64 };

static void malloc_free(void *ctx, int count) {
    for (int n = 0; n < count; n++) {
        uint8_t *volatile block = malloc(MESSAGE_BYTES);
        if (block == NULL) exit(1);
        *block = 1;
        free(block);
    }
}

static void ask_clock(void *ctx, int count) {
    volatile int64_t now = 0;
    for (int n = 0; n < count; n++) now = bench_now_ns();
    (void)now;
}

static void ignore(void *bytes) {}

static void wrap_slice(void *ctx, int count) {
    for (int n = 0; n < count; n++) {
        grpc_slice slice = grpc_slice_new_with_user_data(ctx, MESSAGE_BYTES, ignore, NULL);
        grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        grpc_byte_buffer_destroy(buffer);
    }
}

static void ask_queue(void *ctx, int count) {
    for (int n = 0; n < count; n++) grpc_completion_queue_next(ctx, gpr_inf_past(GPR_CLOCK_REALTIME), NULL);
}

static void ask_epoll(void *ctx, int count) {
    struct epoll_event event;
    for (int n = 0; n < count; n++) epoll_wait(*(int *)ctx, &event, 1, 0);
}

static void signal_event(void *ctx, int count) {
    uint64_t value = 1;
    for (int n = 0; n < count; n++)
        if (write(*(int *)ctx, &value, sizeof value) < 0 || read(*(int *)ctx, &value, sizeof value) < 0) exit(1);
}

int main(void) {
    uint8_t bytes[MESSAGE_BYTES] = {1};
    int event = eventfd(0, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN};
    if (event < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) != 0) return 1;
    bench_ns("kernel.malloc", malloc_free, NULL);
    bench_ns("kernel.clock", ask_clock, NULL);
    bench_ns("kernel.epoll", ask_epoll, &epoll);
    bench_ns("kernel.eventfd", signal_event, &event);
    grpc_init();
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    bench_ns("kernel.slice", wrap_slice, bytes);
    bench_ns("kernel.queue", ask_queue, queue);
    grpc_completion_queue_shutdown(queue);
    while (grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type != GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(queue);
    grpc_shutdown_blocking();
    return 0;
}
