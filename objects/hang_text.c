/* A PE's part of the hang report: lines are gathered, equal ones together, and become text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/hang.h"

enum { FIELD_MAX = 400 /* bytes of a field that are shown */ };

/* ---------------------------------------------------------------- lines */

static char *bounded(const char *text) {
    return strndup(text == NULL ? "" : text, FIELD_MAX);
}

static bool same(const char *kept, const char *text) {
    return strncmp(kept, text == NULL ? "" : text, FIELD_MAX) == 0;
}

/* One more of the same: the first few are named. */
static void add_subject(struct chariot_report *report, struct obj_report_line *line, const char *subject) {
    line->times++;
    if (subject == NULL || subject[0] == 0 || strncmp(subject, line->last, sizeof line->last - 1) == 0) return;
    snprintf(line->last, sizeof line->last, "%s", subject);
    if (++line->num_subjects > OBJ_REPORT_SUBJECTS) return;
    struct obj_text text = {0};
    obj_text_add(&text, "%s%s%s", line->subjects, line->subjects[0] == 0 ? "" : ", ", line->last);
    char *longer = obj_text_give(&text);
    if (longer == NULL) {
        report->failed = true;
        return;
    }
    free(line->subjects);
    line->subjects = longer;
}

static struct obj_report_line *line_of(struct chariot_report *report, const struct chariot_blocked *blocked) {
    for (uint32_t i = 0; i < report->num_lines; i++) {
        struct obj_report_line *line = &report->lines[i];
        if (line->waits == blocked->waits && same(line->where, blocked->where) && same(line->what, blocked->what)) {
            return line;
        }
    }
    if (report->num_lines == OBJ_REPORT_LINES) {
        report->more++;
        return NULL;
    }
    struct obj_report_line *line = &report->lines[report->num_lines];
    *line = (struct obj_report_line){.where = bounded(blocked->where),
                                     .what = bounded(blocked->what),
                                     .subjects = bounded(""),
                                     .waits = blocked->waits};
    if (line->where != NULL && line->what != NULL && line->subjects != NULL) {
        report->num_lines++;
        return line;
    }
    free(line->where);
    free(line->what);
    free(line->subjects);
    report->failed = true;
    return NULL;
}

void chariot_report_add(struct chariot_report *report, const struct chariot_blocked *blocked) {
    report->waits += blocked->waits;
    struct obj_report_line *line = line_of(report, blocked);
    if (line != NULL) add_subject(report, line, blocked->subject);
}

void chariot_report_alive(struct chariot_report *report) {
    report->alive = true;
}

static void write_line(struct obj_text *out, const struct obj_report_line *line, uint32_t pe) {
    obj_text_add(out, "  PE %u: %s", pe, line->where);
    if (line->subjects[0] != 0) obj_text_add(out, " of %s", line->subjects);
    if (line->num_subjects > OBJ_REPORT_SUBJECTS) {
        obj_text_add(out, " and %u more", line->num_subjects - OBJ_REPORT_SUBJECTS);
    }
    obj_text_add(out, line->where[0] != 0 ? ": %s" : "%s", line->what);
    if (line->times > 1 && line->times != line->num_subjects) obj_text_add(out, " (%u times)", line->times);
    obj_text_add(out, "\n");
}

char *obj_report_text(const struct chariot_report *report, uint32_t pe) {
    struct obj_text out = {0};
    for (int waits = 1; waits >= 0; waits--) {
        for (uint32_t i = 0; i < report->num_lines; i++) {
            if (report->lines[i].waits == (waits != 0)) write_line(&out, &report->lines[i], pe);
        }
    }
    if (report->more > 0) obj_text_add(&out, "  PE %u: ... and %u more\n", pe, report->more);
    if (report->failed) obj_text_add(&out, "  PE %u: ... and what there was no memory for\n", pe);
    return obj_text_give(&out);
}

void obj_report_deinit(struct chariot_report *report) {
    for (uint32_t i = 0; i < report->num_lines; i++) {
        free(report->lines[i].where);
        free(report->lines[i].what);
        free(report->lines[i].subjects);
    }
    report->num_lines = 0;
}
