/* rpc/etcd/parent.h: the stream to the launcher that has started chariot-etcd: standard input, a socket pair's end.
 *
 * Both sides say every second that they are there. A launcher that says nothing is stopped, or stuck: it is not to be a
 * member any longer, and when its lease is over it is killed, since it could not end its PEs itself (its guard does
 * then, deploy/guard.h). */
#ifndef CHARIOT_RPC_ETCD_PARENT_H
#define CHARIOT_RPC_ETCD_PARENT_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/proto/chariot/v1/agent.pb-c.h"

struct etcd_parent_handler {
    void (*on_message)(void *context, const Chariot__V1__AgentMessage *message);
    /* It is gone, or has said what is no message. Once. */
    void (*on_end)(void *context);
    void *context;
};

struct etcd_parent {
    struct ev_loop *loop;
    const struct etcd_parent_handler *handler;
    int fd;
    int process;  /* a pidfd */
    double heard; /* etcd_now() */
    bool is_deaf; /* it does not read what we say */
    uint8_t *data;
    size_t size;
    ev_io readable;
    ev_timer alive;
};

/* CHARIOT_EINVAL: fd is no socket of our parent's. CHARIOT_ENOMEM. */
int etcd_parent_open(struct etcd_parent *parent, struct ev_loop *loop, int fd,
                     const struct etcd_parent_handler *handler);
/* Sends the part of AgentMessage that `what` names. Never waits. */
void etcd_parent_say(struct etcd_parent *parent, Chariot__V1__AgentMessage__WhatCase what, void *part);
/* Whether it has been heard lately. */
bool etcd_parent_is_there(const struct etcd_parent *parent);
void etcd_parent_kill(struct etcd_parent *parent);
void etcd_parent_close(struct etcd_parent *parent);

#endif
