/* lb/lab/json.c: traces as vt writes them and LBAF reads them: a file per rank, "phases" with "tasks" and
 * "communications"; plain or gzipped. Parsed by jansson. Places in a file are named as jq would: .phases[0].tasks[3].
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "lb/lab/trace.h"
#include "rpc/error.h"

/* A file and a place in it, for messages. */
struct place {
    const char *path;
    size_t phase, row;
    const char *list; /* "tasks" or "communications"; NULL: the phase itself */
    char *why;
};

static int bad(const struct place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int bad(const struct place *at, const char *format, ...) {
    int used = snprintf(at->why, LAB_WHY_BYTES, "%s: .phases[%zu]", at->path, at->phase);
    if (at->list != NULL) used += snprintf(at->why + used, LAB_WHY_BYTES - (size_t)used, ".%s[%zu]", at->list, at->row);
    used += snprintf(at->why + used, LAB_WHY_BYTES - (size_t)used, ": ");
    va_list args;
    va_start(args, format);
    vsnprintf(at->why + used, LAB_WHY_BYTES - (size_t)used, format, args);
    va_end(args);
    return CHARIOT_EINVAL;
}

static size_t read_some(void *buffer, size_t size, void *file) {
    int got = gzread(file, buffer, (unsigned)size);
    return got < 0 ? (size_t)-1 : (size_t)got;
}

static json_t *load(const char *path, char *why) {
    json_error_t error;
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        snprintf(why, LAB_WHY_BYTES, "%s: %s", path, strerror(errno != 0 ? errno : ENOMEM));
        return NULL;
    }
    json_t *root = json_load_callback(read_some, file, 0, &error);
    if (root == NULL) snprintf(why, LAB_WHY_BYTES, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    gzclose(file);
    return root;
}

/* ---------------------------------------------------------------- fields */

static int take_whole(const struct place *at, json_t *in, const char *name, double most, uint64_t *out) {
    json_t *value = json_object_get(in, name);
    if (value == NULL) return bad(at, "there is no '%s'", name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (double)json_integer_value(value) > most)
        return bad(at, "'%s' is not a whole number from 0 to %.0f", name, most);
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int take_amount(const struct place *at, json_t *in, const char *name, double *out) {
    json_t *value = json_object_get(in, name);
    if (value == NULL) return bad(at, "there is no '%s'", name);
    *out = json_number_value(value);
    return json_is_number(value) && isfinite(*out) && *out >= 0 ? 0 : bad(at, "'%s' is not a number from 0", name);
}

/* LBAF writes them as reals. */
static int take_bytes(const struct place *at, json_t *in, const char *name, uint64_t *out) {
    double bytes;
    int error = take_amount(at, in, name, &bytes);
    if (error == 0 && bytes > 0x1p31) return bad(at, "'%s' is more than %.0f", name, 0x1p31);
    *out = (uint64_t)bytes;
    return error;
}

/* Newer files say "id", older ones "seq_id" too, which then is the name. */
static int take_id(const struct place *at, json_t *entity, uint64_t *out) {
    if (!json_is_object(entity)) return bad(at, "there is no entity with an 'id'");
    return take_whole(at, entity, json_object_get(entity, "id") == NULL ? "seq_id" : "id", 0x1p63, out);
}

static uint32_t take_coords(json_t *index, double *out) {
    uint32_t dims = 0;
    while (dims < LAB_MAX_DIMS && json_is_number(json_array_get(index, dims))) {
        out[dims] = json_number_value(json_array_get(index, dims));
        dims++;
    }
    return dims;
}

/* ---------------------------------------------------------------- rows */

static int take_task(const struct place *at, struct lab_trace *trace, int64_t phase, json_t *row) {
    struct lab_task task = {.phase = phase};
    uint64_t node = 0, bytes = 0;
    json_t *entity = json_object_get(row, "entity"), *movable = json_object_get(entity, "migratable");
    int error = take_id(at, entity, &task.id);
    if (error == 0) error = take_whole(at, row, "node", 1e7, &node);
    if (error == 0) error = take_amount(at, row, "time", &task.object.load);
    json_t *more = json_object_get(row, "user_defined");
    if (error == 0 && json_object_get(row, "serialized_bytes") != NULL)
        error = take_whole(at, row, "serialized_bytes", 0x1p31, &bytes);
    if (error == 0 && json_object_get(more, "task_serialized_bytes") != NULL)
        error = take_bytes(at, more, "task_serialized_bytes", &bytes);
    if (error != 0) return error;
    if (movable != NULL && !json_is_boolean(movable)) return bad(at, "'migratable' is not true or false");
    task.object.pe = (uint32_t)node;
    task.object.bytes = (uint32_t)bytes;
    task.object.migratable = movable == NULL || json_is_true(movable);
    task.dims = take_coords(json_object_get(entity, "index"), task.coords);
    error = lab_trace_add_task(trace, &task);
    return error == 0 ? 0 : (bad(at, "out of memory"), error);
}

static bool is_object(json_t *entity) {
    const char *type = json_string_value(json_object_get(entity, "type"));
    return type == NULL || strcmp(type, "object") == 0;
}

/* Messages from and to nodes count for nothing. */
static int take_message(const struct place *at, struct lab_trace *trace, int64_t phase, json_t *row) {
    struct lab_message message = {.phase = phase};
    if (!is_object(json_object_get(row, "from")) || !is_object(json_object_get(row, "to"))) return 0;
    int error = take_id(at, json_object_get(row, "from"), &message.from);
    if (error == 0) error = take_id(at, json_object_get(row, "to"), &message.to);
    if (error == 0) error = take_amount(at, row, "bytes", &message.bytes);
    if (error != 0) return error;
    error = lab_trace_add_message(trace, &message);
    return error != 0 ? (bad(at, "out of memory"), error) : 0;
}

typedef int take_row(const struct place *at, struct lab_trace *trace, int64_t phase, json_t *row);

static int take_list(struct place *at, struct lab_trace *trace, json_t *phase, take_row *take) {
    uint64_t number;
    int error = take_whole(&(struct place){at->path, at->phase, 0, NULL, at->why}, phase, "id", 0x1p53, &number);
    json_t *rows = json_object_get(phase, at->list), *row;
    if (error != 0) return error;
    if (rows != NULL && !json_is_array(rows)) return bad(at, "is no list");
    json_array_foreach(rows, at->row, row) {
        if ((error = take(at, trace, (int64_t)number, row)) != 0) return error;
    }
    return 0;
}

/* ---------------------------------------------------------------- what our own records say beside */

static int take_background(struct lab_trace *trace, json_t *phases, uint32_t pe) {
    json_t *phase;
    size_t i;
    int error = 0;
    json_array_foreach(phases, i, phase) {
        json_t *seconds = json_object_get(json_object_get(phase, "user_defined"), "background");
        int64_t number = json_integer_value(json_object_get(phase, "id"));
        if (error == 0 && json_is_number(seconds) && json_number_value(seconds) >= 0)
            error = lab_trace_add_background(trace, number, pe, json_number_value(seconds));
    }
    return error;
}

/* A file of our own among so many that are read together. */
static int take_about(struct lab_trace *trace, const char *path, json_t *root, uint32_t count, char *why) {
    json_t *about = json_object_get(root, "metadata"), *more = json_object_get(about, "attributes");
    json_t *rank = json_object_get(about, "rank"), *pes = json_object_get(more, "pes");
    const char *job = json_string_value(json_object_get(more, "job"));
    if (job == NULL || !json_is_integer(rank) || !json_is_integer(pes)) return 0;
    if (trace->job[0] == 0) snprintf(trace->job, sizeof trace->job, "%s", job);
    if (strncmp(trace->job, job, sizeof trace->job - 1) != 0) {
        snprintf(why, LAB_WHY_BYTES, "%s: was recorded by another job than the files before it", path);
        return CHARIOT_EINVAL;
    }
    if (json_integer_value(pes) != count) {
        snprintf(why, LAB_WHY_BYTES, "%s: is one of %lld files that its job recorded, a file per PE; %u were given",
                 path, (long long)json_integer_value(pes), count);
        return CHARIOT_EINVAL;
    }
    trace->incomplete |= json_is_false(json_object_get(more, "complete"));
    int64_t pe = json_integer_value(rank);
    return pe < 0 || pe >= count ? 0 : take_background(trace, json_object_get(root, "phases"), (uint32_t)pe);
}

/* ---------------------------------------------------------------- files */

static int take_phases(struct lab_trace *trace, json_t *root, const char *path, const char *list, take_row *take,
                       char *why) {
    struct place at = {.path = path, .list = list, .why = why};
    int error = 0;
    json_t *phase, *phases = json_object_get(root, "phases");
    if (!json_is_array(phases)) {
        snprintf(why, LAB_WHY_BYTES, "%s: there is no list 'phases': is it a trace of vt or LBAF?", path);
        return CHARIOT_EINVAL;
    }
    json_array_foreach(phases, at.phase, phase) {
        if (error == 0) error = take_list(&at, trace, phase, take);
    }
    return error;
}

static int take_tasks(struct lab_trace *trace, const char *path, uint32_t count, char *why) {
    json_t *root = load(path, why);
    if (root == NULL) return CHARIOT_EINVAL;
    int error = take_phases(trace, root, path, "tasks", take_task, why);
    if (error == 0) error = take_about(trace, path, root, count, why);
    json_decref(root);
    return error;
}

static int take_messages(struct lab_trace *trace, const char *path, char *why) {
    json_t *root = load(path, why);
    if (root == NULL) return CHARIOT_EINVAL;
    int error = take_phases(trace, root, path, "communications", take_message, why);
    json_decref(root);
    return error;
}

int lab_trace_read_json(struct lab_trace *trace, const char *const *paths, uint32_t count, char *why) {
    int error = 0;
    *trace = (struct lab_trace){0};
    for (uint32_t i = 0; error == 0 && i < count; i++) error = take_tasks(trace, paths[i], count, why);
    if (error == 0 && trace->num_phases == 0) {
        snprintf(why, LAB_WHY_BYTES, "%s: there is no task", paths[0]);
        error = CHARIOT_EINVAL;
    }
    if (error == 0) error = lab_trace_sort(trace, why);
    for (uint32_t i = 0; error == 0 && i < count; i++) error = take_messages(trace, paths[i], why);
    if (error != 0) lab_trace_deinit(trace);
    return error;
}
