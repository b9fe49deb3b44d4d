/* Values that the runtime itself makes: errors and null. An error is a map of type, text and more that a face adds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"

struct obj_reply_wait *obj_reply_wait_new(const struct chariot_reply *reply) {
    struct obj_reply_wait *wait = malloc(sizeof *wait);
    if (wait != NULL) *wait = (struct obj_reply_wait){.reply = *reply};
    return wait;
}

struct chariot_msg *obj_error_new(struct chariot_pe *pe, const char *type, const char *text) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_error(&writer, 2);
    chariot_put_string(&writer, "type", 4);
    chariot_put_string(&writer, type, strlen(type));
    chariot_put_string(&writer, "text", 4);
    chariot_put_string(&writer, text, strlen(text));
    struct chariot_msg *msg;
    if (chariot_writer_finish(&writer, &msg) != 0) {
        obj_out_of_memory(pe);
        return NULL;
    }
    msg->flags |= OBJ_FLAG_ERROR;
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

static bool is(const struct chariot_value *value, const char *text) {
    return value->type == CHARIOT_STRING && value->bytes.size == strlen(text) &&
           memcmp(value->bytes.data, text, value->bytes.size) == 0;
}

void obj_error_text(const struct chariot_msg *error, char *text, size_t size) {
    struct chariot_reader reader;
    struct chariot_value value, type = {0}, what = {0};
    chariot_reader_init(&reader, error);
    snprintf(text, size, "error");
    if (chariot_get_typed(&reader, CHARIOT_ERROR, &value) != 0) return;
    for (uint64_t i = value.count; i > 0; i--) {
        struct chariot_value key;
        if (chariot_get(&reader, &key) != 0) return;
        bool is_type = is(&key, "type"), is_text = is(&key, "text");
        if (!is_type && !is_text) {
            const void *data;
            size_t passed;
            if (chariot_skip(&reader, &data, &passed) != 0) return;
        } else if (chariot_get_typed(&reader, CHARIOT_STRING, is_type ? &type : &what) != 0) {
            return;
        }
    }
    snprintf(text, size, "%.*s: %.*s", (int)(type.bytes.size & 0xffff), (const char *)type.bytes.data,
             (int)(what.bytes.size & 0xffff), (const char *)what.bytes.data);
}

bool chariot_msg_is_error(const struct chariot_msg *msg) {
    return (msg->flags & OBJ_FLAG_ERROR) != 0;
}

void chariot_msg_set_error(struct chariot_msg *msg) {
    msg->flags |= OBJ_FLAG_ERROR;
}
