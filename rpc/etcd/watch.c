/* rpc/etcd/watch.c: see watch.h. */
#include "rpc/etcd/watch.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

static const double PAUSE_S = 0.1;
static const double FOR_EVER_S = 1e9; /* whoever holds a lease gives up long before */

struct etcd_watch {
    struct etcd_tag start_tag, read_tag, finish_tag;
    struct etcd_client *client;
    const struct etcd_watch_handler *handler;
    const char *prefix;
    char *end;
    grpc_call *call; /* NULL: it lists, or pauses */
    size_t endpoint;
    unsigned outstanding; /* operations of the call */
    int64_t revision;     /* changes up to here have been told */
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial_metadata, trailing_metadata;
    grpc_status_code status;
    grpc_slice status_text;
    ev_timer pause;
    bool closing;
};

static void list(struct etcd_watch *watch);
static void read_on(struct etcd_watch *watch);

char *etcd_prefix_end(const char *prefix) {
    char *end = strdup(prefix);
    if (end != NULL) end[strlen(end) - 1]++;
    return end;
}

/* ---------------------------------------------------------------- life */

static void reset(struct etcd_watch *watch) {
    if (watch->call != NULL) grpc_call_unref(watch->call);
    watch->call = NULL;
    grpc_metadata_array_destroy(&watch->initial_metadata);
    grpc_metadata_array_destroy(&watch->trailing_metadata);
    grpc_slice_unref(watch->status_text);
    watch->status_text = grpc_empty_slice();
}

static void watch_free(struct etcd_watch *watch) {
    ev_timer_stop(watch->client->events->loop, &watch->pause);
    watch->client->watch = NULL;
    free(watch->end);
    free(watch);
}

void etcd_watch_move(struct etcd_watch *watch) {
    if (watch->call != NULL) grpc_call_cancel(watch->call, NULL);
}

void etcd_watch_close(struct etcd_watch *watch) {
    watch->closing = true;
    if (watch->call != NULL)
        grpc_call_cancel(watch->call, NULL);
    else
        watch_free(watch);
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int revents) {
    (void)loop, (void)revents;
    list(timer->data);
}

/* Last in every completion. The call is over when all its operations are. */
static void done(struct etcd_watch *watch) {
    if (--watch->outstanding > 0) return;
    reset(watch);
    if (watch->closing) {
        watch_free(watch);
        return;
    }
    etcd_client_give_up(watch->client, watch->endpoint);
    ev_timer_set(&watch->pause, PAUSE_S, 0.);
    ev_timer_start(watch->client->events->loop, &watch->pause);
}

/* ---------------------------------------------------------------- changes */

/* False: the stream is of no more use. */
static bool tell(struct etcd_watch *watch, const Etcd__V3__WatchResponse *response) {
    if (response->canceled) return false;
    for (size_t i = 0; i < response->n_events; i++) {
        const Etcd__V3__Event *event = response->events[i];
        if (event->kv == NULL) return false;
        watch->handler->on_event(watch->handler->context, event);
    }
    return true;
}

static bool take_response(struct etcd_watch *watch) {
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, watch->response)) return false;
    grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    Etcd__V3__WatchResponse *response =
        etcd__v3__watch_response__unpack(NULL, GRPC_SLICE_LENGTH(whole), GRPC_SLICE_START_PTR(whole));
    grpc_slice_unref(whole);
    bool usable = response != NULL && tell(watch, response);
    etcd__v3__watch_response__free_unpacked(response, NULL);
    return usable;
}

static void on_read(struct etcd_tag *tag, bool ok) {
    struct etcd_watch *watch = (struct etcd_watch *)((char *)tag - offsetof(struct etcd_watch, read_tag));
    (void)ok;
    bool more = watch->response != NULL && !watch->closing;
    if (more && !take_response(watch)) {
        grpc_call_cancel(watch->call, NULL);
        more = false;
    }
    if (watch->response != NULL) grpc_byte_buffer_destroy(watch->response);
    watch->response = NULL;
    if (more) read_on(watch);
    done(watch);
}

static void on_started(struct etcd_tag *tag, bool ok) {
    struct etcd_watch *watch = (struct etcd_watch *)((char *)tag - offsetof(struct etcd_watch, start_tag));
    (void)ok;
    grpc_byte_buffer_destroy(watch->request);
    watch->request = NULL;
    done(watch);
}

static void on_finished(struct etcd_tag *tag, bool ok) {
    (void)ok;
    done((struct etcd_watch *)((char *)tag - offsetof(struct etcd_watch, finish_tag)));
}

