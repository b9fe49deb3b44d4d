/* tour ADDRESS CA_FILE TOKEN_FILE: a walk through what a client can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "files.h"

static void call(struct client *client) {
    struct item amount = item_real(1.5);
    struct request request = {.index = {1, 2}, .method = "add", .arguments = &amount, .num_arguments = 1};
    struct items result = {0};
    struct outcome outcome = grid_call(client, &request, &result);
    if (outcome.status == GRPC_STATUS_OK) printf("call: %g\n", result.items[0].real);
    items_clear(&result);
    outcome_clear(&outcome);
}

static void broadcast(struct client *client) {
    struct request request = {.method = "get"};
    struct items results = {0};
    struct outcome outcome = grid_broadcast(client, &request, &results);
    printf("broadcast: %zu results\n", results.count);
    items_clear(&results);
    outcome_clear(&outcome);
}

static void stream(struct client *client) {
    struct item values[] = {item_real(1), item_real(2.5), item_text("three")};
    struct request request = {.index = {0, 1}, .method = "chat"};
    struct items received = {0};
    struct outcome outcome = grid_stream(client, &request, values, 3, &received);
    printf("stream: %zu values\n", received.count);
    items_clear(&received);
    outcome_clear(&outcome);
    item_clear(&values[2]);
}

static void array(struct client *client) {
    double last = 0, elements[] = {0, 1, 2, 3, 4, 5};
    struct item arguments[] = {item_doubles(2, (int64_t[]){2, 3}, elements), item_real(10)};
    struct request request = {.index = {3, 3}, .method = "scaled", .arguments = arguments, .num_arguments = 2};
    struct items result = {0};
    struct outcome outcome = grid_call(client, &request, &result);
    if (outcome.status == GRPC_STATUS_OK) memcpy(&last, result.items[0].array.data.data + 5 * sizeof last, sizeof last);
    printf("array: the last element is %g\n", last);
    items_clear(&result);
    outcome_clear(&outcome);
    item_clear(&arguments[0]);
}

static void error(struct client *client) {
    struct item text = item_text("no such luck");
    struct request request = {.method = "fail", .arguments = &text, .num_arguments = 1};
    struct items result = {0};
    struct outcome outcome = grid_call(client, &request, &result);
    if (outcome.failure.type != NULL) printf("error: %s: %s\n", outcome.failure.type, outcome.failure.message);
    items_clear(&result);
    outcome_clear(&outcome);
    item_clear(&text);
}

static void deadline(struct client *client) {
    struct item seconds = item_real(10);
    struct request request = {.method = "slow", .arguments = &seconds, .num_arguments = 1, .timeout_ms = 300};
    struct items result = {0};
    struct outcome outcome = grid_call(client, &request, &result);
    printf("deadline: %s\n", outcome.status == GRPC_STATUS_DEADLINE_EXCEEDED ? "over" : outcome.text);
    items_clear(&result);
    outcome_clear(&outcome);
}

int main(int argc, char **argv) {
    if (argc != 4) return fputs("usage: tour ADDRESS CA_FILE TOKEN_FILE\n", stderr), 2;
    struct bytes authority = file_read(argv[2]);
    char *token = file_word(argv[3]);
    struct client client;
    grpc_init();
    grid_open(&client, argv[1], (char *)authority.data, token);
    call(&client);
    broadcast(&client);
    stream(&client);
    array(&client);
    error(&client);
    deadline(&client);
    grid_close(&client);
    grpc_shutdown();
    free(authority.data);
    free(token);
    return 0;
}
