/* deploy/door.c: see door.h. The reach that it is stands in door_reach.c. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/door_impl.h"
#include "rpc/error.h"

enum { CALLERS_MAX = 256, LINES_MAX = 10, ACCEPT_AT_ONCE = 64 };
static const double TELL_S = 2; /* for those who are refused to go */

/* ---------------------------------------------------------------- lines for people */

__attribute__((format(printf, 2, 3))) static void say(struct deploy_door *door, const char *format, ...) {
    va_list arguments;
    char text[600];
    if (door->lines++ >= LINES_MAX) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "chariot: %s\n", text);
}

/* ---------------------------------------------------------------- lists of callers */

static void enlist(struct deploy_door *door, struct deploy_caller *caller) {
    caller->prev = door->last;
    caller->next = NULL;
    *(door->last == NULL ? &door->first : &door->last->next) = caller;
    door->last = caller;
    door->num_callers++;
}

static void delist(struct deploy_door *door, struct deploy_caller *caller) {
    *(caller->prev == NULL ? &door->first : &caller->prev->next) = caller->next;
    *(caller->next == NULL ? &door->last : &caller->next->prev) = caller->prev;
    caller->next = caller->prev = NULL;
    door->num_callers--;
}

/* Nothing frees itself in its own callback. */
static void on_burial(struct ev_loop *loop, ev_timer *timer, int events) {
    struct deploy_door *door = timer->data;
    (void)loop, (void)events;
    while (door->dead != NULL) {
        struct deploy_caller *caller = door->dead;
        door->dead = caller->next;
        deploy_caller_free(caller);
    }
}

static void bury(struct deploy_door *door, struct deploy_caller *caller) {
    caller->next = door->dead;
    door->dead = caller;
    ev_timer_start(door->loop, &door->burial);
}

/* ---------------------------------------------------------------- members come and go */

static void stop_gathering(struct deploy_door *door) {
    if (door->phase == DEPLOY_DOOR_GATHERS) ev_break(door->loop, EVBREAK_ALL);
}

static void refuse(struct deploy_door *door, struct deploy_caller *caller, int status, const char *text) {
    say(door, "a member from %s (host %s, pid %ld) is refused: %s", caller->from, caller->host, caller->pid, text);
    deploy_caller_refuse(caller, status, text);
}

/* Why it cannot be the member that it says; empty: it can. */
static int judge(const struct deploy_door *door, const Chariot__V1__AgentMember *member, char *why, size_t size) {
    const struct deploy_membership *self = &door->meeting->self;
    const struct deploy_caller *other = member->member < self->members ? door->members[member->member] : NULL;
    why[0] = '\0';
    if (strcmp(member->version, CHARIOT_VERSION) != 0)
        snprintf(why, size, "its chariot is version %.20s, the head's is %s", member->version, CHARIOT_VERSION);
    else if (member->members != self->members)
        snprintf(why, size, "it counts %u members, the head %u", member->members, self->members);
    else if (member->member >= self->members)
        snprintf(why, size, "there is no member %u of %u", member->member, self->members);
    else if (door->phase != DEPLOY_DOOR_GATHERS)
        snprintf(why, size, "member %u comes too late: the job %s", member->member,
                 door->phase == DEPLOY_DOOR_RUNS ? "runs already" : "has been given up");
    else if (member->member == 0)
        snprintf(why, size, "member 0 is the head itself (host %s, pid %ld)", self->host, (long)getpid());
    else if (other != NULL)
        snprintf(why, size, "member %u is there already (host %s, pid %ld)", member->member, other->host, other->pid);
    return strcmp(member->version, CHARIOT_VERSION) != 0 || member->members != self->members ? DEPLOY_STATUS_USAGE
                                                                                             : DEPLOY_STATUS_PES;
}

/* Whether its rendezvous says so too. */
static bool admit(struct deploy_door *door, struct deploy_caller *caller, const Chariot__V1__AgentMember *member) {
    const struct deploy_rendezvous_ops *ops = door->meeting->self.rendezvous;
    const struct deploy_stamp stamp = {member->epoch, member->registration};
    struct deploy_reason reason;
    int rc = ops->admit == NULL ? 0 : ops->admit(door->meeting->rendezvous, member->member, &stamp, &reason);
    if (rc != 0) refuse(door, caller, reason.status, reason.text);
    return rc == 0;
}

