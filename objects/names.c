/* Published names: see names.h.
 *
 *   chariot_publish() -PUBLISH, to PE 0-> it is free: -LEARN, a broadcast-> all PEs; the caller's future is complete
 *                                         when they have learned it, or fails at PE 0. */
#include "objects/names.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/ref.h"
#include "objects/runtime.h"

enum { CALL_PUBLISH, CALL_LEARN };
enum { MAX_NAME = 255 };

/* ---------------------------------------------------------------- the book */

static int compare(const struct obj_name_row *row, const void *name, size_t size) {
    size_t own = strlen(row->name);
    int order = memcmp(row->name, name, own < size ? own : size);
    return order != 0 ? order : own < size ? -1 : own > size;
}

/* Where the name is, or would be. */
static size_t place_of(const struct obj_names *names, const void *name, size_t size) {
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(&names->rows[middle], name, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct obj_name_row *obj_names_find(const struct chariot_pe *pe, const void *name, size_t size) {
    const struct obj_names *names = &pe->names;
    size_t at = place_of(names, name, size);
    return at < names->count && compare(&names->rows[at], name, size) == 0 ? &names->rows[at] : NULL;
}

static int add(struct obj_names *names, const void *name, size_t size, const struct chariot_ref *ref) {
    size_t at = place_of(names, name, size);
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 8 : 2 * names->capacity;
        struct obj_name_row *rows = realloc(names->rows, capacity * sizeof *rows);
        if (rows == NULL) return CHARIOT_ENOMEM;
        names->rows = rows;
        names->capacity = capacity;
    }
    char *copy = strndup(name, size);
    if (copy == NULL) return CHARIOT_ENOMEM;
    memmove(&names->rows[at + 1], &names->rows[at], (names->count - at) * sizeof *names->rows);
    names->rows[at] = (struct obj_name_row){.name = copy, .ref = *ref};
    names->count++;
    return 0;
}

static void drop(struct obj_names *names, const void *name, size_t size) {
    size_t at = place_of(names, name, size);
    if (at == names->count || compare(&names->rows[at], name, size) != 0) return;
    free(names->rows[at].name);
    names->count--;
    memmove(&names->rows[at], &names->rows[at + 1], (names->count - at) * sizeof *names->rows);
}

/* ---------------------------------------------------------------- what PEs tell each other */

/* A name, and what has it from now on; `ref` of collection 0: nothing. */
struct entry {
    const void *name;
    size_t size;
    struct chariot_ref ref;
};

static struct chariot_msg *entry_new(struct chariot_pe *pe, const void *name, size_t size,
                                     const struct chariot_ref *ref) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 2);
    chariot_put_string(&writer, name, size);
    if (ref->collection == 0)
        chariot_put_null(&writer);
    else
        chariot_put_ref(&writer, ref);
    if (chariot_writer_finish(&writer, &args) == 0) return args;
    obj_out_of_memory(pe);
    return NULL;
}

static int entry_read(struct chariot_pe *pe, const struct chariot_msg *args, struct entry *entry) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    *entry = (struct entry){0};
    chariot_reader_init(&reader, args);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0 || value.count != 2) return CHARIOT_EMALFORMED;
    if (chariot_get_typed(&reader, CHARIOT_STRING, &value) != 0 || value.bytes.size > MAX_NAME)
        return CHARIOT_EMALFORMED;
    entry->name = value.bytes.data;
    entry->size = value.bytes.size;
    if (chariot_get(&reader, &value) != 0) return CHARIOT_EMALFORMED;
    if (value.type == CHARIOT_NULL) return 0;
    if (value.type != CHARIOT_REF || chariot_ref_read(&value, &entry->ref, &method) != 0) return CHARIOT_EMALFORMED;
    return obj_ref_is_valid(pe, &entry->ref) && entry->ref.type < pe->num_types ? 0 : CHARIOT_EMALFORMED;
}

