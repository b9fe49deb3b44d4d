/* deploy/rendezvous_etcd.c: rendezvous in an etcd: --rendezvous etcd://HOST:PORT[,HOST:PORT...]/JOB.
 *
 * The program chariot-etcd beside this command speaks with etcd (rpc/README.md): it registers this member under a
 * lease, tells where the head is, and at the head who is registered. Here is what follows for the job. A member whose
 * lease is over must end; one that has been registered anew since, or that comes with the epoch of a job before this
 * one, is not let in. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/beside.h"
#include "deploy/relay.h"
#include "deploy/rendezvous.h"
#include "rpc/error.h"

#define PROGRAM "chariot-etcd"

enum { LEASE_S = 5, LEASE_MIN_S = 2, LEASE_MAX_S = 3600 };
static const double FIRST_WORD_S = 30, LEAVE_S = 1.5, RETELL_S = 0.05;

struct etcd {
    struct ev_loop *loop;
    const struct deploy_membership *self;
    const struct deploy_rendezvous_handler *handler;
    char *endpoints;
    pid_t pid;
    struct deploy_relay relay;
    struct deploy_relay_handler relay_handler;
    struct deploy_stamp stamp;
    int64_t *registrations; /* at the head: of each member, as far as it was heard of */
    char head[300];
    bool tell_head, tell_lost; /* what the handler has not heard yet */
    struct deploy_reason lost;
    ev_timer tell;
};

/* ---------------------------------------------------------------- to who works on it */

/* Answers never come inside a call, and wait for who wants them. */
static void tell_soon(struct etcd *etcd) {
    ev_timer_stop(etcd->loop, &etcd->tell);
    ev_timer_set(&etcd->tell, 0., 0.);
    ev_timer_start(etcd->loop, &etcd->tell);
}

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events) {
    struct etcd *etcd = timer->data;
    const struct deploy_rendezvous_handler *handler = etcd->handler;
    (void)events;
    if (etcd->tell_lost && handler->on_lost != NULL) {
        etcd->tell_lost = etcd->tell_head = false;
        handler->on_lost(handler->context, &etcd->lost);
        return;
    }
    if (etcd->tell_head && handler->on_head != NULL) {
        etcd->tell_head = false;
        handler->on_head(handler->context, etcd->head);
    }
    if (!etcd->tell_lost && !etcd->tell_head) return;
    ev_timer_set(timer, RETELL_S, 0.);
    ev_timer_start(loop, timer);
}

/* The first reason counts. */
static void lose(struct etcd *etcd, int status, const char *text) {
    if (etcd->lost.text[0] != '\0') return;
    deploy_reason_set(&etcd->lost, status, "%s", text);
    etcd->tell_lost = true;
    tell_soon(etcd);
}

/* ---------------------------------------------------------------- what the program says */

static void on_joined(struct etcd *etcd, const Chariot__V1__MemberJoined *joined) {
    etcd->stamp.registration = joined->registration;
    if (etcd->self->any_number && etcd->handler->on_member != NULL)
        etcd->handler->on_member(etcd->handler->context, joined->member);
}

static void on_head(struct etcd *etcd, const Chariot__V1__MemberHead *head) {
    etcd->stamp.epoch = head->epoch;
    snprintf(etcd->head, sizeof etcd->head, "%s", head->address);
    if (etcd->self->member == 0 && !etcd->self->any_number) return;
    etcd->tell_head = true;
    tell_soon(etcd);
}

