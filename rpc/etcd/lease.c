/* rpc/etcd/lease.c: see lease.h. */
#include "rpc/etcd/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/proto/etcd/v3/etcd.pb-c.h"

enum { RENEWALS_PER_TTL = 5 };
static const double REVOKE_S = 1.0;

bool etcd_lease_holds(const struct etcd_lease *lease) {
    return lease->id != 0 && !lease->is_lost && etcd_now() < lease->until;
}

static void lose(struct etcd_lease *lease, const char *why) {
    if (lease->is_lost) return;
    lease->is_lost = true;
    etcd_lease_close(lease);
    lease->handler->on_lost(lease->handler->context, why);
}

/* ---------------------------------------------------------------- its end */

static void arm_end(struct etcd_lease *lease) {
    double left = lease->until - etcd_now();
    ev_timer_stop(lease->client->events->loop, &lease->end);
    ev_timer_set(&lease->end, left > 0 ? left : 0., 0.);
    ev_timer_start(lease->client->events->loop, &lease->end);
}

static void on_end(struct ev_loop *loop, ev_timer *timer, int revents) {
    struct etcd_lease *lease = timer->data;
    (void)loop, (void)revents;
    if (etcd_lease_holds(lease))
        arm_end(lease);
    else
        lose(lease, lease->why[0] == '\0' ? "it was not renewed in time" : lease->why);
}

/* ---------------------------------------------------------------- renewal */

/* An answer that comes too late renews nothing: keys may be gone by now. */
static void on_renewed(void *context, const struct etcd_answer *answer) {
    struct etcd_lease *lease = context;
    lease->is_renewing = false;
    if (lease->is_lost) return;
    if (answer->error != 0) {
        snprintf(lease->why, sizeof lease->why, "etcd could not renew it: %s", answer->text);
        return;
    }
    Etcd__V3__LeaseKeepAliveResponse *response =
        etcd__v3__lease_keep_alive_response__unpack(NULL, answer->size, answer->data);
    if (response != NULL && response->ttl <= 0) {
        lose(lease, "etcd has ended it");
    } else if (response != NULL && etcd_lease_holds(lease)) {
        lease->until = answer->sent + lease->ttl_s;
        lease->why[0] = '\0';
        arm_end(lease);
    }
    etcd__v3__lease_keep_alive_response__free_unpacked(response, NULL);
}

static void on_renew(struct ev_loop *loop, ev_timer *timer, int revents) {
    struct etcd_lease *lease = timer->data;
    (void)loop, (void)revents;
    if (!etcd_lease_holds(lease)) { /* we were stopped */
        on_end(loop, &lease->end, 0);
        return;
    }
    if (lease->is_renewing || !lease->handler->may_renew(lease->handler->context)) return;
    Etcd__V3__LeaseKeepAliveRequest request = ETCD__V3__LEASE_KEEP_ALIVE_REQUEST__INIT;
    request.id = lease->id;
    lease->is_renewing = etcd_call(lease->client, "/etcdserverpb.Lease/LeaseKeepAlive", &request.base,
                                   lease->until - etcd_now(), on_renewed, lease) == 0;
}

/* ---------------------------------------------------------------- life */

static void on_granted(void *context, const struct etcd_answer *answer) {
    struct etcd_lease *lease = context;
    Etcd__V3__LeaseGrantResponse *response =
        answer->error == 0 ? etcd__v3__lease_grant_response__unpack(NULL, answer->size, answer->data) : NULL;
    if (response == NULL || response->id == 0) {
        lose(lease, answer->error == 0 ? "etcd's answer cannot be read" : answer->text);
    } else {
        lease->id = response->id;
        lease->until = answer->sent + lease->ttl_s; /* etcd's may be longer, not shorter */
        arm_end(lease);
        ev_timer_start(lease->client->events->loop, &lease->renew);
        lease->handler->on_granted(lease->handler->context);
    }
    etcd__v3__lease_grant_response__free_unpacked(response, NULL);
}

int etcd_lease_open(struct etcd_lease *lease, struct etcd_client *client, unsigned ttl_s, double patience_s,
                    const struct etcd_lease_handler *handler) {
    *lease = (struct etcd_lease){.client = client, .handler = handler, .ttl_s = ttl_s};
    double period = (double)ttl_s / RENEWALS_PER_TTL;
    ev_timer_init(&lease->renew, on_renew, period, period);
    ev_timer_init(&lease->end, on_end, 0., 0.);
    lease->renew.data = lease->end.data = lease;
    Etcd__V3__LeaseGrantRequest request = ETCD__V3__LEASE_GRANT_REQUEST__INIT;
    request.ttl = ttl_s;
    return etcd_call(client, "/etcdserverpb.Lease/LeaseGrant", &request.base, patience_s, on_granted, lease);
}

struct revocation {
    void (*on_done)(void *context);
    void *context;
};

static void on_revoked(void *context, const struct etcd_answer *answer) {
    struct revocation it = *(struct revocation *)context;
    (void)answer;
    free(context);
    it.on_done(it.context);
}

void etcd_lease_revoke(struct etcd_lease *lease, void (*on_done)(void *context), void *context) {
    struct revocation *it = malloc(sizeof *it);
    Etcd__V3__LeaseRevokeRequest request = ETCD__V3__LEASE_REVOKE_REQUEST__INIT;
    request.id = lease->id;
    lease->is_lost = true;
    etcd_lease_close(lease);
    if (it != NULL) *it = (struct revocation){on_done, context};
    if (it != NULL && lease->id != 0 &&
        etcd_call(lease->client, "/etcdserverpb.Lease/LeaseRevoke", &request.base, REVOKE_S, on_revoked, it) == 0)
        return;
    free(it);
    on_done(context);
}

void etcd_lease_close(struct etcd_lease *lease) {
    ev_timer_stop(lease->client->events->loop, &lease->renew);
    ev_timer_stop(lease->client->events->loop, &lease->end);
}
