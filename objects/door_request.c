/* Requests of foreign programs, taken apart and checked: see door_request.h. */
#include "objects/door_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "objects/admit.h"
#include "objects/call.h"
#include "objects/ref.h"

/* The requests for a method have these in the same fields. */
struct fields {
    struct rpc_wire target, method, arguments;
    uint64_t more;
};
enum { FIELD_TARGET = 1, FIELD_METHOD, FIELD_ARGUMENTS, FIELD_MORE };

/* ---------------------------------------------------------------- answers */

/* Of errors that no method has raised. */
static const char *name_of(enum obj_door_status status) {
    switch (status) {
#define NAME(name, number, text)                                                                                       \
    case number:                                                                                                       \
        return text;
        OBJ_DOOR_STATUSES(NAME)
#undef NAME
    }
    return "";
}

static void put_kind(struct chariot_writer *writer, const struct obj_visit *visit, const struct chariot_msg *error) {
    struct chariot_reader reader;
    struct chariot_failure failure = {.pe = -1};
    uint32_t pe = error != NULL && error->kind == OBJ_KIND_VALUE ? error->from : visit->pe->node.pe;
    if (error != NULL) chariot_reader_init(&reader, error);
    bool raised = error != NULL && chariot_error_read(&reader, &failure) == 0 && failure.type.size > 0;
    if (raised)
        obj_proto_put_bytes(writer, 4, failure.type.data, failure.type.size);
    else
        obj_proto_put_text(writer, 4, name_of(visit->status));
    obj_proto_put_number(writer, 5, raised && failure.pe >= 0 ? (uint32_t)failure.pe : pe);
}

void obj_door_tell(struct obj_visit *visit, const struct chariot_msg *error) {
    struct obj_proto proto = {.shows_traces = visit->guest->shows_traces};
    struct chariot_reader reader;
    struct chariot_writer writer;
    int rc = 0;
    rpc_msg_unref(visit->failure);
    visit->failure = NULL;
    chariot_writer_init_take(&writer, NULL);
    obj_proto_put_text(&writer, 1, visit->object);
    obj_proto_put_text(&writer, 2, visit->called);
    if (error != NULL) {
        chariot_reader_init(&reader, error);
        rc = obj_proto_write_failure(&proto, 3, &reader, &writer);
    }
    put_kind(&writer, visit, error);
    if (chariot_writer_finish(&writer, &visit->failure) == 0 && rc == 0) return;
    rpc_msg_unref(visit->failure);
    visit->failure = NULL;
}

int obj_door_answer(struct obj_visit *visit, enum obj_door_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(visit->text, sizeof visit->text, format, args);
    va_end(args);
    visit->status = status;
    obj_door_tell(visit, NULL);
    return OBJ_DOOR_ANSWERED;
}

int obj_door_malformed(struct obj_visit *visit) {
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "the request is no message of chariot.v1");
}

int obj_door_no_memory(struct obj_visit *visit) {
    return obj_door_answer(visit, OBJ_DOOR_RESOURCE_EXHAUSTED, "the service is out of memory");
}

/* ---------------------------------------------------------------- which object */

bool obj_door_copy_text(char *out, size_t room, const struct rpc_wire *text) {
    size_t size = rpc_wire_left(text);
    if (size >= room || !obj_proto_is_utf8(text->at, size) || (size > 0 && memchr(text->at, 0, size) != NULL))
        return false;
    if (size > 0) memcpy(out, text->at, size);
    out[size] = '\0';
    return true;
}

static int read_index(const struct rpc_field *field, struct chariot_index *index) {
    struct rpc_wire packed = field->bytes;
    uint64_t value = field->value;
    bool one = field->type == RPC_WIRE_VARINT;
    if (!one && field->type != RPC_WIRE_BYTES_OF) return CHARIOT_EMALFORMED;
    while (one || rpc_wire_left(&packed) > 0) {
        if (!one && rpc_wire_varint(&packed, &value) != 0) return CHARIOT_EMALFORMED;
        if (index->ndims == CHARIOT_MAX_DIMS) return CHARIOT_ERANGE;
        index->at[index->ndims++] = (int64_t)value;
        one = false;
    }
    return 0;
}