static void on_seen(struct etcd *etcd, const Chariot__V1__MemberSeen *seen) {
    char text[200];
    if (seen->member >= etcd->self->members || seen->registration < etcd->registrations[seen->member]) return;
    etcd->registrations[seen->member] = seen->registration;
    if (seen->here || etcd->handler->on_gone == NULL) return;
    snprintf(text, sizeof text, "has lost its lease in etcd: it was registered as pid %" PRId64 " on %s", seen->pid,
             seen->host);
    etcd->handler->on_gone(etcd->handler->context, seen->member, text);
}

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct etcd *etcd = context;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_JOINED:
        on_joined(etcd, message->member_joined);
        return;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_HEAD:
        on_head(etcd, message->member_head);
        return;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_SEEN:
        on_seen(etcd, message->member_seen);
        return;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_LOST:
        lose(etcd, (int)message->member_lost->status, message->member_lost->text);
        return;
    default:
        lose(etcd, DEPLOY_STATUS_PES, PROGRAM " has said what makes no sense");
    }
}

static void on_end(void *context, enum deploy_relay_end how) {
    lose(context, DEPLOY_STATUS_PES,
         how == DEPLOY_RELAY_SILENT ? PROGRAM
             ", which keeps this member's lease in etcd, has not been heard of for 5 seconds"
                                    : PROGRAM ", which keeps this member's lease in etcd, has ended");
}

/* ---------------------------------------------------------------- where we are */

/* Our address as seen from the network that etcd is in. Sends nothing. */
static bool find_own_host(const char *endpoint, char *out, size_t size) {
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    struct addrinfo *found = NULL;
    char host[300], port[8];
    if (!deploy_members_split(endpoint, host, sizeof host, port, sizeof port)) return false;
    if (getaddrinfo(host, port, &hints, &found) != 0) return false;
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
                getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
                getnameinfo((struct sockaddr *)&own, length, out, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
    if (fd >= 0) close(fd);
    freeaddrinfo(found);
    return good;
}

static int etcd_announce(void *state, uint16_t port, struct deploy_reason *reason) {
    struct etcd *etcd = state;
    char host[300] = "", ignored[8], address[320], first[300];
    Chariot__V1__MemberPublish publish = CHARIOT__V1__MEMBER_PUBLISH__INIT;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(etcd->endpoints, ","), etcd->endpoints);
    if (!deploy_members_split(first, host, sizeof host, ignored, sizeof ignored)) return 0; /* the program says so */
    bool given = deploy_members_split(etcd->self->head, host, sizeof host, ignored, sizeof ignored) && host[0] != '\0';
    if (!given && !find_own_host(first, host, sizeof host))
        return deploy_reason_set(reason, DEPLOY_STATUS_OS,
                                 "cannot tell under which address of this host the other members reach it; --head "
                                 "HOST:PORT says so");
    snprintf(address, sizeof address, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    publish.address = address;
    deploy_relay_send(&etcd->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_PUBLISH, &publish);
    return 0;
}

/* ---------------------------------------------------------------- who is let in */

static void etcd_stamp(void *state, struct deploy_stamp *stamp) {
    struct etcd *etcd = state;
    *stamp = etcd->stamp;
}

/* A member may know more than we do, since etcd tells one after the other: of our epoch we know until then that it is
 * later than our registration. */
static bool is_epoch(const struct etcd *etcd, int64_t epoch) {
    return etcd->stamp.epoch != 0 ? epoch == etcd->stamp.epoch : epoch > etcd->stamp.registration;
}

static int etcd_admit(void *state, uint32_t member, const struct deploy_stamp *stamp, struct deploy_reason *reason) {
    struct etcd *etcd = state;
    int64_t *known = &etcd->registrations[member];
    if (!is_epoch(etcd, stamp->epoch))
        return deploy_reason_set(reason, DEPLOY_STATUS_PES, "it comes with epoch %" PRId64 ", this job's is %" PRId64,
                                 stamp->epoch, etcd->stamp.epoch);
    if (stamp->registration < *known)
        return deploy_reason_set(reason, DEPLOY_STATUS_PES,
                                 "another has been registered as member %" PRIu32 " since: registration %" PRId64
                                 ", not %" PRId64,
                                 member, *known, stamp->registration);
    *known = stamp->registration;
    return 0;
}

/* ---------------------------------------------------------------- life */

static int read_lease(uint32_t *seconds, struct deploy_reason *reason) {
    const char *text = getenv("CHARIOT_ETCD_LEASE");
    double value = LEASE_S;
    int rc = text == NULL ? 0 : deploy_options_seconds("CHARIOT_ETCD_LEASE", text, &value, reason);
    if (rc == 0 && (value < LEASE_MIN_S || value > LEASE_MAX_S))
        rc = deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "CHARIOT_ETCD_LEASE takes %d to %d seconds, not '%s'",
                               LEASE_MIN_S, LEASE_MAX_S, text);
    *seconds = (uint32_t)value;
    return rc;
}

