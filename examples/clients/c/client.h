/* The grid of ../grid.py, called by gRPC's C core with messages of protobuf-c. */
#ifndef CLIENT_H
#define CLIENT_H

#include "exchange.h"
#include "values.h"

/* How a call ended. */
struct outcome {
    grpc_status_code status;
    char text[256];
    struct failure failure; /* what the method raised; type is NULL where it did not */
};
void outcome_clear(struct outcome *outcome);

/* A connection with TLS; authority_pem: the certificates to trust. token (borrowed): NULL for none. */
void grid_open(struct client *client, const char *address, const char *authority_pem, const char *token);
void grid_close(struct client *client);

/* Which cell, and what to call; arguments are borrowed. */
struct request {
    const char *object; /* NULL: "grid" */
    int64_t index[2];
    const char *method;
    const struct item *arguments;
    size_t num_arguments;
    int timeout_ms, cancel_ms; /* 0: none */
};

/* What comes back, for items_clear(). */
struct items {
    struct item *items;
    size_t count;
};
void items_clear(struct items *items);

/* A method of one cell: one item. */
struct outcome grid_call(struct client *client, const struct request *request, struct items *result);
/* A method of all cells; the index is not used. */
struct outcome grid_broadcast(struct client *client, const struct request *request, struct items *results);
struct outcome grid_sum(struct client *client, const struct request *request, struct items *result);
/* A channel to one cell: sends the values, gives what comes until the cell closes it. */
struct outcome grid_stream(struct client *client, const struct request *request, const struct item *values,
                           size_t count, struct items *received);

/* Any call of the service that has one request: on_response gets the bytes of each response. */
struct outcome grid_ask(struct client *client, const char *method, const ProtobufCMessage *message, int timeout_ms,
                        int cancel_ms, void (*on_response)(void *, const uint8_t *, size_t), void *ctx);

#endif
