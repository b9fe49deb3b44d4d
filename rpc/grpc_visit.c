/* rpc/grpc_visit.c: the life of one call of a client (grpc_visit.h).
 *
 *   read -> on_request -> the owner's: messages out, one at a time; the end goes with the last of them -> all
 * operations done: freed. The close operation tells when a client has gone; a call whose status was sent ends by
 * itself. */
#include "rpc/grpc_visit.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_refuse.h"
#include "rpc/msg.h"

enum { ROOM_BYTES = 64 << 10, MESSAGE_BYTES = 256 }; /* that may wait; what one weighs beside its own */

#define VISIT_OF(tag, member) ((struct rpc_visit *)(void *)((char *)(tag)-offsetof(struct rpc_visit, member)))

/* ---------------------------------------------------------------- operations */

static void start(struct rpc_visit *visit, const grpc_op *ops, size_t count, struct rpc_tag *tag,
                  void (*on_done)(struct rpc_tag *tag, bool ok)) {
    grpc_call_error error =
        grpc_call_start_batch(visit->call, ops, count, rpc_tag_start(tag, &visit->operations, on_done), NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void free_answers(struct rpc_visit *visit) {
    while (visit->first != NULL) {
        struct rpc_answer *answer = visit->first;
        visit->first = answer->next;
        rpc_loan_back(answer->loan);
        free(answer);
    }
    visit->last = &visit->first;
}

/* Nothing of it is with gRPC any more, and nobody waits for it. */
static void leave_if_done(struct rpc_visit *visit) {
    if (visit->operations > 0 || visit->with_owner) return;
    struct rpc_service *service = visit->service;
    *visit->at = visit->next;
    if (visit->next != NULL) visit->next->at = visit->at;
    visit->tally->calls--;
    free_answers(visit);
    if (visit->request != NULL) grpc_byte_buffer_destroy(visit->request);
    if (visit->response != NULL) grpc_byte_buffer_destroy(visit->response);
    grpc_slice_unref(visit->text);
    grpc_slice_unref(visit->details);
    grpc_call_unref(visit->call);
    free(visit);
    service->outstanding--;
}

/* ---------------------------------------------------------------- what goes out */

static void on_written(struct rpc_tag *tag, bool ok);

static grpc_byte_buffer *buffer_of(struct rpc_answer *answer) {
    const struct chariot_msg *msg = answer->loan->msg;
    grpc_slice slice = rpc_loan_slice(answer->loan, rpc_msg_payload(msg), msg->size);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static size_t bytes_of(const struct rpc_answer *answer) {
    return answer->loan->msg->size + MESSAGE_BYTES;
}

static struct rpc_answer *pop_answer(struct rpc_visit *visit) {
    struct rpc_answer *answer = visit->first;
    if (answer == NULL) return NULL;
    visit->first = answer->next;
    if (visit->first == NULL) visit->last = &visit->first;
    return answer;
}

/* The next message, and the end where it is the last: one batch. */
static void write_on(struct rpc_visit *visit) {
    static const char details_key[] = "grpc-status-details-bin";
    grpc_op ops[3];
    size_t count = 0;
    if (visit->writing || visit->closed || (visit->first == NULL && !visit->finishing)) return;
    memset(ops, 0, sizeof ops);
    if (!visit->greeted) ops[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    visit->greeted = true;
    struct rpc_answer *answer = pop_answer(visit);
    if (answer != NULL) {
        visit->response = buffer_of(answer);
        visit->writing_bytes = bytes_of(answer);
        free(answer);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        if (visit->first != NULL) ops[count].flags = GRPC_WRITE_BUFFER_HINT; /* more follow at once */
        ops[count++].data.send_message.send_message = visit->response;
    }
    grpc_metadata trailer = {.key = grpc_slice_from_static_string(details_key), .value = visit->details};
    if (visit->finishing && visit->first == NULL) {
        visit->finishing = false;
        ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[count].data.send_status_from_server.status = visit->status;
        ops[count].data.send_status_from_server.status_details = &visit->text;
        ops[count].data.send_status_from_server.trailing_metadata_count = GRPC_SLICE_LENGTH(visit->details) > 0;
        ops[count++].data.send_status_from_server.trailing_metadata = &trailer;
    }
    visit->writing = true;
    start(visit, ops, count, &visit->write_tag, on_written);
}

static void tell_room(struct rpc_visit *visit) {
    const struct rpc_service_config *config = &visit->service->config;
    if (!visit->crowded || !visit->with_owner || visit->waiting_bytes >= ROOM_BYTES) return;
    visit->crowded = false;
    visit->operations++; /* the owner may finish it */
    config->ops->on_room(config->owner, visit);
    visit->operations--;
}

static void on_written(struct rpc_tag *tag, bool ok) {
    struct rpc_visit *visit = VISIT_OF(tag, write_tag);
    (void)ok; /* the close operation tells */
    visit->writing = false;
    if (visit->response != NULL) grpc_byte_buffer_destroy(visit->response);
    visit->response = NULL;
    visit->waiting_bytes -= visit->writing_bytes;
    visit->writing_bytes = 0;
    write_on(visit);
    tell_room(visit);
    leave_if_done(visit);
}

static void queue_take(struct rpc_visit *visit, struct chariot_msg *message) {
    struct rpc_answer *answer = visit->closed ? NULL : calloc(1, sizeof *answer);
    if (answer != NULL) answer->loan = rpc_loan_new(visit->service->hub, message);
    rpc_msg_unref(message);
    if (answer == NULL || answer->loan == NULL) {
        free(answer);
        if (!visit->closed) grpc_call_cancel(visit->call, NULL); /* no memory: the close operation tells the owner */
        return;
    }
    *visit->last = answer;
    visit->last = &answer->next;
    visit->waiting_bytes += bytes_of(answer);
}

void rpc_visit_put_take(struct rpc_visit *visit, struct chariot_msg *message) {
    queue_take(visit, message);
    write_on(visit);
}

bool rpc_visit_has_room(struct rpc_visit *visit) {
    visit->crowded = visit->waiting_bytes >= ROOM_BYTES;
    return !visit->crowded;
}

void rpc_visit_finish_take(struct rpc_visit *visit, struct chariot_msg *body, uint32_t status, const char *text,
                           struct chariot_msg *details) {
    assert(visit->with_owner);
    visit->with_owner = false;
    if (body != NULL) queue_take(visit, body);
    visit->status = (grpc_status_code)status;
    visit->text = grpc_slice_from_copied_string(text);
    if (details != NULL)
        visit->details = grpc_slice_from_copied_buffer((const char *)rpc_msg_payload(details), details->size);
    rpc_msg_unref(details);
    visit->finishing = true;
    write_on(visit);
    leave_if_done(visit);
}

/* ---------------------------------------------------------------- what comes in */

/* The bytes of a request: where they lie in one slice they are read there. */
static void hand_over(struct rpc_visit *visit, grpc_byte_buffer *request) {
    const struct rpc_service_config *config = &visit->service->config;
    grpc_byte_buffer_reader reader;
    grpc_slice whole;
    if (!grpc_byte_buffer_reader_init(&reader, request)) {
        config->ops->on_request(config->owner, visit, visit->method, "", 0);
        return;
    }
    grpc_slice *first = NULL;
    bool one =
        grpc_byte_buffer_reader_peek(&reader, &first) && GRPC_SLICE_LENGTH(*first) == grpc_byte_buffer_length(request);
    if (one) {
        config->ops->on_request(config->owner, visit, visit->method, GRPC_SLICE_START_PTR(*first),
                                GRPC_SLICE_LENGTH(*first));
    } else {
        grpc_byte_buffer_reader_destroy(&reader);
        (void)grpc_byte_buffer_reader_init(&reader, request);
        whole = grpc_byte_buffer_reader_readall(&reader);
        config->ops->on_request(config->owner, visit, visit->method, GRPC_SLICE_START_PTR(whole),
                                GRPC_SLICE_LENGTH(whole));
        grpc_slice_unref(whole);
    }
    grpc_byte_buffer_reader_destroy(&reader);
}

static void on_read(struct rpc_tag *tag, bool ok) {
    struct rpc_visit *visit = VISIT_OF(tag, read_tag);
    const struct rpc_service_config *config = &visit->service->config;
    bool streams = config->methods[visit->method].streams;
    grpc_byte_buffer *request = visit->request;
    bool first = !visit->met;
    if (visit->closed || (visit->met && !visit->with_owner)) {
        leave_if_done(visit); /* its client has gone meanwhile, or it was finished */
        return;
    }
    visit->met = true;
    if (first) visit->with_owner = true;
    if (ok && request != NULL) {
        visit->operations++;   /* the owner may finish it */
        visit->request = NULL; /* which may want the next one */
        hand_over(visit, request);
        grpc_byte_buffer_destroy(request);
        visit->operations--;
        leave_if_done(visit);
    } else if (streams) {
        config->ops->on_request(config->owner, visit, visit->method, NULL, 0);
    } else {
        rpc_visit_finish_take(visit, NULL, GRPC_STATUS_INVALID_ARGUMENT, "the call has no request", NULL);
    }
}

void rpc_visit_more(struct rpc_visit *visit) {
    if (visit->closed) return;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &visit->request};
    start(visit, &op, 1, &visit->read_tag, on_read);
}

/* ---------------------------------------------------------------- the end */

static void on_close(struct rpc_tag *tag, bool ok) {
    struct rpc_visit *visit = VISIT_OF(tag, close_tag);
    const struct rpc_service_config *config = &visit->service->config;
    (void)ok;
    visit->closed = true;
    bool tell = visit->with_owner;
    visit->with_owner = false;
    if (tell) config->ops->on_cancel(config->owner, visit);
    leave_if_done(visit);
}

void rpc_visit_abandon(struct rpc_visit *visit) {
    grpc_call_cancel_with_status(visit->call, GRPC_STATUS_UNAVAILABLE, "the service closes", NULL);
}

/* ---------------------------------------------------------------- the beginning */

static struct rpc_visit *visit_new(struct rpc_service *service, grpc_call *call) {
    struct rpc_visit *visit = calloc(1, sizeof *visit);
    if (visit == NULL) return NULL;
    visit->service = service;
    visit->call = call;
    visit->last = &visit->first;
    visit->text = grpc_empty_slice();
    visit->details = grpc_empty_slice();
    visit->next = service->visits;
    visit->at = &service->visits;
    if (visit->next != NULL) visit->next->at = &visit->next;
    service->visits = visit;
    service->outstanding++;
    return visit;
}

void rpc_visit_begin_take(struct rpc_service *service, grpc_call *call, uint32_t method,
                          const struct rpc_client *client, struct rpc_tally *tally) {
    struct rpc_visit *visit = visit_new(service, call);
    if (visit == NULL) {
        rpc_refuse_take(call, &service->outstanding, GRPC_STATUS_RESOURCE_EXHAUSTED, "the service is out of memory");
        return;
    }
    visit->method = method;
    visit->client = client;
    visit->tally = tally;
    tally->calls++;
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &visit->cancelled};
    start(visit, &close, 1, &visit->close_tag, on_close);
    rpc_visit_more(visit);
}

void rpc_visit_set(struct rpc_visit *visit, void *own) {
    visit->own = own;
}

void *rpc_visit_get(const struct rpc_visit *visit) {
    return visit->own;
}

bool rpc_visit_may(const struct rpc_visit *visit, const char *object, const char *method) {
    return visit->client == NULL || rpc_client_may(visit->client, object, method);
}
