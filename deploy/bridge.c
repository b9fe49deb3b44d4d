/* deploy/bridge.c: see bridge.h. */
#include "deploy/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 32 << 10 };

/* ---------------------------------------------------------------- from here to there */

static void send_data(struct deploy_bridge *bridge, uint8_t *bytes, size_t size, bool is_end) {
    Chariot__V1__AgentData data = CHARIOT__V1__AGENT_DATA__INIT;
    data.pe = bridge->pe;
    data.stream = bridge->stream;
    data.data = (ProtobufCBinaryData){.len = size, .data = bytes};
    data.end = is_end;
    bridge->ahead += (uint32_t)size;
    deploy_relay_send(bridge->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_DATA, &data);
}

static void tell_end(struct deploy_bridge *bridge) {
    if (bridge->told_end) return;
    bridge->told_end = true;
    send_data(bridge, NULL, 0, true);
}

static void end_reading(struct deploy_bridge *bridge) {
    bridge->read_ended = true;
    ev_io_stop(bridge->relay->loop, &bridge->readable);
    tell_end(bridge);
}

/* A descriptor that may block is asked before; reading a terminal from the background would stop us. */
static bool may_block(struct deploy_bridge *bridge) {
    struct pollfd ask = {.fd = bridge->fd, .events = POLLIN};
    pid_t group = bridge->shared ? tcgetpgrp(bridge->fd) : -1;
    if (!bridge->shared) return false;
    if (group >= 0 && group != getpgrp()) {
        ev_io_stop(bridge->relay->loop, &bridge->readable); /* until deploy_bridge_retry() */
        return true;
    }
    return poll(&ask, 1, 0) == 0;
}

/* False: nothing is there now. */
static bool read_some(struct deploy_bridge *bridge) {
    uint8_t bytes[READ_BYTES];
    if (may_block(bridge)) return false;
    ssize_t got = read(bridge->fd, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) return true;
    if (got < 0 && errno == EAGAIN) return false;
    if (got > 0)
        send_data(bridge, bytes, (size_t)got, false);
    else
        end_reading(bridge); /* also where the peer was reset */
    return got > 0;
}

static bool may_read(const struct deploy_bridge *bridge) {
    return bridge->fd >= 0 && !bridge->read_ended && bridge->ahead + READ_BYTES <= DEPLOY_BRIDGE_WINDOW;
}

static void drain_before(struct deploy_bridge *bridge) {
    for (int i = 0; i < 2 && bridge->before[i] != NULL; i++) (void)deploy_bridge_drain(bridge->before[i]);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_bridge *bridge = watcher->data;
    (void)events;
    drain_before(bridge);
    if (may_read(bridge)) read_some(bridge);
    if (!may_read(bridge)) ev_io_stop(loop, watcher);
}

bool deploy_bridge_drain(struct deploy_bridge *bridge) {
    drain_before(bridge);
    while (may_read(bridge)) {
        if (!read_some(bridge)) return true;
    }
    return bridge->fd < 0 || bridge->read_ended;
}

void deploy_bridge_retry(struct deploy_bridge *bridge) {
    if (may_read(bridge)) ev_io_start(bridge->relay->loop, &bridge->readable);
}

bool deploy_bridge_on_taken(struct deploy_bridge *bridge, uint32_t bytes) {
    if (bytes > bridge->ahead) return false;
    bridge->ahead -= bytes;
    if (may_read(bridge)) ev_io_start(bridge->relay->loop, &bridge->readable);
    return true;
}

/* ---------------------------------------------------------------- from there to here */

static void say_taken(struct deploy_bridge *bridge, size_t bytes) {
    Chariot__V1__AgentTaken taken = CHARIOT__V1__AGENT_TAKEN__INIT;
    taken.pe = bridge->pe;
    taken.stream = bridge->stream;
    taken.bytes = (uint32_t)bytes;
    deploy_relay_send(bridge->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_TAKEN, &taken);
}

