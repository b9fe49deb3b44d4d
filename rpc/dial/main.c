/* rpc/dial/main.c: the program chariot-dial: makes one gRPC call for a command that links no gRPC (deploy/service.h).
 *
 * Standard input, a socket pair's end, brings what to call (chariot/v1/dial.proto); responses and the end of the call
 * go back the same way. A response is read when the one before it has been taken, so a slow reader slows the service
 * down. The program dies with whoever started it, and the service sees its client go. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/framed.h"
#include "rpc/proto/chariot/v1/dial.pb-c.h"

enum { STATUS_USAGE = 2, STATUS_OS = 71, INITIAL_BACKOFF_MS = 100 };

struct call {
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata token;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice text;
};

static _Noreturn void die(const char *why) {
    fprintf(stderr, "chariot-dial: %s\n", why);
    exit(STATUS_OS);
}

/* ---------------------------------------------------------------- the stream to whoever started us */

static Chariot__V1__Dial *read_dial(void) {
    uint8_t *data;
    size_t size;
    if (rpc_framed_read(STDIN_FILENO, -1, UINT32_MAX, &data, &size) != 0) return NULL;
    Chariot__V1__Dial *dial = chariot__v1__dial__unpack(NULL, size, data);
    explicit_bzero(data, size); /* keys and tokens */
    free(data);
    return dial;
}

/* Who does not hear us any more has no use for us either. */
static void say(const Chariot__V1__Heard *heard) {
    size_t size = chariot__v1__heard__get_packed_size(heard);
    uint8_t *data = malloc(size);
    if (data == NULL) die("a response is too large");
    chariot__v1__heard__pack(heard, data);
    int error = rpc_framed_write(STDOUT_FILENO, data, size);
    if (error == CHARIOT_ETOOBIG) die("a response is too large");
    if (error != 0) exit(STATUS_OS);
    free(data);
}

static void say_response(grpc_byte_buffer *buffer) {
    Chariot__V1__Heard heard = CHARIOT__V1__HEARD__INIT;
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) die("a response cannot be read");
    grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    heard.what_case = CHARIOT__V1__HEARD__WHAT_RESPONSE;
    heard.response = (ProtobufCBinaryData){.len = GRPC_SLICE_LENGTH(whole), .data = GRPC_SLICE_START_PTR(whole)};
    say(&heard);
    grpc_slice_unref(whole);
}

static grpc_slice details_of(const struct call *call) {
    for (size_t i = 0; i < call->trailing.count; i++) {
        if (grpc_slice_str_cmp(call->trailing.metadata[i].key, "grpc-status-details-bin") == 0)
            return call->trailing.metadata[i].value;
    }
    return grpc_empty_slice();
}

static void say_end(const struct call *call) {
    Chariot__V1__DialEnd end = CHARIOT__V1__DIAL_END__INIT;
    Chariot__V1__Heard heard = CHARIOT__V1__HEARD__INIT;
    grpc_slice details = details_of(call);
    end.status = (uint32_t)call->status;
    end.text = grpc_slice_to_c_string(call->text);
    end.details = (ProtobufCBinaryData){.len = GRPC_SLICE_LENGTH(details), .data = GRPC_SLICE_START_PTR(details)};
    heard.what_case = CHARIOT__V1__HEARD__WHAT_END;
    heard.end = &end;
    say(&heard);
}

/* ---------------------------------------------------------------- the call */

static grpc_channel_credentials *credentials_of(const Chariot__V1__Dial *dial) {
    grpc_ssl_pem_key_cert_pair own = {.private_key = dial->key, .cert_chain = dial->certificate};
    if (!dial->tls) return grpc_insecure_credentials_create();
    return grpc_ssl_credentials_create(dial->authority[0] != '\0' ? dial->authority : NULL,
                                       dial->certificate[0] != '\0' ? &own : NULL, NULL, NULL);
}

