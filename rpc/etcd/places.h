/* rpc/etcd/places.h: the places of a job in etcd, as far as we have heard: one for each member, and one for its head.
 *
 *   /chariot/JOB/member/R   host=b pid=812 members=4 version=0.7.0
 *   /chariot/JOB/head       the same, and address=10.0.0.7:41111
 *
 * A key's revision is the registration of who made it, that of the head's the job's epoch. Other keys below the prefix
 * are passed over. */
#ifndef CHARIOT_RPC_ETCD_PLACES_H
#define CHARIOT_RPC_ETCD_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/proto/etcd/v3/etcd.pb-c.h"

/* Who holds a place. What others have written is checked; without `is_one` it cannot be read. */
struct etcd_who {
    bool is_one;
    char host[256], version[32], address[256]; /* address: "" in places of members */
    int64_t pid;
    uint32_t members;
};

struct etcd_place {
    int64_t revision; /* 0: free */
    int64_t lease;
    struct etcd_who who;
    int64_t told; /* of which revision the launcher has heard; 0: that it is free */
};

struct etcd_places {
    char *prefix;
    uint32_t members;
    struct etcd_place *all; /* members', then the head's */
};

enum { ETCD_JOB_NAME_MAX = 128, ETCD_TEXT_MAX = 1024 };

/* CHARIOT_ENOMEM. */
int etcd_places_init(struct etcd_places *places, const char *job, uint32_t members);
void etcd_places_deinit(struct etcd_places *places);
/* The key of place `at`; released by free(). NULL: out of memory. */
char *etcd_places_key(const struct etcd_places *places, uint32_t at);

void etcd_places_set_all(struct etcd_places *places, const Etcd__V3__RangeResponse *list);
void etcd_places_set(struct etcd_places *places, const Etcd__V3__Event *event);

/* A letter, digit, '.', '_' or '-', each, at least one. */
bool etcd_places_is_name(const char *job);
/* What stands in a key. False: it does not fit (a host's name of 300 characters). */
bool etcd_who_write(const struct etcd_who *who, char text[ETCD_TEXT_MAX]);

#endif
