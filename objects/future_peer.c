/* How the values of futures travel: one by one to the owner (VALUE), all together to the PEs that asked (SUBSCRIBE,
 * VALUES). Ids and payloads come from other PEs and may be anything. */
#include <stdlib.h>

#include "objects/call.h"
#include "objects/future.h"
#include "rpc/log.h"

/* ---------------------------------------------------------------- values to the owner */

/* Nobody is told by a value that it is one too many: its sender is. */
static void say_late(struct chariot_pe *pe, uint64_t id) {
    rpc_log(pe->node.log, RPC_LOG_ERROR, "OBJ-FUTURE-LATE",
            "PE %u sent a value to a future of PE %u that has all of its values already: it was dropped", pe->node.pe,
            obj_id_pe(id));
}

static void tell_late(struct chariot_pe *pe, uint64_t id, uint32_t sender) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_LATE, 0);
    if (msg == NULL) return;
    msg->reply = id;
    obj_send_take(pe, sender, msg);
}

/* By the owner; false: it is late. */
static bool deposit_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *value) {
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(id));
    if (future != NULL && future->own) return obj_future_deposit_take(pe, future, value);
    rpc_msg_unref(value); /* nobody holds it any more */
    return true;
}

/* value for the owner of the future. */
static void send_as_take(struct chariot_pe *pe, enum obj_kind kind, uint64_t id, struct chariot_msg *value) {
    uint8_t error = value->flags & OBJ_FLAG_ERROR;
    struct chariot_msg *msg = obj_msg_own_take(pe, kind, value);
    if (msg == NULL) return;
    msg->flags |= error;
    msg->reply = id;
    obj_send_take(pe, obj_id_pe(id) % pe->node.num_pes, msg);
}

void obj_future_send_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *value) {
    if (obj_id_pe(id) == pe->node.pe) {
        if (!deposit_take(pe, id, value)) say_late(pe, id);
        return;
    }
    if (value == NULL) value = obj_null_new(pe);
    if (value != NULL) send_as_take(pe, OBJ_KIND_VALUE, id, value);
}

void obj_future_on_value(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_id_pe(msg->reply) != pe->node.pe)
        obj_refuse(pe, msg);
    else if (!deposit_take(pe, msg->reply, rpc_msg_ref(msg)))
        tell_late(pe, msg->reply, msg->from);
}

void obj_future_on_late(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (obj_id_pe(msg->reply) == msg->from)
        say_late(pe, msg->reply);
    else
        obj_refuse(pe, msg);
}

/* ---------------------------------------------------------------- cancelling */

void obj_future_ask_cancel_take(struct chariot_future *future, struct chariot_msg *error) {
    send_as_take(future->pe, OBJ_KIND_CANCEL, future->id, error);
}

void obj_future_on_cancel(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(msg->reply));
    if (obj_id_pe(msg->reply) != pe->node.pe || (msg->flags & OBJ_FLAG_ERROR) == 0)
        obj_refuse(pe, msg);
    else if (future != NULL && future->own)
        obj_future_cancel_take(future, rpc_msg_ref(msg));
}

/* ---------------------------------------------------------------- values to who asked */

/* Whether it is an error, then the value; an error in place of one that cannot leave. */
static void put_value(struct chariot_pe *pe, struct chariot_writer *writer, struct chariot_msg **value) {
    struct chariot_msg *put = *value, *error = NULL;
    if (obj_msg_encode(pe, value) == 0) {
        put = *value;
    } else {
        put = error = obj_error_new(pe, "TypeError", "the value cannot leave the PE that it is on");
        if (error == NULL) return;
    }
    chariot_put_bool(writer, (put->flags & OBJ_FLAG_ERROR) != 0);
    if (put->size == 0)
        chariot_put_null(writer);
    else
        chariot_put_encoded(writer, rpc_msg_payload(put), put->size);
    rpc_msg_unref(error);
}

/* Their number, then each. */
void obj_future_put_values(struct chariot_future *future, struct chariot_writer *writer) {
    chariot_put_int(writer, (int64_t)future->num_values);
    for (uint64_t i = 0; i < future->num_values; i++) put_value(future->pe, writer, &future->values[i]);
}

