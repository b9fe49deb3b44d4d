/* deploy/timeline.c: see timeline.h. Two passes over what the PEs have written: the first finds the messages of which
 * both the sending and the receipt were written down, the second writes all events; those messages become arrows. */
#include "deploy/timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/clock.h"
#include "deploy/timeline_read.h"
#include "rpc/error.h"

enum { MAX_OPEN = 64, OUT_BUFFER_BYTES = 1 << 20 };

/* Messages, each as (from, to, number) in one word, in ascending order once all are there. */
struct messages {
    uint64_t *keys;
    size_t count, cap;
};

struct merge {
    FILE *out;
    int64_t started_ns;
    struct deploy_track track; /* of the PE that is written now */
    uint32_t pe;
    const struct rpc_timeline_record *open[MAX_OPEN]; /* what has begun and not ended */
    size_t depth;
    int64_t ended_ns; /* of the job */
    struct messages arrows;
    uint64_t dropped;
};

static const char *const categories[] = {
    [RPC_TIMELINE_METHOD] = "method",       [RPC_TIMELINE_CONSTRUCTOR] = "constructor",
    [RPC_TIMELINE_RESUMED] = "resumed",     [RPC_TIMELINE_MAIN] = "main",
    [RPC_TIMELINE_TIMER] = "timer",         [RPC_TIMELINE_REDUCTION] = "reduction",
    [RPC_TIMELINE_MESSAGE] = "runtime",     [RPC_TIMELINE_IDLE] = "idle",
    [RPC_TIMELINE_CREATION] = "creation",   [RPC_TIMELINE_ENDING] = "ending",
    [RPC_TIMELINE_MIGRATION] = "migration",
};

/* ---------------------------------------------------------------- arrows */

static uint64_t key_of(uint32_t from, uint32_t to, uint32_t number) {
    return (uint64_t)(from & 0xffff) << 48 | (uint64_t)(to & 0xffff) << 32 | number;
}

static int add(struct messages *messages, uint64_t key) {
    if (messages->count == messages->cap) {
        size_t cap = messages->cap == 0 ? 1024 : 2 * messages->cap;
        uint64_t *keys = realloc(messages->keys, cap * sizeof *keys);
        if (keys == NULL) return CHARIOT_ENOMEM;
        messages->keys = keys;
        messages->cap = cap;
    }
    messages->keys[messages->count++] = key;
    return 0;
}

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort(struct messages *messages) {
    if (messages->count > 1) qsort(messages->keys, messages->count, sizeof messages->keys[0], by_key);
}

/* Keeps of `sent` what is in `received` too, once. */
static void intersect(struct messages *sent, const struct messages *received) {
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < sent->count; i++) {
        while (at < received->count && received->keys[at] < sent->keys[i]) at++;
        bool both = at < received->count && received->keys[at] == sent->keys[i];
        if (both && (kept == 0 || sent->keys[kept - 1] != sent->keys[i])) sent->keys[kept++] = sent->keys[i];
    }
    sent->count = kept;
}

static int find_arrows(struct merge *merge, const char *run_dir, uint32_t num_pes) {
    struct messages received = {0};
    int rc = 0;
    for (uint32_t pe = 0; pe < num_pes && rc == 0; pe++) {
        const struct rpc_timeline_record *record;
        deploy_track_open(&merge->track, run_dir, pe);
        merge->dropped += merge->track.dropped;
        while (rc == 0 && (record = deploy_track_next(&merge->track)) != NULL) {
            if (record->number == 0) continue;
            if (record->kind == RPC_TIMELINE_SEND) rc = add(&merge->arrows, key_of(pe, record->peer, record->number));
            if (record->kind == RPC_TIMELINE_BEGIN) rc = add(&received, key_of(record->peer, pe, record->number));
        }
        deploy_track_close(&merge->track);
    }
    sort(&merge->arrows);
    sort(&received);
    intersect(&merge->arrows, &received);
    free(received.keys);
    return rc;
}

/* The arrow's number, from 1; 0: only one of its ends is known. */
static size_t arrow_of(const struct merge *merge, uint64_t key) {
    const struct messages *arrows = &merge->arrows;
    if (arrows->count == 0) return 0;
    const uint64_t *found = bsearch(&key, arrows->keys, arrows->count, sizeof key, by_key);
    return found == NULL ? 0 : (size_t)(found - arrows->keys) + 1;
}

/* ---------------------------------------------------------------- JSON */

