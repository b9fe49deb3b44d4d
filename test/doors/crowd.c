/* crowd.c: many clients of a job's public service, each with a connection and a token of its own, in one process.
 *
 *     crowd ADDRESS CLIENTS PHASE CALLS [RATE]
 *
 * CLIENTS is the service's own file of clients: as many connections as it has lines. Every client calls
 * grid[client % 64].note(client, PHASE) one call at a time, CALLS calls in all; the chare counts the calls of each
 * client in a phase and gives the count, so a call that was lost, done twice or out of order shows in the next answer.
 * RATE: so many calls a second by a clock, which begins when every client has connected and had its first answer (a
 * call that begins late has waited already); without it each client calls again at once.
 *
 * Prints "calls N", "failed N", "wrong N", and of all but each client's first call, in us, "p50", "p99" and "most", and
 * "rate", in calls a second. Status 1: not all was well. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#include "rpc/abseil.h"
#include "rpc/grpc_background.h"

enum { ELEMENTS = 64, LINE = 1024, SHOWN = 5, TIMEOUT_S = 60 };

struct client {
    struct crowd *crowd;
    grpc_channel *channel;
    char bearer[600];
    uint64_t number, done;
    bool busy;
    int64_t owed_ns; /* a call that was due while one was under way; 0: none */
    int64_t begin_ns;
    grpc_call *call;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
};

struct crowd {
    grpc_completion_queue *cq;
    struct client *clients;
    uint64_t num_clients, phase;
    int64_t calls, begun, done, failed, wrong, taken; /* taken: latencies */
    int64_t rate, start_ns, ticks;
    uint32_t *us;
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---------------------------------------------------------------- bytes */

static size_t put_varint(uint8_t *at, uint64_t value) {
    size_t size = 0;
    for (; value > 127; value >>= 7) at[size++] = (uint8_t)(value | 128);
    at[size++] = (uint8_t)value;
    return size;
}

static size_t put_integer(uint8_t *at, uint64_t value) { /* Arguments.positional {integer} */
    uint8_t inner[16] = {0x18};
    size_t size = 1 + put_varint(inner + 1, value << 1);
    at[0] = 0x0a;
    at[1] = (uint8_t)size;
    memcpy(at + 2, inner, size);
    return size + 2;
}

static grpc_byte_buffer *request_of(const struct client *client) {
    static const uint8_t name[] = {0x0a, 9, 0x0a, 4, 'g', 'r', 'i', 'd', 0x1a, 1},
                         method[] = {0x12, 4, 'n', 'o', 't', 'e'};
    uint8_t bytes[100], arguments[40];
    size_t size = sizeof name;
    memcpy(bytes, name, sizeof name);
    bytes[size++] = (uint8_t)(client->number % ELEMENTS);
    memcpy(bytes + size, method, sizeof method);
    size += sizeof method;
    size_t inner = put_integer(arguments, client->number);
    inner += put_integer(arguments + inner, client->crowd->phase);
    bytes[size++] = 0x1a;
    bytes[size++] = (uint8_t)inner;
    memcpy(bytes + size, arguments, inner);
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes, size + inner);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* CallResponse{result{integer}}, whose lengths may be padded. -1: it is none. */
static int64_t read_integer(grpc_byte_buffer *response) {
    grpc_byte_buffer_reader reader;
    int64_t found = -1;
    if (response == NULL || !grpc_byte_buffer_reader_init(&reader, response)) return -1;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    const uint8_t *at = GRPC_SLICE_START_PTR(slice), *end = GRPC_SLICE_END_PTR(slice);
    if (at < end && *at++ == 0x0a) {
        while (at<end && * at++> 127) continue; /* the length */
        uint64_t value = 0;
        unsigned shift = 0;
        if (at < end && *at++ == 0x18) {
            for (; at < end && shift < 64; shift += 7) {
                value |= (uint64_t)(*at & 127) << shift;
                if (*at++ < 128) break;
            }
            found = (int64_t)(value >> 1);
        }
    }
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    return found;
}

/* ---------------------------------------------------------------- calls */

static void begin(struct client *client, int64_t due_ns) {
    grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    grpc_metadata token = {.key = grpc_slice_from_static_string("authorization"),
                           .value = grpc_slice_from_static_string(client->bearer)};
    client->busy = true;
    client->begin_ns = due_ns;
    client->crowd->begun++;
    client->request = request_of(client);
    grpc_metadata_array_init(&client->initial);
    grpc_metadata_array_init(&client->trailing);
    ops[0].data.send_initial_metadata.count = 1;
    ops[0].data.send_initial_metadata.metadata = &token;
    ops[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY;
    ops[0].flags |= GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
    ops[1].data.send_message.send_message = client->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &client->initial;
    ops[4].data.recv_message.recv_message = &client->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &client->trailing;
    ops[5].data.recv_status_on_client.status = &client->status;
    ops[5].data.recv_status_on_client.status_details = &client->details;
    gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(TIMEOUT_S, GPR_TIMESPAN));
    client->call =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->crowd->cq,
                                 grpc_slice_from_static_string("/chariot.v1.ObjectService/Call"), NULL, deadline, NULL);
    grpc_call_error error = grpc_call_start_batch(client->call, ops, 6, client, NULL);
    assert(error == GRPC_CALL_OK);
}

