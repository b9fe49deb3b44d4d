#include "objects/hang.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/layout.h"
#include "objects/pe.h"

enum {
    STATUS_HANG = 75,
    REPORT_BYTES = 256 << 10, /* of text that a PE passes on or prints; what is beyond is counted */
    ALIVE_MIN_MS = 1000,
    ALIVE_MAX_MS = 60000,
};

/* ---------------------------------------------------------------- gathering, on every PE */

static void forget(struct chariot_pe *pe) {
    struct obj_hang *hang = &pe->hang;
    for (size_t i = 0; i < hang->num_reports; i++) free(hang->reports[i].text);
    hang->num_reports = 0;
    hang->gathers = 0;
    hang->waits = hang->unshown = 0;
    hang->alive = false;
}

/* What says nothing takes no room: of most PEs only the sums go up. */
static bool keep_take(struct obj_hang *hang, struct obj_report report) {
    if (report.text[0] == 0) {
        free(report.text);
        return true;
    }
    if (hang->num_reports == hang->cap_reports) {
        size_t cap = hang->cap_reports == 0 ? 8 : 2 * hang->cap_reports;
        struct obj_report *reports = realloc(hang->reports, cap * sizeof *reports);
        if (reports == NULL) {
            free(report.text);
            return false;
        }
        hang->reports = reports;
        hang->cap_reports = cap;
    }
    hang->reports[hang->num_reports++] = report;
    return true;
}

/* What waits here. */
static bool report_own(struct chariot_pe *pe) {
    struct chariot_report *report = calloc(1, sizeof *report);
    if (report == NULL) return false;
    if (pe->face.describe_blocked != NULL) {
        rpc_turn_lend(&pe->node.turn);
        pe->face.describe_blocked(pe->face.ctx, report);
        rpc_turn_take(&pe->node.turn);
    }
    obj_report_notes(pe, report);
    struct obj_report own = {.pe = pe->node.pe, .waits = report->waits, .text = obj_report_text(report, pe->node.pe)};
    pe->hang.waits += report->waits;
    pe->hang.alive = pe->hang.alive || report->alive;
    obj_report_deinit(report);
    free(report);
    return own.text != NULL && keep_take(&pe->hang, own);
}

static int by_pe(const void *a, const void *b) {
    const struct obj_report *first = a, *second = b;
    return (first->pe > second->pe) - (first->pe < second->pe);
}

/* Drops what is beyond REPORT_BYTES, of the highest PEs: what is left does not grow with their number. */
static void trim(struct obj_hang *hang) {
    size_t left = REPORT_BYTES, kept = 0;
    if (hang->num_reports > 1) qsort(hang->reports, hang->num_reports, sizeof *hang->reports, by_pe);
    for (size_t i = 0; i < hang->num_reports; i++) {
        struct obj_report *report = &hang->reports[i];
        size_t length = strlen(report->text);
        if (length <= left) {
            left -= length;
            hang->reports[kept++] = *report;
            continue;
        }
        hang->unshown += report->waits > 0;
        free(report->text);
    }
    hang->num_reports = kept;
}

static void pass_on(struct chariot_pe *pe) {
    struct obj_hang *hang = &pe->hang;
    struct chariot_writer writer;
    trim(hang);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, (int64_t)hang->waits);
    chariot_put_bool(&writer, hang->alive);
    chariot_put_int(&writer, (int64_t)hang->unshown);
    for (size_t i = 0; i < hang->num_reports; i++) {
        const struct obj_report *report = &hang->reports[i];
        chariot_put_int(&writer, report->pe);
        chariot_put_int(&writer, report->waits);
        chariot_put_string(&writer, report->text, strlen(report->text));
    }
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_REPORT, &writer);
    if (msg == NULL) return;
    msg->seq = hang->gathers;
    forget(pe);
    obj_tree_send_up_take(pe, 0, msg);
}

static void print(struct chariot_pe *pe);

static void finish(struct chariot_pe *pe) {
    if (pe->hang.unanswered > 0) return;
    if (pe->node.pe == 0)
        print(pe);
    else
        pass_on(pe);
}

void obj_hang_on_ask(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_hang *hang = &pe->hang;
    uint32_t children[OBJ_TREE_RADIX];
    forget(pe);
    hang->gathers = msg->seq;
    hang->unanswered = obj_tree_children(pe, pe->node.pe, 0, children);
    if (report_own(pe))
        finish(pe);
    else
        obj_out_of_memory(pe);
}

/* What a value's bytes say, with an end. Gives; NULL: out of memory. */
static char *text_of(const struct chariot_value *value) {
    char *text = malloc(value->bytes.size + 1);
    if (text == NULL) return NULL;
    memcpy(text, value->bytes.data, value->bytes.size);
    text[value->bytes.size] = 0;
    return text;
}