/* Bytes of the UTF-8 character that text begins with; 0: none. */
static size_t character(const char *text) {
    const uint8_t *at = (const uint8_t *)text;
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (at[0] >= 0x80 && (at[0] < 0xc2 || at[0] > 0xf4)) return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return size;
}

static void put_string(FILE *out, const char *before, const char *text) {
    putc('"', out);
    fputs(before, out);
    while (*text != 0) {
        size_t size = character(text);
        if (size > 1)
            fwrite(text, 1, size, out);
        else if (size == 0 || (uint8_t)*text < 0x20)
            putc('?', out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            putc(*text, out);
        text += size == 0 ? 1 : size;
    }
    putc('"', out);
}

/* Nanoseconds as microseconds. */
static void put_us(FILE *out, const char *field, int64_t ns) {
    if (ns < 0) ns = 0;
    fprintf(out, ",\"%s\":%lld.%03lld", field, (long long)(ns / 1000), (long long)(ns % 1000));
}

/* What all events on a PE's track begin with; at_ns by its clock. tid 0 means something of its own to the viewers. */
static void put_event(struct merge *merge, const char *phase, int64_t at_ns) {
    at_ns = deploy_track_time(&merge->track, at_ns);
    fprintf(merge->out, ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%u", phase, merge->pe + 1);
    put_us(merge->out, "ts", at_ns - merge->started_ns);
}

static void put_name(struct merge *merge, const char *before, const struct rpc_timeline_record *record) {
    fputs(",\"name\":", merge->out);
    put_string(merge->out, before, deploy_track_name(&merge->track, record->name));
    fprintf(merge->out, ",\"cat\":\"%s\"", categories[record->category]);
}

static bool is_move(const struct rpc_timeline_record *record) {
    return record->kind == RPC_TIMELINE_INSTANT && record->category == RPC_TIMELINE_MIGRATION;
}

static void put_args(struct merge *merge, const struct rpc_timeline_record *record, bool ended) {
    const uint8_t *index = (const uint8_t *)(record + 1);
    const char *comma = "";
    fputs(",\"args\":{", merge->out);
    if (record->ndims > 0) {
        fputs("\"index\":[", merge->out);
        for (uint32_t i = 0; i < record->ndims; i++) {
            int64_t at;
            memcpy(&at, index + i * sizeof at, sizeof at);
            fprintf(merge->out, "%s%lld", i == 0 ? "" : ",", (long long)at);
        }
        fputs("]", merge->out);
        comma = ",";
    }
    if (record->category <= RPC_TIMELINE_CONSTRUCTOR || record->category == RPC_TIMELINE_MESSAGE) {
        fprintf(merge->out, "%s\"bytes\":%llu", comma, (unsigned long long)record->bytes);
        comma = ",";
    }
    if (is_move(record)) fprintf(merge->out, "%s\"%s\":%u", comma, record->number == 0 ? "to" : "from", record->peer);
    fprintf(merge->out, "%s}", ended ? "" : comma[0] == 0 ? "\"unfinished\":true" : ",\"unfinished\":true");
}

static void put_arrow(struct merge *merge, const char *phase, size_t arrow, int64_t at_ns) {
    if (arrow == 0) return;
    put_event(merge, phase, at_ns);
    fprintf(merge->out, ",\"id\":%zu,\"name\":\"message\",\"cat\":\"message\"%s}", arrow,
            phase[0] == 'f' ? ",\"bp\":\"e\"" : "");
}

/* ---------------------------------------------------------------- events of one PE */

static void begin(struct merge *merge, const struct rpc_timeline_record *record) {
    if (merge->depth < MAX_OPEN) merge->open[merge->depth] = record;
    merge->depth++;
}

/* An arrow's end stands behind the event that it points to: at one time the viewers go by the order. */
static void finish(struct merge *merge, int64_t end_ns, bool ended) { /* by our clock */
    if (merge->depth == 0 || --merge->depth >= MAX_OPEN) return;
    const struct rpc_timeline_record *begun = merge->open[merge->depth];
    put_event(merge, "X", begun->at_ns);
    put_us(merge->out, "dur", end_ns - deploy_track_time(&merge->track, begun->at_ns));
    put_name(merge, "", begun);
    put_args(merge, begun, ended);
    fputs("}", merge->out);
    if (begun->number == 0) return;
    put_arrow(merge, "f", arrow_of(merge, key_of(begun->peer, merge->pe, begun->number)), begun->at_ns);
}

/* An arrow begins in what runs; the runtime's own messages leave when nothing else does, and get something to begin in.
 */
static void send(struct merge *merge, const struct rpc_timeline_record *record) {
    size_t arrow = arrow_of(merge, key_of(merge->pe, record->peer, record->number));
    if (arrow == 0) return;
    if (merge->depth == 0) {
        put_event(merge, "X", record->at_ns);
        fputs(",\"dur\":0.001,\"name\":\"pass on\",\"cat\":\"runtime\",\"args\":{}}", merge->out);
    }
    put_arrow(merge, "s", arrow, record->at_ns);
}

static void instant(struct merge *merge, const struct rpc_timeline_record *record) {
    const char *before = record->category == RPC_TIMELINE_CREATION ? "create " : "";
    if (is_move(record)) before = record->number == 0 ? "leave " : "arrive ";
    put_event(merge, "i", record->at_ns);
    put_name(merge, before, record);
    if (is_move(record)) put_args(merge, record, true);
    fputs(",\"s\":\"t\"}", merge->out);
}

static void put_thread(struct merge *merge) {
    fprintf(merge->out,
            ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_name\",\"args\":{\"name\":\"PE %u\"}}"
            ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}}",
            merge->pe + 1, merge->pe, merge->pe + 1, merge->pe);
}

