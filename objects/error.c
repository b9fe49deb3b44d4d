/* Values that the runtime itself makes: errors and null. An error is a map of type, text and more that a face adds. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"

struct obj_reply_wait *obj_reply_wait_new(const struct chariot_reply *reply) {
    struct obj_reply_wait *wait = malloc(sizeof *wait);
    if (wait != NULL) *wait = (struct obj_reply_wait){.reply = *reply};
    return wait;
}

static void put_text(struct chariot_writer *writer, const char *text) {
    chariot_put_string(writer, text, strlen(text));
}

/* Begins an error value of so many pairs: these are the first two. */
static void put_error(struct chariot_writer *writer, uint64_t pairs, const char *type, const char *text) {
    chariot_writer_init_take(writer, NULL);
    chariot_put_error(writer, pairs);
    put_text(writer, "type");
    put_text(writer, type);
    put_text(writer, "text");
    put_text(writer, text);
}

struct chariot_msg *obj_error_new(struct chariot_pe *pe, const char *type, const char *text) {
    struct chariot_msg *msg = chariot_error_new(type, text);
    if (msg == NULL) obj_out_of_memory(pe);
    return msg;
}

struct chariot_msg *obj_null_new(struct chariot_pe *pe) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_null(&writer);
    struct chariot_msg *msg;
    if (chariot_writer_finish(&writer, &msg) == 0) return msg;
    obj_out_of_memory(pe);
    return NULL;
}

/* ---------------------------------------------------------------- what C raises */

struct chariot_msg *chariot_error_new(const char *type, const char *text) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    put_error(&writer, 2, type, text);
    if (chariot_writer_finish(&writer, &msg) != 0) return NULL;
    msg->flags |= OBJ_FLAG_ERROR;
    return msg;
}

struct chariot_msg *obj_error_of_call(const struct chariot_call *call, const char *type, const char *text) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    char where[200];
    const struct chariot_type *of = call->pe->types[call->elem->own.coll->type];
    snprintf(where, sizeof where, "%.120s.%.60s", of->name,
             call->method < of->num_methods ? of->methods[call->method].name : "?");
    put_error(&writer, 4, type, text);
    put_text(&writer, "pe");
    chariot_put_int(&writer, call->pe->node.pe);
    put_text(&writer, "where");
    put_text(&writer, where);
    if (chariot_writer_finish(&writer, &msg) != 0) {
        obj_out_of_memory(call->pe);
        return NULL;
    }
    msg->flags |= OBJ_FLAG_ERROR;
    return msg;
}

int chariot_raise(struct chariot_call *call, const char *type, const char *format, ...) {
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rpc_msg_unref(call->result);
    call->result = obj_error_of_call(call, type, text);
    return CHARIOT_EUSER;
}

/* ---------------------------------------------------------------- what others raised */

static bool is(const struct chariot_value *value, const char *text) {
    return value->type == CHARIOT_STRING && value->bytes.size == strlen(text) &&
           memcmp(value->bytes.data, text, value->bytes.size) == 0;
}

static struct chariot_text *part_of(struct chariot_failure *failure, const struct chariot_value *key) {
    if (is(key, "type")) return &failure->type;
    if (is(key, "text")) return &failure->text;
    if (is(key, "trace")) return &failure->trace;
    return is(key, "where") ? &failure->where : NULL;
}

/* What a face adds may be of other types than are known here: it is passed over. */
static int read_pair(struct chariot_reader *reader, struct chariot_failure *failure) {
    struct chariot_value key, value;
    const void *data;
    size_t size;
    int rc = chariot_get(reader, &key);
    if (rc != 0) return rc;
    struct chariot_text *text = part_of(failure, &key);
    struct chariot_reader ahead = *reader;
    rc = text != NULL     ? chariot_get_typed(&ahead, CHARIOT_STRING, &value)
         : is(&key, "pe") ? chariot_get_typed(&ahead, CHARIOT_INT, &value)
                          : CHARIOT_ETYPE;
    if (rc == CHARIOT_ETYPE && (text == &failure->type || text == &failure->text)) return CHARIOT_EMALFORMED;
    if (rc == 0 && text != NULL) *text = (struct chariot_text){(const char *)value.bytes.data, value.bytes.size};
    if (rc == 0 && text == NULL) failure->pe = value.integer;
    return chariot_skip(reader, &data, &size);
}

int chariot_error_read(struct chariot_reader *reader, struct chariot_failure *failure) {
    struct chariot_value value;
    *failure = (struct chariot_failure){.type = {"", 0}, .text = {"", 0}, .trace = {"", 0}, .where = {"", 0}, .pe = -1};
    int rc = chariot_get_typed(reader, CHARIOT_ERROR, &value);
    for (uint64_t i = 0; rc == 0 && i < value.count; i++) rc = read_pair(reader, failure);
    return rc;
}

void obj_error_text(const struct chariot_msg *error, char *text, size_t size) {
    struct chariot_reader reader;
    struct chariot_failure failure;
    chariot_reader_init(&reader, error);
    if (chariot_error_read(&reader, &failure) != 0)
        snprintf(text, size, "error");
    else
        snprintf(text, size, "%.*s: %.*s", (int)(failure.type.size & 0xffff), failure.type.data,
                 (int)(failure.text.size & 0xffff), failure.text.data);
}

/* The runtime's own errors say neither where nor on which PE; those that a method has passed on do. */
bool obj_error_is_destroyed(const struct chariot_msg *error) {
    static const char text[] = OBJ_TEXT_DESTROYED;
    struct chariot_reader reader;
    struct chariot_failure failure;
    chariot_reader_init(&reader, error);
    if (chariot_error_read(&reader, &failure) != 0 || failure.pe >= 0 || failure.trace.size > 0) return false;
    return failure.text.size == sizeof text - 1 && memcmp(failure.text.data, text, failure.text.size) == 0;
}

bool chariot_msg_is_error(const struct chariot_msg *msg) {
    return (msg->flags & OBJ_FLAG_ERROR) != 0;
}

void chariot_msg_set_error(struct chariot_msg *msg) {
    msg->flags |= OBJ_FLAG_ERROR;
}