static void on_member(void *context, struct deploy_caller *caller, const Chariot__V1__AgentMember *member) {
    struct deploy_door *door = context;
    char why[300];
    int status = judge(door, member, why, sizeof why);
    caller->member = member->member;
    caller->pid = (long)member->pid;
    snprintf(caller->host, sizeof caller->host, "%s", member->host[0] == '\0' ? caller->from : member->host);
    snprintf(caller->machine, sizeof caller->machine, "%s", member->machine);
    if (why[0] != '\0') {
        refuse(door, caller, status, why);
        return;
    }
    if (!admit(door, caller, member)) return;
    delist(door, caller);
    deploy_caller_accept(caller);
    door->members[caller->member] = caller;
    if (--door->missing == 0) stop_gathering(door);
}

/* Before the job runs: its place is free again. */
static void leave(struct deploy_door *door, struct deploy_caller *caller, const char *why) {
    say(door, "member %u (host %s, pid %ld) is gone before all were there: %s", caller->member, caller->host,
        caller->pid, why);
    door->members[caller->member] = NULL;
    door->missing++;
}

static void on_gone(void *context, struct deploy_caller *caller, enum deploy_relay_end how, const char *why) {
    struct deploy_door *door = context;
    (void)how;
    if (caller->stage == DEPLOY_CALLER_MEMBER && door->phase == DEPLOY_DOOR_RUNS) {
        caller->lost = true; /* between all being there and the launcher taking over */
        return;
    }
    if (caller->stage == DEPLOY_CALLER_MEMBER) {
        leave(door, caller, why);
    } else {
        if (why[0] != '\0') say(door, "a caller from %s is not let in: %s", caller->from, why);
        delist(door, caller);
    }
    bury(door, caller);
    bool told = door->phase == DEPLOY_DOOR_TELLS && caller->stage == DEPLOY_CALLER_REFUSED;
    if (told && --door->told == 0) ev_break(door->loop, EVBREAK_ALL);
}

/* ---------------------------------------------------------------- accepting */

/* The oldest goes: whoever belongs to the job has been through long before. */
static void make_room(struct deploy_door *door) {
    struct deploy_caller *oldest = door->first;
    if (door->num_callers < CALLERS_MAX) return;
    delist(door, oldest);
    deploy_caller_free(oldest);
}

static void on_knock(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_door *door = watcher->data;
    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct deploy_caller *caller;
        make_room(door);
        int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        if (deploy_caller_new(&caller, loop, fd, door->tls, deploy_meeting_greeting(door->meeting), &door->handler) ==
            0)
            enlist(door, caller);
    }
}

/* All addresses of this host, of both families where there are both. */
static int listen_on(uint16_t port) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0;
    bool is_six = fd >= 0;
    if (!is_six) fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    int rc = is_six ? bind(fd, (struct sockaddr *)&six, sizeof six) : bind(fd, (struct sockaddr *)&four, sizeof four);
    if (rc == 0 && listen(fd, 1024) == 0) return fd;
    close(fd);
    return -1;
}

static uint16_t port_of(int fd) {
    struct sockaddr_in6 address; /* the port stands at the same place in both families */
    socklen_t size = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin6_port) : 0;
}

/* A descriptor for each member, and those of callers. */
static void raise_limit(uint32_t members) {
    struct rlimit limit;
    rlim_t wanted = members + CALLERS_MAX + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_socket(struct deploy_door *door, struct deploy_reason *reason) {
    const struct deploy_membership *self = &door->meeting->self;
    char host[300], port[8] = "0";
    if (self->head[0] != '\0') deploy_members_split(self->head, host, sizeof host, port, sizeof port);
    raise_limit(self->members);
    int fd = listen_on((uint16_t)atoi(port));
    if (fd < 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot listen on port %s for the job's members: %s", port,
                                 strerror(errno));
    ev_io_init(&door->knock, on_knock, fd, EV_READ);
    door->knock.data = door;
    ev_io_start(door->loop, &door->knock);
    const struct deploy_rendezvous_ops *ops = self->rendezvous;
    return ops->announce == NULL ? 0 : ops->announce(door->meeting->rendezvous, port_of(fd), reason);
}

/* ---------------------------------------------------------------- gathering */

static void on_late(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)timer, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void on_rendezvous_lost(void *context, const struct deploy_reason *reason) {
    struct deploy_door *door = context;
    door->reason = *reason;
    door->is_lost = true;
    if (door->phase == DEPLOY_DOOR_GATHERS)
        stop_gathering(door);
    else if (door->launch != NULL)
        door->launch->on_failed(door->launch->context, reason);
}

/* What its connection would say later, if ever. */
static void on_rendezvous_gone(void *context, uint32_t number, const char *text) {
    struct deploy_door *door = context;
    struct deploy_reason reason;
    const struct deploy_caller *member = number < door->meeting->self.members ? door->members[number] : NULL;
    if (door->launch == NULL) return;
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "member %u (host %s) %s", number,
                      member == NULL ? door->meeting->self.host : member->host, text);
    door->launch->on_failed(door->launch->context, &reason);
}

