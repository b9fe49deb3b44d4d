/* rpc/etcd/client.h: calls to an etcd of one or more members.
 *
 * Every call goes to the member that answered last; where it does not answer, or cannot (it has no leader), to the
 * next, round and round until the call's patience is over. So a call may be done twice: the caller asks for nothing
 * that must not be (see claim.c). All on the loop's thread. */
#ifndef CHARIOT_RPC_ETCD_CLIENT_H
#define CHARIOT_RPC_ETCD_CLIENT_H

#include <grpc/grpc_security.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/etcd/events.h"

enum { ETCD_MAX_ENDPOINTS = 16 };

struct etcd_call;
struct etcd_watch;

/* Borrowed until open returns; NULL where there is none. */
struct etcd_setting {
    const char *endpoints;              /* "h:2379,[::1]:2379" */
    const char *ca, *certificate, *key; /* PEM texts; ca: TLS is spoken */
    const char *user, *password;        /* copied */
};

struct etcd_client {
    struct etcd_events *events;
    struct {
        char *target;
        grpc_channel *channel;
    } endpoints[ETCD_MAX_ENDPOINTS];
    size_t count, current;
    char *user, *password, *token; /* token: of the user; NULL: not asked for yet, or there is no user */
    struct etcd_call *calls;       /* under way */
    struct etcd_watch *watch;      /* NULL: none */
    bool closing;
};

/* How a call ended. Valid during the callback. */
struct etcd_answer {
    int error;        /* 0, or CHARIOT_E...: ETIMEOUT where no member has answered */
    const char *text; /* of an error, for people: etcd's own words */
    const uint8_t *data;
    size_t size;
    double sent; /* etcd_now() when the request that was answered was sent */
};

typedef void etcd_on_answer(void *context, const struct etcd_answer *answer);

/* Connects when the first call is made. CHARIOT_EINVAL: *why is static. */
int etcd_client_open(struct etcd_client *client, struct etcd_events *events, const struct etcd_setting *setting,
                     const char **why);
/* Cancels what is under way, whose callbacks are not called. Not from within a callback. The events are closed
 * afterwards, then it is freed. */
void etcd_client_close(struct etcd_client *client);
void etcd_client_deinit(struct etcd_client *client);

/* Calls `method`, a static path such as "/etcdserverpb.KV/Range"; on_answer is called once, later. CHARIOT_ENOMEM. */
int etcd_call(struct etcd_client *client, const char *method, const ProtobufCMessage *request, double patience_s,
              etcd_on_answer *on_answer, void *context);

/* For watch.c. That member does not answer: another one's turn, unless that has been seen already. */
void etcd_client_give_up(struct etcd_client *client, size_t endpoint);
/* A stream or call to the current member, with a deadline in seconds (0: none). */
grpc_call *etcd_client_call(struct etcd_client *client, const char *method, double deadline_s);
/* Metadata of a call: the user's token, and that a member without a leader is to refuse it. Returns how many. */
enum { ETCD_METADATA = 2 };
size_t etcd_client_metadata(const struct etcd_client *client, grpc_metadata items[ETCD_METADATA]);
void etcd_metadata_release(grpc_metadata *items, size_t count);

grpc_byte_buffer *etcd_pack(const ProtobufCMessage *message);

#endif
