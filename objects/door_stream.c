/* OpenChannel: a channel of the runtime whose other end a foreign program has (client.h), and what goes through it.
 *
 *   begin --the client's chare is there--> open: the method is called with the channel
 *     client --next: a value--> sent; `more` is asked for once the channel has room
 *     object --a message--> put_take, once the carrier has room; until then it waits in the channel, whose sender waits
 *   the method has failed, and what it had sent is out --> answered with its error
 *   the method has ended, and its end of the channel is closed --> answered: OK
 *   the object is destroyed --> answered
 *
 * Each side is read only as fast as the other takes it, so what waits here is bounded by the channel's window and the
 * carrier's, whatever either of them does. */
#include <stdlib.h>

#include "objects/call.h"
#include "objects/client.h"
#include "objects/door_request.h"

struct obj_door_stream {
    struct obj_client_owner client; /* first */
    struct obj_visit *visit;
    uint32_t method;
    struct chariot_msg *args;        /* owned until the method is called */
    struct chariot_channel *channel; /* the chare's; NULL: not there yet */
    struct chariot_waiter readable, writable;
    bool waits;                /* for what the object sends */
    bool closed;               /* the object has let go of its end */
    bool ended;                /* the method has, and all that it had sent is here */
    struct chariot_msg *error; /* that it failed with; owned */
};

/* ---------------------------------------------------------------- from the object to the client */

/* What was sent at once: one value, or several as a tuple, or none. Of a sender in C, whatever it is. */
static struct chariot_msg *value_of(const struct chariot_msg *sent) {
    struct chariot_reader reader;
    struct chariot_writer writer;
    struct chariot_value list;
    struct chariot_msg *value;
    const void *data;
    size_t size;
    chariot_reader_init(&reader, sent);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &list) != 0) return rpc_msg_ref((struct chariot_msg *)(uintptr_t)sent);
    chariot_writer_init_take(&writer, rpc_msg_new(sent->size + 16));
    if (list.count == 0) chariot_put_null(&writer);
    if (list.count > 1) chariot_put_tuple(&writer, list.count);
    for (uint64_t i = 0; i < list.count && chariot_skip(&reader, &data, &size) == 0; i++)
        chariot_put_encoded(&writer, data, size);
    return chariot_writer_finish(&writer, &value) == 0 ? value : NULL;
}

/* False: it cannot leave, which is the answer. Takes sent. */
static bool put_sent_take(struct obj_visit *visit, struct chariot_msg *sent) {
    struct chariot_msg *value = obj_msg_encode(visit->pe, &sent) == 0 ? value_of(sent) : NULL;
    if (value == NULL)
        (void)obj_door_no_memory(visit);
    else
        obj_door_answer_with(visit, value, false);
    rpc_msg_unref(value);
    rpc_msg_unref(sent);
    if (visit->status != OBJ_DOOR_OK) return false;
    struct chariot_msg *body = visit->body;
    visit->body = NULL;
    visit->put_take(visit, body);
    return true;
}

static int answer_if_over(struct obj_door_stream *stream) {
    if (stream->ended && stream->error != NULL) {
        obj_door_fail_with(stream->visit, stream->error);
        return OBJ_DOOR_ANSWERED;
    }
    if (!stream->ended || !stream->closed) return 0;
    stream->visit->status = OBJ_DOOR_OK;
    return OBJ_DOOR_ANSWERED;
}

static int on_over(struct obj_door_stream *stream, int rc) {
    if (rc != CHARIOT_ECLOSED)
        return obj_door_answer(stream->visit, OBJ_DOOR_FAILED_PRECONDITION, "%s was destroyed", stream->visit->object);
    stream->closed = true;
    return answer_if_over(stream);
}

static void on_readable(struct chariot_pe *pe, void *ctx);

static int wait_for_more(struct obj_door_stream *stream) {
    if (stream->ended && stream->error != NULL) return answer_if_over(stream);
    stream->readable = (struct chariot_waiter){.fn = on_readable, .ctx = stream};
    stream->waits = chariot_channel_wait(stream->channel, CHARIOT_CHANNEL_READY, &stream->readable) == 0;
    return stream->waits ? 0 : obj_door_no_memory(stream->visit);
}

/* Passes on what there is, while there is room. */
static int pass_to_client(struct obj_door_stream *stream) {
    struct obj_visit *visit = stream->visit;
    struct chariot_msg *sent;
    while (!stream->closed && visit->has_room(visit)) {
        int rc = chariot_channel_receive(stream->channel, &sent);
        if (rc == CHARIOT_CHANNEL_EMPTY) return wait_for_more(stream);
        if (rc != 0) return on_over(stream, rc);
        if (!put_sent_take(visit, sent)) return OBJ_DOOR_ANSWERED;
    }
    return 0;
}

/* User code may run in it. */
static int go_on(struct obj_door_stream *stream) {
    struct obj_visit *visit = stream->visit;
    bool busy = visit->busy;
    visit->busy = true;
    int rc = stream->waits ? 0 : pass_to_client(stream);
    visit->busy = busy;
    return rc;
}

static void on_readable(struct chariot_pe *pe, void *ctx) {
    struct obj_door_stream *stream = ctx;
    OBJ_API(pe);
    stream->waits = false;
    if (go_on(stream) == OBJ_DOOR_ANSWERED) stream->visit->on_answer(stream->visit);
}

int obj_door_stream_room(struct obj_visit *visit) {
    return visit->stream->channel == NULL ? 0 : go_on(visit->stream);
}

/* ---------------------------------------------------------------- the method */