static int find_name(struct obj_visit *visit, const struct rpc_wire *name, struct chariot_ref *ref) {
    const struct obj_name_row *row = NULL;
    if (obj_door_copy_text(visit->object, sizeof visit->object, name))
        row = obj_names_find(visit->pe, visit->object, strlen(visit->object));
    if (row == NULL)
        return obj_door_answer(visit, OBJ_DOOR_NOT_FOUND, "no object is published under the name '%.200s'",
                               visit->object);
    *ref = row->ref;
    return 0;
}

/* The value in a handle of that kind, in a message that the caller unrefs. CHARIOT_EAUTH and others: it is not from
 * here. */
static int open_handle(struct obj_visit *visit, uint8_t kind, const struct rpc_wire *handle,
                       struct chariot_value *value, struct chariot_msg **msg) {
    struct obj_proto proto = {.seal = visit->guest->seal};
    struct chariot_writer writer;
    struct chariot_reader reader;
    chariot_writer_init_take(&writer, NULL);
    int rc = obj_proto_read_handle(&proto, kind, *handle, &writer);
    int written = chariot_writer_finish(&writer, msg);
    if (rc != 0 || written != 0) return rc != 0 ? rc : written;
    chariot_reader_init(&reader, *msg);
    return chariot_get_typed(&reader, (enum chariot_value_type)kind, value);
}

static int find_handle(struct obj_visit *visit, const struct rpc_wire *reference, struct chariot_ref *ref) {
    struct chariot_msg *msg = NULL;
    struct chariot_value value;
    uint32_t method;
    int rc = open_handle(visit, CHARIOT_REF, reference, &value, &msg);
    if (rc == 0) rc = chariot_ref_read(&value, ref, &method);
    if (rc == 0 && (!obj_ref_is_valid(visit->pe, ref) || ref->type >= visit->pe->num_types)) rc = CHARIOT_EAUTH;
    rpc_msg_unref(msg);
    if (rc == CHARIOT_ENOMEM) return obj_door_no_memory(visit);
    if (rc != 0)
        return obj_door_answer(visit, OBJ_DOOR_NOT_FOUND, "the reference is not of this job, or not from this service");
    snprintf(visit->object, sizeof visit->object, "@%.200s", visit->pe->types[ref->type]->name);
    return 0;
}

int obj_door_find_future(struct obj_visit *visit, struct rpc_wire wire, uint64_t *id) {
    struct chariot_msg *msg = NULL;
    struct chariot_value value;
    int rc = open_handle(visit, CHARIOT_FUTURE, &wire, &value, &msg);
    if (rc == 0) rc = chariot_future_read(&value, id);
    if (rc == 0 && obj_id_pe(*id) >= visit->pe->node.num_pes) rc = CHARIOT_EAUTH;
    rpc_msg_unref(msg);
    if (rc == CHARIOT_ENOMEM) return obj_door_no_memory(visit);
    return rc == 0
               ? 0
               : obj_door_answer(visit, OBJ_DOOR_NOT_FOUND, "the future is not of this job, or not from this service");
}

/* Of a dense array the bounds are known where the array is. */
static bool is_inside(const struct chariot_pe *pe, const struct chariot_ref *whole, const struct chariot_index *index) {
    const struct obj_coll *coll = obj_coll_get(pe, whole->collection);
    if (whole->kind == CHARIOT_GROUP) return index->at[0] >= 0 && index->at[0] < (int64_t)pe->node.num_pes;
    if (coll == NULL || coll->sparse) return true;
    for (uint32_t i = 0; i < index->ndims; i++) {
        if (index->at[i] < 0 || index->at[i] >= coll->dims[i]) return false;
    }
    return true;
}

static int find_element(struct obj_visit *visit, const struct chariot_index *index, struct chariot_ref *ref) {
    struct chariot_ref whole = *ref;
    if (!ref->whole)
        return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "%s is one object and takes no index", visit->object);
    if (chariot_ref_element(&whole, index, ref) != 0)
        return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "an index of %s has %u numbers, not %u", visit->object,
                               whole.ndims, index->ndims);
    if (is_inside(visit->pe, &whole, index)) return 0;
    return obj_door_answer(visit, OBJ_DOOR_NOT_FOUND, "%s has no element of that index", visit->object);
}