static int name_missing(const struct deploy_door *door, struct deploy_reason *reason) {
    const struct deploy_membership *self = &door->meeting->self;
    char list[200] = "";
    size_t used = 0;
    uint32_t named = 0;
    for (uint32_t i = 1; i < self->members && used + 16 < sizeof list; i++) {
        if (door->members[i] != NULL) continue;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%u", named++ > 0 ? ", " : "", i);
    }
    return deploy_reason_set(reason, DEPLOY_STATUS_PES, "member%s %s%s of %u %s not come within %g s",
                             door->missing > 1 ? "s" : "", list, named < door->missing ? " and others" : "",
                             self->members, door->missing > 1 ? "have" : "has", self->patience_s);
}

/* The job will not be: those who are there get to know why, and go. */
static void tell_all(struct deploy_door *door, const struct deploy_reason *reason) {
    door->phase = DEPLOY_DOOR_TELLS;
    for (uint32_t i = 1; i < door->meeting->self.members; i++) {
        struct deploy_caller *member = door->members[i];
        if (member == NULL) continue;
        door->members[i] = NULL;
        enlist(door, member);
        door->told++;
        deploy_caller_refuse(member, reason->status, reason->text);
    }
    ev_timer_set(&door->late, TELL_S, 0.);
    ev_timer_start(door->loop, &door->late);
    if (door->told > 0) ev_run(door->loop, 0);
    ev_timer_stop(door->loop, &door->late);
}

int deploy_door_gather(struct deploy_door *door, struct deploy_hosts *hosts, struct deploy_reason *reason) {
    ev_timer_set(&door->late, door->meeting->self.patience_s, 0.);
    ev_timer_start(door->loop, &door->late);
    if (door->missing > 0 && !door->is_lost) ev_run(door->loop, 0);
    ev_timer_stop(door->loop, &door->late);
    int rc = door->is_lost ? CHARIOT_EABORTED : 0;
    if (rc != 0) *reason = door->reason;
    if (rc == 0 && door->missing > 0) rc = name_missing(door, reason);
    if (rc == 0) rc = deploy_door_place(door, hosts, reason);
    if (rc == 0)
        door->phase = DEPLOY_DOOR_RUNS;
    else
        tell_all(door, reason);
    return rc;
}

/* ---------------------------------------------------------------- life */

int deploy_door_open(struct deploy_door **out, struct deploy_meeting *meeting, struct deploy_reason *reason) {
    uint32_t members = meeting->self.members;
    struct deploy_door *door = calloc(1, sizeof *door);
    struct deploy_caller **table = calloc(members, sizeof *table);
    size_t *order = calloc(members, sizeof *order);
    if (door == NULL || table == NULL || order == NULL) {
        free(door);
        free((void *)table);
        free(order);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    *door = (struct deploy_door){
        .meeting = meeting, .loop = meeting->loop, .members = table, .order = order, .missing = members - 1};
    door->handler = (struct deploy_caller_handler){on_member, on_gone, door};
    meeting->handler = (struct deploy_rendezvous_handler){
        .on_gone = on_rendezvous_gone, .on_lost = on_rendezvous_lost, .context = door};
    ev_init(&door->knock, on_knock);
    door->knock.fd = -1;
    ev_timer_init(&door->burial, on_burial, 0., 0.);
    ev_timer_init(&door->late, on_late, 0., 0.);
    door->burial.data = door;
    int rc = deploy_meeting_tls(meeting, NULL, &door->tls, reason);
    if (rc == 0) rc = open_socket(door, reason);
    if (rc != 0)
        deploy_door_close(door);
    else
        *out = door;
    return rc;
}

void deploy_door_close(struct deploy_door *door) {
    if (door == NULL) return;
    door->meeting->handler = (struct deploy_rendezvous_handler){0};
    if (door->lines > LINES_MAX)
        fprintf(stderr, "chariot: %u more were not let in at the job's door\n", door->lines - LINES_MAX);
    if (door->knock.fd >= 0) {
        ev_io_stop(door->loop, &door->knock);
        close(door->knock.fd);
    }
    ev_timer_stop(door->loop, &door->burial);
    on_burial(door->loop, &door->burial, 0);
    while (door->first != NULL) {
        struct deploy_caller *caller = door->first;
        delist(door, caller);
        deploy_caller_free(caller);
    }
    for (uint32_t i = 0; i < door->meeting->self.members; i++) deploy_caller_free(door->members[i]);
    deploy_tls_free(door->tls);
    free((void *)door->members);
    free(door->order);
    free(door);
}
