/* unary.c: a client that calls as fast as it may, by gRPC C-core alone: cell.add(1.5) of ObjectService (unary.h).
 *
 *     unary ADDRESS KEY [IN_FLIGHT [CONNECTIONS [MILLISECONDS [PID]]]]
 *
 * IN_FLIGHT (64) calls are under way all the time, over CONNECTIONS (4), for MILLISECONDS (300) after a tenth of that
 * to warm up. Prints "KEY.rate" in thousands of calls a second; with PID, of the server, "KEY.cpu", its processor time
 * of a call in us; with one call in flight "KEY.trip", in us, in place of the rate. Every call must end well and
 * give 1.5. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "rpc/abseil.h"
#include "rpc/grpc_background.h"
#include "test/bench/c/bench.h"
#include "test/bench/c/unary.h"

struct client {
    grpc_completion_queue *cq;
    grpc_channel **channels;
    int num_channels;
    int64_t done;
};

struct call {
    struct client *client;
    grpc_channel *channel;
    void *method;
    grpc_call *call;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
};

static void begin(struct call *call) {
    grpc_slice bytes = grpc_slice_from_static_buffer(unary_request, sizeof unary_request);
    grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    call->request = grpc_raw_byte_buffer_create(&bytes, 1); /* gRPC takes its slices out of it */
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    ops[1].data.send_message.send_message = call->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->status;
    ops[5].data.recv_status_on_client.status_details = &call->details;
    call->call = grpc_channel_create_registered_call(call->channel, NULL, GRPC_PROPAGATE_DEFAULTS, call->client->cq,
                                                     call->method, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_call_error error = grpc_call_start_batch(call->call, ops, 6, call, NULL);
    assert(error == GRPC_CALL_OK);
}

/* The last eight bytes are 1.5, whatever the lengths before. */
static bool is_right(const struct call *call) {
    grpc_byte_buffer_reader reader;
    bool right = false;
    if (call->status != GRPC_STATUS_OK || call->response == NULL) return false;
    if (!grpc_byte_buffer_reader_init(&reader, call->response)) return false;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    size_t size = GRPC_SLICE_LENGTH(slice);
    if (size >= 8) right = memcmp(GRPC_SLICE_END_PTR(slice) - 8, unary_response + 3, 8) == 0;
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    return right;
}

static void end(struct call *call) {
    if (!is_right(call)) {
        char *text = grpc_slice_to_c_string(call->details);
        fprintf(stderr, "unary: a call ended with status %d: %s\n", call->status, text);
        exit(1);
    }
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->details);
    grpc_call_unref(call->call);
    call->client->done++;
}

static void work_until(struct client *client, int64_t end_ns) {
    while (bench_now_ns() < end_ns) {
        grpc_event event = grpc_completion_queue_next(client->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        assert(event.type == GRPC_OP_COMPLETE);
        end(event.tag);
        begin(event.tag);
    }
}

static void client_init(struct client *client, const char *address, int connections) {
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    grpc_arg own = {
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t) "grpc.use_local_subchannel_pool", .value.integer = 1};
    grpc_channel_args args = {.num_args = 1, .args = &own};
    client->cq = grpc_completion_queue_create_for_next(NULL);
    client->channels = calloc((size_t)connections, sizeof(grpc_channel *));
    client->num_channels = connections;
    for (int i = 0; i < connections; i++) client->channels[i] = grpc_channel_create(address, plain, &args);
    grpc_channel_credentials_release(plain);
}

static void start(struct client *client, int in_flight) {
    struct call *calls = calloc((size_t)in_flight, sizeof *calls);
    if (calls == NULL) exit(1);
    for (int i = 0; i < in_flight; i++) {
        calls[i].client = client;
        calls[i].channel = client->channels[i % client->num_channels];
        calls[i].method = grpc_channel_register_call(calls[i].channel, UNARY_PATH, NULL, NULL);
        begin(&calls[i]);
    }
}

static void report(const char *key, const char *what, double value) {
    char whole[100];
    snprintf(whole, sizeof whole, "%s.%s", key, what);
    bench_report(whole, value);
}

static int number(int argc, char **argv, int at, int fallback) {
    return argc > at ? atoi(argv[at]) : fallback;
}

int main(int argc, char **argv) {
    struct client client = {0};
    if (argc < 3) return 2;
    int in_flight = number(argc, argv, 3, 64), ms = number(argc, argv, 5, 300);
    pid_t server = number(argc, argv, 6, 0);
    rpc_abseil_trust_locks();
    grpc_init();
    client_init(&client, argv[1], number(argc, argv, 4, 4));
    start(&client, in_flight);
    work_until(&client, bench_now_ns() + ms * (int64_t)100000);
    int64_t begin_ns = bench_now_ns(), cpu_ns = server > 0 ? bench_cpu_ns(server) : 0, before = client.done;
    work_until(&client, begin_ns + ms * (int64_t)1000000);
    double calls = (double)(client.done - before), took_ns = (double)(bench_now_ns() - begin_ns);
    if (in_flight == 1)
        report(argv[2], "trip", took_ns / calls / 1e3);
    else
        report(argv[2], "rate", calls / took_ns * 1e6);
    if (server > 0) report(argv[2], "cpu", (double)(bench_cpu_ns(server) - cpu_ns) / calls / 1e3);
    return 0;
}
