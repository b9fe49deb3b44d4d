/* deploy/dial.c: see dial.h.
 *
 *   on_head -> address by address: connect -> (greeting) -> TLS -> an agent (agent.h), which runs to its end
 *                  ^                    |         |          |
 *                  '---- half a second later -----'-- gone --'   refused: the end
 *
 * A head that does not answer may not have begun yet, and its name may not be known yet: both are tried again. */
#include "deploy/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/agent.h"
#include "rpc/envelope.h"
#include "rpc/error.h"

static const double TRY_AGAIN_S = 0.5, ONE_TRY_S = 5, TELL_S = 10;

struct dial {
    struct deploy_meeting *meeting;
    struct ev_loop *loop;
    char head[300]; /* its last address; empty: not known yet */
    struct addrinfo *found, *next;
    int fd; /* until the stream has it; -1: none */
    struct deploy_tls *tls;
    struct deploy_stream stream;
    ev_io io;
    ev_timer again, one_try, tell, late;
    void (*on_ready)(struct dial *dial);
    uint8_t greeting[4 + DEPLOY_GREETING_MAX + 1];
    size_t greeted;
    char last[300]; /* why the last try has failed */
    bool done, failed;
    struct deploy_reason *reason;
    struct deploy_agent *agent;
};

/* ---------------------------------------------------------------- trying again, giving up */

static void stop_try(struct dial *dial) {
    ev_io_stop(dial->loop, &dial->io);
    ev_timer_stop(dial->loop, &dial->one_try);
    deploy_stream_close(&dial->stream);
    if (dial->fd >= 0) close(dial->fd);
    dial->fd = -1;
    deploy_tls_free(dial->tls);
    dial->tls = NULL;
}

static void give_up(struct dial *dial) {
    dial->failed = true;
    ev_break(dial->loop, EVBREAK_ALL);
}

static void connect_next(struct dial *dial);

__attribute__((format(printf, 2, 3))) static void try_next(struct dial *dial, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(dial->last, sizeof dial->last, format, arguments);
    va_end(arguments);
    stop_try(dial);
    if (dial->next != NULL)
        connect_next(dial);
    else
        ev_timer_again(dial->loop, &dial->again);
}

static void refuse(struct dial *dial, const char *why) {
    deploy_reason_set(dial->reason, DEPLOY_STATUS_PES,
                      "member %u: who listens at %s and this member do not belong to the same job (%s): have both the "
                      "same secret, or certificates of one authority, and the same --job?",
                      dial->meeting->self.member, dial->head, why);
    give_up(dial);
}

static void wait_for(struct dial *dial, int events, void (*on_ready)(struct dial *)) {
    int fd = dial->stream.ops != NULL ? dial->stream.in : dial->fd;
    dial->on_ready = on_ready;
    ev_io_stop(dial->loop, &dial->io);
    ev_io_set(&dial->io, fd, events);
    ev_io_start(dial->loop, &dial->io);
}

/* ---------------------------------------------------------------- TLS */

static void shake(struct dial *dial) {
    char why[256];
    switch (deploy_tls_shake(&dial->stream, why, sizeof why)) {
    case DEPLOY_TLS_DONE:
        dial->done = true;
        ev_break(dial->loop, EVBREAK_ALL);
        return;
    case DEPLOY_TLS_WANTS_READ:
        wait_for(dial, EV_READ, shake);
        return;
    case DEPLOY_TLS_WANTS_WRITE:
        wait_for(dial, EV_WRITE, shake);
        return;
    case DEPLOY_TLS_GONE:
        try_next(dial, "it has ended the connection");
        return;
    case DEPLOY_TLS_REFUSED:
        refuse(dial, why);
        return;
    }
}

static void begin_tls(struct dial *dial) {
    char host[300], port[8];
    if (!deploy_members_split(dial->head, host, sizeof host, port, sizeof port)) host[0] = '\0';
    if (deploy_meeting_tls(dial->meeting, host, &dial->tls, dial->reason) != 0) {
        give_up(dial);
        return;
    }
    if (deploy_tls_begin(dial->tls, dial->fd, &dial->stream) != 0) {
        try_next(dial, "%s", chariot_error_text(CHARIOT_ENOMEM));
        return;
    }
    dial->fd = -1; /* the stream's */
    shake(dial);
}

