/* deploy/control_link.c: see control_link.h. */
#include "deploy/control_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/control.h"
#include "rpc/envelope.h"
#include "rpc/error.h"

enum { HEADER_BYTES = 4, FIRST_CAPACITY = 512 };

/* ---------------------------------------------------------------- reading */

static void fail(struct deploy_link *link) {
    deploy_link_close(link);
    link->handler->on_malformed(link->handler->context, link->pe);
}

static void on_hello(struct deploy_link *link) {
    if (link->opened) return;
    link->opened = true;
    link->handler->on_opened(link->handler->context, link->pe);
}

static int handle_frame(struct deploy_link *link, const uint8_t *data, size_t size) {
    Chariot__V1__ToLauncher *message = chariot__v1__to_launcher__unpack(NULL, size, data);
    if (message == NULL) return CHARIOT_EMALFORMED;
    if (message->what_case == CHARIOT__V1__TO_LAUNCHER__WHAT_HELLO)
        on_hello(link);
    else
        link->handler->on_message(link->handler->context, link->pe, message);
    chariot__v1__to_launcher__free_unpacked(message, NULL);
    return 0;
}

/* Handles the whole frames among link->data and keeps the rest. A handler may close the link. */
static int handle_data(struct deploy_link *link) {
    size_t at = 0;
    while (link->fd >= 0 && link->size - at >= HEADER_BYTES) {
        size_t size = rpc_fixed32_read(link->data + at);
        if (size > RPC_CONTROL_MAX_BYTES) return CHARIOT_ETOOBIG;
        if (link->size - at - HEADER_BYTES < size) break;
        int err = handle_frame(link, link->data + at + HEADER_BYTES, size);
        if (err != 0) return err;
        at += HEADER_BYTES + size;
    }
    if (link->fd < 0) return 0;
    link->size -= at;
    if (link->size > 0) memmove(link->data, link->data + at, link->size);
    return 0;
}

/* Never more than one frame of the greatest size and its header is held. */
static int make_room(struct deploy_link *link) {
    if (link->size < link->capacity) return 0;
    size_t capacity = link->capacity == 0 ? FIRST_CAPACITY : 2 * link->capacity;
    if (capacity > 2 * (RPC_CONTROL_MAX_BYTES + HEADER_BYTES)) return CHARIOT_ETOOBIG;
    uint8_t *data = realloc(link->data, capacity);
    if (data == NULL) return CHARIOT_ENOMEM;
    link->data = data;
    link->capacity = capacity;
    return 0;
}

/* 1: there may be more. 0: nothing more now. Negative: what came is no message. */
static int read_some(struct deploy_link *link) {
    if (link->fd < 0) return 0;
    int err = make_room(link);
    if (err != 0) return err;
    ssize_t got = recv(link->fd, link->data + link->size, link->capacity - link->size, MSG_DONTWAIT);
    if (got > 0) {
        link->size += (size_t)got;
        err = handle_data(link);
        return err != 0 ? err : 1;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    bool cut_short = got == 0 && link->size > 0;
    deploy_link_close(link);
    return cut_short ? CHARIOT_EMALFORMED : 0;
}

void deploy_link_drain(struct deploy_link *link) {
    int outcome;
    do {
        outcome = read_some(link);
    } while (outcome > 0);
    if (outcome < 0) fail(link);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    deploy_link_drain(watcher->data);
}

/* ---------------------------------------------------------------- writing */

static int send_message(struct deploy_link *link, const Chariot__V1__FromLauncher *message) {
    if (link->fd < 0) return CHARIOT_EGONE;
    size_t size = chariot__v1__from_launcher__get_packed_size(message);
    uint8_t *data = malloc(size);
    if (data == NULL) return CHARIOT_ENOMEM;
    chariot__v1__from_launcher__pack(message, data);
    int err = rpc_control_write(link->fd, data, size);
    free(data);
    return err;
}

int deploy_link_send_ticket(struct deploy_link *link, const Chariot__V1__Ticket *ticket) {
    Chariot__V1__FromLauncher message = CHARIOT__V1__FROM_LAUNCHER__INIT;
    message.what_case = CHARIOT__V1__FROM_LAUNCHER__WHAT_TICKET;
    message.ticket = (Chariot__V1__Ticket *)ticket;
    return send_message(link, &message);
}

int deploy_link_send_rendezvous(struct deploy_link *link, char *address) {
    Chariot__V1__Rendezvous rendezvous = CHARIOT__V1__RENDEZVOUS__INIT;
    Chariot__V1__FromLauncher message = CHARIOT__V1__FROM_LAUNCHER__INIT;
    rendezvous.address = address;
    message.what_case = CHARIOT__V1__FROM_LAUNCHER__WHAT_RENDEZVOUS;
    message.rendezvous = &rendezvous;
    return send_message(link, &message);
}

int deploy_link_send_settled(struct deploy_link *link) {
    Chariot__V1__Settled settled = CHARIOT__V1__SETTLED__INIT;
    Chariot__V1__FromLauncher message = CHARIOT__V1__FROM_LAUNCHER__INIT;
    message.what_case = CHARIOT__V1__FROM_LAUNCHER__WHAT_SETTLED;
    message.settled = &settled;
    return send_message(link, &message);
}

int deploy_link_say_verdict(int fd, uint32_t pe, int status, char *text) {
    uint8_t data[1024];
    Chariot__V1__Verdict verdict = CHARIOT__V1__VERDICT__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    verdict.pe = pe;
    verdict.status = (uint32_t)status;
    verdict.text = text;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_VERDICT;
    message.verdict = &verdict;
    size_t size = chariot__v1__to_launcher__get_packed_size(&message);
    if (size > sizeof data) return CHARIOT_ETOOBIG;
    chariot__v1__to_launcher__pack(&message, data);
    return rpc_control_write(fd, data, size);
}

/* ---------------------------------------------------------------- life */

void deploy_link_open(struct deploy_link *link, struct ev_loop *loop, int fd, uint32_t pe,
                      const struct deploy_link_handler *handler) {
    *link = (struct deploy_link){.loop = loop, .handler = handler, .pe = pe, .fd = fd};
    ev_io_init(&link->readable, on_readable, fd, EV_READ);
    link->readable.data = link;
    ev_io_start(loop, &link->readable);
}

void deploy_link_close(struct deploy_link *link) {
    if (link->fd >= 0) {
        ev_io_stop(link->loop, &link->readable);
        close(link->fd);
    }
    free(link->data);
    link->data = NULL;
    link->size = link->capacity = 0;
    link->fd = -1;
}