/* One PE's report from a message that may say anything. */
static int read_report(struct chariot_reader *reader, struct obj_report *report) {
    struct chariot_value from, waits, text;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &from);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_INT, &waits);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_STRING, &text);
    if (rc != 0) return CHARIOT_EMALFORMED;
    *report =
        (struct obj_report){.pe = (uint32_t)from.integer, .waits = (uint32_t)waits.integer, .text = text_of(&text)};
    return report->text == NULL ? CHARIOT_ENOMEM : 0;
}

/* The sums, then the reports. */
static int read_all(struct obj_hang *hang, struct chariot_reader *reader) {
    struct chariot_value waits, alive, unshown;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &waits);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_BOOL, &alive);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_INT, &unshown);
    if (rc != 0) return CHARIOT_EMALFORMED;
    hang->waits += (uint64_t)waits.integer;
    hang->alive = hang->alive || alive.boolean;
    hang->unshown += (uint64_t)unshown.integer;
    while (rc == 0 && !chariot_reader_done(reader)) {
        struct obj_report report;
        rc = read_report(reader, &report);
        if (rc == 0 && !keep_take(hang, report)) rc = CHARIOT_ENOMEM;
    }
    return rc;
}

void obj_hang_on_report(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_hang *hang = &pe->hang;
    struct chariot_reader reader;
    if (hang->gathers == 0 || msg->seq != hang->gathers || hang->unanswered == 0) {
        obj_refuse(pe, msg);
        return;
    }
    chariot_reader_init(&reader, msg);
    int rc = read_all(hang, &reader);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (rc == CHARIOT_EMALFORMED) obj_refuse(pe, msg);
    hang->unanswered--;
    finish(pe);
}

/* ---------------------------------------------------------------- PE 0: deciding and printing */

static void head(struct chariot_pe *pe, struct obj_text *out, uint64_t waits) {
    const char *exit_name = pe->face.exit_name != NULL ? pe->face.exit_name : "chariot_exit()";
    if (waits == 0)
        obj_text_add(out, "chariot: nothing is left to do, and nobody has called %s\n", exit_name);
    else
        obj_text_add(out,
                     "chariot: the job hangs: nothing is left to do, and %llu %s for what nobody will send any more\n",
                     (unsigned long long)waits, waits == 1 ? "coroutine waits" : "coroutines wait");
}

/* NULL: out of memory. */
static char *whole_text(struct chariot_pe *pe) {
    struct obj_hang *hang = &pe->hang;
    struct obj_text out = {0};
    trim(hang);
    head(pe, &out, hang->waits);
    for (size_t i = 0; i < hang->num_reports; i++) obj_text_add(&out, "%s", hang->reports[i].text);
    if (hang->unshown > 0) obj_text_add(&out, "  ... and on %llu more PEs\n", (unsigned long long)hang->unshown);
    return obj_text_give(&out);
}

static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != 0; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

/* Each hang once: the same report as the last one is no news. */
static void say(struct chariot_pe *pe, const char *text) {
    uint64_t hash = hash_of(text);
    if (pe->hang.mode == CHARIOT_HANG_EXIT) {
        obj_end_abort(pe, STATUS_HANG, text);
    } else if (hash != pe->hang.said) {
        pe->hang.said = hash;
        if (pe->around.on_warning != NULL)
            pe->around.on_warning(pe->around.ctx, text);
        else
            fputs(text, stderr);
    }
}

static void look_later(struct chariot_pe *pe) {
    struct obj_hang *hang = &pe->hang;
    int64_t most = ALIVE_MAX_MS * 1000000ll;
    hang->alive_delay_ns = hang->alive_delay_ns == 0 ? ALIVE_MIN_MS * 1000000ll : 2 * hang->alive_delay_ns;
    if (hang->alive_delay_ns > most) hang->alive_delay_ns = most;
    obj_quiet_look_in(pe, hang->alive_delay_ns);
}

static void print(struct chariot_pe *pe) {
    bool alive = pe->hang.alive;
    char *text = alive ? NULL : whole_text(pe);
    forget(pe);
    if (alive)
        look_later(pe);
    else if (text == NULL)
        obj_out_of_memory(pe);
    else
        say(pe, text);
    free(text);
}

void obj_hang_found(struct chariot_pe *pe) {
    if (pe->hang.mode == CHARIOT_HANG_OFF) return;
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_REPORT_ASK, 0);
    if (msg == NULL) return;
    msg->flags = OBJ_FLAG_TREE;
    msg->root = pe->node.pe;
    msg->seq = ++pe->hang.found;
    obj_send_down_take(pe, msg);
}

void obj_hang_deinit(struct chariot_pe *pe) {
    forget(pe);
    free(pe->hang.reports);
}

void chariot_set_hang_report(struct chariot_pe *pe, enum chariot_hang_mode mode) {
    OBJ_API(pe);
    pe->hang.mode = mode;
}