/* ---------------------------------------------------------------- the greeting */

/* Bytes of it that are there and still wanted; 0: it is whole. Negative: it is none. */
static ssize_t wanted(const struct dial *dial) {
    if (dial->greeted < 4) return (ssize_t)(4 - dial->greeted);
    size_t size = rpc_fixed32_read(dial->greeting);
    if (size == 0 || size > DEPLOY_GREETING_MAX) return -1;
    return (ssize_t)(4 + size - dial->greeted);
}

/* No byte more than it: what follows is TLS. */
static void read_greeting(struct dial *dial) {
    ssize_t want, got = 1;
    while ((want = wanted(dial)) > 0) {
        got = recv(dial->fd, dial->greeting + dial->greeted, (size_t)want, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) break;
        dial->greeted += (size_t)got;
    }
    if (want != 0) {
        try_next(dial, want < 0 ? "it is no head of a job" : "it has ended the connection");
        return;
    }
    dial->greeting[dial->greeted] = '\0';
    ev_io_stop(dial->loop, &dial->io);
    const struct deploy_rendezvous_ops *ops = dial->meeting->self.rendezvous;
    if (ops->unseal(dial->meeting->rendezvous, (const char *)dial->greeting + 4, dial->reason) != 0)
        give_up(dial);
    else
        begin_tls(dial);
}

/* ---------------------------------------------------------------- connecting */

static void on_connected(struct dial *dial) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        try_next(dial, "%s", strerror(error));
        return;
    }
    setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    dial->greeted = 0;
    if (dial->meeting->self.rendezvous->unseal != NULL)
        wait_for(dial, EV_READ, read_greeting);
    else
        begin_tls(dial);
}

static void connect_next(struct dial *dial) {
    const struct addrinfo *at = dial->next;
    dial->next = at->ai_next;
    dial->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->fd < 0 || (connect(dial->fd, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        try_next(dial, "%s", strerror(errno));
        return;
    }
    ev_timer_again(dial->loop, &dial->one_try);
    wait_for(dial, EV_WRITE, on_connected);
}

/* Asks for its addresses each time: they may change until the head is there. */
static void begin_try(struct dial *dial) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char host[300], port[8];
    if (dial->found != NULL) freeaddrinfo(dial->found);
    dial->found = dial->next = NULL;
    if (!deploy_members_split(dial->head, host, sizeof host, port, sizeof port) || host[0] == '\0') {
        deploy_reason_set(dial->reason, DEPLOY_STATUS_USAGE, "member %u needs the head's host too, not only '%s'",
                          dial->meeting->self.member, dial->head);
        give_up(dial);
        return;
    }
    int rc = getaddrinfo(host, port, &hints, &dial->found);
    dial->next = rc == 0 ? dial->found : NULL;
    if (rc != 0)
        try_next(dial, "%s", gai_strerror(rc));
    else
        connect_next(dial);
}

/* ---------------------------------------------------------------- events */

static void on_io(struct ev_loop *loop, ev_io *watcher, int events) {
    struct dial *dial = watcher->data;
    (void)loop, (void)events;
    dial->on_ready(dial);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    ev_timer_stop(loop, timer);
    begin_try(timer->data);
}

static void on_one_try(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    try_next(timer->data, "no answer within %g s", ONE_TRY_S);
}

/* Whoever waits may see what for: a name may be wrong, a port closed. */
static void on_tell(struct ev_loop *loop, ev_timer *timer, int events) {
    struct dial *dial = timer->data;
    (void)loop, (void)events;
    if (dial->done || dial->last[0] == '\0') return;
    fprintf(stderr, "chariot: member %u looks for the head at %s, for %g s at most: %s\n", dial->meeting->self.member,
            dial->head, dial->meeting->self.patience_s, dial->last);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events) {
    struct dial *dial = timer->data;
    (void)loop, (void)events;
    deploy_reason_set(dial->reason, DEPLOY_STATUS_PES, "member %u has not found the head%s%s within %g s%s%s",
                      dial->meeting->self.member, dial->head[0] == '\0' ? "" : " at ", dial->head,
                      dial->meeting->self.patience_s, dial->last[0] == '\0' ? "" : ": ", dial->last);
    give_up(dial);
}

