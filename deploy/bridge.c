/* deploy/bridge.c: see bridge.h. */
#include "deploy/bridge.h"

#include <errno.h>
#include <fcntl.h>
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

static void end_reading(struct deploy_bridge *bridge) {
    bridge->read_ended = true;
    ev_io_stop(bridge->relay->loop, &bridge->readable);
    send_data(bridge, NULL, 0, true);
}

/* False: nothing is there now. */
static bool read_some(struct deploy_bridge *bridge) {
    uint8_t bytes[READ_BYTES];
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

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_bridge *bridge = watcher->data;
    (void)events;
    for (int i = 0; i < 2 && bridge->before[i] != NULL; i++) (void)deploy_bridge_drain(bridge->before[i]);
    if (may_read(bridge)) read_some(bridge);
    if (!may_read(bridge)) ev_io_stop(loop, watcher);
}

bool deploy_bridge_drain(struct deploy_bridge *bridge) {
    while (may_read(bridge)) {
        if (!read_some(bridge)) return true;
    }
    return bridge->fd < 0 || bridge->read_ended;
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

/* What nobody reads any more counts as written. */
static size_t write_now(struct deploy_bridge *bridge) {
    size_t size = bridge->size - bridge->at;
    ssize_t put = write(bridge->fd, bridge->data + bridge->at, size);
    if (put < 0) return errno == EAGAIN || errno == EINTR ? 0 : size;
    return (size_t)put;
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
    if (bridge->behind != NULL && bridge->behind->fd >= 0) flush(bridge->behind);
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
    if (!bridge->read_ended) end_reading(bridge);
    deploy_bridge_close(bridge);
}

/* ---------------------------------------------------------------- life */

void deploy_bridge_open(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream, int fd,
                        bool reads) {
    *bridge = (struct deploy_bridge){.relay = relay, .pe = pe, .stream = stream, .fd = fd, .read_ended = !reads};
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    ev_io_init(&bridge->readable, on_readable, fd, EV_READ);
    ev_io_init(&bridge->writable, on_writable, fd, EV_WRITE);
    bridge->readable.data = bridge->writable.data = bridge;
    if (reads) ev_io_start(relay->loop, &bridge->readable);
}

void deploy_bridge_order(struct deploy_bridge *one, struct deploy_bridge *other, struct deploy_bridge *last) {
    last->before[0] = one;
    last->before[1] = other;
    one->behind = other->behind = last;
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