int obj_door_find(struct obj_visit *visit, struct rpc_wire wire, struct chariot_ref *ref) {
    struct chariot_index index = {0};
    struct rpc_field name = {0}, field;
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return obj_door_malformed(visit);
        if (field.number == 3 && read_index(&field, &index) != 0) return obj_door_malformed(visit);
        if (field.number > 2) continue;
        if (field.type != RPC_WIRE_BYTES_OF) return obj_door_malformed(visit);
        name = field;
    }
    if (name.number == 0) return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "the request says no object");
    int rc = name.number == 1 ? find_name(visit, &name.bytes, ref) : find_handle(visit, &name.bytes, ref);
    return rc != 0 || index.ndims == 0 ? rc : find_element(visit, &index, ref);
}

/* ---------------------------------------------------------------- which method */

/* visit->called has its name, if that is one. */
static int find_method(struct obj_visit *visit, const struct chariot_ref *ref, const struct rpc_wire *name,
                       uint32_t *method) {
    const struct chariot_type *type = visit->pe->types[ref->type];
    *method = rpc_wire_left(name) == strlen(visit->called) ? obj_type_find_method(type, visit->called) : UINT32_MAX;
    bool exposed = *method != UINT32_MAX && type->exposure != NULL && type->exposure->methods[*method] != NULL;
    if (!exposed)
        return obj_door_answer(visit, OBJ_DOOR_PERMISSION_DENIED, "%s exposes no method '%.200s'", visit->object,
                               visit->called);
    if (visit->guest->may(visit->guest->ctx, visit->object, visit->called)) return 0;
    return obj_door_answer(visit, OBJ_DOOR_PERMISSION_DENIED, "this client may not call %s.%s", visit->object,
                           visit->called);
}

/* ---------------------------------------------------------------- arguments */

static int count_arguments(struct rpc_wire wire, uint64_t *positional, uint64_t *named) {
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return CHARIOT_EMALFORMED;
        if (field.number <= 2 && field.type != RPC_WIRE_BYTES_OF) return CHARIOT_EMALFORMED;
        *positional += field.number == 1;
        *named += field.number == 2;
    }
    return 0;
}

/* An entry of protobuf's map: a key and a value, of which either may be missing where it is the default. */
static int put_named(struct obj_proto *proto, struct rpc_wire entry, struct chariot_writer *writer) {
    struct rpc_wire parts[2] = {rpc_wire_of("", 0), rpc_wire_of("", 0)};
    while (rpc_wire_left(&entry) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&entry, &field) != 0 || field.type != RPC_WIRE_BYTES_OF) return CHARIOT_EMALFORMED;
        if (field.number <= 2) parts[field.number - 1] = field.bytes;
    }
    chariot_put_string(writer, (const char *)parts[0].at, rpc_wire_left(&parts[0]));
    return obj_proto_read(proto, parts[1], writer);
}

/* Those of field `number`, in their order. */
static int put_arguments(struct obj_proto *proto, struct rpc_wire wire, uint32_t number,
                         struct chariot_writer *writer) {
    int rc = 0;
    while (rc == 0 && rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        (void)rpc_wire_field(&wire, &field); /* count_arguments() has read it */
        if (field.number != number) continue;
        rc = number == 1 ? obj_proto_read(proto, field.bytes, writer) : put_named(proto, field.bytes, writer);
    }
    return rc;
}

/* One list and, where some have names, one map: as methods take them. */
static int read_arguments(struct obj_visit *visit, struct rpc_wire wire, struct chariot_msg **args) {
    struct obj_proto proto = {.seal = visit->guest->seal, .why = "no message of chariot.v1.Arguments"};
    struct chariot_writer writer;
    uint64_t positional = 0, named = 0;
    if (count_arguments(wire, &positional, &named) != 0) return obj_door_malformed(visit);
    chariot_writer_init_take(&writer, rpc_node_msg_new(&visit->pe->node, rpc_wire_left(&wire) + 64));
    chariot_put_list(&writer, positional);
    int rc = put_arguments(&proto, wire, 1, &writer);
    if (rc == 0 && named > 0) rc = chariot_put_map(&writer, named);
    if (rc == 0 && named > 0) rc = put_arguments(&proto, wire, 2, &writer);
    if (chariot_writer_finish(&writer, args) != 0) return obj_door_no_memory(visit);
    if (rc == 0) return 0;
    rpc_msg_unref(*args);
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "arguments of %s.%s: %s", visit->object, visit->called,
                           proto.why);
}

