/* One call by gRPC's C core, which knows no difference between one message each way and streams: requests are asked for
 * one by one, responses are handed on as they come, and the status comes last. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    const char *token; /* NULL: none */
};

struct exchange {
    const char *path; /* "/chariot.v1.ObjectService/Call" */
    int timeout_ms;   /* 0: none */
    int cancel_ms;    /* cancels the call after that; 0: does not */
    /* The next request, valid until it is asked again; NULL: there are no more. */
    const ProtobufCMessage *(*next)(void *ctx);
    void (*on_response)(void *ctx, const uint8_t *data, size_t size);
    void *ctx;

    grpc_status_code status;
    char text[256]; /* for people */
    struct {
        uint8_t *data;
        size_t size;
    } details; /* grpc-status-details-bin: a google.rpc.Status; for exchange_deinit() */
};

/* Returns when the call has ended. */
void exchange_run(struct client *client, struct exchange *exchange);
void exchange_deinit(struct exchange *exchange);

#endif