/* What still ran when its PE was killed, or hung, ends with the job. */
static void put_pe(struct merge *merge) {
    const struct rpc_timeline_record *record;
    put_thread(merge);
    merge->depth = 0;
    while ((record = deploy_track_next(&merge->track)) != NULL) {
        switch (record->kind) {
        case RPC_TIMELINE_BEGIN:
            begin(merge, record);
            break;
        case RPC_TIMELINE_END:
            finish(merge, deploy_track_time(&merge->track, record->at_ns), true);
            break;
        case RPC_TIMELINE_SEND:
            send(merge, record);
            break;
        case RPC_TIMELINE_INSTANT:
            instant(merge, record);
            break;
        default:
            break;
        }
    }
    while (merge->depth > 0) finish(merge, merge->ended_ns, false);
}

static void put_job(struct merge *merge, const char *run_dir, uint32_t num_pes) {
    fprintf(merge->out,
            "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"program\":\"chariot " CHARIOT_VERSION
            "\",\"pes\":%u,\"dropped\":%llu},\"traceEvents\":[\n"
            "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"chariot job\"}}",
            num_pes, (unsigned long long)merge->dropped);
    for (merge->pe = 0; merge->pe < num_pes; merge->pe++) {
        deploy_track_open(&merge->track, run_dir, merge->pe);
        put_pe(merge);
        deploy_track_close(&merge->track);
    }
    fputs("\n]}\n", merge->out);
}

/* ---------------------------------------------------------------- the file */

static int fail(const struct deploy_timeline *line, int error, struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot write the trace to '%s': %s", line->path,
                             strerror(error));
}

int deploy_timeline_open(struct deploy_timeline *line, const char *path, struct deploy_reason *reason) {
    *line = (struct deploy_timeline){.path = path, .fd = -1, .started_ns = deploy_clock_now_ns()};
    if (path == NULL) return 0;
    line->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    return line->fd < 0 ? fail(line, errno, reason) : 0;
}

int deploy_timeline_write(struct deploy_timeline *line, const char *run_dir, uint32_t num_pes, uint64_t *dropped,
                          struct deploy_reason *reason) {
    *dropped = 0;
    if (line->fd < 0) return 0;
    (void)!ftruncate(line->fd, 0); /* a pipe has nothing to cut off */
    struct merge merge = {
        .out = fdopen(line->fd, "w"), .started_ns = line->started_ns, .ended_ns = deploy_clock_now_ns()};
    line->fd = -1;
    if (merge.out == NULL) return fail(line, errno, reason);
    setvbuf(merge.out, NULL, _IOFBF, OUT_BUFFER_BYTES);
    int rc = find_arrows(&merge, run_dir, num_pes);
    if (rc == 0) put_job(&merge, run_dir, num_pes);
    *dropped = merge.dropped;
    free(merge.arrows.keys);
    errno = rc == CHARIOT_ENOMEM ? ENOMEM : 0;
    bool failed = rc != 0 || ferror(merge.out) != 0;
    int error = errno;
    if (fclose(merge.out) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    return failed ? fail(line, error == 0 ? EIO : error, reason) : 0;
}
