/* rpc/serve.h: a service for programs outside the job, over gRPC: rpc/ carries requests and answers and knows who asks;
 * what they mean is the owner's affair. No PE speaks to another this way.
 *
 * A *visit* is one call of a client. It is born when its request has come, and the owner's from then on until it has
 * been finished or cancelled, whichever is first:
 *
 *     on_request -- owner: put_take()* , finish() --> gone
 *          '---- the client goes, its deadline passes --> on_cancel --> gone
 *
 * Of a stream, on_request comes again for each further message, once the owner has asked for it by rpc_visit_more();
 * its end comes as one without data. What a slow client does not read waits here: who puts looks at
 * rpc_visit_has_room() first, and hears by on_room when there is room again. All functions are called with the turn,
 * and upcalls come with it. */
#ifndef CHARIOT_RPC_SERVE_H
#define CHARIOT_RPC_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chariot_msg;
struct rpc_clients;
struct rpc_loop;
struct rpc_node;
struct rpc_service;
struct rpc_visit;

struct rpc_service_method {
    const char *path; /* "/package.Service/Method" */
    bool streams;     /* both ways */
    bool open;        /* anybody may call it, with a token or without */
};

struct rpc_service_ops {
    /* data: borrowed for the call; NULL: a stream's client says no more. */
    void (*on_request)(void *owner, struct rpc_visit *visit, uint32_t method, const void *data, size_t size);
    void (*on_cancel)(void *owner, struct rpc_visit *visit);
    void (*on_room)(void *owner, struct rpc_visit *visit);
};

/* Of one client; 0: no bound. */
struct rpc_service_limits {
    uint32_t message_bytes; /* of one request */
    uint32_t calls;         /* at a time */
    uint32_t rate;          /* calls per second */
};

struct rpc_service_config {
    const char *listen;            /* gRPC target */
    const char *certificate, *key; /* PEM; NULL: plain text */
    const char *authority;         /* PEM: clients must show a certificate of it; NULL: they need none */
    struct rpc_clients *clients;   /* who they are, by tokens; taken over; NULL: anybody who gets in */
    struct rpc_service_limits limits;
    const struct rpc_service_method *methods; /* borrowed until close */
    size_t num_methods;
    const struct rpc_service_ops *ops;
    void *owner;
};

/* CHARIOT_EINVAL: the certificate is of no use; CHARIOT_EIO: cannot listen. *address (the caller's): where it does. */
int rpc_service_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_service_config *config,
                     struct rpc_service **out, char **address);
/* Ends all visits (on_cancel), waits until gRPC has let go of them. */
void rpc_service_close(struct rpc_service *service);

/* What the owner hangs on a visit. */
void rpc_visit_set(struct rpc_visit *visit, void *own);
void *rpc_visit_get(const struct rpc_visit *visit);
/* Whether its client may call this method of that object, by its token's scopes. */
bool rpc_visit_may(const struct rpc_visit *visit, const char *object, const char *method);

/* Sends one message of a stream. */
void rpc_visit_put_take(struct rpc_visit *visit, struct chariot_msg *message);
/* Whether another may follow now. If not, on_room comes. */
bool rpc_visit_has_room(struct rpc_visit *visit);
/* The next message of a stream is wanted. */
void rpc_visit_more(struct rpc_visit *visit);
/* The answer: body (given; may be NULL, of a stream or where status is not 0), then the status, google.rpc.Code, with a
 * text for people and a google.rpc.Status as bytes (given; NULL: none). The visit is rpc/'s again. */
void rpc_visit_finish_take(struct rpc_visit *visit, struct chariot_msg *body, uint32_t status, const char *text,
                           struct chariot_msg *details);

/* HMAC-SHA256. */
void rpc_service_seal(const uint8_t key[32], const void *data, size_t size, uint8_t out[32]);

/* The same as functions of the gRPC module (module.h). */
struct rpc_serve_ops {
    void (*seal)(const uint8_t key[32], const void *data, size_t size, uint8_t out[32]);
    int (*open)(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_service_config *config,
                struct rpc_service **out, char **address);
    void (*close)(struct rpc_service *service);
    void (*set)(struct rpc_visit *visit, void *own);
    void *(*get)(const struct rpc_visit *visit);
    bool (*may)(const struct rpc_visit *visit, const char *object, const char *method);
    void (*put_take)(struct rpc_visit *visit, struct chariot_msg *message);
    bool (*has_room)(struct rpc_visit *visit);
    void (*more)(struct rpc_visit *visit);
    void (*finish_take)(struct rpc_visit *visit, struct chariot_msg *body, uint32_t status, const char *text,
                        struct chariot_msg *details);
};

#endif
