/* rpc/etcd/member.c: see member.h. */
#include "rpc/etcd/member.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

enum { STATUS_USAGE = 2, STATUS_LOST = 70, STATUS_OS = 71 }; /* deploy/reason.h */
static const double GRACE_S = 2.0;                           /* beyond a lease: etcd ends those once a second */

static void step(struct etcd_member *member);

/* ---------------------------------------------------------------- endings */

void etcd_say_lost(struct etcd_parent *parent, unsigned status, const char *format, ...) {
    Chariot__V1__MemberLost lost = CHARIOT__V1__MEMBER_LOST__INIT;
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lost.status = status;
    lost.text = text;
    etcd_parent_say(parent, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_LOST, &lost);
}

/* The first reason counts. */
#define lose(member, status, ...)                                                                                      \
    do {                                                                                                               \
        if (!(member)->is_lost) etcd_say_lost((member)->parent, (status), __VA_ARGS__);                                \
        (member)->is_lost = true;                                                                                      \
    } while (0)

static void on_lease_lost(void *context, const char *why) {
    struct etcd_member *member = context;
    if (member->lease.id == 0)
        lose(member, STATUS_LOST, "etcd gives no lease for job %s: %s", member->job, why);
    else if (member->registration == 0)
        lose(member, STATUS_LOST, "the lease in etcd for job %s is over: %s", member->job, why);
    else
        lose(member, STATUS_LOST, "member %" PRIu32 " of job %s has lost its lease in etcd: %s", member->number,
             member->job, why);
}

static void on_refused(void *context, const char *text) {
    struct etcd_member *member = context;
    lose(member, STATUS_LOST, "etcd does not say who is in job %s: %s", member->job, text);
}

bool etcd_member_is_fenced(const struct etcd_member *member) {
    return member->lease.id != 0 && !etcd_lease_holds(&member->lease);
}

/* ---------------------------------------------------------------- complaints */

static void on_complaint_stays(struct ev_loop *loop, ev_timer *timer, int revents) {
    struct etcd_member *member = timer->data;
    (void)loop, (void)revents;
    if (member->only_says)
        fprintf(stderr, "chariot: %s\n", member->complaint);
    else
        lose(member, STATUS_LOST, "%s", member->complaint);
}

__attribute__((format(printf, 2, 3))) static void complain(struct etcd_member *member, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(member->complaint, sizeof member->complaint, format, args);
    va_end(args);
    member->only_says = false;
}

static void wait_out_complaint(struct etcd_member *member) {
    struct ev_loop *loop = member->client->events->loop;
    if (member->complaint[0] == '\0') {
        ev_timer_stop(loop, &member->complaint_timer);
    } else if (!ev_is_active(&member->complaint_timer)) {
        ev_timer_set(&member->complaint_timer, member->lease.ttl_s + GRACE_S, 0.);
        ev_timer_start(loop, &member->complaint_timer);
    }
}

/* Whether who holds that place believes in the same job as we do. */
static bool agrees(struct etcd_member *member, const struct etcd_place *place, const char *name) {
    const struct etcd_who *who = &place->who, *self = &member->self;
    if (!who->is_one)
        complain(member, "%s%s in etcd holds what is no member; 'etcdctl del' removes it", member->places.prefix, name);
    else if (who->members != self->members)
        complain(member, "%s of job %s (pid %" PRId64 " on %s) says that the job has %" PRIu32 " members, not %" PRIu32,
                 name, member->job, who->pid, who->host, who->members, self->members);
    else if (strcmp(who->version, self->version) != 0)
        complain(member, "%s of job %s (pid %" PRId64 " on %s) is of version %s, not %s", name, member->job, who->pid,
                 who->host, who->version, self->version);
    else
        return true;
    return false;
}

/* ---------------------------------------------------------------- our place */

static void say_joined(struct etcd_member *member) {
    Chariot__V1__MemberJoined joined = CHARIOT__V1__MEMBER_JOINED__INIT;
    joined.member = member->number;
    joined.registration = member->registration;
    etcd_parent_say(member->parent, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_JOINED, &joined);
}

