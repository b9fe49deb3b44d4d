#include "client.h"

#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chariot/v1/object_service.pb-c.h"
#include "google/rpc/status.pb-c.h"

/* ---------------------------------------------------------------- connecting */

void grid_open(struct client *client, const char *address, const char *authority_pem, const char *token) {
    grpc_channel_credentials *tls = grpc_ssl_credentials_create(authority_pem, NULL, NULL, NULL);
    client->channel = grpc_channel_create(address, tls, NULL);
    client->queue = grpc_completion_queue_create_for_next(NULL);
    client->token = token;
    grpc_channel_credentials_release(tls);
}

void grid_close(struct client *client) {
    grpc_channel_destroy(client->channel);
    grpc_completion_queue_shutdown(client->queue);
    while (grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(client->queue);
}

/* ---------------------------------------------------------------- outcomes */

void items_clear(struct items *items) {
    for (size_t i = 0; i < items->count; i++) item_clear(&items->items[i]);
    free(items->items);
    *items = (struct items){0};
}

void outcome_clear(struct outcome *outcome) {
    struct item failure = {.kind = ITEM_FAILURE, .failure = outcome->failure};
    item_clear(&failure);
    outcome->failure = (struct failure){0};
}

/* The Failure in the ObjectError among the details of the google.rpc.Status. */
static void read_details(struct outcome *outcome, const uint8_t *data, size_t size) {
    Google__Rpc__Status *status = google__rpc__status__unpack(NULL, size, data);
    for (size_t i = 0; status != NULL && i < status->n_details && outcome->failure.type == NULL; i++) {
        const Google__Protobuf__Any *detail = status->details[i];
        const char *name = strrchr(detail->type_url, '/');
        if (name == NULL || strcmp(name + 1, "chariot.v1.ObjectError") != 0) continue;
        Chariot__V1__ObjectError *error =
            chariot__v1__object_error__unpack(NULL, detail->value.len, detail->value.data);
        if (error != NULL && error->failure != NULL) {
            const Chariot__V1__Failure *told = error->failure;
            outcome->failure = (struct failure){.type = copy_text(told->type),
                                                .message = copy_text(told->message),
                                                .traceback = copy_text(told->traceback),
                                                .pe = told->pe};
        }
        if (error != NULL) chariot__v1__object_error__free_unpacked(error, NULL);
    }
    if (status != NULL) google__rpc__status__free_unpacked(status, NULL);
}

static struct outcome run(struct client *client, struct exchange *exchange) {
    struct outcome outcome = {0};
    exchange_run(client, exchange);
    outcome.status = exchange->status;
    memcpy(outcome.text, exchange->text, sizeof outcome.text);
    read_details(&outcome, exchange->details.data, exchange->details.size);
    exchange_deinit(exchange);
    return outcome;
}

/* ---------------------------------------------------------------- one request */

struct asking {
    const ProtobufCMessage *message; /* NULL: it was sent */
    void (*on_response)(void *, const uint8_t *, size_t);
    void *ctx;
};

static const ProtobufCMessage *next_of_one(void *ctx) {
    struct asking *asking = ctx;
    const ProtobufCMessage *message = asking->message;
    asking->message = NULL;
    return message;
}

static void on_response_to_one(void *ctx, const uint8_t *data, size_t size) {
    struct asking *asking = ctx;
    asking->on_response(asking->ctx, data, size);
}

struct outcome grid_ask(struct client *client, const char *method, const ProtobufCMessage *message, int timeout_ms,
                        int cancel_ms, void (*on_response)(void *, const uint8_t *, size_t), void *ctx) {
    struct asking asking = {message, on_response, ctx};
    char path[100];
    snprintf(path, sizeof path, "/chariot.v1.ObjectService/%s", method);
    struct exchange exchange = {.path = path,
                                .timeout_ms = timeout_ms,
                                .cancel_ms = cancel_ms,
                                .next = next_of_one,
                                .on_response = on_response_to_one,
                                .ctx = &asking};
    return run(client, &exchange);
}

/* ---------------------------------------------------------------- requests and results */

static Chariot__V1__Target *target_of(const struct request *request, size_t dimensions) {
    Chariot__V1__Target *target = need(1, sizeof *target);
    chariot__v1__target__init(target);
    target->object_case = CHARIOT__V1__TARGET__OBJECT_NAME;
    target->name = copy_text(request->object != NULL ? request->object : "grid");
    target->n_index = dimensions;
    target->index = need(dimensions, sizeof *target->index);
    memcpy(target->index, request->index, dimensions * sizeof *target->index);
    return target;
}

static Chariot__V1__Arguments *arguments_of(const struct request *request) {
    Chariot__V1__Arguments *arguments = need(1, sizeof *arguments);
    chariot__v1__arguments__init(arguments);
    arguments->n_positional = request->num_arguments;
    arguments->positional = need(request->num_arguments, sizeof(Chariot__V1__Value *));
    for (size_t i = 0; i < request->num_arguments; i++)
        arguments->positional[i] = item_to_value(&request->arguments[i]);
    return arguments;
}

static void add_item(struct items *items, const Chariot__V1__Value *value) {
    items->items = realloc(items->items, (items->count + 1) * sizeof *items->items);
    if (items->items == NULL || !item_from_value(&items->items[items->count++], value)) abort();
}

/* CallResponse and ReduceResponse are alike: both have the result first. */
static void on_result(void *ctx, const uint8_t *data, size_t size) {
    Chariot__V1__CallResponse *response = chariot__v1__call_response__unpack(NULL, size, data);
    if (response == NULL) return;
    add_item(ctx, response->result);
    chariot__v1__call_response__free_unpacked(response, NULL);
}

static void on_results(void *ctx, const uint8_t *data, size_t size) {
    Chariot__V1__BroadcastResponse *response = chariot__v1__broadcast_response__unpack(NULL, size, data);
    if (response == NULL) return;
    for (size_t i = 0; i < response->n_results; i++) add_item(ctx, response->results[i]);
    chariot__v1__broadcast_response__free_unpacked(response, NULL);
}

struct outcome grid_call(struct client *client, const struct request *request, struct items *result) {
    Chariot__V1__CallRequest *message = need(1, sizeof *message);
    chariot__v1__call_request__init(message);
    message->target = target_of(request, request->object == NULL ? 2 : 0);
    message->method = copy_text(request->method);
    message->arguments = arguments_of(request);
    struct outcome outcome =
        grid_ask(client, "Call", &message->base, request->timeout_ms, request->cancel_ms, on_result, result);
    chariot__v1__call_request__free_unpacked(message, NULL);
    return outcome;
}

struct outcome grid_broadcast(struct client *client, const struct request *request, struct items *results) {
    Chariot__V1__BroadcastRequest *message = need(1, sizeof *message);
    chariot__v1__broadcast_request__init(message);
    message->target = target_of(request, 0);
    message->method = copy_text(request->method);
    message->arguments = arguments_of(request);
    struct outcome outcome =
        grid_ask(client, "Broadcast", &message->base, request->timeout_ms, request->cancel_ms, on_results, results);
    chariot__v1__broadcast_request__free_unpacked(message, NULL);
    return outcome;
}

struct outcome grid_sum(struct client *client, const struct request *request, struct items *result) {
    Chariot__V1__ReduceRequest *message = need(1, sizeof *message);
    chariot__v1__reduce_request__init(message);
    message->target = target_of(request, 0);
    message->method = copy_text(request->method);
    message->arguments = arguments_of(request);
    message->reducer = CHARIOT__V1__REDUCER__REDUCER_SUM;
    struct outcome outcome =
        grid_ask(client, "Reduce", &message->base, request->timeout_ms, request->cancel_ms, on_result, result);
    chariot__v1__reduce_request__free_unpacked(message, NULL);
    return outcome;
}

/* ---------------------------------------------------------------- a channel */

struct streaming {
    const struct request *request; /* NULL: it was sent */
    const struct item *values;
    size_t left;
    Chariot__V1__OpenChannelRequest *message; /* on its way */
    struct items *received;
};

static const ProtobufCMessage *next_of_stream(void *ctx) {
    struct streaming *streaming = ctx;
    if (streaming->message != NULL) chariot__v1__open_channel_request__free_unpacked(streaming->message, NULL);
    streaming->message = NULL;
    if (streaming->request == NULL && streaming->left == 0) return NULL;
    Chariot__V1__OpenChannelRequest *message = streaming->message = need(1, sizeof *message);
    chariot__v1__open_channel_request__init(message);
    if (streaming->request != NULL) {
        message->what_case = CHARIOT__V1__OPEN_CHANNEL_REQUEST__WHAT_TARGET;
        message->target = need(1, sizeof *message->target);
        chariot__v1__channel_target__init(message->target);
        message->target->target = target_of(streaming->request, 2);
        message->target->method = copy_text(streaming->request->method);
        message->target->arguments = arguments_of(streaming->request);
        streaming->request = NULL;
    } else {
        message->what_case = CHARIOT__V1__OPEN_CHANNEL_REQUEST__WHAT_VALUE;
        message->value = item_to_value(streaming->values++);
        streaming->left--;
    }
    return &message->base;
}

static void on_received(void *ctx, const uint8_t *data, size_t size) {
    struct streaming *streaming = ctx;
    Chariot__V1__OpenChannelResponse *response = chariot__v1__open_channel_response__unpack(NULL, size, data);
    if (response == NULL) return;
    add_item(streaming->received, response->value);
    chariot__v1__open_channel_response__free_unpacked(response, NULL);
}

struct outcome grid_stream(struct client *client, const struct request *request, const struct item *values,
                           size_t count, struct items *received) {
    struct streaming streaming = {.request = request, .values = values, .left = count, .received = received};
    struct exchange exchange = {.path = "/chariot.v1.ObjectService/OpenChannel",
                                .timeout_ms = request->timeout_ms,
                                .cancel_ms = request->cancel_ms,
                                .next = next_of_stream,
                                .on_response = on_received,
                                .ctx = &streaming};
    struct outcome outcome = run(client, &exchange);
    if (streaming.message != NULL) chariot__v1__open_channel_request__free_unpacked(streaming.message, NULL);
    return outcome;
}
