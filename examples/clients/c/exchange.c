#include "exchange.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

/* What an event of the queue is about. */
static char SENT, RECEIVED, ENDED;
#define TAG(name) ((void *)&(name))

struct flight {
    struct exchange *exchange;
    grpc_call *call;
    grpc_byte_buffer *response;
    grpc_metadata_array initial, trailing;
    grpc_slice text;
    bool sent_all;
    unsigned pending; /* events to come */
};

/* ---------------------------------------------------------------- sending, receiving */

static void start(struct flight *flight, const grpc_op *ops, size_t count, void *tag) {
    if (grpc_call_start_batch(flight->call, ops, count, tag, NULL) == GRPC_CALL_OK)
        flight->pending++;
    else
        grpc_call_cancel(flight->call, NULL);
}

static void send_next(struct flight *flight) {
    if (flight->sent_all) return;
    const ProtobufCMessage *message = flight->exchange->next(flight->exchange->ctx);
    flight->sent_all = message == NULL;
    if (message == NULL) {
        start(flight, &(grpc_op){.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, 1, TAG(SENT));
        return;
    }
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    start(flight, &(grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer}, 1, TAG(SENT));
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
}

static void receive_next(struct flight *flight) {
    start(flight, &(grpc_op){.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &flight->response}, 1,
          TAG(RECEIVED));
}

/* No response: there are no more. */
static void on_received(struct flight *flight) {
    grpc_byte_buffer_reader reader;
    if (flight->response == NULL) return;
    if (grpc_byte_buffer_reader_init(&reader, flight->response)) {
        grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
        flight->exchange->on_response(flight->exchange->ctx, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
        grpc_slice_unref(all);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(flight->response);
    flight->response = NULL;
    receive_next(flight);
}

/* ---------------------------------------------------------------- beginning and end */

static void begin(struct client *client, struct flight *flight) {
    struct exchange *exchange = flight->exchange;
    grpc_metadata bearer = {.key = grpc_slice_from_static_string("authorization")};
    char text[600];
    if (client->token != NULL) {
        snprintf(text, sizeof text, "Bearer %s", client->token);
        bearer.value = grpc_slice_from_copied_string(text);
    }
    grpc_op first = {.op = GRPC_OP_SEND_INITIAL_METADATA,
                     .data.send_initial_metadata = {.count = client->token != NULL, .metadata = &bearer}};
    grpc_op last[] = {
        {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &flight->initial},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &flight->trailing,
                                        .status = &exchange->status,
                                        .status_details = &flight->text}},
    };
    start(flight, &first, 1, TAG(SENT));
    start(flight, last, 2, TAG(ENDED));
    if (client->token != NULL) grpc_slice_unref(bearer.value);
    receive_next(flight);
}

static void keep_details(struct flight *flight) {
    struct exchange *exchange = flight->exchange;
    size_t size = GRPC_SLICE_LENGTH(flight->text);
    if (size >= sizeof exchange->text) size = sizeof exchange->text - 1;
    memcpy(exchange->text, GRPC_SLICE_START_PTR(flight->text), size);
    for (size_t i = 0; i < flight->trailing.count; i++) {
        grpc_metadata *one = &flight->trailing.metadata[i];
        if (grpc_slice_str_cmp(one->key, "grpc-status-details-bin") != 0 || exchange->details.data != NULL) continue;
        exchange->details.size = GRPC_SLICE_LENGTH(one->value);
        exchange->details.data = need(exchange->details.size, 1);
        memcpy(exchange->details.data, GRPC_SLICE_START_PTR(one->value), exchange->details.size);
    }
}

static gpr_timespec after(int ms) {
    if (ms == 0) return gpr_inf_future(GPR_CLOCK_REALTIME);
    return gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

void exchange_run(struct client *client, struct exchange *exchange) {
    struct flight flight = {.exchange = exchange};
    gpr_timespec cancel = after(exchange->cancel_ms);
    grpc_metadata_array_init(&flight.initial);
    grpc_metadata_array_init(&flight.trailing);
    flight.text = grpc_empty_slice();
    grpc_slice path = grpc_slice_from_copied_string(exchange->path);
    flight.call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue, path, NULL,
                                           after(exchange->timeout_ms), NULL);
    grpc_slice_unref(path);
    begin(client, &flight);
    while (flight.pending > 0) {
        grpc_event event = grpc_completion_queue_next(client->queue, cancel, NULL);
        if (event.type == GRPC_QUEUE_TIMEOUT) {
            grpc_call_cancel(flight.call, NULL);
            cancel = after(0);
            continue;
        }
        flight.pending--;
        if (event.tag == TAG(SENT) && event.success) send_next(&flight);
        if (event.tag == TAG(RECEIVED) && event.success) on_received(&flight);
    }
    keep_details(&flight);
    grpc_slice_unref(flight.text);
    grpc_metadata_array_destroy(&flight.initial);
    grpc_metadata_array_destroy(&flight.trailing);
    grpc_call_unref(flight.call);
}

void exchange_deinit(struct exchange *exchange) {
    free(exchange->details.data);
    exchange->details.data = NULL;
}
