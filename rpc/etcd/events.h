/* rpc/etcd/events.h: gRPC's completion queue beside a libev loop.
 *
 * One thread takes events out of the queue and hands them over by a pipe; the loop's thread handles them there, so all
 * else of chariot-etcd has one thread. An operation that is started on gRPC carries a struct etcd_tag, embedded in what
 * waits for it. */
#ifndef CHARIOT_RPC_ETCD_EVENTS_H
#define CHARIOT_RPC_ETCD_EVENTS_H

#include <ev.h>
#include <grpc/grpc.h>
#include <pthread.h>
#include <stdbool.h>

struct etcd_tag {
    /* Once, on the loop's thread; it may free what the tag is embedded in. */
    void (*on_done)(struct etcd_tag *tag, bool ok);
    bool ok;
};

struct etcd_events {
    struct ev_loop *loop;
    grpc_completion_queue *queue;
    pthread_t thread;
    int pipe[2]; /* addresses of tags */
    ev_io readable;
};

/* CHARIOT_ENOMEM, CHARIOT_EIO: no thread or pipe to be had. */
int etcd_events_open(struct etcd_events *events, struct ev_loop *loop);
/* All operations have been cancelled; their on_done are called from here. */
void etcd_events_close(struct etcd_events *events);

/* Seconds since the machine was started, those that it slept included: what leases are reckoned with. */
double etcd_now(void);

#endif