/* On PE 0. What all PEs are to learn completes the future of who asked. */
static int on_publish(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    OBJ_API(pe);
    struct entry entry;
    if (entry_read(pe, call->args, &entry) != 0) return CHARIOT_EMALFORMED;
    bool known = obj_names_find(pe, entry.name, entry.size) != NULL, leaves = entry.ref.collection == 0;
    if (known != leaves) {
        call->result = obj_error_new(pe, "ValueError",
                                     leaves ? "no object is published under this name"
                                            : "another object is published under this name already");
        return CHARIOT_EUSER;
    }
    struct chariot_msg *args = entry_new(pe, entry.name, entry.size, &entry.ref);
    if (args == NULL) return CHARIOT_ENOMEM;
    obj_broadcast_take(pe, obj_id_make(CHARIOT_GROUP, 0, OBJ_RESIDENT_NAMES), 0, CALL_LEARN,
                       call->reply.to == 0 ? 0 : OBJ_FLAG_WANT_DONE, call->reply.to, args);
    return CHARIOT_LATER;
}

static int on_learn(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    OBJ_API(pe);
    struct entry entry;
    if (entry_read(pe, call->args, &entry) != 0) return CHARIOT_EMALFORMED;
    drop(&pe->names, entry.name, entry.size);
    if (entry.ref.collection == 0) return 0;
    int rc = add(&pe->names, entry.name, entry.size, &entry.ref);
    if (rc != 0) obj_out_of_memory(pe);
    return rc;
}

/* ---------------------------------------------------------------- the public side */

bool chariot_name_is_valid(const char *name) {
    size_t size = strlen(name);
    if (size == 0 || size > MAX_NAME) return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr("_-./:", c) == NULL) return false;
    }
    return true;
}

static int ask(struct chariot_pe *pe, const char *name, const struct chariot_ref *ref, struct chariot_future *done) {
    struct chariot_ref book = {
        .collection = obj_id_make(CHARIOT_GROUP, 0, OBJ_RESIDENT_NAMES), .kind = CHARIOT_GROUP, .ndims = 1};
    if (!chariot_name_is_valid(name)) return CHARIOT_EINVAL;
    struct chariot_msg *args = entry_new(pe, name, strlen(name), ref);
    if (args == NULL) return CHARIOT_ENOMEM;
    return chariot_send_take(pe, &book, CALL_PUBLISH, args, done == NULL ? CHARIOT_WANT_NOTHING : CHARIOT_WANT_DONE,
                             done);
}

int chariot_publish(struct chariot_pe *pe, const char *name, const struct chariot_ref *ref,
                    struct chariot_future *done) {
    OBJ_API(pe);
    if (!obj_ref_is_valid(pe, ref)) return CHARIOT_EINVAL;
    return ask(pe, name, ref, done);
}

int chariot_unpublish(struct chariot_pe *pe, const char *name, struct chariot_future *done) {
    OBJ_API(pe);
    return ask(pe, name, &(struct chariot_ref){0}, done);
}

/* ---------------------------------------------------------------- life */

static const struct chariot_method calls[] = {
    [CALL_PUBLISH] = {.name = "publish", .invoke = on_publish}, [CALL_LEARN] = {.name = "learn", .invoke = on_learn}};

static const struct chariot_type names_type = {.name = "chariot.Names",
                                               .methods = calls,
                                               .num_methods = sizeof calls / sizeof calls[0],
                                               .create = obj_resident_create};

int obj_names_init(struct chariot_pe *pe) {
    return obj_resident_init(pe, OBJ_RESIDENT_NAMES, &names_type);
}

void obj_names_start(struct chariot_pe *pe) {
    obj_resident_start(pe, OBJ_RESIDENT_NAMES);
}

void obj_names_deinit(struct chariot_pe *pe) {
    for (size_t i = 0; i < pe->names.count; i++) free(pe->names.rows[i].name);
    free(pe->names.rows);
    pe->names = (struct obj_names){0};
}
