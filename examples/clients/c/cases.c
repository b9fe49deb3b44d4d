/* The cases of test/clients/table.py: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chariot/v1/object_service.pb-c.h"
#include "client.h"
#include "files.h"

static const char *name_of(grpc_status_code status) {
    static const char *const names[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    return status <= GRPC_STATUS_UNAUTHENTICATED ? names[status] : "?";
}

/* The end of a case: the items on a line, or the status where it failed. */
static void show(const char *name, struct outcome outcome, struct items *items) {
    printf("%s:", name);
    if (outcome.status != GRPC_STATUS_OK) printf(" %s", name_of(outcome.status));
    if (outcome.failure.type != NULL) printf(" %s: %s", outcome.failure.type, outcome.failure.message);
    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->items[i];
        if (item->kind == ITEM_REAL) printf(" %g", item->real);
        if (item->kind == ITEM_TEXT) printf(" %s", (char *)item->bytes.data);
    }
    printf("\n");
    items_clear(items);
    outcome_clear(&outcome);
}

/* Calls with one argument, or none, which it frees. */
static void show_call(const char *name, struct client *client, struct request request, struct item argument) {
    struct items result = {0};
    request.arguments = &argument;
    request.num_arguments = argument.kind != ITEM_NULL;
    show(name, grid_call(client, &request, &result), &result);
    item_clear(&argument);
}

static const struct item NOTHING = {.kind = ITEM_NULL};

static void collective(struct client *client) {
    struct item amount = item_real(0.25);
    struct request add = {.method = "add", .arguments = &amount, .num_arguments = 1};
    struct items results = {0};
    show("broadcast", grid_broadcast(client, &add, &results), &results);
    show("reduce", grid_sum(client, &(struct request){.method = "get"}, &results), &results);
}

static void stream(struct client *client) {
    struct item values[] = {item_real(0.75), item_real(1.25), item_text("ping")};
    struct request request = {.index = {0, 1}, .method = "chat"};
    struct items received = {0};
    show("stream", grid_stream(client, &request, values, 3, &received), &received);
    item_clear(&values[2]);
}

static void array(struct client *client) {
    double elements[] = {0.5, 1.5, 2.5, 3.5, 4.5, 5.5};
    struct item arguments[] = {item_doubles(2, (int64_t[]){2, 3}, elements), item_real(3)};
    struct request request = {.index = {3, 3}, .method = "scaled", .arguments = arguments, .num_arguments = 2};
    struct items result = {0};
    struct outcome outcome = grid_call(client, &request, &result);
    if (outcome.status == GRPC_STATUS_OK) {
        const struct array *scaled = &result.items[0].array;
        memcpy(elements, scaled->data.data, sizeof elements);
        printf("array: %s %" PRId64 "x%" PRId64, scaled->dtype, scaled->shape[0], scaled->shape[1]);
        for (int i = 0; i < 6; i++) printf(" %g", elements[i]);
        printf("\n");
    }
    items_clear(&result);
    outcome_clear(&outcome);
    item_clear(&arguments[0]);
}

/* ---------------------------------------------------------------- what there is */

static void on_list(void *ctx, const uint8_t *data, size_t size) {
    (void)ctx;
    Chariot__V1__ListObjectsResponse *listed = chariot__v1__list_objects_response__unpack(NULL, size, data);
    for (size_t i = 0; listed != NULL && i < listed->n_objects; i++) printf(" %s", listed->objects[i]->name);
    if (listed != NULL) chariot__v1__list_objects_response__free_unpacked(listed, NULL);
}

static void on_description(void *ctx, const uint8_t *data, size_t size) {
    (void)ctx;
    Chariot__V1__GetObjectResponse *response = chariot__v1__get_object_response__unpack(NULL, size, data);
    for (size_t i = 0; response != NULL && i < response->object->n_methods; i++) {
        const Chariot__V1__Method *method = response->object->methods[i];
        if (strcmp(method->name, "add") != 0) continue;
        printf(" %s(", method->name);
        for (size_t k = 0; k < method->n_parameters; k++)
            printf("%s%s: %s", k > 0 ? ", " : "", method->parameters[k]->name, method->parameters[k]->type);
        printf(") -> %s", method->returns);
    }
    if (response != NULL) chariot__v1__get_object_response__free_unpacked(response, NULL);
}

static void describe(struct client *client) {
    Chariot__V1__ListObjectsRequest list = CHARIOT__V1__LIST_OBJECTS_REQUEST__INIT;
    Chariot__V1__Target target = CHARIOT__V1__TARGET__INIT;
    Chariot__V1__GetObjectRequest get = CHARIOT__V1__GET_OBJECT_REQUEST__INIT;
    target.object_case = CHARIOT__V1__TARGET__OBJECT_NAME;
    target.name = (char[]){"grid"};
    get.target = &target;
    printf("list:");
    struct outcome outcome = grid_ask(client, "ListObjects", &list.base, 0, 0, on_list, NULL);
    outcome_clear(&outcome);
    printf("\ndescribe:");
    outcome = grid_ask(client, "GetObject", &get.base, 0, 0, on_description, NULL);
    outcome_clear(&outcome);
    printf("\n");
}

