/* rpc/etcd/call.c: one request and its answer, tried at one member of etcd after the other (client.h).
 *
 *   start -> attempt -> answered -> on_answer
 *              ^           | no answer, no leader: the next member, after a pause
 *              +-- pause <-+
 *
 * A renewal of a lease is a stream in etcd's interface; with one request on it, closed by us, it is a call like others.
 */
#include "rpc/etcd/call.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_status.h"
#include "rpc/proto/etcd/v3/etcd.pb-c.h"

static const double ATTEMPT_S = 1.5; /* so long may a member take */
static const double PAUSE_S = 0.1;   /* before the next is asked */

#define AUTHENTICATE "/etcdserverpb.Auth/Authenticate"

struct etcd_call {
    struct etcd_tag tag;
    struct etcd_client *client;
    struct etcd_call *next, **at;
    const char *method;
    grpc_byte_buffer *request, *sent_request, *response; /* gRPC empties what it sends */
    grpc_call *call;                                     /* NULL: none is under way */
    grpc_metadata_array initial_metadata, trailing_metadata;
    grpc_status_code status;
    grpc_slice status_text;
    size_t endpoint;
    double sent, until;
    ev_timer pause;
    bool has_signed_in; /* for this call: once is enough */
    etcd_on_answer *on_answer;
    void *context;
};

static void attempt(struct etcd_call *call);

/* ---------------------------------------------------------------- life */

static void reset(struct etcd_call *call) {
    if (call->call != NULL) grpc_call_unref(call->call);
    if (call->response != NULL) grpc_byte_buffer_destroy(call->response);
    if (call->sent_request != NULL) grpc_byte_buffer_destroy(call->sent_request);
    grpc_metadata_array_destroy(&call->initial_metadata);
    grpc_metadata_array_destroy(&call->trailing_metadata);
    grpc_slice_unref(call->status_text);
    grpc_metadata_array_init(&call->initial_metadata);
    grpc_metadata_array_init(&call->trailing_metadata);
    call->status_text = grpc_empty_slice();
    call->call = NULL;
    call->response = call->sent_request = NULL;
}

static void call_free(struct etcd_call *call) {
    ev_timer_stop(call->client->events->loop, &call->pause);
    *call->at = call->next;
    if (call->next != NULL) call->next->at = call->at;
    reset(call);
    grpc_metadata_array_destroy(&call->initial_metadata);
    grpc_metadata_array_destroy(&call->trailing_metadata);
    grpc_byte_buffer_destroy(call->request);
    free(call);
}

void etcd_calls_cancel(struct etcd_client *client) {
    for (struct etcd_call *call = client->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->call != NULL)
            grpc_call_cancel(call->call, NULL);
        else
            call_free(call);
    }
}

/* ---------------------------------------------------------------- endings */