/* Whoever holds the place we wanted is heard of by the watch too, which may be behind: we look again then. */
static void on_claimed(void *context, const struct etcd_claimed *claimed) {
    struct etcd_member *member = context;
    member->is_claiming = false;
    if (claimed->error != 0) {
        lose(member, STATUS_LOST, "etcd does not register member %" PRIu32 " of job %s: %s", member->number,
             member->job, claimed->text);
        return;
    }
    struct etcd_place *place = &member->places.all[member->number];
    if (claimed->revision != 0) {
        member->registration = place->revision = claimed->revision;
        place->who = member->self;
        say_joined(member);
    } else if (place->revision == 0) {
        Etcd__V3__KeyValue holder = *claimed->holder;
        Etcd__V3__Event event = ETCD__V3__EVENT__INIT;
        event.kv = &holder;
        etcd_places_set(&member->places, &event);
    }
    step(member);
}

static void claim(struct etcd_member *member, uint32_t at, const char *fence, etcd_on_claimed *on_done) {
    char text[ETCD_TEXT_MAX];
    char *key = etcd_places_key(&member->places, at);
    struct etcd_claim it = {.key = key, .value = text, .lease = member->lease.id, .fence = fence};
    it.patience_s = member->lease.until - etcd_now();
    member->is_claiming = true;
    if (key == NULL || !etcd_who_write(&member->self, text) || etcd_claim(member->client, &it, on_done, member) != 0)
        lose(member, STATUS_OS, "cannot register with etcd: %s", chariot_error_text(CHARIOT_ENOMEM));
    free(key);
}

static bool find_free(struct etcd_member *member) {
    for (uint32_t at = 0; at < member->places.members; at++) {
        if (member->places.all[at].revision == 0) {
            member->number = at;
            return true;
        }
    }
    return false;
}

static void take_place(struct etcd_member *member) {
    if (member->any_number && !find_free(member)) {
        complain(member, "all %" PRIu32 " places of job %s are taken", member->places.members, member->job);
        return;
    }
    const struct etcd_place *place = &member->places.all[member->number];
    if (place->revision == 0)
        claim(member, member->number, NULL, on_claimed);
    else
        complain(member,
                 "there is a member %" PRIu32 " of job %s already: pid %" PRId64 " on %s (registration %" PRId64 ")",
                 member->number, member->job, place->who.pid, place->who.host, place->revision);
}

/* ---------------------------------------------------------------- the head */

static void say_head(struct etcd_member *member, const struct etcd_place *place) {
    Chariot__V1__MemberHead head = CHARIOT__V1__MEMBER_HEAD__INIT;
    head.address = (char *)(uintptr_t)(place->revision == 0 ? "" : place->who.address);
    head.epoch = place->revision;
    head.host = (char *)(uintptr_t)place->who.host;
    head.pid = place->who.pid;
    etcd_parent_say(member->parent, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_HEAD, &head);
}

static void on_head_claimed(void *context, const struct etcd_claimed *claimed) {
    struct etcd_member *member = context;
    struct etcd_place *place = &member->places.all[member->places.members];
    member->is_claiming = false;
    if (claimed->error != 0) {
        lose(member, STATUS_LOST, "etcd does not register the head of job %s: %s", member->job, claimed->text);
    } else if (claimed->revision != 0) {
        member->epoch = place->revision = claimed->revision;
        place->who = member->self;
    } else if (place->revision == 0) {
        Etcd__V3__KeyValue holder = *claimed->holder;
        Etcd__V3__Event event = ETCD__V3__EVENT__INIT;
        event.kv = &holder;
        etcd_places_set(&member->places, &event);
    }
    if (claimed->error == 0) step(member);
}

static void take_head(struct etcd_member *member) {
    const struct etcd_place *place = &member->places.all[member->places.members];
    if (member->self.address[0] == '\0') return; /* not known yet */
    if (place->revision != 0) {
        complain(member, "there is a head of job %s already: pid %" PRId64 " on %s (epoch %" PRId64 ")", member->job,
                 place->who.pid, place->who.host, place->revision);
        return;
    }
    char *fence = etcd_places_key(&member->places, member->number);
    claim(member, member->places.members, fence, on_head_claimed);
    free(fence);
}

/* ---------------------------------------------------------------- the others */

static void say_seen(struct etcd_member *member, uint32_t at) {
    const struct etcd_place *place = &member->places.all[at];
    Chariot__V1__MemberSeen seen = CHARIOT__V1__MEMBER_SEEN__INIT;
    seen.member = at;
    seen.here = place->revision != 0;
    seen.registration = place->revision == 0 ? place->told : place->revision;
    seen.host = (char *)(uintptr_t)place->who.host;
    seen.pid = place->who.pid;
    etcd_parent_say(member->parent, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_SEEN, &seen);
}

