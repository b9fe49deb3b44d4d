/* rpc/log.c: settings, lines and the dump of the trace. */
#include "rpc/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A longer line is cut. */
enum { LINE_BYTES = 1024, SETTING_WORD_BYTES = 64 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static const struct {
    const char *name, *prefix;
} rooms[] = {
#define ROOM(room, prefix) {#room, prefix},
    RPC_LOG_ROOMS(ROOM)
#undef ROOM
};

static int level_named(const char *name) {
    for (int i = 0; i <= RPC_LOG_DEBUG; i++)
        if (strcmp(level_names[i], name) == 0) return i;
    return -1;
}

static int room_named(const char *name) {
    for (int i = 0; i < RPC_LOG_NUM_ROOMS; i++)
        if (strcmp(rooms[i].name, name) == 0) return i;
    return -1;
}

/* The room whose prefix starts the id; rpc for an id that names none. */
static int room_of(const char *id) {
    for (int i = 0; i < RPC_LOG_NUM_ROOMS; i++) {
        size_t size = strlen(rooms[i].prefix);
        if (strncmp(id, rooms[i].prefix, size) == 0 && id[size] == '-') return i;
    }
    return RPC_LOG_ROOM_rpc;
}

/* One "room:level" or "level". */
static bool set_word(struct rpc_log *log, char *word) {
    char *colon = strchr(word, ':');
    int level = level_named(colon == NULL ? word : colon + 1);
    if (colon != NULL) *colon = '\0';
    int room = colon == NULL ? 0 : room_named(word);
    if (colon != NULL) *colon = ':';
    if (level < 0 || room < 0) return false;
    for (int i = 0; i < RPC_LOG_NUM_ROOMS; i++)
        if (colon == NULL || i == room) log->levels[i] = (enum rpc_log_level)level;
    return true;
}

static void set_levels(struct rpc_log *log, const char *setting) {
    while (*setting != '\0') {
        size_t size = strcspn(setting, ",");
        char word[SETTING_WORD_BYTES];
        snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word), setting);
        if (size > 0 && !set_word(log, word))
            rpc_log_write(log, RPC_LOG_WARNING, "RPC-LOG-SETTING", "unknown=\"%s\"", word);
        setting += size;
        if (*setting == ',') setting++;
    }
}

struct rpc_log *rpc_log_new(const char *setting, uint32_t pe, int fd) {
    struct rpc_log *log = calloc(1, sizeof *log);
    if (log == NULL) return NULL;
    log->pe = pe;
    log->fd = fd;
    for (int i = 0; i < RPC_LOG_NUM_ROOMS; i++) log->levels[i] = RPC_LOG_WARNING;
    if (setting != NULL) set_levels(log, setting);
    for (int i = 0; i < RPC_LOG_NUM_ROOMS; i++)
        if (log->levels[i] > log->most) log->most = log->levels[i];
    return log;
}

void rpc_log_free(struct rpc_log *log) {
    free(log);
}

static void write_line(int fd, const char *line, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, line, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; /* there is nowhere left to say it */
        line += written;
        size -= (size_t)written;
    }
}

void rpc_log_write(struct rpc_log *log, enum rpc_log_level level, const char *id, const char *format, ...) {
    int room = room_of(id);
    if (log == NULL ? level > RPC_LOG_ERROR : level > log->levels[room]) return;
    char line[LINE_BYTES];
    int used = log == NULL ? snprintf(line, sizeof line, "chariot: ")
                           : snprintf(line, sizeof line, "chariot: PE %u: ", log->pe);
    used += snprintf(line + used, sizeof line - (size_t)used, "%s %s %s ", level_names[level], rooms[room].name, id);
    if ((size_t)used >= sizeof line - 1) used = sizeof line - 2;
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + used, sizeof line - 1 - (size_t)used, format, args);
    va_end(args);
    size_t size = more < 0 ? (size_t)used : (size_t)used + (size_t)more;
    if (size > sizeof line - 2) size = sizeof line - 2;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = '?';
    line[size] = '\n';
    write_line(log == NULL ? STDERR_FILENO : log->fd, line, size + 1);
}

void rpc_trace_dump(const struct rpc_log *log, int fd) {
    if (log == NULL) return;
    uint64_t first = log->num_records > RPC_TRACE_RECORDS ? log->num_records - RPC_TRACE_RECORDS : 0;
    for (uint64_t i = first; i < log->num_records; i++) {
        const struct rpc_trace_record *record = &log->records[i % RPC_TRACE_RECORDS];
        char line[256];
        int size = snprintf(line, sizeof line, "trace PE %u #%llu %s a=%llu b=%llu c=%llu\n", log->pe,
                            (unsigned long long)i, record->id, (unsigned long long)record->a,
                            (unsigned long long)record->b, (unsigned long long)record->c);
        if (size > 0) write_line(fd, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
    }
}
