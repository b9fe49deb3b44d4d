/* deploy/relay.c: see relay.h. */
#include "deploy/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/control.h"
#include "rpc/envelope.h"
#include "rpc/error.h"

enum { HEADER_BYTES = 4, READ_BYTES = 64 << 10 };
static const double ALIVE_S = 1;

static void end(struct deploy_relay *relay, enum deploy_relay_end how) {
    if (!deploy_relay_is_open(relay)) return;
    deploy_relay_close(relay);
    relay->handler->on_end(relay->handler->context, how);
}

static int grow(uint8_t **data, size_t *capacity, size_t needed) {
    if (needed <= *capacity) return 0;
    size_t more = *capacity == 0 ? 4096 : *capacity;
    while (more < needed) more *= 2;
    uint8_t *bytes = realloc(*data, more);
    if (bytes == NULL) return CHARIOT_ENOMEM;
    *data = bytes;
    *capacity = more;
    return 0;
}

/* ---------------------------------------------------------------- in */

static bool handle_frame(struct deploy_relay *relay, const uint8_t *data, size_t size) {
    Chariot__V1__AgentMessage *message = chariot__v1__agent_message__unpack(NULL, size, data);
    if (message == NULL) return false;
    if (message->what_case != CHARIOT__V1__AGENT_MESSAGE__WHAT_ALIVE)
        relay->handler->on_message(relay->handler->context, message);
    chariot__v1__agent_message__free_unpacked(message, NULL);
    return true;
}

/* A handler may close the relay. */
static bool handle_data(struct deploy_relay *relay) {
    size_t at = 0;
    while (deploy_relay_is_open(relay) && relay->size - at >= HEADER_BYTES) {
        size_t size = rpc_fixed32_read(relay->data + at);
        if (size > RPC_CONTROL_MAX_BYTES) return false;
        if (relay->size - at - HEADER_BYTES < size) break;
        if (!handle_frame(relay, relay->data + at + HEADER_BYTES, size)) return false;
        at += HEADER_BYTES + size;
    }
    if (!deploy_relay_is_open(relay)) return true;
    relay->size -= at;
    if (relay->size > 0 && at > 0) memmove(relay->data, relay->data + at, relay->size);
    return true;
}

/* 1: there may be more. 0: nothing now, or it has ended. */
static int read_some(struct deploy_relay *relay) {
    if (grow(&relay->data, &relay->capacity, relay->size + READ_BYTES) != 0) {
        end(relay, DEPLOY_RELAY_NO_MEMORY);
        return 0;
    }
    ssize_t got = deploy_stream_read(&relay->stream, relay->data + relay->size, READ_BYTES);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got <= 0) {
        end(relay, DEPLOY_RELAY_CLOSED);
        return 0;
    }
    relay->heard = ev_now(relay->loop);
    relay->patience_s = relay->spoken ? DEPLOY_RELAY_SILENCE_S : DEPLOY_RELAY_BEGIN_S;
    relay->spoken = true;
    relay->size += (size_t)got;
    if (!handle_data(relay)) end(relay, DEPLOY_RELAY_GARBAGE);
    return got == READ_BYTES && deploy_relay_is_open(relay);
}

/* As long as it fills the buffer: a stream may hold back what its descriptor does not show. */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    while (read_some(watcher->data) > 0) continue;
}

/* ---------------------------------------------------------------- out */