static void tell_members(struct etcd_member *member) {
    char name[32];
    for (uint32_t at = 0; at < member->places.members; at++) {
        struct etcd_place *place = &member->places.all[at];
        snprintf(name, sizeof name, "member/%" PRIu32, at);
        if (place->revision != 0 && place->told != place->revision && !agrees(member, place, name)) {
            member->only_says = true;
            continue;
        }
        if (place->told != place->revision) say_seen(member, at);
        place->told = place->revision;
    }
}

static void tell_head(struct etcd_member *member) {
    struct etcd_place *place = &member->places.all[member->places.members];
    if (place->told == place->revision) return;
    if (place->revision != 0 && !agrees(member, place, "head")) return;
    say_head(member, place);
    place->told = place->revision;
}

/* ---------------------------------------------------------------- what is to be done now */

/* Ours must be there as we have made them: else they were removed, or etcd has ended the lease. */
static bool keeps_places(struct etcd_member *member) {
    const struct etcd_place *own = &member->places.all[member->number];
    const struct etcd_place *head = &member->places.all[member->places.members];
    if (own->revision != member->registration)
        lose(member, STATUS_LOST, "member %" PRIu32 " of job %s is not registered with etcd any more", member->number,
             member->job);
    else if (member->epoch != 0 && head->revision != member->epoch)
        lose(member, STATUS_LOST, "the head of job %s is not registered with etcd any more", member->job);
    return !member->is_lost;
}

static void step(struct etcd_member *member) {
    if (!member->is_listed || member->is_claiming || member->is_lost) return;
    member->complaint[0] = '\0';
    if (member->registration == 0) {
        take_place(member);
    } else if (keeps_places(member)) {
        if (member->number == 0 && member->epoch == 0) take_head(member);
        if (member->number == 0) tell_members(member);
        tell_head(member);
    }
    wait_out_complaint(member);
}

static void on_list(void *context, const Etcd__V3__RangeResponse *list) {
    struct etcd_member *member = context;
    etcd_places_set_all(&member->places, list);
    member->is_listed = true;
    step(member);
}

static void on_event(void *context, const Etcd__V3__Event *event) {
    struct etcd_member *member = context;
    etcd_places_set(&member->places, event);
    step(member);
}

void etcd_member_publish(struct etcd_member *member, const char *address) {
    snprintf(member->self.address, sizeof member->self.address, "%s", address);
    step(member);
}

/* ---------------------------------------------------------------- life */

static void on_granted(void *context) {
    struct etcd_member *member = context;
    if (etcd_watch_open(member->client, member->places.prefix, &member->watch_handler) != 0)
        lose(member, STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
}

static bool may_renew(void *context) {
    struct etcd_member *member = context;
    return etcd_parent_is_there(member->parent);
}

static void init(struct etcd_member *member, const Chariot__V1__MemberJoin *join) {
    member->lease_handler = (struct etcd_lease_handler){on_granted, may_renew, on_lease_lost, member};
    member->watch_handler = (struct etcd_watch_handler){on_list, on_event, on_refused, member};
    member->any_number = join->any_number;
    member->number = join->member;
    member->self = (struct etcd_who){.is_one = true, .pid = join->pid, .members = join->members};
    snprintf(member->self.host, sizeof member->self.host, "%s", join->host);
    snprintf(member->self.version, sizeof member->self.version, "%s", join->version);
    snprintf(member->job, sizeof member->job, "%s", join->job);
    ev_timer_init(&member->complaint_timer, on_complaint_stays, 0., 0.);
    member->complaint_timer.data = member;
}

void etcd_member_open(struct etcd_member *member, struct etcd_client *client, struct etcd_parent *parent,
                      const Chariot__V1__MemberJoin *join) {
    *member = (struct etcd_member){.client = client, .parent = parent};
    init(member, join);
    int error = etcd_places_init(&member->places, join->job, join->members);
    if (error == 0)
        error = etcd_lease_open(&member->lease, client, join->lease_s, join->patience_s, &member->lease_handler);
    if (error != 0) lose(member, STATUS_OS, "%s", chariot_error_text(error));
}

void etcd_member_leave(struct etcd_member *member, void (*on_left)(void *context), void *context) {
    member->is_lost = true; /* nothing more is said */
    ev_timer_stop(member->client->events->loop, &member->complaint_timer);
    etcd_lease_revoke(&member->lease, on_left, context);
}

void etcd_member_deinit(struct etcd_member *member) {
    ev_timer_stop(member->client->events->loop, &member->complaint_timer);
    if (member->lease.client != NULL) etcd_lease_close(&member->lease);
    etcd_places_deinit(&member->places);
}