static grpc_channel *channel_to(const Chariot__V1__Dial *dial) {
    grpc_arg args[4] = {{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
                        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0},
                        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS},
                        {.type = GRPC_ARG_STRING, .key = GRPC_SSL_TARGET_NAME_OVERRIDE_ARG}};
    args[2].value.integer = INITIAL_BACKOFF_MS;
    args[3].value.string = dial->server_name;
    const grpc_channel_args all = {.num_args = dial->server_name[0] != '\0' ? 4 : 3, .args = args};
    grpc_channel_credentials *credentials = credentials_of(dial);
    if (credentials == NULL) return NULL;
    grpc_channel *channel = grpc_channel_create(dial->address, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return channel;
}

/* Starts a batch, and waits for it where asked to. */
static void start(struct call *call, const grpc_op *ops, size_t count, void *tag) {
    if (grpc_call_start_batch(call->call, ops, count, tag, NULL) != GRPC_CALL_OK) die("gRPC refuses the call");
}

static void begin(struct call *call, const Chariot__V1__Dial *dial) {
    grpc_slice request = grpc_slice_from_copied_buffer((const char *)dial->request.data, dial->request.len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&request, 1);
    char bearer[1024];
    grpc_slice_unref(request);
    snprintf(bearer, sizeof bearer, "Bearer %s", dial->token);
    call->token = (grpc_metadata){.key = grpc_slice_from_static_string("authorization"),
                                  .value = grpc_slice_from_copied_string(bearer)};
    explicit_bzero(bearer, sizeof bearer);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer},
                      {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
                      {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    ops[0].data.send_initial_metadata.count = dial->token[0] != '\0';
    ops[0].data.send_initial_metadata.metadata = &call->token;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    start(call, ops, 4, call);
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &call->trailing;
    status.data.recv_status_on_client.status = &call->status;
    status.data.recv_status_on_client.status_details = &call->text;
    start(call, &status, 1, &call->status);
}

/* Until the operation of that tag has ended; the others that end meanwhile need no more. */
static void wait_for(struct call *call, const void *tag, bool *status_came) {
    for (const void *came = NULL; came != tag;) {
        grpc_event event = grpc_completion_queue_next(call->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        came = event.tag;
        if (came == &call->status) *status_came = true;
    }
}

static void run(struct call *call, const Chariot__V1__Dial *dial) {
    bool status_came = false;
    begin(call, dial);
    for (grpc_byte_buffer *response = NULL;; response = NULL) {
        grpc_op read = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &response};
        start(call, &read, 1, &response);
        wait_for(call, &response, &status_came);
        if (response == NULL) break;
        say_response(response);
        grpc_byte_buffer_destroy(response);
    }
    if (!status_came) wait_for(call, &call->status, &status_came);
    say_end(call);
}

static void dial_now(const Chariot__V1__Dial *dial) {
    struct call call = {.queue = grpc_completion_queue_create_for_next(NULL)};
    grpc_channel *channel = channel_to(dial);
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (channel == NULL) die("no channel to be had");
    if (dial->timeout_ms > 0)
        deadline =
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis((int64_t)dial->timeout_ms, GPR_TIMESPAN));
    call.call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, call.queue,
                                         grpc_slice_from_copied_string(dial->method), NULL, deadline, NULL);
    grpc_metadata_array_init(&call.initial);
    grpc_metadata_array_init(&call.trailing);
    run(&call, dial);
}

static bool is_called_by_us(void) {
    struct stat about;
    return fstat(STDIN_FILENO, &about) == 0 && S_ISSOCK(about.st_mode);
}

/* What gRPC has is the kernel's to clean up: the process ends with the call. */
int main(void) {
    if (!is_called_by_us()) {
        fputs("chariot-dial: 'chariot call', 'ls' and 'top' start it; nobody else need\n", stderr);
        return STATUS_USAGE;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* gone by now already: nobody says what to call */
    Chariot__V1__Dial *dial = read_dial();
    if (dial == NULL) return STATUS_USAGE;
    grpc_init();
    dial_now(dial);
    _exit(0);
}