void obj_future_tell(struct chariot_future *future, uint32_t to) {
    struct chariot_pe *pe = future->pe;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    obj_future_put_values(future, &writer);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_VALUES, &writer);
    if (msg == NULL) return;
    msg->reply = future->id;
    obj_send_take(pe, to, msg);
}

static void tell_unknown(struct chariot_pe *pe, uint64_t id, uint32_t to) {
    struct chariot_msg *error = obj_error_new(pe, "RuntimeError", OBJ_TEXT_FUTURE_GONE);
    if (error == NULL) return;
    struct chariot_future gone = {.pe = pe, .id = id, .num_values = 1, .values = &error};
    obj_future_tell(&gone, to);
    rpc_msg_unref(error);
}

void obj_future_add_subscriber(struct chariot_future *future, uint32_t to) {
    size_t size = (future->num_subscribers + (size_t)1) * sizeof *future->subscribers;
    uint32_t *more = realloc(future->subscribers, size);
    if (more == NULL) {
        obj_out_of_memory(future->pe);
        return;
    }
    future->subscribers = more;
    more[future->num_subscribers++] = to;
}

void obj_future_on_subscribe(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(msg->reply));
    if (future == NULL || !future->own) {
        tell_unknown(pe, msg->reply, msg->from);
    } else if (!future->complete) {
        obj_future_add_subscriber(future, msg->from);
    } else {
        obj_future_ref(future); /* encoding runs user code */
        obj_future_tell(future, msg->from);
        obj_future_unref(future);
    }
}

/* One value of a VALUES message. */
static int read_value(struct chariot_reader *reader, struct chariot_msg **value) {
    struct chariot_value error;
    const void *data;
    size_t size;
    int rc = chariot_get_typed(reader, CHARIOT_BOOL, &error);
    if (rc == 0) rc = chariot_skip(reader, &data, &size);
    if (rc != 0) return CHARIOT_EMALFORMED;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, data, size);
    rc = chariot_writer_finish(&writer, value);
    if (rc == 0 && error.boolean) (*value)->flags |= OBJ_FLAG_ERROR;
    return rc;
}

int obj_future_read_values(struct chariot_future *future, struct chariot_reader *reader) {
    struct chariot_value count;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &count);
    if (rc != 0 || count.integer < 1) return CHARIOT_EMALFORMED;
    for (int64_t i = 0; i < count.integer; i++) {
        struct chariot_msg *value;
        rc = read_value(reader, &value);
        if (rc != 0) return rc;
        if (!obj_future_store_take(future, value)) return CHARIOT_ENOMEM;
    }
    return 0;
}

int obj_future_skip_values(struct chariot_reader *reader) {
    struct chariot_value count, error;
    const void *data;
    size_t size;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &count);
    for (int64_t i = 0; rc == 0 && i < count.integer; i++) {
        rc = chariot_get_typed(reader, CHARIOT_BOOL, &error);
        if (rc == 0) rc = chariot_skip(reader, &data, &size);
    }
    return rc;
}

static int read_message(struct chariot_future *future, const struct chariot_msg *msg) {
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    int rc = obj_future_read_values(future, &reader);
    return rc != 0 || chariot_reader_done(&reader) ? rc : CHARIOT_EMALFORMED;
}

void obj_future_on_values(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *future = obj_map_get(&pe->futures, obj_key1(msg->reply));
    if (future == NULL || future->own || future->complete) return;
    int rc = read_message(future, msg);
    if (rc == CHARIOT_ENOMEM) {
        obj_out_of_memory(pe);
        return;
    }
    if (rc != 0) {
        obj_refuse(pe, msg);
        while (future->num_values > 0) rpc_msg_unref(future->values[--future->num_values]);
        struct chariot_msg *error = obj_error_new(pe, "RuntimeError", "the values of the future came malformed");
        if (error == NULL || !obj_future_store_take(future, error)) return;
    }
    obj_future_complete(future);
}

void obj_future_subscribe(struct chariot_future *future) {
    struct chariot_pe *pe = future->pe;
    if (future->own || future->subscribed || future->complete) return;
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_SUBSCRIBE, 0);
    if (msg == NULL) return;
    future->subscribed = true;
    msg->reply = future->id;
    obj_send_take(pe, obj_id_pe(future->id) % pe->node.num_pes, msg);
}