static void join(struct etcd *etcd, uint32_t lease_s) {
    Chariot__V1__MemberJoin join = CHARIOT__V1__MEMBER_JOIN__INIT;
    join.endpoints = etcd->endpoints;
    join.job = (char *)(uintptr_t)etcd->self->job;
    join.member = etcd->self->member;
    join.members = etcd->self->members;
    join.any_number = etcd->self->any_number;
    join.host = (char *)(uintptr_t)etcd->self->host;
    join.pid = getpid();
    join.version = (char *)(uintptr_t)CHARIOT_VERSION;
    join.lease_s = lease_s;
    join.patience_s = etcd->self->patience_s;
    deploy_relay_send(&etcd->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_JOIN, &join);
}

static int start(struct etcd *etcd, struct deploy_reason *reason) {
    int fd;
    uint32_t lease_s;
    int rc = read_lease(&lease_s, reason);
    if (rc == 0) rc = deploy_beside_start(PROGRAM, &etcd->pid, &fd, reason);
    if (rc != 0) return rc;
    struct deploy_stream stream = deploy_stream_plain(fd, fd);
    deploy_relay_open(&etcd->relay, etcd->loop, &stream, FIRST_WORD_S, &etcd->relay_handler);
    join(etcd, lease_s);
    return 0;
}

static void etcd_free(struct etcd *etcd) {
    free(etcd->endpoints);
    free(etcd->registrations);
    free(etcd);
}

static void etcd_close(void *state) {
    struct etcd *etcd = state;
    Chariot__V1__MemberLeave leave = CHARIOT__V1__MEMBER_LEAVE__INIT;
    ev_timer_stop(etcd->loop, &etcd->tell);
    deploy_relay_send(&etcd->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_LEAVE, &leave);
    deploy_relay_flush(&etcd->relay, LEAVE_S);
    deploy_relay_close(&etcd->relay);
    deploy_beside_wait(etcd->pid, LEAVE_S);
    etcd_free(etcd);
}

static int etcd_open(struct ev_loop *loop, const struct deploy_membership *self,
                     const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason) {
    size_t size = self->target == NULL ? 0 : strcspn(self->target, "/");
    if (size == 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--rendezvous takes etcd://HOST:PORT[,HOST:PORT...]/JOB");
    struct etcd *etcd = calloc(1, sizeof *etcd);
    if (etcd == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    *etcd = (struct etcd){.loop = loop, .self = self, .handler = handler};
    etcd->relay_handler = (struct deploy_relay_handler){.on_message = on_message, .on_end = on_end, .context = etcd};
    etcd->endpoints = strndup(self->target, size);
    etcd->registrations = calloc(self->members, sizeof *etcd->registrations);
    ev_timer_init(&etcd->tell, on_tell, 0., 0.);
    etcd->tell.data = etcd;
    int rc = 0;
    if (etcd->endpoints == NULL || etcd->registrations == NULL)
        rc = deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    if (rc == 0) rc = start(etcd, reason);
    if (rc != 0)
        etcd_free(etcd);
    else
        *state = etcd;
    return rc;
}

const struct deploy_rendezvous_ops deploy_etcd_rendezvous = {
    .name = "etcd",
    .gives_numbers = true,
    .open = etcd_open,
    .announce = etcd_announce,
    .stamp = etcd_stamp,
    .admit = etcd_admit,
    .close = etcd_close,
};
