/* deploy/relay.h: the stream between a launcher and its agent on another host (chariot/v1/agent.proto): whole messages
 * in, whole messages out, and whether the other end is there.
 *
 * Both ends say every second that they are alive. Nothing here waits; what cannot be written yet is queued, and bounded
 * by who sends (bridge.h). */
#ifndef CHARIOT_DEPLOY_RELAY_H
#define CHARIOT_DEPLOY_RELAY_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/stream.h"
#include "rpc/proto/chariot/v1/agent.pb-c.h"

#define DEPLOY_RELAY_SILENCE_S 5.0
#define DEPLOY_RELAY_BEGIN_S   6.0 /* between its first word and the next: it may only begin */

enum deploy_relay_end {
    DEPLOY_RELAY_CLOSED,  /* the other end has closed it */
    DEPLOY_RELAY_SILENT,  /* nothing has come for too long */
    DEPLOY_RELAY_GARBAGE, /* no message of ours: also where a shell prints before the agent starts */
    DEPLOY_RELAY_NO_MEMORY,
};

struct deploy_relay_handler {
    void (*on_message)(void *context, const Chariot__V1__AgentMessage *message);
    /* Once; the relay is closed by then. */
    void (*on_end)(void *context, enum deploy_relay_end how);
    void (*on_tick)(void *context); /* every second; NULL: no need */
    void *context;
};

struct deploy_relay {
    struct ev_loop *loop;
    const struct deploy_relay_handler *handler;
    struct deploy_stream stream; /* owned */
    ev_io readable, writable;
    ev_timer alive; /* ours is due */
    ev_tstamp heard;
    double patience_s; /* so long nothing may come */
    bool spoken;       /* something has come */
    bool paused;
    uint8_t *data; /* came, and is not a whole message yet */
    size_t size, capacity;
    uint8_t *queue; /* to be written, from `at` */
    size_t queued, at, queue_capacity;
};

/* Takes the stream. `first_s`: how long the first message may take. The handler is borrowed until close, and may be
 * replaced. */
void deploy_relay_open(struct deploy_relay *relay, struct ev_loop *loop, const struct deploy_stream *stream,
                       double first_s, const struct deploy_relay_handler *handler);
bool deploy_relay_is_open(const struct deploy_relay *relay);
/* Sends the part of AgentMessage that `what` names. No effect where it is closed. A failure shows as an end. */
void deploy_relay_send(struct deploy_relay *relay, Chariot__V1__AgentMessage__WhatCase what, void *part);
/* What is queued is written, for so long at most: before a process ends. */
void deploy_relay_flush(struct deploy_relay *relay, double seconds);
/* The other end does not run, or we are about not to: until the pause is over nobody says anything, or wonders. */
void deploy_relay_pause(struct deploy_relay *relay, bool paused);
void deploy_relay_close(struct deploy_relay *relay);

#endif
