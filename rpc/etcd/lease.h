/* rpc/etcd/lease.h: a lease of etcd's, renewed for as long as its owner may.
 *
 * It is reckoned from when the last renewal that etcd has confirmed was sent, on a clock that runs while the process is
 * stopped: so whoever holds the lease knows that it is over before etcd does, also after a SIGSTOP. */
#ifndef CHARIOT_RPC_ETCD_LEASE_H
#define CHARIOT_RPC_ETCD_LEASE_H

#include "rpc/etcd/client.h"

struct etcd_lease_handler {
    void (*on_granted)(void *context);
    /* Before each renewal; false: it is left out. */
    bool (*may_renew)(void *context);
    /* Once: the lease could not be had, or is over. */
    void (*on_lost)(void *context, const char *why);
    void *context;
};

struct etcd_lease {
    struct etcd_client *client;
    const struct etcd_lease_handler *handler;
    int64_t id; /* 0: not granted */
    unsigned ttl_s;
    double until; /* etcd_now() */
    bool is_renewing, is_lost;
    char why[512]; /* what etcd has said to the last renewal that failed */
    ev_timer renew, end;
};

/* CHARIOT_ENOMEM. */
int etcd_lease_open(struct etcd_lease *lease, struct etcd_client *client, unsigned ttl_s, double patience_s,
                    const struct etcd_lease_handler *handler);
/* Whether it holds, now. */
bool etcd_lease_holds(const struct etcd_lease *lease);
/* Gives it back, with all keys that go with it; on_done when etcd has heard, or does not answer. */
void etcd_lease_revoke(struct etcd_lease *lease, void (*on_done)(void *context), void *context);
/* Stops its timers. */
void etcd_lease_close(struct etcd_lease *lease);

#endif
