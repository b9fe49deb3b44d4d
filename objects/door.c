/* Requests of foreign programs, done and answered: see door.h. */
#include "objects/door.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/cancel.h"
#include "objects/door_request.h"
#include "objects/reduce.h"

/* ---------------------------------------------------------------- results */

/* What the writer holds is the answer. */
static int give(struct obj_visit *visit, struct chariot_writer *writer) {
    if (chariot_writer_finish(writer, &visit->body) != 0) return obj_door_no_memory(visit);
    visit->status = OBJ_DOOR_OK;
    return OBJ_DOOR_ANSWERED;
}

void obj_door_fail_with(struct obj_visit *visit, const struct chariot_msg *error) {
    bool destroyed = obj_error_is_destroyed(error);
    char text[OBJ_DOOR_TEXT];
    obj_error_text(error, text, sizeof text);
    if (visit->called[0] == '\0')
        obj_door_answer(visit, OBJ_DOOR_ABORTED, "the future: %.300s", text);
    else
        obj_door_answer(visit, destroyed ? OBJ_DOOR_FAILED_PRECONDITION : OBJ_DOOR_ABORTED, "%s.%s: %.200s",
                        visit->object, visit->called, text);
    if (!destroyed) obj_door_tell(visit, error);
}

/* The value, or each of a list, as field 1 of the response. */
void obj_door_answer_with(struct obj_visit *visit, const struct chariot_msg *value, bool each) {
    struct obj_proto proto = {.seal = visit->guest->seal, .shows_traces = visit->guest->shows_traces};
    struct chariot_reader reader;
    struct chariot_writer writer;
    struct chariot_value list = {.count = 1};
    chariot_writer_init_take(&writer, rpc_msg_new(value->size + 64));
    chariot_reader_init(&reader, value);
    int rc = each ? chariot_get_typed(&reader, CHARIOT_LIST, &list) : 0;
    for (; rc == 0 && list.count > 0; list.count--) rc = obj_proto_write(&proto, 1, &reader, &writer);
    if (rc == 0) {
        (void)give(visit, &writer);
        return;
    }
    struct chariot_msg *unused;
    if (chariot_writer_finish(&writer, &unused) == 0) rpc_msg_unref(unused);
    obj_door_answer(visit, OBJ_DOOR_UNIMPLEMENTED, "the result of %s.%s cannot be told: %s", visit->object,
                    visit->called, proto.why != NULL ? proto.why : chariot_error_text(rc));
}

/* ---------------------------------------------------------------- reducing */

static int split(const struct chariot_msg *list, struct chariot_msg **values, size_t count) {
    struct chariot_reader reader;
    struct chariot_value value;
    const void *data;
    size_t size;
    chariot_reader_init(&reader, list);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct chariot_writer writer;
        struct chariot_reader ahead = reader;
        rc = chariot_skip(&reader, &data, &size);
        if (rc != 0) break;
        chariot_writer_init_take(&writer, rpc_msg_new(size + 32));
        chariot_put_encoded(&writer, data, size);
        rc = chariot_writer_finish(&writer, &values[i]);
        if (rc == 0 && chariot_get(&ahead, &value) == 0 && value.type == CHARIOT_ERROR)
            values[i]->flags |= OBJ_FLAG_ERROR;
    }
    return rc;
}

static void reduce(struct obj_visit *visit, struct chariot_msg **values, size_t count) {
    struct chariot_msg *result = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!chariot_msg_is_error(values[i])) continue;
        obj_door_fail_with(visit, values[i]);
        return;
    }
    int rc = count == 0 ? CHARIOT_ENOENT : obj_reduce_combine(visit->pe, visit->reducer, count, values, &result);
    if (rc == 0)
        obj_door_answer_with(visit, result, false);
    else
        obj_door_answer(visit, OBJ_DOOR_ABORTED, "the results of %s.%s cannot be reduced by %s: %s", visit->object,
                        visit->called, obj_reduce_name(visit->pe, visit->reducer),
                        count == 0 ? "there are none" : chariot_error_text(rc));
    rpc_msg_unref(result);
}

static void reduce_all(struct obj_visit *visit, const struct chariot_msg *list) {
    struct chariot_reader reader;
    struct chariot_value value = {0};
    chariot_reader_init(&reader, list);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    struct chariot_msg **values = calloc(value.count > 0 ? value.count : 1, sizeof(struct chariot_msg *));
    if (rc == 0 && values != NULL) rc = split(list, values, value.count);
    if (rc != 0 || values == NULL)
        obj_door_no_memory(visit);
    else
        reduce(visit, values, value.count);
    for (uint64_t i = 0; i < value.count && values != NULL; i++) rpc_msg_unref(values[i]);
    free(values);
}

/* ---------------------------------------------------------------- calling */