/* The one that we belong to: another of its name has nothing to do with us. */
static void lose_head(struct dial *dial) {
    struct deploy_reason reason;
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "member %u: the job's head at %s is not registered any more",
                      dial->meeting->self.member, dial->head);
    if (dial->agent != NULL) deploy_agent_end(dial->agent, &reason);
}

static void on_head(void *context, const char *address) {
    struct dial *dial = context;
    if (strcmp(dial->head, address) == 0) return;
    if (dial->agent != NULL || dial->done) {
        lose_head(dial);
        return;
    }
    snprintf(dial->head, sizeof dial->head, "%s", address);
    stop_try(dial);
    ev_timer_stop(dial->loop, &dial->again);
    if (address[0] != '\0') begin_try(dial);
}

static void on_lost(void *context, const struct deploy_reason *reason) {
    struct dial *dial = context;
    if (dial->agent != NULL) {
        deploy_agent_end(dial->agent, reason);
        return;
    }
    *dial->reason = *reason;
    give_up(dial);
}

/* ---------------------------------------------------------------- life */

/* Where this host is, seen from the head's network. */
static void name_own(int fd, char *text, size_t size) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        getnameinfo((struct sockaddr *)&address, length, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(text, size, "127.0.0.1");
}

static int serve(struct dial *dial) {
    char own[64];
    struct deploy_stream stream = dial->stream;
    name_own(stream.in, own, sizeof own);
    dial->stream.ops = NULL; /* the agent's now */
    deploy_meeting_stamp(dial->meeting);
    if (deploy_agent_new(&dial->agent, dial->loop, &stream, &dial->meeting->self, own, dial->meeting->ready,
                         dial->reason) != 0)
        return 0;
    int status = deploy_agent_run(dial->agent);
    deploy_agent_free(dial->agent);
    dial->agent = NULL;
    return status;
}

static void init(struct dial *dial) {
    ev_init(&dial->io, on_io);
    ev_init(&dial->again, on_again);
    ev_init(&dial->one_try, on_one_try);
    ev_timer_init(&dial->late, on_late, dial->meeting->self.patience_s, 0.);
    ev_timer_init(&dial->tell, on_tell, TELL_S, 0.);
    dial->again.repeat = TRY_AGAIN_S;
    dial->one_try.repeat = ONE_TRY_S;
    dial->io.data = dial->again.data = dial->one_try.data = dial->tell.data = dial->late.data = dial;
    ev_timer_start(dial->loop, &dial->tell);
    ev_timer_start(dial->loop, &dial->late);
    dial->meeting->handler =
        (struct deploy_rendezvous_handler){.on_head = on_head, .on_lost = on_lost, .context = dial};
}

int deploy_dial(struct deploy_meeting *meeting, struct deploy_reason *reason) {
    struct dial dial = {.meeting = meeting, .loop = meeting->loop, .fd = -1, .reason = reason};
    int status = 0;
    reason->text[0] = '\0';
    init(&dial);
    if (meeting->head[0] != '\0') on_head(&dial, meeting->head);
    if (!dial.done && !dial.failed) ev_run(dial.loop, 0);
    ev_timer_stop(dial.loop, &dial.tell);
    ev_timer_stop(dial.loop, &dial.late);
    ev_timer_stop(dial.loop, &dial.one_try);
    ev_io_stop(dial.loop, &dial.io);
    if (dial.done && !dial.failed) status = serve(&dial);
    ev_timer_stop(dial.loop, &dial.again);
    stop_try(&dial);
    if (dial.found != NULL) freeaddrinfo(dial.found);
    meeting->handler = (struct deploy_rendezvous_handler){0};
    return status;
}
