/* rpc/etcd/claim.h: a key that only one can make.
 *
 * The key is put if it is not there, under our lease, as one change; else the answer says who holds it. Whether our
 * first attempt or a repeated one has made it is the same to us: it goes with our lease. */
#ifndef CHARIOT_RPC_ETCD_CLAIM_H
#define CHARIOT_RPC_ETCD_CLAIM_H

#include "rpc/etcd/client.h"
#include "rpc/proto/etcd/v3/etcd.pb-c.h"

struct etcd_claim {
    const char *key, *value;
    int64_t lease;
    const char *fence; /* a key that must still go with our lease; NULL: none */
    double patience_s;
};

/* How it ended; valid during the callback. */
struct etcd_claimed {
    int error; /* 0; CHARIOT_ESTATE: the fence has fallen */
    const char *text;
    int64_t revision;                 /* at which our key was made; 0: it is another's */
    const Etcd__V3__KeyValue *holder; /* then, the other's */
};

typedef void etcd_on_claimed(void *context, const struct etcd_claimed *claimed);

/* Borrows the claim until it returns. CHARIOT_ENOMEM. */
int etcd_claim(struct etcd_client *client, const struct etcd_claim *claim, etcd_on_claimed *on_claimed, void *context);

#endif