static void judge(struct client *client) {
    struct crowd *crowd = client->crowd;
    int64_t us = (now_ns() - client->begin_ns) / 1000;
    if (client->status != GRPC_STATUS_OK) {
        char *text = grpc_slice_to_c_string(client->details);
        if (crowd->failed++ < SHOWN)
            fprintf(stderr, "client %lu: status %d: %s\n", client->number, client->status, text);
        gpr_free(text);
        return;
    }
    int64_t said = read_integer(client->response), wanted = (int64_t)client->done + 1;
    if (said != wanted && crowd->wrong++ < SHOWN)
        fprintf(stderr, "client %lu: the chare says %ld calls, not %ld\n", client->number, said, wanted);
    if (client->done++ > 0) crowd->us[crowd->taken++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void end(struct client *client) {
    judge(client);
    grpc_byte_buffer_destroy(client->request);
    if (client->response != NULL) grpc_byte_buffer_destroy(client->response);
    client->response = NULL;
    grpc_metadata_array_destroy(&client->initial);
    grpc_metadata_array_destroy(&client->trailing);
    grpc_slice_unref(client->details);
    grpc_call_unref(client->call);
    client->busy = false;
    client->crowd->done++;
}

/* ---------------------------------------------------------------- when */

static int64_t due_ns(const struct crowd *crowd) {
    return crowd->start_ns + (int64_t)((double)crowd->ticks * 1e9 / (double)crowd->rate);
}

/* By the clock: what is due by now, one client after the other. */
static void begin_due(struct crowd *crowd) {
    for (int64_t now = now_ns(); crowd->begun < crowd->calls && due_ns(crowd) <= now; crowd->ticks++) {
        struct client *client = &crowd->clients[(uint64_t)crowd->ticks % crowd->num_clients];
        if (!client->busy)
            begin(client, due_ns(crowd));
        else if (client->owed_ns == 0)
            client->owed_ns = due_ns(crowd);
    }
}

static bool has_clock(const struct crowd *crowd) {
    return crowd->rate > 0 && crowd->start_ns != 0;
}

static void go_on(struct client *client) {
    struct crowd *crowd = client->crowd;
    int64_t owed_ns = client->owed_ns;
    client->owed_ns = 0;
    if (crowd->begun >= crowd->calls) return;
    if (crowd->rate == 0)
        begin(client, now_ns());
    else if (owed_ns != 0)
        begin(client, owed_ns);
}

static gpr_timespec wait_until(const struct crowd *crowd) {
    if (!has_clock(crowd) || crowd->begun >= crowd->calls) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    int64_t in_ns = due_ns(crowd) - now_ns();
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(in_ns > 0 ? in_ns : 0, GPR_TIMESPAN));
}

static void work(struct crowd *crowd) {
    for (uint64_t i = 0; i < crowd->num_clients && crowd->begun < crowd->calls; i++)
        begin(&crowd->clients[i], now_ns());
    while (crowd->done < crowd->calls) {
        grpc_event event = grpc_completion_queue_next(crowd->cq, wait_until(crowd), NULL);
        if (event.type == GRPC_OP_COMPLETE) {
            end(event.tag);
            go_on(event.tag);
        }
        if (crowd->start_ns == 0 && crowd->done >= (int64_t)crowd->num_clients) crowd->start_ns = now_ns();
        if (has_clock(crowd)) begin_due(crowd);
    }
}

/* ---------------------------------------------------------------- who */

static void add_client(struct crowd *crowd, const char *address, const char *token) {
    static const char own_key[] = "grpc.use_local_subchannel_pool";
    grpc_arg own = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)own_key, .value.integer = 1};
    grpc_channel_args args = {.num_args = 1, .args = &own};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    crowd->clients = realloc(crowd->clients, (crowd->num_clients + 1) * sizeof *crowd->clients);
    if (crowd->clients == NULL) exit(1);
    struct client *client = &crowd->clients[crowd->num_clients];
    *client = (struct client){.crowd = crowd, .number = crowd->num_clients++};
    client->channel = grpc_channel_create(address, plain, &args);
    snprintf(client->bearer, sizeof client->bearer, "Bearer %.500s", token);
    grpc_channel_credentials_release(plain);
}

static void read_clients(struct crowd *crowd, const char *address, const char *path) {
    char line[LINE], name[LINE], token[LINE];
    FILE *file = fopen(path, "re");
    if (file == NULL) exit(1);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%s %500s", name, token) == 2 && strncmp(name, "crowd", 5) == 0)
            add_client(crowd, address, token);
    }
    fclose(file);
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct crowd *crowd) {
    int64_t count = crowd->taken;
    qsort(crowd->us, (size_t)count, sizeof *crowd->us, by_size);
    printf("calls %ld\nfailed %ld\nwrong %ld\n", crowd->done, crowd->failed, crowd->wrong);
    if (count > 0)
        printf("p50 %u\np99 %u\nmost %u\n", crowd->us[count / 2], crowd->us[count * 99 / 100], crowd->us[count - 1]);
    printf("rate %.0f\n", (double)count * 1e9 / (double)(now_ns() - crowd->start_ns));
}

int main(int argc, char **argv) {
    struct crowd crowd = {0};
    struct rlimit files;
    if (argc < 5) return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    rpc_abseil_trust_locks();
    grpc_init();
    crowd.cq = grpc_completion_queue_create_for_next(NULL);
    crowd.phase = strtoul(argv[3], NULL, 10);
    crowd.calls = strtol(argv[4], NULL, 10);
    crowd.rate = argc > 5 ? strtol(argv[5], NULL, 10) : 0;
    crowd.us = calloc((size_t)crowd.calls + 1, sizeof *crowd.us);
    read_clients(&crowd, argv[1], argv[2]);
    if (crowd.us == NULL || crowd.num_clients == 0) return 2;
    work(&crowd);
    report(&crowd);
    return crowd.failed > 0 || crowd.wrong > 0;
}
