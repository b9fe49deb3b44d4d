/* deploy/caller.c: see caller.h. */
#include "deploy/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/envelope.h"
#include "rpc/error.h"

static const double DEADLINE_S = 10;

/* ---------------------------------------------------------------- its end */

static void close_all(struct deploy_caller *caller) {
    ev_io_stop(caller->loop, &caller->io);
    ev_timer_stop(caller->loop, &caller->deadline);
    deploy_relay_close(&caller->relay);
    deploy_stream_close(&caller->stream);
    if (caller->fd >= 0) close(caller->fd);
    caller->fd = -1;
}

static void end(struct deploy_caller *caller, enum deploy_relay_end how, const char *why) {
    close_all(caller);
    caller->handler->on_gone(caller->handler->context, caller, how, why);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events) {
    static const char *const whys[] = {[DEPLOY_CALLER_SILENT] = "",
                                       [DEPLOY_CALLER_SHAKES] = "it has not got through TLS in time",
                                       [DEPLOY_CALLER_SPEAKS] = "it has not said in time who it is",
                                       [DEPLOY_CALLER_REFUSED] = ""};
    struct deploy_caller *caller = timer->data;
    (void)loop, (void)events;
    end(caller, DEPLOY_RELAY_SILENT, whys[caller->stage]);
}

/* ---------------------------------------------------------------- what it says */

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct deploy_caller *caller = context;
    if (caller->stage == DEPLOY_CALLER_SPEAKS && message->what_case == CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER)
        caller->handler->on_member(caller->handler->context, caller, message->member);
    else if (caller->stage != DEPLOY_CALLER_REFUSED)
        end(caller, DEPLOY_RELAY_GARBAGE, "it said what makes no sense");
}

static void on_end(void *context, enum deploy_relay_end how) {
    struct deploy_caller *caller = context;
    static const char *const whys[] = {[DEPLOY_RELAY_CLOSED] = "it has left before it said who it is",
                                       [DEPLOY_RELAY_SILENT] = "it has fallen silent",
                                       [DEPLOY_RELAY_GARBAGE] = "it said what makes no sense",
                                       [DEPLOY_RELAY_NO_MEMORY] = "there is no memory for it"};
    bool is_member = caller->stage == DEPLOY_CALLER_MEMBER && how == DEPLOY_RELAY_CLOSED;
    end(caller, how, caller->stage == DEPLOY_CALLER_REFUSED ? "" : is_member ? "it has left" : whys[how]);
}

void deploy_caller_accept(struct deploy_caller *caller) {
    caller->stage = DEPLOY_CALLER_MEMBER;
    ev_timer_stop(caller->loop, &caller->deadline);
}

/* What is closed with something unread may take along what was just written: so it is left to the other end to go. */
void deploy_caller_refuse(struct deploy_caller *caller, int status, const char *text) {
    Chariot__V1__AgentRefused refused = CHARIOT__V1__AGENT_REFUSED__INIT;
    refused.status = (uint32_t)status;
    refused.text = (char *)(uintptr_t)text;
    caller->stage = DEPLOY_CALLER_REFUSED;
    deploy_relay_send(&caller->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_REFUSED, &refused);
}

/* ---------------------------------------------------------------- TLS */

static void wait_for(struct deploy_caller *caller, int events) {
    if (ev_is_active(&caller->io) && caller->io.events == events) return;
    ev_io_stop(caller->loop, &caller->io);
    ev_io_set(&caller->io, caller->stream.in, events);
    ev_io_start(caller->loop, &caller->io);
}

static void speak(struct deploy_caller *caller) {
    ev_io_stop(caller->loop, &caller->io);
    caller->stage = DEPLOY_CALLER_SPEAKS;
    caller->own = (struct deploy_relay_handler){on_message, on_end, NULL, caller};
    struct deploy_stream stream = caller->stream;
    caller->stream.ops = NULL; /* the relay's now */
    deploy_relay_open(&caller->relay, caller->loop, &stream, DEADLINE_S, &caller->own);
}

static void shake(struct deploy_caller *caller) {
    char why[256], text[300];
    switch (deploy_tls_shake(&caller->stream, why, sizeof why)) {
    case DEPLOY_TLS_DONE:
        speak(caller);
        return;
    case DEPLOY_TLS_WANTS_READ:
        wait_for(caller, EV_READ);
        return;
    case DEPLOY_TLS_WANTS_WRITE:
        wait_for(caller, EV_WRITE);
        return;
    case DEPLOY_TLS_GONE:
        end(caller, DEPLOY_RELAY_CLOSED, "it has left before it was known");
        return;
    case DEPLOY_TLS_REFUSED:
        snprintf(text, sizeof text, "it does not belong to this job (%s)", why);
        end(caller, DEPLOY_RELAY_GARBAGE, text);
        return;
    }
}

/* Nothing is made for a caller before it has said something; one that leaves before is nobody: a probe, a scanner. */
static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_caller *caller = watcher->data;
    char first;
    (void)loop, (void)events;
    if (caller->stage == DEPLOY_CALLER_SILENT) {
        ssize_t got = recv(caller->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0 || deploy_tls_begin(caller->tls, caller->fd, &caller->stream) != 0) {
            end(caller, DEPLOY_RELAY_CLOSED, got <= 0 ? "" : "there is no memory for it");
            return;
        }
        caller->fd = -1; /* the stream's */
        caller->stage = DEPLOY_CALLER_SHAKES;
    }
    shake(caller);
}

/* ---------------------------------------------------------------- life */

static void name_address(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char *text) {
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    text[0] = '\0';
    if (ask(fd, (struct sockaddr *)&address, &size) != 0) return;
    if (address.sin6_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, text, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr))
        inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &address.sin6_addr, text, INET6_ADDRSTRLEN);
}

/* A new connection has room for it, or is none of ours. */
static bool greet(int fd, const char *greeting) {
    uint8_t size[4];
    if (greeting == NULL) return true;
    size_t length = strlen(greeting);
    rpc_fixed32_pack((uint32_t)length, size);
    return send(fd, size, sizeof size, MSG_NOSIGNAL | MSG_MORE) == (ssize_t)sizeof size &&
           send(fd, greeting, length, MSG_NOSIGNAL) == (ssize_t)length;
}

int deploy_caller_new(struct deploy_caller **out, struct ev_loop *loop, int fd, struct deploy_tls *tls,
                      const char *greeting, const struct deploy_caller_handler *handler) {
    struct deploy_caller *caller = greet(fd, greeting) ? calloc(1, sizeof *caller) : NULL;
    if (caller == NULL) {
        close(fd);
        return CHARIOT_EIO;
    }
    *caller = (struct deploy_caller){.loop = loop, .handler = handler, .tls = tls, .fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    name_address(fd, getpeername, caller->from);
    name_address(fd, getsockname, caller->here);
    ev_io_init(&caller->io, on_ready, fd, EV_READ);
    ev_timer_init(&caller->deadline, on_deadline, DEADLINE_S, 0.);
    caller->io.data = caller->deadline.data = caller;
    ev_io_start(loop, &caller->io);
    ev_timer_start(loop, &caller->deadline);
    *out = caller;
    return 0;
}

void deploy_caller_free(struct deploy_caller *caller) {
    if (caller == NULL) return;
    close_all(caller);
    free(caller);
}