static void on_value(void *ctx, const uint8_t *data, size_t size) {
    struct items *values = ctx;
    Chariot__V1__WatchFutureResponse *response = chariot__v1__watch_future_response__unpack(NULL, size, data);
    if (response == NULL) return;
    values->items = need(1, sizeof(struct item)); /* of this future comes one */
    values->count = item_from_value(&values->items[0], response->value);
    chariot__v1__watch_future_response__free_unpacked(response, NULL);
}

static void watch(struct client *client) {
    struct items future = {0}, values = {0};
    struct outcome outcome = grid_call(client, &(struct request){.method = "later"}, &future);
    if (outcome.status == GRPC_STATUS_OK) {
        Chariot__V1__WatchFutureRequest request = CHARIOT__V1__WATCH_FUTURE_REQUEST__INIT;
        Chariot__V1__Value *value = item_to_value(&future.items[0]);
        request.future = value->future;
        show("watch", grid_ask(client, "WatchFuture", &request.base, 0, 0, on_value, &values), &values);
        chariot__v1__value__free_unpacked(value, NULL);
    }
    items_clear(&future);
    outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- what goes wrong */

static struct item zeros(size_t size) {
    return (struct item){.kind = ITEM_DATA, .bytes = {.data = need(size, 1), .size = size}};
}

static void refusals(struct client *client, char **words, const char *authority) {
    struct client other;
    char *narrow = file_word(words[3]);
    show_call("error", client, (struct request){.index = {2, 2}, .method = "fail"}, item_text("no such luck"));
    show_call("deadline", client, (struct request){.method = "slow", .timeout_ms = 300}, item_real(10));
    show_call("cancelled", client, (struct request){.method = "slow", .cancel_ms = 100}, item_real(10));
    show_call("unknown", client, (struct request){.object = "nobody", .method = "get"}, NOTHING);
    show_call("not_exposed", client, (struct request){.method = "hidden"}, NOTHING);
    show_call("wrong_type", client, (struct request){.method = "add"}, item_text("much"));
    show_call("over_limit", client, (struct request){.method = "echo"}, zeros(2 << 20));
    grid_open(&other, words[0], authority, NULL);
    show_call("no_token", &other, (struct request){.method = "get"}, NOTHING);
    grid_close(&other);
    grid_open(&other, words[0], authority, narrow);
    show_call("wrong_scope", &other, (struct request){.method = "add"}, item_real(1));
    grid_close(&other);
    free(narrow);
}

static void run_cases(struct client *client, char **words, const char *authority) {
    show_call("call", client, (struct request){.index = {1, 2}, .method = "add"}, item_real(1.5));
    collective(client);
    stream(client);
    array(client);
    describe(client);
    watch(client);
    refusals(client, words, authority);
}

/* ---------------------------------------------------------------- values there and back */

/* The length that stands before each message. */
static size_t read_length(const uint8_t **at) {
    size_t length = 0;
    unsigned shift = 0;
    do length |= (size_t)(**at & 0x7f) << shift, shift += 7;
    while (*(*at)++ & 0x80);
    return length;
}

static void write_value(FILE *out, const struct item *item) {
    Chariot__V1__Value *value = item_to_value(item);
    size_t size = chariot__v1__value__get_packed_size(value), left = size;
    uint8_t *data = need(size, 1);
    chariot__v1__value__pack(value, data);
    for (; left > 0x7f; left >>= 7) fputc((int)(left & 0x7f) | 0x80, out);
    fputc((int)left, out);
    fwrite(data, 1, size, out);
    free(data);
    chariot__v1__value__free_unpacked(value, NULL);
}

/* As C's own; grid_call() makes it a Value and back. */
static bool echo_value(struct client *client, const Chariot__V1__Value *value, FILE *out) {
    struct item own;
    struct items back = {0};
    bool good = item_from_value(&own, value);
    struct request request = {.method = "echo", .arguments = &own, .num_arguments = 1};
    struct outcome outcome = grid_call(client, &request, &back);
    good = good && outcome.status == GRPC_STATUS_OK && back.count == 1;
    if (good) write_value(out, &back.items[0]);
    if (!good) fprintf(stderr, "cases: %s\n", outcome.text);
    items_clear(&back);
    outcome_clear(&outcome);
    item_clear(&own);
    return good;
}

static int echo_values(struct client *client, const char *from, const char *to) {
    struct bytes all = file_read(from);
    FILE *out = fopen(to, "wb");
    bool good = out != NULL;
    for (const uint8_t *at = all.data; good && at < all.data + all.size;) {
        size_t size = read_length(&at);
        Chariot__V1__Value *value = chariot__v1__value__unpack(NULL, size, at);
        good = value != NULL && echo_value(client, value, out);
        if (value != NULL) chariot__v1__value__free_unpacked(value, NULL);
        at += size;
    }
    if (out != NULL && fclose(out) != 0) good = false;
    free(all.data);
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    bool echoes = argc == 8 && strcmp(argv[5], "--values") == 0;
    if (argc != 5 && !echoes)
        return fputs("usage: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]\n", stderr), 2;
    struct bytes authority = file_read(argv[2]);
    char *token = file_word(argv[3]);
    struct client client;
    int status = 0;
    grpc_init();
    grid_open(&client, argv[1], (char *)authority.data, token);
    if (echoes)
        status = echo_values(&client, argv[6], argv[7]);
    else
        run_cases(&client, argv + 1, (char *)authority.data);
    grid_close(&client);
    grpc_shutdown();
    free(authority.data);
    free(token);
    return status;
}