static void on_result(struct chariot_pe *pe, void *ctx) {
    struct obj_visit *visit = ctx;
    struct chariot_msg *value = rpc_msg_ref(chariot_future_message(visit->future, 0));
    visit->busy = true;
    obj_future_unref(visit->future);
    visit->future = NULL;
    OBJ_API(pe);
    if (obj_msg_encode(pe, &value) != 0 || value == NULL)
        obj_door_answer(visit, OBJ_DOOR_UNIMPLEMENTED, "the result of %s.%s cannot leave the job", visit->object,
                        visit->called);
    else if (chariot_msg_is_error(value))
        obj_door_fail_with(visit, value);
    else if (visit->method == OBJ_DOOR_REDUCE)
        reduce_all(visit, value);
    else
        obj_door_answer_with(visit, value, visit->method == OBJ_DOOR_BROADCAST);
    rpc_msg_unref(value);
    visit->busy = false;
    visit->on_answer(visit);
}

static int call_take(struct obj_visit *visit, const struct chariot_ref *ref, uint32_t method,
                     struct chariot_msg *args) {
    struct chariot_pe *pe = visit->pe;
    if (visit->one_way) {
        struct chariot_writer writer;
        int rc = chariot_send_take(pe, ref, method, args, CHARIOT_WANT_NOTHING, NULL);
        if (rc != 0) return obj_door_answer(visit, OBJ_DOOR_FAILED_PRECONDITION, "%s was destroyed", visit->object);
        chariot_writer_init_take(&writer, NULL);
        return give(visit, &writer);
    }
    visit->future = obj_future_new(pe, 1);
    if (visit->future == NULL) {
        rpc_msg_unref(args);
        return obj_door_no_memory(visit);
    }
    visit->to = *ref;
    (void)chariot_send_take(pe, ref, method, args, CHARIOT_WANT_VALUE, visit->future);
    visit->waiter = (struct chariot_waiter){.fn = on_result, .ctx = visit};
    return chariot_future_wait(visit->future, &visit->waiter) == 0 ? 0 : obj_door_no_memory(visit);
}

static int check_more(struct obj_visit *visit, uint64_t number) {
    visit->one_way = visit->method != OBJ_DOOR_REDUCE && number != 0;
    if (visit->method != OBJ_DOOR_REDUCE) return 0;
    visit->reducer = (uint32_t)number; /* REDUCER_SUM and CHARIOT_REDUCE_SUM are 1, and so on */
    if (number >= CHARIOT_REDUCE_SUM && number <= CHARIOT_REDUCE_XOR) return 0;
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "there is no reducer of number %llu",
                           (unsigned long long)number);
}

static int begin_call(struct obj_visit *visit, struct rpc_wire wire) {
    struct obj_door_request request;
    int rc = obj_door_read_call(visit, wire, &request);
    if (rc != 0) return rc;
    rc = check_more(visit, request.more);
    if (rc == 0) return call_take(visit, &request.ref, request.method, request.args);
    rpc_msg_unref(request.args);
    return rc;
}

/* ---------------------------------------------------------------- futures */

/* One value of the future as a response of its own. */
static bool add_value(struct obj_visit *visit, uint64_t i) {
    struct chariot_msg *value = rpc_msg_ref(chariot_future_message(visit->future, i));
    bool good = obj_msg_encode(visit->pe, &value) == 0;
    if (!good || value == NULL)
        obj_door_answer(visit, OBJ_DOOR_UNIMPLEMENTED, "a value of the future cannot leave the job");
    else if (chariot_msg_is_error(value))
        obj_door_fail_with(visit, value);
    else
        obj_door_answer_with(visit, value, false);
    rpc_msg_unref(value);
    if (visit->status != OBJ_DOOR_OK) return false;
    if (i + 1 < chariot_future_num_values(visit->future)) {
        rpc_msg_queue_push_take(&visit->before, visit->body);
        visit->body = NULL;
    }
    return true;
}

static void on_complete(struct chariot_pe *pe, void *ctx) {
    struct obj_visit *visit = ctx;
    OBJ_API(pe);
    visit->busy = true;
    uint64_t count = chariot_future_num_values(visit->future);
    for (uint64_t i = 0; i < count; i++) {
        if (!add_value(visit, i)) break;
    }
    obj_future_unref(visit->future);
    visit->future = NULL;
    visit->busy = false;
    visit->on_answer(visit);
}

