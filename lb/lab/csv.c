/* lb/lab/csv.c: traces of comma-separated values, plain or gzipped. The first line names the columns, in any order:
 * phase, rank, object, migratable, time, and if there are any bytes (of state), x, y, z; edges: phase, from, to, bytes.
 * Other columns are passed over. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lb/lab/trace.h"
#include "rpc/error.h"

enum { MAX_COLUMNS = 16, LINE_BYTES = 4096 };

struct column {
    const char *name;
    bool must;
    double most; /* 0: any finite number; otherwise whole numbers up to it */
};

static const struct column TASKS[] = {
    {"phase", true, 0x1p53},  {"rank", true, 1e7}, {"object", true, 0x1p63}, {"migratable", true, 1}, {"time", true, 0},
    {"bytes", false, 0x1p31}, {"x", false, 0},     {"y", false, 0},          {"z", false, 0},
};
enum { PHASE, RANK, OBJECT, MIGRATABLE, TIME, BYTES, X, NUM_TASK_COLUMNS = X + LAB_MAX_DIMS };
static const struct column EDGES[] = {
    {"phase", true, 0x1p53},
    {"from", true, 0x1p63},
    {"to", true, 0x1p63},
    {"bytes", true, 0},
};
enum { FROM = 1, TO, SENT, NUM_EDGE_COLUMNS };

/* A file that is being read, line by line. */
struct table {
    const char *path;
    gzFile file;
    uint32_t line;
    const struct column *columns;
    uint32_t num_columns;
    uint32_t place[MAX_COLUMNS]; /* of the fields in a line, which column it is; MAX_COLUMNS: none of ours */
    uint32_t num_fields;
    bool has[MAX_COLUMNS];
    char text[LINE_BYTES];
    /* of the present line */
    double number[MAX_COLUMNS];
    uint64_t whole[MAX_COLUMNS]; /* exact, where numbers are whole */
    char *why;
};

#define BAD(table, ...) (bad_where(table), bad_what(table, __VA_ARGS__))

static void bad_where(const struct table *t) {
    snprintf(t->why, LAB_WHY_BYTES, "%s:%u: ", t->path, t->line);
}

