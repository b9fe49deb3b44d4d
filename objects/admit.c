#include "objects/admit.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PLACES = 64 };

/* A value as it stands in the message; size 0: there is none. */
struct span {
    const void *data;
    size_t size;
};

struct binding {
    const struct chariot_signature *signature;
    struct span places[MAX_PLACES];
    uint64_t num_positional, num_named, num_kept; /* kept: those that have no place, and stay in the map */
    bool moved;                                   /* some that were named have a place */
    struct chariot_reader positional, named;      /* before the first of each */
    char *why;
    size_t why_size;
};

static int refuse(struct binding *bind, const char *format, const char *name, size_t size) {
    snprintf(bind->why, bind->why_size, format, (int)(size < 80 ? size : 80), name);
    return CHARIOT_EINVAL;
}

static bool has_place(const struct chariot_parameter *parameter) {
    return parameter->kind == CHARIOT_ORDINARY || parameter->kind == CHARIOT_POSITION_ONLY;
}

static bool takes(const struct chariot_signature *signature, enum chariot_parameter_kind kind) {
    for (uint32_t i = 0; i < signature->num_parameters; i++) {
        if (signature->parameters[i].kind == kind) return true;
    }
    return false;
}

static uint32_t num_places(const struct chariot_signature *signature) {
    uint32_t count = 0;
    while (count < signature->num_parameters && has_place(&signature->parameters[count])) count++;
    return count < MAX_PLACES ? count : MAX_PLACES;
}

/* ---------------------------------------------------------------- what came */

static int read_positional(struct binding *bind, struct chariot_reader *reader) {
    uint32_t places = num_places(bind->signature);
    bind->positional = *reader;
    if (bind->num_positional > places && !takes(bind->signature, CHARIOT_REST)) {
        snprintf(bind->why, bind->why_size, "it takes %u arguments by position but %llu were given", places,
                 (unsigned long long)bind->num_positional);
        return CHARIOT_EINVAL;
    }
    for (uint64_t i = 0; i < bind->num_positional; i++) {
        struct span passed;
        int rc = chariot_skip(reader, &passed.data, &passed.size);
        if (rc != 0) return rc;
        if (i < places) bind->places[i] = passed;
    }
    return 0;
}

/* The parameter of that name; NULL: there is none. */
static const struct chariot_parameter *find(const struct chariot_signature *signature,
                                            const struct chariot_value *name) {
    for (uint32_t i = 0; i < signature->num_parameters; i++) {
        const struct chariot_parameter *parameter = &signature->parameters[i];
        bool named = parameter->kind == CHARIOT_ORDINARY || parameter->kind == CHARIOT_NAME_ONLY;
        if (named && strlen(parameter->name) == name->bytes.size &&
            memcmp(parameter->name, name->bytes.data, name->bytes.size) == 0)
            return parameter;
    }
    return NULL;
}

static int read_name(struct binding *bind, const struct chariot_value *name, const struct span *value) {
    const struct chariot_parameter *parameter = find(bind->signature, name);
    const char *text = (const char *)name->bytes.data;
    if (parameter == NULL && !takes(bind->signature, CHARIOT_NAMED_REST))
        return refuse(bind, "it takes no argument named '%.*s'", text, name->bytes.size);
    if (parameter == NULL || !has_place(parameter)) {
        bind->num_kept++;
        return 0;
    }
    struct span *place = &bind->places[parameter - bind->signature->parameters];
    if (place->size > 0) return refuse(bind, "argument '%.*s' was given twice", text, name->bytes.size);
    *place = *value;
    bind->moved = true;
    return 0;
}

static int read_named(struct binding *bind, struct chariot_reader *reader) {
    struct chariot_value map, name;
    if (chariot_reader_done(reader)) return 0;
    int rc = chariot_get_typed(reader, CHARIOT_MAP, &map);
    if (rc != 0) return rc;
    bind->num_named = map.count;
    bind->named = *reader;
    for (uint64_t i = 0; rc == 0 && i < map.count; i++) {
        struct span value;
        rc = chariot_get_typed(reader, CHARIOT_STRING, &name);
        if (rc == 0) rc = chariot_skip(reader, &value.data, &value.size);
        if (rc == 0) rc = read_name(bind, &name, &value);
    }
    return rc;
}

/* ---------------------------------------------------------------- whether it is what is said */