static int begin_watch(struct obj_visit *visit, struct rpc_wire wire) {
    struct rpc_field field, future = {0};
    uint64_t id;
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return obj_door_malformed(visit);
        if (field.number == 1 && field.type != RPC_WIRE_BYTES_OF) return obj_door_malformed(visit);
        if (field.number == 1) future = field;
    }
    int rc = obj_door_find_future(visit, future.bytes, &id);
    if (rc != 0) return rc;
    visit->future = chariot_future_open(visit->pe, id);
    if (visit->future == NULL) return obj_door_no_memory(visit);
    visit->waiter = (struct chariot_waiter){.fn = on_complete, .ctx = visit};
    return chariot_future_wait(visit->future, &visit->waiter) == 0 ? 0 : obj_door_no_memory(visit);
}

/* ---------------------------------------------------------------- asking what there is */

static int begin_get(struct obj_visit *visit, struct rpc_wire wire) {
    struct rpc_field field, target = {0};
    struct chariot_writer writer;
    struct chariot_ref ref;
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return obj_door_malformed(visit);
        if (field.number == 1 && field.type != RPC_WIRE_BYTES_OF) return obj_door_malformed(visit);
        if (field.number == 1) target = field;
    }
    int rc = obj_door_find(visit, target.bytes, &ref);
    if (rc != 0) return rc;
    chariot_writer_init_take(&writer, NULL);
    obj_door_put_object(&writer, visit, visit->object, &ref, true);
    return give(visit, &writer);
}

enum { PAGE = 1000 };

struct list_request {
    char prefix[OBJ_DOOR_NAME], after[OBJ_DOOR_NAME];
    uint64_t size;
};

static int read_list_request(struct obj_visit *visit, struct rpc_wire wire, struct list_request *request) {
    *request = (struct list_request){.size = PAGE};
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return obj_door_malformed(visit);
        if (field.number > 3) continue;
        if (field.type != (field.number == 2 ? RPC_WIRE_VARINT : RPC_WIRE_BYTES_OF)) return obj_door_malformed(visit);
        if (field.number == 2 && field.value > 0 && field.value < PAGE) request->size = field.value;
        char *text = field.number == 1 ? request->prefix : request->after;
        if (field.number != 2 && !obj_door_copy_text(text, OBJ_DOOR_NAME, &field.bytes))
            return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT,
                                   "there are no names like this prefix or page_token");
    }
    return 0;
}

static int begin_list(struct obj_visit *visit, struct rpc_wire wire) {
    struct list_request request;
    struct chariot_writer writer;
    const struct obj_names *names = &visit->pe->names;
    const char *last = NULL;
    int rc = read_list_request(visit, wire, &request);
    if (rc != 0) return rc;
    chariot_writer_init_take(&writer, NULL);
    for (size_t i = 0; i < names->count; i++) {
        const struct obj_name_row *row = &names->rows[i];
        if (strncmp(row->name, request.prefix, strlen(request.prefix)) != 0 || strcmp(row->name, request.after) <= 0 ||
            !obj_door_is_visible(visit, row->name, &row->ref))
            continue;
        if (request.size == 0) { /* there is one more */
            obj_proto_put_text(&writer, 2, last);
            break;
        }
        obj_door_put_object(&writer, visit, row->name, &row->ref, false);
        last = row->name;
        request.size--;
    }
    return give(visit, &writer);
}

/* ---------------------------------------------------------------- the public side */

int obj_door_begin(struct obj_visit *visit, const void *data, size_t size) {
    struct rpc_wire wire = rpc_wire_of(data, size);
    if (visit->method == OBJ_DOOR_LIST) return begin_list(visit, wire);
    if (visit->method == OBJ_DOOR_GET) return begin_get(visit, wire);
    if (visit->method == OBJ_DOOR_WATCH) return begin_watch(visit, wire);
    if (visit->method == OBJ_DOOR_PES) return obj_door_begin_pes(visit, wire);
    visit->busy = true;
    int rc = visit->method == OBJ_DOOR_CHANNEL ? obj_door_stream_begin(visit, wire) : begin_call(visit, wire);
    visit->busy = false;
    return rc;
}

int obj_door_next(struct obj_visit *visit, const void *data, size_t size) {
    return data == NULL ? obj_door_stream_end(visit) : obj_door_stream_next(visit, rpc_wire_of(data, size));
}

int obj_door_room(struct obj_visit *visit) {
    return visit->stream == NULL ? 0 : obj_door_stream_room(visit);
}

void obj_door_gone(struct obj_visit *visit) {
    if (visit->to.collection == 0 || visit->future == NULL || visit->told || visit->pe->ending) return;
    visit->told = true;
    obj_cancel_send(visit->pe, &visit->to, obj_future_own_id(visit->future));
}

void obj_door_cancel(struct obj_visit *visit) {
    assert(!visit->busy);
    obj_door_gone(visit);
    obj_door_stream_free(visit);
    obj_door_end_pes(visit);
    if (visit->future == NULL) return;
    chariot_waiter_forget(&visit->waiter);
    obj_future_unref(visit->future);
    visit->future = NULL;
}