static int bad_what(const struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int bad_what(const struct table *t, const char *format, ...) {
    va_list args;
    size_t used = strlen(t->why);
    va_start(args, format);
    vsnprintf(t->why + used, LAB_WHY_BYTES - used, format, args);
    va_end(args);
    return CHARIOT_EINVAL;
}

/* 1: the file has ended. */
static int next_line(struct table *t) {
    t->line++;
    if (gzgets(t->file, t->text, sizeof t->text) == NULL) {
        int error = Z_OK;
        const char *text = gzerror(t->file, &error);
        return error == Z_OK || error == Z_STREAM_END
                   ? 1
                   : BAD(t, "cannot be read: %s", error == Z_ERRNO ? strerror(errno) : text);
    }
    size_t length = strcspn(t->text, "\r\n");
    if (t->text[length] == 0 && length + 1 == sizeof t->text) return BAD(t, "the line is too long");
    t->text[length] = 0;
    return 0;
}

static int read_header(struct table *t) {
    int error = next_line(t);
    if (error != 0) return error > 0 ? BAD(t, "the file is empty: its first line must name the columns") : error;
    char *rest = t->text, *name;
    while ((name = strsep(&rest, ",")) != NULL) {
        if (t->num_fields == MAX_COLUMNS) return BAD(t, "more than %d columns", MAX_COLUMNS);
        uint32_t column = 0;
        while (column < t->num_columns && strcmp(t->columns[column].name, name) != 0) column++;
        t->place[t->num_fields++] = column < t->num_columns ? column : MAX_COLUMNS;
        if (column < t->num_columns) t->has[column] = true;
    }
    for (uint32_t i = 0; i < t->num_columns; i++) {
        if (t->columns[i].must && !t->has[i]) return BAD(t, "there is no column '%s'", t->columns[i].name);
    }
    return 0;
}

static int read_field(struct table *t, uint32_t column, const char *text) {
    const struct column *c = &t->columns[column];
    char *end;
    t->number[column] = strtod(text, &end);
    if (end == text || *end != 0) return BAD(t, "%s '%s' is not a number", c->name, text);
    if (!isfinite(t->number[column])) return BAD(t, "%s '%s' is not finite", c->name, text);
    if (c->most == 0) return 0;
    errno = 0;
    t->whole[column] = strtoull(text, &end, 10);
    if (*text == '-' || *end != 0 || errno != 0 || (double)t->whole[column] > c->most)
        return BAD(t, "%s '%s' is not a whole number from 0 to %.0f", c->name, text, c->most);
    return 0;
}

/* 1: the file has ended. Empty lines are passed over. */
static int read_row(struct table *t) {
    int error;
    do {
        if ((error = next_line(t)) != 0) return error;
    } while (t->text[0] == 0);
    char *rest = t->text, *text;
    uint32_t field = 0;
    while ((text = strsep(&rest, ",")) != NULL) {
        if (field == t->num_fields) return BAD(t, "more fields than the first line names (%u)", t->num_fields);
        uint32_t column = t->place[field++];
        if (column != MAX_COLUMNS && (error = read_field(t, column, text)) != 0) return error;
    }
    return field == t->num_fields ? 0 : BAD(t, "%u fields, but the first line names %u", field, t->num_fields);
}

/* ---------------------------------------------------------------- tasks and edges */

static int take_task(struct table *t, struct lab_trace *trace) {
    struct lab_task task = {.phase = (int64_t)t->whole[PHASE], .id = t->whole[OBJECT]};
    if (t->number[TIME] < 0) return BAD(t, "time %g is negative", t->number[TIME]);
    task.object = (struct lb_object){t->number[TIME], (uint32_t)t->whole[RANK], (uint32_t)t->whole[BYTES],
                                     t->whole[MIGRATABLE] != 0};
    while (task.dims < LAB_MAX_DIMS && t->has[X + task.dims]) {
        task.coords[task.dims] = t->number[X + task.dims];
        task.dims++;
    }
    int error = lab_trace_add_task(trace, &task);
    return error == 0 ? 0 : (BAD(t, "out of memory"), error);
}

static int take_edge(struct table *t, struct lab_trace *trace) {
    struct lab_message message = {(int64_t)t->whole[PHASE], t->whole[FROM], t->whole[TO], t->number[SENT]};
    if (message.bytes < 0) return BAD(t, "bytes %g are negative", message.bytes);
    int error = lab_trace_add_message(trace, &message);
    return error == 0 ? 0 : (BAD(t, "out of memory"), error);
}

static int read_table(struct table *t, struct lab_trace *trace, int (*take)(struct table *, struct lab_trace *)) {
    t->file = gzopen(t->path, "rb");
    if (t->file == NULL) {
        snprintf(t->why, LAB_WHY_BYTES, "%s: %s", t->path, strerror(errno != 0 ? errno : ENOMEM));
        return CHARIOT_EIO;
    }
    gzbuffer(t->file, 1 << 17);
    int error = read_header(t);
    while (error == 0 && (error = read_row(t)) == 0) error = take(t, trace);
    gzclose(t->file);
    return error > 0 ? 0 : error;
}

static bool edges_beside(const char *tasks, char *out) {
    const char *mark = strstr(tasks, ".tasks.");
    if (mark == NULL || strlen(tasks) >= PATH_MAX) return false;
    snprintf(out, PATH_MAX, "%.*s.comm.%s", (int)(mark - tasks), tasks, mark + strlen(".tasks."));
    return access(out, F_OK) == 0;
}

int lab_trace_read_csv(struct lab_trace *trace, const char *path, char *why) {
    char beside[PATH_MAX];
    struct table tasks = {.path = path, .columns = TASKS, .num_columns = NUM_TASK_COLUMNS, .why = why};
    struct table edges = {.path = beside, .columns = EDGES, .num_columns = NUM_EDGE_COLUMNS, .why = why};
    *trace = (struct lab_trace){0};
    int error = read_table(&tasks, trace, take_task);
    if (error == 0 && trace->num_phases == 0) error = BAD(&tasks, "there is no task");
    if (error == 0 && (error = lab_trace_sort(trace, why)) != 0) {
        char said[LAB_WHY_BYTES / 2];
        snprintf(said, sizeof said, "%s", why);
        snprintf(why, LAB_WHY_BYTES, "%s: %s", path, error == CHARIOT_EINVAL ? said : chariot_error_text(error));
    }
    if (error == 0 && edges_beside(path, beside)) error = read_table(&edges, trace, take_edge);
    if (error != 0) lab_trace_deinit(trace);
    return error;
}