static const struct {
    const char *text;
    const char *wanted;
    uint32_t types; /* a bit for each chariot_value_type */
    bool number;    /* an array without dimensions is one */
} known[] = {
    {"bool", "a bool", 1u << CHARIOT_BOOL, true},
    {"int", "an int", 1u << CHARIOT_INT | 1u << CHARIOT_BIGINT | 1u << CHARIOT_BOOL, true},
    {"float", "a float", 1u << CHARIOT_DOUBLE | 1u << CHARIOT_INT | 1u << CHARIOT_BIGINT | 1u << CHARIOT_BOOL, true},
    {"str", "a string", 1u << CHARIOT_STRING, false},
    {"bytes", "bytes", 1u << CHARIOT_BYTES, false},
    {"list", "a list", 1u << CHARIOT_LIST | 1u << CHARIOT_TUPLE, false},
    {"dict", "a map", 1u << CHARIOT_MAP, false},
    {"array", "an array", 1u << CHARIOT_ARRAY, false},
};

static struct chariot_value head_of(const struct span *span) {
    struct chariot_reader reader = {.at = span->data, .end = (const uint8_t *)span->data + span->size};
    struct chariot_value value = {.type = CHARIOT_NULL};
    reader.begin = reader.at;
    (void)chariot_get(&reader, &value); /* it was passed over: it can be read */
    return value;
}

static int check_type(struct binding *bind, const struct chariot_parameter *parameter, const struct span *span) {
    const struct chariot_value value = head_of(span);
    for (size_t i = 0; parameter->type != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(parameter->type, known[i].text) != 0) continue;
        bool scalar = known[i].number && value.type == CHARIOT_ARRAY && value.array.ndim == 0;
        if (scalar || (known[i].types & 1u << value.type) != 0) return 0;
        snprintf(bind->why, bind->why_size, "argument '%.60s' must be %s", parameter->name, known[i].wanted);
        return CHARIOT_EINVAL;
    }
    return 0;
}

static int check_places(struct binding *bind) {
    for (uint32_t i = 0; i < num_places(bind->signature); i++) {
        const struct chariot_parameter *parameter = &bind->signature->parameters[i];
        int rc = 0;
        if (bind->places[i].size > 0)
            rc = check_type(bind, parameter, &bind->places[i]);
        else if (!parameter->optional)
            rc = refuse(bind, "argument '%.*s' is missing", parameter->name, strlen(parameter->name));
        if (rc != 0) return rc;
    }
    return 0;
}

/* ---------------------------------------------------------------- as the method reads them */

static void put_kept(struct binding *bind, struct chariot_writer *writer) {
    if (bind->num_kept > 0) chariot_put_map(writer, bind->num_kept);
    for (uint64_t i = 0; bind->num_kept > 0 && i < bind->num_named; i++) {
        struct chariot_value name;
        struct span value;
        if (chariot_get_typed(&bind->named, CHARIOT_STRING, &name) != 0) return;
        if (chariot_skip(&bind->named, &value.data, &value.size) != 0) return;
        const struct chariot_parameter *parameter = find(bind->signature, &name);
        if (parameter != NULL && has_place(parameter)) continue;
        chariot_put_string(writer, (const char *)name.bytes.data, name.bytes.size);
        chariot_put_encoded(writer, value.data, value.size);
    }
}

/* Named ones go to their places, those that were left out in between are null. */
static int put_in_places(struct binding *bind, struct chariot_msg **args) {
    uint32_t count = num_places(bind->signature);
    struct chariot_writer writer;
    struct chariot_msg *placed;
    while (count > 0 && bind->places[count - 1].size == 0) count--;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        if (bind->places[i].size > 0)
            chariot_put_encoded(&writer, bind->places[i].data, bind->places[i].size);
        else
            chariot_put_null(&writer);
    }
    put_kept(bind, &writer);
    int rc = chariot_writer_finish(&writer, &placed);
    if (rc != 0) return rc;
    chariot_msg_unref(*args);
    *args = placed;
    return 0;
}

int obj_admit(const struct chariot_signature *signature, struct chariot_msg **args, char *why, size_t why_size) {
    struct binding bind = {.signature = signature, .why = why, .why_size = why_size};
    struct chariot_reader reader;
    struct chariot_value list;
    if (signature->parameters == NULL) return 0;
    chariot_reader_init(&reader, *args);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &list);
    if (rc == 0) bind.num_positional = list.count;
    if (rc == 0) rc = read_positional(&bind, &reader);
    if (rc == 0) rc = read_named(&bind, &reader);
    if (rc == 0) rc = check_places(&bind);
    return rc == 0 && bind.moved ? put_in_places(&bind, args) : rc;
}
