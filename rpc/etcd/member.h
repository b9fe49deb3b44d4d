/* rpc/etcd/member.h: one membership of a job, from registration to its end.
 *
 *   lease -> watch -> place claimed -> joined ..................................... left
 *                        | held by another    | number 0: claims the head's place when it knows its door's address
 *                        v                    | the others: hear where it is
 *                      waits                  v
 *                        +----------------> lost: the lease is over, the place was taken away, a complaint stays
 *
 * What stands in the way (a place that another holds, a member that believes in another job) may be left over from a
 * job that died: then it goes with its lease. So it is complained of only when it has stayed longer than a lease lives.
 * A member that disagrees with the head is the one to end; the head only says so. */
#ifndef CHARIOT_RPC_ETCD_MEMBER_H
#define CHARIOT_RPC_ETCD_MEMBER_H

#include "rpc/etcd/claim.h"
#include "rpc/etcd/lease.h"
#include "rpc/etcd/parent.h"
#include "rpc/etcd/places.h"
#include "rpc/etcd/watch.h"

struct etcd_member {
    struct etcd_client *client;
    struct etcd_parent *parent;
    struct etcd_lease_handler lease_handler;
    struct etcd_watch_handler watch_handler;
    struct etcd_lease lease;
    struct etcd_places places;
    struct etcd_who self;
    char job[ETCD_JOB_NAME_MAX + 1];
    bool any_number, is_listed, is_claiming, is_lost;
    uint32_t number;      /* valid when any_number is not set, or registration is */
    int64_t registration; /* revision of our place; 0: none yet */
    int64_t epoch;        /* number 0: revision of the head's place; 0: none yet */
    char complaint[1024]; /* "": none */
    bool only_says;       /* it is another's affair: one line for people, and we go on */
    ev_timer complaint_timer;
};

/* Joins as the launcher has asked for; what comes of it is said to the launcher. */
void etcd_member_open(struct etcd_member *member, struct etcd_client *client, struct etcd_parent *parent,
                      const Chariot__V1__MemberJoin *join);
/* Member 0: where its door is. */
void etcd_member_publish(struct etcd_member *member, const char *address);
/* Whether its lease is over: then a launcher that is not heard of must not live on. */
bool etcd_member_is_fenced(const struct etcd_member *member);
void etcd_member_leave(struct etcd_member *member, void (*on_left)(void *context), void *context);
/* When nothing calls back any more. */
void etcd_member_deinit(struct etcd_member *member);

/* Says that there is no membership, and why. */
__attribute__((format(printf, 3, 4))) void etcd_say_lost(struct etcd_parent *parent, unsigned status,
                                                         const char *format, ...);

#endif