static int face_admits(struct chariot_pe *pe, const struct chariot_type *type, uint32_t method,
                       struct chariot_msg **args, char *why, size_t why_size) {
    if (pe->face.admit == NULL) return 0;
    rpc_turn_lend(&pe->node.turn);
    int rc = pe->face.admit(pe->face.ctx, type, method, args, why, why_size);
    rpc_turn_take(&pe->node.turn);
    return rc;
}

/* Whether the method takes them, as its face says or, of a type that is no face's, its description. On failure they are
 * gone. */
static int admit(struct obj_visit *visit, const struct chariot_ref *ref, uint32_t method, struct chariot_msg **args) {
    struct chariot_pe *pe = visit->pe;
    const struct chariot_type *type = pe->types[ref->type];
    char why[256] = "";
    int rc = type->reads_objects ? face_admits(pe, type, method, args, why, sizeof why)
                                 : obj_admit(type->exposure->methods[method], args, why, sizeof why);
    if (rc == 0) return 0;
    rpc_msg_unref(*args);
    if (rc == CHARIOT_ENOMEM) return obj_door_no_memory(visit);
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT, "%s.%s: %s", visit->object, visit->called, why);
}

/* ---------------------------------------------------------------- the whole */

static int read_fields(struct obj_visit *visit, struct rpc_wire wire, struct fields *fields) {
    *fields = (struct fields){.target = {NULL, NULL}, .method = rpc_wire_of("", 0), .arguments = rpc_wire_of("", 0)};
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return obj_door_malformed(visit);
        bool number = field.number == FIELD_MORE;
        if (field.number <= FIELD_MORE && field.type != (number ? RPC_WIRE_VARINT : RPC_WIRE_BYTES_OF))
            return obj_door_malformed(visit);
        if (field.number == FIELD_TARGET) fields->target = field.bytes;
        if (field.number == FIELD_METHOD) fields->method = field.bytes;
        if (field.number == FIELD_ARGUMENTS) fields->arguments = field.bytes;
        if (number) fields->more = field.value;
    }
    return 0;
}

/* The whole collection, or one object, as the request needs. */
static int check_whole(struct obj_visit *visit, const struct chariot_ref *ref) {
    bool whole = visit->method == OBJ_DOOR_BROADCAST || visit->method == OBJ_DOOR_REDUCE;
    if (whole == (ref->whole != 0)) return 0;
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT,
                           whole ? "%s is one object: call it" : "%s is a collection: say an index, or broadcast",
                           visit->object);
}

/* With a channel or without, as the method is called. */
static int check_channel(struct obj_visit *visit, const struct chariot_ref *ref, uint32_t method) {
    bool takes = visit->pe->types[ref->type]->exposure->methods[method]->channel;
    if (takes == (visit->method == OBJ_DOOR_CHANNEL)) return 0;
    return obj_door_answer(visit, OBJ_DOOR_INVALID_ARGUMENT,
                           takes ? "%s.%s takes a channel: call it by OpenChannel" : "%s.%s takes no channel: call it",
                           visit->object, visit->called);
}

int obj_door_read_call(struct obj_visit *visit, struct rpc_wire wire, struct obj_door_request *request) {
    struct fields fields;
    int rc = read_fields(visit, wire, &fields);
    if (rc == 0) (void)obj_door_copy_text(visit->called, sizeof visit->called, &fields.method);
    if (rc == 0) rc = obj_door_find(visit, fields.target, &request->ref);
    if (rc == 0) rc = find_method(visit, &request->ref, &fields.method, &request->method);
    if (rc == 0) rc = check_channel(visit, &request->ref, request->method);
    if (rc == 0) rc = check_whole(visit, &request->ref);
    if (rc == 0) rc = read_arguments(visit, fields.arguments, &request->args);
    if (rc == 0) rc = admit(visit, &request->ref, request->method, &request->args);
    request->more = fields.more;
    return rc;
}
