/* rpc/etcd/parent.c: see parent.h. */
#include "rpc/etcd/parent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rpc/envelope.h"
#include "rpc/error.h"
#include "rpc/etcd/events.h"

enum { HEADER_BYTES = 4, MAX_BYTES = 64 << 10 };
static const double PATIENCE_S = 2.5;

/* What it has said while it was us who were stopped waits in the socket. */
bool etcd_parent_is_there(const struct etcd_parent *parent) {
    struct pollfd said = {.fd = parent->fd, .events = POLLIN};
    if (parent->is_deaf) return false;
    return etcd_now() - parent->heard <= PATIENCE_S || poll(&said, 1, 0) == 1;
}

/* ---------------------------------------------------------------- in */

static bool handle_frame(struct etcd_parent *parent, const uint8_t *data, size_t size) {
    Chariot__V1__AgentMessage *message = chariot__v1__agent_message__unpack(NULL, size, data);
    if (message == NULL) return false;
    if (message->what_case != CHARIOT__V1__AGENT_MESSAGE__WHAT_ALIVE)
        parent->handler->on_message(parent->handler->context, message);
    chariot__v1__agent_message__free_unpacked(message, NULL);
    return true;
}

static bool handle_data(struct etcd_parent *parent) {
    size_t at = 0;
    while (parent->size - at >= HEADER_BYTES) {
        size_t size = rpc_fixed32_read(parent->data + at);
        if (size > MAX_BYTES - HEADER_BYTES) return false;
        if (parent->size - at - HEADER_BYTES < size) break;
        if (!handle_frame(parent, parent->data + at + HEADER_BYTES, size)) return false;
        at += HEADER_BYTES + size;
    }
    parent->size -= at;
    memmove(parent->data, parent->data + at, parent->size);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
    struct etcd_parent *parent = watcher->data;
    (void)revents;
    ssize_t got = recv(parent->fd, parent->data + parent->size, MAX_BYTES - parent->size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    parent->heard = etcd_now();
    if (got > 0) parent->size += (size_t)got;
    if (got > 0 && handle_data(parent)) return;
    ev_io_stop(loop, watcher);
    parent->handler->on_end(parent->handler->context);
}

/* ---------------------------------------------------------------- out */

/* What little is said fits into the socket, or nobody has read for minutes. */
void etcd_parent_say(struct etcd_parent *parent, Chariot__V1__AgentMessage__WhatCase what, void *part) {
    Chariot__V1__AgentMessage message = CHARIOT__V1__AGENT_MESSAGE__INIT;
    message.what_case = what;
    message.open = part; /* a union of pointers */
    size_t size = chariot__v1__agent_message__get_packed_size(&message);
    uint8_t *frame = parent->is_deaf ? NULL : malloc(HEADER_BYTES + size);
    if (frame == NULL) return;
    rpc_fixed32_pack((uint32_t)size, frame);
    chariot__v1__agent_message__pack(&message, frame + HEADER_BYTES);
    ssize_t put = send(parent->fd, frame, HEADER_BYTES + size, MSG_DONTWAIT | MSG_NOSIGNAL);
    parent->is_deaf = put != (ssize_t)(HEADER_BYTES + size);
    free(frame);
}

static void on_alive(struct ev_loop *loop, ev_timer *timer, int revents) {
    Chariot__V1__AgentAlive alive = CHARIOT__V1__AGENT_ALIVE__INIT;
    (void)loop, (void)revents;
    etcd_parent_say(timer->data, CHARIOT__V1__AGENT_MESSAGE__WHAT_ALIVE, &alive);
}

/* ---------------------------------------------------------------- life */

void etcd_parent_kill(struct etcd_parent *parent) {
    (void)syscall(SYS_pidfd_send_signal, parent->process, SIGKILL, NULL, 0);
}

/* The process that made the socket pair, if it still is our parent: nobody else is ever killed. */
static int open_process(int fd) {
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return -1;
    int process = (int)syscall(SYS_pidfd_open, who.pid, 0);
    if (process >= 0 && who.pid == getppid()) return process;
    if (process >= 0) close(process);
    return -1;
}

int etcd_parent_open(struct etcd_parent *parent, struct ev_loop *loop, int fd,
                     const struct etcd_parent_handler *handler) {
    *parent = (struct etcd_parent){.loop = loop, .handler = handler, .fd = fd, .heard = etcd_now()};
    parent->process = open_process(fd);
    if (parent->process < 0) return CHARIOT_EINVAL;
    parent->data = malloc(MAX_BYTES);
    if (parent->data == NULL) {
        close(parent->process);
        return CHARIOT_ENOMEM;
    }
    ev_io_init(&parent->readable, on_readable, fd, EV_READ);
    ev_timer_init(&parent->alive, on_alive, 1., 1.);
    parent->readable.data = parent->alive.data = parent;
    ev_io_start(loop, &parent->readable);
    ev_timer_start(loop, &parent->alive);
    return 0;
}

void etcd_parent_close(struct etcd_parent *parent) {
    ev_io_stop(parent->loop, &parent->readable);
    ev_timer_stop(parent->loop, &parent->alive);
    close(parent->process);
    close(parent->fd);
    free(parent->data);
}
