/* rpc/etcd/events.c: see events.h. */
#include "rpc/etcd/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "rpc/error.h"

double etcd_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Addresses are written whole: a pipe takes as much as PIPE_BUF at once. */
static void *take(void *context) {
    struct etcd_events *events = context;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(events->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) break;
        struct etcd_tag *tag = event.tag;
        tag->ok = event.success != 0;
        while (write(events->pipe[1], &tag, sizeof(void *)) < 0 && errno == EINTR) continue;
    }
    close(events->pipe[1]);
    return NULL;
}

/* False: the pipe has ended. */
static bool handle(struct etcd_events *events) {
    struct etcd_tag *tags[64];
    ssize_t got = read(events->pipe[0], tags, sizeof tags);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    for (size_t i = 0; i < (size_t)got / sizeof(void *); i++) tags[i]->on_done(tags[i], tags[i]->ok);
    return got > 0;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
    (void)revents;
    if (!handle(watcher->data)) ev_io_stop(loop, watcher);
}

int etcd_events_open(struct etcd_events *events, struct ev_loop *loop) {
    *events = (struct etcd_events){.loop = loop};
    if (pipe2(events->pipe, O_CLOEXEC) != 0) return CHARIOT_EIO;
    grpc_init();
    events->queue = grpc_completion_queue_create_for_next(NULL);
    ev_io_init(&events->readable, on_readable, events->pipe[0], EV_READ);
    events->readable.data = events;
    ev_io_start(loop, &events->readable);
    if (pthread_create(&events->thread, NULL, take, events) == 0) return 0;
    ev_io_stop(loop, &events->readable);
    grpc_completion_queue_shutdown(events->queue);
    grpc_completion_queue_destroy(events->queue);
    close(events->pipe[0]);
    close(events->pipe[1]);
    return CHARIOT_EIO;
}

/* As in rpc/grpc_hub.c, gRPC itself ends with the process. */
void etcd_events_close(struct etcd_events *events) {
    ev_io_stop(events->loop, &events->readable);
    grpc_completion_queue_shutdown(events->queue);
    while (handle(events)) continue;
    pthread_join(events->thread, NULL);
    grpc_completion_queue_destroy(events->queue);
    close(events->pipe[0]);
}