/* False: the other end is gone; its end of the other direction says so too. */
static bool write_some(struct deploy_relay *relay) {
    while (relay->at < relay->queued) {
        ssize_t put = deploy_stream_write(&relay->stream, relay->queue + relay->at, relay->queued - relay->at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno == EAGAIN;
        relay->at += (size_t)put;
    }
    relay->at = relay->queued = 0;
    return true;
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_relay *relay = watcher->data;
    (void)events;
    bool there = write_some(relay);
    if (!there || relay->queued == 0) ev_io_stop(loop, watcher);
}

void deploy_relay_send(struct deploy_relay *relay, Chariot__V1__AgentMessage__WhatCase what, void *part) {
    if (!deploy_relay_is_open(relay)) return;
    Chariot__V1__AgentMessage message = CHARIOT__V1__AGENT_MESSAGE__INIT;
    message.what_case = what;
    message.open = part; /* a union of pointers */
    size_t size = chariot__v1__agent_message__get_packed_size(&message);
    if (relay->at > 0) {
        memmove(relay->queue, relay->queue + relay->at, relay->queued - relay->at);
        relay->queued -= relay->at;
        relay->at = 0;
    }
    if (grow(&relay->queue, &relay->queue_capacity, relay->queued + HEADER_BYTES + size) != 0) {
        end(relay, DEPLOY_RELAY_NO_MEMORY);
        return;
    }
    uint8_t *at = relay->queue + relay->queued;
    rpc_fixed32_pack((uint32_t)size, at);
    chariot__v1__agent_message__pack(&message, at + HEADER_BYTES);
    relay->queued += HEADER_BYTES + size;
    if (write_some(relay) && relay->queued > 0) ev_io_start(relay->loop, &relay->writable);
}

void deploy_relay_flush(struct deploy_relay *relay, double seconds) {
    struct pollfd wait = {.fd = relay->stream.out, .events = POLLOUT};
    for (int ms = (int)(seconds * 1000); ms > 0 && deploy_relay_is_open(relay) && relay->queued > 0; ms -= 10) {
        (void)poll(&wait, 1, 10);
        if (!write_some(relay)) return;
    }
}

/* ---------------------------------------------------------------- life */

static void on_alive(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_relay *relay = watcher->data;
    ev_tstamp left = relay->heard + relay->patience_s - ev_now(loop);
    (void)events;
    if (left <= 0 && !relay->paused) {
        end(relay, DEPLOY_RELAY_SILENT);
        return;
    }
    watcher->repeat = relay->paused || left > ALIVE_S ? ALIVE_S : left;
    ev_timer_again(loop, watcher);
    if (relay->paused) return;
    Chariot__V1__AgentAlive alive = CHARIOT__V1__AGENT_ALIVE__INIT;
    deploy_relay_send(relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_ALIVE, &alive);
    if (relay->handler->on_tick != NULL) relay->handler->on_tick(relay->handler->context);
}

void deploy_relay_pause(struct deploy_relay *relay, bool paused) {
    if (!deploy_relay_is_open(relay)) return;
    ev_now_update(relay->loop);
    relay->paused = paused;
    relay->heard = ev_now(relay->loop);
}

void deploy_relay_open(struct deploy_relay *relay, struct ev_loop *loop, const struct deploy_stream *stream,
                       double first_s, const struct deploy_relay_handler *handler) {
    *relay = (struct deploy_relay){.loop = loop, .handler = handler, .stream = *stream, .patience_s = first_s};
    relay->heard = ev_now(loop);
    ev_io_init(&relay->readable, on_readable, stream->in, EV_READ);
    ev_io_init(&relay->writable, on_writable, stream->out, EV_WRITE);
    ev_timer_init(&relay->alive, on_alive, 0., ALIVE_S); /* at once: from the first word on silence counts */
    relay->readable.data = relay->writable.data = relay->alive.data = relay;
    ev_io_start(loop, &relay->readable);
    ev_timer_start(loop, &relay->alive);
}

bool deploy_relay_is_open(const struct deploy_relay *relay) {
    return relay->stream.ops != NULL;
}

void deploy_relay_close(struct deploy_relay *relay) {
    if (!deploy_relay_is_open(relay)) return;
    ev_io_stop(relay->loop, &relay->readable);
    ev_io_stop(relay->loop, &relay->writable);
    ev_timer_stop(relay->loop, &relay->alive);
    deploy_stream_close(&relay->stream);
    free(relay->data);
    free(relay->queue);
    relay->data = relay->queue = NULL;
    relay->size = relay->queued = relay->at = relay->capacity = relay->queue_capacity = 0;
}