/* What nobody reads any more counts as written; where nothing is read either, the other side need send no more. */
static size_t write_now(struct deploy_bridge *bridge) {
    size_t size = bridge->size - bridge->at;
    ssize_t put = write(bridge->fd, bridge->data + bridge->at, size);
    if (put >= 0) return (size_t)put;
    if (errno == EAGAIN || errno == EINTR) return 0;
    if (bridge->read_ended) tell_end(bridge);
    return size;
}

static bool must_wait(const struct deploy_bridge *bridge) {
    for (int i = 0; i < 2 && bridge->before[i] != NULL; i++) {
        if (bridge->before[i]->at < bridge->before[i]->size) return true;
    }
    return false;
}

static void flush(struct deploy_bridge *bridge) {
    if (must_wait(bridge)) return;
    size_t put = bridge->at < bridge->size ? write_now(bridge) : 0;
    bridge->at += put;
    if (put > 0) say_taken(bridge, put);
    if (bridge->at < bridge->size) {
        ev_io_start(bridge->relay->loop, &bridge->writable);
        return;
    }
    ev_io_stop(bridge->relay->loop, &bridge->writable);
    bridge->at = bridge->size = 0;
    for (int i = 0; i < 2 && bridge->behind[i] != NULL; i++) {
        if (bridge->behind[i]->fd >= 0) flush(bridge->behind[i]);
    }
    if (!bridge->write_ends || bridge->fd < 0) return;
    deploy_bridge_close(bridge);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    flush(watcher->data);
}

bool deploy_bridge_on_data(struct deploy_bridge *bridge, const Chariot__V1__AgentData *data) {
    size_t waiting = bridge->size - bridge->at;
    if (bridge->write_ends || waiting + data->data.len > DEPLOY_BRIDGE_WINDOW) return false;
    if (bridge->fd < 0) { /* nobody here wants it any more */
        if (data->data.len > 0) say_taken(bridge, data->data.len);
        return true;
    }
    if (bridge->data == NULL && data->data.len > 0) bridge->data = malloc(DEPLOY_BRIDGE_WINDOW);
    if (bridge->data == NULL && data->data.len > 0) return false;
    if (bridge->at > 0) memmove(bridge->data, bridge->data + bridge->at, waiting);
    if (data->data.len > 0) memcpy(bridge->data + waiting, data->data.data, data->data.len);
    bridge->at = 0;
    bridge->size = waiting + data->data.len;
    bridge->write_ends = data->end;
    flush(bridge);
    return true;
}

void deploy_bridge_end(struct deploy_bridge *bridge) {
    bridge->write_ends = true;
    bridge->before[0] = bridge->before[1] = NULL;
    if (bridge->fd >= 0) flush(bridge);
}

void deploy_bridge_finish(struct deploy_bridge *bridge) {
    if (bridge->fd < 0) return;
    end_reading(bridge);
    deploy_bridge_close(bridge);
}

/* ---------------------------------------------------------------- life */

static void init(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream, int fd,
                 bool reads) {
    *bridge = (struct deploy_bridge){.relay = relay, .pe = pe, .stream = stream, .fd = fd, .read_ended = !reads};
    ev_io_init(&bridge->readable, on_readable, fd, EV_READ);
    ev_io_init(&bridge->writable, on_writable, fd, EV_WRITE);
    bridge->readable.data = bridge->writable.data = bridge;
    if (reads) ev_io_start(relay->loop, &bridge->readable);
}

void deploy_bridge_open(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream, int fd,
                        bool reads) {
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    init(bridge, relay, pe, stream, fd, reads);
}

void deploy_bridge_open_shared(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream,
                               int fd) {
    init(bridge, relay, pe, stream, fd, true);
    bridge->shared = true;
}

void deploy_bridge_order(struct deploy_bridge *first, struct deploy_bridge *last) {
    last->before[last->before[0] != NULL] = first;
    first->behind[first->behind[0] != NULL] = last;
}

void deploy_bridge_close(struct deploy_bridge *bridge) {
    if (bridge->fd < 0) return;
    ev_io_stop(bridge->relay->loop, &bridge->readable);
    ev_io_stop(bridge->relay->loop, &bridge->writable);
    close(bridge->fd);
    bridge->fd = -1;
    free(bridge->data);
    bridge->data = NULL;
    bridge->size = bridge->at = 0;
}
