/* objects/hang.h: the hang report: what waits in a job in which nothing can happen any more.
 *
 *   PE 0 has rested for a while -> a wave (quiet.h) -> quiescent, nothing outside can wake it -> obj_hang_found()
 *   -REPORT_ASK down the tree-> each PE writes what waits there -REPORT up the tree-> PE 0 prints all, by PE
 *
 * A job that is not quiescent holds the wave, so nothing that lives is ever reported. What a face knows of (coroutines)
 * it adds itself (chariot_face.describe_blocked); messages without a receiver and unfinished reductions are added here
 * (hang_notes.c). */
#ifndef CHARIOT_OBJECTS_HANG_H
#define CHARIOT_OBJECTS_HANG_H

#include "objects/chariot.h"
#include "objects/text.h"

enum { OBJ_REPORT_LINES = 50, OBJ_REPORT_SUBJECTS = 8 };

/* Equal ones are one line: `where, in subjects: what`. */
struct obj_report_line {
    char *where, *what, *subjects; /* owned */
    char last[80];                 /* subject */
    uint32_t times;
    uint32_t num_subjects; /* each counted once where it comes again at once */
    bool waits;
};

struct chariot_report {
    struct obj_report_line lines[OBJ_REPORT_LINES];
    uint32_t num_lines;
    uint32_t more;  /* that had no line any more */
    uint32_t waits; /* coroutines, or callbacks, that wait */
    bool alive;
    bool failed; /* no memory for some of it */
};

/* The report of one PE that has something to report, as text. */
struct obj_report {
    uint32_t pe;
    uint32_t waits;
    char *text; /* owned; lines, each begun with the PE */
};

struct obj_hang {
    enum chariot_hang_mode mode;
    uint64_t gathers;    /* number of the report that is gathered; 0: none */
    uint32_t unanswered; /* tree children that have not sent theirs */
    uint64_t waits;      /* coroutines, or callbacks, that wait on this PE and below it */
    uint64_t unshown;    /* PEs of these whose text found no room */
    bool alive;
    struct obj_report *reports;
    size_t num_reports, cap_reports;
    /* PE 0 alone. */
    uint64_t found;         /* hangs so far */
    uint64_t said;          /* hash of the last report that was printed */
    int64_t alive_delay_ns; /* until a job that a face calls alive is looked at again */
};

/* PE 0: the job is quiescent and nothing can wake it. */
void obj_hang_found(struct chariot_pe *pe);
void obj_hang_deinit(struct chariot_pe *pe);

/* hang_text.c: a PE's report as lines of text. NULL: out of memory. */
char *obj_report_text(const struct chariot_report *report, uint32_t pe);
void obj_report_deinit(struct chariot_report *report);

/* hang_notes.c: what objects/ itself knows to wait on this PE. */
void obj_report_notes(struct chariot_pe *pe, struct chariot_report *report);
/* "[3]", "[3, 4]" */
void obj_index_text(uint8_t ndims, const uint64_t index[3], char *text, size_t size);

#endif