static void answer(struct etcd_call *call, int error, const char *text) {
    struct etcd_answer it = {.error = error, .text = text, .sent = call->sent};
    grpc_slice whole = grpc_empty_slice();
    grpc_byte_buffer_reader reader;
    if (error == 0 && grpc_byte_buffer_reader_init(&reader, call->response)) {
        whole = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    it.data = GRPC_SLICE_START_PTR(whole);
    it.size = GRPC_SLICE_LENGTH(whole);
    call->on_answer(call->context, &it);
    grpc_slice_unref(whole);
    call_free(call);
}

/* Another member may do better, or the same one in a moment. */
static bool is_passing(const struct etcd_call *call) {
    switch (call->status) {
    case GRPC_STATUS_UNAVAILABLE:
    case GRPC_STATUS_DEADLINE_EXCEEDED:
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_UNKNOWN:
    case GRPC_STATUS_INTERNAL:
        return true;
    default:
        return false;
    }
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int revents) {
    (void)loop, (void)revents;
    attempt(timer->data);
}

static void try_next(struct etcd_call *call) {
    if (call->status != GRPC_STATUS_OK && etcd_now() + PAUSE_S < call->until) {
        etcd_client_give_up(call->client, call->endpoint);
        reset(call);
        ev_timer_set(&call->pause, PAUSE_S, 0.);
        ev_timer_start(call->client->events->loop, &call->pause);
        return;
    }
    char *text = grpc_slice_to_c_string(call->status_text);
    answer(call, CHARIOT_ETIMEOUT, text);
    gpr_free(text);
}

/* ---------------------------------------------------------------- who we are */

static void on_signed_in(void *context, const struct etcd_answer *it) {
    struct etcd_call *call = context;
    Etcd__V3__AuthenticateResponse *response =
        it->error == 0 ? etcd__v3__authenticate_response__unpack(NULL, it->size, it->data) : NULL;
    if (response == NULL || response->token[0] == '\0') {
        answer(call, CHARIOT_EAUTH, it->error == 0 ? "etcd's answer to the password cannot be read" : it->text);
    } else {
        free(call->client->token);
        call->client->token = strdup(response->token);
        attempt(call);
    }
    etcd__v3__authenticate_response__free_unpacked(response, NULL);
}

static void sign_in(struct etcd_call *call) {
    Etcd__V3__AuthenticateRequest request = ETCD__V3__AUTHENTICATE_REQUEST__INIT;
    request.name = call->client->user;
    request.password = call->client->password;
    call->has_signed_in = true;
    if (etcd_call(call->client, AUTHENTICATE, &request.base, call->until - etcd_now(), on_signed_in, call) != 0)
        answer(call, CHARIOT_ENOMEM, "out of memory");
}

static bool must_sign_in(const struct etcd_call *call) {
    return call->client->user != NULL && !call->has_signed_in && strcmp(call->method, AUTHENTICATE) != 0;
}

/* ---------------------------------------------------------------- one attempt */

static void on_finished(struct etcd_tag *tag, bool ok) {
    struct etcd_call *call = (struct etcd_call *)((char *)tag - offsetof(struct etcd_call, tag));
    (void)ok;
    if (call->client->closing) {
        call_free(call);
    } else if (call->status == GRPC_STATUS_OK && call->response != NULL) {
        answer(call, 0, "");
    } else if (call->status == GRPC_STATUS_UNAUTHENTICATED && must_sign_in(call)) {
        reset(call);
        sign_in(call);
    } else if (call->status == GRPC_STATUS_OK || is_passing(call)) {
        if (call->status == GRPC_STATUS_OK) call->status = GRPC_STATUS_UNAVAILABLE; /* closed without an answer */
        try_next(call);
    } else {
        char *text = grpc_slice_to_c_string(call->status_text);
        answer(call, rpc_error_of_status(call->status), text);
        gpr_free(text);
    }
}

static void start(struct etcd_call *call) {
    grpc_metadata metadata[ETCD_METADATA];
    size_t count = etcd_client_metadata(call->client, metadata);
    call->sent_request = grpc_byte_buffer_copy(call->request);
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .data.send_initial_metadata = {.count = count, .metadata = metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->sent_request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &call->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &call->trailing_metadata,
                                        .status = &call->status,
                                        .status_details = &call->status_text}},
    };
    call->tag.on_done = on_finished;
    grpc_call_error error = grpc_call_start_batch(call->call, ops, 6, &call->tag, NULL);
    assert(error == GRPC_CALL_OK); /* anything else is a wrong use of the API */
    (void)error;
    etcd_metadata_release(metadata, count);
}

static void attempt(struct etcd_call *call) {
    if (call->client->token == NULL && must_sign_in(call)) {
        sign_in(call);
        return;
    }
    call->endpoint = call->client->current;
    call->call = etcd_client_call(call->client, call->method, ATTEMPT_S);
    call->sent = etcd_now();
    start(call);
}

int etcd_call(struct etcd_client *client, const char *method, const ProtobufCMessage *request, double patience_s,
              etcd_on_answer *on_answer, void *context) {
    struct etcd_call *call = calloc(1, sizeof *call);
    if (call == NULL) return CHARIOT_ENOMEM;
    *call = (struct etcd_call){.client = client, .method = method, .on_answer = on_answer, .context = context};
    call->request = etcd_pack(request);
    call->until = etcd_now() + patience_s;
    call->status_text = grpc_empty_slice();
    ev_timer_init(&call->pause, on_pause, 0., 0.);
    call->pause.data = call;
    call->at = &client->calls;
    call->next = client->calls;
    if (call->next != NULL) call->next->at = &call->next;
    client->calls = call;
    attempt(call);
    return 0;
}