/* ---------------------------------------------------------------- the stream */

static void start(struct etcd_watch *watch, const grpc_op *ops, size_t count, struct etcd_tag *tag,
                  void (*on_done)(struct etcd_tag *tag, bool ok)) {
    tag->on_done = on_done;
    watch->outstanding++;
    grpc_call_error error = grpc_call_start_batch(watch->call, ops, count, tag, NULL);
    assert(error == GRPC_CALL_OK); /* anything else is a wrong use of the API */
    (void)error;
}

static void read_on(struct etcd_watch *watch) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &watch->response};
    start(watch, &op, 1, &watch->read_tag, on_read);
}

static grpc_byte_buffer *pack_request(const struct etcd_watch *watch) {
    Etcd__V3__WatchCreateRequest create = ETCD__V3__WATCH_CREATE_REQUEST__INIT;
    Etcd__V3__WatchRequest request = ETCD__V3__WATCH_REQUEST__INIT;
    create.key = (ProtobufCBinaryData){strlen(watch->prefix), (uint8_t *)(uintptr_t)watch->prefix};
    create.range_end = (ProtobufCBinaryData){strlen(watch->end), (uint8_t *)watch->end};
    create.start_revision = watch->revision + 1;
    request.request_union_case = ETCD__V3__WATCH_REQUEST__REQUEST_UNION_CREATE_REQUEST;
    request.create_request = &create;
    return etcd_pack(&request.base);
}

static void stream(struct etcd_watch *watch) {
    grpc_metadata metadata[ETCD_METADATA];
    size_t count = etcd_client_metadata(watch->client, metadata);
    watch->request = pack_request(watch);
    grpc_op begin[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .data.send_initial_metadata = {.count = count, .metadata = metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = watch->request},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &watch->initial_metadata},
    };
    grpc_op finish = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                      .data.recv_status_on_client = {.trailing_metadata = &watch->trailing_metadata,
                                                     .status = &watch->status,
                                                     .status_details = &watch->status_text}};
    watch->endpoint = watch->client->current;
    watch->call = etcd_client_call(watch->client, "/etcdserverpb.Watch/Watch", 0);
    grpc_metadata_array_init(&watch->initial_metadata);
    grpc_metadata_array_init(&watch->trailing_metadata);
    start(watch, begin, 3, &watch->start_tag, on_started);
    start(watch, &finish, 1, &watch->finish_tag, on_finished);
    read_on(watch);
    etcd_metadata_release(metadata, count);
}

/* ---------------------------------------------------------------- the list */

static void on_listed(void *context, const struct etcd_answer *answer) {
    struct etcd_watch *watch = context;
    Etcd__V3__RangeResponse *list =
        answer->error == 0 ? etcd__v3__range_response__unpack(NULL, answer->size, answer->data) : NULL;
    if (list == NULL || list->header == NULL) {
        watch->handler->on_refused(watch->handler->context,
                                   answer->error == 0 ? "its answer cannot be read" : answer->text);
    } else {
        watch->revision = list->header->revision;
        watch->handler->on_list(watch->handler->context, list);
        stream(watch);
    }
    etcd__v3__range_response__free_unpacked(list, NULL);
}

static void list(struct etcd_watch *watch) {
    Etcd__V3__RangeRequest request = ETCD__V3__RANGE_REQUEST__INIT;
    request.key = (ProtobufCBinaryData){strlen(watch->prefix), (uint8_t *)(uintptr_t)watch->prefix};
    request.range_end = (ProtobufCBinaryData){strlen(watch->end), (uint8_t *)watch->end};
    if (etcd_call(watch->client, "/etcdserverpb.KV/Range", &request.base, FOR_EVER_S, on_listed, watch) != 0)
        watch->handler->on_refused(watch->handler->context, "out of memory");
}

int etcd_watch_open(struct etcd_client *client, const char *prefix, const struct etcd_watch_handler *handler) {
    struct etcd_watch *watch = calloc(1, sizeof *watch);
    char *end = etcd_prefix_end(prefix);
    if (watch == NULL || end == NULL) {
        free(watch);
        free(end);
        return CHARIOT_ENOMEM;
    }
    *watch = (struct etcd_watch){.client = client, .handler = handler, .prefix = prefix, .end = end};
    watch->status_text = grpc_empty_slice();
    ev_timer_init(&watch->pause, on_pause, 0., 0.);
    watch->pause.data = watch;
    client->watch = watch;
    list(watch);
    return 0;
}