static void on_outcome(struct chariot_pe *pe, void *ctx) {
    struct obj_door_stream *stream = ctx;
    struct obj_visit *visit = stream->visit;
    OBJ_API(pe);
    struct chariot_msg *value = chariot_future_value(visit->future, 0);
    if (value != NULL && chariot_msg_is_error(value)) stream->error = rpc_msg_ref(value);
    obj_future_unref(visit->future);
    visit->future = NULL;
    obj_client_look(pe, &stream->client); /* what it has sent may be in the run queue still */
}

static void on_look(struct obj_client_owner *owner) {
    struct obj_door_stream *stream = (struct obj_door_stream *)owner;
    stream->ended = true;
    bool all_is_out = stream->waits ? !chariot_channel_ready(stream->channel) : stream->closed;
    if (all_is_out && answer_if_over(stream) == OBJ_DOOR_ANSWERED) stream->visit->on_answer(stream->visit);
}

static int call_method(struct obj_door_stream *stream) {
    struct obj_visit *visit = stream->visit;
    struct chariot_msg *args = stream->args;
    stream->args = NULL;
    visit->future = obj_future_new(visit->pe, 1);
    if (visit->future == NULL) {
        rpc_msg_unref(args);
        return obj_door_no_memory(visit);
    }
    visit->to = stream->client.to;
    obj_client_call_take(visit->pe, &stream->client, stream->method, args, visit->future);
    visit->waiter = (struct chariot_waiter){.fn = on_outcome, .ctx = stream};
    if (chariot_future_wait(visit->future, &visit->waiter) != 0) return obj_door_no_memory(visit);
    visit->more(visit);
    return go_on(stream);
}

static void on_channel(struct obj_client_owner *owner, struct chariot_channel *channel) {
    struct obj_door_stream *stream = (struct obj_door_stream *)owner;
    stream->channel = channel;
    int rc = channel == NULL ? obj_door_no_memory(stream->visit) : call_method(stream);
    if (rc == OBJ_DOOR_ANSWERED) stream->visit->on_answer(stream->visit);
}

/* ---------------------------------------------------------------- from the client to the object */

static void on_writable(struct chariot_pe *pe, void *ctx) {
    struct obj_door_stream *stream = ctx;
    OBJ_API(pe);
    stream->visit->more(stream->visit);
}

/* Field `number` of the request, which has no other. */
static bool only_field(struct rpc_wire wire, uint32_t number, struct rpc_wire *out) {
    struct rpc_field field;
    bool found = false;
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return false;
        if (field.number > 2) continue;
        if (field.number != number || field.type != RPC_WIRE_BYTES_OF) return false;
        *out = field.bytes;
        found = true;
    }
    return found;
}

/* As methods take their arguments: a list of one. */
static int read_next(struct obj_visit *visit, struct rpc_wire wire, struct chariot_msg **msg) {
    struct obj_proto proto = {.seal = visit->guest->seal};
    struct chariot_writer writer;
    struct rpc_wire value;
    if (!only_field(wire, 2, &value))
        return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "each further message of a channel has a value");
    chariot_writer_init_take(&writer, rpc_node_msg_new(&visit->pe->node, rpc_wire_left(&wire) + 64));
    chariot_put_list(&writer, 1);
    int rc = obj_proto_read(&proto, value, &writer);
    if (chariot_writer_finish(&writer, msg) != 0) return obj_door_no_memory(visit);
    if (rc == 0) return 0;
    rpc_msg_unref(*msg);
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "a value for %s.%s: %s", visit->object, visit->called,
                           proto.why);
}

int obj_door_stream_next(struct obj_visit *visit, struct rpc_wire wire) {
    struct obj_door_stream *stream = visit->stream;
    struct chariot_msg *msg;
    int rc = read_next(visit, wire, &msg);
    if (rc != 0) return rc;
    rc = chariot_channel_send_take(stream->channel, msg, 0);
    if (rc == CHARIOT_CHANNEL_FULL) {
        stream->writable = (struct chariot_waiter){.fn = on_writable, .ctx = stream};
        return chariot_channel_wait(stream->channel, CHARIOT_CHANNEL_ROOM, &stream->writable) == 0
                   ? 0
                   : obj_door_no_memory(visit);
    }
    if (rc == 0) visit->more(visit);
    return 0; /* else nobody reads it, and the answer comes */
}

int obj_door_stream_end(struct obj_visit *visit) {
    (void)chariot_channel_finish(visit->stream->channel);
    return 0;
}

/* ---------------------------------------------------------------- life */

int obj_door_stream_begin(struct obj_visit *visit, struct rpc_wire wire) {
    struct obj_door_request request;
    struct rpc_wire target;
    if (!only_field(wire, 1, &target))
        return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "a channel's first message has its target");
    int rc = obj_door_read_call(visit, target, &request);
    if (rc != 0) return rc;
    struct obj_door_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        rpc_msg_unref(request.args);
        return obj_door_no_memory(visit);
    }
    *stream = (struct obj_door_stream){.client = {.to = request.ref, .on_channel = on_channel, .on_look = on_look},
                                       .visit = visit,
                                       .method = request.method,
                                       .args = request.args};
    visit->stream = stream;
    return obj_client_create(visit->pe, &stream->client) == 0 ? 0 : obj_door_no_memory(visit);
}

void obj_door_stream_free(struct obj_visit *visit) {
    struct obj_door_stream *stream = visit->stream;
    if (stream == NULL) return;
    visit->stream = NULL;
    chariot_waiter_forget(&stream->readable);
    chariot_waiter_forget(&stream->writable);
    obj_client_destroy(visit->pe, &stream->client);
    rpc_msg_unref(stream->args);
    rpc_msg_unref(stream->error);
    free(stream);
}
